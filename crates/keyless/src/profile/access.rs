//! From a profile to what works: a source of proofs, a store, a provider.

use std::sync::Arc;
use std::time::Duration;

use keyless_cache::{Clock, FileStore, Key, SealedStore, Store, StoreError};
use keyless_sts::{Session, SessionName};
use keyless_token::login::{Flow, Prompt, asks_to_stay_signed_in};
use keyless_token::{
    BoxFuture, CommandSource, EnvSource, FileSource, IdToken, Interaction, Login, SamlLogin,
    SamlResponse, Source, TokenError, TokenErrorKind,
};

use super::any_login::{AnyLogin, Who};
use super::roles::{self, ROLES_CLAIM};
use super::{Identity, Profile, StoreKind};
use crate::environment::Environment;
use crate::error::{ConfigError, Error};
use crate::http::Http;
use crate::provider::Provider;
use crate::sessions;

/// How a profile is to be used.
#[derive(Clone, Debug, Default)]
pub struct Use {
    /// Who tells a person to sign in. Without, nobody is ever asked.
    pub prompt: Option<Arc<dyn Prompt>>,
    /// Whether no browser reaches this machine, so that a person signs in with a code on another device where the identity provider offers that, and
    /// else pastes the address at which a browser elsewhere ends. A profile that names its flow has that.
    pub browser_is_out_of_reach: bool,
    /// Whether nobody could paste anything: then, with no browser in reach, the code is the only way.
    pub nobody_pastes: bool,
    /// How long a person has to sign in; five minutes where there is nothing.
    pub timeout: Option<Duration>,
    /// See [`ProviderBuilder::patience`](crate::ProviderBuilder::patience).
    pub patience: Duration,
    /// What time it is.
    pub clock: Clock,
    /// Whose ways the identity provider has, where it is one on this machine that is shaped like another.
    #[doc(hidden)]
    pub way: Option<&'static str>,
}

/// A profile with everything that it names.
#[derive(Clone, Debug)]
pub struct Access {
    profile: Profile,
    proof: Proof,
    store: Option<Arc<dyn Store>>,
    /// Where a refresh token is kept, if one was asked for.
    vault: Option<SealedStore<FileStore>>,
    http: Http,
    environment: Environment,
    usage: Use,
}

#[derive(Clone, Debug)]
pub(super) enum Proof {
    Login(Login),
    Elsewhere(Arc<dyn Source<IdToken>>),
    SamlLogin(SamlLogin),
    SamlElsewhere(Arc<dyn Source<SamlResponse>>),
}

impl Proof {
    /// The source of ID tokens; `None` where the proof is a SAML response.
    fn source(&self) -> Option<&dyn Source<IdToken>> {
        match self {
            Self::Login(login) => Some(login),
            Self::Elsewhere(source) => Some(&**source),
            Self::SamlLogin(_) | Self::SamlElsewhere(_) => None,
        }
    }

    /// The source of SAML responses, where the proof is one.
    fn saml(&self) -> Option<Arc<dyn Source<SamlResponse>>> {
        match self {
            Self::SamlLogin(login) => Some(Arc::new(login.clone())),
            Self::SamlElsewhere(source) => Some(Arc::clone(source)),
            Self::Login(_) | Self::Elsewhere(_) => None,
        }
    }
}

impl Profile {
    /// Puts together what the profile names. Nothing is sent yet.
    ///
    /// # Errors
    /// Where the identity names no way to prove anything, or several, or one that cannot work.
    pub fn access(&self, environment: &Environment, usage: Use) -> Result<Access, Error> {
        let http = match &self.ca_bundle {
            Some(file) => Http::trusting(file),
            None => Http::from_environment(environment),
        };
        let store: Option<Arc<dyn Store>> = match self.store {
            StoreKind::Memory => None,
            StoreKind::File => Some(Arc::new(FileStore::new(
                environment.store_directory().ok_or_else(homeless)?,
            ))),
            StoreKind::Keyring => {
                environment.sealed_directory().ok_or_else(homeless)?;
                let sealed = environment.sealed_store();
                if sealed.is_none() {
                    tracing::warn!(
                        "nothing is kept: there is no key to seal it with; set KEYLESS_STORE_KEY_FILE to a file with a key, or use a keyless that was built with feature keyring"
                    );
                }
                sealed.map(|sealed| Arc::new(sealed) as _)
            }
        };
        let vault = if self.identity.stays_signed_in() && store.is_some() {
            environment.sealed_store()
        } else {
            None
        };
        let stores = (store.as_ref(), vault.as_ref());
        let proof = self.identity.proof(&http, stores, environment, &usage)?;
        Ok(Access {
            profile: self.clone(),
            proof,
            store,
            vault,
            http,
            environment: environment.clone(),
            usage,
        })
    }
}

impl Identity {
    fn stays_signed_in(&self) -> bool {
        let authorize = self.authorize.iter();
        let authorize = authorize.map(|(name, value)| (&**name, &**value));
        asks_to_stay_signed_in(&self.scopes, authorize)
    }

    fn proof(
        &self,
        http: &Http,
        (store, vault): (Option<&Arc<dyn Store>>, Option<&SealedStore<FileStore>>),
        environment: &Environment,
        usage: &Use,
    ) -> Result<Proof, Error> {
        let elsewhere: Option<Arc<dyn Source<IdToken>>> =
            match (&self.token_file, &self.token_env, &self.token_command) {
                (None, None, None) => None,
                (Some(file), None, None) => {
                    Some(Arc::new(FileSource::new(file).clock(usage.clock.clone())))
                }
                (None, Some(name), None) => {
                    let environment = environment.clone();
                    Some(Arc::new(
                        EnvSource::new(name)
                            .lookup(move |name| environment.os(name))
                            .clock(usage.clock.clone()),
                    ))
                }
                (None, None, Some(command)) => {
                    let (program, arguments) = command.split_first().ok_or_else(|| {
                        ConfigError::new("token_command is empty")
                            .with_advice("write it as a list: the program, then its arguments")
                    })?;
                    Some(Arc::new(
                        CommandSource::new(program, arguments).clock(usage.clock.clone()),
                    ))
                }
                _ => return Err(several().into()),
            };
        if let Some(saml) = self.saml_proof(store, environment, usage)? {
            return match (&self.issuer, &self.client_id, elsewhere) {
                (None, None, None) => Ok(saml),
                _ => Err(several().into()),
            };
        }
        match (&self.issuer, &self.client_id, elsewhere) {
            (None, None, Some(source)) => Ok(Proof::Elsewhere(source)),
            (Some(issuer), Some(client_id), None) => {
                let mut login =
                    Login::builder(issuer, client_id, http.clone()).clock(usage.clock.clone());
                if !self.scopes.is_empty() {
                    login = login.scopes(self.scopes.clone());
                }
                for (name, value) in &self.authorize {
                    login = login.authorize(name, value);
                }
                login = login.flows(match self.flow {
                    Some(flow) => vec![flow],
                    None if usage.browser_is_out_of_reach && usage.nobody_pastes => {
                        vec![Flow::Device]
                    }
                    None if usage.browser_is_out_of_reach => vec![Flow::Device, Flow::Paste],
                    None => vec![Flow::Browser],
                });
                if let Some(response_type) = self.response_type {
                    login = login.response_type(response_type);
                }
                if let Some(response_mode) = self.response_mode {
                    login = login.response_mode(response_mode);
                }
                if let Some(max_age) = self.max_age {
                    login = login.max_age(max_age);
                }
                if let Some(leeway) = self.leeway {
                    login = login.leeway(leeway);
                }
                if let Some(host) = self.redirect_host {
                    login = login.redirect_host(host);
                }
                if let Some(ports) = self.ports.clone() {
                    login = login.ports(ports);
                }
                if let Some(way) = usage.way {
                    login = login.way(way);
                }
                login = self.with_its_client(login, environment)?;
                if let Some(timeout) = usage.timeout {
                    login = login.timeout(timeout);
                }
                if let Some(prompt) = &usage.prompt {
                    login = login.prompt(Arc::clone(prompt));
                }
                if let Some(store) = store {
                    login = login.store(Arc::clone(store));
                }
                if let Some(vault) = vault {
                    login = login.refresh_tokens_in(vault.clone());
                }
                Ok(Proof::Login(login.build()?))
            }
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => Err(several().into()),
            (issuer, _, None) => {
                let missing = if issuer.is_none() {
                    "issuer"
                } else {
                    "client_id"
                };
                Err(ConfigError::new(format!("the identity lacks its {missing}"))
                    .with_advice("give issuer and client_id for a sign-in, or one of token_file, token_env and token_command")
                    .into())
            }
        }
    }
}

fn homeless() -> ConfigError {
    ConfigError::new("there is no home folder to keep sessions in")
        .with_advice("set HOME, or KEYLESS_STORE_DIR to a folder, or use store = \"memory\"")
}

fn several() -> ConfigError {
    ConfigError::new("the identity names several ways to prove who one is").with_advice(
        "keep one: issuer and client_id, or token_file, or token_env, or token_command, or one of the saml_ keys",
    )
}

impl Access {
    /// The profile it came from.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The sign-in, where the identity is one by OpenID Connect.
    pub fn login(&self) -> Option<&Login> {
        match &self.proof {
            Proof::Login(login) => Some(login),
            _ => None,
        }
    }

    /// The sign-in, where the identity is one, whichever language it speaks.
    pub fn any_login(&self) -> Option<AnyLogin<'_>> {
        match &self.proof {
            Proof::Login(login) => Some(AnyLogin::OpenId(login)),
            Proof::SamlLogin(login) => Some(AnyLogin::Saml(login)),
            Proof::Elsewhere(_) | Proof::SamlElsewhere(_) => None,
        }
    }

    /// The source of SAML responses, where the identity speaks SAML.
    pub fn saml(&self) -> Option<Arc<dyn Source<SamlResponse>>> {
        self.proof.saml()
    }

    /// Whether a refresh token outlives this process: one was asked for, and there is a key to seal it with. It may ask the keyring of the
    /// system, on the calling thread, for some seconds at the most.
    ///
    /// # Errors
    /// Why one that was asked for is not kept.
    pub fn stays_signed_in(&self) -> Result<bool, StoreError> {
        match (&self.vault, &self.store) {
            _ if !self.profile.identity.stays_signed_in() => Ok(false),
            (Some(vault), _) => vault.ready().map(|()| true),
            (None, Some(_)) => Err(StoreError::unavailable(
                "a key to seal it with",
                "neither KEYLESS_STORE_KEY_FILE nor a keyring",
                "make a key with `(umask 077; head -c 32 /dev/urandom | base64 > FILE)` and set KEYLESS_STORE_KEY_FILE to its path",
            )),
            (None, None) => Err(StoreError::unavailable(
                "a store that outlives the process",
                "store = \"memory\"",
                "leave out the scope offline_access, or keep sign-ins in a file",
            )),
        }
    }

    /// The same access to another role.
    #[must_use]
    pub fn with_role(mut self, role: String) -> Self {
        self.profile.role = Some(role);
        self
    }

    /// The roles (ARNs) that the identity says it may assume: those of a claim of the ID token ([`ROLES_CLAIM`], or the one that is configured), or
    /// of the SAML response. A person is asked to sign in first where `interaction` allows it.
    pub async fn roles(&self, interaction: Interaction) -> Result<Vec<String>, Error> {
        if let Some(source) = self.saml() {
            let response = source.proof(interaction).await?;
            return Ok(response
                .roles()
                .iter()
                .map(|pair| pair.role.clone())
                .collect());
        }
        let token: IdToken = self.proof(interaction).await?;
        let claim = self.profile.identity.roles_claim.as_deref();
        Ok(roles::of_token(&token, claim.unwrap_or(ROLES_CLAIM)))
    }

    /// A provider for the profile's role.
    ///
    /// # Errors
    /// Where the profile has no role, or AWS would refuse the request whatever the token.
    pub fn provider(&self) -> Result<Provider, Error> {
        let profile = &self.profile;
        let role = profile.role.as_deref().ok_or_else(|| {
            ConfigError::new("the profile names no role")
                .with_advice("give it a role: role = \"arn:aws:iam::ACCOUNT:role/NAME\", or --role; where the identity lists its roles, `keyless login` lets you pick one")
        })?;
        let builder = Provider::builder(role);
        let mut builder = match self.saml() {
            Some(source) => builder.saml(source),
            None => builder.source(self.clone()),
        }
        .http_client(self.http.clone())
        .environment(self.environment.clone())
        .clock(self.usage.clock.clone())
        .patience(self.usage.patience)
        .policy_arns(profile.policy_arns.clone());
        builder = match (&profile.session_name, &profile.session_name_claim) {
            (Some(name), None) => builder.session_name(SessionName::Fixed(name.clone())),
            (None, Some(claim)) => builder.session_name(SessionName::OfClaim(claim.clone())),
            (None, None) => builder,
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(
                    "the profile has both session_name and session_name_claim",
                )
                .with_advice("keep one of them")
                .into());
            }
        };
        for role in &profile.via {
            builder = builder.via(role);
        }
        if let Some(region) = &profile.region {
            builder = builder.region(region);
        }
        if let Some(url) = &profile.endpoint_url {
            builder = builder.endpoint_url(url);
        }
        if let Some(duration) = profile.duration {
            builder = builder.duration(duration);
        }
        if let Some(policy) = &profile.policy {
            builder = builder.policy(policy);
        }
        if let Some(id) = &profile.external_id {
            builder = builder.external_id(id);
        }
        if let Some(store) = &self.store {
            builder = builder.store(Arc::clone(store));
        }
        if self.usage.prompt.is_some() {
            builder = builder.interactive();
        }
        builder.build()
    }

    /// The stored sessions that came from this profile's sign-in, whatever their role, expired or not.
    pub fn sessions(&self) -> Vec<Session> {
        let (Some(store), Some(login)) = (&self.store, self.any_login()) else {
            return Vec::new();
        };
        sessions::of_sign_in(&**store, login.key())
            .into_iter()
            .map(|(_, session)| session)
            .collect()
    }

    /// Lets a person sign in now, whatever is kept, and ends the sessions of whoever was signed in before.
    ///
    /// # Errors
    /// Where the identity is no sign-in, or the sign-in fails.
    pub async fn sign_in(&self) -> Result<Who, Error> {
        match &self.proof {
            Proof::Login(login) => self.signed_in(login.key(), login.sign_in().await?).await,
            Proof::SamlLogin(login) => self.signed_in(login.key(), login.sign_in().await?).await,
            Proof::Elsewhere(_) | Proof::SamlElsewhere(_) => Err(ConfigError::new(
                "this identity has no sign-in: its token comes from elsewhere",
            )
            .into()),
        }
    }

    async fn signed_in(&self, key: Key, proof: impl keyless_token::Proof) -> Result<Who, Error> {
        let who = Who::of(&proof);
        if let Some(store) = &self.store {
            sessions::drop_others(store, key, proof).await;
        }
        Ok(who)
    }

    /// Forgets the sign-in and every session that came from it, and lets the identity provider revoke the refresh token, if there is one and
    /// it offers to; whether it has. AWS goes on accepting the sessions until they expire.
    ///
    /// # Errors
    /// Where the refresh token could not be revoked. All is forgotten here all the same.
    pub async fn sign_out(&self) -> Result<bool, TokenError> {
        let Some(login) = self.any_login() else {
            return Ok(false);
        };
        let is_revoked = login.sign_out().await; // first: a session without its sign-in is handed to nobody
        if let Some(store) = &self.store {
            for (key, _) in sessions::of_sign_in(&**store, login.key()) {
                if let Err(error) = store.remove(&key) {
                    tracing::warn!(%error, "a session could not be removed from the store");
                }
            }
        }
        is_revoked
    }
}

/// An access is the source of its own proofs, whichever kind they are.
impl Source<IdToken> for Access {
    fn proof(&self, interaction: Interaction) -> BoxFuture<'_, Result<IdToken, TokenError>> {
        match self.proof.source() {
            Some(source) => source.proof(interaction),
            None => Box::pin(std::future::ready(Err(TokenError::new(
                TokenErrorKind::Misconfigured,
                "this identity speaks SAML, and has no identity token",
            )
            .with_advice("ask for a session instead")))),
        }
    }

    fn held(&self) -> Option<IdToken> {
        self.proof.source()?.held()
    }

    fn latest(&self) -> Option<IdToken> {
        self.proof.source()?.latest()
    }

    fn sign_in(&self) -> Option<Key> {
        self.proof.source()?.sign_in()
    }

    fn forget(&self) -> BoxFuture<'_, ()> {
        match self.proof.source() {
            Some(source) => source.forget(),
            None => Box::pin(std::future::ready(())),
        }
    }
}
