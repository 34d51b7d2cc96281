//! `keyless lint`, as a person and as a pipeline meet it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const GITHUB: &str = "token.actions.githubusercontent.com";

/// A trust policy for GitHub on eight lines, its subject on the last but one.
fn policy(subject: &str) -> String {
    let provider = format!("arn:aws:iam::111122223333:oidc-provider/{GITHUB}");
    format!(
        r#"{{"Version": "2012-10-17",
 "Statement": [{{
  "Effect": "Allow",
  "Principal": {{"Federated": "{provider}"}},
  "Action": "sts:AssumeRoleWithWebIdentity",
  "Condition": {{
   "StringEquals": {{"{GITHUB}:aud": "sts.amazonaws.com"}},
   "StringLike": {{"{GITHUB}:sub": "{subject}"}}}}}}]}}
"#
    )
}

const TIGHT: &str = "repo:acme@1/app@2:ref:refs/heads/main";

/// Runs `keyless lint` in a folder, with this on its standard input.
fn lint(folder: &Path, arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_keyless"))
        .arg("lint")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("keyless starts");
    // A command that reads nothing may be gone by now.
    let _ = child
        .stdin
        .take()
        .expect("its standard input")
        .write_all(stdin.as_bytes());
    child.wait_with_output().expect("keyless ends")
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[test]
fn a_person_is_told_where_who_and_what_to_do() {
    let folder = folder(&[("role.json", &policy("repo:acme*"))]);
    let output = lint(folder.path(), &["role.json"], "");
    assert_eq!(output.status.code(), Some(4));
    let text = stdout(&output);
    assert!(
        text.starts_with("role.json:8:62: critical org-prefix-wildcard\n"),
        "{text}"
    );
    for part in [
        "strangers at GitHub Actions",
        "\"repo:acmez/z:pull_request\"",
        "why: ",
        "fix: ",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains('\u{1b}'), "colours are for terminals");
    assert!(
        stderr(&output).contains("1 critical in 1 role"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_good_policy_passes_from_a_pipe_too() {
    let folder = folder(&[]);
    for arguments in [&[][..], &["-"], &["--fail-on", "hygiene"]] {
        let output = lint(folder.path(), arguments, &policy(TIGHT));
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}{}",
            stdout(&output),
            stderr(&output)
        );
        assert_eq!(
            (stdout(&output), stderr(&output).trim()),
            (String::new(), "nothing found in 1 role")
        );
    }
}

#[test]
fn how_bad_it_may_be_is_the_pipelines_to_say() {
    let folder = folder(&[]);
    for (subject, fail_on, code) in [
        ("repo:acme@1/app@2:*", "critical", 0),
        ("repo:acme@1/app@2:*", "high", 4),
        ("repo:acme@1/app:pull_request", "high", 0), // half an immutable subject: it never matches
        ("repo:acme@1/app:pull_request", "correctness", 4),
        ("repo:acme/app:environment:production", "correctness", 0), // names only
        ("repo:acme/app:environment:production", "hygiene", 4),
    ] {
        let output = lint(folder.path(), &["--fail-on", fail_on], &policy(subject));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{subject} {fail_on}: {}",
            stdout(&output)
        );
    }
}

#[test]
fn what_cannot_be_read_is_no_pass() {
    let plan = r#"{"format_version": "1.2",
        "planned_values": {"root_module": {"resources": [{"address": "aws_iam_role.ci", "mode": "managed", "type": "aws_iam_role", "values": {}}]}},
        "resource_changes": [{"address": "aws_iam_role.ci", "change": {"after_unknown": {"assume_role_policy": true}}}]}"#;
    let folder = folder(&[("plan.json", plan), ("bad.json", &policy("repo:acme*"))]);
    for (arguments, stdin, code, says) in [
        (
            &["plan.json"][..],
            "",
            5,
            "plan.json:2:58: aws_iam_role.ci: assume_role_policy is not known before the apply",
        ),
        (&["plan.json", "bad.json"], "", 4, "aws_iam_role.ci"),
        (&["nowhere.json"], "", 5, "nowhere.json cannot be read"),
        (
            &["-"],
            "resource \"aws_iam_role\" \"ci\" {\n}\n",
            5,
            "found a string",
        ),
        (
            &["-"],
            "{\n  \"a\": 1}",
            5,
            "-:1:1: expected a trust policy",
        ),
        (
            &["-"],
            "{\"Statement\": {\"Effect\": \"Perhaps\"}}",
            5,
            "Perhaps",
        ),
        (&["--rule", "no-such-rule"], "", 2, "there is no rule"),
    ] {
        let output = lint(folder.path(), arguments, stdin);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(says),
            "{says} is not in {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_template_in_yaml_is_read_with_its_short_tags_and_lines() {
    let template = format!(
        "Parameters:
  Repository: {{Type: String, Default: acme/app}}
Resources:
  Provider:
    Type: AWS::IAM::OIDCProvider
    Properties: {{Url: 'https://{GITHUB}', ClientIdList: [sts.amazonaws.com]}}
  Deploy:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal:
              Federated: !GetAtt Provider.Arn
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringLike:
                {GITHUB}:aud: sts.amazonaws.com
                {GITHUB}:sub: !Sub repo:${{Repository}}:*
"
    );
    let folder = folder(&[("template.yaml", &template)]);
    let output = lint(folder.path(), &["template.yaml"], "");
    let text = stdout(&output);
    assert!(
        text.starts_with("template.yaml:20:"),
        "{text}{}",
        stderr(&output)
    );
    assert!(
        text.contains("github-repo-wildcard-context in Resources.Deploy\n")
            && text.contains("\"repo:acme/app:*\""),
        "{text}"
    );
}

#[test]
fn a_provider_beside_the_role_makes_its_audiences_known() {
    let provider = format!(r#"{{"Url": "{GITHUB}", "ClientIDList": ["https://github.com/acme"]}}"#);
    let folder = folder(&[("role.json", &policy(TIGHT)), ("provider.json", &provider)]);
    let output = lint(folder.path(), &["role.json", "provider.json"], "");
    assert!(
        stdout(&output).contains("role.json:7:64: correctness aud-not-in-client-id-list"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_script_gets_json() {
    let folder = folder(&[("role.json", &policy("repo:acme*"))]);
    for arguments in [
        &["role.json", "--json"][..],
        &["role.json", "--format", "json"],
    ] {
        let report: Value =
            serde_json::from_str(&stdout(&lint(folder.path(), arguments, ""))).expect("JSON");
        let finding = &report["findings"][0];
        assert_eq!(
            (&finding["rule"], &finding["severity"]),
            (&"org-prefix-wildcard".into(), &"critical".into())
        );
        assert_eq!(
            (
                &finding["file"],
                &finding["line"],
                &finding["column"],
                &finding["statement"]
            ),
            (&"role.json".into(), &8.into(), &62.into(), &1.into())
        );
        assert_eq!(
            (&report["roles"], &report["problems"]),
            (&1.into(), &Value::Array(Vec::new()))
        );
    }
}

#[test]
fn code_scanning_gets_sarif() {
    let folder = folder(&[("my role.json", &policy("repo:acme*"))]);
    let log: Value = serde_json::from_str(&stdout(&lint(
        folder.path(),
        &["my role.json", "--format", "sarif"],
        "",
    )))
    .expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let result = &run["results"][0];
    let rule = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
    assert_eq!(rules[rule]["id"], result["ruleId"]);
    assert_eq!(rules[rule]["defaultConfiguration"]["level"], "error");
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20role.json");
    assert_eq!(
        (
            &place["region"]["startLine"],
            &place["region"]["startColumn"]
        ),
        (&8.into(), &62.into())
    );
    for rule in rules {
        assert!(
            rule["help"]["text"]
                .as_str()
                .is_some_and(|text| text.contains("What to do")),
            "{rule}"
        );
    }
}

#[test]
fn the_rules_can_be_read_up() {
    let folder = folder(&[]);
    let list = stdout(&lint(folder.path(), &["--rules"], ""));
    assert!(
        list.lines()
            .next()
            .is_some_and(|line| line.starts_with("critical     no-subject-condition ")),
        "{list}"
    );
    for line in list.lines() {
        let id = line.split_whitespace().nth(1).expect("an id");
        let page = lint(folder.path(), &["--rule", id], "");
        assert_eq!(page.status.code(), Some(0));
        assert!(stdout(&page).starts_with(&format!("{id} (")), "{id}");
    }
}

#[test]
fn the_template_that_setup_writes_can_be_linted() {
    let setup = Command::new(env!("CARGO_BIN_EXE_keyless"))
        .args([
            "setup",
            "--allow",
            "github:acme@12/app@34#environment:prod",
            "--role-name",
            "deploy",
        ])
        .args(["--offline", "--format", "cloudformation"])
        .output()
        .expect("started");
    let template = String::from_utf8(setup.stdout).expect("text");
    let folder = folder(&[]);
    let linted = lint(folder.path(), &["--json"], &template);
    assert_eq!(linted.status.code(), Some(0), "{}", stderr(&linted));
    assert!(!stderr(&linted).contains("warning"), "{}", stderr(&linted));
    assert!(stderr(&linted).contains("1 role"), "{}", stderr(&linted));
}
