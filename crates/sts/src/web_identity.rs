//! An ID token for a session: AssumeRoleWithWebIdentity.

use std::time::{Duration, SystemTime};

use aws_sdk_sts::types::{AssumedRoleUser, Credentials};
use keyless_cache::{KeyBuilder, Secret};
use keyless_token::{BoxFuture, IdToken};

use crate::call::call;
use crate::endpoint::Sts;
use crate::error::{ExchangeError, ExchangeErrorKind};
use crate::exchange::Exchange;
use crate::request::{Draft, RoleRequest};
use crate::session::{Facts, Keys, Session, Subject};
use crate::session_name::SessionName;

/// Trades an ID token for a session of a role (`sts:AssumeRoleWithWebIdentity`). The call is not signed: no AWS credentials
/// are needed.
#[derive(Clone, Debug)]
pub struct WebIdentity {
    request: RoleRequest,
}

impl WebIdentity {
    /// An exchange for the role with this ARN.
    pub fn builder(role_arn: impl Into<String>, sts: Sts) -> WebIdentityBuilder {
        WebIdentityBuilder {
            draft: Draft::new(role_arn.into(), sts),
        }
    }

    async fn session(&self, token: &IdToken) -> Result<Session, ExchangeError> {
        let request = &self.request;
        let session_name = request.session_name.for_token(token);
        let client = request.sts.client(&request.role, None);
        let answer = call(request, |seconds| {
            client
                .assume_role_with_web_identity()
                .role_arn(request.role.as_str())
                .role_session_name(&session_name)
                .web_identity_token(token.expose())
                .duration_seconds(seconds)
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
            Subject::of(token),
        )
    }
}

impl Exchange<IdToken> for WebIdentity {
    fn exchange<'a>(&'a self, token: &'a IdToken) -> BoxFuture<'a, Result<Session, ExchangeError>> {
        Box::pin(self.session(token))
    }

    fn distinguish(&self, key: KeyBuilder) -> KeyBuilder {
        self.request.distinguish("AssumeRoleWithWebIdentity", key)
    }
}

/// The settings of a [`WebIdentity`].
#[derive(Clone, Debug)]
#[must_use]
pub struct WebIdentityBuilder {
    draft: Draft,
}

impl WebIdentityBuilder {
    /// How long the session lasts: 15 minutes to 12 hours, and no longer than the role allows. Default: one hour.
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

    /// What the session is called. Default: the person's verified address, else the token's subject.
    pub fn session_name(mut self, name: SessionName) -> Self {
        self.draft.session_name = name;
        self
    }

    /// The finished exchange.
    ///
    /// # Errors
    /// [`ExchangeErrorKind::Misconfigured`] for anything that AWS would refuse whatever the token: a malformed role, a region of
    /// another partition, a duration or a policy beyond the limits.
    pub fn build(self) -> Result<WebIdentity, ExchangeError> {
        Ok(WebIdentity {
            request: self.draft.check()?,
        })
    }
}

/// What AssumeRoleWithWebIdentity and AssumeRole answer, as a session.
pub(crate) fn session_of(
    request: &RoleRequest,
    credentials: Option<Credentials>,
    user: Option<AssumedRoleUser>,
    session_name: String,
    subject: Subject,
) -> Result<Session, ExchangeError> {
    let malformed = |what: &str| {
        ExchangeError::new(
            ExchangeErrorKind::Malformed,
            format!("the answer lacks {what}"),
        )
        .at_role(&request.role)
    };
    let credentials = credentials.ok_or_else(|| malformed("the credentials"))?;
    let expires_at =
        SystemTime::try_from(credentials.expiration).map_err(|_| malformed("a usable expiry"))?;
    let keys = Keys {
        access_key_id: credentials.access_key_id,
        secret_access_key: Secret::new(credentials.secret_access_key),
        session_token: Secret::new(credentials.session_token),
    };
    let assumed_role_arn = user.map(|user| user.arn).unwrap_or_default();
    if !is_key_id(&keys.access_key_id)
        || !is_secret(&keys.secret_access_key)
        || !is_secret(&keys.session_token)
    {
        return Err(malformed("usable credentials"));
    }
    if assumed_role_arn.chars().any(char::is_control) {
        return Err(malformed("a usable role"));
    }
    let facts = Facts {
        role_arn: request.role.to_string(),
        assumed_role_arn,
        session_name,
        subject,
        sign_in: None,
        expires_at,
    };
    Ok(Session::new(&keys, facts))
}

/// `AccessKeyId` is 16 to 128 word characters (Credentials, API reference).
fn is_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What goes into variables, files and headers: something, and nothing but printable ASCII.
fn is_secret(secret: &Secret) -> bool {
    let text = secret.expose();
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
