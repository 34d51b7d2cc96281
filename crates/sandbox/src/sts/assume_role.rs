//! The calls that are signed: AssumeRole, which here is always role chaining, and GetCallerIdentity.

use std::time::Duration;

use bytes::Bytes;
use http::Request as HttpRequest;
use keyless_trust::answer::{self, Refusal};
use keyless_trust::caller::Caller;
use keyless_trust::evaluate::decide_assume_role;
use keyless_trust::keys::Request;

use super::parameters::{Check, MOST_POLICY};
use super::{ACCOUNT_ID, sigv4, xml};
use crate::form::Form;
use crate::world::World;

/// The trust policy of the role decides alone: a caller's own policies are taken to allow everything.
pub(super) fn assume(
    world: &World,
    request: &HttpRequest<Bytes>,
    form: &Form,
) -> Result<String, Refusal> {
    let mut state = world.state();
    let account = &mut state.account;
    let caller = sigv4::authenticate(request, account, world.now())?.clone();

    let mut check = Check::new(form);
    let parameters = check.common();
    let external_id = check.optional("ExternalId", (2, 1224), None);
    let source_identity = check.optional("SourceIdentity", (2, 64), None);
    check.done(&parameters)?;
    if parameters.duration > CHAIN_MAXIMUM {
        return Err(answer::DURATION_OVER_CHAIN_MAXIMUM.refuse(&[]));
    }
    let tags: Vec<_> = (1..=50)
        .map_while(|number| {
            let part = |part| form.value(&format!("Tags.member.{number}.{part}"));
            Some((part("Key")?, part("Value").unwrap_or_default()))
        })
        .collect();

    let asking = Caller::Role {
        role_arn: &caller.role_arn,
        session_arn: &caller.arn,
        source_identity: caller.source_identity.as_deref(),
    };
    let asked = Request {
        role_arn: parameters.role_arn,
        session_name: parameters.session_name,
        external_id,
        tags: &tags,
        source_identity,
        time: Some(world.now()),
        ..Request::default()
    };

    let held = account.role(parameters.role_arn).ok_or_else(|| {
        answer::ASSUME_ROLE_DENIED.refuse(&[
            ("caller", &caller.arn),
            ("action", "sts:AssumeRole"),
            ("role", parameters.role_arn),
        ])
    })?;
    if parameters.duration > held.role.max_session {
        return Err(answer::DURATION_OVER_ROLE_MAXIMUM.refuse(&[]));
    }
    let decision = decide_assume_role(asking, &held.policy, &asked);
    if let Some(denied) = decision.refusal(parameters.role_arn) {
        account.last_denial = Some(decision.to_string());
        return Err(denied);
    }

    // Once set, the source identity stays through the chain.
    let source_identity = caller
        .source_identity
        .or(source_identity.map(str::to_owned));
    let packed = match parameters.policy_characters {
        0 => String::new(),
        characters => xml::text(
            "PackedPolicySize",
            &(characters * 100 / MOST_POLICY).to_string(),
        ),
    };
    let ends = world.now() + parameters.duration;
    let session = account.open_session(
        &held,
        parameters.session_name,
        world.now(),
        ends,
        source_identity,
    );
    Ok(session + &packed)
}

pub(super) fn caller_identity(
    world: &World,
    request: &HttpRequest<Bytes>,
) -> Result<String, Refusal> {
    let state = world.state();
    let caller = sigv4::authenticate(request, &state.account, world.now())?;
    Ok([
        xml::text("Arn", &caller.arn),
        xml::text("UserId", &caller.user_id),
        xml::text("Account", ACCOUNT_ID),
    ]
    .concat())
}

/// A role assumed with another role's session lasts an hour at most.
const CHAIN_MAXIMUM: Duration = Duration::from_hours(1);
