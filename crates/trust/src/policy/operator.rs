//! The condition operators: their names, and what each holds of.

use std::{cmp::Ordering, fmt};

use super::{
    compare::{binary, block, date, number},
    variable::Wanted,
};

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

macro_rules! tests {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What a value of the request is compared with, and how.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Test {
            $($(#[$doc])* $name,)+
        }

        /// Every one of them, under its name in a policy.
        const TESTS: &[(&str, Test)] = &[$((stringify!($name), Test::$name),)+];
    };
}

tests! {
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
    /// The same number.
    NumericEquals,
    /// None of these numbers.
    NumericNotEquals,
    /// A smaller number.
    NumericLessThan,
    /// A number that is not greater.
    NumericLessThanEquals,
    /// A greater number.
    NumericGreaterThan,
    /// A number that is not smaller.
    NumericGreaterThanEquals,
    /// The same moment: ISO 8601, or seconds of Unix time.
    DateEquals,
    /// None of these moments.
    DateNotEquals,
    /// Earlier.
    DateLessThan,
    /// Not later.
    DateLessThanEquals,
    /// Later.
    DateGreaterThan,
    /// Not earlier.
    DateGreaterThanEquals,
    /// `true` or `false`.
    Bool,
    /// The same bytes, both in base64.
    BinaryEquals,
    /// An address within the block, of version 4 or 6.
    IpAddress,
    /// An address within none of the blocks.
    NotIpAddress,
    /// Like this ARN, part by part; the same as `ArnLike`.
    ArnEquals,
    /// Like none of these ARNs.
    ArnNotEquals,
    /// Like this ARN, part by part, with wildcards.
    ArnLike,
    /// Like none of these ARNs.
    ArnNotLike,
    /// `true`: the request lacks the key. `false`: it has it.
    Null,
}

impl Operator {
    /// The operator of this name; `None` where there is none.
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

    /// Whether it holds for what the request has under the key, `None` if it lacks the key, the values in the policy being
    /// meant to the letter: variables are [`Condition::holds`]'s.
    ///
    /// A key without any value counts as lacking. So do several values under an operator without a set operator: AWS
    /// demands one there and says nothing about its absence.
    ///
    /// [`Condition::holds`]: super::Condition::holds
    pub fn holds(self, wanted: &[impl AsRef<str>], found: Option<&[String]>) -> bool {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|value| Wanted::Plain(value.as_ref()))
            .collect();
        self.compares(&wanted, found)
    }

    pub(super) fn compares(self, wanted: &[Wanted<'_>], found: Option<&[String]>) -> bool {
        let found = found.filter(|values| !values.is_empty());
        if self.test == Test::Null {
            let says = |absent: &Wanted<'_>| absent.text().is_some_and(|text| is_true(&text));
            return wanted.iter().any(|absent| says(absent) == found.is_none());
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
            Self::StringNotEquals
                | Self::StringNotEqualsIgnoreCase
                | Self::StringNotLike
                | Self::NumericNotEquals
                | Self::DateNotEquals
                | Self::NotIpAddress
                | Self::ArnNotEquals
                | Self::ArnNotLike
        )
    }

    /// Whether it compares strings: with or without case, with or without wildcards.
    pub fn is_string(self) -> bool {
        matches!(
            self,
            Self::StringEquals
                | Self::StringNotEquals
                | Self::StringEqualsIgnoreCase
                | Self::StringNotEqualsIgnoreCase
                | Self::StringLike
                | Self::StringNotLike
        )
    }

    /// Whether it compares ARNs, part by part.
    pub fn is_arn(self) -> bool {
        matches!(
            self,
            Self::ArnEquals | Self::ArnNotEquals | Self::ArnLike | Self::ArnNotLike
        )
    }

    /// Whether `*` and `?` are wildcards in its values.
    pub fn takes_wildcards(self) -> bool {
        matches!(self, Self::StringLike | Self::StringNotLike) || self.is_arn()
    }

    /// Whether `${…}` in its values is a policy variable, in the language that has them.
    pub fn takes_variables(self) -> bool {
        self.is_string() || self.is_arn()
    }

    /// Whether a value in a policy is one that it can compare with.
    pub(super) fn can_compare(self, value: &str) -> bool {
        match self {
            Self::Bool | Self::Null => is_true(value) || value.eq_ignore_ascii_case("false"),
            Self::BinaryEquals => binary(value).is_some(),
            Self::IpAddress | Self::NotIpAddress => block(value).is_some(),
            _ if self.is_string() || self.is_arn() => true,
            _ if self.is_date() => date(value).is_some(),
            _ => number(value).is_some(),
        }
    }

    /// What its values look like, for a message.
    pub(super) fn values_are(self) -> &'static str {
        match self {
            Self::Bool | Self::Null => "\"true\" or \"false\"",
            Self::BinaryEquals => "base64",
            Self::IpAddress | Self::NotIpAddress => {
                "addresses such as 203.0.113.0/24 or 2001:db8::/32"
            }
            _ if self.is_date() => "dates such as 2026-11-22T18:00:00Z or 1795370400",
            _ => "numbers",
        }
    }

    fn is_date(self) -> bool {
        matches!(
            self,
            Self::DateEquals
                | Self::DateNotEquals
                | Self::DateLessThan
                | Self::DateLessThanEquals
                | Self::DateGreaterThan
                | Self::DateGreaterThanEquals
        )
    }

    fn accepts(self, wanted: &[Wanted<'_>], value: &str) -> bool {
        wanted.iter().any(|wanted| self.matches(wanted, value)) != self.is_negated()
    }

    /// Whether the two match; a negated test holds where they do not.
    fn matches(self, wanted: &Wanted<'_>, value: &str) -> bool {
        match self {
            Self::StringLike | Self::StringNotLike => return wanted.is_like(value),
            Self::ArnEquals | Self::ArnNotEquals | Self::ArnLike | Self::ArnNotLike => {
                return wanted.is_arn_like(value);
            }
            _ => {}
        }
        let Some(wanted) = wanted.text() else {
            return false;
        };
        let order = || {
            if self.is_date() {
                Some(date(value)?.cmp(&date(&wanted)?))
            } else {
                number(value)?.compare(number(&wanted)?)
            }
        };
        match self {
            Self::StringEquals | Self::StringNotEquals => wanted == value,
            Self::StringEqualsIgnoreCase | Self::StringNotEqualsIgnoreCase => {
                wanted.to_lowercase() == value.to_lowercase()
            }
            Self::Bool => wanted.eq_ignore_ascii_case(value),
            Self::BinaryEquals => {
                binary(&wanted).is_some_and(|wanted| binary(value) == Some(wanted))
            }
            Self::IpAddress | Self::NotIpAddress => block(&wanted)
                .zip(block(value))
                .is_some_and(|(wanted, value)| wanted.contains(value)),
            Self::NumericEquals
            | Self::NumericNotEquals
            | Self::DateEquals
            | Self::DateNotEquals => order() == Some(Ordering::Equal),
            Self::NumericLessThan | Self::DateLessThan => order() == Some(Ordering::Less),
            Self::NumericLessThanEquals | Self::DateLessThanEquals => {
                order().is_some_and(Ordering::is_le)
            }
            Self::NumericGreaterThan | Self::DateGreaterThan => order() == Some(Ordering::Greater),
            Self::NumericGreaterThanEquals | Self::DateGreaterThanEquals => {
                order().is_some_and(Ordering::is_ge)
            }
            Self::StringLike
            | Self::StringNotLike
            | Self::ArnEquals
            | Self::ArnNotEquals
            | Self::ArnLike
            | Self::ArnNotLike
            | Self::Null => false,
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

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}
