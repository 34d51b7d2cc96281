//! A role's trust policy, parsed: what is understood is understood whole, and the rest is an error.
//!
//! A policy that is evaluated wrongly is worse than one that is refused. So nothing is passed over: a duplicate or unknown
//! member, an unknown operator, or a value that its operator cannot compare is a [`PolicyError`] with its [`Place`]. Each
//! part of a policy keeps its own, so that a message can point at it.

mod compare;
mod operator;
mod read;
mod text;
mod variable;
mod wildcard;

use std::fmt;

use crate::{json, keys::Context};

pub(crate) use compare::date;
pub use operator::{Operator, Quantifier, Test};
pub use text::{Place, Text};
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
    /// Where it begins.
    pub place: Place,
    /// `Sid`, its name.
    pub sid: Option<Text>,
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

/// `Principal` or `NotPrincipal` of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principals {
    /// `Principal`: any of these.
    Listed(Vec<Principal>),
    /// `NotPrincipal`: everybody but these.
    AllBut(Vec<Principal>),
}

/// One principal, as the policy writes it. None of them takes a wildcard for a part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// `"*"` by itself, in place of an object: everybody.
    Everyone(Text),
    /// An ARN, an account id or `*`, under `"AWS"`.
    Aws(Text),
    /// An identity provider's ARN, a built-in one's name or `*`, under `"Federated"`.
    Federated(Text),
    /// A service, under `"Service"`.
    Service(Text),
    /// An account by its canonical user id, under `"CanonicalUser"`.
    CanonicalUser(Text),
}

/// `Action` or `NotAction` of a statement. Names are compared without regard to case; `*` and `?` are wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actions {
    /// `Action`.
    Only(Vec<Text>),
    /// `NotAction`.
    AllBut(Vec<Text>),
}

/// One condition: an operator, a key, and the values it is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// How to compare.
    pub operator: Operator,
    /// Where the operator's name stands; several conditions may share it.
    pub operator_place: Place,
    /// The condition key as the policy writes it; case does not count.
    pub key: Text,
    /// What to compare with: any of them, for a negated operator none of them. Numbers and booleans as they are written.
    pub values: Vec<Text>,
}

impl Policy {
    /// Parses a trust policy.
    ///
    /// ```
    /// use keyless_trust::policy::Policy;
    ///
    /// let error = Policy::parse(r#"{"Version": "2012-10-17", "Version": "2008-10-17"}"#).unwrap_err();
    /// assert_eq!(error.to_string(), "the member \"Version\" is there twice at line 1 column 27");
    /// ```
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        let value = json::parse(json).map_err(|error| PolicyError {
            message: error.message,
            place: error.place,
        })?;
        Self::read(&value)
    }

    /// Reads a policy that stands in a greater document; its places are those of the document.
    pub(crate) fn read(json: &json::Value) -> Result<Self, PolicyError> {
        read::policy(json)
    }
}

impl Condition {
    /// Whether the condition holds for a request. Its policy variables are those of the new language alone.
    pub fn holds(&self, version: Version, context: &Context) -> bool {
        let wanted = variable::resolve(&self.values, self.operator.test, version, context);
        self.operator.compares(&wanted, context.values(&self.key))
    }
}

impl Principals {
    /// The principals that the policy names, whichever way it means them.
    pub fn named(&self) -> &[Principal] {
        match self {
            Self::Listed(named) | Self::AllBut(named) => named,
        }
    }
}

impl Principal {
    /// What is named, and where.
    pub fn name(&self) -> &Text {
        match self {
            Self::Everyone(name)
            | Self::Aws(name)
            | Self::Federated(name)
            | Self::Service(name)
            | Self::CanonicalUser(name) => name,
        }
    }
}

impl Actions {
    /// The names and patterns that the policy writes, whichever way it means them.
    pub fn named(&self) -> &[Text] {
        match self {
            Self::Only(named) | Self::AllBut(named) => named,
        }
    }

    /// Whether an action, such as `sts:TagSession`, is meant.
    pub fn include(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let named = self
            .named()
            .iter()
            .any(|pattern| wildcard_matches(&pattern.to_ascii_lowercase(), &action));
        named == matches!(self, Self::Only(_))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Everyone(_) => return f.write_str("everyone"),
            Self::Aws(_) => "AWS",
            Self::Federated(_) => "Federated",
            Self::Service(_) => "Service",
            Self::CanonicalUser(_) => "CanonicalUser",
        };
        write!(f, "{kind} {}", self.name().escape_debug())
    }
}

impl fmt::Display for Principals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.named().iter().map(Principal::to_string).collect();
        match self {
            Self::Listed(_) => f.write_str(&names.join(" or ")),
            Self::AllBut(_) => write!(f, "everyone but {}", names.join(" and ")),
        }
    }
}

/// Why a text is no trust policy that this crate evaluates, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    message: String,
    place: Place,
}

impl PolicyError {
    /// What is wrong, without its place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where the fault is.
    pub fn place(&self) -> Place {
        self.place
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.message, self.place)
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests;
