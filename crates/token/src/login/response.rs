//! What comes back from the identity provider's pages: which response is this sign-in's, and what it says.

use std::collections::BTreeMap;

use keyless_cache::Secret;
use url::{Url, form_urlencoded};

use super::TELL;
use super::grant::without;
use super::request::{ResponseMode, ResponseType, Wanted};
use crate::error::{TokenError, TokenErrorKind};

/// The parameters of a response, each there once.
pub(crate) type Parameters = BTreeMap<String, String>;

/// Whose a response is.
pub(crate) enum Verdict {
    /// Another sign-in's, or nobody's: another page, or another program, may send anything here, and must neither end nor complete the sign-in
    /// (RFC 6749 §10.12, RFC 9700 §4.7).
    NotOurs,
    /// This sign-in's: what was asked for, or why it is not to be had.
    Ours(Result<Secret, TokenError>),
}

/// Tells whose a response is that came by this mode.
pub(crate) type Judge = Box<dyn Fn(&Parameters, ResponseMode) -> Verdict + Send + Sync>;

/// What an authorization response must carry.
pub(super) struct Expected {
    pub(super) state: Secret,
    pub(super) issuer: String,
    /// Whether `iss` must be there (RFC 9207 §2.4).
    pub(super) iss_required: bool,
    pub(super) wanted: Wanted,
}

impl Expected {
    pub(super) fn into_judge(self) -> Judge {
        Box::new(move |parameters, mode| self.judge(parameters, mode))
    }

    /// `state` comes before everything else, `error` included.
    fn judge(&self, parameters: &Parameters, mode: ResponseMode) -> Verdict {
        let state = parameters.get("state").cloned().unwrap_or_default();
        if Secret::new(state) != self.state {
            return Verdict::NotOurs;
        }
        Verdict::Ours(self.read(parameters, mode))
    }

    /// The response of the person's own browser (RFC 6749 §4.1.2, RFC 9207 §2.4, Core §3.2.2.5).
    fn read(&self, parameters: &Parameters, mode: ResponseMode) -> Result<Secret, TokenError> {
        let issuer = &self.issuer;
        let invalid =
            |message: String| TokenError::new(TokenErrorKind::Invalid, message).with_advice(TELL);
        match parameters.get("iss") {
            Some(found) if found != issuer => {
                return Err(invalid(format!(
                    "the response is from another issuer: expected {issuer:?}, found {found:?} (iss)"
                )));
            }
            // An ID token says the same by its own `iss`, and the parameter is left out by some.
            None if self.iss_required && self.wanted.response == ResponseType::Code => {
                return Err(invalid(format!(
                    "{issuer} promises to name itself in its response (iss) and did not"
                )));
            }
            _ => {}
        }
        if let Some(error) = parameters.get("error") {
            let reason = parameters
                .get("error_description")
                .map(|text| format!(": {text}"))
                .unwrap_or_default();
            let said = without(
                std::slice::from_ref(&self.state),
                format!("{error}{reason}"),
            );
            return Err(TokenError::new(
                TokenErrorKind::Refused,
                format!("{issuer} refused the sign-in ({said})"),
            )
            .with_advice(advice_on(error)));
        }
        let (name, what) = match self.wanted.response {
            ResponseType::Code => ("code", "a code"),
            ResponseType::IdToken => ("id_token", "an ID token"),
        };
        if self.wanted.response == ResponseType::IdToken {
            if mode == ResponseMode::Query {
                return Err(invalid(format!(
                    "{issuer} sent the ID token in the query of an address, where it is written down"
                )));
            }
            if parameters.contains_key("access_token") {
                return Err(invalid(format!(
                    "{issuer} sent an access token through the browser, which nobody asked for"
                )));
            }
        }
        match parameters.get(name) {
            Some(value) if !value.is_empty() => Ok(Secret::new(value.clone())),
            _ => Err(invalid(format!(
                "{issuer} sent the browser back without {what}"
            ))),
        }
    }
}

fn advice_on(error: &str) -> &'static str {
    match error {
        "unauthorized_client" | "unsupported_response_type" => {
            "let the application at the identity provider use the authorization code flow, or configure the flow that it allows (response_type)"
        }
        "invalid_scope" => {
            "ask for other scopes, or let the application at the identity provider have these"
        }
        _ => "sign in again, or ask whoever runs the identity provider to let you in",
    }
}

/// The parameters, unless one is there twice (RFC 6749 §3.1).
pub(super) fn unambiguous(form: &[u8]) -> Option<Parameters> {
    let mut parameters = Parameters::new();
    for (name, value) in form_urlencoded::parse(form) {
        if parameters
            .insert(name.into_owned(), value.into_owned())
            .is_some()
        {
            return None;
        }
    }
    Some(parameters)
}

/// What stands in an address that a person pasted, at which their browser ended: an address that begins with `returns_to`, or what stands behind
/// its `?` or `#`. `Err` where it is another line, belongs to another sign-in, or is not whole.
pub(super) fn pasted(
    line: &str,
    returns_to: &str,
    judge: &Judge,
) -> Result<Result<Secret, TokenError>, TokenError> {
    let rejected = |reason: &str| {
        TokenError::new(TokenErrorKind::Invalid, reason).with_advice(format!(
            "paste the whole address that the browser shows at the end of the sign-in: it begins with {returns_to}"
        ))
    };
    let line = line.trim().trim_matches(['"', '\'', '<', '>']);
    // Browsers leave the scheme out where they show an address.
    let shown = returns_to.trim_start_matches("http://");
    let scheme = if line.starts_with(shown) {
        "http://"
    } else {
        ""
    };
    let parts = if let Ok(mut address) = Url::parse(&format!("{scheme}{line}")) {
        let [query, fragment] =
            [address.query(), address.fragment()].map(|part| part.map(str::to_owned));
        address.set_query(None);
        address.set_fragment(None);
        if address.as_str() != returns_to {
            return Err(rejected("this is the address of another page"));
        }
        [
            (query, ResponseMode::Query),
            (fragment, ResponseMode::Fragment),
        ]
    } else {
        let form = line.trim_start_matches(['?', '#']).to_owned();
        [
            (Some(form), ResponseMode::FormPost),
            (None, ResponseMode::Fragment),
        ]
    };
    for (form, mode) in parts {
        let parameters = unambiguous(form.unwrap_or_default().as_bytes());
        if let Some(parameters) = parameters
            && let Verdict::Ours(answer) = judge(&parameters, mode)
        {
            return match answer {
                // It may have been cut off where it was copied, and nothing is spent yet.
                Err(error) if error.kind() == TokenErrorKind::Invalid => {
                    Err(rejected(&error.to_string()))
                }
                answer => Ok(answer),
            };
        }
    }
    Err(rejected("this brings nothing that belongs to this sign-in"))
}
