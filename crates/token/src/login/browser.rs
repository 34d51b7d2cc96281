//! Opening a person's browser.

use std::ffi::OsString;
use std::fmt;
use std::process::{Command, Stdio};

/// Opens `link` in the person's browser and returns as soon as that has been started.
///
/// `command` is a configured command, its link appended or put where `%s` stands. Without one, the commands that the
/// variable `BROWSER` lists (with colons between) are tried, then the desktop's own opener. macOS and Windows are written with
/// care and untried.
///
/// The link stands in the opener's argument list, where other users of the machine can read it: give the
/// [one-time link](super::SignInPage::link), never an authorization request.
///
/// # Errors
/// [`NoBrowser`] where nothing could be started.
pub fn open(
    link: &str,
    command: Option<&[String]>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(), NoBrowser> {
    let candidates = match command {
        Some(command) => vec![command.to_vec()],
        None => candidates(&variable),
    };
    if candidates.iter().any(|candidate| start(candidate, link)) {
        Ok(())
    } else {
        Err(NoBrowser)
    }
}

/// No browser could be started: there is no desktop, or no opener on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBrowser;

impl fmt::Display for NoBrowser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no browser could be started on this machine")
    }
}

impl std::error::Error for NoBrowser {}

fn candidates(variable: &impl Fn(&str) -> Option<OsString>) -> Vec<Vec<String>> {
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if let Some(browsers) = variable("BROWSER")
        .and_then(|value| value.into_string().ok())
        .filter(|value| !value.trim().is_empty())
    {
        return browsers
            .split(':')
            .map(words)
            .filter(|command| !command.is_empty())
            .collect();
    }
    if cfg!(target_os = "macos") {
        return vec![words("open")];
    }
    if cfg!(windows) {
        return vec![words("rundll32 url.dll,FileProtocolHandler")];
    }
    // Without a display xdg-open would start a browser inside the terminal.
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| variable(name).is_some_and(|value| !value.is_empty()));
    if has_display {
        ["xdg-open", "gio open", "sensible-browser"]
            .map(words)
            .to_vec()
    } else {
        Vec::new()
    }
}

fn start(command: &[String], link: &str) -> bool {
    let Some((program, arguments)) = command.split_first() else {
        return false;
    };
    let mut child = Command::new(program);
    if arguments.iter().any(|argument| argument.contains("%s")) {
        child.args(
            arguments
                .iter()
                .map(|argument| argument.replace("%s", link)),
        );
    } else {
        child.args(arguments).arg(link);
    }
    // Its chatter must not mix with our data; and it must outlive us.
    let started = child
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut running) = started else {
        return false;
    };
    std::thread::spawn(move || running.wait()); // no zombie is left while we wait for the person
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_looked_for_where_people_configure_it() {
        let with = |variables: &'static [(&'static str, &'static str)]| {
            candidates(&move |name: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| OsString::from(value))
            })
        };
        assert_eq!(
            with(&[("BROWSER", "firefox:w3m -o x")]),
            [vec!["firefox"], vec!["w3m", "-o", "x"]]
        );
        if cfg!(target_os = "linux") {
            assert_eq!(
                with(&[]),
                Vec::<Vec<String>>::new(),
                "no display, no browser"
            );
            assert_eq!(with(&[("DISPLAY", ":0")])[0], ["xdg-open"]);
        }
    }

    #[test]
    fn where_nothing_starts_it_is_said() {
        let nothing = ["/nonexistent/browser".to_owned()];
        assert_eq!(
            open("http://127.0.0.1:1/x", Some(&nothing), |_| None),
            Err(NoBrowser)
        );
    }
}
