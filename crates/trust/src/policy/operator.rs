//! The condition operators: their names, and what each holds of.

use std::fmt;

use super::wildcard;

/// A condition operator, such as `ForAnyValue:StringLikeIfExists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The set operator in front.
    pub quantifier: Option<Quantifier>,
    /// The comparison.
    pub test: Test,
    /// The suffix `IfExists`: holds where the request lacks the key.
    pub if_exists: bool,
}

/// A set operator. It ranges over the values in the request, not over those in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// `ForAnyValue`: one value in the request is enough. Does not hold where there is none.
    ForAnyValue,
    /// `ForAllValues`: every value in the request. **Holds where there is none.**
    ForAllValues,
}

/// What a value of the request is compared with, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Test {
    /// Equal, with case. A `*` is just a `*`.
    StringEquals,
    /// Not equal to any.
    StringNotEquals,
    /// Equal, without case.
    StringEqualsIgnoreCase,
    /// Not equal to any, without case.
    StringNotEqualsIgnoreCase,
    /// Like, with case; `*` and `?` are wildcards and cross `:` and `/`.
    StringLike,
    /// Not like any.
    StringNotLike,
    /// `true` or `false`.
    Bool,
    /// `true`: the request lacks the key. `false`: it has it.
    Null,
}

impl Operator {
    /// The operator of this name; `None` for one that is not evaluated here.
    pub fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            None => (None, name),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::ForAnyValue), rest),
            Some(("ForAllValues", rest)) => (Some(Quantifier::ForAllValues), rest),
            Some(_) => return None,
        };
        let (rest, if_exists) = rest
            .strip_suffix("IfExists")
            .map_or((rest, false), |rest| (rest, true));
        let (_, test) = TESTS.iter().find(|(known, _)| *known == rest)?;
        // Null asks for existence itself; neither a set operator nor IfExists goes with it.
        (*test != Test::Null || (quantifier.is_none() && !if_exists)).then_some(Self {
            quantifier,
            test: *test,
            if_exists,
        })
    }

    /// Whether the condition holds for what the request has under the key, `None` if it lacks the key.
    ///
    /// A key without any value counts as lacking. So do several values under an operator without a set operator: AWS
    /// demands one there and says nothing about its absence.
    pub fn holds(self, wanted: &[String], found: Option<&[String]>) -> bool {
        let found = found.filter(|values| !values.is_empty());
        if self.test == Test::Null {
            return wanted
                .iter()
                .any(|absent| absent.eq_ignore_ascii_case("true") == found.is_none());
        }
        let accepts = |value: &String| self.test.accepts(wanted, value);
        match (found, self.quantifier) {
            (None, _) if self.if_exists => true,
            (None, Some(quantifier)) => quantifier == Quantifier::ForAllValues,
            // A set of nothing but empty strings counts as the empty set.
            (Some(values), Some(quantifier)) => {
                let empty = values.iter().all(String::is_empty);
                match quantifier {
                    Quantifier::ForAnyValue => !empty && values.iter().any(accepts),
                    Quantifier::ForAllValues => empty || values.iter().all(accepts),
                }
            }
            (Some([value]), None) => accepts(value),
            (None | Some(_), None) => self.test.is_negated(),
        }
    }
}

impl Test {
    /// Whether it holds of what does not match, and so of a key that is not there.
    pub fn is_negated(self) -> bool {
        matches!(
            self,
            Self::StringNotEquals | Self::StringNotEqualsIgnoreCase | Self::StringNotLike
        )
    }

    fn accepts(self, wanted: &[String], value: &str) -> bool {
        let any = |same: fn(&str, &str) -> bool| {
            wanted.iter().any(|wanted| same(wanted, value)) != self.is_negated()
        };
        match self {
            Self::StringEquals | Self::StringNotEquals => any(|wanted, value| wanted == value),
            Self::StringLike | Self::StringNotLike => any(wildcard::matches),
            Self::StringEqualsIgnoreCase | Self::StringNotEqualsIgnoreCase => {
                any(|wanted, value| wanted.to_lowercase() == value.to_lowercase())
            }
            Self::Bool => any(str::eq_ignore_ascii_case),
            Self::Null => false,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.quantifier {
            Some(Quantifier::ForAnyValue) => "ForAnyValue:",
            Some(Quantifier::ForAllValues) => "ForAllValues:",
            None => "",
        })?;
        let name = TESTS
            .iter()
            .find(|(_, test)| *test == self.test)
            .map_or("", |(name, _)| name);
        write!(f, "{name}{}", if self.if_exists { "IfExists" } else { "" })
    }
}

const TESTS: [(&str, Test); 8] = [
    ("StringEquals", Test::StringEquals),
    ("StringNotEquals", Test::StringNotEquals),
    ("StringEqualsIgnoreCase", Test::StringEqualsIgnoreCase),
    ("StringNotEqualsIgnoreCase", Test::StringNotEqualsIgnoreCase),
    ("StringLike", Test::StringLike),
    ("StringNotLike", Test::StringNotLike),
    ("Bool", Test::Bool),
    ("Null", Test::Null),
];
