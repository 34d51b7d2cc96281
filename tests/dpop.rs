//! Refresh tokens that are good only with a key (DPoP, RFC 9449), at the sandbox and at the certified identity provider; and there too clients that
//! are not public, and pushed requests.
#![allow(clippy::too_many_lines, reason = "a table")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
use keyless::login::LoginBuilder;
use keyless::{FileStore, Interaction, Login, MemoryStore, Secret, Source, Store, TokenErrorKind};
use keyless_cache::{KeySource, SealedStore};
use keyless_sandbox::{Client, Sandbox};
use keyless_tests::browser::Alice;
use keyless_tests::person::Person;
use keyless_tests::real;
use keyless_tests::renewal::{files_with, kept_in, spend};
use keyless_tests::scene::Scene;
use keyless_tests::wiretap::{Sent, Wiretap, answer, json};
use serde_json::{Value, json as value};
use url::Url;

const HOUR: Duration = Duration::from_hours(1);

/// A lasting sign-in, with its refresh token in `vault`.
fn lasting(scene: &Scene, person: &Person, vault: impl Store, http: &Wiretap) -> LoginBuilder {
    Login::builder(
        scene.sandbox.issuer(),
        scene.sandbox.client_id(),
        http.clone(),
    )
    .prompt(person.clone())
    .store(scene.store())
    .clock(scene.clock())
    .scopes(["openid", "email", "offline_access"])
    .refresh_tokens_in(vault)
}

async fn signed_in(login: LoginBuilder) -> Login {
    let login = login.build().expect("a login");
    login.sign_in().await.expect("somebody signs in");
    login
}

/// The claims of the proof that a request carried, and the key that made it.
fn proof(sent: &Sent) -> (Value, Value) {
    let part = |index: usize| -> Value {
        let part = sent.header("dpop").split('.').nth(index).expect("a token");
        serde_json::from_slice(&URL.decode(part).expect("base64")).expect("JSON")
    };
    (part(1), part(0)["jwk"].clone())
}

/// The key that rests beside the refresh token in `store`, where no other entries are.
fn key_in(store: &dyn Store) -> Option<String> {
    let key = store.list().expect("a list").first()?.key;
    let text = store.load(&key).expect("readable")?;
    let entry: Value = serde_json::from_str(text.expose()).expect("JSON");
    entry["value"]["binding_key"].as_str().map(str::to_owned)
}

type Change = fn(LoginBuilder) -> LoginBuilder;

#[tokio::test]
async fn a_refresh_token_that_is_copied_is_good_to_nobody() {
    for (name, sandbox, posts) in [
        ("without a nonce", Sandbox::builder().dpop(), [1, 2, 3]),
        ("with a nonce", Sandbox::builder().dpop_nonce(), [2, 3, 5]),
    ] {
        let scene = Scene::of(sandbox).await;
        let (person, vault, http) = (
            Person::called("alice"),
            MemoryStore::new(),
            Wiretap::default(),
        );
        let here = signed_in(lasting(&scene, &person, vault.clone(), &http)).await;
        let shown = Url::parse(&person.told().urls[0]).expect("an address");
        assert!(
            shown
                .query_pairs()
                .any(|(parameter, _)| parameter == "dpop_jkt"),
            "{name}"
        );
        assert_eq!(
            http.posted("/token").len(),
            posts[0],
            "{name}: the code is redeemed"
        );

        // Whoever has read it can do nothing with it, and it is not spent by that.
        let copied = kept_in(&vault).expect("kept");
        let endpoint = format!("{}/token", scene.sandbox.issuer());
        let (status, said) = spend(&endpoint, scene.sandbox.client_id(), &copied).await;
        assert!(status.is_client_error(), "{name}: {said}");

        scene.pass(2 * HOUR);
        here.proof(Interaction::Forbidden)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        // A nonce of two hours ago is stale at the sandbox, and the next one comes with the refusal.
        let count = http.posted("/token").len();
        assert!(
            (posts[1]..=posts[1] + 1).contains(&count),
            "{name}: renewed, {count}"
        );
        assert_ne!(
            kept_in(&vault),
            Some(copied),
            "{name}: it rotates all the same"
        );

        // Another process finds the key where the token is.
        scene.pass(2 * HOUR);
        let later = lasting(&scene, &person, vault.clone(), &http)
            .build()
            .expect("a login");
        later
            .proof(Interaction::Forbidden)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));

        let proofs: Vec<_> = http.posted("/token").iter().map(proof).collect();
        let mut ids: Vec<String> = proofs
            .iter()
            .map(|(claims, _)| claims["jti"].to_string())
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), proofs.len(), "{name}: each proof is made once");
        for (claims, key) in &proofs {
            assert_eq!(
                (&claims["htm"], &claims["htu"]),
                (&"POST".into(), &endpoint.as_str().into())
            );
            assert_eq!(key, &proofs[0].1, "{name}: one key for one sign-in");
        }
        assert_eq!(person.told().links.len(), 1, "{name}: asked once");
        assert!(later.sign_out().await.expect("revoked"), "{name}");

        // The next sign-in has a key of its own.
        later.sign_in().await.expect("signed in");
        let (_, key) = proof(http.posted("/token").last().expect("redeemed"));
        assert_ne!(key, proofs[0].1, "{name}");
    }
}

#[tokio::test]
async fn the_key_rests_sealed_beside_the_token_and_nowhere_else() {
    let scene = Scene::of(Sandbox::builder().dpop()).await;
    let key_file = scene.folder().join("key");
    let written = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    std::fs::write(&key_file, written).expect("written");
    #[cfg(unix)]
    std::fs::set_permissions(
        &key_file,
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .expect("set");
    let files = FileStore::new(scene.folder().join("sealed"));
    let sealed = SealedStore::new(files, KeySource::from_file(key_file));
    let (person, http) = (Person::called("alice"), Wiretap::default());
    let login = signed_in(lasting(&scene, &person, sealed.clone(), &http)).await;
    let key = key_in(&sealed).expect("a key beside the token");
    let der = URL.decode(&key).expect("base64");
    assert!(der.len() > 100, "PKCS#8");
    for text in [
        key.as_str(),
        "binding_key",
        &kept_in(&sealed).expect("kept"),
    ] {
        assert_eq!(files_with(scene.folder(), text), [] as [String; 0]);
    }
    let told = format!("{:?}{login:?}", person.told());
    assert!(!told.contains(&key));
    login.sign_out().await.expect("revoked");
    assert_eq!(key_in(&sealed), None, "it goes with the token");
}

#[tokio::test]
async fn there_is_a_key_only_where_it_is_of_use() {
    let confidential = Client::new("keyless").secret("a-secret");
    let rows: [(&str, keyless_sandbox::Builder, Change, bool); 5] = [
        ("offered", Sandbox::builder().dpop(), |login| login, true),
        ("not offered", Sandbox::builder(), |login| login, false),
        (
            "switched off",
            Sandbox::builder().dpop(),
            |login| login.dpop(false),
            false,
        ),
        (
            "no refresh token",
            Sandbox::builder().dpop(),
            |login| login.scopes(["openid"]),
            false,
        ),
        (
            "a client with a secret",
            Sandbox::builder().dpop().client(confidential),
            |login| login.client_secret(Secret::new("a-secret")),
            false,
        ),
    ];
    for (row, sandbox, change, is_bound) in rows {
        let scene = Scene::of(sandbox).await;
        let (person, vault, http) = (
            Person::called("alice"),
            MemoryStore::new(),
            Wiretap::default(),
        );
        let login = signed_in(change(lasting(&scene, &person, vault.clone(), &http))).await;
        assert_eq!(key_in(&vault).is_some(), is_bound, "{row}");
        scene.pass(2 * HOUR);
        let renewed = login.proof(Interaction::Forbidden).await;
        assert_eq!(renewed.is_ok(), row != "no refresh token", "{row}");
        for sent in http.posted("/token") {
            assert_eq!(!sent.header("dpop").is_empty(), is_bound, "{row}");
        }
        let shown = &person.told().urls[0];
        assert_eq!(shown.contains("dpop_jkt"), is_bound, "{row}");
    }
}

#[tokio::test]
async fn what_is_kept_stays_as_it_was_bound_or_not() {
    // Kept by an older keyless, or with DPoP switched off: no key beside it, and none is wanted.
    let scene = Scene::of(Sandbox::builder().dpop()).await;
    let (person, vault, http) = (
        Person::called("alice"),
        MemoryStore::new(),
        Wiretap::default(),
    );
    signed_in(lasting(&scene, &person, vault.clone(), &http).dpop(false)).await;
    scene.pass(2 * HOUR);
    let later = lasting(&scene, &person, vault.clone(), &http)
        .build()
        .expect("a login");
    later
        .proof(Interaction::Forbidden)
        .await
        .expect("renewed without a key");
    assert_eq!(key_in(&vault), None);

    // Kept with a key, and switched off since: it is bound all the same.
    later.sign_in().await.expect("signed in");
    assert!(key_in(&vault).is_some());
    scene.pass(2 * HOUR);
    let off = lasting(&scene, &person, vault.clone(), &http)
        .dpop(false)
        .build()
        .expect("a login");
    off.proof(Interaction::Forbidden)
        .await
        .expect("renewed with its key");
    assert!(key_in(&vault).is_some());
}

#[tokio::test]
async fn a_pushed_request_proves_the_key_and_brings_the_nonce() {
    let sandbox = Sandbox::builder()
        .dpop_nonce()
        .require_pushed_authorization_requests();
    let scene = Scene::of(sandbox).await;
    let (person, vault, http) = (
        Person::called("alice"),
        MemoryStore::new(),
        Wiretap::default(),
    );
    signed_in(lasting(&scene, &person, vault.clone(), &http)).await;
    let pushed = http.posted("/par");
    assert!(pushed.iter().all(|sent| !sent.header("dpop").is_empty()));
    assert_eq!(
        proof(&pushed[0]).0["htu"],
        format!("{}/par", scene.sandbox.issuer())
    );
    assert_eq!(
        http.posted("/token").len(),
        1,
        "the nonce was known by then"
    );
}

#[tokio::test]
async fn an_identity_provider_that_announces_it_and_does_not_take_it() {
    let refusing = |error: &'static str| {
        move |sent: &Sent| (sent.path == "/token").then(|| json(400, &value!({"error": error})))
    };
    let nonce = |value: &'static str| {
        move |sent: &Sent| {
            (sent.path == "/token").then(|| {
                let body = r#"{"error":"use_dpop_nonce"}"#;
                answer(
                    400,
                    &[("content-type", "application/json"), ("dpop-nonce", value)],
                    body,
                )
            })
        }
    };
    for (row, http, asked) in [
        (
            "invalid_dpop_proof",
            Wiretap::answering(refusing("invalid_dpop_proof")),
            1,
        ),
        (
            "invalid_request",
            Wiretap::answering(refusing("invalid_request")),
            1,
        ),
        (
            "no nonce",
            Wiretap::answering(refusing("use_dpop_nonce")),
            1,
        ),
        ("a nonce, and again", Wiretap::answering(nonce("n-1")), 2),
        ("a nonce that is none", Wiretap::answering(nonce("a b")), 1),
    ] {
        let scene = Scene::of(Sandbox::builder().dpop()).await;
        let (person, vault) = (Person::called("alice"), MemoryStore::new());
        let login = lasting(&scene, &person, vault.clone(), &http)
            .build()
            .expect("a login");
        let error = login.sign_in().await.expect_err(row);
        let advice = error.advice().unwrap_or_default();
        assert!(advice.contains("dpop = false"), "{row}: {error}; {advice}");
        assert_eq!(http.posted("/token").len(), asked, "{row}");
        assert_eq!(key_in(&vault), None, "{row}");
    }
}

#[tokio::test]
async fn a_proof_that_is_refused_at_a_renewal_ends_nothing() {
    let scene = Scene::of(Sandbox::builder().dpop()).await;
    let (person, vault) = (Person::called("alice"), MemoryStore::new());
    signed_in(lasting(&scene, &person, vault.clone(), &Wiretap::default())).await;
    scene.pass(2 * HOUR);
    let http = Wiretap::answering(|sent| {
        (sent.path == "/token").then(|| json(400, &value!({"error": "invalid_dpop_proof"})))
    });
    let refused = lasting(&scene, &person, vault.clone(), &http)
        .build()
        .expect("a login");
    let error = refused
        .proof(Interaction::Forbidden)
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), TokenErrorKind::LoginRequired, "{error}");
    let again = lasting(&scene, &person, vault.clone(), &Wiretap::default())
        .build()
        .expect("a login");
    again
        .proof(Interaction::Forbidden)
        .await
        .expect("the token is still good");
}

#[tokio::test]
async fn a_renewal_that_is_asked_for_a_nonce_and_then_gets_no_answer_has_spent_nothing() {
    let scene = Scene::of(Sandbox::builder().dpop_nonce()).await;
    let (person, vault) = (Person::called("alice"), MemoryStore::new());
    signed_in(lasting(&scene, &person, vault.clone(), &Wiretap::default())).await;
    let before = kept_in(&vault).expect("kept");
    scene.pass(2 * HOUR);
    let asked = AtomicUsize::new(0);
    let http = Wiretap::answering(move |sent| {
        let is_renewal = sent.path == "/token";
        is_renewal.then(|| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => {
                let headers = [("content-type", "application/json"), ("dpop-nonce", "n-1")];
                answer(400, &headers, r#"{"error":"use_dpop_nonce"}"#)
            }
            _ => json(503, &value!({})),
        })
    });
    let login = lasting(&scene, &person, vault.clone(), &http);
    let login = login.build().expect("a login");
    let error = login.proof(Interaction::Forbidden).await;
    let error = error.expect_err("no answer");
    assert_eq!(error.kind(), TokenErrorKind::Unreachable, "{error}");
    let sent = http.posted("/token");
    assert_eq!(sent.len(), 2, "once, and once with the nonce");
    assert_eq!(proof(&sent[1]).0["nonce"], "n-1");
    assert_eq!(kept_in(&vault), Some(before));
    assert_eq!(login.ended(), None);

    let later = lasting(&scene, &person, vault, &Wiretap::default());
    let later = later.build().expect("a login");
    let renewed = later.proof(Interaction::Forbidden).await;
    renewed.expect("the token is still good");
    assert_eq!(person.told().links.len(), 1, "asked once");
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn at_the_certified_identity_provider_each_client_signs_in_renews_and_revokes() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    let secret = |client: &str| {
        provider.ready()["secrets"][client]
            .as_str()
            .map(Secret::new)
    };
    for (client, is_bound) in [
        ("keyless", true),
        ("keyless-par", true),
        ("keyless-dpop", true),
        ("keyless-dpop-nonce", true),
        ("keyless-basic", false),
        ("keyless-post", false),
        ("keyless-jwt", false),
    ] {
        let (alice, vault, http) = (Alice::default(), MemoryStore::new(), Wiretap::default());
        let store = MemoryStore::new();
        let build = || {
            let login = Login::builder(provider.url(), client, http.clone())
                .prompt(alice.clone())
                .store(store.clone())
                .scopes(["openid", "email", "offline_access"])
                .authorize("prompt", "consent")
                .refresh_tokens_in(vault.clone());
            match (client, secret(client)) {
                ("keyless-jwt", Some(key)) => login.private_key(key),
                (_, Some(secret)) => login.client_secret(secret),
                (_, None) => login,
            }
        };
        let login = build().build().expect("a login");
        let first = login
            .sign_in()
            .await
            .unwrap_or_else(|error| panic!("{client}: {error}; {:?}", error.advice()));
        assert_eq!(first.subject(), "alice", "{client}");
        assert_eq!(key_in(&vault).is_some(), is_bound, "{client}");
        assert!(
            !http.posted("/request").is_empty(),
            "{client}: pushed, since it is offered"
        );

        // In another process, once the ID token is gone.
        for entry in store.list().expect("a list") {
            store.remove(&entry.key).expect("removed");
        }
        let login = build().build().expect("a login");
        let renewed = login.proof(Interaction::Forbidden).await;
        let renewed =
            renewed.unwrap_or_else(|error| panic!("{client}: {error}; {:?}", error.advice()));
        assert_eq!(renewed.subject(), "alice", "{client}");
        assert_eq!(alice.asked(), 1, "{client}: asked once");
        for sent in http.posted("/token") {
            assert_eq!(!sent.header("dpop").is_empty(), is_bound, "{client}");
        }

        let last = kept_in(&vault).expect("kept");
        assert!(login.sign_out().await.expect("revoked"), "{client}");
        assert!(vault.list().expect("a list").is_empty(), "{client}");
        if !is_bound {
            continue;
        }
        let (status, said) = spend(&format!("{}/token", provider.url()), client, &last).await;
        assert!(status.is_client_error(), "{client}: {said}");
    }
}
