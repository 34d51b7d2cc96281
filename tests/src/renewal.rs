//! Refresh tokens as a story handles them: looked at where they rest, spent by hand, in a store that fails and on a wire that is tapped.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use keyless::{Http, HttpClient, Key, MemoryStore, Secret, Store};
use keyless_cache::{Entry, Lock, StoreError};
use keyless_token::{BoxFuture, HttpError, Limits};
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// The refresh token that rests in `store`, where no other entries are.
pub fn kept_in(store: &dyn Store) -> Option<String> {
    let text = text_in(store)?;
    let entry: Value = serde_json::from_str(text.1.expose()).expect("JSON");
    let token = entry["value"]["refresh_token"].as_str();
    Some(token.expect("a refresh token").to_owned())
}

/// Puts another refresh token in place of the one that rests in `store`.
pub fn replace_in(store: &dyn Store, token: &str) {
    let (key, text) = text_in(store).expect("an entry");
    let before = kept_in(store).expect("a refresh token");
    let text = text.expose().replace(&before, token);
    store.save(&key, &Secret::new(text)).expect("saved");
}

fn text_in(store: &dyn Store) -> Option<(Key, Secret)> {
    let key = store.list().expect("a list").first()?.key;
    Some((key, store.load(&key).expect("readable")?))
}

/// Every file below `folder` that holds `text`.
pub fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else {
            let bytes = std::fs::read(&path).expect("readable");
            if String::from_utf8_lossy(&bytes).contains(text) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Asks a token endpoint for what a refresh token is good for.
pub async fn spend(endpoint: &str, client: &str, token: &str) -> (StatusCode, Value) {
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client),
        ("refresh_token", token),
    ];
    post(endpoint, &fields).await
}

/// Sends a form, and gives the answer.
pub async fn post(endpoint: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    let form = Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(endpoint)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.into_bytes())
        .expect("a request");
    let answer = Http::default()
        .send(request, Limits::default())
        .await
        .expect("an answer");
    let json = serde_json::from_slice(answer.body()).unwrap_or_default();
    (answer.status(), json)
}

/// A store in memory that fails where a story wants it to. Clones are the same store.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// What it holds, failing or not.
    pub within: MemoryStore,
    failing: Arc<Failing>,
}

impl Shelf {
    /// From now on, what `broken` names does not work, or works again.
    pub fn fails(&self, broken: Broken, fails: bool) {
        for flag in broken(&self.failing) {
            flag.store(fails, Ordering::SeqCst);
        }
    }
}

/// Names what does not work.
pub type Broken = fn(&Failing) -> Vec<&AtomicBool>;

/// What a [`Shelf`] does not do.
#[derive(Debug, Default)]
pub struct Failing {
    /// Reading.
    pub load: AtomicBool,
    /// Writing.
    pub save: AtomicBool,
    /// Removing.
    pub remove: AtomicBool,
    /// Listing.
    pub list: AtomicBool,
    /// Locking.
    pub lock: AtomicBool,
}

fn unless(failing: &AtomicBool) -> Result<(), StoreError> {
    if failing.load(Ordering::SeqCst) {
        let (expected, advice) = ("a store that works", "put up with it");
        return Err(StoreError::unavailable(expected, "a story", advice));
    }
    Ok(())
}

impl Store for Shelf {
    fn load(&self, key: &Key) -> Result<Option<Secret>, StoreError> {
        unless(&self.failing.load).and_then(|()| self.within.load(key))
    }

    fn save(&self, key: &Key, secret: &Secret) -> Result<(), StoreError> {
        unless(&self.failing.save).and_then(|()| self.within.save(key, secret))
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        unless(&self.failing.remove).and_then(|()| self.within.remove(key))
    }

    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        unless(&self.failing.list).and_then(|()| self.within.list())
    }

    fn try_lock(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        unless(&self.failing.lock).and_then(|()| self.within.try_lock(key))
    }
}

/// An HTTP client that somebody listens in on, who does something each time before a refresh token is sent off, and changes what comes back
/// for any grant.
#[derive(Clone)]
pub struct Tap {
    before: Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
    change: fn(&mut Value),
}

impl Tap {
    /// Does `before` before a refresh token is sent off.
    pub fn before<F: Future<Output = ()> + Send + 'static>(
        before: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self {
            before: Arc::new(move || Box::pin(before())),
            change: |_| {},
        }
    }

    /// Does `change` to what the token endpoint answers.
    pub fn change(change: fn(&mut Value)) -> Self {
        Self {
            change,
            ..Self::before(async || {})
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

impl HttpClient for Tap {
    fn send(
        &self,
        request: Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, HttpError>> {
        Box::pin(async move {
            let form = String::from_utf8_lossy(request.body()).into_owned();
            if form.contains("grant_type=refresh_token") {
                (self.before)().await;
            }
            let mut answer = Http::default().send(request, limits).await?;
            if form.contains("grant_type=") {
                let mut json = serde_json::from_slice(answer.body()).expect("JSON");
                (self.change)(&mut json);
                *answer.body_mut() = json.to_string().into_bytes();
            }
            Ok(answer)
        })
    }
}
