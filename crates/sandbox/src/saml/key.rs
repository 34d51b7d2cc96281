//! Keys that sign SAML, and keys that check it.

use p256::pkcs8::DecodePublicKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _, Verifier as _};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::der;
use crate::random;

/// A private key of an identity provider.
#[derive(Clone)]
pub(crate) enum SigningKey {
    Es256(p256::ecdsa::SigningKey),
    Rsa(Box<rsa::RsaPrivateKey>),
}

/// A public key from an identity provider's metadata.
#[derive(Clone)]
pub(crate) enum PublicKey {
    Es256(p256::ecdsa::VerifyingKey),
    Rsa(Box<rsa::RsaPublicKey>),
}

/// How a text is made short before it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl SigningKey {
    /// A fresh key of the kind. One of RSA takes a second or so.
    pub(crate) fn generate(rsa: bool) -> SigningKey {
        if rsa {
            let secret = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)
                .expect("2048 bits are enough for two primes");
            return SigningKey::Rsa(Box::new(secret));
        }
        loop {
            // All but one in 2^32 of the numbers below 2^256 are keys of this curve.
            if let Ok(secret) = p256::ecdsa::SigningKey::from_slice(&random::bytes::<32>()) {
                return SigningKey::Es256(secret);
            }
        }
    }

    /// The signature, as XML signatures have it: PKCS #1 v1.5, or the two numbers of ECDSA one after the other (RFC 6931 §2.3.6).
    /// The curve goes with SHA-256 alone.
    pub(crate) fn sign(&self, hash: Hash, text: &[u8]) -> Vec<u8> {
        use rsa::pkcs1v15::SigningKey as Pkcs1;
        match self {
            SigningKey::Es256(secret) => {
                let signature: p256::ecdsa::Signature =
                    p256::ecdsa::signature::Signer::sign(secret, text);
                signature.to_bytes().to_vec()
            }
            SigningKey::Rsa(secret) => {
                let secret = (**secret).clone();
                match hash {
                    Hash::Sha256 => Pkcs1::<Sha256>::new(secret).sign(text).to_vec(),
                    Hash::Sha384 => Pkcs1::<Sha384>::new(secret).sign(text).to_vec(),
                    Hash::Sha512 => Pkcs1::<Sha512>::new(secret).sign(text).to_vec(),
                }
            }
        }
    }

    /// The name of its signatures in XML (RFC 6931 §2.3).
    pub(crate) fn method(&self, hash: Hash) -> String {
        let family = match self {
            SigningKey::Es256(_) => "ecdsa",
            SigningKey::Rsa(_) => "rsa",
        };
        format!("{MORE}{family}-{}", hash.name())
    }
}

impl PublicKey {
    /// The key of an X.509 certificate, if it is of a kind that is known here.
    pub(crate) fn of_certificate(certificate: &[u8]) -> Option<PublicKey> {
        let der = der::public_key(certificate)?;
        let es256 = p256::ecdsa::VerifyingKey::from_public_key_der(der).ok();
        let rsa = || rsa::pkcs8::DecodePublicKey::from_public_key_der(der).ok();
        es256
            .map(PublicKey::Es256)
            .or_else(|| rsa().map(|key| PublicKey::Rsa(Box::new(key))))
    }

    /// Whether its owner made this signature, by the method of this name. SHA-1 and shared secrets are no methods here.
    pub(crate) fn verifies(&self, method: &str, text: &[u8], signature: &[u8]) -> bool {
        use rsa::pkcs1v15::VerifyingKey as Pkcs1;
        match (self, method.strip_prefix(MORE)) {
            (PublicKey::Es256(key), Some("ecdsa-sha256")) => {
                p256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                    p256::ecdsa::signature::Verifier::verify(key, text, &signature).is_ok()
                })
            }
            (PublicKey::Rsa(key), Some(method)) => {
                let key = (**key).clone();
                rsa::pkcs1v15::Signature::try_from(signature).is_ok_and(|signature| match method {
                    "rsa-sha256" => Pkcs1::<Sha256>::new(key).verify(text, &signature).is_ok(),
                    "rsa-sha384" => Pkcs1::<Sha384>::new(key).verify(text, &signature).is_ok(),
                    "rsa-sha512" => Pkcs1::<Sha512>::new(key).verify(text, &signature).is_ok(),
                    _ => false,
                })
            }
            _ => false,
        }
    }
}

impl Hash {
    /// The one that XML calls by this name (XML encryption §5.8; SHA-384 alone has its name from RFC 6931 §2.1.3).
    pub(crate) fn called(uri: &str) -> Option<Hash> {
        [Hash::Sha256, Hash::Sha384, Hash::Sha512]
            .into_iter()
            .find(|hash| hash.uri() == uri)
    }

    pub(crate) fn uri(self) -> String {
        match self {
            Hash::Sha384 => format!("{MORE}{}", self.name()),
            _ => format!("http://www.w3.org/2001/04/xmlenc#{}", self.name()),
        }
    }

    pub(crate) fn digest(self, text: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(text).to_vec(),
            Hash::Sha384 => Sha384::digest(text).to_vec(),
            Hash::Sha512 => Sha512::digest(text).to_vec(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Hash::Sha256 => "sha256",
            Hash::Sha384 => "sha384",
            Hash::Sha512 => "sha512",
        }
    }
}

const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";
