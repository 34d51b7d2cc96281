//! Where a client's secret or key rests, as a configuration says it: never in the configuration itself.

use std::fmt;
use std::path::PathBuf;

use keyless_token::login::{LoginBuilder, SecretPlace};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::Identity;
use crate::environment::Environment;
use crate::error::ConfigError;

impl Identity {
    /// `login`, with what its client proves itself with.
    pub(super) fn with_its_client(
        &self,
        mut login: LoginBuilder,
        environment: &Environment,
    ) -> Result<LoginBuilder, ConfigError> {
        if let Some(secret) = &self.client_secret {
            login = login.client_secret(secret.place(environment)?);
        }
        if let Some(key) = &self.private_key {
            login = login.private_key(key.place(environment)?);
        }
        if let Some(way) = self.client_auth {
            login = login.client_authentication(way);
        }
        if let Some(binds) = self.dpop {
            login = login.dpop(binds);
        }
        Ok(login)
    }
}

/// Where a secret rests. `Debug` shows no command: its arguments may be secrets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretAt {
    /// What this command prints: the program, then its arguments.
    Command(Vec<String>),
    /// An environment variable.
    Env(String),
    /// A file that only this user can read.
    File(PathBuf),
    /// In the keyring of the system, under the service `keyless` and this name.
    Keyring(String),
}

impl SecretAt {
    /// The service that keyring entries are kept under.
    pub const SERVICE: &str = "keyless";

    /// The place itself. Nothing is read yet.
    ///
    /// # Errors
    /// Where the command is empty, or this program was built without a keyring.
    fn place(&self, environment: &Environment) -> Result<SecretPlace, ConfigError> {
        match self {
            Self::Command(command) => {
                let (program, arguments) = command.split_first().ok_or_else(|| {
                    ConfigError::new("the command that prints the secret is empty")
                        .with_advice("write it as a list: the program, then its arguments")
                })?;
                Ok(SecretPlace::command(program, arguments))
            }
            Self::Env(name) => {
                let environment = environment.clone();
                Ok(SecretPlace::env(name, move |name| environment.os(name)))
            }
            Self::File(path) => Ok(SecretPlace::file(path)),
            Self::Keyring(name) => in_keyring(name),
        }
    }
}

#[cfg(feature = "keyring")]
#[expect(clippy::unnecessary_wraps, reason = "it fails without the feature")]
fn in_keyring(name: &str) -> Result<SecretPlace, ConfigError> {
    let item = keyless_cache::KeyringItem::new(SecretAt::SERVICE, name);
    let shown = format!("the keyring's entry {name:?}");
    Ok(SecretPlace::elsewhere(shown, move || item.read()))
}

#[cfg(not(feature = "keyring"))]
fn in_keyring(_name: &str) -> Result<SecretPlace, ConfigError> {
    Err(
        ConfigError::new("the secret is in a keyring, and this program was built without one")
            .with_advice(
                "use a keyless that was built with feature keyring, or keep the secret elsewhere",
            ),
    )
}

impl fmt::Debug for SecretAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(_) => f.write_str("Command(..)"),
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Keyring(name) => f.debug_tuple("Keyring").field(name).finish(),
        }
    }
}

/// `{ command = […] }`, `{ env = "NAME" }`, `{ file = "PATH" }` or `{ keyring = "NAME" }`.
impl<'de> Deserialize<'de> for SecretAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Place)
    }
}

struct Place;

impl<'de> Visitor<'de> for Place {
    type Value = SecretAt;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the place of a secret, such as { env = \"NAME\" }")
    }

    /// The text itself is not quoted.
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<SecretAt, E> {
        Err(E::custom(PLAIN))
    }

    /// What serde says of a wrong value may quote it.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretAt, A::Error> {
        let wrong = || A::Error::custom(ONE_PLACE);
        let name: String = map.next_key()?.ok_or_else(wrong)?;
        let place = match name.as_str() {
            "command" => map.next_value().map(SecretAt::Command),
            "env" => map.next_value().map(SecretAt::Env),
            "file" => map.next_value().map(SecretAt::File),
            "keyring" => map.next_value().map(SecretAt::Keyring),
            _ => return Err(wrong()),
        };
        let place = place.map_err(|_| wrong())?;
        match map.next_key::<String>()? {
            None => Ok(place),
            Some(_) => Err(wrong()),
        }
    }
}

const ONE_PLACE: &str = "a secret is at one place: { command = [\"pass\", \"show\", \"x\"] }, { env = \"NAME\" }, { file = \"PATH\" } or { keyring = \"NAME\" }";

/// It is copied into backups, tickets and repositories.
const PLAIN: &str = "a secret does not belong in this file; say where it is: { command = [\"pass\", \"show\", \"x\"] }, { env = \"NAME\" }, { file = \"PATH\" } or { keyring = \"NAME\" }";

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Table {
        client_secret: SecretAt,
    }

    fn read(value: &str) -> Result<SecretAt, String> {
        let table: Result<Table, toml::de::Error> =
            toml::from_str(&format!("client_secret = {value}"));
        table
            .map(|table| table.client_secret)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_secret_is_at_one_of_four_places() {
        for (value, place) in [
            (
                "{ command = [\"pass\", \"show\", \"x\"] }",
                SecretAt::Command(["pass", "show", "x"].map(str::to_owned).into()),
            ),
            (
                "{ env = \"APP_SECRET\" }",
                SecretAt::Env("APP_SECRET".into()),
            ),
            (
                "{ file = \"/run/secret\" }",
                SecretAt::File("/run/secret".into()),
            ),
            ("{ keyring = \"app\" }", SecretAt::Keyring("app".into())),
        ] {
            assert_eq!(read(value), Ok(place));
        }
    }

    #[test]
    fn a_secret_in_the_file_itself_is_refused_and_not_repeated() {
        for (value, said) in [
            ("\"hunter2\"", "does not belong in this file"),
            ("{ env = \"A\", file = \"hunter2\" }", "at one place"),
            ("{ text = \"hunter2\" }", "at one place"),
            ("{ env = [\"hunter2\"] }", "at one place"),
            ("{ }", "at one place"),
            ("[\"hunter2\"]", "the place of a secret"),
            ("7", "the place of a secret"),
        ] {
            let message = read(value).expect_err(value);
            assert!(
                message.contains(said) && !message.contains("hunter2"),
                "{message}"
            );
        }
        let command = SecretAt::Command(vec!["echo".into(), "hunter2".into()]);
        assert!(!format!("{command:?}").contains("hunter2"));
    }
}
