//! Leaving: a person signs out at the identity provider, too, or the identity provider ends their sign-in.
#![allow(clippy::too_many_lines, reason = "a table")]

use std::process::Command;
use std::time::Duration;

use http::{Request, Response, header};
use keyless::login::{EndOfSession, SignOutPage};
use keyless::{
    BoxFuture, FileStore, Http, HttpClient, IdToken, Interaction, Key, Login, Source, TokenError,
    TokenErrorKind,
};
use keyless_loopback::keeps_other_users_out;
use keyless_sandbox::Sandbox;
use keyless_tests::binary;
use keyless_tests::browser::Browser;
use keyless_tests::hostile::{Answer, CLIENT, Changes, IdentityProvider};
use keyless_tests::person::{Deed, Person};
use keyless_tests::real;
use keyless_tests::renewal::{files_with, kept_in, spend};
use keyless_tests::scene::Scene;
use keyless_token::{HttpError, Limits};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

const HOUR: Duration = Duration::from_hours(1);
/// Longer than any of these stories.
const LONG: Duration = Duration::from_mins(10);

type Outcome = Result<EndOfSession, TokenError>;

/// Begins to sign out, and gives the link that the person is shown.
async fn leave(login: &Login, hint: Option<IdToken>) -> (String, JoinHandle<Outcome>) {
    let (shown, link) = oneshot::channel();
    let login = login.clone();
    let leaving = tokio::spawn(async move {
        let show = |page: &SignOutPage<'_>| {
            shown.send(page.link.to_owned()).expect("somebody looks");
        };
        login.end_session(hint.as_ref(), LONG, show).await
    });
    (link.await.expect("a page is shown"), leaving)
}

async fn get(address: &str, headers: &[(&'static str, &str)]) -> Response<Vec<u8>> {
    let mut request = Request::get(address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Vec::new()).expect("a request");
    let answer = Http::default().send(request, Limits::default()).await;
    answer.expect("an answer")
}

fn text(answer: &Response<Vec<u8>>) -> String {
    String::from_utf8(answer.body().clone()).expect("text")
}

/// The value of a hidden field.
fn field(page: &str, name: &str) -> Option<String> {
    let before = format!("name=\"{name}\" value=\"");
    let start = page.find(&before)? + before.len();
    let length = page[start..].find('"')?;
    Some(page[start..start + length].to_owned())
}

async fn signed_in(scene: &Scene, person: &Person) -> (Login, FileStore) {
    let vault = FileStore::new(scene.folder().join("vault"));
    let login = scene
        .login_builder(person)
        .scopes(["openid", "email", "offline_access"])
        .refresh_tokens_in(vault.clone())
        .build()
        .expect("a login");
    login.sign_in().await.expect("alice signs in");
    (login, vault)
}

fn token_of(login: &Login) -> Option<IdToken> {
    login.stored().map(|sign_in| sign_in.token().clone())
}

#[tokio::test]
async fn a_person_signs_out_here_and_at_the_identity_provider() {
    // A token that AWS would take stays here where somebody else could be first at the page, as they could for root.
    let at_once = Some(Duration::ZERO).filter(|_| keeps_other_users_out());
    for later in at_once.into_iter().chain([10 * HOUR]) {
        let scene = Scene::new().await;
        let (login, vault) = signed_in(&scene, &Person::called("alice")).await;
        let refresh_token = kept_in(&vault).expect("kept");
        scene.pass(later);
        let token = token_of(&login).expect("kept, expired or not");
        assert!(login.sign_out().await.expect("revoked"));

        let (link, leaving) = leave(&login, Some(token.clone())).await;
        assert!(!link.contains(token.expose()), "{link}");
        let page = Browser::default().sign_in(&link, "alice").await;
        assert!(page.contains("You are signed out"), "{page}");
        let outcome = leaving.await.expect("no panic").expect("signed out");
        assert_eq!(outcome, EndOfSession::CameBack);
        // Once to see whether it takes a form.
        assert_eq!(scene.sandbox.calls().end_session, 2);

        let endpoint = format!("{}/token", scene.sandbox.issuer());
        let (status, _) = spend(&endpoint, scene.sandbox.client_id(), &refresh_token).await;
        assert_eq!(status, 400);
        assert_eq!(entries(scene.folder()), Vec::<String>::new());
    }
}

/// What is left below `folder`, locks aside.
fn entries(folder: &std::path::Path) -> Vec<String> {
    let mut files = files_with(folder, "");
    files.retain(|file| std::path::Path::new(file).extension() != Some("lock".as_ref()));
    files
}

#[tokio::test]
async fn the_token_goes_by_a_form_to_that_address_alone_and_once() {
    let scene = Scene::new().await;
    let (login, _) = signed_in(&scene, &Person::called("alice")).await;
    let token = token_of(&login).expect("kept");
    let (link, leaving) = leave(&login, Some(token.clone())).await;
    let page = text(&get(&link, &[]).await);
    let has_it = page.contains(token.expose());
    assert_eq!(has_it, keeps_other_users_out(), "{page}");
    leaving.abort();

    scene.pass(10 * HOUR);
    let (link, leaving) = leave(&login, Some(token.clone())).await;
    let first = get(&link, &[]).await;
    let page = text(&first);
    let issuer = scene.sandbox.issuer();
    let csp = first.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .expect("text");
    assert!(
        csp.contains(&format!("form-action 'self' {issuer};")),
        "{csp}"
    );
    assert!(
        csp.contains("default-src 'none'") && csp.contains("script-src 'nonce-"),
        "{csp}"
    );
    assert!(
        page.contains(&format!("action=\"{issuer}/end_session\"")),
        "{page}"
    );
    assert!(
        page.contains("method=\"post\"") && page.contains("<button>"),
        "{page}"
    );
    assert_eq!(
        field(&page, "id_token_hint").as_deref(),
        Some(token.expose())
    );
    assert_eq!(field(&page, "client_id").as_deref(), Some("keyless"));
    let returns_to = field(&page, "post_logout_redirect_uri").expect("an address");
    assert!(returns_to.ends_with("/signed-out"), "{returns_to}");
    let nonce = csp
        .split("'nonce-")
        .nth(1)
        .and_then(|rest| rest.split('\'').next());
    assert!(page.contains(&format!("<script nonce=\"{}\">", nonce.expect("a nonce"))));

    let second = get(&link, &[]).await;
    assert_eq!(second.status(), 410);
    assert!(!text(&second).contains(token.expose()));
    leaving.abort();
}

/// An end session endpoint that does not take what the standard demands (RP-Initiated Logout 1.0 §2).
#[derive(Debug)]
struct TakesNoForms;

impl HttpClient for TakesNoForms {
    fn send(&self, request: Request<Vec<u8>>, limits: Limits) -> Sent<'_> {
        Box::pin(async move {
            if request.uri().path() == "/end_session" {
                assert_eq!(request.body(), b"client_id=keyless");
                return Ok(Response::builder()
                    .status(404)
                    .body(Vec::new())
                    .expect("one"));
            }
            Http::default().send(request, limits).await
        })
    }
}

type Sent<'a> = BoxFuture<'a, Result<Response<Vec<u8>>, HttpError>>;

#[tokio::test]
async fn where_no_form_is_taken_the_token_is_not_sent_at_all() {
    let scene = Scene::new().await;
    let (login, _) = signed_in(&scene, &Person::called("alice")).await;
    let token = token_of(&login).expect("kept");
    let issuer = scene.sandbox.issuer();
    let login = Login::builder(issuer, scene.sandbox.client_id(), TakesNoForms);
    let login = login.build().expect("a login");
    let (link, leaving) = leave(&login, Some(token.clone())).await;
    let first = get(&link, &[]).await;
    assert_eq!(first.status(), 303);
    let address = first.headers()[header::LOCATION].to_str().expect("text");
    assert!(address.starts_with(&format!("{issuer}/end_session?client_id=keyless&")));
    assert!(!address.contains("id_token_hint") && !address.contains(token.expose()));
    assert!(address.contains("state=") && address.contains("%2Fsigned-out"));
    leaving.abort();
}

#[tokio::test]
async fn without_a_token_the_identity_provider_is_told_who_and_asks() {
    let scene = Scene::new().await;
    let login = scene.login_builder(&Person::called("alice"));
    let login = login.authorize("login_hint", "alice@example.com\"><b>");
    let login = login.build().expect("a login");
    let (link, leaving) = leave(&login, None).await;
    let page = text(&get(&link, &[]).await);
    assert_eq!(field(&page, "id_token_hint"), None);
    let hint = field(&page, "logout_hint").expect("a hint");
    assert_eq!(hint, "alice@example.com&quot;&gt;&lt;b&gt;");
    leaving.abort();
}

#[tokio::test]
async fn strangers_neither_end_the_wait_nor_pass_for_the_identity_provider() {
    let scene = Scene::new().await;
    let (login, _) = signed_in(&scene, &Person::called("alice")).await;
    let (link, leaving) = leave(&login, token_of(&login)).await;
    let page = text(&get(&link, &[]).await);
    let returns_to = field(&page, "post_logout_redirect_uri").expect("an address");
    let state = field(&page, "state").expect("a state");
    let good = format!("{returns_to}?state={state}");
    for (story, address, headers, status) in [
        ("nothing", returns_to.clone(), &[][..], 400),
        ("another state", format!("{returns_to}?state=x"), &[], 400),
        ("an empty state", format!("{returns_to}?state="), &[], 400),
        ("more than the state", format!("{good}x"), &[], 400),
        ("the state twice", format!("{good}&state={state}"), &[], 400),
        (
            "an error of nobody's",
            format!("{returns_to}?error=x&state=y"),
            &[],
            400,
        ),
        (
            "another issuer",
            format!("{good}&iss=https%3A%2F%2Fevil.example"),
            &[],
            400,
        ),
        (
            "another path",
            good.replace("/signed-out", "/callback"),
            &[],
            404,
        ),
        (
            "an image of another page",
            good.clone(),
            &[("sec-fetch-mode", "no-cors")],
            403,
        ),
        (
            "a frame",
            good.clone(),
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
            403,
        ),
    ] {
        assert_eq!(get(&address, headers).await.status(), status, "{story}");
        assert!(!leaving.is_finished(), "{story}");
    }
    let navigation = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let answer = get(&good, &navigation).await;
    assert_eq!(answer.status(), 303);
    let end = Url::parse(&good).expect("an address");
    let end = end.join(answer.headers()[header::LOCATION].to_str().expect("text"));
    let last = text(&get(end.expect("an address").as_str(), &[]).await);
    assert!(
        last.contains("You are signed out") && !last.contains(&state),
        "{last}"
    );
    let outcome = leaving.await.expect("no panic").expect("signed out");
    assert_eq!(outcome, EndOfSession::CameBack);
}

#[tokio::test]
async fn an_identity_provider_that_says_no_is_quoted() {
    let scene = Scene::new().await;
    let (login, _) = signed_in(&scene, &Person::called("alice")).await;
    let (link, leaving) = leave(&login, token_of(&login)).await;
    let page = text(&get(&link, &[]).await);
    let returns_to = field(&page, "post_logout_redirect_uri").expect("an address");
    let state = field(&page, "state").expect("a state");
    let refusal =
        format!("{returns_to}?error=server_error&error_description=too%1Bbusy&state={state}");
    get(&refusal, &[]).await;
    let error = leaving.await.expect("no panic").expect_err("a no");
    assert_eq!(error.kind(), TokenErrorKind::Refused);
    assert!(
        error.to_string().contains("(server_error: toobusy)"),
        "{error}"
    );
}

#[tokio::test]
async fn who_does_not_come_back_is_waited_for_no_longer_than_said() {
    let scene = Scene::new().await;
    let (login, _) = signed_in(&scene, &Person::called("alice")).await;
    let token = token_of(&login);
    login.sign_out().await.expect("revoked");
    let outcome = login
        .end_session(token.as_ref(), Duration::ZERO, |_| {})
        .await;
    assert_eq!(outcome.expect("no failure"), EndOfSession::NotSeen);
    assert!(login.stored().is_none(), "signed out here all the same");
}

#[tokio::test]
async fn where_it_is_not_offered_the_way_by_hand_is_known() {
    let scene = Scene::of(Sandbox::builder().without_end_session()).await;
    let person = Person::called("alice");
    let nowhere = scene.login(&person);
    let page: Url = "https://issuer.example/bye".parse().expect("an address");
    let own = scene.login_builder(&person).sign_out_page(page.clone());
    let own = own.build().expect("a login");
    for (login, known) in [(nowhere, None), (own, Some(page))] {
        let shown = |_: &SignOutPage<'_>| panic!("there is no page");
        let outcome = login.end_session(None, LONG, shown).await;
        assert_eq!(
            outcome.expect("no failure"),
            EndOfSession::NotOffered(known.clone())
        );
        assert_eq!(login.sign_out_page().await.expect("no failure"), known);
    }
    let scene = Scene::new().await;
    let page = scene.login(&person).sign_out_page().await.expect("known");
    let issuer = scene.sandbox.issuer();
    assert_eq!(
        page.expect("a page").as_str(),
        format!("{issuer}/end_session?client_id=keyless")
    );
}

#[tokio::test]
async fn a_token_is_sent_nowhere_in_the_clear() {
    type Row = (&'static str, fn(&mut Answer));
    let rows: [Row; 4] = [
        ("http elsewhere", |answer| {
            answer.json["end_session_endpoint"] = "http://issuer.example/end".into();
        }),
        ("http at an address", |answer| {
            answer.json["end_session_endpoint"] = "http://192.0.2.1/end".into();
        }),
        ("another scheme", |answer| {
            answer.json["end_session_endpoint"] = "javascript:alert(1)".into();
        }),
        ("no address", |answer| {
            answer.json["end_session_endpoint"] = "/end".into();
        }),
    ];
    for (story, discovery) in rows {
        let changes = Changes {
            discovery,
            ..Changes::default()
        };
        let provider = IdentityProvider::start(changes).await;
        let login = Login::builder(provider.issuer(), CLIENT, Http::default());
        let login = login.build().expect("a login");
        let shown = |_: &SignOutPage<'_>| panic!("there is no page");
        let outcome = login.end_session(None, LONG, shown).await;
        let error = outcome.expect_err(story);
        assert_eq!(error.kind(), TokenErrorKind::Misconfigured, "{error}");
        let what = "the end session endpoint";
        assert!(error.to_string().contains(what), "{story}: {error}");
    }
}

#[tokio::test]
async fn the_identity_provider_ends_access_and_the_session_goes_on_to_its_end() {
    let scene = Scene::new().await;
    let (login, vault) = signed_in(&scene, &Person::called("alice")).await;
    let provider = || {
        let builder = scene.provider_builder("Developer", login.clone());
        builder.build().expect("a provider")
    };
    scene.pass(HOUR / 2);
    let session = provider().session().await.expect("a session");
    assert_eq!(login.ended(), None);
    assert!(scene.sandbox.end_person("alice"));

    // The sign-in is due, the session is not.
    scene.pass(HOUR / 2 + Duration::from_mins(1));
    let silently = login.proof(Interaction::Forbidden).await;
    let error = silently.expect_err("the sign-in has ended");
    assert_eq!(error.kind(), TokenErrorKind::LoginRequired);
    assert!(
        error
            .to_string()
            .contains("has ended the sign-in (invalid_grant"),
        "{error}"
    );
    let ended = login.ended().expect("known");
    assert!(ended.said().starts_with("invalid_grant"), "{ended:?}");
    assert_eq!(kept_in(&vault), None);
    let again = provider().session().await.expect("the session");
    assert_eq!(
        again.credentials().access_key_id(),
        session.credentials().access_key_id()
    );

    // No further than its end, whoever asks and however often.
    scene.pass(HOUR / 2);
    for _ in 0..3 {
        let error = provider().session().await.expect_err("it has ended");
        assert!(
            !error.to_string().contains("nobody is signed in"),
            "{error}"
        );
    }
    keyless::prune(&scene.store(), scene.clock().now() + Duration::from_mins(2));
    assert_eq!(
        files_with(scene.folder(), session.credentials().access_key_id()),
        Vec::<String>::new()
    );
    assert!(login.ended().is_some());

    // A month later nobody remembers.
    scene.pass(31 * 24 * HOUR);
    assert_eq!(login.ended(), None);
    keyless::prune(&scene.store(), scene.clock().now());
    let is_left = !files_with(scene.folder(), "invalid_grant").is_empty();
    assert!(!is_left);
    let error = login
        .proof(Interaction::Forbidden)
        .await
        .expect_err("nobody");
    assert!(error.to_string().contains("nobody is signed in"), "{error}");
}

#[tokio::test]
async fn the_next_sign_in_and_a_logout_make_it_forgotten() {
    for story in ["the next sign-in", "a logout"] {
        let scene = Scene::new().await;
        let person = Person::called("alice");
        let (login, vault) = signed_in(&scene, &person).await;
        let endpoint = format!("{}/revoke", scene.sandbox.issuer());
        let token = kept_in(&vault).expect("kept");
        let fields = [("token", token.as_str()), ("client_id", "keyless")];
        keyless_tests::renewal::post(&endpoint, &fields).await;
        scene.pass(HOUR);
        login
            .proof(Interaction::Forbidden)
            .await
            .expect_err("ended");
        assert!(login.ended().is_some(), "{story}");
        match story {
            "a logout" => assert!(!login.sign_out().await.expect("nothing to revoke")),
            _ => drop(
                login
                    .proof(Interaction::Allowed)
                    .await
                    .expect("alice signs in"),
            ),
        }
        assert_eq!(login.ended(), None, "{story}");
        assert_eq!(
            files_with(scene.folder(), "invalid_grant"),
            Vec::<String>::new()
        );
    }
}

#[tokio::test]
async fn what_is_remembered_holds_no_secret() {
    let scene = Scene::new().await;
    let (login, vault) = signed_in(&scene, &Person::called("alice")).await;
    let token = kept_in(&vault).expect("kept");
    scene.sandbox.end_person("alice");
    scene.pass(HOUR);
    login
        .proof(Interaction::Forbidden)
        .await
        .expect_err("ended");
    assert_eq!(files_with(scene.folder(), &token), Vec::<String>::new());
    let mark = Key::of("ended")
        .part("sign-in", login.key().to_string())
        .finish();
    let text = keyless::Store::load(&scene.store(), &mark)
        .expect("readable")
        .expect("there");
    let entry: serde_json::Value = serde_json::from_str(text.expose()).expect("JSON");
    let members: Vec<_> = entry["value"]
        .as_object()
        .expect("members")
        .keys()
        .collect();
    assert_eq!(members, ["ended_at", "said"]);
}

/// Opens the sign-in in `browser`, at whose pages `name` is typed where it is asked for; whose token comes of it.
async fn sign_in(browser: &mut Browser, login: &Login, person: &Person, name: &str) -> IdToken {
    let (count, signs_in) = (person.told().links.len(), login.clone());
    let signing_in = tokio::spawn(async move { signs_in.sign_in().await });
    let link = loop {
        if let Some(link) = person.told().links.into_iter().nth(count) {
            break link;
        }
        tokio::task::yield_now().await;
    };
    browser.sign_in(&link, name).await;
    let token = signing_in.await.expect("no panic");
    token.expect("somebody signs in")
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn at_a_certified_identity_provider_the_next_sign_in_asks_who_it_is() {
    let Some(parts) = real::parts() else { return };
    let identity_provider = parts.oidc_provider();
    let login = Login::builder(identity_provider.url(), "keyless", Http::default());
    let (person, mut browser) = (Person::who(Deed::StayAway), Browser::default());
    let login = login.prompt(person.clone()).build().expect("a login");
    let alice = sign_in(&mut browser, &login, &person, "alice").await;
    login.sign_out().await.expect("signed out");
    let again = sign_in(&mut browser, &login, &person, "bob").await;
    assert_eq!(again.subject(), "alice", "the browser is still signed in");

    login.sign_out().await.expect("signed out");
    let (link, leaving) = leave(&login, Some(alice)).await;
    let page = browser.sign_in(&link, "").await;
    assert!(page.contains("You are signed out"), "{page}");
    let outcome = leaving.await.expect("no panic").expect("signed out");
    assert_eq!(outcome, EndOfSession::CameBack);
    let next = sign_in(&mut browser, &login, &person, "bob").await;
    assert_eq!(next.subject(), "bob", "it asks who it is");
}

/// The line that `keyless logout` says, run by a shell at an IAM that knows what a policy is.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real parts: cargo xtask test"]
async fn the_policy_that_ends_sessions_gets_into_the_role_by_the_line_that_is_said() {
    let Some(parts) = real::parts() else { return };
    let moto = parts.moto();
    let home = tempfile::tempdir().expect("a folder");
    let config = "[identity.corp]\nissuer = \"http://127.0.0.1:9\"\nclient_id = \"keyless\"\n\
                  [profile.dev]\nidentity = \"corp\"\nrole = \"arn:aws:iam::111122223333:role/team/Developer\"\n";
    std::fs::write(home.path().join("config.toml"), config).expect("written");
    let shell = |script: &str| {
        let mut bash = parts.bash();
        let output = bash
            .args(["-c", script])
            .current_dir(home.path())
            .env("AWS_ENDPOINT_URL", moto.url())
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .output()
            .expect("bash starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {said}");
        String::from_utf8(output.stdout).expect("text")
    };
    shell(
        "aws iam create-role --role-name Developer --path /team/ --assume-role-policy-document '{}'",
    );
    for flag in [
        "--revocation-policy",
        "--revocation-policy=alice@example.com",
    ] {
        let out = Command::new(binary::keyless())
            .args(["logout", "dev", flag])
            .env_clear()
            .env("HOME", home.path())
            .env("KEYLESS_CONFIG", home.path().join("config.toml"))
            .output()
            .expect("keyless starts");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{said}");
        std::fs::write(home.path().join("policy.json"), &out.stdout).expect("written");
        let line = said.lines().find(|line| line.starts_with("  aws "));
        let line = line.unwrap_or_else(|| panic!("no line: {said}")).trim();
        shell(line);
        let name = line.split("--policy-name ").nth(1).expect("a name");
        let name = name.split(' ').next().expect("a name");
        let kept = shell(&format!(
            "aws iam get-role-policy --role-name Developer --policy-name {name} --query PolicyDocument"
        ));
        let json = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).expect("JSON");
        assert_eq!(json(kept.as_bytes()), json(&out.stdout));
    }
}
