//! One sign-in from beginning to end.

use std::sync::Arc;

use keyless_cache::Interaction;

use super::Settings;
use super::callback::{Callback, Expected, Waiting};
use super::discovery::{self, IdentityProvider};
use super::grant;
use super::keys;
use super::page::Page;
use super::prompt::{Prompt, SignInPage};
use super::request::{self, AuthorizationRequest};
use super::sign_in::SignIn;
use super::verify;
use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;

/// Lets a person sign in, where one may be asked.
pub(super) async fn sign_in(
    settings: Arc<Settings>,
    before: Option<SignIn>,
    interaction: Interaction,
) -> Result<SignIn, TokenError> {
    let (Some(prompt), Interaction::Allowed) = (&settings.prompt, interaction) else {
        return Err(TokenError::new(
            TokenErrorKind::LoginRequired,
            format!("nobody is signed in at {}", settings.issuer),
        )
        .with_advice("sign in with `keyless login`"));
    };
    let provider = discovery::discover(&*settings.http, &settings.issuer, &settings.clock).await?;
    let waiting = Waiting::bind(settings.redirect_host, &settings.ports).await?;
    let request = AuthorizationRequest::new(
        &provider,
        &settings.client_id,
        &settings.scopes,
        &settings.extra,
        waiting.redirect_uri(),
    );
    let redirect_uri = request.redirect_uri.clone();
    let expected = Expected {
        state: request.state.clone(),
        issuer: provider.issuer.clone(),
        iss_required: provider.iss_in_response,
    };
    let mut callback = waiting.serve(request.url.to_string(), expected)?;
    prompt.sign_in(&SignInPage {
        issuer: &settings.issuer,
        link: &callback.link,
        url: request.url.as_str(),
        timeout: settings.timeout,
    });
    let outcome = match tokio::time::timeout(
        settings.timeout,
        complete(&settings, &provider, request, &mut callback),
    )
    .await
    {
        Ok(outcome) => outcome,
        Err(_) => Err(TokenError::new(
            TokenErrorKind::TimedOut,
            format!(
                "nobody signed in at {} within {} seconds",
                settings.issuer,
                settings.timeout.as_secs()
            ),
        )
        .with_advice(format!(
            "run the command again, with a longer `--timeout` if you need more time; if the page in the browser shows an error, check \
             the client id, and that the identity provider allows {redirect_uri}"
        ))),
    };
    if let Ok(token) = &outcome {
        tell(&**prompt, token, before.as_ref());
    }
    callback.finish(last_page(&outcome)).await;
    outcome.map(SignIn::new)
}

/// From the browser's return to the verified token. The keys are fetched last, so that a rotation while the person was
/// signing in does no harm.
async fn complete(
    settings: &Settings,
    provider: &IdentityProvider,
    request: AuthorizationRequest,
    callback: &mut Callback,
) -> Result<IdToken, TokenError> {
    let http = &*settings.http;
    let AuthorizationRequest {
        redirect_uri,
        nonce,
        verifier,
        ..
    } = request;
    let code = callback.code().await?;
    let grant = grant::redeem(
        http,
        provider,
        &settings.client_id,
        &redirect_uri,
        verifier,
        &code,
    )
    .await?;
    let token = verify::read(&grant)?;
    let mut keys = keys::fetch(http, provider, &settings.clock).await?;
    if !keys::know(&keys, token.key_id()) {
        // It may have been published a moment after its first use. Once more, and not again: the name is the token's.
        keys = keys::fetch(http, provider, &settings.clock).await?;
    }
    let expected = verify::Expected {
        provider,
        client_id: &settings.client_id,
        nonce: &nonce,
        max_age: request::max_age(&settings.extra)?,
        leeway: settings.leeway,
        now: settings.clock.now(),
    };
    verify::verify(&token, &grant, &expected, keys)?;
    Ok(token)
}

fn tell(prompt: &dyn Prompt, token: &IdToken, before: Option<&SignIn>) {
    let another = before
        .map(SignIn::token)
        .filter(|before| before.subject() != token.subject());
    prompt.signed_in(token, another);
}

fn last_page(outcome: &Result<IdToken, TokenError>) -> Page {
    match outcome {
        Ok(token) => Page::signed_in(&token.who()),
        Err(error) => Page::failed(error),
    }
}
