//! Certificates, as far as SAML needs them: one that the sandbox signs itself, and the public key in another's.
//!
//! A certificate in SAML metadata is a way to write a public key; nobody looks at the rest of it (SAML metadata
//! interoperability profile §2.6.1). So these few lines stand in for a library.

use p256::pkcs8::EncodePublicKey as _;

use super::key::{Hash, SigningKey};

/// A certificate for the key, signed by itself (RFC 5280 §4.1), from 2020 to the end of 2049.
pub(crate) fn self_signed(key: &SigningKey, name: &str) -> Vec<u8> {
    let name = element(
        SEQUENCE,
        &[&element(
            SET,
            &[&element(
                SEQUENCE,
                &[COMMON_NAME, &element(UTF8_STRING, &[name.as_bytes()])],
            )],
        )],
    );
    let (public, algorithm) = match key {
        SigningKey::Es256(secret) => (
            secret
                .verifying_key()
                .to_public_key_der()
                .map(|der| der.as_bytes().to_vec())
                .ok(),
            ECDSA_SHA256,
        ),
        SigningKey::Rsa(secret) => (
            rsa::pkcs8::EncodePublicKey::to_public_key_der(&secret.to_public_key())
                .map(|der| der.as_bytes().to_vec())
                .ok(),
            RSA_SHA256,
        ),
    };
    let algorithm = element(SEQUENCE, &[algorithm]);
    let version_3 = element(EXPLICIT_0, &[&element(INTEGER, &[&[2]])]);
    let serial = element(INTEGER, &[&[1]]);
    let validity = element(
        SEQUENCE,
        &[
            &element(UTC_TIME, &[b"200101000000Z"]),
            &element(UTC_TIME, &[b"491231235959Z"]),
        ],
    );
    let public = public.expect("a key that was just made can be written");
    let signed = element(
        SEQUENCE,
        &[
            &version_3, &serial, &algorithm, &name, &validity, &name, &public,
        ],
    );
    let signature = match key {
        SigningKey::Es256(_) => {
            p256::ecdsa::Signature::from_slice(&key.sign(Hash::Sha256, &signed))
                .map(|signature| signature.to_der().as_bytes().to_vec())
                .unwrap_or_default()
        }
        SigningKey::Rsa(_) => key.sign(Hash::Sha256, &signed),
    };
    element(
        SEQUENCE,
        &[
            &signed,
            &algorithm,
            &element(BIT_STRING, &[&[0], &signature]),
        ],
    )
}

/// The `SubjectPublicKeyInfo` of a certificate: the seventh field of what is signed, or the sixth where the version is left out.
pub(crate) fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = read(certificate)?;
    let (_, mut fields, _) = read(certificate)?;
    let before = if fields.first() == Some(&EXPLICIT_0) {
        6
    } else {
        5
    };
    for _ in 0..before {
        (_, _, fields) = read(fields)?;
    }
    let (_, _, after) = read(fields)?;
    Some(&fields[..fields.len() - after.len()])
}

/// A tag, the length of the parts together, and the parts (X.690 §8.1).
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let digits = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![tag];
    if content.len() >= 0x80 {
        out.extend(u8::try_from(0x80 | digits.len()));
    }
    // A short length is its own only digit; that of nothing is no digit at all.
    out.extend(if content.is_empty() { &[0] } else { digits });
    out.extend(content);
    out
}

/// The tag and the content of the first element, and what follows it.
fn read(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = bytes else {
        return None;
    };
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xa0;

const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
const ECDSA_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const RSA_SHA256: &[u8] = &[
    0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 0x05, 0,
];
