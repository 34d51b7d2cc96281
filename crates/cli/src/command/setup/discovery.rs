//! Asks an issuer whether it is what it is called here, and whether AWS can read its tokens.
//!
//! Not as a sign-in does: issuers of jobs and machines have no endpoints for people.

use http::StatusCode;
use keyless::{Http, HttpClient, text::printable};
use keyless_token::{ALGORITHMS, Limits, endpoint};
use serde_json::Value;

use crate::context::Context;
use crate::exit::{Failure, INVALID, UNREACHABLE};

const OFFLINE: &str =
    "check the address; if AWS can reach it and this machine cannot, add --offline";

/// The address of the issuer's keys, from its OpenID configuration, which calls it `issuer` to the letter (OpenID Connect
/// Discovery §4.3).
pub(super) async fn key_set(context: &Context, issuer: &str) -> Result<String, Failure> {
    endpoint::secure("the issuer", issuer)?;
    let address = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let request = http::Request::get(&address)
        .header(http::header::ACCEPT, "application/json")
        .body(Vec::new())
        .map_err(|error| Failure::new(INVALID, format!("{address} is not an address: {error}")))?;
    let answer = Http::from_environment(&context.environment)
        .send(request, Limits::default())
        .await
        .map_err(|error| {
            Failure::new(UNREACHABLE, format!("{address} cannot be fetched: {error}"))
                .with_advice(OFFLINE)
        })?;
    if answer.status() != StatusCode::OK {
        let found = format!(
            "expected an OpenID configuration at {address}, found {}",
            answer.status()
        );
        return Err(Failure::new(INVALID, found).with_advice(OFFLINE));
    }
    let unusable = |found: String| {
        Failure::new(INVALID, found).with_advice(
            "check that the issuer is an OpenID provider; OAuth alone, as GitHub's, is not enough",
        )
    };
    let document: Value = serde_json::from_slice(answer.body())
        .map_err(|error| unusable(format!("{address} shows no JSON: {error}")))?;
    let text = |name: &str| document[name].as_str();

    let named = text("issuer").ok_or_else(|| unusable(format!("{address} names no issuer")))?;
    if named != issuer {
        let named = printable(named);
        return Err(Failure::new(
            INVALID,
            format!("the issuer is given as {issuer:?} and calls itself {named:?}"),
        )
        .with_advice(format!(
            "AWS compares to the letter: --issuer {named}, if that is the one you mean"
        )));
    }
    let offered = document["id_token_signing_alg_values_supported"].as_array();
    let taken = offered.is_none_or(|offered| {
        let mut names = offered.iter().filter_map(Value::as_str);
        names.any(|name| ALGORITHMS.contains(&name))
    });
    if !taken {
        return Err(Failure::new(
            INVALID,
            format!(
                "{issuer} signs with nothing that AWS takes, which is {}",
                ALGORITHMS.join(", ")
            ),
        )
        .with_advice("let the identity provider sign with RS256 or ES256"));
    }
    let keys = text("jwks_uri").ok_or_else(|| unusable(format!("{address} names no keys")))?;
    endpoint::secure("the key set's address", keys)?;
    Ok(keys.to_owned())
}
