//! From an issuer to a role: a provider, a trust policy and a role that let in whom they are for, and nobody else.
//!
//! What comes out always asks for the audience *and* for who it is, compares to the letter where that can be, and fits the
//! quota. It is written for Terraform, CloudFormation, the AWS CLI and CloudShell.
//!
//! ```
//! use keyless_trust::setup::Plan;
//!
//! let jobs = "github:acme@12/app@34@main".parse()?;
//! let generated = Plan::new("deploy", [jobs]).generate()?;
//!
//! assert!(generated.terraform().contains(r#"resource "aws_iam_openid_connect_provider" "github""#));
//! assert_eq!(
//!     generated.trust_policy("111122223333"),
//!     r#"{
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Sid": "GitHubActions",
//!       "Effect": "Allow",
//!       "Principal": {
//!         "Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
//!       },
//!       "Action": "sts:AssumeRoleWithWebIdentity",
//!       "Condition": {
//!         "StringEquals": {
//!           "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
//!           "token.actions.githubusercontent.com:repository_id": "34",
//!           "token.actions.githubusercontent.com:repository_owner_id": "12",
//!           "token.actions.githubusercontent.com:sub": [
//!             "repo:acme@12/app@34:ref:refs/heads/main",
//!             "repo:acme/app:ref:refs/heads/main"
//!           ]
//!         }
//!       }
//!     }
//!   ]
//! }
//! "#
//! );
//! # Ok::<(), keyless_trust::setup::SetupError>(())
//! ```

mod allow;
mod check;
mod cloudformation;
mod error;
mod issuer;
mod policy;
mod rule;
mod script;
mod sources;
mod terraform;
mod tree;

use std::time::Duration;

use serde_json::{Map, Value, json};

pub use allow::{Allow, Context, Named};
pub use error::SetupError;
pub use sources::{CHECKED, SOURCES, Source, VERSION, source_at};

use crate::{provider::IdentityProvider, thumbprint::Thumbprint};
use sources::GOOGLE;
use tree::Node;

/// How many characters a role's trust policy may have, unless the account's quota has been raised (IAM user guide, "IAM and
/// AWS STS quotas": *Role trust policy length*). White space does not count.
pub const QUOTA: usize = 2048;

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The issuer to the letter. `None` where the source has one.
    pub issuer: Option<String>,
    /// The audiences that tokens may be for: client ids. Empty for the source's own.
    pub audiences: Vec<String>,
    /// Whom the role is for; at least one, all of one issuer.
    pub allow: Vec<Allow>,
    /// The role's name.
    pub role_name: String,
    /// `aws`, `aws-cn`, `aws-us-gov` or another.
    pub partition: String,
    /// The twelve digits of the role's account, where it is known: a script then refuses any other.
    pub account: Option<String>,
    /// ARNs of managed policies: what the role may do.
    pub attach: Vec<String>,
    /// The ARN of the managed policy beyond which the role may do nothing.
    pub boundary: Option<String>,
    /// How long a session may last: one hour to twelve, whole seconds.
    pub max_session: Duration,
    /// Whether tokens may bring session tags.
    pub session_tags: bool,
    /// Whether tokens may bring a source identity.
    pub source_identity: bool,
    /// Accounts, or roles and users by ARN, that may assume the role as well.
    pub also_account: Vec<String>,
    /// Of certificates, for an issuer whose own no public authority signed; at most [`LIMIT`](crate::thumbprint::LIMIT).
    pub thumbprints: Vec<Thumbprint>,
}

impl Plan {
    /// A role for these, everything else as it is by default.
    pub fn new(role_name: impl Into<String>, allow: impl IntoIterator<Item = Allow>) -> Self {
        Self {
            issuer: None,
            audiences: Vec::new(),
            allow: allow.into_iter().collect(),
            role_name: role_name.into(),
            partition: "aws".to_owned(),
            account: None,
            attach: Vec::new(),
            boundary: None,
            max_session: Duration::from_hours(1),
            session_tags: false,
            source_identity: false,
            also_account: Vec::new(),
            thumbprints: Vec::new(),
        }
    }

    /// The issuer: the one that is named, else the one of those it is for.
    pub fn issuer(&self) -> Result<String, SetupError> {
        let mut issuers = self.allow.iter().map(|allow| self.issuer_of(allow));
        let first = issuers.next().ok_or_else(no_subject)??;
        for other in issuers {
            let other = other?;
            if other != first {
                return Err(SetupError::new(
                    format!("one role's setup is for one issuer, found {first} and {other}"),
                    "set up a role for each",
                ));
            }
        }
        issuer::check(&first)?;
        Ok(first)
    }

    fn issuer_of(&self, allow: &Allow) -> Result<String, SetupError> {
        let template = allow.source().issuer;
        let own = template.and_then(|template| filled(template, allow));
        match (&self.issuer, own) {
            // An issuer that has a part of the subject in it is for that part alone.
            (Some(named), Some(own))
                if *named != own && template.is_some_and(|template| template.contains('{')) =>
            {
                Err(SetupError::new(
                    format!(
                        "tokens of {allow} have the issuer {own}, found {}",
                        named.escape_debug()
                    ),
                    "leave --issuer out",
                ))
            }
            (Some(named), _) => Ok(named.clone()),
            (None, Some(own)) => Ok(own),
            (None, None) => Err(SetupError::new(
                format!("no issuer is named for {allow}"),
                "give --issuer, to the letter as it stands in the token's `iss`",
            )),
        }
    }

    /// The audiences: those that are named, else the one that tokens of this kind are for by default.
    fn audiences(&self) -> Result<Vec<String>, SetupError> {
        if !self.audiences.is_empty() {
            return Ok(self.audiences.clone());
        }
        let mut audiences = Vec::new();
        for allow in &self.allow {
            let template = allow.source().audience;
            let own = template.and_then(|template| filled(template, allow));
            let own = own.ok_or_else(|| {
                let advice = match allow {
                    Allow::Bitbucket { .. } => "give --client with the audience that Bitbucket shows, or the workspace's id: bitbucket:WORKSPACE:ID/REPO-ID",
                    _ => "give --client with the application's client id: without it, tokens for other applications of the issuer would pass",
                };
                SetupError::new(format!("no audience is named for {allow}"), advice)
            })?;
            if !audiences.contains(&own) {
                audiences.push(own);
            }
        }
        Ok(audiences)
    }

    /// Makes it, or says what is wrong with the plan.
    pub fn generate(&self) -> Result<Generated, SetupError> {
        let issuer = self.issuer()?;
        let audiences = self.audiences()?;
        check::plan(self, &audiences)?;
        let rules: Vec<_> = self
            .allow
            .iter()
            .map(|allow| rule::rule(allow, &issuer, &audiences))
            .collect::<Result<_, _>>()?;
        // What stands in IAM before the colon of the issuer's keys.
        let provider = IdentityProvider::new(&self.partition, "", &issuer, &audiences);
        let is_built_in = issuer == GOOGLE;
        let mut remarks: Vec<String> = Vec::new();
        for remark in rules.iter().flat_map(|rule| &rule.remarks) {
            if !remarks.contains(remark) {
                remarks.push(remark.clone());
            }
        }
        for account in self
            .also_account
            .iter()
            .filter(|who| !who.starts_with("arn:"))
        {
            remarks.push(format!(
                "whom account {account} lets assume the role is for its own policies to say"
            ));
        }
        if !is_built_in && self.thumbprints.is_empty() {
            remarks.push(
                "the provider has no thumbprint: AWS looks at none where a public authority signed the issuer's certificate".to_owned(),
            );
        }
        let generated = Generated {
            trust_policy: policy::document(self, provider.key_prefix(), is_built_in, &rules),
            samples: rules.into_iter().flat_map(|rule| rule.samples).collect(),
            has_provider: !is_built_in,
            plan: self.clone(),
            issuer,
            audiences,
            remarks,
        };
        generated.fits()?;
        Ok(generated)
    }
}

fn no_subject() -> SetupError {
    SetupError::new(
        "nobody is named whom the role is for: with the audience alone, everybody at the issuer could become it",
        "give --allow, such as --allow github:acme/app@main or --allow email:alice@example.com",
    )
}

/// A template of the table with the parts of `allow` in it; `None` where it lacks one.
fn filled(template: &str, allow: &Allow) -> Option<String> {
    let parts = match allow {
        Allow::CircleCi { organization, .. } => vec![("{organization}", Some(organization))],
        Allow::Bitbucket { workspace, .. } => vec![
            ("{workspace}", Some(&workspace.name)),
            ("{workspace_id}", workspace.id.as_ref()),
        ],
        _ => Vec::new(),
    };
    parts
        .into_iter()
        .filter(|(name, _)| template.contains(name))
        .try_fold(template.to_owned(), |text, (name, value)| {
            Some(text.replace(name, value?))
        })
}

/// A provider, a trust policy and a role, ready to be written in one of the notations.
#[derive(Clone, Debug)]
pub struct Generated {
    plan: Plan,
    issuer: String,
    audiences: Vec<String>,
    has_provider: bool,
    trust_policy: Node,
    samples: Vec<Map<String, Value>>,
    remarks: Vec<String>,
}

impl Generated {
    /// The issuer, to the letter.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The audiences that tokens may be for.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// What a person should know of it: clauses, in order.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The provider that the account must have. `None` for Google, which every account knows.
    pub fn provider(&self, account: &str) -> Option<IdentityProvider> {
        self.has_provider.then(|| {
            IdentityProvider::new(&self.plan.partition, account, &self.issuer, &self.audiences)
        })
    }

    /// The role's ARN in an account.
    pub fn role_arn(&self, account: &str) -> String {
        format!(
            "arn:{}:iam::{account}:role/{}",
            self.plan.partition, self.plan.role_name
        )
    }

    /// The trust policy of the role in `account`: JSON, indented by two.
    pub fn trust_policy(&self, account: &str) -> String {
        self.trust_policy.pretty(&self.provider_arn(account), 0) + "\n"
    }

    /// Claims of tokens that the role is for: at least one for each that is allowed. `issued` is in seconds of Unix time;
    /// they last for an hour.
    pub fn samples(&self, issued: u64) -> Vec<Value> {
        let complete = |sample: &Map<String, Value>| {
            let mut claims =
                json!({"iss": self.issuer, "iat": issued, "exp": issued.saturating_add(3600)});
            for (name, value) in sample {
                claims[name] = value.clone();
            }
            claims
        };
        self.samples.iter().map(complete).collect()
    }

    fn provider_arn(&self, account: &str) -> String {
        self.provider(account)
            .map_or_else(String::new, |provider| provider.arn().to_owned())
    }

    fn thumbprints(&self) -> Vec<String> {
        self.plan
            .thumbprints
            .iter()
            .map(Thumbprint::to_string)
            .collect()
    }

    /// One line for the head of what is written.
    fn about(&self) -> String {
        let allowed: Vec<_> = self.plan.allow.iter().map(Allow::to_string).collect();
        format!(
            "Role {} for {}, at {}",
            self.plan.role_name,
            allowed.join(", "),
            self.issuer
        )
    }

    fn fits(&self) -> Result<(), SetupError> {
        // Account ids have one length.
        let document = self
            .trust_policy
            .compact(&self.provider_arn("000000000000"));
        if document.len() <= QUOTA {
            return Ok(());
        }
        Err(SetupError::new(
            format!(
                "the trust policy has {} characters, and IAM's quota \"Role trust policy length\" is {QUOTA}",
                document.len()
            ),
            "allow fewer in one role and set up another one for the rest",
        ))
    }
}
