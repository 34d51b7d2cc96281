//! Runs every test of the workspace with the real parts at hand, and adds up what cargo reports for each crate.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{report, run, spell};

/// Builds, then runs unit tests and stories with the ignored ones, then the examples in the documentation.
pub(crate) fn run_all(root: &Path, real: &Path, arguments: &[&str]) -> Result<(), String> {
    let cargo = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(words)
            .current_dir(root)
            .env("KEYLESS_REAL", real);
        if let Some(vectors) = vectors(root) {
            command.env("KEYLESS_VECTORS", vectors);
        }
        command
    };
    if vectors(root).is_none() {
        report::line(
            "xtask: KEYLESS_VECTORS is not set: the tests that need those vectors skip themselves",
        );
    }

    // All targets, so that the binaries are those of the tests' own build and nothing is compiled twice.
    report::step("building", || {
        run(&mut cargo(&["build", "--workspace", "--all-targets"]))
    })?;

    let scope = if arguments.is_empty() {
        &["--workspace", "--tests"]
    } else {
        arguments
    };
    let mut tally = Tally::default();
    let tests = [
        &["test", "--no-fail-fast"],
        scope,
        &["--", "--include-ignored"],
    ]
    .concat();
    let mut outcome = report::step("testing", || tally.run(&mut cargo(&tests)));
    // By themselves: a code block marked `ignore` is not meant to compile, and `--include-ignored` would try.
    if arguments.is_empty() {
        let documented = report::step("testing the documentation", || {
            tally.run(&mut cargo(&[
                "test",
                "--no-fail-fast",
                "--workspace",
                "--doc",
            ]))
        });
        outcome = outcome.and(documented);
    }
    tally.close()?;
    outcome
}

/// Published test vectors: where the variable says, else beside the checkout.
fn vectors(root: &Path) -> Option<PathBuf> {
    let beside = || Some(root.join("../shared/vectors")).filter(|folder| folder.is_dir());
    std::env::var_os("KEYLESS_VECTORS")
        .map(PathBuf::from)
        .or_else(beside)
}

/// What the test binaries report, added up.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Runs `cargo test`, passing its output on.
    fn run(&mut self, command: &mut Command) -> Result<(), String> {
        let spelled = spell(command);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`{spelled}` did not start: {error}"))?;
        let output = BufReader::new(child.stdout.take().expect("piped above"));
        for line in output.split(b'\n') {
            let line = line.map_err(|error| format!("`{spelled}`: {error}"))?;
            self.add(&String::from_utf8_lossy(&line));
            let mut stdout = std::io::stdout().lock();
            // Nobody may be reading; the exit code still tells.
            let _ = stdout
                .write_all(&line)
                .and_then(|()| stdout.write_all(b"\n"));
        }
        match child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{spelled}` failed: {status}")),
            Err(error) => Err(format!("`{spelled}`: {error}")),
        }
    }

    /// Counts a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; others count for nothing.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                Some((number, "ignored")) => self.skipped += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// The closing line, on stdout like those it adds up.
    fn close(&self) -> Result<(), String> {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        let _ = writeln!(
            std::io::stdout(),
            "\n{passed} passed, {failed} failed, {skipped} skipped"
        );
        if passed + failed == 0 {
            Err("no test ran".to_owned())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod test {
    use super::Tally;

    #[test]
    fn adds_up_the_closing_lines_and_nothing_else() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s",
            "7 passed; 7 failed",
        ] {
            tally.add(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 13,
                failed: 2,
                skipped: 1
            }
        );
    }
}
