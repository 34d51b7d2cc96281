//! What an identity provider may answer to a refresh token: one story for each answer, what is kept after it, and who is asked.
#![allow(clippy::too_many_lines, reason = "a table")]

use keyless::TokenErrorKind;
use keyless_tests::hostile::{
    ACCESS_TOKEN, Answer, Changes, REFRESH_TOKEN, Renewed, Signer, Token, half_hash, renew,
};
use serde_json::{Value, json};

/// What the renewal ends with, and which refresh token is kept then.
#[derive(Clone, Copy, Debug)]
enum Want {
    /// There is an ID token.
    Renewed(Kept),
    /// There is none, for a reason of this kind with this in it; who may be asked is.
    Asked(TokenErrorKind, &'static str, Kept),
    /// The same, but asking a person would not help.
    Later(&'static str, Kept),
}
use Want::{Asked, Later, Renewed as Good};

/// Which refresh token is kept.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Old,
    New,
    Nothing,
}
use Kept::{New, Nothing, Old};

type Story = (&'static str, Changes, Want);

/// The new token is kept also where what came with it is refused.
const fn invalid(said: &'static str) -> Want {
    Asked(TokenErrorKind::Invalid, said, New)
}

const fn not_oauth(said: &'static str) -> Want {
    Asked(TokenErrorKind::Invalid, said, Old)
}

const fn refused(said: &'static str) -> Want {
    Asked(TokenErrorKind::LoginRequired, said, Old)
}

fn token(renewed: fn(&mut Token, &str)) -> Changes {
    Changes {
        renewed,
        ..Changes::default()
    }
}

fn answer(renewal: fn(&mut Answer)) -> Changes {
    Changes {
        renewal,
        ..Changes::default()
    }
}

/// The person proved themselves at 7 when they signed in.
fn at_seven(changes: Changes) -> Changes {
    Changes {
        token: |token| token.claims["auth_time"] = json!(7),
        ..changes
    }
}

async fn each(stories: impl IntoIterator<Item = Story>) {
    for (story, changes, want) in stories {
        judge(story, &renew(changes).await, want);
    }
}

fn judge(story: &str, renewed: &Renewed, want: Want) {
    let (kind, said, kept) = match want {
        Good(kept) => (None, "", kept),
        Asked(kind, said, kept) => (Some(kind), said, kept),
        Later(said, kept) => (Some(TokenErrorKind::Unreachable), said, kept),
    };
    match (&renewed.result, kind) {
        (Ok(token), None) => assert_eq!(token.subject(), "alice", "{story}"),
        (Ok(_), Some(_)) => panic!("{story}: accepted"),
        (Err(error), None) => panic!("{story}: {error}"),
        (Err(error), Some(kind)) => {
            assert_eq!(error.kind(), kind, "{story}: {error}");
            let (shown, debugged) = (error.to_string(), format!("{error:?}"));
            assert!(shown.contains(said), "{story}: {shown}");
            assert!(error.advice().is_some(), "{story}: {shown}");
            for text in [shown, debugged] {
                for secret in &renewed.secrets {
                    let encoded: String =
                        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
                    let is_told = text.contains(secret) || text.contains(&encoded);
                    assert!(!is_told, "{story}: {secret} is in {text}");
                }
            }
        }
    }
    let number = match kept {
        Old => Some(1),
        New => Some(2),
        Nothing => None,
    };
    let expected = number.map(|number| format!("{REFRESH_TOKEN}{number}"));
    assert_eq!(renewed.kept, expected, "{story}: kept");

    // Who may be asked is, where that can help. Nobody is told that they are signed in who is not.
    let is_asked = matches!(want, Asked(..));
    assert_eq!(renewed.asked, usize::from(is_asked), "{story}: asked");
    match (&renewed.allowed, want) {
        (Ok(token), Good(_) | Asked(..)) => assert_eq!(token.subject(), "alice", "{story}"),
        (Err(error), Later(..)) => assert!(error.is_transient(), "{story}: {error}"),
        (other, _) => panic!("{story}: {other:?}"),
    }
    assert!(renewed.kept_at_last.is_some(), "{story}: kept at last");
    if is_asked {
        assert_ne!(renewed.kept_at_last, renewed.kept, "{story}: kept at last");
    }
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_refresh_token_is_replaced_by_the_one_that_comes() {
    each([
        ("a new one", Changes::default(), Good(New)),
        ("none: the old one stays good", answer(|answer| drop(members(answer).remove("refresh_token"))), Good(Old)),
        ("null", answer(|answer| answer.json["refresh_token"] = Value::Null), Good(Old)),
        ("an empty one", answer(|answer| answer.json["refresh_token"] = "".into()), Good(Old)),
        ("the same", answer(|answer| answer.json["refresh_token"] = answer.json["sent"].clone()), Good(Old)),
        ("a number", answer(|answer| answer.json["refresh_token"] = json!(7)), not_oauth("of another kind")),
        ("two", answer(|answer| answer.twice("refresh_token")), not_oauth("cannot be read")),
        ("no access token", answer(|answer| drop(members(answer).remove("access_token"))), not_oauth("missing field")),
    ])
    .await;
}

fn members(answer: &mut Answer) -> &mut serde_json::Map<String, Value> {
    answer.json.as_object_mut().expect("an object")
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn an_id_token_that_is_refused_does_not_cost_the_new_refresh_token() {
    each([
        ("no ID token", answer(|answer| drop(members(answer).remove("id_token"))), Asked(TokenErrorKind::LoginRequired, "without an ID token", New)),
        ("null", answer(|answer| answer.json["id_token"] = Value::Null), Asked(TokenErrorKind::LoginRequired, "without an ID token", New)),
        ("an empty one", answer(|answer| answer.json["id_token"] = "".into()), invalid("not accepted")),
        ("sub: another", token(|token, _| token.claims["sub"] = "bob".into()), invalid("(sub)")),
        ("iss: another", token(|token, _| token.claims["iss"] = "https://evil.example".into()), invalid("(iss)")),
        ("aud: another", token(|token, _| token.claims["aud"] = "another".into()), invalid("(aud)")),
        ("aud: one more", token(|token, _| token.claims["aud"] = json!(["keyless", "another"])), invalid("(aud)")),
        ("azp: another", token(|token, _| token.claims["azp"] = "another".into()), invalid("(azp)")),
        ("nonce: another", token(|token, _| token.claims["nonce"] = "another".into()), invalid("(nonce)")),
        ("nonce: empty", token(|token, _| token.claims["nonce"] = "".into()), invalid("(nonce)")),
        ("nonce: of the sign-in", token(|token, nonce| token.claims["nonce"] = nonce.into()), Good(New)),
        ("exp: an hour ago", token(|token, _| token.at("exp", -3600)), invalid("(exp)")),
        ("iat: an hour ago", token(|token, _| token.at("iat", -3600)), invalid("(iat)")),
        ("at_hash: of another token", token(|token, _| token.claims["at_hash"] = half_hash("another").into()), invalid("(at_hash)")),
        ("at_hash: right", token(|token, _| token.claims["at_hash"] = half_hash(ACCESS_TOKEN).into()), Good(New)),
        ("signed by a stranger", token(|token, _| token.signer = Signer::Stranger), invalid("signature is wrong")),
        ("signed by nobody", token(|token, _| { token.header["alg"] = "none".into(); token.signer = Signer::Nobody; }), invalid("not signed")),
        ("HS256 with the client's name", token(|token, _| { token.header["alg"] = "HS256".into(); token.signer = Signer::HmacOfClient; }), invalid("\"HS256\"")),
        ("a key that nobody knows", token(|token, _| token.header["kid"] = "next".into()), invalid("(kid)")),
        ("keys that cannot be had", Changes { keys: |answer, before| if before > 0 { answer.status = 503 }, ..Changes::default() }, Later("503", New)),
        ("auth_time: later than the sign-in's", at_seven(token(|token, _| token.claims["auth_time"] = json!(8))), invalid("(auth_time)")),
        ("auth_time: the sign-in's", at_seven(token(|token, _| token.claims["auth_time"] = json!(7))), Good(New)),
        ("auth_time: no more", at_seven(Changes::default()), Good(New)),
        ("auth_time: for the first time", token(|token, _| token.claims["auth_time"] = json!(7)), Good(New)),
    ])
    .await;
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_refusal_says_whether_a_person_can_help() {
    each([
        ("not good any more", answer(|answer| answer.refuse(json!({ "error": "invalid_grant" }))), Asked(TokenErrorKind::LoginRequired, "has ended the sign-in (invalid_grant), as was seen on ", Nothing)),
        ("not good any more, said with 401", answer(|answer| { answer.refuse(json!({ "error": "invalid_grant" })); answer.status = 401; }), Asked(TokenErrorKind::LoginRequired, "has ended the sign-in (invalid_grant), as was seen on ", Nothing)),
        ("a client that is not known", answer(|answer| { answer.refuse(json!({ "error": "invalid_client", "error_description": "who?" })); answer.status = 401; }), refused("does not renew the sign-in (invalid_client: who?)")),
        ("a client that may not", answer(|answer| answer.refuse(json!({ "error": "unauthorized_client" }))), refused("(unauthorized_client)")),
        ("another kind of grant", answer(|answer| answer.refuse(json!({ "error": "unsupported_grant_type" }))), refused("(unsupported_grant_type)")),
        ("a person is wanted, as Entra says it", answer(|answer| answer.refuse(json!({ "error": "interaction_required" }))), refused("(interaction_required)")),
        ("overloaded", answer(|answer| answer.refuse(json!({ "error": "temporarily_unavailable" }))), Later("temporarily_unavailable", Old)),
        ("broken", answer(|answer| answer.refuse(json!({ "error": "server_error" }))), Later("server_error", Old)),
        ("500", answer(|answer| answer.status = 500), Later("500", Old)),
        ("503, with a reason that is none", answer(|answer| { answer.refuse(json!({ "error": "invalid_grant" })); answer.status = 503; }), Later("503", Old)),
        ("too many requests", answer(|answer| answer.status = 429), Later("429", Old)),
        ("a web page", answer(html), not_oauth("Content-Type")),
        ("a web page that is said to be JSON", answer(|answer| answer.text = Some("<html>".into())), not_oauth("cannot be read as JSON")),
        ("ten megabytes", answer(|answer| answer.text = Some("x".repeat(10 << 20))), Later("longer than", Old)),
        ("a redirection", answer(|answer| { answer.status = 307; answer.headers.push(("location", "https://evil.example/token")); }), Asked(TokenErrorKind::Misconfigured, "redirects", Old)),
        ("an echo", answer(|answer| { let sent = answer.json["sent"].clone(); answer.refuse(json!({ "error": "invalid_request", "error_description": sent })); }), refused("(invalid_request: …)")),
        ("an echo for a code", answer(|answer| { let sent = answer.json["sent"].clone(); answer.refuse(json!({ "error": sent })); }), refused("(…)")),
        ("an echo of the form", answer(|answer| { let sent = encoded(answer.json["sent"].as_str().expect("text")); answer.refuse(json!({ "error": "invalid_request", "error_description": format!("refresh_token={sent}&") })); }), refused("(invalid_request: refresh_token=…&)")),
    ])
    .await;
}

fn html(answer: &mut Answer) {
    answer.headers.push(("content-type", "text/html"));
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
