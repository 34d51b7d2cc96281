//! An identity provider that lies, or is broken: one story for each way, and the rule that the refusal names.

use std::io::{Read as _, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use keyless::login::LoginBuilder;
use keyless::{IdToken, TokenErrorKind};
use keyless_tests::hostile::{
    ACCESS_TOKEN, Answer, CODE, Changes, Elsewhere, HTTPS_ISSUER, IdentityProvider, Impatient,
    Signer, Token, Want, ec_jwk, half_hash, is_harmless, rsa_jwk, sign_in, sign_in_by,
    stranger_jwk, stream, twice,
};
use keyless_tests::real;
use serde_json::{Value, json};

use Want::{Accepted, Refused};

type Story = (&'static str, Changes, Want);

/// What a story changes of one answer.
type Change = fn(&mut Answer);

const fn invalid(said: &'static str) -> Want {
    Refused(TokenErrorKind::Invalid, said)
}

const fn misconfigured(said: &'static str) -> Want {
    Refused(TokenErrorKind::Misconfigured, said)
}

fn token(token: fn(&mut Token)) -> Changes {
    Changes {
        token,
        ..Changes::default()
    }
}

fn grant(grant: Change) -> Changes {
    Changes {
        grant,
        ..Changes::default()
    }
}

fn discovery(discovery: Change) -> Changes {
    Changes {
        discovery,
        ..Changes::default()
    }
}

fn keys(keys: fn(&mut Answer, usize)) -> Changes {
    Changes {
        keys,
        ..Changes::default()
    }
}

fn response(response: fn(&mut Vec<(String, String)>, usize)) -> Changes {
    Changes {
        response,
        ..Changes::default()
    }
}

/// With settings of the sign-in.
fn with(login: fn(LoginBuilder) -> LoginBuilder, changes: Changes) -> Changes {
    Changes { login, ..changes }
}

async fn each(stories: impl IntoIterator<Item = Story>) {
    for (story, changes, want) in stories {
        sign_in(changes).await.judge(story, want);
    }
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_signature_must_be_by_a_key_that_the_issuer_publishes_for_it() {
    each([
        ("nothing wrong", Changes::default(), Accepted),
        ("RS256", token(Token::rsa), Accepted),
        ("ES256 by a stranger", token(|token| token.signer = Signer::Stranger), invalid("signature is wrong")),
        ("RS256 by no key at all", token(|token| { token.rsa(); token.signer = Signer::Ec; }), invalid("signature is wrong")),
        ("RS256, altered afterwards", Changes { token: Token::rsa, grant: alter_subject, ..Changes::default() }, invalid("signature is wrong")),
        ("ES256, altered afterwards", grant(alter_subject), invalid("signature is wrong")),
        ("HS256 with the public key", token(|token| { token.header["alg"] = "HS256".into(); token.header["kid"] = "rsa".into(); token.signer = Signer::HmacOfKey; }), invalid("\"HS256\"")),
        ("HS256 with the client's name", token(|token| { token.header["alg"] = "HS256".into(); token.signer = Signer::HmacOfClient; }), invalid("\"HS256\"")),
        ("RS256 that is an HMAC with the public key", token(|token| { token.rsa(); token.signer = Signer::HmacOfKey; }), invalid("signature is wrong")),
        ("none, with a signature", token(|token| token.header["alg"] = "none".into()), invalid("\"none\"")),
        ("none, without", token(|token| { token.header["alg"] = "none".into(); token.signer = Signer::Nobody; }), invalid("not signed")),
        ("no signature", token(|token| token.signer = Signer::Nobody), invalid("not signed")),
        ("null for an algorithm", token(|token| token.header["alg"] = Value::Null), invalid("\"none\"")),
        ("no algorithm", token(|token| token.header = json!({ "kid": "ec" })), invalid("\"none\"")),
        ("PS256", token(|token| token.header["alg"] = "PS256".into()), invalid("\"PS256\"")),
        ("RS256, where ES256 alone is offered", Changes { discovery: offer_es256, token: Token::rsa, ..Changes::default() }, invalid("(alg)")),
        ("ES384 on a P-256 key", Changes { discovery: |answer| { answer.json["id_token_signing_alg_values_supported"] = json!(["ES384"]) }, token: |token| token.header["alg"] = "ES384".into(), ..Changes::default() }, invalid("signature is wrong")),
        ("ES512", Changes { discovery: |answer| { answer.json["id_token_signing_alg_values_supported"] = json!(["ES512"]) }, token: |token| token.header["alg"] = "ES512".into(), ..Changes::default() }, invalid("cannot verify yet")),
        ("nothing said of algorithms", discovery(|answer| answer.json["id_token_signing_alg_values_supported"] = json!([])), Accepted),
    ])
    .await;
}

fn offer_es256(answer: &mut Answer) {
    answer.json["id_token_signing_alg_values_supported"] = json!(["ES256"]);
}

/// Another subject under the signature of the first.
fn alter_subject(answer: &mut Answer) {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
    let token = answer.json["id_token"].as_str().expect("a token");
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts");
    };
    let claims = String::from_utf8(URL.decode(claims).expect("base64url")).expect("text");
    let claims = URL.encode(claims.replace("alice", "admin"));
    answer.json["id_token"] = format!("{header}.{claims}.{signature}").into();
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn the_key_is_the_one_that_is_named_and_nothing_in_the_header_is_one() {
    each([
        ("no name, one key", Changes { keys: |answer, _| answer.json = json!({ "keys": [ec_jwk()] }), token: nameless, ..Changes::default() }, Accepted),
        ("no name, one key of the kind", token(nameless), Accepted),
        ("no name, several keys", Changes { keys: |answer, _| answer.json = json!({ "keys": [ec_jwk(), stranger_jwk("next")] }), token: nameless, ..Changes::default() }, invalid("several keys")),
        ("two keys of one name", keys(|answer, _| answer.json = json!({ "keys": [ec_jwk(), stranger_jwk("ec")] })), invalid("(kid)")),
        ("another's key under the name", keys(|answer, _| answer.json = json!({ "keys": [stranger_jwk("ec")] })), invalid("signature is wrong")),
        ("a key for encryption", keys(|answer, _| answer.json["keys"][1]["use"] = "enc".into()), invalid("(kid)")),
        ("a key that may not verify", keys(|answer, _| answer.json["keys"][1]["key_ops"] = json!(["encrypt"])), invalid("(kid)")),
        ("a key that may verify", keys(|answer, _| answer.json["keys"][1]["key_ops"] = json!(["verify"])), Accepted),
        ("a key for another algorithm", keys(|answer, _| answer.json["keys"][1]["alg"] = "ES384".into()), invalid("(kid)")),
        ("a key of another kind under the name", keys(|answer, _| { answer.json = json!({ "keys": [rsa_jwk()] }); answer.json["keys"][0]["kid"] = "ec".into(); }), invalid("(kid)")),
        ("an RSA key that is too short", Changes { keys: |answer, _| answer.json["keys"][0]["n"] = "sm5ydGVk".into(), token: Token::rsa, ..Changes::default() }, invalid("(kid)")),
        ("keys that nobody knows beside it", keys(|answer, _| { let keys = answer.json["keys"].as_array_mut().expect("a list"); keys.extend([json!({ "kty": "AKP", "kid": "new" }), json!(7), json!({})]); }), Accepted),
        ("no keys", keys(|answer, _| answer.json = json!({ "keys": [] })), invalid("(kid)")),
        ("a key in the header", token(|token| { token.header = json!({ "alg": "ES256", "jwk": stranger_jwk("ec") }); token.signer = Signer::Stranger; }), invalid("signature is wrong")),
        ("a key set in the header", token(|token| { token.header["jku"] = "https://evil.example/keys".into(); token.signer = Signer::Stranger; }), invalid("signature is wrong")),
        ("a certificate in the header", token(|token| { token.header["x5u"] = "https://evil.example/certificate".into(); token.signer = Signer::Stranger; }), invalid("signature is wrong")),
        ("a demand in the header", token(|token| token.header["crit"] = json!(["b64"])), invalid("(crit)")),
        ("an empty demand", token(|token| token.header["crit"] = Value::Null), invalid("(crit)")),
        ("an access token", token(|token| token.header["typ"] = "at+jwt".into()), invalid("(typ)")),
        ("the type of a JWT", token(|token| token.header["typ"] = "JWT".into()), Accepted),
        ("a token within the token", token(|token| token.header["cty"] = "JWT".into()), invalid("(typ)")),
    ])
    .await;
}

fn nameless(token: &mut Token) {
    token.header = json!({ "alg": "ES256" });
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn the_keys_are_fetched_after_the_person_came_back_and_once_more_for_an_unknown_name() {
    let rotated: fn(&mut Token) = |token| {
        token.header["kid"] = "next".into();
        token.signer = Signer::Stranger;
    };
    let stories: [(&str, Changes, Want, usize); 4] = [
        ("no rotation", Changes::default(), Accepted, 1),
        ("a rotation while the person signed in", Changes { keys: |answer, _| answer.json = json!({ "keys": [stranger_jwk("next")] }), token: rotated, ..Changes::default() }, Accepted, 1),
        ("a rotation that is published a moment late", Changes { keys: |answer, before| { if before > 0 { answer.json = json!({ "keys": [stranger_jwk("next")] }); } }, token: rotated, ..Changes::default() }, Accepted, 2),
        ("a name that nobody knows", token(rotated), invalid("(kid)"), 2),
    ];
    for (story, changes, want, fetches) in stories {
        let outcome = sign_in(changes).await;
        outcome.judge(story, want);
        assert_eq!(outcome.key_fetches, fetches, "{story}");
    }
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn the_claims_are_for_this_client_and_this_sign_in() {
    each([
        ("iss: another", token(|token| token.claims["iss"] = "https://evil.example".into()), invalid("(iss)")),
        ("iss: a slash more", token(|token| { token.claims["iss"] = format!("{}/", token.claims["iss"].as_str().expect("text")).into() }), invalid("(iss)")),
        ("iss: none", token(|token| remove(token, "iss")), invalid("\"iss\"")),
        ("aud: another", token(|token| token.claims["aud"] = "another".into()), invalid("(aud)")),
        ("aud: none", token(|token| remove(token, "aud")), invalid("\"aud\"")),
        ("aud: an empty list", token(|token| token.claims["aud"] = json!([])), invalid("\"aud\"")),
        ("aud: one more", token(|token| token.claims["aud"] = json!(["keyless", "another"])), invalid("(aud)")),
        ("aud: a list of one", token(|token| token.claims["aud"] = json!(["keyless"])), Accepted),
        ("aud: a number", token(|token| token.claims["aud"] = json!(7)), invalid("\"aud\"")),
        ("azp: another", token(|token| token.claims["azp"] = "another".into()), invalid("(azp)")),
        ("azp: no text", token(|token| token.claims["azp"] = json!(["keyless"])), invalid("OpenID Connect wants")),
        ("azp: this client", token(|token| token.claims["azp"] = "keyless".into()), Accepted),
        ("sub: none", token(|token| remove(token, "sub")), invalid("\"sub\"")),
        ("sub: empty", token(|token| token.claims["sub"] = "".into()), invalid("\"sub\"")),
        ("sub: a number", token(|token| token.claims["sub"] = json!(7)), invalid("\"sub\"")),
        ("sub: 256 characters", token(|token| token.claims["sub"] = "a".repeat(256).into()), invalid("(sub)")),
        ("nonce: none", token(|token| remove(token, "nonce")), invalid("(nonce)")),
        ("nonce: another", token(|token| token.claims["nonce"] = "another".into()), invalid("(nonce)")),
        ("nonce: empty", token(|token| token.claims["nonce"] = "".into()), invalid("(nonce)")),
        ("at_hash: of another token", token(|token| token.claims["at_hash"] = half_hash("another").into()), invalid("(at_hash)")),
        ("at_hash: empty", token(|token| token.claims["at_hash"] = "".into()), invalid("(at_hash)")),
        ("at_hash: right", token(|token| token.claims["at_hash"] = half_hash(ACCESS_TOKEN).into()), Accepted),
        ("at_hash: right, RS256", token(|token| { token.rsa(); token.claims["at_hash"] = half_hash(ACCESS_TOKEN).into(); }), Accepted),
        ("email_verified: a text, as Cognito writes it", token(|token| token.claims["email_verified"] = "true".into()), Accepted),
        ("updated_at: a text, as Auth0 writes it", token(|token| token.claims["updated_at"] = "2026-01-02T03:04:05.678Z".into()), Accepted),
    ])
    .await;
}

fn remove(token: &mut Token, claim: &str) {
    token.claims.as_object_mut().expect("claims").remove(claim);
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn the_times_are_of_now_within_the_leeway() {
    each([
        ("exp: none", token(|token| remove(token, "exp")), invalid("\"exp\"")),
        ("exp: a text", token(|token| token.claims["exp"] = "2099-01-01T00:00:00Z".into()), invalid("\"exp\"")),
        ("exp: an hour ago", token(|token| token.at("exp", -3600)), invalid("(exp)")),
        ("exp: 90 seconds ago", token(|token| token.at("exp", -90)), invalid("(exp)")),
        ("exp: 90 seconds ago, five minutes allowed", with(five_minutes, token(|token| token.at("exp", -90))), Accepted),
        ("exp: 30 seconds ago", token(|token| token.at("exp", -30)), Accepted),
        ("iat: none", token(|token| remove(token, "iat")), invalid("\"iat\"")),
        ("iat: negative", token(|token| token.claims["iat"] = json!(-1)), invalid("\"iat\"")),
        ("iat: a week ago", token(|token| token.at("iat", -7 * 86_400)), invalid("(iat)")),
        ("iat: 90 seconds ahead", token(|token| token.at("iat", 90)), invalid("(iat)")),
        ("iat: 90 seconds ahead, five minutes allowed", with(five_minutes, token(|token| token.at("iat", 90))), Accepted),
        ("iat: 30 seconds ahead", token(|token| token.at("iat", 30)), Accepted),
        ("nbf: an hour ahead", token(|token| token.at("nbf", 3600)), invalid("(nbf)")),
        ("nbf: the end of time", token(|token| token.claims["nbf"] = json!(u64::MAX)), invalid("\"nbf\"")),
        ("nbf: a text", token(|token| token.claims["nbf"] = "tomorrow".into()), invalid("\"nbf\"")),
        ("nbf: 30 seconds ahead", token(|token| token.at("nbf", 30)), Accepted),
        ("max_age: no auth_time", with(max_age, Changes::default()), invalid("(auth_time)")),
        ("max_age: an hour ago", with(max_age, token(|token| token.at("auth_time", -3600))), invalid("(auth_time)")),
        ("max_age: now", with(max_age, token(|token| token.at("auth_time", 0))), Accepted),
        ("no max_age: a year ago", token(|token| token.at("auth_time", -31_536_000)), Accepted),
        ("max_age: no number", with(|login| login.authorize("max_age", "soon"), Changes::default()), misconfigured("max_age")),
        ("six minutes allowed", with(|login| login.leeway(Duration::from_mins(6)), Changes::default()), misconfigured("leeway")),
    ])
    .await;
}

fn five_minutes(login: LoginBuilder) -> LoginBuilder {
    login.leeway(Duration::from_mins(5))
}

fn max_age(login: LoginBuilder) -> LoginBuilder {
    login.authorize("max_age", "60")
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_token_is_read_in_one_way_only() {
    each([
        ("a member of the header twice", token(|token| token.texts.0 = Some(twice(&token.header, "kid"))), invalid("\"kid\" twice")),
        ("a claim twice", token(|token| token.texts.1 = Some(twice(&token.claims, "sub"))), invalid("\"sub\" twice")),
        ("a claim within a claim twice", token(|token| { token.texts.1 = Some(token.claims.to_string().replacen('{', "{\"x\":{\"y\":1,\"y\":2},", 1)) }), invalid("\"y\" twice")),
        ("claims that are a list", token(|token| token.texts.1 = Some("[]".into())), invalid("expected a JSON object")),
        ("claims that are no JSON", token(|token| token.texts.1 = Some("alice".into())), invalid("cannot be read as JSON")),
        ("a claim of another kind", token(|token| token.claims["email"] = json!(7)), invalid("OpenID Connect wants")),
        ("a thousand lists within each other", token(|token| { token.texts.1 = Some(format!("{{\"x\":{}{}}}", "[".repeat(1000), "]".repeat(1000))) }), invalid("recursion")),
        ("over 20,000 characters", token(|token| token.claims["x"] = "x".repeat(20_000).into()), invalid("at most 20000")),
        ("five parts: an encrypted token", grant(|answer| answer.json["id_token"] = "a.b.c.d.e".into()), invalid("three parts")),
        ("an empty token", grant(|answer| answer.json["id_token"] = "".into()), invalid("three parts")),
    ])
    .await;
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_response_that_is_not_for_this_sign_in_is_ignored_and_another_is_not_taken() {
    /// The first response is changed, the second is right.
    fn ignored(response: fn(&mut Vec<(String, String)>, usize)) -> Changes {
        Changes {
            response,
            visits: 2,
            ..Changes::default()
        }
    }
    each([
        ("state: none", ignored(|back, before| { if before == 0 { back.remove(1); } }), Accepted),
        ("state: another", ignored(|back, before| { if before == 0 { back[1].1 = "another".into(); } }), Accepted),
        ("state: empty", ignored(|back, before| { if before == 0 { back[1].1.clear(); } }), Accepted),
        ("an error without the state", ignored(|back, before| { if before == 0 { *back = vec![pair("error", "access_denied")]; } }), Accepted),
        ("an error with another state", ignored(|back, before| { if before == 0 { *back = vec![pair("error", "access_denied"), pair("state", "another")]; } }), Accepted),
        ("the code twice", ignored(|back, before| { if before == 0 { back.push(pair("code", "another")); } }), Accepted),
        ("the state twice", ignored(|back, before| { if before == 0 { back.push(back[1].clone()); } }), Accepted),
        ("an unknown parameter twice", ignored(|back, before| { if before == 0 { back.extend([pair("x", "1"), pair("x", "2")]); } }), Accepted),
        ("an unknown parameter", response(|back, _| back.push(pair("session_state", "1"))), Accepted),
        ("iss: another", response(|back, _| back.push(pair("iss", "https://evil.example"))), invalid("(iss)")),
        ("iss: another, with an error", response(|back, _| { back.extend([pair("iss", "https://evil.example"), pair("error", "access_denied")]) }), invalid("(iss)")),
        ("iss: promised and not there", discovery(promise_iss), invalid("(iss)")),
        ("iss: promised and another", Changes { discovery: promise_iss, response: |back, _| back.push(pair("iss", "https://evil.example")), ..Changes::default() }, invalid("(iss)")),
        ("no code", response(|back, _| { back.remove(0); }), invalid("without a code")),
        ("an empty code", response(|back, _| back[0].1.clear()), invalid("without a code")),
        ("a refusal", response(|back, _| back[0] = pair("error", "access_denied")), Refused(TokenErrorKind::Refused, "access_denied")),
        ("a refusal with a code beside it", response(|back, _| back.push(pair("error", "access_denied"))), Refused(TokenErrorKind::Refused, "access_denied")),
    ])
    .await;
}

fn promise_iss(answer: &mut Answer) {
    answer.json["authorization_response_iss_parameter_supported"] = true.into();
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn the_token_endpoint_answers_as_oauth_wants_and_does_not_lead_elsewhere() {
    let unreachable = |said| Refused(TokenErrorKind::Unreachable, said);
    let refused = |said| Refused(TokenErrorKind::Refused, said);
    each([
        ("bearer", grant(|answer| answer.json["token_type"] = "bearer".into()), Accepted),
        ("BEARER", grant(|answer| answer.json["token_type"] = "BEARER".into()), Accepted),
        ("no expires_in", grant(|answer| drop_member(answer, "expires_in")), Accepted),
        ("no scope", grant(|answer| drop_member(answer, "scope")), Accepted),
        ("no token type", grant(|answer| drop_member(answer, "token_type")), invalid("token_type")),
        ("no access token", grant(|answer| drop_member(answer, "access_token")), invalid("access_token")),
        ("no ID token", grant(|answer| drop_member(answer, "id_token")), misconfigured("no ID token")),
        ("an ID token that is a list", grant(|answer| answer.json["id_token"] = json!([answer.json["id_token"]])), invalid("not an OAuth response")),
        ("a token where a number belongs", grant(|answer| answer.json["expires_in"] = answer.json["id_token"].clone()), invalid("not an OAuth response")),
        ("a member twice", grant(|answer| answer.twice("id_token")), invalid("\"id_token\" twice")),
        ("302", grant(|answer| { answer.status = 302; answer.headers = vec![("location", "https://evil.example/")]; }), misconfigured("redirects")),
        ("307", grant(|answer| { answer.status = 307; answer.headers = vec![("location", "/elsewhere")]; }), misconfigured("redirects")),
        ("308", grant(|answer| { answer.status = 308; answer.headers = vec![("location", "/elsewhere")]; }), misconfigured("redirects")),
        ("500", grant(|answer| answer.status = 500), unreachable("500")),
        ("429", grant(|answer| answer.status = 429), unreachable("429")),
        ("404 with a page", grant(|answer| { answer.status = 404; answer.text = Some("<html>".into()); }), invalid("404")),
        ("a page", grant(|answer| { answer.headers = vec![("content-type", "text/html")]; answer.text = Some("<html>".into()); }), invalid("cannot be read as JSON")),
        ("JSON that is called a page", grant(|answer| answer.headers = vec![("content-type", "text/html")]), invalid("Content-Type")),
        ("nothing", grant(|answer| answer.text = Some(String::new())), invalid("cannot be read as JSON")),
        ("a list", grant(|answer| answer.json = json!([])), invalid("not an OAuth response")),
        ("a refusal", grant(|answer| answer.refuse(json!({ "error": "invalid_grant" }))), refused("invalid_grant")),
        ("a refusal with the status of a success", grant(|answer| answer.json = json!({ "error": "invalid_grant" })), invalid("not an OAuth response")),
        ("a refusal without a word", grant(|answer| answer.refuse(json!({}))), invalid("not an OAuth response")),
        ("a refusal that echoes what was sent", grant(|answer| answer.refuse(json!({ "error": "invalid_grant", "error_description": format!("no {CODE} with {}", answer.json["code_verifier"].as_str().expect("text")) }))), refused("no … with …")),
        ("two megabytes", grant(|answer| answer.json["x"] = "x".repeat(2 << 20).into()), unreachable("longer than")),
    ]).await;
}

fn drop_member(answer: &mut Answer, member: &str) {
    answer.json.as_object_mut().expect("members").remove(member);
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn discovery_and_keys_are_the_issuers_own_and_of_reasonable_length() {
    each([
        ("another issuer", discovery(|answer| answer.json["issuer"] = "https://evil.example".into()), misconfigured("calls itself")),
        ("no issuer", discovery(|answer| drop_member(answer, "issuer")), misconfigured("`issuer`")),
        ("a member twice", discovery(|answer| answer.twice("token_endpoint")), misconfigured("\"token_endpoint\" twice")),
        ("the key set, a member twice", keys(|answer, _| answer.twice("keys")), misconfigured("\"keys\" twice")),
        ("a key with a member twice", keys(|answer, _| { answer.text = Some(answer.json.to_string().replacen("\"kid\"", "\"kid\":\"another\",\"kid\"", 1)) }), misconfigured("\"kid\" twice")),
        ("a token endpoint in the clear", discovery(|answer| { answer.json["token_endpoint"] = "http://issuer.example/token".into() }), misconfigured("only https")),
        ("keys in the clear", discovery(|answer| answer.json["jwks_uri"] = "http://issuer.example/keys".into()), misconfigured("only https")),
        ("an authorization endpoint in the clear", discovery(|answer| { answer.json["authorization_endpoint"] = "http://issuer.example/authorize".into() }), misconfigured("only https")),
        ("an authorization endpoint that is a script", discovery(|answer| { answer.json["authorization_endpoint"] = "javascript:alert(1)".into() }), misconfigured("only https")),
        ("a key set that leads elsewhere", keys(|answer, _| { answer.status = 302; answer.headers = vec![("location", "/elsewhere")]; }), misconfigured("302")),
        ("no key set", keys(|answer, _| answer.status = 404), misconfigured("404")),
        ("a key set that is no key set", keys(|answer, _| answer.json = json!({ "keys": "none" })), misconfigured("cannot be read")),
        ("a key set for another day", keys(|answer, _| answer.status = 503), Refused(TokenErrorKind::Unreachable, "503")),
        ("a key set of two megabytes", keys(|answer, _| answer.json["x"] = "x".repeat(2 << 20).into()), Refused(TokenErrorKind::Unreachable, "longer than")),
        ("a key set from another time", keys(|answer, _| answer.headers = vec![("date", "Sun, 06 Nov 1994 08:49:37 GMT")]), misconfigured("1994")),
    ])
    .await;
}

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn an_https_issuer_has_https_endpoints_even_on_this_machine() {
    let stories: [(&str, Change); 4] = [
        ("elsewhere", |answer| answer.json["token_endpoint"] = "http://issuer.example/token".into()),
        ("authorization", |answer| answer.json["authorization_endpoint"] = "http://localhost:1/".into()),
        ("token", |answer| answer.json["token_endpoint"] = "http://127.0.0.1:1/".into()),
        ("keys", |answer| answer.json["jwks_uri"] = "http://[::1]:1/".into()),
    ];
    for (story, change) in stories {
        let way = |provider: &IdentityProvider| {
            (HTTPS_ISSUER.to_owned(), Elsewhere(provider.issuer()))
        };
        let outcome = sign_in_by(discovery(change), way).await;
        let said = if story == "elsewhere" { "only https" } else { "uses http, and its issuer" };
        outcome.judge(story, misconfigured(said));
        assert!(outcome.pages.is_empty(), "{story}: the person was asked");
    }
}

/// A window's title, the cursor, another order of letters, letters that cannot be seen, another line.
const NASTY: &str = "\u{1b}]0;yours\u{7}\u{1b}[2J\u{9b}1m\u{202e}nimda\u{2066}\u{200b}\r\n\u{8}\0";

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_terminal_is_told_nothing_that_it_obeys() {
    let refused = |said| Refused(TokenErrorKind::Refused, said);
    each([
        ("error", response(|back, _| back[0] = pair("error", &format!("denied{NASTY}"))), refused("denied")),
        ("error_description", response(|back, _| { back[0] = pair("error", "access_denied"); back.push(pair("error_description", NASTY)); }), refused("nimda")),
        ("iss of the response", response(|back, _| back.push(pair("iss", NASTY))), invalid("nimda")),
        ("error of the token endpoint", grant(|answer| answer.refuse(json!({ "error": NASTY }))), refused("nimda")),
        ("error_description of the token endpoint", grant(|answer| answer.refuse(json!({ "error": "x", "error_description": NASTY }))), refused("nimda")),
        ("a member of the answer", grant(|answer| { answer.json[NASTY] = 1.into(); let name = json!(NASTY).to_string(); answer.text = Some(answer.json.to_string().replacen('{', &format!("{{{name}:2,"), 1)); }), invalid("nimda")),
        ("issuer", discovery(|answer| answer.json["issuer"] = NASTY.into()), misconfigured("nimda")),
        ("token endpoint", discovery(|answer| answer.json["token_endpoint"] = format!("http://x/{NASTY}").into()), misconfigured("nimda")),
        ("an address that is none", discovery(|answer| answer.json["jwks_uri"] = NASTY.into()), misconfigured("nimda")),
        ("an issuer that is a list", discovery(|answer| answer.json["issuer"] = json!([NASTY])), misconfigured("cannot be read")),
        ("algorithms", Changes { discovery: |answer| { answer.json["id_token_signing_alg_values_supported"] = json!([NASTY]) }, ..Changes::default() }, invalid("nimda")),
        ("iss", token(|token| token.claims["iss"] = NASTY.into()), invalid("nimda")),
        ("aud", token(|token| token.claims["aud"] = NASTY.into()), invalid("nimda")),
        ("azp", token(|token| token.claims["azp"] = NASTY.into()), invalid("nimda")),
        ("iat", token(|token| token.claims["iat"] = NASTY.into()), invalid("nimda")),
        ("a claim's name", token(|token| { token.claims[NASTY] = 1.into(); let name = json!(NASTY).to_string(); token.texts.1 = Some(token.claims.to_string().replacen('{', &format!("{{{name}:2,"), 1)); }), invalid("nimda")),
        ("alg", token(|token| token.header["alg"] = NASTY.into()), invalid("nimda")),
        ("typ", token(|token| token.header["typ"] = NASTY.into()), invalid("nimda")),
        ("kid", token(|token| token.header["kid"] = NASTY.into()), invalid("(kid)")),
    ])
    .await;
    let outcome = sign_in(token(|token| {
        token.claims["email"] = format!("alice{NASTY}@example.com").into();
    }))
    .await;
    let who = outcome.result.expect("signed in").who();
    assert!(who.chars().all(is_harmless), "{who:?}");
    let page = outcome.pages.last().expect("a page");
    assert!(page.contains(&who), "{page}");
    assert!(
        page.chars().all(|c| c == '\n' || is_harmless(c)),
        "{page:?}"
    );
}

static ENDLESS: OnceLock<String> = OnceLock::new();
static SILENT: OnceLock<String> = OnceLock::new();

#[tokio::test]
#[rustfmt::skip] // one story, one line
async fn a_body_that_never_ends_is_given_up() {
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    ENDLESS
        .get_or_init(|| stream(move |stream| while stream.write_all(chunk.as_bytes()).is_ok() {}));
    SILENT.get_or_init(|| stream(|stream| drop(stream.read(&mut [0; 1]))));
    let at = |address: &'static OnceLock<String>| address.get().expect("set above").as_str();
    let (endless, silent) = ("longer than", "no whole answer");
    let stories: [(&str, Change, &str); 4] = [
        ("keys", |answer| answer.json["jwks_uri"] = ENDLESS.get().expect("set").as_str().into(), endless),
        ("token", |answer| answer.json["token_endpoint"] = ENDLESS.get().expect("set").as_str().into(), endless),
        ("keys, and silence", |answer| answer.json["jwks_uri"] = SILENT.get().expect("set").as_str().into(), silent),
        ("token, and silence", |answer| answer.json["token_endpoint"] = SILENT.get().expect("set").as_str().into(), silent),
    ];
    for (story, change, said) in stories {
        let outcome =
            sign_in_by(discovery(change), |provider| (provider.issuer(), Impatient)).await;
        outcome.judge(story, Refused(TokenErrorKind::Unreachable, said));
    }
    for (address, said) in [(&ENDLESS, endless), (&SILENT, silent)] {
        let way = |_: &_| (at(address).to_owned(), Impatient);
        let outcome = sign_in_by(Changes::default(), way).await;
        outcome.judge("discovery", Refused(TokenErrorKind::Unreachable, said));
    }
}

#[test]
#[ignore = "needs test vectors: KEYLESS_VECTORS"]
fn no_published_vector_passes_for_a_token() {
    let Some(folder) = real::vectors() else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("jose/json_web_signature_test.json"))
        .expect("the vectors");
    let vectors: Value = serde_json::from_str(&text).expect("JSON");
    let groups = vectors["testGroups"].as_array().expect("groups");
    let tests = groups
        .iter()
        .flat_map(|group| group["tests"].as_array().expect("tests"));
    let mut refused = 0;
    for test in tests.filter(|test| test["result"] == "invalid") {
        let jws = test["jws"]
            .as_str()
            .map_or_else(|| test["jws"].to_string(), str::to_owned);
        let error = IdToken::parse(&jws).expect_err(&test["comment"].to_string());
        assert_eq!(error.kind(), TokenErrorKind::Invalid);
        refused += 1;
    }
    assert_eq!(refused, 355);
}
