//! A session for the next one: role chaining by AssumeRole.

use std::time::Duration;

use keyless_cache::KeyBuilder;
use keyless_token::BoxFuture;

use crate::call::call;
use crate::endpoint::Sts;
use crate::error::ExchangeError;
use crate::exchange::Exchange;
use crate::request::{Draft, ONE_HOUR, RoleRequest};
use crate::session::Session;
use crate::session_name::SessionName;
use crate::web_identity::session_of;

/// Trades a session for a session of another role (`sts:AssumeRole`), signed with the first. AWS caps such a session at one
/// hour, whatever the role allows.
#[derive(Clone, Debug)]
pub struct AssumeRole {
    request: RoleRequest,
    external_id: Option<String>,
}

impl AssumeRole {
    /// An exchange for the role with this ARN.
    pub fn builder(role_arn: impl Into<String>, sts: Sts) -> AssumeRoleBuilder {
        AssumeRoleBuilder {
            draft: Draft::new(role_arn.into(), sts),
            external_id: None,
        }
    }

    async fn next(&self, session: &Session) -> Result<Session, ExchangeError> {
        let request = &self.request;
        let session_name = request.session_name.for_next_hop(session.session_name());
        let client = request.sts.client(&request.role, Some(session));
        let answer = call(request, |seconds| {
            client
                .assume_role()
                .role_arn(request.role.as_str())
                .role_session_name(&session_name)
                .duration_seconds(seconds)
                .set_external_id(self.external_id.clone())
                .set_policy(request.policy.clone())
                .set_policy_arns(request.policy_descriptors())
                .send()
        })
        .await?;
        session_of(
            request,
            answer.credentials,
            answer.assumed_role_user,
            session_name,
            session.subject().clone(),
        )
    }
}

impl Exchange<Session> for AssumeRole {
    fn exchange<'a>(
        &'a self,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Session, ExchangeError>> {
        Box::pin(self.next(session))
    }

    fn distinguish(&self, key: KeyBuilder) -> KeyBuilder {
        self.request.distinguish("AssumeRole", key).part(
            "external id",
            self.external_id.as_deref().unwrap_or_default(),
        )
    }
}

/// The settings of an [`AssumeRole`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AssumeRoleBuilder {
    draft: Draft,
    external_id: Option<String>,
}

impl AssumeRoleBuilder {
    /// How long the session lasts: 15 minutes to one hour. Default: one hour.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.draft.duration = duration;
        self
    }

    /// A session policy as JSON: what the session may do at the most, within what the role may.
    pub fn policy(mut self, json: impl Into<String>) -> Self {
        self.draft.policy = Some(json.into());
        self
    }

    /// Managed policies as session policies, at most ten.
    pub fn policy_arns<S: Into<String>>(mut self, arns: impl IntoIterator<Item = S>) -> Self {
        self.draft.policy_arns = arns.into_iter().map(Into::into).collect();
        self
    }

    /// What the session is called. Default: as the one before it.
    pub fn session_name(mut self, name: SessionName) -> Self {
        self.draft.session_name = name;
        self
    }

    /// The id that the other account's owner has agreed with you (`sts:ExternalId`), 2 to 1224 characters.
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// The finished exchange.
    ///
    /// # Errors
    /// As [`WebIdentityBuilder::build`](crate::WebIdentityBuilder::build), and for more than an hour.
    pub fn build(self) -> Result<AssumeRole, ExchangeError> {
        let Self { draft, external_id } = self;
        if draft.duration > ONE_HOUR {
            return Err(ExchangeError::misconfigured(format!(
                "the session at the end of a chain of roles lasts an hour at most, and {} seconds were asked for",
                draft.duration.as_secs()
            ))
            .with_advice("ask for 1h or less, or let the identity assume the last role directly"));
        }
        if let Some(id) = &external_id {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
            if !(2..=1224).contains(&id.len()) || !id.chars().all(allowed) {
                return Err(ExchangeError::misconfigured(
                    "an external id has 2 to 1224 letters, digits and characters of +=,.@:/-_",
                ));
            }
        }
        Ok(AssumeRole {
            request: draft.check()?,
            external_id,
        })
    }
}
