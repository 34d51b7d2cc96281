//! One sign-in from beginning to end, by the flow that fits.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use keyless_cache::{Interaction, Secret};
use tokio::task::spawn_blocking;
use url::Url;

use super::asking::Asking;
use super::callback::{Waiting, WayBack};
use super::discovery::IdentityProvider;
use super::dpop::BindingKey;
use super::onward::Onward;
use super::port::Port;
use super::prompt::SignedIn;
use super::request::{AuthorizationRequest, ResponseType};
use super::response::Expected;
use super::sign_in::SignIn;
use super::verify::{self, Evidence, Nonces};
use super::{Settings, device, grant, keys, pushed, refresh, request};
use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;
use crate::text;

/// A way for a person to sign in.
///
/// ```
/// # use keyless_token::login::Flow;
/// assert_eq!("device".parse::<Flow>()?, Flow::Device);
/// # Ok::<(), keyless_token::TokenError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// In a browser on this machine, which comes back by itself (RFC 8252).
    #[default]
    Browser,
    /// With a code that is typed in on another device (RFC 8628), where the identity provider offers that.
    Device,
    /// In a browser on whichever machine; the person pastes the address at which it ends.
    Paste,
}

impl FromStr for Flow {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let known = [Self::Browser, Self::Device, Self::Paste];
        known
            .into_iter()
            .find(|known| known.to_string() == text)
            .ok_or_else(|| {
                TokenError::new(
                    TokenErrorKind::Misconfigured,
                    format!("there is no flow {text:?}"),
                )
                .with_advice("write browser, device or paste")
            })
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Browser => "browser",
            Self::Device => "device",
            Self::Paste => "paste",
        })
    }
}

/// Renews the sign-in without a person where that can be done, and else lets one sign in, where one may be asked.
pub(super) async fn sign_in(
    settings: Arc<Settings>,
    before: Option<SignIn>,
    interaction: Interaction,
) -> Result<SignIn, TokenError> {
    let prompt = settings
        .prompt
        .as_ref()
        .filter(|_| interaction >= Interaction::Allowed);
    if interaction < Interaction::Required {
        match refresh::renew(&settings, before.as_ref()).await {
            Ok(None) => {}
            Ok(Some(renewed)) => return Ok(renewed),
            Err(error) if prompt.is_none() || error.is_transient() => return Err(error),
            Err(error) => tracing::warn!("{error}; a person is asked instead"),
        }
    }
    let Some(prompt) = prompt else {
        let (mark, now) = (settings.ended.clone(), settings.clock.now());
        let ended = spawn_blocking(move || mark.read(now)).await.ok().flatten();
        let issuer = &settings.issuer;
        let message = match ended {
            None => format!("nobody is signed in at {issuer}"),
            Some(ended) => format!(
                "{issuer} has ended the sign-in ({}), as was seen on {}",
                ended.said(),
                text::time(ended.at())
            ),
        };
        return Err(TokenError::new(TokenErrorKind::LoginRequired, message)
            .with_advice("sign in with `keyless login`"));
    };
    let asking = Asking {
        issuer: &settings.issuer,
        prompt: &**prompt,
        timeout: settings.timeout,
        notices: settings.entry.notices.as_ref(),
    };
    settings.check_secret()?;
    let provider = settings.discover().await?;
    let binding = settings.binding_key(&provider)?;
    // Who cannot prove the client is not worth a person's time.
    let port = Arc::new(Port::open(&settings, provider, binding).await?);
    let token = match choose(&settings.flows, &port.provider)? {
        Chosen::Device(endpoint) => {
            let (token, refresh_token) = device::sign_in(&port, endpoint, &asking).await?;
            settle_in(&port, &token, refresh_token, &asking, before.as_ref()).await;
            token
        }
        Chosen::Redirect(flow) => redirect(&port, flow, &asking, before.as_ref()).await?,
    };
    SignIn::new(token, &settings)
}

/// A flow with what it needs of the identity provider.
enum Chosen<'a> {
    Device(&'a Url),
    Redirect(Flow),
}

/// The first of `flows` that the identity provider offers.
fn choose<'a>(flows: &[Flow], provider: &'a IdentityProvider) -> Result<Chosen<'a>, TokenError> {
    let offered = |flow: &Flow| match flow {
        Flow::Device => provider
            .device_authorization_endpoint
            .as_ref()
            .map(Chosen::Device),
        Flow::Browser | Flow::Paste => Some(Chosen::Redirect(*flow)),
    };
    flows.iter().find_map(offered).ok_or_else(|| {
        TokenError::new(
            TokenErrorKind::Misconfigured,
            format!("{} does not offer the device flow", provider.issuer),
        )
        .with_advice("use another way: `--flow paste`, or `--flow browser`")
    })
}

/// An authorization request in a browser, and its response.
async fn redirect(
    port: &Arc<Port>,
    flow: Flow,
    asking: &Asking<'_>,
    before: Option<&SignIn>,
) -> Result<IdToken, TokenError> {
    let (settings, provider) = (&*port.settings, &*port.provider);
    provider.check(settings.wanted.response, settings.wanted.mode)?;
    let waiting = Waiting::bind(settings.redirect_host, &settings.ports, CALLBACK).await?;
    let request =
        AuthorizationRequest::new(provider, settings, waiting.returns_to(), port.binding());
    let expected = Expected {
        state: request.state.clone(),
        issuer: provider.issuer.clone(),
        iss_required: provider.iss_in_response,
        wanted: settings.wanted,
    };
    let way_back = WayBack {
        path: CALLBACK,
        mode: settings.wanted.mode,
        judge: settings.way.advise_judge(expected.into_judge()),
        longest: LONGEST_RESPONSE,
    };
    let (shown, target) = match pushed::push(port, &request.url).await? {
        None => (
            Some(request.url.clone()),
            Onward::from(request.url.to_string()),
        ),
        Some(pushed) => {
            // Nobody can renew the address that a person has before their eyes, unless it is our own link. That one at the identity provider may
            // be taken only from some clients, which its metadata do not tell.
            let lasts = pushed.until >= settings.clock.now() + settings.timeout;
            let shown = if lasts || provider.requires_pushed_requests {
                Some(pushed.url.clone())
            } else if flow == Flow::Paste {
                Some(request.url.clone())
            } else {
                None
            };
            let (port, request) = (Arc::clone(port), request.url.clone());
            let address = move || Box::pin(pushed.renewed(port, request)) as _;
            (shown, Onward::Asked(Box::new(address)))
        }
    };
    let callback = waiting.serve(target, way_back)?;
    let shown = shown.map_or_else(|| callback.link.clone(), String::from);
    let complete = async |answer: Secret| {
        let completed = complete(port, request, answer).await;
        let (token, refresh_token) = completed.map_err(|error| settings.way.advise(error))?;
        settle_in(port, &token, refresh_token, asking, before).await;
        Ok(token)
    };
    asking
        .visit(callback, &shown, flow, complete, IdToken::who)
        .await
}

/// From what the browser brought to the verified token, and the refresh token that came with it.
async fn complete(
    port: &Port,
    request: AuthorizationRequest,
    answer: Secret,
) -> Result<(IdToken, Option<Secret>), TokenError> {
    let (settings, provider) = (&*port.settings, &*port.provider);
    let nonce = Nonces::OfRequest(&request.nonce);
    let Some(verifier) = request.verifier else {
        let token = verify::read_text(&answer)?;
        let evidence = Evidence {
            state: Some(&request.state),
            through_a_browser: true,
            ..Evidence::default()
        };
        settings.verify(provider, &token, &evidence, nonce).await?;
        return Ok((token, None));
    };
    let grant = grant::redeem(port, &request.redirect_uri, verifier, &answer).await?;
    let token = verify::read(&grant)?;
    let evidence = Evidence {
        access_token: Some(&grant.access_token),
        code: Some(&answer),
        state: Some(&request.state),
        through_a_browser: false,
    };
    settings.verify(provider, &token, &evidence, nonce).await?;
    Ok((token, grant.refresh_token))
}

impl Settings {
    /// Lets `token`, which came with `evidence`, pass every check. The keys are fetched last, so that a rotation while a person was signing in
    /// does no harm.
    pub(super) async fn verify(
        &self,
        provider: &IdentityProvider,
        token: &IdToken,
        evidence: &Evidence<'_>,
        nonce: Nonces<'_>,
    ) -> Result<(), TokenError> {
        let http = &*self.http;
        let mut keys = keys::fetch(http, provider, &self.clock).await?;
        if !keys::know(&keys, token.key_id()) {
            // It may have been published a moment after its first use. Once more, and not again: the name is the token's.
            keys = keys::fetch(http, provider, &self.clock).await?;
        }
        let expected = verify::Expected {
            provider,
            without_scheme: self.way.without_scheme,
            client_id: &self.client_id,
            nonce,
            max_age: request::max_age(&self.extra)?,
            leeway: self.leeway,
            now: self.clock.now(),
        };
        verify::verify(token, evidence, &expected, keys)
    }

    /// A new key for a refresh token, where one is asked for and the identity provider binds it (RFC 9449 §5: it does for a public client;
    /// that of another is bound to the client).
    fn binding_key(&self, provider: &IdentityProvider) -> Result<Option<BindingKey>, TokenError> {
        let offered = provider.dpop_algorithms.iter().any(|name| name == "ES256");
        let wanted = self.dpop
            && self.client.is_public()
            && self.wanted.response == ResponseType::Code
            && self.stays_signed_in;
        (offered && wanted).then(BindingKey::generate).transpose()
    }
}

/// Somebody has signed in: keeps the refresh token that came with it, or none, and says who.
async fn settle_in(
    port: &Port,
    token: &IdToken,
    refresh_token: Option<Secret>,
    asking: &Asking<'_>,
    before: Option<&SignIn>,
) {
    refresh::keep(port, refresh_token, token).await;
    port.settings.ended.clear().await;
    let another = before
        .map(SignIn::token)
        .filter(|before| before.subject() != token.subject());
    asking.prompt.signed_in(&SignedIn {
        issuer: &port.settings.issuer,
        who: token.who(),
        before: another.map(IdToken::who),
    });
}

/// What there is to do where a code was shown and nobody entered it.
pub(super) const A_CODE_NOT_ENTERED: &str =
    "run the command again for a new code, and enter it on the page that is shown with it";

/// Where the identity provider sends the browser back to.
pub(super) const CALLBACK: &str = "/callback";

/// An ID token, and what comes with it, is far shorter: AWS takes 20,000 characters.
const LONGEST_RESPONSE: usize = 64 * 1024;
