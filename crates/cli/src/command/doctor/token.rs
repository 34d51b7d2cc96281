//! Checks of the identity token: whether there is one, and what AWS would say to it.

use std::sync::Arc;
use std::time::Duration;

use keyless::{IdToken, RoleArn};
use keyless_token::text::printable;
use keyless_trust::answer::Refusal;
use keyless_trust::token::Token;

use super::finding::Finding;
use super::patient::Patient;
use crate::exit::{DENIED, INVALID};
use crate::words::when;

/// A token that was issued longer ago is refused by STS, as users found; AWS does not write of it.
const OLDEST: Duration = Duration::from_hours(24);

/// What is left of a token that will not last until it is used.
const SHORT: Duration = Duration::from_mins(2);

/// Whether there is a token without asking anybody.
pub(super) async fn silent(patient: Arc<Patient>) -> Finding {
    if let Ok(access) = patient.usable()
        && access.saml().is_some()
        && let Some(login) = access.any_login()
    {
        return match login.held() {
            Some(who) => Finding::pass(format!(
                "{} at {}, a SAML response, until {}",
                who.who,
                printable(&login.place()),
                when(who.expires_at, patient.now)
            )),
            None => Finding::skip("a SAML response is good for five minutes, and none is held"),
        };
    }
    match patient.token().await {
        Ok(token) => Finding::pass(format!(
            "{} at {}, until {}",
            token.who(),
            printable(token.issuer()),
            when(token.expires_at(), patient.now)
        )),
        Err(finding) => finding.clone(),
    }
}

/// Whether AWS would go on with it, up to the account's provider and the role's trust policy.
pub(super) async fn acceptable(patient: Arc<Patient>) -> Finding {
    let (Ok(access), Ok(token)) = (patient.usable(), patient.token().await) else {
        return Finding::skip("there is no token to look at");
    };
    let read = match Token::read(token.expose(), patient.now) {
        Ok(read) => read,
        Err(refusal) => return refused(&refusal),
    };
    let client = access.profile().identity.client_id.as_deref();
    let audience = printable(read.audience());
    if let (Some(_), Some(client)) = (access.login(), client)
        && read.audience() != client
    {
        return Finding::fail(
            INVALID,
            format!("it is for {audience:?}, and the client is {client:?}"),
        )
        .advised(format!(
            "register {audience:?} as a client id of the IAM provider, or have tokens issued for the client"
        ));
    }
    // Whether the role is among those that the token names, where it names any.
    if let Some(role) = access.profile().role.as_deref()
        && role.parse::<RoleArn>().is_ok()
        && let Err(refusal) = read.check_roles_claim(role)
    {
        return refused(&refusal);
    }
    if let Some(doubt) = doubt(token, &read, patient.now) {
        return doubt;
    }
    let tags = match read.tags().len() {
        0 => String::new(),
        _ => ", with session tags, for which the role has to allow sts:TagSession".into(),
    };
    Finding::pass(format!("{}, for {audience:?}{tags}", read.algorithm()))
}

/// In AWS's words, and what they mean.
fn refused(refusal: &Refusal) -> Finding {
    Finding::fail(
        DENIED,
        printable(&format!("AWS would refuse it: {refusal}")),
    )
    .advised(refusal.answer.advice)
}

/// What makes it likely that it will not do.
fn doubt(token: &IdToken, read: &Token, now: std::time::SystemTime) -> Option<Finding> {
    let age = now.duration_since(token.issued_at()).unwrap_or_default();
    if age > OLDEST {
        return Some(
            Finding::warn("it was issued more than a day ago, and AWS refuses such tokens")
                .advised("get a new one"),
        );
    }
    let left = token.expires_at().duration_since(now).unwrap_or_default();
    if left < SHORT {
        let until = when(token.expires_at(), now);
        return Some(
            Finding::warn(format!("it ends too soon to be of use: {until}"))
                .advised("get a new one"),
        );
    }
    if let Some(party) = read.authorized_party()
        && !(read.audiences().len() == 1 && read.audiences()[0] == party)
    {
        let (party, audiences) = (printable(party), printable(&read.audiences().join(", ")));
        return Some(
            Finding::warn(format!(
                "what counts for AWS is its azp, {party:?}, and not its aud, {audiences}"
            ))
            .advised(format!(
                "see that the IAM provider has {party:?} among its client ids; the audience itself is the condition key oaud"
            )),
        );
    }
    read.key_id().is_none().then(|| {
        Finding::warn("its header does not name the key that signed it (kid)")
            .advised("let the identity provider name it: AWS finds the key by it")
    })
}
