//! How a person at a terminal is told to sign in.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use keyless::login::{Prompt, SignInPage, browser};
use keyless::{Environment, IdToken, text};

use crate::output::{Output, Screen};

/// Opens the browser, prints the link beside it, shows that it waits, and says who signed in.
#[derive(Debug)]
pub(crate) struct TerminalPrompt {
    output: Output,
    environment: Environment,
    screen: Arc<Screen>,
    start_browser: bool,
    command: Option<Vec<String>>,
    waiting: Arc<Waiting>,
}

impl TerminalPrompt {
    pub(crate) fn new(output: Output, environment: Environment, screen: Screen) -> Self {
        Self {
            output,
            environment,
            screen: Arc::new(screen),
            start_browser: true,
            command: None,
            waiting: Arc::default(),
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
        self.waiting.end();
    }
}

impl Prompt for TerminalPrompt {
    fn sign_in(&self, page: &SignInPage<'_>) {
        let issuer = text::printable(page.issuer);
        let started = self.start_browser
            && browser::open(page.link, self.command.as_deref(), |name| {
                self.environment.os(name)
            })
            .is_ok();
        // The link stays as it is: it has been put together here, and printable() would cut it.
        let url = page.url;
        self.screen.show(&if started {
            format!("sign in at {issuer} in your browser; if it does not open, follow this link:\n  {url}\n")
        } else {
            let why = if self.start_browser { "no browser could be started; " } else { "" };
            format!(
                "{why}to sign in at {issuer}, open this link in a browser on this machine, which the sign-in comes back to:\n  {url}\n"
            )
        });
        if self.screen.is_terminal() {
            Waiting::begin(&self.waiting, &self.screen, page.timeout);
        }
    }

    fn signed_in(&self, token: &IdToken, before: Option<&IdToken>) {
        self.done();
        let issuer = text::printable(token.issuer());
        self.output
            .tell(&format!("signed in as {} at {issuer}", token.who()));
        if let Some(before) = before {
            self.output.warning(&format!(
                "this is somebody else than before: until now {} was signed in, whose sessions are forgotten",
                before.who()
            ));
        }
    }
}

impl Drop for TerminalPrompt {
    fn drop(&mut self) {
        self.done();
    }
}

/// A line that counts down while a person signs in, and goes away.
#[derive(Debug, Default)]
struct Waiting {
    shown: Mutex<bool>,
    ended: Condvar,
}

impl Waiting {
    fn begin(this: &Arc<Self>, screen: &Arc<Screen>, timeout: Duration) {
        *this.shown.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let (waiting, screen) = (Arc::clone(this), Arc::clone(screen));
        std::thread::spawn(move || waiting.count_down(&screen, timeout));
    }

    fn count_down(&self, screen: &Screen, timeout: Duration) {
        let end = Instant::now() + timeout;
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        while *shown {
            let left = end.saturating_duration_since(Instant::now()).as_secs();
            screen.show(&format!("\rwaiting, {}:{:02} left ", left / 60, left % 60));
            shown = self
                .ended
                .wait_timeout(shown, Duration::from_secs(1))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if !*shown || left == 0 {
                break;
            }
        }
        screen.show("\r\x1b[K");
        *shown = false;
        self.ended.notify_all();
    }

    /// Takes the line away, and returns when it is gone.
    fn end(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *shown) {
            self.ended.notify_all();
        }
        drop(shown);
    }
}
