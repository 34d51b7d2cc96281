//! The keys that entries are sealed with, and how they are written down.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::aead::{CHACHA20_POLY1305, LessSafeKey, UnboundKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Secret;

pub(super) const LENGTH: usize = 32;
/// With 45 bytes each they fit the smallest keyring, Windows' with 2560 bytes, and no file of ours is longer.
const MOST: usize = 40;

/// One key or more: the first seals, the others still open what was sealed before a rotation that has not ended.
#[derive(Clone)]
pub(super) struct Keys(Vec<SealingKey>);

#[derive(Clone)]
pub(super) struct SealingKey {
    bytes: Zeroizing<[u8; LENGTH]>,
    id: String,
}

impl Keys {
    /// A single new key; `None` where the system has no random numbers.
    pub(super) fn random() -> Option<Self> {
        SealingKey::random().map(|key| Self(vec![key]))
    }

    /// Reads one key a line, as base64 or as hex digits. An error says what was found, and nothing of it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys: Vec<SealingKey> = lines.map(SealingKey::parse).collect::<Result<_, _>>()?;
        match keys.len() {
            0 => Err("nothing".to_owned()),
            1..=MOST => Ok(Self(keys)),
            count => Err(format!("{count} keys")),
        }
    }

    /// One base64 key a line, the one that seals first.
    pub(super) fn written(&self) -> Secret {
        // As long as it will be, so that no half of it stays behind in memory that was given back.
        let mut text = String::with_capacity(self.0.len() * 45);
        for key in &self.0 {
            STANDARD.encode_string(*key.bytes, &mut text);
            text.push('\n');
        }
        Secret::new(text)
    }

    /// The key that seals.
    pub(super) fn current(&self) -> &SealingKey {
        &self.0[0] // there is always one
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&SealingKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// These with a new one before them, and without the oldest where there are too many; `None` where the system has no random numbers.
    pub(super) fn with_another(&self) -> Option<Self> {
        let new = SealingKey::random()?;
        let all = std::iter::once(new).chain(self.0.iter().cloned());
        Some(Self(all.take(MOST).collect()))
    }

    /// The one that seals alone.
    pub(super) fn current_only(&self) -> Self {
        Self(vec![self.current().clone()])
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.written() == other.written()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| &key.id))
            .finish()
    }
}

impl SealingKey {
    fn new(bytes: Zeroizing<[u8; LENGTH]>) -> Self {
        let digest = Sha256::new()
            .chain_update("keyless store key")
            .chain_update(*bytes)
            .finalize();
        let id = STANDARD.encode(&digest[..9]);
        Self { bytes, id }
    }

    fn random() -> Option<Self> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        getrandom::fill(&mut *bytes).ok()?;
        Some(Self::new(bytes))
    }

    fn parse(line: &str) -> Result<Self, String> {
        let bytes = if line.len() == 2 * LENGTH {
            hex(line).ok_or("64 characters that are not all hex digits")?
        } else {
            Zeroizing::new(
                STANDARD
                    .decode(line)
                    .map_err(|_| "text that is neither base64 nor hex digits")?,
            )
        };
        let mut key = Zeroizing::new([0; LENGTH]);
        if bytes.len() != LENGTH {
            return Err(format!("{} bytes", bytes.len()));
        }
        key.copy_from_slice(&bytes);
        Ok(Self::new(key))
    }

    /// What entries say that were sealed with it; tells nothing of the key.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(
            UnboundKey::new(&CHACHA20_POLY1305, &*self.bytes)
                .expect("32 bytes, as the cipher wants"),
        )
    }
}

fn hex(line: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = line.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect::<Option<Vec<u8>>>()
        .map(Zeroizing::new)
}
