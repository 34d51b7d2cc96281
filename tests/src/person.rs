//! A person with a browser, played by plain HTTP.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, StatusCode, header};
use keyless::login::{DeviceCode, Prompt, SignInPage, SignedIn};
use keyless::{BoxFuture, Http, HttpClient, Secret, TokenError};
use keyless_token::Limits;
use tokio::sync::Notify;
use url::Url;

/// What a person does when asked to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Signs in as this person of the sandbox.
    SignInAs(String),
    /// Says no at the identity provider.
    Refuse,
    /// Never opens the page.
    StayAway,
}

/// Somebody who is asked to sign in, and what they were told. Clones are the same person.
#[derive(Clone, Debug)]
pub struct Person {
    deed: Arc<Mutex<Deed>>,
    told: Arc<Mutex<Told>>,
    lines: Arc<Mutex<VecDeque<String>>>,
    has_line: Arc<Notify>,
}

/// What a person was shown.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The one-time links.
    pub links: Vec<String>,
    /// The authorization requests.
    pub urls: Vec<String>,
    /// Where the browser ends.
    pub returns_to: Vec<String>,
    /// As whom they were signed in, and as whom before where that was another.
    pub signed_in: Vec<(String, Option<String>)>,
    /// The codes to be entered on another device, with the links that hold them.
    pub codes: Vec<(String, Option<String>)>,
    /// Why what they pasted was not taken.
    pub rejected: Vec<String>,
    /// The last pages that the browser showed.
    pub pages: Vec<String>,
}

impl Person {
    /// Somebody who does `deed` whenever asked.
    pub fn who(deed: Deed) -> Self {
        Self {
            deed: Arc::new(Mutex::new(deed)),
            told: Arc::default(),
            lines: Arc::default(),
            has_line: Arc::default(),
        }
    }

    /// Somebody who signs in as `login`.
    pub fn called(login: &str) -> Self {
        Self::who(Deed::SignInAs(login.to_owned()))
    }

    /// Pastes `line` when there is something to paste into.
    pub fn pastes(&self, line: impl Into<String>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_back(line.into());
        self.has_line.notify_one();
    }

    /// Does something else from now on.
    pub fn will(&self, deed: Deed) {
        *self.deed.lock().unwrap_or_else(PoisonError::into_inner) = deed;
    }

    /// What they were shown until now.
    pub fn told(&self) -> Told {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The page that the `count`th sign-in ended on, as soon as the browser shows it.
    pub async fn page(&self, count: usize) -> String {
        loop {
            if let Some(page) = self.told().pages.into_iter().nth(count - 1) {
                return page;
            }
            tokio::task::yield_now().await;
        }
    }

    fn note(&self, note: impl FnOnce(&mut Told)) {
        note(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Prompt for Person {
    fn sign_in(&self, page: &SignInPage<'_>) {
        self.note(|told| {
            told.links.push(page.link.to_owned());
            told.urls.push(page.url.to_owned());
            told.returns_to.push(page.returns_to.to_owned());
        });
        let deed = self
            .deed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if deed == Deed::StayAway {
            return;
        }
        let (person, link) = (self.clone(), page.link.to_owned());
        tokio::spawn(async move {
            let shown = browse(&link, &deed).await;
            person.note(|told| told.pages.push(shown));
        });
    }

    fn device(&self, code: &DeviceCode<'_>) {
        self.note(|told| {
            let link = code.verification_uri_complete.map(str::to_owned);
            told.codes.push((code.user_code.to_owned(), link));
        });
    }

    fn pasted(&self, rejected: Option<&TokenError>) -> BoxFuture<'_, Secret> {
        if let Some(rejected) = rejected {
            self.note(|told| told.rejected.push(rejected.to_string()));
        }
        Box::pin(async {
            loop {
                let line = self
                    .lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .pop_front();
                match line {
                    Some(line) => break Secret::new(line),
                    None => self.has_line.notified().await,
                }
            }
        })
    }

    fn signed_in(&self, signed_in: &SignedIn<'_>) {
        let SignedIn { who, before, .. } = signed_in.clone();
        self.note(|told| told.signed_in.push((who, before)));
    }
}

/// Opens `link`, answers the identity provider's page, and gives the last page that is shown.
pub async fn browse(link: &str, deed: &Deed) -> String {
    let http = Http::default();
    let (mut address, mut form) = (Url::parse(link).expect("a link"), None::<String>);
    for _ in 0..10 {
        let request = match form.take() {
            None => Request::get(address.as_str()).body(Vec::new()),
            Some(form) => Request::post(address.as_str())
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.into_bytes()),
        };
        let answer = http
            .send(request.expect("a request"), Limits::default())
            .await
            .expect("an answer");
        if answer.status() == StatusCode::SEE_OTHER {
            let location = answer.headers()[header::LOCATION]
                .to_str()
                .expect("an address");
            address = address.join(location).expect("an address");
            continue;
        }
        let page = String::from_utf8_lossy(answer.body()).into_owned();
        let field = |name: &str| between(&page, &format!("name=\"{name}\" value=\""), "\"");
        let action = between(&page, "action=\"", "\"").unwrap_or_default();
        if let Some(response) = field("SAMLResponse") {
            // As the script of the page does. Nothing in it is escaped.
            let mut posted = url::form_urlencoded::Serializer::new(String::new());
            posted.append_pair("SAMLResponse", &response);
            if let Some(state) = field("RelayState") {
                posted.append_pair("RelayState", &state);
            }
            form = Some(posted.finish());
            address = address.join(&action).expect("an address");
            continue;
        }
        let Some(question) = field("request") else {
            return page;
        };
        let person = match deed {
            Deed::SignInAs(login) => login.as_str(),
            Deed::Refuse | Deed::StayAway => "",
        };
        form = Some(
            url::form_urlencoded::Serializer::new(String::new())
                .append_pair("request", &question)
                .append_pair("person", person)
                .finish(),
        );
        address = address.join(&action).expect("an address");
    }
    panic!("too many redirections from {link}");
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let start = text.find(before)? + before.len();
    let length = text[start..].find(after)?;
    Some(text[start..start + length].to_owned())
}
