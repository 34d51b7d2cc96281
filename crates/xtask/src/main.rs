//! The repository's own chores: `cargo xtask test` runs every test, `cargo xtask parts` provides what the tests need.

mod debian;
mod parts;
mod report;
mod tests;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask <chore>

  test [ARG...]   provide the real parts, then run every test, ignored ones included
                  (arguments go to `cargo test` in place of --workspace, such as `-p keyless-tests NAME`)
  parts           only provide the real parts";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["test", rest @ ..] => {
            parts::provide_all(&root()).and_then(|real| tests::run_all(&root(), &real, rest))
        }
        ["parts"] => parts::provide_all(&root()).map(drop),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            report::line(&problem);
            ExitCode::FAILURE
        }
    }
}

/// The top of the checkout, wherever the command was given.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/xtask lies two folders down")
        .to_owned()
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Result<(), String> {
    let spelled = spell(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{spelled}` failed: {status}")),
        Err(error) => Err(format!("`{spelled}` did not start: {error}")),
    }
}

/// A command as one would type it.
fn spell(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
