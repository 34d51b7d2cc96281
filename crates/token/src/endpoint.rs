//! Addresses that a token, a code or a person is sent to: https, or this machine.

use url::{Host, Url};

use crate::error::{TokenError, TokenErrorKind};

/// Parses `address`, which `what` names, and demands https of everything that is not on loopback: what is sent in the
/// clear can be read and changed on its way (OpenID Connect Core §16.17, RFC 9700 §4.3.1).
pub fn secure(what: &str, address: &str) -> Result<Url, TokenError> {
    let misconfigured = |reason: String| TokenError::new(TokenErrorKind::Misconfigured, reason);
    let url = Url::parse(address).map_err(|error| {
        misconfigured(format!("{what} {address:?} is not an address: {error}"))
            .with_advice("give a whole address, such as https://issuer.example")
    })?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        scheme => Err(misconfigured(format!(
            "{what} {address:?} uses {scheme}, and only https keeps a token secret on its way"
        ))
        .with_advice("use its https address")),
    }
}

/// Whether `url` is on this machine: a loopback address, or `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for (address, passes) in [
            ("https://issuer.example/", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost:8080", true),
            ("http://issuer.example/", false),
            ("http://127.0.0.1.issuer.example/", false),
            ("http://localhost.issuer.example/", false),
            ("http://10.0.0.1/", false),
            ("ftp://127.0.0.1/", false),
            ("javascript:alert(1)", false),
            ("issuer.example", false),
            ("", false),
        ] {
            assert_eq!(secure("the issuer", address).is_ok(), passes, "{address:?}");
        }
    }
}
