//! JWTs that clients sign: to prove themselves, or to prove that they hold a key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use rsa::signature::Verifier as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A JWT, read and not yet verified.
pub(super) struct Jwt {
    pub(super) header: Value,
    pub(super) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

/// The algorithms that a client may sign with.
pub(super) const ALGORITHMS: [&str; 3] = ["ES256", "RS256", "PS256"];

impl Jwt {
    pub(super) fn parse(text: &str) -> Option<Jwt> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| -> Option<Value> {
            let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
            value.is_object().then_some(value)
        };
        Some(Jwt {
            header: json(header)?,
            claims: json(claims)?,
            signed: signed.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// A claim that is a text.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims[claim].as_str()
    }

    /// Whether the claim `aud` is one of these, or a list with one of them.
    pub(super) fn is_for(&self, audiences: &[&str]) -> bool {
        let audience = &self.claims["aud"];
        let each = audience
            .as_array()
            .map_or(std::slice::from_ref(audience), Vec::as_slice);
        each.iter()
            .filter_map(Value::as_str)
            .any(|audience| audiences.contains(&audience))
    }

    /// Whether this key made the signature, by the algorithm in the header.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let signed = self.signed.as_bytes();
        match (key, self.header["alg"].as_str()) {
            (PublicKey::Es256(key), Some("ES256")) => {
                p256::ecdsa::Signature::from_slice(&self.signature)
                    .is_ok_and(|signature| key.verify(signed, &signature).is_ok())
            }
            (PublicKey::Rsa(key), Some("RS256")) => {
                let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(key.clone());
                rsa::pkcs1v15::Signature::try_from(self.signature.as_slice())
                    .is_ok_and(|signature| key.verify(signed, &signature).is_ok())
            }
            (PublicKey::Rsa(key), Some("PS256")) => {
                let key = rsa::pss::VerifyingKey::<Sha256>::new(key.clone());
                rsa::pss::Signature::try_from(self.signature.as_slice())
                    .is_ok_and(|signature| key.verify(signed, &signature).is_ok())
            }
            _ => false,
        }
    }
}

/// The public half of a client's key.
pub(super) enum PublicKey {
    Es256(p256::ecdsa::VerifyingKey),
    Rsa(rsa::RsaPublicKey),
}

impl PublicKey {
    /// Reads a JSON Web Key (RFC 7517 §4, RFC 7518 §6.2 and §6.3).
    pub(super) fn of(jwk: &Value) -> Option<PublicKey> {
        let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
        match jwk["kty"].as_str()? {
            "EC" if jwk["crv"] == "P-256" => {
                let point = [vec![4], part("x")?, part("y")?].concat(); // SEC 1 §2.3.3
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
                Some(PublicKey::Es256(key))
            }
            "RSA" => {
                let number = |name| part(name).map(|bytes| rsa::BigUint::from_bytes_be(&bytes));
                let key = rsa::RsaPublicKey::new(number("n")?, number("e")?).ok()?;
                Some(PublicKey::Rsa(key))
            }
            _ => None,
        }
    }
}

/// The thumbprint of a JSON Web Key on P-256 (RFC 7638 §3).
pub(super) fn thumbprint(jwk: &Value) -> Option<String> {
    let (x, y) = (jwk["x"].as_str()?, jwk["y"].as_str()?);
    let required = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Some(URL_SAFE_NO_PAD.encode(Sha256::digest(required)))
}
