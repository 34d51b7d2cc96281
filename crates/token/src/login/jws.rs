//! What this client signs itself: assertions of who it is (RFC 7523) and proofs that a key is its own (RFC 9449), as JWS (RFC 7515).

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64_URL};
use keyless_cache::Secret;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

/// A private key that signs: ES256 or RS256, as the key is (RFC 7518 §3.3, §3.4).
pub(super) struct SigningKey {
    pair: Pair,
    /// What the key calls itself, where it is a JSON Web Key with a name.
    name: Option<String>,
}

enum Pair {
    Ec(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

impl SigningKey {
    /// Reads a key in PEM (PKCS#8, or PKCS#1 for RSA) or a private JSON Web Key (RFC 7517). The error is a clause that says what was found, and
    /// nothing of the key.
    pub(super) fn read(text: &Secret) -> Result<Self, String> {
        if text.expose().trim_start().starts_with('{') {
            Self::of_jwk(text.expose())
        } else {
            Self::of_pem(text.expose())
        }
    }

    /// A new key for ES256, as it is to be kept: PKCS#8 in base64url. `None` where there are no random numbers.
    pub(super) fn generate() -> Option<Secret> {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).ok()?;
        Some(Secret::new(BASE64_URL.encode(document)))
    }

    /// The key that [`generate`](Self::generate) gave.
    pub(super) fn of_kept(kept: &Secret) -> Option<Self> {
        let der = Zeroizing::new(BASE64_URL.decode(kept.expose()).ok()?);
        Self::of_ec_pkcs8(&der).ok()
    }

    fn of_pem(text: &str) -> Result<Self, String> {
        let (label, der) = pem(text)?;
        match label {
            "PRIVATE KEY" => Self::of_ec_pkcs8(&der).or_else(|_| {
                RsaKeyPair::from_pkcs8(&der)
                    .map(Self::rsa)
                    .map_err(|error| format!("neither a P-256 nor an RSA key ({error})"))
            }),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der)
                .map(Self::rsa)
                .map_err(|error| format!("an RSA key that cannot be used ({error})")),
            other => Err(format!("a PEM block \"{}\"", crate::text::printable(other))),
        }
    }

    fn of_ec_pkcs8(der: &[u8]) -> Result<Self, String> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
            .map(|pair| Self {
                pair: Pair::Ec(Box::new(pair)),
                name: None,
            })
            .map_err(|error| error.to_string())
    }

    fn rsa(pair: RsaKeyPair) -> Self {
        Self {
            pair: Pair::Rsa(Box::new(pair)),
            name: None,
        }
    }

    fn of_jwk(text: &str) -> Result<Self, String> {
        // Not told: what serde says of a wrong value quotes it.
        let jwk: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| "JSON that is no key".to_owned())?;
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| {
            let decoded = text(name).and_then(|value| BASE64_URL.decode(value).ok());
            decoded
                .map(Zeroizing::new)
                .ok_or_else(|| format!("a JSON Web Key without its private part ({name})"))
        };
        let pair = match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => {
                let (x, y, d) = (bytes("x")?, bytes("y")?, bytes("d")?);
                let point = [&[4], &x[..], &y[..]].concat(); // uncompressed (SEC 1 §2.3.3)
                EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    &d,
                    &point,
                    &SystemRandom::new(),
                )
                .map(|pair| Pair::Ec(Box::new(pair)))
            }
            (Some("RSA"), _) => {
                let parts = ring::rsa::KeyPairComponents {
                    public_key: ring::rsa::PublicKeyComponents {
                        n: bytes("n")?,
                        e: bytes("e")?,
                    },
                    d: bytes("d")?,
                    p: bytes("p")?,
                    q: bytes("q")?,
                    dP: bytes("dp")?,
                    dQ: bytes("dq")?,
                    qInv: bytes("qi")?,
                };
                RsaKeyPair::from_components(&parts).map(|pair| Pair::Rsa(Box::new(pair)))
            }
            _ => return Err("a JSON Web Key that is neither P-256 nor RSA".to_owned()),
        };
        Ok(Self {
            pair: pair.map_err(|error| format!("a JSON Web Key that cannot be used ({error})"))?,
            name: text("kid").map(str::to_owned),
        })
    }

    /// The JWS algorithm that the key signs with.
    pub(super) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ec(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// The public half as a JSON Web Key with the members that its thumbprint counts, in their order (RFC 7638 §3.2). Only for a key on a curve.
    pub(super) fn public_jwk(&self) -> Option<Value> {
        let Pair::Ec(pair) = &self.pair else {
            return None;
        };
        let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
        let (x, y) = (BASE64_URL.encode(x), BASE64_URL.encode(y));
        Some(json!({"crv": "P-256", "kty": "EC", "x": x, "y": y}))
    }

    /// `claims` signed, in compact form, with `header` beside the algorithm and the key's name.
    pub(super) fn sign(&self, mut header: Map<String, Value>, claims: &Value) -> Option<Secret> {
        header.insert("alg".into(), self.algorithm().into());
        if let Some(name) = &self.name {
            header.insert("kid".into(), name.as_str().into());
        }
        let (header, claims) = (Value::Object(header).to_string(), claims.to_string());
        let signed = format!(
            "{}.{}",
            BASE64_URL.encode(header),
            BASE64_URL.encode(claims)
        );
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ec(pair) => pair
                .sign(&random, signed.as_bytes())
                .ok()?
                .as_ref()
                .to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let message = signed.as_bytes();
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .ok()?;
                signature
            }
        };
        Some(Secret::new(format!(
            "{signed}.{}",
            BASE64_URL.encode(signature)
        )))
    }
}

/// 128 bits that nobody has used before, as text.
pub(super) fn unique() -> Option<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    Some(BASE64_URL.encode(random))
}

/// The first block of `text` that is a private key, or else the first one: a certificate may stand before the key (RFC 7468).
fn pem(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), String> {
    let none = || "neither PEM nor a JSON Web Key".to_owned();
    let blocks: Vec<(&str, &str)> = text
        .split("-----BEGIN ")
        .skip(1)
        .filter_map(|block| {
            let (label, rest) = block.split_once("-----")?;
            Some((label, rest.split_once("-----END ")?.0))
        })
        .collect();
    let of_a_key = blocks
        .iter()
        .find(|(label, _)| label.ends_with("PRIVATE KEY"));
    let &(label, body) = of_a_key.or(blocks.first()).ok_or_else(none)?;
    let body: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    let der = BASE64_STANDARD.decode(body.as_bytes()).map_err(|_| {
        format!(
            "a PEM block \"{}\" that cannot be read",
            crate::text::printable(label)
        )
    })?;
    Ok((label, Zeroizing::new(der)))
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    /// RFC 7515 appendix A.3.1.
    const EXAMPLE: &str = r#"{"kty":"EC","crv":"P-256","kid":"one","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

    fn pem(label: &str, der: &str) -> String {
        format!("-----BEGIN {label}-----\n{der}\n-----END {label}-----\n")
    }

    #[test]
    fn what_is_signed_is_checked_with_the_public_half() {
        let kept = SigningKey::generate().expect("random numbers");
        let der = BASE64_URL.decode(kept.expose()).expect("base64");
        let written = format!(
            "{}{}",
            pem("CERTIFICATE", "MIIB"),
            pem("PRIVATE KEY", &BASE64_STANDARD.encode(der))
        );
        let keys = [
            (SigningKey::read(&Secret::new(EXAMPLE)), Some("one")),
            (SigningKey::read(&Secret::new(written)), None),
            (SigningKey::of_kept(&kept).ok_or_else(String::new), None),
        ];
        for (key, name) in keys {
            let key = key.unwrap_or_else(|found| panic!("{found}"));
            let token = key.sign(Map::new(), &json!({"sub": "me"})).expect("signed");
            let (signed, signature) = token.expose().rsplit_once('.').expect("three parts");
            let header = signed.split('.').next().expect("a header");
            let header: Value =
                serde_json::from_slice(&BASE64_URL.decode(header).expect("base64")).expect("JSON");
            assert_eq!(
                (header["alg"].as_str(), header["kid"].as_str()),
                (Some("ES256"), name)
            );
            let jwk = key.public_jwk().expect("on a curve");
            let half = |name: &str| BASE64_URL.decode(jwk[name].as_str().expect("text"));
            let point = [vec![4], half("x").expect("x"), half("y").expect("y")].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(
                    signed.as_bytes(),
                    &BASE64_URL.decode(signature).expect("base64"),
                )
                .expect("its signature");
            assert!(jwk.get("d").is_none());
        }
    }

    #[test]
    fn what_is_no_key_is_said_without_quoting_it() {
        let of_example = |change: fn(&mut Value)| {
            let mut jwk: Value = serde_json::from_str(EXAMPLE).expect("JSON");
            change(&mut jwk);
            jwk.to_string()
        };
        for (text, found) in [
            (
                "hunter2-secret".to_owned(),
                "neither PEM nor a JSON Web Key",
            ),
            (
                pem("EC PRIVATE KEY", "MHcCAQ=="),
                "a PEM block \"EC PRIVATE KEY\"",
            ),
            (pem("ENCRYPTED PRIVATE KEY", "MHcCAQ=="), "ENCRYPTED"),
            (pem("PUBLIC KEY", "MFkw"), "PUBLIC"),
            (pem("PRIVATE KEY", "hunter2-secret"), "cannot be read"),
            (
                pem("PRIVATE KEY", "MHcCAQ=="),
                "neither a P-256 nor an RSA key",
            ),
            ("-----BEGIN PRIVATE KEY-----".to_owned(), "neither PEM"),
            (
                "{\"kty\": \"hunter2-secret\"".to_owned(),
                "JSON that is no key",
            ),
            (
                of_example(|jwk| jwk["d"] = "hunter2-secret".into()),
                "without its private part (d)",
            ),
            (
                of_example(|jwk| jwk["d"] = 2.into()),
                "without its private part (d)",
            ),
            (
                of_example(|jwk| jwk["crv"] = "P-384".into()),
                "neither P-256 nor RSA",
            ),
            (
                of_example(|jwk| jwk["kty"] = "oct".into()),
                "neither P-256 nor RSA",
            ),
            (
                of_example(|jwk| jwk["x"] = jwk["y"].clone()),
                "cannot be used",
            ),
        ] {
            let Err(said) = SigningKey::read(&Secret::new(text.as_str())) else {
                panic!("this is no key: {text}");
            };
            assert!(said.contains(found) && !said.contains("hunter2"), "{said}");
        }
    }
}
