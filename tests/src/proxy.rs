//! A proxy that every variable names and nobody may ask.

use std::net::TcpListener;
use std::process::Command;

/// Listens, and answers nothing.
#[derive(Debug)]
pub struct Proxy(TcpListener);

impl Proxy {
    /// Binds any free port of this machine.
    pub fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("it can be asked");
        Self(listener)
    }

    /// Names it in each variable that programs take a proxy from.
    pub fn stand_before(&self, command: &mut Command) {
        let address = format!("http://{}", self.0.local_addr().expect("an address"));
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command
                .env(name, &address)
                .env(name.to_uppercase(), &address);
        }
    }

    /// Whether anybody has connected.
    pub fn was_asked(&self) -> bool {
        self.0.accept().is_ok()
    }
}
