//! The one place that prints: data to stdout, everything else to stderr.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crate::exit::{Failure, INTERNAL};

/// Where a command says things, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    quiet: bool,
    colour: bool,
}

/// How a word stands out on a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warning,
    Hint,
    Strong,
}

impl Output {
    pub(crate) fn new(quiet: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            quiet,
            colour: !unwanted,
        }
    }

    /// A line for the person, unless they want it quiet.
    pub(crate) fn say(self, line: &str) {
        if !self.quiet {
            tell(line);
        }
    }

    pub(crate) fn warning(self, text: &str) {
        tell(&format!(
            "{} {text}",
            self.on_stderr("warning:", Tone::Warning)
        ));
    }

    pub(crate) fn hint(self, text: &str) {
        tell(&format!("{} {text}", self.on_stderr("hint:", Tone::Hint)));
    }

    /// Says why, and what to do, and gives the code to end with.
    pub(crate) fn failure(self, failure: &Failure) -> ExitCode {
        if let Some(message) = &failure.message {
            tell(&format!(
                "{} {message}",
                self.on_stderr("error:", Tone::Bad)
            ));
        }
        for fact in &failure.facts {
            tell(&format!("  {fact}"));
        }
        if let Some(advice) = &failure.advice {
            self.hint(advice);
        }
        ExitCode::from(failure.code)
    }

    /// Whether what a person looks at may be in colour.
    pub(crate) fn paints(self) -> bool {
        self.colour
    }

    /// `text` as it is to stand on a terminal.
    pub(crate) fn painted(self, text: &str, tone: Tone) -> String {
        painted(text, tone, self.colour)
    }

    /// `text` as it is to stand in a message.
    pub(crate) fn on_stderr(self, text: &str, tone: Tone) -> String {
        painted(text, tone, self.colour && io::stderr().is_terminal())
    }

    /// `text` as it is to stand in data.
    pub(crate) fn on_stdout(self, text: &str, tone: Tone) -> String {
        painted(text, tone, self.colour && io::stdout().is_terminal())
    }
}

/// What was asked for, as it is. A reader who has gone away is no failure: the command is over.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::silent(0)),
        Err(error) => Err(Failure::new(
            INTERNAL,
            format!("standard output cannot be written: {error}"),
        )),
    }
}

/// A line that a person must see.
pub(crate) fn tell(line: &str) {
    message(&format!("{line}\n"));
}

/// A text for stderr, as it is.
pub(crate) fn message(text: &str) {
    // With nobody to tell there is nothing to be done about it.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether data goes to a person's eyes.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Where a person is who can be told something while stdout and stderr may be somebody else's.
#[derive(Debug)]
pub(crate) enum Screen {
    /// stderr; whether it is a terminal.
    Stderr(bool),
    /// The terminal itself, since stderr goes elsewhere.
    Terminal(File),
}

impl Screen {
    /// stderr, or the terminal behind a redirected one where `through` says so.
    pub(crate) fn open(through: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        if is_terminal || !through {
            return Self::Stderr(is_terminal);
        }
        let device = if cfg!(windows) { "CONOUT$" } else { "/dev/tty" };
        match File::options().write(true).open(device) {
            Ok(terminal) => Self::Terminal(terminal),
            Err(_) => Self::Stderr(false),
        }
    }

    /// Whether a person looks at it.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Stderr(true) | Self::Terminal(_))
    }

    pub(crate) fn show(&self, text: &str) {
        let _ = match self {
            Self::Stderr(_) => io::stderr().lock().write_all(text.as_bytes()),
            Self::Terminal(terminal) => (&*terminal).write_all(text.as_bytes()),
        };
    }
}

fn painted(text: &str, tone: Tone, colour: bool) -> String {
    if !colour {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "1;31",
        Tone::Warning => "1;33",
        Tone::Hint => "1;36",
        Tone::Strong => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
