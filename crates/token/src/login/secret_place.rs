//! Where a secret of the client's rests until it is needed: somewhere that is not a command line, and not the configuration.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keyless_cache::{Secret, StoreError};
use tokio::task::spawn_blocking;

use crate::error::{TokenError, TokenErrorKind};
use crate::source::{LastWords, Printed};

/// Where a client's secret, or its private key, is to be had. It is read each time the identity provider is about to be asked, and not before;
/// it is never printed.
#[derive(Clone)]
pub struct SecretPlace(Place);

#[derive(Clone)]
enum Place {
    AtHand(Secret),
    Command {
        program: OsString,
        arguments: Vec<OsString>,
    },
    Env {
        name: String,
        lookup: Arc<Lookup>,
    },
    File(PathBuf),
    Elsewhere {
        name: String,
        read: Arc<Read>,
    },
}

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;
type Read = dyn Fn() -> Result<Option<Secret>, StoreError> + Send + Sync;

impl SecretPlace {
    /// What `program` prints, run without a shell for at most 30 seconds. Its arguments and its standard error are shown by nothing.
    pub fn command<A: Into<OsString>>(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self(Place::Command {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        })
    }

    /// The environment variable `name`, as `lookup` has it.
    pub fn env(
        name: impl Into<String>,
        lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
    ) -> Self {
        Self(Place::Env {
            name: name.into(),
            lookup: Arc::new(lookup),
        })
    }

    /// A file that belongs to this user and that nobody else may read.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// Any other place, called `name` where something goes wrong: a keyring. `read` gives `None` where there is nothing; it may block, but has to
    /// come to an end.
    pub fn elsewhere(
        name: impl Into<String>,
        read: impl Fn() -> Result<Option<Secret>, StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self(Place::Elsewhere {
            name: name.into(),
            read: Arc::new(read),
        })
    }

    /// The text without the white space around it; `what` says in messages what is looked for, such as "the client secret".
    pub(super) async fn read(&self, what: &str) -> Result<Secret, TokenError> {
        let text = match &self.0 {
            Place::AtHand(secret) => secret.clone(),
            Place::Command { program, arguments } => {
                let printed = Printed {
                    name: "text",
                    longest: LONGEST,
                    last_words: LastWords::Unsaid,
                };
                let text = printed.by(program, arguments, COMMAND_TIMEOUT).await;
                text.map(Secret::new).map_err(|error| {
                    missing(what, &error.to_string(), error.advice().unwrap_or_default())
                })?
            }
            Place::Env { name, lookup } => from_variable(what, name, lookup(name))?,
            Place::File(path) => {
                let (path, expected) = (path.clone(), what.to_owned());
                let advice = "put it there with `umask 077` set, so that nobody else can read it";
                let read =
                    move || keyless_cache::own_file(&path, &expected, LONGEST, advice).map(Some);
                off_thread(what, "the file", read).await?
            }
            Place::Elsewhere { name, read } => {
                let read = Arc::clone(read);
                off_thread(what, name, move || read()).await?
            }
        };
        let trimmed = text.expose().trim();
        if trimmed.is_empty() {
            return Err(missing(
                what,
                &format!("{self} has nothing in it"),
                "put it there",
            ));
        }
        Ok(Secret::new(trimmed))
    }
}

/// A secret that is at hand already.
impl From<Secret> for SecretPlace {
    fn from(secret: Secret) -> Self {
        Self(Place::AtHand(secret))
    }
}

fn from_variable(what: &str, name: &str, value: Option<OsString>) -> Result<Secret, TokenError> {
    let value = value.filter(|value| !value.is_empty()).ok_or_else(|| {
        let advice = format!("set {name} for this process alone");
        missing(what, &format!("the variable {name} is not set"), &advice)
    })?;
    value.into_string().map(Secret::new).map_err(|_| {
        let advice = "check what the variable is set to";
        missing(what, &format!("the variable {name} is not text"), advice)
    })
}

async fn off_thread(
    what: &str,
    place: &str,
    read: impl FnOnce() -> Result<Option<Secret>, StoreError> + Send + 'static,
) -> Result<Secret, TokenError> {
    match spawn_blocking(read).await {
        Ok(Ok(Some(secret))) => Ok(secret),
        Ok(Ok(None)) => Err(missing(
            what,
            &format!("{place} has none"),
            "put it there, as with `keyless keep-secret NAME`",
        )),
        Ok(Err(
            StoreError::Unavailable {
                expected,
                found,
                advice,
            }
            | StoreError::Corrupt {
                expected,
                found,
                advice,
            },
        )) => Err(missing(
            what,
            &format!("expected {expected}, found {found}"),
            &advice,
        )),
        Ok(Err(error)) => Err(missing(what, &error.to_string(), error.advice())),
        Err(_) => Err(missing(
            what,
            &format!("{place} failed"),
            "report this as a bug",
        )),
    }
}

fn missing(what: &str, reason: &str, advice: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Misconfigured,
        format!("{what} cannot be had: {reason}"),
    )
    .with_advice(advice)
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::AtHand(_) => f.write_str("the text that was given"),
            Place::Command { program, .. } => {
                write!(f, "what {:?} prints", program.to_string_lossy())
            }
            Place::Env { name, .. } => write!(f, "the variable {name}"),
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Elsewhere { name, .. } => f.write_str(name),
        }
    }
}

impl fmt::Debug for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretPlace({self})")
    }
}

/// More than an RSA key of 8192 bits in PEM has, with its certificate.
const LONGEST: usize = 16 * 1024;

const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2-is-the-secret";

    #[cfg(unix)]
    fn file(folder: &tempfile::TempDir, name: &str, text: &str, mode: u32) -> SecretPlace {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("set");
        SecretPlace::file(path)
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_secret_is_read_from_wherever_it_rests_without_the_space_around_it() {
        let folder = tempfile::tempdir().expect("a folder");
        for place in [
            Secret::new(SECRET).into(),
            SecretPlace::command("echo", [SECRET]),
            SecretPlace::env("APP_SECRET", |name| {
                (name == "APP_SECRET").then(|| SECRET.into())
            }),
            file(&folder, "good", &format!("\n{SECRET}\r\n"), 0o600),
            SecretPlace::elsewhere("a vault", || Ok(Some(Secret::new(SECRET)))),
        ] {
            let read = place.read("the client secret").await;
            assert_eq!(read.expect("a secret").expose(), SECRET, "{place:?}");
            assert!(!format!("{place:?} {place}").contains("hunter2"));
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_secret_that_is_not_to_be_had_is_said_without_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let shell = |script: &str| SecretPlace::command("sh", ["-c", script]);
        let elsewhere = |answer: fn() -> Result<Option<Secret>, StoreError>| {
            SecretPlace::elsewhere("a vault", answer)
        };
        for (place, said, advised) in [
            (
                SecretPlace::command("no-such-command", [""]),
                "there is no command",
                "install it",
            ),
            (
                shell("echo hunter2-is-the-secret >&2; exit 3"),
                "\"sh\" failed (exit status: 3)",
                "by itself",
            ),
            (
                shell("true"),
                "what \"sh\" prints has nothing in it",
                "put it there",
            ),
            (
                shell("printf '\\377hunter2'"),
                "something that is not text",
                "",
            ),
            (
                SecretPlace::env("APP_SECRET", |_| None),
                "the variable APP_SECRET is not set",
                "set APP_SECRET",
            ),
            (
                SecretPlace::env("APP_SECRET", |_| Some(" ".into())),
                "has nothing in it",
                "",
            ),
            (
                SecretPlace::file(folder.path().join("none")),
                "No such file",
                "umask 077",
            ),
            (
                SecretPlace::file(folder.path()),
                "something else than a file",
                "",
            ),
            (
                file(&folder, "open", SECRET, 0o644),
                "found mode 0644",
                "chmod 600",
            ),
            (
                file(&folder, "long", &"hunter2".repeat(4000), 0o600),
                "a longer file",
                "",
            ),
            (elsewhere(|| Ok(None)), "a vault has none", "keep-secret"),
            (
                elsewhere(|| Err(StoreError::unavailable("an answer", "none", "unlock it"))),
                "expected an answer, found none",
                "unlock it",
            ),
            (elsewhere(|| panic!("hunter2")), "a vault failed", ""),
        ] {
            let error = place.read("the client secret").await.expect_err("none");
            assert_eq!(error.kind(), TokenErrorKind::Misconfigured, "{error}");
            let (message, advice) = (error.to_string(), error.advice().unwrap_or_default());
            assert!(
                message.starts_with("the client secret cannot be had: "),
                "{message}"
            );
            assert!(
                message.contains(said) && advice.contains(advised),
                "{message}; {advice}"
            );
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
