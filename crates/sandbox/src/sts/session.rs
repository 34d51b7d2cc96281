//! The credentials that STS gives, and what it remembers of them.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ACCOUNT_ID, Account, HeldRole, role_arn, xml};
use crate::random;

/// A role session: who it is, and the secrets that prove it.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) role_arn: String,
    pub(super) user_id: String, // the role's id, a colon, the session's name
    pub(super) arn: String,
    pub(super) secret: String,
    pub(super) token: String,
    pub(super) expires: SystemTime,
    pub(super) source_identity: Option<String>,
}

impl Account {
    /// A new session of a role: the elements `AssumedRoleUser` and `Credentials`, besides `SourceIdentity` if any.
    pub(super) fn open_session(
        &mut self,
        held: &HeldRole,
        session_name: &str,
        now: SystemTime,
        ends: SystemTime,
        source_identity: Option<String>,
    ) -> String {
        let name = &held.role.name;
        let session = Session {
            role_arn: role_arn(name),
            user_id: format!("{}:{session_name}", held.id),
            arn: format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{name}/{session_name}"),
            secret: STANDARD.encode(random::bytes::<30>()), // 40 characters
            token: STANDARD.encode(random::bytes::<240>()),
            expires: ends,
            source_identity,
        };
        let access_key_id = random::aws_id::<16>("ASIA");
        let user = xml::text("AssumedRoleId", &session.user_id) + &xml::text("Arn", &session.arn);
        let credentials = [
            xml::text("AccessKeyId", &access_key_id),
            xml::text("SecretAccessKey", &session.secret),
            xml::text("SessionToken", &session.token),
            xml::text("Expiration", &timestamp(session.expires)),
        ];
        let source_identity = session
            .source_identity
            .as_ref()
            .map(|name| xml::text("SourceIdentity", name));
        self.sessions
            .retain(|_, session| session.expires + KEPT > now);
        self.sessions.insert(access_key_id, session);
        xml::element("AssumedRoleUser", &user)
            + &xml::element("Credentials", &credentials.concat())
            + &source_identity.unwrap_or_default()
    }

    pub(super) fn session(&self, access_key_id: &str) -> Option<&Session> {
        self.sessions.get(access_key_id)
    }

    /// The ARN of the session with this access key.
    pub(crate) fn arn_of(&self, access_key_id: &str) -> Option<String> {
        Some(self.session(access_key_id)?.arn.clone())
    }
}

/// `2026-11-22T18:00:00Z`, in whole seconds as STS writes them.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let whole = OffsetDateTime::from(time).replace_nanosecond(0);
    whole
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// How long after its end a session is still told apart from one that never was.
const KEPT: Duration = Duration::from_hours(24);
