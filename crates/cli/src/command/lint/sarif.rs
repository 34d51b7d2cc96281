//! Findings as SARIF 2.1.0, which code scanning reads.

use keyless_trust::lint::{self, Rule, Severity};
use serde_json::{Value, json};

use super::{Found, Report};

/// One run of the lint. Lines and columns count from one, columns in characters.
pub(super) fn log(reports: &[Report]) -> Value {
    let rules: Vec<_> = lint::rules().collect();
    let results = reports.iter().flat_map(|report| {
        report
            .findings
            .iter()
            .map(|found| result(&report.file, found, &rules))
    });
    let notifications: Vec<_> = reports
        .iter()
        .flat_map(|report| {
            report.document.problems.iter().map(|problem| {
                let text = format!("{}: {}", problem.origin, problem.message);
                let place = location(&report.file, problem.place.line, problem.place.column);
                json!({"level": "error", "message": {"text": text}, "locations": [place]})
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "keyless lint",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.iter().map(|rule| described(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{"executionSuccessful": notifications.is_empty(), "toolExecutionNotifications": notifications}],
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn described(rule: &Rule) -> Value {
    let (level, score) = match rule.severity {
        Severity::Critical => ("error", "9.5"),
        Severity::High => ("error", "8.0"),
        Severity::Correctness => ("warning", "4.0"),
        Severity::Hygiene => ("note", "2.0"),
    };
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.page()},
        "defaultConfiguration": {"level": level},
        "properties": {"security-severity": score, "tags": ["security", rule.severity.name()]},
    })
}

fn result(file: &str, found: &Found, rules: &[&Rule]) -> Value {
    let finding = &found.finding;
    let mut location = location(file, finding.place.line, finding.place.column);
    if let Some(role) = &found.role {
        location["logicalLocations"] = json!([{"fullyQualifiedName": role}]);
    }
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": rules.iter().position(|rule| rule.id == finding.rule.id),
        "level": described(finding.rule)["defaultConfiguration"]["level"],
        "message": {"text": format!("{}. {}", finding.message, finding.fix)},
        "locations": [location],
    })
}

fn location(file: &str, line: usize, column: usize) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(file)},
        "region": {"startLine": line, "startColumn": column},
    }})
}

/// A path as a relative URI reference (RFC 3986 §4.2).
fn uri(file: &str) -> String {
    if file == "-" {
        return "stdin".to_owned();
    }
    let file = if cfg!(windows) {
        file.replace('\\', "/")
    } else {
        file.to_owned()
    };
    file.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
