//! `keyless completions`: what a shell needs to know.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::args::{Cli, Completions};
use crate::context::Context;
use crate::exit::Outcome;

pub(super) fn run(context: &Context, args: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "keyless", &mut script);
    context.output.data(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
