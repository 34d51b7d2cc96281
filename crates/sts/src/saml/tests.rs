//! What is asked of AWS for a SAML response, and what is told where it cannot be.
#![allow(clippy::too_many_lines, reason = "tables")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use keyless_cache::Key;
use keyless_trust::answer::Answer;

use super::*;

const DEVELOPER: &str = "arn:aws:iam::111122223333:role/Developer";
const CORP: &str = "arn:aws:iam::111122223333:saml-provider/corp";

/// An STS that answers each call with the same, and writes down what it was sent.
#[derive(Clone, Debug)]
struct Service {
    status: u16,
    body: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// The method of a request, and what its form says.
type Heard = (String, BTreeMap<String, String>);

impl Service {
    fn with_a_session() -> Self {
        let body = format!(
            "<AssumeRoleWithSAMLResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithSAMLResult>\
             <AssumedRoleUser><AssumedRoleId>AROA:alice</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com</Arn></AssumedRoleUser>\
             <Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>token</SessionToken>\
             <Expiration>2026-11-22T13:00:00Z</Expiration></Credentials></AssumeRoleWithSAMLResult></AssumeRoleWithSAMLResponse>",
            "s".repeat(40)
        );
        Self {
            status: 200,
            body,
            heard: Arc::default(),
        }
    }

    fn that_refuses(row: &Answer, values: &[(&str, &str)]) -> Self {
        let message = row.render(values).replace('<', "&lt;");
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{}</Code><Message>{message}</Message></Error>\
             <RequestId>1</RequestId></ErrorResponse>",
            row.code
        );
        Self {
            status: row.status,
            body,
            heard: Arc::default(),
        }
    }

    fn calls(&self) -> usize {
        self.heard.lock().expect("no panic").len()
    }
}

impl HttpConnector for Service {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let form = request.body().bytes().unwrap_or_default();
        let form = String::from_utf8_lossy(form);
        let parameters = form
            .split('&')
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect();
        assert!(
            request.headers().get("authorization").is_none(),
            "nothing is signed"
        );
        self.heard
            .lock()
            .expect("no panic")
            .push((request.method().to_owned(), parameters));
        let status = self.status.try_into().expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(
            status,
            SdkBody::from(self.body.clone()),
        )))
    }
}

impl HttpClient for Service {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        bytes.push(match byte {
            b'%' => u8::try_from(
                digit()
                    .zip(digit())
                    .map_or(0, |(high, low)| high * 16 + low),
            )
            .expect("a byte"),
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("text")
}

/// The response of the documentation, with these values of Role.
fn offering(roles: &[String]) -> SamlResponse {
    use std::fmt::Write as _;
    let values = roles.iter().fold(String::new(), |mut values, role| {
        write!(values, "<AttributeValue>{role}</AttributeValue>").expect("written");
        values
    });
    changed(
        "<AttributeValue>arn:aws:iam::111122223333:role/Developer,arn:aws:iam::111122223333:saml-provider/corp</AttributeValue>",
        &values,
    )
}

fn changed(from: &str, to: &str) -> SamlResponse {
    let xml = aws_smithy_types::base64::decode(keyless_token::doc_saml_response()).expect("base64");
    let xml = String::from_utf8(xml).expect("text");
    assert!(xml.contains(from), "{from}");
    let raw = aws_smithy_types::base64::encode(xml.replace(from, to));
    SamlResponse::parse(&raw).expect("a response")
}

fn response() -> SamlResponse {
    SamlResponse::parse(&keyless_token::doc_saml_response()).expect("a response")
}

fn pair(role: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{role},{CORP}")
}

fn sts(service: &Service) -> Sts {
    Sts::new(service.clone()).region("eu-west-1")
}

#[tokio::test]
async fn what_is_sent_and_what_comes_of_it() {
    let service = Service::with_a_session();
    let exchange = AssumeRoleWithSaml::builder(sts(&service))
        .role(DEVELOPER)
        .duration(Duration::from_mins(30))
        .policy("{}")
        .policy_arns(["arn:aws:iam::aws:policy/ReadOnlyAccess"])
        .build()
        .expect("an exchange");
    let response = response();
    let session = exchange.exchange(&response).await.expect("a session");
    let heard = service.heard.lock().expect("no panic").clone();
    let [(method, parameters)] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!(method, "POST");
    let expected = [
        ("Action", "AssumeRoleWithSAML"),
        ("DurationSeconds", "1800"),
        ("Policy", "{}"),
        (
            "PolicyArns.member.1.arn",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
        ),
        ("PrincipalArn", CORP),
        ("RoleArn", DEVELOPER),
        ("SAMLAssertion", response.expose()),
        ("Version", "2011-06-15"),
    ];
    let expected: BTreeMap<String, String> = expected
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    assert_eq!(parameters, &expected);
    assert_eq!(session.role_arn(), DEVELOPER);
    assert_eq!(session.session_name(), "alice@example.com");
    assert_eq!(
        session.subject(),
        &Subject {
            issuer: "https://idp.example".into(),
            subject: "alice-1".into(),
            who: "alice@example.com".into(),
        }
    );
    assert!(!format!("{exchange:?} {session:?}").contains(response.expose()));
}

#[tokio::test]
async fn the_only_role_needs_no_name() {
    let service = Service::with_a_session();
    let exchange = AssumeRoleWithSaml::builder(sts(&service))
        .build()
        .expect("an exchange");
    let other = "arn:aws:iam::444455556666:role/Ops,arn:aws:iam::444455556666:saml-provider/other";
    exchange
        .exchange(&offering(&[other.to_owned()]))
        .await
        .expect("a session");
    let (_, sent) = service.heard.lock().expect("no panic")[0].clone();
    assert_eq!(sent["RoleArn"], "arn:aws:iam::444455556666:role/Ops");
    assert_eq!(
        sent["PrincipalArn"],
        "arn:aws:iam::444455556666:saml-provider/other"
    );
}

#[tokio::test]
async fn a_role_that_is_not_offered_is_not_asked_for() {
    let service = Service::with_a_session();
    let three_hundred: Vec<String> = (0..300)
        .map(|n| pair(&format!("Team{n}")))
        .chain([pair("Develop")])
        .collect();
    let wanted = |role: Option<&str>| {
        let builder = AssumeRoleWithSaml::builder(sts(&service));
        match role {
            Some(role) => builder.role(role),
            None => builder,
        }
        .build()
        .expect("an exchange")
    };
    for (roles, role, said, advised) in [
        (
            vec![pair("Admin")],
            Some(DEVELOPER),
            "arn:aws:iam::111122223333:role/Developer: the SAML response does not offer alice@example.com this role",
            "choose one that it offers: arn:aws:iam::111122223333:role/Admin",
        ),
        (
            three_hundred.clone(),
            Some(DEVELOPER),
            "does not offer",
            "choose one that it offers: arn:aws:iam::111122223333:role/Develop, arn:aws:iam::111122223333:role/Team",
        ),
        (
            three_hundred,
            None,
            "offers alice@example.com 301 roles, and none is chosen",
            "choose a role: arn:aws:iam::111122223333:role/Team0, ",
        ),
        (
            vec!["none".into()],
            Some(DEVELOPER),
            "offers alice@example.com no role",
            "have whoever runs the identity provider",
        ),
        (
            vec![],
            None,
            "no role",
            "have whoever runs the identity provider",
        ),
        (
            vec!["arn:aws:iam::1:role/x,arn:aws:iam::1:saml-provider/y".into()],
            None,
            "is not the ARN of a role",
            "write it as",
        ),
        (
            vec![
                "arn:aws-cn:iam::111122223333:role/x,arn:aws-cn:iam::111122223333:saml-provider/y"
                    .into(),
            ],
            None,
            "the region eu-west-1 is in the partition aws",
            "use a region of aws-cn",
        ),
    ] {
        let error = wanted(role)
            .exchange(&offering(&roles))
            .await
            .expect_err(said);
        let advice = error.advice().unwrap_or_default();
        assert!(error.to_string().contains(said), "{error}");
        assert!(advice.starts_with(advised), "{advice}");
        assert!(advice.chars().count() <= 300, "{advice}");
        assert_eq!(roles.len() > 10, advice.ends_with(" more"), "{advice}");
    }
    assert_eq!(service.calls(), 0);
}

#[tokio::test]
async fn what_aws_would_refuse_is_not_sent() {
    let service = Service::with_a_session();
    for (from, to, said) in [
        (
            "https://signin.aws.amazon.com/saml",
            "http://127.0.0.1:1/saml",
            "is for the recipient",
        ),
        (
            "urn:amazon:webservices",
            "https://sp.example",
            "is for the audience",
        ),
        ("/RoleSessionName\"", "/Name\"", "lacks the attribute"),
    ] {
        let response = changed(from, to);
        let aws = AssumeRoleWithSaml::builder(sts(&service))
            .build()
            .expect("an exchange");
        let error = aws.exchange(&response).await.expect_err(said);
        assert_eq!(error.kind(), ExchangeErrorKind::TokenRejected);
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.advice().is_some());
    }
    assert_eq!(service.calls(), 0);
    // Something else that speaks the protocol may want something else.
    let other = AssumeRoleWithSaml::builder(sts(&service).endpoint_url("http://127.0.0.1:1"))
        .build()
        .expect("an exchange");
    let response = changed(
        "https://signin.aws.amazon.com/saml",
        "http://127.0.0.1:1/saml",
    );
    other.exchange(&response).await.expect("a session");
    for (builder, said) in [
        (
            AssumeRoleWithSaml::builder(sts(&service)).role("Developer"),
            "is not the ARN of a role",
        ),
        (
            AssumeRoleWithSaml::builder(sts(&service)).duration(Duration::from_mins(1)),
            "900 to 43200",
        ),
        (
            AssumeRoleWithSaml::builder(sts(&service)).policy("["),
            "not JSON",
        ),
        (
            AssumeRoleWithSaml::builder(sts(&service)).role("arn:aws-cn:iam::111122223333:role/x"),
            "partition",
        ),
    ] {
        let error = builder.build().expect_err(said);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_of_aws_says_what_to_do() {
    for (row, kind, said) in [
        (
            &answer::SAML_NOT_AUTHORIZED,
            ExchangeErrorKind::AccessDenied,
            "trust policy",
        ),
        (
            &answer::SAML_TOO_OLD,
            ExchangeErrorKind::TokenRejected,
            "sign in again",
        ),
        (
            &answer::TOKEN_EXPIRED,
            ExchangeErrorKind::TokenRejected,
            "sign in again and use the response at once",
        ),
        (
            &answer::SAML_SIGNATURE,
            ExchangeErrorKind::TokenRejected,
            "update-saml-provider",
        ),
        (
            &answer::SAML_NO_PROVIDER,
            ExchangeErrorKind::TokenRejected,
            "list-saml-providers",
        ),
        (
            &answer::SAML_ISSUER,
            ExchangeErrorKind::TokenRejected,
            "entityID",
        ),
        (
            &answer::IDP_REJECTED_CLAIM,
            ExchangeErrorKind::TokenRejected,
            "nobody signed in",
        ),
        (
            &answer::INVALID_TOKEN,
            ExchangeErrorKind::TokenRejected,
            "Configure SAML assertions",
        ),
    ] {
        let service = Service::that_refuses(
            row,
            &[
                ("message", "words of a later year"),
                ("request", "1"),
                ("now", "1"),
                ("expires", "1"),
            ],
        );
        let exchange = AssumeRoleWithSaml::builder(sts(&service))
            .role(DEVELOPER)
            .build()
            .expect("an exchange");
        let error = exchange.exchange(&response()).await.expect_err(row.id);
        assert_eq!((error.kind(), error.answer()), (kind, Some(row)), "{error}");
        assert!(
            error.advice().is_some_and(|advice| advice.contains(said)),
            "{error:?}"
        );
        assert_eq!(service.calls(), 1, "{}: a denial is final", row.id);
    }
}

#[test]
fn sessions_of_different_requests_are_kept_apart() {
    let service = Service::with_a_session();
    let key = |builder: AssumeRoleWithSamlBuilder| {
        let exchange = builder.build().expect("an exchange");
        exchange.distinguish(Key::of("session")).finish()
    };
    let of = || AssumeRoleWithSaml::builder(sts(&service));
    let keys = [
        key(of()),
        key(of().role(DEVELOPER)),
        key(of().role("arn:aws:iam::111122223333:role/Admin")),
        key(of().role(DEVELOPER).duration(Duration::from_mins(30))),
        key(of().role(DEVELOPER).policy("{}")),
        key(of()
            .role(DEVELOPER)
            .policy_arns(["arn:aws:iam::aws:policy/ReadOnlyAccess"])),
    ];
    for (index, key) in keys.iter().enumerate() {
        assert!(!keys[..index].contains(key), "{index}");
    }
}
