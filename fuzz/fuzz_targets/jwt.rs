//! A token as text, or its header and its claims as JSON on the first line and the lines after it.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
use keyless::{IdToken, SessionName};
use keyless_trust::token::Token;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    read(text);
    if let Some((header, claims)) = text.split_once('\n') {
        read(&format!(
            "{}.{}.c2ln",
            URL.encode(header),
            URL.encode(claims)
        ));
    }
});

fn read(raw: &str) {
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let at_sts = Token::read(raw.trim_ascii(), now);
    let token = match IdToken::parse(raw) {
        Ok(token) => token,
        Err(error) => {
            for shown in [Some(error.to_string().as_str()), error.advice()]
                .into_iter()
                .flatten()
            {
                assert!(!shown.contains(char::is_control), "{shown:?}");
            }
            return;
        }
    };
    let debug = format!("{token:?}");
    assert!(!debug.contains(token.expose()), "{debug}");
    assert!(!debug.contains(char::is_control), "{debug:?}");
    assert!(!token.who().contains(char::is_control), "{:?}", token.who());
    assert_eq!(
        IdToken::parse(token.expose())
            .expect("the same token")
            .identity(),
        token.identity()
    );
    let names = [
        SessionName::OfToken,
        SessionName::OfClaim("name".into()),
        SessionName::Fixed(token.subject().into()),
    ];
    for name in names.map(|name| name.for_token(&token)) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        assert!(
            (2..=64).contains(&name.len()) && name.chars().all(allowed),
            "{name:?}"
        );
    }
    // What both take must be the same to both.
    if let Ok(at_sts) = at_sts {
        assert_eq!(at_sts.issuer(), token.issuer());
        assert_eq!(at_sts.subject(), token.subject());
        assert_eq!(at_sts.audiences(), token.audience());
        assert_eq!(at_sts.algorithm(), token.algorithm());
        let _ = (at_sts.methods(), at_sts.audience(), at_sts.tags());
        let _ = at_sts.check_roles_claim("arn:aws:iam::111122223333:role/Developer");
        assert!(!format!("{at_sts:?}").contains(token.expose()));
    }
}
