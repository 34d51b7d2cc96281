//! `keyless keep-secret`: an application's secret, put into the keyring of the system.

use std::io::{self, IsTerminal as _, Read as _};
use std::process::ExitCode;

use keyless::Secret;
use keyless::profile::SecretAt;
use keyless_cache::{KeyringItem, StoreError};
use zeroize::Zeroizing;

use crate::args::KeepSecret;
use crate::context::Context;
use crate::exit::{Failure, INVALID, Outcome, UNREACHABLE};

pub(super) fn run(context: &Context, args: &KeepSecret) -> Outcome {
    let name = &args.name;
    let item = KeyringItem::new(SecretAt::SERVICE, name);
    if args.remove {
        let was_there = item.remove().map_err(|error| failed(&error))?;
        context.output.say(&if was_there {
            format!("the secret {name} is removed from the keyring")
        } else {
            format!("the keyring has no secret {name}")
        });
        return Ok(ExitCode::SUCCESS);
    }
    let secret = read(context, name)?;
    item.write(&secret).map_err(|error| failed(&error))?;
    context.output.say(&format!(
        "the secret {name} is in the keyring; write client_secret = {{ keyring = \"{name}\" }} for the identity that uses it"
    ));
    Ok(ExitCode::SUCCESS)
}

/// What somebody types, which is not shown, or what a pipe brings, which may have several lines.
fn read(context: &Context, name: &str) -> Result<Secret, Failure> {
    let secret = if io::stdin().is_terminal() {
        typed(context, name)?
    } else {
        piped()?
    };
    if secret.expose().is_empty() {
        return Err(
            Failure::new(INVALID, "there is no secret to keep").with_advice(format!(
                "pipe it in, as in `pass show {name} | keyless keep-secret {name}`"
            )),
        );
    }
    Ok(secret)
}

#[cfg(unix)]
fn typed(context: &Context, name: &str) -> Result<Secret, Failure> {
    crate::context::run(async {
        // Not before: Ctrl-C, which is listened for from now on, has to put the terminal back.
        let Some(mut lines) = crate::terminal::line::Lines::open() else {
            return Err(Failure::new(INVALID, "this terminal cannot be read from"));
        };
        context.output.say(&format!(
            "type or paste the secret {name}, which is not shown, and press Enter:"
        ));
        let mut lines = lines.together().await;
        match (lines.pop(), lines.is_empty()) {
            (Some(line), true) => Ok(line),
            (None, _) => Ok(Secret::new("")),
            (Some(_), false) => Err(Failure::new(
                INVALID,
                "several lines were pasted, and none of them is kept",
            )
            .with_advice(format!(
                "pipe a secret of several lines in, as in `keyless keep-secret {name} < FILE`"
            ))),
        }
    })
}

#[cfg(not(unix))]
fn typed(_context: &Context, _name: &str) -> Result<Secret, Failure> {
    Err(Failure::new(
        INVALID,
        "a secret that is typed here would be shown",
    ))
}

fn piped() -> Result<Secret, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(LONGEST + 1));
    let read = io::stdin()
        .take(LONGEST as u64 + 1)
        .read_to_string(&mut text);
    match read {
        Err(error) => Err(Failure::new(
            INVALID,
            format!("what is piped in cannot be read: {error}"),
        )),
        Ok(length) if length > LONGEST => Err(Failure::new(
            INVALID,
            "what is piped in is longer than a secret",
        )
        .with_advice("give at most 16 KiB")),
        Ok(_) => Ok(Secret::new(text.trim())),
    }
}

fn failed(error: &StoreError) -> Failure {
    let message = match error {
        StoreError::Unavailable {
            expected, found, ..
        } => format!("expected {expected}, found {found}"),
        other => other.to_string(),
    };
    Failure::new(UNREACHABLE, message).with_advice(error.advice().to_owned())
}

/// As much as is read of it (`SecretPlace`).
const LONGEST: usize = 16 * 1024;
