//! A sign-in renewed without a person, where a refresh token is kept (RFC 6749 §6, OpenID Connect Core §12).

use std::sync::Arc;

use keyless_cache::Secret;

use super::Settings;
use super::discovery::IdentityProvider;
use super::ended::Ended;
use super::grant::{self, Grant, Renewal};
use super::port::Port;
use super::sign_in::SignIn;
use super::vault::{Kept, Turn};
use super::verify::{self, Evidence, Nonces};
use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;

/// Spends the refresh token that is kept; `None` where there is none, or none that is still good, so that a person must sign in.
///
/// A token that is used up is replaced, lastingly, before anything else is done with the answer.
pub(super) async fn renew(
    settings: &Arc<Settings>,
    before: Option<&SignIn>,
) -> Result<Option<SignIn>, TokenError> {
    if !settings.stays_signed_in || settings.vault.holds_one().await != Some(true) {
        return Ok(None);
    }
    let Some(turn) = settings.vault.turn().await? else {
        return Ok(None);
    };
    // Somebody may have renewed it while we waited for our turn.
    if let Some(renewed) = settings.renewed_since(before).await {
        return Ok(Some(renewed));
    }
    let Some(mut kept) = turn.read().await else {
        return Ok(None);
    };
    if !is_of_use(settings, before, &kept)? {
        return Ok(None);
    }
    let provider = settings.discover().await?;
    let mut port = Port::open(settings, provider, kept.binding()).await?;
    let mut is_second = false;
    let grant = loop {
        match spend(&port, &turn, &kept).await? {
            Renewal::Granted(grant) => break grant,
            // Perhaps it was another process's to spend, on a disk whose locks do not hold.
            Renewal::Ended(said) => match turn.read().await {
                Some(newer) if newer.refresh_token != kept.refresh_token && !is_second => {
                    (kept, is_second) = (newer, true);
                    port.bind(kept.binding());
                }
                _ => {
                    tracing::info!(
                        issuer = settings.issuer,
                        "the identity provider has ended the sign-in"
                    );
                    let ended = Ended::new(settings.clock.now(), said);
                    settings.ended.set(ended).await;
                    turn.discard(&kept).await;
                    return Ok(None);
                }
            },
        }
    };
    let token = believe(settings, &port.provider, &grant, &kept).await?;
    tracing::debug!(
        issuer = settings.issuer,
        "renewed the sign-in without a person"
    );
    let sign_in = SignIn::new(token, settings)?;
    if !turn.is_forgotten().await {
        settings.leave_without_a_lock(&sign_in).await;
    }
    Ok(Some(sign_in))
}

/// Whether spending it can bring what is wanted: a token of whoever signed in last, no older than `max_age` has it.
fn is_of_use(
    settings: &Settings,
    before: Option<&SignIn>,
    kept: &Kept,
) -> Result<bool, TokenError> {
    let another = before.is_some_and(|before| before.token().subject() != kept.subject);
    let end = settings.proved_until(kept.auth_time.as_ref())?;
    Ok(!another && end.is_none_or(|end| settings.clock.now() < end))
}

async fn spend(port: &Port, turn: &Turn<'_>, kept: &Kept) -> Result<Renewal, TokenError> {
    let settings = &*port.settings;
    keyless_cache::fault("refresh: before it is spent");
    let _spending = settings.spending.lock().await;
    let answer = grant::refresh(port, &kept.refresh_token).await?;
    keyless_cache::fault("refresh: spent");
    // Where there is no new one, the old one stays good (RFC 6749 §6).
    if let Renewal::Granted(grant) = &answer
        && let Some(newer) = grant.refresh_token.clone()
        && newer != kept.refresh_token
    {
        let next = Kept {
            refresh_token: newer,
            ..kept.clone()
        };
        // What was forgotten meanwhile must not come back. What cannot be kept is lost, and the old one must not be spent once more.
        if turn.is_forgotten().await || !turn.keep(next, settings.clock.now()).await {
            turn.discard(kept).await;
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
            &token,
            &Evidence {
                access_token: Some(&grant.access_token),
                ..Evidence::default()
            },
            Nonces::OfSignIn(kept.nonce.as_deref()),
        )
        .await?;
    let times = (token.claims().get("auth_time"), kept.auth_time.as_ref());
    let (same_subject, same_time) = (
        token.subject() == kept.subject,
        !matches!(times, (Some(now), Some(then)) if now != then),
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
pub(super) async fn keep(port: &Port, refresh_token: Option<Secret>, token: &IdToken) {
    let settings = &*port.settings;
    let wanted = refresh_token
        .filter(|_| settings.stays_signed_in)
        .map(|refresh_token| Kept::new(refresh_token, token, port.binding()));
    let vault = &settings.vault;
    let is_kept = match wanted {
        Some(kept) => match vault.turn().await {
            Ok(Some(turn)) => turn.keep(kept, settings.clock.now()).await,
            Ok(None) | Err(_) => false,
        },
        None => vault.holds_one().await == Some(false),
    };
    // Whoever signed in before must not be signed in again behind this person's back.
    if !is_kept {
        vault.forget().await;
    }
}
