//! A terminal for tests, with a person at its other end.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

use super::tty::Tty;

/// What the person types, and what they have seen so far.
pub(super) struct Person {
    keyboard: File,
    device: PathBuf,
    /// Kept open, so that the terminal does not go away when the other side closes it.
    terminal: File,
    seen: Arc<(Mutex<String>, Condvar)>,
}

impl Person {
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("granted");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let device = PathBuf::from(name.into_string().expect("text"));
        let keyboard = File::from(master);
        let terminal = open(&device);
        let size = Winsize {
            ws_col: columns,
            ws_row: rows,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).expect("a size");
        let seen = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let mut screen = keyboard.try_clone().expect("the same");
        let to = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                to.0.lock().expect("whole").push_str(&text);
                to.1.notify_all();
            }
        });
        Self {
            keyboard,
            device,
            terminal,
            seen,
        }
    }

    /// The terminal as a program opens it.
    pub(super) fn tty(&self) -> Tty {
        Tty::on(self.terminal())
    }

    pub(super) fn terminal(&self) -> File {
        open(&self.device)
    }

    pub(super) fn types(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).expect("typed");
    }

    /// Types what may be more than a terminal holds until somebody reads.
    pub(super) fn pastes(&self, text: String) {
        let mut keyboard = self.keyboard.try_clone().expect("the same");
        std::thread::spawn(move || keyboard.write_all(text.as_bytes()));
    }

    /// Waits until the person has seen `text`.
    pub(super) fn sees(&self, text: &str) {
        let guard = self.seen.0.lock().expect("whole");
        let until = |seen: &mut String| !seen.contains(text);
        let limit = std::time::Duration::from_mins(2);
        let (seen, waited) = self
            .seen
            .1
            .wait_timeout_while(guard, limit, until)
            .expect("whole");
        assert!(!waited.timed_out(), "{text:?} is not in {seen:?}");
    }

    pub(super) fn has_seen(&self) -> String {
        self.seen.0.lock().expect("whole").clone()
    }

    /// How the terminal is set.
    pub(super) fn modes(&self) -> String {
        format!("{:?}", tcgetattr(&self.terminal).expect("modes"))
    }
}

fn open(device: &PathBuf) -> File {
    use std::os::unix::fs::OpenOptionsExt;

    let noctty = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag");
    let mut options = File::options();
    options.read(true).write(true).custom_flags(noctty);
    options.open(device).expect("opened")
}
