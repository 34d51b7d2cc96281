//! Checks of the issuer: what it publishes, and whether AWS can do with it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyless_token::text::printable;
use keyless_token::{ALGORITHMS, CLOCK_TOLERANCE};
use serde_json::Value;

use super::finding::{Finding, State};
use super::patient::{Discovery, Patient};
use super::setup::plural;
use crate::exit::{INVALID, UNREACHABLE};
use crate::words::length;

/// How many keys of an issuer STS looks at (IAM user guide, OpenID Connect identity providers).
const MOST_KEYS: usize = 100;

/// What a clock may be off before it is worth a word: the leeway of a sign-in.
const NOTICEABLE: Duration = Duration::from_mins(1);

const UNKNOWN: &str = "the issuer's OpenID configuration is not known";

/// Whether the issuer answers with an OpenID configuration.
pub(super) async fn reachable(patient: Arc<Patient>) -> Finding {
    match patient.discovery().await {
        Ok(discovery) => Finding::pass(format!(
            "{} shows its OpenID configuration",
            printable(&discovery.issuer)
        )),
        // A cluster's issuer may be seen by AWS and not from here.
        Err(finding) if matches!(finding.state, State::Fail(_)) && !signs_in(&patient) => {
            finding.clone().softened()
        }
        Err(finding) => finding.clone(),
    }
}

fn signs_in(patient: &Patient) -> bool {
    patient
        .access
        .as_ref()
        .is_ok_and(|access| access.login().is_some())
}

/// Whether it calls itself what it is called here, to the letter.
pub(super) async fn exact(patient: Arc<Patient>) -> Finding {
    let Ok(discovery) = patient.discovery().await else {
        return Finding::skip(UNKNOWN);
    };
    let wanted = &*discovery.issuer;
    let Some(found) = discovery.text("issuer") else {
        return Finding::fail(
            INVALID,
            "its OpenID configuration does not say what it is called",
        )
        .advised("check that the issuer is an OpenID provider");
    };
    if found == wanted {
        return Finding::pass("it calls itself so, to the letter");
    }
    let bare = |issuer: &str| {
        let (_, rest) = issuer.split_once("://").unwrap_or(("", issuer));
        rest.trim_end_matches('/').to_ascii_lowercase()
    };
    let (wanted, found) = (printable(wanted), printable(found));
    let why = if bare(&wanted) != bare(&found) {
        "another name"
    } else if wanted.trim_end_matches('/') == found.trim_end_matches('/') {
        "only the slash at the end differs"
    } else if wanted.split("://").next() == found.split("://").next() {
        "they differ in upper and lower case"
    } else {
        "one has http, the other https"
    };
    let said = format!("it is called {wanted:?} here and calls itself {found:?}: {why}");
    Finding::fail(INVALID, said).advised(format!(
        "write issuer = {found:?}, to the letter; AWS compares it so with the URL of the IAM provider as well"
    ))
}

/// Whether its clock and ours agree.
pub(super) async fn clock(patient: Arc<Patient>) -> Finding {
    match patient.discovery().await {
        Ok(discovery) => compared("the issuer", discovery.date, patient.now),
        Err(_) => Finding::skip(UNKNOWN),
    }
}

/// Compares the time that somebody's answer carries with ours.
pub(super) fn compared(whose: &str, theirs: Option<SystemTime>, ours: SystemTime) -> Finding {
    let Some(theirs) = theirs else {
        return Finding::skip(format!(
            "the answer of {whose} does not say what time it is"
        ));
    };
    let (apart, way) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let off = format!(
        "this machine's clock is {} {way} that of {whose}",
        length(apart)
    );
    if apart > CLOCK_TOLERANCE {
        let most = length(CLOCK_TOLERANCE);
        Finding::fail(INVALID, format!("{off}; AWS takes no more than {most}"))
            .advised("set this machine's clock, and let it be kept by NTP")
    } else if apart > NOTICEABLE {
        Finding::warn(off).advised("set this machine's clock, and let it be kept by NTP")
    } else {
        Finding::pass(format!("this machine's clock agrees with that of {whose}"))
    }
}

/// Whether it signs in a way that STS takes.
pub(super) async fn algorithms(patient: Arc<Patient>) -> Finding {
    let Ok(discovery) = patient.discovery().await else {
        return Finding::skip(UNKNOWN);
    };
    let Some(offered) = discovery.list("id_token_signing_alg_values_supported") else {
        return Finding::warn("it does not say how it signs");
    };
    let shown = printable(&offered.join(", "));
    let taken: Vec<&str> = offered
        .iter()
        .copied()
        .filter(|offer| ALGORITHMS.contains(offer))
        .collect();
    if taken.is_empty() {
        let said = format!(
            "it signs with {shown}; AWS takes only {}",
            ALGORITHMS.join(", ")
        );
        return Finding::fail(INVALID, said)
            .advised("let the identity provider sign this client's ID tokens with RS256 or ES256");
    }
    if taken.len() < offered.len() {
        return Finding::pass(format!(
            "{shown}, of which AWS takes {}; which one this client gets shows in its token",
            taken.join(", ")
        ));
    }
    Finding::pass(shown)
}

/// Whether it publishes keys that STS can use.
pub(super) async fn keys(patient: Arc<Patient>) -> Finding {
    let Ok(discovery) = patient.discovery().await else {
        return Finding::skip(UNKNOWN);
    };
    let Some(address) = discovery.text("jwks_uri") else {
        return Finding::fail(INVALID, "its OpenID configuration names no keys (jwks_uri)")
            .advised("check that the issuer is an OpenID provider");
    };
    if let Err(error) = keyless_token::endpoint::secure("the key set's address", address) {
        return Finding::of(error);
    }
    let answer = match patient.fetch(address).await {
        Ok(answer) => answer,
        Err(finding) => return finding,
    };
    let status = answer.status();
    if !status.is_success() {
        let code = if status.is_server_error() {
            UNREACHABLE
        } else {
            INVALID
        };
        return Finding::fail(code, format!("{} answers {status}", printable(address)))
            .advised("tell whoever runs the identity provider: its keys are not to be had");
    }
    let set: Option<Value> = serde_json::from_slice(answer.body()).ok();
    let keys = set.as_ref().and_then(|set| set.get("keys")?.as_array());
    let Some(keys) = keys else {
        return Finding::fail(INVALID, format!("{} shows no key set", printable(address)))
            .advised("tell whoever runs the identity provider: RFC 7517 §5 says what one is");
    };
    let usable = keys.iter().filter(|key| is_usable(key)).count();
    let kinds = format!(
        "{}, {usable} of a kind that AWS takes",
        plural(keys.len(), "key")
    );
    if usable == 0 {
        return Finding::fail(INVALID, kinds).advised(
            "let the identity provider sign with RSA keys (RS256) or elliptic curve keys (ES256)",
        );
    }
    if keys.len() > MOST_KEYS {
        return Finding::warn(format!("{kinds}; AWS looks at no more than {MOST_KEYS}"))
            .advised("remove keys that no longer sign");
    }
    if keys.len() > 1 && keys.iter().any(|key| key.get("kid").is_none()) {
        return Finding::warn(format!("{kinds}; some have no name (kid)"))
            .advised("give each key a kid, by which AWS finds it");
    }
    Finding::pass(kinds)
}

/// RSA, or a curve that one of the algorithms uses; not meant for something else (RFC 7517 §4.2, RFC 7518 §6).
fn is_usable(key: &Value) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let kind = match text("kty") {
        Some("RSA") => true,
        Some("EC") => matches!(text("crv"), Some("P-256" | "P-384" | "P-521")),
        _ => false,
    };
    let purpose = text("use").is_none_or(|purpose| purpose == "sig");
    let algorithm = text("alg").is_none_or(|algorithm| ALGORITHMS.contains(&algorithm));
    kind && purpose && algorithm
}

/// Whether a stolen code is worth nothing there (RFC 7636).
pub(super) async fn pkce(patient: Arc<Patient>) -> Finding {
    let Ok(discovery) = patient.discovery().await else {
        return Finding::skip(UNKNOWN);
    };
    if !signs_in(&patient) {
        return Finding::skip("nobody signs in: the token comes from elsewhere");
    }
    match offers_pkce(discovery) {
        Some(true) => Finding::pass("it offers PKCE (S256)"),
        Some(false) => Finding::fail(INVALID, "it does not offer PKCE with S256")
            .advised("enable PKCE (S256) at the identity provider"),
        // OpenID Connect Discovery does not know the member, and Entra leaves it out.
        None => {
            Finding::pass("it does not say whether it offers PKCE; keyless uses it all the same")
        }
    }
}

fn offers_pkce(discovery: &Discovery) -> Option<bool> {
    let methods = discovery.list("code_challenge_methods_supported")?;
    Some(methods.contains(&"S256"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_usable_if_sts_could_check_a_signature_by_it() {
        for (key, usable) in [
            (json!({"kty": "RSA"}), true),
            (json!({"kty": "RSA", "use": "sig", "alg": "RS256"}), true),
            (json!({"kty": "RSA", "use": "enc"}), false),
            (json!({"kty": "RSA", "alg": "PS256"}), false),
            (json!({"kty": "RSA", "alg": "RSA-OAEP"}), false),
            (json!({"kty": "EC", "crv": "P-256"}), true),
            (json!({"kty": "EC", "crv": "secp256k1"}), false),
            (json!({"kty": "OKP", "crv": "Ed25519"}), false),
            (json!({"kty": "oct"}), false),
            (json!("RSA"), false),
        ] {
            assert_eq!(is_usable(&key), usable, "{key}");
        }
    }

    #[test]
    fn clocks_are_compared_as_aws_does() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(100_000);
        let minutes = Duration::from_mins;
        for (theirs, state, said) in [
            (now + minutes(1), State::Pass, "agrees"),
            (now - minutes(2), State::Warn, "2 minutes ahead of"),
            (now + minutes(5), State::Warn, "5 minutes behind"),
            (now + minutes(6), State::Fail(INVALID), "6 minutes behind"),
            (
                now - minutes(90),
                State::Fail(INVALID),
                "1 h 30 min ahead of",
            ),
        ] {
            let finding = compared("the issuer", Some(theirs), now);
            assert_eq!(finding.state, state, "{finding:?}");
            assert!(finding.said.contains(said), "{finding:?}");
        }
        assert_eq!(compared("the issuer", None, now).state, State::Skip);
    }
}
