//! The ways back to a sign-in beside the usual one: the page that passes a fragment on, the form, and what somebody pastes. What another program
//! on the machine, a web page in the person's own browser or a wrong line says there neither completes the sign-in nor ends it.
#![allow(clippy::too_many_lines, reason = "a table")]

use keyless::TokenErrorKind;
use keyless::login::{Flow, LoginBuilder, ResponseMode, ResponseType};
use keyless_sandbox::{Client, Sandbox};
use keyless_tests::browser::Browser;
use keyless_tests::neighbour::{Waiting, get, is_protected, say, status};
use keyless_tests::real;
use keyless_tests::scene::Scene;
use keyless_tests::webdriver::Chromium;
use url::Url;

/// A sandbox that lets its application have tokens through the browser, and asks nobody who they are.
async fn scene() -> Scene {
    let client = Client::new("keyless").implicit();
    Scene::of(Sandbox::builder().client(client).sign_in_as("alice")).await
}

fn by_fragment(login: LoginBuilder) -> LoginBuilder {
    login.response_type(ResponseType::IdToken)
}

fn by_form(login: LoginBuilder) -> LoginBuilder {
    by_fragment(login).response_mode(ResponseMode::FormPost)
}

/// The person signs in as if nothing had been.
async fn completes(waiting: Waiting, after: &str) {
    assert!(!waiting.sign_in.is_finished(), "{after} ended the sign-in");
    let page = Browser::default().sign_in(&waiting.link(), "alice").await;
    assert!(
        page.contains("Signed in as alice@example.com"),
        "{after}: {page}"
    );
    let token = waiting.sign_in.await.expect("no panic").expect(after);
    assert_eq!(token.email(), Some("alice@example.com"), "{after}");
}

/// The path that the page posts to.
fn relay_of(page: &str) -> &str {
    let path = page.split("data-to=\"").nth(1);
    path.and_then(|rest| rest.split('"').next())
        .expect("a path")
}

const RIGHT: &str = "Content-Type: application/x-www-form-urlencoded\r\nX-Keyless-Relay: 1";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn request(method: &str, target: &str, headers: &str, body: &str) -> String {
    let length = if body.is_empty() && method == "GET" {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let headers = if headers.is_empty() {
        String::new()
    } else {
        format!("{headers}\r\n")
    };
    format!("{method} {target} HTTP/1.1\r\nHost: AUTHORITY\r\n{headers}{length}\r\n{body}")
}

/// Each row at a sign-in of its own, which goes on.
async fn each(
    change: fn(LoginBuilder) -> LoginBuilder,
    rows: impl IntoIterator<Item = (&'static str, String, &'static str)>,
) {
    let scene = scene().await;
    for (who, said, answered) in rows {
        let waiting = Waiting::with(&scene, change).await;
        let (address, authority) = (waiting.address(), waiting.authority());
        let state = waiting.asked("state");
        assert_eq!(state.len(), STATE.len());
        let relay = if said.contains("RELAY") {
            let page = get(&Url::parse(&waiting.asked("redirect_uri")).expect("an address"));
            relay_of(&say(address, page).await).to_owned()
        } else {
            String::new()
        };
        let said = said
            .replace("RELAY", &relay)
            .replace("AUTHORITY", &authority)
            .replace("PORT", &address.port().to_string())
            // As long as what it stands for: the length has been told already.
            .replace(STATE, &state);
        let answer = say(address, said.into_bytes()).await;
        assert_eq!(status(&answer), answered, "{who}: {answer}");
        assert!(
            is_protected(&answer) && !answer.contains(&state),
            "{who}: {answer}"
        );
        completes(waiting, who).await;
    }
}

/// Stands for the state: 32 bytes in Base64.
const STATE: &str = "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS";

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn the_page_that_passes_a_fragment_on_takes_it_from_nobody_else() {
    let response = format!("id_token=a.b.c&state={STATE}");
    let relay =
        |headers: &str| request("POST", "RELAY", &format!("{RIGHT}\r\n{headers}"), &response);
    let typed = |headers: &str| request("POST", "RELAY", headers, &response);
    let said = |body: &str| request("POST", "RELAY", RIGHT, body);
    let page = |headers: &str| request("GET", "/callback", headers, "");
    let long = "x".repeat(1 << 20);
    each(by_fragment, [
        // The page itself, for who does not look at it.
        ("an image", page("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image"), "403"),
        ("a frame", page("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe"), "403"),
        ("a fenced frame", page("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: fencedframe"), "403"),
        ("fetch()", page("Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nOrigin: https://evil.example"), "403"),
        ("a prerendered page's script", page("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script"), "403"),
        ("HEAD", request("HEAD", "/callback", "", ""), "405"),
        ("a form to the page", request("POST", "/callback", FORM, &response), "405"),
        ("a query with another state", request("GET", "/callback?id_token=a.b.c&state=wrong", "", ""), "400"),
        ("an empty query", request("GET", "/callback?", "", ""), "400"),
        // A path that is guessed.
        ("a guess", request("POST", "/00000000000000000000000000000000", RIGHT, &response), "404"),
        ("a guess by name", request("POST", "/relay", RIGHT, &response), "404"),
        ("a longer path", request("POST", "RELAY/", RIGHT, &response), "404"),
        ("two slashes", request("POST", "/RELAY", RIGHT, &response), "404"),
        // Another web page in the person's browser, even one that knows path and state.
        ("a form", typed(FORM), "403"),
        ("a form with a query", request("POST", "RELAY?x", FORM, &response), "403"),
        ("fetch() without cors", typed("Content-Type: text/plain\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: cross-site\r\nOrigin: https://evil.example"), "403"),
        ("fetch() of another site", relay("Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example"), "403"),
        ("fetch() of another port", relay("Sec-Fetch-Site: same-site\r\nOrigin: http://127.0.0.1:1"), "403"),
        ("fetch() of another name for here", relay("Origin: http://localhost:PORT"), "403"),
        ("fetch() by https", relay("Origin: https://AUTHORITY"), "403"),
        ("fetch() of a page without an origin", relay("Origin: null"), "403"),
        ("a right site from a wrong origin", relay("Sec-Fetch-Site: same-origin\r\nOrigin: https://evil.example"), "403"),
        ("a right origin from a wrong site", relay("Sec-Fetch-Site: cross-site\r\nOrigin: http://AUTHORITY"), "403"),
        ("an extension that names no site", relay("Sec-Fetch-Site: none"), "403"),
        ("two origins", relay("Origin: http://AUTHORITY\r\nOrigin: https://evil.example"), "403"),
        ("two sites", relay("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site"), "403"),
        // A preflight: without a word of CORS in the answer the browser sends nothing.
        ("a preflight", request("OPTIONS", "RELAY", PREFLIGHT, ""), "405"),
        ("a preflight of the page", request("OPTIONS", "/callback", PREFLIGHT, ""), "405"),
        ("GET", request("GET", "RELAY", RIGHT, ""), "405"),
        ("PUT", request("PUT", "RELAY", RIGHT, &response), "405"),
        // Something else than what our script sends.
        ("no type", typed("X-Keyless-Relay: 1"), "403"),
        ("text", typed("X-Keyless-Relay: 1\r\nContent-Type: text/plain"), "403"),
        ("JSON", typed("X-Keyless-Relay: 1\r\nContent-Type: application/json"), "403"),
        ("two types", typed(&format!("{RIGHT}\r\n{FORM}")), "403"),
        ("several parts", typed("X-Keyless-Relay: 1\r\nContent-Type: multipart/form-data; boundary=x"), "403"),
        // Another program, which can send whatever it likes, and knows no state.
        ("nothing", said(""), "400"),
        ("another state", said("id_token=a.b.c&state=wrong"), "400"),
        ("no state", said("id_token=a.b.c"), "400"),
        ("a refusal with another state", said("error=access_denied&state=wrong"), "400"),
        ("the state twice", said(&format!("{response}&state={STATE}")), "400"),
        ("the token twice", said(&format!("{response}&id_token=a.b.c")), "400"),
        ("something unknown twice", said(&format!("{response}&x=1&x=2")), "400"),
        ("JSON in a form", said(&format!("{{\"state\":\"{STATE}\"}}")), "400"),
        ("no text", said("id_token=%FF%FE&state=%FF"), "400"),
        ("zeros", said("state=%00&id_token=\0"), "400"),
        ("a megabyte", said(&long), "413"),
        ("a body that claims to be huge", format!("POST RELAY HTTP/1.1\r\nHost: AUTHORITY\r\n{RIGHT}\r\nContent-Length: 99999999999\r\n\r\n"), "413"),
        ("a name that was rebound", relay("X: y").replace("Host: AUTHORITY", "Host: evil.example:PORT"), "421"),
    ])
    .await;
}

const PREFLIGHT: &str = "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\
     Access-Control-Request-Headers: content-type,x-keyless-relay\r\nAccess-Control-Request-Private-Network: true";

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_form_is_taken_from_a_page_that_a_person_looks_at_alone() {
    let response = format!("id_token=a.b.c&state={STATE}");
    let post = |headers: &str| request("POST", "/callback", headers, &response);
    let by = |headers: &str| post(&format!("{FORM}\r\n{headers}"));
    let said = |body: &str| request("POST", "/callback", FORM, body);
    let long = "x".repeat(1 << 20);
    each(by_form, [
        ("fetch()", by("Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nOrigin: https://evil.example"), "403"),
        ("fetch() without cors", by("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: empty"), "403"),
        ("a frame", by("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe"), "403"),
        ("an object", by("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: object"), "403"),
        ("a beacon", by("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: empty"), "403"),
        ("an image of the address", request("GET", "/callback", "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image", ""), "403"),
        ("a preflight", request("OPTIONS", "/callback", PREFLIGHT, ""), "405"),
        ("PUT", request("PUT", "/callback", FORM, &response), "405"),
        ("GET with nothing", request("GET", "/callback", "", ""), "400"),
        ("GET with another state", request("GET", "/callback?id_token=a.b.c&state=wrong", "", ""), "400"),
        ("another path", request("POST", "/callback/", FORM, &response), "404"),
        ("a relay", request("POST", "/relay", RIGHT, &response), "404"),
        ("no type", post(""), "415"),
        ("text, as a form may say", post("Content-Type: text/plain"), "415"),
        ("several parts", post("Content-Type: multipart/form-data; boundary=x"), "415"),
        ("JSON", post("Content-Type: application/json"), "415"),
        ("two types", post(&format!("{FORM}\r\nContent-Type: text/plain")), "415"),
        ("two types in one", post("Content-Type: text/plain, application/x-www-form-urlencoded"), "415"),
        ("another charset, another state", request("POST", "/callback", &format!("{FORM}; charset=utf-16"), "id_token=a.b.c&state=wrong"), "400"),
        ("nothing", said(""), "400"),
        ("the state in the address alone", request("POST", &format!("/callback?state={STATE}"), FORM, "id_token=a.b.c"), "400"),
        ("another state", said("id_token=a.b.c&state=wrong"), "400"),
        ("a refusal with another state", said("error=access_denied&state=wrong"), "400"),
        ("no state", said("id_token=a.b.c"), "400"),
        ("the state twice", said(&format!("{response}&state={STATE}")), "400"),
        ("the token twice", said(&format!("{response}&id_token=a.b.c")), "400"),
        ("no text", said("id_token=%FF%FE&state=%FF"), "400"),
        ("a megabyte", said(&long), "413"),
        ("a name that was rebound", by("X: y").replace("Host: AUTHORITY", "Host: evil.example:PORT"), "421"),
    ])
    .await;
}

/// The page holds a script of ours, and runs no other: nothing of what is in its address, or in its request, becomes a part of it.
#[tokio::test]
async fn the_page_that_passes_a_fragment_on_runs_our_script_alone() {
    let scene = scene().await;
    let waiting = Waiting::with(&scene, by_fragment).await;
    let redirect = Url::parse(&waiting.asked("redirect_uri")).expect("an address");
    let page = say(waiting.address(), get(&redirect)).await;
    let again = say(waiting.address(), get(&redirect)).await;
    let nonce = relay_of(&page).trim_start_matches('/');
    assert_eq!(nonce.len(), 32, "{page}");
    assert_eq!(relay_of(&again), relay_of(&page), "one sign-in, one path");
    let policy = format!(
        "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    for header in [
        policy.as_str(),
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
    ] {
        assert!(page.contains(header), "{header}: {page}");
    }
    assert!(
        !page.to_ascii_lowercase().contains("access-control-"),
        "{page}"
    );
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert!(!page.contains(&waiting.asked("state")), "{page}");
    completes(waiting, "a look at the page").await;

    let other = Waiting::with(&scene, by_fragment).await;
    let redirect = Url::parse(&other.asked("redirect_uri")).expect("an address");
    let others = say(other.address(), get(&redirect)).await;
    assert_ne!(relay_of(&others), relay_of(&page), "another sign-in");
}

fn by_paste(login: LoginBuilder) -> LoginBuilder {
    login.flows([Flow::Paste])
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn only_the_address_of_this_sign_in_is_taken_when_it_is_pasted() {
    let scene = scene().await;
    let earlier = Waiting::with(&scene, by_paste).await;
    let old = code_at(&earlier).await;
    earlier.person.pastes(old.as_str());
    earlier.sign_in.await.expect("no panic").expect("signed in");

    let (another, nothing) = (
        "the address of another page",
        "nothing that belongs to this",
    );
    let long = "x".repeat(1 << 20);
    let rows: [(&str, &str, &str); 32] = [
        ("nothing", "", nothing),
        ("a word", "yes", nothing),
        ("a code alone", "CODE", nothing),
        ("the request", "REQUEST", another),
        ("the link", "LINK", another),
        ("another host", "http://evil.example/callback?QUERY", another),
        ("another port", "http://127.0.0.1:1/callback?QUERY", another),
        ("another name for here", "http://localhost:PORT/callback?QUERY", another),
        ("another path", "http://AUTHORITY/callback/x?QUERY", another),
        ("another scheme", "https://AUTHORITY/callback?QUERY", another),
        ("a user in it", "http://AUTHORITY@evil.example/callback?QUERY", another),
        ("a user of ours", "http://someone@AUTHORITY/callback?QUERY", another),
        ("a script", "javascript:alert('QUERY')", another),
        ("data", "data:text/html,QUERY", another),
        ("a file", "file:///callback?QUERY", another),
        ("another state", "http://AUTHORITY/callback?code=CODE&state=wrong", nothing),
        ("no state", "http://AUTHORITY/callback?code=CODE", nothing),
        ("a code twice", "http://AUTHORITY/callback?QUERY&code=another", nothing),
        ("the state twice", "http://AUTHORITY/callback?QUERY&state=another", nothing),
        ("a refusal with another state", "http://AUTHORITY/callback?error=access_denied&state=wrong", nothing),
        ("the earlier sign-in's", "OLD", another),
        ("the earlier sign-in's, at this one's port", "http://AUTHORITY/callback?OLDQUERY", nothing),
        ("the earlier sign-in's, without the address", "OLDQUERY", nothing),
        ("a megabyte", "LONG", nothing),
        ("a megabyte in an address", "http://AUTHORITY/callback?code=LONG&state=wrong", nothing),
        // This sign-in's, and not whole: it was cut off where it was copied, or something got into it.
        ("a terminal's commands", "\u{1b}[200~http://AUTHORITY/callback?QUERY\u{1b}[201~", "(iss)"),
        ("a half", "http://AUTHORITY/callback?code=CODE&state=STATE", "promises to name itself"),
        ("a half of its end", "http://AUTHORITY/callback?code=CODE&state=STATE&iss=http://127", "(iss)"),
        ("no code", "http://AUTHORITY/callback?state=STATE&iss=ISSUER", "without a code"),
        ("an empty code", "code=&state=STATE&iss=ISSUER", "without a code"),
        ("another issuer", "http://AUTHORITY/callback?code=CODE&state=STATE&iss=https://evil.example", "(iss)"),
        ("a refusal by another issuer", "http://AUTHORITY/callback?error=access_denied&state=STATE&iss=https://evil.example", "(iss)"),
    ];
    for (line, pasted, said) in rows {
        let waiting = Waiting::with(&scene, by_paste).await;
        let before = scene.sandbox.calls().token;
        let callback = code_at(&waiting).await;
        let code = callback.query_pairs().find(|(name, _)| name == "code");
        let pasted = pasted
            .replace("OLDQUERY", old.query().expect("a response"))
            .replace("OLD", old.as_str())
            .replace("QUERY", callback.query().expect("a response"))
            .replace("CODE", &code.expect("a code").1)
            .replace("REQUEST", &waiting.person.told().urls[0])
            .replace("LINK", &waiting.link())
            .replace("LONG", &long)
            .replace("STATE", &waiting.asked("state"))
            .replace("ISSUER", scene.sandbox.issuer())
            .replace("AUTHORITY", &waiting.authority())
            .replace("PORT", &waiting.address().port().to_string());
        waiting.person.pastes(pasted);
        // What is right comes after it, and is taken.
        waiting.person.pastes(callback.as_str());
        let token = waiting.sign_in.await.expect("no panic").expect(line);
        assert_eq!(token.email(), Some("alice@example.com"), "{line}");
        let rejected = waiting.person.told().rejected;
        let [rejected] = &rejected[..] else {
            panic!("{line}: {rejected:?}");
        };
        assert!(rejected.contains(said), "{line}: {rejected}");
        for (_, value) in callback.query_pairs().filter(|(name, _)| name != "iss") {
            assert!(!rejected.contains(&*value), "{line}: {rejected}");
        }
        assert_eq!(scene.sandbox.calls().token, before + 1, "{line}");
    }
}

/// Where the browser of somebody who signs in at the sandbox ends.
async fn code_at(waiting: &Waiting) -> Url {
    let asked = &waiting.person.told().urls[0];
    let arrival = Browser::default()
        .sign_in_until(asked, "alice", "/callback")
        .await;
    arrival.address
}

#[tokio::test]
async fn what_belongs_to_the_sign_in_is_taken_however_it_was_copied() {
    let scene = scene().await;
    for (how, line) in [
        ("the address", "ADDRESS"),
        ("with spaces around it", "  ADDRESS\t "),
        ("in quotes", "\"ADDRESS\""),
        ("in single quotes", "'ADDRESS'"),
        ("in brackets, as mail writes it", "<ADDRESS>"),
        ("with an empty fragment, as some add", "ADDRESS#"),
        ("with a fragment, as some add", "ADDRESS#_=_"),
        ("as a browser shows it", "AUTHORITY/callback?QUERY"),
        (
            "as a browser shows it, in quotes",
            "\"AUTHORITY/callback?QUERY\"",
        ),
        ("what is behind the question mark", "QUERY"),
        ("with the question mark", "?QUERY"),
    ] {
        let waiting = Waiting::with(&scene, by_paste).await;
        let before = scene.sandbox.calls().token;
        let callback = code_at(&waiting).await;
        let line = line
            .replace("ADDRESS", callback.as_str())
            .replace("AUTHORITY", &waiting.authority())
            .replace("QUERY", callback.query().expect("a response"));
        waiting.person.pastes(line);
        let token = waiting.sign_in.await.expect("no panic").expect(how);
        assert_eq!(token.email(), Some("alice@example.com"), "{how}");
        assert!(waiting.person.told().rejected.is_empty(), "{how}");
        assert_eq!(scene.sandbox.calls().token, before + 1, "{how}");
    }
    // And a token that came behind the `#`.
    for line in ["ADDRESS", "#FRAGMENT", "FRAGMENT"] {
        let waiting = Waiting::with(&scene, |login| by_paste(by_fragment(login))).await;
        let address = code_at(&waiting).await;
        let pasted = line
            .replace("ADDRESS", address.as_str())
            .replace("FRAGMENT", address.fragment().expect("a response"));
        waiting.person.pastes(pasted);
        waiting.sign_in.await.expect("no panic").expect(line);
    }
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_refusal_that_is_pasted_ends_the_sign_in_and_a_code_of_nobodys_too() {
    let scene = scene().await;
    for (what, response, said) in [
        ("a refusal", "error=access_denied&error_description=no", "access_denied: no"),
        ("a refusal that echoes", "error=access_denied&error_description=not+STATE", "access_denied: not …"),
        ("a code of nobody's", "code=x", "invalid_grant"),
    ] {
        let waiting = Waiting::with(&scene, by_paste).await;
        let state = waiting.asked("state");
        waiting.person.pastes(format!(
            "{}?{}&state={state}&iss={}",
            waiting.asked("redirect_uri"),
            response.replace("STATE", &state),
            scene.sandbox.issuer(),
        ));
        let error = waiting.sign_in.await.expect("no panic").expect_err(what);
        assert_eq!(error.kind(), TokenErrorKind::Refused, "{what}: {error}");
        assert!(error.to_string().contains(said), "{what}: {error}");
        assert!(!format!("{error:?}").contains(&state), "{what}: {error:?}");
    }
}

/// One of them wins, and one code is redeemed once; the browser is told what came of it either way.
#[tokio::test]
async fn an_address_is_pasted_at_the_moment_at_which_the_browser_comes_back() {
    let scene = scene().await;
    for pasted_first in [true, false] {
        for _ in 0..10 {
            let waiting = Waiting::with(&scene, by_paste).await;
            let before = scene.sandbox.calls().token;
            let callback = code_at(&waiting).await;
            if pasted_first {
                waiting.person.pastes(callback.as_str());
            }
            let browser = tokio::spawn(say(waiting.address(), get(&callback)));
            if !pasted_first {
                tokio::task::yield_now().await;
                waiting.person.pastes(callback.as_str());
            }
            let token = waiting.sign_in.await.expect("no panic").expect("signed in");
            assert_eq!(token.email(), Some("alice@example.com"));
            assert!(waiting.person.told().rejected.is_empty());
            assert_eq!(scene.sandbox.calls().token, before + 1, "redeemed once");
            let _ = browser.await; // the port may have been closed by then
        }
    }
}

/// A page of another site in a real browser, which somehow knows all addresses: it can neither read nor send anything.
#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn another_sites_page_can_make_nothing_of_the_page_that_passes_a_fragment_on() {
    if real::parts().is_none() {
        return;
    }
    let (scene, browser) = (scene().await, Chromium::start().await);
    let waiting = Waiting::with(&scene, by_fragment).await;
    let callback = waiting.asked("redirect_uri");
    let page = say(
        waiting.address(),
        get(&Url::parse(&callback).expect("an address")),
    )
    .await;
    let relay = format!("http://{}{}", waiting.authority(), relay_of(&page));
    let state = waiting.asked("state");

    // The sandbox's own front page is the other site: another port, and so another origin.
    browser
        .open(&format!(
            "{}/.well-known/openid-configuration",
            scene.sandbox.issuer()
        ))
        .await;
    let script = TRIES
        .replace("CALLBACK", &callback)
        .replace("RELAY", &relay)
        .replace("STATE", &state);
    browser.run(&script).await;
    let tried = loop {
        let tried = browser.run("return window.tried").await;
        if tried.as_array().is_some_and(|tried| tried.len() == 6) {
            break tried;
        }
        tokio::task::yield_now().await;
    };
    for tried in tried.as_array().expect("a list") {
        let tried = tried.as_str().expect("a text");
        assert!(tried.ends_with(": nothing"), "{tried}");
    }
    assert!(!waiting.sign_in.is_finished(), "it ended the sign-in");

    // The person goes on, and nothing of the token stays where it can be found.
    browser.open(&waiting.link()).await;
    browser.see("Signed in as alice@example.com").await;
    let token = waiting.sign_in.await.expect("no panic").expect("signed in");
    let address = browser.address().await;
    let known = browser
        .run("return [location.href, document.referrer, JSON.stringify(history.state), document.cookie, JSON.stringify(performance.getEntries()), document.documentElement.outerHTML].join('\\n')")
        .await;
    let known = known.as_str().expect("a text");
    browser.back().await;
    let before = browser.address().await;
    for text in [address.as_str(), known, before.as_str()] {
        for secret in [state.as_str(), token.expose(), "id_token", "state="] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

/// What a page tries, and what it learns.
const TRIES: &str = "\
window.tried=[];const note=what=>got=>tried.push(what+': '+got),nothing=what=>()=>note(what)('nothing');\
const body='error=access_denied&state=STATE';\
fetch('CALLBACK').then(a=>a.text()).then(note('read the page'),nothing('read the page'));\
fetch('RELAY',{method:'POST',body,headers:{'content-type':'application/x-www-form-urlencoded','x-keyless-relay':'1'}}).then(a=>a.text()).then(note('post with the header'),nothing('post with the header'));\
fetch('RELAY',{method:'POST',body,mode:'no-cors',headers:{'content-type':'application/x-www-form-urlencoded'}}).then(async a=>(await a.text())||'nothing').then(note('post without'),nothing('post without'));\
navigator.sendBeacon('RELAY',new URLSearchParams(body));\
const frame=document.createElement('iframe');frame.src='CALLBACK#'+body;frame.onload=()=>{let got;try{got=frame.contentDocument.body.innerText}catch{}note('frame it')(got||'nothing')};document.documentElement.append(frame);\
const image=new Image();image.onload=()=>note('an image')('it loads');image.onerror=nothing('an image');image.src='CALLBACK';\
const script=document.createElement('script');script.onload=()=>note('a script')('it loads');script.onerror=nothing('a script');script.src='CALLBACK';document.documentElement.append(script);";
