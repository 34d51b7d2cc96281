//! A browser for a real identity provider: cookies, redirections, forms. Plain HTTP, no scripts.

use std::collections::BTreeMap;

use http::{Request, header};
use keyless::{Http, HttpClient};
use keyless_token::Limits;
use url::Url;

/// What a browser has in mind: the cookies of one site.
#[derive(Debug, Default)]
pub struct Browser {
    http: Http,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Opens `address` and signs in as `name` at the forms of `oidc-provider` until the browser is sent on to loopback's
    /// `/callback`; gives the last page. The steps are in `tests/real/oidc-provider.mjs`.
    pub async fn sign_in(&mut self, address: &str, name: &str) -> String {
        let mut address = Url::parse(address).expect("an address");
        let mut form: Option<String> = None;
        for _ in 0..20 {
            let (location, page) = self.fetch(&address, form.take()).await;
            if let Some(location) = location {
                address = address.join(&location).expect("an address");
                continue;
            }
            form = if page.contains("name=\"login\"") {
                Some(format!("prompt=login&login={name}&password=x"))
            } else if page.contains("value=\"consent\"") {
                Some("prompt=consent".to_owned())
            } else {
                return page;
            };
        }
        panic!("too many redirections");
    }

    async fn fetch(&mut self, address: &Url, form: Option<String>) -> (Option<String>, String) {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = if form.is_some() {
            Request::post(address.as_str())
        } else {
            Request::get(address.as_str())
        };
        let request = request
            .header(header::COOKIE, cookies.join("; "))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.unwrap_or_default().into_bytes())
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
}
