//! Condition keys: what a trust policy can ask about a request, and which claims of a token become one.

mod claims;

use std::{collections::BTreeMap, time::SystemTime};

use crate::{
    caller::Caller,
    provider::IdentityProvider,
    saml::{Assertion, SamlProvider},
    token::{Token, unix_seconds},
};

pub use claims::{CHECKED, TABLE_VERSION, claims_for, is_mapped, is_of_every_issuer};

/// The condition keys of one request with their values. Names are compared without regard to case, values are not.
///
/// It holds what the token, the provider and the request itself determine. Keys about the connection, such as
/// `aws:SourceIp`, are absent unless [set](Context::set).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// By lower-case name; the name as first written comes along.
    keys: BTreeMap<String, (String, Vec<String>)>,
}

/// What a request says besides who makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// `RoleArn`.
    pub role_arn: &'a str,
    /// `RoleSessionName`.
    pub session_name: &'a str,
    /// `ExternalId`, which only `AssumeRole` has.
    pub external_id: Option<&'a str>,
    /// `Tags` of `AssumeRole`; those of a web identity are in its token.
    pub tags: &'a [(&'a str, &'a str)],
    /// `TransitiveTagKeys` of `AssumeRole`.
    pub transitive_tag_keys: &'a [&'a str],
    /// `SourceIdentity` of `AssumeRole`; that of a web identity is in its token.
    pub source_identity: Option<&'a str>,
    /// When it is made. Without it the request has neither `aws:CurrentTime` nor `aws:EpochTime`.
    pub time: Option<SystemTime>,
}

impl Context {
    /// The keys of `AssumeRoleWithWebIdentity` with this token at its provider.
    ///
    /// `aws:PrincipalArn`, `sts:ExternalId` and all that is known of AWS principals alone is absent: the caller is none.
    pub fn web_identity(token: &Token, provider: &IdentityProvider, request: &Request<'_>) -> Self {
        let mut context = Self::of(Caller::WebIdentity(provider), request);
        let prefix = provider.key_prefix();
        context.set(format!("{prefix}:aud"), [token.audience()]);
        context.set(format!("{prefix}:oaud"), token.audiences());
        context.set(format!("{prefix}:sub"), [token.subject()]);
        context.set(format!("{prefix}:amr"), token.methods());
        for claim in std::iter::once("email").chain(claims_for(prefix)) {
            context.set(format!("{prefix}:{claim}"), token.claim(claim));
        }
        context.set("sts:SourceIdentity", token.source_identity());
        for (key, value) in token.tags() {
            context.set(format!("aws:RequestTag/{key}"), [value]);
        }
        context.set("aws:TagKeys", token.tags().keys());
        context.set("sts:TransitiveTagKeys", token.transitive_tag_keys());
        // Where the claim lists other roles, STS refuses before it comes to the policy.
        let listed = matches!(token.check_roles_claim(request.role_arn), Ok(true));
        context.set("sts:RoleAuthorizedByIdp", [listed.to_string()]);
        context
    }

    /// The keys of `AssumeRoleWithSAML` with this assertion, and the provider whose metadata it was checked against.
    pub fn saml(assertion: &Assertion, provider: &SamlProvider, request: &Request<'_>) -> Self {
        let mut context = Self::of(Caller::Saml(provider), request);
        context.set("saml:aud", [&assertion.recipient]);
        context.set("saml:iss", [provider.issuer()]);
        context.set("saml:sub", [&assertion.subject]);
        context.set("saml:sub_type", [assertion.subject_type()]);
        context.set("saml:namequalifier", [provider.name_qualifier()]);
        let doc = format!("{}/{}", provider.account(), provider.name());
        context.set("saml:doc", [doc]);
        for (key, values) in assertion.mapped() {
            context.set(key, values);
        }
        context.set("sts:SourceIdentity", assertion.source_identity());
        for (key, value) in assertion.tags() {
            context.set(format!("aws:RequestTag/{key}"), [value]);
        }
        context.set("aws:TagKeys", assertion.tags().map(|(key, _)| key));
        context.set("sts:TransitiveTagKeys", assertion.transitive_tag_keys());
        context
    }

    /// The keys of `AssumeRole` by this caller.
    pub fn assume_role(caller: Caller<'_>, request: &Request<'_>) -> Self {
        let mut context = Self::of(caller, request);
        context.set("sts:ExternalId", request.external_id);
        for (key, value) in request.tags {
            context.set(format!("aws:RequestTag/{key}"), [*value]);
        }
        context.set("aws:TagKeys", request.tags.iter().map(|(key, _)| *key));
        context.set(
            "sts:TransitiveTagKeys",
            request.transitive_tag_keys.iter().copied(),
        );
        context.set("sts:SourceIdentity", request.source_identity);
        context
    }

    fn of(caller: Caller<'_>, request: &Request<'_>) -> Self {
        let mut context = Self::default();
        context.set("sts:RoleSessionName", [request.session_name]);
        context.set("aws:PrincipalAccount", [caller.account()]);
        // Both are in seconds, which every date operator reads.
        let time = request.time.map(|time| unix_seconds(time).to_string());
        context.set("aws:CurrentTime", time.clone());
        context.set("aws:EpochTime", time);
        match caller {
            Caller::WebIdentity(provider) => {
                context.set("aws:PrincipalType", ["User"]);
                context.set("aws:userid", [provider.arn()]);
                context.set("aws:FederatedProvider", [provider.arn()]);
            }
            Caller::Saml(provider) => {
                context.set("aws:PrincipalType", ["User"]);
                context.set("aws:userid", [provider.arn()]);
                context.set("aws:FederatedProvider", [provider.arn()]);
            }
            Caller::Role {
                role_arn,
                source_identity,
                ..
            } => {
                context.set("aws:PrincipalType", ["AssumedRole"]);
                context.set("aws:PrincipalArn", [role_arn]);
                context.set("aws:SourceIdentity", source_identity);
            }
        }
        context
    }

    /// Gives a key its values, in place of those it has. Without a value the key is absent.
    pub fn set(
        &mut self,
        key: impl Into<String>,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) {
        let key = key.into();
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        if values.is_empty() {
            self.keys.remove(&key.to_ascii_lowercase());
        } else {
            self.keys.insert(key.to_ascii_lowercase(), (key, values));
        }
    }

    /// The values of a key, at least one; `None` where the request lacks it.
    pub fn values(&self, key: &str) -> Option<&[String]> {
        self.keys
            .get(&key.to_ascii_lowercase())
            .map(|(_, values)| values.as_slice())
    }

    /// Every key with its values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.keys
            .values()
            .map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}

#[cfg(test)]
mod tests;
