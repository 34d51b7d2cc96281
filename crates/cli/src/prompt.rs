//! How a person at a terminal is told to sign in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use keyless::login::{DeviceCode, Prompt, SignInPage, SignedIn, browser};
use keyless::{Environment, text};

use crate::output::{Output, Screen, Tone};

/// Opens the browser, prints the link beside it, shows that it waits, and says who signed in.
#[derive(Debug)]
pub(crate) struct TerminalPrompt {
    output: Output,
    environment: Environment,
    screen: Arc<Screen>,
    start_browser: bool,
    command: Option<Vec<String>>,
    waiting: Mutex<Option<Waiting>>,
    has_asked: AtomicBool,
    has_signed_in: AtomicBool,
}

impl TerminalPrompt {
    pub(crate) fn new(output: Output, environment: Environment, screen: Screen) -> Self {
        Self {
            output,
            environment,
            screen: Arc::new(screen),
            start_browser: true,
            command: None,
            waiting: Mutex::default(),
            has_asked: AtomicBool::new(false),
            has_signed_in: AtomicBool::new(false),
        }
    }

    /// Prints the link and starts nothing.
    pub(crate) fn without_browser(self) -> Self {
        Self {
            start_browser: false,
            ..self
        }
    }

    /// Starts this command instead of what the environment names.
    pub(crate) fn browser(self, command: Vec<String>) -> Self {
        Self {
            command: Some(command),
            ..self
        }
    }

    /// Nobody is waited for any more.
    pub(crate) fn done(&self) {
        self.wait(None);
    }

    /// Whether somebody has been asked here.
    pub(crate) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    /// Whether somebody has signed in here, rather than before or elsewhere.
    pub(crate) fn has_signed_in(&self) -> bool {
        self.has_signed_in.load(Ordering::Relaxed)
    }

    fn wait(&self, waiting: Option<Waiting>) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }
}

impl Prompt for TerminalPrompt {
    fn sign_in(&self, page: &SignInPage<'_>) {
        self.has_asked.store(true, Ordering::Relaxed);
        let issuer = text::printable(page.issuer);
        let started = self.start_browser
            && browser::open(page.link, self.command.as_deref(), |name| {
                self.environment.os(name)
            })
            .is_ok();
        // The request itself is for eyes alone, since it holds `state` and `nonce`: with a browser at work and nobody looking on, the
        // one-time link will do. Both stay as they are: they have been put together here, and printable() would cut them.
        let url = if started && !self.screen.is_terminal() {
            page.link
        } else {
            page.url
        };
        self.screen.show(&if started {
            format!("sign in at {issuer} in your browser; if it does not open, follow this link:\n  {url}\n")
        } else {
            let why = if self.start_browser { "no browser could be started; " } else { "" };
            format!(
                "{why}to sign in at {issuer}, open this link in a browser on this machine, which the sign-in comes back to:\n  {url}\n"
            )
        });
        if self.screen.is_terminal() {
            self.wait(Some(Waiting::begin(Arc::clone(&self.screen), page.timeout)));
        }
    }

    fn device(&self, code: &DeviceCode<'_>) {
        self.has_asked.store(true, Ordering::Relaxed);
        let (issuer, client) = (
            text::printable(code.issuer),
            text::printable(code.client_id),
        );
        let link = code
            .verification_uri_complete
            .unwrap_or(code.verification_uri);
        self.screen.show(&format!(
            "to sign in at {issuer} on any device, open\n  {link}\nand compare or enter the code\n  {}\nonly if you have just asked for this: it signs this machine in, as the application {client:?}\n",
            code.user_code
        ));
        if self.screen.is_terminal() {
            self.wait(Some(Waiting::begin(Arc::clone(&self.screen), code.timeout)));
        }
    }

    fn signed_in(&self, signed_in: &SignedIn<'_>) {
        self.done();
        self.has_signed_in.store(true, Ordering::Relaxed);
        let SignedIn {
            issuer,
            who,
            before,
        } = signed_in;
        let issuer = text::printable(issuer);
        self.screen
            .show(&format!("signed in as {who} at {issuer}\n"));
        if let Some(before) = before {
            let warning = self.output.on_stderr("warning:", Tone::Warning);
            self.screen.show(&format!(
                "{warning} this is somebody else than before: until now {before} was signed in, whose sessions are forgotten\n"
            ));
        }
    }
}

/// A line that counts down while a person signs in, and is taken away when this is dropped.
#[derive(Debug)]
struct Waiting {
    end: Option<mpsc::Sender<()>>,
    line: Option<JoinHandle<()>>,
}

impl Waiting {
    fn begin(screen: Arc<Screen>, timeout: Duration) -> Self {
        let (end, ended) = mpsc::channel();
        let line = std::thread::spawn(move || {
            let start = Instant::now();
            loop {
                let left = timeout.saturating_sub(start.elapsed()).as_secs();
                screen.show(&format!("\rwaiting, {}:{:02} left ", left / 60, left % 60));
                if ended.recv_timeout(Duration::from_secs(1)) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            screen.show("\r\x1b[K");
        });
        Self {
            end: Some(end),
            line: Some(line),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.end = None;
        if let Some(line) = self.line.take() {
            let _ = line.join(); // what is printed next must not stand in its place
        }
    }
}
