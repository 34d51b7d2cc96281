//! `keyless audit`: what can be typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use keyless_trust::audit::Danger;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aws iam get-account-authorization-details > account.json
  keyless audit account.json
  keyless audit account.json --html account.html
      one page to look at and to pass on: no scripts or fonts from elsewhere
  keyless audit account.json --token token.jwt --near
      which roles this token could take, and which it only just could not
  aws iam get-account-authorization-details | keyless audit - --fail-on high

How dangerous a way into a role is:
  critical  strangers get in, for instance every repository on GitHub
  high      more get in than can be meant: another branch, another project,
            everybody at an identity provider
  medium    another account, a part of one; an administrator by name
  low       those who are named, to the letter
In brackets stands the rule that is broken; `keyless lint --rule NAME` explains it.

It judges by trust policies. It does not see what your organisation denies besides,
nor which audiences an OpenID provider is registered for.

Exit codes: 0 read, 4 there is such a role (--fail-on), 5 the file cannot be read.")]
pub(crate) struct Audit {
    /// What `aws iam get-account-authorization-details` has printed, of any size; `-` for standard input.
    pub(crate) file: PathBuf,
    /// Tell which roles this token could take: a file with a JWT, or with its claims as JSON; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) token: Option<PathBuf>,
    /// With --token: tell also which roles one thing alone keeps it from, and what that is.
    #[arg(long, requires = "token")]
    pub(crate) near: bool,
    /// Print it as JSON.
    #[arg(long, conflicts_with = "html")]
    pub(crate) json: bool,
    /// Write it as one page of HTML; `-` for standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Exit with 4 if a role is that dangerous.
    #[arg(long, value_enum, value_name = "DANGER")]
    pub(crate) fail_on: Option<FailOn>,
}

/// The danger that is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Strangers get in
    Critical,
    /// That, or more than can be meant
    High,
    /// That, or somebody else's, or an administrator
    Medium,
}

impl From<FailOn> for Danger {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Critical => Self::Critical,
            FailOn::High => Self::High,
            FailOn::Medium => Self::Medium,
        }
    }
}
