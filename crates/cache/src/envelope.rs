//! What an entry looks like in a store: the value, whose it is, and since when.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{Expiring, Key, Secret, Store, StoreError};

const FORMAT: u32 = 1;

/// A value as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<T> {
    pub(crate) value: T,
    pub(crate) fetched_at: SystemTime,
    /// No refresh ahead before this, by whichever process.
    pub(crate) quiet_until: Option<SystemTime>,
}

/// Seconds since 1970; the order is the order in the file.
#[derive(Serialize, Deserialize)]
struct Written<T> {
    format: u32,
    key: Key,
    fetched_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiet_until: Option<u64>,
    value: T,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl<T> Envelope<T> {
    pub(crate) fn encode(&self, key: &Key) -> Result<Secret, StoreError>
    where
        T: Serialize,
    {
        let written = Written {
            format: FORMAT,
            key: *key,
            fetched_at: seconds(self.fetched_at),
            quiet_until: self.quiet_until.map(seconds),
            value: &self.value,
        };
        // What serde says may quote the value.
        serde_json::to_string(&written)
            .map(Secret::new)
            .map_err(|_| {
                StoreError::unavailable(
                    "a value that can be written as JSON",
                    "one that cannot",
                    "report this as a bug of the type that is cached",
                )
            })
    }

    pub(crate) fn decode(key: &Key, text: &Secret) -> Result<Self, StoreError>
    where
        T: for<'de> Deserialize<'de>,
    {
        // The format first: another one need not have the other members.
        let head: Head = serde_json::from_str(text.expose()).map_err(|error| unreadable(&error))?;
        if head.format != FORMAT {
            let found = format!("format {}", head.format);
            return Err(corrupt(&format!("format {FORMAT}"), &found));
        }
        let written: Written<T> =
            serde_json::from_str(text.expose()).map_err(|error| unreadable(&error))?;
        if written.key != *key {
            return Err(corrupt(
                &format!("an entry for {key:?}"),
                &format!("one for {:?}", written.key),
            ));
        }
        let fetched_at = time(written.fetched_at)
            .ok_or_else(|| corrupt("the seconds since 1970", "a number too large for a time"))?;
        let quiet_until = written.quiet_until.and_then(time);
        Ok(Self {
            value: written.value,
            fetched_at,
            quiet_until,
        })
    }
}

/// Reads the entry `key` of `store` as a `T`, whatever its age: for a program that lists or sweeps what is kept.
///
/// # Errors
/// [`StoreError`] where the store cannot be read, or the entry is not a `T`.
pub fn read<T: Expiring>(store: &dyn Store, key: &Key) -> Result<Option<T>, StoreError> {
    let text = store.load(key)?;
    text.map(|text| Envelope::decode(key, &text).map(|envelope| envelope.value))
        .transpose()
}

/// Writes `value` as the entry `key` of `store`, as fetched at `now`: for what is kept beside the entry of a [`Cache`](crate::Cache).
///
/// # Errors
/// [`StoreError`] where the store cannot be written.
pub fn write<T: Expiring>(
    store: &dyn Store,
    key: &Key,
    value: T,
    now: SystemTime,
) -> Result<(), StoreError> {
    let envelope = Envelope {
        value,
        fetched_at: now,
        quiet_until: None,
    };
    store.save(key, &envelope.encode(key)?)
}

/// Says where the text goes wrong; what serde says of the how may quote a secret.
fn unreadable(error: &serde_json::Error) -> StoreError {
    let found = match error.classify() {
        serde_json::error::Category::Eof => "text that breaks off",
        serde_json::error::Category::Data => "JSON of another shape",
        _ => "text that is not JSON",
    };
    corrupt(
        "an entry as this version writes it",
        &format!("{found} at line {} column {}", error.line(), error.column()),
    )
}

fn corrupt(expected: &str, found: &str) -> StoreError {
    StoreError::corrupt(
        expected,
        found,
        "nothing need be done: it is replaced at the next fetch",
    )
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

fn time(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
