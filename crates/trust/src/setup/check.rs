//! What IAM would refuse of a plan, said before it is asked.

use std::time::Duration;

use super::{Plan, error::SetupError};
use crate::thumbprint::LIMIT;

/// Checks the parts of a plan that go into the notations as they are. Limits: IAM's API reference, `CreateRole` and
/// `CreateOpenIDConnectProvider`.
pub(super) fn plan(plan: &Plan, audiences: &[String]) -> Result<(), SetupError> {
    let refuse = |found: String, advice: &str| Err(SetupError::new(found, advice));
    let name = &plan.role_name;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    // IAM takes a hyphen at its beginning; command lines do not.
    let is_start = |c: char| c.is_ascii_alphanumeric();
    if name.len() > 64 || !name.starts_with(is_start) || !name.chars().all(is_name) {
        return refuse(
            format!("{name:?} is not a role's name"),
            "give --role-name a letter or digit, then up to 63 letters, digits and any of _+=,.@-",
        );
    }
    let partition = &plan.partition;
    if !partition.starts_with("aws")
        || !partition
            .chars()
            .all(|c| c.is_ascii_lowercase() || c == '-')
    {
        return refuse(
            format!("{partition:?} is not a partition"),
            "give aws, aws-cn or aws-us-gov",
        );
    }
    if let Some(account) = plan.account.as_ref().filter(|account| !is_account(account)) {
        return refuse(
            format!("{account:?} is not an account"),
            "give its twelve digits",
        );
    }
    if audiences.len() > 100 {
        return refuse(
            format!("{} audiences are named, and IAM takes 100", audiences.len()),
            "give fewer",
        );
    }
    let is_audience = |text: &&String| {
        (1..=255).contains(&text.len())
            && !text.contains("${")
            && text
                .chars()
                .all(|c| c.is_ascii_graphic() && !"*?".contains(c))
    };
    if let Some(audience) = audiences.iter().find(|text| !is_audience(text)) {
        return refuse(
            format!("{audience:?} is not an audience"),
            "give the client id to the letter: up to 255 characters, ASCII, no wildcard",
        );
    }
    for policy in plan.attach.iter().chain(&plan.boundary) {
        if !is_policy(policy, partition) {
            return refuse(
                format!("{policy:?} is not the ARN of a managed policy in {partition}"),
                "write it as arn:aws:iam::aws:policy/ReadOnlyAccess or arn:aws:iam::ACCOUNT:policy/NAME",
            );
        }
    }
    let range = Duration::from_hours(1)..=Duration::from_hours(12);
    if !range.contains(&plan.max_session) || plan.max_session.subsec_nanos() != 0 {
        return refuse(
            format!(
                "a session of {} seconds was asked for, and a role allows 3600 to 43200",
                plan.max_session.as_secs()
            ),
            "give --max-session between 1h and 12h",
        );
    }
    if let Some(who) = plan
        .also_account
        .iter()
        .find(|who| !is_account(who) && !is_principal(who, partition))
    {
        return refuse(
            format!("{who:?} is neither an account nor a role or user of one in {partition}"),
            "give twelve digits, or an ARN such as arn:aws:iam::111122223333:role/NAME",
        );
    }
    if plan.thumbprints.len() > LIMIT {
        return refuse(
            format!(
                "{} thumbprints are given, and IAM takes {LIMIT}",
                plan.thumbprints.len()
            ),
            "give fewer",
        );
    }
    Ok(())
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// `arn:PARTITION:iam::(ACCOUNT | aws):policy/NAME`.
fn is_policy(arn: &str, partition: &str) -> bool {
    in_iam(arn, partition).is_some_and(|(account, resource)| {
        (account == "aws" || is_account(account)) && is_resource(resource, "policy/")
    })
}

/// `arn:PARTITION:iam::ACCOUNT:(root | role/NAME | user/NAME)`.
fn is_principal(arn: &str, partition: &str) -> bool {
    in_iam(arn, partition).is_some_and(|(account, resource)| {
        is_account(account)
            && (resource == "root"
                || is_resource(resource, "role/")
                || is_resource(resource, "user/"))
    })
}

fn in_iam<'a>(arn: &'a str, partition: &str) -> Option<(&'a str, &'a str)> {
    arn.strip_prefix("arn:")?
        .strip_prefix(partition)?
        .strip_prefix(":iam::")?
        .split_once(':')
}

fn is_resource(text: &str, kind: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-/".contains(c);
    text.strip_prefix(kind)
        .is_some_and(|name| !name.is_empty() && name.chars().all(is_part))
}
