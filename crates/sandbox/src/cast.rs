//! Who and what a sandbox is peopled with: persons, clients, roles.

use std::time::Duration;

use serde_json::{Map, Value};

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Person {
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) claims: Map<String, Value>,
}

impl Person {
    /// Somebody whose login is `login`, whose subject is `user-` and the login, and whose email is verified.
    pub fn new(login: impl Into<String>, email: impl Into<String>) -> Person {
        let login = login.into();
        Person {
            name: login.clone(),
            login,
            email: email.into(),
            email_verified: true,
            claims: Map::new(),
        }
    }

    /// The full name, shown on the page and told in the claim `name`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Person {
        self.name = name.into();
        self
    }

    /// Nobody has checked that the email is theirs: the claim `email_verified` is false.
    #[must_use]
    pub fn unverified(mut self) -> Person {
        self.email_verified = false;
        self
    }

    /// One more claim of their ID tokens, whatever the scope; it replaces what would stand there.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Person {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// The claim `sub`.
    pub fn subject(&self) -> String {
        match self.claims.get("sub").and_then(Value::as_str) {
            Some(subject) => subject.to_owned(),
            None => format!("user-{}", self.login),
        }
    }
}

/// An application that is registered at the identity provider.
#[derive(Clone)]
pub struct Client {
    pub(crate) id: String,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) secret: Option<String>,
}

impl Client {
    /// A public client with `/callback` on loopback as its redirect URI, on `127.0.0.1`, `[::1]` and `localhost`.
    pub fn new(id: impl Into<String>) -> Client {
        let redirect_uris = LOOPBACK_ORIGINS
            .map(|origin| format!("{origin}/callback"))
            .to_vec();
        Client {
            id: id.into(),
            redirect_uris,
            secret: None,
        }
    }

    /// Allows one more redirect URI, to the letter. On loopback one without a port allows every port (RFC 8252 §7.3).
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Client {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Makes it a confidential client, which proves itself at the token endpoint with this secret.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Client {
        self.secret = Some(secret.into());
        self
    }

    pub(crate) fn may_return_to(&self, uri: &str) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| registered == uri || differs_in_loopback_port_only(registered, uri))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("redirect_uris", &self.redirect_uris)
            .finish_non_exhaustive()
    }
}

fn differs_in_loopback_port_only(registered: &str, uri: &str) -> bool {
    LOOPBACK_ORIGINS.iter().any(|origin| {
        let path = registered
            .strip_prefix(origin)
            .filter(|path| path.starts_with('/'));
        let port = uri
            .strip_prefix(origin)
            .and_then(|rest| rest.strip_prefix(':'));
        path.zip(port)
            .and_then(|(path, port)| port.strip_suffix(path))
            .is_some_and(|port| port.parse::<u16>().is_ok())
    })
}

const LOOPBACK_ORIGINS: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];

/// A role of the sandbox's account.
#[derive(Clone, Debug)]
pub struct Role {
    pub(crate) name: String,
    pub(crate) trust_policy: String,
    pub(crate) max_session: Duration,
}

impl Role {
    /// A role with its trust policy in JSON, and sessions of at most one hour.
    ///
    /// As the sandbox's port is not known beforehand, the policy may say `{issuer}` (without `http://`, as the provider's ARN
    /// and the condition keys want it), `{account}` and `{client_id}` (the first client's).
    pub fn new(name: impl Into<String>, trust_policy: impl Into<String>) -> Role {
        Role {
            name: name.into(),
            trust_policy: trust_policy.into(),
            max_session: Duration::from_hours(1),
        }
    }

    /// The role's MaxSessionDuration, 1 to 12 hours at the real service.
    #[must_use]
    pub fn max_session(mut self, duration: Duration) -> Role {
        self.max_session = duration;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Client;

    #[test]
    fn a_client_returns_only_to_where_it_is_registered() {
        let client = Client::new("app")
            .redirect_uri("https://app.example.com/back")
            .redirect_uri("http://127.0.0.1:8400/fixed");
        for (uri, expected) in [
            ("http://127.0.0.1:41234/callback", true),
            ("http://[::1]:41234/callback", true),
            ("http://localhost:41234/callback", true),
            ("http://127.0.0.1/callback", true),
            ("https://app.example.com/back", true),
            ("http://127.0.0.1:8400/fixed", true),
            ("http://127.0.0.1:8401/fixed", false),
            ("http://127.0.0.1:41234/callback/", false),
            ("http://127.0.0.1:41234/other/callback", false),
            ("http://127.0.0.1:41234/callback?more", false),
            ("http://127.0.0.1:99999/callback", false),
            ("http://127.0.0.1:evil.example/callback", false),
            ("http://127.0.0.1.evil.example/callback", false),
            ("https://127.0.0.1:41234/callback", false),
            ("https://app.example.com:444/back", false),
            ("http://192.0.2.1:41234/callback", false),
        ] {
            assert_eq!(client.may_return_to(uri), expected, "{uri}");
        }
    }
}
