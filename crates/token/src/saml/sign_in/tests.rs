//! Signing in by SAML, with neighbours who post what is not theirs to post.
#![allow(clippy::too_many_lines, reason = "tables")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyless_cache::MemoryStore;
use url::form_urlencoded;

use super::*;
use crate::login::{DeviceCode, SignInPage};

/// Answers the request "_q"; noon is when it was issued.
const GOOD: &str = include_str!("../example.xml");

fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(498_708)
}

fn builder() -> SamlLoginBuilder {
    SamlLogin::builder("https://idp.example/sso?app=aws").clock(Clock::new(noon))
}

fn encoded(xml: &str) -> String {
    BASE64_STANDARD.encode(xml)
}

fn request() -> AuthnRequest {
    let destination = Url::parse("https://idp.example/sso").expect("an address");
    let mut request = AuthnRequest::new("x", &destination, "x", noon()).expect("a request");
    request.id = "_q".into();
    request
}

#[test]
fn only_the_response_to_this_request_counts() {
    let request = request();
    let ours = request.relay_state.expose().to_owned();
    let unasked = GOOD.replace(" InResponseTo=\"_q\"", "");
    let other = GOOD.replace("\"_q\"", "\"_p\"");
    let unsigned = GOOD.replace("ds:Signature", "ds:Nothing");
    for (what, fields, mode, taken, taken_if_it_began) in [
        (
            "our answer",
            vec![("SAMLResponse", encoded(GOOD))],
            ResponseMode::FormPost,
            true,
            true,
        ),
        (
            "our answer with our state",
            vec![
                ("SAMLResponse", encoded(GOOD)),
                ("RelayState", ours.clone()),
            ],
            ResponseMode::FormPost,
            true,
            true,
        ),
        (
            "our answer with another state",
            vec![("SAMLResponse", encoded(GOOD)), ("RelayState", "x".into())],
            ResponseMode::FormPost,
            true,
            true,
        ),
        (
            "an answer to nobody with our state",
            vec![
                ("SAMLResponse", encoded(&unasked)),
                ("RelayState", ours.clone()),
            ],
            ResponseMode::FormPost,
            true,
            true,
        ),
        // It is ours to refuse, aloud.
        (
            "nonsense with our state",
            vec![("SAMLResponse", "x".into()), ("RelayState", ours.clone())],
            ResponseMode::FormPost,
            true,
            true,
        ),
        (
            "an answer to another with our state",
            vec![
                ("SAMLResponse", encoded(&other)),
                ("RelayState", ours.clone()),
            ],
            ResponseMode::FormPost,
            true,
            true,
        ),
        (
            "an answer to nobody",
            vec![("SAMLResponse", encoded(&unasked))],
            ResponseMode::FormPost,
            false,
            true,
        ),
        (
            "an answer to nobody without a state",
            vec![
                ("SAMLResponse", encoded(&unasked)),
                ("RelayState", String::new()),
            ],
            ResponseMode::FormPost,
            false,
            true,
        ),
        (
            "an answer to another",
            vec![("SAMLResponse", encoded(&other))],
            ResponseMode::FormPost,
            false,
            false,
        ),
        (
            "an unsigned answer",
            vec![("SAMLResponse", encoded(&unsigned))],
            ResponseMode::FormPost,
            false,
            false,
        ),
        (
            "nonsense",
            vec![("SAMLResponse", "x".into())],
            ResponseMode::FormPost,
            false,
            false,
        ),
        (
            "our state alone",
            vec![("RelayState", ours.clone())],
            ResponseMode::FormPost,
            false,
            false,
        ),
        ("nothing", vec![], ResponseMode::FormPost, false, false),
        (
            "our answer in an address",
            vec![
                ("SAMLResponse", encoded(GOOD)),
                ("RelayState", ours.clone()),
            ],
            ResponseMode::Query,
            false,
            false,
        ),
        (
            "our answer in a fragment",
            vec![("SAMLResponse", encoded(GOOD)), ("RelayState", ours)],
            ResponseMode::Fragment,
            false,
            false,
        ),
    ] {
        let parameters: Parameters = fields
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect();
        for (began, taken) in [(false, taken), (true, taken_if_it_began)] {
            let login = builder().idp_initiated(began).build().expect("a login");
            let verdict = login.settings.judge(&request)(&parameters, mode);
            assert_eq!(
                matches!(verdict, Verdict::Ours(Ok(_))),
                taken,
                "{what}, {began}"
            );
        }
    }
}

#[test]
fn a_response_may_be_pasted_without_the_name_of_its_field() {
    let login = builder().build().expect("a login");
    for length in 0..3 {
        // Every number of `=` at the end, and characters that a form writes in another way.
        let xml = GOOD
            .replace("alice@", &format!("alice{}~?>@", "x".repeat(length)))
            .replace("~?>@", "~?&gt;@");
        let raw = encoded(&xml);
        let parameters: Parameters = form_urlencoded::parse(raw.as_bytes())
            .into_owned()
            .collect();
        let verdict = login.settings.judge(&request())(&parameters, ResponseMode::FormPost);
        let Verdict::Ours(Ok(read)) = verdict else {
            panic!("{length}")
        };
        assert_eq!(read.expose(), raw);
    }
}

#[test]
fn what_was_answered_is_checked() {
    let store = MemoryStore::new();
    let login = builder()
        .issuer("https://idp.example")
        .store(store)
        .build()
        .expect("a login");
    let accept =
        |login: &SamlLogin, xml: &str| login.settings.accept(&request(), &encoded(xml).into());
    accept(&login, GOOD).expect("a response");
    accept(&login, &GOOD.replace(" InResponseTo=\"_q\"", "")).expect("known again by its state");
    for (from, to, said) in [
        ("\"_q\"", "\"_p\"", "answers the request \"_p\""),
        (
            "https://idp.example",
            "https://other.example",
            "expected \"https://idp.example\", found \"https://other.example\"",
        ),
        (
            "https://signin.aws.amazon.com/saml",
            "http://127.0.0.1:8001/saml",
            "is for the recipient",
        ),
        ("T12:05", "T11:05", "was good until"),
        ("ds:Signature", "ds:Nothing", "is not signed"),
        (
            ":status:Success",
            ":status:AuthnFailed",
            "did not sign you in (AuthnFailed)",
        ),
    ] {
        let error = accept(&login, &GOOD.replace(from, to)).expect_err(said);
        assert!(error.to_string().contains(said), "{error}");
    }
    let lenient = Expected {
        recipients: vec!["http://127.0.0.1:8001/saml".into()],
        ..Expected::default()
    };
    let elsewhere = builder().expected(lenient).build().expect("a login");
    accept(
        &elsewhere,
        &GOOD.replace(
            "https://signin.aws.amazon.com/saml",
            "http://127.0.0.1:8001/saml",
        ),
    )
    .expect("for another");
}

#[test]
fn what_cannot_work_is_refused_beforehand() {
    for (builder, said) in [
        (SamlLogin::builder("http://idp.example/sso"), "uses http"),
        (SamlLogin::builder("idp.example"), "is not an address"),
        (
            builder().entity_id(""),
            "entity ID of the application is empty",
        ),
        (builder().flow(Flow::Device), "SAML has no flow with a code"),
        (builder().ports(0..=9), "there is no port from 0 to 9"),
    ] {
        let error = builder.build().expect_err(said);
        assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
        assert!(
            error.to_string().contains(said) && error.advice().is_some(),
            "{error:?}"
        );
    }
}

/// A person with a browser, at an identity provider that signs everybody in, after a neighbour has tried.
#[derive(Debug, Default)]
struct Person {
    told: Arc<Mutex<Vec<String>>>,
    /// What the neighbour's posts were answered with.
    neighbour: Arc<Mutex<Vec<u16>>>,
}

impl Prompt for Person {
    fn sign_in(&self, page: &SignInPage<'_>) {
        let (link, returns_to) = (page.link.to_owned(), page.returns_to.to_owned());
        assert_eq!(page.issuer, "https://idp.example/sso");
        assert!(!link.contains("SAMLRequest"));
        let (told, neighbour) = (Arc::clone(&self.told), Arc::clone(&self.neighbour));
        std::thread::spawn(move || {
            let (_, sent_on) = exchange(&link, None);
            let location = header(&sent_on, "location");
            let fields: Parameters = Url::parse(&location)
                .expect("an address")
                .query_pairs()
                .into_owned()
                .collect();
            let deflated = BASE64_STANDARD
                .decode(&fields["SAMLRequest"])
                .expect("base64");
            let xml = String::from_utf8(deflated[5..].to_vec()).expect("text");
            let document = roxmltree::Document::parse(&xml).expect("XML");
            let id = document.root_element().attribute("ID").expect("an ID");
            let consumer = document
                .root_element()
                .attribute("AssertionConsumerServiceURL");
            assert_eq!(consumer, Some(&*returns_to));
            for xml in [GOOD.to_owned(), GOOD.replace(" InResponseTo=\"_q\"", "")] {
                let (status, _) = exchange(
                    &returns_to,
                    Some(&[("SAMLResponse", &encoded(&xml)), ("RelayState", "guessed")]),
                );
                neighbour.lock().expect("no panic").push(status);
            }
            let huge = "x".repeat(10 << 20);
            let (status, _) = exchange(&returns_to, Some(&[("SAMLResponse", &huge)]));
            neighbour.lock().expect("no panic").push(status);
            let answer = encoded(&GOOD.replace("\"_q\"", &format!("\"{id}\"")));
            let (status, came_back) = exchange(
                &returns_to,
                Some(&[
                    ("SAMLResponse", &answer),
                    ("RelayState", &fields["RelayState"]),
                ]),
            );
            assert_eq!(status, 303);
            let end = Url::parse(&returns_to)
                .and_then(|base| base.join(&header(&came_back, "location")))
                .expect("an address");
            let (_, last_page) = exchange(end.as_str(), None);
            told.lock().expect("no panic").push(last_page);
        });
    }

    fn device(&self, _: &DeviceCode<'_>) {
        panic!("SAML has no codes")
    }

    fn signed_in(&self, signed_in: &SignedIn<'_>) {
        self.told
            .lock()
            .expect("no panic")
            .push(format!("signed in as {}", signed_in.who));
    }
}

/// The status and the whole answer to a GET, or a POST of a form.
fn exchange(address: &str, form: Option<&[(&str, &str)]>) -> (u16, String) {
    let url = Url::parse(address).expect("an address");
    let host = format!(
        "{}:{}",
        url.host_str().expect("a host"),
        url.port().expect("a port")
    );
    let mut stream = TcpStream::connect(&host).expect("somebody listens");
    let body = form.map(|fields| {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish()
    });
    let head = match &body {
        None => format!("GET {} HTTP/1.1\r\nHost: {host}\r\n\r\n", url.path()),
        Some(body) => format!(
            "POST {} HTTP/1.1\r\nHost: {host}\r\nOrigin: https://idp.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            url.path(),
            body.len()
        ),
    };
    stream.write_all(head.as_bytes()).expect("sent");
    let _ = stream.write_all(body.unwrap_or_default().as_bytes()); // it may hang up on what is too long
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    (status, answer)
}

fn header(answer: &str, name: &str) -> String {
    let line = answer.lines().find_map(|line| {
        line.split_once(": ")
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
    });
    line.unwrap_or_else(|| panic!("no {name} in {answer}"))
        .1
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_once_for_all_who_wait() {
    let person = Person::default();
    let (told, neighbour) = (Arc::clone(&person.told), Arc::clone(&person.neighbour));
    let login = builder().prompt(person).build().expect("a login");
    let nobody = login
        .proof(Interaction::Forbidden)
        .await
        .expect_err("nobody may be asked");
    assert_eq!(nobody.kind(), TokenErrorKind::LoginRequired);
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let login = login.clone();
            tokio::spawn(async move { login.proof(Interaction::Allowed).await })
        })
        .collect();
    for one in waiting {
        let response = one.await.expect("no panic").expect("a response");
        assert_eq!(response.who(), "alice@example.com");
    }
    assert_eq!(
        login.held().map(|held| held.who()).as_deref(),
        Some("alice@example.com")
    );
    assert_eq!(login.latest(), login.held());
    // The listener waits until the last page has been fetched.
    let told = told.lock().expect("no panic").clone();
    assert_eq!(told[0], "signed in as alice@example.com");
    // What is too long may not even be answered before the line is closed.
    let neighbour = neighbour.lock().expect("no panic").clone();
    assert_eq!(neighbour[..2], [400, 400]);
    assert_ne!(neighbour[2], 303);
    login.forget().await;
    assert!(login.held().is_none());
}
