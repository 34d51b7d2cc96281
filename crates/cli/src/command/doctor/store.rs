//! Checks of the store: whether what is kept is ours alone, whole, and can be kept.

use std::sync::Arc;

use keyless::profile::StoreKind;
use keyless::{FileStore, Key, Secret, Store};
use keyless_cache::{Locking, StoreError};
use serde_json::{Value, json};

use super::finding::Finding;
use super::patient::Patient;
use super::setup::plural;
use crate::exit::INVALID;

/// Whether entries can be kept in its folder, and by one process at a time.
pub(super) async fn folder(patient: Arc<Patient>) -> Finding {
    let store = match store(&patient) {
        Ok(store) => store,
        Err(finding) => return finding,
    };
    if let Some(finding) = sealing(&patient).await {
        return finding;
    }
    let shown = store.path().display();
    let health = match store.health() {
        Ok(Some(health)) => health,
        Ok(None) => {
            return Finding::pass(format!(
                "{shown} is not there yet; it is made when it is needed"
            ));
        }
        Err(error) => return broken(&error),
    };
    // Nothing else has this name, and what looks at it meanwhile finds an entry that is whole.
    let key = Key::of("doctor").finish();
    let entry = Secret::new(json!({"key": key.to_string()}).to_string());
    let probe = store
        .save(&key, &entry)
        .and_then(|()| store.try_lock(&key))
        .map(drop);
    let swept = store.remove(&key);
    if let Err(error) = probe.and(swept) {
        return broken(&error);
    }
    if let Locking::Missing(error) = &health.locking {
        return broken(error).softened();
    }
    let mode = health
        .mode
        .map_or(String::new(), |mode| format!(", mode {:o}", mode & 0o777));
    Finding::pass(format!("{shown}{mode}; it can be written, and locks work"))
}

/// What is wrong with the key, where the profile seals what it keeps: without it nothing is kept, and every call signs in anew.
async fn sealing(patient: &Patient) -> Option<Finding> {
    let access = patient.access.as_ref().ok()?;
    if access.profile().store != StoreKind::Keyring {
        return None;
    }
    let Some(store) = patient.environment().sealed_store() else {
        return Some(
            Finding::fail(INVALID, "there is no keyring to hold the store's key")
                .advised("set KEYLESS_STORE_KEY_FILE to a file with a key"),
        );
    };
    // A keyring may take its time.
    let ready = tokio::task::spawn_blocking(move || store.ready()).await;
    ready.ok()?.err().map(|error| broken(&error))
}

/// Whether every entry is whole, and ours alone.
pub(super) async fn entries(patient: Arc<Patient>) -> Finding {
    let store = match store(&patient) {
        Ok(store) => store,
        Err(finding) => return finding,
    };
    let Ok(entries) = store.list() else {
        return Finding::skip("the store cannot be read");
    };
    let bad: Vec<StoreError> = entries
        .iter()
        .filter_map(|entry| fault(&store, &entry.key))
        .collect();
    let count = plural(entries.len(), "entry").replace("entrys", "entries");
    match bad.first() {
        None => Finding::pass(format!("{count}, all of them whole")),
        Some(first) => {
            let found = broken(first).softened();
            Finding {
                said: format!("{count}, {} of them not usable: {}", bad.len(), found.said),
                ..found
            }
        }
    }
}

/// What is wrong with an entry, whatever it is of: each says its format and its own name.
fn fault(store: &FileStore, key: &Key) -> Option<StoreError> {
    let text = match store.load(key) {
        Ok(text) => text?, // gone meanwhile
        Err(error) => return Some(error),
    };
    let read: Option<Value> = serde_json::from_str(text.expose()).ok();
    let named = read.as_ref().and_then(|entry| entry.get("key")?.as_str());
    (named != Some(&key.to_string())).then(|| {
        StoreError::corrupt(
            "an entry that says its own name",
            "something else",
            "nothing need be done: it is replaced at the next fetch",
        )
    })
}

fn store(patient: &Patient) -> Result<FileStore, Finding> {
    if let Ok(access) = &patient.access
        && access.profile().store == StoreKind::Memory
    {
        return Err(Finding::skip(
            "the profile keeps nothing (store = \"memory\")",
        ));
    }
    let directory = patient.environment().store_directory();
    directory.map(FileStore::new).ok_or_else(|| {
        Finding::fail(INVALID, "there is no home folder to keep sessions in")
            .advised("set HOME, or KEYLESS_STORE_DIR to a folder, or use store = \"memory\"")
    })
}

fn broken(error: &StoreError) -> Finding {
    Finding::fail(INVALID, error.to_string()).advised(error.advice())
}
