//! ID tokens as an identity provider could sign them, and the keys that it could publish.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
use hmac::Mac;
use p256::ecdsa::signature::Signer as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::CLIENT;

/// An ID token before it is signed.
#[derive(Clone, Debug)]
pub struct Token {
    /// The header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    /// Other texts of header and claims.
    pub texts: (Option<String>, Option<String>),
    /// Who signs.
    pub signer: Signer,
    /// The `state` of the request that it answers.
    pub state: String,
}

/// Who signs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The published ES256 key.
    Ec,
    /// The published RSA key, by RS256.
    Rsa,
    /// An ES256 key that nobody publishes.
    Stranger,
    /// HMAC with the published RSA key's modulus.
    HmacOfKey,
    /// HMAC with the client's name.
    HmacOfClient,
    /// Nobody: the signature is empty.
    Nobody,
}

impl Token {
    /// As it should be, but without a nonce.
    pub(super) fn right(issuer: &str) -> Self {
        Self {
            header: json!({ "alg": "ES256", "kid": "ec" }),
            claims: json!({
                "iss": issuer, "sub": "alice", "aud": CLIENT,
                "iat": now(), "exp": now() + 3600, "email": "alice@example.com",
            }),
            texts: (None, None),
            signer: Signer::Ec,
            state: String::new(),
        }
    }

    /// By RSA instead of ES256.
    pub fn rsa(&mut self) {
        self.header = json!({ "alg": "RS256", "kid": "rsa" });
        self.signer = Signer::Rsa;
    }

    /// Has a claim moved by so many seconds from now.
    pub fn at(&mut self, claim: &str, seconds: i64) {
        self.claims[claim] = json!(now().saturating_add_signed(seconds));
    }

    pub(super) fn signed(self) -> String {
        let text = |text: Option<String>, json: &Value| text.unwrap_or_else(|| json.to_string());
        let parts = [
            text(self.texts.0, &self.header),
            text(self.texts.1, &self.claims),
        ];
        let signed = parts.map(|part| URL.encode(part)).join(".");
        let signature = self.signer.sign(signed.as_bytes());
        format!("{signed}.{}", URL.encode(signature))
    }
}

impl Signer {
    fn sign(self, text: &[u8]) -> Vec<u8> {
        let ec = |key: &p256::ecdsa::SigningKey| -> Vec<u8> {
            let signature: p256::ecdsa::Signature = key.sign(text);
            signature.to_bytes().to_vec()
        };
        let hmac = |key: &[u8]| {
            let mut mac = hmac::Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        };
        match self {
            Self::Ec => ec(&EC),
            Self::Stranger => ec(&STRANGER),
            Self::Rsa => RSA.sign(text).to_vec(),
            Self::HmacOfKey => hmac(modulus().as_bytes()),
            Self::HmacOfClient => hmac(CLIENT.as_bytes()),
            Self::Nobody => Vec::new(),
        }
    }
}

static EC: LazyLock<p256::ecdsa::SigningKey> = LazyLock::new(|| ec_key(7));
static STRANGER: LazyLock<p256::ecdsa::SigningKey> = LazyLock::new(|| ec_key(8));
static RSA: LazyLock<rsa::pkcs1v15::SigningKey<Sha256>> = LazyLock::new(|| {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("a key");
    rsa::pkcs1v15::SigningKey::new(key)
});

fn ec_key(byte: u8) -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[byte; 32]).expect("a number below the curve's order")
}

fn modulus() -> String {
    URL.encode(AsRef::<rsa::RsaPrivateKey>::as_ref(&*RSA).n().to_bytes_be())
}

/// The published RSA key.
pub fn rsa_jwk() -> Value {
    json!({ "kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "e": "AQAB", "n": modulus() })
}

/// The published ES256 key.
pub fn ec_jwk() -> Value {
    jwk(&EC, "ec")
}

/// A key that signs as [`Signer::Stranger`].
pub fn stranger_jwk(kid: &str) -> Value {
    jwk(&STRANGER, kid)
}

fn jwk(key: &p256::ecdsa::SigningKey, kid: &str) -> Value {
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32); // 4, x, y: SEC 1 §2.3.3
    json!({ "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "x": URL.encode(x), "y": URL.encode(y) })
}

/// `at_hash` of `token` (OpenID Connect Core §3.1.3.6).
pub fn half_hash(token: &str) -> String {
    URL.encode(&Sha256::digest(token)[..16])
}

/// The text of `json` with one more `member` before the others.
pub fn twice(json: &Value, member: &str) -> String {
    let text = json.to_string();
    format!("{{\"{member}\":\"another\",{}", &text[1..])
}

pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}
