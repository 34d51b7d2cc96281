//! The authorization request goes to the identity provider beforehand, where it takes that (PAR, RFC 9126).
#![allow(clippy::too_many_lines, reason = "a table")]

use std::collections::BTreeMap;
use std::time::Duration;

use http::Response;
use keyless::login::LoginBuilder;
use keyless::{IdToken, Login, TokenError, TokenErrorKind};
use keyless_sandbox::{Builder, Sandbox};
use keyless_tests::person::{Deed, Person, browse};
use keyless_tests::scene::Scene;
use keyless_tests::wiretap::{Wiretap, answer, json};
use serde_json::{Value, json as value};
use url::Url;

fn login(scene: &Scene, person: &Person, http: &Wiretap) -> LoginBuilder {
    Login::builder(
        scene.sandbox.issuer(),
        scene.sandbox.client_id(),
        http.clone(),
    )
    .prompt(person.clone())
    .store(scene.store())
    .clock(scene.clock())
}

fn offered() -> Builder {
    Sandbox::builder().pushed_authorization_requests()
}

fn required() -> Builder {
    Sandbox::builder().require_pushed_authorization_requests()
}

fn parameters(url: &str) -> BTreeMap<String, String> {
    let url = Url::parse(url).expect("an address");
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn the_browser_carries_a_reference_and_the_clients_id_and_nothing_else() {
    for (sandbox, is_shown) in [(required(), true), (offered(), false)] {
        let scene = Scene::of(sandbox).await;
        let (person, http) = (Person::called("alice"), Wiretap::default());
        let login = login(&scene, &person, &http)
            .authorize("prompt", "login")
            .build();
        login.expect("a login").sign_in().await.expect("signed in");
        assert_eq!(scene.sandbox.calls().pushed, 1);

        let [pushed] = &http.posted("/par")[..] else {
            panic!("pushed once")
        };
        assert_eq!(pushed.field("response_type"), "code");
        assert_eq!(pushed.field("prompt"), "login");
        assert_eq!(pushed.field("code_challenge_method"), "S256");
        assert!(!pushed.form.contains_key("request_uri"));
        // What is shown to a person must last as long as they have, and a reference does not.
        let shown = parameters(&person.told().urls[0]);
        let names: Vec<&str> = shown.keys().map(String::as_str).collect();
        assert_eq!(names == ["client_id", "request_uri"], is_shown, "{names:?}");
    }
}

#[tokio::test]
async fn a_link_that_is_opened_late_leads_to_a_reference_that_is_good() {
    let scene = Scene::of(required()).await;
    let (person, http) = (Person::who(Deed::StayAway), Wiretap::default());
    let login = login(&scene, &person, &http).build().expect("a login");
    let signing_in = tokio::spawn(async move { login.sign_in().await });
    let link = loop {
        if let Some(link) = person.told().links.first() {
            break link.clone();
        }
        tokio::task::yield_now().await;
    };
    scene.pass(Duration::from_mins(2)); // a reference lasts one
    let page = browse(&link, &Deed::SignInAs("alice".into())).await;
    let token = signing_in.await.expect("no panic").expect("signed in");
    assert!(page.contains("Signed in as") && token.who().contains("alice"));
    assert_eq!(scene.sandbox.calls().pushed, 2);
}

#[tokio::test]
async fn where_a_late_reference_is_refused_the_page_and_the_terminal_say_so() {
    let scene = Scene::of(required()).await;
    let person = Person::who(Deed::StayAway);
    let first = std::sync::atomic::AtomicBool::new(true);
    let http = Wiretap::answering(move |sent| {
        let is_first =
            sent.path == "/par" && first.swap(false, std::sync::atomic::Ordering::SeqCst);
        (sent.path == "/par" && !is_first).then(|| json(400, &value!({"error": "invalid_request"})))
    });
    let login = login(&scene, &person, &http).build().expect("a login");
    let signing_in = tokio::spawn(async move { login.sign_in().await });
    let link = loop {
        if let Some(link) = person.told().links.first() {
            break link.clone();
        }
        tokio::task::yield_now().await;
    };
    scene.pass(Duration::from_mins(2));
    let page = browse(&link, &Deed::SignInAs("alice".into())).await;
    let error = signing_in.await.expect("no panic").expect_err("refused");
    assert!(
        error
            .to_string()
            .contains("refused the pushed authorization request"),
        "{error}"
    );
    assert!(
        page.contains("refused the pushed authorization request"),
        "{page}"
    );
}

async fn with_answer(
    sandbox: Builder,
    answer: impl Fn() -> Response<Vec<u8>> + Send + Sync + 'static,
) -> (Result<IdToken, TokenError>, Person) {
    let scene = Scene::of(sandbox).await;
    let person = Person::called("alice");
    let http = Wiretap::answering(move |sent| (sent.path == "/par").then(&answer));
    let login = login(&scene, &person, &http).timeout(Duration::from_secs(30));
    (login.build().expect("a login").sign_in().await, person)
}

#[tokio::test]
async fn a_no_is_taken_where_it_was_an_offer_and_told_where_it_was_a_demand() {
    for status in [400, 401, 403, 404, 405] {
        let in_json = move || {
            json(
                status,
                &value!({"error": "invalid_request", "error_description": "no"}),
            )
        };
        let in_html = move || answer(status, &[("content-type", "text/html")], "<h1>no</h1>");
        let (result, person) = with_answer(offered(), in_json).await;
        result.unwrap_or_else(|error| panic!("{status}: {error}"));
        assert!(
            parameters(&person.told().urls[0]).contains_key("state"),
            "{status}"
        );
        with_answer(offered(), in_html)
            .await
            .0
            .unwrap_or_else(|error| panic!("{status}: {error}"));

        for (result, person) in [
            with_answer(required(), in_json).await,
            with_answer(required(), in_html).await,
        ] {
            let error = result.expect_err("demanded");
            assert_eq!(
                error.kind(),
                TokenErrorKind::Misconfigured,
                "{status}: {error}"
            );
            assert!(
                person.told().links.is_empty(),
                "{status}: nobody was asked in vain"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_ends_the_sign_in_before_anybody_is_asked() {
    let good = || value!({"request_uri": "urn:ietf:params:oauth:request_uri:x", "expires_in": 60});
    let with = |name: &str, changed: Value| {
        let mut body = good();
        body[name] = changed;
        json(201, &body)
    };
    let without = |name: &str| {
        let mut body = good();
        body.as_object_mut().expect("an object").remove(name);
        json(201, &body)
    };
    let json_type = &[("content-type", "application/json")][..];
    let rows: Vec<(&str, Response<Vec<u8>>, TokenErrorKind, &str)> = vec![
        (
            "no request_uri",
            without("request_uri"),
            TokenErrorKind::Invalid,
            "request_uri",
        ),
        (
            "a number",
            with("request_uri", 7.into()),
            TokenErrorKind::Invalid,
            "request_uri",
        ),
        (
            "empty",
            with("request_uri", "".into()),
            TokenErrorKind::Invalid,
            "request_uri",
        ),
        (
            "no address",
            with("request_uri", "\r\nLocation: x".into()),
            TokenErrorKind::Invalid,
            "request_uri",
        ),
        (
            "a long one",
            with("request_uri", format!("urn:{}", "x".repeat(3000)).into()),
            TokenErrorKind::Invalid,
            "request_uri",
        ),
        (
            "no expires_in",
            without("expires_in"),
            TokenErrorKind::Invalid,
            "expires_in",
        ),
        (
            "nothing",
            with("expires_in", 0.into()),
            TokenErrorKind::Invalid,
            "expires_in",
        ),
        (
            "negative",
            with("expires_in", (-5).into()),
            TokenErrorKind::Invalid,
            "expires_in",
        ),
        (
            "text",
            with("expires_in", "60".into()),
            TokenErrorKind::Invalid,
            "expires_in",
        ),
        (
            "a fraction",
            with("expires_in", value!(0.5)),
            TokenErrorKind::Invalid,
            "expires_in",
        ),
        (
            "twice",
            answer(
                201,
                json_type,
                r#"{"request_uri":"urn:a","request_uri":"urn:b","expires_in":60}"#,
            ),
            TokenErrorKind::Invalid,
            "twice",
        ),
        (
            "HTML",
            answer(200, &[("content-type", "text/html")], "<h1>hello</h1>"),
            TokenErrorKind::Invalid,
            "not JSON",
        ),
        (
            "empty body",
            answer(201, json_type, ""),
            TokenErrorKind::Invalid,
            "not JSON",
        ),
        (
            "a list",
            json(201, &value!([])),
            TokenErrorKind::Invalid,
            "request_uri",
        ),
        (
            "a redirect",
            answer(307, &[("location", "https://elsewhere.example/par")], ""),
            TokenErrorKind::Invalid,
            "307",
        ),
        (
            "10 MB",
            answer(201, json_type, vec![b' '; 10 << 20]),
            TokenErrorKind::Unreachable,
            "too long",
        ),
        (
            "ill",
            answer(503, &[], ""),
            TokenErrorKind::Unreachable,
            "503",
        ),
        (
            "busy",
            answer(429, &[], ""),
            TokenErrorKind::Unreachable,
            "429",
        ),
    ];
    for (row, response, kind, said) in rows {
        for sandbox in [offered(), required()] {
            let response = response.clone();
            let (result, person) = with_answer(sandbox, move || response.clone()).await;
            let error = result.expect_err(row);
            assert_eq!(error.kind(), kind, "{row}: {error}");
            assert!(error.to_string().contains(said), "{row}: {error}");
            assert!(
                !error.to_string().contains("elsewhere.example"),
                "{row}: {error}"
            );
            assert!(person.told().links.is_empty(), "{row}");
        }
    }
}
