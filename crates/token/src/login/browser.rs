//! Opening a person's browser.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An opener that ends with a failure within this time has not opened anything; one that ends later was the browser.
const FAILS_WITHIN: Duration = Duration::from_secs(5);

/// Opens `link` in the person's browser and returns as soon as that has been started.
///
/// `command` is a configured command, its link appended or put where `%s` stands. Without one, the commands that the
/// variable `BROWSER` lists are tried in turn (with colons between, on Windows semicolons), or where it is not set the
/// desktop's own openers. An opener that cannot be started, or that fails at once, is followed by the next; if that was the
/// last, a warning says so. macOS and Windows are written with care and untried.
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
    open_with(candidates, link.to_owned()).map(drop)
}

/// Starts the first of `candidates` that can be; the thread goes on to the others if that one fails, and says whether any
/// did not.
fn open_with(candidates: Vec<Vec<String>>, link: String) -> Result<JoinHandle<bool>, NoBrowser> {
    let mut rest = candidates.into_iter();
    let mut next = move || {
        rest.by_ref()
            .find_map(|command| start(&command, &link).ok())
    };
    let mut running = next().ok_or(NoBrowser)?;
    Ok(std::thread::spawn(move || {
        loop {
            let since = Instant::now();
            let ended = running.wait(); // no zombie is left while we wait for the person
            if ended.is_ok_and(|status| status.success()) || since.elapsed() > FAILS_WITHIN {
                return true;
            }
            let Some(another) = next() else {
                tracing::warn!("{NoBrowser}: open the address by hand");
                return false;
            };
            running = another;
        }
    }))
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
    let words = |text: &str| -> Vec<String> {
        // A path with blanks in it, as below `/mnt/c/Program Files`.
        if Path::new(text).is_file() {
            return vec![text.to_owned()];
        }
        text.split_whitespace().map(str::to_owned).collect()
    };
    if let Some(browsers) = variable("BROWSER")
        .and_then(|value| value.into_string().ok())
        .filter(|value| !value.trim().is_empty())
    {
        return browsers
            .split(if cfg!(windows) { ';' } else { ':' })
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
    // In WSL the browser of Windows reaches what listens here.
    let in_windows = variable("WSL_DISTRO_NAME").map(|_| words("wslview"));
    // Without a display xdg-open would start a browser inside the terminal.
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| variable(name).is_some_and(|value| !value.is_empty()));
    let on_display = ["xdg-open", "gio open", "sensible-browser"].map(words);
    in_windows
        .into_iter()
        .chain(on_display.into_iter().filter(|_| has_display))
        .collect()
}

fn start(command: &[String], link: &str) -> io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::NotFound)?;
    let mut child = Command::new(program);
    if arguments.iter().any(|argument| argument.contains("%s")) {
        let filled = arguments
            .iter()
            .map(|argument| argument.replace("%s", link));
        child.args(filled);
    } else {
        child.args(arguments).arg(link);
    }
    // Its chatter must not mix with our data; and it must outlive us, a Ctrl-C in our terminal included.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut child, 0);
    child
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
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
            assert_eq!(with(&[("WSL_DISTRO_NAME", "Debian")]), [["wslview"]]);
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

    #[cfg(unix)]
    #[test]
    fn an_opener_that_fails_is_followed_by_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("opened");
        let to = file.display();
        let shell = |script: String| ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
        let missing = vec!["/nonexistent/browser".to_owned()];
        let fails = shell("exit 3".into());
        let appended = shell(format!("echo \"$1\" > {to}"));
        let put_in = ["sh", "-c", &format!("echo '%s' > {to}")]
            .map(str::to_owned)
            .to_vec();
        for (candidates, opened) in [
            (vec![appended.clone()], true),
            (vec![put_in], true),
            (vec![missing.clone(), fails.clone(), appended.clone()], true),
            (vec![appended, fails.clone()], true),
            (vec![missing, fails], false),
        ] {
            let _ = std::fs::remove_file(&file);
            let trying = open_with(candidates, "http://127.0.0.1:1/x".into());
            let worked = trying.expect("started").join().expect("no panic");
            assert_eq!((worked, file.exists()), (opened, opened));
            if opened {
                let link = std::fs::read_to_string(&file).expect("written");
                assert_eq!(link, "http://127.0.0.1:1/x\n");
            }
        }
    }
}
