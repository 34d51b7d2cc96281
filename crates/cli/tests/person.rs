//! A person inside `credential_process`: the SDK hears nothing and does not wait, and the sign-in completes all the same.
#![cfg(unix)]

mod common;

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Machine, Ran, follow};

/// A machine whose browser writes down what it is to open, and opens nothing.
struct Desktop(Machine);

impl Desktop {
    async fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let machine = Machine::new().await;
        let links = machine.path("links");
        let script = format!("#!/bin/sh\necho \"$1\" >> '{}'\n", links.display());
        let browser = machine.write("browser", &script);
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700)).expect("set");
        Self(machine)
    }

    /// `keyless` as an SDK starts it on a desktop.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command(arguments);
        command
            .env_remove("KEYLESS_NO_INTERACTIVE")
            .env("BROWSER", self.0.path("browser"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self) -> Child {
        let mut command = self.command(&["credential-process", "dev"]);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().expect("started")
    }

    fn tabs(&self) -> Vec<String> {
        let links = std::fs::read_to_string(self.0.path("links")).unwrap_or_default();
        links.lines().map(str::to_owned).collect()
    }

    /// The link of the first tab, as soon as it is open.
    fn first_tab(&self) -> String {
        until(|| self.tabs().first().cloned())
    }
}

/// What another process brings about.
fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let asked = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(asked.elapsed() < Duration::from_mins(2), "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until `child` has said `text` on stderr; what it says next is left to others.
fn says(child: &mut Child, text: &str) {
    sees(child.stderr.as_mut().expect("piped"), text);
}

/// The same command at a terminal of its own, of which stdin and stdout are the far end.
fn at_a_terminal(command: &Command) -> Child {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<&str> = words.map(|word| word.to_str().expect("UTF-8")).collect();
    let line = shlex::try_join(words).expect("words");
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &line, "/dev/null"]).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            terminal.env(name, value);
        }
    }
    terminal
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a terminal")
}

/// Waits until `text` is on `screen`.
fn sees<R: Read>(mut screen: R, text: &str) -> R {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let mut byte = [0];
        let length = screen.read(&mut byte).expect("open");
        assert_eq!(
            length,
            1,
            "{text:?} is not in {:?}",
            String::from_utf8_lossy(&seen)
        );
        seen.push(byte[0]);
    }
    screen
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_in_outlives_the_caller_that_an_sdk_kills() {
    let desktop = Desktop::new().await;
    let mut caller = desktop.start();
    let link = desktop.first_tab();
    std::thread::sleep(Duration::from_secs(1)); // an SDK that loses its patience
    // With all that it has started in its own group.
    let group = rustix::process::Pid::from_child(&caller);
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).expect("killed");
    caller.wait().expect("ended");

    follow(&link);
    until(|| {
        let status = desktop.0.run(&["status", "dev", "--json"]);
        let sessions = status.json()["profiles"][0]["sessions"].clone();
        sessions
            .as_array()
            .is_some_and(|held| !held.is_empty())
            .then_some(())
    });
    let before = desktop.0.sandbox.calls();
    let next = desktop.command(&["credential-process", "dev"]).output();
    let next = Ran::new(next.expect("started")).done();
    assert_eq!(next.json()["Version"], 1);
    assert_eq!(desktop.0.sandbox.calls(), before, "nobody was asked");
    assert_eq!(desktop.tabs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_callers_open_one_tab_and_all_get_the_session() {
    let desktop = Desktop::new().await;
    let callers: Vec<Child> = (0..5).map(|_| desktop.start()).collect();
    follow(&desktop.first_tab());
    for caller in callers {
        let ran = Ran::new(caller.wait_with_output().expect("ended")).done();
        assert_eq!(ran.json()["Version"], 1);
    }
    assert_eq!(desktop.tabs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_callers_take_one_no_for_an_answer() {
    let desktop = Desktop::new().await;
    let callers: Vec<Child> = (0..5).map(|_| desktop.start()).collect();
    refuse(&desktop.first_tab());
    for caller in callers {
        let ran = Ran::new(caller.wait_with_output().expect("ended"));
        assert_eq!((ran.code, &*ran.data), (Some(4), ""), "{ran:?}");
        assert!(ran.said.contains("refused the sign-in"), "{ran:?}");
    }
    // Nor is somebody who comes a moment later asked.
    let late = Ran::new(desktop.start().wait_with_output().expect("ended"));
    assert_eq!(late.code, Some(4), "{late:?}");
    assert_eq!(desktop.tabs().len(), 1);

    // Whoever says `login` wants to try again.
    let again = desktop.command(&["login", "dev"]).spawn().expect("started");
    let second = until(|| desktop.tabs().get(1).cloned());
    follow(&second);
    Ran::new(again.wait_with_output().expect("ended")).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_killed_is_a_no_to_all_who_waited() {
    let desktop = Desktop::new().await;
    let mut asking = desktop.command(&["login", "dev"]).spawn().expect("started");
    desktop.first_tab();
    // Whoever has no more time than a moment waits no longer.
    let hasty = ["login", "dev", "--timeout", "1s"];
    let hasty = desktop.command(&hasty).spawn().expect("started");
    let ran = Ran::new(hasty.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.said.contains("has not ended within 1 s"), "{ran:?}");
    let mut waiting: Vec<Child> = (0..5).map(|_| desktop.start()).collect();
    let mut impatient = desktop.start();
    for in_line in waiting.iter_mut().chain([&mut impatient]) {
        says(in_line, "waiting for the sign-in at");
    }
    let process = rustix::process::Pid::from_child(&impatient);
    rustix::process::kill_process(process, rustix::process::Signal::INT).expect("interrupted");
    let ran = Ran::new(impatient.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(130), "{ran:?}");
    asking.kill().expect("killed");
    asking.wait().expect("ended");
    for caller in waiting {
        let ran = Ran::new(caller.wait_with_output().expect("ended"));
        assert_eq!((ran.code, &*ran.data), (Some(6), ""), "{ran:?}");
        assert!(ran.said.contains("was begun and broke off"), "{ran:?}");
    }
    assert_eq!(desktop.tabs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_a_sign_in_is_asked_again_at_once() {
    let desktop = Desktop::new().await;
    let asking = desktop.command(&["login", "dev"]).spawn().expect("started");
    desktop.first_tab();
    let process = rustix::process::Pid::from_child(&asking);
    rustix::process::kill_process(process, rustix::process::Signal::INT).expect("interrupted");
    let ran = Ran::new(asking.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(130), "{ran:?}");
    let caller = desktop.start();
    follow(&until(|| desktop.tabs().get(1).cloned()));
    Ran::new(caller.wait_with_output().expect("ended")).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_lost_the_tab_begins_anew_by_a_key() {
    let desktop = Desktop::new().await;
    let caller = desktop.start();
    desktop.first_tab();
    let mut anew = at_a_terminal(&desktop.command(&["login", "dev"]));
    let screen = anew.stdout.take().expect("piped");
    let screen = sees(screen, "press Enter to begin anew here");
    let mut keyboard = anew.stdin.take().expect("piped");
    keyboard.write_all(b"xyz\r").expect("typed");
    follow(&until(|| desktop.tabs().get(1).cloned()));
    let screen = sees(screen, "signed in as alice@example.com");
    std::io::copy(&mut { screen }, &mut std::io::sink()).expect("to its end");
    assert!(anew.wait().expect("ended").success());
    // The tool that had opened the lost one has the session, too.
    let ran = Ran::new(caller.wait_with_output().expect("ended")).done();
    assert_eq!(ran.json()["Version"], 1);
    assert_eq!(desktop.tabs().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_calls_off_the_sign_in_that_is_open() {
    let desktop = Desktop::new().await;
    let open = desktop.command(&["login", "dev"]).spawn().expect("started");
    desktop.first_tab();
    let ran = desktop.0.run(&["logout", "dev"]).done();
    assert!(ran.said.contains("called off the sign-in"), "{ran:?}");
    let ran = Ran::new(open.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.said.contains("was called off by another process"),
        "{ran:?}"
    );
    let ran = desktop.0.run(&["logout", "dev"]).done();
    assert!(!ran.said.contains("called off"), "{ran:?}");

    let caller = desktop.start();
    until(|| desktop.tabs().get(1).cloned());
    desktop.0.run(&["logout", "--all"]).done();
    let ran = Ran::new(caller.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(3), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_be_asked_it_fails_at_once() {
    let desktop = Desktop::new().await;
    let arguments = ["credential-process", "dev"];
    // In a session of its own a process has no terminal.
    let mut nobody = Command::new("setsid");
    let plain = desktop.command(&arguments);
    nobody
        .arg("--wait")
        .arg(plain.get_program())
        .args(arguments)
        .env_clear();
    for (name, value) in plain.get_envs() {
        if let Some(value) = value.filter(|_| name != "BROWSER") {
            nobody.env(name, value);
        }
    }
    nobody.stdin(Stdio::null());
    let unwanted = desktop.command(&["credential-process", "dev", "--no-interactive"]);
    for mut command in [nobody, unwanted] {
        let ran = Ran::new(command.output().expect("started"));
        assert_eq!((ran.code, &*ran.data), (Some(3), ""), "{ran:?}");
        assert!(
            ran.said.ends_with("hint: run `keyless login dev`\n"),
            "{}",
            ran.said
        );
    }
    assert_eq!(desktop.tabs().len(), 0);
    assert!(desktop.0.path("store").read_dir().is_ok_and(|mut folder| {
        folder.all(|file| {
            !file
                .expect("a file")
                .file_name()
                .to_string_lossy()
                .ends_with(".asked")
        })
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_cannot_begin_ends_the_call_with_its_code() {
    let desktop = Desktop::new().await;
    let config = desktop.0.read(".config/keyless/config.toml");
    let nowhere = config.replace(desktop.0.sandbox.issuer(), "http://127.0.0.1:1");
    desktop.0.write(".config/keyless/config.toml", &nowhere);
    let ran = desktop.command(&["credential-process", "dev"]).output();
    let ran = Ran::new(ran.expect("started"));
    assert_eq!((ran.code, &*ran.data), (Some(6), ""), "{ran:?}");
    assert!(
        ran.said.starts_with(
            "error: nobody has signed in at http://127.0.0.1:1\nhint: run `keyless login dev`"
        ),
        "{}",
        ran.said
    );
    assert_eq!(desktop.tabs().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_denied_is_told_as_by_any_other_command() {
    let desktop = Desktop::new().await;
    let caller = desktop.command(&["credential-process", "admin"]).spawn();
    follow(&desktop.first_tab());
    let ran = Ran::new(caller.expect("started").wait_with_output().expect("ended"));
    assert_eq!((ran.code, &*ran.data), (Some(4), ""), "{ran:?}");
    assert!(ran.said.contains("AccessDenied"), "{}", ran.said);
    assert_eq!(desktop.tabs().len(), 1);
}

/// Where nobody looks on, `state` and `nonce` are not written down.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_gets_the_one_time_link_and_not_the_request() {
    let desktop = Desktop::new().await;
    let login = desktop.command(&["login", "dev"]).spawn().expect("started");
    let link = desktop.first_tab();
    follow(&link);
    let ran = Ran::new(login.wait_with_output().expect("ended")).done();
    assert!(ran.said.contains(&format!("\n  {link}\n")), "{}", ran.said);
    assert!(!ran.said.contains("state="), "{}", ran.said);
}

/// A person who presses *cancel*.
fn refuse(link: &str) {
    let request = common::location(link).expect("leads to the identity provider");
    let parameter = |name: &str| {
        let query = request.split_once('?').expect("a query").1;
        let found = query
            .split('&')
            .find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.expect(name).to_owned()
    };
    let back = parameter("redirect_uri")
        .replace("%3A", ":")
        .replace("%2F", "/");
    let issuer = request
        .split("/authorize")
        .next()
        .expect("an issuer")
        .replace(':', "%3A")
        .replace('/', "%2F");
    follow(&format!(
        "{back}?error=access_denied&state={}&iss={issuer}",
        parameter("state")
    ));
}
