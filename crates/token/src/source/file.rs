//! A proof in a file that something else keeps fresh: a Kubernetes volume, an agent, a CI job.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use keyless_cache::{Clock, Interaction};

use super::{BoxFuture, Source, Written};
use crate::error::{TokenError, TokenErrorKind};

/// Reads a token, or a SAML response, from a file, anew for every proof: kubelet replaces it at four fifths of its life.
#[derive(Clone, Debug)]
pub struct FileSource {
    path: PathBuf,
    clock: Clock,
}

impl FileSource {
    /// A source that reads `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            clock: Clock::system(),
        }
    }

    /// Judges expiry by `clock` instead of the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    fn read<P: Written>(&self) -> Result<P, TokenError> {
        let text = read_bounded::<P>(&self.path)?;
        P::read(&text, self.clock.now())
            .map_err(|error| error.within(&self.path.display().to_string()))
    }
}

impl<P: Written> Source<P> for FileSource {
    fn proof(&self, _: Interaction) -> BoxFuture<'_, Result<P, TokenError>> {
        Box::pin(std::future::ready(self.read()))
    }

    fn held(&self) -> Option<P> {
        self.read().ok()
    }
}

/// Reads no more than a proof can be long, so that a wrong path (a disk image, `/dev/zero`) does no harm.
fn read_bounded<P: Written>(path: &Path) -> Result<String, TokenError> {
    let mut bytes = Vec::new();
    // A pipe would hold the caller, and its runtime, until somebody writes into it.
    let is_other = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
    if is_other {
        return Err(TokenError::new(
            TokenErrorKind::Misconfigured,
            format!(
                "the {} file {} is not a regular file",
                P::NAME,
                path.display()
            ),
        )
        .with_advice(format!(
            "give a file, or a command that prints the {}",
            P::NAME
        )));
    }
    let read =
        File::open(path).and_then(|file| file.take(P::LONGEST as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(length) if length > P::LONGEST => Err(TokenError::new(
            TokenErrorKind::Invalid,
            format!(
                "the file {} is too long for a {}, of which AWS takes at most {} characters",
                path.display(),
                P::NAME,
                P::TAKEN
            ),
        )
        .with_advice(format!("let the {} stand there alone", P::NAME))),
        Ok(_) => String::from_utf8(bytes).map_err(|_| {
            TokenError::new(
                TokenErrorKind::Invalid,
                format!("{} is not a {}: it is not text", path.display(), P::NAME),
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(TokenError::new(
            TokenErrorKind::NotConfigured,
            format!("there is no {} file {}", P::NAME, path.display()),
        )
        .with_advice(format!(
            "check the path, and that whatever writes the {} has run",
            P::NAME
        ))),
        Err(error) => Err(TokenError::new(
            TokenErrorKind::Misconfigured,
            format!(
                "the {} file {} cannot be read: {error}",
                P::NAME,
                path.display()
            ),
        )
        .with_advice("let this user read the file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id_token::IdToken;

    #[test]
    fn what_is_longer_than_a_token_is_refused_and_not_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        // White space beside a token is nothing, and what follows it tells that this is something else.
        let space = " ".repeat(IdToken::LONGEST);
        std::fs::write(&path, &space).expect("written");
        let read = read_bounded::<IdToken>(&path);
        assert_eq!(read.expect("no longer than is read"), space);
        std::fs::write(&path, space + "x").expect("written");
        let error = read_bounded::<IdToken>(&path).expect_err("too long");
        let said = "is too long for a token, of which AWS takes at most 20000 characters";
        assert!(error.to_string().ends_with(said), "{error}");
    }
}
