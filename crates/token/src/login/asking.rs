//! A person is asked: who tells them, how long they have, and what other processes hear of it.

use std::future::pending;
use std::time::Duration;

use keyless_cache::{Notices, Secret};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

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
        let question = self.begin(None).await;
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
        let outcome = question.answered(answered, &if_late).await;
        let last_page = match &outcome {
            Ok(done) => Page::signed_in(&who(done)),
            Err(error) => Page::failed(error),
        };
        callback.finish(last_page).await;
        outcome
    }

    /// Lets everybody know that somebody is asked, and what they are shown to do: the processes that wait, and those that come if this one is killed.
    pub(crate) async fn begin(&self, shown: Option<String>) -> Question<'_> {
        let broken_off = TokenError::new(
            TokenErrorKind::TimedOut,
            format!("a sign-in at {} was begun and broke off", self.issuer),
        )
        .with_advice("sign in with `keyless login`");
        let mut told = self.notices.cloned();
        if let Some(notices) = told.clone() {
            let begun = spawn_blocking(move || notices.asking(broken_off, shown)).await;
            told = told.filter(|_| begun.unwrap_or(false)); // a panic in there is no reason not to ask
        }
        Question { asking: self, told }
    }
}

/// A person who is being asked.
pub(crate) struct Question<'a> {
    asking: &'a Asking<'a>,
    /// Where everybody is told of it.
    told: Option<Notices<TokenError>>,
}

impl Question<'_> {
    /// What comes of `answer`, for which the person has no longer than they have. It ends as well when it is called off.
    pub(crate) async fn answered<T>(
        &self,
        answer: impl Future<Output = Result<T, TokenError>>,
        if_late: &str,
    ) -> Result<T, TokenError> {
        let Asking {
            issuer,
            timeout: longest,
            ..
        } = self.asking;
        let answer = async {
            tokio::select! {
                answer = answer => answer,
                () = self.called_off() => Err(TokenError::new(
                    TokenErrorKind::LoginRequired,
                    format!("the sign-in at {issuer} was called off by another process"),
                )
                .with_advice("go on with the one that was begun in its place, or sign in with `keyless login`")),
            }
        };
        let seconds = longest.as_secs();
        timeout(*longest, answer).await.unwrap_or_else(|_| {
            Err(TokenError::new(
                TokenErrorKind::TimedOut,
                format!("nobody signed in at {issuer} within {seconds} seconds"),
            )
            .with_advice(if_late))
        })
    }

    /// Ends when another process has called it off.
    async fn called_off(&self) {
        let Some(told) = &self.told else {
            return pending().await;
        };
        loop {
            sleep(A_MOMENT).await;
            let told = told.clone();
            if let Ok(true) = spawn_blocking(move || told.is_called_off()).await {
                return;
            }
        }
    }
}

/// How often to see whether it was called off.
const A_MOMENT: Duration = Duration::from_millis(250);
