//! An ID token from the token endpoint: every check of OpenID Connect Core §3.1.3.7.

use std::str::FromStr;
use std::time::Duration;

use keyless_cache::Clock;
use openidconnect::core::{
    CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, Nonce,
    SignatureVerificationError,
};

use super::discovery::IdentityProvider;
use super::grant::Grant;
use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;
use crate::text;

/// How far this machine's clock and the issuer's may be apart.
const LEEWAY: Duration = Duration::from_mins(1);

/// An ID token that was issued in answer to a request is fresh; one older than this is a replay, or a clock is off.
const OLDEST: Duration = Duration::from_mins(10);

/// What can verify at sign-in; STS takes ES512 as well, which openidconnect does not implement.
const ALGORITHMS: [(&str, CoreJwsSigningAlgorithm); 5] = [
    ("RS256", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256),
    ("RS384", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384),
    ("RS512", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512),
    ("ES256", CoreJwsSigningAlgorithm::EcdsaP256Sha256),
    ("ES384", CoreJwsSigningAlgorithm::EcdsaP384Sha384),
];

/// The token of `grant`, once it has passed every check.
pub(super) fn verify(
    grant: &Grant,
    provider: &IdentityProvider,
    client_id: &str,
    nonce: &Nonce,
    keys: CoreJsonWebKeySet,
    clock: &Clock,
) -> Result<IdToken, TokenError> {
    // Read strictly first: what two readers could understand differently is refused before anything is believed.
    let token = IdToken::parse(grant.id_token.expose())?;
    if token.algorithm() == "ES512" {
        return Err(invalid(
            "the ID token is signed with ES512, which a sign-in cannot verify yet",
        )
        .with_advice(
            "let the identity provider sign this client's ID tokens with RS256 or ES256",
        ));
    }
    let now = clock.now();
    let issuer = IssuerUrl::new(provider.issuer.clone())
        .map_err(|error| invalid(format!("the issuer: {error}")))?;
    let verifier =
        CoreIdTokenVerifier::new_public_client(ClientId::new(client_id.to_owned()), issuer, keys)
            .set_allowed_algs(allowed(&provider.signing_algorithms))
            .set_time_fn(move || (now - LEEWAY).into());
    let verified = CoreIdToken::from_str(grant.id_token.expose())
        .map_err(|_| invalid("the ID token's claims cannot be read"))?;
    let claims = verified
        .claims(&verifier, nonce)
        .map_err(|error| refusal(&error))?;

    let (issued, not_before) = (
        token.issued_at(),
        token
            .claims()
            .get("nbf")
            .and_then(serde_json::Value::as_i64),
    );
    if issued > now + LEEWAY {
        return Err(clocks(
            &format!("was issued at {}", text::time(issued)),
            now,
        ));
    }
    if issued + OLDEST < now {
        return Err(clocks(
            &format!("was issued as long ago as {}", text::time(issued)),
            now,
        ));
    }
    let seconds_now = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
        .cast_signed();
    if not_before
        .is_some_and(|from| from > seconds_now.saturating_add(LEEWAY.as_secs().cast_signed()))
    {
        return Err(clocks("is not valid yet (nbf)", now));
    }
    if let Some(party) = token
        .claims()
        .get("azp")
        .filter(|party| party.as_str() != Some(client_id))
    {
        return Err(invalid(format!(
            "the ID token was issued to {party} (azp), not to {client_id:?}"
        )));
    }
    if token.subject().len() > 255 {
        return Err(invalid(
            "the ID token's subject is longer than 255 characters",
        ));
    }
    if let Some(expected) = claims.access_token_hash() {
        let found = verified
            .signing_alg()
            .and_then(|algorithm| verified.signing_key(&verifier).map(|key| (algorithm, key)))
            .ok()
            .and_then(|(algorithm, key)| {
                AccessTokenHash::from_token(&grant.access_token, algorithm, key).ok()
            });
        if found.as_ref() != Some(expected) {
            return Err(invalid(
                "the ID token belongs to another access token (at_hash)",
            ));
        }
    }
    Ok(token)
}

/// What the issuer says it signs with, as far as it can be verified; all of it where it says nothing.
fn allowed(offered: &[String]) -> Vec<CoreJwsSigningAlgorithm> {
    ALGORITHMS
        .into_iter()
        .filter(|(name, _)| offered.is_empty() || offered.iter().any(|offer| offer == name))
        .map(|(_, algorithm)| algorithm)
        .collect()
}

fn invalid(reason: impl AsRef<str>) -> TokenError {
    TokenError::new(TokenErrorKind::Invalid, reason)
}

fn clocks(what: &str, now: std::time::SystemTime) -> TokenError {
    invalid(format!(
        "the ID token {what}, and it is {} here",
        text::time(now)
    ))
    .with_advice("set this machine's clock")
}

/// Names the rule that was broken. The library's own texts hold claims, never the token.
fn refusal(error: &ClaimsVerificationError) -> TokenError {
    let rule = match error {
        ClaimsVerificationError::Expired(_) => "it has expired (exp)".into(),
        ClaimsVerificationError::InvalidIssuer(reason) => {
            format!("it is from another issuer (iss): {reason}")
        }
        ClaimsVerificationError::InvalidAudience(reason) => {
            format!("it is for another audience (aud): {reason}")
        }
        ClaimsVerificationError::InvalidNonce(_) => {
            "it does not belong to this sign-in (nonce)".into()
        }
        ClaimsVerificationError::InvalidSubject(reason) => {
            format!("its subject is not acceptable (sub): {reason}")
        }
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::NoMatchingKey => {
                "its key is not in the issuer's key set (kid)".into()
            }
            SignatureVerificationError::AmbiguousKeyId(_) => {
                "several keys of the issuer could have signed it (kid)".into()
            }
            SignatureVerificationError::DisallowedAlg(reason) => {
                format!("its signature is of another kind (alg): {reason}")
            }
            _ => "its signature is wrong".into(),
        },
        other => other.to_string(),
    };
    invalid(format!("the ID token is not accepted: {rule}"))
}
