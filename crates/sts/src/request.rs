//! What every call for a role has in common: duration, session policy, name. Checked before anything is sent.

use std::time::Duration;

use aws_sdk_sts::types::PolicyDescriptorType;
use keyless_cache::KeyBuilder;

use crate::endpoint::Sts;
use crate::error::ExchangeError;
use crate::role::RoleArn;
use crate::session_name::SessionName;

/// What STS gives where nothing is asked for (`DurationSeconds`, API reference), and what every role allows.
pub(crate) const ONE_HOUR: Duration = Duration::from_hours(1);

const SHORTEST: Duration = Duration::from_mins(15);
const LONGEST: Duration = Duration::from_hours(12);

/// The part of a request that does not depend on the proof.
pub(crate) type RoleRequest = Request<RoleArn>;

/// A request as it is being put together.
pub(crate) type Draft = Request<String>;

/// A request, and what is known of its role.
#[derive(Clone, Debug)]
pub(crate) struct Request<Role> {
    pub(crate) role: Role,
    pub(crate) sts: Sts,
    pub(crate) duration: Duration,
    pub(crate) policy: Option<String>,
    pub(crate) policy_arns: Vec<String>,
    pub(crate) session_name: SessionName,
}

impl Draft {
    pub(crate) fn new(role: String, sts: Sts) -> Self {
        Self {
            role,
            sts,
            duration: ONE_HOUR,
            policy: None,
            policy_arns: Vec::new(),
            session_name: SessionName::default(),
        }
    }

    /// The request, if AWS would not refuse it whatever the proof.
    pub(crate) fn check(self) -> Result<RoleRequest, ExchangeError> {
        let role: RoleArn = self.role.parse()?;
        self.sts.check(&role)?;
        self.check_limits()?;
        Ok(self.with_role(role))
    }
}

impl<Role> Request<Role> {
    /// The same request with something else known of its role.
    pub(crate) fn with_role<Other>(self, role: Other) -> Request<Other> {
        let Self {
            sts,
            duration,
            policy,
            policy_arns,
            session_name,
            ..
        } = self;
        Request {
            role,
            sts,
            duration,
            policy,
            policy_arns,
            session_name,
        }
    }

    /// The limits of AssumeRole, AssumeRoleWithWebIdentity and AssumeRoleWithSAML (API reference).
    pub(crate) fn check_limits(&self) -> Result<(), ExchangeError> {
        if !(SHORTEST..=LONGEST).contains(&self.duration) {
            return Err(ExchangeError::misconfigured(format!(
                "a session lasts from 900 to 43200 seconds (15 minutes to 12 hours), and {} were asked for",
                self.duration.as_secs()
            ))
            .with_advice("ask for a duration in between; 1h is what AWS gives by itself"));
        }
        if let Some(policy) = &self.policy {
            check_policy(policy)?;
        }
        if self.policy_arns.len() > 10 {
            return Err(ExchangeError::misconfigured(format!(
                "a session takes at most 10 policy ARNs, found {}",
                self.policy_arns.len()
            )));
        }
        if let Some(arn) = self
            .policy_arns
            .iter()
            .find(|arn| !arn.starts_with("arn:") || !(20..=2048).contains(&arn.len()))
        {
            return Err(ExchangeError::misconfigured(format!("{arn:?} is not the ARN of a policy"))
                .with_advice("write it as arn:aws:iam::ACCOUNT:policy/NAME, or arn:aws:iam::aws:policy/NAME for AWS's own"));
        }
        Ok(())
    }

    pub(crate) fn policy_descriptors(&self) -> Option<Vec<PolicyDescriptorType>> {
        let descriptors = self
            .policy_arns
            .iter()
            .map(|arn| PolicyDescriptorType::builder().arn(arn).build());
        (!self.policy_arns.is_empty()).then(|| descriptors.collect())
    }

    /// Adds everything that a session depends on to `key`; `role` is what is known of the role.
    pub(crate) fn distinguish_role(&self, call: &str, role: &str, key: KeyBuilder) -> KeyBuilder {
        let key = key
            .part("call", call)
            .part("role", role)
            .part("duration", self.duration.as_secs().to_be_bytes())
            .part("policy", self.policy.as_deref().unwrap_or_default())
            .parts("policy arns", &self.policy_arns)
            .part("session name", self.session_name.label());
        self.sts.distinguish(key)
    }
}

impl RoleRequest {
    pub(crate) fn distinguish(&self, call: &str, key: KeyBuilder) -> KeyBuilder {
        self.distinguish_role(call, self.role.as_str(), key)
    }
}

fn check_policy(policy: &str) -> Result<(), ExchangeError> {
    if policy.len() > 2048 {
        return Err(ExchangeError::misconfigured(format!(
            "a session policy has at most 2048 characters, found {}",
            policy.len()
        ))
        .with_advice("shorten it, or use a managed policy by its ARN"));
    }
    match serde_json::from_str::<serde_json::Value>(policy) {
        Ok(serde_json::Value::Object(_)) => Ok(()),
        Ok(_) => Err(ExchangeError::misconfigured(
            "the session policy is not a JSON object",
        )),
        Err(error) => Err(ExchangeError::misconfigured(format!(
            "the session policy is not JSON: {error}"
        ))),
    }
}
