//! `keyless audit`: who from outside can get into an account.

mod claims;
mod flow;
mod page;
mod picture;
mod table;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use keyless::text;
use keyless_trust::audit::{Audit as Found, Candidate, Survey};

use crate::args::Audit;
use crate::context::Context;
use crate::exit::{DENIED, Failure, INTERNAL, INVALID, Outcome, USAGE};
use crate::output;
use crate::words::{rfc3339, whole};

pub(super) fn run(context: &Context, args: &Audit) -> Outcome {
    let is_stdin = |path: &Path| path.as_os_str() == "-";
    if is_stdin(&args.file) && args.token.as_deref().is_some_and(is_stdin) {
        return Err(Failure::new(
            USAGE,
            "the account and the token cannot both come from standard input",
        ));
    }
    let mut survey = Survey::new();
    let mut whose = None;
    if let Some(path) = &args.token {
        let token = claims::read(open(path)?, &shown(path), context)?;
        whose = Some(claims::words(&token));
        let candidate = Candidate::new(token);
        survey = Survey::with(if args.near {
            candidate.near_misses()
        } else {
            candidate
        });
    }
    let found = survey
        .read(open(&args.file)?)
        .map_err(|error| unreadable(&shown(&args.file), &error))?;
    if found.is_truncated {
        context.output.warning(
            "the file is the first part of an account: AWS says that more follows (IsTruncated)",
        );
    }
    if args.json {
        output::data(&json(&found)?)?;
    } else if let Some(path) = &args.html {
        let page = page::write(&found, whose.as_deref(), &rfc3339(context.now()));
        if is_stdin(path) {
            output::data(&page)?;
        } else {
            std::fs::write(path, page).map_err(|error| {
                Failure::new(
                    INTERNAL,
                    format!("{} cannot be written: {error}", shown(path)),
                )
            })?;
            context
                .output
                .say(&format!("{}; see {}", table::summary(&found), shown(path)));
        }
    } else {
        output::data(&table::write(&found, whose.as_deref(), context.output))?;
    }
    let is_too_much = |danger| found.at_least(danger) > 0;
    Ok(match args.fail_on {
        Some(danger) if is_too_much(danger.into()) => ExitCode::from(DENIED),
        _ => ExitCode::SUCCESS,
    })
}

/// A file, or standard input.
fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Failure::new(
            INVALID,
            format!("{} cannot be opened: {error}", shown(path)),
        )),
    }
}

fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "standard input".into()
    } else {
        whole(&path.to_string_lossy())
    }
}

fn unreadable(name: &str, error: &keyless_trust::audit::AuditError) -> Failure {
    let far = match error.so_far().roles_read {
        0 => "no role had been read before that".to_owned(),
        1 => "1 role had been read before that".to_owned(),
        roles => format!("{roles} roles had been read before that"),
    };
    let advice = if error.is_io() {
        "see that the file can be read"
    } else {
        "let `aws iam get-account-authorization-details --output json` write it again, as UTF-8"
    };
    Failure::new(
        INVALID,
        format!(
            "{name} cannot be read as an account: {}; {far}",
            text::printable(&error.to_string())
        ),
    )
    .with_advice(advice)
}

/// JSON in which nothing stands that a terminal would obey, and nothing is lost.
fn json(found: &Found) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(found)
        .map_err(|error| Failure::new(INTERNAL, format!("no JSON could be made: {error}")))?;
    let mut tame = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Beyond layout such characters stand in strings alone, where JSON has an escape for each.
        if c == '\n' || !text::printable(c.encode_utf8(&mut [0; 4])).is_empty() {
            tame.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(tame, "\\u{unit:04x}"); // text takes everything
            }
        }
    }
    tame.push('\n');
    Ok(tame)
}
