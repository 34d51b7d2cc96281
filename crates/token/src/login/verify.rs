//! An ID token from the token endpoint: every check of OpenID Connect Core §3.1.3.7.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use keyless_cache::Secret;
use openidconnect::core::{
    CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, Nonce,
    NonceVerifier, SignatureVerificationError,
};

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
    if found != wanted {
        return Err(invalid(format!(
            "it is from another issuer: expected {wanted:?}, found {found:?} (iss)"
        )));
    }
    let issuer = IssuerUrl::new(wanted.clone())
        .map_err(|error| invalid(format!("the issuer is no address: {error}")))?;
    let lenient_now = expected.now - expected.leeway;
    let client_id = ClientId::new(expected.client_id.to_owned());
    let verifier = CoreIdTokenVerifier::new_public_client(client_id, issuer, keys)
        .set_allowed_algs([algorithm(token, expected.provider)?])
        .set_time_fn(move || lenient_now.into());
    let read = CoreIdToken::from_str(token.expose())
        .map_err(|_| invalid("a claim is not of the kind that OpenID Connect wants"))?;
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
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::NoMatchingKey => {
                "the issuer publishes no key that may have signed it (kid)".to_owned()
            }
            SignatureVerificationError::AmbiguousKeyId(_) => {
                "several keys of the issuer may have signed it (kid)".to_owned()
            }
            _ => "its signature is wrong".to_owned(),
        },
        ClaimsVerificationError::Unsupported(reason) => {
            format!("its header says that it is something else: {reason} (typ)")
        }
        other => other.to_string(),
    })
}
