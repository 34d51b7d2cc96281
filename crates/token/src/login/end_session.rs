//! The session of a browser at the identity provider, ended on request (OpenID Connect RP-Initiated Logout 1.0).

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use keyless_cache::Secret;
use keyless_loopback::keeps_other_users_out;
use openidconnect::CsrfToken;
use url::Url;
use url::form_urlencoded::Serializer;

use super::callback::{Waiting, WayBack};
use super::onward::Onward;
use super::page::Page;
use super::request::ResponseMode;
use super::response::{Parameters, Verdict};
use super::{Login, Settings};
use crate::error::{TokenError, TokenErrorKind};
use crate::http::Limits;
use crate::id_token::IdToken;

/// What a person opens in a browser in order to sign out at the identity provider.
#[derive(Clone, Copy)]
pub struct SignOutPage<'a> {
    /// Where the person signs out.
    pub issuer: &'a str,
    /// A link on this machine that leads to the identity provider, once. It holds no token.
    pub link: &'a str,
    /// Where the browser ends.
    pub returns_to: &'a str,
    /// How long it is waited for.
    pub timeout: Duration,
}

impl fmt::Debug for SignOutPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignOutPage")
            .field("issuer", &self.issuer)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What came of a sign-out in the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndOfSession {
    /// The identity provider has sent the browser back.
    CameBack,
    /// Nobody has come back in time. That proves nothing: the person may have closed the tab, and not every identity provider sends them back.
    NotSeen,
    /// The identity provider does not offer it. Where it has a page of its own to sign out at, that page.
    NotOffered(Option<Url>),
}

impl Login {
    /// Lets a person end the session of their browser at the identity provider, whose page `show` shows them. Nothing that is kept here is
    /// touched: [`sign_out`](Login::sign_out) comes first.
    ///
    /// `hint` is the ID token that was kept, expired or not: it tells whose session is to end (§2, `id_token_hint`). It goes from a page on
    /// this machine to the identity provider in the body of a request, and stands in no address; one that takes no such requests is not told it,
    /// and asks the person. So does each where another user of the machine could open that page first
    /// (macOS, and wherever keyless runs as root or in a user namespace), unless the token has expired.
    ///
    /// # Errors
    /// Where the identity provider cannot be asked what it offers, no port is free, or it says no.
    pub async fn end_session(
        &self,
        hint: Option<&IdToken>,
        timeout: Duration,
        show: impl FnOnce(&SignOutPage<'_>),
    ) -> Result<EndOfSession, TokenError> {
        let settings = &self.settings;
        let provider = settings.discover().await?;
        let Some(endpoint) = provider.end_session_endpoint else {
            let page = settings.sign_out_page.clone().or(provider.sign_out_page);
            return Ok(EndOfSession::NotOffered(page));
        };
        let waiting = Waiting::bind(settings.redirect_host, &settings.ports, SIGNED_OUT).await?;
        let returns_to = waiting.returns_to();
        let state = Secret::new(CsrfToken::new_random_len(32).into_secret());
        let by_form = takes_a_form(settings, &endpoint).await;
        let now = settings.clock.now();
        let hint = hint
            .filter(|hint| by_form && may_wait_behind_a_link(hint, keeps_other_users_out(), now));
        let fields = fields(settings, hint, &returns_to, &state);
        let onward = if by_form {
            let to = endpoint;
            Onward::Form { to, fields }
        } else {
            let mut address = endpoint;
            let fields = fields.iter().map(|(name, value)| (name, value.expose()));
            address.query_pairs_mut().extend_pairs(fields);
            Onward::Address(address.into())
        };
        let issuer = provider.issuer;
        let way_back = WayBack {
            path: SIGNED_OUT,
            mode: ResponseMode::Query,
            judge: Box::new(move |parameters, _| judge(parameters, &state, &issuer)),
            longest: 0,
        };
        let mut callback = waiting.serve(onward, way_back)?;
        show(&SignOutPage {
            issuer: &settings.issuer,
            link: &callback.link,
            returns_to: &returns_to,
            timeout,
        });
        let came_back = tokio::time::timeout(timeout, callback.came_back()).await;
        let page = match &came_back {
            Ok(Err(error)) => Page::failed_to_sign_out(error),
            _ => Page::signed_out(),
        };
        callback.finish(page).await;
        match came_back {
            Ok(outcome) => outcome.map(|_| EndOfSession::CameBack),
            Err(_) => Ok(EndOfSession::NotSeen),
        }
    }

    /// The page at which a person signs out at the identity provider in a browser on whichever machine: its own, or its end session endpoint,
    /// which asks whoever comes without a token (§2). `None` where none is known.
    ///
    /// # Errors
    /// Where the identity provider cannot be asked what it offers.
    pub async fn sign_out_page(&self) -> Result<Option<Url>, TokenError> {
        let settings = &self.settings;
        if let Some(page) = &settings.sign_out_page {
            return Ok(Some(page.clone()));
        }
        let provider = settings.discover().await?;
        let mut page = provider.end_session_endpoint;
        if let Some(page) = &mut page {
            page.query_pairs_mut()
                .append_pair("client_id", &settings.client_id);
        }
        Ok(page.or(provider.sign_out_page))
    }
}

/// Whether the endpoint takes a form, as §2 demands: some that are certified do not. It is asked without a token and without a cookie, and so
/// ends nobody's session.
async fn takes_a_form(settings: &Settings, endpoint: &Url) -> bool {
    let client = Serializer::new(String::new())
        .append_pair("client_id", &settings.client_id)
        .finish();
    let request = Request::post(endpoint.as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(client.into_bytes());
    let Ok(request) = request else {
        return true;
    };
    let answer = settings.http.send(request, Limits::default()).await;
    !answer.is_ok_and(|answer| {
        let takes_none = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
        takes_none.contains(&answer.status())
    })
}

/// Whether the page at the one-time link may hold `hint`. Who reads the link in the browser's argument list can be the first to open it, and AWS
/// takes the token until it expires.
fn may_wait_behind_a_link(hint: &IdToken, keeps_others_out: bool, now: SystemTime) -> bool {
    keeps_others_out || hint.expires_at() <= now
}

/// §2. Without a token the identity provider has the person's word alone, and asks them.
fn fields(
    settings: &Settings,
    hint: Option<&IdToken>,
    returns_to: &str,
    state: &Secret,
) -> Vec<(&'static str, Secret)> {
    let hint = match hint {
        Some(token) => Some(("id_token_hint", Secret::new(token.expose()))),
        None => settings
            .extra
            .iter()
            .find(|(name, _)| name == "login_hint")
            .map(|(_, who)| ("logout_hint", Secret::new(who.as_str()))),
    };
    let rest = [
        ("client_id", Secret::new(settings.client_id.as_str())),
        ("post_logout_redirect_uri", Secret::new(returns_to)),
        ("state", state.clone()),
    ];
    hint.into_iter().chain(rest).collect()
}

/// §3: `state` comes back as it was sent. Whatever else arrives is somebody else's.
fn judge(parameters: &Parameters, state: &Secret, issuer: &str) -> Verdict {
    let is_ours = parameters
        .get("state")
        .is_some_and(|found| Secret::new(found.as_str()) == *state);
    let is_theirs = parameters.get("iss").is_none_or(|found| found == issuer);
    if !is_ours || !is_theirs {
        return Verdict::NotOurs;
    }
    Verdict::Ours(match parameters.get("error") {
        None => Ok(Secret::new("")),
        Some(error) => {
            let reason = parameters
                .get("error_description")
                .map(|text| format!(": {text}"))
                .unwrap_or_default();
            Err(TokenError::new(
                TokenErrorKind::Refused,
                format!("{issuer} has not ended the session of the browser ({error}{reason})"),
            )
            .with_advice("sign out on the identity provider's own pages"))
        }
    })
}

/// Where the identity provider sends the browser back to.
const SIGNED_OUT: &str = "/signed-out";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64_URL;

    use super::*;

    #[test]
    fn a_token_that_aws_takes_is_not_left_where_others_may_be_first() {
        let part = |json: &str| BASE64_URL.encode(json);
        let token = IdToken::parse(&format!(
            "{}.{}.c2ln",
            part(r#"{"alg":"ES256","kid":"k"}"#),
            part(r#"{"iss":"https://id.example","sub":"alice","aud":"keyless","iat":1000,"exp":2000}"#),
        ))
        .expect("a token");
        for (keeps_others_out, second, may) in [
            (true, 1500, true),
            (true, 2000, true),
            (false, 1999, false),
            (false, 2000, true),
        ] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            let found = may_wait_behind_a_link(&token, keeps_others_out, now);
            assert_eq!(found, may, "{keeps_others_out}, {second}");
        }
    }
}
