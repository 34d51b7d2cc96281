//! Who and what a sandbox is peopled with: persons, clients, roles.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use crate::shape::Redirects;

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Person {
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) claims: Map<String, Value>,
    pub(crate) saml_roles: Vec<String>,
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
            saml_roles: Vec::new(),
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

    /// One more role that their SAML responses list: a name in the sandbox's account, or an ARN. Without any it is `saml-dev`.
    ///
    /// ```
    /// use keyless_sandbox::Person;
    ///
    /// let roles = (1..=300).map(|number| format!("arn:aws:iam::{number:012}:role/team-{number}"));
    /// let dora = roles.fold(Person::new("dora", "dora@example.com"), Person::saml_role);
    /// # let _ = dora;
    /// ```
    #[must_use]
    pub fn saml_role(mut self, role: impl Into<String>) -> Person {
        self.saml_roles.push(role.into());
        self
    }

    /// The claim `sub`, and the `NameID` in SAML.
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
    pub(crate) authentication: Authentication,
    pub(crate) implicit: bool,
    pub(crate) post_logout_redirect_uris: Vec<String>,
}

impl Client {
    /// A public client with `/callback` on loopback as its redirect URI, and `/signed-out` for after a logout: on `127.0.0.1`, `[::1]`
    /// and `localhost`.
    pub fn new(id: impl Into<String>) -> Client {
        let at = |path| LOOPBACK_ORIGINS.map(|origin| format!("{origin}{path}"));
        Client {
            id: id.into(),
            redirect_uris: at("/callback").to_vec(),
            post_logout_redirect_uris: at("/signed-out").to_vec(),
            authentication: Authentication::None,
            implicit: false,
        }
    }

    /// Allows one more redirect URI, to the letter. On loopback one without a port allows every port (RFC 8252 §7.3).
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Client {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Allows one more address to go to after a logout, by the rules of [`Client::redirect_uri`].
    #[must_use]
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Client {
        self.post_logout_redirect_uris.push(uri.into());
        self
    }

    /// Makes it a confidential client, which proves itself at the token endpoint with this secret, in the header or in the form.
    #[must_use]
    pub fn secret(self, secret: impl Into<String>) -> Client {
        self.with_secret(secret.into(), true, true)
    }

    /// The same, by `client_secret_basic` alone: in the header.
    #[must_use]
    pub fn secret_basic(self, secret: impl Into<String>) -> Client {
        self.with_secret(secret.into(), true, false)
    }

    /// The same, by `client_secret_post` alone: in the form.
    #[must_use]
    pub fn secret_post(self, secret: impl Into<String>) -> Client {
        self.with_secret(secret.into(), false, true)
    }

    /// Makes it a confidential client, which proves itself by `private_key_jwt` (RFC 7523) with the private half of this JSON Web Key:
    /// P-256 for ES256, or RSA for RS256 and PS256. Its member `x5t#S256` is the thumbprint of the certificate that assertions may name; the Entra shapes demand it.
    #[must_use]
    pub fn public_key(mut self, jwk: Value) -> Client {
        self.authentication = Authentication::Key(jwk);
        self
    }

    fn with_secret(mut self, secret: String, basic: bool, post: bool) -> Client {
        self.authentication = Authentication::Secret {
            secret,
            basic,
            post,
        };
        self
    }

    pub(crate) fn shown_secret(&self) -> Option<&str> {
        match &self.authentication {
            Authentication::Secret { secret, .. } => Some(secret),
            _ => None,
        }
    }

    /// Whether it proves itself by nothing but its id.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.authentication, Authentication::None)
    }

    /// Whether this is a way in which it proves itself, by its name in discovery.
    pub(crate) fn may_use(&self, method: &str) -> bool {
        match &self.authentication {
            Authentication::None => method == "none",
            Authentication::Secret { basic, post, .. } => {
                (*basic && method == "client_secret_basic")
                    || (*post && method == "client_secret_post")
            }
            Authentication::Key(_) => method == "private_key_jwt",
        }
    }

    /// Allows the implicit flow too: the ID token comes through the browser, without a code (OpenID Connect Core §3.2).
    #[must_use]
    pub fn implicit(mut self) -> Client {
        self.implicit = true;
        self
    }

    pub(crate) fn may_return_to(&self, uri: &str, redirects: Redirects) -> bool {
        let letter = self.redirect_uris.iter().any(|known| known == uri);
        match redirects {
            Redirects::AnyPort => is_registered(&self.redirect_uris, uri),
            Redirects::Wildcards => {
                let mut wild = self
                    .redirect_uris
                    .iter()
                    .filter_map(|known| known.strip_suffix('*'));
                is_registered(&self.redirect_uris, uri) || wild.any(|start| uri.starts_with(start))
            }
            Redirects::Letter => letter,
            Redirects::LetterLocalhost => {
                letter && (uri.starts_with("https://") || is_loopback(uri, &["localhost"]))
            }
            Redirects::Loopback => is_loopback(uri, LOOPBACK_HOSTS),
            Redirects::LoopbackUnlessRegistered => {
                let none = self.redirect_uris.is_empty() && self.is_public();
                letter || (none && is_loopback(uri, LOOPBACK_HOSTS))
            }
        }
    }

    pub(crate) fn may_return_to_after_logout(&self, uri: &str) -> bool {
        is_registered(&self.post_logout_redirect_uris, uri)
    }
}

/// How a client proves that it is that client.
#[derive(Clone)]
pub(crate) enum Authentication {
    /// Not at all: it is a public one.
    None,
    Secret {
        secret: String,
        basic: bool,
        post: bool,
    },
    /// With the private half of this JSON Web Key.
    Key(Value),
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("redirect_uris", &self.redirect_uris)
            .finish_non_exhaustive()
    }
}

fn is_registered(registered: &[String], uri: &str) -> bool {
    registered
        .iter()
        .any(|known| known == uri || differs_in_loopback_port_only(known, uri))
}

/// Whether an address is plain HTTP at one of these hosts.
fn is_loopback(uri: &str, hosts: &[&str]) -> bool {
    Url::parse(uri).is_ok_and(|uri| {
        uri.scheme() == "http"
            && uri.fragment().is_none()
            && uri.host_str().is_some_and(|host| hosts.contains(&host))
    })
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

const LOOPBACK_HOSTS: &[&str] = &["127.0.0.1", "[::1]", "localhost"];
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
    /// and the condition keys want it), `{account}`, `{client_id}` (the first client's), `{subject:LOGIN}` (a
    /// person's, in the tokens of that client) and `{saml_provider}` (the ARN of the provider
    /// that holds the sandbox's own SAML metadata).
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
    use super::{Client, Redirects};

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
            assert_eq!(
                client.may_return_to(uri, Redirects::AnyPort),
                expected,
                "{uri}"
            );
        }
    }
}
