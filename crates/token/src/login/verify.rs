//! An ID token from the token endpoint: every check of OpenID Connect Core §3.1.3.7.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64_URL;
use keyless_cache::Secret;
use openidconnect::core::{
    CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, JsonWebKey, Nonce,
    NonceVerifier, SignatureVerificationError,
};
use serde_json::Value;

use super::TELL;
use super::discovery::IdentityProvider;
use super::grant::Grant;
use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;
use crate::text;

/// An ID token that was issued in answer to a request is fresh; one older than this is a replay, or a clock is off.
const OLDEST: Duration = Duration::from_mins(10);

/// The longest subject (Core §2).
const LONGEST_SUBJECT: usize = 255;

/// What can verify at sign-in; STS takes ES512 as well, which openidconnect does not implement.
const ALGORITHMS: [(&str, CoreJwsSigningAlgorithm); 5] = [
    ("RS256", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256),
    ("RS384", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384),
    ("RS512", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512),
    ("ES256", CoreJwsSigningAlgorithm::EcdsaP256Sha256),
    ("ES384", CoreJwsSigningAlgorithm::EcdsaP384Sha384),
];

/// What a token must answer to.
pub(super) struct Expected<'a> {
    pub(super) provider: &'a IdentityProvider,
    /// Whether it may name the issuer without its scheme.
    pub(super) without_scheme: bool,
    pub(super) client_id: &'a str,
    pub(super) nonce: Nonces<'a>,
    /// How long ago the person may have authenticated, where the request limited it.
    pub(super) max_age: Option<Duration>,
    /// How far this machine's clock and the issuer's may be apart.
    pub(super) leeway: Duration,
    pub(super) now: SystemTime,
}

/// Which nonce a token must have.
#[derive(Clone, Copy)]
pub(super) enum Nonces<'a> {
    /// The one of this request.
    OfRequest(&'a Nonce),
    /// None, or the one of the sign-in that the token renews (Core §12.2).
    OfSignIn(Option<&'a str>),
}

impl NonceVerifier for Nonces<'_> {
    fn verify(self, found: Option<&Nonce>) -> Result<(), String> {
        match self {
            Self::OfRequest(wanted) => wanted.verify(found),
            Self::OfSignIn(wanted) => match found {
                Some(found) if wanted != Some(found.secret().as_str()) => {
                    Err("the nonce is of another sign-in".to_owned())
                }
                _ => Ok(()),
            },
        }
    }
}

/// What came with a token, or led to it, and what it may say a hash of.
#[derive(Default)]
pub(super) struct Evidence<'a> {
    pub(super) access_token: Option<&'a AccessToken>,
    pub(super) code: Option<&'a Secret>,
    pub(super) state: Option<&'a Secret>,
    /// Whether it came by way of a browser: then a hash of what did not come along says that something was taken out on the way.
    pub(super) through_a_browser: bool,
}

/// The token of `grant`, not yet believed. It is read strictly first: what two readers could understand differently is refused.
pub(super) fn read(grant: &Grant) -> Result<IdToken, TokenError> {
    match &grant.id_token {
        Some(text) => read_text(text),
        None => Err(invalid("there is none")),
    }
}

/// The same of a token that comes by itself.
pub(super) fn read_text(text: &Secret) -> Result<IdToken, TokenError> {
    IdToken::parse(text.expose()).map_err(|error| invalid(error.to_string()))
}

/// Lets `token`, which came with `evidence`, pass every check.
pub(super) fn verify(
    token: &IdToken,
    evidence: &Evidence<'_>,
    expected: &Expected<'_>,
    keys: CoreJsonWebKeySet,
) -> Result<(), TokenError> {
    if token.header().contains_key("crit") {
        return Err(invalid(
            "its header demands an extension that is not understood (crit)",
        ));
    }
    let (wanted, found) = (&expected.provider.issuer, token.issuer());
    let is_short = expected.without_scheme
        && wanted
            .split_once("://")
            .is_some_and(|(_, rest)| rest == found);
    if found != wanted && !is_short {
        return Err(invalid(format!(
            "it is from another issuer: expected {wanted:?}, found {found:?} (iss)"
        )));
    }
    let issuer = IssuerUrl::new(wanted.clone())
        .map_err(|error| invalid(format!("the issuer is no address: {error}")))?;
    let lenient_now = expected.now - expected.leeway;
    let client_id = ClientId::new(expected.client_id.to_owned());
    let algorithm = algorithm(token, expected.provider)?;
    let mut verifier = CoreIdTokenVerifier::new_public_client(client_id, issuer, keys)
        .set_allowed_algs([algorithm.clone()])
        .set_time_fn(move || lenient_now.into());
    let not_of_the_kind = |_| invalid("a claim is not of the kind that OpenID Connect wants");
    let read = if is_short {
        // It reads no issuer without a scheme: so it is given a copy with one, once the signature of the token itself has been checked.
        let copy = CoreIdToken::from_str(&with_issuer(token, wanted)).map_err(not_of_the_kind)?;
        let key = copy.signing_key(&verifier);
        key.and_then(|key| is_signed(token, key, &algorithm))
            .map_err(|error| unsigned(&error))?;
        verifier = verifier.insecure_disable_signature_check();
        copy
    } else {
        CoreIdToken::from_str(token.expose()).map_err(not_of_the_kind)?
    };
    read.claims(&verifier, expected.nonce)
        .map_err(|error| refusal(&error, token, expected.now))?;

    check_times(token, expected)?;
    let party = token.claims().get("azp");
    if let Some(party) = party.filter(|party| party.as_str() != Some(expected.client_id)) {
        return Err(invalid(format!(
            "it was issued to {party}, not to {:?} (azp)",
            expected.client_id
        )));
    }
    if token.subject().len() > LONGEST_SUBJECT {
        return Err(invalid(format!(
            "its subject is longer than {LONGEST_SUBJECT} characters (sub)"
        )));
    }
    let of = |text: &str| {
        let algorithm = read.signing_alg().ok()?;
        let key = read.signing_key(&verifier).ok()?;
        let hash = AccessTokenHash::from_token(&AccessToken::new(text.to_owned()), algorithm, key);
        hash.ok().map(|hash| (*hash).clone())
    };
    let access_token = evidence.access_token.map(|token| token.secret().as_str());
    for (claim, what, sent) in [
        ("at_hash", "access token", access_token),
        ("c_hash", "code", evidence.code.map(Secret::expose)),
        ("s_hash", "request", evidence.state.map(Secret::expose)),
    ] {
        let Some(found) = token.claims().get(claim) else {
            continue;
        };
        let is_right = match sent {
            Some(sent) => found.as_str().is_some() && of(sent).as_deref() == found.as_str(),
            None => !evidence.through_a_browser,
        };
        if !is_right {
            return Err(invalid(format!("it belongs to another {what} ({claim})")));
        }
    }
    Ok(())
}

/// The text of `token`, but for the issuer's name. Its signature no longer fits.
fn with_issuer(token: &IdToken, issuer: &str) -> String {
    let mut claims = token.claims().clone();
    claims.insert("iss".to_owned(), issuer.into());
    let claims = BASE64_URL.encode(Value::Object(claims).to_string());
    let mut parts = token.expose().split('.');
    let mut next = || parts.next().unwrap_or_default();
    let (header, _, signature) = (next(), next(), next());
    format!("{header}.{claims}.{signature}")
}

/// Whether `key` has signed the text of `token` (RFC 7515 §5.2).
fn is_signed(
    token: &IdToken,
    key: &CoreJsonWebKey,
    algorithm: &CoreJwsSigningAlgorithm,
) -> Result<(), SignatureVerificationError> {
    let (signed, signature) = token.expose().rsplit_once('.').unwrap_or_default();
    let signature = BASE64_URL.decode(signature).unwrap_or_default();
    key.verify_signature(algorithm, signed.as_bytes(), &signature)
}

/// The token's own algorithm, if the issuer says that it signs with it, or says nothing.
fn algorithm(
    token: &IdToken,
    provider: &IdentityProvider,
) -> Result<CoreJwsSigningAlgorithm, TokenError> {
    let (name, offered) = (token.algorithm(), &provider.signing_algorithms);
    if !offered.is_empty() && !offered.iter().any(|offer| offer == name) {
        return Err(invalid(format!(
            "it is signed with {name}, and its issuer offers only {} (alg)",
            offered.join(", ")
        )));
    }
    algorithm_called(name).ok_or_else(|| {
        invalid(format!(
            "it is signed with {name}, which a sign-in cannot verify yet (alg)"
        ))
        .with_advice("let the identity provider sign this client's ID tokens with RS256 or ES256")
    })
}

/// What `name` stands for, where a sign-in can verify it.
pub(super) fn algorithm_called(name: &str) -> Option<CoreJwsSigningAlgorithm> {
    let known = ALGORITHMS.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, algorithm)| algorithm)
}

/// The times that openidconnect leaves to its user.
fn check_times(token: &IdToken, expected: &Expected<'_>) -> Result<(), TokenError> {
    let Expected { leeway, now, .. } = *expected;
    let issued = token.issued_at();
    if issued > now + leeway {
        return Err(untimely("was issued at", issued, now, "iat"));
    }
    if issued + OLDEST < now {
        return Err(untimely("was issued as long ago as", issued, now, "iat"));
    }
    if let Some(from) = token
        .date("nbf")
        .map_err(invalid)?
        .filter(|from| *from > now + leeway)
    {
        return Err(untimely("is not valid before", from, now, "nbf"));
    }
    let Some(longest) = expected.max_age else {
        return Ok(());
    };
    let at = token.date("auth_time").map_err(invalid)?.ok_or_else(|| {
        invalid("it does not say when the person authenticated, as max_age demands (auth_time)")
    })?;
    if at + longest + leeway < now {
        let (at, longest) = (text::time(at), longest.as_secs());
        return Err(invalid(format!("the person authenticated at {at}, longer ago than the {longest} seconds of max_age (auth_time)"))
            .with_advice("sign out at the identity provider, then sign in again"));
    }
    Ok(())
}

pub(super) fn invalid(rule: impl AsRef<str>) -> TokenError {
    let message = format!("the ID token is not accepted: {}", rule.as_ref());
    TokenError::new(TokenErrorKind::Invalid, message).with_advice(TELL)
}

fn untimely(what: &str, at: SystemTime, now: SystemTime, claim: &str) -> TokenError {
    let (at, now) = (text::time(at), text::time(now));
    invalid(format!("it {what} {at}, and it is {now} here ({claim})"))
        .with_advice("set this machine's clock if it is wrong, then sign in again")
}

/// Names the rule that was broken. The library's own texts hold claims, never the token.
fn refusal(error: &ClaimsVerificationError, token: &IdToken, now: SystemTime) -> TokenError {
    invalid(match error {
        ClaimsVerificationError::Expired(_) => {
            return untimely("expired at", token.expires_at(), now, "exp");
        }
        ClaimsVerificationError::InvalidAudience(reason) => {
            format!("it is for another audience: {reason} (aud)")
        }
        ClaimsVerificationError::InvalidNonce(_) => {
            "it does not belong to this sign-in (nonce)".to_owned()
        }
        ClaimsVerificationError::SignatureVerification(error) => return unsigned(error),
        ClaimsVerificationError::Unsupported(reason) => {
            format!("its header says that it is something else: {reason} (typ)")
        }
        other => other.to_string(),
    })
}

fn unsigned(error: &SignatureVerificationError) -> TokenError {
    invalid(match error {
        SignatureVerificationError::NoMatchingKey => {
            "the issuer publishes no key that may have signed it (kid)"
        }
        SignatureVerificationError::AmbiguousKeyId(_) => {
            "several keys of the issuer may have signed it (kid)"
        }
        _ => "its signature is wrong",
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::{Map, json};
    use url::Url;

    use super::super::jws::SigningKey;
    use super::*;

    const NOW: u64 = 1_700_000_000;
    const GOOGLE: &str = "https://accounts.google.com";
    const SHORT: &str = "accounts.google.com";

    /// A token of `issuer` with `changes` to its claims, signed by `key`.
    fn token(key: &SigningKey, issuer: &str, changes: &Value) -> String {
        let mut claims = json!({
            "iss": issuer, "sub": "me", "aud": "app", "iat": NOW, "exp": NOW + 3600, "nonce": "once",
        });
        for (name, value) in changes.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        let signed = key.sign(Map::new(), &claims).expect("signed");
        signed.expose().to_owned()
    }

    #[test]
    fn an_issuer_without_its_scheme_passes_where_it_may_and_nothing_else_does() {
        let key = || SigningKey::of_kept(&SigningKey::generate().expect("a key")).expect("a key");
        let (google, another) = (key(), key());
        let keys = json!({"keys": [google.public_jwk()]});
        let provider = IdentityProvider::at(Url::parse(GOOGLE).expect("an address"));
        let verified = |text: &str, without_scheme| {
            let nonce = Nonce::new("once".into());
            let expected = Expected {
                provider: &provider,
                without_scheme,
                client_id: "app",
                nonce: Nonces::OfRequest(&nonce),
                max_age: None,
                leeway: Duration::ZERO,
                now: UNIX_EPOCH + Duration::from_secs(NOW),
            };
            let keys = serde_json::from_value(keys.clone()).expect("keys");
            let access_token = AccessToken::new("access".into());
            let evidence = Evidence {
                access_token: Some(&access_token),
                ..Evidence::default()
            };
            let token = read_text(&Secret::new(text))?;
            verify(&token, &evidence, &expected, keys).map(|()| token)
        };
        let short = |changes: Value| token(&google, SHORT, &changes);
        let named = |issuer: &str| token(&google, issuer, &json!({}));
        for text in [named(SHORT), named(GOOGLE)] {
            let token = verified(&text, true).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(token.expose(), text, "AWS is sent what Google signed");
        }

        let good = named(SHORT);
        let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts");
        };
        let other = short(json!({"sub": "you"}));
        let other = other.split('.').nth(1).expect("claims");
        let by_another = token(&another, SHORT, &json!({}));
        let unknown = BASE64_URL.encode(json!({"alg": "ES256", "kid": "unknown"}).to_string());
        for (text, without_scheme, said) in [
            (good.clone(), false, "another issuer"),
            (named("http://accounts.google.com"), true, "another issuer"),
            (named("://accounts.google.com"), true, "another issuer"),
            (named("accounts.google.com/"), true, "another issuer"),
            (named("Accounts.google.com"), true, "another issuer"),
            (named("google.com"), true, "another issuer"),
            (named("example.com"), true, "another issuer"),
            (by_another, true, "its signature is wrong"),
            (
                format!("{header}.{other}.{signature}"),
                true,
                "its signature is wrong",
            ),
            (
                format!("{header}.{claims}.{}", BASE64_URL.encode([1; 64])),
                true,
                "its signature is wrong",
            ),
            (
                format!("{unknown}.{claims}.{signature}"),
                true,
                "publishes no key",
            ),
            (short(json!({"aud": "another"})), true, "(aud)"),
            (short(json!({"aud": ["app", "another"]})), true, "(aud)"),
            (short(json!({"nonce": "twice"})), true, "(nonce)"),
            (short(json!({"exp": NOW})), true, "(exp)"),
            (short(json!({"iat": NOW + 1})), true, "(iat)"),
            (short(json!({"azp": "another"})), true, "(azp)"),
            (short(json!({"at_hash": "AAAA"})), true, "(at_hash)"),
            (short(json!({"email": 7})), true, "not of the kind"),
        ] {
            let error = verified(&text, without_scheme).expect_err(said);
            assert_eq!(error.kind(), TokenErrorKind::Invalid, "{said}");
            assert!(error.to_string().contains(said), "{said}: {error}");
        }
    }
}
