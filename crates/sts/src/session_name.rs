//! What a session is called in CloudTrail: somebody's name, and never one that two people share.

use keyless_cache::Key;
use keyless_token::IdToken;

/// `RoleSessionName` is 2 to 64 characters long (AssumeRoleWithWebIdentity, API reference).
const LONGEST: usize = 64;

/// Where the name of a session comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionName {
    /// `email`, unless the issuer has not verified it, else `sub`.
    #[default]
    OfToken,
    /// This claim of the token, else as above. Whoever can choose the claim can choose the name.
    OfClaim(String),
    /// This name, for a service that is nobody in particular.
    Fixed(String),
}

impl SessionName {
    /// The name of a session that `token` is traded for.
    pub fn for_token(&self, token: &IdToken) -> String {
        let of_token = || token.email().unwrap_or(token.subject());
        fit(match self {
            Self::OfToken => of_token(),
            Self::OfClaim(claim) => token
                .text_claim(claim)
                .filter(|text| !text.is_empty())
                .unwrap_or_else(of_token),
            Self::Fixed(name) => name,
        })
    }

    /// The same name in a later hop of a chain, so that CloudTrail shows one person throughout.
    pub(crate) fn for_next_hop(&self, before: &str) -> String {
        match self {
            Self::Fixed(name) => fit(name),
            _ => before.to_owned(),
        }
    }

    /// What tells this rule from another.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::OfToken => "of token".into(),
            Self::OfClaim(claim) => format!("of claim {claim}"),
            Self::Fixed(name) => format!("fixed {name}"),
        }
    }
}

/// `text` in the characters that AWS allows, `[\w+=,.@-]`. Where anything had to be changed or cut, a digest of the whole
/// is appended, so that two names stay two.
fn fit(text: &str) -> String {
    let cleaned: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    if cleaned == text && (2..=LONGEST).contains(&cleaned.len()) {
        return cleaned;
    }
    let digest = Key::of("session name")
        .part("whole", text)
        .finish()
        .to_string();
    let digest = &digest[..8];
    let kept: String = cleaned.chars().take(LONGEST - digest.len() - 1).collect();
    format!("{kept}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_aws_and_stay_apart() {
        assert_eq!(fit("alice@example.com"), "alice@example.com");
        for text in [
            "auth0|123",
            "a",
            "",
            "böse",
            &"x".repeat(65),
            "system:serviceaccount:ns:sa",
            "a b",
        ] {
            let name = fit(text);
            assert!((2..=LONGEST).contains(&name.len()), "{text:?} → {name:?}");
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)),
                "{text:?} → {name:?}"
            );
        }
        for (one, other) in [
            ("auth0|1", "auth0:1"),
            ("a b", "a-b"),
            (
                &*format!("{}1", "x".repeat(70)),
                &*format!("{}2", "x".repeat(70)),
            ),
        ] {
            assert_ne!(fit(one), fit(other));
        }
    }
}
