//! The pages of the real identity providers in a real browser, with no code of ours: what their scripts and forms send to this machine.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use keyless_tests::real;
use keyless_tests::renewal::post;
use keyless_tests::webdriver::Chromium;
use url::Url;
use url::form_urlencoded::Serializer;

/// Where a browser ends: each request that comes there for more than an icon.
struct End {
    port: u16,
    requests: Receiver<String>,
}

impl End {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (tell, requests) = channel();
        std::thread::spawn(move || {
            // Each by itself: a browser opens connections that it says nothing on.
            for stream in listener.incoming() {
                let (mut stream, tell) = (stream.expect("somebody"), tell.clone());
                std::thread::spawn(move || {
                    let request = request(&mut stream);
                    if !request.is_empty() && !request.starts_with("GET /favicon.ico") {
                        let _ = tell.send(request);
                    }
                    let page = "<!DOCTYPE html><h1>The end</h1>";
                    let head = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        page.len()
                    );
                    let _ = stream.write_all((head + page).as_bytes());
                });
            }
        });
        Self { port, requests }
    }

    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn next(&self) -> String {
        self.requests
            .recv_timeout(Duration::from_mins(1))
            .expect("a request")
    }
}

/// A request as text, with its body.
fn request(stream: &mut impl Read) -> String {
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    loop {
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse().ok())?
            });
            body.len() >= length.unwrap_or(0)
        });
        let read = if whole {
            0
        } else {
            stream.read(&mut piece).unwrap_or(0)
        };
        if read == 0 {
            return text;
        }
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
}

fn address(page: &str, query: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{page}?{query}")
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn an_id_token_comes_behind_the_hash_or_in_a_form_and_one_can_sign_out() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    let (end, browser) = (End::new(), Chromium::start().await);
    let mut hint = String::new();
    for mode in ["fragment", "form_post"] {
        let request = [
            ("client_id", "keyless-implicit"),
            ("response_type", "id_token"),
            ("response_mode", mode),
            ("redirect_uri", &end.at("/callback")),
            ("scope", "openid"),
            ("prompt", "login consent"),
            ("nonce", "n"),
            ("state", "s"),
        ];
        browser
            .open(&address(&format!("{}/auth", provider.url()), &request))
            .await;
        browser.sign_in("alice").await;
        browser.see("The end").await;
        let came = end.next();
        let shown = Url::parse(&browser.address().await).expect("an address");
        let hash = browser.run("return location.hash").await;
        if mode == "fragment" {
            assert!(
                came.starts_with("GET /callback HTTP/1.1") && !came.contains("id_token"),
                "{came}"
            );
            assert!(
                hash.as_str()
                    .is_some_and(|hash| hash.contains("id_token=ey")),
                "{hash}"
            );
        } else {
            assert!(came.starts_with("POST /callback HTTP/1.1"), "{came}");
            assert_eq!(shown.as_str(), end.at("/callback"));
            let origin = format!("origin: {}\r\n", provider.url());
            assert!(came.to_ascii_lowercase().contains(&origin), "{came}");
            hint = came
                .split("id_token=")
                .nth(1)
                .and_then(|rest| rest.split('&').next())
                .expect("a token")
                .to_owned();
        }
    }
    let logout = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", &end.at("/signed-out")),
        ("state", "bye"),
    ];
    browser
        .open(&address(
            &format!("{}/session/end", provider.url()),
            &logout,
        ))
        .await;
    browser.sign_out().await;
    browser.see("The end").await;
    assert!(end.next().starts_with("GET /signed-out?state=bye "));
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_device_is_let_in() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    let fields = [("client_id", "keyless"), ("scope", "openid")];
    let (_, device) = post(&format!("{}/device/auth", provider.url()), &fields).await;
    let browser = Chromium::start().await;
    browser
        .open(
            device["verification_uri_complete"]
                .as_str()
                .expect("a link"),
        )
        .await;
    browser.let_device_in("alice").await;
    browser.see("Sign-in Success").await;
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_saml_response_comes_in_a_form() {
    let Some(parts) = real::parts() else { return };
    let end = End::new();
    let identity_provider = parts.saml_idp(&[("SAML_ACS", &end.at("/saml"))]);
    let browser = Chromium::start().await;
    browser
        .open(&address(identity_provider.url(), &[("RelayState", "ours")]))
        .await;
    browser.sign_in_by_saml("alice").await;
    browser.see("The end").await;
    let came = end.next();
    assert!(came.starts_with("POST /saml HTTP/1.1"), "{came}");
    assert!(
        came.contains("SAMLResponse=") && came.ends_with("RelayState=ours"),
        "{came}"
    );
}
