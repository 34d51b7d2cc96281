//! From a plan to a role and back: for every kind of subject, what is generated lets in the token that it is for, and nobody who
//! looks like it.

mod notations;
mod refusals;
mod round_trip;
mod stories;

const ACCOUNT: &str = "111122223333";
