//! `keyless lint`: what can be typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use keyless_trust::lint::Severity;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aws iam get-role --role-name deploy | keyless lint
  keyless lint trust-policy.json
  terraform show -json plan.out | keyless lint
  keyless lint template.yaml --fail-on high
  keyless lint role.json provider.json
      what get-role and get-open-id-connect-provider print: audiences are compared, too
  keyless lint role.json --format sarif > lint.sarif
  keyless lint --rule org-prefix-wildcard
      all about a rule

How bad a finding is:
  critical     strangers get in
  high         others than those meant get in: pull requests, other projects
  correctness  somebody is kept out by mistake, or IAM refuses the policy
  hygiene      it could be tidier

It reads trust policies, what the AWS CLI prints about roles and OpenID providers,
Terraform plans and states (`terraform show -json`) and CloudFormation templates, as
JSON or YAML. It judges by what the policy does: for each pattern it makes up the
token of somebody else, and asks the whole policy about it, denials included.

Exit codes:
  0 nothing as bad as --fail-on
  4 findings as bad as that or worse
  5 something could not be read, and there are no such findings in the rest")]
pub(crate) struct Lint {
    /// Documents with trust policies; `-` for standard input, which is also read where none is given.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// In which form to print findings.
    #[arg(long, value_enum, default_value_t = LintFormat::Text)]
    pub(crate) format: LintFormat,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// Exit with 4 for findings that are so bad or worse.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = LintSeverity::Correctness)]
    pub(crate) fail_on: LintSeverity,
    /// The account's quota for the length of trust policies.
    #[arg(long, value_name = "CHARACTERS", default_value_t = 2048)]
    pub(crate) quota: usize,
    /// Print all about a rule, and read nothing.
    #[arg(long, value_name = "ID", conflicts_with_all = ["files", "rules"])]
    pub(crate) rule: Option<String>,
    /// List the rules, and read nothing.
    #[arg(long, conflicts_with = "files")]
    pub(crate) rules: bool,
}

/// The forms of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    /// For reading
    Text,
    /// For scripts
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
}

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintSeverity {
    /// Strangers get in
    Critical,
    /// That, or others than those meant
    High,
    /// That, or a policy that does not do what it should
    Correctness,
    /// Everything
    Hygiene,
}

impl From<LintSeverity> for Severity {
    fn from(severity: LintSeverity) -> Self {
        match severity {
            LintSeverity::Critical => Self::Critical,
            LintSeverity::High => Self::High,
            LintSeverity::Correctness => Self::Correctness,
            LintSeverity::Hygiene => Self::Hygiene,
        }
    }
}
