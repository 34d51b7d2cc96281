//! A command line that means the same with a shell and without one: some SDKs run it by `sh -c` or `cmd.exe /C`, others split it themselves.

use std::path::{Path, PathBuf};

use keyless::Environment;

use crate::exit::{Failure, INTERNAL, INVALID};

/// The words in one line. Only double quotes are understood by all who read it, and nothing inside them may be special to anybody; `#`
/// and `;` would begin a comment for some.
///
/// # Errors
/// Where a word cannot be written so.
pub(super) fn quoted(words: impl IntoIterator<Item = String>) -> Result<String, Failure> {
    let bare = |c: char| {
        c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c) || (cfg!(windows) && c == '\\')
    };
    let quotable = |c: char| bare(c) || c.is_alphanumeric() || " ~'()".contains(c);
    let mut line = Vec::new();
    for (place, word) in words.into_iter().enumerate() {
        if !word.is_empty() && word.chars().all(bare) && place > 0 {
            line.push(word);
        } else if word.chars().all(quotable) && !word.ends_with('\\') {
            line.push(format!("\"{word}\"")); // the program always: some read its folder's spaces otherwise
        } else {
            return Err(Failure::new(INVALID, format!("{word:?} cannot stand in a credential_process line that every AWS tool reads alike"))
                .with_advice("write it into a profile in config.toml, and name the profile instead"));
        }
    }
    Ok(line.join(" "))
}

/// This program's whole path: as it is found in PATH, since an upgrade may move what that leads to.
pub(super) fn this_program(environment: &Environment) -> Result<String, Failure> {
    let unknown = |reason: String| {
        Failure::new(
            INTERNAL,
            format!("this program's own path is not known: {reason}"),
        )
    };
    let itself = std::env::current_exe().map_err(|error| unknown(error.to_string()))?;
    let in_path = environment.os("PATH").and_then(|folders| {
        let name = itself.file_name()?;
        std::env::split_paths(&folders)
            .map(|folder| folder.join(name))
            .find(|candidate| candidate.is_absolute() && is_same(candidate, &itself))
    });
    let path: PathBuf = in_path.unwrap_or(itself);
    path.into_os_string()
        .into_string()
        .map_err(|_| unknown("it is not text".into()))
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_means_the_same_to_a_shell_and_to_a_splitter() {
        for words in [
            &["/opt/keyless", "credential-process", "dev"][..],
            &[
                "/home/a b/keyless",
                "credential-process",
                "--scope",
                "a b",
                "--session-name",
                "",
            ],
            &[
                "/bin/keyless",
                "--role",
                "arn:aws:iam::111122223333:role/x",
                "--authorize",
                "connection=git hub",
            ],
        ] {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            let line = quoted(words.clone()).expect("plain words");
            assert_eq!(shlex::split(&line).expect("a good line"), words, "{line}");
        }
    }

    #[test]
    fn what_somebody_would_read_otherwise_is_refused() {
        for word in [
            "$HOME", "a\"b", "`x`", "a\\b c", "100%", "a#b", "a;b", "a\nb", "x!y", "a&b", "a|b",
        ] {
            let failure = quoted(["keyless".to_owned(), word.to_owned()]);
            if cfg!(windows) && word == "a\\b c" {
                continue;
            }
            assert_eq!(failure.expect_err(word).code, INVALID);
        }
    }
}
