//! The attributes of a response, AWS's own among them (IAM User Guide, "Configure SAML assertions for the authentication
//! response").

use roxmltree::Node;

use super::xml::{self, ASSERTION};
use super::{SamlRole, invalid};
use crate::error::TokenError;

/// How the names of AWS's attributes begin, in every partition.
pub(super) const AWS: &str = "https://aws.amazon.com/SAML/Attributes/";

pub(super) const ROLE: &str = "Role";
pub(super) const ROLE_SESSION_NAME: &str = "RoleSessionName";
pub(super) const SESSION_DURATION: &str = "SessionDuration";
pub(super) const SOURCE_IDENTITY: &str = "SourceIdentity";
pub(super) const PRINCIPAL_TAG: &str = "PrincipalTag:";
const TRANSITIVE_TAG_KEYS: &str = "TransitiveTagKeys";

/// Every attribute's name and values, in the order of the names.
///
/// One of AWS's stands once, since AWS takes one of several and does not say which, and has one value unless it is a list.
pub(super) fn read(assertion: Node<'_, '_>) -> Result<Vec<(String, Vec<String>)>, TokenError> {
    let mut read: Vec<(String, Vec<String>)> = Vec::new();
    let statements = xml::all(assertion, ASSERTION, "AttributeStatement");
    for attribute in statements.flat_map(|statement| xml::all(statement, ASSERTION, "Attribute")) {
        let name = xml::attribute(attribute, "Name")?;
        let values = xml::all(attribute, ASSERTION, "AttributeValue");
        let values = if let Some(short) = name.strip_prefix(AWS) {
            if read.iter().any(|(before, _)| before == name) {
                return Err(invalid(format!("the SAML response has two attributes {name:?}")).with_advice(
                    "have the identity provider write one attribute with all the values: in Keycloak, switch on \"Single Role Attribute\"",
                ));
            }
            let values = values.map(xml::text).collect::<Result<Vec<_>, _>>()?;
            if values.len() > 1 && ![ROLE, TRANSITIVE_TAG_KEYS].contains(&short) {
                return Err(invalid(format!(
                    "expected one value of {name:?} in the SAML response, found {}",
                    values.len()
                )));
            }
            values
        } else {
            values.map(xml::all_text).collect()
        };
        read.push((name.to_owned(), values));
    }
    read.sort();
    Ok(read)
}

/// The pairs of a role and a SAML provider, each once, in the order of the response. A value that is no such pair is one
/// that nobody can assume, and is passed over.
pub(super) fn roles(attributes: &[(String, Vec<String>)]) -> Vec<SamlRole> {
    let values = attributes
        .iter()
        .filter(|(name, _)| name.strip_prefix(AWS) == Some(ROLE))
        .flat_map(|(_, values)| values);
    let mut roles = Vec::new();
    for value in values {
        match pair(value) {
            Some(role) if roles.contains(&role) => {}
            Some(role) => roles.push(role),
            None => tracing::debug!(
                value = crate::text::printable(value),
                "the SAML response lists something that is no role with its SAML provider"
            ),
        }
    }
    roles
}

/// `ROLE-ARN,PROVIDER-ARN`. AWS takes either order, and identity providers write either.
fn pair(value: &str) -> Option<SamlRole> {
    let (one, other) = value.split_once(',')?;
    let (one, other) = (one.trim_ascii(), other.trim_ascii());
    let is_role = |arn: &str| resource(arn).is_some_and(|name| name.starts_with("role/"));
    let is_provider =
        |arn: &str| resource(arn).is_some_and(|name| name.starts_with("saml-provider/"));
    let of = |role: &str, provider: &str| SamlRole {
        role: role.to_owned(),
        provider: provider.to_owned(),
    };
    match () {
        () if is_role(one) && is_provider(other) => Some(of(one, other)),
        () if is_provider(one) && is_role(other) => Some(of(other, one)),
        () => None,
    }
}

/// What follows the account in `arn:PARTITION:iam::ACCOUNT:RESOURCE`. IAM has no names but of ASCII's visible characters.
fn resource(arn: &str) -> Option<&str> {
    let is_plain = |c: char| c.is_ascii_graphic() && c != ',';
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    match fields[..] {
        ["arn", _, "iam", "", _, resource] if arn.chars().all(is_plain) => Some(resource),
        _ => None,
    }
}
