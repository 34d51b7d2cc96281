//! A SAML response for a session: AssumeRoleWithSAML.

use std::cmp::Reverse;
use std::time::Duration;

use keyless_cache::KeyBuilder;
use keyless_token::saml::{Expected, SamlRole};
use keyless_token::text::{printable, time};
use keyless_token::{BoxFuture, SamlResponse, TokenError};
use keyless_trust::answer;

use crate::call::call;
use crate::endpoint::Sts;
use crate::error::{ExchangeError, ExchangeErrorKind};
use crate::exchange::Exchange;
use crate::request::{Draft, Request};
use crate::role::RoleArn;
use crate::session::{Session, Subject};
use crate::web_identity::session_of;

/// The most roles that a message lists.
const LISTED: usize = 10;

/// The most characters that they take: messages are cut at 300.
const LONGEST_LIST: usize = 240;

/// Trades a SAML response for a session of one of the roles that it offers (`sts:AssumeRoleWithSAML`). The call is not signed: no AWS credentials are needed.
///
/// What the session is called, its tags and its source identity stand in the response. So does its longest life: AWS ends the session at the
/// response's `SessionNotOnOrAfter`, and after its `SessionDuration`, however long is asked for.
#[derive(Clone, Debug)]
pub struct AssumeRoleWithSaml {
    /// The role, where one was given.
    request: Request<Option<RoleArn>>,
}

impl AssumeRoleWithSaml {
    /// An exchange for a role that a response offers.
    pub fn builder(sts: Sts) -> AssumeRoleWithSamlBuilder {
        AssumeRoleWithSamlBuilder {
            role: None,
            draft: Draft::new(String::new(), sts),
        }
    }

    async fn session(&self, response: &SamlResponse) -> Result<Session, ExchangeError> {
        let pair = choose(response, self.request.role.as_ref())?;
        let role: RoleArn = pair.role.parse()?;
        self.request.sts.check(&role)?;
        if self.request.sts.is_aws() {
            // Something else that speaks the protocol may have addresses of its own.
            response
                .check_for_aws(&Expected::default())
                .map_err(|error| rejected(&error).at_role(&role))?;
        }
        let request = &self.request.clone().with_role(role);
        let client = request.sts.client(&request.role, None);
        let answer = call(request, |seconds| {
            client
                .assume_role_with_saml()
                .role_arn(request.role.as_str())
                .principal_arn(&pair.provider)
                .saml_assertion(response.expose())
                .duration_seconds(seconds)
                .set_policy(request.policy.clone())
                .set_policy_arns(request.policy_descriptors())
                .send()
        })
        .await
        .map_err(of_saml)?;
        let session_name = response.role_session_name().unwrap_or_default();
        let session = session_of(
            request,
            answer.credentials,
            answer.assumed_role_user,
            session_name.to_owned(),
            Subject::of(response),
        )?;
        if let Some(end) = response.session_not_on_or_after()
            && session.expires_at() >= end
        {
            tracing::debug!(
                role = request.role.as_str(),
                end = time(end),
                "the identity provider lets the session last no longer (SessionNotOnOrAfter)"
            );
        }
        Ok(session)
    }
}

impl Exchange<SamlResponse> for AssumeRoleWithSaml {
    fn exchange<'a>(
        &'a self,
        response: &'a SamlResponse,
    ) -> BoxFuture<'a, Result<Session, ExchangeError>> {
        Box::pin(self.session(response))
    }

    fn distinguish(&self, key: KeyBuilder) -> KeyBuilder {
        let role = self.request.role.as_ref().map_or("", RoleArn::as_str);
        self.request
            .distinguish_role("AssumeRoleWithSAML", role, key)
    }
}

/// The settings of an [`AssumeRoleWithSaml`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AssumeRoleWithSamlBuilder {
    role: Option<String>,
    draft: Draft,
}

impl AssumeRoleWithSamlBuilder {
    /// The role with this ARN. Default: the only one that the response offers.
    pub fn role(mut self, role_arn: impl Into<String>) -> Self {
        self.role = Some(role_arn.into());
        self
    }

    /// How long the session lasts: 15 minutes to 12 hours, and no longer than the role allows and the response says. Default: one hour.
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

    /// The finished exchange.
    ///
    /// # Errors
    /// As [`WebIdentityBuilder::build`](crate::WebIdentityBuilder::build).
    pub fn build(self) -> Result<AssumeRoleWithSaml, ExchangeError> {
        let role = self.role.map(|role| role.parse::<RoleArn>()).transpose()?;
        if let Some(role) = &role {
            self.draft.sts.check(role)?;
        }
        self.draft.check_limits()?;
        Ok(AssumeRoleWithSaml {
            request: self.draft.with_role(role),
        })
    }
}

/// The pair in `response` for `role`, or the only one there is.
fn choose<'a>(
    response: &'a SamlResponse,
    role: Option<&RoleArn>,
) -> Result<&'a SamlRole, ExchangeError> {
    let roles = response.roles();
    let who = response.who();
    if roles.is_empty() {
        return Err(ExchangeError::misconfigured(format!(
            "the SAML response offers {who} no role"
        ))
        .with_advice("have whoever runs the identity provider send the attribute https://aws.amazon.com/SAML/Attributes/Role with ROLE-ARN,PROVIDER-ARN"));
    }
    let Some(role) = role else {
        return match roles {
            [only] => Ok(only),
            several => Err(ExchangeError::misconfigured(format!(
                "the SAML response offers {who} {} roles, and none is chosen",
                several.len()
            ))
            .with_advice(format!(
                "choose a role: {}",
                listed(several.iter().collect())
            ))),
        };
    };
    roles
        .iter()
        .find(|pair| pair.role == role.as_str())
        .ok_or_else(|| {
            let mut nearest: Vec<&SamlRole> = roles.iter().collect();
            nearest.sort_by_cached_key(|pair| Reverse(likeness(&pair.role, role.as_str())));
            let error = ExchangeError::new(
                ExchangeErrorKind::AccessDenied,
                format!("the SAML response does not offer {who} this role"),
            );
            error
                .at_role(role)
                .with_advice(format!("choose one that it offers: {}", listed(nearest)))
        })
}

/// From 0 to 1000, how much two ARNs have in common.
fn likeness(one: &str, other: &str) -> u16 {
    let likeness = strsim::jaro_winkler(one, other) * 1000.0;
    // In bounds, and a fraction of a thousandth is nothing.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1000"
    )]
    {
        likeness as u16
    }
}

/// The first of `roles`, as many as fit into a message.
fn listed(roles: Vec<&SamlRole>) -> String {
    let (count, mut words, mut shown) = (roles.len(), String::new(), 0);
    for pair in roles.into_iter().take(LISTED) {
        if shown > 0 && words.len() + pair.role.len() > LONGEST_LIST {
            break;
        }
        if shown > 0 {
            words.push_str(", ");
        }
        words.push_str(&printable(&pair.role));
        shown += 1;
    }
    match count - shown {
        0 => words,
        more => format!("{words} and {more} more"),
    }
}

/// AWS would refuse the response, in fewer words.
fn rejected(error: &TokenError) -> ExchangeError {
    let rejected = ExchangeError::new(ExchangeErrorKind::TokenRejected, error.to_string());
    error
        .advice()
        .map_or(rejected.clone(), |advice| rejected.with_advice(advice))
}

/// The advice of a code's general row is about ID tokens, where SAML needs another.
fn of_saml(error: ExchangeError) -> ExchangeError {
    let Some(row) = error.answer() else {
        return error;
    };
    let advice = if row == &answer::INVALID_TOKEN {
        "compare the response with what AWS wants of it (IAM User Guide, \"Configure SAML assertions for the authentication response\")"
    } else if row == &answer::IDP_REJECTED_CLAIM {
        "sign in again; the identity provider said that nobody signed in"
    } else if row == &answer::TOKEN_EXPIRED {
        "sign in again and use the response at once"
    } else {
        return error;
    };
    error.with_advice(advice)
}

#[cfg(test)]
mod tests;
