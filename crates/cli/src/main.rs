//! The `keyless` command: parses, calls a library, prints.

mod args;
mod aws_config;
mod command;
mod context;
mod exit;
mod flags;
mod logging;
mod output;
mod prompt;
mod terminal;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(cli) => command::run(cli),
        Err(stopped) => stopped.report(),
    }
}
