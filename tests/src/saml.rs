//! Sign-ins by SAML at the sandbox, and one that waits for its person.

use std::net::SocketAddr;

use keyless::{Provider, ProviderBuilder, SamlLogin, SamlResponse, Source, TokenError, source_fn};
use keyless_sandbox::{Assertion, Sandbox};
use keyless_token::saml::SamlLoginBuilder;
use tokio::task::JoinHandle;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::browser::Browser;
use crate::neighbour::say;
use crate::person::{Deed, Person};
use crate::scene::Scene;

impl Scene {
    /// A sandbox where whoever signs in is Alice, and nobody is shown a page.
    pub async fn of_alice() -> Self {
        Self::of(Sandbox::builder().sign_in_as("alice")).await
    }

    /// A sign-in by SAML at the sandbox, for `person`, kept in the store; still to be changed.
    pub fn saml_login(&self, person: &Person) -> SamlLoginBuilder {
        SamlLogin::builder(self.sandbox.saml_sso_url())
            .prompt(person.clone())
            .store(self.store())
            .clock(self.clock())
    }

    /// A provider of the sandbox's role `name` for SAML responses; still to be changed.
    pub fn saml_provider(&self, name: &str, source: impl Source<SamlResponse>) -> ProviderBuilder {
        Provider::builder(self.sandbox.role_arn(name))
            .saml(source)
            .endpoint_url(self.sandbox.sts_endpoint())
            .environment(keyless::Environment::of::<String, String>([]))
            .store(self.store())
            .clock(self.clock())
            .interactive()
    }

    /// A response of the sandbox.
    ///
    /// # Panics
    ///
    /// If it is about nobody.
    pub fn response(&self, assertion: &Assertion) -> String {
        self.sandbox.saml_response(assertion).expect("somebody")
    }

    /// A source of one response of the sandbox.
    pub fn minted(&self, assertion: &Assertion) -> impl Source<SamlResponse> + use<> {
        let response = self.response(assertion);
        source_fn(move |_| {
            let response = response.clone();
            async move { SamlResponse::parse(&response) }
        })
    }
}

/// A sign-in by SAML that waits for its person, and what its request says.
#[derive(Debug)]
pub struct Asked {
    /// Who was asked.
    pub person: Person,
    /// What will come of it.
    pub sign_in: JoinHandle<Result<SamlResponse, TokenError>>,
    /// The ID of the request, which `InResponseTo` must be.
    pub id: String,
    /// What was sent along with it.
    pub relay_state: String,
    /// The response that the person's own browser would post.
    pub response: String,
    consumer: Url,
}

impl Asked {
    /// One at the sandbox, where whoever signs in is somebody already.
    ///
    /// # Panics
    ///
    /// If the sign-in ends before anybody is asked.
    pub async fn at(scene: &Scene, change: fn(SamlLoginBuilder) -> SamlLoginBuilder) -> Self {
        let person = Person::who(Deed::StayAway);
        let login = change(scene.saml_login(&person)).build().expect("a login");
        let sign_in = tokio::spawn(async move { login.sign_in().await });
        while person.told().urls.is_empty() {
            assert!(!sign_in.is_finished(), "{:?}", sign_in.await);
            tokio::task::yield_now().await;
        }
        let url = person.told().urls[0].clone();
        let mut browser = Browser::default();
        let arrival = browser.sign_in_until(&url, "alice", "/saml").await;
        let response = arrival.parameter("SAMLResponse").expect("a response");
        let read = SamlResponse::parse(&response).expect("a good one");
        Self {
            id: read.in_response_to().expect("an answer").to_owned(),
            relay_state: arrival.parameter("RelayState").expect("it comes back"),
            consumer: arrival.address,
            response,
            person,
            sign_in,
        }
    }

    /// Where the response is posted to.
    pub fn consumer(&self) -> &str {
        self.consumer.as_str()
    }

    /// Where the listener is.
    ///
    /// # Panics
    ///
    /// If that is nowhere.
    pub fn address(&self) -> SocketAddr {
        self.consumer.authority().parse().expect("an address")
    }

    /// The person's own form, as it is posted.
    pub fn form(&self) -> String {
        form(&[
            ("SAMLResponse", &self.response),
            ("RelayState", &self.relay_state),
        ])
    }

    /// Says this to the listener: the method, the headers (each with its line's end) and the body.
    pub async fn post(&self, headers: &str, body: &str) -> String {
        self.send("POST", self.consumer.path(), headers, body).await
    }

    /// The same, by another method or to another path.
    pub async fn send(&self, method: &str, target: &str, headers: &str, body: &str) -> String {
        let authority = self.consumer.authority();
        let length = body.len();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {authority}\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        say(self.address(), [head.as_bytes(), body.as_bytes()].concat()).await
    }

    /// The person does what they were asked to do, and is signed in.
    ///
    /// # Panics
    ///
    /// If they are not.
    pub async fn completes(self, after: &str) {
        assert!(!self.sign_in.is_finished(), "{after} ended the sign-in");
        let link = self.person.told().links[0].clone();
        let page = Browser::default().sign_in(&link, "alice").await;
        assert!(
            page.contains("Signed in as alice@example.com"),
            "{after}: {page}"
        );
        let response = self.sign_in.await.expect("no panic").expect(after);
        assert_eq!(response.who(), "alice@example.com", "{after}");
    }
}

/// What a browser posts with the right header.
pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// Fields as a browser writes them.
pub fn form(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}
