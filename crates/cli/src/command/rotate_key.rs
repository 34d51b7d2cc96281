//! `keyless rotate-key`: another key for what is kept sealed.

use std::process::ExitCode;

use crate::context::Context;
use crate::exit::{Failure, INVALID, Outcome};

pub(super) fn run(context: &Context) -> Outcome {
    let store = context.environment.sealed_store().ok_or_else(|| {
        Failure::new(INVALID, "there is no key to replace")
            .with_advice("set KEYLESS_STORE_KEY_FILE to the file that holds it")
    })?;
    let rotated = store.rotate().map_err(|error| {
        Failure::new(INVALID, error.to_string()).with_advice(error.advice().to_owned())
    })?;
    let entries = |count: usize| match count {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    };
    context.output.say(&format!(
        "there is a new key, and {} sealed with it",
        entries(rotated.resealed)
    ));
    if rotated.busy > 0 {
        context.output.warning(&format!(
            "{} being renewed just now, and the old key is kept for that: run `keyless rotate-key` again later",
            entries(rotated.busy)
        ));
    }
    Ok(ExitCode::SUCCESS)
}
