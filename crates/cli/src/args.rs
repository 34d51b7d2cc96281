//! What can be typed. The texts here are the user's documentation.

mod audit;
mod doctor;
mod explain;
#[cfg(feature = "keyring")]
mod keep_secret;
mod lint;
mod logout;
mod setup;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit::Stopped;
use crate::flags::Flags;
use crate::words::timeout;

pub(crate) use audit::Audit;
pub(crate) use doctor::Doctor;
pub(crate) use explain::Explain;
#[cfg(feature = "keyring")]
pub(crate) use keep_secret::KeepSecret;
pub(crate) use lint::{Lint, LintFormat};
pub(crate) use logout::Logout;
pub(crate) use setup::{Setup, SetupFormat};

/// Reads the command line. Help and version are answers, too.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, Stopped> {
    let words: Vec<OsString> = words.into_iter().collect();
    match plain_credential_process(&words) {
        Some(cli) => Ok(cli),
        None => Cli::try_parse_from(words).map_err(Stopped::from),
    }
}

/// `keyless credential-process PROFILE` and no more, read by hand: SDKs run it again and again, and clap would put all the commands
/// and flags together first.
fn plain_credential_process(words: &[OsString]) -> Option<Cli> {
    let [_, command, name] = words else {
        return None;
    };
    let name = name.to_str().filter(|name| !name.starts_with('-'))?;
    (command == "credential-process").then(|| Cli {
        global: Global {
            verbose: 0,
            quiet: false,
        },
        command: Command::CredentialProcess(CredentialProcess {
            profile: ProfileName {
                name: Some(name.to_owned()),
            },
            no_interactive: false,
            flags: Flags::default(),
        }),
    })
}

/// Short-lived AWS credentials from the identity you already have.
///
/// Sign in at your identity provider (OpenID, or SAML), and keyless trades the proof of it for an AWS session of an hour. Nothing long-lived is
/// kept unless you ask for it.
#[derive(Debug, Parser)]
#[command(name = "keyless", version, after_help = EXAMPLES, max_term_width = 100, propagate_version = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  keyless demo                                the whole story, without an account
  keyless login dev --write-aws-config dev    let every AWS tool use the session
  keyless exec -p dev -- aws s3 ls            run one command with the session
  eval \"$(keyless env dev)\"                   put the session into this shell

Profiles stand in ~/.config/keyless/config.toml:
  [identity.corp]
  issuer    = \"https://corp.eu.auth0.com/\"
  client_id = \"…\"

  [profile.dev]
  identity  = \"corp\"
  role      = \"arn:aws:iam::111122223333:role/Developer\"
  region    = \"eu-west-1\"

Exit codes:
  0 done                         4 denied or refused
  1 internal error               5 misconfigured or invalid
  2 usage                        6 unreachable, timed out or throttled
  3 a person must sign in        130 interrupted; with `exec` the command's own";

/// Flags of every command.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Global {
    /// Tell more about what happens; twice for everything. KEYLESS_LOG chooses finely, as in `keyless_sts=debug,warn`.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but warnings, errors, and who signed in.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole story on a built-in sandbox: no account, no network, nothing left behind
    Demo(Demo),
    /// Sign in, and get the session of the profile's role
    #[command(after_help = "\
Examples:
  keyless login dev
  keyless login dev --write-aws-config dev
      then `aws --profile dev …`, boto3 and every SDK work unchanged
  keyless login dev --flow device
      with a code that you enter on another device, where that is not chosen by itself
  keyless login --issuer https://corp.eu.auth0.com/ --client-id abc \\
      --role arn:aws:iam::111122223333:role/Developer")]
    Login(Login),
    /// Print the session for an AWS SDK or the AWS CLI, which call this by themselves
    #[command(after_help = "\
`keyless login PROFILE --write-aws-config NAME` writes the line into ~/.aws/config:
  [profile NAME]
  credential_process = \"/usr/local/bin/keyless\" credential-process PROFILE

If nobody is signed in, it opens the sign-in in your browser and waits up to 50
seconds for it, since AWS tools wait no longer than a minute. After that it exits
with 3; the sign-in goes on, and the next call finds its session. Where there is
neither a browser nor a terminal, it exits with 3 at once and says which command
to run.")]
    CredentialProcess(CredentialProcess),
    /// Print the session as variables for a shell
    #[command(after_help = "\
Examples:
  eval \"$(keyless env dev)\"
  keyless env dev --format fish | source
  keyless env dev --format powershell | Out-String | Invoke-Expression")]
    Env(Env),
    /// Run a command, or a shell, with the session in its environment
    #[command(after_help = "\
Examples:
  keyless exec -p dev -- terraform plan
  keyless exec -p dev                      a shell with the session

The command gets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
AWS_CREDENTIAL_EXPIRATION, and, if the profile has a region, AWS_REGION and
AWS_DEFAULT_REGION. Variables that would send AWS tools elsewhere, such as
AWS_PROFILE, and the one that holds the profile's identity token are removed. If
the profile has no region, AWS_REGION counts for both. The exit code is the
command's own; 127 if there is no such command, 126 if it cannot be run.")]
    Exec(Exec),
    /// Show what the identity token (or the SAML response) says, or give it itself to another program
    #[command(after_help = "\
Examples:
  keyless token dev                        the claims, for reading
  keyless token dev | some-program         the token itself, for a program

Whoever has the token can prove to be you. It is printed only into a pipe or a
file, or with --raw.")]
    Token(Token),
    /// Show who is signed in, which sessions are held and until when; exits with 3 if nobody is signed in
    Status(Status),
    /// Try every link between you and AWS, and say what to do where one is broken
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(Doctor),
    /// Forget the sign-in and its sessions on this machine
    Logout(Logout),
    /// Put an application's secret into the keyring of the system, or remove it
    #[cfg(feature = "keyring")]
    #[command(after_help = keep_secret::EXAMPLES)]
    KeepSecret(KeepSecret),
    /// Give what is kept sealed another key: refresh tokens, and everything with store = "keyring"
    #[command(after_help = "\
The key rests in the file that KEYLESS_STORE_KEY_FILE names, else in the keyring of
the system. Everything that opens with the old key is sealed with a new one, and
then the old one is dropped. Stopped half-way, nothing is lost: run it again. What
other folders (KEYLESS_STORE_DIR) keep sealed with the same file no longer opens.

A key file is made with
  (umask 077; head -c 32 /dev/urandom | base64 > FILE)")]
    RotateKey,
    /// Survey an AWS account: who from outside can get in, by which role, how far
    Audit(Audit),
    /// Write what an AWS account needs for a role: provider, trust policy, role
    Setup(Setup),
    /// Check trust policies: who gets in that should not, who is kept out, what IAM would refuse
    Lint(Lint),
    /// Say why AWS does not give a role, from the token and the trust policy, and what would change that
    Explain(Explain),
    /// Serve an OpenID provider and an STS on this machine, for trying things out
    Sandbox(Sandbox),
    /// Print the completions for a shell
    #[command(after_help = "\
Examples:
  keyless completions bash > ~/.local/share/bash-completion/completions/keyless
  keyless completions zsh > ~/.zfunc/_keyless
  keyless completions fish > ~/.config/fish/completions/keyless.fish")]
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Sign in yourself, in your own browser, as one of three people.
    #[arg(long)]
    pub(crate) browser: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) profile: ProfileName,
    /// Sign in again, also if somebody is signed in.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Do not start a browser: only print the link.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// How long to wait for the sign-in, at most 24h.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = timeout)]
    pub(crate) timeout: Duration,
    /// Write a profile NAME into ~/.aws/config (AWS_CONFIG_FILE) that gets its credentials from here.
    #[arg(long, value_name = "NAME")]
    pub(crate) write_aws_config: Option<String>,
    /// Print the result as JSON, without any secret.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Args)]
pub(crate) struct CredentialProcess {
    #[command(flatten)]
    pub(crate) profile: ProfileName,
    /// If somebody must sign in first, do not ask but exit with 3 (also KEYLESS_NO_INTERACTIVE).
    #[arg(long)]
    pub(crate) no_interactive: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Args)]
pub(crate) struct Env {
    #[command(flatten)]
    pub(crate) profile: ProfileName,
    /// In which form.
    #[arg(long, value_enum, default_value_t = EnvFormat::Env)]
    pub(crate) format: EnvFormat,
    #[command(flatten)]
    pub(crate) asking: Asking,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// The forms of `aws configure export-credentials`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvFormat {
    /// JSON, as `credential-process` prints it
    Process,
    /// `export NAME=value`, for sh, bash and zsh
    Env,
    /// `NAME=value`
    EnvNoExport,
    /// `$Env:NAME="value"`
    Powershell,
    /// `set NAME=value`
    WindowsCmd,
    /// `set -gx NAME "value"`
    Fish,
}

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The profile to use [default: KEYLESS_PROFILE, else the only one].
    #[arg(short, long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    #[command(flatten)]
    pub(crate) asking: Asking,
    #[command(flatten)]
    pub(crate) flags: Flags,
    /// The command with its arguments; without one, a shell.
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    pub(crate) profile: ProfileName,
    /// Print the token itself, also onto a terminal.
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
    /// Print the claims as JSON, also into a pipe.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) asking: Asking,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The profile to look at [default: all of them].
    pub(crate) profile: Option<String>,
    /// Print it as JSON, without any secret.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  keyless sandbox
  keyless sandbox --sign-in-as alice --json
      for scripts: no page to click, one line when ready
  keyless sandbox --role mine=trust-policy.json
      whom a trust policy of your own lets in
  keyless sandbox --shape cognito
      with the addresses, the rules and the claims of that identity provider")]
pub(crate) struct Sandbox {
    /// The port of the identity provider; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port_issuer: u16,
    /// The port of STS; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port_sts: u16,
    /// Sign this person in at once instead of showing a page: alice, bob or carol.
    #[arg(long, value_name = "PERSON")]
    pub(crate) sign_in_as: Option<String>,
    /// Take on the ways of a well-known identity provider: auth0, okta-org, okta-custom, google, entra-v1, entra-v2, cognito, keycloak,
    /// dex or gitlab.
    #[arg(long, value_name = "NAME")]
    pub(crate) shape: Option<keyless_sandbox::Shape>,
    /// One more role with the trust policy in FILE, to try out whom it lets in; may be given several times. The policy may say {issuer} (without
    /// its http://), {account}, {client_id} and {saml_provider}.
    #[arg(long = "role", value_name = "NAME=FILE")]
    pub(crate) roles: Vec<String>,
    /// Put the claims of the JSON object in FILE into everybody's ID tokens, as an identity provider that is set up for AWS does: roles, tags.
    #[arg(long, value_name = "FILE")]
    pub(crate) claims: Option<PathBuf>,
    /// Print one line of JSON when ready, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// Which profile.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProfileName {
    /// The profile to use [default: KEYLESS_PROFILE, else the only one]
    #[arg(id = "name", value_name = "PROFILE")]
    pub(crate) name: Option<String>,
}

/// How a person may be asked to sign in, where that is needed first.
#[derive(Clone, Debug, Args)]
pub(crate) struct Asking {
    /// If somebody must sign in first, do not start a browser: only print the link.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// If somebody must sign in first, do not ask but exit with 3 (also KEYLESS_NO_INTERACTIVE).
    #[arg(long)]
    pub(crate) no_interactive: bool,
    /// How long to wait for a sign-in, at most 24h.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = timeout)]
    pub(crate) timeout: Duration,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_line_that_is_read_by_hand_means_what_clap_makes_of_it() {
        let read = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(Into::into).collect();
            plain_credential_process(&words).map(|cli| format!("{cli:?}"))
        };
        let line = ["keyless", "credential-process", "dev"];
        let clap = Cli::try_parse_from(line).expect("a good line");
        assert_eq!(read(&line), Some(format!("{clap:?}")));
        for other in [
            &["keyless", "credential-process"][..],
            &["keyless", "credential-process", "--help"],
            &["keyless", "credential-process", "-q"],
            &["keyless", "status", "dev"],
            &["keyless", "credential-process", "dev", "-v"],
        ] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_follows_the_command_belongs_to_the_command() {
        let words = [
            "keyless",
            "exec",
            "-p",
            "dev",
            "aws",
            "--version",
            "-v",
            "--",
            "x",
        ];
        let cli = Cli::try_parse_from(words).expect("a good line");
        let Command::Exec(exec) = cli.command else {
            panic!("not exec: {:?}", cli.command);
        };
        assert_eq!(exec.profile.as_deref(), Some("dev"));
        assert_eq!(exec.command, ["aws", "--version", "-v", "--", "x"]);
    }
}
