//! Nobody is ever handed a session that is not theirs: not another role's, identity's, person's or job's.
#![allow(
    clippy::too_many_lines,
    reason = "one table, and what each of its rows must show"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use keyless::{
    BoxFuture, EnvSource, Http, IdToken, Interaction, Key, Login, Provider, ProviderBuilder,
    SessionName, Source, TokenError,
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
    let scene = Scene::of(Sandbox::builder().token_lifetime(Duration::from_mins(5))).await;
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
    // Also once his token has expired, and whether or not he ever took the role.
    scene.pass(Duration::from_mins(10));
    assert!(
        provider("ReadOnly").peek().is_none(),
        "Alice's session outlived Bob's sign-in"
    );
    let bobs = provider("Developer")
        .session()
        .await
        .expect("Bob's session");
    assert_eq!(
        (bobs.subject().who.as_str(), alices.subject().who.as_str()),
        ("bob@example.com", "alice@example.com")
    );
    scene.pass(Duration::from_mins(10));
    assert_eq!(
        provider("Developer").peek().map(|session| key_id(&session)),
        Some(key_id(&bobs))
    );

    // Signed out: what is left in the store is nobody's.
    scene.login(&person).forget().await;
    assert!(
        provider("Developer").peek().is_none(),
        "a session outlived the sign-out"
    );
}

#[tokio::test]
async fn a_session_that_comes_late_does_not_undo_the_next_person_s_sign_in() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    scene
        .login(&person)
        .sign_in()
        .await
        .expect("Alice signs in");
    let token = scene.sandbox.id_token_for("alice").expect("Alice");
    let alices = scene.provider(
        "Developer",
        LateSource {
            login: scene.login(&person),
            token,
        },
    );

    person.will(Deed::SignInAs("bob".into()));
    scene
        .login(&person)
        .sign_in()
        .await
        .expect("Bob signs in meanwhile");
    let bobs = scene
        .provider("ReadOnly", scene.login(&person))
        .session()
        .await
        .expect("Bob's session");
    alices
        .session()
        .await
        .expect("Alice's session, begun before");
    let kept = scene
        .provider("ReadOnly", scene.login(&person))
        .peek()
        .expect("Bob's session is still there");
    assert_eq!(key_id(&kept), key_id(&bobs));
    assert!(
        scene
            .provider("Developer", scene.login(&person))
            .peek()
            .is_none(),
        "Bob was handed Alice's session"
    );
}

/// A login whose token was taken before somebody else signed in: a slow exchange.
#[derive(Debug)]
struct LateSource {
    login: Login,
    token: String,
}

impl Source<IdToken> for LateSource {
    fn proof(&self, _: Interaction) -> BoxFuture<'_, Result<IdToken, TokenError>> {
        Box::pin(std::future::ready(IdToken::parse(&self.token)))
    }

    fn latest(&self) -> Option<IdToken> {
        self.login.latest()
    }

    fn sign_in(&self) -> Option<Key> {
        Source::sign_in(&self.login)
    }
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
    let main = "repo:a/b:ref:refs/heads/main";
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
    let mut seen = BTreeSet::new();
    for (name, subject, extra) in [
        ("the job", main, json!({})),
        (
            "a job of another branch",
            "repo:a/b:ref:refs/heads/other",
            json!({}),
        ),
        (
            "a job of another workflow",
            main,
            json!({ "job_workflow_ref": "a/b/deploy.yml" }),
        ),
        (
            "a third workflow",
            main,
            json!({ "job_workflow_ref": "a/b/pr.yml" }),
        ),
        ("an environment", main, json!({ "environment": "prod" })),
        ("a person with a password", main, json!({ "amr": ["pwd"] })),
        (
            "a person with a second factor",
            main,
            json!({ "amr": ["pwd", "mfa"] }),
        ),
        ("an address", main, json!({ "email": "job@example.com" })),
        (
            "a claim that nobody knows yet",
            main,
            json!({ "of_next_year": 1 }),
        ),
    ] {
        let session = job(token(subject, extra)).session().await.expect(name);
        assert!(
            seen.insert(key_id(&session)),
            "{name} got another job's session"
        );
    }
    // The same job again, with a newer token: the same session.
    let newer = json!({ "jti": "another", "iat": now - 1, "exp": now + 3601, "nbf": now - 1 });
    let again = job(token(main, newer))
        .session()
        .await
        .expect("the job again");
    assert!(
        seen.contains(&key_id(&again)),
        "a newer token of the same job needed another session"
    );
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
