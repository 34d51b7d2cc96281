//! Ports to be named before anybody listens there.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that Linux hands out to whoever asks for any (`ip_local_port_range`, from 32768): what is free here stays
/// free until somebody names it.
const NAMED: Range<u16> = 10_000..32_768;

/// A port of 127.0.0.1 that is free, and that no story beside this one is told of.
#[must_use]
pub fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Each process begins somewhere else.
    let first = std::process::id().wrapping_mul(64);
    std::iter::repeat_with(|| {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = first.wrapping_add(step) % u32::from(NAMED.end - NAMED.start);
        NAMED.start + u16::try_from(offset).expect("within the range")
    })
    .take(NAMED.len())
    .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
    .expect("a free port")
}
