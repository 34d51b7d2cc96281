//! Nobody is ever handed a session that is not theirs: not another role's, identity's, person's or job's.

use std::collections::BTreeSet;
use std::time::Duration;

use keyless::{
    EnvSource, Http, Interaction, Login, Provider, ProviderBuilder, SessionName, Source,
};
use keyless_sandbox::{Client, Role, Sandbox};
use keyless_tests::person::{Deed, Person};
use keyless_tests::scene::Scene;
use serde_json::json;

fn key_id(session: &keyless::Session) -> String {
    session.credentials().access_key_id().to_owned()
}

#[tokio::test]
async fn a_session_is_kept_apart_by_everything_it_depends_on() {
    // A role that asks for the person alone, whatever application they signed in at.
    let anywhere = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
        "Principal":{"Federated":"arn:aws:iam::{account}:oidc-provider/{issuer}"},
        "Condition":{"StringEquals":{"{issuer}:email":"alice@example.com"}}}}"#;
    let builder = Sandbox::builder()
        .client(Client::new("another-client"))
        .role(Role::new("Anywhere", anywhere));
    let scene = Scene::of(builder).await;
    let elsewhere = Scene::new().await;
    let person = Person::called("alice");
    let login = || scene.login(&person);
    let plain = || scene.provider_builder("Developer", login());
    let first = plain()
        .build()
        .expect("a provider")
        .session()
        .await
        .expect("a session");

    let another_client = Login::builder(scene.sandbox.issuer(), "another-client", Http::default())
        .prompt(person.clone())
        .store(scene.store())
        .clock(scene.clock())
        .build()
        .expect("a login");
    let another_issuer = elsewhere
        .login_builder(&person)
        .store(scene.store())
        .build()
        .expect("a login");
    let region = |name: &str| plain().region(name);
    let policy = |action: &str| {
        plain().policy(format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#))
    };
    let variations: Vec<(&str, ProviderBuilder)> = vec![
        ("another role", scene.provider_builder("ReadOnly", login())),
        (
            "another client",
            scene.provider_builder("Anywhere", another_client),
        ),
        (
            "another issuer",
            scene
                .provider_builder("Developer", another_issuer)
                .endpoint_url(elsewhere.sandbox.sts_endpoint()),
        ),
        (
            "other scopes",
            scene.provider_builder(
                "Developer",
                scene
                    .login_builder(&person)
                    .scopes(["openid", "email", "profile"])
                    .build()
                    .expect("a login"),
            ),
        ),
        (
            "another parameter",
            scene.provider_builder(
                "Developer",
                scene
                    .login_builder(&person)
                    .authorize("connection", "github")
                    .build()
                    .expect("a login"),
            ),
        ),
        (
            "another duration",
            plain().duration(Duration::from_mins(30)),
        ),
        ("a policy", policy("s3:GetObject")),
        ("another policy", policy("s3:PutObject")),
        (
            "a managed policy",
            plain().policy_arns(["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        ),
        ("another region", region("eu-west-1")),
        ("a third region", region("eu-central-1")),
        (
            "another name",
            plain().session_name(SessionName::Fixed("somebody".into())),
        ),
        (
            "a name of another claim",
            plain().session_name(SessionName::OfClaim("name".into())),
        ),
        (
            "one role more",
            plain().via(scene.sandbox.role_arn("Deploy")),
        ),
        (
            "an external id",
            plain()
                .via(scene.sandbox.role_arn("Deploy"))
                .external_id("agreed"),
        ),
    ];
    let mut seen = BTreeSet::from([key_id(&first)]);
    for (variation, builder) in variations {
        let provider = builder.build().expect(variation);
        assert!(
            provider.peek().is_none(),
            "{variation}: got a session that is not its own"
        );
        let session = provider.session().await.expect(variation);
        assert!(
            seen.insert(key_id(&session)),
            "{variation}: got a session that is not its own"
        );
    }
    let same = plain()
        .build()
        .expect("a provider")
        .peek()
        .expect("still there");
    assert_eq!(
        key_id(&same),
        key_id(&first),
        "the same settings find the same session"
    );
}

#[tokio::test]
async fn two_roles_of_one_identity_need_one_sign_in() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    for role in ["Developer", "ReadOnly"] {
        scene
            .provider(role, scene.login(&person))
            .session()
            .await
            .expect(role);
    }
    let calls = scene.sandbox.calls();
    assert_eq!((calls.token, calls.assume_role_with_web_identity), (1, 2));
}

#[tokio::test]
async fn a_sign_in_as_another_person_ends_the_sessions_of_the_one_before() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let provider = |role: &str| scene.provider(role, scene.login(&person));
    let alices = provider("Developer")
        .session()
        .await
        .expect("Alice's session");
    provider("ReadOnly")
        .session()
        .await
        .expect("Alice's other session");

    person.will(Deed::SignInAs("bob".into()));
    scene.login(&person).sign_in().await.expect("Bob signs in");
    assert!(
        provider("Developer").peek().is_none(),
        "Bob was handed Alice's session"
    );
    let bobs = provider("Developer")
        .session()
        .await
        .expect("Bob's session");
    assert_eq!(
        (bobs.subject().who.as_str(), alices.subject().who.as_str()),
        ("bob@example.com", "alice@example.com")
    );
    assert_ne!(key_id(&bobs), key_id(&alices));

    // Also once Bob's own token has expired, and nothing is left to compare with: her other session is gone.
    scene.login(&person).forget().await;
    assert!(
        provider("ReadOnly").peek().is_none(),
        "Alice's session outlived Bob's sign-in"
    );
    assert!(
        provider("Developer").peek().is_some(),
        "Bob's own session does not depend on his token"
    );
}

#[tokio::test]
async fn two_jobs_on_one_machine_have_a_session_each() {
    let scene = Scene::new().await;
    let now = scene
        .clock()
        .now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let token = |subject: &str, extra: serde_json::Value| {
        let mut claims = json!({
            "iss": scene.sandbox.issuer(), "sub": subject, "aud": scene.sandbox.client_id(), "iat": now, "exp": now + 3600,
        });
        for (name, value) in extra.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        scene.sandbox.mint(&claims)
    };
    let job = |token: String| -> Provider {
        let source = EnvSource::new("CI_TOKEN").lookup(move |_| Some(token.clone().into()));
        scene.provider("ReadOnly", source)
    };
    let jobs = [
        ("job 1", "repo:a/b:ref:refs/heads/main", json!({})),
        ("job 2", "repo:a/b:ref:refs/heads/other", json!({})),
        (
            "job 1 in another department",
            "repo:a/b:ref:refs/heads/main",
            json!({ "https://aws.amazon.com/source_identity": "x" }),
        ),
    ];
    let mut seen = BTreeSet::new();
    for (name, subject, extra) in &jobs {
        match job(token(subject, extra.clone())).session().await {
            Ok(session) => assert!(
                seen.insert(key_id(&session)),
                "{name} got another job's session"
            ),
            Err(error) => assert!(
                extra.as_object().is_some_and(|extra| !extra.is_empty()),
                "{name}: {error}"
            ),
        }
    }
    assert!(seen.len() >= 2);
    // The same job again, with a newer token: the same session.
    let again = job(token(jobs[0].1, json!({ "jti": "another" })))
        .session()
        .await
        .expect("job 1 again");
    assert!(seen.contains(&key_id(&again)));
}

#[tokio::test]
async fn a_login_of_nobody_asks_nobody() {
    let scene = Scene::new().await;
    let login = Login::builder(
        scene.sandbox.issuer(),
        scene.sandbox.client_id(),
        Http::default(),
    )
    .build()
    .expect("a login");
    for interaction in [Interaction::Forbidden, Interaction::Allowed] {
        let error = login
            .proof(interaction)
            .await
            .expect_err("nobody can be asked");
        assert_eq!(error.kind(), keyless::TokenErrorKind::LoginRequired);
    }
    assert_eq!(scene.sandbox.calls().discovery, 0);
}
