//! Checks of the client: what an identity provider tells of it without a person.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use http::{Response, header};
use keyless::login::RedirectHost;
use keyless::profile::Identity;
use keyless_token::endpoint;
use keyless_token::text::printable;
use url::Url;

use super::finding::Finding;
use super::patient::Patient;
use crate::exit::{INVALID, UNREACHABLE};

/// What only a person's sign-in shows.
const UNKNOWABLE: &str =
    "whether it knows the client and lets it come back shows only when somebody signs in";

/// The form of a SHA-256 (RFC 7636 §4.2), and that of nothing that anybody knows: a code that came back could not be redeemed.
const CHALLENGE: &str = "keyless-doctor--whose-verifier-nobody-knows";

/// Whether the identity provider knows the client, and lets it come back here: an authorization request that asks for no
/// page (`prompt=none`, OpenID Connect Core §3.1.2.1). Nothing is followed, and nothing that comes back is used.
pub(super) async fn authorize(patient: Arc<Patient>) -> Finding {
    let access = match patient.usable() {
        Ok(access) => access,
        Err(finding) => return finding,
    };
    if access.saml().is_some() {
        return Finding::skip("the identity speaks SAML, which has no client");
    }
    let identity = &access.profile().identity;
    let (Some(_), Some(client)) = (access.login(), &identity.client_id) else {
        return Finding::skip("nobody signs in: the token comes from elsewhere");
    };
    let Ok(discovery) = patient.discovery().await else {
        return Finding::skip("the issuer's OpenID configuration is not known");
    };
    let Some(address) = discovery.text("authorization_endpoint") else {
        return Finding::fail(
            INVALID,
            "its OpenID configuration names no authorization endpoint",
        )
        .advised("check that the issuer lets people sign in");
    };
    let redirect = redirect(identity);
    let url = match endpoint::secure("the authorization endpoint", address) {
        Ok(url) => request(url, client, &redirect, identity),
        Err(error) => return Finding::of(error),
    };
    match patient.fetch(url.as_str()).await {
        Ok(answer) => judged(&answer, &url, client, &redirect, identity.ports.is_some()),
        Err(finding) => finding,
    }
}

fn request(mut url: Url, client: &str, redirect: &str, identity: &Identity) -> Url {
    let scopes = if identity.scopes.is_empty() {
        "openid email".to_owned()
    } else {
        identity.scopes.join(" ")
    };
    let extra = identity
        .authorize
        .iter()
        .filter(|(name, _)| *name != "prompt");
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client)
        .append_pair("redirect_uri", redirect)
        .append_pair("scope", &scopes)
        .append_pair("state", "doctor")
        .append_pair("nonce", "doctor")
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .append_pair("prompt", "none")
        .extend_pairs(extra);
    url
}

/// What an answer to the authorization request tells; whether the redirect's port is one that is configured.
fn judged(
    answer: &Response<Vec<u8>>,
    url: &Url,
    client: &str,
    redirect: &str,
    is_fixed: bool,
) -> Finding {
    let status = answer.status();
    let client = printable(client);
    // Without its port, which is another each time unless it is configured.
    let any = url::Position::AfterHost;
    let registered = match (is_fixed, Url::parse(redirect)) {
        (false, Ok(url)) => format!("{}{} with any port", &url[..any], url.path()),
        _ => redirect.to_owned(),
    };
    let register = format!(
        "check the client id, and register {registered} as a redirect of a public or native application"
    );
    if status.is_redirection() {
        let location = answer.headers().get(header::LOCATION);
        let to = location
            .and_then(|to| to.to_str().ok())
            .and_then(|to| url.join(to).ok());
        return match to {
            Some(to) if to.as_str().starts_with(redirect) => returned(&to, &client, redirect),
            Some(to) if to.as_str().to_lowercase().contains("error") => Finding::warn(format!(
                "it sends the browser to {}, which looks like a page about an error",
                printable(&place(&to))
            ))
            .advised(register),
            Some(to) => Finding::pass(format!(
                "it sends the browser to {}; {UNKNOWABLE}",
                printable(&place(&to))
            )),
            None => Finding::warn(format!("it answers {status} and does not say where to go")),
        };
    }
    match status.as_u16() {
        200..=299 => Finding::pass(format!("it shows a page; {UNKNOWABLE}")),
        403 | 429 => Finding::warn(format!(
            "it answers {status}, perhaps to programs alone; {UNKNOWABLE}"
        )),
        400..=499 => Finding::fail(
            INVALID,
            format!("it answers {status} to the client {client} with the redirect {redirect}"),
        )
        .advised(register),
        _ => Finding::fail(UNREACHABLE, format!("it answers {status}"))
            .advised("try again in a little while"),
    }
}

/// It has sent the browser back to us, so it knows the client and the redirect (RFC 6749 §4.1.2.1).
fn returned(to: &Url, client: &str, redirect: &str) -> Finding {
    let value = |name: &str| {
        let mut pairs = to.query_pairs();
        let found = pairs.find(|(found, _)| found == name);
        found.map(|(_, value)| value.into_owned())
    };
    match value("error").as_deref() {
        // OpenID Connect Core §3.1.2.6: what there is to say where a page would be needed.
        None
        | Some(
            "login_required"
            | "interaction_required"
            | "consent_required"
            | "account_selection_required",
        ) => Finding::pass(format!(
            "it knows the client {client} and lets it come back to {redirect}"
        )),
        Some(error) => {
            let why = value("error_description").map_or(String::new(), |why| format!(": {why}"));
            let said = printable(&format!("it refuses the client {client} with {error}{why}"));
            Finding::fail(INVALID, said)
                .advised("check the application at the identity provider: authorization code, PKCE, and the scopes that are asked for")
        }
    }
}

/// An address without what stands behind it, which may name somebody.
fn place(url: &Url) -> String {
    format!("{}{}", url.host_str().unwrap_or_default(), url.path())
}

/// Whether the port that the browser comes back to is to be had.
pub(super) async fn redirect_port(patient: Arc<Patient>) -> Finding {
    let access = match patient.usable() {
        Ok(access) => access,
        Err(finding) => return finding,
    };
    if access.any_login().is_none() {
        return Finding::skip("nobody signs in: the token comes from elsewhere");
    }
    let identity = &access.profile().identity;
    let host = identity.redirect_host.unwrap_or_default();
    let Some(ports) = &identity.ports else {
        return match free(host, 0) {
            Some(_) => Finding::pass(format!("the browser comes back to any free port of {host}")),
            None => Finding::fail(INVALID, format!("no port of {host} can be listened on"))
                .advised("check that this machine has the address, or use another redirect_host"),
        };
    };
    let shown = match (ports.start(), ports.end()) {
        (first, last) if first == last => format!("port {first}"),
        (first, last) => format!("one of the ports {first} to {last}"),
    };
    if ports.clone().any(|port| free(host, port).is_some()) {
        return Finding::pass(format!(
            "the browser comes back to {shown} of {host}, which is free"
        ));
    }
    Finding::fail(
        INVALID,
        format!("no sign-in can be waited for: {shown} of {host} is taken"),
    )
    .advised(
        "end the program that holds it, or configure another that the identity provider allows",
    )
}

/// The redirect address as a sign-in would have it.
fn redirect(identity: &Identity) -> String {
    let host = identity.redirect_host.unwrap_or_default();
    let port = match &identity.ports {
        Some(ports) => *ports.start(),
        None => free(host, 0).unwrap_or(49152),
    };
    format!("http://{host}:{port}/callback")
}

/// The port that one gets by asking for `port`, if it is free. It is let go at once.
fn free(host: RedirectHost, port: u16) -> Option<u16> {
    let address: SocketAddr = match host {
        RedirectHost::Ipv6 => (Ipv6Addr::LOCALHOST, port).into(),
        RedirectHost::Ipv4 | RedirectHost::Localhost => (Ipv4Addr::LOCALHOST, port).into(),
    };
    let listener = TcpListener::bind(address).ok()?;
    Some(listener.local_addr().ok()?.port())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::finding::State;
    use super::*;

    #[test]
    fn an_answer_tells_no_more_than_it_does() {
        let redirect = "http://127.0.0.1:8400/callback";
        let back = |query: &str| format!("{redirect}?{query}");
        for (status, location, state, said) in [
            (
                302,
                Some(back("error=login_required&state=doctor")),
                State::Pass,
                "knows the client app",
            ),
            (
                303,
                Some(back("code=abc&state=doctor")),
                State::Pass,
                "knows the client app",
            ),
            (
                302,
                Some(back("error=unauthorized_client&error_description=no+grant")),
                State::Fail(INVALID),
                "with unauthorized_client: no grant",
            ),
            (
                302,
                Some("/u/login?state=x".into()),
                State::Pass,
                "id.example/u/login; whether",
            ),
            (
                302,
                Some("https://id.example/oauth/error?x".into()),
                State::Warn,
                "page about an error",
            ),
            (302, None, State::Warn, "does not say where"),
            (200, None, State::Pass, "shows a page; whether"),
            (
                400,
                None,
                State::Fail(INVALID),
                "400 Bad Request to the client app",
            ),
            (403, None, State::Warn, "403"),
            (503, None, State::Fail(UNREACHABLE), "503"),
        ] {
            let mut answer = Response::new(Vec::new());
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
            if let Some(location) = &location {
                answer
                    .headers_mut()
                    .insert(header::LOCATION, location.parse().expect("text"));
            }
            let url = Url::parse("https://id.example/authorize?x").expect("an address");
            let finding = judged(&answer, &url, "app", redirect, true);
            assert_eq!(finding.state, state, "{status} {location:?}: {finding:?}");
            assert!(
                finding.said.contains(said),
                "{status} {location:?}: {finding:?}"
            );
            assert!(!finding.said.contains("abc"), "a code is nobody's business");
        }
    }
}
