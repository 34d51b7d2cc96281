//! The two roles of the story, and what their trust policies say to a token.

use std::time::SystemTime;

use keyless::IdToken;
use keyless_sandbox::{Role, Sandbox};
use keyless_trust::evaluate::{ConditionReport, Decision, decide_web_identity};
use keyless_trust::keys::Request;
use keyless_trust::policy::Policy;
use keyless_trust::provider::IdentityProvider;
use keyless_trust::token::Token;

use crate::exit::{Failure, INTERNAL};

/// Lets in Alice and Bob, by their email.
pub(super) const DEVELOPER: &str = "Developer";
/// Lets in Carol, by her subject.
pub(super) const ADMIN: &str = "Admin";

/// Both of them, for a sandbox.
pub(super) fn both() -> [Role; 2] {
    [DEVELOPER, ADMIN].map(|name| Role::new(name, policy(name)))
}

/// What the trust policy of the role `name` says to `token`, by AWS's rules.
pub(super) fn ask(
    sandbox: &Sandbox,
    name: &str,
    token: &IdToken,
    now: SystemTime,
) -> Result<Decision, Failure> {
    let impossible = |error: &dyn std::fmt::Display| {
        Failure::new(
            INTERNAL,
            format!("the sandbox's own trust does not hold together: {error}"),
        )
    };
    let read = Token::read(token.expose(), now).map_err(|error| impossible(&error))?;
    let providers = [IdentityProvider::new(
        "aws",
        sandbox.account_id(),
        sandbox.issuer(),
        [sandbox.client_id()],
    )];
    let provider = IdentityProvider::find(&providers, &read).map_err(|error| impossible(&error))?;
    let text = policy(name)
        .replace("{account}", sandbox.account_id())
        .replace("{issuer}", provider.key_prefix())
        .replace("{client_id}", sandbox.client_id());
    let policy = Policy::parse(&text).map_err(|error| impossible(&error))?;
    let request = Request {
        role_arn: &sandbox.role_arn(name),
        session_name: "demo",
        ..Request::default()
    };
    Ok(decide_web_identity(&read, provider, &policy, &request))
}

/// The condition as the trust policy has it, without the issuer before the claim's name: what is wanted, and what is there.
pub(super) fn condition(report: &ConditionReport) -> (&str, String, String) {
    let key = &*report.condition.key;
    let claim = key.rsplit(':').next().unwrap_or(key);
    let found = report.found.as_deref().unwrap_or_default().join(" and ");
    let wanted: Vec<_> = report
        .condition
        .values
        .iter()
        .map(|value| &**value)
        .collect();
    (claim, wanted.join(" or "), found)
}

/// The trust policy, as one would write it in AWS; the sandbox fills in what stands in braces.
fn policy(name: &str) -> String {
    let condition = if name == DEVELOPER {
        r#""{issuer}:email": ["alice@example.com", "bob@example.com"]"#
    } else {
        r#""{issuer}:sub": "user-carol""#
    };
    format!(
        r#"{{
  "Version": "2012-10-17",
  "Statement": [{{
    "Effect": "Allow",
    "Principal": {{ "Federated": "arn:aws:iam::{{account}}:oidc-provider/{{issuer}}" }},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {{ "StringEquals": {{ "{{issuer}}:aud": "{{client_id}}", {condition} }} }}
  }}]
}}"#
    )
}
