//! A thread that reads the terminal while other things happen.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::thread::JoinHandle;
use std::time::Duration;

use super::tty::{Quiet, Tty};

/// How long a pause means that a paste is over, and how often a terminal is looked at that another process has.
pub(super) const PAUSE: Duration = Duration::from_millis(400);

/// The thread, with the terminal quiet. When this is dropped the thread has left, and the terminal is as it was before.
#[derive(Debug)]
pub(super) struct Reader {
    /// A byte asks the thread for something; the end tells it to stop.
    pipe: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn begin(
        tty: Tty,
        name: &str,
        read: impl FnOnce(&Tty, &Quiet, &PipeReader) + Send + 'static,
    ) -> io::Result<Self> {
        let quiet = tty.quiet(false)?;
        let (end, pipe) = io::pipe()?;
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || read(&tty, &quiet, &end))?;
        Ok(Self {
            pipe: Some(pipe),
            thread: Some(thread),
        })
    }

    /// Asks the thread for something; `None` where it has left.
    pub(super) fn ask(&mut self) -> Option<()> {
        self.pipe.as_ref()?.write_all(&[1]).ok()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.pipe = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it puts the terminal back, and leaves at once
        }
    }
}
