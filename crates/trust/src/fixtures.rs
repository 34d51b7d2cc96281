//! What the tests of several modules start from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{answer::Refusal, keys::Request, token::Token};

/// The time in these tests, a second of 2027.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) const REQUEST: Request<'static> = Request {
    role_arn: "arn:aws:iam::111122223333:role/app",
    session_name: "session",
    external_id: None,
    tags: &[],
    transitive_tag_keys: &[],
    source_identity: None,
    time: None,
};

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs())
}

pub(crate) fn jwt(header: &str, claims: &str) -> String {
    [header, claims, "signature"]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".")
}

/// Stands for a claim that is left out.
const ABSENT: &str = "(absent)";

/// A token that STS would go on with, some of its claims replaced, added or [left out](ABSENT).
pub(crate) fn read(changes: &Value) -> Result<Token, Refusal> {
    let mut claims = json!({"iss": "https://id.example.com", "sub": "alice", "aud": "keyless", "iat": NOW, "exp": NOW + 3600});
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .expect("an object")
        .retain(|_, value| value != ABSENT);
    Token::read(
        &jwt(r#"{"alg":"ES256","kid":"one"}"#, &claims.to_string()),
        now(),
    )
}
