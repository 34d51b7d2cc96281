//! One sign-in from beginning to end.

use std::sync::Arc;

use keyless_cache::{Interaction, Secret};
use tokio::task::spawn_blocking;

use super::Settings;
use super::callback::{Callback, Expected, Waiting};
use super::discovery::{self, IdentityProvider};
use super::grant::{self, Grant};
use super::keys;
use super::page::Page;
use super::prompt::{Prompt, SignInPage};
use super::refresh;
use super::request::{self, AuthorizationRequest};
use super::sign_in::SignIn;
use super::verify::{self, Nonces};
use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;

/// Renews the sign-in without a person where that can be done, and else lets one sign in, where one may be asked.
pub(super) async fn sign_in(
    settings: Arc<Settings>,
    before: Option<SignIn>,
    interaction: Interaction,
) -> Result<SignIn, TokenError> {
    let prompt = settings
        .prompt
        .as_ref()
        .filter(|_| interaction >= Interaction::Allowed);
    if interaction < Interaction::Required {
        match refresh::renew(&settings, before.as_ref()).await {
            Ok(None) => {}
            Ok(Some(renewed)) => return Ok(renewed),
            Err(error) if prompt.is_none() || error.is_transient() => return Err(error),
            Err(error) => tracing::warn!("{error}; a person is asked instead"),
        }
    }
    let Some(prompt) = prompt else {
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
    settings.say_that_somebody_is_asked().await;
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
    let outcome = match outcome {
        Ok((token, refresh_token)) => {
            refresh::keep(&settings, refresh_token, &token).await;
            tell(&**prompt, &token, before.as_ref());
            Ok(token)
        }
        Err(error) => Err(error),
    };
    callback.finish(last_page(&outcome)).await;
    outcome.map(SignIn::new)
}

/// From the browser's return to the verified token, and the refresh token that came with it.
async fn complete(
    settings: &Settings,
    provider: &IdentityProvider,
    request: AuthorizationRequest,
    callback: &mut Callback,
) -> Result<(IdToken, Option<Secret>), TokenError> {
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
    settings
        .verify(provider, &grant, &token, Nonces::OfRequest(&nonce))
        .await?;
    Ok((token, grant.refresh_token))
}

impl Settings {
    /// Lets `token`, which came with `grant`, pass every check. The keys are fetched last, so that a rotation while a person was signing in
    /// does no harm.
    pub(super) async fn verify(
        &self,
        provider: &IdentityProvider,
        grant: &Grant,
        token: &IdToken,
        nonce: Nonces<'_>,
    ) -> Result<(), TokenError> {
        let http = &*self.http;
        let mut keys = keys::fetch(http, provider, &self.clock).await?;
        if !keys::know(&keys, token.key_id()) {
            // It may have been published a moment after its first use. Once more, and not again: the name is the token's.
            keys = keys::fetch(http, provider, &self.clock).await?;
        }
        let expected = verify::Expected {
            provider,
            client_id: &self.client_id,
            nonce,
            max_age: request::max_age(&self.extra)?,
            leeway: self.leeway,
            now: self.clock.now(),
        };
        verify::verify(token, grant, &expected, keys)
    }

    /// For the processes that wait, and for those that come if this one is killed.
    async fn say_that_somebody_is_asked(&self) {
        let Some(notices) = self.notices.clone() else {
            return;
        };
        let broken_off = TokenError::new(
            TokenErrorKind::TimedOut,
            format!("a sign-in at {} was begun and broke off", self.issuer),
        )
        .with_advice("sign in with `keyless login`");
        let _ = spawn_blocking(move || notices.asking(broken_off)).await; // a panic in there is no reason not to ask
    }
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
