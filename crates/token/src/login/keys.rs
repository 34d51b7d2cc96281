//! The keys that an issuer signs with, and which of them may check a signature.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyless_cache::Clock;
use openidconnect::JsonWebKey;
use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;
use serde_json::Value;

use super::discovery::{self, IdentityProvider};
use crate::error::TokenError;
use crate::http::HttpClient;

/// The least that an RSA key may have (RFC 7518 §3.3).
const SHORTEST_RSA: usize = 2048 / 8;

/// A key set as it is published (RFC 7517 §5).
#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

/// Fetches what `provider` publishes now, without the keys that must not check a signature.
pub(super) async fn fetch(
    http: &dyn HttpClient,
    provider: &IdentityProvider,
    clock: &Clock,
) -> Result<CoreJsonWebKeySet, TokenError> {
    let address = provider.jwks_uri.as_str();
    let published: Published = discovery::fetch(http, "the key set", address, clock).await?;
    Ok(usable(published.keys))
}

/// Whether a key of this name is among `keys`; without a name any may be meant.
pub(super) fn know(keys: &CoreJsonWebKeySet, name: Option<&str>) -> bool {
    let called = |name: &str| {
        let mut names = keys.keys().iter().filter_map(JsonWebKey::key_id);
        names.any(|known| known.as_str() == name)
    };
    name.is_none_or(called)
}

/// What is not understood is left out, as RFC 7517 §5 wants it: a new kind of key must not keep anybody out.
fn usable(published: Vec<Value>) -> CoreJsonWebKeySet {
    let keys = published.into_iter().filter(may_verify);
    CoreJsonWebKeySet::new(
        keys.filter_map(|key| serde_json::from_value(key).ok())
            .collect(),
    )
}

/// What openidconnect does not look at: `key_ops` (RFC 7517 §4.3) and the length of an RSA key.
fn may_verify(key: &Value) -> bool {
    let for_signatures = key.get("key_ops").is_none_or(|operations| {
        operations
            .as_array()
            .is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
    });
    let long_enough = key.get("n").and_then(Value::as_str).is_none_or(|modulus| {
        BASE64_URL_SAFE_NO_PAD
            .decode(modulus)
            .is_ok_and(|bytes| bytes.iter().skip_while(|byte| **byte == 0).count() >= SHORTEST_RSA)
    });
    for_signatures && long_enough
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use openidconnect::core::CoreJwsSigningAlgorithm;

    use super::super::verify;
    use super::*;
    use crate::jwt::strict_json;

    /// The algorithm and the key's name in the header of `jws`, where a sign-in takes that algorithm.
    fn algorithm(jws: &str) -> Option<(CoreJwsSigningAlgorithm, Option<String>)> {
        let header = BASE64_URL_SAFE_NO_PAD.decode(jws.split('.').next()?).ok()?;
        let header = strict_json(&header).ok()?;
        let algorithm = verify::algorithm_called(header.get("alg")?.as_str()?)?;
        let name = header.get("kid").and_then(Value::as_str);
        Some((algorithm, name.map(str::to_owned)))
    }

    /// Whether one of `published` has signed `jws`, by an algorithm that a sign-in takes.
    fn is_signed(jws: &str, published: Vec<Value>) -> Option<()> {
        let (algorithm, name) = algorithm(jws)?;
        let (signed, signature) = jws.rsplit_once('.')?;
        let (_, payload) = signed.split_once('.')?;
        BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        let keys = usable(published);
        let mut named = keys.keys().iter().filter(|key| {
            name.is_none() || key.key_id().map(|known| known.as_str()) == name.as_deref()
        });
        named.find_map(|key| {
            key.verify_signature(&algorithm, signed.as_bytes(), &signature)
                .ok()
        })
    }

    /// A key whose primes can be guessed (CVE-2017-15361). Nothing here knows how to tell; who publishes one is to be blamed.
    const ROCA: &str = "rejectsKeyWithRocaVulnerability";

    #[test]
    #[ignore = "needs test vectors: KEYLESS_VECTORS"]
    fn published_vectors_pass_or_fail_as_they_should() {
        let folder = PathBuf::from(std::env::var_os("KEYLESS_VECTORS").expect("KEYLESS_VECTORS"));
        let mut judged = (0, 0);
        for file in ["json_web_signature_test.json", "json_web_key_test.json"] {
            let text = std::fs::read(folder.join("jose").join(file)).expect("the vectors");
            let vectors: Value = serde_json::from_slice(&text).expect("JSON");
            for group in vectors["testGroups"].as_array().expect("groups") {
                let public = &group["public"];
                let keys = public["keys"].as_array().cloned();
                let keys = keys.unwrap_or_else(|| vec![public.clone()]);
                for test in group["tests"].as_array().expect("tests") {
                    let (Some(jws), Some(comment)) =
                        (test["jws"].as_str(), test["comment"].as_str())
                    else {
                        continue; // the JSON serialization, which no ID token has
                    };
                    let applies = algorithm(jws).is_some();
                    let good = test["result"] == "valid" && applies || comment == ROCA;
                    let story = format!("{file} {} {comment}", test["tcId"]);
                    assert_eq!(is_signed(jws, keys.clone()).is_some(), good, "{story}");
                    judged.0 += usize::from(applies && good);
                    judged.1 += usize::from(applies && !good);
                }
            }
        }
        assert_eq!(
            judged,
            (20, 267),
            "how many of them use an algorithm that a sign-in takes"
        );
    }
}
