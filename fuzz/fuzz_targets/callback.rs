//! A request to the listener that the browser comes back to: `METHOD TARGET`, then a header on each line.
#![no_main]

use std::collections::BTreeSet;

use http::Request;
use keyless_token::login::ResponseType;
use keyless_token::login::fuzz::{self, ISSUER, STATE};
use libfuzzer_sys::fuzz_target;
use url::form_urlencoded;

fuzz_target!(|text: &str| {
    let Some(request) = request(text) else { return };
    let is_callback = request.uri().path() == "/callback" && request.method() == "GET";
    let query = request.uri().query().unwrap_or_default().to_owned();
    let all = |name: &str| -> Vec<String> {
        let found = form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name);
        found.map(|(_, value)| value.into_owned()).collect()
    };
    let iss_required = text.len() % 2 == 0;
    let who: String = form_urlencoded::parse(query.as_bytes())
        .map(|(name, _)| name)
        .collect();

    let answer = fuzz::callback(request, ResponseType::Code, iss_required, &who);

    if answer.outcome.is_some() {
        assert!(
            is_callback && all("state") == [STATE],
            "taken for the person's own: {query:?}"
        );
    }
    match &answer.outcome {
        Some(Ok(code)) => {
            assert_eq!(all("code"), [code.as_str()]);
            assert!(all("error").is_empty());
            let iss = all("iss");
            assert!(
                iss == [ISSUER] || iss.is_empty() && !iss_required,
                "{query:?}"
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

fn request(text: &str) -> Option<Request<Vec<u8>>> {
    let mut lines = text.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    request.body(Vec::new()).ok()
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
    ])
}
