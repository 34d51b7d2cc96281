//! STS: the account with its roles and sessions, and the way each call goes.

mod assume_role;
mod parameters;
mod saml;
mod session;
mod sigv4;
mod web_identity;
mod xml;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use keyless_loopback::respond;
use keyless_trust::answer::{self, Refusal};
use keyless_trust::policy::Policy;
use keyless_trust::provider::IdentityProvider;
use keyless_trust::saml::SamlProvider;

use self::session::Session;
pub(crate) use self::session::timestamp;
use crate::builder::StartError;
use crate::cast::Role;
use crate::form::Form;
use crate::openid;
use crate::random;
use crate::saml::{self as saml_provider, Metadata, PublicKey};
use crate::world::World;

/// The account that all roles are in.
pub(crate) const ACCOUNT_ID: &str = "111122223333";

/// What STS and IAM know of the account.
#[derive(Default)]
pub(crate) struct Account {
    roles: Vec<Arc<HeldRole>>,
    saml_providers: Vec<HeldProvider>,
    sessions: HashMap<String, Session>, // by access key id
    pub(crate) failures: VecDeque<Refusal>,
    pub(crate) last_denial: Option<String>,
}

struct HeldRole {
    role: Role,
    policy: Policy,
    id: String,
}

/// A SAML provider, with what its metadata says it signs with.
#[derive(Clone)]
struct HeldProvider {
    provider: SamlProvider,
    keys: Vec<PublicKey>,
}

impl Account {
    /// The role of this ARN; that there is none is kept as the reason of the denial to come.
    fn role(&mut self, arn: &str) -> Option<Arc<HeldRole>> {
        let held = self
            .roles
            .iter()
            .find(|held| role_arn(&held.role.name) == arn);
        if held.is_none() {
            self.last_denial = Some(format!("there is no role {}", arn.escape_debug()));
        }
        held.cloned()
    }
}

/// Adds a role, or replaces the one of the same name.
pub(crate) fn put_role(world: &World, role: Role) -> Result<(), StartError> {
    let client_id = world.clients.first().map_or("", |client| &client.id);
    let policy = role
        .trust_policy
        .replace("{issuer}", provider(world).key_prefix())
        .replace(
            "{saml_provider}",
            &saml_provider::provider_arn(saml_provider::PROVIDER),
        )
        .replace("{account}", ACCOUNT_ID)
        .replace("{client_id}", client_id);
    let policy = world.people.iter().fold(policy, |policy, person| {
        let subject = openid::subject(world, person, client_id);
        policy.replace(&format!("{{subject:{}}}", person.login), &subject)
    });
    let policy = Policy::parse(&policy).map_err(|error| StartError::TrustPolicy {
        role: role.name.clone(),
        reason: error.to_string(),
    })?;
    let mut state = world.state();
    state
        .account
        .roles
        .retain(|held| held.role.name != role.name);
    let id = random::aws_id::<17>("AROA");
    state
        .account
        .roles
        .push(Arc::new(HeldRole { role, policy, id }));
    Ok(())
}

/// Adds a SAML provider, or replaces the one of the same name, and returns its ARN; none if the metadata cannot be used.
pub(crate) fn put_saml_provider(world: &World, name: &str, metadata: &str) -> Option<String> {
    let Metadata { entity_id, keys } = Metadata::read(metadata)?;
    let provider = SamlProvider::new("aws", ACCOUNT_ID, name, &entity_id);
    let arn = provider.arn().to_owned();
    let held = &mut world.state().account.saml_providers;
    held.retain(|known| known.provider.arn() != arn);
    held.push(HeldProvider { provider, keys });
    Some(arn)
}

pub(crate) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT_ID}:role/{name}")
}

/// The one OpenID provider of the account: the sandbox's issuer, with every client as an audience.
fn provider(world: &World) -> IdentityProvider {
    IdentityProvider::new(
        "aws",
        ACCOUNT_ID,
        &world.issuer,
        world.clients.iter().map(|client| client.id.as_str()),
    )
}

/// Answers one request at the endpoint of STS.
pub(crate) fn answer(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    if request.uri().path() != "/" || request.method() != Method::POST {
        return respond(
            StatusCode::NOT_FOUND,
            "text/plain",
            "this is STS: POST to /",
        );
    }
    let id = request_id();
    let (status, body) = match call(world, request) {
        Ok(result) => (StatusCode::OK, xml::success(&result, &id)),
        Err(refusal) => (
            StatusCode::from_u16(refusal.answer.status).unwrap_or(StatusCode::BAD_REQUEST),
            xml::failure(&refusal, &id),
        ),
    };
    let mut response = respond(status, "text/xml", body);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// What a call gives back: its name, and the inside of its `Result` element.
struct Outcome {
    action: &'static str,
    result: String,
}

fn call(world: &World, request: &Request<Bytes>) -> Result<Outcome, Refusal> {
    type Call = fn(&World, &Request<Bytes>, &Form) -> Result<String, Refusal>;

    let twice =
        || answer::VALIDATION.refuse(&[("message", "The request has the same parameter twice.")]);
    let form = Form::parse(request.body()).ok_or_else(twice)?;
    let (asked, version) = (
        form.value("Action").unwrap_or_default(),
        form.value("Version").unwrap_or_default(),
    );
    let mut state = world.state();
    let calls = &mut state.calls;
    let (action, count, call): (_, _, Call) = match (asked, version) {
        ("AssumeRoleWithWebIdentity", VERSION) => (
            "AssumeRoleWithWebIdentity",
            &mut calls.assume_role_with_web_identity,
            |world, _, form| web_identity::assume(world, form),
        ),
        ("AssumeRoleWithSAML", VERSION) => (
            "AssumeRoleWithSAML",
            &mut calls.assume_role_with_saml,
            |world, _, form| saml::assume(world, form),
        ),
        ("AssumeRole", VERSION) => ("AssumeRole", &mut calls.assume_role, assume_role::assume),
        ("GetCallerIdentity", VERSION) => (
            "GetCallerIdentity",
            &mut calls.get_caller_identity,
            |world, request, _| assume_role::caller_identity(world, request),
        ),
        _ => return Err(answer::INVALID_ACTION.refuse(&[("action", asked), ("version", version)])),
    };
    *count += 1;
    if let Some(failure) = state.account.failures.pop_front() {
        return Err(failure);
    }
    drop(state);
    Ok(Outcome {
        action,
        result: call(world, request, &form)?,
    })
}

/// In the shape of a version 4 UUID.
fn request_id() -> String {
    let hex = sigv4::hex(&random::bytes::<16>());
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}

const VERSION: &str = "2011-06-15";
