//! A key of a client, and the JWTs that it signs.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; a test may unwrap"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// An ES256 key; the same number makes the same key.
pub(crate) struct Key(SigningKey);

impl Key {
    pub(crate) fn new(number: u8) -> Key {
        Key(SigningKey::from_slice(&[number; 32]).unwrap())
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) })
    }

    /// RFC 7638: the members in the order of the alphabet, which is how they are written here.
    pub(crate) fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.jwk().to_string()))
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = [header, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}
