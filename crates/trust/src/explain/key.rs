//! A condition key that the request lacks: what it should have been.

use super::{
    Looking,
    hint::Hint,
    near::{Nearness, near},
};
use crate::{
    caller::Caller,
    keys::{CHECKED, TABLE_VERSION, claims_for, is_mapped},
    provider::without_scheme,
};

/// Why the request lacks the key, and the key that was meant.
pub(super) fn missing(looking: &Looking<'_>, key: &str) -> (Hint, Option<String>) {
    let lower = key.to_ascii_lowercase();
    if CONNECTION.contains(&lower.as_str()) {
        return (
            Hint::new(
                "connection-key",
                format!(
                    "{key} is about the connection, which cannot be seen from here: it may hold at the real service"
                ),
            ),
            None,
        );
    }
    let Caller::WebIdentity(provider) = looking.caller else {
        return (of_assume_role(key, &lower), None);
    };
    if lower.starts_with("aws:") || lower.starts_with("sts:") {
        return (of_aws(key, &lower), None);
    }
    let prefix = provider.key_prefix();
    let bare = without_scheme(key);
    if bare.len() < key.len() {
        let (meant, how) = match of_token(looking, prefix, bare) {
            None => (bare.to_owned(), String::new()),
            Some((hint, Some(meant))) => (meant, format!("; besides, {}", hint.words)),
            Some((hint, None)) => (bare.to_owned(), format!("; besides, {}", hint.words)),
        };
        let hint = Hint::new(
            "scheme-in-key",
            format!(
                "the key {key:?} begins with the scheme; a condition key has the issuer without it{how}"
            ),
        );
        return (hint, Some(meant));
    }
    of_token(looking, prefix, key).unwrap_or_else(|| {
        (
            Hint::new("claim-missing", format!("the token does not have {key:?}")),
            None,
        )
    })
}

/// What is wrong with a key of the issuer's; `None` if the request has it.
fn of_token(looking: &Looking<'_>, prefix: &str, key: &str) -> Option<(Hint, Option<String>)> {
    if looking.context.values(key).is_some() {
        return None;
    }
    let own = key
        .get(..prefix.len())
        .filter(|start| start.eq_ignore_ascii_case(prefix))
        .and_then(|_| key[prefix.len()..].strip_prefix(':'));
    if let Some(claim) = own {
        return Some(of_claim(looking, prefix, claim));
    }
    let Some((theirs, claim)) = key.rsplit_once(':').or_else(|| key.rsplit_once('/')) else {
        let known = is_mapped(prefix, key);
        let words = format!(
            "the key {key:?} lacks the issuer; the keys of a token are {prefix}:sub and so on"
        );
        return Some((
            Hint::new("key-without-issuer", words),
            known.then(|| format!("{prefix}:{key}")),
        ));
    };
    let meant = is_mapped(prefix, claim).then(|| format!("{prefix}:{claim}"));
    if !key.contains(':') {
        return Some((
            Hint::new(
                "key-separator",
                format!("in the key {key:?} a colon belongs before the claim's name"),
            ),
            meant.filter(|_| theirs.eq_ignore_ascii_case(prefix)),
        ));
    }
    let host = |issuer: &str| {
        issuer
            .split('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let (id, how, certain) = match near(theirs, prefix) {
        Some(Nearness::Slash) => (
            "key-slash",
            "the slash at the end of the issuer counts",
            true,
        ),
        Some(_) => ("key-issuer-typo", "they differ in a letter or so", true),
        None if host(theirs) == host(prefix) => (
            "key-issuer-path",
            "the issuer's path belongs to the key",
            true,
        ),
        None => ("key-issuer", "that is another issuer's key", false),
    };
    let hint = Hint::new(
        id,
        format!(
            "the key {key:?} is of the issuer {theirs:?}; the token's keys begin with {prefix:?}: {how}"
        ),
    );
    Some((hint, meant.filter(|_| certain)))
}

/// The issuer is right and the request has no such key.
fn of_claim(looking: &Looking<'_>, prefix: &str, claim: &str) -> (Hint, Option<String>) {
    if is_mapped(prefix, claim) {
        let why = match claim.to_ascii_lowercase().as_str() {
            "email" => {
                ": ask for the scope \"email\", and see that the identity provider puts it into the ID token"
            }
            "environment" => ": give the job `environment:`",
            "amr" => ": the identity provider does not tell how the person signed in",
            _ => "",
        };
        return (
            Hint::new(
                "claim-missing",
                format!("the token has no claim {claim:?}{why}"),
            ),
            None,
        );
    }
    let every = ["aud", "oaud", "sub", "amr", "email"];
    let known: Vec<_> = every.into_iter().chain(claims_for(prefix)).collect();
    let table =
        format!("by the table of {CHECKED}, version {TABLE_VERSION}; the key may be newer than it");
    let keys = known.join(", ");
    if looking
        .token
        .is_some_and(|token| token.claims().contains_key(claim))
    {
        let instead = INSTEAD
            .iter()
            .find(|(unmapped, _)| *unmapped == claim && prefix.starts_with(GITHUB))
            .map_or(String::new(), |(_, mapped)| {
                format!("; {mapped:?} says nearly the same")
            });
        return (
            Hint::new(
                "unmapped-claim",
                format!(
                    "the token has the claim {claim:?}, but AWS makes no condition key of it for this issuer, only of {keys}{instead}: leave the condition out, or use one of these ({table})"
                ),
            ),
            None,
        );
    }
    if let Some(meant) = known.iter().find(|known| near(claim, known).is_some()) {
        return (
            Hint::new(
                "key-typo",
                format!(
                    "there is no key {:?}; {meant:?} is nearly the same",
                    format!("{prefix}:{claim}")
                ),
            ),
            Some(format!("{prefix}:{meant}")),
        );
    }
    (
        Hint::new(
            "unknown-key",
            format!(
                "for this issuer AWS makes condition keys of {keys}, and not of {claim:?} ({table})"
            ),
        ),
        None,
    )
}

fn of_aws(key: &str, lower: &str) -> Hint {
    if let Some(tag) = lower.strip_prefix("aws:requesttag/") {
        return Hint::new(
            "session-tag-missing",
            format!(
                "the token brings no session tag {tag:?}: that is the claim https://aws.amazon.com/tags"
            ),
        );
    }
    if lower == "aws:tagkeys" || lower == "sts:transitivetagkeys" {
        return Hint::new(
            "session-tag-missing",
            "the token brings no session tags of that kind: that is the claim https://aws.amazon.com/tags",
        );
    }
    if lower == "sts:sourceidentity" {
        return Hint::new(
            "source-identity-missing",
            "the token sets no source identity: that is the claim https://aws.amazon.com/source_identity",
        );
    }
    Hint::new(
        "not-for-web-identity",
        format!("a request with a token has no {key:?}: its caller is no AWS principal"),
    )
}

fn of_assume_role(key: &str, lower: &str) -> Hint {
    if lower == "sts:externalid" {
        Hint::new(
            "external-id-missing",
            "the request has no external id; the role wants one",
        )
    } else if lower.starts_with("aws:") || lower.starts_with("sts:") {
        Hint::new(
            "unknown-key",
            format!("the request has no {key:?}, as far as can be seen from here"),
        )
    } else {
        Hint::new(
            "not-for-assume-role",
            format!(
                "{key:?} is a key of a token; sts:AssumeRole has none: the role wants a token, not a session"
            ),
        )
    }
}

const GITHUB: &str = "token.actions.githubusercontent.com";

/// Claims of GitHub that AWS makes no key of, and the key that comes nearest.
const INSTEAD: &[(&str, &str)] = &[
    ("repository_owner", "repository_owner_id"),
    ("workflow_ref", "job_workflow_ref"),
    ("head_ref", "ref"),
    ("base_ref", "ref"),
    ("ref_type", "ref"),
    ("enterprise", "enterprise_id"),
];

/// What belongs to the connection; nobody but the service sees it.
const CONNECTION: [&str; 10] = [
    "aws:sourceip",
    "aws:vpcsourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:securetransport",
    "aws:requestedregion",
    "aws:useragent",
    "aws:referer",
    "aws:currenttime",
    "aws:epochtime",
];
