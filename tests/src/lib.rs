//! Stories against the sandbox and against real programs.
//!
//! The stories are the files beside `src`. Here is what they share: the real programs ([`real`]) and the
//! `keyless` command ([`binary`]), a person who signs in ([`person`]), an identity provider that may lie ([`hostile`]) and the scene that they do it in ([`scene`]). A story that needs a real program is `#[ignore]`d, so that a bare `cargo test` needs
//! Rust alone:
//!
//! ```no_run
//! # use keyless_tests::real;
//! // #[test]
//! // #[ignore = "needs real parts: cargo xtask test"]
//! fn a_person_signs_in() {
//!     let Some(parts) = real::parts() else { return };
//!     let identity_provider = parts.oidc_provider();
//!     let aws = parts.moto();
//!     let status = parts.aws().args(["sts", "get-caller-identity"]).env("AWS_ENDPOINT_URL", aws.url()).status();
//!     // …
//! }
//! ```
#![allow(
    clippy::missing_panics_doc,
    reason = "a story's helpers panic, which fails the story"
)]

pub mod binary;
pub mod browser;
pub mod home;
pub mod hostile;
#[cfg(unix)]
pub mod keyring;
pub mod neighbour;
pub mod person;
pub mod port;
pub mod proxy;
pub mod real;
pub mod renewal;
pub mod rest;
pub mod saml;
pub mod scene;
pub mod trace;
pub mod webdriver;
pub mod wiretap;
