//! `keyless exec`: a command, or a shell, with the session in its environment.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitCode};

use keyless::profile::SecretAt;
use keyless::text::printable;

use crate::args::Exec;
use crate::command::env::variables;
use crate::context::Context;
use crate::exit::{Failure, Outcome};
use crate::words::when;

/// What would send AWS tools to other credentials than the ones that are handed over.
const STALE: [&str; 14] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ACCOUNT_ID",
    "AWS_CREDENTIAL_FILE",
    "AWS_SESSION_EXPIRATION",
    "AWS_BEARER_TOKEN_BEDROCK",
];

pub(super) fn run(context: &Context, args: &Exec) -> Outcome {
    let chosen = context.choose(args.profile.as_deref(), &args.flags)?;
    let session = context.session(&chosen, &args.asking)?;
    let (program, arguments) = match args.command.split_first() {
        Some((program, arguments)) => (program.clone(), arguments),
        None => (shell(context), &[][..]),
    };
    if args.command.is_empty() {
        context.output.say(&format!(
            "a shell as {} until {}; `exit` leaves it",
            printable(session.assumed_role_arn()),
            when(session.expires_at(), context.now())
        ));
    }
    let mut command = Command::new(&program);
    command.args(arguments);
    for name in STALE {
        command.env_remove(name);
    }
    // What proves who one is, is not the command's to have.
    let identity = &chosen.profile.identity;
    let of_the_client = [&identity.client_secret, &identity.private_key];
    let of_the_client = of_the_client
        .into_iter()
        .flatten()
        .filter_map(|at| match at {
            SecretAt::Env(name) => Some(name),
            _ => None,
        });
    let proofs = identity.token_env.iter().chain(&identity.saml.env);
    for name in proofs.chain(of_the_client) {
        command.env_remove(name);
    }
    command.envs(variables(&session, &chosen.profile));
    if let (None, Some(region)) = (&chosen.profile.region, context.environment.os("AWS_REGION")) {
        command.env("AWS_DEFAULT_REGION", region); // else some tools would take one region, some the other
    }
    hand_over(command).map_err(|error| not_started(&program, &error))
}

fn shell(context: &Context) -> OsString {
    let (variable, otherwise) = if cfg!(windows) {
        ("COMSPEC", "cmd.exe")
    } else {
        ("SHELL", "/bin/sh")
    };
    context
        .environment
        .os(variable)
        .unwrap_or_else(|| otherwise.into())
}

/// Becomes the command, so that its exit code and signals are its own; returns only where that failed.
#[cfg(unix)]
fn hand_over(mut command: Command) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

/// Waits for the command and ends as it did.
#[cfg(not(unix))]
fn hand_over(mut command: Command) -> io::Result<ExitCode> {
    let code = command.status()?.code().unwrap_or(1);
    std::process::exit(code) // a code here has 32 bits, and ExitCode takes eight
}

/// The codes of POSIX shells: 127 where there is no such command, 126 where it cannot be run.
fn not_started(program: &OsString, error: &io::Error) -> Failure {
    let name = printable(&program.to_string_lossy());
    if error.kind() == io::ErrorKind::NotFound {
        return Failure::new(127, format!("there is no command {name:?}"))
            .with_advice("check its spelling, and the folders in PATH");
    }
    Failure::new(126, format!("the command {name:?} cannot be run: {error}"))
        .with_advice("check that it is a program, and that you may run it")
}
