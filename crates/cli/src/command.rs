//! One file for each command.

mod audit;
mod completions;
mod credential_process;
mod demo;
mod doctor;
mod env;
mod exec;
pub(crate) mod explain;
#[cfg(feature = "keyring")]
mod keep_secret;
mod lint;
mod login;
mod logout;
mod rotate_key;
mod sandbox;
mod setup;
mod status;
mod token;

use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::context::Context;

/// Does what was asked, and says so where it could not be done.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let context = match Context::new(cli.global) {
        Ok(context) => context,
        Err((output, failure)) => return output.failure(&failure),
    };
    let outcome = match cli.command {
        Command::Demo(args) => demo::run(&context, &args),
        Command::Doctor(args) => doctor::run(&context, &args, cli.global.verbose > 0),
        Command::Login(args) => login::run(&context, &args),
        Command::CredentialProcess(args) => credential_process::run(&context, &args),
        Command::Env(args) => env::run(&context, &args),
        Command::Exec(args) => exec::run(&context, &args),
        Command::Token(args) => token::run(&context, &args),
        Command::Status(args) => status::run(&context, &args),
        Command::Logout(args) => logout::run(&context, &args),
        #[cfg(feature = "keyring")]
        Command::KeepSecret(args) => keep_secret::run(&context, &args),
        Command::RotateKey => rotate_key::run(&context),
        Command::Audit(args) => audit::run(&context, &args),
        Command::Lint(args) => lint::run(&context, &args),
        Command::Setup(args) => setup::run(&context, &args),
        Command::Explain(args) => explain::run(&context, &args),
        Command::Sandbox(args) => sandbox::run(&context, &args),
        Command::Completions(args) => completions::run(&args),
    };
    outcome.unwrap_or_else(|failure| context.output.failure(&failure))
}
