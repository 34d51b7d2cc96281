//! Nothing long-lived at rest: after each way of signing in, every file that is left is looked at.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::{Request, Response};
use keyless::login::{Flow, LoginBuilder, ResponseType};
use keyless::{Environment, FileStore, Http, HttpClient, Interaction, Login, Provider, Source};
use keyless_tests::browser::Browser;
use keyless_tests::home::write_store_key;
use keyless_tests::person::{Deed, Person};
use keyless_tests::{real, rest};
use keyless_token::{BoxFuture, HttpError, Limits};
use serde_json::Value;
use url::form_urlencoded;

/// A client that remembers every secret that passes: what it is called, and what it is.
#[derive(Clone, Debug, Default)]
struct Recorder {
    http: Http,
    secrets: Arc<Mutex<Vec<(String, String)>>>,
}

const SECRETS: &[&str] = &[
    "access_token",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "id_token",
    "nonce",
    "refresh_token",
    "state",
];

impl Recorder {
    fn note(&self, name: &str, secret: &str) {
        if SECRETS.contains(&name) && secret.len() >= 8 {
            let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            secrets.push((name.to_owned(), secret.to_owned()));
        }
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.clone()
    }
}

impl HttpClient for Recorder {
    fn send(
        &self,
        request: Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, HttpError>> {
        for (name, value) in form_urlencoded::parse(request.body()) {
            self.note(&name, &value);
        }
        Box::pin(async move {
            let answer = self.http.send(request, limits).await?;
            if let Ok(Value::Object(members)) = serde_json::from_slice(answer.body()) {
                for (name, value) in members {
                    self.note(&name, value.as_str().unwrap_or_default());
                }
            }
            Ok(answer)
        })
    }
}

/// A way to sign in, what it asks for, and whether a refresh token is to stay.
struct Way {
    what: &'static str,
    client: &'static str,
    ask: fn(LoginBuilder) -> LoginBuilder,
    stays: bool,
}

const WAYS: &[Way] = &[
    Way {
        what: "a browser",
        client: "keyless",
        ask: |login| login,
        stays: false,
    },
    Way {
        what: "a refresh token that nobody keeps",
        client: "keyless",
        ask: |login| login.authorize("prompt", "consent"),
        stays: false,
    },
    Way {
        what: "a stay",
        client: "keyless",
        ask: |login| {
            let scopes = ["openid", "email", "offline_access"];
            login
                .scopes(scopes)
                .authorize("prompt", "consent")
                .dpop(false)
        },
        stays: true,
    },
    Way {
        what: "a stay that is bound to a key",
        client: "keyless-dpop-nonce",
        ask: |login| {
            let scopes = ["openid", "email", "offline_access"];
            login.scopes(scopes).authorize("prompt", "consent")
        },
        stays: true,
    },
    Way {
        what: "another device",
        client: "keyless",
        ask: |login| login.flows([Flow::Device]),
        stays: false,
    },
    Way {
        what: "the implicit flow",
        client: "keyless-implicit",
        ask: |login| login.response_type(ResponseType::IdToken),
        stays: false,
    },
    Way {
        what: "an application with a secret",
        client: "keyless-basic",
        ask: |login| login,
        stays: false,
    },
    Way {
        what: "an application with a key",
        client: "keyless-jwt",
        ask: |login| login,
        stays: false,
    },
];

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn nothing_long_lived_is_left_behind() {
    let Some(parts) = real::parts() else { return };
    let (provider, moto) = (parts.oidc_provider(), parts.moto());
    for way in WAYS {
        let (home, elsewhere) = (folder(), folder());
        let key = elsewhere.path().join("store.key");
        write_store_key(&key);
        let environment = Environment::of([
            ("HOME", home.path().to_str().expect("text")),
            ("KEYLESS_STORE_KEY_FILE", key.to_str().expect("text")),
        ]);
        let store = FileStore::new(environment.store_directory().expect("a folder"));
        let (recorder, person) = (Recorder::default(), Person::who(Deed::StayAway));
        let mut login = Login::builder(provider.url(), way.client, recorder.clone())
            .prompt(person.clone())
            .store(store.clone())
            .refresh_tokens_in(environment.sealed_store().expect("a key"));
        match (way.client, provider.ready()["secrets"][way.client].as_str()) {
            ("keyless-jwt", Some(pem)) => login = login.private_key(secret(pem)),
            (_, Some(text)) => login = login.client_secret(secret(text)),
            (_, None) => {}
        }
        let login = (way.ask)(login).build().expect("a login");
        let credentials = Provider::builder("arn:aws:iam::111122223333:role/Developer")
            .source(login.clone())
            .endpoint_url(moto.url())
            .environment(environment)
            .store(store)
            .interactive()
            .build()
            .expect("a provider");

        let (session, ()) = tokio::join!(credentials.session(), visit(&person));
        let session = session.unwrap_or_else(|error| panic!("{}: {error}", way.what));
        let token = login.proof(Interaction::Forbidden).await.expect("kept");

        let mut secrets = recorder.secrets();
        secrets.extend(
            provider.ready()["secrets"][way.client]
                .as_str()
                .map(|secret| {
                    let body = secret.lines().nth(1).unwrap_or(secret);
                    ("the client's secret".to_owned(), body.to_owned())
                }),
        );
        let is_there = |name: &str| secrets.iter().any(|(what, _)| what == name);
        assert_eq!(is_there("refresh_token"), way.stays, "{}", way.what);
        let named: Vec<(&str, &str)> = secrets
            .iter()
            .map(|(what, secret)| (what.as_str(), secret.as_str()))
            .collect();
        // The nonce is a claim of the ID token, and is of no use after it.
        let left: Vec<_> = rest::found(home.path(), &named)
            .into_iter()
            .filter(|found| !["id_token", "nonce"].contains(&found.what.as_str()))
            .collect();
        assert_eq!(left, [], "{}", way.what);

        // What does rest in plain ends by itself, within the hour or so.
        let soon = SystemTime::now() + Duration::from_hours(2);
        assert!(token.expires_at() < soon, "{}: {token:?}", way.what);
        assert!(session.expires_at() < soon, "{}: {session:?}", way.what);
        let raw = [("the ID token", token.expose())];
        let places = rest::found(home.path(), &raw);
        assert_eq!(places.len(), 1, "{}: {places:?}", way.what);

        // And none of it after a logout.
        login.sign_out().await.expect("signed out");
        credentials.forget().await;
        let mut all = named.clone();
        all.extend(raw);
        assert_eq!(rest::found(home.path(), &all), [], "{}", way.what);
    }
}

/// Opens whatever is shown in a browser of its own, as Alice.
async fn visit(person: &Person) {
    let address = loop {
        let told = person.told();
        let code = told.codes.into_iter().next().and_then(|(_, link)| link);
        if let Some(address) = told.links.into_iter().next().or(code) {
            break address;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    Browser::default().sign_in(&address, "alice").await;
}

fn secret(text: &str) -> keyless::Secret {
    keyless::Secret::new(text.to_owned())
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}
