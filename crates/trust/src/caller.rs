//! Who asks for a role, and which principals of a policy are meant by that.

use crate::{
    arn,
    policy::{Principal, Principals},
    provider::IdentityProvider,
    saml::SamlProvider,
};

/// Who asks for a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// Somebody with a token of this provider, by `AssumeRoleWithWebIdentity`.
    WebIdentity(&'a IdentityProvider),
    /// Somebody with an assertion for this provider, by `AssumeRoleWithSAML`.
    Saml(&'a SamlProvider),
    /// A session of a role, by `AssumeRole`.
    Role {
        /// `arn:aws:iam::111122223333:role/path/name`.
        role_arn: &'a str,
        /// `arn:aws:sts::111122223333:assumed-role/name/session`.
        session_arn: &'a str,
        /// The source identity that the session has from an earlier hop. It goes along and cannot be changed.
        source_identity: Option<&'a str>,
    },
}

impl Caller<'_> {
    /// The action of the caller's request.
    pub fn action(&self) -> &'static str {
        match self {
            Self::WebIdentity(_) => "sts:AssumeRoleWithWebIdentity",
            Self::Saml(_) => "sts:AssumeRoleWithSAML",
            Self::Role { .. } => "sts:AssumeRole",
        }
    }

    /// The caller's ARN: the provider's, or the session's.
    pub fn arn(&self) -> &str {
        match self {
            Self::WebIdentity(provider) => provider.arn(),
            Self::Saml(provider) => provider.arn(),
            Self::Role { session_arn, .. } => session_arn,
        }
    }

    /// The caller's account.
    pub fn account(&self) -> &str {
        match self {
            Self::WebIdentity(provider) => provider.account(),
            Self::Saml(provider) => provider.account(),
            Self::Role { role_arn, .. } => arn::account(role_arn).unwrap_or_default(),
        }
    }

    /// Whether the principals of a statement include the caller.
    pub fn is_among(&self, principals: &Principals) -> bool {
        let named = principals.named().iter().any(|named| self.is(named));
        named == matches!(principals, Principals::Listed(_))
    }

    /// Somebody with a token or an assertion is no AWS principal: `{"AWS": "*"}` does not mean them.
    fn is(&self, principal: &Principal) -> bool {
        match (self, principal) {
            (_, Principal::Everyone(_)) => true,
            (Self::WebIdentity(provider), Principal::Federated(name)) => {
                let name = &**name;
                name == "*"
                    || name == provider.arn()
                    || (BUILT_IN.contains(&name) && name == provider.key_prefix())
            }
            (Self::Saml(provider), Principal::Federated(name)) => {
                &**name == "*" || &**name == provider.arn()
            }
            (
                Self::Role {
                    role_arn,
                    session_arn,
                    ..
                },
                Principal::Aws(name),
            ) => {
                let (name, account) = (&**name, arn::account(role_arn));
                name == "*"
                    || name == *role_arn
                    || name == *session_arn
                    || account == Some(name)
                    || is_root(name, role_arn)
            }
            _ => false,
        }
    }
}

/// `arn:<partition>:iam::<account>:root`, which stands for everybody in the role's account.
fn is_root(name: &str, role_arn: &str) -> bool {
    let root = role_arn
        .split_once(":role/")
        .map(|(account, _)| (account, ":root"));
    root.is_some_and(|(account, root)| name.strip_prefix(account) == Some(root))
}

/// The identity providers that IAM knows without an OpenID provider in the account.
pub(crate) const BUILT_IN: [&str; 4] = [
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
];
