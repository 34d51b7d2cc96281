//! Applications that are not public prove themselves, and what they prove themselves with is seen by nobody else.
#![allow(clippy::too_many_lines, reason = "a table")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as URL};
use keyless::login::{ClientAuthentication, Flow, LoginBuilder, RedirectHost, SecretPlace};
use keyless::{FileStore, Interaction, Login, Secret, Source, TokenErrorKind};
use keyless_sandbox::{Client, Sandbox, Shape};
use keyless_tests::browser::Alice;
use keyless_tests::person::Person;
use keyless_tests::real;
use keyless_tests::renewal::files_with;
use keyless_tests::scene::Scene;
use keyless_tests::trace::Trace;
use keyless_tests::wiretap::{Wiretap, json};
use p256::ecdsa::SigningKey;
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use rcgen::{CertificateParams, KeyPair};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use serde_json::{Value, json as value};
use sha2::{Digest, Sha256};

/// With all that a form and a header must encode.
const SECRET: &str = "hunter2:+%/ &=é-of-the-application";

/// A lasting sign-in of Alice's, over `http`.
fn login(scene: &Scene, person: &Person, http: &Wiretap) -> LoginBuilder {
    Login::builder(
        scene.sandbox.issuer(),
        scene.sandbox.client_id(),
        http.clone(),
    )
    .prompt(person.clone())
    .store(scene.store())
    .clock(scene.clock())
    .scopes(["openid", "email", "offline_access"])
    .refresh_tokens_in(FileStore::new(scene.folder().join("vault")))
}

fn ec_key() -> (String, Value) {
    let key = SigningKey::from_slice(&[7; 32]).expect("a key");
    let pem = key.to_pkcs8_pem(LineEnding::LF).expect("PEM").to_string();
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = (point.x().expect("x"), point.y().expect("y"));
    let jwk = value!({"kty": "EC", "crv": "P-256", "x": URL.encode(x), "y": URL.encode(y)});
    (pem, jwk)
}

/// A client, how it is told to prove itself, and what it is advised.
type Row = (
    &'static str,
    Client,
    fn(LoginBuilder, &str) -> LoginBuilder,
    &'static str,
);

fn new_rsa_key() -> rsa::RsaPrivateKey {
    rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("a key")
}

fn rsa_public(key: &rsa::RsaPrivateKey) -> Value {
    let number = |number: &rsa::BigUint| URL.encode(number.to_bytes_be());
    value!({"kty": "RSA", "n": number(key.n()), "e": number(key.e())})
}

/// A private JSON Web Key with a name, and its public half.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the number's type is of a crate behind rsa"
)]
fn rsa_key() -> (String, Value) {
    let mut key = new_rsa_key();
    key.precompute().expect("its parts");
    let number = |number: &rsa::BigUint| URL.encode(number.to_bytes_be());
    let mut public = rsa_public(&key);
    public["kid"] = "app-1".into();
    let mut private = public.clone();
    let qi = key.qinv().and_then(|number| number.to_biguint());
    for (name, part) in [
        ("d", key.d()),
        ("p", &key.primes()[0]),
        ("q", &key.primes()[1]),
        ("dp", key.dp().expect("dp")),
        ("dq", key.dq().expect("dq")),
        ("qi", &qi.expect("qi")),
    ] {
        private[name] = number(part).into();
    }
    (private.to_string(), public)
}

/// The same in PEM, without a name.
fn rsa_pem() -> (String, Value) {
    let key = new_rsa_key();
    let der = key.to_pkcs8_der().expect("PKCS#8");
    let text = BASE64_STANDARD.encode(der.as_bytes());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    (pem, rsa_public(&key))
}

/// A certificate of the key, and the public half as it is registered with that certificate.
fn certified((pem, public): &(String, Value)) -> (String, Value) {
    let key = KeyPair::from_pem(pem).expect("a key");
    let params = CertificateParams::new([]).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate");
    let mut public = public.clone();
    public["x5t#S256"] = URL.encode(Sha256::digest(certificate.der())).into();
    (certificate.pem(), public)
}

/// Header and claims.
fn read(statement: &str) -> [Value; 2] {
    let mut parts = statement.split('.');
    [(); 2].map(|()| {
        let part = URL.decode(parts.next().expect("a part")).expect("base64");
        serde_json::from_slice(&part).expect("JSON")
    })
}

/// A sandbox that is shaped like Entra and knows the application by this.
async fn entra(public: Value) -> Scene {
    let client = Client::new("keyless")
        .public_key(public)
        .redirect_uri("http://localhost/callback");
    let sandbox = Sandbox::builder().shaped_like(Shape::EntraV2);
    Scene::of(sandbox.client(client)).await
}

#[tokio::test]
async fn a_certificate_beside_the_key_is_named_in_every_statement() {
    for is_entra in [false, true] {
        let key = if is_entra { rsa_pem() } else { ec_key() };
        let (certificate, public) = certified(&key);
        let thumbprint = public["x5t#S256"].clone();
        let scene = if is_entra {
            entra(public).await
        } else {
            let client = Client::new("keyless").public_key(public);
            Scene::of(Sandbox::builder().client(client)).await
        };
        let (person, http) = (Person::called("alice"), Wiretap::default());
        let login = login(&scene, &person, &http)
            .private_key(Secret::new(format!("{certificate}{}", key.0)))
            .way(if is_entra { "Entra" } else { "" })
            .build()
            .expect("a login");
        login
            .sign_in()
            .await
            .unwrap_or_else(|error| panic!("{error} {:?}", error.advice()));
        scene.pass(Duration::from_hours(2));
        login.proof(Interaction::Forbidden).await.expect("renewed");

        let issuer = scene.sandbox.issuer();
        let (algorithm, audience) = if is_entra {
            ("PS256", issuer.replace("/v2.0", "/oauth2/v2.0/token"))
        } else {
            ("ES256", issuer.to_owned())
        };
        let path = if is_entra {
            url::Url::parse(&audience)
                .expect("an address")
                .path()
                .to_owned()
        } else {
            "/token".to_owned()
        };
        let asked = http.posted(&path);
        assert_eq!(asked.len(), 2, "redeemed, renewed");
        for sent in asked {
            let [header, claims] = read(sent.field("client_assertion"));
            assert_eq!(
                header,
                value!({"alg": algorithm, "typ": "JWT", "x5t#S256": thumbprint})
            );
            let time = |claim: &str| claims[claim].as_u64();
            assert_eq!(claims["aud"], audience);
            assert_eq!(time("nbf"), time("iat").filter(|_| is_entra));
            assert_eq!(time("exp"), time("iat").map(|at| at + 60));
            let id = claims["jti"].as_str().expect("an id");
            let lengths: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        }
    }
}

#[tokio::test]
async fn what_entra_cannot_take_is_said_before_a_person_is_asked() {
    let (rsa, other, ec) = (rsa_pem(), rsa_pem(), ec_key());
    let (certificate, public) = certified(&rsa);
    let scene = entra(public).await;
    for (key, certificate, said, advised) in [
        (
            &rsa,
            String::new(),
            "has no certificate",
            "into the same file",
        ),
        (
            &ec,
            certified(&ec).0,
            "has another key",
            "into the same file",
        ),
        (
            &other,
            certificate,
            "has the certificate of another key",
            "with its certificate",
        ),
    ] {
        let (person, http) = (Person::called("alice"), Wiretap::default());
        let login = login(&scene, &person, &http)
            .private_key(Secret::new(format!("{}{certificate}", key.0)))
            .way("Entra")
            .build()
            .expect("a login");
        let error = login.sign_in().await.expect_err(said);
        assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
        assert!(error.to_string().contains(said), "{error}");
        let advice = error.advice().unwrap_or_default();
        assert!(advice.contains(advised), "{error}: {advice}");
        assert!(person.told().links.is_empty(), "{said}");
        for line in key.0.lines().filter(|line| !line.starts_with('-')) {
            assert!(!format!("{error:?}").contains(&line[..20]), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_statement_in_the_name_of_another_certificate_is_refused() {
    let key = rsa_pem();
    let (certificate, its_own) = certified(&key);
    let certified = format!("{}{certificate}", key.0);
    let mut another = its_own.clone();
    another["x5t#S256"] = "another".into();
    for (registered, is_entra, way, pem, said, advised) in [
        (&its_own, true, "Entra", &certified, "", ""),
        (
            &another,
            true,
            "Entra",
            &certified,
            "AADSTS700027",
            "upload the certificate",
        ),
        // As the standard has it: RS256, to the issuer.
        (
            &its_own,
            true,
            "",
            &certified,
            "AADSTS700027",
            "client's secret or key",
        ),
        (&its_own, false, "", &certified, "", ""),
        (
            &another,
            false,
            "",
            &certified,
            "names another certificate",
            "client's secret or key",
        ),
        // Nobody but Entra demands one.
        (&another, false, "", &key.0, "", ""),
    ] {
        let scene = if is_entra {
            entra(registered.clone()).await
        } else {
            let client = Client::new("keyless").public_key(registered.clone());
            Scene::of(Sandbox::builder().client(client)).await
        };
        let (person, http) = (Person::called("alice"), Wiretap::default());
        let login = login(&scene, &person, &http)
            .redirect_host(RedirectHost::Localhost)
            .private_key(Secret::new(pem.as_str()))
            .way(way)
            .build()
            .expect("a login");
        match login.sign_in().await {
            Ok(_) => assert!(said.is_empty(), "nobody said {said}"),
            Err(error) => {
                let advice = error.advice().unwrap_or_default();
                let is_expected = error.to_string().contains(said) && advice.contains(advised);
                assert!(is_expected && !said.is_empty(), "{error}: {advice}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_proves_itself_in_its_own_way_wherever_it_asks() {
    let (pem, public) = ec_key();
    let (rsa_private, rsa_public) = rsa_key();
    let new = || Client::new("keyless");
    let with = |text: &str| Secret::new(text);
    let rows: Vec<(&str, Client, SecretPlace, &str)> = vec![
        (
            "client_secret_basic",
            new().secret_basic(SECRET),
            with(SECRET).into(),
            "secret",
        ),
        (
            "client_secret_post",
            new().secret_post(SECRET),
            with(SECRET).into(),
            "secret",
        ),
        (
            "private_key_jwt",
            new().public_key(public),
            with(&pem).into(),
            "key",
        ),
        (
            "private_key_jwt",
            new().public_key(rsa_public),
            with(&rsa_private).into(),
            "key",
        ),
    ];
    for (way, client, place, kind) in rows {
        let (trace, _guard) = Trace::begin(tracing::Level::TRACE);
        let sandbox = Sandbox::builder()
            .client(client)
            .pushed_authorization_requests();
        let scene = Scene::of(sandbox).await;
        let (person, http) = (Person::called("alice"), Wiretap::default());
        // The way is found out: the identity provider offers one that fits.
        let login = login(&scene, &person, &http);
        let login = match kind {
            "secret" => login.client_secret(place),
            _ => login.private_key(place),
        };
        let login = login.build().expect("a login");
        login
            .sign_in()
            .await
            .unwrap_or_else(|error| panic!("{way}: {error}"));
        scene.pass(Duration::from_hours(2));
        login
            .proof(Interaction::Forbidden)
            .await
            .unwrap_or_else(|error| panic!("{way}: {error}"));
        assert!(login.sign_out().await.expect("revoked"), "{way}");

        let asked: Vec<_> = ["/par", "/token", "/revoke"]
            .map(|path| http.posted(path))
            .concat();
        assert_eq!(asked.len(), 4, "{way}: pushed, redeemed, renewed, revoked");
        let mut statements = Vec::new();
        for sent in &asked {
            let header = sent.header("authorization");
            let (has_secret, has_statement) = (
                sent.field("client_secret") == SECRET,
                !sent.field("client_assertion").is_empty(),
            );
            match way {
                "client_secret_basic" => {
                    let header = header.strip_prefix("Basic ").expect("Basic");
                    let both = BASE64_STANDARD.decode(header).expect("base64");
                    let both = String::from_utf8(both).expect("text");
                    assert_eq!(
                        both,
                        "keyless:hunter2%3A%2B%25%2F+%26%3D%C3%A9-of-the-application"
                    );
                    assert!(!has_secret && !has_statement, "one way and no other");
                    assert_eq!(sent.form.contains_key("client_id"), sent.path == "/par");
                }
                "client_secret_post" => assert!(has_secret && !has_statement && header.is_empty()),
                _ => {
                    assert!(
                        has_statement
                            && !sent.form.contains_key("client_secret")
                            && header.is_empty()
                    );
                    statements.push(sent.field("client_assertion").to_owned());
                }
            }
            // A refresh token of theirs is bound to the client, and not to a key (RFC 9449 §5).
            assert!(sent.header("dpop").is_empty());
        }
        let count = statements.len();
        statements.sort();
        statements.dedup();
        assert_eq!(statements.len(), count, "no statement is made twice");

        // Nobody else has seen it.
        let private = URL.encode([7; 32]);
        let told = person.told();
        let elsewhere = format!("{}{:?}{login:?}", trace.text(), told);
        for secret in [
            "hunter2",
            &BASE64_STANDARD.encode(SECRET),
            &private,
            "client_assertion",
        ] {
            assert!(!elsewhere.contains(secret), "{way}: {secret} was told");
            assert!(
                files_with(scene.folder(), secret).is_empty(),
                "{way}: {secret} was kept"
            );
        }
    }
}

#[tokio::test]
async fn a_device_asks_in_the_clients_name_too() {
    let client = Client::new("keyless").secret_basic(SECRET);
    let sandbox = Sandbox::builder()
        .client(client)
        .sign_in_as("alice")
        .device_interval(Duration::from_secs(1));
    let scene = Scene::of(sandbox).await;
    let (person, http) = (Person::called("alice"), Wiretap::default());
    let login = login(&scene, &person, &http)
        .client_secret(Secret::new(SECRET))
        .flows([Flow::Device])
        .build()
        .expect("a login");
    login.sign_in().await.expect("signed in");
    let asked: Vec<_> = ["/device_authorization", "/token"]
        .map(|path| http.posted(path))
        .concat();
    assert!(asked.len() >= 2);
    assert!(
        asked
            .iter()
            .all(|sent| sent.header("authorization").starts_with("Basic "))
    );
}

#[tokio::test]
async fn a_secret_is_read_when_somebody_is_about_to_be_asked_and_not_before() {
    let client = Client::new("keyless").secret(SECRET);
    let scene = Scene::of(Sandbox::builder().client(client)).await;
    let (person, http) = (Person::called("alice"), Wiretap::default());
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = |reads: &Arc<AtomicUsize>| {
        let reads = Arc::clone(reads);
        SecretPlace::elsewhere("a vault", move || {
            reads.fetch_add(1, Ordering::SeqCst);
            Ok(Some(Secret::new(SECRET)))
        })
    };
    let read = || reads.load(Ordering::SeqCst);
    let here = login(&scene, &person, &http)
        .client_secret(counted(&reads))
        .build()
        .expect("a login");
    assert!(here.held().is_none());
    assert_eq!(read(), 0, "to look at what is kept");
    here.sign_in().await.expect("signed in");
    assert_eq!(read(), 1, "one sign-in");
    let later = login(&scene, &person, &http)
        .client_secret(counted(&reads))
        .build()
        .expect("a login");
    later.proof(Interaction::Forbidden).await.expect("kept");
    assert_eq!(read(), 1, "what is kept needs none");
    scene.pass(Duration::from_hours(2));
    later.proof(Interaction::Forbidden).await.expect("renewed");
    assert_eq!(read(), 2, "one renewal");

    // What cannot be had is said before a person is asked.
    let missing = login(&scene, &person, &http)
        .client_secret(SecretPlace::env("APP_SECRET", |_| None))
        .build()
        .expect("a login");
    let error = missing.sign_in().await.expect_err("no secret");
    assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
    assert_eq!(
        error.to_string(),
        "the client secret cannot be had: the variable APP_SECRET is not set"
    );
    assert_eq!(person.told().links.len(), 1, "nobody was asked in vain");
}

#[tokio::test]
async fn a_refusal_says_what_to_do_and_repeats_no_secret() {
    let echo = |sent: &keyless_tests::wiretap::Sent| {
        (sent.path == "/token").then(|| {
            let knows_it =
                !sent.header("authorization").is_empty() || sent.form.contains_key("client_secret");
            let quoted = format!(
                "wrong: {} {} {} {}",
                if knows_it { SECRET } else { "" },
                sent.header("authorization"),
                sent.field("client_secret"),
                sent.field("client_assertion")
            );
            json(
                401,
                &value!({"error": "invalid_client", "error_description": quoted}),
            )
        })
    };
    let (pem, public) = ec_key();
    let public_client = "say where its secret is";
    let confidential = "check the client's secret or key";
    let rows: [Row; 5] = [
        (
            "no secret",
            Client::new("keyless").secret(SECRET),
            |login, _| login,
            public_client,
        ),
        (
            "basic",
            Client::new("keyless").secret(SECRET),
            |login, _| login.client_secret(Secret::new(SECRET)),
            confidential,
        ),
        (
            "post",
            Client::new("keyless").secret(SECRET),
            |login, _| {
                login
                    .client_secret(Secret::new(SECRET))
                    .client_authentication(ClientAuthentication::SecretPost)
            },
            confidential,
        ),
        (
            "another secret",
            Client::new("keyless").secret("right"),
            |login, _| login.client_secret(Secret::new(SECRET)),
            confidential,
        ),
        (
            "a key",
            Client::new("keyless").public_key(public),
            |login, pem| login.private_key(Secret::new(pem)),
            confidential,
        ),
    ];
    for (row, client, change, advised) in rows {
        for quotes in [true, false] {
            if !quotes && !matches!(row, "no secret" | "another secret") {
                continue; // the sandbox would let them in
            }
            let scene = Scene::of(Sandbox::builder().client(client.clone())).await;
            let person = Person::called("alice");
            let http = if quotes {
                Wiretap::answering(echo)
            } else {
                Wiretap::default()
            };
            let login = change(login(&scene, &person, &http), &pem)
                .build()
                .expect("a login");
            let error = login.sign_in().await.expect_err(row);
            let (message, advice) = (error.to_string(), error.advice().unwrap_or_default());
            assert!(message.contains("invalid_client"), "{row}: {message}");
            assert!(advice.contains(advised), "{row}: {advice}");
            if row != "no secret" {
                let page = person.page(1).await;
                let told = format!("{error:?} {page}");
                for secret in ["hunter2", &BASE64_STANDARD.encode("keyless:hunter2")[..12]] {
                    assert!(!told.contains(secret), "{row}: {told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_the_identity_provider_cannot_know_is_told_so_at_once() {
    let (pem, _) = ec_key();
    let scene =
        Scene::of(Sandbox::builder().client(Client::new("keyless").secret_post(SECRET))).await;
    let (person, http) = (Person::called("alice"), Wiretap::default());
    let login = login(&scene, &person, &http)
        .private_key(Secret::new(pem))
        .build()
        .expect("a login");
    let error = login.sign_in().await.expect_err("no such way");
    let message = error.to_string();
    assert!(
        message
            .contains("takes none of the ways that this client can prove itself (private_key_jwt)"),
        "{message}"
    );
    assert!(message.contains("client_secret_post"), "{message}");
    assert!(person.told().links.is_empty());
}

/// It knows the key by itself, and the header's thumbprint is nothing to it (RFC 7515 §4: what is not understood is ignored).
#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn the_certified_identity_provider_takes_a_statement_that_names_a_certificate() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    let client = "keyless-jwt";
    let pem = provider.ready()["secrets"][client].as_str();
    let pem = pem.expect("its private key").to_owned();
    let (certificate, _) = certified(&(pem.clone(), value!({})));
    let http = Wiretap::default();
    let login = Login::builder(provider.url(), client, http.clone())
        .prompt(Alice::default())
        .private_key(Secret::new(pem + &certificate))
        .build()
        .expect("a login");
    let token = login.sign_in().await;
    let token = token.unwrap_or_else(|error| panic!("{error}; {:?}", error.advice()));
    assert_eq!(token.subject(), "alice");
    let asked = http.posted("/token");
    let [header, _] = read(asked[0].field("client_assertion"));
    assert!(header["x5t#S256"].is_string(), "{header}");
}
