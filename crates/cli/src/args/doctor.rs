//! The arguments of `keyless doctor`.

use clap::Args;

use super::ProfileName;
use crate::flags::Flags;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) profile: ProfileName,
    /// Print it as JSON, with a stable id for each check.
    #[arg(long)]
    pub(crate) json: bool,
    /// Ask nobody: look at this machine alone.
    #[arg(long)]
    pub(crate) no_network: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  keyless doctor                           the only profile, or KEYLESS_PROFILE's
  keyless doctor dev --json | jq -r '.checks[] | select(.state == \"fail\") | .id'

Each line passes (✓), warns (!), fails (✗) or could not be tried (–), with what to
do. Nobody is asked to sign in, no browser is opened; what can be had without a
person is tried: a token, a session, who AWS says it is. All is over after 20
seconds.

The report is fit to be pasted into a public issue: no token, no secret, and of
addresses, subjects and account ids only so much as tells them apart. With
--verbose they are shown whole. It exits with 0 if nothing fails, else with the
code of the first failure.";
