//! The listener that the browser comes back to. Whatever does not carry this sign-in's `state` is ignored.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use keyless_cache::Secret;
use keyless_loopback::{Limits, Listener, Server, respond};
use tokio::sync::{Notify, oneshot, watch};
use url::form_urlencoded;

use super::TELL;
use super::page::Page;
use super::redirect::{self, RedirectHost};
use crate::error::{TokenError, TokenErrorKind};

/// Where the identity provider sends the browser back to.
const PATH: &str = "/callback";

/// How long the browser has to fetch the last page before the port is closed: longer than a waiting page waits.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// How long the browser is kept waiting for the last page before it is shown one that asks again.
const PATIENCE: Duration = Duration::from_secs(2);

type Body = Vec<u8>;

/// A bound listener, before its address is put into a request.
pub(super) struct Waiting {
    listener: Listener,
}

/// What an authorization response must carry.
pub(super) struct Expected {
    pub(super) state: Secret,
    pub(super) issuer: String,
    /// Whether `iss` must be there (RFC 9207 §2.4).
    pub(super) iss_required: bool,
}

impl Waiting {
    /// Binds a port and holds it.
    pub(super) async fn bind(
        host: RedirectHost,
        ports: &RangeInclusive<u16>,
    ) -> Result<Self, TokenError> {
        let listener = redirect::bind(host, ports).await?;
        Ok(Self { listener })
    }

    pub(super) fn redirect_uri(&self) -> String {
        format!("http://{}{PATH}", self.listener.authority())
    }

    /// Begins to answer; the browser is sent on to `authorize` by way of [`Callback::link`].
    pub(super) fn serve(
        self,
        authorize: String,
        expected: Expected,
    ) -> Result<Callback, TokenError> {
        let (answer, answered) = oneshot::channel();
        let (outcome, outcome_seen) = watch::channel(None);
        let desk = Arc::new(Desk {
            expected,
            start: one_time_path()?,
            end: one_time_path()?,
            authorize: Mutex::new(Some(authorize)),
            answer: Mutex::new(Some(answer)),
            outcome: outcome_seen,
            shown: Notify::new(),
        });
        let link = format!("http://{}{}", self.listener.authority(), desk.start);
        let limits = Limits::default().own_user_only(true).keep_alive(false);
        let at_desk = Arc::clone(&desk);
        let server = self.listener.serve(limits, move |request| {
            let desk = Arc::clone(&at_desk);
            async move {
                desk.receive(request.map(|body| body.to_vec()))
                    .await
                    .map(Into::into)
            }
        });
        Ok(Callback {
            link,
            desk,
            answered,
            outcome,
            server,
        })
    }
}

/// The listener while a person signs in.
pub(super) struct Callback {
    /// Leads to the identity provider, once.
    pub(super) link: String,
    desk: Arc<Desk>,
    answered: oneshot::Receiver<Result<Secret, TokenError>>,
    outcome: watch::Sender<Option<Page>>,
    server: Server,
}

impl Callback {
    /// The code, as soon as the person's own browser brings it.
    pub(super) async fn code(&mut self) -> Result<Secret, TokenError> {
        let closed = |_| {
            Err(TokenError::new(
                TokenErrorKind::Unreachable,
                "the listener for the sign-in was closed",
            ))
        };
        (&mut self.answered).await.unwrap_or_else(closed)
    }

    /// Shows the browser what came of it and closes the port.
    pub(super) async fn finish(self, page: Page) {
        let in_a_browser = self.desk.is_answered();
        self.outcome.send_replace(Some(page));
        if in_a_browser {
            let _ = tokio::time::timeout(LAST_PAGE, self.desk.shown.notified()).await;
        }
        self.server.shutdown().await;
    }
}

/// What the listener's handler needs.
struct Desk {
    expected: Expected,
    start: String,
    end: String,
    authorize: Mutex<Option<String>>,
    answer: Mutex<Option<oneshot::Sender<Result<Secret, TokenError>>>>,
    outcome: watch::Receiver<Option<Page>>,
    shown: Notify,
}

impl Desk {
    async fn receive(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        if path != PATH && path != self.start && path != self.end {
            return show(StatusCode::NOT_FOUND, &Page::nothing_here());
        }
        if request.method() != Method::GET {
            return show(StatusCode::METHOD_NOT_ALLOWED, &Page::nothing_here());
        }
        if !is_navigation(request.headers()) {
            return show(StatusCode::FORBIDDEN, &Page::nothing_here());
        }
        if path == PATH {
            self.judge(request.uri().query().unwrap_or_default())
        } else if path == self.start {
            self.send_on()
        } else {
            self.last_page().await
        }
    }

    /// To the identity provider, once: the link stands where other users of this machine can read it.
    fn send_on(&self) -> Response<Body> {
        match lock(&self.authorize).take() {
            Some(address) => redirect(&address),
            None => show(StatusCode::GONE, &Page::link_used()),
        }
    }

    /// `state` comes before everything else, `error` included: another page, or another program, may ask for anything
    /// here, and must neither end nor complete the sign-in (RFC 6749 §10.12, RFC 9700 §4.7).
    fn judge(&self, query: &str) -> Response<Body> {
        let Some(parameters) = unambiguous(query) else {
            return show(StatusCode::BAD_REQUEST, &Page::not_this_one());
        };
        let state = parameters.get("state").cloned().unwrap_or_default();
        if Secret::new(state) != self.expected.state {
            return show(StatusCode::BAD_REQUEST, &Page::not_this_one());
        }
        if let Some(answer) = lock(&self.answer).take() {
            let _ = answer.send(self.read(&parameters));
        }
        redirect(&self.end)
    }

    /// The response of the person's own browser (RFC 6749 §4.1.2, RFC 9207 §2.4).
    fn read(&self, parameters: &BTreeMap<String, String>) -> Result<Secret, TokenError> {
        let Expected {
            issuer,
            iss_required,
            ..
        } = &self.expected;
        match parameters.get("iss") {
            Some(found) if found != issuer => {
                return Err(TokenError::new(
                    TokenErrorKind::Invalid,
                    format!(
                        "the response is from another issuer: expected {issuer:?}, found {found:?} (iss)"
                    ),
                )
                .with_advice(TELL));
            }
            None if *iss_required => {
                return Err(TokenError::new(
                    TokenErrorKind::Invalid,
                    format!("{issuer} promises to name itself in its response (iss) and did not"),
                )
                .with_advice(TELL));
            }
            _ => {}
        }
        if let Some(error) = parameters.get("error") {
            let reason = parameters
                .get("error_description")
                .map(|text| format!(": {text}"))
                .unwrap_or_default();
            return Err(TokenError::new(
                TokenErrorKind::Refused,
                format!("{issuer} refused the sign-in ({error}{reason})"),
            )
            .with_advice(
                "sign in again, or ask whoever runs the identity provider to let you in",
            ));
        }
        match parameters.get("code") {
            Some(code) if !code.is_empty() => Ok(Secret::new(code.clone())),
            _ => Err(TokenError::new(
                TokenErrorKind::Invalid,
                format!("{issuer} sent the browser back without a code"),
            )
            .with_advice(TELL)),
        }
    }

    /// What came of it, as soon as that is known; neutral until then.
    async fn last_page(&self) -> Response<Body> {
        let mut outcome = self.outcome.clone();
        let known = tokio::time::timeout(PATIENCE, outcome.wait_for(Option::is_some));
        match known.await {
            Err(_) => show(StatusCode::OK, &Page::checking()),
            Ok(page) => {
                let page = page.ok().and_then(|page| page.clone());
                self.shown.notify_one();
                show(StatusCode::OK, &page.unwrap_or_else(Page::checking))
            }
        }
    }

    fn is_answered(&self) -> bool {
        lock(&self.answer).is_none()
    }
}

/// The parameters, unless one is there twice (RFC 6749 §3.1).
fn unambiguous(query: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if parameters
            .insert(name.into_owned(), value.into_owned())
            .is_some()
        {
            return None;
        }
    }
    Some(parameters)
}

/// Browsers say what a request is for; a script, an image or a frame is not a person following a link.
fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &str| headers.get_all(name).iter().all(|value| value == wanted);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

fn show(status: StatusCode, page: &Page) -> Response<Body> {
    respond(status, "text/html; charset=utf-8", page.html()).map(|body| body.to_vec())
}

fn redirect(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::new());
    match HeaderValue::from_str(to) {
        Ok(location) => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, location);
        }
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    response
}

fn one_time_path() -> Result<String, TokenError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| {
        TokenError::new(
            TokenErrorKind::Misconfigured,
            format!("this machine gives no random numbers: {error}"),
        )
    })?;
    let mut path = String::from("/");
    for byte in random {
        let _ = write!(path, "{byte:02x}"); // into a String: cannot fail
    }
    Ok(path)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a listener without a socket answers to `request`, and what the sign-in gets of it. `page` is what came of the
/// sign-in, at `/end`.
#[cfg(fuzzing)]
pub(super) async fn answer(
    request: Request<Body>,
    expected: Expected,
    page: Page,
) -> (Response<Body>, Option<Result<Secret, TokenError>>) {
    let (answer, mut answered) = oneshot::channel();
    let (_outcome, outcome_seen) = watch::channel(Some(page));
    let desk = Desk {
        expected,
        start: "/start".into(),
        end: "/end".into(),
        authorize: Mutex::new(Some("https://issuer.example/authorize".into())),
        answer: Mutex::new(Some(answer)),
        outcome: outcome_seen,
        shown: Notify::new(),
    };
    let response = desk.receive(request).await;
    (response, answered.try_recv().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> (Desk, watch::Sender<Option<Page>>) {
        let (outcome, outcome_seen) = watch::channel(None);
        let desk = Desk {
            expected: Expected {
                state: Secret::new("right".to_owned()),
                issuer: "https://issuer.example".into(),
                iss_required: false,
            },
            start: "/start".into(),
            end: "/end".into(),
            authorize: Mutex::new(None),
            answer: Mutex::new(None),
            outcome: outcome_seen,
            shown: Notify::new(),
        };
        (desk, outcome)
    }

    async fn shown(desk: &Desk) -> String {
        let request = Request::get("/end").body(Body::new()).expect("a request");
        String::from_utf8(desk.receive(request).await.into_body()).expect("text")
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_called_signed_in_before_that_is_certain() {
        let (desk, outcome) = desk();
        let waiting = shown(&desk).await;
        assert!(
            waiting.contains("Checking your sign-in") && waiting.contains("http-equiv=\"refresh\""),
            "{waiting}"
        );
        let waits_longer = desk.shown.notified();
        outcome.send_replace(Some(Page::signed_in("alice")));
        let last = shown(&desk).await;
        assert!(
            last.contains("Signed in as alice") && !last.contains("refresh"),
            "{last}"
        );
        waits_longer.await; // only now may the port be closed
    }
}
