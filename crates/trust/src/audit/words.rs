//! What a survey found, in words.

use std::fmt;

use super::{Audience, Danger, Outsider, Power, Reach, Shown, Way};

impl Way {
    /// Who can get in this way: `everyone at corp.eu.auth0.com/`. Names from outside are escaped.
    pub fn who(&self) -> String {
        let from = &self.from;
        let subjects = |many: &str| match from {
            Outsider::Oidc { .. } => format!("{many} at {from}"),
            _ => format!("{many} of {from}"),
        };
        match (self.reach, from) {
            (Reach::Nobody, _) => format!("nobody at {from}"),
            (Reach::Anyone, Outsider::Oidc { .. }) => format!("anyone with a token of {from}"),
            (Reach::Anyone, _) | (Reach::Named, Outsider::Account { .. }) => from.to_string(),
            (Reach::Issuer, Outsider::Oidc { .. }) => format!("everyone at {from}"),
            (Reach::Issuer, Outsider::Account { .. }) => {
                format!("whoever {from} lets")
            }
            (Reach::Named, Outsider::Saml { .. }) if self.by.is_none() => {
                format!("those to whom {from} gives the role")
            }
            (Reach::Issuer, _) => subjects("one part"),
            (Reach::Organisation, _) => subjects("one organisation"),
            (Reach::Several, _) => subjects("some"),
            (Reach::Named, _) => subjects("those named"),
        }
    }

    /// What makes it so: `sub like repo:acme/*`, or that nothing does. Names from outside are escaped.
    pub fn because(&self) -> String {
        let mut text = match (&self.by, &self.from, self.reach) {
            (Some(by), _, Reach::Nobody) => {
                format!(
                    "it asks for {}, which no token of this issuer has",
                    by.key.escape_debug()
                )
            }
            (None, _, Reach::Nobody) => "the identity provider is another account's".to_owned(),
            (Some(by), ..) => self.clause(by),
            (None, Outsider::Saml { .. }, _) => "by the Role attribute of their response".into(),
            (
                None,
                Outsider::Account {
                    principal: Some(_), ..
                },
                _,
            ) => "by name".into(),
            (None, ..) => match self
                .conditions
                .iter()
                .find(|shown| self.is_about_them(shown))
            {
                Some(shown) => format!("{} keeps no stranger out", self.clause(shown)),
                None if self.conditions.is_empty() => "no condition".into(),
                None => "no condition on who they are".into(),
            },
        };
        match self.audience {
            Audience::NotAtAll => text.push_str("; audience not pinned"),
            Audience::ByPattern => text.push_str("; audience by a pattern"),
            Audience::Exactly | Audience::NotApplicable => {}
        }
        text
    }

    /// `sub like repo:acme/*`, the key without its issuer.
    fn clause(&self, shown: &Shown) -> String {
        let key = self.claim(shown).unwrap_or(&shown.key);
        format!("{} {} {}", key.escape_debug(), shown.verb(), shown.listed())
    }

    /// The claim that a condition is about, if it is one of this issuer's.
    fn claim<'a>(&self, shown: &'a Shown) -> Option<&'a str> {
        let Outsider::Oidc { issuer, .. } = &self.from else {
            return None;
        };
        let (prefix, name) = shown.key.split_at_checked(issuer.len())?;
        name.strip_prefix(':')
            .filter(|_| prefix.eq_ignore_ascii_case(issuer))
    }

    /// Whether a condition looks at who they are, however badly.
    fn is_about_them(&self, shown: &Shown) -> bool {
        self.claim(shown)
            .is_some_and(|claim| !["aud", "oaud", "amr"].contains(&&*claim.to_ascii_lowercase()))
    }
}

impl Shown {
    /// How the operator reads between a key and its values.
    fn verb(&self) -> String {
        let (quantifier, rest) = match self.operator.split_once(':') {
            Some(("ForAllValues", rest)) => ("(if any) ", rest),
            Some((_, rest)) => ("", rest),
            None => ("", &*self.operator),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, "(if there is one) "),
            None => (rest, ""),
        };
        let verb = match name {
            "StringEquals" | "StringEqualsIgnoreCase" => "is",
            "StringLike" | "ArnLike" | "ArnEquals" if !self.has_wildcards() => "is",
            "StringNotEquals" | "StringNotEqualsIgnoreCase" => "is not",
            "StringLike" | "ArnLike" | "ArnEquals" => "like",
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => "not like",
            "IpAddress" => "in",
            "Null" => "is absent:",
            other => other,
        };
        format!("{quantifier}{if_exists}{verb}")
    }

    fn has_wildcards(&self) -> bool {
        self.values.iter().any(|value| value.contains(['*', '?']))
    }

    /// The values, escaped: the first of them, and how many more there are.
    fn listed(&self) -> String {
        match &*self.values {
            [] => "nothing".into(),
            [one] => one.escape_debug().to_string(),
            [first, second] => format!("{} or {}", first.escape_debug(), second.escape_debug()),
            [first, rest @ ..] => format!("{} or {} others", first.escape_debug(), rest.len()),
        }
    }
}

impl fmt::Display for Outsider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("anyone at all"),
            Self::AnyIdentityProvider => f.write_str("anyone with an identity provider here"),
            Self::AnyAccount => f.write_str("anyone with an AWS account"),
            Self::Oidc { issuer, .. } => write!(f, "{}", issuer.escape_debug()),
            Self::Saml { name } => write!(f, "SAML provider {}", name.escape_debug()),
            Self::Account {
                account,
                principal: None,
            } => write!(f, "account {}", account.escape_debug()),
            Self::Account {
                account,
                principal: Some(arn),
            } => {
                let name = arn.splitn(6, ':').nth(5).unwrap_or(arn);
                write!(
                    f,
                    "{} of account {}",
                    name.escape_debug(),
                    account.escape_debug()
                )
            }
        }
    }
}

impl Reach {
    /// `anyone`, `everyone there`, `one organisation`, `a pattern`, `named exactly`, `nobody`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Named => "named exactly",
            Self::Several => "a pattern",
            Self::Organisation => "one organisation",
            Self::Issuer => "everyone there",
            Self::Anyone => "anyone",
        }
    }
}

impl Danger {
    /// `critical`, `high`, `medium`, `low`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// `administrator (AdministratorAccess)`, `limited`, `unknown`.
impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Administrator { bounded: false, .. } => f.write_str("administrator"),
            Self::Administrator { bounded: true, .. } => f.write_str("administrator, bounded"),
            Self::Limited => f.write_str("limited"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
