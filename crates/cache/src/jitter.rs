//! Chance, so that those who failed or wait together do not come back together.

use std::time::Duration;

/// A random time of at least `from` and at most `to`; `from` on a machine without random numbers.
pub(crate) fn between(from: Duration, to: Duration) -> Duration {
    let share = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    from + to.saturating_sub(from).mul_f64(share)
}
