//! The library in use.
