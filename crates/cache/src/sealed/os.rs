//! The keyring of the system: the Secret Service (GNOME Keyring, KWallet, KeePassXC), macOS' Keychain, Windows' Credential Manager.
//!
//! Keychain and Credential Manager are written to their libraries' documentation, and untried.

use super::KeySource;
use super::source::{DEADLINE, within};
use crate::{Secret, StoreError};

/// One text of this user's in the keyring of the system, by the names that other programs find it under: `secret-tool lookup service SERVICE
/// username ACCOUNT`, or the Keychain's and the Credential Manager's own.
///
/// Each call takes 5 seconds at the most. Nobody is asked for a password: a keyring that is locked counts as not to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringItem {
    service: String,
    account: String,
}

impl KeyringItem {
    /// The text that `service` and `account` name. Nothing is read yet.
    pub fn new(service: impl Into<String>, account: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            account: account.into(),
        }
    }

    /// The text, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the keyring cannot be asked.
    pub fn read(&self) -> Result<Option<Secret>, StoreError> {
        self.ask(platform::read)
    }

    /// Puts `text` there, in place of what is there.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn write(&self, text: &Secret) -> Result<(), StoreError> {
        let text = text.clone();
        self.ask(move |service, account| platform::write(service, account, &text))
    }

    /// Removes it; whether there was one.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn remove(&self) -> Result<bool, StoreError> {
        self.ask(platform::remove)
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&str, &str) -> Result<T, String> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Self { service, account } = self.clone();
        within(DEADLINE, move || work(&service, &account)).map_err(|found| {
            StoreError::unavailable(
                format!("an answer from {}", platform::NAME),
                found,
                "unlock it, or keep the text somewhere else",
            )
        })
    }
}

impl KeySource {
    /// The keyring of the system, in which `service` and `account` name the key. It is never made to ask a person: one that is locked
    /// counts as not to be had.
    pub fn keyring(service: &str, account: &str) -> Self {
        let item = || (service.to_owned(), account.to_owned());
        let ((service, account), (to_service, to_account)) = (item(), item());
        Self::elsewhere(
            platform::NAME,
            move || platform::read(&service, &account),
            move |text| platform::write(&to_service, &to_account, text),
        )
    }
}

#[cfg(not(any(windows, target_os = "macos")))]
mod platform {
    use std::collections::HashMap;

    use dbus_secret_service::{EncryptionType, Error, Item, SecretService};
    use zeroize::Zeroizing;

    use crate::Secret;

    pub(super) const NAME: &str = "the keyring (Secret Service)";

    pub(super) fn read(service: &str, account: &str) -> Result<Option<Secret>, String> {
        let keyring = connect()?;
        let Some(item) = find(&keyring, service, account)? else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(item.get_secret().map_err(told)?);
        str::from_utf8(&bytes)
            .map(|text| Some(Secret::new(text)))
            .map_err(|_| "bytes that are no text".to_owned())
    }

    pub(super) fn write(service: &str, account: &str, text: &Secret) -> Result<(), String> {
        let keyring = connect()?;
        let (bytes, kind) = (text.expose().as_bytes(), "text/plain");
        if let Some(item) = find(&keyring, service, account)? {
            return item.set_secret(bytes, kind).map_err(told);
        }
        let collection = match keyring.get_default_collection() {
            Err(Error::NoResult) => return Err("no default keyring".to_owned()),
            found => found.map_err(told)?,
        };
        collection.ensure_unlocked().map_err(told)?;
        let created =
            collection.create_item(service, attributes(service, account), bytes, true, kind);
        created.map(drop).map_err(told)
    }

    pub(super) fn remove(service: &str, account: &str) -> Result<bool, String> {
        let keyring = connect()?;
        let item = find(&keyring, service, account)?;
        item.map_or(Ok(false), |item| item.delete().map(|()| true).map_err(told))
    }

    /// What goes over the bus is not encrypted once more: whoever could read along could ask the keyring. With no time for a prompt,
    /// there is none.
    fn connect() -> Result<SecretService, String> {
        SecretService::connect_with_max_prompt_timeout(EncryptionType::Plain, 0).map_err(told)
    }

    fn find<'a>(
        keyring: &'a SecretService,
        service: &str,
        account: &str,
    ) -> Result<Option<Item<'a>>, String> {
        let mut found = keyring
            .search_items(attributes(service, account))
            .map_err(told)?;
        if let Some(item) = found.unlocked.pop() {
            return Ok(Some(item));
        }
        let locked = found.locked.pop();
        if let Some(item) = &locked {
            item.unlock().map_err(told)?; // some do so without asking
        }
        Ok(locked)
    }

    /// As other programs name their items.
    fn attributes<'a>(service: &'a str, account: &'a str) -> HashMap<&'a str, &'a str> {
        HashMap::from([("service", service), ("username", account)])
    }

    fn told(error: Error) -> String {
        match error {
            Error::Locked | Error::Prompt => "it locked".to_owned(),
            Error::Unavailable => "none on this machine".to_owned(),
            Error::Dbus(error) => error.message().unwrap_or("a failure of D-Bus").to_owned(),
            other => other.to_string(),
        }
    }
}

#[cfg(any(windows, target_os = "macos"))]
mod platform {
    #[cfg(target_os = "macos")]
    use apple_native_keyring_store::keychain::Store;
    use keyring_core::{Entry, Error, api::CredentialStoreApi};
    #[cfg(windows)]
    use windows_native_keyring_store::Store;
    use zeroize::Zeroizing;

    use crate::Secret;

    #[cfg(target_os = "macos")]
    pub(super) const NAME: &str = "the Keychain";
    #[cfg(windows)]
    pub(super) const NAME: &str = "the Credential Manager";

    pub(super) fn read(service: &str, account: &str) -> Result<Option<Secret>, String> {
        match entry(service, account)?.get_secret() {
            Ok(bytes) => {
                let bytes = Zeroizing::new(bytes);
                str::from_utf8(&bytes)
                    .map(|text| Some(Secret::new(text)))
                    .map_err(|_| "bytes that are no text".to_owned())
            }
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    pub(super) fn write(service: &str, account: &str, text: &Secret) -> Result<(), String> {
        entry(service, account)?
            .set_secret(text.expose().as_bytes())
            .map_err(told)
    }

    pub(super) fn remove(service: &str, account: &str) -> Result<bool, String> {
        match entry(service, account)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(told(error)),
        }
    }

    fn entry(service: &str, account: &str) -> Result<Entry, String> {
        Store::new()
            .and_then(|store| store.build(service, account, None))
            .map_err(told)
    }

    /// Some errors hold what was read.
    fn told(error: Error) -> String {
        match error {
            Error::BadEncoding(_) | Error::BadDataFormat(..) => {
                "something that is no key".to_owned()
            }
            Error::Ambiguous(_) => "several entries of one name".to_owned(),
            other => other.to_string(),
        }
    }
}
