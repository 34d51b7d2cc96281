//! The files that `keyless explain` is given.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use keyless_trust::document::{self, Document, Role};

use crate::exit::{Failure, INVALID, USAGE};
use crate::words::{role_name, whole};

/// Longer than any plan that somebody would read.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Reads files; standard input once.
#[derive(Debug, Default)]
pub(super) struct Papers {
    stdin_is_read: bool,
}

impl Papers {
    pub(super) fn read(&mut self, path: &Path) -> Result<String, Failure> {
        let name = name_of(path);
        let failed =
            |error: io::Error| Failure::new(INVALID, format!("{name} cannot be read: {error}"));
        let mut text = String::new();
        let reader: Box<dyn Read> = if path.as_os_str() == "-" {
            if std::mem::replace(&mut self.stdin_is_read, true) {
                return Err(Failure::new(
                    USAGE,
                    "two things cannot both come from standard input",
                ));
            }
            Box::new(io::stdin().lock())
        } else {
            Box::new(File::open(path).map_err(failed)?)
        };
        reader
            .take(LONGEST)
            .read_to_string(&mut text)
            .map_err(failed)?;
        Ok(text)
    }

    pub(super) fn document(&mut self, path: &Path) -> Result<Document, Failure> {
        let text = self.read(path)?;
        read(&text, &name_of(path))
    }
}

/// What a text says of roles and providers; `name` is what messages call it.
pub(super) fn read(text: &str, name: &str) -> Result<Document, Failure> {
    document::read(text).map_err(|error| {
        Failure::new(
            INVALID,
            format!("{name} cannot be read: {}", whole(&error.to_string())),
        )
        .with_advice(whole(error.advice()))
    })
}

/// The role that is meant: the one of this ARN or name, or the only one.
pub(super) fn choose(
    document: &mut Document,
    path: &Path,
    wanted: Option<&str>,
) -> Result<Role, Failure> {
    let name = name_of(path);
    let is_wanted = |role: &Role| {
        wanted.is_some_and(|wanted| {
            role.arn.as_deref() == Some(wanted)
                || role.name.as_deref() == Some(role_name(wanted))
                || role.origin == wanted
        })
    };
    let index = match document.roles.iter().position(is_wanted) {
        Some(index) => index,
        // A policy by itself, or a role whose name is not known yet.
        None if document.roles.len() == 1
            && (wanted.is_none() || document.roles[0].name.is_none()) =>
        {
            0
        }
        None => {
            let problem = document.problems.first().map(|problem| {
                format!(
                    "; {} cannot be read: {} at {}",
                    problem.origin, problem.message, problem.place
                )
            });
            let names: Vec<_> = document.roles.iter().map(shown).collect();
            let failure = Failure::new(
                INVALID,
                match wanted {
                    Some(wanted) if !names.is_empty() => format!("{name} has no role {wanted:?}"),
                    _ if names.is_empty() => whole(&format!(
                        "{name} holds no role with a trust policy{}",
                        problem.unwrap_or_default()
                    )),
                    _ => format!("{name} has {} roles", names.len()),
                },
            );
            return Err(if names.is_empty() {
                failure.with_advice("give a trust policy, or what `aws iam get-role` prints")
            } else {
                failure.with_advice(whole(&format!(
                    "name one with --role: {}",
                    names.join(", ")
                )))
            });
        }
    };
    Ok(document.roles.swap_remove(index))
}

fn shown(role: &Role) -> String {
    role.name.clone().unwrap_or_else(|| role.origin.clone())
}

/// The partition and account of a role: by its ARN, else by what the file knows, else by whom its policy trusts.
pub(super) fn home(arn: &str, role: &Role) -> (String, String) {
    let of = |arn: &str| {
        let mut fields = arn.strip_prefix("arn:")?.split(':');
        let partition = fields.next()?;
        let account = fields.nth(2).filter(|account| !account.is_empty())?;
        Some((partition.to_owned(), account.to_owned()))
    };
    let trusted = || {
        let mut principals = role
            .policy
            .statements
            .iter()
            .flat_map(|statement| statement.principals.named());
        principals.find_map(|principal| of(principal.name()))
    };
    let known = || Some(("aws".to_owned(), role.account.clone()?));
    of(arn).or_else(known).or_else(trusted).unwrap_or_default()
}

fn name_of(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "standard input".into()
    } else {
        whole(&path.to_string_lossy())
    }
}
