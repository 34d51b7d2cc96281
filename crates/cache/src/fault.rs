//! Places where a test can kill the process: to see what a process leaves behind that dies in the middle of its work.

/// Ends the process at once, as a kill does, if the variable `KEYLESS_FAULT` names this place; only in a debug build with the feature
/// `faults`, which no release is.
#[cfg(all(feature = "faults", debug_assertions))]
#[doc(hidden)]
pub fn fault(place: &str) {
    if std::env::var("KEYLESS_FAULT").is_ok_and(|wanted| wanted == place) {
        std::process::abort();
    }
}

#[cfg(not(all(feature = "faults", debug_assertions)))]
#[doc(hidden)]
#[inline(always)]
pub fn fault(_place: &str) {}
