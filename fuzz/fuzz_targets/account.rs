//! What `aws iam get-account-authorization-details` prints, as it comes, with a token to be tried and without.
#![no_main]

use std::io::Read;
use std::time::{Duration, UNIX_EPOCH};

use keyless_trust::audit::{Audit, AuditError, Candidate, Danger, Survey};
use keyless_trust::token::Token;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let survey = Survey::new().read(data);
    // It does not matter in which pieces a file comes.
    let (first, rest) = data.split_at(data.len() / 2);
    let pieces = Survey::new().read(first.chain(rest));
    assert_eq!(format!("{survey:?}"), format!("{pieces:?}"));

    let with_token = Survey::with(candidate()).read(data);
    match (&survey, &with_token) {
        (Ok(survey), Ok(with_token)) => compare(survey, with_token),
        (Err(error), Err(same)) => {
            assert_eq!(error.to_string(), same.to_string());
            check_error(error, data);
            compare(error.so_far(), same.so_far());
        }
        _ => panic!("the token decides whether the file can be read"),
    }
});

fn check_error(error: &AuditError, data: &[u8]) {
    one_line(&error.to_string());
    assert!(!error.is_io(), "nothing fails to read memory: {error}");
    let Some((line, column)) = error.position() else {
        let is_utf16 = data.starts_with(&[0xff, 0xfe]) || data.starts_with(&[0xfe, 0xff]);
        return assert!(is_utf16, "without a place: {error}");
    };
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let text = line.checked_sub(1).and_then(|line| lines.get(line));
    let length = text
        .unwrap_or_else(|| panic!("{error}, and there are {} lines", lines.len()))
        .len();
    assert!(
        (1..=length + 1).contains(&column),
        "{error}, and it has {length} bytes"
    );
}

/// What a token would get changes nothing else.
fn compare(audit: &Audit, with_token: &Audit) {
    check(audit);
    assert!(audit.roles.iter().all(|role| role.token.is_none()));
    assert!(with_token.roles.iter().all(|role| role.token.is_some()));
    let mut without = with_token.clone();
    without.roles.iter_mut().for_each(|role| role.token = None);
    assert_eq!(format!("{audit:?}"), format!("{without:?}"));
    assert!(with_token.taken().count() + with_token.near().count() <= with_token.roles.len());
}

fn check(audit: &Audit) {
    assert!(audit.roles.len() + audit.unreadable.len() <= audit.roles_read);
    assert!(audit.accounts.len() <= audit.roles_read);
    assert!(
        audit
            .services
            .values()
            .all(|count| (1..=audit.roles_read).contains(count))
    );
    assert_eq!(audit.at_least(Danger::Low), audit.roles.len());
    assert!(audit.roles.is_sorted_by(|a, b| a.danger >= b.danger));
    for role in &audit.roles {
        assert!(audit.accounts.contains(&role.account));
        one_line(&role.power.to_string());
        assert_eq!(
            role.ways.iter().map(|way| way.danger).max(),
            Some(role.danger)
        );
        for way in &role.ways {
            assert!(way.statement > 0);
            one_line(&way.who());
            one_line(&way.because());
            one_line(&way.from.to_string());
            way.faults.iter().for_each(|fault| one_line(&fault.message));
        }
    }
    audit.unreadable.iter().for_each(|role| one_line(&role.why));
    serde_json::to_string(audit).expect("JSON");
}

fn candidate() -> Candidate {
    let claims = json!({"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com",
        "sub": "repo:acme/app:ref:refs/heads/main", "repository": "acme/app", "iat": 1_700_000_000, "exp": 1_700_000_300,
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["blue"]}}});
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let claims = claims.as_object().expect("an object").clone();
    Candidate::new(Token::from_claims(claims, now).expect("a good token")).near_misses()
}

fn one_line(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}
