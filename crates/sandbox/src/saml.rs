//! The SAML identity provider: its addresses, its metadata, its responses.
//!
//! The reading, canonicalizing and signing of XML here is own code, and serves the sandbox alone.

mod assertion;
mod c14n;
mod der;
pub(crate) mod document;
mod key;
mod metadata;
mod options;
pub(crate) mod signature;
mod sso;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use keyless_loopback::respond;

pub use self::assertion::{Assertion, Signed, Tampered};
pub(crate) use self::key::{PublicKey, SigningKey};
pub(crate) use self::metadata::{Metadata, write as metadata};
pub(crate) use self::options::Options;
pub(crate) use self::sso::Questions;
use crate::cast::Person;
use crate::sts::{ACCOUNT_ID, role_arn};
use crate::world::World;

/// What the identity provider signs with, and how it answers.
pub(crate) struct Signer {
    pub(crate) key: SigningKey,
    pub(crate) certificate: String, // in Base64
    pub(crate) options: Options,
}

impl Signer {
    pub(crate) fn new(key: SigningKey, options: Options) -> Signer {
        Signer {
            certificate: certificate(&key),
            key,
            options,
        }
    }
}

/// Answers one request below `/saml`.
pub(crate) fn answer(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    match (request.uri().path(), request.method()) {
        ("/saml/metadata", &Method::GET) => respond(
            StatusCode::OK,
            "application/samlmetadata+xml",
            metadata(world),
        ),
        ("/saml/sso", &Method::GET | &Method::POST) => sso::request(world, request),
        ("/saml/start", &Method::GET) => sso::start(world, request),
        ("/saml/sign-in", &Method::POST) => sso::choose(world, request),
        ("/saml/metadata" | "/saml/sso" | "/saml/start" | "/saml/sign-in", _) => respond(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "this method is not for this address",
        ),
        _ => respond(StatusCode::NOT_FOUND, "text/plain", "there is nothing here"),
    }
}

/// The `entityID`, which is where the metadata is.
pub(crate) fn issuer(world: &World) -> String {
    world.at("/saml/metadata")
}

pub(crate) fn sso_url(world: &World) -> String {
    world.at("/saml/sso")
}

/// The ARN of the account's SAML provider of this name.
pub(crate) fn provider_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT_ID}:saml-provider/{name}")
}

/// The person's roles, each with the sandbox's provider: those they have been given, else the one that lets everybody in.
fn role_pairs(person: &Person) -> Vec<String> {
    let provider = provider_arn(PROVIDER);
    let default = [DEFAULT_ROLE.to_owned()];
    let roles = if person.saml_roles.is_empty() {
        &default[..]
    } else {
        &person.saml_roles
    };
    let pair = |role: &String| {
        if role.starts_with("arn:") {
            format!("{role},{provider}")
        } else {
            format!("{},{provider}", role_arn(role))
        }
    };
    roles.iter().map(pair).collect()
}

fn certificate(key: &SigningKey) -> String {
    STANDARD.encode(der::self_signed(key, "keyless sandbox"))
}

/// The name of the account's SAML provider that holds the sandbox's metadata.
pub(crate) const PROVIDER: &str = "sandbox";
/// The role that is there by default for everybody who signs in by SAML.
pub(crate) const DEFAULT_ROLE: &str = "saml-dev";
/// AWS's sign-in address, the only recipient that STS takes.
pub(crate) const SIGN_IN: &str = "https://signin.aws.amazon.com/saml";
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
