//! `keyless explain`: what can be typed.

use std::path::PathBuf;

use clap::Args;

use super::ProfileName;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  keyless explain dev --live
      your own token, and what IAM holds about the profile's role
  keyless explain --token token.jwt --policy trust-policy.json
      nothing but two files; no network, no account
  aws iam get-role --role-name deploy |
      keyless explain --token token.jwt --policy - --provider provider.json
      with what `aws iam get-open-id-connect-provider` has printed in provider.json
  terraform show -json plan.tfplan | keyless explain --token token.jwt --policy - --role deploy
  keyless explain --caller arn:aws:iam::111122223333:role/First --policy next.json
      the later hop of a chain: a role's session instead of a token

It shows what STS would say, each statement and condition beside what the token has,
the nearest miss in words, and the smallest change that would allow it: always the
exact value of the token, never a wildcard. The token itself is never printed, and an
expired one tells as much as a new one.

Exit codes: 0 allowed, 4 denied, 5 something cannot be read.")]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) profile: ProfileName,
    /// The token: a file with a JWT, or with its claims as JSON; `-` for standard input [default: the profile's].
    #[arg(long, value_name = "FILE", conflicts_with = "caller")]
    pub(crate) token: Option<PathBuf>,
    /// Ask for this role's session instead of a token's bearer: sts:AssumeRole, as in a chain of roles.
    #[arg(long, value_name = "ARN")]
    pub(crate) caller: Option<String>,
    /// The role's trust policy: a policy, what `aws iam get-role` prints, a Terraform plan or a CloudFormation template, as JSON;
    /// `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    pub(crate) policy: Option<PathBuf>,
    /// An OpenID provider of the account, as `aws iam get-open-id-connect-provider` prints it; `-` for standard input; may be repeated.
    #[arg(long = "provider", value_name = "FILE", conflicts_with = "live")]
    pub(crate) providers: Vec<PathBuf>,
    /// Ask IAM for the role and the account's OpenID providers, by the AWS CLI; AWS_PROFILE says as whom.
    #[arg(long)]
    pub(crate) live: bool,
    /// The role: its ARN, or its name where the file has several [default: the profile's].
    #[arg(long, value_name = "ARN")]
    pub(crate) role: Option<String>,
    /// What the session would be called [default: as the profile or the token has it].
    #[arg(long, value_name = "NAME")]
    pub(crate) session_name: Option<String>,
    /// The external id that the request of --caller has.
    #[arg(long, value_name = "ID", requires = "caller")]
    pub(crate) external_id: Option<String>,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
