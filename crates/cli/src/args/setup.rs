//! `keyless setup`: what can be typed.

use std::time::Duration;

use clap::{Args, ValueEnum};
use keyless_trust::setup::Allow;

use crate::words::time;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  keyless setup --allow github:acme/app@main --format cloudshell
      paste what it prints into AWS CloudShell: the first role, without any key
  keyless setup --issuer https://corp.eu.auth0.com/ --client AbC123 \\
      --allow email:alice@example.com --role-name Developer \\
      --attach arn:aws:iam::aws:policy/ReadOnlyAccess > setup.sh
  keyless setup --allow github:acme@12/app@34#environment:prod --format terraform

Whom a role can be for, compared to the letter:
  github:OWNER/REPO@BRANCH            or #tag:TAG, #environment:NAME, #pull_request
  github:OWNER@ID/REPO@ID@BRANCH      with ids, which no other repository ever gets
  gitlab:GROUP/PROJECT@BRANCH         protected; or #tag:TAG, or #branch:ANY
  gitlab:GROUP:ID/PROJECT:ID@BRANCH   with ids
  circleci:ORGANIZATION-ID/PROJECT-ID
  buildkite:ORGANIZATION/PIPELINE@BRANCH, with ids ORGANIZATION:ID/PIPELINE:ID@BRANCH
  bitbucket:WORKSPACE:ID/REPO-ID      or #environment:ID behind it
  tfc:ORGANIZATION/PROJECT/WORKSPACE  or /plan or /apply behind it
  k8s:NAMESPACE/SERVICE-ACCOUNT       with --issuer, that of the cluster
  gcp:UNIQUE-ID                       of a service account of Google Cloud
  email:ADDRESS, sub:SUBJECT          with --issuer and --client
A `*` is taken in the name of a branch or tag alone.

No thumbprint is needed where a public authority signed the issuer's certificate.
Nothing is changed: what is printed is for you to read and to run.")]
pub(crate) struct Setup {
    /// Whom the role is for, see below; may be repeated.
    #[arg(long, value_name = "SUBJECT", value_parser = subject)]
    pub(crate) allow: Vec<Allow>,
    /// The issuer, to the letter as it stands in its tokens [default: the one of whom the role is for].
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The client id, or audience, that tokens must be for; may be repeated [default: what tokens of that kind are for].
    #[arg(long, visible_aliases = ["client-id", "audience"], value_name = "ID")]
    pub(crate) client: Vec<String>,
    /// What the role is called [default: keyless, and the kind of whom it is for].
    #[arg(long, value_name = "NAME")]
    pub(crate) role_name: Option<String>,
    /// The account that the role is in; a script then refuses any other.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// The ARN of a managed policy, for what the role may do; may be repeated.
    #[arg(long, value_name = "ARN")]
    pub(crate) attach: Vec<String>,
    /// The ARN of the managed policy beyond which the role may do nothing.
    #[arg(long, value_name = "ARN")]
    pub(crate) boundary: Option<String>,
    /// How long a session may last, from 1h to 12h.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    pub(crate) max_session: Duration,
    /// Let tokens bring session tags (the claim https://aws.amazon.com/tags).
    #[arg(long)]
    pub(crate) session_tags: bool,
    /// Let tokens bring a source identity (the claim https://aws.amazon.com/source_identity).
    #[arg(long)]
    pub(crate) source_identity: bool,
    /// Let this account's own users and roles, or those of this ARN, assume the role as well; may be repeated.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) also_account: Vec<String>,
    /// The partition of AWS: aws, aws-cn, aws-us-gov.
    #[arg(long, value_name = "NAME", default_value = "aws")]
    pub(crate) partition: String,
    /// In which form.
    #[arg(long, value_enum, default_value_t = SetupFormat::Script)]
    pub(crate) format: SetupFormat,
    /// Look up the certificate's thumbprint, for an issuer whose certificate no public authority signed.
    #[arg(long)]
    pub(crate) thumbprint: bool,
    /// Ask nobody whether the issuer is what it is called here.
    #[arg(long, conflicts_with = "thumbprint")]
    pub(crate) offline: bool,
}

/// What `setup` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SetupFormat {
    /// A file for Terraform or OpenTofu
    Terraform,
    /// A template for CloudFormation, YAML
    Cloudformation,
    /// A script for bash and the AWS CLI, which can be run again
    Script,
    /// The same as one paste for AWS CloudShell, which is signed in already
    Cloudshell,
    /// The trust policy alone, JSON; with --account
    Policy,
}

/// Reads whom a role is for, where an error has one line.
fn subject(text: &str) -> Result<Allow, String> {
    text.parse()
        .map_err(|error: keyless_trust::setup::SetupError| format!("{error}; {}", error.advice()))
}
