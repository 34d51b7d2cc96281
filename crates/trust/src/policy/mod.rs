//! A role's trust policy, parsed: what is understood is understood whole, and the rest is an error.
//!
//! A policy that is evaluated wrongly is worse than one that is refused. So nothing is passed over: a duplicate or unknown
//! member, an operator or a policy variable that this crate does not evaluate is a [`PolicyError`].

mod operator;
mod read;
mod wildcard;

use std::fmt;

pub use operator::{Operator, Quantifier, Test};
pub(crate) use wildcard::matches as wildcard_matches;

/// A trust policy. See [`Policy::parse`] and [`Policy::decide`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The language of the policy. Without a `Version` it is the old one.
    pub version: Version,
    /// In the order of the document.
    pub statements: Vec<Statement>,
}

/// The version of the policy language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`, where `${…}` is literal text.
    #[default]
    V2008,
    /// `2012-10-17`, where `${…}` is a policy variable.
    V2012,
}

/// One statement. It applies to a request if its principal, one of its actions and all of its conditions do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `Sid`, its name.
    pub sid: Option<String>,
    /// What it does where it applies.
    pub effect: Effect,
    /// To whom it applies.
    pub principals: Principals,
    /// To which actions it applies.
    pub actions: Actions,
    /// `Condition`: all of them must hold.
    pub conditions: Vec<Condition>,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever others allow.
    Deny,
}

/// `Principal` of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principals {
    /// `"Principal": "*"`.
    Everyone,
    /// Any of these.
    Listed(Vec<Principal>),
}

/// One principal, as the policy writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// An ARN, an account id or `*`, under `"AWS"`.
    Aws(String),
    /// An identity provider's ARN, a built-in one's name or `*`, under `"Federated"`.
    Federated(String),
    /// A service, under `"Service"`.
    Service(String),
}

/// `Action` or `NotAction` of a statement. Names are compared without regard to case; `*` and `?` are wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actions {
    /// `Action`.
    Only(Vec<String>),
    /// `NotAction`.
    AllBut(Vec<String>),
}

/// One condition: an operator, a key, and the values it is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// How to compare.
    pub operator: Operator,
    /// The condition key as the policy writes it; case does not count.
    pub key: String,
    /// What to compare with: any of them, for a negated operator none of them.
    pub values: Vec<String>,
}

impl Policy {
    /// Parses a trust policy.
    ///
    /// ```
    /// use keyless_trust::policy::Policy;
    ///
    /// let error = Policy::parse(r#"{"Version": "2012-10-17", "Version": "2008-10-17"}"#).unwrap_err();
    /// assert_eq!(error.to_string(), "duplicate field `Version` at line 1 column 35");
    /// ```
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        read::policy(json)
    }
}

impl Actions {
    pub(crate) fn include(&self, action: &str) -> bool {
        let any = |patterns: &[String]| {
            let action = action.to_ascii_lowercase();
            patterns
                .iter()
                .any(|pattern| wildcard_matches(&pattern.to_ascii_lowercase(), &action))
        };
        match self {
            Self::Only(patterns) => any(patterns),
            Self::AllBut(patterns) => !any(patterns),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self {
            Self::Aws(name) => ("AWS", name),
            Self::Federated(name) => ("Federated", name),
            Self::Service(name) => ("Service", name),
        };
        write!(f, "{kind} {}", name.escape_debug())
    }
}

impl fmt::Display for Principals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::Listed(principals) => {
                let names: Vec<_> = principals.iter().map(Principal::to_string).collect();
                f.write_str(&names.join(" or "))
            }
        }
    }
}

/// Why a text is no trust policy that this crate evaluates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    message: String,
    position: Option<(usize, usize)>,
}

impl PolicyError {
    /// What is wrong, without its place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Line and column, from one, where there is a place to point at. It is where reading stopped: at or after the fault.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.position
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.position.map_or(Ok(()), |(line, column)| {
            write!(f, " at line {line} column {column}")
        })
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests;
