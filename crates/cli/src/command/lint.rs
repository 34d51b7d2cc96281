//! `keyless lint`: what is wrong with trust policies.

mod sarif;
mod yaml;

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use keyless::text;
use keyless_trust::document::{self, Document};
use keyless_trust::lint::{self, Facts, Finding, Severity};
use serde_json::json;

use crate::args::{Lint, LintFormat};
use crate::context::Context;
use crate::exit::{DENIED, Failure, INVALID, Outcome, USAGE};
use crate::output::{self, Output, Tone};
use crate::words::{folded, whole};

/// What was found in one file.
#[derive(Debug)]
struct Report {
    /// As the user wrote it.
    file: String,
    document: Document,
    findings: Vec<Found>,
}

/// A finding, and whose it is.
#[derive(Debug)]
struct Found {
    /// What the document calls the role; none for a bare policy, and for a provider.
    role: Option<String>,
    finding: Finding,
}

pub(super) fn run(context: &Context, args: &Lint) -> Outcome {
    if let Some(id) = &args.rule {
        let rule = lint::rule(id).ok_or_else(|| {
            let message = format!("there is no rule {:?}", text::printable(id));
            Failure::new(USAGE, message).with_advice("`keyless lint --rules` lists them")
        })?;
        output::data(&rule.page())?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.rules {
        let lines = lint::rules().map(|rule| {
            format!(
                "{:<11}  {:<34}  {}\n",
                rule.severity.name(),
                rule.id,
                rule.title
            )
        });
        output::data(&lines.collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let reports = reports(args)?;
    let format = if args.json {
        LintFormat::Json
    } else {
        args.format
    };
    output::data(&match format {
        LintFormat::Text => reports
            .iter()
            .map(|report| written(report, context.output))
            .collect(),
        LintFormat::Json => pretty(&as_json(&reports)),
        LintFormat::Sarif => pretty(&sarif::log(&reports)),
    })?;
    for report in &reports {
        for problem in &report.document.problems {
            let place = format!(
                "{}:{}:{}",
                report.file, problem.place.line, problem.place.column
            );
            context.output.warning(&format!(
                "{place}: {}: {}",
                whole(&problem.origin),
                whole(&problem.message)
            ));
            context.output.hint(&problem.advice);
        }
    }
    context.output.say(&summary(&reports));

    let too_bad = Severity::from(args.fail_on);
    let is_too_bad = |report: &Report| {
        report
            .findings
            .iter()
            .any(|found| found.finding.rule.severity >= too_bad)
    };
    Ok(if reports.iter().any(is_too_bad) {
        ExitCode::from(DENIED)
    } else if reports
        .iter()
        .any(|report| !report.document.problems.is_empty())
    {
        ExitCode::from(INVALID)
    } else {
        ExitCode::SUCCESS
    })
}

/// Every file read, and then each judged with what all of them say about providers.
fn reports(args: &Lint) -> Result<Vec<Report>, Failure> {
    let stdin = [Path::new("-").to_path_buf()];
    let files = if args.files.is_empty() {
        &stdin[..]
    } else {
        &args.files
    };
    let documents: Vec<_> = files
        .iter()
        .map(|file| read(file))
        .collect::<Result<_, _>>()?;
    let providers: Vec<_> = documents
        .iter()
        .flat_map(|(_, document)| document.providers.clone())
        .collect();
    let facts = Facts {
        providers: &providers,
        quota: args.quota,
    };
    let report = |(file, document): (String, Document)| {
        let mut findings = Vec::new();
        for role in &document.roles {
            let statement = |finding: &Finding| match finding.statement.filter(|_| role.embedded) {
                Some(number) => format!("{}, statement {number}", whole(&role.origin)),
                None => whole(&role.origin),
            };
            findings.extend(lint::lint(role, &facts).into_iter().map(|finding| Found {
                role: (role.origin != "policy").then(|| statement(&finding)),
                finding,
            }));
        }
        let of_providers = lint::lint_providers(&document).into_iter();
        findings.extend(of_providers.map(|finding| Found {
            role: None,
            finding,
        }));
        findings.sort_by_key(|found| std::cmp::Reverse(found.finding.rule.severity));
        Report {
            file,
            document,
            findings,
        }
    };
    Ok(documents.into_iter().map(report).collect())
}

fn read(file: &Path) -> Result<(String, Document), Failure> {
    let name = whole(&file.display().to_string());
    let unreadable =
        |error: std::io::Error| Failure::new(INVALID, format!("{name} cannot be read: {error}"));
    let mut content = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .read_to_string(&mut content)
            .map_err(unreadable)?;
    } else {
        content = std::fs::read_to_string(file).map_err(unreadable)?;
    }
    if !content
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with(['{', '['])
    {
        content = yaml::to_json(&content).map_err(|error| {
            Failure::new(INVALID, format!("{name} is neither JSON nor YAML: {error}"))
                .with_advice("give a trust policy, what the AWS CLI or `terraform show -json` prints, or a CloudFormation template")
        })?;
    }
    let document = document::read(&content).map_err(|error| {
        let place = error.place();
        let message = format!(
            "{name}:{}:{}: {}",
            place.line,
            place.column,
            whole(error.message())
        );
        Failure::new(INVALID, message).with_advice(error.advice())
    })?;
    Ok((name, document))
}

/// Each finding in four lines.
fn written(report: &Report, output: Output) -> String {
    let mut text = String::new();
    for Found { role, finding } in &report.findings {
        let tone = match finding.rule.severity {
            Severity::Critical | Severity::High => Tone::Bad,
            Severity::Correctness => Tone::Warning,
            Severity::Hygiene => Tone::Hint,
        };
        let severity = output.on_stdout(finding.rule.severity.name(), tone);
        let place = format!(
            "{}:{}:{}",
            report.file, finding.place.line, finding.place.column
        );
        let rule = output.on_stdout(finding.rule.id, Tone::Strong);
        let whose = role.as_ref().map(|role| format!(" in {role}"));
        let lines = [
            format!("{place}: {severity} {rule}{}\n", whose.unwrap_or_default()),
            folded("  ", &finding.message),
            folded("  why: ", finding.rule.why),
            folded("  fix: ", &finding.fix) + "\n",
        ];
        text.push_str(&lines.concat());
    }
    text
}

fn summary(reports: &[Report]) -> String {
    let roles: usize = reports
        .iter()
        .map(|report| report.document.roles.len())
        .sum();
    let roles = if roles == 1 {
        "1 role".to_owned()
    } else {
        format!("{roles} roles")
    };
    let count = |severity| {
        let findings = reports.iter().flat_map(|report| &report.findings);
        findings
            .filter(|found| found.finding.rule.severity == severity)
            .count()
    };
    let counts: Vec<_> = [
        Severity::Critical,
        Severity::High,
        Severity::Correctness,
        Severity::Hygiene,
    ]
    .into_iter()
    .filter(|severity| count(*severity) > 0)
    .map(|severity| format!("{} {severity}", count(severity)))
    .collect();
    let unread: usize = reports
        .iter()
        .map(|report| report.document.problems.len())
        .sum();
    let unread = match unread {
        0 => String::new(),
        number => format!(", and {number} that could not be read"),
    };
    if counts.is_empty() {
        format!("nothing found in {roles}{unread}")
    } else {
        let counts = counts.join(", ");
        format!("{counts} in {roles}{unread}; `keyless lint --rule ID` tells all about one")
    }
}

fn as_json(reports: &[Report]) -> serde_json::Value {
    let findings = reports.iter().flat_map(|report| {
        report.findings.iter().map(|Found { role, finding }| {
            json!({
                "rule": finding.rule.id,
                "severity": finding.rule.severity.name(),
                "role": role,
                "file": report.file,
                "line": finding.place.line,
                "column": finding.place.column,
                "statement": finding.statement,
                "message": finding.message,
                "why": finding.rule.why,
                "fix": finding.fix,
            })
        })
    });
    let problems = reports.iter().flat_map(|report| {
        report.document.problems.iter().map(|problem| {
            json!({
                "file": report.file,
                "line": problem.place.line,
                "column": problem.place.column,
                "origin": problem.origin,
                "message": problem.message,
                "advice": problem.advice,
            })
        })
    });
    json!({
        "roles": reports.iter().map(|report| report.document.roles.len()).sum::<usize>(),
        "findings": findings.collect::<Vec<_>>(),
        "problems": problems.collect::<Vec<_>>(),
    })
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
