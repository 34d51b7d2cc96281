//! What this client signs itself: assertions of who it is (RFC 7523) and proofs that a key is its own (RFC 9449), as JWS (RFC 7515).

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64_URL};
use keyless_cache::Secret;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

/// A private key that signs: ES256, or RS256 unless it is to be [PS256](Self::with_pss), as the key is (RFC 7518 §3.3 to §3.5).
pub(super) struct SigningKey {
    pair: Pair,
    /// What the key calls itself, where it is a JSON Web Key with a name (`kid`, RFC 7515 §4.1.4).
    name: Option<String>,
    /// The thumbprint of its certificate, where that stands beside it (`x5t#S256`, RFC 7515 §4.1.8).
    certificate: Option<String>,
    pss: bool,
}

enum Pair {
    Ec(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

impl SigningKey {
    /// Reads a key in PEM (PKCS#8, or PKCS#1 for RSA), with its certificate where that is there, or a private JSON Web Key (RFC 7517). The error
    /// is a clause that says what was found, and nothing of the key.
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
        ec_of_pkcs8(&der).ok().map(Self::from)
    }

    fn of_pem(text: &str) -> Result<Self, String> {
        let blocks = blocks(text);
        let &(label, body) = blocks
            .iter()
            .find(|(label, _)| label.ends_with("PRIVATE KEY"))
            .or(blocks.first())
            .ok_or("neither PEM nor a JSON Web Key")?;
        let der = der(label, body)?;
        let pair = match label {
            "PRIVATE KEY" => ec_of_pkcs8(&der).or_else(|_| {
                RsaKeyPair::from_pkcs8(&der)
                    .map(|pair| Pair::Rsa(Box::new(pair)))
                    .map_err(|error| format!("neither a P-256 nor an RSA key ({error})"))
            }),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der)
                .map(|pair| Pair::Rsa(Box::new(pair)))
                .map_err(|error| format!("an RSA key that cannot be used ({error})")),
            other => Err(format!("a PEM block \"{}\"", crate::text::printable(other))),
        }?;
        let certificate = certificate(&blocks, pair.public_key())?;
        Ok(Self {
            certificate,
            ..Self::from(pair)
        })
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
        let pair = pair.map_err(|error| format!("a JSON Web Key that cannot be used ({error})"))?;
        Ok(Self {
            name: text("kid").map(str::to_owned),
            ..Self::from(pair)
        })
    }

    /// The same key, which signs with PS256 from now on; `None` where it is no RSA key.
    pub(super) fn with_pss(self) -> Option<Self> {
        matches!(self.pair, Pair::Rsa(_)).then_some(Self { pss: true, ..self })
    }

    /// Whether a certificate stands beside it, the thumbprint of which is in each header.
    pub(super) fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    /// The JWS algorithm that the key signs with.
    pub(super) fn algorithm(&self) -> &'static str {
        match (&self.pair, self.pss) {
            (Pair::Ec(_), _) => "ES256",
            (Pair::Rsa(_), false) => "RS256",
            (Pair::Rsa(_), true) => "PS256",
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

    /// `claims` signed, in compact form, with `header` beside the algorithm and what the key is known by.
    pub(super) fn sign(&self, mut header: Map<String, Value>, claims: &Value) -> Option<Secret> {
        header.insert("alg".into(), self.algorithm().into());
        if let Some(name) = &self.name {
            header.insert("kid".into(), name.as_str().into());
        }
        if let Some(thumbprint) = &self.certificate {
            header.insert("x5t#S256".into(), thumbprint.as_str().into());
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
                let padding: &dyn RsaEncoding = if self.pss {
                    &RSA_PSS_SHA256
                } else {
                    &RSA_PKCS1_SHA256
                };
                pair.sign(padding, &random, message, &mut signature).ok()?;
                signature
            }
        };
        Some(Secret::new(format!(
            "{signed}.{}",
            BASE64_URL.encode(signature)
        )))
    }
}

impl Pair {
    /// As a certificate holds it: a point of the curve, uncompressed (RFC 5480 §2.2), or an `RSAPublicKey` (RFC 3279 §2.3.1).
    fn public_key(&self) -> &[u8] {
        match self {
            Self::Ec(pair) => pair.public_key().as_ref(),
            Self::Rsa(pair) => pair.public_key().as_ref(),
        }
    }
}

impl From<Pair> for SigningKey {
    fn from(pair: Pair) -> Self {
        Self {
            pair,
            name: None,
            certificate: None,
            pss: false,
        }
    }
}

/// Something that nobody has used before: a version 4 UUID (RFC 9562 §5.4), the form that Entra asks for.
pub(super) fn unique() -> Option<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(random));
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    Some(parts.join("-"))
}

fn ec_of_pkcs8(der: &[u8]) -> Result<Pair, String> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
        .map(|pair| Pair::Ec(Box::new(pair)))
        .map_err(|error| error.to_string())
}

/// The thumbprint of the certificate that is `public_key`'s, if there are any: those of its issuers may stand there, too.
fn certificate(blocks: &[(&str, &str)], public_key: &[u8]) -> Result<Option<String>, String> {
    let blocks = blocks.iter().filter(|(label, _)| *label == "CERTIFICATE");
    let certificates = blocks
        .map(|(label, body)| der(label, body))
        .collect::<Result<Vec<_>, _>>()?;
    // A certificate has its key to the letter. Whether it is good in every other respect is for whoever knows the client by it to say.
    let of_the_key = |der: &[u8]| der.windows(public_key.len()).any(|part| part == public_key);
    match certificates.iter().find(|der| of_the_key(der)) {
        Some(der) => Ok(Some(BASE64_URL.encode(digest(&SHA256, der)))),
        None if certificates.is_empty() => Ok(None),
        None => Err("the certificate of another key".to_owned()),
    }
}

/// The label of each block of `text`, and what stands in it (RFC 7468 §2).
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let blocks = text.split("-----BEGIN ").skip(1);
    blocks
        .filter_map(|block| {
            let (label, rest) = block.split_once("-----")?;
            Some((label, rest.split_once("-----END ")?.0))
        })
        .collect()
}

fn der(label: &str, body: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let body: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    let der = BASE64_STANDARD.decode(body.as_bytes()).map_err(|_| {
        format!(
            "a PEM block \"{}\" that cannot be read",
            crate::text::printable(label)
        )
    })?;
    Ok(Zeroizing::new(der))
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    /// RFC 7515 appendix A.3.1.
    const EXAMPLE: &str = r#"{"kty":"EC","crv":"P-256","kid":"one","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

    /// Of `openssl req -x509`.
    const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVhQs/bwDgLVCMaab8NdiYSlIR7XuEg9VBiq0PhbAjH6hRANCAARsB3oO3p2qy/FXIAG54vHka087OmTc4S9WuCPKWl1JoLifFyu/jiSFfOhx4F6/oPbCnFdmpnmov1zrxKWu/SE2";
    const ITS_CERTIFICATE: &str = "MIIBczCCARmgAwIBAgIUW05ADITPyZPSs139RzmKHWjxApgwCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDYXBwMCAXDTI2MTEyMzA0MTg1NVoYDzIxMjYxMDMwMDQxODU1WjAOMQwwCgYDVQQDDANhcHAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARsB3oO3p2qy/FXIAG54vHka087OmTc4S9WuCPKWl1JoLifFyu/jiSFfOhx4F6/oPbCnFdmpnmov1zrxKWu/SE2o1MwUTAdBgNVHQ4EFgQUMSZguweEOwwNiGvupBrHEmGOc3owHwYDVR0jBBgwFoAUMSZguweEOwwNiGvupBrHEmGOc3owDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAwELvaM4svbs+o8huyP6NyDD484gTctaN/SSYygkHVZgIhAOufLcQA7SKl0qKhCnDSvT5rY6T6ly2YfFljzj2dzHQ8";
    /// Of `openssl dgst -sha256`.
    const ITS_THUMBPRINT: &str = "Vejc-u9OFxLzta57Dq6oMVNHXqJP_jUL8A60Ab4XAjw";

    fn pem(label: &str, der: &str) -> String {
        format!("-----BEGIN {label}-----\n{der}\n-----END {label}-----\n")
    }

    #[test]
    fn what_is_signed_is_checked_with_the_public_half() {
        let kept = SigningKey::generate().expect("random numbers");
        let (key, own) = (pem("PRIVATE KEY", KEY), pem("CERTIFICATE", ITS_CERTIFICATE));
        let another = pem("CERTIFICATE", "MIIB");
        let of_pem = |blocks: &[&String]| {
            let text: String = blocks.iter().map(|block| block.as_str()).collect();
            SigningKey::read(&Secret::new(text))
        };
        let thumbprint = Some(ITS_THUMBPRINT);
        for (key, name, certificate) in [
            (SigningKey::read(&Secret::new(EXAMPLE)), Some("one"), None),
            (of_pem(&[&key]), None, None),
            (of_pem(&[&key, &own]), None, thumbprint),
            (of_pem(&[&another, &own, &key]), None, thumbprint),
            (
                SigningKey::of_kept(&kept).ok_or_else(String::new),
                None,
                None,
            ),
        ] {
            let key = key.unwrap_or_else(|found| panic!("{found}"));
            assert_eq!(key.has_certificate(), certificate.is_some());
            let token = key.sign(Map::new(), &json!({"sub": "me"})).expect("signed");
            let (signed, signature) = token.expose().rsplit_once('.').expect("three parts");
            let header = signed.split('.').next().expect("a header");
            let header: Value =
                serde_json::from_slice(&BASE64_URL.decode(header).expect("base64")).expect("JSON");
            let said = |name: &str| header.get(name).map(|value| value.as_str().expect("text"));
            assert_eq!(
                (said("alg"), said("kid"), said("x5t#S256")),
                (Some("ES256"), name, certificate)
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
                pem("PRIVATE KEY", KEY) + &pem("CERTIFICATE", "MIIB"),
                "the certificate of another key",
            ),
            (
                pem("PRIVATE KEY", KEY) + &pem("CERTIFICATE", "hunter2-secret"),
                "a PEM block \"CERTIFICATE\" that cannot be read",
            ),
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
