//! `keyless setup`: what an AWS account needs for a role that an identity provider's tokens open.

mod discovery;
mod next;

use std::process::ExitCode;

use keyless::Thumbprint;
use keyless_trust::setup::{Allow, Generated, Plan, SetupError, source_at};

use crate::args::{Setup, SetupFormat};
use crate::context::{Context, run as run_async};
use crate::exit::{Failure, Outcome, USAGE};
use crate::output;

pub(super) fn run(context: &Context, args: &Setup) -> Outcome {
    let mut plan = plan(args);
    // What would be refused anyway is told before anybody is asked.
    plan.generate()?;
    if args.format == SetupFormat::Policy && args.account.is_none() {
        return Err(
            Failure::new(USAGE, "a trust policy names the account it is in")
                .with_advice("give --account, or another --format"),
        );
    }
    let issuer = plan.issuer()?;
    let is_known = plan.issuer.is_none() || source_at(&issuer).is_some();
    if args.thumbprint || !(is_known || args.offline) {
        plan.thumbprints = run_async(ask(context, args, &issuer))?;
    }
    let generated = plan.generate()?;
    output::data(&written(&generated, args))?;
    next::tell(context, args, &generated);
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &Setup) -> Plan {
    let name = args
        .role_name
        .clone()
        .unwrap_or_else(|| match args.allow.first() {
            None | Some(Allow::Email(_) | Allow::Subject(_)) => "keyless".to_owned(),
            Some(allow) => format!("keyless-{}", allow.source().name),
        });
    Plan {
        issuer: args.issuer.clone(),
        audiences: args.client.clone(),
        partition: args.partition.clone(),
        account: args.account.clone(),
        attach: args.attach.clone(),
        boundary: args.boundary.clone(),
        max_session: args.max_session,
        session_tags: args.session_tags,
        source_identity: args.source_identity,
        also_account: args.also_account.clone(),
        ..Plan::new(name, args.allow.clone())
    }
}

/// Whatever a plan holds was typed.
impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        Self::new(USAGE, error.to_string()).with_advice(error.advice())
    }
}

/// Asks the issuer whether it is what it is called, and shows its certificates where that is wanted.
async fn ask(context: &Context, args: &Setup, issuer: &str) -> Result<Vec<Thumbprint>, Failure> {
    let output = context.output;
    let keys = discovery::key_set(context, issuer).await?;
    if !args.thumbprint {
        return Ok(Vec::new());
    }
    let found = keyless::thumbprints(issuer, &keys, &context.environment).await?;
    for warning in found.warnings() {
        output.warning(&warning);
    }
    if !found.are_needed() {
        output
            .say("no thumbprint is needed: public authorities vouch for the issuer's certificates");
        return Ok(Vec::new());
    }
    Ok(found.list())
}

fn written(generated: &Generated, args: &Setup) -> String {
    match args.format {
        SetupFormat::Terraform => generated.terraform(),
        SetupFormat::Cloudformation => generated.cloudformation(),
        SetupFormat::Script => generated.script(),
        SetupFormat::Cloudshell => generated.cloudshell(),
        SetupFormat::Policy => generated.trust_policy(args.account.as_deref().unwrap_or_default()),
    }
}
