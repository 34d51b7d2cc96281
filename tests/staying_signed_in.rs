//! Signed in for the day: a refresh token renews the sign-in, and nobody is asked.
#![allow(clippy::too_many_lines, reason = "a table")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use keyless::login::LoginBuilder;
use keyless::{
    Clock, FileStore, Http, HttpClient, IdToken, Interaction, Login, MemoryStore, Source, Store,
    TokenError, TokenErrorKind,
};
use keyless_sandbox::Sandbox;
use keyless_tests::browser::Alice;
use keyless_tests::hostile::{CLIENT, Changes, IdentityProvider};
use keyless_tests::person::{Deed, Person};
use keyless_tests::real;
use keyless_tests::renewal::{Broken, Shelf, Tap, files_with, kept_in, post, replace_in, spend};
use keyless_tests::scene::Scene;

const HOUR: Duration = Duration::from_hours(1);

/// A sign-in that is to last, with its refresh token in `vault`.
fn lasting(scene: &Scene, person: &Person, vault: impl Store) -> LoginBuilder {
    over(scene, person, vault, Http::default())
}

fn over(scene: &Scene, person: &Person, vault: impl Store, http: impl HttpClient) -> LoginBuilder {
    Login::builder(scene.sandbox.issuer(), scene.sandbox.client_id(), http)
        .prompt(person.clone())
        .store(scene.store())
        .clock(scene.clock())
        .scopes(["openid", "email", "offline_access"])
        .refresh_tokens_in(vault)
}

/// Signs Alice in, and gives her with what keeps her refresh token.
async fn alice(scene: &Scene) -> (Person, MemoryStore) {
    let (person, vault) = (Person::called("alice"), MemoryStore::new());
    signed_in(lasting(scene, &person, vault.clone())).await;
    (person, vault)
}

async fn signed_in(login: LoginBuilder) -> Login {
    let login = login.build().expect("a login");
    login.sign_in().await.expect("somebody signs in");
    login
}

async fn silently(login: &Login) -> Result<IdToken, TokenError> {
    login.proof(Interaction::Forbidden).await
}

/// How often somebody was asked.
fn asked(person: &Person) -> usize {
    person.told().links.len()
}

fn is_login_required(result: Result<IdToken, TokenError>, story: &str) {
    let error = result.expect_err(story);
    assert_eq!(
        error.kind(),
        TokenErrorKind::LoginRequired,
        "{story}: {error}"
    );
}

#[tokio::test]
async fn ten_hours_pass_and_a_person_was_asked_once() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let vault = FileStore::new(scene.folder().join("vault"));
    let here = signed_in(lasting(&scene, &person, vault.clone())).await;
    let mut kept = vec![kept_in(&vault).expect("kept")];
    let mut before = silently(&here).await.expect("signed in");
    for hour in 1..=10 {
        scene.pass(HOUR);
        // By turns in this process, and in one that has only just begun.
        let elsewhere = lasting(&scene, &person, vault.clone()).build();
        let elsewhere = elsewhere.expect("a login");
        let login = if hour % 2 == 0 { &here } else { &elsewhere };
        let token = silently(login).await.expect("renewed");
        assert_eq!(token.subject(), before.subject());
        assert!(token.expires_at() > before.expires_at(), "hour {hour}");
        let next = kept_in(&vault).expect("kept");
        assert!(!kept.contains(&next), "hour {hour}: it was not replaced");
        kept.push(next);
        before = token;
    }
    let calls = scene.sandbox.calls();
    assert_eq!((calls.refresh, calls.authorize, asked(&person)), (10, 1, 1));
    for (index, token) in kept.iter().enumerate() {
        let files = files_with(scene.folder(), token);
        let is_newest = index + 1 == kept.len();
        assert_eq!(files.len(), usize::from(is_newest), "{index}: {files:?}");
    }
}

#[tokio::test]
async fn without_a_store_a_sign_in_stays_for_as_long_as_its_login() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let login = || {
        let scopes = ["openid", "offline_access"];
        scene.login_builder(&person).scopes(scopes)
    };
    let here = signed_in(login()).await;
    for _ in 0..3 {
        scene.pass(HOUR);
        silently(&here.clone()).await.expect("renewed");
    }
    scene.pass(HOUR);
    let elsewhere = login().build().expect("a login");
    is_login_required(silently(&elsewhere).await, "another process");
    assert_eq!((scene.sandbox.calls().refresh, asked(&person)), (3, 1));
}

#[tokio::test]
async fn a_refresh_token_that_nobody_asked_for_leaves_no_trace() {
    for (scopes, is_kept) in [
        (vec!["openid", "email"], false),
        (vec!["openid", "offline_access"], true),
    ] {
        let changes = Changes {
            grant: |answer| answer.json["refresh_token"] = "given-all-the-same".into(),
            ..Changes::default()
        };
        let provider = IdentityProvider::start(changes).await;
        let folder = tempfile::tempdir().expect("a folder");
        let login = Login::builder(provider.issuer(), CLIENT, Http::default())
            .prompt(Person::called("alice"))
            .scopes(scopes)
            .store(FileStore::new(folder.path().join("store")))
            .refresh_tokens_in(FileStore::new(folder.path().join("vault")));
        let login = signed_in(login).await;
        let files = files_with(folder.path(), "given-all-the-same");
        assert_eq!(files.len(), usize::from(is_kept), "{files:?}");
        assert!(files.iter().all(|file| file.contains("vault")), "{files:?}");
        let tokens = files_with(folder.path(), silently(&login).await.expect("in").expose());
        assert_eq!(tokens.len(), 1, "the ID token is where it should be");
    }
}

#[tokio::test]
async fn the_identity_provider_ends_the_sign_in() {
    for story in ["revoked", "an old one was used elsewhere"] {
        let scene = Scene::new().await;
        let (person, vault) = alice(&scene).await;
        let first = kept_in(&vault).expect("kept");
        let issuer = scene.sandbox.issuer();
        let client = scene.sandbox.client_id();
        if story == "revoked" {
            let fields = [("token", first.as_str()), ("client_id", client)];
            let (status, _) = post(&format!("{issuer}/revoke"), &fields).await;
            assert_eq!(status, 200);
        } else {
            scene.pass(HOUR);
            let login = lasting(&scene, &person, vault.clone()).build();
            silently(&login.expect("a login")).await.expect("renewed");
            let (status, said) = spend(&format!("{issuer}/token"), client, &first).await;
            assert_eq!(
                (status.as_u16(), &said["error"]),
                (400, &"invalid_grant".into())
            );
        }
        scene.pass(HOUR);
        let login = lasting(&scene, &person, vault.clone()).build();
        let login = login.expect("a login");
        is_login_required(silently(&login).await, story);
        assert_eq!(kept_in(&vault), None, "{story}");
        let refreshes = scene.sandbox.calls().refresh;

        login.proof(Interaction::Allowed).await.expect("asked");
        assert_eq!(asked(&person), 2, "{story}");
        assert_eq!(scene.sandbox.calls().refresh, refreshes, "{story}");
        scene.pass(HOUR);
        silently(&login).await.expect("renewed again");
    }
}

#[tokio::test]
async fn whoever_signs_in_next_is_the_one_who_stays_signed_in() {
    let scene = Scene::new().await;
    let (person, vault) = alice(&scene).await;
    let first = kept_in(&vault).expect("kept");
    scene.pass(HOUR);
    person.will(Deed::SignInAs("bob".into()));
    let login = signed_in(lasting(&scene, &person, vault.clone())).await;
    assert_eq!(scene.sandbox.calls().refresh, 0, "Alice's was spent first");
    assert_ne!(kept_in(&vault), Some(first));
    scene.pass(HOUR);
    let token = silently(&login).await.expect("renewed");
    assert_eq!(token.email(), Some("bob@example.com"));

    // Nobody stays signed in after signing out, here or in another process, or with what was copied before.
    let copied = kept_in(&vault).expect("kept");
    assert!(login.sign_out().await.expect("revoked"));
    assert_eq!(kept_in(&vault), None);
    let (issuer, client) = (scene.sandbox.issuer(), scene.sandbox.client_id());
    let (status, said) = spend(&format!("{issuer}/token"), client, &copied).await;
    assert_eq!(
        (status.as_u16(), &said["error"]),
        (400, &"invalid_grant".into())
    );
    assert!(!login.sign_out().await.expect("nothing to revoke"));
    let elsewhere = lasting(&scene, &person, vault).build().expect("a login");
    for login in [login, elsewhere] {
        is_login_required(silently(&login).await, "signed out");
    }
}

#[tokio::test]
async fn whoever_signs_in_next_without_staying_is_not_replaced_by_the_one_before() {
    let no_token: fn(&mut serde_json::Value) = |answer| {
        answer
            .as_object_mut()
            .expect("JSON")
            .remove("refresh_token");
    };
    let stories: [(&str, Broken); 3] = [
        ("a store that works", |_| Vec::new()),
        ("a store that cannot list", |failing| vec![&failing.list]),
        ("a store that cannot remove", |failing| {
            vec![&failing.remove]
        }),
    ];
    for (story, broken) in stories {
        let scene = Scene::new().await;
        let (person, shelf) = (Person::called("alice"), Shelf::default());
        signed_in(lasting(&scene, &person, shelf.clone())).await;
        person.will(Deed::SignInAs("bob".into()));
        shelf.fails(broken, true);
        signed_in(over(&scene, &person, shelf.clone(), Tap::change(no_token))).await;
        shelf.fails(broken, false);
        let is_left = story.ends_with("remove");
        assert_eq!(kept_in(&shelf).is_some(), is_left, "{story}");
        scene.pass(HOUR);
        let login = lasting(&scene, &person, shelf).build().expect("a login");
        is_login_required(silently(&login).await, story);
        assert_eq!(scene.sandbox.calls().refresh, 0, "{story}");
    }
}

#[tokio::test]
async fn who_signs_out_while_the_sign_in_is_renewed_stays_out() {
    let scene = Scene::new().await;
    let (person, vault) = alice(&scene).await;
    scene.pass(HOUR);
    let elsewhere = lasting(&scene, &person, vault.clone()).build();
    let elsewhere = elsewhere.expect("a login");
    // At an identity provider that cannot revoke.
    let (signs_out, kept) = (elsewhere.clone(), vault.clone());
    let tap = Tap::before(move || {
        let login = signs_out.clone();
        for entry in kept.list().expect("entries") {
            kept.remove(&entry.key).expect("removed");
        }
        async move { login.forget().await }
    });
    let login = over(&scene, &person, vault.clone(), tap).build();
    let login = login.expect("a login");
    silently(&login).await.expect("who waited gets what came");
    assert_eq!(kept_in(&vault), None);
    assert!(elsewhere.stored().is_none());
    is_login_required(silently(&elsewhere).await, "signed out");
}

/// Callers of five processes at once, ten of each; every second one may ask somebody.
async fn fifty(logins: &[Login]) -> Vec<IdToken> {
    let mut callers = Vec::new();
    for number in 0..50 {
        let login = logins[number % logins.len()].clone();
        let interaction = [Interaction::Forbidden, Interaction::Allowed][(number / 5) % 2];
        callers.push(tokio::spawn(async move { login.proof(interaction).await }));
    }
    let mut tokens = Vec::new();
    for caller in callers {
        tokens.push(caller.await.expect("no panic").expect("a token"));
    }
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_callers_in_five_processes_spend_one_refresh_token() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let vault = FileStore::new(scene.folder().join("vault"));
    let lockless = Shelf::default();
    lockless.fails(|failing| vec![&failing.lock], true);
    // What locks the one does not lock for the other.
    let stories: [(&str, Arc<dyn Store>); 2] = [
        ("files", Arc::new(scene.store())),
        ("a store without locks", Arc::new(lockless)),
    ];
    for (story, store) in stories {
        let login = || lasting(&scene, &person, vault.clone()).store(Arc::clone(&store));
        signed_in(login()).await;
        let (refreshed, people) = (scene.sandbox.calls().refresh, asked(&person));
        for round in 1..=3 {
            scene.pass(HOUR);
            let logins: Vec<_> = (0..5).map(|_| login().build().expect("a login")).collect();
            let tokens = fifty(&logins).await;
            assert!(tokens.iter().all(|token| token == &tokens[0]), "{story}");
            assert_eq!(scene.sandbox.calls().refresh, refreshed + round, "{story}");
        }
        assert_eq!(asked(&person), people, "{story}: nobody was asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_share_the_refresh_token_alone_spend_each_one_once() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let vault = FileStore::new(scene.folder().join("vault"));
    signed_in(lasting(&scene, &person, vault.clone())).await;
    for round in 1..=3 {
        scene.pass(HOUR);
        let logins: Vec<_> = (0..5)
            .map(|_| lasting(&scene, &person, vault.clone()).store(MemoryStore::new()))
            .map(|login| login.build().expect("a login"))
            .collect();
        fifty(&logins).await;
        assert_eq!(scene.sandbox.calls().refresh, 5 * round);
    }
    assert_eq!(asked(&person), 1, "the family was never revoked");
}

#[tokio::test]
async fn a_token_that_another_process_has_replaced_meanwhile_is_used_once() {
    // On a disk whose locks do not hold.
    for (story, is_good) in [("a good one", true), ("one after the other", false)] {
        let scene = Scene::of(Sandbox::builder().refresh_reuse_detection(false)).await;
        let (person, vault) = alice(&scene).await;
        scene.pass(HOUR);
        let (store, endpoint) = (vault.clone(), format!("{}/token", scene.sandbox.issuer()));
        let (client, count) = (scene.sandbox.client_id().to_owned(), AtomicUsize::new(0));
        let tap = Tap::before(move || {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let (store, endpoint, client) = (store.clone(), endpoint.clone(), client.clone());
            async move {
                if is_good && number == 0 {
                    let spent = kept_in(&store).expect("kept");
                    let (_, answer) = spend(&endpoint, &client, &spent).await;
                    replace_in(&store, answer["refresh_token"].as_str().expect("a token"));
                } else if !is_good {
                    // Whoever asks again with what they find asks for ever.
                    let (_, _) = spend(&endpoint, &client, &kept_in(&store).expect("kept")).await;
                    replace_in(&store, &format!("nobody-knows-this-one-{number}"));
                }
            }
        });
        let login = over(&scene, &person, vault.clone(), tap).build();
        let outcome = silently(&login.expect("a login")).await;
        // Half of them are the other process's.
        let refreshes = scene.sandbox.calls().refresh;
        if is_good {
            outcome.expect(story);
            assert_eq!(refreshes, 3, "{story}");
            let login = lasting(&scene, &person, vault).build().expect("a login");
            scene.pass(HOUR);
            silently(&login).await.expect("what came of it is kept");
        } else {
            is_login_required(outcome, story);
            assert_eq!(refreshes, 4, "{story}");
        }
        assert_eq!(asked(&person), 1, "{story}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_keep_the_new_token_loses_it_and_never_spends_the_old_one_again() {
    let stories: [(&str, Broken); 2] = [
        ("it cannot save", |failing| vec![&failing.save]),
        ("it cannot even remove", |failing| {
            vec![&failing.save, &failing.remove]
        }),
    ];
    for (story, broken) in stories {
        let scene = Scene::new().await;
        let (person, shelf) = (Person::called("alice"), Shelf::default());
        let login = signed_in(lasting(&scene, &person, shelf.clone())).await;
        shelf.fails(broken, true);
        scene.pass(HOUR);
        let token = silently(&login).await.expect("the ID token is good");
        assert_eq!(silently(&login).await.expect("and kept"), token);
        scene.pass(HOUR);
        is_login_required(silently(&login).await, story);
        assert_eq!(scene.sandbox.calls().refresh, 1, "{story}");
        login.proof(Interaction::Allowed).await.expect("asked");
        assert_eq!(asked(&person), 2, "{story}");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_a_store_without_a_refresh_token() {
    let stories: [(&str, Broken); 3] = [
        ("it has no locks", |failing| vec![&failing.lock]),
        ("it cannot be read", |failing| vec![&failing.load]),
        ("it cannot be listed", |failing| vec![&failing.list]),
    ];
    for (story, broken) in stories {
        for from_the_beginning in [true, false] {
            let scene = Scene::new().await;
            let (person, shelf) = (Person::called("alice"), Shelf::default());
            shelf.fails(broken, from_the_beginning);
            let login = signed_in(lasting(&scene, &person, shelf.clone())).await;
            shelf.fails(broken, true);
            scene.pass(HOUR);
            is_login_required(silently(&login).await, story);
            login.proof(Interaction::Allowed).await.expect(story);
            assert_eq!(
                (scene.sandbox.calls().refresh, asked(&person)),
                (0, 2),
                "{story}"
            );
        }
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_understood_is_none() {
    let scene = Scene::new().await;
    let (person, vault) = alice(&scene).await;
    let key = vault.list().expect("a list")[0].key;
    let broken = keyless::Secret::new("{\"format\":1");
    vault.save(&key, &broken).expect("saved");
    scene.pass(HOUR);
    let login = lasting(&scene, &person, vault.clone()).build();
    let login = login.expect("a login");
    is_login_required(silently(&login).await, "half an entry");
    login.proof(Interaction::Allowed).await.expect("asked");
    assert!(kept_in(&vault).is_some());
}

#[tokio::test]
async fn nobody_waits_for_ever_for_their_turn() {
    let scene = Scene::new().await;
    let (person, vault) = alice(&scene).await;
    scene.pass(HOUR);
    let key = vault.list().expect("a list")[0].key;
    let lock = vault.try_lock(&key).expect("locks").expect("free");
    let login = lasting(&scene, &person, vault.clone()).build();
    let login = login.expect("a login");
    for interaction in [Interaction::Forbidden, Interaction::Allowed] {
        tokio::time::pause();
        let a_minute = tokio::time::timeout(Duration::from_mins(1), login.proof(interaction));
        let error = a_minute.await.expect("an answer").expect_err("no turn");
        tokio::time::resume();
        assert_eq!(error.kind(), TokenErrorKind::Unreachable, "{error}");
        assert!(error.to_string().contains("another process"), "{error}");
        scene.pass(Duration::from_secs(10)); // a failure is remembered for a moment
    }
    assert_eq!((scene.sandbox.calls().refresh, asked(&person)), (0, 1));
    drop(lock);
    silently(&login).await.expect("renewed");
}

#[tokio::test]
async fn a_process_that_was_stopped_with_every_lock_in_hand_costs_another_less_than_a_minute() {
    let scene = Scene::new().await;
    let (person, vault) = alice(&scene).await;
    let session = |login| {
        let provider = keyless::Provider::builder(scene.sandbox.role_arn("Developer"))
            .source(login)
            .endpoint_url(scene.sandbox.sts_endpoint())
            .environment(keyless::Environment::of::<String, String>([]))
            .store(scene.store())
            .clock(scene.clock())
            .build();
        async { provider.expect("a provider").session().await }
    };
    let login = || lasting(&scene, &person, vault.clone()).build();
    let login = || login().expect("a login");
    session(login()).await.expect("a session");
    scene.pass(2 * HOUR);
    let lock_all = |store: &dyn Store| -> Vec<_> {
        let entries = store.list().expect("a list");
        entries
            .iter()
            .map(|entry| store.try_lock(&entry.key).expect("locks").expect("free"))
            .collect()
    };
    let stopped = [lock_all(&scene.store()), lock_all(&vault)];
    assert_eq!(stopped.iter().map(Vec::len).sum::<usize>(), 3);
    tokio::time::pause();
    let limit = Duration::from_secs(55); // SDKs wait for a minute, and a process must begin and end
    let answer = tokio::time::timeout(limit, session(login())).await;
    tokio::time::resume();
    answer
        .expect("an answer in time")
        .expect_err("nobody's turn");
    assert_eq!(scene.sandbox.calls().refresh, 0, "nothing is spent twice");
    drop(stopped);
    session(login()).await.expect("renewed");
}

#[tokio::test]
async fn who_must_have_proved_themselves_lately_is_asked_again_in_time() {
    let scene = Scene::new().await;
    let (person, vault) = (Person::called("alice"), MemoryStore::new());
    let at_most = lasting(&scene, &person, vault.clone()).max_age(3 * HOUR);
    let login = signed_in(at_most).await;
    for _ in 0..2 {
        scene.pass(HOUR);
        silently(&login).await.expect("renewed");
    }
    scene.pass(HOUR + Duration::from_mins(2));
    is_login_required(silently(&login).await, "longer ago than max_age");
    assert_eq!(
        scene.sandbox.calls().refresh,
        2,
        "none was spent for nothing"
    );
    login.proof(Interaction::Allowed).await.expect("asked");
    assert_eq!(asked(&person), 2);
}

#[tokio::test]
async fn who_is_kept_signed_in_proves_themselves_again_when_it_was_too_long_ago() {
    let minute = Duration::from_mins(1); // the leeway
    for (max_age, stays) in [
        (10 * minute, false),
        (Duration::ZERO, false),
        (10 * minute, true),
    ] {
        let scene = Scene::new().await;
        let (person, vault) = (Person::called("alice"), MemoryStore::new());
        let login = || {
            let login = lasting(&scene, &person, vault.clone()).max_age(max_age);
            if stays {
                login
            } else {
                login.scopes(["openid", "email"])
            }
        };
        let here = signed_in(login()).await;
        let elsewhere = || login().build().expect("a login");
        let session = scene.provider("Developer", here.clone()).session().await;
        let session = session.expect("a session");
        scene.pass(max_age);
        for login in [here.clone(), elsewhere()] {
            silently(&login).await.expect("lately enough");
        }

        scene.pass(minute + Duration::from_secs(2));
        for login in [here.clone(), elsewhere()] {
            is_login_required(silently(&login).await, "longer ago than max_age");
            assert_eq!(login.held(), None);
            let stored = login.stored().expect("who signed in last");
            assert_eq!(stored.token().email(), Some("alice@example.com"));
            // The session of then goes on.
            let provider = scene.provider("Developer", login);
            let kept = provider.peek().expect("the session");
            assert_eq!(kept.credentials(), session.credentials());
        }
        assert_eq!((scene.sandbox.calls().refresh, asked(&person)), (0, 1));
        let token = elsewhere().proof(Interaction::Allowed).await;
        token.expect("alice signs in again");
        assert_eq!(asked(&person), 2);
        scene.pass(Duration::from_secs(6)); // a failure is remembered for less
        silently(&here).await.expect("in every process");
    }
}

#[tokio::test]
async fn a_refresh_token_that_cannot_be_opened_is_forgotten_and_that_is_said() {
    let stories: [(&str, Broken, bool); 3] = [
        ("it cannot be read", |failing| vec![&failing.load], true),
        ("it is half an entry", |_| Vec::new(), true),
        (
            "nothing works",
            |failing| vec![&failing.load, &failing.list],
            false,
        ),
    ];
    for (story, broken, is_said) in stories {
        for stays in [true, false] {
            let scene = Scene::new().await;
            let (person, shelf) = (Person::called("alice"), Shelf::default());
            let mut login = lasting(&scene, &person, shelf.clone());
            if !stays {
                login = login.scopes(["openid", "email"]);
            }
            let login = signed_in(login).await;
            for entry in shelf.list().expect("a list") {
                if story.contains("half") {
                    let broken = keyless::Secret::new("{\"format\":1");
                    shelf.save(&entry.key, &broken).expect("saved");
                }
            }
            shelf.fails(broken, true);
            match login.sign_out().await {
                Ok(is_revoked) => {
                    assert!(!is_revoked, "{story}");
                    assert!(!stays || !is_said, "{story}");
                }
                Err(error) => {
                    assert!(stays && is_said, "{story}: {error}");
                    let said = "the refresh token could not be opened, and so was not revoked: ";
                    assert!(error.to_string().starts_with(said), "{story}: {error}");
                    let advice = error.advice().unwrap_or_default();
                    assert!(advice.contains("identity provider's own pages"), "{advice}");
                }
            }
            shelf.fails(broken, false);
            assert_eq!(kept_in(&shelf), None, "{story}");
            assert!(login.stored().is_none(), "{story}");
            assert!(!login.sign_out().await.expect("nothing is left"), "{story}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_runs_ahead_brings_one_renewal_a_call() {
    let lifetime = Duration::from_secs(30);
    let scene = Scene::of(Sandbox::builder().token_lifetime(lifetime)).await;
    let (person, vault) = alice(&scene).await;
    // What the identity provider signs now has ended here a moment ago.
    let ahead = scene.clock();
    let login = lasting(&scene, &person, vault.clone())
        .clock(Clock::new(move || {
            ahead.now() + lifetime + Duration::from_secs(10)
        }))
        .build()
        .expect("a login");
    for call in 1..=3 {
        let token = silently(&login).await.expect("within the leeway");
        assert_eq!(token.email(), Some("alice@example.com"));
        assert_eq!(scene.sandbox.calls().refresh, call);
    }
}

#[tokio::test]
async fn while_a_person_is_asked_in_another_process_nobody_takes_their_place() {
    let scene = Scene::new().await;
    let (person, vault) = alice(&scene).await;
    scene.pass(HOUR);
    // Bob is at the page when a service wants a token.
    let slow = Person::who(Deed::StayAway);
    let asks = lasting(&scene, &slow, vault.clone())
        .build()
        .expect("a login");
    let asking = tokio::spawn({
        let asks = asks.clone();
        async move { asks.sign_in().await }
    });
    while asked(&slow) == 0 {
        tokio::task::yield_now().await;
    }
    let service = lasting(&scene, &person, vault.clone())
        .build()
        .expect("a login");
    let waiting = tokio::spawn(async move { silently(&service).await });
    let link = slow.told().links[0].clone();
    keyless_tests::person::browse(&link, &Deed::SignInAs("bob".into())).await;
    let bob = asking.await.expect("no panic").expect("Bob signs in");
    assert_eq!(waiting.await.expect("no panic").expect("a token"), bob);
    assert_eq!(scene.sandbox.calls().refresh, 0);
    scene.pass(HOUR);
    let renewed = silently(&asks).await.expect("renewed");
    assert_eq!(renewed.subject(), bob.subject());
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_certified_identity_provider_rotates_and_ends_all_at_reuse() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    let (alice, vault) = (Alice::default(), MemoryStore::new());
    let login = || {
        Login::builder(provider.url(), "keyless", Http::default())
            .prompt(alice.clone())
            .scopes(["openid", "email", "offline_access"])
            .refresh_tokens_in(vault.clone())
            .dpop(false) // what is bound to a key it does not rotate
    };
    signed_in(login()).await;
    assert_eq!(kept_in(&vault), None, "it wants prompt=consent");

    let login = signed_in(login().authorize("prompt", "consent")).await;
    let first = kept_in(&vault).expect("kept");
    for _ in 0..3 {
        // As when STS calls the token expired.
        Source::forget(&login).await;
        let before = kept_in(&vault);
        let token = silently(&login).await.expect("renewed");
        assert_eq!(token.email(), Some("alice@example.com"));
        assert_ne!(kept_in(&vault), before, "it rotates");
    }
    let endpoint = format!("{}/token", provider.url());
    let (status, said) = spend(&endpoint, "keyless", &first).await;
    assert_eq!(
        (status.as_u16(), &said["error"]),
        (400, &"invalid_grant".into())
    );

    Source::forget(&login).await;
    is_login_required(silently(&login).await, "the family is revoked");
    assert_eq!(kept_in(&vault), None);
    login.proof(Interaction::Allowed).await.expect("asked");
    assert_eq!(alice.asked(), 3);
}

#[tokio::test]
async fn a_no_in_one_process_keeps_no_service_from_renewing() {
    let scene = Scene::new().await;
    let (person, vault) = alice(&scene).await;
    scene.pass(HOUR);
    person.will(Deed::Refuse);
    let login = lasting(&scene, &person, vault.clone()).build();
    let error = login.expect("a login").sign_in().await.expect_err("no");
    assert_eq!(error.kind(), TokenErrorKind::Refused);
    let service = lasting(&scene, &person, vault).build().expect("a login");
    silently(&service).await.expect("nobody needs to be asked");
}
