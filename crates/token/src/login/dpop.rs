//! DPoP (RFC 9449): refresh tokens that are good only to who holds a key.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use keyless_cache::Secret;
use serde_json::{Map, Value, json};
use url::Url;

use super::jws::{self, SigningKey};
use crate::error::{TokenError, TokenErrorKind};
use crate::jwt::strict_json;

/// The key of one sign-in, to which its refresh token is bound (§5: that of a public client).
pub(super) struct BindingKey {
    key: SigningKey,
    public: Value,
    kept: Secret,
}

impl BindingKey {
    /// A new one.
    pub(super) fn generate() -> Result<Self, TokenError> {
        let kept = SigningKey::generate();
        kept.and_then(Self::of_kept).ok_or_else(no_random_numbers)
    }

    /// The one that [`kept`](Self::kept) gave, if it still makes sense.
    pub(super) fn of_kept(kept: Secret) -> Option<Self> {
        let key = SigningKey::of_kept(&kept)?;
        let public = key.public_jwk()?;
        Some(Self { key, public, kept })
    }

    /// How to keep it: sealed, beside the refresh token that is worth nothing without it.
    pub(super) fn kept(&self) -> &Secret {
        &self.kept
    }

    /// What the key is known by in the authorization request (`dpop_jkt`, §10; RFC 7638).
    pub(super) fn thumbprint(&self) -> String {
        thumbprint(&self.public)
    }

    /// A proof for one POST to `endpoint` (§4.2).
    pub(super) fn proof(
        &self,
        endpoint: &Url,
        nonce: Option<&str>,
        now: SystemTime,
    ) -> Result<Secret, TokenError> {
        let mut address = endpoint.clone();
        address.set_query(None);
        address.set_fragment(None);
        let issued = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let id = jws::unique().ok_or_else(no_random_numbers)?;
        let mut claims = json!({"jti": id, "htm": "POST", "htu": address.as_str(), "iat": issued});
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let header = Map::from_iter([
            ("typ".to_owned(), "dpop+jwt".into()),
            ("jwk".to_owned(), self.public.clone()),
        ]);
        self.key.sign(header, &claims).ok_or_else(no_random_numbers)
    }
}

/// RFC 7638 §3: its members are in their order already.
fn thumbprint(public: &Value) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, public.to_string().as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(digest)
}

/// The nonce that the identity provider wants in the next proof (§8). It is one for all endpoints of an issuer.
#[derive(Debug, Default)]
pub(super) struct Nonce(Mutex<Option<String>>);

impl Nonce {
    pub(super) fn latest(&self) -> Option<String> {
        self.held().clone()
    }

    /// Takes the one that came with an answer, whichever answer that was (§8.2).
    pub(super) fn note(&self, headers: &HeaderMap) {
        let mut values = headers.get_all(NONCE).iter();
        if let (Some(value), None) = (values.next(), values.next())
            && let Some(nonce) = usable(value)
        {
            *self.held() = Some(nonce.to_owned());
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `answer` wants the same request once more, with the nonce that it brings (§8).
pub(super) fn wants_a_nonce(answer: &Response<Vec<u8>>) -> bool {
    let refused = matches!(
        answer.status(),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED
    );
    let has_one = answer.headers().get(NONCE).and_then(usable).is_some();
    refused
        && has_one
        && strict_json(answer.body()).is_ok_and(|said| said["error"] == "use_dpop_nonce")
}

/// A nonce is of NQCHAR (§8.1, RFC 6749 appendix A); one of more than a kilobyte would be a weight on every request.
fn usable(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let is_nqchar = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    ((1..=1024).contains(&text.len()) && text.chars().all(is_nqchar)).then_some(text)
}

fn no_random_numbers() -> TokenError {
    TokenError::new(
        TokenErrorKind::Misconfigured,
        "this machine gives no random numbers for a key",
    )
}

/// The header of a proof.
pub(super) const PROOF: &str = "dpop";

const NONCE: &str = "dpop-nonce";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::jwt::Jwt;

    #[test]
    fn a_key_is_known_by_the_thumbprint_of_the_standard() {
        // RFC 9449 §4.2 has the key, §6.1 its thumbprint.
        let public = json!({
            "crv": "P-256",
            "kty": "EC",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        });
        assert_eq!(
            thumbprint(&public),
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
        );
    }

    #[test]
    fn a_proof_says_what_is_asked_where_and_when_and_nothing_of_the_private_half() {
        let key = BindingKey::generate().expect("a key");
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let endpoint = Url::parse("https://id.example/token?tenant=1").expect("an address");
        let proof = |nonce| {
            let proof = key.proof(&endpoint, nonce, now).expect("a proof");
            Jwt::read(proof.expose()).unwrap_or_else(|reason| panic!("{reason}"))
        };
        let (first, second) = (proof(None), proof(Some("n-1")));
        assert_eq!(first.header["typ"], "dpop+jwt");
        assert_eq!(first.header["alg"], "ES256");
        let members: Vec<&String> = first.header["jwk"]
            .as_object()
            .expect("a key")
            .keys()
            .collect();
        assert_eq!(members, ["crv", "kty", "x", "y"]);
        assert_eq!(first.claims["htm"], "POST");
        assert_eq!(first.claims["htu"], "https://id.example/token");
        assert_eq!(first.claims["iat"], 1_700_000_000);
        assert_eq!(
            (first.claims.get("nonce"), &second.claims["nonce"]),
            (None, &"n-1".into())
        );
        let id = |proof: &Jwt| proof.claims["jti"].as_str().expect("text").to_owned();
        assert!(
            id(&first) != id(&second) && id(&first).len() >= 22,
            "128 bits, never twice"
        );

        let again = BindingKey::of_kept(key.kept().clone()).expect("the same key");
        assert_eq!(again.thumbprint(), key.thumbprint());
        for nonsense in ["", "not base64!", "AAAA"] {
            assert!(
                BindingKey::of_kept(Secret::new(nonsense)).is_none(),
                "{nonsense:?}"
            );
        }
    }

    #[test]
    fn a_nonce_is_taken_from_one_header_of_good_characters() {
        let long = "x".repeat(1025);
        for (values, taken) in [
            (vec!["eyJ7S_zG.eyJH0-Z.HX4w-7v"], true),
            (vec![], false),
            (vec![""], false),
            (vec!["a", "b"], false),
            (vec!["a b"], false),
            (vec!["a\"b"], false),
            (vec![long.as_str()], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(NONCE, HeaderValue::from_str(value).expect("a value"));
            }
            let nonce = Nonce::default();
            nonce.note(&headers);
            assert_eq!(nonce.latest().is_some(), taken, "{values:?}");
        }
    }
}
