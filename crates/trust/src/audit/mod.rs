//! A whole account surveyed: who from outside can get in, by which role, how far.
//!
//! [`Survey`] reads what `aws iam get-account-authorization-details` prints, as a stream: a role is judged as soon as it
//! has been read, its finding is kept and its documents are dropped. So the memory needed grows with the roles that are
//! open to somebody outside, and not with the file.
//!
//! ```
//! use keyless_trust::audit::{Danger, Reach, Survey};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let account = r#"{"RoleDetailList": [{
//!     "RoleName": "deploy",
//!     "Arn": "arn:aws:iam::111122223333:role/deploy",
//!     "AssumeRolePolicyDocument": {
//!         "Version": "2012-10-17",
//!         "Statement": {
//!             "Effect": "Allow",
//!             "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
//!             "Action": "sts:AssumeRoleWithWebIdentity",
//!             "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}
//!         }
//!     },
//!     "AttachedManagedPolicies": []
//! }]}"#;
//! let audit = Survey::new().read(account.as_bytes())?;
//!
//! let deploy = &audit.roles[0];
//! assert_eq!((deploy.danger, deploy.ways[0].reach), (Danger::Critical, Reach::Anyone));
//! assert_eq!(deploy.ways[0].who(), "anyone with a token of token.actions.githubusercontent.com");
//! # Ok(())
//! # }
//! ```
//!
//! It judges by trust policies and, for how far a role goes, by the permissions in the same file. It sees neither what an
//! organisation denies besides, nor which audiences an OpenID provider of the account is registered for.

mod account;
mod power;
mod reach;
mod read;
mod subject;
mod token;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use read::{AuditError, Survey};
pub use token::{Candidate, Grant, Miss};

/// What a survey found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Audit {
    /// Every role that a statement opens to somebody outside the account; the most dangerous first.
    pub roles: Vec<Role>,
    /// Roles whose trust policy could not be read, and so not judged.
    pub unreadable: Vec<Unreadable>,
    /// How many roles each AWS service may take.
    pub services: BTreeMap<String, usize>,
    /// How many roles were read, open or not.
    pub roles_read: usize,
    /// The accounts that they are in.
    pub accounts: BTreeSet<String>,
    /// Whether the service says that more pages follow the last one in the file.
    pub is_truncated: bool,
}

/// A role that somebody outside the account can take.
#[derive(Clone, Debug, Serialize)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// Its name, without the path.
    pub name: String,
    /// The account that it is in.
    pub account: String,
    /// The worst of its ways in.
    pub danger: Danger,
    /// How much it may do.
    pub power: Power,
    /// The ARN of its permissions boundary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// The longest session, in seconds, where the file tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_session: Option<u64>,
    /// Whether a `Deny` statement keeps some of them out, whom [`Way::reach`] still counts.
    pub has_deny: bool,
    /// Who can get in, and how; the most dangerous first.
    pub ways: Vec<Way>,
    /// What the token that the survey was given would get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Grant>,
}

/// One principal from outside in one statement that lets it in.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    /// Who.
    pub from: Outsider,
    /// The statement's place in the trust policy, from one.
    pub statement: usize,
    /// How many of them.
    pub reach: Reach,
    /// The condition that narrows it to that many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Shown>,
    /// Whether the audience is pinned.
    pub audience: Audience,
    /// How dangerous that is.
    pub danger: Danger,
    /// The rules that the statement breaks, of those about who gets in; the worst first.
    pub faults: Vec<Fault>,
    /// All conditions of the statement.
    pub conditions: Vec<Shown>,
}

/// A rule of [`lint`](crate::lint) that a statement breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The rule's name, for [`lint::rule`](crate::lint::rule).
    pub rule: &'static str,
    /// What was found, as a lower-case clause.
    pub message: String,
    /// [`Danger::Critical`] or [`Danger::High`].
    pub danger: Danger,
}

/// A condition as the policy writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Such as `StringLike`.
    pub operator: String,
    /// The condition key.
    pub key: String,
    /// The values it is compared with.
    pub values: Vec<String>,
}

/// Somebody outside the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outsider {
    /// `"Principal": "*"`: every principal of every account, and everybody at every identity provider of this one.
    Everyone,
    /// `"Federated": "*"`: everybody at every identity provider of the account.
    AnyIdentityProvider,
    /// `"AWS": "*"`: every principal of every account.
    AnyAccount,
    /// An OpenID issuer, without its scheme.
    Oidc {
        /// As the provider's ARN has it, or the built-in one's name.
        issuer: String,
        /// The account of the provider, which must be the role's; none for a built-in one.
        account: Option<String>,
    },
    /// A SAML identity provider of the account.
    Saml {
        /// The name at the end of its ARN.
        name: String,
    },
    /// Another account, or a principal of it.
    Account {
        /// The other account.
        account: String,
        /// `None` for the account as a whole.
        principal: Option<String>,
    },
}

/// How many of an outsider's people a way in takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// A condition asks for what no token of this issuer has.
    Nobody,
    /// Those who are listed, to the letter.
    Named,
    /// Those whom a pattern takes, within one repository, project or namespace.
    Several,
    /// One organisation of an issuer that many share.
    Organisation,
    /// Everybody at an issuer or in an account that is somebody's own.
    Issuer,
    /// Everybody in the world: who wants to get in can.
    Anyone,
}

/// Whether a web identity token must be meant for this role's purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// To one of the audiences listed.
    Exactly,
    /// To a pattern.
    ByPattern,
    /// Any audience that the provider is registered for will do.
    NotAtAll,
    /// This kind of caller has none.
    NotApplicable,
}

/// How dangerous a way in is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Danger {
    /// As it should be.
    Low,
    /// Somebody else's account or users, or an administrator by name.
    Medium,
    /// More get in than can be meant: another branch, another project, everybody at an identity provider.
    High,
    /// Strangers get in.
    Critical,
}

/// What a role may do, as far as the file tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Power {
    /// Everything, or what gives itself everything.
    Administrator {
        /// The policy that says so.
        by: String,
        /// Whether a permissions boundary keeps it from that.
        bounded: bool,
    },
    /// Less than that.
    Limited,
    /// The file does not hold its policies.
    Unknown,
}

/// A role that could not be judged.
#[derive(Clone, Debug, Serialize)]
pub struct Unreadable {
    /// The role's ARN.
    pub arn: String,
    /// Why its trust policy cannot be read.
    pub why: String,
}

impl Audit {
    /// How many roles are at least this dangerous.
    pub fn at_least(&self, danger: Danger) -> usize {
        self.roles
            .iter()
            .filter(|role| role.danger >= danger)
            .count()
    }
}

impl Danger {
    /// From the worst to the least.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];
}

impl Power {
    /// Whether nothing holds it back.
    pub fn is_administrator(&self) -> bool {
        matches!(self, Self::Administrator { bounded: false, .. })
    }
}
