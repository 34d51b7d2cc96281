//! Every way a person signs in: a code for another device, a pasted address, the implicit flow; each ends in a session.

use std::time::Duration;

use http::{Request, header};
use keyless::login::{ClientAuthentication, Flow, LoginBuilder, ResponseMode, ResponseType};
use keyless::{Http, HttpClient, Interaction, Login, Source, TokenErrorKind};
use keyless_sandbox::{Client, Sandbox};
use keyless_tests::browser::Browser;
use keyless_tests::person::{Deed, Person};
use keyless_tests::scene::Scene;
use keyless_tests::trace::Trace;
use keyless_token::Limits;

/// What happens as soon as something has been shown.
async fn once<T>(shown: impl Fn() -> Option<T>) -> T {
    loop {
        if let Some(shown) = shown() {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn code_of(person: &Person) -> (String, Option<String>) {
    once(|| person.told().codes.into_iter().next()).await
}

fn quick() -> keyless_sandbox::Builder {
    Sandbox::builder().device_interval(Duration::from_secs(1))
}

#[tokio::test]
async fn a_code_is_entered_on_another_device() {
    let scene = Scene::of(quick()).await;
    let person = Person::who(Deed::StayAway);
    let login = scene
        .login_builder(&person)
        .flows([Flow::Device])
        .build()
        .expect("a login");
    let elsewhere = async {
        let (code, link) = code_of(&person).await;
        assert!(link.is_some_and(|link| link.contains(&code)));
        // Who waits for it in another process can be told the code.
        let shown = scene.login(&person).shown();
        assert!(shown.is_some_and(|shown| shown.contains(&code)));
        assert!(scene.sandbox.device_sign_in(&code, "alice"));
    };
    let (token, ()) = tokio::join!(login.proof(Interaction::Allowed), elsewhere);
    let token = token.expect("Alice signs in");
    assert_eq!(scene.login(&person).shown(), None);
    assert_eq!(token.email(), Some("alice@example.com"));
    assert_eq!(token.text_claim("nonce"), None);
    let told = person.told();
    assert_eq!(told.signed_in, [("alice@example.com".to_owned(), None)]);
    assert!(told.links.is_empty(), "a page was opened as well");

    let session = scene.provider("ReadOnly", login).session().await;
    let session = session.expect("a session");
    assert_eq!(session.session_name(), "alice@example.com");
}

#[tokio::test]
async fn what_a_code_is_asked_for_without_is_said() {
    for (name, said) in [("acr_values", true), ("access_type", false)] {
        let scene = Scene::of(quick()).await;
        let person = Person::who(Deed::StayAway);
        let (told, _listening) = Trace::begin(tracing::Level::WARN);
        let login = scene
            .login_builder(&person)
            .way("Google")
            .authorize(name, "high")
            .client_authentication(ClientAuthentication::None)
            .flows([Flow::Device])
            .build()
            .expect("a login");
        tokio::select! {
            token = login.sign_in() => panic!("{token:?}"),
            _ = code_of(&person) => {}
        }
        assert_eq!(
            told.text().contains("without acr_values;"),
            said,
            "{}",
            told.text()
        );
        assert!(!told.text().contains("high"), "{}", told.text());
    }
}

#[tokio::test]
async fn a_code_that_is_refused_or_expires_signs_nobody_in() {
    for refused in [true, false] {
        let lifetime = Duration::from_secs(if refused { 600 } else { 2 });
        let scene = Scene::of(quick().device_lifetime(lifetime)).await;
        let person = Person::who(Deed::StayAway);
        let login = scene
            .login_builder(&person)
            .flows([Flow::Device])
            .build()
            .expect("a login");
        let elsewhere = async {
            let (code, _) = code_of(&person).await;
            if refused {
                assert!(scene.sandbox.device_refuse(&code));
            }
        };
        let (token, ()) = tokio::join!(login.proof(Interaction::Allowed), elsewhere);
        let error = token.expect_err("nobody signs in");
        let wanted = if refused {
            TokenErrorKind::Refused
        } else {
            TokenErrorKind::TimedOut
        };
        assert_eq!(error.kind(), wanted, "{error}");
        // Whoever comes within half a minute hears the same, and nobody is asked again.
        let other = scene
            .login_builder(&person)
            .flows([Flow::Device])
            .build()
            .expect("a login");
        let again = other.proof(Interaction::Allowed).await.expect_err("a no");
        assert_eq!(again.to_string(), error.to_string());
        assert_eq!(person.told().codes.len(), 1);
    }
}

#[tokio::test]
async fn an_open_sign_in_is_called_off_for_another_or_by_a_logout() {
    for flow in [Flow::Browser, Flow::Device, Flow::Paste] {
        let scene = Scene::of(quick()).await;
        let absent = Person::who(Deed::StayAway);
        let open = scene.login_builder(&absent).flows([flow]).build();
        let open = open.expect("a login");
        let alice = Person::called("alice");
        let other = scene.login(&alice);
        assert!(!other.call_off(), "{flow:?}: nothing is open");
        for by_logout in [false, true] {
            let elsewhere = async {
                once(|| other.asking_since()).await;
                if by_logout {
                    assert!(!other.sign_out().await.expect("forgotten"), "{flow:?}");
                } else {
                    assert!(other.call_off(), "{flow:?}");
                }
            };
            let (token, ()) = tokio::join!(open.sign_in(), elsewhere);
            let error = token.expect_err("called off");
            assert_eq!(
                error.kind(),
                TokenErrorKind::LoginRequired,
                "{flow:?}: {error}"
            );
            assert!(
                error.to_string().contains("called off"),
                "{flow:?}: {error}"
            );
        }
        // It counts as nobody's no.
        let token = other.proof(Interaction::Allowed).await;
        assert!(token.is_ok(), "{flow:?}: {token:?}");
        assert_eq!(absent.told().signed_in, []);
    }
}

#[tokio::test]
async fn the_first_way_that_is_offered_is_taken() {
    let scene = Scene::of(Sandbox::builder().without_device_flow()).await;
    let person = Person::called("alice");
    let at = |flows: &[Flow]| {
        let login = scene.login_builder(&person).flows(flows.iter().copied());
        login.build().expect("a login")
    };
    let token = at(&[Flow::Device, Flow::Paste])
        .proof(Interaction::Allowed)
        .await;
    assert!(token.is_ok(), "{token:?}");
    let error = at(&[Flow::Device]).sign_in().await.expect_err("no device");
    assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
    assert!(
        error.to_string().contains("does not offer the device flow"),
        "{error}"
    );
    assert!(error.advice().is_some_and(|it| it.contains("--flow paste")));
}

/// Follows the redirects from `url` as Alice's browser on another machine, up to the address that it cannot open.
async fn elsewhere(url: &str, login: &str) -> String {
    let http = Http::default();
    let page = get(&http, url, None).await;
    let question = page
        .1
        .split("name=\"request\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a question");
    let form = format!("request={question}&person={login}");
    let at = url::Url::parse(url).expect("an address");
    let at = at.join("/sign-in").expect("an address");
    get(&http, at.as_str(), Some(form))
        .await
        .0
        .expect("sent on")
}

async fn get(http: &Http, url: &str, form: Option<String>) -> (Option<String>, String) {
    let request = match form {
        None => Request::get(url).body(Vec::new()),
        Some(form) => Request::post(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.into_bytes()),
    };
    let request = request.expect("a request");
    let answer = http.send(request, Limits::default()).await.expect("answer");
    let location = answer.headers().get(header::LOCATION);
    (
        location.map(|location| location.to_str().expect("text").to_owned()),
        String::from_utf8_lossy(answer.body()).into_owned(),
    )
}

#[tokio::test]
async fn the_address_at_which_a_browser_elsewhere_ends_is_pasted() {
    let scene = Scene::new().await;
    let person = Person::who(Deed::StayAway);
    let login = scene
        .login_builder(&person)
        .flows([Flow::Paste])
        .build()
        .expect("a login");
    let pasting = async {
        let url = once(|| person.told().urls.into_iter().next()).await;
        let ends_at = elsewhere(&url, "bob").await;
        assert!(ends_at.contains("/callback?"), "{ends_at}");
        person.pastes("https://issuer.example/somewhere/else");
        person.pastes(ends_at.replace("state=", "state=other"));
        person.pastes(format!("  {ends_at}\t"));
    };
    let (token, ()) = tokio::join!(login.proof(Interaction::Allowed), pasting);
    assert_eq!(
        token.expect("Bob signs in").email(),
        Some("bob@example.com")
    );
    let rejected = person.told().rejected;
    assert!(
        rejected[0].contains("another page") && rejected[1].contains("nothing that belongs"),
        "{rejected:?}"
    );
    assert_eq!(scene.sandbox.calls().token, 1);
}

#[tokio::test]
async fn a_browser_that_comes_back_after_all_is_as_good_as_a_pasted_address() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let login = scene
        .login_builder(&person)
        .flows([Flow::Paste])
        .build()
        .expect("a login");
    let token = login.proof(Interaction::Allowed).await.expect("signed in");
    assert_eq!(token.email(), Some("alice@example.com"));
    assert!(person.page(1).await.contains("Signed in as alice"));
}

/// A sign-in by which the token itself comes through the browser.
fn implicit(scene: &Scene, person: &Person) -> LoginBuilder {
    Login::builder(scene.sandbox.issuer(), "old-app", Http::default())
        .prompt(person.clone())
        .store(scene.store())
        .clock(scene.clock())
        .response_type(ResponseType::IdToken)
}

async fn with_an_old_application() -> Scene {
    let old = Client::new("old-app").implicit();
    Scene::of(Sandbox::builder().client(old).sign_in_as("alice")).await
}

#[tokio::test]
async fn an_application_that_allows_nothing_else_sends_the_token_through_the_browser() {
    for mode in [None, Some(ResponseMode::FormPost)] {
        let scene = with_an_old_application().await;
        let person = Person::who(Deed::StayAway);
        let mut login = implicit(&scene, &person);
        if let Some(mode) = mode {
            login = login.response_mode(mode);
        }
        let login = login.build().expect("a login");
        let browsing = async {
            let link = once(|| person.told().links.into_iter().next()).await;
            Browser::default().sign_in(&link, "alice").await
        };
        let (token, page) = tokio::join!(login.proof(Interaction::Allowed), browsing);
        let token = token.expect("Alice signs in");
        assert_eq!(token.audience(), ["old-app"]);
        assert!(page.contains("Signed in as alice@example.com"), "{page}");
        let asked = &person.told().urls[0];
        assert!(
            asked.contains("response_type=id_token&")
                && !asked.contains("response_type=id_token+token")
                && !asked.contains("code_challenge"),
            "{asked}"
        );
        assert_eq!(scene.sandbox.calls().token, 0, "nothing is redeemed");
    }
}

#[tokio::test]
async fn an_application_that_does_not_allow_it_is_told_what_to_do() {
    let scene = with_an_old_application().await;
    let person = Person::who(Deed::StayAway);
    let login = scene
        .login_builder(&person)
        .response_type(ResponseType::IdToken)
        .build()
        .expect("a login");
    let browsing = async {
        let link = once(|| person.told().links.into_iter().next()).await;
        Browser::default().sign_in(&link, "alice").await
    };
    let (token, _) = tokio::join!(login.proof(Interaction::Allowed), browsing);
    let error = token.expect_err("not allowed");
    assert_eq!(error.kind(), TokenErrorKind::Refused);
    assert!(
        error
            .advice()
            .is_some_and(|it| it.contains("response_type")),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_the_identity_provider_does_not_offer_opens_no_page() {
    let scene = Scene::new().await;
    let person = Person::called("alice");
    let login = scene
        .login_builder(&person)
        .response_type(ResponseType::IdToken)
        .build()
        .expect("a login");
    let error = login.sign_in().await.expect_err("not offered");
    assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
    assert!(
        error.to_string().contains("response_type=id_token"),
        "{error}"
    );
    assert_eq!(person.told().links.len(), 0);
}

#[test]
fn a_code_for_another_device_is_no_way_to_an_implicit_token() {
    let login = |flows: &[Flow]| {
        Login::builder("https://issuer.example", "app", Http::default())
            .response_type(ResponseType::IdToken)
            .flows(flows.iter().copied())
            .build()
    };
    assert!(login(&[Flow::Device, Flow::Paste]).is_ok());
    let error = login(&[Flow::Device]).expect_err("refused");
    assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
    assert!(error.to_string().contains("another device"), "{error}");
}

#[test]
fn a_token_is_never_asked_for_in_a_query() {
    let login = || Login::builder("https://issuer.example", "app", Http::default());
    for (response_type, mode, said) in [
        (ResponseType::IdToken, ResponseMode::Query, "must not come"),
        (ResponseType::Code, ResponseMode::Fragment, "a code comes"),
    ] {
        let built = login().response_type(response_type).response_mode(mode);
        let error = built.build().expect_err("refused");
        assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
        assert!(error.to_string().contains(said), "{error}");
    }
}
