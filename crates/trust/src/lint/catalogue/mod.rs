//! The rules as data, by severity.

pub(super) mod correctness;
pub(super) mod critical;
pub(super) mod high;
pub(super) mod hygiene;

use super::rule::Rule;

/// All of them, the worst first.
pub(super) const RULES: [&[&Rule]; 4] = [critical::ALL, high::ALL, correctness::ALL, hygiene::ALL];

/// Defines the rules of one severity, and `ALL` of them.
macro_rules! rules {
    ($severity:ident: $($name:ident = $id:literal, $title:literal, why $why:literal, fix $fix:literal, bad $bad:literal, good $good:literal, source $source:literal;)+) => {
        $(pub(in crate::lint) const $name: &crate::lint::Rule = &crate::lint::Rule {
            id: $id,
            severity: crate::lint::Severity::$severity,
            title: $title,
            why: $why,
            fix: $fix,
            bad: $bad,
            good: $good,
            source: $source,
        };)+
        pub(in crate::lint) const ALL: &[&crate::lint::Rule] = &[$($name),+];
    };
}
use rules;
