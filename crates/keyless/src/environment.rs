//! The environment as a value, so that nothing reads a global behind one's back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Variables, and what follows from them. A clone is cheap.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl Environment {
    /// The environment of this process, read at each look-up.
    pub fn process() -> Self {
        Self(Arc::new(|name| std::env::var_os(name)))
    }

    /// These variables and no others.
    pub fn of<K: Into<String>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables: BTreeMap<String, OsString> = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self(Arc::new(move |name| variables.get(name).cloned()))
    }

    /// A variable; an empty one counts as absent.
    pub fn os(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A variable that is text; an empty one counts as absent.
    pub fn text(&self, name: &str) -> Option<String> {
        self.os(name).and_then(|value| value.into_string().ok())
    }

    /// A switch: `true` in any case.
    pub(crate) fn switch(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The region that AWS tools would use: `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub fn region(&self) -> Option<String> {
        self.text("AWS_REGION")
            .or_else(|| self.text("AWS_DEFAULT_REGION"))
    }

    /// The address of STS where another is configured: `AWS_ENDPOINT_URL_STS`, else `AWS_ENDPOINT_URL`.
    pub(crate) fn sts_endpoint(&self) -> Option<String> {
        if self.switch("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
            return None;
        }
        self.text("AWS_ENDPOINT_URL_STS")
            .or_else(|| self.text("AWS_ENDPOINT_URL"))
    }

    /// A person's own folder.
    pub fn home(&self) -> Option<PathBuf> {
        self.os(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
            .map(PathBuf::from)
    }

    /// The configuration file: `KEYLESS_CONFIG`, else `keyless/config.toml` in the platform's folder for configuration
    /// (`XDG_CONFIG_HOME` or `~/.config`; `~/Library/Application Support`; `%APPDATA%`).
    pub fn config_file(&self) -> Option<PathBuf> {
        if let Some(file) = self.os("KEYLESS_CONFIG") {
            return Some(file.into());
        }
        let folder = if cfg!(windows) {
            self.os("APPDATA").map(PathBuf::from)
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
            self.os("LOCALAPPDATA").map(PathBuf::from)
        } else if cfg!(target_os = "macos") {
            self.home()
                .map(|home| home.join("Library/Application Support"))
        } else {
            self.absolute("XDG_STATE_HOME")
                .or_else(|| self.home().map(|home| home.join(".local/state")))
        };
        Some(folder?.join("keyless").join("store"))
    }

    /// The XDG specification: a path that is not absolute is to be ignored.
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
