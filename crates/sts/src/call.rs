//! One call to STS: what passes is tried again, what does not is put into words.

use std::future::Future;
use std::time::Duration;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use keyless_token::text::innermost;
use keyless_trust::answer;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::error::{ExchangeError, ExchangeErrorKind};
use crate::request::{ONE_HOUR, RoleRequest};

/// How often a call is made at the most: once, and three times more for what passes.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Makes `call` for `request` with the seconds to ask for.
///
/// Where the role allows less than what was asked for, an hour is asked for instead, which every role allows, and a
/// warning says so.
pub(crate) async fn call<T, E, Call, Answer>(
    request: &RoleRequest,
    call: Call,
) -> Result<T, ExchangeError>
where
    Call: Fn(i32) -> Answer,
    Answer: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata,
{
    let answer = persist(request, request.duration, &call).await;
    match answer {
        Err(error)
            if request.duration > ONE_HOUR
                && error.answer() == Some(&answer::DURATION_OVER_ROLE_MAXIMUM) =>
        {
            tracing::warn!(
                role = request.role.as_str(),
                "the role allows less than the {} seconds asked for: the session will last an hour",
                request.duration.as_secs()
            );
            persist(request, ONE_HOUR, &call).await
        }
        answer => answer,
    }
}

/// Tries again what passes, with full jitter. A denial is never tried again.
async fn persist<T, E, Call, Answer>(
    request: &RoleRequest,
    duration: Duration,
    call: &Call,
) -> Result<T, ExchangeError>
where
    Call: Fn(i32) -> Answer,
    Answer: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata,
{
    let seconds = i32::try_from(duration.as_secs()).unwrap_or(i32::MAX); // checked: at most 43200
    let mut attempt = 1;
    loop {
        // The SDK traces whole requests and answers. What of the token and the session can be read there depends on how
        // it happens to wrap them, so it is not listened to.
        let error = match call(seconds).with_subscriber(NoSubscriber::default()).await {
            Ok(answer) => {
                tracing::debug!(role = request.role.as_str(), attempt, "AWS gave a session");
                return Ok(answer);
            }
            Err(error) => in_words(error, &request.sts.place(&request.role)).at_role(&request.role),
        };
        tracing::debug!(role = request.role.as_str(), attempt, %error, "AWS gave no session");
        if attempt == ATTEMPTS || !error.is_transient() {
            return Err(error);
        }
        tokio::time::sleep(pause(attempt)).await;
        attempt += 1;
    }
}

fn pause(attempt: u32) -> Duration {
    let longest = (FIRST_PAUSE * 2u32.pow(attempt - 1)).min(LONGEST_PAUSE);
    let random = getrandom::u32().unwrap_or(u32::MAX); // without random numbers: the whole pause
    longest.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// The failure of a call to the STS at `place`.
pub(crate) fn in_words<E: ProvideErrorMetadata>(
    error: SdkError<E, HttpResponse>,
    place: &str,
) -> ExchangeError {
    let unreachable = |reason: String| {
        ExchangeError::new(ExchangeErrorKind::Unreachable, reason)
            .with_advice("check this machine's network and proxy, and the region or endpoint")
    };
    match error {
        SdkError::ServiceError(said) => {
            let status = said.raw().status().as_u16();
            let request_id = said
                .err()
                .meta()
                .request_id()
                .or_else(|| said.raw().request_id());
            let (code, message) = (
                said.err().code().unwrap_or("nothing known"),
                said.err().message().unwrap_or_default(),
            );
            ExchangeError::answered(code, message, status, request_id)
        }
        SdkError::TimeoutError(_) => unreachable(format!("{place} did not answer in time")),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            unreachable(format!("{place} did not answer in time"))
        }
        SdkError::DispatchFailure(failure) => {
            let reason = failure
                .as_connector_error()
                .map_or_else(String::new, |error| format!(": {}", innermost(error)));
            unreachable(format!("{place} cannot be reached{reason}"))
        }
        SdkError::ResponseError(_) => ExchangeError::new(
            ExchangeErrorKind::Malformed,
            "the answer is not one that STS gives",
        )
        .with_advice("check the endpoint: is it STS that listens there?"),
        _ => ExchangeError::misconfigured("the request to STS could not be put together"),
    }
}
