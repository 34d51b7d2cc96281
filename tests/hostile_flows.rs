//! An identity provider that lies, or is broken, in each flow but the usual one: the token that comes through the browser, the code for another
//! device, and what a token says of what came with it.
#![allow(clippy::too_many_lines, reason = "a table")]

use std::time::Duration;

use keyless::TokenErrorKind;
use keyless::login::{Flow, LoginBuilder, ResponseMode, ResponseType};
use keyless_tests::hostile::{
    ACCESS_TOKEN, Answer, CODE, Changes, DEVICE_CODE, Outcome, Signer, Token, Want, half_hash,
    sign_in, sign_in_afar,
};
use keyless_tests::trace::Trace;
use serde_json::{Value, json};
use tracing::Level;

use Want::{Accepted, Refused};

type Story = (&'static str, Changes, Want);

const fn invalid(said: &'static str) -> Want {
    Refused(TokenErrorKind::Invalid, said)
}

const fn misconfigured(said: &'static str) -> Want {
    Refused(TokenErrorKind::Misconfigured, said)
}

const fn refused(said: &'static str) -> Want {
    Refused(TokenErrorKind::Refused, said)
}

/// Nothing that is traced meanwhile, at whatever level, holds a secret of the sign-in.
async fn listened_to(story: &str, sign_in: impl Future<Output = Outcome>) -> Outcome {
    let (trace, listening) = Trace::begin(Level::TRACE);
    let outcome = sign_in.await;
    drop(listening);
    outcome.keeps_secrets(story, &trace.text());
    outcome
}

async fn each(stories: impl IntoIterator<Item = Story>) {
    for (story, changes, want) in stories {
        let outcome = listened_to(story, sign_in(changes)).await;
        outcome.judge(story, want);
    }
}

fn token(token: fn(&mut Token)) -> Changes {
    Changes {
        token,
        ..Changes::default()
    }
}

/// With the token itself behind the `#`.
fn by_fragment(changes: Changes) -> Changes {
    let login = |login: LoginBuilder| login.response_type(ResponseType::IdToken);
    Changes { login, ..changes }
}

/// With the token itself in a form.
fn by_form(changes: Changes) -> Changes {
    let login = |login: LoginBuilder| {
        login
            .response_type(ResponseType::IdToken)
            .response_mode(ResponseMode::FormPost)
    };
    Changes { login, ..changes }
}

fn remove(token: &mut Token, claim: &str) {
    token.claims.as_object_mut().expect("claims").remove(claim);
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

type Response = fn(&mut Vec<(String, String)>, usize);

fn response(response: Response) -> Changes {
    Changes {
        response,
        ..Changes::default()
    }
}

/// What is not taken for an answer: the person comes once more, and it is right.
fn ignored(changes: Changes) -> Changes {
    Changes {
        visits: 2,
        ..changes
    }
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn what_a_token_says_of_the_code_and_the_request_is_true() {
    each([
        ("c_hash: right", token(|token| token.claims["c_hash"] = half_hash(CODE).into()), Accepted),
        ("c_hash: right, RS256", token(|token| { token.rsa(); token.claims["c_hash"] = half_hash(CODE).into(); }), Accepted),
        ("c_hash: of another code", token(|token| token.claims["c_hash"] = half_hash("another").into()), invalid("another code (c_hash)")),
        ("c_hash: of the access token", token(|token| token.claims["c_hash"] = half_hash(ACCESS_TOKEN).into()), invalid("another code (c_hash)")),
        ("c_hash: the code itself", token(|token| token.claims["c_hash"] = CODE.into()), invalid("another code (c_hash)")),
        ("c_hash: empty", token(|token| token.claims["c_hash"] = "".into()), invalid("(c_hash)")),
        ("c_hash: padded", token(|token| token.claims["c_hash"] = format!("{}==", half_hash(CODE)).into()), invalid("(c_hash)")),
        ("c_hash: a number", token(|token| token.claims["c_hash"] = json!(7)), invalid("OpenID Connect wants")),
        ("c_hash: a list", token(|token| token.claims["c_hash"] = json!([half_hash(CODE)])), invalid("OpenID Connect wants")),
        ("c_hash: null", token(|token| token.claims["c_hash"] = Value::Null), invalid("(c_hash)")),
        ("s_hash: right", token(|token| token.claims["s_hash"] = half_hash(&token.state).into()), Accepted),
        ("s_hash: right, RS256", token(|token| { token.rsa(); token.claims["s_hash"] = half_hash(&token.state).into(); }), Accepted),
        ("s_hash: of another request", token(|token| token.claims["s_hash"] = half_hash("another").into()), invalid("another request (s_hash)")),
        ("s_hash: empty", token(|token| token.claims["s_hash"] = "".into()), invalid("(s_hash)")),
        ("s_hash: a number", token(|token| token.claims["s_hash"] = json!(7)), invalid("(s_hash)")),
        ("s_hash: null", token(|token| token.claims["s_hash"] = Value::Null), invalid("(s_hash)")),
        ("at_hash: a number", token(|token| token.claims["at_hash"] = json!(7)), invalid("OpenID Connect wants")),
        ("at_hash: null", token(|token| token.claims["at_hash"] = Value::Null), invalid("(at_hash)")),
        ("at_hash: of the code", token(|token| token.claims["at_hash"] = half_hash(CODE).into()), invalid("another access token (at_hash)")),
        ("all of them, right", token(|token| for (claim, of) in [("c_hash", CODE.to_owned()), ("at_hash", ACCESS_TOKEN.to_owned()), ("s_hash", token.state.clone())] { token.claims[claim] = half_hash(&of).into(); }), Accepted),
    ])
    .await;
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_token_that_comes_through_the_browser_is_for_this_sign_in_and_signed() {
    for by in [by_fragment, by_form] {
        each([
            ("nothing wrong", by(Changes::default()), Accepted),
            ("RS256", by(token(Token::rsa)), Accepted),
            ("nonce: none", by(token(|token| remove(token, "nonce"))), invalid("(nonce)")),
            ("nonce: another", by(token(|token| token.claims["nonce"] = "another".into())), invalid("(nonce)")),
            ("nonce: empty", by(token(|token| token.claims["nonce"] = "".into())), invalid("(nonce)")),
            ("nonce: null", by(token(|token| token.claims["nonce"] = Value::Null)), invalid("(nonce)")),
            ("nonce: the state", by(token(|token| token.claims["nonce"] = token.state.as_str().into())), invalid("(nonce)")),
            ("iss: another", by(token(|token| token.claims["iss"] = "https://evil.example".into())), invalid("(iss)")),
            ("aud: another", by(token(|token| token.claims["aud"] = "another".into())), invalid("(aud)")),
            ("azp: another", by(token(|token| token.claims["azp"] = "another".into())), invalid("(azp)")),
            ("exp: an hour ago", by(token(|token| token.at("exp", -3600))), invalid("(exp)")),
            ("iat: an hour ago", by(token(|token| token.at("iat", -3600))), invalid("(iat)")),
            ("none", by(token(|token| { token.header["alg"] = "none".into(); token.signer = Signer::Nobody; })), invalid("not signed")),
            ("none, with a signature", by(token(|token| token.header["alg"] = "none".into())), invalid("\"none\"")),
            ("HS256 with the public key", by(token(|token| { token.header = json!({ "alg": "HS256", "kid": "rsa" }); token.signer = Signer::HmacOfKey; })), invalid("\"HS256\"")),
            ("HS256 with the client's name", by(token(|token| { token.header["alg"] = "HS256".into(); token.signer = Signer::HmacOfClient; })), invalid("\"HS256\"")),
            ("by a stranger", by(token(|token| token.signer = Signer::Stranger)), invalid("signature is wrong")),
            // What a hash is of did not come: somebody has taken it out, or sent the token of another flow.
            ("at_hash", by(token(|token| token.claims["at_hash"] = half_hash(ACCESS_TOKEN).into())), invalid("(at_hash)")),
            ("c_hash", by(token(|token| token.claims["c_hash"] = half_hash(CODE).into())), invalid("(c_hash)")),
            ("s_hash: right", by(token(|token| token.claims["s_hash"] = half_hash(&token.state).into())), Accepted),
            ("s_hash: another", by(token(|token| token.claims["s_hash"] = half_hash("another").into())), invalid("(s_hash)")),
            ("s_hash: a number", by(token(|token| token.claims["s_hash"] = json!(7))), invalid("(s_hash)")),
        ])
        .await;
    }
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn what_comes_through_the_browser_is_a_token_alone_and_comes_as_it_was_asked_for() {
    for by in [by_fragment, by_form] {
        each([
            ("an access token beside it", by(response(|back, _| back.push(pair("access_token", ACCESS_TOKEN)))), invalid("an access token through the browser")),
            ("an empty access token", by(response(|back, _| back.push(pair("access_token", "")))), invalid("an access token through the browser")),
            ("something unknown beside it", by(response(|back, _| back.push(pair("session_state", "1")))), Accepted),
            ("no token", by(response(|back, _| { back.remove(0); })), invalid("without an ID token")),
            ("an empty token", by(response(|back, _| back[0].1.clear())), invalid("without an ID token")),
            ("a code instead", by(response(|back, _| back[0] = pair("code", CODE))), invalid("without an ID token")),
            ("something else for a token", by(response(|back, _| back[0].1 = "none".into())), invalid("the ID token is not accepted")),
            ("iss: right", by(Changes::default()), Accepted),
            ("iss: another", by(response(|back, _| back.push(pair("iss", "https://evil.example")))), invalid("(iss)")),
            ("iss: promised and not there, as the token has one", by(Changes { discovery: promise_iss, ..Changes::default() }), Accepted),
            ("iss: promised and another", by(Changes { discovery: promise_iss, response: |back, _| back.push(pair("iss", "https://evil.example")), ..Changes::default() }), invalid("(iss)")),
            ("a refusal", by(response(|back, _| back[0] = pair("error", "access_denied"))), refused("access_denied")),
            ("a refusal with a token beside it", by(response(|back, _| back.push(pair("error", "access_denied")))), refused("access_denied")),
            ("a refusal of the flow", by(response(|back, _| back[0] = pair("error", "unsupported_response_type"))), refused("unsupported_response_type")),
            ("a refusal by another issuer", by(response(|back, _| back.extend([pair("error", "access_denied"), pair("iss", "https://evil.example")]))), invalid("(iss)")),
            ("a refusal that echoes what was sent", by(response(|back, _| { let state = back[1].1.clone(); let token = back[0].1.clone(); *back = vec![pair("error", &format!("no_{state}")), pair("error_description", &format!("{state}? {token}")), pair("state", &state)]; })), refused("no_…: …? eyJ")),
            // In the query of an address.
            ("in the query", by(Changes { mode: |_, _| ResponseMode::Query, ..Changes::default() }), invalid("in the query of an address")),
            ("a refusal in the query, as some say it", by(Changes { mode: |_, _| ResponseMode::Query, response: |back, _| back[0] = pair("error", "access_denied"), ..Changes::default() }), refused("access_denied")),
            // Not taken for this sign-in's.
            ("state: none", by(ignored(response(|back, before| if before == 0 { back.remove(1); }))), Accepted),
            ("state: another", by(ignored(response(|back, before| if before == 0 { back[1].1 = "another".into(); }))), Accepted),
            ("state: empty", by(ignored(response(|back, before| if before == 0 { back[1].1.clear(); }))), Accepted),
            ("the state twice", by(ignored(response(|back, before| if before == 0 { back.push(back[1].clone()); }))), Accepted),
            ("the token twice", by(ignored(response(|back, before| if before == 0 { back.push(back[0].clone()); }))), Accepted),
            ("another token first", by(ignored(response(|back, before| if before == 0 { back.insert(0, pair("id_token", "another")); }))), Accepted),
            ("an error with another state", by(ignored(response(|back, before| if before == 0 { *back = vec![pair("error", "access_denied"), pair("state", "another")]; }))), Accepted),
            ("nothing", by(ignored(response(|back, before| if before == 0 { back.clear(); }))), Accepted),
        ])
        .await;
    }
    each([
        ("a form, where a fragment was asked for", by_fragment(ignored(Changes { mode: |mode, before| if before == 0 { ResponseMode::FormPost } else { mode }, ..Changes::default() })), Accepted),
        ("a fragment, where a form was asked for", by_form(ignored(Changes { mode: |mode, before| if before == 0 { ResponseMode::Fragment } else { mode }, ..Changes::default() })), Accepted),
        ("half a megabyte in a form", by_form(ignored(response(|back, before| if before == 0 { back[0].1 = "x".repeat(1 << 19); }))), Accepted),
        // Where a code is asked for, a token that nobody looks at must not stand for what is looked at.
        ("a code by a form", Changes { login: |login| login.response_mode(ResponseMode::FormPost), ..Changes::default() }, Accepted),
        ("a code and a token", response(|back, _| back.push(pair("id_token", "anything"))), Accepted),
        ("a token instead of a code", response(|back, _| back[0].0 = "id_token".into()), invalid("without a code")),
        ("iss: promised, and a token instead of it", Changes { discovery: promise_iss, response: |back, _| back.push(pair("id_token", "anything")), ..Changes::default() }, invalid("(iss)")),
        // What the metadata says.
        ("a provider that has no such flow", by_fragment(Changes { discovery: |answer| answer.json["response_types_supported"] = json!(["code"]), ..Changes::default() }), misconfigured("response_type=id_token")),
        ("a provider that has no such form", by_form(Changes { discovery: |answer| answer.json["response_modes_supported"] = json!(["query", "fragment"]), ..Changes::default() }), misconfigured("response_mode=form_post")),
    ])
    .await;
}

fn promise_iss(answer: &mut Answer) {
    answer.json["authorization_response_iss_parameter_supported"] = true.into();
}

/// A story of the device flow, and at which seconds the token endpoint is asked.
type DeviceStory = (&'static str, Changes, Want, &'static [u64]);

fn device(device: fn(&mut Answer)) -> Changes {
    Changes {
        device,
        ..Changes::default()
    }
}

fn polled(polled: fn(&mut Answer, usize)) -> Changes {
    Changes {
        polled,
        ..Changes::default()
    }
}

async fn each_device<const N: usize>(stories: [DeviceStory; N]) {
    for (story, changes, want, polls) in stories {
        let login = |login: LoginBuilder| {
            login
                .flows([Flow::Device])
                .timeout(Duration::from_secs(400))
        };
        let changes = Changes { login, ..changes };
        let outcome = listened_to(story, sign_in_afar(changes)).await;
        outcome.judge(story, want);
        assert_eq!(outcome.polls, polls, "{story}");
    }
}

#[tokio::test(start_paused = true)]
#[rustfmt::skip] // one story, one line
async fn a_code_is_asked_for_at_the_pace_and_as_long_as_the_provider_says() {
    let late = |said| Refused(TokenErrorKind::TimedOut, said);
    each_device([
        ("tokens at once", Changes::default(), Accepted, &[5]),
        ("nothing after a success", polled(|answer, before| if before > 0 { answer.not_yet("authorization_pending"); }), Accepted, &[5]),
        ("not yet, twice", polled(|answer, before| if before < 2 { answer.not_yet("authorization_pending"); }), Accepted, &[5, 10, 15]),
        ("never", polled(|answer, _| answer.not_yet("authorization_pending")), late("nobody signed in"), NEVER),
        ("slow down, once", polled(|answer, before| if before == 0 { answer.not_yet("slow_down"); }), Accepted, &[5, 15]),
        ("slow down, and then not yet", polled(|answer, before| match before { 0 => answer.not_yet("slow_down"), 1 => answer.not_yet("authorization_pending"), _ => {} }), Accepted, &[5, 15, 25]),
        ("slow down, for ever", polled(|answer, _| answer.not_yet("slow_down")), late("nobody signed in"), &[5, 15, 30, 50, 75, 105, 140, 180, 225, 275]),
        ("a server that is not there, once", polled(|answer, before| if before == 0 { answer.status = 503; }), Accepted, &[5, 15]),
        ("too many requests, twice", polled(|answer, before| if before < 2 { answer.status = 429; }), Accepted, &[5, 15, 35]),
        ("a server that is not there, for ever", polled(|answer, _| answer.status = 503), late("nobody signed in"), &[5, 15, 35, 75, 135, 195, 255]),
        ("ten megabytes, once", polled(|answer, before| if before == 0 { answer.json["x"] = "x".repeat(10 << 20).into(); }), Accepted, &[5, 15]),
        ("interval: none", device(|answer| drop_member(answer, "interval")), Accepted, &[5]),
        ("interval: null", device(|answer| answer.json["interval"] = Value::Null), Accepted, &[5]),
        ("interval: 0", device(|answer| answer.json["interval"] = json!(0)), Accepted, &[1]),
        ("interval: 0, and not yet", Changes { device: |answer| answer.json["interval"] = json!(0), polled: |answer, before| if before < 2 { answer.not_yet("authorization_pending"); }, ..Changes::default() }, Accepted, &[1, 2, 3]),
        ("interval: 0, and a server that is not there", Changes { device: |answer| answer.json["interval"] = json!(0), polled: |answer, before| if before < 2 { answer.status = 503; }, ..Changes::default() }, Accepted, &[1, 2, 3]),
        ("interval: 30,000 years", device(|answer| answer.json["interval"] = json!(1_000_000_000_000_u64)), late("nobody signed in"), &[]),
        ("interval: the largest number", device(|answer| answer.json["interval"] = json!(u64::MAX)), late("nobody signed in"), &[]),
        ("interval: negative", device(|answer| answer.json["interval"] = json!(-1)), invalid("not an OAuth response"), &[]),
        ("interval: a text", device(|answer| answer.json["interval"] = "5".into()), invalid("not an OAuth response"), &[]),
        ("interval: a fraction", device(|answer| answer.json["interval"] = json!(0.5)), invalid("not an OAuth response"), &[]),
        ("expires_in: 0", device(|answer| answer.json["expires_in"] = json!(0)), late("within 0 seconds"), &[]),
        ("expires_in: 12", Changes { device: |answer| answer.json["expires_in"] = json!(12), polled: |answer, _| answer.not_yet("authorization_pending"), ..Changes::default() }, late("within 12 seconds"), &[5, 10]),
        ("expires_in: longer than anybody waits", Changes { device: |answer| answer.json["expires_in"] = json!(1_000_000_000_000_000_u64), polled: |answer, _| answer.not_yet("slow_down"), ..Changes::default() }, late("within 400 seconds"), &[5, 15, 30, 50, 75, 105, 140, 180, 225, 275, 330, 390]),
        ("expires_in: none", device(|answer| drop_member(answer, "expires_in")), invalid("expires_in"), &[]),
        ("expires_in: negative", device(|answer| answer.json["expires_in"] = json!(-1)), invalid("not an OAuth response"), &[]),
        ("expires_in: a text", device(|answer| answer.json["expires_in"] = "300".into()), invalid("not an OAuth response"), &[]),
        ("expires_in: null", device(|answer| answer.json["expires_in"] = Value::Null), invalid("not an OAuth response"), &[]),
    ])
    .await;
}

/// Every five seconds, for 300.
const NEVER: &[u64] = &{
    let mut polls = [0; 60];
    let mut poll = 0;
    while poll < polls.len() {
        polls[poll] = 5 * (poll as u64 + 1);
        poll += 1;
    }
    polls
};

fn drop_member(answer: &mut Answer, member: &str) {
    answer.json.as_object_mut().expect("members").remove(member);
}

#[tokio::test(start_paused = true)]
#[rustfmt::skip] // one story, one line
async fn what_is_asked_with_a_code_is_answered_as_oauth_wants() {
    each_device([
        ("a person's no", polled(|answer, _| answer.not_yet("access_denied")), refused("access_denied"), &[5]),
        ("a no after a while", polled(|answer, before| answer.not_yet(if before == 0 { "authorization_pending" } else { "access_denied" })), refused("access_denied"), &[5, 10]),
        ("expired", polled(|answer, _| answer.not_yet("expired_token")), Refused(TokenErrorKind::TimedOut, "before it expired"), &[5]),
        ("spent", polled(|answer, _| answer.not_yet("invalid_grant")), refused("invalid_grant"), &[5]),
        ("another client", polled(|answer, _| answer.not_yet("invalid_client")), refused("invalid_client"), &[5]),
        ("something unknown", polled(|answer, _| answer.not_yet("tired")), refused("tired"), &[5]),
        ("a terminal's commands", polled(|answer, _| answer.not_yet("\u{1b}[2J\u{202e}no")), refused("[2Jno"), &[5]),
        ("what was sent", polled(|answer, _| answer.refuse(json!({ "error": "invalid_grant", "error_description": format!("no {DEVICE_CODE}") }))), refused("(invalid_grant: no …)"), &[5]),
        ("no ID token", polled(|answer, _| drop_member(answer, "id_token")), misconfigured("no ID token"), &[5]),
        ("no access token", polled(|answer, _| drop_member(answer, "access_token")), invalid("access_token"), &[5]),
        ("not yet, with the status of a success", polled(|answer, _| answer.json = json!({ "error": "authorization_pending" })), invalid("not an OAuth response"), &[5]),
        ("a refusal without a word", polled(|answer, _| answer.refuse(json!({}))), invalid("not an OAuth response"), &[5]),
        ("a member twice", polled(|answer, _| answer.twice("id_token")), invalid("\"id_token\" twice"), &[5]),
        ("a page", polled(|answer, _| answer.text = Some("<html>".into())), invalid("cannot be read as JSON"), &[5]),
        ("nothing", polled(|answer, _| answer.text = Some(String::new())), invalid("cannot be read as JSON"), &[5]),
        ("302", polled(|answer, _| { answer.status = 302; answer.headers = vec![("location", "https://evil.example/")]; }), misconfigured("redirects"), &[5]),
        ("307", polled(|answer, _| { answer.status = 307; answer.headers = vec![("location", "/elsewhere")]; }), misconfigured("redirects"), &[5]),
        ("a token with a nonce", token(|token| token.claims["nonce"] = "of another flow".into()), invalid("(nonce)"), &[5]),
        ("a token with an empty nonce", token(|token| token.claims["nonce"] = "".into()), invalid("(nonce)"), &[5]),
        ("a token for another client", token(|token| token.claims["aud"] = "another".into()), invalid("(aud)"), &[5]),
        ("a token that was issued to another", token(|token| token.claims["azp"] = "another".into()), invalid("(azp)"), &[5]),
        ("a token from another issuer", token(|token| token.claims["iss"] = "https://evil.example".into()), invalid("(iss)"), &[5]),
        ("a token from an hour ago", token(|token| token.at("iat", -3600)), invalid("(iat)"), &[5]),
        ("an expired token", token(|token| token.at("exp", -3600)), invalid("(exp)"), &[5]),
        ("a token that nobody signed", token(|token| { token.header["alg"] = "none".into(); token.signer = Signer::Nobody; }), invalid("not signed"), &[5]),
        ("a token by a stranger", token(|token| token.signer = Signer::Stranger), invalid("signature is wrong"), &[5]),
        ("at_hash: right", token(|token| token.claims["at_hash"] = half_hash(ACCESS_TOKEN).into()), Accepted, &[5]),
        ("at_hash: of another token", token(|token| token.claims["at_hash"] = half_hash("another").into()), invalid("(at_hash)"), &[5]),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
#[rustfmt::skip] // one story, one line
async fn a_code_that_cannot_be_used_is_shown_to_nobody() {
    let unreachable = |said| Refused(TokenErrorKind::Unreachable, said);
    let stories: [(&str, Changes, Want); 31] = [
        ("device_code: none", device(|answer| drop_member(answer, "device_code")), invalid("device_code")),
        ("device_code: empty", device(|answer| answer.json["device_code"] = "".into()), invalid("no code for this machine")),
        ("device_code: a number", device(|answer| answer.json["device_code"] = json!(7)), invalid("not an OAuth response")),
        ("user_code: none", device(|answer| drop_member(answer, "user_code")), invalid("user_code")),
        ("user_code: empty", device(|answer| answer.json["user_code"] = "".into()), invalid("nobody can type in")),
        ("user_code: a terminal's commands", device(|answer| answer.json["user_code"] = "\u{1b}]0;x\u{7}".into()), invalid("nobody can type in")),
        ("user_code: another order of letters", device(|answer| answer.json["user_code"] = "AB\u{202e}CD".into()), invalid("nobody can type in")),
        ("user_code: two lines", device(|answer| answer.json["user_code"] = "AB\nsigned in".into()), invalid("nobody can type in")),
        ("user_code: a sentence", device(|answer| answer.json["user_code"] = "BLOCKED: see https://evil.example".into()), invalid("nobody can type in")),
        ("user_code: half a megabyte", device(|answer| answer.json["user_code"] = "x".repeat(1 << 19).into()), invalid("nobody can type in")),
        ("the page: none", device(|answer| drop_member(answer, "verification_uri")), invalid("verification_uri")),
        ("the page: no address", device(|answer| answer.json["verification_uri"] = "issuer.example/device".into()), invalid("not an OAuth response")),
        ("the page: in the clear", device(|answer| answer.json["verification_uri"] = "http://issuer.example/device".into()), misconfigured("only https")),
        ("the page: a script", device(|answer| answer.json["verification_uri"] = "javascript:alert(1)".into()), misconfigured("only https")),
        ("the page: longer than a screen", device(|answer| answer.json["verification_uri"] = format!("https://issuer.example/{}", "x".repeat(2048)).into()), invalid("an address of 2071 characters")),
        ("the page: data", device(|answer| answer.json["verification_uri"] = "data:text/html,x".into()), misconfigured("only https")),
        ("the page: looks like another", device(|answer| answer.json["verification_uri"] = "https://issuer.example@evil.example/device".into()), invalid("names a user")),
        ("the page: looks like another, with a password", device(|answer| answer.json["verification_uri"] = "https://:issuer.example@evil.example/device".into()), invalid("names a user")),
        ("the link: in the clear", device(|answer| answer.json["verification_uri_complete"] = "http://issuer.example/device?user_code=WDJB-MJHT".into()), misconfigured("only https")),
        ("the link: a script", device(|answer| answer.json["verification_uri_complete"] = "javascript:alert(1)".into()), misconfigured("only https")),
        ("the link: looks like another", device(|answer| answer.json["verification_uri_complete"] = "https://issuer.example@evil.example/device".into()), invalid("names a user")),
        ("a member twice", device(|answer| answer.twice("user_code")), invalid("\"user_code\" twice")),
        ("a page", device(|answer| answer.text = Some("<html>".into())), invalid("cannot be read as JSON")),
        ("nothing", device(|answer| answer.text = Some(String::new())), invalid("cannot be read as JSON")),
        ("ten megabytes", device(|answer| answer.json["x"] = "x".repeat(10 << 20).into()), unreachable("longer than")),
        ("302", device(|answer| { answer.status = 302; answer.headers = vec![("location", "https://evil.example/")]; }), misconfigured("redirects")),
        ("503", device(|answer| answer.status = 503), unreachable("503")),
        ("429", device(|answer| answer.status = 429), unreachable("429")),
        ("a refusal", device(|answer| answer.not_yet("unauthorized_client")), misconfigured("unauthorized_client")),
        ("an endpoint in the clear", Changes { discovery: |answer| answer.json["device_authorization_endpoint"] = "http://issuer.example/device".into(), ..Changes::default() }, misconfigured("only https")),
        ("no endpoint", Changes { discovery: |answer| drop_member(answer, "device_authorization_endpoint"), ..Changes::default() }, misconfigured("does not offer the device flow")),
    ];
    for (story, changes, want) in stories {
        let changes = Changes { login: |login| login.flows([Flow::Device]), ..changes };
        let outcome = listened_to(story, sign_in_afar(changes)).await;
        outcome.judge(story, want);
        assert_eq!(outcome.codes, [], "{story}");
        assert!(outcome.polls.is_empty(), "{story}");
    }
}

#[tokio::test(start_paused = true)]
#[rustfmt::skip] // one story, one line
async fn what_is_shown_of_a_code_leads_where_it_says() {
    let page = "https://issuer.example/device";
    let link = "https://issuer.example/device?user_code=WDJB-MJHT";
    let stories: [(&str, Changes, &str, Option<&str>); 7] = [
        ("both", Changes::default(), page, Some(link)),
        ("no link", device(|answer| drop_member(answer, "verification_uri_complete")), page, None),
        ("a link to another host", device(|answer| answer.json["verification_uri_complete"] = "https://evil.example/?user_code=WDJB-MJHT".into()), page, None),
        ("a link to another port", device(|answer| answer.json["verification_uri_complete"] = "https://issuer.example:8443/?user_code=WDJB-MJHT".into()), page, None),
        ("a page elsewhere, and the link with it", device(|answer| { answer.json["verification_uri"] = "https://short.example/d".into(); answer.json["verification_uri_complete"] = "https://short.example/d/WDJB".into(); }), "https://short.example/d", Some("https://short.example/d/WDJB")),
        ("as Google writes it", device(|answer| { answer.json["verification_url"] = answer.json["verification_uri"].take(); drop_member(answer, "verification_uri"); drop_member(answer, "verification_uri_complete"); }), page, None),
        ("a terminal's commands", device(|answer| { answer.json["verification_uri"] = "https://issuer.example/\u{1b}[2J\u{202e}\u{7}x".into(); drop_member(answer, "verification_uri_complete"); }), "https://issuer.example/%1B[2J%E2%80%AE%07x", None),
    ];
    for (story, changes, page, link) in stories {
        let changes = Changes { login: |login| login.flows([Flow::Device]), ..changes };
        let outcome = listened_to(story, sign_in_afar(changes)).await;
        outcome.judge(story, Accepted);
        let [shown] = &outcome.codes[..] else { panic!("{story}: {:?}", outcome.codes) };
        assert_eq!((shown.page.as_str(), shown.link.as_deref()), (page, link), "{story}");
        assert_eq!(shown.user_code, "WDJB-MJHT", "{story}");
    }
}
