//! Nothing secret is ever traced, at whatever level: a whole sign-in, exchange, chain and renewal, with everything listened to.
#![allow(
    clippy::too_many_lines,
    reason = "one table, and what each of its rows must show"
)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyless::{BoxFuture, Http, HttpClient, Interaction, Login, Source};
use keyless_tests::person::Person;
use keyless_tests::scene::Scene;
use keyless_tests::trace::Trace;
use keyless_token::{HttpError, Limits};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

/// What went to the identity provider and came back: the secrets to look for.
#[derive(Clone, Debug, Default)]
struct Wire {
    http: Http,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    fn note(&self, body: &[u8]) {
        self.bodies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(String::from_utf8_lossy(body).into_owned());
    }
}

impl HttpClient for Wire {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, HttpError>> {
        Box::pin(async move {
            self.note(request.body());
            let answer = self.http.send(request, limits).await?;
            self.note(answer.body());
            Ok(answer)
        })
    }
}

#[tokio::test]
async fn no_secret_is_traced_at_any_level() {
    let trace = Trace::default();
    let writer = trace.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber)
        .expect("the only subscriber of this process");

    // The other side is not ours to keep quiet: sandbox and person trace nothing here.
    let scene = Scene::new().with_subscriber(NoSubscriber::default()).await;
    let person = Person::called("alice");
    let wire = Wire::default();
    let login = Login::builder(
        scene.sandbox.issuer(),
        scene.sandbox.client_id(),
        wire.clone(),
    )
    .prompt(person.clone())
    .store(scene.store())
    .clock(scene.clock())
    .scopes(["openid", "email", "offline_access"])
    .build()
    .expect("a login");
    let first = scene
        .provider("Developer", login.clone())
        .session()
        .await
        .expect("a session");
    let chained = scene
        .provider_builder("Developer", login.clone())
        .via(scene.sandbox.role_arn("Deploy"));
    let second = chained
        .build()
        .expect("a provider")
        .session()
        .await
        .expect("a session");
    scene
        .provider("Admin", login.clone())
        .session()
        .await
        .expect_err("denied");
    let token = login.proof(Interaction::Forbidden).await.expect("a token");

    scene.pass(Duration::from_hours(1));
    let renewed = login
        .proof(Interaction::Forbidden)
        .await
        .expect("a token without anybody");

    let mut secrets = vec![
        ("the ID token", token.expose().to_owned()),
        ("the renewed ID token", renewed.expose().to_owned()),
    ];
    for session in [&first, &second] {
        secrets.push((
            "a secret key",
            session.credentials().secret_access_key().to_owned(),
        ));
        secrets.push((
            "a session token",
            session
                .credentials()
                .session_token()
                .expect("there")
                .to_owned(),
        ));
    }
    let url = url::Url::parse(&person.told().urls[0]).expect("a URL");
    for (name, value) in url
        .query_pairs()
        .filter(|(name, _)| name == "state" || name == "nonce")
    {
        secrets.push((
            if name == "state" {
                "the state"
            } else {
                "the nonce"
            },
            value.into_owned(),
        ));
    }
    let bodies = wire
        .bodies
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let request = bodies
        .iter()
        .find(|body| body.contains("code_verifier"))
        .expect("the token request");
    for (name, value) in url::form_urlencoded::parse(request.as_bytes()) {
        match &*name {
            "code" => secrets.push(("the code", value.into_owned())),
            "code_verifier" => secrets.push(("the verifier", value.into_owned())),
            _ => {}
        }
    }
    for answer in bodies
        .iter()
        .filter(|body| body.contains("\"access_token\""))
    {
        let answer: serde_json::Value = serde_json::from_str(answer).expect("JSON");
        for (what, member) in [
            ("an access token", "access_token"),
            ("a refresh token", "refresh_token"),
        ] {
            secrets.push((what, answer[member].as_str().expect("a text").to_owned()));
        }
    }
    assert_eq!(
        secrets.len(),
        14,
        "something to look for is missing: {:?}",
        secrets.iter().map(|(what, _)| what).collect::<Vec<_>>()
    );

    let traced = trace.text();
    assert!(
        traced.contains("AWS gave a session") && traced.contains("TRACE"),
        "the trace is not at its highest level:\n{traced}"
    );
    // The SDK shows as much of a request as its wrapping happens to let through.
    assert!(
        !traced.contains("transmitting request"),
        "the SDK traces the exchange"
    );
    for (what, secret) in secrets {
        assert!(
            secret.len() >= 16 && !traced.contains(&secret),
            "{what} is in the trace"
        );
    }
}
