//! A JSON Web Token read as a strict client must: nothing ambiguous passes.
//!
//! STS reads more leniently (of duplicate members the last wins, integer strings pass for timestamps); the crate
//! `keyless-trust` reads as STS does. Both are on purpose: here a token decides whose session is whose, so two readers
//! must never see two different things in it.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// What STS takes as `WebIdentityToken`, in characters (AssumeRoleWithWebIdentity, API reference).
pub(crate) const LONGEST: usize = 20_000;

/// The decoded header and claims of a token in compact serialization (RFC 7515 §3.1). No signature is checked here.
pub(crate) struct Jwt {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl Jwt {
    /// Reads `raw`; the error is a clause that says what was expected and what was found.
    pub(crate) fn read(raw: &str) -> Result<Self, String> {
        if raw.len() > LONGEST {
            return Err(format!(
                "the token is {} characters long, and AWS takes at most {LONGEST}",
                raw.len()
            ));
        }
        let parts: Vec<&str> = raw.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(format!(
                "this is not a JSON Web Token: expected three parts with dots between, found {}",
                parts.len()
            ));
        };
        if signature.is_empty() {
            return Err("the token is not signed: its third part is empty".into());
        }
        BASE64_URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| "the token's signature cannot be read as base64url".to_owned())?;
        Ok(Self {
            header: members("header", header)?,
            claims: members("claims", claims)?,
        })
    }
}

fn members(what: &str, part: &str) -> Result<Map<String, Value>, String> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| format!("the token's {what} cannot be read as base64url"))?;
    match strict_json(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(format!("expected a JSON object for the token's {what}")),
        Err(reason) => Err(format!(
            "the token's {what} cannot be read as JSON: {reason}"
        )),
    }
}

/// Parses JSON and refuses an object that names a member twice (RFC 8725 §2.4 and RFC 7519 §4 allow the refusal).
pub(crate) fn strict_json(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = map.next_entry::<String, Strict>()? {
            if members.contains_key(&name) {
                return Err(serde::de::Error::custom(format!("it names {name:?} twice")));
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}
