//! A value that is not the one wanted: how nearly it is.

use super::{
    Looking,
    github::{self, Mend},
    near::{Nearness, near},
};
use crate::policy::{Test, wildcard_matches};

/// How nearly a value came to the one wanted, and what is safe to do about it.
pub(super) struct NearMiss {
    pub(super) id: &'static str,
    pub(super) words: String,
    pub(super) mend: Mend,
}

pub(super) fn nearest(
    looking: &Looking<'_>,
    key: &str,
    test: Test,
    wanted: &str,
    found: &str,
) -> Option<NearMiss> {
    let is = |id, words: String, mend| Some(NearMiss { id, words, mend });
    let both = format!("it wants {wanted:?} and the token has {found:?}");
    let wildcards = wanted.contains(['*', '?']);
    if wildcards && !test.takes_wildcards() && wildcard_matches(wanted, found) {
        let words = format!(
            "{wanted:?} has a wildcard, which is plain text under {test:?}: it would be like {found:?} under StringLike"
        );
        return is("wildcard-in-exact", words, Mend::Replace);
    }
    let pattern = wildcards && test.takes_wildcards();
    // Others may rely on a pattern; nobody can rely on a value that differs in a detail alone.
    let mend = if pattern { Mend::Add } else { Mend::Replace };
    let nearness = near(wanted, found).or_else(|| near_pattern(wanted, found).filter(|_| pattern));
    if let Some((id, how)) = nearness.and_then(detail) {
        return is(id, format!("{both}: {how}"), mend);
    }
    if let Some(audience) = audience(looking, key, wanted) {
        return Some(audience);
    }
    if key.ends_with(":sub")
        && let Some(difference) = github::difference(wanted, found)
    {
        let mend = match difference.mend {
            Mend::Replace => mend,
            other => other,
        };
        return is(difference.id, format!("{both}: {}", difference.words), mend);
    }
    if let Some(Nearness::Letters(letters)) = nearness {
        let plural = if letters == 1 { "" } else { "s" };
        let words = format!("{both}: they differ in {letters} letter{plural}");
        return is("typo", words, Mend::Add);
    }
    let prefix = wanted.split(['*', '?']).next().unwrap_or_default();
    if pattern && !found.starts_with(prefix) {
        let same = prefix.chars().zip(found.chars());
        let agree = same.take_while(|(a, b)| a == b).count();
        let rest = |text: &str| text.chars().skip(agree).take(40).collect::<String>();
        let words = format!(
            "{both}: before its wildcard it wants {prefix:?}; they agree for {agree} characters, then it wants {:?} and the token has {:?}",
            rest(prefix),
            rest(found)
        );
        return is("prefix-before-wildcard", words, Mend::Add);
    }
    None
}

/// A difference in a detail that nobody can have meant.
fn detail(nearness: Nearness) -> Option<(&'static str, &'static str)> {
    match nearness {
        Nearness::Case => Some(("case-only", "they differ in case alone, which counts")),
        Nearness::Slash => Some(("trailing-slash", "they differ in the slash at the end")),
        Nearness::Space => Some(("space", "they differ in space at an end")),
        Nearness::Percent => Some((
            "percent-encoding",
            "GitHub writes a colon within a name as %3A",
        )),
        Nearness::Letters(_) => None,
    }
}

/// A pattern that would match but for a detail.
fn near_pattern(pattern: &str, found: &str) -> Option<Nearness> {
    let decoded = |text: &str| text.replace("%3A", ":");
    if wildcard_matches(&pattern.to_lowercase(), &found.to_lowercase()) {
        Some(Nearness::Case)
    } else if wildcard_matches(&decoded(pattern), &decoded(found)) {
        Some(Nearness::Percent)
    } else {
        None
    }
}

/// An audience that the token has, but not as the one that counts; or the audience and the subject taken for each other.
fn audience(looking: &Looking<'_>, key: &str, wanted: &str) -> Option<NearMiss> {
    let token = looking.token?;
    let is = |id, words| {
        Some(NearMiss {
            id,
            words,
            mend: Mend::Replace,
        })
    };
    if key.ends_with(":aud") {
        if token.authorized_party().is_some() && token.audiences().iter().any(|aud| aud == wanted) {
            return is(
                "azp-counts",
                format!(
                    "{wanted:?} is the token's aud, but the token has an azp, and then the key aud holds that: {:?} (the key oaud holds the aud)",
                    token.audience()
                ),
            );
        }
        if token.subject() == wanted {
            return is(
                "swapped",
                format!("it wants {wanted:?} as the audience, which is the token's subject"),
            );
        }
    }
    if key.ends_with(":sub") && token.audience() == wanted {
        return is(
            "swapped",
            format!("it wants {wanted:?} as the subject, which is the token's audience"),
        );
    }
    None
}
