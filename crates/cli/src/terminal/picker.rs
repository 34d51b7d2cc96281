//! "Which role?": a list of roles that narrows as one types.

use std::collections::BTreeSet;

use crate::exit::{Failure, INVALID};
use crate::output::Output;
use crate::words;

#[cfg(unix)]
mod list;
#[cfg(unix)]
mod session;

/// How many roles are named where nobody can choose.
const NAMED: usize = 20;

/// The one of `roles` (ARNs) that a person at the terminal chooses; one alone is taken, and said. It is shown on the terminal itself,
/// whatever stdin and stderr are, and never on stdout.
///
/// # Errors
/// [`DENIED`](crate::exit::DENIED) where the person wants none, [`INTERRUPTED`](crate::exit::INTERRUPTED) at Ctrl-C, [`INVALID`] where there
/// is no role, or no terminal to choose at.
pub(crate) fn pick_role(
    output: Output,
    question: &str,
    roles: &[String],
) -> Result<String, Failure> {
    let mut seen = BTreeSet::new();
    let roles: Vec<&str> = roles
        .iter()
        .map(String::as_str)
        .filter(|role| seen.insert(*role))
        .collect();
    match *roles {
        [] => return Err(Failure::new(INVALID, "there is no role to choose from")),
        [only] => {
            output.say(&format!("taking the only role, {}", plain(only)));
            return Ok(only.to_owned());
        }
        _ => {}
    }
    #[cfg(unix)]
    if let Some(chosen) = session::choose(output, question, &roles) {
        return chosen;
    }
    Err(nobody_to_ask(question, &roles))
}

fn nobody_to_ask(question: &str, roles: &[&str]) -> Failure {
    let mut facts: Vec<String> = roles.iter().take(NAMED).map(|role| plain(role)).collect();
    if let Some(more) = roles.len().checked_sub(NAMED).filter(|more| *more > 0) {
        facts.push(format!("and {more} more"));
    }
    let question = question.trim_end_matches('?').to_lowercase();
    Failure {
        facts,
        ..Failure::new(
            INVALID,
            format!(
                "there is no terminal to ask at {question}; it could be any of {}",
                roles.len()
            ),
        )
        .with_advice("say which with --role ARN")
    }
}

/// As it may stand on a terminal. An ARN is ASCII: what is not would take up who knows how many columns.
fn plain(role: &str) -> String {
    words::whole(role).replace(|c: char| !c.is_ascii(), "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(count: usize) -> Vec<String> {
        (0..count)
            .map(|number| format!("arn:aws:iam::{number:012}:role/Developer"))
            .collect()
    }

    #[test]
    fn one_role_alone_is_taken() {
        let [one] = roles(1).try_into().expect("one");
        let output = Output::new(true);
        for roles in [vec![one.clone()], vec![one.clone(), one.clone()]] {
            assert_eq!(
                pick_role(output, "which role?", &roles).expect("taken"),
                one
            );
        }
        let failure = pick_role(output, "which role?", &[]).expect_err("none");
        assert_eq!(failure.code, INVALID);
    }

    #[test]
    fn where_nobody_can_choose_the_roles_are_listed() {
        for (count, lines, last) in [
            (2, 2, "arn:aws:iam::000000000001:role/Developer"),
            (20, 20, "arn:aws:iam::000000000019:role/Developer"),
            (21, 21, "and 1 more"),
            (300, 21, "and 280 more"),
        ] {
            let roles = roles(count);
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            let failure = nobody_to_ask("which role?", &roles);
            assert_eq!(failure.code, INVALID);
            assert_eq!(failure.facts.len(), lines);
            assert_eq!(failure.facts.last().map(String::as_str), Some(last));
            assert_eq!(failure.advice.as_deref(), Some("say which with --role ARN"));
            let message = failure.message.expect("a message");
            assert!(message.ends_with(&format!("any of {count}")), "{message}");
        }
    }

    #[test]
    fn what_a_token_calls_a_role_does_not_move_the_cursor() {
        let failure = nobody_to_ask("which role?", &["\u{1b}[2Jx", "ro\nle"]);
        assert_eq!(failure.facts, ["[2Jx", "role"]);
    }
}
