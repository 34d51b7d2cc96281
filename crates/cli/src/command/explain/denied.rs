//! What can be told at once when STS denies: whose token it was, and what AWS makes of it.

use std::time::SystemTime;

use keyless::profile::Access;
use keyless::{Error, ExchangeErrorKind, IdToken, SamlResponse, Source, text};
use keyless_trust::keys::{Context as Keys, Request};
use keyless_trust::provider::IdentityProvider;
use keyless_trust::token::Token;

use crate::context::{Chosen, Context};
use crate::exit::Failure;

/// The failure, with what is known where AWS turned the token or its bearer away.
pub(crate) fn explained(
    context: &Context,
    chosen: &Chosen,
    access: &Access,
    error: Error,
) -> Failure {
    let first_hop = match &error {
        Error::Exchange(error) => match error.kind() {
            ExchangeErrorKind::AccessDenied | ExchangeErrorKind::TokenRejected => error.hop() == 1,
            _ => return chosen.explain(error.clone().into()),
        },
        _ => return chosen.explain(error.into()),
    };
    let mut failure: Failure = error.into();
    let role = chosen.profile.role.as_deref().unwrap_or_default();
    if let Some(source) = access.saml() {
        if let Some(response) = source.latest().filter(|_| first_hop) {
            failure.facts = facts_of(&response, role);
        }
        return failure;
    }
    if let Some(token) = access.latest().filter(|_| first_hop) {
        failure.facts = facts(&token, role, context.now());
    }
    let command = match &chosen.profile.name {
        Some(name) => shlex::try_join(["keyless", "explain", name, "--live"]).ok(),
        None => Some("keyless token … | keyless explain --token - --live --role ARN".to_owned()),
    };
    let advice = failure
        .advice
        .take()
        .map(|advice| format!("{advice}; "))
        .unwrap_or_default();
    match command {
        Some(command) => failure.with_advice(format!(
            "{advice}run `{command}` for the reason (or with --policy FILE, where somebody else can read the trust policy)"
        )),
        None => failure,
    }
}

/// What trust policies see of a response (IAM User Guide, available keys for SAML-based federation).
fn facts_of(response: &SamlResponse, role: &str) -> Vec<String> {
    let line = |key: &str, value: &str| format!("  {key} = {:?}", text::printable(value));
    let mut lines = vec![
        "the SAML response that AWS was shown".to_owned(),
        line("saml:iss", response.issuer()),
        line("saml:aud", response.recipient()),
        line("saml:sub", response.name_id()),
    ];
    let pairs = response.roles().iter();
    for pair in pairs.filter(|pair| pair.role == role) {
        lines.push(line("role", &pair.role));
        lines.push(line("provider", &pair.provider));
    }
    let tags = response.tags();
    lines.extend(
        tags.map(|(key, value)| line(&format!("aws:RequestTag/{}", text::printable(key)), value)),
    );
    lines
}

/// The token's own words, then the condition keys that AWS makes of it; lines without the token.
fn facts(token: &IdToken, role: &str, now: SystemTime) -> Vec<String> {
    let quoted = |text: &str| format!("{:?}", text::printable(text));
    let mut lines = vec![
        "the token that AWS was shown".to_owned(),
        format!("  iss  {}", quoted(token.issuer())),
        format!("  sub  {}", quoted(token.subject())),
        format!(
            "  aud  {}",
            token
                .audience()
                .iter()
                .map(|aud| quoted(aud))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    ];
    let Ok(read) = Token::from_claims(token.claims().clone(), now) else {
        return lines;
    };
    let mut fields = role.split(':').skip(1);
    let (partition, account) = (
        fields.next().unwrap_or("aws"),
        fields.nth(2).unwrap_or_default(),
    );
    let provider = IdentityProvider::new(partition, account, read.issuer(), [read.audience()]);
    let keys = Keys::web_identity(&read, &provider, &Request::default());
    lines.push("the condition keys that AWS makes of it".to_owned());
    let prefix = format!("{}:", provider.key_prefix());
    for (key, values) in keys.iter().filter(|(key, _)| key.starts_with(&prefix)) {
        let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
        lines.push(format!(
            "  {} = {}",
            text::printable(key),
            values.join(", ")
        ));
    }
    lines
}
