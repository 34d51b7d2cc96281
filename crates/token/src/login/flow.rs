//! One sign-in from beginning to end.

use std::sync::Arc;

use keyless_cache::Interaction;

use super::Settings;
use super::callback::{Callback, Expected, Waiting};
use super::discovery::{self, IdentityProvider};
use super::grant;
use super::page::{Mood, Page};
use super::prompt::{Prompt, SignInPage};
use super::request::AuthorizationRequest;
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
    let waiting = Waiting::bind(settings.port).await?;
    let request = AuthorizationRequest::new(
        &provider,
        &settings.client_id,
        &settings.scopes,
        &settings.extra,
        waiting.redirect_uri(),
    );
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
        .with_advice("run the command again, with a longer --timeout if you need more time")),
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
    let keys = discovery::keys(http, provider, &settings.clock).await?;
    verify::verify(
        &grant,
        provider,
        &settings.client_id,
        &nonce,
        keys,
        &settings.clock,
    )
}

fn tell(prompt: &dyn Prompt, token: &IdToken, before: Option<&SignIn>) {
    let another = before
        .map(SignIn::token)
        .filter(|before| before.subject() != token.subject());
    prompt.signed_in(token, another);
}

fn last_page(outcome: &Result<IdToken, TokenError>) -> Page {
    match outcome {
        Ok(token) => Page::new(
            Mood::Good,
            format!("Signed in as {}", token.who()),
            &["You can close this page and go back to your terminal."],
        ),
        Err(error) => {
            let (reason, advice) = (
                error.to_string(),
                error.advice().unwrap_or("see your terminal"),
            );
            Page::new(
                Mood::Bad,
                "You are not signed in",
                &[
                    &format!("What happened: {reason}."),
                    &format!("What to do: {advice}."),
                ],
            )
        }
    }
}
