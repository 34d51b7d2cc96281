//! A sign-in renewed without a person, where a refresh token is kept (RFC 6749 §6, OpenID Connect Core §12).

use keyless_cache::Secret;

use super::Settings;
use super::discovery::{self, IdentityProvider};
use super::grant::{self, Grant};
use super::sign_in::SignIn;
use super::vault::{Kept, Turn};
use super::verify::{self, Nonces};
use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;

/// Spends the refresh token that is kept; `None` where there is none, or none that is still good, so that a person must sign in.
///
/// A token that is used up is replaced, lastingly, before anything else is done with the answer.
pub(super) async fn renew(
    settings: &Settings,
    before: Option<&SignIn>,
) -> Result<Option<SignIn>, TokenError> {
    if !settings.stays_signed_in() || settings.vault.is_empty().await {
        return Ok(None);
    }
    let turn = settings.vault.turn().await?;
    // Somebody may have renewed it while we waited for our turn.
    if let Some(renewed) = settings.renewed_since(before).await {
        return Ok(Some(renewed));
    }
    let Some(mut kept) = turn.read().await? else {
        return Ok(None);
    };
    let provider = discovery::discover(&*settings.http, &settings.issuer, &settings.clock).await?;
    let mut is_second = false;
    let grant = loop {
        match spend(settings, &provider, &turn, &kept).await? {
            Some(grant) => break grant,
            // Perhaps it was another process's to spend, on a disk whose locks do not hold.
            None => match turn.read().await? {
                Some(newer) if newer.refresh_token != kept.refresh_token && !is_second => {
                    (kept, is_second) = (newer, true);
                }
                _ => {
                    tracing::info!(
                        issuer = settings.issuer,
                        "the identity provider has ended the sign-in"
                    );
                    turn.forget().await;
                    return Ok(None);
                }
            },
        }
    };
    let token = believe(settings, &provider, &grant, &kept).await?;
    tracing::debug!(
        issuer = settings.issuer,
        "renewed the sign-in without a person"
    );
    Ok(Some(SignIn::new(token)))
}

/// `None` where the identity provider does not take the refresh token any more (`invalid_grant`, RFC 6749 §5.2).
async fn spend(
    settings: &Settings,
    provider: &IdentityProvider,
    turn: &Turn<'_>,
    kept: &Kept,
) -> Result<Option<Grant>, TokenError> {
    keyless_cache::fault("refresh: before it is spent");
    let answer = grant::refresh(
        &*settings.http,
        provider,
        &settings.client_id,
        &kept.refresh_token,
    )
    .await?;
    keyless_cache::fault("refresh: spent");
    // Where there is no new one, the old one stays good (RFC 6749 §6).
    if let Some(grant) = &answer
        && let Some(newer) = grant.refresh_token.clone()
        && newer != kept.refresh_token
    {
        let kept = Kept {
            refresh_token: newer,
            ..kept.clone()
        };
        // What cannot be kept is lost, and the old one must not be spent once more.
        if turn.keep(kept, settings.clock.now()).await.is_err() {
            turn.forget().await;
        }
        keyless_cache::fault("refresh: kept");
    }
    Ok(answer)
}

/// The ID token of the answer, if it is about the same sign-in as the one before.
async fn believe(
    settings: &Settings,
    provider: &IdentityProvider,
    grant: &Grant,
    kept: &Kept,
) -> Result<IdToken, TokenError> {
    if grant.id_token.is_none() {
        // Core §12.2 leaves it to the identity provider.
        return Err(TokenError::new(
            TokenErrorKind::LoginRequired,
            format!("{} renews a sign-in without an ID token", settings.issuer),
        )
        .with_advice("sign in with `keyless login`; leave out the scope offline_access, which is of no use here"));
    }
    let token = verify::read(grant)?;
    settings
        .verify(
            provider,
            grant,
            &token,
            Nonces::OfSignIn(kept.nonce.as_deref()),
        )
        .await?;
    let claim = token.claims().get("auth_time");
    let (same_subject, same_time) = (
        token.subject() == kept.subject,
        claim.is_none() || claim == kept.auth_time.as_ref(),
    );
    match (same_subject, same_time) {
        (true, true) => Ok(token),
        (false, _) => Err(verify::invalid(
            "it is about another person than the sign-in that it renews (sub)",
        )),
        (true, false) => Err(verify::invalid(
            "it is of another sign-in than the one that it renews (auth_time)",
        )),
    }
}

/// After a person has signed in: keeps the refresh token that came with it, or none.
pub(super) async fn keep(settings: &Settings, refresh_token: Option<Secret>, token: &IdToken) {
    let wanted = refresh_token
        .filter(|_| settings.stays_signed_in())
        .map(|refresh_token| Kept::new(refresh_token, token));
    let vault = &settings.vault;
    let is_kept = match wanted {
        Some(kept) => match vault.turn().await {
            Ok(turn) => turn.keep(kept, settings.clock.now()).await.is_ok(),
            Err(_) => false,
        },
        None => vault.is_empty().await,
    };
    // Whoever signed in before must not be signed in again behind this person's back.
    if !is_kept {
        vault.forget().await;
    }
}
