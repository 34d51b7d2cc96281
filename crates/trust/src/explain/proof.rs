//! What is the matter with a token that STS does not read, or does not take any more.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::{Change, Findings, Proof, Question, hint::Hint};
use crate::{
    answer::{self, Refusal},
    token::{ALGORITHMS, Token, shape, timestamp, unix_seconds},
};

/// Reads the token, and says why STS would not. What can be read all the same goes on to the policy, as if nothing but that
/// were wrong: an old token tells as much as a new one.
pub(super) fn read(question: &Question<'_>, found: &mut Findings) -> Option<Token> {
    let (result, claims) = match question.proof {
        Proof::Token(jwt) => (
            Token::read(jwt, question.now),
            shape(jwt).map(|(_, claims)| claims),
        ),
        Proof::Claims(claims) => (
            Token::from_claims(claims.clone(), question.now),
            Some(claims.clone()),
        ),
        Proof::Session(_) => return None,
    };
    let refusal = match result {
        Ok(token) => {
            watch(&token, question, found);
            return Some(token);
        }
        Err(refusal) => refusal,
    };
    found.hints.push(hint(&refusal, question, claims.as_ref()));
    found.changes.push(Change::advice(refusal.answer.advice));
    found.refusal.get_or_insert(refusal);
    let mut claims = claims?;
    // As it was when it was new.
    let issued = claims.get("iat").and_then(timestamp);
    let then = issued.map_or(question.now, |issued| {
        UNIX_EPOCH + Duration::from_secs(u64::try_from(issued).unwrap_or(0).min(FAR))
    });
    claims.remove("nbf");
    Token::from_claims(claims, then).ok()
}

/// What may yet go wrong with a token that can be read, and cannot be told for certain.
fn watch(token: &Token, question: &Question<'_>, found: &mut Findings) {
    let mut say = |id, words: String| found.hints.push(Hint::new(id, words));
    let issued = token.claims().get("iat").and_then(timestamp);
    if issued.is_some_and(|issued| unix_seconds(question.now).saturating_sub(issued) > DAY) {
        say("token-old", "the token was issued more than 24 hours ago; STS has been seen to refuse such a one, whatever its exp says".to_owned());
    }
    if matches!(question.proof, Proof::Token(_)) && token.key_id().is_none() {
        say("no-key-id", "the token's header has no kid: STS finds the key only if the issuer publishes exactly one, and else says that it couldn't retrieve a verification key".to_owned());
    }
    // The limit is of a packed form that is not published; six tags of EKS have been seen to take 74 % of it.
    let characters: usize = token
        .tags()
        .iter()
        .map(|(key, value)| key.chars().count() + value.chars().count())
        .sum();
    let long = token
        .tags()
        .iter()
        .any(|(key, value)| key.chars().count() > 128 || value.chars().count() > 256);
    if token.tags().len() > 50 || long || characters > MANY {
        say(
            "many-tags",
            format!(
                "the token's {} session tags take {characters} characters; STS takes 50 tags with keys of 128 and values of 256 characters, and all of them packed into a small space (PackedPolicyTooLarge)",
                token.tags().len()
            ),
        );
    }
}

fn hint(refusal: &Refusal, question: &Question<'_>, claims: Option<&Map<String, Value>>) -> Hint {
    let claim = |name: &str| {
        let value = claims.and_then(|claims| claims.get(name));
        value.map_or("absent".to_owned(), Value::to_string)
    };
    let since = |name: &str| {
        let time = claims
            .and_then(|claims| claims.get(name))
            .and_then(timestamp);
        let seconds = time.map_or(0, |time| unix_seconds(question.now).saturating_sub(time));
        span(seconds.unsigned_abs())
    };
    let (id, words) = match refusal.answer.id {
        "not-a-jwt" => ("not-a-jwt", not_a_jwt(question)),
        "token-expired" => ("token-expired", format!("the token expired {} ago; get a new one", since("exp"))),
        "issued-in-future" => ("token-from-future", format!("the token's iat is {} ahead of this clock: one of the two clocks is wrong", since("iat"))),
        "not-yet-valid" => ("token-not-yet-valid", format!("the token's nbf is {} ahead of this clock: wait, or set the wrong one of the two clocks right", since("nbf"))),
        "many-audiences" => ("many-audiences", format!("the token is for several audiences, {}, and has no azp: STS takes such a token for nobody; ask for one with a single audience", claim("aud"))),
        "empty-claim" => ("empty-audience", "the token's aud is an empty list: ask for a token with the audience that the IAM OpenID provider has".to_owned()),
        "missing-claim" => {
            let lacks = |name: &&str| claims.is_some_and(|claims| !claims.contains_key(*name));
            let missing: Vec<_> = ["iss", "sub", "aud", "iat", "exp"].into_iter().filter(lacks).collect();
            ("missing-claim", format!("the token lacks {}; an ID token has all of iss, sub, aud, iat and exp, an access token often not", missing.join(" and ")))
        }
        "invalid-timestamp" => ("bad-timestamp", format!("iat is {}, nbf {}, exp {}: STS takes whole seconds only", claim("iat"), claim("nbf"), claim("exp"))),
        "unknown-token-error" => ("null-subject", "the token's sub is null, over which STS stumbles".to_owned()),
        "session-tags-format" | "principal-tags-format" => ("tags-shape", r#"the claim https://aws.amazon.com/tags has the wrong shape; it is {"principal_tags": {"Project": ["X"]}, "transitive_tag_keys": ["Project"]}, each value a list of one string"#.to_owned()),
        _ => return algorithm(question),
    };
    // What a claim says was written by somebody else.
    Hint::new(
        id,
        words
            .chars()
            .filter(|c| !c.is_control())
            .collect::<String>(),
    )
}

/// A token that is not signed as STS takes it; where it is, the last thing that is left.
fn algorithm(question: &Question<'_>) -> Hint {
    let header = match question.proof {
        Proof::Token(jwt) => shape(jwt).map(|(header, _)| header),
        _ => None,
    };
    let Some(header) = header else {
        return source_identity();
    };
    let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or("none");
    if ALGORITHMS.contains(&algorithm) {
        return source_identity();
    }
    let why = match algorithm {
        "none" => "it is not signed at all",
        shared if shared.starts_with("HS") => {
            "it is signed with a shared secret, which AWS cannot know; at Auth0 and the like choose RS256 for the application"
        }
        pss if pss.starts_with("PS") => "that is RSA-PSS, which STS does not take; choose RS256",
        "EdDSA" | "Ed25519" => {
            "that is an Edwards curve, which STS does not take; choose ES256 or RS256"
        }
        _ => "STS takes RS256, RS384, RS512, ES256, ES384 and ES512",
    };
    Hint::new(
        "algorithm",
        format!("the token's alg is {algorithm:?}: {why}"),
    )
}

fn source_identity() -> Hint {
    Hint::new(
        "source-identity-shape",
        "the claim https://aws.amazon.com/source_identity is no string",
    )
}

/// What a text is that is no JWT.
fn not_a_jwt(question: &Question<'_>) -> String {
    let Proof::Token(jwt) = question.proof else {
        return "it is no JWT".to_owned();
    };
    let parts = jwt.split('.').count();
    match parts {
        _ if jwt.trim() != jwt => "there is space or a line break around the token".to_owned(),
        _ if jwt.starts_with("Bearer ") => "it begins with \"Bearer \", which is no part of the token".to_owned(),
        1 => "it is opaque: an access token perhaps, or a refresh token; send the ID token".to_owned(),
        5 => "it has five parts, so it is encrypted (JWE); ask the identity provider for tokens that are signed only".to_owned(),
        3 => "one of its first two parts is no JSON object in base64url, or its header has a crit, which STS does not take".to_owned(),
        other => format!("it has {other} parts; a JWT has three, with two dots between: was it cut off?"),
    }
}

/// Checks the claim by which an identity provider lists the roles.
pub(super) fn check_roles(
    token: &Token,
    role_arn: &str,
    found: &mut Findings,
) -> Result<(), Refusal> {
    if role_arn.is_empty() {
        return Ok(());
    }
    token.check_roles_claim(role_arn).map(drop).inspect_err(|refusal| {
        let claim = &token.claims()["https://aws.amazon.com/roles"];
        let (id, words) = if refusal.answer == &answer::ROLE_NOT_CLAIMED {
            ("role-not-claimed", format!("the claim https://aws.amazon.com/roles lists {claim}, and not {role_arn:?}"))
        } else if refusal.answer == &answer::NO_ROLES_CLAIMED {
            ("roles-claim-empty", format!("nothing in the claim https://aws.amazon.com/roles is a role's whole ARN: {claim}"))
        } else {
            ("roles-claim-shape", format!("the claim https://aws.amazon.com/roles is {claim}; it is a list of ARNs, or one string with semicolons"))
        };
        let words: String = words.chars().filter(|c| !c.is_control()).collect();
        found.hints.push(Hint::new(id, words));
        found.changes.push(Change::advice(refusal.answer.advice));
    })
}

/// `3 h`, roughly.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// So many characters of tags may be too many.
const MANY: usize = 600;
const DAY: i64 = 24 * 60 * 60;
/// Beyond what a system's clock can say, and within what adding can bear: the year 9999.
const FAR: u64 = 253_402_300_799;
