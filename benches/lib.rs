//! Speed and memory, compared within a run. See `README.md` in this folder for what is measured and how.

pub mod command;

use std::time::{Duration, Instant};

/// Something to be measured, by its name.
pub type Subject<'a> = (&'a str, Box<dyn FnMut() + 'a>);

/// The median time of each of `subjects`, which take turns for `rounds` rounds, so that whatever else the machine does
/// falls on all of them alike.
///
/// # Panics
///
/// Where there are no rounds.
pub fn medians(rounds: usize, subjects: &mut [Subject<'_>]) -> Vec<Duration> {
    let mut times = vec![Vec::with_capacity(rounds); subjects.len()];
    for _ in 0..rounds {
        for ((_, run), times) in subjects.iter_mut().zip(&mut times) {
            let start = Instant::now();
            run();
            times.push(start.elapsed());
        }
    }
    times.into_iter().map(median).collect()
}

/// The middle one of `times`.
///
/// # Panics
///
/// Where there is none.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
