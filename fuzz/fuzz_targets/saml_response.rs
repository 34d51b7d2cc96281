//! A SAML response from whoever: it is refused in words fit to be shown, or read, and then nothing that is read of it can do harm where it is shown.
#![no_main]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyless_token::SamlResponse;
use keyless_token::saml::Expected;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|xml: &[u8]| {
    let raw = BASE64_STANDARD.encode(xml);
    let response = match SamlResponse::parse(&raw) {
        Ok(response) => response,
        Err(error) => {
            is_fit(&error.to_string());
            is_fit(error.advice().unwrap_or_default());
            return;
        }
    };
    is_fit(&response.who());
    for pair in response.roles() {
        for arn in [&pair.role, &pair.provider] {
            assert!(arn.chars().all(|c| c.is_ascii_graphic()), "{arn:?}");
        }
    }
    if let Err(error) = response.check(&Expected::default(), response.issued_at()) {
        is_fit(&error.to_string());
        is_fit(error.advice().unwrap_or_default());
    }
    assert!(response.expires_at() <= response.confirmed_until());
    assert!(!format!("{response:?}").contains(&raw), "the response itself is shown");

    let again = SamlResponse::parse(response.expose()).expect("what was read can be read");
    assert_eq!(again.identity(), response.identity());
});

fn is_fit(shown: &str) {
    assert!(!shown.contains(char::is_control) && shown.chars().count() <= 301, "{shown:?}");
}
