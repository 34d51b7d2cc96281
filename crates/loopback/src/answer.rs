//! One request: what is refused before the handler sees it, and the headers that every answer carries.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use crate::Limits;

/// A whole answer of one content type.
pub fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The request with its body, or the refusal.
pub(crate) async fn admit(
    request: Request<Incoming>,
    authorities: &[String],
    limits: &Limits,
    deadline: Instant,
) -> Result<Request<Bytes>, Response<Bytes>> {
    if !is_addressed_to(&request, authorities) {
        return Err(refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "this is not the host that was asked for",
        ));
    }
    let too_long = || refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
    if request.body().size_hint().lower() > limits.body_bytes as u64 {
        return Err(too_long()); // its `Content-Length` says so: do not wait for it
    }
    let (head, body) = request.into_parts();
    match tokio::time::timeout_at(deadline, Limited::new(body, limits.body_bytes).collect()).await {
        Ok(Ok(body)) => Ok(Request::from_parts(head, body.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(refuse(
            StatusCode::BAD_REQUEST,
            "the body could not be read",
        )),
        Err(_) => Err(refuse(
            StatusCode::REQUEST_TIMEOUT,
            "the body took too long",
        )),
    }
}

/// A short answer after which the connection is closed, since its unread body may still be on the way.
pub(crate) fn refuse(status: StatusCode, why: &'static str) -> Response<Bytes> {
    let mut response = respond(status, "text/plain", why);
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Adds the default headers, those aside that the handler has set itself.
pub(crate) fn protect(response: &mut Response<Bytes>, limits: &Limits) {
    for (name, value) in &DEFAULT_HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert_with(|| value.clone());
    }
    if !limits.keep_alive {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Whether the one `Host`, and the authority of an absolute request target (RFC 9112 §3.2.2), are exactly one of ours. A page
/// whose name was rebound to 127.0.0.1 still sends its own name.
fn is_addressed_to(request: &Request<Incoming>, authorities: &[String]) -> bool {
    let ours = |authority: &[u8]| authorities.iter().any(|ours| ours.as_bytes() == authority);
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let target = request.uri().authority();
    hosts.next().is_some_and(|host| ours(host.as_bytes()))
        && hosts.next().is_none()
        && target.is_none_or(|target| ours(target.as_str().as_bytes()))
}

/// The answers may hold an identity or a session: they are not kept, not framed, not sniffed, and tell nobody where they came from.
const DEFAULT_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
];
