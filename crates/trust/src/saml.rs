//! SAML: providers as IAM holds them, and what STS and a trust policy make of an assertion.
//!
//! The XML, its signature and its times are looked at elsewhere; here are the values that came out of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};

use crate::arn;

/// An IAM SAML provider: an identity provider's metadata under a name.
///
/// ```
/// use keyless_trust::saml::SamlProvider;
///
/// let provider = SamlProvider::new("aws", "123456789012", "MySAMLIdP", "https://example.com/saml");
/// assert_eq!(provider.arn(), "arn:aws:iam::123456789012:saml-provider/MySAMLIdP");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlProvider {
    arn: String,
    issuer: String,
}

impl SamlProvider {
    /// A provider of this name in an account, whose metadata has the issuer as `entityID`.
    pub fn new(partition: &str, account: &str, name: &str, issuer: &str) -> Self {
        Self {
            arn: format!("arn:{partition}:iam::{account}:saml-provider/{name}"),
            issuer: issuer.to_owned(),
        }
    }

    /// `arn:<partition>:iam::<account>:saml-provider/<name>`: what a policy's `Federated` names.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The `entityID`, which an assertion's `Issuer` must be to the letter.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The account it is in, which must be the role's.
    pub fn account(&self) -> &str {
        arn::account(&self.arn).unwrap_or_default()
    }

    /// The friendly name: the last part of the ARN.
    pub fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    /// What makes a subject unique among providers, as `AssumeRoleWithSAML` answers it and as `saml:namequalifier` has it:
    /// the Base64 of the SHA-1 of the issuer, the account, a slash and the name (API reference, `NameQualifier`).
    pub fn name_qualifier(&self) -> String {
        let text = format!("{}{}/{}", self.issuer, self.account(), self.name());
        STANDARD.encode(Sha1::digest(text))
    }
}

/// The values of an assertion that count for STS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assertion {
    /// `Recipient` of the `SubjectConfirmationData`, which STS calls the audience.
    pub recipient: String,
    /// `NameID`.
    pub subject: String,
    /// `Format` of the `NameID`, if it has one.
    pub format: Option<String>,
    /// Each attribute's `Name` with its values, in order.
    pub attributes: Vec<(String, Vec<String>)>,
}

impl Assertion {
    /// The format without SAML 2.0's own prefix; one of another kind as it is. None counts as unspecified.
    pub fn subject_type(&self) -> &str {
        let format = self.format.as_deref().unwrap_or(UNSPECIFIED);
        format
            .strip_prefix("urn:oasis:names:tc:SAML:2.0:nameid-format:")
            .unwrap_or(format)
    }

    /// All values of the attributes of this name.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |(known, _)| known == name)
            .flat_map(|(_, values)| values.iter().map(String::as_str))
    }

    /// The pairs of role and provider, either of which may stand first, as AWS reads them.
    pub fn roles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values(ROLE).filter_map(|pair| {
            let (one, other) = pair.split_once(',')?;
            let (one, other) = (one.trim(), other.trim());
            Some(if arn::is_role(one) {
                (one, other)
            } else {
                (other, one)
            })
        })
    }

    /// `RoleSessionName`, which every assertion for AWS must have.
    pub fn session_name(&self) -> Option<&str> {
        self.values(SESSION_NAME).next()
    }

    /// `SessionDuration`, in seconds as written. AWS's sign-in page reads it; STS itself goes by `DurationSeconds`.
    pub fn session_duration(&self) -> Option<&str> {
        self.values(SESSION_DURATION).next()
    }

    /// `SourceIdentity`. The role must allow `sts:SetSourceIdentity` if there is one.
    pub fn source_identity(&self) -> Option<&str> {
        self.values(SOURCE_IDENTITY).next()
    }

    /// Session tags, from the attributes `PrincipalTag:…`. The role must allow `sts:TagSession` if there is one.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().filter_map(|(name, values)| {
            Some((name.strip_prefix(PRINCIPAL_TAG)?, values.first()?.as_str()))
        })
    }

    /// The keys of those tags that go along to the next role of a chain.
    pub fn transitive_tag_keys(&self) -> impl Iterator<Item = &str> {
        self.values(TRANSITIVE_TAG_KEYS)
    }

    /// The condition keys that stand for attributes, with their values: those of X.500, Active Directory and eduPerson that the
    /// IAM user guide maps ("Mapping SAML attributes to AWS trust policy context keys"), and no others.
    pub(crate) fn mapped(&self) -> impl Iterator<Item = (&'static str, Vec<&str>)> {
        MAPPED
            .iter()
            .map(|(attribute, key)| (*key, self.values(attribute).collect()))
            .filter(|(_, values): &(_, Vec<_>)| !values.is_empty())
    }
}

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
const ROLE: &str = "https://aws.amazon.com/SAML/Attributes/Role";
const SESSION_NAME: &str = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";
const SESSION_DURATION: &str = "https://aws.amazon.com/SAML/Attributes/SessionDuration";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/SAML/Attributes/SourceIdentity";
const PRINCIPAL_TAG: &str = "https://aws.amazon.com/SAML/Attributes/PrincipalTag:";
const TRANSITIVE_TAG_KEYS: &str = "https://aws.amazon.com/SAML/Attributes/TransitiveTagKeys";

const MAPPED: &[(&str, &str)] = &[
    ("urn:oid:2.5.4.3", "saml:cn"),
    ("urn:oid:2.5.4.4", "saml:surname"),
    ("urn:oid:2.5.4.41", "saml:name"),
    ("urn:oid:2.5.4.42", "saml:givenName"),
    ("urn:oid:2.5.4.45", "saml:x500UniqueIdentifier"),
    ("urn:oid:0.9.2342.19200300.100.1.1", "saml:uid"),
    ("urn:oid:0.9.2342.19200300.100.1.3", "saml:mail"),
    (
        "urn:oid:0.9.2342.19200300.100.1.45",
        "saml:organizationStatus",
    ),
    (
        "http://schemas.xmlsoap.org/claims/CommonName",
        "saml:commonName",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
        "saml:name",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
        "saml:givenName",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
        "saml:surname",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        "saml:mail",
    ),
    (
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid",
        "saml:primaryGroupSID",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.1",
        "saml:edupersonaffiliation",
    ),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.2", "saml:edupersonnickname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.3", "saml:edupersonorgdn"),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.4",
        "saml:edupersonorgunitdn",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.5",
        "saml:edupersonprimaryaffiliation",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
        "saml:edupersonprincipalname",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.7",
        "saml:edupersonentitlement",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.8",
        "saml:edupersonprimaryorgunitdn",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.9",
        "saml:edupersonscopedaffiliation",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.10",
        "saml:edupersontargetedid",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.11",
        "saml:edupersonassurance",
    ),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.2", "saml:eduorghomepageuri"),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.2.1.3",
        "saml:eduorgidentityauthnpolicyuri",
    ),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.4", "saml:eduorglegalname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.5", "saml:eduorgsuperioruri"),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.2.1.6",
        "saml:eduorgwhitepagesuri",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        answer,
        evaluate::decide_saml,
        keys::{Context, Request},
        policy::Policy,
    };

    fn corp() -> SamlProvider {
        SamlProvider::new(
            "aws",
            "111122223333",
            "corp",
            "https://corp.example/metadata",
        )
    }

    fn alice() -> Assertion {
        let attribute = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
        Assertion {
            recipient: "https://signin.aws.amazon.com/saml".to_owned(),
            subject: "alice".to_owned(),
            format: None,
            attributes: vec![
                attribute("urn:oid:0.9.2342.19200300.100.1.3", "alice@example.com"),
                attribute("https://example.com/clearance", "secret"),
                attribute(&format!("{PRINCIPAL_TAG}Project"), "Hermes"),
                attribute(TRANSITIVE_TAG_KEYS, "Project"),
                attribute(SOURCE_IDENTITY, "alice"),
            ],
        }
    }

    #[test]
    fn a_policy_sees_the_documented_keys_and_no_other_attribute() {
        let request = Request {
            session_name: "alice@example.com",
            ..Request::default()
        };
        let provider = corp();
        let qualifier = provider.name_qualifier();
        let context = Context::saml(&alice(), &provider, &request);
        let expected = [
            ("aws:FederatedProvider", provider.arn()),
            ("aws:PrincipalAccount", "111122223333"),
            ("aws:PrincipalType", "User"),
            ("aws:RequestTag/Project", "Hermes"),
            ("aws:TagKeys", "Project"),
            ("aws:userid", provider.arn()),
            ("saml:aud", "https://signin.aws.amazon.com/saml"),
            ("saml:doc", "111122223333/corp"),
            ("saml:iss", "https://corp.example/metadata"),
            ("saml:mail", "alice@example.com"),
            ("saml:namequalifier", &qualifier),
            ("saml:sub", "alice"),
            ("saml:sub_type", UNSPECIFIED),
            ("sts:RoleSessionName", "alice@example.com"),
            ("sts:SourceIdentity", "alice"),
            ("sts:TransitiveTagKeys", "Project"),
        ];
        let found: Vec<_> = context
            .iter()
            .map(|(key, values)| (key, values[0].as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn tags_and_a_source_identity_need_their_actions_as_well() {
        let policy = |actions: &str, provider: &str| {
            Policy::parse(&format!(
                r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"Federated": "{provider}"}}, "Action": [{actions}]}}}}"#
            ))
            .expect("a good policy")
        };
        let all = r#""sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity""#;
        for (actions, provider, allowed) in [
            (all, corp().arn(), true),
            (all, "*", true),
            (all, "arn:aws:iam::111122223333:saml-provider/Corp", false),
            (r#""sts:AssumeRoleWithSAML""#, corp().arn(), false),
            (
                r#""sts:AssumeRoleWithSAML", "sts:TagSession""#,
                corp().arn(),
                false,
            ),
            (
                r#""sts:AssumeRoleWithWebIdentity", "sts:TagSession""#,
                corp().arn(),
                false,
            ),
        ] {
            let policy = policy(actions, provider);
            let decision = decide_saml(&alice(), &corp(), &policy, &Request::default());
            let refusal = decision.refusal("arn:aws:iam::111122223333:role/app");
            let expected = (!allowed).then(|| answer::SAML_NOT_AUTHORIZED.refuse(&[]));
            assert_eq!(refusal, expected, "{actions} {provider}");
        }
    }

    #[test]
    fn the_pair_of_role_and_provider_may_stand_either_way() {
        let (role, provider) = (
            "arn:aws:iam::111122223333:role/team/Developer",
            "arn:aws:iam::111122223333:saml-provider/corp",
        );
        let attributes = [
            format!("{role},{provider}"),
            format!("{provider},{role}"),
            format!("  {provider} ,\n {role} "),
            "nothing of the kind".to_owned(),
        ];
        let assertion = Assertion {
            attributes: vec![(ROLE.to_owned(), attributes.to_vec())],
            ..Assertion::default()
        };
        let expected = [(role, provider); 3];
        assert_eq!(assertion.roles().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_the_prefix_of_saml_2_is_taken_off_a_format() {
        for (format, expected) in [
            (
                Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
                "persistent",
            ),
            (
                Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
                "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            ),
            (None, UNSPECIFIED),
        ] {
            let assertion = Assertion {
                format: format.map(str::to_owned),
                ..Assertion::default()
            };
            assert_eq!(assertion.subject_type(), expected);
        }
    }

    #[test]
    fn the_name_qualifier_tells_providers_apart() {
        let provider =
            |account, name| SamlProvider::new("aws", account, name, "https://example.com/saml");
        let qualifier = provider("123456789012", "MySAMLIdP").name_qualifier();
        // printf %s https://example.com/saml123456789012/MySAMLIdP | openssl sha1 -binary | base64
        assert_eq!(qualifier, "1uAJanUnBc2XeUkHURMht+xam2c=");
        assert_ne!(
            qualifier,
            provider("123456789013", "MySAMLIdP").name_qualifier()
        );
        assert_ne!(
            qualifier,
            provider("123456789012", "Other").name_qualifier()
        );
    }
}
