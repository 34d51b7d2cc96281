//! What comes back through the browser: a code, or the token itself.

use http::{Response, StatusCode};
use keyless::login::ResponseMode;
use keyless_loopback::respond;
use url::form_urlencoded;

use super::{ACCESS_TOKEN, CODE, Desk, Seen, Token, parameters};

impl Desk {
    pub(super) fn authorize(&self, seen: &mut Seen, query: &[u8]) -> Response<Vec<u8>> {
        let asked = parameters(query);
        seen.nonce.clone_from(&asked["nonce"]);
        seen.state.clone_from(&asked["state"]);
        seen.is_to_last = asked["scope"].contains("offline_access");
        let secrets = [CODE, ACCESS_TOKEN, &asked["nonce"], &asked["state"]];
        seen.secrets.extend(secrets.map(str::to_owned));
        let is_implicit = asked["response_type"] == "id_token";
        let first = if is_implicit {
            let mut token = Token::right(&seen.issuer);
            token.claims["nonce"] = seen.nonce.as_str().into();
            token.state.clone_from(&seen.state);
            (self.changes.token)(&mut token);
            ("id_token".to_owned(), seen.signed(token))
        } else {
            ("code".to_owned(), CODE.to_owned())
        };
        let mut back = vec![first, ("state".to_owned(), asked["state"].clone())];
        (self.changes.response)(&mut back, seen.responses);
        let mode = match asked.get("response_mode").map(String::as_str) {
            Some("form_post") => ResponseMode::FormPost,
            _ if is_implicit => ResponseMode::Fragment,
            _ => ResponseMode::Query,
        };
        let mode = (self.changes.mode)(mode, seen.responses);
        seen.responses += 1;
        sent_back(&asked["redirect_uri"], &back, mode)
    }
}

fn sent_back(to: &str, back: &[(String, String)], mode: ResponseMode) -> Response<Vec<u8>> {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(back)
        .finish();
    let location = match mode {
        ResponseMode::Query => format!("{to}?{form}"),
        ResponseMode::Fragment => format!("{to}#{form}"),
        ResponseMode::FormPost => {
            let input = |(name, value): &(String, String)| {
                let value = value.replace('&', "&amp;").replace('"', "&quot;");
                format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
            };
            let inputs: String = back.iter().map(input).collect();
            let page = format!("<form method=\"post\" action=\"{to}\">{inputs}</form>");
            return respond(StatusCode::OK, "text/html", page).map(|body| body.to_vec());
        }
    };
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(
        http::header::LOCATION,
        location.parse().expect("an address"),
    );
    response
}
