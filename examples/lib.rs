//! The library in use: run one with `cargo run --example service`.
