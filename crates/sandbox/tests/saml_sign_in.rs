//! A sign-in by SAML: the request by redirect or by form, the page of people, the posted response.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Answer, Clock, form, get, post, sandbox};
use keyless_sandbox::{Builder, Sandbox};

const CONSUMER: &str = "http://127.0.0.1:41234/saml/acs";

/// An `AuthnRequest`, with some text in it replaced.
fn request(from: &str, to: &str) -> String {
    let xml = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_abc\" Version=\"2.0\" \
         IssueInstant=\"2027-01-15T08:00:00Z\" AssertionConsumerServiceURL=\"{CONSUMER}\">\
         <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">keyless</saml:Issuer></samlp:AuthnRequest>"
    );
    xml.replace(from, to)
}

/// Base64 of a stored DEFLATE block (RFC 1951 §3.2.4), which needs no packer.
fn packed(xml: &str) -> String {
    let length = u16::try_from(xml.len()).unwrap();
    let head = [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes()].concat();
    STANDARD.encode([&head, xml.as_bytes()].concat())
}

async fn ask(sandbox: &Sandbox, xml: &str, relay_state: &str) -> Answer {
    let query = form(&[("SAMLRequest", &packed(xml)), ("RelayState", relay_state)]);
    get(&format!("{}?{query}", sandbox.saml_sso_url())).await
}

/// The value of a hidden field, unescaped as far as it has to be.
fn field(page: &Answer, name: &str) -> Option<String> {
    let (_, rest) = page.body.split_once(&format!("name=\"{name}\" value=\""))?;
    Some(
        rest.split_once('"')?
            .0
            .replace("&quot;", "\"")
            .replace("&amp;", "&"),
    )
}

/// The XML of the response that a page posts.
fn response(page: &Answer) -> String {
    let encoded = field(page, "SAMLResponse").unwrap_or_else(|| panic!("{page:?}"));
    String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
}

async fn choose(sandbox: &Sandbox, page: &Answer, choice: (&str, &str)) -> Answer {
    let url = sandbox.saml_sso_url().replace("/sso", "/sign-in");
    post(
        &url,
        &[("request", &field(page, "request").unwrap()), choice],
    )
    .await
}

async fn signed_in(builder: Builder) -> Sandbox {
    builder.sign_in_as("alice").start().await.unwrap()
}

#[tokio::test]
async fn a_person_chooses_and_the_response_goes_back() {
    let sandbox = sandbox(&Clock::new()).await;
    let page = ask(&sandbox, &request("", ""), "st\"ate&1").await;
    for words in [
        "Alice Archer",
        "<strong>keyless</strong>",
        CONSUMER,
        "action=\"/saml/sign-in\"",
    ] {
        assert!(page.body.contains(words), "{words} {page:?}");
    }
    let back = choose(&sandbox, &page, ("person", "bob")).await;
    assert_eq!(back.status, 200);
    assert!(
        back.body
            .contains(&format!("method=\"post\" action=\"{CONSUMER}\"")),
        "{back:?}"
    );
    assert_eq!(field(&back, "RelayState").as_deref(), Some("st\"ate&1"));
    let xml = response(&back);
    for (words, times) in [
        ("InResponseTo=\"_abc\"", 2),
        (&format!("Destination=\"{CONSUMER}\"")[..], 1),
        ("Recipient=\"https://signin.aws.amazon.com/saml\"", 1),
        (">user-bob<", 1),
        (">bob@example.com<", 2),
        (
            "arn:aws:iam::111122223333:role/saml-dev,arn:aws:iam::111122223333:saml-provider/sandbox",
            1,
        ),
        ("<ds:Signature ", 1),
    ] {
        assert_eq!(xml.matches(words).count(), times, "{words} {xml}");
    }
    assert_eq!(sandbox.calls().saml_sso, 1);

    // once answered it is answered
    assert_eq!(choose(&sandbox, &page, ("person", "bob")).await.status, 400);

    let credentials = post(
        sandbox.sts_endpoint(),
        &[
            ("Action", "AssumeRoleWithSAML"),
            ("Version", "2011-06-15"),
            ("RoleArn", &sandbox.role_arn("saml-dev")),
            ("PrincipalArn", &sandbox.saml_provider_arn()),
            ("SAMLAssertion", &field(&back, "SAMLResponse").unwrap()),
        ],
    )
    .await;
    assert!(
        credentials
            .xml("Arn")
            .ends_with("assumed-role/saml-dev/bob@example.com")
    );
}

#[tokio::test]
async fn who_refuses_is_told_of_without_an_assertion() {
    let sandbox = sandbox(&Clock::new()).await;
    let page = ask(&sandbox, &request("", ""), "s").await;
    let back = choose(&sandbox, &page, ("refuse", "yes")).await;
    let xml = response(&back);
    assert!(xml.contains("status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\""), "{xml}");
    assert!(
        xml.contains("InResponseTo=\"_abc\"") && !xml.contains("<saml:Assertion"),
        "{xml}"
    );
    assert_eq!(field(&back, "RelayState").as_deref(), Some("s"));
}

#[tokio::test]
async fn a_request_may_come_by_form_and_a_person_be_there_already() {
    let sandbox = signed_in(Sandbox::builder()).await;
    let by_form = STANDARD.encode(request("", ""));
    let back = post(&sandbox.saml_sso_url(), &[("SAMLRequest", &by_form)]).await;
    assert!(response(&back).contains(">user-alice<"));
    assert_eq!(field(&back, "RelayState"), None);
    let policy = back.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"),
        "{policy}"
    );
}

#[tokio::test]
async fn a_sign_in_may_begin_here() {
    let sandbox = signed_in(Sandbox::builder().saml_consumer("https://app.example.com/acs")).await;
    let start = sandbox.saml_sso_url().replace("/sso", "/start");
    for (query, to) in [
        ("", "https://app.example.com/acs"),
        (
            "?acs=http://127.0.0.1:41234/saml/acs&RelayState=s",
            CONSUMER,
        ),
    ] {
        let back = get(&format!("{start}{query}")).await;
        assert!(back.body.contains(&format!("action=\"{to}\"")), "{back:?}");
        assert_eq!(field(&back, "RelayState").is_some(), !query.is_empty());
        assert!(!response(&back).contains("InResponseTo"));
    }
    let elsewhere = get(&format!("{start}?acs=https://evil.example/acs")).await;
    assert_eq!(elsewhere.status, 400);
}

#[tokio::test]
async fn the_recipient_may_be_the_consumer_which_sts_refuses() {
    let sandbox = signed_in(Sandbox::builder().saml_recipient_is_consumer(true)).await;
    let back = ask(&sandbox, &request("", ""), "").await;
    assert!(response(&back).contains(&format!("Recipient=\"{CONSUMER}\"")));
}

#[tokio::test]
async fn what_is_no_request_for_here_gets_no_response() {
    let sandbox = signed_in(Sandbox::builder()).await;
    for (from, to) in [
        ("http://127.0.0.1:41234", "https://evil.example"),
        ("AuthnRequest", "LogoutRequest"),
        ("Version=\"2.0\"", "Version=\"1.1\""),
        ("ID=\"_abc\"", ""),
        ("saml:Issuer", "saml:Nobody"),
        (
            "Version",
            "Destination=\"https://other.example/sso\" Version",
        ),
        (
            "Version",
            "ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact\" Version",
        ),
        (" AssertionConsumerServiceURL", " Nowhere"),
        (
            "<samlp:AuthnRequest",
            "<!DOCTYPE x [<!ENTITY e \"1\">]><samlp:AuthnRequest",
        ),
        ("</samlp:AuthnRequest>", ""),
    ] {
        let answer = ask(&sandbox, &request(from, to), "s").await;
        assert_eq!(
            (answer.status, field(&answer, "SAMLResponse")),
            (400, None),
            "{from} {to}"
        );
    }
    let own = format!("Destination=\"{}\" Version", sandbox.saml_sso_url());
    assert_eq!(
        ask(&sandbox, &request("Version", &own), "s").await.status,
        200
    );
    for query in [
        "",
        "?SAMLRequest=",
        "?SAMLRequest=%2A",
        "?SAMLRequest=AAAA",
        "?SAMLRequest=a&SAMLRequest=b",
    ] {
        assert_eq!(
            get(&format!("{}{query}", sandbox.saml_sso_url()))
                .await
                .status,
            400,
            "{query}"
        );
    }
    for (path, status) in [("/sso", 400), ("/sign-in", 405), ("/other", 404)] {
        let url = sandbox.saml_sso_url().replace("/sso", path);
        assert_eq!(get(&url).await.status, status, "{path}");
    }
}
