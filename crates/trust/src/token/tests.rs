//! Tokens good and bad, and what STS says to each.

use base64::engine::general_purpose::URL_SAFE;
use serde_json::json;

use super::*;
use crate::fixtures::{NOW, jwt, now, read};

const TAGS: &str = "https://aws.amazon.com/tags";
const ROLES: &str = "https://aws.amazon.com/roles";

/// What STS says to a token with these claims.
fn refusal(changes: &Value) -> String {
    read(changes).map_or_else(|refusal| refusal.message, |_| "accepted".to_owned())
}

#[test]
fn what_sts_says_to_a_token_of_the_wrong_shape() {
    const CLAIMS: &str = r#"{"iss":"https://id.example.com","sub":"alice","aud":"a","iat":1800000000,"exp":1800003600}"#;
    let good = jwt(r#"{"alg":"RS256"}"#, CLAIMS);
    assert!(Token::read(&good, now()).is_ok());
    for (tale, token) in [
        ("nothing", String::new()),
        ("an opaque access token", "ya29.a0AfH6SMBx".to_owned()),
        (
            "two parts",
            good.rsplit_once('.').expect("dots").0.to_owned(),
        ),
        ("four parts", format!("{good}.")),
        ("no base64url", good.replacen("ey", "e+", 1)),
        ("a header that is no object", jwt("[]", CLAIMS)),
        ("claims that are no object", jwt(r#"{"alg":"RS256"}"#, "7")),
        (
            "claims cut short",
            jwt(r#"{"alg":"RS256"}"#, &CLAIMS[..CLAIMS.len() - 1]),
        ),
        (
            "claims nested without end",
            jwt(r#"{"alg":"RS256"}"#, &"[".repeat(100_000)),
        ),
        (
            "an extension it must know",
            jwt(r#"{"alg":"RS256","crit":[]}"#, CLAIMS),
        ),
    ] {
        assert_eq!(
            Token::read(&token, now()).expect_err(tale).answer.id,
            "not-a-jwt",
            "{tale}"
        );
    }
}

#[test]
fn base64url_may_be_padded() {
    let parts = [
        r#"{"alg":"ES256"}"#,
        r#"{"iss":"i","sub":"s","aud":"a","iat":1800000000,"exp":1800003600}"#,
        "",
    ];
    let padded = parts.map(|part| URL_SAFE.encode(part)).join(".");
    assert!(padded.contains('='));
    assert!(Token::read(&padded, now()).is_ok());
}

#[test]
fn only_the_algorithms_of_sts_pass() {
    let with = |alg: &str| {
        let header = json!({"alg": alg}).to_string();
        Token::read(
            &jwt(
                &header,
                r#"{"iss":"i","sub":"s","aud":"a","iat":1800000000,"exp":1800003600}"#,
            ),
            now(),
        )
    };
    for alg in ALGORITHMS {
        assert_eq!(with(alg).expect("an algorithm of STS").algorithm(), alg);
    }
    for alg in ["PS256", "EdDSA", "HS256", "none", "rs256", ""] {
        assert_eq!(
            with(alg).expect_err(alg).answer.id,
            "not-validated",
            "{alg}"
        );
    }
}

#[test]
fn what_sts_says_to_missing_claims_and_to_audiences() {
    for (changes, said) in [
        (json!({}), "accepted"),
        // the required five, in their order
        (
            json!({"iss": "(absent)", "sub": "(absent)"}),
            "Missing a required claim: iss",
        ),
        (
            json!({"sub": "(absent)", "aud": "(absent)"}),
            "Missing a required claim: sub",
        ),
        (
            json!({"aud": "(absent)", "iat": "(absent)"}),
            "Missing a required claim: aud",
        ),
        (
            json!({"iat": "(absent)", "exp": "(absent)"}),
            "Missing a required claim: iat",
        ),
        (
            json!({"exp": "(absent)", "aud": []}),
            "Missing a required claim: exp",
        ),
        (
            json!({"sub": null}),
            "Unknown error validating third-party token",
        ),
        (json!({"sub": ""}), "accepted"),
        (json!({"sub": "x".repeat(300)}), "accepted"),
        // the audience comes before the time
        (
            json!({"aud": [], "exp": 0}),
            "Claim is not allowed to be empty: aud",
        ),
        (
            json!({"aud": [], "azp": "app"}),
            "Claim is not allowed to be empty: aud",
        ),
        (
            json!({"aud": ["a", "b"]}),
            "Token audience contains more than one audience while authorized party is not present",
        ),
        (json!({"aud": ["a", "b"], "azp": "c"}), "accepted"),
        (json!({"aud": ["a", "b"], "azp": ""}), "accepted"),
        (json!({"aud": ["a"]}), "accepted"),
    ] {
        assert_eq!(refusal(&changes), said, "{changes}");
    }
}

#[test]
fn what_sts_says_to_timestamps() {
    const INVALID_TIME: &str = "Invalid timestamp in token claims.";
    for (changes, said) in [
        // timestamps are whole numbers, or text that is one
        (json!({"iat": null}), INVALID_TIME),
        (json!({"exp": 1_800_003_600.5}), INVALID_TIME),
        (json!({"exp": "soon"}), INVALID_TIME),
        (json!({"nbf": null}), INVALID_TIME),
        (json!({"nbf": u64::MAX}), INVALID_TIME),
        (json!({"exp": (NOW + 60).to_string()}), "accepted"),
        // five minutes each way, to the second
        (json!({"iat": NOW + 300}), "accepted"),
        (
            json!({"iat": NOW + 301}),
            "Token issued in the future: 1800000301",
        ),
        (json!({"nbf": NOW + 300}), "accepted"),
        (
            json!({"nbf": NOW + 301}),
            "Token not yet valid: current date/time 1800000300 must be after or equal to the not-before date/time 1800000301",
        ),
        (json!({"exp": NOW - 299}), "accepted"),
        (
            json!({"exp": NOW - 300}),
            "Token expired: current date/time 1799999700 must be before the expiration date/time 1799999700",
        ),
        (
            json!({"exp": i64::MIN}),
            "Token expired: current date/time 1799999700 must be before the expiration date/time -9223372036854775808",
        ),
    ] {
        assert_eq!(refusal(&changes), said, "{changes}");
    }
}

#[test]
fn what_sts_says_to_session_tags() {
    const TAG_FORMAT: &str = "principal_tags passed in claim is not in correct format.";
    const TAGS_FORMAT: &str = "Session tags passed in claim are not in correct format.";
    for (changes, said) in [
        (json!({TAGS: "Project"}), TAGS_FORMAT),
        (json!({TAGS: null}), "accepted"),
        (json!({TAGS: {"principal_tags": ["Project"]}}), TAG_FORMAT),
        (
            json!({TAGS: {"principal_tags": {"Project": "X"}}}),
            TAG_FORMAT,
        ),
        (
            json!({TAGS: {"principal_tags": {"Project": []}}}),
            TAG_FORMAT,
        ),
        (
            json!({TAGS: {"principal_tags": {"Project": ["X", "Y"]}}}),
            TAG_FORMAT,
        ),
        (
            json!({TAGS: {"principal_tags": {"Project": [1]}}}),
            TAG_FORMAT,
        ),
        (
            json!({TAGS: {"transitive_tag_keys": "Project"}}),
            TAGS_FORMAT,
        ),
        (json!({TAGS: {"transitive_tag_keys": [1]}}), TAGS_FORMAT),
        (
            json!({"https://aws.amazon.com/tags/principal_tags/Project": ["X"]}),
            TAG_FORMAT,
        ),
        (
            json!({"https://aws.amazon.com/tags/transitive_tag_keys": "X"}),
            TAGS_FORMAT,
        ),
    ] {
        assert_eq!(refusal(&changes), said, "{changes}");
    }
}

#[test]
fn the_audience_that_counts_is_azp_even_an_empty_one() {
    for (changes, counts) in [
        (json!({}), "keyless"),
        (json!({"aud": ["one"]}), "one"),
        (json!({"azp": "app"}), "app"),
        (json!({"azp": ""}), ""),
        (json!({"aud": ["one", "two"], "azp": "app"}), "app"),
    ] {
        assert_eq!(
            read(&changes).expect("accepted").audience(),
            counts,
            "{changes}"
        );
    }
}

#[test]
fn a_number_as_subject_is_written_out() {
    assert_eq!(
        read(&json!({"sub": 4711})).expect("accepted").subject(),
        "4711"
    );
}

#[test]
fn of_two_claims_with_one_name_the_last_wins() {
    let claims =
        r#"{"iss":"i","sub":"mallory","sub":"alice","aud":"a","iat":1800000000,"exp":1800003600}"#;
    let token = Token::read(&jwt(r#"{"alg":"ES256"}"#, claims), now()).expect("accepted");
    assert_eq!(token.subject(), "alice");
    assert_eq!(token.key_id(), None);
}

#[test]
fn session_tags_come_in_two_forms() {
    for changes in [
        json!({TAGS: {"principal_tags": {"Project": ["X"]}, "transitive_tag_keys": ["Project"]}}),
        json!({"https://aws.amazon.com/tags/principal_tags/Project": "X", "https://aws.amazon.com/tags/transitive_tag_keys": ["Project"]}),
    ] {
        let token = read(&changes).expect("accepted");
        assert_eq!(
            token.tags().iter().collect::<Vec<_>>(),
            [(&"Project".to_owned(), &"X".to_owned())]
        );
        assert_eq!(token.transitive_tag_keys(), ["Project"]);
    }
}

#[test]
fn methods_are_a_list_or_one() {
    assert_eq!(
        read(&json!({"amr": ["pwd", "mfa"]}))
            .expect("accepted")
            .methods(),
        ["pwd", "mfa"]
    );
    assert_eq!(
        read(&json!({"amr": "pwd"})).expect("accepted").methods(),
        ["pwd"]
    );
    assert!(read(&json!({})).expect("accepted").methods().is_empty());
}

#[test]
fn the_roles_claim_binds_where_it_is_there() {
    const APP: &str = "arn:aws:iam::111122223333:role/app";
    for (claim, said) in [
        (json!("(absent)"), Ok(false)),
        (json!(null), Ok(false)),
        (json!([APP]), Ok(true)),
        (
            json!(format!("arn:aws:iam::111122223333:role/other ; {APP} ")),
            Ok(true),
        ),
        (json!(["nonsense", 7, APP]), Ok(true)),
        (
            json!(["arn:aws:iam::111122223333:role/App"]),
            Err("role-not-claimed"),
        ),
        (
            json!(["arn:aws:iam::111122223333:role/*"]),
            Err("role-not-claimed"),
        ),
        (json!(["nonsense"]), Err("no-roles-claimed")),
        (json!([]), Err("no-roles-claimed")),
        (json!(""), Err("no-roles-claimed")),
        (json!({"role": APP}), Err("roles-claim-format")),
        (json!(true), Err("roles-claim-format")),
    ] {
        let token = read(&json!({ROLES: claim})).expect("accepted");
        assert_eq!(
            token
                .check_roles_claim(APP)
                .map_err(|refusal| refusal.answer.id),
            said,
            "{claim}"
        );
    }
}

#[test]
fn debug_shows_whose_token_it_is_and_nothing_more() {
    let token = read(&json!({"email": "alice@example.com", "nonce": "n-0S6"})).expect("accepted");
    let shown = format!("{token:?}");
    assert!(
        shown.contains("https://id.example.com") && shown.contains("alice"),
        "{shown}"
    );
    assert!(
        !shown.contains("email") && !shown.contains("n-0S6") && !shown.contains("eyJ"),
        "{shown}"
    );
}

#[test]
fn a_source_identity_is_a_string() {
    let name = "https://aws.amazon.com/source_identity";
    assert_eq!(
        read(&json!({name: "alice"}))
            .expect("accepted")
            .source_identity(),
        Some("alice")
    );
    assert_eq!(
        read(&json!({name: null}))
            .expect("accepted")
            .source_identity(),
        None
    );
    assert_eq!(
        read(&json!({name: ["alice"]}))
            .expect_err("a list")
            .answer
            .id,
        "not-validated"
    );
}
