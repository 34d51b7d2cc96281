//! A real keyring (Secret Service), without a desktop.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;

use crate::real;

/// A bus with a keyring on it, both of one's own, ended with this value.
#[derive(Debug)]
pub struct Keyring {
    /// Bus and keyring.
    programs: Vec<Child>,
    address: String,
}

impl Keyring {
    /// The value for `DBUS_SESSION_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `password` opens the keyring in `home`, and makes it if there is none; without, it stays locked. `None`, said on stderr, where
    /// this machine has no keyring to start.
    ///
    /// # Panics
    ///
    /// If one of the programs does not get ready, with what it said.
    pub fn start(home: &Path, password: Option<&str>) -> Option<Self> {
        let mut keyring = Self {
            programs: Vec::new(),
            address: String::new(),
        };
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address=1"])
            .env("HOME", home);
        keyring.address = keyring.run(bus, home, "")?;
        assert!(!keyring.address.is_empty(), "the bus says where it is");

        let mut daemon = Command::new("gnome-keyring-daemon");
        daemon.args(["--foreground", "--components=secrets"]);
        if password.is_some() {
            daemon.arg("--unlock");
        }
        let runtime = home.join("run");
        fs::create_dir_all(&runtime).expect("made");
        daemon
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", runtime)
            .env("XDG_DATA_HOME", home.join("share"))
            .env("DBUS_SESSION_BUS_ADDRESS", &keyring.address)
            .env_remove("GNOME_KEYRING_CONTROL")
            .env_remove("DISPLAY");
        keyring.run(daemon, home, password.unwrap_or_default())?;
        Some(keyring)
    }

    /// Starts one of the two with `input`; gives the line that it says when it is ready.
    fn run(&mut self, mut program: Command, home: &Path, input: &str) -> Option<String> {
        let name = program.get_program().display().to_string();
        let log = home.join(format!("{name}.log"));
        program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("made"));
        let Ok(mut child) = program.spawn() else {
            real::skipped(&format!(
                "{name} is not installed; `cargo xtask test` provides it"
            ));
            return None;
        };
        let mut stdin = child.stdin.take().expect("a pipe");
        let stdout = child.stdout.take().expect("a pipe");
        let _ = stdin.write_all(input.as_bytes()); // where it has ended already, it says why
        drop(stdin);
        let line = real::first_line(stdout);
        let has_ended = child.try_wait().expect("a child").is_some();
        self.programs.push(child);
        match line {
            Ok(line) => Some(line.trim().to_owned()),
            // The keyring closes its output once it is on the bus.
            Err(RecvTimeoutError::Disconnected) if !has_ended => Some(String::new()),
            Err(_) => {
                let said = fs::read_to_string(&log).unwrap_or_default();
                panic!("{name} did not get ready; it said:\n{said}")
            }
        }
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        for child in self.programs.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
