//! Responses to be minted: good ones, and those that a service must refuse.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::document::{SAML, SAMLP, escaped};
use super::key::{Hash, SigningKey};
use super::{PERSISTENT, SIGN_IN, signature};
use crate::random;
use crate::sts::timestamp;
use crate::world::World;

/// What is to stand in a SAML response of the sandbox, and what is to be wrong with it.
///
/// ```
/// use std::time::Duration;
/// use keyless_sandbox::{Assertion, Signed, Tampered};
///
/// let good = Assertion::of("alice").in_response_to("_request").signed(Signed::Both);
/// let expired = Assertion::of("alice").issued_ago(Duration::from_mins(6));
/// let wrapped = Assertion::of("alice").tampered(Tampered::Wrapped { around: "bob".to_owned() });
/// # let _ = (good, expired, wrapped);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Assertion {
    login: String,
    issuer: Option<String>,
    recipient: String,
    destination: Option<String>,
    audience: String,
    in_response_to: Option<String>,
    age: Duration,
    starts_in: Duration,
    lifetime: Duration,
    session_ends_in: Option<Duration>,
    roles: Option<Vec<String>>,
    attributes: Vec<(String, Vec<String>)>,
    status: Option<String>,
    signed: Signed,
    by_stranger: bool,
    written: Vec<(String, String)>,
    tampered: Option<Tampered>,
}

/// Which part of a response carries a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signed {
    /// The assertion alone, as most identity providers do it.
    Assertion,
    /// The whole response.
    Response,
    /// Both.
    Both,
    /// Neither: nobody may believe it.
    Nothing,
}

/// What is done to a response after it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tampered {
    /// The signed assertion is that of another person, moved aside; in its place stands an unsigned one.
    Wrapped {
        /// The login of the person whose assertion is really signed.
        around: String,
    },
    /// It declares an entity, and has it stand for the subject.
    Entities,
    /// A text in it is another one now.
    Text {
        /// What it was.
        from: String,
        /// What it is.
        to: String,
    },
    /// A comment of so many letters stands at its end.
    Padded(usize),
}

impl Assertion {
    /// An assertion about the person of this login, as a sign-in at the sandbox gives: for AWS, with the person's roles, their email as
    /// name of the session, and for five minutes from now; signed by the sandbox.
    pub fn of(login: impl Into<String>) -> Assertion {
        Assertion {
            login: login.into(),
            issuer: None,
            recipient: SIGN_IN.to_owned(),
            destination: None,
            audience: "urn:amazon:webservices".to_owned(),
            in_response_to: None,
            age: Duration::ZERO,
            starts_in: Duration::ZERO,
            lifetime: Duration::from_mins(5),
            session_ends_in: None,
            roles: None,
            attributes: Vec::new(),
            status: None,
            signed: Signed::Assertion,
            by_stranger: false,
            written: Vec::new(),
            tampered: None,
        }
    }

    /// Another issuer than the sandbox's.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Assertion {
        self.issuer = Some(issuer.into());
        self
    }

    /// The `Recipient`; AWS's sign-in address unless said otherwise.
    pub fn recipient(mut self, url: impl Into<String>) -> Assertion {
        self.recipient = url.into();
        self
    }

    /// The `Destination`; the recipient unless said otherwise.
    pub fn destination(mut self, url: impl Into<String>) -> Assertion {
        self.destination = Some(url.into());
        self
    }

    /// The `Audience`; `urn:amazon:webservices` unless said otherwise.
    pub fn audience(mut self, audience: impl Into<String>) -> Assertion {
        self.audience = audience.into();
        self
    }

    /// The id of the request that it answers. Without it nobody has asked.
    pub fn in_response_to(mut self, id: impl Into<String>) -> Assertion {
        self.in_response_to = Some(id.into());
        self
    }

    /// Issued so long ago; every time in it lies back by as much.
    pub fn issued_ago(mut self, age: Duration) -> Assertion {
        self.age = age;
        self
    }

    /// Valid so long after it is issued, and not before.
    pub fn starts_in(mut self, wait: Duration) -> Assertion {
        self.starts_in = wait;
        self
    }

    /// Valid for so long; five minutes unless said otherwise.
    pub fn lifetime(mut self, lifetime: Duration) -> Assertion {
        self.lifetime = lifetime;
        self
    }

    /// Says when the session at the identity provider ends, and with it the one at AWS (`SessionNotOnOrAfter`).
    pub fn session_ends_in(mut self, wait: Duration) -> Assertion {
        self.session_ends_in = Some(wait);
        self
    }

    /// One more pair of role and SAML provider, each an ARN, in place of the person's own.
    pub fn role(mut self, role: &str, provider: &str) -> Assertion {
        let roles = self.roles.get_or_insert_default();
        roles.push(format!("{role},{provider}"));
        self
    }

    /// An attribute with its values, in place of the one of this name; without values it is left out. AWS's own may be called by
    /// what follows `https://aws.amazon.com/SAML/Attributes/`, such as `PrincipalTag:Project`.
    pub fn attribute<const N: usize>(mut self, name: &str, values: [&str; N]) -> Assertion {
        let name = if name.contains("://") || name.starts_with("urn:") {
            name.to_owned()
        } else {
            format!("{AWS}{name}")
        };
        let values = values.map(str::to_owned).to_vec();
        self.attributes.retain(|(known, _)| *known != name);
        self.attributes.push((name, values));
        self
    }

    /// No assertion, but why there is none: the second-level status, such as `AuthnFailed` (SAML core §3.2.2.2).
    pub fn failed(mut self, status: impl Into<String>) -> Assertion {
        self.status = Some(status.into());
        self
    }

    /// What the sandbox signs; the assertion unless said otherwise.
    pub fn signed(mut self, signed: Signed) -> Assertion {
        self.signed = signed;
        self
    }

    /// Signed by a key that nobody knows, whose certificate comes along.
    pub fn by_stranger(mut self) -> Assertion {
        self.by_stranger = true;
        self
    }

    /// Has another text in the assertion's XML than the sandbox would write, and signs it so.
    pub fn written(mut self, instead_of: impl Into<String>, text: impl Into<String>) -> Assertion {
        self.written.push((instead_of.into(), text.into()));
        self
    }

    /// Changed after it was signed.
    pub fn tampered(mut self, how: Tampered) -> Assertion {
        self.tampered = Some(how);
        self
    }

    /// The response in Base64, as a browser posts it; none if there is no such person.
    pub(crate) fn mint(&self, world: &World) -> Option<String> {
        Some(STANDARD.encode(self.xml(world)?))
    }

    /// The response, signed and tampered with.
    fn xml(&self, world: &World) -> Option<String> {
        let now = world.now().checked_sub(self.age)?;
        let (response_id, id) = (new_id(), new_id());
        let (key, certificate) = if self.by_stranger {
            let key = SigningKey::generate(false);
            let certificate = super::certificate(&key);
            (key, certificate)
        } else {
            (world.saml.key.clone(), world.saml.certificate.clone())
        };
        let sign = |xml: String, id| signature::sign(&xml, id, &key, Hash::Sha256, &certificate);

        let issuer = self.issuer.clone().unwrap_or_else(|| super::issuer(world));
        let issuer = format!("<saml:Issuer>{}</saml:Issuer>", escaped(&issuer));
        let mut assertion = match self.status {
            Some(_) => String::new(),
            None => self.assertion(world, &id, &issuer)?,
        };
        if matches!(self.signed, Signed::Assertion | Signed::Both) && !assertion.is_empty() {
            assertion = sign(assertion, &id)?;
        }
        if let Some(Tampered::Wrapped { around }) = &self.tampered {
            let other = Assertion {
                login: around.clone(),
                ..self.clone()
            };
            let signed = sign(other.assertion(world, &id, &issuer)?, &id)?;
            let unsigned = self.assertion(world, &new_id(), &issuer)?;
            assertion = format!("<samlp:Extensions>{signed}</samlp:Extensions>{unsigned}");
        }
        let destination = self.destination.as_ref().unwrap_or(&self.recipient);
        let mut response = format!(
            "<samlp:Response xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{response_id}\" Version=\"2.0\" \
             IssueInstant=\"{}\" Destination=\"{}\"{}>{issuer}<samlp:Status>{}</samlp:Status>{assertion}</samlp:Response>",
            timestamp(now),
            escaped(destination),
            self.answered(),
            self.status_code()
        );
        if matches!(self.signed, Signed::Response | Signed::Both) {
            response = sign(response, &response_id)?;
        }
        match &self.tampered {
            None | Some(Tampered::Wrapped { .. }) => {}
            Some(Tampered::Entities) => {
                let doctype = "<!DOCTYPE Response [<!ENTITY subject \"user-carol\">]>";
                response = format!(
                    "{doctype}{}",
                    between(&response, "</saml:NameID>", "&subject;")?
                );
            }
            Some(Tampered::Text { from, to }) => response = response.replace(from, to),
            Some(Tampered::Padded(letters)) => {
                let comment = format!("<!--{}-->", "x".repeat(*letters));
                response.insert_str(response.rfind("</")?, &comment);
            }
        }
        Some(response)
    }

    /// The assertion element, as it is to be signed. Every namespace is its own, so that it can be cut out.
    fn assertion(&self, world: &World, id: &str, issuer: &str) -> Option<String> {
        let person = world.person(&self.login)?;
        let issued = world.now().checked_sub(self.age)?;
        let starts = issued + self.starts_in;
        let ends = starts + self.lifetime;
        let (issued_at, ends_at) = (timestamp(issued), timestamp(ends));
        let session_ends = self
            .session_ends_in
            .map(|wait| format!(" SessionNotOnOrAfter=\"{}\"", timestamp(issued + wait)));
        let mut attributes = String::new();
        for (name, values) in self.all_attributes(world)? {
            let _ = write!(
                attributes,
                "<saml:Attribute Name=\"{}\" NameFormat=\"{URI}\">",
                escaped(&name)
            );
            for value in values {
                let value = escaped(&value);
                let _ = write!(
                    attributes,
                    "<saml:AttributeValue xsi:type=\"xs:string\">{value}</saml:AttributeValue>"
                );
            }
            attributes.push_str("</saml:Attribute>");
        }
        let xml = format!(
            "<saml:Assertion xmlns:saml=\"{SAML}\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{issued_at}\">{issuer}\
             <saml:Subject><saml:NameID Format=\"{PERSISTENT}\">{subject}</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <saml:SubjectConfirmationData Recipient=\"{recipient}\" NotOnOrAfter=\"{ends_at}\"{answered}/></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{starts_at}\" NotOnOrAfter=\"{ends_at}\"><saml:AudienceRestriction>\
             <saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{issued_at}\" SessionIndex=\"{id}\"{session_ends}><saml:AuthnContext>\
             <saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef>\
             </saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>",
            subject = escaped(&person.subject()),
            recipient = escaped(&self.recipient),
            answered = self.answered(),
            starts_at = timestamp(starts),
            audience = escaped(&self.audience),
            session_ends = session_ends.unwrap_or_default(),
        );
        let written = self.written.iter();
        Some(written.fold(xml, |xml, (from, to)| xml.replace(from, to)))
    }

    /// The person's attributes, with those that are wanted otherwise.
    fn all_attributes(&self, world: &World) -> Option<Vec<(String, Vec<String>)>> {
        let person = world.person(&self.login)?;
        let own = || super::role_pairs(person);
        let roles = self.roles.clone().unwrap_or_else(own);
        let mut all = vec![
            (format!("{AWS}Role"), roles),
            (format!("{AWS}RoleSessionName"), vec![person.email.clone()]),
            (format!("{AWS}SessionDuration"), vec!["3600".to_owned()]),
            (
                "urn:oid:0.9.2342.19200300.100.1.3".to_owned(),
                vec![person.email.clone()],
            ), // mail
        ];
        all.retain(|(name, _)| !self.attributes.iter().any(|(wanted, _)| wanted == name));
        all.extend(self.attributes.iter().cloned());
        all.retain(|(_, values)| !values.is_empty());
        Some(all)
    }

    fn answered(&self) -> String {
        match &self.in_response_to {
            Some(id) => format!(" InResponseTo=\"{}\"", escaped(id)),
            None => String::new(),
        }
    }

    fn status_code(&self) -> String {
        let code = |name: &str, inner: &str| {
            let name = escaped(name);
            format!(
                "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:{name}\">{inner}</samlp:StatusCode>"
            )
        };
        match &self.status {
            None => code("Success", ""),
            Some(why) => code("Responder", &code(why, "")),
        }
    }
}

/// The text with something else between the last `>` before `end` and `end`.
fn between(text: &str, end: &str, new: &str) -> Option<String> {
    let end = text.find(end)?;
    let start = text[..end].rfind('>')? + 1;
    Some([&text[..start], new, &text[end..]].concat())
}

/// An XML id begins with a letter or an underscore.
fn new_id() -> String {
    format!("_{}", random::token())
}

const AWS: &str = "https://aws.amazon.com/SAML/Attributes/";
const URI: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
