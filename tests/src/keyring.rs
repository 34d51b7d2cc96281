//! A real keyring (Secret Service), without a desktop.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::real;

/// A bus with a keyring on it, both of one's own, ended with this value.
#[derive(Debug)]
pub struct Keyring {
    bus: Child,
    daemon: Child,
    address: String,
}

impl Keyring {
    /// The value for `DBUS_SESSION_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `password` opens the keyring in `home`, and makes it if there is none; without, it stays locked. `None`, said on stderr, where
    /// this machine has no keyring to start.
    pub fn start(home: &Path, password: Option<&str>) -> Option<Self> {
        let bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .env("HOME", home)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut bus) = bus else {
            real::skipped("dbus-daemon is not installed; `cargo xtask test` provides it");
            return None;
        };
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("a pipe"))
            .read_line(&mut address)
            .expect("text");
        let address = address.trim().to_owned();
        let mut daemon = Command::new("gnome-keyring-daemon");
        daemon.args(["--foreground", "--components=secrets"]);
        if password.is_some() {
            daemon.arg("--unlock");
        }
        let runtime = home.join("run");
        fs::create_dir_all(&runtime).expect("made");
        let daemon = daemon
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", runtime)
            .env("XDG_DATA_HOME", home.join("share"))
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .env_remove("DISPLAY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut daemon) = daemon else {
            real::skipped("gnome-keyring-daemon is not installed; `cargo xtask test` provides it");
            let _ = bus.kill();
            return None;
        };
        let mut input = daemon.stdin.take().expect("a pipe");
        input
            .write_all(password.unwrap_or_default().as_bytes())
            .expect("written");
        drop(input);
        // It says where its control socket is once it is on the bus.
        let mut ready = String::new();
        BufReader::new(daemon.stdout.take().expect("a pipe"))
            .read_line(&mut ready)
            .expect("text");
        Some(Self {
            bus,
            daemon,
            address,
        })
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        for child in [&mut self.daemon, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
