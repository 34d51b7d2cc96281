//! What a sealed entry looks like.
//!
//! ChaCha20-Poly1305 (RFC 8439) with a random nonce for each save. Format, entry and sealing key are authenticated with the text, so that an
//! entry does not open under another name.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::aead::{Aad, CHACHA20_POLY1305, NONCE_LEN, Nonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keys::{Keys, SealingKey};
use crate::{Key, Secret, StoreError};

const FORMAT: u32 = 1;
const ADVICE: &str = "nothing need be done: it is replaced at the next fetch";

/// The order is the order in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    #[serde(rename = "sealed")]
    format: u32,
    /// The key it was sealed with.
    key_id: String,
    nonce: String,
    text: String,
}

impl Sealed {
    /// Whoever fails here says nothing about the entry's text: there is none.
    pub(super) fn read(written: &Secret) -> Result<Self, StoreError> {
        let sealed: Self = serde_json::from_str(written.expose())
            .map_err(|_| corrupt("a sealed entry", "one that is not sealed"))?;
        if sealed.format != FORMAT {
            let found = format!("format {}", sealed.format);
            return Err(corrupt(
                &format!("a sealed entry of format {FORMAT}"),
                &found,
            ));
        }
        Ok(sealed)
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The text of the entry `name`; `None` where `keys` has not the key that it was sealed with.
    pub(super) fn open(&self, name: &Key, keys: &Keys) -> Option<Result<Secret, StoreError>> {
        let key = keys.by_id(&self.key_id)?;
        Some(self.open_with(name, key).ok_or_else(|| {
            corrupt(
                "an entry as it was sealed",
                "one that has been changed or moved",
            )
        }))
    }

    fn open_with(&self, name: &Key, key: &SealingKey) -> Option<Secret> {
        let nonce = Nonce::try_assume_unique_for_key(&STANDARD.decode(&self.nonce).ok()?).ok()?;
        let mut bytes = Zeroizing::new(STANDARD.decode(&self.text).ok()?);
        let text = key
            .cipher()
            .open_in_place(nonce, bound_to(name, key), &mut bytes)
            .ok()?;
        str::from_utf8(text).ok().map(Secret::new)
    }
}

/// Seals the text of the entry `name`.
pub(super) fn seal(name: &Key, text: &Secret, key: &SealingKey) -> Result<Secret, StoreError> {
    let failed =
        |found: &str| StoreError::unavailable("an entry that can be sealed", found, "try again");
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| failed("a system without random numbers"))?;
    let plain = text.expose().as_bytes();
    // Room for the tag, so that the text is not moved and left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        plain.len() + CHACHA20_POLY1305.tag_len(),
    ));
    bytes.extend_from_slice(plain);
    key.cipher()
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            bound_to(name, key),
            &mut *bytes,
        )
        .map_err(|_| failed("a text that is too long"))?;
    let sealed = Sealed {
        format: FORMAT,
        key_id: key.id().to_owned(),
        nonce: STANDARD.encode(nonce),
        text: STANDARD.encode(&*bytes),
    };
    serde_json::to_string(&sealed)
        .map(Secret::new)
        .map_err(|_| failed("a failure of the encoder"))
}

fn bound_to(name: &Key, key: &SealingKey) -> Aad<String> {
    Aad::from(format!("keyless sealed entry {FORMAT} {name} {}", key.id()))
}

pub(super) fn corrupt(expected: &str, found: &str) -> StoreError {
    StoreError::corrupt(expected, found, ADVICE)
}
