//! What STS gives for a session: the calls that are signed.

#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test may unwrap, and a table of cases is long"
)]

mod common;

use std::time::Duration;

use aws_credential_types::Credentials;
use common::{Clock, FORM, credentials, developer, refusal, sandbox, send, sign_call, signed};
use keyless_sandbox::{Role, Sandbox};

#[tokio::test]
async fn a_role_session_goes_on_to_the_next_role() {
    let clock = Clock::new();
    let sandbox = sandbox(&clock).await;
    let developer = developer(&sandbox).await;
    let deploy = sandbox.role_arn("Deploy");
    let call = [
        ("Action", "AssumeRole"),
        ("RoleArn", &deploy),
        ("RoleSessionName", "release"),
    ];

    let answer = signed(&sandbox, &developer, clock.now(), &call).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.starts_with("<AssumeRoleResponse "));
    assert_eq!(
        answer.xml("Arn"),
        "arn:aws:sts::111122223333:assumed-role/Deploy/release"
    );
    assert_eq!(answer.xml("Expiration"), "2027-01-15T09:00:00Z");

    let who = signed(
        &sandbox,
        &credentials(&answer),
        clock.now(),
        &[("Action", "GetCallerIdentity")],
    )
    .await;
    assert_eq!(
        who.xml("Arn"),
        "arn:aws:sts::111122223333:assumed-role/Deploy/release"
    );
    assert_eq!(
        (who.xml("Account"), who.xml("UserId")),
        ("111122223333", answer.xml("AssumedRoleId"))
    );
    assert_eq!(
        (
            sandbox.calls().assume_role,
            sandbox.calls().get_caller_identity
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_chain_is_refused_by_its_own_rules() {
    let clock = Clock::new();
    let sandbox = sandbox(&clock).await;
    let developer = developer(&sandbox).await;
    let (deploy, admin, missing) = (
        sandbox.role_arn("Deploy"),
        sandbox.role_arn("Admin"),
        sandbox.role_arn("NoSuchRole"),
    );
    let denied = |action: &str, role: &str| {
        format!(
            "User: arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com is not authorized to perform: sts:{action} on resource: {role}"
        )
    };
    let chain_maximum = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining".to_owned();
    for (role, more, code, message) in [
        (
            &admin,
            ("ExternalId", "x1"),
            "AccessDenied",
            denied("AssumeRole", &admin),
        ),
        (
            &missing,
            ("ExternalId", "x1"),
            "AccessDenied",
            denied("AssumeRole", &missing),
        ),
        (
            &deploy,
            ("DurationSeconds", "3601"),
            "ValidationError",
            chain_maximum,
        ),
        (
            &deploy,
            ("Tags.member.1.Key", "team"),
            "AccessDenied",
            denied("TagSession", &deploy),
        ),
        (
            &deploy,
            ("SourceIdentity", "alice"),
            "AccessDenied",
            denied("SetSourceIdentity", &deploy),
        ),
    ] {
        let call = [
            ("Action", "AssumeRole"),
            ("RoleArn", role.as_str()),
            ("RoleSessionName", "release"),
            more,
        ];
        let answer = signed(&sandbox, &developer, clock.now(), &call).await;
        assert_eq!(
            (answer.xml("Code"), answer.xml("Message")),
            (code, message.as_str()),
            "{more:?}"
        );
    }
}

#[tokio::test]
async fn an_external_id_is_asked_for() {
    let clock = Clock::new();
    let policy = r#"{ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Principal": { "AWS": "{account}" },
        "Action": "sts:AssumeRole", "Condition": { "StringEquals": { "sts:ExternalId": "agreed" } } } }"#;
    let sandbox = Sandbox::builder()
        .clock(clock.source())
        .role(Role::new("Vendor", policy))
        .start()
        .await
        .unwrap();
    let developer = developer(&sandbox).await;
    let vendor = sandbox.role_arn("Vendor");
    for (external_id, status) in [("agreed", 200), ("guessed", 403)] {
        let call = [
            ("Action", "AssumeRole"),
            ("RoleArn", &vendor),
            ("RoleSessionName", "release"),
            ("ExternalId", external_id),
        ];
        assert_eq!(
            signed(&sandbox, &developer, clock.now(), &call)
                .await
                .status,
            status,
            "{external_id}"
        );
    }
}

#[tokio::test]
async fn a_signed_call_has_to_be_signed_well() {
    let clock = Clock::new();
    let sandbox = sandbox(&clock).await;
    let developer = developer(&sandbox).await;
    let other = |key: &str, secret: &str, token: &str| {
        Credentials::new(key, secret, Some(token.to_owned()), None, "test")
    };
    let (key, secret, token) = (
        developer.access_key_id(),
        developer.secret_access_key(),
        developer.session_token().unwrap(),
    );
    let minutes = Duration::from_mins;
    let now = clock.now();
    for (what, credentials, time, expected) in [
        ("well", developer.clone(), now, None),
        (
            "14 minutes late",
            developer.clone(),
            now - minutes(14),
            None,
        ),
        (
            "14 minutes early",
            developer.clone(),
            now + minutes(14),
            None,
        ),
        (
            "an unknown key",
            other("ASIAUNKNOWN", secret, token),
            now,
            Some((403, "InvalidClientTokenId", "is invalid")),
        ),
        (
            "another token",
            other(key, secret, "other"),
            now,
            Some((403, "InvalidClientTokenId", "is invalid")),
        ),
        (
            "another secret",
            other(key, "guessed", token),
            now,
            Some((403, "SignatureDoesNotMatch", "signature you provided")),
        ),
        (
            "16 minutes late",
            developer.clone(),
            now - minutes(16),
            Some((
                403,
                "SignatureDoesNotMatch",
                "Signature expired: 20270115T074400Z is now earlier than 20270115T074500Z (20270115T080000Z - 15 min.)",
            )),
        ),
        (
            "16 minutes early",
            developer.clone(),
            now + minutes(16),
            Some((403, "SignatureDoesNotMatch", "Signature not yet current")),
        ),
    ] {
        let answer = signed(
            &sandbox,
            &credentials,
            time,
            &[("Action", "GetCallerIdentity")],
        )
        .await;
        match expected {
            None => assert_eq!(answer.status, 200, "{what}: {answer:?}"),
            Some((status, code, message)) => {
                assert_eq!(
                    (answer.status, answer.xml("Code")),
                    (status, code),
                    "{what}"
                );
                assert!(
                    answer.xml("Message").contains(message),
                    "{what}: {answer:?}"
                );
            }
        }
    }

    clock.advance(3600);
    let answer = signed(
        &sandbox,
        &developer,
        clock.now(),
        &[("Action", "GetCallerIdentity")],
    )
    .await;
    assert_eq!(
        refusal(&answer),
        (
            403,
            "ExpiredToken",
            "The security token included in the request is expired"
        )
    );
}

#[tokio::test]
async fn what_was_changed_after_signing_is_noticed() {
    let clock = Clock::new();
    let sandbox = sandbox(&clock).await;
    let developer = developer(&sandbox).await;
    let (headers, body) = sign_call(
        &sandbox,
        &developer,
        clock.now(),
        &[("Action", "GetCallerIdentity")],
    );
    let mut headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let endpoint = sandbox.sts_endpoint();
    assert_eq!(send("POST", endpoint, &headers, &body).await.status, 200);
    let changed = send("POST", endpoint, &headers, &format!("{body}&More=1")).await;
    assert_eq!(changed.xml("Code"), "SignatureDoesNotMatch", "the body");
    let changed = send("POST", &format!("{endpoint}/?more=1"), &headers, &body).await;
    assert_eq!(changed.xml("Code"), "SignatureDoesNotMatch", "the query");
    headers.push(("x-amz-more", "1"));
    assert_eq!(
        send("POST", endpoint, &headers, &body).await.xml("Code"),
        "SignatureDoesNotMatch",
        "a header of Amazon's"
    );

    let unsigned = send("POST", endpoint, &[FORM], &body).await;
    assert_eq!(
        refusal(&unsigned),
        (
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token"
        )
    );
    for nonsense in [
        "Bearer x",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=x",
    ] {
        let answer = send(
            "POST",
            endpoint,
            &[FORM, ("authorization", nonsense)],
            &body,
        )
        .await;
        assert_eq!(answer.status, 403, "{nonsense}");
    }
}
