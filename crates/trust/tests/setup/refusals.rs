//! Plans that would let strangers in, or that IAM would refuse.
#![allow(clippy::too_many_lines, reason = "a table")]

use std::time::Duration;

use keyless_trust::{
    setup::{Allow, Plan},
    thumbprint::Thumbprint,
};

#[test]
fn a_plan_that_would_not_do_is_refused_with_what_to_do() {
    let email = "email:alice@example.com";
    let at = |issuer: &str, allow: &[&str]| Plan {
        issuer: Some(issuer.to_owned()),
        audiences: vec!["keyless".to_owned()],
        ..Plan::new("deploy", allow.iter().map(|text| text.parse().expect(text)))
    };
    let github = |change: fn(&mut Plan)| {
        let mut plan = Plan::new("deploy", ["github:acme/app@main".parse().expect("a form")]);
        change(&mut plan);
        plan
    };
    let many: Vec<Allow> = (0..60)
        .map(|number| {
            format!("github:acme/app-{number}@main")
                .parse()
                .expect("a form")
        })
        .collect();
    for (plan, why) in [
        (
            Plan::new("deploy", []),
            "nobody is named whom the role is for: with the audience alone, everybody at the issuer could become it",
        ),
        (
            Plan::new("deploy", ["k8s:web/frontend".parse().expect("a form")]),
            "no issuer is named for k8s:web/frontend",
        ),
        (
            Plan {
                audiences: vec![],
                ..at("https://id.example.com", &[email])
            },
            "no audience is named for email:alice@example.com",
        ),
        (
            Plan::new(
                "deploy",
                ["bitbucket:acme/9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff"
                    .parse()
                    .expect("a form")],
            ),
            "no audience is named for bitbucket:acme/9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff",
        ),
        (
            Plan::new(
                "deploy",
                ["github:acme/app@main", "gitlab:acme/app@main"]
                    .map(|text| text.parse().expect(text)),
            ),
            "one role's setup is for one issuer, found https://token.actions.githubusercontent.com and https://gitlab.com",
        ),
        (
            at("https://corp.eu.auth0.com", &[email]),
            "an issuer of Auth0 ends with a slash, this one does not",
        ),
        (
            at("https://gitlab.com", &["github:acme/app@main"]),
            "https://gitlab.com is no issuer of GitHub Actions",
        ),
        (
            at("https://gitlab.com", &[email]),
            "tokens of GitLab CI name nobody's address",
        ),
        (
            at("https://login.microsoftonline.com/6f1d/v2.0", &[email]),
            "Entra verifies no email address: whoever administers a tenant, or themselves, can write another person's",
        ),
        (
            at(
                "https://github.example.com/_services/token",
                &["github:acme@1/app@2@main"],
            ),
            "the subjects of GitHub Enterprise Server hold no ids",
        ),
        (
            at("https://gitlab.example.com", &["gitlab:acme:1/app:2@main"]),
            "AWS sees the ids of gitlab.com's projects alone, and this is another issuer",
        ),
        (
            at("https://id.example.com", &["gcp:112233445566778899001"]),
            "service accounts of Google Cloud have the issuer https://accounts.google.com, found https://id.example.com",
        ),
        (
            at(
                "https://oidc.circleci.com/org/x",
                &[
                    "circleci:2a3b4c5d-1111-2222-3333-444455556666/76543210-ba98-fedc-3210-edcba0987654",
                ],
            ),
            "tokens of circleci:2a3b4c5d-1111-2222-3333-444455556666/76543210-ba98-fedc-3210-edcba0987654 \
             have the issuer https://oidc.circleci.com/org/2a3b4c5d-1111-2222-3333-444455556666, found https://oidc.circleci.com/org/x",
        ),
        (
            Plan::new("deploy", many),
            "the trust policy has 2691 characters, and IAM's quota \"Role trust policy length\" is 2048",
        ),
        (
            github(|plan| plan.role_name = "-x".into()),
            "\"-x\" is not a role's name",
        ),
        (
            github(|plan| plan.role_name = "a b".into()),
            "\"a b\" is not a role's name",
        ),
        (
            github(|plan| plan.account = Some("1111".into())),
            "\"1111\" is not an account",
        ),
        (
            github(|plan| plan.partition = "aws:x".into()),
            "\"aws:x\" is not a partition",
        ),
        (
            github(|plan| plan.audiences = vec!["*".into()]),
            "\"*\" is not an audience",
        ),
        (
            github(|plan| plan.audiences = vec!["a\nb".into()]),
            "\"a\\nb\" is not an audience",
        ),
        (
            github(|plan| plan.attach = vec!["ReadOnlyAccess".into()]),
            "\"ReadOnlyAccess\" is not the ARN of a managed policy in aws",
        ),
        (
            github(|plan| plan.attach = vec!["arn:aws:iam::aws:policy/a\"$(x)".into()]),
            "\"arn:aws:iam::aws:policy/a\\\"$(x)\" is not the ARN of a managed policy in aws",
        ),
        (
            github(|plan| plan.boundary = Some("arn:aws-cn:iam::aws:policy/x".into())),
            "\"arn:aws-cn:iam::aws:policy/x\" is not the ARN of a managed policy in aws",
        ),
        (
            github(|plan| plan.max_session = Duration::from_mins(59)),
            "a session of 3540 seconds was asked for, and a role allows 3600 to 43200",
        ),
        (
            github(|plan| plan.max_session = Duration::from_hours(13)),
            "a session of 46800 seconds was asked for, and a role allows 3600 to 43200",
        ),
        (
            github(|plan| plan.also_account = vec!["*".into()]),
            "\"*\" is neither an account nor a role or user of one in aws",
        ),
        (
            github(|plan| plan.also_account = vec!["arn:aws:iam::111122223333:role/*".into()]),
            "\"arn:aws:iam::111122223333:role/*\" is neither an account nor a role or user of one in aws",
        ),
        (
            github(|plan| plan.thumbprints = vec![Thumbprint::of(b"x"); 6]),
            "6 thumbprints are given, and IAM takes 5",
        ),
    ] {
        let error = plan.generate().expect_err(why);
        assert_eq!(error.to_string(), why);
        assert!(!error.advice().is_empty(), "{why}");
    }
}
