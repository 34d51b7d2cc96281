//! Who a session is to AWS: GetCallerIdentity.

use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::call::in_words;
use crate::endpoint::Sts;
use crate::error::{ExchangeError, ExchangeErrorKind};
use crate::role::RoleArn;
use crate::session::Session;

/// What AWS says about whoever signs with a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION-NAME`.
    pub arn: String,
    /// The account's twelve digits.
    pub account_id: String,
    /// The role's unique id, a colon, the session's name.
    pub user_id: String,
}

/// Asks STS who `session` is (`sts:GetCallerIdentity`, which no policy can deny). One attempt.
pub async fn caller_identity(
    sts: &Sts,
    session: &Session,
) -> Result<CallerIdentity, ExchangeError> {
    let role: RoleArn = session.role_arn().parse()?;
    sts.check(&role)?;
    // As with the other calls: the SDK's traces would hold the session.
    let answer = sts
        .client(&role, Some(session))
        .get_caller_identity()
        .send()
        .with_subscriber(NoSubscriber::default())
        .await
        .map_err(|error| in_words(error, &sts.place(&role)))?;
    match (answer.arn, answer.account, answer.user_id) {
        (Some(arn), Some(account_id), Some(user_id)) => Ok(CallerIdentity {
            arn,
            account_id,
            user_id,
        }),
        _ => Err(ExchangeError::new(
            ExchangeErrorKind::Malformed,
            "the answer does not say who the session is",
        )),
    }
}
