//! The identity provider's signing keys: a current one, the next, and none of those before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use rsa::signature::{SignatureEncoding as _, Signer as _, Verifier as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use crate::random;

/// What is published under `jwks_uri`, with the private halves.
#[derive(Clone)]
pub(crate) struct KeyRing {
    current: Key,
    next: Key,
    rsa: Option<Key>, // signs instead of `current` when there is one, as at most identity providers
}

#[derive(Clone)]
struct Key {
    id: String,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Es256(p256::ecdsa::SigningKey),
    Rs256(Box<rsa::pkcs1v15::SigningKey<sha2::Sha256>>),
}

impl KeyRing {
    /// Fresh keys. With `rsa` it takes a second or so.
    pub(crate) fn generate(rsa: bool) -> KeyRing {
        KeyRing {
            current: Key::es256(),
            next: Key::es256(),
            rsa: rsa.then(Key::rs256),
        }
    }

    /// The keys after one rotation: the next is current, the current one is no longer published.
    pub(crate) fn rotated(&self) -> KeyRing {
        KeyRing {
            current: self.next.clone(),
            next: Key::es256(),
            rsa: self.rsa.as_ref().map(|_| Key::rs256()),
        }
    }

    pub(crate) fn has_rsa(&self) -> bool {
        self.rsa.is_some()
    }

    /// The JSON Web Key Set (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": self.published().map(Key::jwk).collect::<Vec<_>>() })
    }

    /// A JWT with exactly these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let key = self.rsa.as_ref().unwrap_or(&self.current);
        let header = json!({ "alg": key.algorithm(), "typ": "JWT", "kid": key.id });
        let signed = [header, claims.clone()]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let signature = match &key.secret {
            Secret::Es256(secret) => {
                let signature: p256::ecdsa::Signature = secret.sign(signed.as_bytes());
                URL_SAFE_NO_PAD.encode(signature.to_bytes())
            }
            Secret::Rs256(secret) => {
                URL_SAFE_NO_PAD.encode(secret.sign(signed.as_bytes()).to_bytes())
            }
        };
        format!("{signed}.{signature}")
    }

    /// Whether a published key has this id.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.published().any(|key| key.id == id)
    }

    /// Whether the key of this id made this signature, by this algorithm.
    pub(crate) fn verifies(
        &self,
        id: &str,
        algorithm: &str,
        signed: &[u8],
        signature: &[u8],
    ) -> bool {
        self.published()
            .find(|key| key.id == id && key.algorithm() == algorithm)
            .is_some_and(|key| match &key.secret {
                Secret::Es256(secret) => {
                    p256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                        secret.verifying_key().verify(signed, &signature).is_ok()
                    })
                }
                Secret::Rs256(secret) => {
                    rsa::pkcs1v15::Signature::try_from(signature).is_ok_and(|signature| {
                        let public = rsa::signature::Keypair::verifying_key(&**secret);
                        public.verify(signed, &signature).is_ok()
                    })
                }
            })
    }

    fn published(&self) -> impl Iterator<Item = &Key> {
        [&self.current, &self.next].into_iter().chain(&self.rsa)
    }
}

impl Key {
    fn es256() -> Key {
        let secret = loop {
            // All but one in 2^32 of the numbers below 2^256 are keys of this curve.
            if let Ok(secret) = p256::ecdsa::SigningKey::from_slice(&random::bytes::<32>()) {
                break secret;
            }
        };
        Key::new(Secret::Es256(secret))
    }

    fn rs256() -> Key {
        let secret = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)
            .expect("2048 bits are enough for two primes");
        Key::new(Secret::Rs256(Box::new(rsa::pkcs1v15::SigningKey::new(
            secret,
        ))))
    }

    fn new(secret: Secret) -> Key {
        Key {
            id: URL_SAFE_NO_PAD.encode(random::bytes::<9>()),
            secret,
        }
    }

    fn algorithm(&self) -> &'static str {
        match self.secret {
            Secret::Es256(_) => "ES256",
            Secret::Rs256(_) => "RS256",
        }
    }

    fn jwk(&self) -> Value {
        let mut jwk = match &self.secret {
            Secret::Es256(secret) => {
                let point = secret.verifying_key().to_sec1_point(false);
                let coordinates = point.as_bytes()[1..].split_at(32); // 4, x, y: SEC 1 §2.3.3
                json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(coordinates.0), "y": URL_SAFE_NO_PAD.encode(coordinates.1) })
            }
            Secret::Rs256(secret) => {
                let public =
                    rsa::RsaPublicKey::from(AsRef::<rsa::RsaPrivateKey>::as_ref(&**secret));
                json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(public.n().to_bytes_be()), "e": URL_SAFE_NO_PAD.encode(public.e().to_bytes_be()) })
            }
        };
        jwk["kid"] = json!(self.id);
        jwk["alg"] = json!(self.algorithm());
        jwk["use"] = json!("sig");
        jwk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_good_until_its_key_is_rotated_out() {
        for rsa in [false, true] {
            let keys = KeyRing::generate(rsa);
            let token = keys.sign(&json!({ "sub": "alice" }));
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let header: Value = serde_json::from_slice(
                &URL_SAFE_NO_PAD
                    .decode(signed.split('.').next().unwrap())
                    .unwrap(),
            )
            .unwrap();
            let (id, algorithm) = (
                header["kid"].as_str().unwrap(),
                header["alg"].as_str().unwrap(),
            );
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();

            assert_eq!(algorithm, if rsa { "RS256" } else { "ES256" });
            assert!(keys.verifies(id, algorithm, signed.as_bytes(), &signature));
            assert!(!keys.verifies(id, algorithm, b"other words", &signature));
            assert!(!keys.verifies(id, "HS256", signed.as_bytes(), &signature));
            assert!(!keys.verifies("another", algorithm, signed.as_bytes(), &signature));
            let rotated = keys.rotated();
            assert!(!rotated.knows(id));
            assert!(!rotated.verifies(id, algorithm, signed.as_bytes(), &signature));
        }
    }

    #[test]
    fn the_next_key_is_published_before_it_signs() {
        let keys = KeyRing::generate(false);
        let next = keys.next.id.clone();
        assert!(
            keys.jwks()["keys"]
                .as_array()
                .unwrap()
                .iter()
                .any(|key| key["kid"] == next.as_str())
        );
        assert_eq!(keys.rotated().current.id, next);
    }
}
