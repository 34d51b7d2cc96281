//! A person who signs in with a browser at an identity provider that speaks SAML, and is sent to us instead of to AWS.

use std::fmt;
use std::ops::{Deref, RangeInclusive};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyless_cache::{Cache, Clock, Interaction, Key, Secret, Store, Word};
use url::Url;

use super::request::AuthnRequest;
use super::{Expected, SamlResponse, invalid, names};
use crate::endpoint;
use crate::error::{TokenError, TokenErrorKind};
use crate::login::{
    Asking, Flow, Judge, Parameters, Prompt, RedirectHost, ResponseMode, SharedEntry, SignedIn,
    Verdict, Waiting, WayBack, check_ports,
};
use crate::source::{BoxFuture, Source};

/// Where the identity provider's page posts its response to.
const CONSUMER: &str = "/saml";

/// What AWS takes, with room for how a form writes it.
const LONGEST_FORM: usize = 150 * 1024;

/// No response is shorter, and no name of a field is longer.
const SHORTEST: usize = 100;

/// A person who signs in with a browser, by SAML.
///
/// The browser is sent to the identity provider with a request (HTTP-Redirect binding), and its page posts the response to a listener on this machine
/// (HTTP-POST binding). The response has to answer that request (`InResponseTo`), or to come with what was sent along with it (`RelayState`): anything else is somebody
/// else's, and is ignored.
///
/// It is for an identity provider that posts to this machine while the `Recipient` in its assertions is AWS's own address, as AWS demands. Not every one can.
///
/// Clones share what is kept. One sign-in serves everybody who waits for it. A response is good for five minutes, and nothing renews it.
#[derive(Clone)]
pub struct SamlLogin {
    settings: Arc<Settings>,
    cache: Cache<SamlResponse, TokenError>,
}

/// What one sign-in needs to know.
struct Plan {
    entity_id: String,
    issuer: Option<String>,
    idp_initiated: bool,
    expected: Expected,
    flow: Flow,
    redirect_host: RedirectHost,
    ports: RangeInclusive<u16>,
    timeout: Duration,
    prompt: Option<Arc<dyn Prompt>>,
    clock: Clock,
}

/// A plan, where it leads, and where what comes of it is kept.
struct Settings {
    plan: Plan,
    sso_url: Url,
    entry: SharedEntry,
}

impl Deref for Settings {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

impl SamlLogin {
    /// A sign-in at the identity provider whose `SingleSignOnService` (HTTP-Redirect) is at `sso_url`.
    pub fn builder(sso_url: impl Into<String>) -> SamlLoginBuilder {
        SamlLoginBuilder {
            sso_url: sso_url.into(),
            plan: Plan {
                entity_id: "urn:amazon:webservices".into(),
                issuer: None,
                idp_initiated: false,
                expected: Expected::default(),
                flow: Flow::default(),
                redirect_host: RedirectHost::default(),
                ports: 0..=0,
                timeout: Duration::from_mins(5),
                prompt: None,
                clock: Clock::system(),
            },
            store: None,
        }
    }

    /// Lets a person sign in now, whatever is kept.
    pub async fn sign_in(&self) -> Result<SamlResponse, TokenError> {
        self.cache.renew(Interaction::Required).await
    }

    /// What other processes that share the store say of the sign-in now; see [`Login::word`](crate::Login::word).
    pub fn word(&self) -> Word<TokenError> {
        self.settings.entry.word()
    }

    /// Since when a person is being asked, by whichever process that shares the store. It reads the store on the calling thread.
    pub fn asking_since(&self) -> Option<SystemTime> {
        self.settings.entry.asking_since()
    }

    /// Ends the sign-in that another process has open, so that a person can be asked anew; whether there was one. It takes that process a moment.
    /// It writes to the store on the calling thread.
    pub fn call_off(&self) -> bool {
        self.settings.entry.call_off()
    }

    /// Forgets that a person has said no, because somebody wants to try again. It writes to the store on the calling thread.
    pub fn forget_refusal(&self) {
        self.settings.entry.forget_refusal();
    }

    /// Calls off a sign-in that is open, and drops the response that is kept. The identity provider is not told.
    pub async fn sign_out(&self) {
        self.settings.entry.call_off_to_forget().await;
        self.cache.forget().await;
    }

    /// What is kept, expired or not.
    pub fn stored(&self) -> Option<SamlResponse> {
        self.cache.stored()
    }

    /// Where the person signs in, without the query.
    pub fn place(&self) -> String {
        self.settings.place()
    }

    /// What sign-ins with these settings are kept under.
    pub fn key(&self) -> Key {
        self.settings.entry.key
    }
}

impl Source<SamlResponse> for SamlLogin {
    fn proof(&self, interaction: Interaction) -> BoxFuture<'_, Result<SamlResponse, TokenError>> {
        Box::pin(self.cache.get(interaction))
    }

    fn held(&self) -> Option<SamlResponse> {
        self.cache.peek()
    }

    fn latest(&self) -> Option<SamlResponse> {
        self.settings.entry.latest(&self.cache)
    }

    fn sign_in(&self) -> Option<Key> {
        Some(self.key())
    }

    fn forget(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.cache.forget())
    }
}

impl fmt::Debug for SamlLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlLogin")
            .field("place", &self.place())
            .field("entity_id", &self.settings.entity_id)
            .finish_non_exhaustive()
    }
}

impl Settings {
    fn place(&self) -> String {
        let mut place = self.sso_url.clone();
        place.set_query(None);
        place.set_fragment(None);
        place.into()
    }

    /// Lets a person sign in, where one may be asked.
    async fn ask(
        &self,
        before: Option<SamlResponse>,
        interaction: Interaction,
    ) -> Result<SamlResponse, TokenError> {
        let place = self.place();
        let prompt = self
            .prompt
            .as_ref()
            .filter(|_| interaction >= Interaction::Allowed);
        let Some(prompt) = prompt else {
            return Err(TokenError::new(
                TokenErrorKind::LoginRequired,
                format!("nobody is signed in at {place}"),
            )
            .with_advice("sign in with `keyless login`"));
        };
        let asking = Asking {
            issuer: &place,
            prompt: &**prompt,
            timeout: self.timeout,
            notices: self.entry.notices.as_ref(),
        };
        let waiting = Waiting::bind(self.redirect_host, &self.ports, CONSUMER).await?;
        let request = AuthnRequest::new(
            &self.entity_id,
            &self.sso_url,
            &waiting.returns_to(),
            self.clock.now(),
        )?;
        let url = if self.idp_initiated {
            request.url_without_request(&self.sso_url)
        } else {
            request.url(&self.sso_url)
        };
        let way_back = WayBack {
            path: CONSUMER,
            mode: ResponseMode::FormPost,
            judge: self.judge(&request),
            longest: LONGEST_FORM,
        };
        let callback = waiting.serve(url.to_string(), way_back)?;
        let complete = async |answer: Secret| {
            let response = self.accept(&request, &answer)?;
            let another = before.filter(|before| before.name_id() != response.name_id());
            prompt.signed_in(&SignedIn {
                issuer: &place,
                who: response.who(),
                before: another.map(|before| before.who()),
            });
            Ok(response)
        };
        asking
            .visit(
                callback,
                url.as_str(),
                self.flow,
                complete,
                SamlResponse::who,
            )
            .await
    }

    /// Tells the response to `request` from everything else that another page, or another program, may post here.
    fn judge(&self, request: &AuthnRequest) -> Judge {
        let (id, relay_state) = (request.id.clone(), request.relay_state.clone());
        let idp_initiated = self.idp_initiated;
        Box::new(move |parameters, mode| {
            let raw = parameters
                .get("SAMLResponse")
                .cloned()
                .or_else(|| bare(parameters));
            let Some(raw) = raw
                .filter(|_| mode == ResponseMode::FormPost)
                .map(Secret::new)
            else {
                return Verdict::NotOurs;
            };
            let came_along = parameters.get("RelayState").cloned().unwrap_or_default();
            if Secret::new(came_along) == relay_state {
                return Verdict::Ours(Ok(raw));
            }
            // Whoever does not know the request makes us read no XML, and tells the person nothing.
            let answers = names(raw.expose(), &id);
            if !answers && !idp_initiated {
                return Verdict::NotOurs;
            }
            match SamlResponse::parse(raw.expose()) {
                Ok(response) if response.in_response_to() == Some(&*id) => Verdict::Ours(Ok(raw)),
                Ok(response) if response.in_response_to().is_none() && idp_initiated => {
                    Verdict::Ours(Ok(raw))
                }
                Err(error) if answers => {
                    tracing::warn!(%error, "something came to the sign-in that is not its response");
                    Verdict::NotOurs
                }
                Ok(_) | Err(_) => Verdict::NotOurs,
            }
        })
    }

    /// The response, if it is good: for AWS, for now, and an answer to `request` where it is an answer.
    fn accept(&self, request: &AuthnRequest, raw: &Secret) -> Result<SamlResponse, TokenError> {
        let response = SamlResponse::parse(raw.expose())?;
        if let Some(issuer) = &self.issuer
            && response.issuer() != issuer
        {
            return Err(invalid(format!(
                "the SAML response is from another issuer: expected {issuer:?}, found {:?}",
                response.issuer()
            ))
            .with_advice("correct the configured issuer, the entity ID of the identity provider, or sign in at the right one"));
        }
        let expected = Expected {
            in_response_to: response.in_response_to().map(|_| request.id.clone()),
            ..self.expected.clone()
        };
        response.check(&expected, self.clock.now())?;
        Ok(response)
    }
}

/// A response that was pasted alone, without the name of its field: read as a form, `+` has become a space, and `=` the end of a name.
fn bare(parameters: &Parameters) -> Option<String> {
    let mut names = parameters.keys();
    let (name, None) = (names.next()?, names.next()) else {
        return None;
    };
    if name.len() < SHORTEST {
        return None;
    }
    let mut raw = name.replace(' ', "+");
    while !raw.len().is_multiple_of(4) {
        raw.push('=');
    }
    Some(raw)
}

/// The settings of a [`SamlLogin`].
#[must_use]
pub struct SamlLoginBuilder {
    sso_url: String,
    plan: Plan,
    store: Option<Arc<dyn Store>>,
}

impl SamlLoginBuilder {
    /// What we are called as a service provider, the `Issuer` of the request. Default: `urn:amazon:webservices`.
    pub fn entity_id(mut self, entity_id: impl Into<String>) -> Self {
        self.plan.entity_id = entity_id.into();
        self
    }

    /// The only issuer whose responses pass: the entity ID of the identity provider. Default: any, since AWS checks that as well.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.plan.issuer = Some(issuer.into());
        self
    }

    /// Lets the identity provider begin: no request is sent, and a response passes that answers none. Default: no.
    ///
    /// Whoever can make a person's browser post to this machine could then sign them in as somebody else. It is for an identity provider that can
    /// do nothing else.
    pub fn idp_initiated(mut self, idp_initiated: bool) -> Self {
        self.plan.idp_initiated = idp_initiated;
        self
    }

    /// For whom responses are to be, where it is not AWS that takes them.
    pub fn expected(mut self, expected: Expected) -> Self {
        self.plan.expected = expected;
        self
    }

    /// The way to sign in: [`Flow::Browser`], or [`Flow::Paste`] where the browser is elsewhere. Default: the first.
    pub fn flow(mut self, flow: Flow) -> Self {
        self.plan.flow = flow;
        self
    }

    /// What the consumer's address calls this machine. Default: `127.0.0.1`.
    pub fn redirect_host(mut self, host: RedirectHost) -> Self {
        self.plan.redirect_host = host;
        self
    }

    /// Listens on the first of these ports that is free. Default, and 0: any; but most identity providers post to a configured address alone.
    pub fn ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.plan.ports = ports;
        self
    }

    /// How long a person has to sign in. Default: five minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.plan.timeout = timeout;
        self
    }

    /// Who tells the person. Without a prompt nobody is ever asked.
    pub fn prompt(mut self, prompt: impl Prompt) -> Self {
        self.plan.prompt = Some(Arc::new(prompt));
        self
    }

    /// Keeps responses in `store`, for the minutes that they are good. Default: in memory.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Judges times by `clock` instead of the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.plan.clock = clock;
        self
    }

    /// The finished [`SamlLogin`].
    ///
    /// # Errors
    /// [`TokenErrorKind::Misconfigured`] for an address that is not https (or on loopback), an empty entity ID, ports that are none, or
    /// the device flow, which SAML lacks.
    pub fn build(self) -> Result<SamlLogin, TokenError> {
        let sso_url = endpoint::secure("the single sign-on address", &self.sso_url)?;
        let misconfigured = |message: &str| TokenError::new(TokenErrorKind::Misconfigured, message);
        let plan = self.plan;
        if plan.entity_id.is_empty() {
            return Err(misconfigured("the entity ID of the application is empty")
                .with_advice("write urn:amazon:webservices, or what the identity provider calls the application"));
        }
        if plan.flow == Flow::Device {
            return Err(
                misconfigured("SAML has no flow with a code for another device")
                    .with_advice("write browser or paste"),
            );
        }
        check_ports(&plan.ports)?;
        let key = Key::of("saml sign-in")
            .part("place", sso_url.as_str())
            .part("entity id", &plan.entity_id)
            .part("issuer", plan.issuer.as_deref().unwrap_or_default())
            .part("idp initiated", plan.idp_initiated.to_string())
            .parts("recipients", &plan.expected.recipients)
            .parts("audiences", &plan.expected.audiences)
            .finish();
        let settings = Arc::new(Settings {
            entry: SharedEntry::new(key, self.store, plan.clock.clone()),
            plan,
            sso_url,
        });
        let asked = Arc::clone(&settings);
        let cache = settings.entry.cache(move |before, interaction| {
            let settings = Arc::clone(&asked);
            async move { settings.ask(before, interaction).await }
        });
        Ok(SamlLogin { settings, cache })
    }
}

impl fmt::Debug for SamlLoginBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlLoginBuilder")
            .field("sso_url", &self.sso_url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
