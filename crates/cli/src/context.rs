//! What every command begins with: the environment, the profile with the flags over it, and what that gives access to.

use std::future::{Future, pending};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyless::login::Flow;
use keyless::profile::{Access, AnyLogin, Config, Profile, Use};
use keyless::{Clock, Environment, FileStore, Interaction, Session, text};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::args::{Asking, Global};
use crate::command::explain::denied::explained;
use crate::exit::{Failure, INTERNAL, INTERRUPTED, INVALID, SIGN_IN, UNREACHABLE};
use crate::flags::Flags;
use crate::logging;
use crate::output::{Output, Screen};
use crate::prompt::TerminalPrompt;
use crate::terminal::picker::pick_role;
use crate::terminal::surroundings::{Reason, browser_is_out_of_reach};
use crate::words::whole;

/// The surroundings of a command.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) environment: Environment,
    clock: Clock,
}

impl Context {
    pub(crate) fn new(global: Global) -> Result<Self, (Output, Failure)> {
        let (output, environment) = (Output::new(global.quiet), Environment::process());
        match logging::begin(output, global.verbose, &environment) {
            Ok(()) => Ok(Self {
                output,
                environment,
                clock: Clock::system(),
            }),
            Err(error) => Err((output, error.into())),
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Removes sessions that have ended from this machine.
    pub(crate) fn prune(&self) {
        if let Some(store) = self.environment.store_directory() {
            keyless::prune(&FileStore::new(store), self.now());
        }
        if let Some(sealed) = self.environment.sealed_store() {
            keyless::prune(&sealed, self.now());
        }
    }

    /// The profile called `name` with `flags` over it, or what the flags alone say.
    ///
    /// Where the flags name an identity and nobody named a profile, `KEYLESS_PROFILE` does not count: it would put its role under somebody
    /// else's proof.
    pub(crate) fn choose(&self, name: Option<&str>, flags: &Flags) -> Result<Chosen, Failure> {
        let mut profile = if name.is_none() && flags.name_an_identity() {
            Profile::default()
        } else {
            Config::load(&self.environment)?.profile(name, &self.environment)?
        };
        if let Some(name) = profile.name.as_ref().filter(|name| name.starts_with('-')) {
            return Err(Failure::new(
                INVALID,
                format!("the profile {name:?} begins with a hyphen, and would be taken for a flag"),
            )
            .with_advice("give it another name"));
        }
        flags.over(&mut profile)?;
        let words = profile.name.iter().cloned().chain(flags.words()).collect();
        Ok(Chosen { profile, words })
    }

    /// Access for a command that asks nobody.
    pub(crate) fn access(&self, chosen: &Chosen, patience: Duration) -> Result<Access, Failure> {
        let usage = Use {
            patience,
            clock: self.clock.clone(),
            ..Use::default()
        };
        Ok(chosen.profile.access(&self.environment, usage)?)
    }

    /// Access for a command that may let a person sign in, where there is a person.
    pub(crate) fn asking(&self, chosen: &Chosen, asking: &Asking) -> Result<Asked, Failure> {
        let prompt = self
            .way_to_ask(chosen, asking.no_interactive, asking.no_browser)
            .map(|screen| self.prompt(chosen, screen, asking.no_browser));
        self.asked(chosen, prompt, asking.timeout)
    }

    /// Where to tell a person that somebody must sign in; `None` where nobody is there, or wants to be asked.
    pub(crate) fn way_to_ask(
        &self,
        chosen: &Chosen,
        no_interactive: bool,
        no_browser: bool,
    ) -> Option<Screen> {
        if no_interactive || self.environment.os("KEYLESS_NO_INTERACTIVE").is_some() {
            return None;
        }
        let screen = Screen::open(true);
        let identity = &chosen.profile.identity;
        let browser = !no_browser
            && matches!(identity.flow, None | Some(Flow::Browser))
            && (identity.browser.is_some() || self.has_browser())
            && self.out_of_reach(chosen, no_browser).is_none();
        (screen.is_terminal() || browser).then_some(screen)
    }

    /// Why a browser on this machine would not do, where nobody has said how to sign in.
    fn out_of_reach(&self, chosen: &Chosen, no_browser: bool) -> Option<Reason> {
        let identity = &chosen.profile.identity;
        if no_browser || identity.flow.is_some() {
            return None;
        }
        let has_command = identity.browser.is_some();
        browser_is_out_of_reach(&self.environment, has_command, Path::exists)
    }

    /// Access for `login`, which is there for a person and nothing else.
    pub(crate) fn signing_in(
        &self,
        chosen: &Chosen,
        no_browser: bool,
        timeout: Duration,
    ) -> Result<Asked, Failure> {
        let prompt = self.prompt(chosen, Screen::open(false), no_browser);
        self.asked(chosen, Some(prompt), timeout)
    }

    fn prompt(&self, chosen: &Chosen, screen: Screen, no_browser: bool) -> Arc<TerminalPrompt> {
        let mut prompt = TerminalPrompt::new(self.output, self.environment.clone(), screen);
        if no_browser {
            prompt = prompt.without_browser();
        }
        if let Some(command) = &chosen.profile.identity.browser {
            prompt = prompt.browser(command.clone());
        }
        if let Some(reason) = self.out_of_reach(chosen, no_browser) {
            prompt = prompt.because_of(reason);
        }
        Arc::new(prompt)
    }

    fn asked(
        &self,
        chosen: &Chosen,
        prompt: Option<Arc<TerminalPrompt>>,
        timeout: Duration,
    ) -> Result<Asked, Failure> {
        let nobody_pastes = prompt
            .as_ref()
            .is_some_and(|prompt| !prompt.can_be_pasted_into());
        if nobody_pastes && chosen.profile.identity.flow == Some(Flow::Paste) {
            return Err(
                Failure::new(INVALID, "there is no terminal to paste the sign-in's address into")
                    .with_advice("run `keyless login` at a terminal, or use `--flow device`, or `--no-browser` where a forwarded port leads here"),
            );
        }
        let usage = Use {
            browser_is_out_of_reach: prompt
                .as_ref()
                .is_some_and(|prompt| prompt.has_no_browser_in_reach()),
            nobody_pastes,
            prompt: prompt.clone().map(|prompt| prompt as _),
            timeout: Some(timeout),
            patience: PATIENCE,
            clock: self.clock.clone(),
            ..Use::default()
        };
        let access = chosen.profile.access(&self.environment, usage)?;
        Ok(Asked {
            access,
            prompt,
            timeout,
        })
    }

    /// Whether the desktop, or the person, has said what a browser is.
    fn has_browser(&self) -> bool {
        cfg!(any(windows, target_os = "macos"))
            || ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
                .iter()
                .any(|name| self.environment.os(name).is_some())
    }

    /// A session of the profile's role: the one that is kept, or a new one for which somebody may have to sign in.
    pub(crate) fn session(&self, chosen: &Chosen, asking: &Asking) -> Result<Session, Failure> {
        let asked = self.asking(chosen, asking)?;
        let (chosen, asked) = self.with_a_role(chosen.clone(), asked)?;
        let provider = asked.access.provider()?;
        match provider.peek() {
            Some(session) => Ok(session),
            None => asked.run(self, async {
                let session = provider.session().await;
                session.map_err(|error| explained(self, &chosen, &asked.access, error))
            }),
        }
    }

    /// The same with the role that the person picks among those that their identity lists, where the profile names none. Where it lists none
    /// either, as it is.
    pub(crate) fn with_a_role(
        &self,
        mut chosen: Chosen,
        mut asked: Asked,
    ) -> Result<(Chosen, Asked), Failure> {
        if chosen.profile.role.is_some() {
            return Ok((chosen, asked));
        }
        let may_ask = match asked.prompt {
            Some(_) => Interaction::Allowed,
            None => Interaction::Forbidden,
        };
        let listing = async { Ok(asked.access.roles(may_ask).await?) };
        let listed = asked.run(self, listing);
        let roles = listed.map_err(|failure| chosen.explain(failure))?;
        if roles.is_empty() {
            return Ok((chosen, asked));
        }
        let role = pick_role(self.output, "Which role?", &roles)?;
        if roles.len() > 1 {
            let again =
                format!("to skip the question: --role {role}, or role = \"{role}\" in the profile");
            self.output.say(&again);
        }
        chosen.words.extend(["--role".to_owned(), role.clone()]);
        chosen.profile.role = Some(role.clone());
        asked.access = asked.access.with_role(role);
        Ok((chosen, asked))
    }
}

/// How long a command waits for a session that is renewed ahead of its end, before it takes the old one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// A profile, and the words that choose it on a command line.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) profile: Profile,
    /// The profile's name, then the flags.
    pub(crate) words: Vec<String>,
}

impl Chosen {
    /// Where nobody is signed in: the command to run.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        if failure.code == SIGN_IN {
            self.advised(failure)
        } else {
            failure
        }
    }

    /// The same failure with the command that signs in.
    pub(crate) fn advised(&self, failure: Failure) -> Failure {
        let words = self.words.iter().map(String::as_str);
        let line: Result<String, _> =
            shlex::try_join(["keyless", "login"].into_iter().chain(words));
        match line {
            Ok(line) => failure.with_advice(format!("run `{}`", whole(&line))),
            Err(_) => failure,
        }
    }
}

/// Access, and who tells the person, if anybody does.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) access: Access,
    pub(crate) prompt: Option<Arc<TerminalPrompt>>,
    /// How long a person has.
    timeout: Duration,
}

impl Asked {
    /// Runs `work`, which may ask the person, and says so if it waits for one whom another process asks.
    pub(crate) fn run<T>(
        &self,
        context: &Context,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        run_and_settle(self.access.any_login(), async {
            let outcome = tokio::select! {
                outcome = work => outcome,
                late = self.tell_of_another(context) => Err(late),
            };
            if let Some(prompt) = &self.prompt {
                prompt.done();
            }
            outcome
        })
    }

    /// Says that it waits for a person whom another process asks, and lets them begin anew here; ends when they have had as long as they would
    /// here.
    async fn tell_of_another(&self, context: &Context) -> Failure {
        let Some(login) = self.access.any_login() else {
            return pending().await;
        };
        let begun = Instant::now();
        let since = asked_elsewhere(login).await;
        let prompt = self.prompt.as_ref();
        if prompt.is_some_and(|prompt| prompt.has_asked()) {
            return pending().await;
        }
        let enter = prompt.and_then(|prompt| prompt.expect_enter());
        let waits = waits_for_another(login, since, enter.is_some());
        context.output.say(&waits);
        tokio::select! {
            () = sleep_until(begun + self.timeout) => {}
            () = pressed(enter) => {
                if let Some(prompt) = prompt {
                    prompt.expect_nothing();
                }
                login.call_off();
                sleep_until(begun + self.timeout).await;
            }
        }
        Failure::new(
            UNREACHABLE,
            format!(
                "the sign-in at {} that another process has opened has not ended within {} s",
                text::printable(&login.place()),
                self.timeout.as_secs()
            ),
        )
        .with_advice("finish it where it was opened, or end that process")
    }
}

/// Ends when Enter is pressed.
async fn pressed(enter: Option<oneshot::Receiver<()>>) {
    let is_pressed = match enter {
        Some(enter) => enter.await.is_ok(),
        None => false,
    };
    if !is_pressed {
        pending::<()>().await;
    }
}

/// Since when somebody is asked to sign in, once it is so and has been for a moment.
pub(crate) async fn asked_elsewhere(login: AnyLogin<'_>) -> SystemTime {
    loop {
        sleep(A_MOMENT).await;
        if let Some(since) = login.asking_since() {
            return since;
        }
    }
}

/// What somebody is told who waits for another process's sign-in, and whose Enter may count.
pub(crate) fn waits_for_another(
    login: AnyLogin<'_>,
    since: SystemTime,
    enter_counts: bool,
) -> String {
    let otherwise = if enter_counts {
        "press Enter to begin anew here"
    } else {
        "end that process to begin anew"
    };
    let what_to_do = match login.shown() {
        Some(shown) => text::printable(&shown),
        None => "finish it in the browser where it is open".to_owned(),
    };
    format!(
        "waiting for the sign-in at {} that another process has opened at {}: {what_to_do}, or {otherwise}",
        text::printable(&login.place()),
        text::time(since)
    )
}

/// How long a process goes on for a refresh token that is on its way.
const LONGEST_SETTLING: Duration = Duration::from_secs(10);

/// How long a wait must be to be told of.
const A_MOMENT: Duration = Duration::from_millis(500);

/// Runs `work` on a runtime of its own, until it is done or the person presses Ctrl-C.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    run_and_settle(None, work)
}

/// The same. A refresh token that is on its way, behind an answer that came early or one that nobody waits for any more, is not lost with
/// the process, unless Ctrl-C is pressed again.
pub(crate) fn run_and_settle<T>(
    login: Option<AnyLogin<'_>>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(INTERNAL, format!("no runtime could be started: {error}")))?;
    let outcome = runtime.block_on(async {
        let outcome = tokio::select! {
            biased; // from before `work` begins: it may change the terminal, which Ctrl-C must put back
            _ = tokio::signal::ctrl_c() => Err(Failure::new(INTERRUPTED, "interrupted")),
            outcome = work => outcome,
        };
        if let Some(login) = login {
            // What is still on its way after that is lost, and somebody must sign in.
            tokio::select! {
                _ = timeout(LONGEST_SETTLING, login.settle()) => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        outcome
    });
    runtime.shutdown_background(); // a thread that waits for a disk must not keep us
    outcome
}
