//! What a logout cannot end: sessions that AWS goes on accepting, and the policy that ends them.

use std::time::Duration;

use keyless::Session;
use keyless::text::printable;
use keyless_trust::revoke::Revocation;

use crate::context::{Chosen, Context};
use crate::exit::{Failure, INVALID};
use crate::output;
use crate::words::{rfc3339, role_name, when, whole};

/// Says which of the sessions that were forgotten go on, and what would end them.
pub(super) fn tell(context: &Context, sessions: &[Session], again: &str) {
    let now = context.now();
    let running = sessions.iter().filter(|session| session.expires_at() > now);
    let mut names: Vec<&str> = Vec::new();
    for session in running {
        context.output.say(&format!(
            "AWS goes on accepting the session {} until {}",
            session.assumed_role_arn(),
            when(session.expires_at(), now)
        ));
        if !names.contains(&session.session_name()) {
            names.push(session.session_name());
        }
    }
    let name = match &*names {
        [] => return,
        [name] => format!("={name}"),
        _ => String::new(),
    };
    context.output.hint(&format!(
        "whoever has copied it can use it until then; `{again} --revocation-policy{name}` prints the policy with which its role ends it now"
    ));
}

/// Prints the policy, and says how it gets into the roles: those of `sessions`, else the one that `chosen` ends at.
pub(super) fn print_policy(
    context: &Context,
    chosen: Option<&Chosen>,
    sessions: &[Session],
    name: Option<&str>,
) -> Result<(), Failure> {
    let mut roles: Vec<String> = sessions
        .iter()
        .map(|session| session.role_arn().to_owned())
        .collect();
    if let Some(profile) = chosen.map(|chosen| &chosen.profile) {
        roles.extend(profile.via.last().or(profile.role.as_ref()).cloned());
    }
    roles.sort_unstable();
    roles.dedup();
    // A session that began within this second is one of those that are to end.
    let revocation = Revocation::before(&rfc3339(context.now() + Duration::from_secs(1)));
    let revocation = match name {
        None => revocation,
        Some(name) => revocation.and_then(|all| all.of_session(name)),
    };
    let revocation = revocation.ok_or_else(|| {
        Failure::new(INVALID, format!("{:?} is not the name of a session", name.unwrap_or_default()))
            .with_advice("a session's name is what stands behind the last slash of its ARN: 2 to 64 of A-Z a-z 0-9 _ + = , . @ -")
    })?;
    let output = context.output;
    let whose = match name {
        Some(name) => format!("every session called {name}, whoever has it,"),
        None => "the sessions of everybody who has the role".into(),
    };
    output.warning(&format!(
        "this policy ends {whose} as far as they began until now; those that begin later are as before"
    ));
    if let (None, Some(session)) = (name, sessions.first()) {
        output.hint(&format!(
            "to end no other sessions than yours, ask for --revocation-policy={}",
            session.session_name()
        ));
    }
    output.say(
        "save it as policy.json, and let somebody run who may change the role (iam:PutRolePolicy):",
    );
    for role in &roles {
        let words = [
            "aws",
            "iam",
            "put-role-policy",
            "--role-name",
            role_name(role),
            "--policy-name",
            &revocation.policy_name(),
            "--policy-document",
            "file://policy.json",
        ];
        let line = shlex::try_join(words).unwrap_or_default();
        output.say(&format!("  {}", whole(&line)));
        if let Some(account) = role.split(':').nth(4) {
            output.say(&format!("in the account {}", printable(account)));
        }
    }
    output::data(&revocation.policy())
}
