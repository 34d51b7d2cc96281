//! A browser for a real identity provider: cookies, redirections, forms. Plain HTTP; of scripts it plays those that submit a form
//! and the one of our own page that passes a fragment on.

mod form;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, header};
use keyless::login::{DeviceCode, Prompt, SignInPage, SignedIn};
use keyless::{Http, HttpClient};
use keyless_token::Limits;
use url::Url;
use url::form_urlencoded::Serializer;

use form::{Fields, Form, attribute};

/// What a browser has in mind: the cookies of one machine, whatever the port.
#[derive(Debug, Default)]
pub struct Browser {
    http: Http,
    cookies: BTreeMap<String, String>,
}

/// Alice, who opens each page in a browser of her own that knows the pages of `oidc-provider`. A clone is the same person.
#[derive(Clone, Debug, Default)]
pub struct Alice(Arc<AtomicUsize>);

impl Alice {
    /// How often she was asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Prompt for Alice {
    fn sign_in(&self, page: &SignInPage<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        let link = page.link.to_owned();
        tokio::spawn(async move { Browser::default().sign_in(&link, "alice").await });
    }

    fn device(&self, _: &DeviceCode<'_>) {}

    fn signed_in(&self, _: &SignedIn<'_>) {}
}

/// Where a browser was about to go when it was stopped.
#[derive(Debug)]
pub struct Arrival {
    /// The address, with its query and its fragment.
    pub address: Url,
    /// What it would have posted there, if anything.
    pub posted: Option<Vec<(String, String)>>,
}

impl Arrival {
    /// The value of a parameter: of the form if there is one, else of the fragment, else of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let fields = self.posted.clone().unwrap_or_else(|| {
            let text = self.address.fragment().or(self.address.query());
            let text = text.unwrap_or_default().as_bytes();
            url::form_urlencoded::parse(text).into_owned().collect()
        });
        fields
            .into_iter()
            .find_map(|(key, value)| (key == name).then_some(value))
    }
}

/// What the person in front of it does.
#[derive(Clone, Copy)]
struct Person<'a> {
    /// As whom they sign in; `None` says no wherever they are asked.
    name: Option<&'a str>,
    /// What they type where a device's code is asked for.
    code: Option<&'a str>,
    /// The path of the address at which they look no further.
    end: Option<&'a str>,
}

impl Browser {
    /// Opens `address` and signs in as `name` at the pages of `oidc-provider` or `samlp` until no page asks for anything; gives the last one. The
    /// steps are in `tests/real`. A device's `verification_uri_complete` is such an address, too.
    pub async fn sign_in(&mut self, address: &str, name: &str) -> String {
        let person = Person {
            name: Some(name),
            code: None,
            end: None,
        };
        self.go(address, person).await.1
    }

    /// As [`sign_in`](Self::sign_in), from a device's `verification_uri`, at which `code` is typed in.
    pub async fn enter_device_code(&mut self, address: &str, code: &str, name: &str) -> String {
        let person = Person {
            name: Some(name),
            code: Some(code),
            end: None,
        };
        self.go(address, person).await.1
    }

    /// Opens `address` and says no at the first page that asks; gives the last page.
    pub async fn refuse(&mut self, address: &str) -> String {
        let person = Person {
            name: None,
            code: None,
            end: None,
        };
        self.go(address, person).await.1
    }

    /// As [`sign_in`](Self::sign_in), and goes no further than an address whose path is `end`: gives what a person could copy from there, and what a
    /// form would post to it. The address of a logout leads on as well.
    pub async fn sign_in_until(&mut self, address: &str, name: &str, end: &str) -> Arrival {
        let person = Person {
            name: Some(name),
            code: None,
            end: Some(end),
        };
        self.arrive(address, person).await
    }

    /// As [`refuse`](Self::refuse), and goes no further than an address whose path is `end`.
    pub async fn refuse_until(&mut self, address: &str, end: &str) -> Arrival {
        let person = Person {
            name: None,
            code: None,
            end: Some(end),
        };
        self.arrive(address, person).await
    }

    async fn arrive(&mut self, address: &str, person: Person<'_>) -> Arrival {
        let (arrival, page) = self.go(address, person).await;
        arrival.unwrap_or_else(|| {
            panic!(
                "{address} does not lead to {}, but to:\n{page}",
                person.end.unwrap_or_default()
            )
        })
    }

    /// The path of a person from `address`: where they were stopped, or else the page that they ended on.
    async fn go(&mut self, address: &str, mut person: Person<'_>) -> (Option<Arrival>, String) {
        let mut address = Url::parse(address).expect("an address");
        let mut from = address.clone();
        let mut posted: Option<Fields> = None;
        for _ in 0..30 {
            if person.end == Some(address.path()) {
                return (Some(Arrival { address, posted }), String::new());
            }
            let (location, page) = self.fetch(&address, &from, posted.take()).await;
            from = address.clone();
            if let Some(location) = location {
                address = address.join(&location).expect("an address");
            } else if let Some(to) = attribute(&page, "data-to") {
                // As the script of our own page does.
                let to = address.join(&to).expect("an address");
                let fragment = address.fragment().unwrap_or_default();
                match self.relay(&to, fragment).await {
                    Ok(end) => address = address.join(&end).expect("an address"),
                    Err(page) => return (None, page),
                }
            } else if let Some(refusal) = page.split('"').find(|text| text.ends_with("/abort"))
                && person.name.is_none()
            {
                address = address.join(refusal).expect("an address");
            } else if let Some(form) = Form::first_of(&page)
                && let Some(fields) = answer(&form, &mut person)
            {
                address = address.join(&form.action).expect("an address");
                posted = Some(fields);
            } else {
                return (None, page);
            }
        }
        panic!("too many steps, the last to {address}");
    }

    async fn fetch(
        &mut self,
        address: &Url,
        from: &Url,
        posted: Option<Fields>,
    ) -> (Option<String>, String) {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::get(address.as_str()).header(header::COOKIE, cookies.join("; "));
        if posted.is_some() {
            // Fetch §3.2 and Fetch Metadata: a site is a host, whatever the port.
            let site = if from.origin() == address.origin() {
                "same-origin"
            } else if from.host() == address.host() {
                "same-site"
            } else {
                "cross-site"
            };
            request = request
                .method("POST")
                .header(header::ORIGIN, from.origin().ascii_serialization())
                .header("sec-fetch-site", site)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let body =
            posted.map(|fields| Serializer::new(String::new()).extend_pairs(fields).finish());
        let request = request
            .body(body.unwrap_or_default().into_bytes())
            .expect("a request");
        let answer = self
            .http
            .send(request, Limits::default())
            .await
            .expect("an answer");
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            let (name, value) = cookie
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
                .expect("a cookie");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = answer.status().is_redirection().then(|| {
            answer.headers()[header::LOCATION]
                .to_str()
                .expect("text")
                .to_owned()
        });
        (
            location,
            String::from_utf8_lossy(answer.body()).into_owned(),
        )
    }

    /// Posts a fragment as `crates/token/src/login/relay.rs` has it done, and gives the address that the answer names, or the page of a refusal.
    async fn relay(&self, to: &Url, fragment: &str) -> Result<String, String> {
        let request = Request::post(to.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, to.origin().ascii_serialization())
            .header("sec-fetch-site", "same-origin")
            .header("x-keyless-relay", "1")
            .body(fragment.as_bytes().to_vec())
            .expect("a request");
        let answer = self
            .http
            .send(request, Limits::default())
            .await
            .expect("an answer");
        let said = String::from_utf8_lossy(answer.body()).into_owned();
        if answer.status().is_success() {
            Ok(said)
        } else {
            Err(said)
        }
    }
}

/// What `person` sends with `form`, or `None` if it is nothing to them.
fn answer(form: &Form, person: &mut Person<'_>) -> Option<Fields> {
    let mut fields = form.hidden.clone();
    let mut add = |name: &str, value: &str| fields.push((name.to_owned(), value.to_owned()));
    for asked in &form.asked {
        match asked.as_str() {
            "user_code" => add(asked, person.code.take()?), // it asks again where it was wrong
            "login" => add(asked, person.name.unwrap_or_default()),
            _ => add(asked, "x"),
        }
    }
    let holds = |name: &str| form.hidden.iter().any(|(key, _)| key == name);
    if person.name.is_some() {
        if form.id == "op.logoutForm" {
            add("logout", "yes");
        }
    } else if holds("confirm") {
        add("abort", "yes");
    } else if form.asked.iter().any(|name| name == "login") {
        add("cancel", "yes");
    }
    Some(fields)
}
