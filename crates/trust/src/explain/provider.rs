//! Which OpenID provider of the account the token belongs to, and how nearly it belongs to another.

use super::{
    Change, Findings, Question,
    hint::Hint,
    home,
    near::{Nearness, near},
};
use crate::{
    caller::BUILT_IN,
    provider::{IdentityProvider, without_scheme},
    token::Token,
};

/// The provider; where the account has none, one as the token needs it, so that the policy can be looked at.
pub(super) fn find(
    question: &Question<'_>,
    token: &Token,
    found: &mut Findings,
) -> IdentityProvider {
    let (partition, account) = home(question);
    let needed = || IdentityProvider::new(partition, account, token.issuer(), [token.audience()]);
    let Some(given) = question.providers else {
        return needed();
    };
    let here: Vec<_> = given
        .iter()
        .filter(|provider| account.is_empty() || provider.account() == account)
        .cloned()
        .collect();
    match IdentityProvider::find(&here, token) {
        Ok(provider) => return provider.clone(),
        // IAM knows these without an OpenID provider in the account.
        Err(_) if here.is_empty() && BUILT_IN.contains(&without_scheme(token.issuer())) => {
            return needed();
        }
        Err(refusal) => {
            found.refusal.get_or_insert(refusal);
        }
    }
    if let Some(provider) = here.iter().find(|provider| provider.issues(token.issuer())) {
        audience(provider, token, found);
        return provider.clone();
    }
    issuer(given, &here, account, token, found);
    needed()
}

/// The issuer has its provider; the audience is not among its client ids.
fn audience(provider: &IdentityProvider, token: &Token, found: &mut Findings) {
    let audience = token.audience();
    let ids = provider.client_ids();
    let shown = ids
        .iter()
        .map(|id| format!("{id:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    let near_id = ids.iter().find(|id| near(id, audience).is_some());
    let hint = if token.authorized_party().is_some()
        && token.audiences().iter().any(|aud| ids.contains(aud))
    {
        Hint::new(
            "azp-counts",
            format!(
                "the token's aud is registered as a client id, but the token has an azp, and then azp is the audience: {audience:?}"
            ),
        )
    } else if audience.is_empty() {
        Hint::new(
            "empty-audience",
            "the token's audience is empty, which no client id is",
        )
    } else if let Some(id) = near_id {
        Hint::new(
            "client-id-near-miss",
            format!(
                "the token's audience is {audience:?}; the IAM OpenID provider has the client id {id:?}, nearly the same"
            ),
        )
    } else {
        Hint::new(
            "client-id-missing",
            format!(
                "the token's audience {audience:?} is not a client id of the IAM OpenID provider, which has {}",
                if shown.is_empty() { "none" } else { &shown }
            ),
        )
    };
    found.hints.push(hint);
    if !audience.is_empty() {
        found.changes.push(Change::command(
            "register the token's audience as a client id, if tokens for it are meant to come in",
            &[
                "aws",
                "iam",
                "add-client-id-to-open-id-connect-provider",
                "--open-id-connect-provider-arn",
                provider.arn(),
                "--client-id",
                audience,
            ],
        ));
    }
}

/// No provider of the account has the issuer.
fn issuer(
    given: &[IdentityProvider],
    here: &[IdentityProvider],
    account: &str,
    token: &Token,
    found: &mut Findings,
) {
    let issuer = token.issuer();
    let hint = if let Some(other) = given.iter().find(|provider| provider.issues(issuer)) {
        Hint::new(
            "provider-in-other-account",
            format!(
                "the issuer's OpenID provider is in account {}; it must be in the role's own, {account}",
                other.account()
            ),
        )
    } else if let Some(provider) = here
        .iter()
        .find(|provider| without_scheme(provider.url()) == without_scheme(issuer))
    {
        Hint::new(
            "issuer-scheme",
            format!(
                "the token's iss is {issuer:?}, the OpenID provider's URL {:?}: the scheme differs",
                provider.url()
            ),
        )
    } else if let Some((provider, nearness)) = here
        .iter()
        .find_map(|provider| Some((provider, near(provider.url(), issuer)?)))
    {
        let (id, how) = match nearness {
            Nearness::Slash => (
                "issuer-slash",
                "they differ in the slash at the end, which counts".to_owned(),
            ),
            Nearness::Case => (
                "issuer-case",
                "they differ in case, which counts".to_owned(),
            ),
            Nearness::Space | Nearness::Percent => {
                ("issuer-typo", "they differ in a detail".to_owned())
            }
            Nearness::Letters(letters) => {
                ("issuer-typo", format!("they differ in {letters} letters"))
            }
        };
        Hint::new(
            id,
            format!(
                "the token's iss is {issuer:?}, the OpenID provider's URL {:?}: {how}",
                provider.url()
            ),
        )
    } else if let Some(provider) = here
        .iter()
        .find(|provider| host(provider.url()) == host(issuer))
    {
        Hint::new(
            "issuer-path",
            format!(
                "the token's iss is {issuer:?}, the OpenID provider's URL {:?}: the same host with another path",
                provider.url()
            ),
        )
    } else {
        let known = here
            .iter()
            .map(|provider| format!("{:?}", provider.url()))
            .collect::<Vec<_>>()
            .join(", ");
        Hint::new(
            "no-provider",
            format!(
                "the role's account has no OpenID provider for the issuer {issuer:?}; of those given there are {}",
                if known.is_empty() {
                    "none in this account"
                } else {
                    &known
                }
            ),
        )
    };
    found.hints.push(hint);
    if issuer.starts_with("https://") {
        found.changes.push(Change::command(
            "create the OpenID provider with exactly the token's issuer (the URL of an existing one cannot be changed)",
            &["aws", "iam", "create-open-id-connect-provider", "--url", issuer, "--client-id-list", token.audience()],
        ));
    }
}

fn host(url: &str) -> &str {
    let rest = without_scheme(url);
    rest.split('/').next().unwrap_or(rest)
}
