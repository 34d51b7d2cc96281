//! Signing in by SAML: in a browser, by paste, with a response from elsewhere; until AWS has given a session, or said why not.

use std::time::Duration;

use keyless::login::Flow;
use keyless::profile::{Identity, Profile, SamlIdentity, Use};
use keyless::{
    CommandSource, EnvSource, Environment, Error, ExchangeErrorKind, FileSource, Interaction,
    Session, Source, TokenErrorKind,
};
use keyless_sandbox::{Assertion, Person as Somebody, Role, Sandbox};
use keyless_tests::browser::Browser;
use keyless_tests::person::{Deed, Person};
use keyless_tests::rest;
use keyless_tests::saml::{Asked, form};
use keyless_tests::scene::Scene;

const ROLE: &str = "saml-dev";

fn trust(action: &str, condition: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {{"Federated": "{{saml_provider}}"}},
            "Action": {action}, "Condition": {{"StringEquals": {{{condition}}}}}}}]}}"#
    )
}

const AWS: &str = r#""saml:aud": "https://signin.aws.amazon.com/saml""#;

fn key(session: &Session) -> &str {
    session.credentials().access_key_id()
}

#[tokio::test]
async fn somebody_signs_in_once_and_has_a_session() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let login = scene.saml_login(&person).build().expect("a login");
    let provider = scene
        .saml_provider(ROLE, login.clone())
        .build()
        .expect("one");
    let session = provider.session().await.expect("a session");
    assert_eq!(
        session.assumed_role_arn(),
        "arn:aws:sts::111122223333:assumed-role/saml-dev/alice@example.com"
    );
    let page = person.page(1).await;
    assert!(page.contains("Signed in as alice@example.com"), "{page}");
    assert_eq!(
        person.told().signed_in,
        [("alice@example.com".to_owned(), None)]
    );
    // Whoever comes later has it from the store.
    let later = scene.saml_login(&person).build().expect("a login");
    let later = scene.saml_provider(ROLE, later).build().expect("one");
    let later = later.session().await.expect("the same");
    assert_eq!(key(&later), key(&session));
    let calls = scene.sandbox.calls();
    assert_eq!((calls.saml_sso, calls.assume_role_with_saml), (1, 1));
}

#[tokio::test]
async fn what_is_left_of_it_ends_within_minutes_and_at_a_logout_at_once() {
    let scene = Scene::new().await;
    let login = scene.saml_login(&Person::called("alice"));
    let login = login.build().expect("a login");
    let provider = scene.saml_provider(ROLE, login.clone());
    let provider = provider.build().expect("one");
    let session = provider.session().await.expect("a session");
    let response = login.proof(Interaction::Forbidden).await.expect("kept");
    let left = response.expires_at().duration_since(scene.clock().now());
    assert!(left.expect("ahead") <= Duration::from_mins(5));
    let secret = session.credentials().secret_access_key();
    let secrets = [("the response", response.expose()), ("the session", secret)];
    // Each in one file, which ends with it.
    let found = rest::found(scene.folder(), &secrets);
    assert_eq!(found.len(), 2, "{found:?}");

    login.sign_out().await;
    provider.forget().await;
    assert_eq!(rest::found(scene.folder(), &secrets), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_who_wait_at_two_providers_share_one_tab_and_one_exchange() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let providers = [(); 2].map(|()| {
        let login = scene.saml_login(&person).build().expect("a login");
        scene.saml_provider(ROLE, login).build().expect("one")
    });
    let waiting: Vec<_> = (0..20)
        .map(|count| {
            let provider = providers[count % 2].clone();
            tokio::spawn(async move { provider.session().await })
        })
        .collect();
    let mut keys = Vec::new();
    for one in waiting {
        let session = one.await.expect("no panic").expect("a session");
        keys.push(session.credentials().access_key_id().to_owned());
    }
    keys.dedup();
    let calls = scene.sandbox.calls();
    let links = person.told().links.len();
    assert_eq!(
        (
            links,
            calls.saml_sso,
            calls.assume_role_with_saml,
            keys.len()
        ),
        (1, 1, 1, 1)
    );
}

#[tokio::test]
async fn a_browser_elsewhere_brings_what_it_posts_by_paste() {
    let scene = Scene::of_alice().await;
    let by_paste = |login: keyless::saml::SamlLoginBuilder| login.flow(Flow::Paste);
    let another = scene.response(&Assertion::of("alice").in_response_to("_another"));
    for what in ["the form", "the value", "the value in a form"] {
        let asked = Asked::at(&scene, by_paste).await;
        for (line, rejected) in [
            ("what is this?".to_owned(), "nothing that belongs"),
            (format!("{}?x=y", asked.consumer()), "nothing that belongs"),
            (another.clone(), "nothing that belongs"),
            (
                "https://signin.aws.amazon.com/saml".to_owned(),
                "another page",
            ),
        ] {
            let before = asked.person.told().rejected.len();
            asked.person.pastes(line);
            while asked.person.told().rejected.len() == before {
                tokio::task::yield_now().await;
            }
            let said = asked.person.told().rejected.pop().expect("one");
            assert!(said.contains(rejected), "{said}");
        }
        asked.person.pastes(match what {
            "the form" => asked.form(),
            "the value" => asked.response.clone(),
            _ => form(&[("SAMLResponse", &asked.response)]),
        });
        let response = asked.sign_in.await.expect("no panic").expect(what);
        assert_eq!(response.who(), "alice@example.com");
    }
    // Whichever comes first: the listener waits as well.
    Asked::at(&scene, by_paste)
        .await
        .completes("a link for a paste")
        .await;
}

#[tokio::test]
async fn a_response_comes_from_a_file_a_variable_or_a_command() {
    let scene = Scene::new().await;
    let file = scene.folder().join("response");
    let response = scene.response(&Assertion::of("bob"));
    std::fs::write(&file, format!("{response}\n")).expect("written");
    let environment = Environment::of([("RESPONSE", response.as_str())]);
    let session = async |builder: keyless::ProviderBuilder| -> Session {
        let provider = builder.build().expect("a provider");
        provider.renew().await.expect("a session")
    };
    let command = CommandSource::new("cat", [file.clone()]).clock(scene.clock());
    for session in [
        session(scene.saml_provider(ROLE, FileSource::new(&file).clock(scene.clock()))).await,
        session(
            scene.saml_provider(
                ROLE,
                EnvSource::new("RESPONSE")
                    .lookup(move |name| environment.os(name))
                    .clock(scene.clock()),
            ),
        )
        .await,
        session(scene.saml_provider(ROLE, command)).await,
    ] {
        assert!(
            session
                .assumed_role_arn()
                .ends_with(":assumed-role/saml-dev/bob@example.com"),
            "{session:?}"
        );
    }
    // What AWS would call expired is not sent, and the person is told.
    scene.pass(Duration::from_mins(11));
    let late = scene
        .saml_provider(ROLE, FileSource::new(&file).clock(scene.clock()))
        .build()
        .expect("a provider");
    let before = scene.sandbox.calls().assume_role_with_saml;
    let error = late.renew().await.expect_err("expired");
    assert!(error.to_string().contains("within five minutes"), "{error}");
    assert_eq!(scene.sandbox.calls().assume_role_with_saml, before);
}

#[tokio::test]
async fn somebody_with_three_hundred_roles_takes_one_of_them() {
    let names: Vec<String> = (0..300).map(|count| format!("Team{count:03}")).collect();
    let somebody = names
        .iter()
        .fold(Somebody::new("dora", "dora@example.com"), |dora, name| {
            dora.saml_role(name)
        });
    let last = Role::new("Team299", trust(r#""sts:AssumeRoleWithSAML""#, AWS));
    let scene = Scene::of(
        Sandbox::builder()
            .person(somebody)
            .role(last)
            .sign_in_as("dora"),
    )
    .await;
    let profile = Profile {
        identity: Identity {
            saml: SamlIdentity {
                url: Some(scene.sandbox.saml_sso_url()),
                ..SamlIdentity::default()
            },
            ..Identity::default()
        },
        region: Some("eu-west-1".into()),
        endpoint_url: Some(scene.sandbox.sts_endpoint().to_owned()),
        store: keyless::profile::StoreKind::Memory,
        ..Profile::default()
    };
    let usage = Use {
        prompt: Some(std::sync::Arc::new(Person::called("dora"))),
        clock: scene.clock(),
        ..Use::default()
    };
    let environment = Environment::of::<String, String>([]);
    let access = profile.access(&environment, usage).expect("access");
    let error = access.provider().expect_err("no role");
    assert!(error.to_string().contains("names no role"), "{error}");
    let roles = access.roles(Interaction::Allowed).await.expect("the roles");
    let arns: Vec<_> = names
        .iter()
        .map(|name| scene.sandbox.role_arn(name))
        .collect();
    assert_eq!(roles, arns);
    let session = async |role: &str| {
        let access = access.clone().with_role(role.to_owned());
        access.provider()?.session().await
    };
    let taken = session(&arns[299]).await.expect("a session");
    assert!(
        taken
            .assumed_role_arn()
            .ends_with("/Team299/dora@example.com")
    );
    // One that is not among them: told without AWS, with the nearest of those that are.
    let error = session(&scene.sandbox.role_arn("Team2999"))
        .await
        .expect_err("not offered");
    assert!(
        error
            .to_string()
            .contains("does not offer dora@example.com"),
        "{error}"
    );
    let advice = error.advice().unwrap_or_default();
    assert!(advice.contains("role/Team299"), "{advice}");
    assert_eq!(scene.sandbox.calls().saml_sso, 1);
    assert_eq!(scene.sandbox.calls().assume_role_with_saml, 1);
}

#[tokio::test]
async fn the_session_is_what_the_response_says() {
    let tagged = Role::new(
        "Tagged",
        trust(
            r#"["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]"#,
            r#""aws:RequestTag/Project": "moon""#,
        ),
    );
    let scene = Scene::of(Sandbox::builder().role(tagged)).await;
    let provider = scene.sandbox.saml_provider_arn();
    let assertion = |role: &str| {
        Assertion::of("alice")
            .role(&scene.sandbox.role_arn(role), &provider)
            .attribute("RoleSessionName", ["night.shift"])
            .attribute("SourceIdentity", ["alice"])
            .attribute("PrincipalTag:Project", ["moon"])
            .session_ends_in(Duration::from_mins(20))
    };
    let builder = scene.saml_provider("Tagged", scene.minted(&assertion("Tagged")));
    let session = builder.build().expect("one").session().await;
    let session = session.expect("a session");
    assert!(
        session.assumed_role_arn().ends_with("/Tagged/night.shift"),
        "{session:?}"
    );
    let left = session.expires_at().duration_since(scene.clock().now());
    let left = left.expect("not over");
    assert!(
        left <= Duration::from_mins(20) && left > Duration::from_mins(19),
        "{left:?}"
    );
    // A role that takes no tags takes nobody who brings some.
    let builder = scene.saml_provider(ROLE, scene.minted(&assertion(ROLE)));
    let error = builder.build().expect("one").session().await;
    let error = error.expect_err("denied");
    assert!(
        error.to_string().contains("sts:AssumeRoleWithSAML"),
        "{error}"
    );
}

#[tokio::test]
async fn an_old_response_is_not_used_again_and_another_person_ends_the_sessions() {
    let scene = Scene::of(Sandbox::builder().role(Role::new(
        "Other",
        trust(r#""sts:AssumeRoleWithSAML""#, AWS),
    )))
    .await;
    let person = Person::called("alice");
    let login = || scene.saml_login(&person).build().expect("a login");
    let provider = || scene.saml_provider(ROLE, login()).build().expect("one");
    let first = provider().session().await.expect("a session");
    // Six minutes later the session is as good as before, and a response for another one is not.
    scene.pass(Duration::from_mins(6));
    let kept = provider().session().await.expect("kept");
    assert_eq!(key(&kept), key(&first));
    assert_eq!(scene.sandbox.calls().saml_sso, 1);
    let nobody = keyless::SamlLogin::builder(scene.sandbox.saml_sso_url())
        .store(scene.store())
        .clock(scene.clock())
        .build()
        .expect("a login");
    let error = Source::proof(&nobody, Interaction::Allowed)
        .await
        .expect_err("nobody to ask");
    assert_eq!(error.kind(), TokenErrorKind::LoginRequired, "{error}");
    // Bob signs in at the same place: what was Alice's is nobody's.
    person.will(Deed::SignInAs("bob".into()));
    login().sign_in().await.expect("Bob");
    let bobs = provider().session().await.expect("Bob's");
    assert_ne!(key(&bobs), key(&first));
    assert!(bobs.assumed_role_arn().ends_with("bob@example.com"));
    let told = person.told().signed_in;
    let before = Some("alice@example.com".to_owned());
    assert_eq!(told.last(), Some(&("bob@example.com".to_owned(), before)));
}

#[tokio::test]
async fn who_says_no_at_the_identity_provider_is_told_so() {
    let scene = Scene::new().await;
    let person = Person::who(Deed::Refuse);
    let login = scene.saml_login(&person).build().expect("a login");
    let error = login.sign_in().await.expect_err("refused");
    assert_eq!(error.kind(), TokenErrorKind::Refused, "{error}");
    let page = person.page(1).await;
    assert!(page.contains("You are not signed in"), "{page}");
}

#[tokio::test]
async fn a_response_for_this_machine_is_no_use_at_aws() {
    let scene = Scene::of(
        Sandbox::builder()
            .sign_in_as("alice")
            .saml_recipient_is_consumer(true),
    )
    .await;
    let person = Person::called("alice");
    let login = scene.saml_login(&person).build().expect("a login");
    let error = login.sign_in().await.expect_err("for us");
    let said = error.to_string();
    assert!(
        said.contains("is for the recipient \"http://127.0.0.1"),
        "{said}"
    );
    let advice = error.advice().unwrap_or_default();
    assert!(advice.contains("docs/saml.md"), "{advice}");
    let page = person.page(1).await;
    assert!(page.contains("You are not signed in"), "{page}");
}

#[tokio::test]
async fn what_aws_refuses_is_explained() {
    let other = "arn:aws:iam::111122223333:saml-provider/other";
    let closed = Role::new(
        "Closed",
        trust(r#""sts:AssumeRoleWithSAML""#, r#""saml:sub": "user-carol""#),
    );
    let scene = Scene::of(Sandbox::builder().role(closed)).await;
    let (sandbox, own) = (&scene.sandbox, scene.sandbox.saml_provider_arn());
    let good = || Assertion::of("alice").role(&sandbox.role_arn(ROLE), &own);
    let of =
        |role: &str, provider: &str| Assertion::of("alice").role(&sandbox.role_arn(role), provider);
    for (what, role, assertion, said, advice) in [
        (
            "a provider that is not there",
            ROLE,
            of(ROLE, other),
            "Specified provider doesn't exist",
            "list-saml-providers",
        ),
        (
            "another issuer",
            ROLE,
            good().issuer("https://other.example"),
            "Issuer not present in specified provider",
            "entityID",
        ),
        (
            "a stranger's signature",
            ROLE,
            good().by_stranger(),
            "Response signature invalid",
            "metadata",
        ),
        (
            "another recipient",
            ROLE,
            good().recipient("http://127.0.0.1:1/saml"),
            "ecipient",
            "compare the response with what AWS wants",
        ),
        (
            "a role that wants somebody else",
            "Closed",
            of("Closed", &own),
            "Not authorized to perform sts:AssumeRoleWithSAML",
            "trust policy",
        ),
    ] {
        let source = scene.minted(&assertion);
        let provider = scene.saml_provider(role, source).build().expect("one");
        let error = provider.session().await.expect_err(what);
        let Error::Exchange(error) = error else {
            panic!("{what}: {error}");
        };
        assert!(
            matches!(
                error.kind(),
                ExchangeErrorKind::AccessDenied | ExchangeErrorKind::TokenRejected
            ),
            "{what}: {:?} {error}",
            error.kind()
        );
        assert!(error.to_string().contains(said), "{what}: {error}");
        let advised = error.advice().unwrap_or_default();
        assert!(advised.contains(advice), "{what}: {advised}");
    }
}

#[tokio::test]
async fn an_identity_provider_may_begin_where_it_is_allowed() {
    let scene = Scene::of_alice().await;
    let asked = Asked::at(&scene, |login| login).await;
    let start = |consumer: &str| {
        let start = scene.sandbox.saml_sso_url().replace("/sso", "/start");
        format!("{start}?acs={consumer}")
    };
    let page = Browser::default()
        .sign_in(&start(asked.consumer()), "alice")
        .await;
    assert!(!page.contains("Signed in as"), "{page}");
    asked.completes("a sign-in that nobody asked for").await;

    let person = Person::who(Deed::StayAway);
    let login = scene.saml_login(&person).idp_initiated(true);
    let login = login.build().expect("a login");
    let sign_in = tokio::spawn(async move { login.sign_in().await });
    while person.told().links.is_empty() {
        tokio::task::yield_now().await;
    }
    let consumer = person.told().returns_to[0].clone();
    let page = Browser::default().sign_in(&start(&consumer), "alice").await;
    assert!(page.contains("Signed in as alice@example.com"), "{page}");
    let response = sign_in.await.expect("no panic").expect("signed in");
    assert_eq!(response.in_response_to(), None);
}
