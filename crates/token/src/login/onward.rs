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
            Self::Form { to, fields } => form(&to, &fields),
            Self::Asked(ask) => redirect(&ask().await?),
        })
    }
}

fn form(to: &Url, fields: &[(&'static str, Secret)]) -> Response<Vec<u8>> {
    let Ok(nonce) = one_time_path() else {
        return respond(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "").map(|_| Vec::new());
    };
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
    // Chromium asks this policy of the redirections that follow, too: 'self' is the way back.
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        to.origin().ascii_serialization()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Once: who comes back by the browser's button presses it themselves, if they want to.
const SCRIPT: &str = "document.forms[0].submit();";
