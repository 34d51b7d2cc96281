//! Issuers as IAM takes them.

use super::error::SetupError;

/// Checks that IAM can hold a provider for `issuer`, which is kept to the letter: https, a host without a port, at most 255
/// characters, no query (API reference, `CreateOpenIDConnectProvider`). What is on this machine passes with http and a port:
/// AWS never sees it, and a sandbox is there.
pub(super) fn check(issuer: &str) -> Result<(), SetupError> {
    let shown = issuer.escape_debug();
    let misshaped = |found: String, advice: &str| Err(SetupError::new(found, advice));
    let local = issuer
        .strip_prefix("https://")
        .or_else(|| issuer.strip_prefix("http://"));
    if local.is_some_and(|rest| is_loopback(rest) && is_address(rest)) {
        return Ok(());
    }
    if issuer.starts_with("http://") {
        return misshaped(
            format!("expected an issuer with https, found {shown}"),
            "AWS fetches the issuer's keys over https alone",
        );
    }
    let Some(rest) = issuer.strip_prefix("https://") else {
        return misshaped(
            format!("expected an issuer such as https://issuer.example, found {shown}"),
            "write the issuer to the letter, as it stands in its tokens' `iss`",
        );
    };
    if issuer.len() > 255 {
        return misshaped(
            format!(
                "the issuer has {} characters, and IAM takes 255",
                issuer.len()
            ),
            "use a shorter address at the identity provider",
        );
    }
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !is_address(rest) || host.is_empty() || host.contains('@') {
        return misshaped(
            format!("{shown} is not an address that IAM takes"),
            "give https, a host and perhaps a path; no query, no fragment, no user, ASCII alone",
        );
    }
    if host.contains(':') {
        return misshaped(
            format!("the issuer {shown} has a port, and IAM takes none"),
            "let the identity provider answer on port 443",
        );
    }
    pitfall(host, path).map_or(Ok(()), |(found, advice)| {
        misshaped(found.to_owned(), advice)
    })
}

/// Issuers that pass every check of IAM's, and whose tokens never match.
fn pitfall(host: &str, path: &str) -> Option<(&'static str, &'static str)> {
    if host == "github.com" {
        return Some((
            "GitHub is no OpenID provider for people",
            "let people sign in by way of another one, such as Auth0 with its GitHub connection; jobs of GitHub Actions are github:OWNER/REPO@BRANCH",
        ));
    }
    if host.ends_with(".auth0.com") && path.is_empty() {
        return Some((
            "an issuer of Auth0 ends with a slash, this one does not",
            "write https://TENANT.REGION.auth0.com/ with the slash at its end",
        ));
    }
    let tenant = path.split('/').nth(1).unwrap_or_default();
    if host == "login.microsoftonline.com"
        && ["common", "organizations", "consumers"].contains(&tenant)
    {
        return Some((
            "Entra's tokens never carry this issuer, which stands for any tenant",
            "write https://login.microsoftonline.com/TENANT-ID/v2.0",
        ));
    }
    None
}

/// Whether this is an issuer of Microsoft Entra, where a person's `email` is what the tenant's administrators or the
/// person typed, and verified by nobody.
pub(super) fn is_entra(issuer: &str) -> bool {
    [
        "https://login.microsoftonline.com/",
        "https://sts.windows.net/",
    ]
    .iter()
    .any(|entra| issuer.starts_with(entra))
}

/// Whether GitHub Actions has such an issuer: github.com, an enterprise's own, data residency, or GitHub Enterprise Server.
pub(super) fn is_github(issuer: &str) -> bool {
    let host = "https://token.actions.githubusercontent.com";
    issuer == host
        || issuer
            .strip_prefix(host)
            .and_then(|path| path.strip_prefix('/'))
            .is_some_and(|enterprise| !enterprise.is_empty() && !enterprise.contains('/'))
        || (issuer.starts_with("https://token.actions.") && issuer.ends_with(".ghe.com"))
        || is_github_server(issuer)
}

/// GitHub Enterprise Server, whose subjects hold no ids.
pub(super) fn is_github_server(issuer: &str) -> bool {
    issuer.ends_with("/_services/token")
}

fn is_address(rest: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !"?#\"'`\\<>{}^|*$".contains(c);
    !rest.is_empty() && rest.chars().all(is_plain)
}

fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    ["127.0.0.1", "[::1]", "localhost"].contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_one_that_iam_takes() {
        let long = format!("https://{}.example", "a".repeat(250));
        for (issuer, passes) in [
            ("https://id.example.com", true),
            ("https://id.example.com/", true),
            ("https://id.example.com/realms/a", true),
            ("https://corp.eu.auth0.com/", true),
            ("https://corp.eu.auth0.com", false),
            ("https://login.microsoftonline.com/6f1d/v2.0", true),
            ("https://login.microsoftonline.com/common/v2.0", false),
            ("https://github.com/login/oauth", false),
            ("https://id.example.com:8443", false),
            ("https://id.example.com?x", false),
            ("https://id.example.com/#x", false),
            ("https://user@id.example.com", false),
            ("https://", false),
            ("https:///path", false),
            ("https://id.example.com/a b", false),
            ("https://id.example.com/\"", false),
            ("https://id.example.com/${x}", false),
            ("https://id.ex\u{e4}mple.com", false),
            ("http://id.example.com", false),
            ("http://127.0.0.1:41234", true),
            ("https://localhost:41234/a", true),
            ("https://localhost:41234?a", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost:1/a'b", false),
            ("id.example.com", false),
            ("", false),
            (&long, false),
        ] {
            assert_eq!(check(issuer).is_ok(), passes, "{issuer}");
        }
    }
}
