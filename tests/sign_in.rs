//! A person signs in through a browser, and what can go wrong with it.
#![allow(
    clippy::too_many_lines,
    reason = "one table, and what each of its rows must show"
)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyless::profile::{Config, Use};
use keyless::{Environment, FileStore, Http, Interaction, Login, Source, TokenErrorKind};
use keyless_sandbox::Sandbox;
use keyless_tests::person::{Deed, Person};
use keyless_tests::port;
use keyless_tests::scene::Scene;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

#[tokio::test]
async fn a_person_signs_in_once_and_the_token_is_used_while_it_lives() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let login = scene.login(&person);

    let token = login
        .proof(Interaction::Allowed)
        .await
        .expect("Alice signs in");
    assert_eq!(
        (token.issuer(), token.email()),
        (scene.sandbox.issuer(), Some("alice@example.com"))
    );
    assert_eq!(
        person.told().signed_in,
        [("alice@example.com".to_owned(), None)]
    );

    // Again, and from another process: the same token, and nobody is asked.
    let again = login
        .proof(Interaction::Forbidden)
        .await
        .expect("still signed in");
    let elsewhere = scene
        .login(&person)
        .proof(Interaction::Forbidden)
        .await
        .expect("kept in the store");
    assert_eq!((&again, &elsewhere), (&token, &token));
    assert_eq!(scene.sandbox.calls().token, 1);

    // An hour later the token has expired, and nobody may be asked.
    scene.pass(Duration::from_hours(1));
    let error = scene
        .login(&person)
        .proof(Interaction::Forbidden)
        .await
        .expect_err("expired");
    assert_eq!(error.kind(), TokenErrorKind::LoginRequired);
    login
        .proof(Interaction::Allowed)
        .await
        .expect("Alice signs in again");
    assert_eq!(scene.sandbox.calls().token, 2);
}

#[tokio::test]
async fn the_browser_ends_on_a_page_that_says_what_came_of_it() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    scene
        .login(&person)
        .sign_in()
        .await
        .expect("Alice signs in");
    let page = person.page(1).await;
    assert!(page.contains("Signed in as alice@example.com"), "{page}");
    let told = person.told();
    assert!(
        !told.links[0].contains("state") && told.urls[0].contains("code_challenge_method=S256"),
        "{told:?}"
    );

    person.will(Deed::Refuse);
    let error = scene.login(&person).sign_in().await.expect_err("refused");
    assert_eq!(error.kind(), TokenErrorKind::Refused);
    assert!(error.to_string().contains("access_denied"), "{error}");
    assert!(person.page(2).await.contains("You are not signed in"));
}

#[tokio::test]
async fn another_person_than_before_is_told_loudly() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let login = scene.login(&person);
    login.sign_in().await.expect("Alice");
    person.will(Deed::SignInAs("bob".into()));
    login.sign_in().await.expect("Bob");
    assert_eq!(
        person.told().signed_in[1],
        ("bob@example.com".into(), Some("alice@example.com".into()))
    );
}

#[tokio::test]
async fn an_address_in_the_clear_is_never_sent_a_token() {
    for (issuer, said) in [
        ("http://issuer.example", "only https"),
        ("issuer.example", "is not an address"),
        ("ftp://127.0.0.1", "only https"),
    ] {
        let error = Login::builder(issuer, "keyless", Http::default())
            .build()
            .expect_err(issuer);
        assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
        assert!(error.to_string().contains(said), "{issuer}: {error}");
    }
    let scene = Scene::new().await;
    let login = Login::builder(scene.sandbox.issuer(), "", Http::default());
    assert!(
        login
            .build()
            .expect_err("no client")
            .to_string()
            .contains("client id is empty")
    );
    for reserved in [
        "state",
        "nonce",
        "redirect_uri",
        "code_challenge",
        "request",
    ] {
        let login = Login::builder(scene.sandbox.issuer(), "keyless", Http::default())
            .authorize(reserved, "x");
        assert!(
            login
                .build()
                .expect_err(reserved)
                .to_string()
                .contains(reserved)
        );
    }
}

#[tokio::test]
async fn the_request_says_what_the_profile_asks_for() {
    let scene = Scene::new().await;
    let port = port::free(); // written as a range
    let text = format!(
        r#"
        [identity.sandbox]
        issuer        = "{}"
        client_id     = "{}"
        authorize     = {{ prompt = "login", login_hint = "alice@example.com", acr_values = "a b" }}
        max_age       = "1h"
        redirect_host = "localhost"
        port          = "{port}-{}"
        [profile.dev]
        identity = "sandbox"
        store    = "memory"
        "#,
        scene.sandbox.issuer(),
        scene.sandbox.client_id(),
        port.saturating_add(9),
    );
    let environment = Environment::of::<String, String>([]);
    let person = Person::called("alice");
    let usage = Use {
        prompt: Some(Arc::new(person.clone())),
        ..Use::default()
    };
    let access = Config::parse(&text, "config.toml".into())
        .and_then(|config| config.profile(None, &environment))
        .expect("a good file")
        .access(&environment, usage)
        .expect("a good profile");
    let login = access.login().expect("a sign-in");
    login.sign_in().await.expect("Alice signs in");

    let url = url::Url::parse(&person.told().urls[0]).expect("an address");
    for (name, expected) in [
        ("prompt", "login"),
        ("login_hint", "alice@example.com"),
        ("acr_values", "a b"),
        ("max_age", "3600"),
    ] {
        let said: Vec<_> = url.query_pairs().filter(|(key, _)| key == name).collect();
        assert_eq!(said.len(), 1, "{name}: {said:?}");
        assert_eq!(said[0].1, expected, "{name}");
    }
    let redirect = url.query_pairs().find(|(key, _)| key == "redirect_uri");
    let redirect = url::Url::parse(&redirect.expect("there").1).expect("an address");
    assert_eq!(redirect.host_str(), Some("localhost"));
    assert!((port..=port + 9).contains(&redirect.port().expect("a port")));
}

#[tokio::test]
async fn a_parameter_is_asked_for_once() {
    let scene = Scene::new().await;
    let person = Person::who(Deed::StayAway);
    for (login, said) in [
        (
            scene
                .login_builder(&person)
                .authorize("prompt", "login")
                .authorize("prompt", "consent"),
            "\"prompt\" is there twice",
        ),
        (
            scene
                .login_builder(&person)
                .max_age(Duration::from_hours(1))
                .authorize("max_age", "999999"),
            "\"max_age\" is there twice",
        ),
        (
            scene.login_builder(&person).max_age(Duration::MAX),
            "max_age is",
        ),
    ] {
        let error = login.build().expect_err(said);
        assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// An identity provider whose discovery document is wrong in one way.
async fn discovery(document: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/.well-known/openid-configuration"))
        .respond_with(document)
        .mount(&server)
        .await;
    server
}

/// What the issuer answers, given its own address.
type Answer<'a> = Box<dyn Fn(&str) -> ResponseTemplate + 'a>;

#[tokio::test]
async fn an_issuer_that_cannot_be_relied_on_is_named_with_what_to_do() {
    let scene = Scene::new().await;
    let person = Person::who(Deed::StayAway);
    let good = |issuer: &str| {
        serde_json::json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
        })
    };
    let with = |issuer: &str, name: &str, value: serde_json::Value| {
        let mut document = good(issuer);
        document[name] = value;
        ResponseTemplate::new(200).set_body_json(document)
    };
    let long_ago = "Sun, 06 Nov 1994 08:49:37 GMT";
    let cases: Vec<(&str, Answer<'_>, TokenErrorKind, &str, &str)> = vec![
        (
            "not OpenID",
            Box::new(|_| ResponseTemplate::new(404)),
            TokenErrorKind::Misconfigured,
            "found 404",
            "openid-configuration",
        ),
        (
            "a web page",
            Box::new(|_| ResponseTemplate::new(200).set_body_string("<html>")),
            TokenErrorKind::Misconfigured,
            "cannot be read",
            "OpenID provider",
        ),
        (
            "overloaded",
            Box::new(|_| ResponseTemplate::new(503)),
            TokenErrorKind::Unreachable,
            "503",
            "",
        ),
        (
            "another issuer",
            Box::new(|issuer| with(issuer, "issuer", "https://evil.example".into())),
            TokenErrorKind::Misconfigured,
            "\"https://evil.example\"",
            "to the letter",
        ),
        (
            "a slash too many",
            Box::new(|issuer| with(issuer, "issuer", format!("{issuer}/").into())),
            TokenErrorKind::Misconfigured,
            "calls itself",
            "with the slash",
        ),
        (
            "no PKCE",
            Box::new(|issuer| {
                with(
                    issuer,
                    "code_challenge_methods_supported",
                    serde_json::json!(["plain"]),
                )
            }),
            TokenErrorKind::Misconfigured,
            "PKCE",
            "S256",
        ),
        (
            "a token endpoint in the clear",
            Box::new(|issuer| {
                with(
                    issuer,
                    "token_endpoint",
                    "http://issuer.example/token".into(),
                )
            }),
            TokenErrorKind::Misconfigured,
            "only https",
            "",
        ),
        (
            "a member missing",
            Box::new(|issuer| with(issuer, "jwks_uri", serde_json::Value::Null)),
            TokenErrorKind::Misconfigured,
            "cannot be read",
            "",
        ),
        (
            "a clock that is off",
            Box::new(|issuer| {
                ResponseTemplate::new(200)
                    .set_body_json(good(issuer))
                    .insert_header("date", long_ago)
            }),
            TokenErrorKind::Misconfigured,
            long_ago,
            "clock",
        ),
        (
            "a member missing in what a cache on the way has kept",
            Box::new(|issuer| {
                let now = SystemTime::UNIX_EPOCH
                    .elapsed()
                    .expect("after 1970")
                    .as_secs();
                with(issuer, "jwks_uri", serde_json::Value::Null)
                    .insert_header("date", long_ago)
                    .insert_header("age", (now - 784_111_777).to_string())
            }),
            TokenErrorKind::Misconfigured,
            "cannot be read",
            "",
        ),
        (
            "a redirection",
            Box::new(|_| {
                ResponseTemplate::new(302).insert_header("location", "https://evil.example/")
            }),
            TokenErrorKind::Misconfigured,
            "302",
            "",
        ),
        (
            "two megabytes",
            Box::new(|_| ResponseTemplate::new(200).set_body_string("x".repeat(2 << 20))),
            TokenErrorKind::Unreachable,
            "longer than",
            "",
        ),
    ];
    for (case, answer, kind, said, advised) in cases {
        // The address is known once the server listens, so the document is mounted afterwards.
        let server = discovery(ResponseTemplate::new(500)).await;
        let issuer = server.uri();
        server.reset().await;
        Mock::given(path("/.well-known/openid-configuration"))
            .respond_with(answer(&issuer))
            .mount(&server)
            .await;
        let error = scene
            .login_at(&issuer, &person)
            .build()
            .expect("a login")
            .sign_in()
            .await
            .expect_err(case);
        assert_eq!(error.kind(), kind, "{case}: {error}");
        assert!(error.to_string().contains(said), "{case}: {error}");
        assert!(
            error.advice().unwrap_or_default().contains(advised),
            "{case}: {:?}",
            error.advice()
        );
    }
    assert!(person.told().links.is_empty(), "nobody was asked");
}

#[tokio::test]
async fn an_issuer_that_is_not_there_is_unreachable() {
    let scene = Scene::new().await;
    let free = format!("127.0.0.1:{}", port::free());
    let login = scene
        .login_at(&format!("http://{free}"), &Person::called("alice"))
        .build()
        .expect("a login");
    let error = login.sign_in().await.expect_err("nothing listens there");
    assert_eq!(error.kind(), TokenErrorKind::Unreachable);
    assert!(error.to_string().contains(&free), "{error}");
}

#[tokio::test]
async fn nobody_comes_and_the_port_is_closed_again() {
    let scene = Scene::new().await;
    let person = Person::who(Deed::StayAway);
    let login = scene
        .login_builder(&person)
        .timeout(Duration::from_secs(1))
        .build()
        .expect("a login");
    let error = login.sign_in().await.expect_err("nobody came");
    assert_eq!(error.kind(), TokenErrorKind::TimedOut, "{error}");
    assert!(error.to_string().contains("1 seconds"), "{error}");
    let link = url::Url::parse(&person.told().links[0]).expect("a link");
    let address = (
        link.host_str().expect("a host"),
        link.port().expect("a port"),
    );
    assert!(
        std::net::TcpStream::connect(address).is_err(),
        "the port is still open"
    );
}

#[tokio::test]
async fn a_token_that_is_signed_with_rsa_is_verified_too() {
    let scene = Scene::of(Sandbox::builder().rsa(true)).await;
    let token = scene
        .login(&Person::called("alice"))
        .sign_in()
        .await
        .expect("Alice signs in");
    assert_eq!(token.algorithm(), "RS256");
}

#[tokio::test]
async fn a_store_that_fails_is_done_without() {
    let scene = Scene::new().await;
    let in_the_way = scene.folder().join("not-a-folder");
    std::fs::write(&in_the_way, "").expect("written");
    let login = Login::builder(
        scene.sandbox.issuer(),
        scene.sandbox.client_id(),
        Http::default(),
    )
    .prompt(Person::called("alice"))
    .store(FileStore::new(&in_the_way))
    .build()
    .expect("a login");
    login
        .proof(Interaction::Allowed)
        .await
        .expect("signed in all the same");
    login
        .proof(Interaction::Forbidden)
        .await
        .expect("and kept in memory");
    assert!(
        login
            .stored()
            .is_some_and(|kept| kept.token().expires_at() > SystemTime::now())
    );
}
