use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use super::*;
use crate::terminal::pty::Person;

/// Set where a part of a story runs as a process of its own; in the process of all stories it does nothing. Not `#[ignore]`: those are run, too.
const PART: &str = "KEYLESS_TEST_PART";

async fn next(lines: &mut Lines) -> Option<String> {
    let line = timeout(Duration::from_mins(2), lines.next()).await;
    line.expect("in time").map(|line| line.expose().to_owned())
}

fn address(length: usize) -> String {
    let head = "http://127.0.0.1:8400/callback#id_token=";
    let token = ('a'..='z').cycle().take(length - head.len());
    head.chars().chain(token).collect()
}

#[tokio::test]
async fn a_line_of_any_length_arrives_whole_and_is_not_shown() {
    for length in [812, 4095, 4096, 4097, 20_000, LONGEST] {
        let person = Person::new(80, 24);
        let before = person.modes();
        let mut lines = Lines::on(person.tty()).expect("a terminal");
        assert_ne!(person.modes(), before);
        let pasted = address(length);
        person.pastes(format!("{pasted}\r"));
        let line = next(&mut lines).await.expect("a line");
        assert_eq!(line.len(), length);
        assert!(line == pasted, "{length}: something else has arrived");
        person.sees(&format!("(received {length} characters)"));
        assert!(!person.has_seen().contains("callback"));
        drop(lines);
        assert_eq!(person.modes(), before, "{length}");
    }
}

#[tokio::test]
async fn lines_that_are_pasted_together_are_taken_together() {
    for (pasted, lines) in [
        ("hunter2\r", &["hunter2"][..]),
        ("\x04", &[]),
        (
            "-----BEGIN PRIVATE KEY-----\rMIG\r\r-----END PRIVATE KEY-----",
            &["-----BEGIN PRIVATE KEY-----", "MIG"],
        ),
    ] {
        let person = Person::new(80, 24);
        let mut waiting = Lines::on(person.tty()).expect("a terminal");
        person.types(pasted);
        let taken = waiting.together().await;
        let taken: Vec<&str> = taken.iter().map(Secret::expose).collect();
        assert_eq!(taken, lines, "{pasted:?}");
        drop(waiting);
        person.types("ls\r");
        let mut next_program = Lines::on(person.tty()).expect("a terminal");
        assert_eq!(
            next(&mut next_program).await.as_deref(),
            Some("ls"),
            "{pasted:?}: the shell's"
        );
    }
}

#[tokio::test]
async fn keys_do_what_they_do_elsewhere() {
    for (typed, line) in [
        ("abc\r", "abc"),
        ("abc\n", "abc"),
        ("\r\n\nabc\r\n", "abc"),
        ("abx\x7fc\r", "abc"),
        ("\x7f\x7fabc\r", "abc"),
        ("wrong\x15abc\r", "abc"),
        ("\x1b[200~abc\x1b[201~\r", "abc"),
        ("ab\x1b[Ac\r", "abc"),
        ("ab\x04c\r", "abc"),
        ("grüé\x7fn\r", "grün"),
    ] {
        let person = Person::new(80, 24);
        let mut lines = Lines::on(person.tty()).expect("a terminal");
        person.types(typed);
        assert_eq!(next(&mut lines).await.as_deref(), Some(line), "{typed:?}");
    }
}

#[tokio::test]
async fn who_forgets_enter_is_told_of_it() {
    let person = Person::new(80, 24);
    let mut lines = Lines::on(person.tty()).expect("a terminal");
    person.types("abc");
    let early = timeout(Duration::from_millis(1), lines.next()).await;
    assert!(early.is_err(), "a wait that is given up loses nothing");
    person.sees("(3 characters so far; Enter ends them)");
    person.types("d\r");
    assert_eq!(next(&mut lines).await.as_deref(), Some("abcd"));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_not_half_taken() {
    let person = Person::new(80, 24);
    let mut lines = Lines::on(person.tty()).expect("a terminal");
    person.pastes(format!("{}\rabc\r", address(LONGEST + 1)));
    assert_eq!(next(&mut lines).await.as_deref(), Some("abc"));
    person.sees("(not taken: longer than 131072 characters)");
}

#[tokio::test]
async fn what_is_typed_after_the_line_is_the_shells() {
    let person = Person::new(80, 24);
    let mut lines = Lines::on(person.tty()).expect("a terminal");
    person.types("abc\rls\n");
    assert_eq!(next(&mut lines).await.as_deref(), Some("abc"));
    drop(lines);
    assert_eq!(shell_reads(&person), "ls\n");
}

#[tokio::test]
async fn when_the_browser_wins_nothing_is_swallowed() {
    let person = Person::new(80, 24);
    let before = person.modes();
    let mut lines = Lines::on(person.tty()).expect("a terminal");
    let waiting = timeout(Duration::from_millis(1), lines.next()).await;
    assert!(waiting.is_err());
    drop(lines);
    assert_eq!(person.modes(), before);
    person.types("ls\n");
    assert_eq!(shell_reads(&person), "ls\n");
}

fn shell_reads(person: &Person) -> String {
    let mut line = [0; 16];
    let count = person.terminal().read(&mut line).expect("a line");
    String::from_utf8_lossy(&line[..count]).into_owned()
}

#[tokio::test]
async fn the_end_is_an_end_and_no_failure() {
    let person = Person::new(80, 24);
    let mut lines = Lines::on(person.tty()).expect("a terminal");
    person.types("\x04");
    assert_eq!(next(&mut lines).await, None);
    assert_eq!(next(&mut lines).await, None, "and stays one");
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    let ended = Command::new(std::env::current_exe().expect("this"))
        .args(["--exact", "terminal::line::tests::a_process_that_panics"])
        .env(PART, "panics")
        .output()
        .expect("started");
    assert!(ended.status.success(), "{ended:?}");
}

/// A process of its own, since a panic puts back every terminal of its process.
#[test]
fn a_process_that_panics() {
    if std::env::var_os(PART).is_none() {
        return; // a part of the story before
    }
    let person = Person::new(80, 24);
    let before = person.modes();
    let tty = person.tty();
    for as_keys in [true, false] {
        let quiet = tty.quiet(as_keys).expect("a terminal");
        assert_ne!(person.modes(), before);
        // A panic that ends the process drops nothing: only the hook has run.
        let panicked = catch_unwind(AssertUnwindSafe(|| panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(person.modes(), before);
        quiet.again().expect("a terminal");
        assert_ne!(person.modes(), before);
    }
    assert_eq!(person.modes(), before);
}

/// What the next story runs as a process of its own, on a terminal of its own.
#[test]
fn a_process_that_waits_for_a_line() {
    if std::env::var_os(PART).is_none() {
        return; // a part of the next story
    }
    let outcome = crate::context::run(async {
        tokio::task::yield_now().await; // Ctrl-C is listened for from now on
        let mut lines = Lines::open().expect("a terminal");
        Tty::open().expect("the same").show("paste it\n");
        loop {
            lines.next().await;
        }
    });
    let failure: Result<(), crate::exit::Failure> = outcome;
    std::process::exit(failure.expect_err("interrupted").code.into());
}

#[cfg(target_os = "linux")] // setsid(1)
#[test]
fn whatever_ends_a_process_leaves_the_terminal_as_it_was() {
    for (typed, kill, code) in [
        ("\x03", None, 130),
        ("http://127.0.0.1:8400/call\x03", None, 130),
        ("http://127.0.0.1:8400/call\x1c", None, 131),
        ("http://127.0.0.1:8400/call", Some(Signal::TERM), 143),
    ] {
        let person = Person::new(80, 24);
        let before = person.modes();
        let terminal = || Stdio::from(person.terminal());
        let mut process = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(std::env::current_exe().expect("this"))
            .args(["--exact", "--nocapture"])
            .arg("terminal::line::tests::a_process_that_waits_for_a_line")
            .env(PART, "waits")
            .stdin(terminal())
            .stdout(Stdio::null())
            .stderr(terminal())
            .spawn()
            .expect("setsid");
        person.sees("paste it");
        assert_ne!(person.modes(), before);
        person.types(typed);
        if let Some(signal) = kill {
            let itself = Pid::from_child(&process); // setsid becomes what it starts
            kill_process(itself, signal).expect("sent");
        }
        let ended = process.wait().expect("it ends");
        assert_eq!(ended.code(), Some(code), "{typed:?}: {}", person.has_seen());
        assert_eq!(person.modes(), before, "{typed:?}");
        assert!(!person.has_seen().contains("127.0.0.1"));
    }
}
