//! OpenID providers as IAM holds them, and which of them a token belongs to.

use crate::{
    answer::{self, Refusal},
    arn,
    token::Token,
};

/// An IAM OpenID provider: an issuer that an account trusts, for some audiences.
///
/// ```
/// use keyless_trust::provider::IdentityProvider;
///
/// let auth0 = IdentityProvider::new("aws", "111122223333", "https://corp.eu.auth0.com/", ["sts.amazonaws.com"]);
/// assert_eq!(auth0.arn(), "arn:aws:iam::111122223333:oidc-provider/corp.eu.auth0.com/");
/// assert_eq!(auth0.key_prefix(), "corp.eu.auth0.com/");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    arn: String,
    url: String,
    client_ids: Vec<String>,
}

impl IdentityProvider {
    /// A provider in an account. The URL is the issuer to the letter, path and trailing slash included.
    pub fn new(
        partition: &str,
        account: &str,
        url: &str,
        client_ids: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            arn: format!(
                "arn:{partition}:iam::{account}:oidc-provider/{}",
                without_scheme(url)
            ),
            url: url.to_owned(),
            client_ids: client_ids.into_iter().map(Into::into).collect(),
        }
    }

    /// `arn:<partition>:iam::<account>:oidc-provider/<URL without scheme>`: what a policy's `Federated` names.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The issuer, with its scheme.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The audiences it is registered for.
    pub fn client_ids(&self) -> &[String] {
        &self.client_ids
    }

    /// The account it is in, which must be the role's.
    pub fn account(&self) -> &str {
        arn::account(&self.arn).unwrap_or_default()
    }

    /// What stands before the colon in this issuer's condition keys: the URL without its scheme.
    ///
    /// On loopback, where a sandbox lives, it holds a port and so a colon. Never split a condition key at its first one.
    pub fn key_prefix(&self) -> &str {
        without_scheme(&self.url)
    }

    /// The provider of the role's account that the token belongs to: its issuer to the letter, and the audience that
    /// counts among its client ids. STS does not tell which of the two was missing.
    pub fn find<'a>(providers: &'a [Self], token: &Token) -> Result<&'a Self, Refusal> {
        providers
            .iter()
            .find(|provider| provider.issues(token.issuer()))
            .filter(|provider| provider.client_ids.iter().any(|id| id == token.audience()))
            .ok_or_else(|| answer::NOT_VALIDATED.refuse(&[]))
    }

    /// Google alone has tokens with and without the scheme.
    pub(crate) fn issues(&self, issuer: &str) -> bool {
        self.url == issuer
            || (self.key_prefix() == GOOGLE
                && without_scheme(issuer) == GOOGLE
                && !issuer.starts_with("http:"))
    }
}

pub(crate) fn without_scheme(url: &str) -> &str {
    url.strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .unwrap_or(url)
}

const GOOGLE: &str = "accounts.google.com";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::read;

    #[test]
    fn an_issuer_is_compared_to_the_letter() {
        let urls = [
            "https://id.example.com",
            "https://id.example.com/a/",
            "https://accounts.google.com",
            "http://127.0.0.1:41234",
        ];
        let providers = urls.map(|url| IdentityProvider::new("aws", "1", url, ["keyless"]));
        for (issuer, index) in [
            ("https://id.example.com", Some(0)),
            ("https://id.example.com/", None),
            ("https://ID.example.com", None),
            ("http://id.example.com", None),
            ("id.example.com", None),
            ("https://id.example.com/a/", Some(1)),
            ("https://id.example.com/a", None),
            ("https://accounts.google.com", Some(2)),
            ("accounts.google.com", Some(2)),
            ("http://accounts.google.com", None),
            ("http://127.0.0.1:41234", Some(3)),
            ("http://127.0.0.1:41235", None),
        ] {
            let token = read(&json!({"iss": issuer})).expect("a good token");
            let found = IdentityProvider::find(&providers, &token);
            assert_eq!(
                found.ok(),
                index.map(|index: usize| &providers[index]),
                "{issuer}"
            );
        }
    }

    #[test]
    fn the_audience_that_counts_must_be_a_client_id() {
        let providers = [IdentityProvider::new(
            "aws",
            "1",
            "https://id.example.com",
            ["keyless", "other"],
        )];
        for (claims, accepted) in [
            (json!({"aud": "keyless"}), true),
            (json!({"aud": ["other"]}), true),
            (json!({"aud": "Keyless"}), false),
            (json!({"aud": ""}), false),
            (json!({"aud": [""]}), false),
            (json!({"aud": "keyless", "azp": "app"}), false),
            (json!({"aud": "keyless", "azp": ""}), false),
            (json!({"aud": ["app", "x"], "azp": "keyless"}), true),
        ] {
            let token = read(&claims).expect("a good token");
            let found =
                IdentityProvider::find(&providers, &token).map_err(|refusal| refusal.answer.id);
            assert_eq!(
                found.map(|_| ()),
                if accepted {
                    Ok(())
                } else {
                    Err("not-validated")
                },
                "{claims}"
            );
        }
    }

    #[test]
    fn a_port_belongs_to_the_key_prefix() {
        let sandbox = IdentityProvider::new(
            "aws",
            "111122223333",
            "http://127.0.0.1:41234/",
            ["keyless"],
        );
        assert_eq!(sandbox.key_prefix(), "127.0.0.1:41234/");
        assert_eq!(
            sandbox.arn(),
            "arn:aws:iam::111122223333:oidc-provider/127.0.0.1:41234/"
        );
        assert_eq!(sandbox.account(), "111122223333");
    }
}
