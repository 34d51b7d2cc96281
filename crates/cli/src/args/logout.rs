//! `keyless logout`.

use std::time::Duration;

use clap::Args;

use super::ProfileName;
use crate::flags::Flags;
use crate::words::timeout;

#[derive(Debug, Args)]
#[expect(
    clippy::option_option,
    reason = "clap's own for a flag whose value may be left out"
)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Logout {
    #[command(flatten)]
    pub(crate) profile: ProfileName,
    /// Forget every sign-in and every session on this machine. It revokes nothing at an identity provider: `keyless logout PROFILE` does, before.
    #[arg(long, conflicts_with = "name")]
    pub(crate) all: bool,
    /// Then end the session of your browser at the identity provider, too, so that the next sign-in asks who you are. It opens a page and
    /// waits for it; what happens there changes nothing here.
    #[arg(long, conflicts_with = "all")]
    pub(crate) end_session: bool,
    /// With --end-session: do not start a browser, only print the link.
    #[arg(long, requires = "end_session")]
    pub(crate) no_browser: bool,
    /// With --end-session: how long to wait for the browser, at most 24h.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = timeout, requires = "end_session")]
    pub(crate) timeout: Duration,
    /// Print the IAM policy that ends running AWS sessions before their time: those of everybody who has the role, or with SESSION (behind `=`) those
    /// of that name alone. Nothing is sent to AWS.
    #[arg(long, value_name = "SESSION", num_args = 0..=1, require_equals = true)]
    pub(crate) revocation_policy: Option<Option<String>>,
    /// Remove the lines from ~/.aws/config (AWS_CONFIG_FILE) that --write-aws-config has written: every profile there that comes to this one (with
    /// --all, to any), or with NAME (behind `=`) that one alone.
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    pub(crate) remove_aws_config: Option<Option<String>>,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  keyless logout dev
  keyless logout dev --end-session --remove-aws-config
  keyless logout dev --revocation-policy=alice@example.com > policy.json
      and the line that puts it into the role is said beside it

The refresh token, if there is one, is revoked at the identity provider, but not with
--all, and not where the key that seals it is missing, which is said. Other profiles
with the same identity are signed out, too. AWS takes no session back: whoever has
copied one can use it until it ends, or until its role denies it, which is what
--revocation-policy is for. --end-session needs the address
http://127.0.0.1/signed-out (any port) among those that the identity provider lets
the application return to after a logout.";
