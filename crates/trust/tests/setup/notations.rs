//! The notations: Terraform, CloudFormation, a script, a paste.

use std::{path::Path, time::Duration};

use keyless_trust::{
    setup::{Allow, Plan},
    thumbprint::Thumbprint,
};

use crate::ACCOUNT;

/// All there is to a plan, and texts that each notation has to write in its own way.
pub(crate) fn full() -> Plan {
    let allow = [
        "github:acme/app@fix!\"'`$HOME%{x}",
        "github:acme@12/app@34#tag:v*",
    ];
    Plan {
        audiences: vec!["sts.amazonaws.com".into(), "it's".into()],
        attach: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
        boundary: Some("arn:aws:iam::111122223333:policy/edge".into()),
        account: Some(ACCOUNT.into()),
        max_session: Duration::from_hours(2),
        session_tags: true,
        also_account: vec![
            "444455556666".into(),
            "arn:aws:iam::444455556666:role/ops".into(),
        ],
        thumbprints: vec![Thumbprint::of(b"a certificate")],
        ..Plan::new("deploy", allow.map(|text| text.parse().expect(text)))
    }
}

/// The files are what `terraform fmt`, cfn-lint and bash have taken (`tests/setup.rs` of the repository runs them). To write
/// them anew: `KEYLESS_BLESS=1 cargo test -p keyless-trust --test setup`.
#[test]
fn each_notation_is_as_it_was_looked_at() {
    let generated = full().generate().expect("a good plan");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/setup");
    for (name, written) in [
        ("deploy.tf", generated.terraform()),
        ("deploy.yaml", generated.cloudformation()),
        ("deploy.sh", generated.script()),
        ("policy.json", generated.trust_policy(ACCOUNT)),
    ] {
        let path = folder.join(name);
        if std::env::var_os("KEYLESS_BLESS").is_some() {
            std::fs::write(&path, &written).expect("written");
        }
        let looked_at = std::fs::read_to_string(&path).expect(name);
        assert_eq!(written, looked_at, "{name}");
    }
}

#[test]
fn a_paste_is_the_script_in_a_shell_of_its_own() {
    let generated = full().generate().expect("a good plan");
    let paste = generated.cloudshell();
    let inside = paste
        .strip_prefix("bash <<'KEYLESS'\n")
        .and_then(|rest| rest.strip_suffix("KEYLESS\n"))
        .expect("one shell");
    assert!(generated.script().ends_with(inside));
    assert!(
        !inside.contains('!'),
        "a shell's history is not asked: {inside}"
    );
}

#[test]
fn google_needs_no_provider() {
    let generated = Plan::new(
        "robot",
        ["gcp:112233445566778899001".parse().expect("a form")],
    )
    .generate()
    .expect("a good plan");
    assert!(generated.provider(ACCOUNT).is_none());
    for written in [
        generated.terraform(),
        generated.cloudformation(),
        generated.script(),
    ] {
        assert!(written.contains("\"accounts.google.com\""), "{written}");
        assert!(!written.to_lowercase().contains("provider"), "{written}");
    }
}

#[test]
fn a_text_that_looks_like_a_place_holder_is_a_text() {
    let subjects = [
        "PROVIDER",
        "$provider",
        "Ref ProviderArn",
        "aws_iam_role.x.arn",
    ];
    let plan = Plan {
        issuer: Some("https://id.example.com".into()),
        audiences: vec!["keyless".into()],
        ..Plan::new("deploy", subjects.map(|text| Allow::Subject(text.into())))
    };
    let generated = plan.generate().expect("a good plan");
    for subject in subjects {
        let quoted = format!("\"{subject}\"");
        for written in [
            generated.terraform(),
            generated.cloudformation(),
            generated.script(),
        ] {
            assert!(written.contains(&quoted), "{subject} in {written}");
        }
    }
}
