//! The environment as a value, so that nothing reads a global behind one's back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use keyless_cache::{FileStore, KeySource, SealedStore};

use crate::error::ConfigError;

/// Variables, and what follows from them. A clone is cheap.
#[derive(Clone)]
pub struct Environment {
    lookup: Arc<Lookup>,
    /// Once for all clones, so that a process asks a keyring once.
    sealed: Arc<OnceLock<Option<SealedStore<FileStore>>>>,
}

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl Environment {
    /// The environment of this process, read at each look-up.
    pub fn process() -> Self {
        Self::by(|name| std::env::var_os(name))
    }

    /// These variables and no others.
    pub fn of<K: Into<String>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables: BTreeMap<String, OsString> = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self::by(move |name| variables.get(name).cloned())
    }

    fn by(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self {
            lookup: Arc::new(lookup),
            sealed: Arc::default(),
        }
    }

    /// A variable; an empty one counts as absent.
    pub fn os(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// A variable that is text; an empty one counts as absent.
    ///
    /// # Errors
    /// Where it is set to something that is no text: as if it were not set, something else would be chosen than was meant.
    pub fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        self.os(name)
            .map(OsString::into_string)
            .transpose()
            .map_err(|_| {
                ConfigError::new(format!("the variable {name} is not UTF-8 text"))
                    .with_advice(format!("set {name} again, or unset it"))
            })
    }

    /// The first of these variables that is set.
    fn first_text(&self, names: [&str; 2]) -> Result<Option<String>, ConfigError> {
        match self.text(names[0])? {
            Some(text) => Ok(Some(text)),
            None => self.text(names[1]),
        }
    }

    /// A switch: `true` in any case.
    pub fn switch(&self, name: &str) -> bool {
        self.os(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The region that AWS tools would use: `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn region(&self) -> Result<Option<String>, ConfigError> {
        self.first_text(["AWS_REGION", "AWS_DEFAULT_REGION"])
    }

    /// The address of STS where another is configured: `AWS_ENDPOINT_URL_STS`, else `AWS_ENDPOINT_URL`.
    pub fn sts_endpoint(&self) -> Result<Option<String>, ConfigError> {
        if self.switch("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
            return Ok(None);
        }
        self.first_text(["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"])
    }

    /// A person's own folder. One that is not absolute is ignored: it would be another folder for each program.
    pub fn home(&self) -> Option<PathBuf> {
        self.absolute(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
    }

    /// The configuration file: `KEYLESS_CONFIG`, else `keyless/config.toml` in the platform's folder for configuration
    /// (`XDG_CONFIG_HOME` or `~/.config`; `~/Library/Application Support`; `%APPDATA%`).
    pub fn config_file(&self) -> Option<PathBuf> {
        if let Some(file) = self.os("KEYLESS_CONFIG") {
            return Some(file.into());
        }
        let folder = if cfg!(windows) {
            self.absolute("APPDATA")
        } else if cfg!(target_os = "macos") {
            self.home()
                .map(|home| home.join("Library/Application Support"))
        } else {
            self.absolute("XDG_CONFIG_HOME")
                .or_else(|| self.home().map(|home| home.join(".config")))
        };
        Some(folder?.join("keyless").join("config.toml"))
    }

    /// The folder that sign-ins and sessions are kept in: `KEYLESS_STORE_DIR`, else `keyless` in the platform's folder for
    /// state (`XDG_STATE_HOME` or `~/.local/state`; `~/Library/Application Support`; `%LOCALAPPDATA%`).
    pub fn store_directory(&self) -> Option<PathBuf> {
        if let Some(directory) = self.os("KEYLESS_STORE_DIR") {
            return Some(directory.into());
        }
        let folder = if cfg!(windows) {
            self.absolute("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            self.home()
                .map(|home| home.join("Library/Application Support"))
        } else {
            self.absolute("XDG_STATE_HOME")
                .or_else(|| self.home().map(|home| home.join(".local/state")))
        };
        Some(folder?.join("keyless").join("store"))
    }

    /// The folder that sealed entries are kept in: `sealed` in that of the others.
    pub fn sealed_directory(&self) -> Option<PathBuf> {
        Some(self.store_directory()?.join("sealed"))
    }

    /// The store of sealed entries, with the key in the file that `KEYLESS_STORE_KEY_FILE` names, else in the keyring of the system (with feature
    /// `keyring`); `None` where there is neither, or no folder. It is the same for all clones of this environment.
    pub fn sealed_store(&self) -> Option<SealedStore<FileStore>> {
        let store = || {
            let folder = self.sealed_directory()?;
            let source = KeySource::from_environment(|name| self.os(name), &folder)?;
            Some(SealedStore::new(FileStore::new(folder), source))
        };
        self.sealed.get_or_init(store).clone()
    }

    /// The XDG specification: a path that is not absolute is to be ignored. So are the others here.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::process()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(..)") // its values may be secrets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_absolute_is_none() {
        for home in ["home/me", ".", "../me"] {
            let relative = Environment::of([
                ("HOME", home),
                ("USERPROFILE", home),
                ("APPDATA", home),
                ("LOCALAPPDATA", home),
            ]);
            assert_eq!(relative.home(), None, "{home}");
            assert_eq!(relative.config_file(), None, "{home}");
            assert_eq!(relative.store_directory(), None, "{home}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_not_taken_for_unset() {
        use std::os::unix::ffi::OsStringExt;

        let broken = || OsString::from_vec(b"eu-\xff".to_vec());
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            let error = Environment::of([(name, broken())])
                .region()
                .expect_err(name);
            assert_eq!(
                error.to_string(),
                format!("the variable {name} is not UTF-8 text")
            );
        }
        for name in ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] {
            assert!(
                Environment::of([(name, broken())]).sts_endpoint().is_err(),
                "{name}"
            );
        }
    }
}
