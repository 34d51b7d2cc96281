#![allow(clippy::too_many_lines, reason = "a table")]

use super::*;

#[test]
fn every_source_has_an_example_that_is_read_and_written_back() {
    for source in SOURCES {
        let allow: Allow = source.example.parse().expect(source.example);
        assert_eq!(allow.source(), source);
        assert_eq!(allow.to_string(), source.example);
    }
}

#[test]
fn every_form_is_written_back_as_it_was_read() {
    let uuid = "0a1b2c3d-1111-2222-3333-444455556666";
    for text in [
        "github:acme/app.js@release/*",
        "github:acme/app#tag:v*",
        "github:acme/app#branch:main",
        "github:acme/app@fix#12@home",
        "github:acme/app#environment:Blue: green",
        "github:acme/app#pull_request",
        "github:acme@12/app@34@main",
        "github:acme@12/app@34#environment:prod",
        "gitlab:acme/web/shop/app@release/1@x",
        "gitlab:acme/web:12/app:34#branch:fix",
        "gitlab:acme/app#tag:v1.*",
        &format!("buildkite:acme:{uuid}/deploy:{uuid}@main"),
        &format!("bitbucket:acme/{uuid}#environment:{uuid}"),
        "tfc:acme/Default Project/network",
        "tfc:acme/p/w/plan",
        "k8s:kube-system/my.account",
        "sub:a b:c/d|e@f",
    ] {
        let allow: Allow = text.parse().expect(text);
        assert_eq!(allow.to_string(), text);
    }
}

#[test]
fn whatever_would_reach_strangers_or_nobody_is_refused() {
    let uuid = "0a1b2c3d-1111-2222-3333-444455556666";
    for (text, why) in [
        ("github:acme/*@main", r#""*" is not a repository's name"#),
        (
            "github:acme/app*@main",
            r#""app*" is not a repository's name"#,
        ),
        ("github:*/app@main", r#""*" is not an owner's name"#),
        (
            "github:acme/app#environment:*",
            r#""*" is not an environment"#,
        ),
        (
            "github:acme/app",
            "github:acme/app is not whole or not of this form",
        ),
        ("github:acme/app@", r#""" is not a branch"#),
        (
            "github:acme/app#pull_request:x",
            "github:acme/app#pull_request:x is not whole or not of this form",
        ),
        (
            "github:acme/app#deployment:x",
            "github:acme/app#deployment:x is not whole or not of this form",
        ),
        (
            "github:acme@1/app@main",
            r#""main" is not a repository's id"#,
        ),
        (
            "github:acme@1/app#tag:v1",
            "github:acme@1/app#tag:v1 is not whole or not of this form",
        ),
        ("github:acme@1*/app@2@main", r#""1*" is not an owner's id"#),
        ("github:acme/app@a b", r#""a b" is not a branch"#),
        ("github:acme/app@a:b", r#""a:b" is not a branch"#),
        ("github:acme/app@${aws:x}", r#""${aws:x}" is not a branch"#),
        ("github:acme/app@h\u{e4}", "\"h\u{e4}\" is not a branch"),
        (
            "github:acme/app@a\u{1b}[1m",
            r#""a\u{1b}[1m" is not a branch"#,
        ),
        (
            "gitlab:app@main",
            "gitlab:app@main is not whole or not of this form",
        ),
        (
            "gitlab:acme:1/app@main",
            "gitlab:acme:1/app@main is not whole or not of this form",
        ),
        ("gitlab:acme/*@main", r#""*" is not a project's name"#),
        (
            "gitlab:acme/app#environment:prod",
            "gitlab:acme/app#environment:prod is not whole or not of this form",
        ),
        ("circleci:acme/app", r#""acme" is not an organization's id"#),
        (
            &format!("circleci:{uuid}/*"),
            r#""*" is not a project's id"#,
        ),
        (
            &format!("circleci:{uuid}/{uuid}@main"),
            &format!("\"{uuid}@main\" is not a project's id"),
        ),
        (
            "buildkite:acme/deploy",
            "buildkite:acme/deploy is not whole or not of this form",
        ),
        ("buildkite:acme/*@main", r#""*" is not a pipeline's slug"#),
        ("bitbucket:acme/app", r#""app" is not a repository's id"#),
        ("tfc:acme/*/w", r#""*" is not a project's name"#),
        (
            "tfc:acme/p/w/*",
            "tfc:acme/p/w/* is not whole or not of this form",
        ),
        ("k8s:*/sa", r#""*" is not a namespace"#),
        ("k8s:ns/a:b", r#""a:b" is not a service account"#),
        (
            "gcp:robot@project.iam.gserviceaccount.com",
            r#""robot@project.iam.gserviceaccount.com" is not a service account's unique id, a number"#,
        ),
        (
            "email:*@example.com",
            r#""*@example.com" is not an email address"#,
        ),
        (
            "email:alice",
            "email:alice is not whole or not of this form",
        ),
        ("sub:*", r#""*" is not a subject"#),
        ("sub:auth0|?", r#""auth0|?" is not a subject"#),
        ("sub:", r#""" is not a subject"#),
        (
            "acme/app",
            "expected an allowed subject such as github:acme/app@main, found acme/app",
        ),
        (
            "svn:acme/app",
            "expected an allowed subject such as github:acme/app@main, found svn:acme/app",
        ),
    ] {
        let error = text.parse::<Allow>().expect_err(text);
        assert_eq!(error.to_string(), why, "{text}");
        assert!(!error.advice().is_empty(), "{text}");
    }
}
