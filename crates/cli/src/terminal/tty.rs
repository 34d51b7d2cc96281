//! The terminal itself, whatever stdin and stderr are: reading keys from it, and putting it back as it was.

use std::fs::File;
use std::io::{self, Read, Write};
use std::iter;
use std::os::fd::AsFd;
use std::panic;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once, PoisonError, Weak, mpsc};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcgetwinsize,
    tcsetattr,
};

use tokio::signal::unix::{SignalKind, signal};

use super::keys::{Decoder, Key};

/// The terminal that a person sits at. A clone is the same terminal.
#[derive(Clone, Debug)]
pub(crate) struct Tty {
    file: Arc<File>,
}

/// What came of a wait for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Key(Key),
    /// No key, for as long as there was patience.
    Nothing,
    /// Whoever waits shall stop.
    Stop,
    /// The terminal has gone away.
    Gone,
}

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

impl Tty {
    /// The terminal of this process, where it has one and is in its foreground: one in the background may neither read from it nor set
    /// it, and would be stopped for trying.
    pub(crate) fn open() -> Option<Self> {
        let file = File::options().read(true).write(true).open(device()).ok()?;
        Some(Self::on(file)).filter(Self::is_ours)
    }

    pub(crate) fn on(file: File) -> Self {
        Self {
            file: Arc::new(file),
        }
    }

    /// Whether this process is in the foreground. A terminal that is not its controlling one has no foreground.
    pub(crate) fn is_ours(&self) -> bool {
        tcgetpgrp(&*self.file).map_or(true, |foreground| foreground == getpgrp())
    }

    /// 80 by 24 where it does not tell.
    pub(crate) fn size(&self) -> Size {
        let told = tcgetwinsize(&*self.file).ok();
        let told = told.filter(|told| told.ws_col > 0 && told.ws_row > 0);
        told.map_or(
            Size {
                columns: 80,
                rows: 24,
            },
            |told| Size {
                columns: told.ws_col,
                rows: told.ws_row,
            },
        )
    }

    /// Shows nothing of what is typed and gathers no lines, which would hold 4096 characters (1024 on macOS), until the answer is dropped.
    /// Ctrl-C is a signal still, or with `as_keys` a key.
    pub(crate) fn quiet(&self, as_keys: bool) -> io::Result<Quiet> {
        Quiet::begin(self, as_keys)
    }

    pub(crate) fn show(&self, text: &str) {
        let _ = (&*self.file).write_all(text.as_bytes()); // with nobody to tell there is nothing to be done about it
    }

    /// The next key, taken out of the terminal byte by byte: what is typed after the last one that is wanted is the shell's. Something to
    /// read from `stop`, or its end, comes first.
    pub(crate) fn key(
        &self,
        decoder: &mut Decoder,
        patience: Duration,
        stop: Option<&io::PipeReader>,
    ) -> Seen {
        loop {
            match self.wait(patience, stop) {
                Seen::Key(_) => {}
                Seen::Nothing => return decoder.pause().map_or(Seen::Nothing, Seen::Key),
                other => return other,
            }
            let mut byte = [0];
            match (&*self.file).read(&mut byte) {
                Ok(1..) => {
                    if let Some(key) = decoder.push(byte[0]) {
                        return Seen::Key(key);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return Seen::Gone,
            }
        }
    }

    /// `Seen::Key` where there is something to read. In the background nothing is.
    fn wait(&self, patience: Duration, stop: Option<&io::PipeReader>) -> Seen {
        let patience = Timespec::try_from(patience).ok();
        let nobody = PollFlags::empty();
        let ours = if self.is_ours() {
            PollFlags::IN
        } else {
            nobody
        };
        let tty = PollFd::from_borrowed_fd(self.file.as_fd(), ours);
        let stop = stop.map(|stop| PollFd::new(stop, PollFlags::IN));
        let mut all: Vec<PollFd<'_>> = iter::once(tty).chain(stop).collect();
        if poll(&mut all, patience.as_ref()).is_err() {
            return Seen::Nothing; // a signal
        }
        let stopped = all.get(1).map_or(nobody, PollFd::revents);
        match all[0].revents() {
            _ if stopped != nobody => Seen::Stop,
            events if events.contains(PollFlags::IN) => Seen::Key(Key::Enter),
            events if events != nobody => Seen::Gone,
            _ => Seen::Nothing,
        }
    }
}

/// `/dev/tty`; on macOS, whose `poll` does not know that one, the device itself.
fn device() -> PathBuf {
    let named = |fd: &dyn AsFd| rustix::termios::ttyname(fd.as_fd(), Vec::new()).ok();
    let name = if cfg!(target_os = "macos") {
        named(&io::stdin())
            .or_else(|| named(&io::stderr()))
            .or_else(|| named(&io::stdout()))
    } else {
        None
    };
    name.and_then(|name| name.into_string().ok())
        .map_or_else(|| "/dev/tty".into(), PathBuf::from)
}

/// A terminal that shows nothing of what is typed. Dropped, it is as before; after a panic as well, also where a panic ends the process
/// and drops nothing; and after SIGTERM and SIGQUIT (Ctrl-\\), which end it.
#[derive(Debug)]
pub(crate) struct Quiet(Arc<Held>);

#[derive(Debug)]
struct Held {
    tty: Tty,
    before: Termios,
    during: Termios,
}

/// The terminals to put back at an end that drops nothing.
static HELD: Mutex<Vec<Weak<Held>>> = Mutex::new(Vec::new());

impl Quiet {
    fn begin(tty: &Tty, as_keys: bool) -> io::Result<Self> {
        put_back_in_a_panic();
        put_back_before_a_signal_ends_us();
        let before = tcgetattr(&*tty.file)?;
        let mut during = before.clone();
        during.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::IEXTEN;
        if as_keys {
            during.local_modes -= LocalModes::ISIG;
        }
        during.special_codes[SpecialCodeIndex::VMIN] = 1;
        during.special_codes[SpecialCodeIndex::VTIME] = 0;
        let held = Arc::new(Held {
            tty: tty.clone(),
            before,
            during,
        });
        let mut all = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|held| held.strong_count() > 0);
        all.push(Arc::downgrade(&held));
        drop(all);
        let quiet = Self(held);
        quiet.again()?;
        Ok(quiet)
    }

    /// Makes it quiet once more, after the shell has had it in between (Ctrl-Z).
    pub(crate) fn again(&self) -> io::Result<()> {
        self.0.set(&self.0.during)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.set(&self.before); // a terminal that has gone away
    }
}

impl Held {
    /// What is waiting to be read stays: it is the shell's. In the background the terminal is the shell's, too.
    fn set(&self, modes: &Termios) -> io::Result<()> {
        if self.tty.is_ours() {
            tcsetattr(&*self.tty.file, OptionalActions::Now, modes)?;
        }
        Ok(())
    }
}

/// No waiting: whoever panics may hold it.
fn put_all_back() {
    if let Ok(all) = HELD.try_lock() {
        for held in all.iter().filter_map(Weak::upgrade) {
            let _ = held.set(&held.before);
        }
    }
}

fn put_back_in_a_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            put_all_back();
            next(panic);
        }));
    });
}

/// By a thread of its own, since who waits for keys may be deaf to all else. It listens when this returns.
fn put_back_before_a_signal_ends_us() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (listens, listening) = mpsc::channel();
        let thread = std::thread::Builder::new().name("signals".into());
        let _ = thread.spawn(move || ended_by_a_signal(&listens)); // without, a signal ends us as it always did
        let _ = listening.recv();
    });
}

fn ended_by_a_signal(listens: &mpsc::Sender<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let number = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut quit = signal(SignalKind::quit())?;
        let _ = listens.send(());
        tokio::select! {
            _ = terminate.recv() => io::Result::Ok(SignalKind::terminate()),
            _ = quit.recv() => Ok(SignalKind::quit()),
        }
    })?;
    put_all_back();
    std::process::exit(128 + number.as_raw_value()) // as shells have it
}
