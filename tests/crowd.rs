//! Many callers at once: one sign-in, one exchange, one failure for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use keyless::{IdToken, Provider, source_fn};
use keyless_tests::person::{Deed, Person, browse};
use keyless_tests::scene::Scene;
use keyless_trust::answer;

async fn fifty(provider: &Provider) -> Vec<Result<String, CredentialsError>> {
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let provider = provider.clone();
            tokio::spawn(async move {
                provider
                    .provide_credentials()
                    .await
                    .map(|credentials| credentials.access_key_id().to_owned())
            })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.expect("no panic"));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_callers_of_a_cold_provider_make_one_of_each_call() {
    let scene = Scene::new().await;
    let provider = scene.provider("Developer", scene.login(&Person::called("alice")));
    let answers = fifty(&provider).await;
    let first = answers[0].as_ref().expect("credentials");
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().is_ok_and(|key| key == first)),
        "{answers:?}"
    );
    let calls = scene.sandbox.calls();
    assert_eq!(
        (
            calls.authorize,
            calls.token,
            calls.assume_role_with_web_identity
        ),
        (1, 1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_callers_of_a_failing_provider_share_one_failure() {
    let scene = Scene::new().await;
    scene
        .sandbox
        .fail_next_sts(&answer::NOT_AUTHORIZED.refuse(&[]), 1000);
    let asked = Arc::new(AtomicUsize::new(0));
    let (counter, token) = (
        Arc::clone(&asked),
        scene.sandbox.id_token_for("alice").expect("Alice"),
    );
    let source = source_fn(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        let token = token.clone();
        async move { IdToken::parse(&token) }
    });
    let answers = fifty(&scene.provider("Developer", source)).await;
    for answer in &answers {
        let error = std::error::Error::source(answer.as_ref().expect_err("denied"))
            .expect("a cause")
            .to_string();
        assert!(
            error.contains("Not authorized to perform sts:AssumeRoleWithWebIdentity"),
            "{error}"
        );
    }
    assert_eq!(
        (
            asked.load(Ordering::SeqCst),
            scene.sandbox.calls().assume_role_with_web_identity
        ),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_its_caller_abandons_still_completes() {
    let scene = Scene::new().await;
    let person = Person::who(Deed::StayAway);
    let provider = scene.provider("Developer", scene.login(&person));
    let asked = async {
        while person.told().links.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = provider.provide_credentials() => panic!("nobody has signed in yet: {answer:?}"),
        () = asked => {} // and the caller waits no longer
    }

    let link = person.told().links.first().expect("a link").clone();
    browse(&link, &Deed::SignInAs("alice".into())).await;
    while provider.peek().is_none() {
        tokio::task::yield_now().await;
    }
    let calls = scene.sandbox.calls();
    assert_eq!(
        (
            calls.authorize,
            calls.token,
            calls.assume_role_with_web_identity
        ),
        (1, 1, 1)
    );
    assert!(
        scene
            .provider("Developer", scene.login(&person))
            .peek()
            .is_some(),
        "it is in the store as well"
    );
}
