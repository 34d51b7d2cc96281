//! Trust policies and OpenID providers inside the documents that people have: a policy, what the AWS CLI prints, a Terraform plan or
//! state, a CloudFormation template.
//!
//! ```
//! use keyless_trust::document;
//!
//! let document = document::read(
//!     r#"{"Role": {
//!         "RoleName": "deploy",
//!         "Arn": "arn:aws:iam::111122223333:role/deploy",
//!         "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
//!             {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
//!     }}"#,
//! )?;
//!
//! let role = &document.roles[0];
//! assert_eq!(role.name.as_deref(), Some("deploy"));
//! assert_eq!(role.account.as_deref(), Some("111122223333"));
//! assert_eq!(role.policy.statements[0].place.line, 5);
//! # Ok::<(), document::DocumentError>(())
//! ```

mod aws;
mod cloudformation;
mod terraform;

use std::{collections::BTreeMap, fmt};

use crate::{
    arn,
    json::{self, Value},
    policy::{Place, Policy, PolicyError},
    provider::IdentityProvider,
};

/// What a document says about roles and OpenID providers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// In the order of the document.
    pub roles: Vec<Role>,
    /// In the order of the document. Where it does not tell their account, [`IdentityProvider::account`] is empty, as for what
    /// `aws iam get-open-id-connect-provider` prints: [`providers_in`](Document::providers_in) puts one in.
    pub providers: Vec<IdentityProvider>,
    /// The thumbprints that the document gives a provider, by its URL with scheme.
    pub thumbprints: BTreeMap<String, Vec<String>>,
    /// What could not be read, and why.
    pub problems: Vec<Problem>,
}

/// A role with its trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name. A bare policy has none, and a template may leave it to AWS.
    pub name: Option<String>,
    /// Its ARN, where the document has it.
    pub arn: Option<String>,
    /// The twelve digits of its account, where the document has them.
    pub account: Option<String>,
    /// What the document calls it: `aws_iam_role.deploy`, `Resources.DeployRole`, `Role`, or `policy` for a bare one.
    pub origin: String,
    /// Its trust policy.
    pub policy: Policy,
    /// The policy's own JSON text.
    pub text: String,
    /// Where in the document the policy begins.
    pub policy_place: Place,
    /// Whether the policy is a string of the document, so that its places are those in [`text`](Role::text).
    pub embedded: bool,
    /// `MaxSessionDuration` in seconds.
    pub max_session: Option<u32>,
    /// The ARN of the permissions boundary.
    pub permissions_boundary: Option<String>,
}

/// Something in a document that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What the document calls it.
    pub origin: String,
    /// What is wrong, as a lower-case clause.
    pub message: String,
    /// What to do about it.
    pub advice: String,
    /// Where it stands.
    pub place: Place,
}

/// Finds the roles and providers in a text.
///
/// Fails where it is no JSON, none of the documents known, or a bare policy that is wrong. A role that cannot be read in an
/// otherwise readable document is a [`Problem`].
pub fn read(text: &str) -> Result<Document, DocumentError> {
    let value = json::parse(text).map_err(|error| DocumentError {
        message: error.message,
        advice: "give a trust policy, what the AWS CLI prints, a Terraform plan or state by `terraform show -json`, or a CloudFormation template, as JSON".to_owned(),
        place: error.place,
    })?;
    let mut document = Document::default();
    document.add(text, &value)?;
    Ok(document)
}

impl Document {
    /// The providers, those of an unknown account put into this one.
    pub fn providers_in(&self, partition: &str, account: &str) -> Vec<IdentityProvider> {
        let placed = |provider: &IdentityProvider| {
            if provider.account().is_empty() {
                IdentityProvider::new(partition, account, provider.url(), provider.client_ids())
            } else {
                provider.clone()
            }
        };
        self.providers.iter().map(placed).collect()
    }

    fn add(&mut self, text: &str, value: &Value) -> Result<(), DocumentError> {
        if let Some(values) = value.as_array() {
            return values.iter().try_for_each(|value| self.add(text, value));
        }
        let has = |name| value.get(name).is_some();
        if has("Statement") {
            let role = role(text, "policy", value).map_err(|error| DocumentError {
                place: error.place(),
                message: error.message().to_owned(),
                advice: "compare it with the JSON policy grammar in the IAM user guide".to_owned(),
            })?;
            self.roles.push(role);
        } else if aws::is(value) {
            aws::read(text, value, self);
        } else if terraform::is(value) {
            terraform::read(text, value, self);
        } else if has("Resources") {
            cloudformation::read(text, value, self);
        } else {
            return Err(unknown(value));
        }
        Ok(())
    }

    /// Adds a role, or why its policy is none.
    fn add_role(
        &mut self,
        text: &str,
        origin: &str,
        policy: &Value,
        about: impl FnOnce(&mut Role),
    ) {
        match role(text, origin, policy) {
            Ok(mut role) => {
                about(&mut role);
                if role.account.is_none() {
                    role.account = role
                        .arn
                        .as_deref()
                        .and_then(arn::account)
                        .map(str::to_owned);
                }
                self.roles.push(role);
            }
            Err(error) => self.problems.push(Problem {
                origin: origin.to_owned(),
                message: format!("its trust policy cannot be read: {}", error.message()),
                advice: "compare it with the JSON policy grammar in the IAM user guide".to_owned(),
                place: if policy.as_str().is_some() {
                    policy.place
                } else {
                    error.place()
                },
            }),
        }
    }

    fn add_provider(
        &mut self,
        account: Option<(&str, &str)>,
        url: &str,
        client_ids: Vec<String>,
        thumbprints: Vec<String>,
    ) {
        let (partition, account) = account.unwrap_or(("aws", ""));
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("https://{url}")
        };
        self.providers
            .push(IdentityProvider::new(partition, account, &url, client_ids));
        if !thumbprints.is_empty() {
            self.thumbprints.insert(url, thumbprints);
        }
    }
}

impl Role {
    /// Where a place of the policy is in the document: a policy inside a string is pointed at as a whole.
    pub fn place_in_document(&self, place: Place) -> Place {
        if self.embedded {
            self.policy_place
        } else {
            place
        }
    }
}

/// A role with nothing but its policy, which may be a JSON object, a JSON text, or one as the IAM API has it: percent-encoded.
fn role(text: &str, origin: &str, value: &Value) -> Result<Role, PolicyError> {
    let (policy, text, embedded) = if let Some(encoded) = value.as_str() {
        let text = if encoded.trim_start().starts_with('%') {
            percent_decoded(encoded)
        } else {
            encoded.to_owned()
        };
        (Policy::parse(&text)?, text, true)
    } else {
        let text = text.get(value.span.clone()).unwrap_or_default();
        (Policy::read(value)?, text.to_owned(), false)
    };
    Ok(Role {
        name: None,
        arn: None,
        account: None,
        origin: origin.to_owned(),
        policy,
        text,
        policy_place: value.place,
        embedded,
        max_session: None,
        permissions_boundary: None,
    })
}

fn unknown(value: &Value) -> DocumentError {
    let found = match value.as_object() {
        Some(members) if !members.is_empty() => {
            let names: Vec<_> = members
                .iter()
                .take(4)
                .map(|member| format!("{:?}", &*member.name))
                .collect();
            format!("an object with {}", names.join(", "))
        }
        _ => value.kind_name().to_owned(),
    };
    let raw_state = value.get("terraform_version").is_some() && value.get("resources").is_some();
    DocumentError {
        message: format!(
            "expected a trust policy, an answer of IAM, a Terraform plan or state, or a CloudFormation template, found {found}"
        ),
        advice: if raw_state {
            "this is Terraform's own state file: give what `terraform show -json` prints"
        } else {
            "give what `aws iam get-role --role-name NAME` prints, for example"
        }
        .to_owned(),
        place: value.place,
    }
}

pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let decoded = tail
            .get(..2)
            .filter(|hex| *first == b'%' && hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The strings of a list, or the one string that stands for it.
fn strings(value: Option<&Value>) -> Vec<String> {
    let values = match value {
        Some(value) => value.as_array().unwrap_or(std::slice::from_ref(value)),
        None => &[],
    };
    values
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn string(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::to_owned)
}

/// A whole number, be it written as a number or, as templates do, as a string.
fn number(value: Option<&Value>) -> Option<u32> {
    match &value?.kind {
        json::Kind::Number(text) | json::Kind::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Of an ARN that has an account.
fn partition_and_account(arn: &str) -> Option<(&str, &str)> {
    Some((arn.split(':').nth(1)?, arn::account(arn)?))
}

/// Why a text is none of the documents that are read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    message: String,
    advice: String,
    place: Place,
}

impl DocumentError {
    /// What is wrong, without its place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn advice(&self) -> &str {
        &self.advice
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        self.place
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.message, self.place)
    }
}

impl std::error::Error for DocumentError {}
