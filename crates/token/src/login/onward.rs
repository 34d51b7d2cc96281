//! Where the one-time link leads: to an address, or by a form, for what must stand in no address.

use http::{HeaderValue, Response, StatusCode, header};
use keyless_cache::Secret;
use keyless_loopback::respond;
use url::Url;

use super::callback::{one_time_path, redirect};
use super::page::{Page, escape};
use crate::error::TokenError;
use crate::source::BoxFuture;

/// What the person's browser is sent on to.
pub(crate) enum Onward {
    Address(String),
    /// A page of ours whose button, which its script presses, posts these fields. Addresses are written into histories and logs; the body of a
    /// request is not.
    Form {
        to: Url,
        fields: Vec<(&'static str, Secret)>,
    },
    /// To the address that is asked for when the link is used.
    Asked(Box<dyn FnOnce() -> BoxFuture<'static, Result<String, TokenError>> + Send>),
}

impl From<String> for Onward {
    fn from(address: String) -> Self {
        Self::Address(address)
    }
}

impl Onward {
    pub(super) async fn response(self) -> Result<Response<Vec<u8>>, TokenError> {
        Ok(match self {
            Self::Address(address) => redirect(&address),
            Self::Form { to, fields } => form(&to, &fields)?,
            Self::Asked(ask) => redirect(&ask().await?),
        })
    }
}

fn form(to: &Url, fields: &[(&'static str, Secret)]) -> Result<Response<Vec<u8>>, TokenError> {
    let nonce = one_time_path()?;
    let nonce = nonce.trim_start_matches('/');
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| {
            let value = escape(value.expose());
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        })
        .collect();
    let fields = fields.concat();
    let markup = format!(
        "<form method=\"post\" action=\"{}\">{fields}<p><button>Go on</button></p></form><script nonce=\"{nonce}\">{SCRIPT}</script>",
        escape(to.as_str())
    );
    let html = Page::going_on().html_with(&markup);
    let mut response =
        respond(StatusCode::OK, "text/html; charset=utf-8", html).map(|body| body.to_vec());
    // Chromium asks this policy of every redirection that follows, too: 'self' is the way back, and many an identity provider has the company's own
    // page or another of its hosts on the way.
    let on_the_way = if to.scheme() == "https" {
        " https:"
    } else {
        ""
    };
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; form-action 'self' {}{on_the_way}; base-uri 'none'; frame-ancestors 'none'",
        to.origin().ascii_serialization()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// Once: who comes back by the browser's button presses it themselves, if they want to.
const SCRIPT: &str = "document.forms[0].submit();";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_goes_to_one_address_and_what_is_in_it_becomes_no_markup() {
        for (to, allowed) in [
            (
                "https://id.example/end?a=1&b=\"",
                "form-action 'self' https://id.example https:;",
            ),
            (
                "http://127.0.0.1:80/end",
                "form-action 'self' http://127.0.0.1;",
            ),
        ] {
            let to = Url::parse(to).expect("an address");
            let fields = vec![("id_token_hint", Secret::new("\"><script>x</script>"))];
            let response = form(&to, &fields).expect("a page");
            let policy = &response.headers()[header::CONTENT_SECURITY_POLICY];
            let policy = policy.to_str().expect("text");
            assert!(policy.contains(allowed), "{policy}");
            let page = str::from_utf8(response.body()).expect("text");
            assert_eq!(page.matches("<script").count(), 1, "{page}");
            assert_eq!(page.matches(" action=\"").count(), 1, "{page}");
            assert!(!page.contains("b=\"\""), "{page}");
        }
    }
}
