//! An issuer's metadata: a `Date` header on the first line, then the document.
#![no_main]

use http::{HeaderMap, HeaderValue, header};
use keyless_token::login::fuzz::{self, ISSUER};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let line = data.iter().position(|byte| *byte == b'\n');
    let (date, document) = data.split_at(line.unwrap_or_default());
    let mut headers = HeaderMap::new();
    if let Ok(date) = HeaderValue::from_bytes(date) {
        headers.insert(header::DATE, date);
    }
    match fuzz::discovery(document, headers) {
        Ok(metadata) => {
            assert_eq!(metadata.issuer, ISSUER);
            for endpoint in metadata.endpoints {
                assert_eq!(endpoint.scheme(), "https", "{endpoint}"); // as its issuer
                assert!(endpoint.has_host(), "{endpoint}");
            }
        }
        Err(error) => {
            for shown in [Some(error.to_string().as_str()), error.advice()]
                .into_iter()
                .flatten()
            {
                assert!(!shown.contains(char::is_control), "{shown:?}");
            }
        }
    }
});
