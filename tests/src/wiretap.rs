//! An HTTP client that somebody listens in on, and that gives another answer where a story wants one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Request, Response, StatusCode};
use keyless::{Http, HttpClient};
use keyless_token::{BoxFuture, HttpError, Limits};
use url::form_urlencoded;

/// What was sent to the identity provider. Clones are the same client.
#[derive(Clone)]
pub struct Wiretap {
    sent: Arc<Mutex<Vec<Sent>>>,
    answer: Arc<Answer>,
}

type Answer = dyn Fn(&Sent) -> Option<Response<Vec<u8>>> + Send + Sync;

/// One request.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Where to, without host and query.
    pub path: String,
    /// With which headers.
    pub headers: HeaderMap,
    /// The form that it carried.
    pub form: BTreeMap<String, String>,
}

impl Sent {
    /// A field of the form, empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }

    /// A header, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("text"))
    }
}

impl Default for Wiretap {
    fn default() -> Self {
        Self::answering(|_| None)
    }
}

impl Wiretap {
    /// Gives the answer of `answer`, where it has one, and sends nothing then.
    pub fn answering(
        answer: impl Fn(&Sent) -> Option<Response<Vec<u8>>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            sent: Arc::default(),
            answer: Arc::new(answer),
        }
    }

    /// What was posted to `path` until now.
    pub fn posted(&self, path: &str) -> Vec<Sent> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.iter()
            .filter(|sent| sent.path == path)
            .cloned()
            .collect()
    }
}

/// An answer with a body.
pub fn answer(
    status: u16,
    headers: &[(&'static str, &str)],
    body: impl Into<Vec<u8>>,
) -> Response<Vec<u8>> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        let value = value.parse().expect("a value");
        response.headers_mut().insert(*name, value);
    }
    response
}

/// The same, in JSON.
pub fn json(status: u16, body: &serde_json::Value) -> Response<Vec<u8>> {
    answer(
        status,
        &[("content-type", "application/json")],
        body.to_string(),
    )
}

impl HttpClient for Wiretap {
    fn send(
        &self,
        request: Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, HttpError>> {
        Box::pin(async move {
            let sent = Sent {
                path: request.uri().path().to_owned(),
                headers: request.headers().clone(),
                form: form_urlencoded::parse(request.body())
                    .into_owned()
                    .collect(),
            };
            let answer = (self.answer)(&sent);
            self.sent
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(sent);
            match answer {
                Some(answer) if answer.body().len() > limits.body => {
                    Err(HttpError::new("the answer is too long"))
                }
                Some(answer) => Ok(answer),
                None => Http::default().send(request, limits).await,
            }
        })
    }
}

impl fmt::Debug for Wiretap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wiretap")
    }
}
