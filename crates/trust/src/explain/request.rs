//! What STS checks of the request itself, before anything else.

use super::{Findings, hint::Hint};
use crate::{
    answer::{self, Refusal},
    arn,
    keys::Request,
};

/// The refusal for a session name or role ARN that the API model does not take.
pub(super) fn check(request: &Request<'_>, found: &mut Findings) -> Option<Refusal> {
    let (role, name) = (request.role_arn, request.session_name);
    let mut refusal = None;
    if !name.is_empty() {
        let length = name.chars().count();
        let constraint = match length {
            0..2 => Some("Member must have length greater than or equal to 2"),
            65.. => Some("Member must have length less than or equal to 64"),
            _ => None,
        };
        if let Some(constraint) = constraint {
            found.hints.push(Hint::new(
                "session-name-length",
                format!("the session name has {length} characters; STS takes 2 to 64"),
            ));
            refusal = Some(answer::CONSTRAINT.refuse(&[
                ("value", name),
                ("field", "roleSessionName"),
                ("constraint", constraint),
            ]));
        } else if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
        {
            found.hints.push(Hint::new(
                "session-name-characters",
                format!("the session name {name:?} has other characters than letters, digits and _+=,.@-"),
            ));
            refusal = Some(answer::SESSION_NAME_CHARACTERS.refuse(&[("value", name)]));
        }
    }
    if !role.is_empty() && !arn::is_role(role) {
        found.hints.push(Hint::new(
            "role-arn",
            format!("{role:?} is no ARN of a role, such as arn:aws:iam::111122223333:role/name"),
        ));
        refusal = refusal.or_else(|| Some(answer::ROLE_ARN_INVALID.refuse(&[])));
    }
    refusal
}
