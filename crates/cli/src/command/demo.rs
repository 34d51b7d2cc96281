//! `keyless demo`: stub
use crate::args::Demo;
use crate::context::Context;
use crate::exit::Outcome;
use std::process::ExitCode;
pub(super) fn run(_context: &Context, _args: &Demo) -> Outcome {
    Ok(ExitCode::SUCCESS)
}
