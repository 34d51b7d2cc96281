//! Asks IAM by way of the AWS CLI, which has credentials and knows how to sign.

use std::process::{Command, Stdio};

use keyless_trust::document::Role;
use keyless_trust::provider::IdentityProvider;
use serde_json::Value;

use super::papers;
use crate::context::Context;
use crate::exit::{DENIED, Failure, INVALID};
use crate::words::{role_name, whole};

/// The role, and the OpenID providers of its account. Of the providers only those of the token's host are asked for their
/// client ids.
pub(super) fn role(
    context: &Context,
    arn: &str,
    issuer: Option<String>,
) -> Result<(Role, Option<Vec<IdentityProvider>>), Failure> {
    let name = role_name(arn);
    let text =
        aws(context, &["get-role", "--role-name", name])?.map_err(|said| refused(arn, &said))?;
    let mut document = papers::read(&text, "what the AWS CLI printed")?;
    let Some(role) = (!document.roles.is_empty()).then(|| document.roles.swap_remove(0)) else {
        return Err(Failure::new(
            INVALID,
            "what the AWS CLI printed holds no role",
        ));
    };
    if arn.starts_with("arn:") && role.arn.as_deref().is_some_and(|found| found != arn) {
        let found = role.arn.unwrap_or_default();
        return Err(Failure::new(
            INVALID,
            whole(&format!(
                "the AWS CLI sees {found}, and the role asked for is {arn}"
            )),
        )
        .with_advice(
            "set AWS_PROFILE to credentials of the role's account; see that the path is right",
        ));
    }
    let Some(issuer) = issuer else {
        return Ok((role, None));
    };
    let listed = aws(context, &["list-open-id-connect-providers"])?;
    let providers = match listed {
        Ok(text) => Some(providers(context, &text, &issuer)?),
        Err(said) => {
            context.output.warning(&format!(
                "the OpenID providers of the account are not known: {said}"
            ));
            None
        }
    };
    Ok((role, providers))
}

fn providers(
    context: &Context,
    listed: &str,
    issuer: &str,
) -> Result<Vec<IdentityProvider>, Failure> {
    let listed: Value = serde_json::from_str(listed).unwrap_or_default();
    let arns = listed["OpenIDConnectProviderList"]
        .as_array()
        .into_iter()
        .flatten();
    let host = |url: &str| {
        let bare = url.split_once("://").map_or(url, |(_, rest)| rest);
        bare.split('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let mut providers = Vec::new();
    for arn in arns.filter_map(|entry| entry["Arn"].as_str()) {
        let Some((head, path)) = arn.split_once(":oidc-provider/") else {
            continue;
        };
        let mut fields = head.split(':').skip(1);
        let (partition, account) = (
            fields.next().unwrap_or("aws"),
            fields.nth(2).unwrap_or_default(),
        );
        let known = if host(path) == host(issuer) {
            let asked = [
                "get-open-id-connect-provider",
                "--open-id-connect-provider-arn",
                arn,
            ];
            aws(context, &asked)?.ok()
        } else {
            None
        };
        match known {
            // The answer has its URL without the scheme, and not its ARN.
            Some(text) => providers.extend(
                papers::read(&text, "what the AWS CLI printed")?.providers_in(partition, account),
            ),
            None => providers.push(IdentityProvider::new(
                partition,
                account,
                &format!("https://{path}"),
                Vec::<String>::new(),
            )),
        }
    }
    Ok(providers)
}

/// Runs `aws iam …` and says so: what it printed, or what it said against it.
fn aws(context: &Context, arguments: &[&str]) -> Result<Result<String, String>, Failure> {
    let line = shlex::try_join(["aws", "iam"].into_iter().chain(arguments.iter().copied()));
    context
        .output
        .say(&format!("asking IAM: {}", whole(&line.unwrap_or_default())));
    let output = Command::new("aws")
        .arg("iam")
        .args(arguments)
        .args([
            "--output",
            "json",
            "--cli-connect-timeout",
            "10",
            "--cli-read-timeout",
            "20",
        ])
        .env("AWS_PAGER", "")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Failure::new(INVALID, format!("the AWS CLI cannot be run: {error}")).with_advice(
                "install it, or give what it prints elsewhere with --policy and --provider",
            )
        })?;
    Ok(if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<_> = said
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        Err(whole(&lines.join(" ")))
    })
}

/// IAM did not show the role. Where it is not there, that is the whole explanation.
fn refused(arn: &str, said: &str) -> Failure {
    if said.contains("NoSuchEntity") {
        return Failure::new(DENIED, whole(&format!("there is no role {arn}: {said}")))
            .with_advice("STS answers a role that is missing with AccessDenied; check its name, its account and the AWS CLI's own account (`aws sts get-caller-identity`)");
    }
    Failure::new(INVALID, format!("IAM does not show the role: {said}"))
        .with_advice("set AWS_PROFILE to credentials that may call iam:GetRole, or give what it prints with --policy")
}
