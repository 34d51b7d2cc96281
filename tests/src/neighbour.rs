//! A sign-in that waits for its person, and what a neighbour on the same machine can say to it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use http::Request;
use keyless::login::LoginBuilder;
use keyless::{Http, HttpClient, IdToken, TokenError};
use keyless_token::Limits;
use tokio::task::JoinHandle;
use url::Url;

use crate::person::{Deed, Person, browse};
use crate::scene::Scene;

/// A sign-in that waits for its person.
#[derive(Debug)]
pub struct Waiting {
    /// Who was asked.
    pub person: Person,
    /// What will come of it.
    pub sign_in: JoinHandle<Result<IdToken, TokenError>>,
}

impl Waiting {
    /// One at the sandbox, as soon as the person has been asked.
    pub async fn begin(scene: &Scene) -> Self {
        Self::with(scene, |login| login).await
    }

    /// The same, with other settings.
    ///
    /// # Panics
    ///
    /// If the sign-in ends before anybody is asked.
    pub async fn with(scene: &Scene, change: impl FnOnce(LoginBuilder) -> LoginBuilder) -> Self {
        let person = Person::who(Deed::StayAway);
        let login = change(scene.login_builder(&person))
            .build()
            .expect("a login");
        let sign_in = tokio::spawn(async move { login.sign_in().await });
        while person.told().links.is_empty() {
            assert!(!sign_in.is_finished(), "{:?}", sign_in.await);
            tokio::task::yield_now().await;
        }
        Self { person, sign_in }
    }

    /// The one-time link.
    pub fn link(&self) -> String {
        self.person.told().links[0].clone()
    }

    /// A parameter of the authorization request.
    ///
    /// # Panics
    ///
    /// If it has none of the name.
    pub fn asked(&self, name: &str) -> String {
        let url = Url::parse(&self.person.told().urls[0]).expect("an address");
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.expect("a parameter").1.into_owned()
    }

    /// `127.0.0.1:41234`, as it stands in the redirect address.
    ///
    /// # Panics
    ///
    /// If the redirect address is no address.
    pub fn authority(&self) -> String {
        let redirect = Url::parse(&self.asked("redirect_uri")).expect("an address");
        redirect.authority().to_owned()
    }

    /// Where the listener is; of `localhost` the IPv4 half.
    ///
    /// # Panics
    ///
    /// If the redirect address is no address.
    pub fn address(&self) -> SocketAddr {
        self.authority()
            .replace("localhost", "127.0.0.1")
            .parse()
            .expect("an address")
    }

    /// The person does what they were asked to do, and is signed in.
    pub async fn completes(self, after: &str) {
        let link = self.link();
        self.completes_from(&link, after).await;
    }

    /// The same, where the browser is at `page` by now.
    ///
    /// # Panics
    ///
    /// If they are not, or the port is open afterwards.
    pub async fn completes_from(self, page: &str, after: &str) {
        assert!(!self.sign_in.is_finished(), "{after} ended the sign-in");
        let page = browse(page, &Deed::SignInAs("alice".into())).await;
        assert!(
            page.contains("Signed in as alice@example.com"),
            "{after}: {page}"
        );
        let address = self.address();
        let token = self.sign_in.await.expect("no panic").expect(after);
        assert_eq!(token.email(), Some("alice@example.com"), "{after}");
        assert!(
            TcpStream::connect(address).is_err(),
            "after {after} the port is still open"
        );
    }
}

/// Says `bytes` to `address` and gives whatever comes back.
///
/// # Panics
///
/// If nobody listens there.
pub async fn say(address: SocketAddr, bytes: Vec<u8>) -> String {
    let talk = move || {
        let mut stream = TcpStream::connect(address).expect("connected");
        let _ = stream.write_all(&bytes); // what is refused early is not read to its end
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        String::from_utf8_lossy(&heard).into_owned()
    };
    tokio::task::spawn_blocking(talk).await.expect("no panic")
}

/// The status of `answer`, or `nothing`.
pub fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

/// Whether `answer` has the headers that every page carries, and none that another origin could make use of.
pub fn is_protected(answer: &str) -> bool {
    [
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "connection: close",
    ]
    .iter()
    .all(|header| answer.contains(header))
        && !answer.to_ascii_lowercase().contains("access-control-")
        && !answer.contains("set-cookie")
}

/// The code and state that the identity provider sends back when `login` signs in at `url`; the browser is stopped there.
///
/// # Panics
///
/// If the sandbox answers otherwise than it does.
pub async fn code_for(url: &str, login: &str) -> Url {
    let http = Http::default();
    let answer = http
        .send(
            Request::get(url).body(Vec::new()).expect("a request"),
            Limits::default(),
        )
        .await
        .expect("a page");
    let page = String::from_utf8(answer.into_body()).expect("text");
    let question = page
        .split("name=\"request\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a form");
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("request", question)
        .append_pair("person", login)
        .finish();
    let action = Url::parse(url)
        .and_then(|url| url.join("/sign-in"))
        .expect("an address");
    let answer = http
        .send(
            Request::post(action.as_str())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.into_bytes())
                .expect("a request"),
            Limits::default(),
        )
        .await
        .expect("an answer");
    let location = answer.headers()["location"].to_str().expect("text");
    Url::parse(location).expect("an address")
}

/// A browser's request for `url`.
pub fn get(url: &Url) -> Vec<u8> {
    let target = &url[url::Position::BeforePath..];
    format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", url.authority()).into_bytes()
}

/// The value of a header of `answer`, or nothing.
pub fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut lines = answer.lines().take_while(|line| !line.is_empty());
    lines
        .find_map(|line| line.strip_prefix(&prefix))
        .unwrap_or_default()
}
