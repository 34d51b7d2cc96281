//! An AWS session: credentials, whose they are, and until when.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use keyless_cache::{Expiring, Key, Secret};
use keyless_token::{Proof, text};
use serde::{Deserialize, Serialize};

/// An AWS session. A clone is cheap: the credentials are built once.
///
/// `Debug` shows the access key id, which AWS itself writes into its logs, and no secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Stored", from = "Stored")]
pub struct Session {
    credentials: Credentials,
    facts: std::sync::Arc<Facts>,
}

/// What is known of a session beside its credentials.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) role_arn: String,
    pub(crate) assumed_role_arn: String,
    pub(crate) session_name: String,
    pub(crate) subject: Subject,
    pub(crate) sign_in: Option<Key>,
    pub(crate) expires_at: SystemTime,
}

/// Whose session it is: what the identity provider said at the first hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `iss` of the token.
    pub issuer: String,
    /// `sub` of the token: unique within the issuer.
    pub subject: String,
    /// How a person would be named. Fit to be shown, and not to be compared.
    pub who: String,
}

impl Subject {
    /// Whom `proof` is about.
    pub fn of(proof: &impl Proof) -> Self {
        Self {
            issuer: proof.issuer().into(),
            subject: proof.subject().into(),
            who: proof.who(),
        }
    }
}

/// The parts that STS gives. `expires_at` is theirs too, to the second.
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    pub(crate) session_token: Secret,
}

impl Session {
    pub(crate) fn new(keys: &Keys, facts: Facts) -> Self {
        let mut credentials = Credentials::builder()
            .access_key_id(&keys.access_key_id)
            .secret_access_key(keys.secret_access_key.expose())
            .session_token(keys.session_token.expose())
            .expiry(facts.expires_at)
            .provider_name("keyless");
        if let Some(account) = account_of(&facts.assumed_role_arn) {
            credentials = credentials.account_id(account);
        }
        Self {
            credentials: credentials.build(),
            facts: facts.into(),
        }
    }

    /// The credentials as the AWS SDK for Rust takes them, with their true expiry and the account's id.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The role that was asked for.
    pub fn role_arn(&self) -> &str {
        &self.facts.role_arn
    }

    /// Who one is in AWS: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION-NAME`.
    pub fn assumed_role_arn(&self) -> &str {
        &self.facts.assumed_role_arn
    }

    /// The session's name, as CloudTrail shows it.
    pub fn session_name(&self) -> &str {
        &self.facts.session_name
    }

    /// The account's twelve digits.
    pub fn account_id(&self) -> Option<&str> {
        account_of(self.assumed_role_arn())
    }

    /// Whose session it is.
    pub fn subject(&self) -> &Subject {
        &self.facts.subject
    }

    /// When AWS stops accepting it.
    pub fn expires_at(&self) -> SystemTime {
        self.facts.expires_at
    }

    /// The sign-in it came from, where it came from one.
    pub fn sign_in(&self) -> Option<Key> {
        self.facts.sign_in
    }

    /// The same session, said to come from the sign-in `key`.
    #[must_use]
    pub fn from_sign_in(self, key: Option<Key>) -> Self {
        let facts = Facts {
            sign_in: key,
            ..(*self.facts).clone()
        };
        Self {
            facts: facts.into(),
            ..self
        }
    }
}

impl Expiring for Session {
    fn expires_at(&self) -> SystemTime {
        self.facts.expires_at
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("access_key_id", &self.credentials.access_key_id())
            .field("assumed_role_arn", &self.assumed_role_arn())
            .field("expires_at", &text::time(self.expires_at()))
            .finish_non_exhaustive()
    }
}

fn account_of(assumed_role_arn: &str) -> Option<&str> {
    assumed_role_arn
        .split(':')
        .nth(4)
        .filter(|account| !account.is_empty())
}

/// A session in a store.
#[derive(Serialize, Deserialize)]
struct Stored {
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Secret,
    role_arn: String,
    assumed_role_arn: String,
    session_name: String,
    subject: Subject,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sign_in: Option<Key>,
    /// Seconds since 1970.
    expires_at: u64,
}

impl From<Session> for Stored {
    fn from(session: Session) -> Self {
        let facts = std::sync::Arc::unwrap_or_clone(session.facts);
        Self {
            access_key_id: session.credentials.access_key_id().into(),
            secret_access_key: Secret::new(session.credentials.secret_access_key()),
            session_token: Secret::new(session.credentials.session_token().unwrap_or_default()),
            role_arn: facts.role_arn,
            assumed_role_arn: facts.assumed_role_arn,
            session_name: facts.session_name,
            subject: facts.subject,
            sign_in: facts.sign_in,
            expires_at: facts
                .expires_at
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        }
    }
}

impl From<Stored> for Session {
    fn from(stored: Stored) -> Self {
        let keys = Keys {
            access_key_id: stored.access_key_id,
            secret_access_key: stored.secret_access_key,
            session_token: stored.session_token,
        };
        // A time that this machine cannot even add is as good as none: the entry has expired.
        let expires_at = UNIX_EPOCH
            .checked_add(Duration::from_secs(stored.expires_at))
            .unwrap_or(UNIX_EPOCH);
        Self::new(
            &keys,
            Facts {
                role_arn: stored.role_arn,
                assumed_role_arn: stored.assumed_role_arn,
                session_name: stored.session_name,
                subject: stored.subject,
                sign_in: stored.sign_in,
                expires_at,
            },
        )
    }
}
