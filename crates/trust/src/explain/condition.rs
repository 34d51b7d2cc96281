//! A condition that does not hold: the nearest miss, and what would mend it.

use super::{
    Looking,
    fix::{Fix, Miss},
    github::Mend,
    hint::Hint,
    key,
    value::nearest,
};
use crate::{
    evaluate::ConditionReport,
    policy::{Condition, Test, Version},
};

/// Looks at the condition of this index in its statement.
pub(super) fn look(
    looking: &Looking<'_>,
    index: usize,
    report: &ConditionReport,
    miss: &mut Miss,
) -> Vec<Hint> {
    let condition = &report.condition;
    let test = condition.operator.test;
    let told = || {
        format!(
            "it wants {}; {}",
            report.wanted_words(),
            report.found_words()
        )
    };
    if test == Test::Null {
        miss.add(2, None);
        return vec![Hint::new("null-check", told()).at(condition.key.place)];
    }
    let Some(found) = &report.found else {
        let (hint, meant) = key::missing(looking, &condition.key);
        let mut hints = vec![hint.at(condition.key.place)];
        let Some(meant) = meant else {
            miss.add(3, None);
            return hints;
        };
        miss.add(
            1,
            Some(Fix::Key {
                condition: index,
                key: meant.clone(),
            }),
        );
        let mut corrected = condition.clone();
        corrected.key.text = meant;
        if !corrected.holds(looking.policy.version, looking.context)
            && let Some(found) = looking.context.values(&corrected.key)
        {
            hints.push(of_value(looking, index, &corrected, found, &told, miss));
        }
        return hints;
    };
    vec![of_value(looking, index, condition, found, &told, miss)]
}

fn of_value(
    looking: &Looking<'_>,
    index: usize,
    condition: &Condition,
    found: &[String],
    told: &dyn Fn() -> String,
    miss: &mut Miss,
) -> Hint {
    let operator = condition.operator;
    let key = condition.key.to_ascii_lowercase();
    let unmended = |miss: &mut Miss, id, words: String| {
        miss.add(2, None);
        Hint::new(id, words).at(condition.key.place)
    };
    if key == "sts:roleauthorizedbyidp" {
        return unmended(miss, "role-not-listed", "the role wants to be listed by the identity provider, in the token's claim https://aws.amazon.com/roles".to_owned());
    }
    if operator.test.is_negated() {
        return unmended(miss, "negated-match", told());
    }
    if operator.test.is_arn() && found.iter().all(|value| !value.starts_with("arn:")) {
        return unmended(
            miss,
            "arn-operator",
            format!(
                "{operator} compares ARNs, and {:?} is none; use a String operator",
                found[0]
            ),
        );
    }
    if !operator.test.is_string() {
        return unmended(miss, "not-met", told());
    }
    if found.len() > 1 && operator.quantifier.is_none() {
        return unmended(
            miss,
            "set-operator",
            format!(
                "the token has {} values under {:?}; without ForAnyValue: in front {operator} holds of none of them",
                found.len(),
                &*condition.key
            ),
        );
    }
    let variable = condition.values.iter().find(|value| value.contains("${"));
    if let Some(value) = variable {
        if looking.policy.version == Version::V2008 {
            miss.add(1, Some(Fix::Version));
            return Hint::new("missing-version", format!("{:?} has a policy variable, which is plain text without \"Version\": \"2012-10-17\"", &**value)).at(value.place);
        }
        if condition.values.len() == 1 {
            return unmended(
                miss,
                "variable",
                format!(
                    "{:?} has a policy variable, and with what the request has for it, it does not match {:?}",
                    &**value, found[0]
                ),
            );
        }
    }
    let has = &found[0];
    let (at, near_miss) = condition
        .values
        .iter()
        .enumerate()
        .find_map(|(at, wanted)| Some((at, nearest(looking, &key, operator.test, wanted, has)?)))
        .map_or((None, None), |(at, near_miss)| (Some(at), Some(near_miss)));
    let place = at.map_or(condition.key.place, |at| condition.values[at].place);
    let (hint, mend, distance) = match near_miss {
        Some(near_miss) => (
            Hint::new(near_miss.id, near_miss.words).at(place),
            near_miss.mend,
            1,
        ),
        None => (Hint::new("value-differs", told()).at(place), Mend::Add, 2),
    };
    // What a person proves, how they signed in or what a request says of itself is not to be bent to what came.
    let of_identity =
        !key.starts_with("aws:") && !key.starts_with("sts:") && !key.ends_with(":amr");
    let wildcard = operator.test.takes_wildcards() && has.contains(['*', '?']);
    // Every fork of a repository has its pull requests' subject, by way of pull_request_target.
    let of_anybody = has.ends_with(":pull_request");
    let plain = !(has.is_empty() || wildcard || of_anybody || has.contains("${"));
    let fix = match mend {
        Mend::Nothing => None,
        _ if !of_identity || !plain => None,
        Mend::Replace => Some(Fix::Value {
            condition: index,
            replaces: at,
            value: has.clone(),
        }),
        Mend::Add => Some(Fix::Value {
            condition: index,
            replaces: None,
            value: has.clone(),
        }),
    };
    miss.add(distance, fix);
    hint
}
