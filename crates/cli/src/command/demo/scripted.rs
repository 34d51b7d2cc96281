//! A browser without a person: it follows the redirects of a sign-in, for the demonstration.

use keyless::login::{DeviceCode, Prompt, SignInPage, SignedIn};
use keyless::{Http, HttpClient};

/// Opens the link of a sign-in by itself. It says nothing: the demonstration tells the story.
#[derive(Debug)]
pub(super) struct ScriptedBrowser(Http);

impl ScriptedBrowser {
    pub(super) fn new(http: Http) -> Self {
        Self(http)
    }
}

impl Prompt for ScriptedBrowser {
    fn sign_in(&self, page: &SignInPage<'_>) {
        tokio::spawn(walk(self.0.clone(), page.link.to_owned()));
    }

    fn device(&self, _: &DeviceCode<'_>) {}

    fn signed_in(&self, _: &SignedIn<'_>) {}
}

/// From page to page as far as there is a redirect. A step that fails ends the walk, and the sign-in by its deadline.
async fn walk(http: Http, mut address: String) {
    for _ in 0..MOST {
        let Ok(request) = http::Request::get(&address).body(Vec::new()) else {
            return;
        };
        let Ok(answer) = http.send(request, keyless_token::Limits::default()).await else {
            return;
        };
        let next = answer
            .headers()
            .get(http::header::LOCATION)
            .and_then(|value| value.to_str().ok());
        match next {
            // Every redirect on this way is absolute, but for the last.
            Some(next) if next.starts_with('/') => address = format!("{}{next}", origin(&address)),
            Some(next) => next.clone_into(&mut address),
            None => return,
        }
    }
}

fn origin(address: &str) -> &str {
    let host = address.find("://").map_or(0, |at| at + 3);
    let end = address[host..]
        .find('/')
        .map_or(address.len(), |at| host + at);
    &address[..end]
}

/// There are four: our link, the identity provider, the way back, the last page.
const MOST: usize = 10;
