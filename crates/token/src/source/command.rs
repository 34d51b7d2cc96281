//! A proof that a command prints: a CI agent, a vault, a script of one's own.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use keyless_cache::{Clock, Interaction};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::{BoxFuture, Source, Written};
use crate::error::{TokenError, TokenErrorKind};
use crate::text::printable;

/// How long the pipes of a command that has ended are still listened to.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How much of a command's standard error is looked at, in bytes.
const LONGEST_LAST_WORDS: usize = 4096;

/// Runs a command without a shell and takes the token, or the SAML response, that it prints.
///
/// Its standard error is kept out of the way and quoted, cut and cleaned, where the command fails. Its arguments are
/// shown by nothing: they may hold secrets.
#[derive(Clone)]
pub struct CommandSource {
    program: OsString,
    arguments: Vec<OsString>,
    timeout: Duration,
    clock: Clock,
}

impl CommandSource {
    /// A source that runs `program` with `arguments`, for at most 30 seconds.
    pub fn new<A: Into<OsString>>(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            timeout: Duration::from_secs(30),
            clock: Clock::system(),
        }
    }

    /// Ends the command after `timeout`.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Judges expiry by `clock` instead of the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    async fn run<P: Written>(&self) -> Result<P, TokenError> {
        let program = self.program.to_string_lossy().into_owned();
        let printed = Printed {
            name: P::NAME,
            longest: P::LONGEST,
            last_words: LastWords::Quoted,
        };
        let text = printed
            .by(&self.program, &self.arguments, self.timeout)
            .await?;
        P::read(&text, self.clock.now()).map_err(|error| error.within(&program))
    }
}

/// What a command is run for.
pub(crate) struct Printed {
    /// What messages call it.
    pub(crate) name: &'static str,
    /// In bytes; more is refused, and never cut.
    pub(crate) longest: usize,
    pub(crate) last_words: LastWords,
}

/// Whether it is told what a command said of its failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastWords {
    /// Cut and cleaned.
    Quoted,
    /// Not at all: a script that gives a secret may say that, too.
    #[cfg(feature = "login")]
    Unsaid,
}

impl Printed {
    /// What `program` prints, run without a shell.
    pub(crate) async fn by(
        &self,
        program: &OsStr,
        arguments: &[OsString],
        timeout: Duration,
    ) -> Result<String, TokenError> {
        let named = program.to_string_lossy();
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => TokenError::new(
                    TokenErrorKind::Misconfigured,
                    format!("there is no command {named:?}"),
                )
                .with_advice("install it, or give its whole path"),
                _ => TokenError::new(
                    TokenErrorKind::Misconfigured,
                    format!("{named:?} cannot be run: {error}"),
                ),
            })?;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let finished = tokio::time::timeout(timeout, async {
            // Both pipes are read at once, and to their end, so that a talkative command cannot block on a full one.
            let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
            let reading = async {
                tokio::join!(
                    read_start(stdout, self.longest + 1, &mut out),
                    read_start(stderr, LONGEST_LAST_WORDS, &mut err)
                )
            };
            let mut reading = std::pin::pin!(reading);
            tokio::select! {
                status = child.wait() => {
                    // What the command has left running may hold the pipes open; it is not waited for.
                    let _ = tokio::time::timeout(LAST_WORDS, reading).await;
                    status
                }
                _ = &mut reading => child.wait().await,
            }
        });
        let status = finished.await.map_err(|_| {
            TokenError::new(
                TokenErrorKind::Unreachable,
                format!("{named:?} gave no {} within {timeout:?}", self.name),
            )
        })?;
        let status = status.map_err(|error| {
            TokenError::new(TokenErrorKind::Unreachable, format!("{named:?}: {error}"))
        })?;
        if !status.success() {
            let said = match self.last_words {
                LastWords::Quoted => {
                    format!(": {}", printable(String::from_utf8_lossy(&err).trim()))
                }
                #[cfg(feature = "login")]
                LastWords::Unsaid => String::new(),
            };
            return Err(TokenError::new(
                TokenErrorKind::Refused,
                format!("{named:?} failed ({status}){said}"),
            )
            .with_advice("run the command by itself to see what it says"));
        }
        if out.len() > self.longest {
            let (name, longest) = (self.name, self.longest);
            return Err(TokenError::new(
                TokenErrorKind::Invalid,
                format!("{named:?} printed too much: expected a {name} of at most {longest} bytes"),
            )
            .with_advice(format!("let it print the {name} and nothing else")));
        }
        String::from_utf8(out).map_err(|_| {
            TokenError::new(
                TokenErrorKind::Invalid,
                format!("{named:?} printed something that is not text"),
            )
        })
    }
}

impl<P: Written> Source<P> for CommandSource {
    fn proof(&self, _: Interaction) -> BoxFuture<'_, Result<P, TokenError>> {
        Box::pin(self.run())
    }
}

impl fmt::Debug for CommandSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandSource")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// Puts the first bytes of `stream` into `start`; the rest is read and dropped.
async fn read_start(stream: Option<impl AsyncRead + Unpin>, most: usize, start: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    if (&mut stream)
        .take(most as u64)
        .read_to_end(start)
        .await
        .is_ok()
    {
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_longer_than_expected_is_refused_and_not_cut() {
        for (length, is_read) in [(16, true), (17, false), (1 << 20, false)] {
            let printed = Printed {
                name: "text",
                longest: 16,
                last_words: LastWords::Quoted,
            };
            let script = format!("head -c {length} /dev/zero | tr '\\0' s");
            let arguments = ["-c".into(), script.into()];
            let text = printed.by("sh".as_ref(), &arguments, Duration::from_secs(30));
            match text.await {
                Ok(text) => assert_eq!((text.len(), is_read), (length, true)),
                Err(error) => {
                    assert!(!is_read, "{length}: {error}");
                    assert_eq!(error.kind(), TokenErrorKind::Invalid);
                    let said = "\"sh\" printed too much: expected a text of at most 16 bytes";
                    assert_eq!(error.to_string(), said);
                }
            }
        }
    }
}
