//! The token that a survey is made for: a JWT, or a JSON text of its claims.

use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use keyless::text;
use keyless_trust::token::Token;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::exit::{Failure, INVALID};

/// More than any token: STS takes at most 20,000 characters.
const LONGEST: u64 = 1024 * 1024;

/// Reads a token without judging its times or its signature: the question is where it would get in, were it fresh.
pub(super) fn read(reader: impl Read, name: &str, context: &Context) -> Result<Token, Failure> {
    let invalid = |why: String| {
        Failure::new(INVALID, format!("{name} holds no token: {why}"))
            .with_advice("give a file with a JWT, or with its claims as a JSON object")
    };
    let mut text = String::new();
    reader
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| invalid(error.to_string()))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let claims = if text.starts_with('{') {
        text.as_bytes().to_vec()
    } else {
        let claims = text.split('.').nth(1);
        claims
            .and_then(|claims| BASE64URL.decode(claims.trim_end_matches('=')).ok())
            .ok_or_else(|| invalid("it is neither a JWT nor JSON".into()))?
    };
    let mut claims: Map<String, Value> = serde_json::from_slice(&claims)
        .map_err(|_| invalid("its claims are no JSON object".into()))?;
    let now = seconds(context.now());
    if claims
        .get("exp")
        .and_then(Value::as_u64)
        .is_some_and(|end| end < now)
    {
        context
            .output
            .warning("the token has expired; this is what one like it could take");
    }
    for (claim, value) in [("iat", now), ("exp", now + 3600)] {
        claims.insert(claim.into(), value.into());
    }
    claims.remove("nbf");
    let header = r#"{"alg":"RS256"}"#;
    let jwt = [header, &Value::Object(claims).to_string(), ""]
        .map(|part| BASE64URL.encode(part))
        .join(".");
    Token::read(&jwt, context.now()).map_err(|refusal| invalid(refusal.message.clone()))
}

/// Whose token it is.
pub(super) fn words(token: &Token) -> String {
    text::printable(&format!(
        "{} at {}, for {}",
        token.subject(),
        token.issuer(),
        token.audience()
    ))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}
