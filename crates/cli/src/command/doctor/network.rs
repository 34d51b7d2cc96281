//! Checks of the way to the issuer: proxies, and whose certificates are shown.

use std::sync::Arc;

use http::Uri;
use keyless_token::text::printable;

use super::finding::Finding;
use super::patient::Patient;
use crate::exit::INVALID;

/// Which proxy the variables name.
pub(super) async fn proxy(patient: Arc<Patient>) -> Finding {
    let value = |names: [&'static str; 2]| {
        let environment = patient.environment();
        let mut found = names.into_iter().filter_map(|name| {
            let value = environment.os(name)?.to_string_lossy().into_owned();
            Some((name, value))
        });
        found.next()
    };
    let proxy = value(["HTTPS_PROXY", "https_proxy"]).or_else(|| value(["ALL_PROXY", "all_proxy"]));
    let Some((name, address)) = proxy else {
        return Finding::pass("none is named");
    };
    // A host alone is one, too. Name and password are nobody's business.
    let uri: Option<Uri> = address.parse().ok();
    let Some(authority) = uri.as_ref().and_then(Uri::authority) else {
        return Finding::fail(INVALID, format!("{name} does not name a proxy"))
            .advised("write it as http://proxy.example.com:3128");
    };
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let without = value(["NO_PROXY", "no_proxy"]).map_or(String::new(), |(name, hosts)| {
        format!(", but not to {hosts} ({name})")
    });
    Finding::pass(printable(&format!("by way of {host} ({name}){without}")))
}

/// Whose certificates the issuer's hosts show: whether IAM needs thumbprints of them, and whether they are the issuer's at all.
pub(super) async fn certificate(patient: Arc<Patient>) -> Finding {
    let Ok(discovery) = patient.discovery().await else {
        return Finding::skip("the issuer's OpenID configuration is not known");
    };
    let keys = discovery.text("jwks_uri").unwrap_or(&discovery.issuer);
    if !(discovery.issuer.starts_with("https:") && keys.starts_with("https:")) {
        return Finding::skip(
            "there is none: the issuer is on this machine, where AWS cannot reach it",
        );
    }
    let found = keyless::thumbprints(&discovery.issuer, keys, patient.environment()).await;
    let thumbprints = match found {
        Ok(thumbprints) => thumbprints,
        Err(error) => return Finding::of(error),
    };
    if let Some(warning) = thumbprints.warnings().into_iter().next() {
        return Finding::warn(warning).advised(
            "take no thumbprint from here; put the proxy's own certificate into a file and its path into ca_bundle or AWS_CA_BUNDLE",
        );
    }
    if !thumbprints.are_needed() {
        return Finding::pass(
            "a public authority vouches for it: the IAM provider needs no thumbprint",
        );
    }
    let list: Vec<String> = thumbprints.list().iter().map(ToString::to_string).collect();
    Finding::warn("no public authority vouches for it, so that the IAM provider needs a thumbprint")
        .advised(format!("see that it has {}", list.join(" and ")))
}
