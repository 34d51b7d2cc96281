//! What a survey found, for a terminal of a hundred columns.

use std::fmt::Write as _;

use keyless_trust::audit::{Audit, Danger, Grant, Miss, Power, Role};

use crate::output::{Output, Tone};
use crate::words::whole;

const WIDTH: usize = 100;

/// Where a line goes on under a role's name.
const INDENT: usize = 10;

pub(super) fn write(found: &Audit, whose: Option<&str>, output: Output) -> String {
    let mut text = String::new();
    let roles: Vec<&Role> = if let Some(whose) = whose {
        let _ = writeln!(text, "{}", wrapped(&format!("a token of {whose}"), 0));
        let _ = writeln!(
            text,
            "can take {} of {} roles{}\n",
            found.taken().count(),
            found.roles_read,
            if found.taken().next().is_some() {
                ":"
            } else {
                ""
            }
        );
        found.taken().collect()
    } else {
        let _ = writeln!(text, "{}\n", summary(found));
        found.roles.iter().collect()
    };
    let names = Names::of(found);
    for role in roles {
        names.write(&mut text, role, output);
        match &role.token {
            Some(Grant::Taken { statement }) => {
                lines(&mut text, &format!("by statement {statement}"));
            }
            _ => {
                for way in &role.ways {
                    let rules: Vec<&str> = way.faults.iter().map(|fault| fault.rule).collect();
                    let rules = if rules.is_empty() {
                        String::new()
                    } else {
                        format!(" ({})", rules.join(", "))
                    };
                    lines(
                        &mut text,
                        &format!("{}: {}{rules}", tame(&way.who()), tame(&way.because())),
                    );
                }
            }
        }
    }
    let near: Vec<&Role> = found.near().collect();
    if !near.is_empty() {
        let _ = writeln!(text, "\nand one thing alone keeps it from:\n");
        for role in near {
            names.write(&mut text, role, output);
            if let Some(Grant::Near { miss }) = &role.token {
                lines(&mut text, &words(miss));
            }
        }
    }
    if !found.unreadable.is_empty() {
        let _ = writeln!(text, "\nnot judged, as the trust policy cannot be read:\n");
        for role in &found.unreadable {
            let mark = output.on_stdout("?         ", Tone::Warning);
            let _ = writeln!(text, "{mark}{}", whole(&role.arn));
            lines(&mut text, &tame(&role.why));
        }
    }
    if whose.is_none() && !found.services.is_empty() {
        let _ = writeln!(text, "\n{}", wrapped(&services(found), 0));
    }
    text
}

/// `account 111122223333: 6 of 214 roles let somebody in from outside, 2 of them critical`.
pub(super) fn summary(found: &Audit) -> String {
    let accounts: Vec<&str> = found.accounts.iter().map(String::as_str).collect();
    let accounts = match &*accounts {
        [] => "no account".into(),
        [one] => format!("account {}", tame(one)),
        several => format!("{} accounts", several.len()),
    };
    let counts: Vec<String> = Danger::ALL
        .iter()
        .map(|danger| (danger, count(found, *danger)))
        .filter(|(_, count)| *count > 0)
        .map(|(danger, count)| format!("{count} {danger}"))
        .collect();
    let counts = if counts.is_empty() {
        String::new()
    } else {
        format!(" ({})", counts.join(", "))
    };
    format!(
        "{accounts}: {} of {} roles let somebody in from outside{counts}",
        found.roles.len(),
        found.roles_read
    )
}

pub(super) fn count(found: &Audit, danger: Danger) -> usize {
    found
        .roles
        .iter()
        .filter(|role| role.danger == danger)
        .count()
}

/// How roles are named: with their accounts where there are several.
struct Names {
    with_account: bool,
    width: usize,
}

impl Names {
    fn of(found: &Audit) -> Self {
        let with_account = found.accounts.len() > 1;
        let mut names = Self {
            with_account,
            width: 0,
        };
        names.width = found
            .roles
            .iter()
            .map(|role| names.name(role).chars().count())
            .max()
            .unwrap_or(0)
            .min(WIDTH - INDENT - 25);
        names
    }

    fn name(&self, role: &Role) -> String {
        if self.with_account {
            whole(&format!("{} {}", role.account, role.name))
        } else {
            whole(&role.name)
        }
    }

    fn write(&self, text: &mut String, role: &Role, output: Output) {
        let tone = match role.danger {
            Danger::Critical | Danger::High => Tone::Bad,
            Danger::Medium => Tone::Warning,
            Danger::Low => Tone::Hint,
        };
        let danger = output.on_stdout(&format!("{:<8}", role.danger), tone);
        let name = self.name(role);
        let power = power(role);
        let room = WIDTH - INDENT - self.width.max(name.chars().count());
        let fill = " ".repeat(self.width.saturating_sub(name.chars().count()) + 2);
        let name = output.on_stdout(&name, Tone::Strong);
        if power.is_empty() {
            let _ = writeln!(text, "{danger}  {name}");
        } else if power.chars().count() + 2 > room {
            let _ = writeln!(text, "{danger}  {name}");
            lines(text, &power);
        } else {
            let _ = writeln!(text, "{danger}  {name}{fill}{power}");
        }
    }
}

/// What the role may do, where that is worth a word.
fn power(role: &Role) -> String {
    match &role.power {
        Power::Limited => String::new(),
        Power::Unknown => "permissions unknown".into(),
        Power::Administrator { by, bounded } => {
            let within = role.boundary.as_deref().filter(|_| *bounded);
            let within = within.map_or(String::new(), |arn| {
                format!(", within {}", policy_name(arn))
            });
            format!("administrator by {}{within}", policy_name(by))
        }
    }
}

/// What keeps a token out.
pub(super) fn words(miss: &Miss) -> String {
    match miss {
        Miss::Condition {
            statement,
            wanted,
            found,
            ..
        } => tame(&format!("statement {statement} wants {wanted}; {found}")),
        Miss::Action { action } => tame(&format!(
            "no statement allows {action}, which the token needs besides"
        )),
        Miss::Denied { statement } => format!("statement {statement} denies it"),
        Miss::RolesClaim => {
            "the token lists the roles that it is for, and this is none of them".into()
        }
    }
}

fn services(found: &Audit) -> String {
    let mut services: Vec<_> = found.services.iter().collect();
    services.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let named: Vec<String> = services
        .iter()
        .take(6)
        .map(|(name, count)| format!("{} {count}", tame(name.trim_end_matches(".amazonaws.com"))))
        .collect();
    let more = services.len().saturating_sub(6);
    let more = if more > 0 {
        format!(", {more} others")
    } else {
        String::new()
    };
    format!(
        "besides, AWS's own services take roles: {}{more}",
        named.join(", ")
    )
}

pub(super) fn policy_name(arn: &str) -> String {
    tame(arn.rsplit('/').next().unwrap_or(arn))
}

/// Text from outside, however long.
fn tame(said: &str) -> String {
    whole(said)
}

fn lines(text: &mut String, said: &str) {
    let _ = writeln!(text, "{:INDENT$}{}", "", wrapped(said, INDENT));
}

/// `said`, broken at spaces, or within a word that is longer than a line, and indented from the second line on.
fn wrapped(said: &str, indent: usize) -> String {
    let width = WIDTH - indent;
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in said.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        if word.len() + 1 > room && room < width {
            lines.push(String::new());
            room = width;
        }
        if room < width {
            push(&mut lines, " ");
            room -= 1;
        }
        while word.len() > room {
            let rest = word.split_off(room);
            push(&mut lines, &word.iter().collect::<String>());
            lines.push(String::new());
            (word, room) = (rest, width);
        }
        push(&mut lines, &word.iter().collect::<String>());
        room -= word.len();
    }
    lines.join(&format!("\n{:indent$}", ""))
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}
