//! A request to the listener that the browser comes back to: `METHOD TARGET`, then a header on each line, an empty line, and a body.
#![no_main]

use std::collections::BTreeSet;

use http::Request;
use keyless_token::login::{ResponseMode, ResponseType};
use keyless_token::login::fuzz::{self, ISSUER, STATE};
use libfuzzer_sys::fuzz_target;
use url::form_urlencoded;

fuzz_target!(|text: &str| {
    let Some(request) = request(text) else { return };
    let (head, body) = request.clone().into_parts();
    let wants = [
        (ResponseType::Code, ResponseMode::Query),
        (ResponseType::Code, ResponseMode::FormPost),
        (ResponseType::IdToken, ResponseMode::Fragment),
        (ResponseType::IdToken, ResponseMode::FormPost),
    ];
    let (response_type, mode) = wants[text.len() / 2 % wants.len()];
    let iss_required = text.len() % 2 == 0;
    // What may be taken for a response, and how it came.
    let (form, came) = match (head.method.as_str(), head.uri.path(), mode) {
        ("GET", "/callback", _) => (
            head.uri.query().unwrap_or_default().into(),
            Some(ResponseMode::Query),
        ),
        ("POST", "/callback", ResponseMode::FormPost) => (body, Some(mode)),
        ("POST", "/relay", ResponseMode::Fragment)
            if head.headers.contains_key("x-keyless-relay")
                && is(&head.headers, "sec-fetch-site", "same-origin")
                && is(&head.headers, "origin", "http://127.0.0.1:1") =>
        {
            (body, Some(mode))
        }
        _ => (Vec::new(), None),
    };
    let all = |name: &str| -> Vec<String> {
        let found = form_urlencoded::parse(&form).filter(|(found, _)| found == name);
        found.map(|(_, value)| value.into_owned()).collect()
    };
    let who: String = form_urlencoded::parse(&form).map(|(name, _)| name).collect();

    let answer = fuzz::callback(request, response_type, mode, iss_required, &who);

    if answer.outcome.is_some() {
        assert!(
            came.is_some() && all("state") == [STATE],
            "taken for the person's own: {text:?}"
        );
        assert!(is(&head.headers, "sec-fetch-mode", "navigate") || came == Some(ResponseMode::Fragment));
    }
    match &answer.outcome {
        Some(Ok(said)) => {
            let is_code = response_type == ResponseType::Code;
            let name = if is_code { "code" } else { "id_token" };
            assert_eq!(all(name), [said.as_str()]);
            assert!(all("error").is_empty());
            let iss = all("iss");
            assert!(
                iss == [ISSUER] || iss.is_empty() && !(iss_required && is_code),
                "{text:?}"
            );
            assert!(
                is_code || came != Some(ResponseMode::Query) && all("access_token").is_empty(),
                "{text:?}"
            );
        }
        Some(Err(error)) => {
            for shown in [Some(error.to_string().as_str()), error.advice()]
                .into_iter()
                .flatten()
            {
                assert!(!shown.contains(char::is_control), "{shown:?}");
            }
        }
        None => {}
    }
    let body = std::str::from_utf8(answer.response.body()).expect("text");
    for page in [body, answer.page.as_deref().unwrap_or_default()] {
        let unknown: Vec<&str> = tags(page).difference(&tags_of_ours()).copied().collect();
        assert!(unknown.is_empty(), "{unknown:?} in {page}");
        assert!(
            !page.contains(|c: char| c.is_control() && c != '\n'),
            "{page:?}"
        );
    }
});

/// Whether the header says this wherever it is there.
fn is(headers: &http::HeaderMap, name: &str, wanted: &str) -> bool {
    headers.get_all(name).iter().all(|value| value == wanted)
}

fn request(text: &str) -> Option<Request<Vec<u8>>> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    request.body(body.into()).ok()
}

/// Whatever stands between `<` and `>`.
fn tags(page: &str) -> BTreeSet<&str> {
    let starts = page.split('<').skip(1);
    starts
        .map(|tag| tag.split('>').next().unwrap_or(tag))
        .collect()
}

fn tags_of_ours() -> BTreeSet<&'static str> {
    BTreeSet::from([
        "!doctype html",
        "html lang=\"en\"",
        "/html",
        "head",
        "/head",
        "meta charset=\"utf-8\"",
        "meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"",
        "meta http-equiv=\"refresh\" content=\"1\"",
        "title",
        "/title",
        "style",
        "/style",
        "body",
        "/body",
        "main class=\"good\"",
        "main class=\"neutral\"",
        "main class=\"bad\"",
        "/main",
        "div class=\"sign\" aria-hidden=\"true\"",
        "div role=\"status\"",
        "/div",
        "h1",
        "/h1",
        "p",
        "/p",
        "code",
        "/code",
        // The page that passes a fragment on.
        "noscript",
        "/noscript",
        "p data-text=\"empty\" hidden",
        "p data-text=\"other\" hidden",
        "p data-text=\"gone\" hidden",
        "script nonce=\"relay\" data-to=\"/relay\"",
        "/script",
    ])
}
