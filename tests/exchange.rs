//! A proof becomes a session, or AWS says no and we say why.

use std::time::Duration;

use keyless::{
    AssumeRole, Error, ExchangeError, ExchangeErrorKind, Http, IdToken, Interaction, Provider,
    Session, SessionName, Source, Sts, WebIdentity, source_fn,
};
use keyless_sandbox::{Role, Sandbox};
use keyless_tests::person::Person;
use keyless_tests::port;
use keyless_tests::scene::Scene;
use keyless_trust::answer;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A provider for Alice, with a token that nobody had to sign in for.
fn alices(scene: &Scene, role: &str) -> keyless::ProviderBuilder {
    let token = scene.sandbox.id_token_for("alice").expect("Alice");
    scene.provider_builder(
        role,
        source_fn(move |_| std::future::ready(IdToken::parse(&token))),
    )
}

/// How long `session` lasts from now.
fn time_left(scene: &Scene, session: &Session) -> Duration {
    let ends = session.expires_at();
    ends.duration_since(scene.clock().now())
        .expect("in the future")
}

fn refusal(error: Error) -> ExchangeError {
    match error {
        Error::Exchange(error) => error,
        other => panic!("expected a refusal by STS, found {other:?}"),
    }
}

#[tokio::test]
async fn a_session_says_whose_it_is_and_until_when() {
    let scene = Scene::new().await;
    let session = alices(&scene, "Developer")
        .build()
        .expect("a provider")
        .session()
        .await
        .expect("a session");
    assert!(session.credentials().access_key_id().starts_with("ASIA"));
    assert_eq!(
        session.assumed_role_arn(),
        "arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com"
    );
    assert_eq!(session.account_id(), Some("111122223333"));
    assert_eq!(
        session
            .credentials()
            .account_id()
            .map(|id| id.as_str().to_owned()),
        Some("111122223333".to_owned())
    );
    assert_eq!(session.subject().issuer, scene.sandbox.issuer());
    let left = time_left(&scene, &session);
    assert!((3500..=3600).contains(&left.as_secs()), "{left:?}");
}

#[tokio::test]
async fn roles_are_chained_and_the_name_goes_along() {
    let scene = Scene::new().await;
    let provider = alices(&scene, "Developer")
        .via(scene.sandbox.role_arn("Deploy"))
        .build()
        .expect("a provider");
    let session = provider.session().await.expect("a session");
    assert_eq!(
        session.assumed_role_arn(),
        "arn:aws:sts::111122223333:assumed-role/Deploy/alice@example.com"
    );

    let error = refusal(
        alices(&scene, "Developer")
            .via(scene.sandbox.role_arn("Admin"))
            .build()
            .expect("a provider")
            .session()
            .await
            .expect_err("denied"),
    );
    assert_eq!(
        (error.kind(), error.hop()),
        (ExchangeErrorKind::AccessDenied, 2)
    );
    assert!(
        error.to_string().contains("role 2 of the chain")
            && error.to_string().contains("role/Admin"),
        "{error}"
    );
}

#[tokio::test]
async fn a_denial_is_told_with_advice_and_never_tried_again() {
    let scene = Scene::new().await;
    let error = refusal(
        alices(&scene, "Admin")
            .build()
            .expect("a provider")
            .session()
            .await
            .expect_err("denied"),
    );
    assert_eq!(error.kind(), ExchangeErrorKind::AccessDenied);
    assert_eq!(error.answer(), Some(&answer::NOT_AUTHORIZED));
    assert!(error.advice().is_some() && error.request_id().is_some());
    assert_eq!(scene.sandbox.calls().assume_role_with_web_identity, 1);
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for (row, failures, calls, held) in [
        (&answer::THROTTLING, 2, 3, true),
        (&answer::NO_VERIFICATION_KEY, 1, 2, true),
        (&answer::THROTTLING, 10, 4, false),
        (&answer::NOT_VALIDATED, 1, 1, false),
    ] {
        let scene = Scene::new().await;
        scene.sandbox.fail_next_sts(&row.refuse(&[]), failures);
        let answer = alices(&scene, "Developer")
            .build()
            .expect("a provider")
            .session()
            .await;
        assert_eq!(
            (
                answer.is_ok(),
                scene.sandbox.calls().assume_role_with_web_identity
            ),
            (held, calls),
            "{}",
            row.id
        );
    }
}

#[tokio::test]
async fn a_duration_beyond_the_role_s_is_stepped_down_to_an_hour() {
    let scene = Scene::new().await;
    let session = alices(&scene, "ReadOnly")
        .duration(Duration::from_hours(12))
        .build()
        .expect("a provider")
        .session()
        .await
        .expect("a session");
    let left = time_left(&scene, &session);
    assert!((3500..=3600).contains(&left.as_secs()), "{left:?}");

    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"*"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"{}:aud":"keyless"}}}}}}]}}"#,
        scene.sandbox.issuer().trim_start_matches("http://")
    );
    scene
        .sandbox
        .put_role(Role::new("Long", policy).max_session(Duration::from_hours(12)))
        .expect("a role");
    let session = alices(&scene, "Long")
        .duration(Duration::from_hours(12))
        .build()
        .expect("a provider")
        .session()
        .await
        .expect("a session");
    let left = time_left(&scene, &session);
    assert!(left > Duration::from_hours(11), "{left:?}");
}

#[tokio::test]
async fn a_kept_token_that_aws_refuses_is_dropped_and_fetched_once_more() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    scene
        .login(&person)
        .sign_in()
        .await
        .expect("Alice signs in");
    let expired = || {
        let refusal = answer::TOKEN_EXPIRED.refuse(&[]);
        scene.sandbox.fail_next_sts(&refusal, 1);
    };
    // One that was issued a moment ago would be no better the second time.
    expired();
    let provider = scene.provider("Developer", scene.login(&person));
    provider.session().await.expect_err("refused");
    assert_eq!(scene.sandbox.calls().token, 1);

    scene.pass(Duration::from_mins(2));
    expired();
    provider.renew().await.expect("a session");
    let calls = scene.sandbox.calls();
    assert_eq!((calls.token, calls.assume_role_with_web_identity), (2, 3));

    // A token that is fresh from a sign-in is not fetched again: that would open a browser for nothing.
    let cold = Scene::new().await;
    cold.sandbox
        .fail_next_sts(&answer::TOKEN_EXPIRED.refuse(&[]), 1);
    let error = cold
        .provider("Developer", cold.login(&person))
        .session()
        .await
        .expect_err("refused");
    assert_eq!(refusal(error).kind(), ExchangeErrorKind::TokenRejected);
    assert_eq!(cold.sandbox.calls().token, 1);
}

#[tokio::test]
async fn a_token_that_another_profile_has_replaced_already_is_not_replaced_once_more() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let expired = || {
        let refusal = answer::TOKEN_EXPIRED.refuse(&[]);
        scene.sandbox.fail_next_sts(&refusal, 1);
    };
    // Two processes with a profile each, which share the sign-in and have its token in memory.
    let developer = scene.provider("Developer", scene.login(&person));
    let reader = scene.provider("ReadOnly", scene.login(&person));
    for provider in [&developer, &reader] {
        provider.session().await.expect("a session");
    }
    scene.pass(Duration::from_mins(2));
    for provider in [&developer, &reader] {
        expired();
        provider.renew().await.expect("a session");
    }
    assert_eq!(scene.sandbox.calls().token, 2, "Alice was asked again");
    scene
        .login(&person)
        .proof(Interaction::Forbidden)
        .await
        .expect("she is signed in");
}

#[test]
fn what_aws_would_refuse_is_refused_before_anything_is_sent() {
    let role = "arn:aws:iam::111122223333:role/Developer";
    let sts = || Sts::new(Http::default());
    let web = |role: &str| WebIdentity::builder(role, sts());
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(2100));
    let cases: Vec<(&str, Result<(), ExchangeError>, &str)> = vec![
        (
            "a role's name",
            web("Developer").build().map(drop),
            "not the ARN of a role",
        ),
        (
            "ten minutes",
            web(role)
                .duration(Duration::from_mins(10))
                .build()
                .map(drop),
            "900 to 43200",
        ),
        (
            "a day",
            web(role)
                .duration(Duration::from_hours(24))
                .build()
                .map(drop),
            "900 to 43200",
        ),
        (
            "a policy that is no JSON",
            web(role).policy("{").build().map(drop),
            "not JSON",
        ),
        (
            "a policy that is too long",
            web(role).policy(long).build().map(drop),
            "at most 2048",
        ),
        (
            "eleven policies",
            web(role)
                .policy_arns(vec!["arn:aws:iam::aws:policy/ReadOnlyAccess"; 11])
                .build()
                .map(drop),
            "at most 10",
        ),
        (
            "a policy's name",
            web(role).policy_arns(["ReadOnlyAccess"]).build().map(drop),
            "not the ARN of a policy",
        ),
        (
            "a region of another partition",
            WebIdentity::builder(role, sts().region("cn-north-1"))
                .build()
                .map(drop),
            "partition",
        ),
        (
            "a region in words",
            WebIdentity::builder(role, sts().region("Ireland"))
                .build()
                .map(drop),
            "not the name of a region",
        ),
        (
            "STS in the clear",
            WebIdentity::builder(role, sts().endpoint_url("http://sts.example"))
                .build()
                .map(drop),
            "only https",
        ),
        (
            "a chain of two hours",
            AssumeRole::builder(role, sts())
                .duration(Duration::from_hours(2))
                .build()
                .map(drop),
            "an hour at most",
        ),
        (
            "an external id with a space",
            AssumeRole::builder(role, sts())
                .external_id("a b")
                .build()
                .map(drop),
            "external id",
        ),
    ];
    for (case, built, said) in cases {
        let error = built.expect_err(case);
        assert_eq!(error.kind(), ExchangeErrorKind::Misconfigured, "{case}");
        assert!(error.to_string().contains(said), "{case}: {error}");
    }
    assert!(
        Provider::builder(role)
            .build()
            .expect_err("no source")
            .to_string()
            .contains("source")
    );
}

#[tokio::test]
async fn what_is_no_sts_is_told_from_one_that_says_no() {
    let scene = Scene::new().await;
    for (case, template, kind) in [
        (
            "a web page",
            ResponseTemplate::new(200).set_body_string("<html>hello</html>"),
            ExchangeErrorKind::Malformed,
        ),
        (
            "not found",
            ResponseTemplate::new(404).set_body_string("nothing here"),
            ExchangeErrorKind::Malformed,
        ),
        (
            "broken",
            ResponseTemplate::new(502).set_body_string("bad gateway"),
            ExchangeErrorKind::Unreachable,
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(template)
            .mount(&server)
            .await;
        let error = refusal(
            alices(&scene, "Developer")
                .endpoint_url(server.uri())
                .build()
                .expect("a provider")
                .session()
                .await
                .expect_err(case),
        );
        assert_eq!(error.kind(), kind, "{case}: {error:?}");
    }
    let error = refusal(
        alices(&scene, "Developer")
            .endpoint_url(format!("http://127.0.0.1:{}", port::free()))
            .build()
            .expect("a provider")
            .session()
            .await
            .expect_err("nothing"),
    );
    assert_eq!(error.kind(), ExchangeErrorKind::Unreachable);
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_session_is_named_after_its_person_unless_it_is_to_be_otherwise() {
    let scene = Scene::of(Sandbox::builder()).await;
    for (login, name, expected) in [
        ("alice", SessionName::OfToken, "alice@example.com"),
        ("bob", SessionName::OfClaim("name".into()), "Bob-Baker-"),
        ("alice", SessionName::Fixed("nightly".into()), "nightly"),
    ] {
        let token = scene.sandbox.id_token_for(login).expect("there");
        let source = source_fn(move |_| std::future::ready(IdToken::parse(&token)));
        let session = scene
            .provider_builder("ReadOnly", source)
            .session_name(name)
            .build()
            .expect("a provider")
            .session()
            .await
            .expect("a session");
        assert!(
            session.session_name().starts_with(expected),
            "{}",
            session.session_name()
        );
    }
    // Carol's address is not verified: anybody could have typed it.
    let token =
        IdToken::parse(&scene.sandbox.id_token_for("carol").expect("Carol")).expect("a token");
    assert_eq!(token.email(), None);
    assert!(!SessionName::OfToken.for_token(&token).contains("carol@"));
}
