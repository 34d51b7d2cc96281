use super::*;
use crate::terminal::pty::Person;

fn roles() -> Vec<String> {
    (0..300)
        .map(|number| {
            let account = 111_111_111_100 + number / 3;
            let name = ["Admin", "Developer", "ReadOnly"][number % 3];
            format!("arn:aws:iam::{account}:role/{name}")
        })
        .collect()
}

/// What comes of it if the person at a terminal of that size does this, each after what they see first.
fn chosen(columns: u16, rows: u16, doing: &[(&str, &str)]) -> (Result<String, Failure>, Person) {
    let person = Person::new(columns, rows);
    let before = person.modes();
    let tty = person.tty();
    let outcome = std::thread::scope(|scope| {
        let picker = scope.spawn(move || {
            let roles = roles();
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            choose_at(&tty, Output::new(false), "Which role?", &roles)
        });
        for (sees, types) in doing {
            person.sees(sees);
            assert_ne!(person.modes(), before);
            person.types(types);
        }
        picker.join().expect("no panic")
    });
    assert_eq!(person.modes(), before, "the terminal is as it was");
    (outcome, person)
}

#[test]
fn somebody_with_three_hundred_roles_finds_one() {
    let all = "(300 of 300)";
    for (doing, role) in [
        (&[(all, "\r")][..], "111111111100:role/Admin"),
        (&[(all, "\x1b[B\x1b[B\r")], "111111111100:role/ReadOnly"),
        (&[(all, "\x1b[F\r")], "111111111199:role/ReadOnly"),
        (
            &[(all, "\x1b[6~\x1b[6~\x1b[5~\x1b[A\r")],
            "111111111104:role/ReadOnly",
        ),
        (
            &[(all, "1177 dev"), ("(1 of 300)", "\r")],
            "111111111177:role/Developer",
        ),
        (
            &[(all, "nobodyx"), ("no role matches", "\r\x151142 read\r")],
            "111111111142:role/ReadOnly",
        ),
        (
            &[(all, "adminn\x7f"), ("(100 of 300)", "\x1b[B\r")],
            "111111111101:role/Admin",
        ),
    ] {
        for (columns, rows) in [(80, 24), (40, 20)] {
            let (outcome, person) = chosen(columns, rows, doing);
            let arn = format!("arn:aws:iam::{role}");
            assert_eq!(outcome.expect("chosen"), arn, "{doing:?}");
            person.sees(&format!("\x1b[JWhich role? {arn}\r\n"));
        }
    }
}

#[test]
fn a_no_and_an_interruption_are_two_things() {
    for (key, code) in [("\x1b", DENIED), ("\x04", DENIED), ("\x03", INTERRUPTED)] {
        let (outcome, person) = chosen(80, 24, &[("(300 of 300)", key)]);
        assert_eq!(outcome.expect_err("none").code, code, "{key:?}");
        assert!(
            !person.has_seen().ends_with("Esc for none"),
            "it is cleared away"
        );
    }
}

#[test]
fn what_is_typed_ahead_is_left_for_the_shell() {
    use std::io::Read;

    let (outcome, person) = chosen(80, 24, &[("(300 of 300)", "admin\rls\n")]);
    outcome.expect("chosen");
    let mut line = [0; 16];
    let count = person.terminal().read(&mut line).expect("a line");
    assert_eq!(&line[..count], b"ls\n");
}
