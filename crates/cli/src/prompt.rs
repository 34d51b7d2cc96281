//! How a person at a terminal is told to sign in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use keyless::login::{DeviceCode, Flow, Prompt, SignInPage, SignedIn, browser};
use keyless::{BoxFuture, Environment, Secret, TokenError, text};

use tokio::sync::oneshot;

use crate::output::{Output, Screen, Tone};
use crate::terminal;
use crate::terminal::surroundings::Reason;

/// Opens the browser, prints the link beside it, shows that it waits, and says who signed in.
#[derive(Debug)]
pub(crate) struct TerminalPrompt {
    output: Output,
    environment: Environment,
    screen: Arc<Screen>,
    start_browser: bool,
    command: Option<Vec<String>>,
    /// Why no browser is opened here, where that was found out rather than asked for.
    reason: Option<Reason>,
    waiting: Mutex<Option<Waiting>>,
    #[cfg(unix)]
    lines: tokio::sync::Mutex<Option<terminal::line::Lines>>,
    #[cfg(unix)]
    enter: Mutex<Option<terminal::enter::Enter>>,
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
            reason: None,
            waiting: Mutex::default(),
            #[cfg(unix)]
            lines: tokio::sync::Mutex::default(),
            #[cfg(unix)]
            enter: Mutex::default(),
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

    /// Says why no browser is opened here.
    pub(crate) fn because_of(self, reason: Reason) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    /// Nobody is waited for any more, and the terminal is as it was.
    pub(crate) fn done(&self) {
        self.wait(None);
        self.expect_nothing();
        #[cfg(unix)]
        if let Ok(mut lines) = self.lines.try_lock() {
            *lines = None;
        }
    }

    /// What tells that Enter is pressed, until somebody is asked; `None` where nobody could press it.
    pub(crate) fn expect_enter(&self) -> Option<oneshot::Receiver<()>> {
        #[cfg(unix)]
        if self.screen.is_terminal() {
            let (enter, pressed) = terminal::enter::Enter::open()?;
            *self.enter.lock().unwrap_or_else(PoisonError::into_inner) = Some(enter);
            return Some(pressed);
        }
        None
    }

    /// Enter is nothing special any more, and the terminal is as it was.
    pub(crate) fn expect_nothing(&self) {
        #[cfg(unix)]
        drop(
            self.enter
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    fn begin_to_ask(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
        self.expect_nothing();
    }

    /// Whether it was found out that a browser on this machine would not do.
    pub(crate) fn has_no_browser_in_reach(&self) -> bool {
        self.reason.is_some()
    }

    /// Whether a person could paste something: not with the terminal elsewhere, or behind an AWS tool that works with it.
    pub(crate) fn can_be_pasted_into(&self) -> bool {
        self.screen.is_terminal() && terminal::is_ours()
    }

    /// Whether somebody has been asked here.
    pub(crate) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    /// Whether somebody has signed in here, rather than before or elsewhere.
    pub(crate) fn has_signed_in(&self) -> bool {
        self.has_signed_in.load(Ordering::Relaxed)
    }

    /// The line that says why it is this flow.
    fn because(&self) -> String {
        match self.reason {
            Some(reason) => {
                format!("no browser is opened here, because {reason}; --flow chooses another way\n")
            }
            None => String::new(),
        }
    }

    /// Shows that it waits; not on a terminal that another has by now, as where this goes on behind an AWS tool that asked for it.
    fn begin_to_wait(&self, timeout: Duration) {
        if self.can_be_pasted_into() {
            self.wait(Some(Waiting::begin(Arc::clone(&self.screen), timeout)));
        }
    }

    fn wait(&self, waiting: Option<Waiting>) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }
}

impl Prompt for TerminalPrompt {
    fn sign_in(&self, page: &SignInPage<'_>) {
        self.begin_to_ask();
        let issuer = text::printable(page.issuer);
        let started = self.start_browser
            && page.flow == Flow::Browser
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
        self.screen.show(&match page.flow {
            Flow::Paste => format!(
                "{}to sign in at {issuer}, open this link in a browser anywhere:\n  {url}\n{}",
                self.because(),
                where_it_ends(page)
            ),
            _ if started => format!("sign in at {issuer} in your browser; if it does not open, follow this link:\n  {url}\n"),
            _ => {
                let why = if self.start_browser { "no browser could be started; " } else { "" };
                // Our own link leads nowhere on another machine.
                let elsewhere = match (self.can_be_pasted_into() && url != page.link, page.posts) {
                    (true, false) => "from a browser elsewhere, paste here the address at which it ends\n",
                    (true, true) => "from a browser elsewhere, paste here what it posts at the end\n",
                    (false, _) => "",
                };
                format!(
                    "{why}to sign in at {issuer}, open this link in a browser on this machine, which the sign-in comes back to:\n  {url}\n{elsewhere}"
                )
            }
        });
        self.begin_to_wait(page.timeout);
    }

    fn device(&self, code: &DeviceCode<'_>) {
        self.begin_to_ask();
        let issuer = text::printable(code.issuer);
        let link = code
            .verification_uri_complete
            .unwrap_or(code.verification_uri);
        let picture = if self.screen.is_terminal() {
            let (columns, rows) = terminal::size();
            let fits = |qr: &String| qr.lines().count() + LINES_BESIDE <= usize::from(rows);
            terminal::qr::qr(link, columns, self.output.paints()).filter(fits)
        } else {
            None
        };
        let what = match code.verification_uri_complete {
            Some(_) => "and compare this code with the one that is shown",
            None => "and enter this code",
        };
        let user_code = if self.screen.is_terminal() {
            self.output.painted(code.user_code, Tone::Strong)
        } else {
            code.user_code.to_owned()
        };
        self.screen.show(&format!(
            "{}to sign in at {issuer}, open this page on any device:\n  {link}\n{}\
             {what} there:\n  {user_code}\n\
             only if you have just asked for it yourself: it signs this machine in, as the application {:?}\n",
            self.because(),
            picture.unwrap_or_default(),
            text::printable(code.client_id),
        ));
        self.begin_to_wait(code.timeout);
    }

    fn pasted(&self, rejected: Option<&TokenError>) -> BoxFuture<'_, Secret> {
        if let Some(error) = rejected {
            let advice = error.advice().unwrap_or_default();
            self.screen
                .show(&format!("\r\x1b[Knot taken: {error}; {advice}\n"));
        }
        Box::pin(async {
            #[cfg(unix)]
            if self.screen.is_terminal() {
                let mut lines = self.lines.lock().await;
                if lines.is_none() {
                    *lines = terminal::line::Lines::open();
                }
                if let Some(lines) = &mut *lines
                    && let Some(line) = lines.next().await
                {
                    return line;
                }
            }
            std::future::pending().await
        })
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

/// What becomes of a browser elsewhere, and what to bring from there.
fn where_it_ends(page: &SignInPage<'_>) -> String {
    let end = page.returns_to;
    if !page.posts {
        return format!(
            "it ends on a page that cannot be shown, whose address begins with\n  {end}\n\
             paste that address here, whole (nothing of it is shown), and press Enter\n"
        );
    }
    let port = end
        .rsplit_once(':')
        .and_then(|(_, rest)| rest.split('/').next())
        .unwrap_or_default();
    format!(
        "at the end it posts the answer to\n  {end}\n\
         of the machine that the browser is on. If you came by SSH, let that port lead here, by this command there before you open the link:\n  \
         ssh -N -L {port}:127.0.0.1:{port} THIS-MACHINE\n\
         or open the browser's developer tools (F12, Network) before you sign in, find the POST that fails at the end, and copy what it\n\
         sent (its payload, or the value of SAMLResponse alone); paste it here (nothing of it is shown), and press Enter\n"
    )
}

/// What stands above and below a QR code.
const LINES_BESIDE: usize = 8;

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
                screen.show(&format!(
                    "\r\x1b[Kwaiting, {}:{:02} left ",
                    left / 60,
                    left % 60
                ));
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
