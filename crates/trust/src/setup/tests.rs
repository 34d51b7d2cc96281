#![allow(clippy::too_many_lines, reason = "a table")]

use super::*;

fn plan(allow: &[&str]) -> Plan {
    Plan::new("deploy", allow.iter().map(|text| text.parse().expect(text)))
}

/// All there is to a plan.
fn full() -> Plan {
    Plan {
        audiences: vec!["sts.amazonaws.com".into(), "it's".into()],
        attach: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
        boundary: Some("arn:aws:iam::111122223333:policy/edge".into()),
        account: Some("111122223333".into()),
        max_session: Duration::from_hours(2),
        session_tags: true,
        also_account: vec![
            "444455556666".into(),
            "arn:aws:iam::444455556666:role/ops".into(),
        ],
        thumbprints: vec![
            "a031c46782e6e6c662c2c87c76da9aa62ccabd8e".parse().expect("a thumbprint"),
        ],
        ..plan(&[
            "github:acme/app@fix!\"'`$HOME%{x}",
            "github:acme@12/app@34#tag:v*",
        ])
    }
}

#[test]
fn show() {
    let plan = full();
    let generated = plan.generate().unwrap();
    for (name, text) in [("deploy.tf", generated.terraform()), ("deploy.yaml", generated.cloudformation()), ("deploy.sh", generated.script()), ("deploy-cloudshell.sh", generated.cloudshell())] {
        std::fs::write(format!("/tmp/gen/{name}"), text).unwrap();
    }
}
