//! What IAM itself refuses when a role is created or its trust policy is changed.
//!
//! Source: IAM user guide, "Identity-provider controls for shared OIDC providers" (June 2025). That only the first value of a list is looked at
//! was observed by the authors of subvectors.

use crate::policy::Test;

use super::{Findings, catalogue::correctness::IAM_REFUSES, grant::Grant};

pub(super) fn check(grant: &Grant<'_>, findings: &mut Findings) {
    let required = grant.issuer.required;
    if required.is_empty() {
        return;
    }
    let keys: Vec<_> = required
        .iter()
        .map(|name| {
            if name.contains(':') {
                (*name).to_owned()
            } else {
                grant.key(name)
            }
        })
        .collect();
    let on = |key: &str| {
        let key = key.to_owned();
        grant
            .statement
            .conditions
            .iter()
            .filter(move |condition| condition.key.eq_ignore_ascii_case(&key))
    };
    // The page names the bare operators. With a set operator or IfExists the claim need not be there.
    let evaluated = |condition: &&crate::policy::Condition| {
        let operator = condition.operator;
        let named = matches!(
            operator.test,
            Test::StringEquals | Test::StringLike | Test::StringEqualsIgnoreCase
        ) && operator.quantifier.is_none();
        named
            && !operator.if_exists
            && condition
                .values
                .first()
                .is_some_and(|value| !is_scoped_to_all(value))
    };
    if keys
        .iter()
        .any(|key| on(key).any(|condition| evaluated(&condition)))
    {
        return;
    }
    let place = keys
        .iter()
        .find_map(|key| on(key).next())
        .map_or(grant.statement.place, |condition| condition.key.place);
    let message = format!(
        "IAM will refuse this policy: for {} it wants {} compared with StringEquals or StringLike, and a value that does not match all",
        grant.issuer.name,
        keys.join(" or ").escape_debug()
    );
    findings.add(IAM_REFUSES, place, grant.number, &message);
}

/// IAM calls a value so that has nothing but wildcards.
fn is_scoped_to_all(value: &str) -> bool {
    value
        .chars()
        .all(|character| matches!(character, '*' | '?'))
}
