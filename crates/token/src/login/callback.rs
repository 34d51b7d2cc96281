//! The listener that the browser comes back to. Whatever does not belong to this sign-in is ignored.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use keyless_cache::Secret;
use keyless_loopback::{Limits, Listener, Server, respond};
use tokio::sync::{Notify, oneshot, watch};

use super::onward::Onward;
use super::page::Page;
use super::prompt::Prompt;
use super::redirect::{self, RedirectHost};
use super::relay;
use super::request::ResponseMode;
use super::response::{Judge, Verdict, pasted, unambiguous};
use crate::error::{TokenError, TokenErrorKind};

/// How long the browser has to fetch the last page before the port is closed: longer than a waiting page waits.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// How long the browser is kept waiting for the last page before it is shown one that asks again.
const PATIENCE: Duration = Duration::from_secs(2);

type Body = Vec<u8>;

/// The way back from the identity provider's pages.
pub(crate) struct WayBack {
    /// Where the response comes to.
    pub(crate) path: &'static str,
    pub(crate) mode: ResponseMode,
    pub(crate) judge: Judge,
    /// The most bytes that a posted response may have.
    pub(crate) longest: usize,
}

/// A bound listener, before its address is put into a request.
pub(crate) struct Waiting {
    path: &'static str,
    listener: Listener,
}

impl Waiting {
    /// Binds a port and holds it; the response comes to `path` there.
    pub(crate) async fn bind(
        host: RedirectHost,
        ports: &RangeInclusive<u16>,
        path: &'static str,
    ) -> Result<Self, TokenError> {
        let listener = redirect::bind(host, ports).await?;
        Ok(Self { path, listener })
    }

    /// The address that the identity provider sends the browser back to.
    pub(crate) fn returns_to(&self) -> String {
        format!("http://{}{}", self.listener.authority(), self.path)
    }

    /// Begins to answer; the browser is sent on to `request` by way of [`Callback::link`].
    pub(crate) fn serve(
        self,
        request: impl Into<Onward>,
        way_back: WayBack,
    ) -> Result<Callback, TokenError> {
        let (answer, answered) = oneshot::channel();
        let (outcome, outcome_seen) = watch::channel(None);
        let desk = Arc::new(Desk {
            origin: format!("http://{}", self.listener.authority()),
            start: one_time_path()?,
            end: one_time_path()?,
            relay: one_time_path()?,
            request: Mutex::new(Some(request.into())),
            answer: Mutex::new(Some(answer)),
            outcome: outcome_seen,
            shown: Notify::new(),
            way_back,
        });
        let limits = Limits::default()
            .own_user_only(true)
            .keep_alive(false)
            .body_bytes(desk.way_back.longest);
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
            link: format!("{}{}", desk.origin, desk.start),
            returns_to: format!("{}{}", desk.origin, self.path),
            desk,
            answered,
            outcome,
            server,
        })
    }
}

/// The listener while a person signs in.
pub(crate) struct Callback {
    /// Leads to the identity provider, once.
    pub(crate) link: String,
    /// Where the response comes to.
    pub(crate) returns_to: String,
    desk: Arc<Desk>,
    answered: oneshot::Receiver<Result<Secret, TokenError>>,
    outcome: watch::Sender<Option<Page>>,
    server: Server,
}

impl Callback {
    /// What was asked for, as soon as the person's own browser brings it or they paste the address at which one elsewhere ended.
    pub(crate) async fn answer(&mut self, prompt: &dyn Prompt) -> Result<Secret, TokenError> {
        let (judge, posts) = (&self.desk.way_back.judge, self.is_posted_to());
        let pasting = async {
            let mut rejected = None;
            loop {
                let line = prompt.pasted(rejected.as_ref()).await;
                match pasted(line.expose(), &self.returns_to, judge) {
                    Ok(answer) => break answer,
                    Err(error) if posts => {
                        rejected = Some(error.with_advice(format!(
                            "paste what the browser posts to {} at the end of the sign-in, as its developer tools show it",
                            self.returns_to
                        )));
                    }
                    Err(error) => rejected = Some(error),
                }
            }
        };
        tokio::select! {
            answer = &mut self.answered => answer.unwrap_or_else(closed),
            answer = pasting => answer,
        }
    }

    /// Whether the response comes in a form, and not in an address.
    pub(crate) fn is_posted_to(&self) -> bool {
        self.desk.way_back.mode == ResponseMode::FormPost
    }

    /// The same, where nobody is to paste anything.
    pub(crate) async fn came_back(&mut self) -> Result<Secret, TokenError> {
        (&mut self.answered).await.unwrap_or_else(closed)
    }

    /// Shows the browser what came of it and closes the port.
    pub(crate) async fn finish(self, page: Page) {
        let in_a_browser = self.desk.is_answered();
        self.outcome.send_replace(Some(page));
        if in_a_browser {
            let _ = tokio::time::timeout(LAST_PAGE, self.desk.shown.notified()).await;
        }
        self.server.shutdown().await;
    }
}

fn closed<T>(_: oneshot::error::RecvError) -> Result<T, TokenError> {
    Err(TokenError::new(
        TokenErrorKind::Unreachable,
        "the listener for the browser was closed",
    ))
}

/// What the listener's handler needs.
struct Desk {
    origin: String,
    start: String,
    end: String,
    relay: String,
    request: Mutex<Option<Onward>>,
    answer: Mutex<Option<oneshot::Sender<Result<Secret, TokenError>>>>,
    outcome: watch::Receiver<Option<Page>>,
    shown: Notify,
    way_back: WayBack,
}

impl Desk {
    async fn receive(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        let comes_back = path == self.way_back.path;
        if comes_back
            && request.method() == Method::POST
            && self.way_back.mode == ResponseMode::FormPost
        {
            return self.posted(&request);
        }
        if path == self.relay && self.way_back.mode == ResponseMode::Fragment {
            return self.relayed(&request);
        }
        if !comes_back && path != self.start && path != self.end {
            return show(StatusCode::NOT_FOUND, &Page::nothing_here());
        }
        if request.method() != Method::GET {
            return show(StatusCode::METHOD_NOT_ALLOWED, &Page::nothing_here());
        }
        if !is_navigation(request.headers()) {
            return show(StatusCode::FORBIDDEN, &Page::nothing_here());
        }
        if path == self.start {
            self.send_on().await
        } else if path == self.end {
            self.last_page().await
        } else {
            match (request.uri().query(), self.way_back.mode) {
                (None, ResponseMode::Fragment) => relay::page(&self.relay),
                (query, _) => self.judge(query.unwrap_or_default().as_bytes(), ResponseMode::Query),
            }
        }
    }

    /// To the identity provider, once: the link stands where other users of this machine can read it.
    async fn send_on(&self) -> Response<Body> {
        let onward = lock(&self.request).take();
        let Some(onward) = onward else {
            return show(StatusCode::GONE, &Page::link_used());
        };
        onward.response().await.unwrap_or_else(|error| {
            // It is over, for who waits as for who looks at the page.
            if let Some(answer) = lock(&self.answer).take() {
                let _ = answer.send(Err(error));
            }
            self.to_the_end()
        })
    }

    /// A form that the identity provider's page has sent (OAuth 2.0 Form Post Response Mode §2).
    fn posted(&self, request: &Request<Body>) -> Response<Body> {
        if !is_navigation(request.headers()) {
            return show(StatusCode::FORBIDDEN, &Page::nothing_here());
        }
        if !is_form(request.headers()) {
            return show(StatusCode::UNSUPPORTED_MEDIA_TYPE, &Page::nothing_here());
        }
        self.judge(request.body(), ResponseMode::FormPost)
    }

    /// A fragment that the script of our own page passes on.
    fn relayed(&self, request: &Request<Body>) -> Response<Body> {
        if request.method() != Method::POST {
            return show(StatusCode::METHOD_NOT_ALLOWED, &Page::nothing_here());
        }
        if !relay::is_from_our_page(request.headers(), &self.origin) || !is_form(request.headers())
        {
            return show(StatusCode::FORBIDDEN, &Page::nothing_here());
        }
        if self.take(request.body(), ResponseMode::Fragment) {
            respond(StatusCode::OK, "text/plain", self.end.clone()).map(|body| body.to_vec())
        } else {
            show(StatusCode::BAD_REQUEST, &Page::not_this_one())
        }
    }

    fn judge(&self, form: &[u8], mode: ResponseMode) -> Response<Body> {
        if self.take(form, mode) {
            self.to_the_end()
        } else {
            show(StatusCode::BAD_REQUEST, &Page::not_this_one())
        }
    }

    /// To the last page, and to none of what stood behind a `#`, which a browser would take along.
    fn to_the_end(&self) -> Response<Body> {
        redirect(&format!("{}#", self.end))
    }

    /// Passes the response on to who waits for it, the first time; whether it is this sign-in's.
    fn take(&self, form: &[u8], mode: ResponseMode) -> bool {
        let verdict = unambiguous(form).map(|parameters| (self.way_back.judge)(&parameters, mode));
        let Some(Verdict::Ours(said)) = verdict else {
            return false;
        };
        if let Some(answer) = lock(&self.answer).take() {
            let _ = answer.send(said);
        }
        true
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

/// Browsers say what a request is for; a script, an image or a frame is not a person following a link.
fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &str| headers.get_all(name).iter().all(|value| value == wanted);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

/// Whether a body is said to be a form; a charset may follow.
fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let is_form = types
        .next()
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default();
            essence
                .trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
    is_form && types.next().is_none()
}

fn show(status: StatusCode, page: &Page) -> Response<Body> {
    respond(status, "text/html; charset=utf-8", page.html()).map(|body| body.to_vec())
}

pub(super) fn redirect(to: &str) -> Response<Body> {
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

pub(super) fn one_time_path() -> Result<String, TokenError> {
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

#[cfg(any(test, fuzzing))]
impl Desk {
    /// A desk without a socket, whose last page is at `/end`.
    fn without_a_socket(
        way_back: WayBack,
        outcome: watch::Receiver<Option<Page>>,
    ) -> (Self, oneshot::Receiver<Result<Secret, TokenError>>) {
        let (answer, answered) = oneshot::channel();
        let desk = Self {
            origin: "http://127.0.0.1:1".into(),
            start: "/start".into(),
            end: "/end".into(),
            relay: "/relay".into(),
            request: Mutex::new(Some(Onward::from(
                "https://issuer.example/authorize".to_owned(),
            ))),
            answer: Mutex::new(Some(answer)),
            outcome,
            shown: Notify::new(),
            way_back,
        };
        (desk, answered)
    }
}

/// What a listener without a socket answers to `request`, and what the sign-in gets of it. `page` is what came of the
/// sign-in, at `/end`.
#[cfg(fuzzing)]
pub(super) async fn answer(
    request: Request<Body>,
    way_back: WayBack,
    page: Page,
) -> (Response<Body>, Option<Result<Secret, TokenError>>) {
    let (_outcome, outcome_seen) = watch::channel(Some(page));
    let (desk, mut answered) = Desk::without_a_socket(way_back, outcome_seen);
    let response = desk.receive(request).await;
    (response, answered.try_recv().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> (Desk, watch::Sender<Option<Page>>) {
        let (outcome, outcome_seen) = watch::channel(None);
        let way_back = WayBack {
            path: "/callback",
            mode: ResponseMode::Query,
            judge: Box::new(|_, _| Verdict::NotOurs),
            longest: 0,
        };
        let (desk, _) = Desk::without_a_socket(way_back, outcome_seen);
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
