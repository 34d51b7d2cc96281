//! A person inside `credential_process`: SDKs swallow what is said and kill the process after a minute, so a `keyless login` of its own asks
//! the person, and lives on.

use std::convert::Infallible;
use std::fs::{File, OpenOptions, TryLockError};
use std::future::pending;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use keyless::profile::{Access, AnyLogin, StoreKind};
use keyless::{FileStore, Provider, Session};
use keyless_cache::Word;
use tokio::time::{Instant, sleep};

use crate::command::explain::denied::explained;
use crate::context::{
    Chosen, Context, PATIENCE, asked_elsewhere, run_and_settle, waits_for_another,
};
use crate::exit::{Failure, INTERNAL, SIGN_IN};
use crate::output::Screen;

/// SDKs wait for a minute (botocore and the SDKs' process providers); this leaves them time to read the answer.
const LONGEST: Duration = Duration::from_secs(50);
/// How long it may take until a sign-in is begun in place of another.
const SOON: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(100);

/// The session that is had with what is kept; where nobody is signed in, the one that comes of asking a person.
pub(super) fn session(
    context: &Context,
    chosen: &Chosen,
    access: &Access,
    no_interactive: bool,
) -> Result<Session, Failure> {
    let provider = access.provider()?;
    run_and_settle(access.any_login(), async {
        let (called, end) = (SystemTime::now(), Instant::now() + LONGEST);
        let explain = |error: keyless::Error| explained(context, chosen, access, error);
        let screen = context.way_to_ask(chosen, no_interactive, false);
        let session = tokio::select! {
            session = provider.session() => session,
            never = tell_of_another(screen.as_ref(), access.any_login()) => match never {},
        };
        let missing = match session.map_err(explain) {
            Err(missing) if missing.code == SIGN_IN => missing,
            outcome => return outcome,
        };
        let (Some(screen), Some(login), Some(store)) =
            (screen, access.any_login(), common_store(context, chosen))
        else {
            return Err(missing);
        };
        let desk = Desk {
            chosen,
            provider: &provider,
            login,
            store,
            screen,
            end,
        };
        if let Some(session) = desk.wait(called).await? {
            return Ok(session);
        }
        // Whoever was asked has answered, and the session may be to be had. The provider at hand remembers for a moment that it was not.
        let anew = context.access(chosen, PATIENCE)?.provider()?;
        anew.session().await.map_err(explain)
    })
}

/// The files that the process which asks shares with us; `None` where nothing would be found there.
fn common_store(context: &Context, chosen: &Chosen) -> Option<FileStore> {
    let (kind, environment) = (chosen.profile.store, &context.environment);
    let directory = kind.directory(environment)?;
    let is_open = kind != StoreKind::Keyring || environment.sealed_store()?.ready().is_ok();
    is_open.then(|| FileStore::new(directory))
}

/// Where one person is asked once, however many processes wait.
struct Desk<'a> {
    chosen: &'a Chosen,
    provider: &'a Provider,
    login: AnyLogin<'a>,
    store: FileStore,
    screen: Screen,
    end: Instant,
}

impl Desk<'_> {
    /// Waits for the session until the end; asks, unless somebody has been asked since we were called. `None` where that has ended
    /// without a session.
    async fn wait(&self, called: SystemTime) -> Result<Option<Session>, Failure> {
        let unusable = |error: &dyn std::fmt::Display| {
            let message = format!("nobody can be asked to sign in: {error}");
            self.chosen.advised(Failure::new(SIGN_IN, message))
        };
        let turn = loop {
            if let Some(turn) = self.take_turn().map_err(|error| unusable(&error))? {
                break turn;
            }
            if let Some(session) = self.tick().await? {
                return Ok(Some(session));
            }
        };
        // Somebody who signs in already, here or because a caller asked that has been killed since, is not asked again; nor is somebody who
        // has just said no. Both by one look: others hold the lock for a moment in between.
        loop {
            match self.login.word() {
                Word::None => break,
                Word::Failed(refused) => return Err(keyless::Error::from(refused).into()),
                Word::Asking(_) => {}
            }
            if let Some(session) = self.tick().await? {
                return Ok(Some(session));
            }
        }
        let found = turn.metadata().map_err(|error| unusable(&error))?;
        if found.len() > 0 && found.modified().is_ok_and(|asked| asked >= called) {
            return Ok(None);
        }
        let mut child = self.ask(&turn).map_err(|error| unusable(&error))?;
        loop {
            if let Some(status) = child.try_wait().map_err(|error| unusable(&error))? {
                mark(&turn).map_err(|error| unusable(&error))?; // for those who were called while the person was asked
                // With a sign-in it was AWS that said no; then it says so to us, too.
                if status.success() || self.login.held().is_some() {
                    return Ok(None);
                }
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                return match self.login.word() {
                    Word::Failed(refused) => Err(keyless::Error::from(refused).into()),
                    _ if code == Some(SIGN_IN) => self.wait_for_another().await,
                    _ => Err(self.nobody(code.unwrap_or(INTERNAL))),
                };
            }
            if let Some(session) = self.tick().await? {
                return Ok(Some(session));
            }
        }
    }

    /// What comes of the sign-in that is begun in place of ours, which was called off; `None` where that has ended without a session.
    async fn wait_for_another(&self) -> Result<Option<Session>, Failure> {
        let soon = Instant::now() + SOON;
        loop {
            match self.login.word() {
                Word::Failed(refused) => return Err(keyless::Error::from(refused).into()),
                Word::None if self.login.held().is_some() => return Ok(None),
                Word::None if Instant::now() >= soon => return Err(self.nobody(SIGN_IN)),
                Word::None | Word::Asking(_) => {}
            }
            if let Some(session) = self.tick().await? {
                return Ok(Some(session));
            }
        }
    }

    fn nobody(&self, code: u8) -> Failure {
        let place = keyless::text::printable(&self.login.place());
        let failure = Failure::new(code, format!("nobody has signed in at {place}"));
        self.chosen.advised(failure)
    }

    /// A moment later: the session, if it is there.
    async fn tick(&self) -> Result<Option<Session>, Failure> {
        if Instant::now() >= self.end {
            let open = match self.login.shown() {
                Some(shown) => format!(
                    "nobody has signed in yet: {}",
                    keyless::text::printable(&shown)
                ),
                None => "sign-in is open in your browser: finish it there".to_owned(),
            };
            return Err(Failure::new(
                SIGN_IN,
                format!("{open}; the next call answers from the cache"),
            ));
        }
        sleep(POLL).await;
        Ok(self.provider.peek())
    }

    /// The right to ask, for as long as the file is open; `None` while another has it. The file's time says when somebody was last asked.
    fn take_turn(&self) -> io::Result<Option<File>> {
        let path = self
            .store
            .path()
            .join(format!("{}.asked", self.login.key()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            options.mode(0o600).custom_flags(flags.bits().cast_signed());
        }
        let file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Starts `keyless login` with the same words, so that neither our end nor a Ctrl-C in our terminal is its own.
    fn ask(&self, turn: &File) -> io::Result<Child> {
        let mut login = Command::new(std::env::current_exe()?);
        login.arg("login").args(&self.chosen.words);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut login, 0);
        #[cfg(windows)]
        std::os::windows::process::CommandExt::creation_flags(&mut login, 0x200); // CREATE_NEW_PROCESS_GROUP
        login.stdin(Stdio::null()).stdout(Stdio::null());
        login.stderr(match &self.screen {
            Screen::Terminal(terminal) => terminal.try_clone()?.into(),
            Screen::Stderr(true) => Stdio::inherit(),
            Screen::Stderr(false) => Stdio::null(),
        });
        // Before the browser opens, so that our being killed changes nothing.
        mark(turn)?;
        login.spawn()
    }
}

/// Says so, if the answer takes its time because another process asks somebody.
async fn tell_of_another(screen: Option<&Screen>, login: Option<AnyLogin<'_>>) -> Infallible {
    if let (Some(screen), Some(login)) = (screen, login) {
        let since = asked_elsewhere(login).await;
        screen.show(&format!("{}\n", waits_for_another(login, since, false)));
    }
    pending().await
}

/// Writes down that somebody is being asked now, or has just answered.
fn mark(turn: &File) -> io::Result<()> {
    turn.set_len(1)?; // an empty one has only been made
    turn.set_modified(SystemTime::now())
}
