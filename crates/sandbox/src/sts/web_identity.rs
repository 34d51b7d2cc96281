//! AssumeRoleWithWebIdentity, with its checks in the order that was observed at the real service.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyless_trust::answer::{self, Refusal};
use keyless_trust::evaluate::{admit, decide_web_identity};
use keyless_trust::keys::Request;
use keyless_trust::token::Token;

use super::parameters::{Check, MOST_POLICY};
use super::{ACCOUNT_ID, provider, xml};
use crate::form::Form;
use crate::keys::KeyRing;
use crate::world::World;

pub(super) fn assume(world: &World, form: &Form) -> Result<String, Refusal> {
    let mut check = Check::new(form);
    let parameters = check.common();
    let jwt = check.required(
        "WebIdentityToken",
        (4, 20000),
        Some("***sensitiveInformation***"),
    );
    let provider_id = check.optional("ProviderId", (4, 2048), None);
    check.done(&parameters)?;
    match provider_id {
        None => {}
        Some("www.amazon.com") => return Err(answer::NOT_LOGIN_WITH_AMAZON.refuse(&[])),
        Some("graph.facebook.com") => {
            return Err(answer::FACEBOOK_REJECTED
                .refuse(&[("response", "Bad signature"), ("number", "190")]));
        }
        Some(_) => return Err(answer::PROVIDER_PARAMETER.refuse(&[])),
    }

    let providers: Vec<_> = (parameters.account() == ACCOUNT_ID)
        .then(|| provider(world))
        .into_iter()
        .collect();
    let mut state = world.state();
    let (token, provider) = admit(jwt, world.now(), &providers, parameters.role_arn, |token| {
        verify(&state.keys, token, jwt)
    })?;

    let account = &mut state.account;
    let held = account
        .role(parameters.role_arn)
        .ok_or_else(|| answer::NOT_AUTHORIZED.refuse(&[]))?;
    if parameters.duration > held.role.max_session {
        return Err(answer::DURATION_OVER_ROLE_MAXIMUM.refuse(&[]));
    }
    let request = Request {
        role_arn: parameters.role_arn,
        session_name: parameters.session_name,
        time: Some(world.now()),
        ..Request::default()
    };
    let decision = decide_web_identity(&token, provider, &held.policy, &request);
    if let Some(denied) = decision.refusal(parameters.role_arn) {
        account.last_denial = Some(decision.to_string());
        return Err(denied);
    }

    // A quarter of the room is taken before any policy or tag; the rest is in proportion, the true packing not being published.
    let tags: usize = token
        .tags()
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    let packed = 25 + (parameters.policy_characters + tags) * 75 / MOST_POLICY;
    if packed > 100 {
        return Err(answer::TAGS_TOO_LARGE.refuse(&[("percent", &packed.to_string())]));
    }
    // Not capped by the token's own `exp`: a token with a minute left gives a whole session.
    let source_identity = token.source_identity().map(str::to_owned);
    let ends = world.now() + parameters.duration;
    let session = account.open_session(
        &held,
        parameters.session_name,
        world.now(),
        ends,
        source_identity,
    );
    Ok([
        xml::text("SubjectFromWebIdentityToken", token.subject()),
        xml::text("Audience", token.audience()),
        session,
        xml::text("Provider", provider.arn()),
        xml::text("PackedPolicySize", &packed.to_string()),
    ]
    .concat())
}

/// A key that is not published and a signature that is not its own are told apart, as the first may be there a moment later.
fn verify(keys: &KeyRing, token: &Token, jwt: &str) -> Result<(), Refusal> {
    let id = token
        .key_id()
        .filter(|id| keys.knows(id))
        .ok_or_else(|| answer::NO_VERIFICATION_KEY.refuse(&[]))?;
    let good = jwt.rsplit_once('.').is_some_and(|(signed, signature)| {
        URL_SAFE_NO_PAD
            .decode(signature.trim_end_matches('='))
            .is_ok_and(|signature| {
                keys.verifies(id, token.algorithm(), signed.as_bytes(), &signature)
            })
    });
    if good {
        Ok(())
    } else {
        Err(answer::NOT_VALIDATED.refuse(&[]))
    }
}
