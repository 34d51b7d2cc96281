//! The settings of a sign-in, put together and checked.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use keyless_cache::{Clock, Key, MemoryStore, Store};
use url::Url;

use super::client::{Client, ClientAuthentication};
use super::dpop::Nonce;
use super::ended::Mark;
use super::prompt::Prompt;
use super::redirect::{self, RedirectHost};
use super::request::{self, ResponseMode, ResponseType, Wanted};
use super::secret_place::SecretPlace;
use super::sign_in::SignIn;
use super::vault::Vault;
use super::ways::{STANDARD, Way};
use super::{Flow, Login, Plan, Settings, SharedEntry, flow};
use crate::endpoint;
use crate::error::{TokenError, TokenErrorKind};
use crate::http::HttpClient;
use crate::id_token::CLOCK_TOLERANCE;

/// The settings of a [`Login`].
#[must_use]
pub struct LoginBuilder {
    plan: Plan,
    response_type: ResponseType,
    response_mode: Option<ResponseMode>,
    redirect_host: Option<RedirectHost>,
    way: Option<&'static Way>,
    store: Option<Arc<dyn Store>>,
    vault: Option<Arc<dyn Store>>,
}

impl LoginBuilder {
    pub(super) fn new(issuer: String, client_id: String, http: Arc<dyn HttpClient>) -> Self {
        let response = ResponseType::default();
        Self {
            plan: Plan {
                issuer,
                client_id,
                scopes: vec!["openid".into(), "email".into()],
                extra: Vec::new(),
                flows: vec![Flow::default()],
                wanted: Wanted {
                    response,
                    mode: response.usual_mode(),
                },
                way: &STANDARD,
                stays_signed_in: false,
                redirect_host: RedirectHost::default(),
                ports: 0..=0,
                timeout: Duration::from_mins(5),
                leeway: Duration::from_mins(1),
                sign_out_page: None,
                http,
                prompt: None,
                clock: Clock::system(),
                client: Client::default(),
                dpop: true,
            },
            response_type: response,
            response_mode: None,
            redirect_host: None,
            way: None,
            store: None,
            vault: None,
        }
    }

    /// The scopes to ask for; `openid` is always among them. Default: `openid email`.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.plan.scopes = scopes.into_iter().map(Into::into).collect();
        if !self.plan.scopes.iter().any(|scope| scope == "openid") {
            self.plan.scopes.insert(0, "openid".into());
        }
        self
    }

    /// One more parameter of the authorization request, such as `connection=github` at Auth0, or what OpenID Connect
    /// itself defines (Core §3.1.2.1): `prompt=login` (ask again, whoever is signed in), `prompt=select_account`,
    /// `login_hint=alice@example.com`, `acr_values=…`.
    pub fn authorize(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.plan.extra.push((name.into(), value.into()));
        self
    }

    /// How long ago the person may have proved who they are to the identity provider, in whole seconds; it asks them again
    /// if it was longer (`max_age`, Core §3.1.2.1). A token that does not confirm it (`auth_time`) is refused, and one that is kept is used no
    /// longer than that, give or take the [leeway](Self::leeway). Sessions that were had with it go on to their end.
    pub fn max_age(self, max_age: Duration) -> Self {
        self.authorize("max_age", max_age.as_secs().to_string())
    }

    /// What the redirect address calls this machine, for an identity provider that allows one name alone. Default: `localhost` at Entra and
    /// Cognito, `127.0.0.1` everywhere else.
    pub fn redirect_host(mut self, host: RedirectHost) -> Self {
        self.redirect_host = Some(host);
        self
    }

    /// Listens on this port, for an identity provider that allows no other. Default, and 0: any free one, which nobody can
    /// wait at beforehand; 8765 at Auth0, Okta and Cognito, where each has to be registered.
    pub fn port(self, port: u16) -> Self {
        self.ports(port..=port)
    }

    /// Listens on the first of these ports that is free.
    pub fn ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.plan.ports = ports;
        self
    }

    /// How long a person has to sign in. Default: five minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.plan.timeout = timeout;
        self
    }

    /// How far this machine's clock and the issuer's may be apart when the token's times are judged; at most five minutes,
    /// as at AWS. Default: one minute.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.plan.leeway = leeway;
        self
    }

    /// The identity provider's own page to sign out at, where it has one and offers no `end_session_endpoint`.
    pub fn sign_out_page(mut self, page: Url) -> Self {
        self.plan.sign_out_page = Some(page);
        self
    }

    /// Who tells the person. Without a prompt nobody is ever asked.
    pub fn prompt(mut self, prompt: impl Prompt) -> Self {
        self.plan.prompt = Some(Arc::new(prompt));
        self
    }

    /// Keeps sign-ins in `store`. Default: in memory.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Keeps refresh tokens in `store`, under locks of its own. Default: in memory. One is asked for by the scope `offline_access`, whatever
    /// the identity provider calls that, and not kept otherwise.
    ///
    /// It lasts for weeks: give it a store that seals what it keeps.
    pub fn refresh_tokens_in(mut self, store: impl Store) -> Self {
        self.vault = Some(Arc::new(store));
        self
    }

    /// The client's secret, where it is not a public one: [`Secret`](keyless_cache::Secret) or a [place](SecretPlace) where it rests until it is
    /// needed. A program that others have, too, keeps no secret (RFC 8252 §8.5); some identity providers want one all the same.
    pub fn client_secret(mut self, secret: impl Into<SecretPlace>) -> Self {
        self.plan.client.secret = Some(secret.into());
        self
    }

    /// The key that the client proves itself with (`private_key_jwt`): P-256 or RSA, as PKCS#8 in PEM, with its certificate where the identity provider knows it by that (Entra), or as JSON Web Key.
    pub fn private_key(mut self, key: impl Into<SecretPlace>) -> Self {
        self.plan.client.private_key = Some(key.into());
        self
    }

    /// How the client proves itself. Default: as the identity provider offers and the client can.
    pub fn client_authentication(mut self, way: ClientAuthentication) -> Self {
        self.plan.client.authentication = Some(way);
        self
    }

    /// Whether the refresh token of a public client is bound to a key of its own where the identity provider offers that (DPoP, RFC 9449).
    /// Default: it is. The key is kept beside the refresh token and nowhere else.
    pub fn dpop(mut self, binds: bool) -> Self {
        self.plan.dpop = binds;
        self
    }

    /// Judges times by `clock` instead of the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.plan.clock = clock;
        self
    }

    /// The ways to sign in, the best first: the first that the identity provider offers is used. Default: [`Flow::Browser`] alone.
    ///
    /// Where no browser reaches this machine, `[Flow::Device, Flow::Paste]`.
    pub fn flows(mut self, flows: impl IntoIterator<Item = Flow>) -> Self {
        self.plan.flows = flows.into_iter().collect();
        self
    }

    /// What is asked for. Default: [`ResponseType::Code`], and nothing else where the identity provider allows it.
    pub fn response_type(mut self, response_type: ResponseType) -> Self {
        self.response_type = response_type;
        self
    }

    /// How it is sent back. Default: [`ResponseMode::Query`] for a code, [`ResponseMode::Fragment`] for an ID token.
    pub fn response_mode(mut self, response_mode: ResponseMode) -> Self {
        self.response_mode = Some(response_mode);
        self
    }

    /// Takes the ways of the identity provider that is called this, whatever the issuer: for one on this machine that is shaped like it.
    #[doc(hidden)]
    pub fn way(mut self, name: &str) -> Self {
        self.way = Some(Way::called(name));
        self
    }

    /// The finished [`Login`].
    ///
    /// # Errors
    /// [`TokenErrorKind::Misconfigured`] for an issuer that is not https (or on loopback) or signs nobody in, an empty client id, ports that
    /// are none, or a parameter that would undo a check or is there twice.
    pub fn build(mut self) -> Result<Login, TokenError> {
        let plan = &mut self.plan;
        let issuer = endpoint::secure("the issuer", &plan.issuer)?;
        plan.way = match self.way {
            Some(way) => way,
            None => Way::of(&issuer)?,
        };
        let misconfigured = |message: &str| TokenError::new(TokenErrorKind::Misconfigured, message);
        if plan.client_id.is_empty() {
            return Err(misconfigured("the client id is empty")
                .with_advice("give the client id of the application at the identity provider"));
        }
        if plan.flows.is_empty() {
            return Err(misconfigured("there is no flow to sign in by")
                .with_advice("give browser, device or paste"));
        }
        if plan.leeway > CLOCK_TOLERANCE {
            let seconds = plan.leeway.as_secs();
            return Err(misconfigured(&format!(
                "a leeway of {seconds} seconds is more than AWS allows"
            ))
            .with_advice("give at most 300 seconds"));
        }
        plan.client.check()?;
        redirect::check_ports(&plan.ports)?;
        request::check_extra(&plan.extra)?;
        request::max_age(&plan.extra)?;
        plan.wanted = Wanted::new(self.response_type, self.response_mode)?;
        if plan.wanted.response == ResponseType::IdToken {
            // There is no response in the device flow, and so nothing of the kind that was asked for.
            plan.flows.retain(|flow| *flow != Flow::Device);
            if plan.flows.is_empty() {
                return Err(misconfigured(
                    "a code for another device brings no response_type=id_token",
                )
                .with_advice(
                    "leave response_type out, or sign in by `--flow paste` or `--flow browser`",
                ));
            }
        }
        let settings = Arc::new(self.settings());
        let asked = Arc::clone(&settings);
        let cache = settings
            .entry
            .cache(move |before: Option<SignIn>, interaction| {
                let asked = Arc::clone(&asked);
                async move {
                    let way = asked.way;
                    let outcome = flow::sign_in(asked, before, interaction).await;
                    outcome.map_err(|error| way.advise(error))
                }
            });
        Ok(Login { settings, cache })
    }

    fn settings(self) -> Settings {
        let mut plan = self.plan;
        let extra = plan.extra.iter();
        let key = Key::of("sign-in")
            .part("issuer", &plan.issuer)
            .part("client", &plan.client_id)
            .parts("scopes", &plan.scopes)
            .parts("authorize", extra.flat_map(|(name, value)| [name, value]))
            .finish();
        plan.fill_in(self.redirect_host); // after the key, which is of what is configured
        let vault = self.vault.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let ended = Mark::new(self.store.clone(), key);
        Settings {
            entry: SharedEntry::new(key, self.store, plan.clock.clone()),
            plan,
            vault: Vault::new(vault, key),
            ended,
            spending: tokio::sync::Mutex::default(),
            nonce: Nonce::default(),
        }
    }
}

impl fmt::Debug for LoginBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginBuilder")
            .field("issuer", &self.plan.issuer)
            .finish_non_exhaustive()
    }
}
