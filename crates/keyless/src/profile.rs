//! Profiles from the configuration file: who proves, and what to become.
//!
//! ```toml
//! [identity.corp]
//! issuer    = "https://corp.eu.auth0.com/"
//! client_id = "…"
//!
//! [profile.dev]
//! identity = "corp"
//! role     = "arn:aws:iam::111122223333:role/Developer"
//! region   = "eu-west-1"
//! ```

mod access;
mod any_login;
mod client;
mod file;
mod roles;
mod safely;
mod saml;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keyless_token::login::{ClientAuthentication, Flow, RedirectHost, ResponseMode, ResponseType};

use crate::environment::Environment;
use crate::error::ConfigError;

pub use access::{Access, Use};
pub use any_login::{AnyLogin, Who};
pub use client::SecretAt;
pub use file::parse_ports;
pub use roles::ROLES_CLAIM;
pub use saml::{SamlCommand, SamlIdentity};

/// A configuration file, read.
#[derive(Clone, Debug)]
pub struct Config {
    path: PathBuf,
    identities: BTreeMap<String, Identity>,
    profiles: BTreeMap<String, Profile>,
}

/// What to become, and who proves that one may.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// What it is called in the file; `None` where it is made of flags alone.
    pub name: Option<String>,
    /// Who proves.
    pub identity: Identity,
    /// The role that the identity assumes.
    pub role: Option<String>,
    /// The region whose STS is asked, and that tools are told.
    pub region: Option<String>,
    /// How long the session lasts.
    pub duration: Option<Duration>,
    /// Further roles, in order.
    pub via: Vec<String>,
    /// A session policy as JSON.
    pub policy: Option<String>,
    /// Managed policies as session policies.
    pub policy_arns: Vec<String>,
    /// What the session is called, for a service that is nobody in particular.
    pub session_name: Option<String>,
    /// The claim that names the session, instead of the address or the subject.
    pub session_name_claim: Option<String>,
    /// The external id that the roles of `via` ask for.
    pub external_id: Option<String>,
    /// Something else that speaks STS's protocol.
    pub endpoint_url: Option<String>,
    /// A PEM file of certificates that are trusted beside those of the system; else that of `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<PathBuf>,
    /// Where sign-ins and sessions are kept.
    pub store: StoreKind,
}

/// Who proves: a sign-in at an issuer, or a token from elsewhere. `Debug` shows no command and no parameter: they may hold
/// secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The OpenID provider, to the letter.
    pub issuer: Option<String>,
    /// The application's id there.
    pub client_id: Option<String>,
    /// The scopes to ask for; empty for `openid email`.
    pub scopes: Vec<String>,
    /// Extra parameters of the authorization request, such as `prompt`, `login_hint` and `acr_values`.
    pub authorize: BTreeMap<String, String>,
    /// The way to sign in; the one that fits the machine where there is none.
    pub flow: Option<Flow>,
    /// What is asked for; a code where there is none.
    pub response_type: Option<ResponseType>,
    /// How it is sent back; as is usual for it where there is none.
    pub response_mode: Option<ResponseMode>,
    /// The claim that lists the roles that one may assume; `https://aws.amazon.com/roles` where there is none.
    pub roles_claim: Option<String>,
    /// How long ago the person may have proved who they are there; it asks again if it was longer.
    pub max_age: Option<Duration>,
    /// How far the issuer's clock and this machine's may be apart: at most five minutes; one where there is none.
    pub leeway: Option<Duration>,
    /// What the redirect address calls this machine; `127.0.0.1` where there is none.
    pub redirect_host: Option<RedirectHost>,
    /// The ports that the identity provider allows, of which the first free one is used; any where there is none.
    pub ports: Option<RangeInclusive<u16>>,
    /// The command that opens a browser.
    pub browser: Option<Vec<String>>,
    /// Where the client's secret rests, if it is not a public client.
    pub client_secret: Option<SecretAt>,
    /// Where the private key rests that the client proves itself with: in PEM, beside its certificate where the identity provider knows it by that
    /// (Entra), or a JSON Web Key, the `kid` of which is told.
    pub private_key: Option<SecretAt>,
    /// How the client proves itself; as the identity provider offers where there is none.
    pub client_auth: Option<ClientAuthentication>,
    /// Whether refresh tokens are bound to a key where the identity provider offers that; they are where there is none.
    pub dpop: Option<bool>,
    /// What it says of SAML.
    pub saml: SamlIdentity,
    /// A file that holds a token.
    pub token_file: Option<PathBuf>,
    /// A variable that holds a token.
    pub token_env: Option<String>,
    /// A command that prints a token.
    pub token_command: Option<Vec<String>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("saml", &self.saml)
            .field("token_file", &self.token_file)
            .field("token_env", &self.token_env)
            .finish_non_exhaustive()
    }
}

/// Where sign-ins and sessions are kept between runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreKind {
    /// In files that only this user can read.
    #[default]
    File,
    /// In sealed files, whose key rests in the file that `KEYLESS_STORE_KEY_FILE` names, else in the keyring of the system. Where no key is to be
    /// had, that is warned of, and nothing is kept.
    Keyring,
    /// Nowhere.
    Memory,
}

impl StoreKind {
    /// The folder of its files; `None` where there are none, or no home.
    pub fn directory(self, environment: &Environment) -> Option<PathBuf> {
        match self {
            Self::File => environment.store_directory(),
            Self::Keyring => environment.sealed_directory(),
            Self::Memory => None,
        }
    }
}

impl Config {
    /// Reads the file that `environment` names. A file that is not there is an empty one.
    ///
    /// # Errors
    /// Where the file cannot be read, is no regular file or longer than a mebibyte, could have been written by somebody else, or is
    /// malformed: with line, expected and found.
    pub fn load(environment: &Environment) -> Result<Self, ConfigError> {
        let path = environment.config_file().ok_or_else(|| {
            ConfigError::new("there is no home folder to find the configuration in")
                .with_advice("set HOME, or KEYLESS_CONFIG to the file's path")
        })?;
        match safely::read(&path)? {
            Some(text) => Self::parse(&text, path),
            None => Self::parse("", path),
        }
    }

    /// Reads `text`, which messages say is in `path`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, path: PathBuf) -> Result<Self, ConfigError> {
        let (identities, profiles) = file::parse(text, &path)?;
        Ok(Self {
            path,
            identities,
            profiles,
        })
    }

    /// Where the file is, or would be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The profiles' names, sorted.
    pub fn profiles(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// An identity by name.
    ///
    /// # Errors
    /// Where there is none of the name, with the nearest that there is.
    pub fn identity(&self, name: &str) -> Result<&Identity, ConfigError> {
        self.identities
            .get(name)
            .ok_or_else(|| self.unknown("identity", name, self.identities.keys()))
    }

    /// A profile: `name`, else `KEYLESS_PROFILE`, else the only one there is.
    ///
    /// # Errors
    /// Where there is none of the name, with the nearest that there is; where there are several and none was named; where the variable
    /// is no text.
    pub fn profile(
        &self,
        name: Option<&str>,
        environment: &Environment,
    ) -> Result<Profile, ConfigError> {
        let name = match name {
            Some(name) => Some(name.to_owned()),
            None => environment.text("KEYLESS_PROFILE")?,
        };
        if let Some(name) = name {
            return self
                .profiles
                .get(&name)
                .cloned()
                .ok_or_else(|| self.unknown("profile", &name, self.profiles.keys()));
        }
        let mut all = self.profiles.values();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(only.clone()),
            (None, _) => Err(
                ConfigError::new(if self.path.exists() {
                    format!("{} has no profile", self.path.display())
                } else {
                    format!("there is no configuration file {}", self.path.display())
                })
                .with_advice("write a profile, as `keyless --help` shows; or give --issuer, --client-id and --role; or see `keyless demo` first"),
            ),
            _ => Err(
                ConfigError::new("there are several profiles, and none was named").with_advice(
                    format!(
                        "name one of: {}",
                        self.profiles().collect::<Vec<_>>().join(", ")
                    ),
                ),
            ),
        }
    }

    fn unknown<'a>(
        &self,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a String>,
    ) -> ConfigError {
        let known: Vec<&str> = known.map(String::as_str).collect();
        let error = ConfigError::new(format!(
            "there is no {what} {name:?} in {}",
            self.path.display()
        ));
        match nearest(name, &known) {
            Some(near) => error.with_advice(format!("did you mean {near:?}?")),
            None if known.is_empty() => {
                error.with_advice(format!("write it there as [{what}.{name}]"))
            }
            None => error.with_advice(format!("use one of: {}", known.join(", "))),
        }
    }
}

/// The known word that somebody may have meant: at most a third of its letters away.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distances = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate));
    let (distance, near) = distances.min()?;
    (distance <= near.len().max(word.len()).div_ceil(3)).then_some(near)
}
