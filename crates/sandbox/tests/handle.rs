//! What a test or a demonstration can bring along, set and ask while the sandbox runs.

#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test may unwrap, and a table of cases is long"
)]

mod common;

use std::time::Duration;

use common::{Clock, DENIED, NO_KEY, NOT_VALIDATED, assume, refusal, sandbox};
use keyless_sandbox::{Person, Role, Sandbox};
use keyless_trust::answer;
use serde_json::json;

#[tokio::test]
async fn each_default_role_lets_in_whom_it_should() {
    let sandbox = sandbox(&Clock::new()).await;
    for (person, role, allowed) in [
        ("alice", "Developer", true),
        ("bob", "Developer", true),
        ("carol", "Developer", false),
        ("carol", "ReadOnly", true),
        ("alice", "Admin", false),
        ("carol", "Admin", true),
        ("alice", "Deploy", false),
        ("alice", "NoSuchRole", false),
    ] {
        let arn = sandbox.role_arn(role);
        let answer = assume(
            &sandbox,
            &sandbox.id_token_for(person).unwrap(),
            &[("RoleArn", &arn)],
        )
        .await;
        assert_eq!(answer.status == 200, allowed, "{person} as {role}");
        if !allowed {
            assert_eq!(refusal(&answer), DENIED, "{person} as {role}");
        }
    }
    let elsewhere = assume(
        &sandbox,
        &sandbox.id_token_for("alice").unwrap(),
        &[("RoleArn", "arn:aws:iam::444455556666:role/Developer")],
    )
    .await;
    assert_eq!(
        refusal(&elsewhere),
        NOT_VALIDATED,
        "another account has no such provider"
    );
}

#[tokio::test]
async fn the_reason_of_a_denial_is_kept_and_not_told() {
    let sandbox = sandbox(&Clock::new()).await;
    assert_eq!(sandbox.last_denial(), None);
    let admin = sandbox.role_arn("Admin");
    let answer = assume(
        &sandbox,
        &sandbox.id_token_for("alice").unwrap(),
        &[("RoleArn", &admin)],
    )
    .await;
    assert!(!answer.body.contains("user-carol"));
    let reason = sandbox.last_denial().unwrap();
    assert!(
        reason.contains("\"user-carol\"") && reason.contains("\"user-alice\""),
        "{reason}"
    );

    let missing = sandbox.role_arn("NoSuchRole");
    assume(
        &sandbox,
        &sandbox.id_token_for("alice").unwrap(),
        &[("RoleArn", &missing)],
    )
    .await;
    assert_eq!(
        sandbox.last_denial().unwrap(),
        format!("there is no role {missing}")
    );
}

#[tokio::test]
async fn roles_and_people_can_be_brought_along() {
    let policy = r#"{ "Version": "2012-10-17", "Statement": { "Effect": "Allow",
        "Principal": { "Federated": "arn:aws:iam::{account}:oidc-provider/{issuer}" },
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": { "StringEquals": { "{issuer}:aud": "{client_id}", "aws:RequestTag/team": "blue" } } } }"#;
    let person = Person::new("erin", "erin@example.com")
        .claim(
            "https://aws.amazon.com/tags",
            json!({ "principal_tags": { "team": ["blue"] } }),
        )
        .claim("https://aws.amazon.com/source_identity", "erin");
    let role = Role::new("Blue", policy).max_session(Duration::from_hours(2));
    let sandbox = Sandbox::builder()
        .person(person)
        .role(role)
        .start()
        .await
        .unwrap();
    let blue = sandbox.role_arn("Blue");
    let of = |person| sandbox.id_token_for(person).unwrap();
    let answer = assume(
        &sandbox,
        &of("erin"),
        &[("RoleArn", &blue), ("DurationSeconds", "7200")],
    )
    .await;
    assert_eq!((answer.status, answer.xml("SourceIdentity")), (200, "erin"));
    assert_eq!(
        refusal(&assume(&sandbox, &of("alice"), &[("RoleArn", &blue)]).await),
        DENIED
    );

    sandbox
        .put_role(Role::new("Blue", policy.replace("blue", "red")))
        .unwrap();
    assert_eq!(
        refusal(&assume(&sandbox, &of("erin"), &[("RoleArn", &blue)]).await),
        DENIED
    );
    let error = sandbox.put_role(Role::new("Broken", "{")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the trust policy of the role Broken cannot be read: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_rotated_key_takes_its_tokens_along() {
    for rsa in [false, true] {
        let sandbox = Sandbox::builder().rsa(rsa).start().await.unwrap();
        let before = sandbox.id_token_for("alice").unwrap();
        assert_eq!(assume(&sandbox, &before, &[]).await.status, 200);
        sandbox.rotate_keys().await;
        assert_eq!(refusal(&assume(&sandbox, &before, &[]).await), NO_KEY);
        assert_eq!(
            assume(&sandbox, &sandbox.id_token_for("alice").unwrap(), &[])
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn sts_fails_when_it_is_told_to() {
    let sandbox = sandbox(&Clock::new()).await;
    let token = sandbox.id_token_for("alice").unwrap();
    sandbox.fail_next_sts(&answer::THROTTLING.refuse(&[]), 2);
    sandbox.fail_next_sts(
        &answer::SERVICE_UNAVAILABLE.refuse(&[("message", "later < now")]),
        1,
    );
    for expected in [
        (400, "Throttling", "Rate exceeded"),
        (400, "Throttling", "Rate exceeded"),
        (503, "ServiceUnavailable", "later &lt; now"),
    ] {
        assert_eq!(refusal(&assume(&sandbox, &token, &[]).await), expected);
    }
    assert_eq!(assume(&sandbox, &token, &[]).await.status, 200);
    assert_eq!(sandbox.calls().assume_role_with_web_identity, 4);
}

#[tokio::test]
async fn the_end_closes_both_ports() {
    let sandbox = sandbox(&Clock::new()).await;
    let addresses = [sandbox.issuer(), sandbox.sts_endpoint()]
        .map(|url| url.trim_start_matches("http://").to_owned());
    sandbox.shutdown().await;
    for address in addresses {
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
}
