//! A line that somebody pastes while a sign-in waits: taken only where it brings this sign-in's `state`, and from no other page.
#![no_main]

use keyless_token::login::ResponseType;
use keyless_token::login::fuzz::{self, ISSUER, RETURNS_TO, STATE};
use libfuzzer_sys::fuzz_target;
use url::{Url, form_urlencoded};

fuzz_target!(|line: &str| {
    let response_type = [ResponseType::Code, ResponseType::IdToken][line.len() / 2 % 2];
    let iss_required = line.len() % 2 == 0;
    let (said, error) = match fuzz::pasted(line, response_type, iss_required) {
        Ok(Ok(said)) => (Some(said), None),
        Ok(Err(error)) => (Some(String::new()), Some(error)),
        Err(error) => (None, Some(error)),
    };
    for shown in error.iter().flat_map(|error| [error.to_string(), error.advice().unwrap_or_default().to_owned()]) {
        assert!(!shown.contains(char::is_control) && shown.chars().count() <= 301, "{shown:?}");
    }
    let Some(said) = said else { return };

    let line = line.trim().trim_matches(['"', '\'', '<', '>']);
    if let Ok(mut address) = Url::parse(line) {
        address.set_query(None);
        address.set_fragment(None);
        assert_eq!(address.as_str(), RETURNS_TO, "another page: {line:?}");
    }
    let (before, fragment) = line.split_once('#').unwrap_or((line, ""));
    let query = before.split_once('?').map_or("", |(_, query)| query);
    let is_response = |form: &str| {
        let all = |name: &str| -> Vec<String> {
            let found = form_urlencoded::parse(form.as_bytes()).filter(|(found, _)| found == name);
            found.map(|(_, value)| value.into_owned()).collect()
        };
        let name = match response_type {
            ResponseType::Code => "code",
            ResponseType::IdToken => "id_token",
        };
        let iss = all("iss");
        let right = error.is_some()
            || all(name) == [said.as_str()]
                && all("error").is_empty()
                && (iss == [ISSUER] || iss.is_empty() && !(iss_required && name == "code"));
        all("state") == [STATE] && right
    };
    // A browser leaves tabs and line ends out of an address.
    let plain = |text: &str| text.replace(['\t', '\n', '\r'], "");
    let bare = line.trim_start_matches(['?', '#']);
    assert!(
        [query, fragment, &plain(query), &plain(fragment), bare].into_iter().any(is_response),
        "taken for this sign-in's: {line:?}"
    );
});
