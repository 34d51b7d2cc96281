//! What an ID token says of a person, in the words of the identity provider that the sandbox is shaped like.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::grants::SignIn;
use crate::cast::Person;
use crate::shape::{Shape, TENANT};
use crate::world::World;

/// The claims of a scope that were granted, and those that are there anyway.
pub(super) fn add(world: &World, person: &Person, sign_in: &SignIn, claims: &mut Value) {
    if sign_in.may("email") {
        claims["email"] = json!(person.email);
        claims["email_verified"] = json!(person.email_verified);
    }
    if sign_in.may("profile") {
        claims["name"] = json!(person.name);
    }
    let Some(shape) = world.shape else { return };
    let (client, login) = (&sign_in.client_id, &person.login);
    let id = format!("{shape} {login}");
    match shape {
        // https://auth0.com/docs/manage-users/user-accounts/user-profiles/sample-user-profiles
        Shape::Auth0 => {
            if sign_in.may("profile") {
                claims["nickname"] = json!(login);
                claims["updated_at"] = json!(rfc3339(sign_in.auth_time));
            }
        }
        // https://developer.okta.com/docs/reference/api/oidc/#id-token
        Shape::OktaOrg | Shape::OktaCustom => {
            claims["ver"] = json!(1);
            claims["amr"] = json!(["pwd"]);
            claims["jti"] = json!(format!("ID.{}", crate::random::token()));
            if sign_in.may("profile") {
                claims["preferred_username"] = json!(person.email);
            }
        }
        // https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
        Shape::Google => claims["azp"] = json!(client),
        // https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference: auth_time is optional, at_hash is
        // not there at the token endpoint, email_verified is not there at all
        Shape::EntraV1 | Shape::EntraV2 => {
            let version = if shape == Shape::EntraV1 {
                "1.0"
            } else {
                "2.0"
            };
            for absent in ["auth_time", "at_hash", "email_verified"] {
                claims.as_object_mut().map(|claims| claims.remove(absent));
            }
            claims["tid"] = json!(TENANT);
            claims["oid"] = json!(uuid(&id));
            claims["ver"] = json!(version);
            claims["nbf"] = claims["iat"].clone();
            if shape == Shape::EntraV1 {
                claims["upn"] = json!(person.email);
            } else if sign_in.may("profile") {
                claims["preferred_username"] = json!(person.email);
            }
        }
        // https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
        Shape::Cognito => {
            claims["token_use"] = json!("id");
            claims["cognito:username"] = json!(login);
            if sign_in.may("email") {
                // As its userInfo writes it, https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html; in ID
                // tokens there are booleans too, and a client has to take both.
                claims["email_verified"] = json!(person.email_verified.to_string());
            }
        }
        // https://www.keycloak.org/docs/latest/server_admin/#_oidc_token_mappings
        Shape::Keycloak => {
            claims["azp"] = json!(client);
            claims["typ"] = json!("ID");
            claims["acr"] = json!("1");
            if sign_in.may("profile") {
                claims["preferred_username"] = json!(login);
            }
        }
        // https://github.com/dexidp/dex: a client that asks for tokens for others is the authorized party, and not in the audience
        Shape::Dex => {
            let others: Vec<_> = sign_in
                .scope
                .iter()
                .filter_map(|scope| scope.strip_prefix(FOR_ANOTHER))
                .collect();
            if !others.is_empty() {
                claims["azp"] = json!(client);
                claims["aud"] = match others[..] {
                    [one] => json!(one),
                    _ => json!(others),
                };
            }
        }
        // https://github.com/gitlabhq/gitlabhq/blob/master/config/initializers/doorkeeper_openid_connect.rb: of the profile nothing
        Shape::GitLab => {
            claims.as_object_mut().map(|claims| claims.remove("name"));
            claims["sub_legacy"] = json!(hex(&Sha256::digest(&id)));
            claims["groups_direct"] = json!([]);
        }
    }
}

/// The claim `sub` of a person in a token for this client.
pub(crate) fn subject(world: &World, person: &Person, client_id: &str) -> String {
    let Some(shape) = world.shape.filter(|_| !person.claims.contains_key("sub")) else {
        return person.subject();
    };
    let login = &person.login;
    let id = format!("{shape} {login}");
    match shape {
        Shape::Auth0 => format!("auth0|{login}"),
        Shape::OktaOrg | Shape::OktaCustom => format!("00u{}", &hex(&Sha256::digest(&id))[..17]),
        Shape::Google => format!("1{:020}", number(&id)),
        Shape::GitLab => (number(&id) % 10_000_000).to_string(),
        Shape::EntraV1 | Shape::EntraV2 => {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD
                .encode(Sha256::digest(format!("{id} {client_id}")))
        }
        Shape::Cognito | Shape::Keycloak => uuid(&id),
        Shape::Dex => format!("Cg{}", hex(&Sha256::digest(&id))),
    }
}

/// The scope by which a client of Dex asks for a token for another one.
pub(super) const FOR_ANOTHER: &str = "audience:server:client_id:";

fn number(text: &str) -> u64 {
    let digest = Sha256::digest(text);
    digest[..8]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// In the shape of a version 4 UUID, the same for the same text.
fn uuid(text: &str) -> String {
    let hex = hex(&Sha256::digest(text));
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn rfc3339(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}
