//! The name of an entry: a digest of everything that sets it apart from others.

use std::{error, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// SHA-256 over labelled, length-prefixed parts; written as 64 lower-case hex digits.
///
/// Two keys are equal only if their kinds and all their parts are, in the same order: lengths and counts are hashed too, so
/// `("a", "bc")` and `("ab", "c")` differ.
///
/// ```
/// use keyless_cache::Key;
///
/// let session = Key::of("session").part("role", "arn:aws:iam::111122223333:role/app").parts("policies", ["p1", "p2"]).finish();
/// assert_eq!(session.to_string().len(), 64);
/// assert_eq!(session.to_string().parse(), Ok(session));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// Begins a key. `kind` keeps different sorts of entries apart: `"sign-in"`, `"session"`.
    pub fn of(kind: &str) -> KeyBuilder {
        KeyBuilder(Sha256::new()).part("kind", kind)
    }
}

/// Takes the parts of a [`Key`], one after the other; made by [`Key::of`].
#[derive(Clone)]
#[must_use = "nothing is named before `finish`"]
pub struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// Adds one value under a label.
    pub fn part(self, label: &str, value: impl AsRef<[u8]>) -> Self {
        self.head(b'1', label).bytes(value.as_ref())
    }

    /// Adds a list of values under a label; their order and their number count.
    pub fn parts<I: IntoIterator<Item: AsRef<[u8]>>>(self, label: &str, values: I) -> Self {
        // The number goes last, so that any iterator will do: each value is told from it by its own mark.
        let (builder, count) = values.into_iter().fold(
            (self.head(b'*', label), 0_u64),
            |(builder, count), value| (builder.mark(b',').bytes(value.as_ref()), count + 1),
        );
        builder.mark(b'#').number(count)
    }

    /// The key.
    pub fn finish(self) -> Key {
        Key(self.0.finalize().into())
    }

    fn head(self, mark: u8, label: &str) -> Self {
        self.mark(mark).bytes(label.as_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self = self.number(bytes.len() as u64);
        self.0.update(bytes);
        self
    }

    fn number(mut self, number: u64) -> Self {
        self.0.update(number.to_be_bytes());
        self
    }

    fn mark(mut self, mark: u8) -> Self {
        self.0.update([mark]);
        self
    }
}

impl fmt::Debug for KeyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyBuilder(..)")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(")?;
        self.0[..6]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let lower_hex = text.len() == 64
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !lower_hex {
            return Err(KeyError);
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| KeyError)?;
        }
        Ok(Self(bytes))
    }
}

/// The text is not a [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key is 64 lower-case hex digits")
    }
}

impl error::Error for KeyError {}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
