//! A client in a few lines, a clock that is set by hand, and a signer that nobody here wrote.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "tests may unwrap; the bytes of a request are few"
)]
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod key;
pub(crate) mod sign_in;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyless_sandbox::Sandbox;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;
use url::form_urlencoded::Serializer;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of the first XML element of this name.
    pub(crate) fn xml(&self, element: &str) -> &str {
        let (_, rest) = self
            .body
            .split_once(&format!("<{element}>"))
            .unwrap_or_else(|| panic!("no {element} in {self:?}"));
        rest.split_once("</").unwrap().0
    }

    /// Where it redirects to.
    pub(crate) fn location(&self) -> Url {
        assert_eq!(self.status, 303, "{self:?}");
        self.header("location").unwrap().parse().unwrap()
    }
}

/// One parameter of a redirect.
pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find_map(|(known, value)| (known == name).then(|| value.into_owned()))
}

pub(crate) fn form(parameters: &[(&str, &str)]) -> String {
    Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}

pub(crate) async fn get(url: &str) -> Answer {
    send("GET", url, &[], "").await
}

pub(crate) async fn post(url: &str, parameters: &[(&str, &str)]) -> Answer {
    send("POST", url, &[FORM], &form(parameters)).await
}

pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(crate) async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let url: Url = url.parse().unwrap();
    let authority = url.authority();
    let target = &url[url::Position::BeforePath..];
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let mut stream = TcpStream::connect(authority).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A clock that stands still until it is moved on.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock(Arc::new(AtomicU64::new(NOW)))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn source(&self) -> impl Fn() -> SystemTime + Send + Sync + 'static {
        let clock = self.clone();
        move || clock.now()
    }
}

/// 2027-01-15T08:00:00Z, when every clock begins.
pub(crate) const NOW: u64 = 1_800_000_000;

/// The claims of a token, its signature unread.
pub(crate) fn claims(token: &str) -> Value {
    serde_json::from_slice(
        &URL_SAFE_NO_PAD
            .decode(token.split('.').nth(1).unwrap())
            .unwrap(),
    )
    .unwrap()
}

/// The secrets of a session as STS has sent them.
pub(crate) fn credentials(answer: &Answer) -> Credentials {
    let part = |name| answer.xml(name).to_owned();
    Credentials::new(
        part("AccessKeyId"),
        part("SecretAccessKey"),
        Some(part("SessionToken")),
        None,
        "test",
    )
}

/// A call to STS, signed by Amazon's own signer at this time.
pub(crate) async fn signed(
    sandbox: &Sandbox,
    credentials: &Credentials,
    time: SystemTime,
    parameters: &[(&str, &str)],
) -> Answer {
    let (headers, body) = sign_call(sandbox, credentials, time, parameters);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    send("POST", sandbox.sts_endpoint(), &headers, &body).await
}

/// The headers and the body of such a call.
pub(crate) fn sign_call(
    sandbox: &Sandbox,
    credentials: &Credentials,
    time: SystemTime,
    parameters: &[(&str, &str)],
) -> (Vec<(String, String)>, String) {
    let body = form(&[parameters, &[("Version", "2011-06-15")]].concat());
    let host = sandbox.sts_endpoint().trim_start_matches("http://");
    let identity = credentials.clone().into();
    let settings = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("sts")
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = format!("{}/", sandbox.sts_endpoint());
    let signable = SignableRequest::new(
        "POST",
        &uri,
        [("host", host), FORM].into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )
    .unwrap();
    let (instructions, _) = sign(signable, &settings).unwrap().into_parts();
    let mut headers: Vec<_> = instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    headers.push((FORM.0.to_owned(), FORM.1.to_owned()));
    (headers, body)
}

pub(crate) async fn sandbox(clock: &Clock) -> Sandbox {
    Sandbox::builder()
        .clock(clock.source())
        .start()
        .await
        .unwrap()
}

/// AssumeRoleWithWebIdentity with this token, parameters added or replaced; one with an empty value is left out.
pub(crate) async fn assume(sandbox: &Sandbox, token: &str, changes: &[(&str, &str)]) -> Answer {
    let role = sandbox.role_arn("Developer");
    let good = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", &role),
        ("RoleSessionName", "alice@example.com"),
        ("WebIdentityToken", token),
    ];
    let kept = good
        .iter()
        .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let parameters: Vec<_> = kept
        .chain(changes)
        .copied()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    post(sandbox.sts_endpoint(), &parameters).await
}

/// The refusal, as status, code and message.
pub(crate) fn refusal(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.xml("Code"), answer.xml("Message"))
}

pub(crate) async fn developer(sandbox: &Sandbox) -> Credentials {
    credentials(&assume(sandbox, &sandbox.id_token_for("alice").unwrap(), &[]).await)
}

pub(crate) const DENIED: (u16, &str, &str) = (
    403,
    "AccessDenied",
    "Not authorized to perform sts:AssumeRoleWithWebIdentity",
);

pub(crate) const NOT_VALIDATED: (u16, &str, &str) = (
    400,
    "InvalidIdentityToken",
    "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.",
);

pub(crate) const NO_KEY: (u16, &str, &str) = (
    400,
    "InvalidIdentityToken",
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
);
