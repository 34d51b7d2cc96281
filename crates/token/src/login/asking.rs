//! A person is asked: who tells them, how long they have, and what other processes hear of it.

use std::time::Duration;

use keyless_cache::{Notices, Secret};
use tokio::task::spawn_blocking;

use super::Flow;
use super::callback::Callback;
use super::page::Page;
use super::prompt::{Prompt, SignInPage};
use crate::error::{TokenError, TokenErrorKind};

/// How a person is asked, whichever way they sign in.
#[derive(Clone)]
pub(crate) struct Asking<'a> {
    /// Where they sign in.
    pub(crate) issuer: &'a str,
    pub(crate) prompt: &'a dyn Prompt,
    pub(crate) timeout: Duration,
    pub(crate) notices: Option<&'a Notices<TokenError>>,
}

impl Asking<'_> {
    /// Lets the person visit `request` in a browser, and completes what they bring back. The page at which the browser ends says what came of it:
    /// who signed in is told by `who`.
    pub(crate) async fn visit<T>(
        &self,
        mut callback: Callback,
        request: &str,
        flow: Flow,
        complete: impl AsyncFnOnce(Secret) -> Result<T, TokenError>,
        who: impl FnOnce(&T) -> String,
    ) -> Result<T, TokenError> {
        self.begin(None).await;
        self.prompt.sign_in(&SignInPage {
            issuer: self.issuer,
            link: &callback.link,
            url: request,
            returns_to: &callback.returns_to,
            posts: callback.is_posted_to(),
            flow,
            timeout: self.timeout,
        });
        let if_late = format!(
            "run the command again, with a longer `--timeout` if you need more time; if the page in the browser shows an error, check \
             the configuration, and that the identity provider allows {}",
            callback.returns_to
        );
        let answered = async {
            let answer = callback.answer(self.prompt).await?;
            complete(answer).await
        };
        let outcome = self.within_time(answered, &if_late).await;
        let last_page = match &outcome {
            Ok(done) => Page::signed_in(&who(done)),
            Err(error) => Page::failed(error),
        };
        callback.finish(last_page).await;
        outcome
    }

    /// Lets everybody know that somebody is asked, and what they are shown to do: the processes that wait, and those that come if this one is killed.
    pub(crate) async fn begin(&self, shown: Option<String>) {
        let Some(notices) = self.notices.cloned() else {
            return;
        };
        let broken_off = TokenError::new(
            TokenErrorKind::TimedOut,
            format!("a sign-in at {} was begun and broke off", self.issuer),
        )
        .with_advice("sign in with `keyless login`");
        let _ = spawn_blocking(move || notices.asking(broken_off, shown)).await; // a panic in there is no reason not to ask
    }

    /// Gives the person no longer than they have.
    pub(crate) async fn within_time<T>(
        &self,
        answered: impl Future<Output = Result<T, TokenError>>,
        if_late: &str,
    ) -> Result<T, TokenError> {
        let late = |_| {
            Err(TokenError::new(
                TokenErrorKind::TimedOut,
                format!(
                    "nobody signed in at {} within {} seconds",
                    self.issuer,
                    self.timeout.as_secs()
                ),
            )
            .with_advice(if_late))
        };
        tokio::time::timeout(self.timeout, answered)
            .await
            .unwrap_or_else(late)
    }
}
