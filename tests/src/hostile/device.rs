//! A code for another device, from a provider that may lie, and a way to it that takes no time: nobody waits where the clock is paused.

use std::sync::Arc;

use http::{Request, Response};
use keyless::{BoxFuture, HttpClient};
use keyless_token::{HttpError, Limits};
use serde_json::json;
use tokio::time::Instant;

use super::{Answer, Changes, Desk, HTTPS_ISSUER, Outcome, Seen, Token, sign_in_by};

/// The device code of every right answer.
pub const DEVICE_CODE: &str = "d3vice-code-that-nobody-else-may-see";

/// What a person was shown of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The code.
    pub user_code: String,
    /// The page where it is typed in.
    pub page: String,
    /// The link that holds it.
    pub link: Option<String>,
    /// How many seconds it is good.
    pub seconds: u64,
}

/// Lets somebody sign in who never visits a page, at [`HTTPS_ISSUER`] with `changes`. Without a socket: on a paused clock nothing waits.
pub async fn sign_in_afar(changes: Changes) -> Outcome {
    sign_in_by(changes, |provider| {
        let direct = Direct(Arc::clone(&provider.desk));
        (HTTPS_ISSUER.to_owned(), direct)
    })
    .await
}

/// The way to a provider without a socket.
#[derive(Debug)]
struct Direct(Arc<Desk>);

impl HttpClient for Direct {
    fn send(
        &self,
        request: Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, HttpError>> {
        let answer = self.0.answer(&request);
        let answer = if answer.body().len() > limits.body {
            Err(HttpError::new("the answer is longer than allowed"))
        } else {
            Ok(answer)
        };
        Box::pin(std::future::ready(answer))
    }
}

impl Desk {
    /// The answer of the device authorization endpoint (RFC 8628 §3.2).
    pub(super) fn device(&self, seen: &mut Seen) -> Response<Vec<u8>> {
        let page = format!("{}/device", seen.issuer);
        let mut answer = Answer::right(json!({
            "device_code": DEVICE_CODE, "user_code": "WDJB-MJHT",
            "verification_uri": page, "verification_uri_complete": format!("{page}?user_code=WDJB-MJHT"),
            "expires_in": 300, "interval": 5,
        }));
        seen.secrets.push(DEVICE_CODE.to_owned());
        seen.shown_at = Some(Instant::now());
        (self.changes.device)(&mut answer);
        answer.response()
    }

    /// The token endpoint's answer to a device code (§3.5).
    pub(super) fn polled(&self, seen: &mut Seen) -> Response<Vec<u8>> {
        let mut token = Token::right(&seen.issuer);
        (self.changes.token)(&mut token);
        let mut answer = seen.right_answer(token);
        (self.changes.polled)(&mut answer, seen.polls.len());
        let after = seen.shown_at.map(|at| at.elapsed().as_secs());
        seen.polls.extend(after);
        answer.response()
    }
}

impl Answer {
    /// Says that nobody has entered the code yet, or something else of RFC 8628 §3.5.
    pub fn not_yet(&mut self, error: &str) {
        self.refuse(json!({ "error": error }));
    }
}

pub(super) fn shown(code: &keyless::login::DeviceCode<'_>) -> Shown {
    Shown {
        user_code: code.user_code.to_owned(),
        page: code.verification_uri.to_owned(),
        link: code.verification_uri_complete.map(str::to_owned),
        seconds: code.timeout.as_secs(),
    }
}
