//! What the chores say on the way: what is done, and how long it took.
#![allow(clippy::print_stderr)] // the one place of this crate that speaks

use std::time::Instant;

/// One line for the person who waits. Data of the programs that run stays alone on stdout.
pub(crate) fn line(text: &str) {
    eprintln!("{text}");
}

/// Does a piece of work between a line that names it and a line that says how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    line(&format!("xtask: {what}"));
    let start = Instant::now();
    let outcome = work();
    let ended = if outcome.is_ok() { "done" } else { "failed" };
    line(&format!(
        "xtask: {what}: {ended} after {:.1} s",
        start.elapsed().as_secs_f64()
    ));
    outcome
}
