//! The other proof that AWS takes: a SAML 2.0 response, as an identity provider's page posts it to AWS.

mod attributes;
mod check;
mod read;
#[cfg(feature = "login")]
mod request;
#[cfg(feature = "login")]
mod sign_in;
mod signed;
#[cfg(test)]
mod tests;
mod xml;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyless_cache::{Expiring, Key, Secret};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use self::attributes::{AWS, PRINCIPAL_TAG, ROLE_SESSION_NAME, SESSION_DURATION, SOURCE_IDENTITY};
use self::read::Facts;
use crate::error::{TokenError, TokenErrorKind};
use crate::proof::Proof;
use crate::text;

pub use check::{Expected, is_aws_sign_in};
#[cfg(feature = "login")]
pub use sign_in::{SamlLogin, SamlLoginBuilder};

/// What STS takes as `SAMLAssertion`, in characters of base64 (AssumeRoleWithSAML, API reference).
pub const LONGEST: usize = 100_000;

/// A SAML response that says who somebody is, and which roles of AWS they may have.
///
/// Everything that it says comes from its one assertion, which is signed, by itself or with the response around it. `Debug` shows
/// issuer, subject and expiry and no more; the response itself comes out of [`expose`](Self::expose) alone. It is wiped from
/// memory with the last clone.
///
/// ```
/// # use keyless_token::SamlResponse;
/// # let raw = keyless_token::doc_saml_response();
/// let response = SamlResponse::parse(&raw)?;
/// assert_eq!(response.roles()[0].role, "arn:aws:iam::111122223333:role/Developer");
/// assert!(!format!("{response:?}").contains(response.expose()));
/// # Ok::<(), keyless_token::TokenError>(())
/// ```
#[derive(Clone)]
pub struct SamlResponse(Arc<Inner>);

struct Inner {
    raw: Secret,
    facts: Facts,
}

/// A role of AWS with the SAML provider by which it can be assumed, in the same account. Both are ARNs, as the identity provider wrote them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SamlRole {
    /// `RoleArn` of AssumeRoleWithSAML.
    pub role: String,
    /// `PrincipalArn` of AssumeRoleWithSAML: the SAML provider in IAM.
    pub provider: String,
}

impl SamlResponse {
    /// Reads a response in base64, as it stands in the form field `SAMLResponse`, and checks what AWS would refuse whatever the
    /// time: its length, its status, that it is signed, its one assertion with issuer, subject, recipient and times. White
    /// space in it is ignored.
    ///
    /// Whatever two readers could read in two ways is refused: a second assertion, an ID that stands twice, a signature about something else
    /// than the element it is in, a comment, a DTD. The mathematics of the signature is *not* checked here: AWS has the identity
    /// provider's certificate, and checks it. Until then, what the response says is what somebody says.
    ///
    /// # Errors
    /// [`TokenErrorKind::Refused`] where the response says that the identity provider signed nobody in, else
    /// [`TokenErrorKind::Invalid`] with what was expected and what was found.
    pub fn parse(base64: &str) -> Result<Self, TokenError> {
        let (raw, bytes) = decode(base64)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| invalid("the SAML response is not text in UTF-8"))?;
        let facts = Facts::read(text)?;
        Ok(Self(Arc::new(Inner { raw, facts })))
    }

    /// Reads a response that is to be used at `now`.
    pub(crate) fn parse_unexpired(base64: &str, now: SystemTime) -> Result<Self, TokenError> {
        let response = Self::parse(base64)?;
        response.check_unexpired(now)?;
        Ok(response)
    }

    /// The response in base64, to be sent to AWS and nowhere else.
    pub fn expose(&self) -> &str {
        self.0.raw.expose()
    }

    /// `Issuer` of the assertion: the identity provider's entity ID, to the letter.
    pub fn issuer(&self) -> &str {
        &self.0.facts.issuer
    }

    /// `Destination`: the address that the response was sent to, where it says so.
    pub fn destination(&self) -> Option<&str> {
        self.0.facts.destination.as_deref()
    }

    /// `InResponseTo`: the ID of the request that it answers; `None` where the identity provider began.
    pub fn in_response_to(&self) -> Option<&str> {
        self.0.facts.in_response_to.as_deref()
    }

    /// `NameID`: whom it is about, unique within the issuer. Where its format is *transient*, it is another one at each sign-in.
    pub fn name_id(&self) -> &str {
        &self.0.facts.name_id
    }

    /// `Format` of the `NameID`, a URN, where it says so.
    pub fn name_id_format(&self) -> Option<&str> {
        self.0.facts.name_id_format.as_deref()
    }

    /// `Recipient`: the address that the assertion is for. AWS demands its own.
    pub fn recipient(&self) -> &str {
        &self.0.facts.recipient
    }

    /// Each `Audience`; none where the assertion is for everybody.
    pub fn audiences(&self) -> &[String] {
        &self.0.facts.audiences
    }

    /// `IssueInstant` of the assertion. AWS takes it for five minutes from then on.
    pub fn issued_at(&self) -> SystemTime {
        self.0.facts.issued_at
    }

    /// `NotBefore` of the conditions.
    pub fn not_before(&self) -> Option<SystemTime> {
        self.0.facts.not_before
    }

    /// `NotOnOrAfter` of the conditions.
    pub fn not_on_or_after(&self) -> Option<SystemTime> {
        self.0.facts.not_on_or_after
    }

    /// `NotOnOrAfter` of the subject's confirmation.
    pub fn confirmed_until(&self) -> SystemTime {
        self.0.facts.confirmed_until
    }

    /// Until when AWS takes it: the earliest of five minutes from its issue and what it says itself.
    pub fn expires_at(&self) -> SystemTime {
        self.0.facts.expires_at
    }

    /// `SessionNotOnOrAfter`: AWS lets no session from this response last longer.
    pub fn session_not_on_or_after(&self) -> Option<SystemTime> {
        self.0.facts.session_not_on_or_after
    }

    /// The attribute `SessionDuration`: how long a session from this response lasts at the most.
    pub fn session_duration(&self) -> Option<Duration> {
        let seconds = self.0.facts.aws(SESSION_DURATION)?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// The attribute `RoleSessionName`: what the session is called. AWS demands it.
    pub fn role_session_name(&self) -> Option<&str> {
        self.0.facts.aws(ROLE_SESSION_NAME)
    }

    /// The attribute `SourceIdentity`, which stays with the session through every further role.
    pub fn source_identity(&self) -> Option<&str> {
        self.0.facts.aws(SOURCE_IDENTITY)
    }

    /// The session tags, by key: each attribute `PrincipalTag:KEY`.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes().iter().filter_map(|(name, values)| {
            let key = name.strip_prefix(AWS)?.strip_prefix(PRINCIPAL_TAG)?;
            Some((key, values.first()?.as_str()))
        })
    }

    /// The roles that the identity provider offers, in its order, each once.
    pub fn roles(&self) -> &[SamlRole] {
        &self.0.facts.roles
    }

    /// Every attribute's name and values, in the order of the names. They come from outside: pass them through
    /// [`text::printable`] before you show them.
    pub fn attributes(&self) -> &[(String, Vec<String>)] {
        &self.0.facts.attributes
    }

    /// How a person would be named: the session's name, else the subject. Fit to be shown.
    pub fn who(&self) -> String {
        text::printable(self.role_session_name().unwrap_or(self.name_id()))
    }

    /// What makes two responses stand for the same identity: issuer, subject and every attribute, in whatever order. Trust policies
    /// see them all; so one that differs tells two identities apart.
    pub fn identity(&self) -> Key {
        let sorted = self.attributes().iter().map(|(name, values)| {
            let mut values = values.clone();
            values.sort();
            (name, values)
        });
        let key = Key::of("saml identity")
            .part("issuer", self.issuer())
            .part("subject", self.name_id())
            .part("format", self.name_id_format().unwrap_or_default());
        sorted
            .fold(key, |key, (name, values)| {
                key.part("attribute", name).parts("values", values)
            })
            .finish()
    }
}

impl Proof for SamlResponse {
    fn issuer(&self) -> &str {
        self.issuer()
    }

    fn subject(&self) -> &str {
        self.name_id()
    }

    fn who(&self) -> String {
        self.who()
    }

    fn issued_at(&self) -> SystemTime {
        self.issued_at()
    }

    fn expires_at(&self) -> SystemTime {
        self.expires_at()
    }

    fn identity(&self) -> Key {
        self.identity()
    }
}

impl Expiring for SamlResponse {
    fn expires_at(&self) -> SystemTime {
        self.expires_at()
    }
}

impl fmt::Debug for SamlResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlResponse")
            .field("issuer", &self.issuer())
            .field("name_id", &self.name_id())
            .field("recipient", &self.recipient())
            .field("expires_at", &text::time(self.expires_at()))
            .finish_non_exhaustive()
    }
}

impl PartialEq for SamlResponse {
    fn eq(&self, other: &Self) -> bool {
        self.0.raw == other.0.raw
    }
}

impl Eq for SamlResponse {}

/// Writes the response itself: only ever into a [`Store`](keyless_cache::Store).
impl Serialize for SamlResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SamlResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Secret::deserialize(deserializer)?.expose()).map_err(serde::de::Error::custom)
    }
}

/// Whether a response in base64 names `id` anywhere: a look at what may be anybody's that costs no more than it is long.
pub(crate) fn names(base64: &str, id: &str) -> bool {
    decode(base64).is_ok_and(|(_, bytes)| bytes.windows(id.len()).any(|part| part == id.as_bytes()))
}

/// The response without white space, and what it says.
fn decode(base64: &str) -> Result<(Secret, Zeroizing<Vec<u8>>), TokenError> {
    let raw: Secret = base64
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .take(LONGEST + 1)
        .collect::<String>()
        .into();
    if raw.expose().len() > LONGEST {
        return Err(invalid(format!(
            "the SAML response is {} characters long, and AWS takes at most {LONGEST}",
            base64.len()
        ))
        .with_advice("have the identity provider send fewer roles or groups to this application"));
    }
    let bytes = BASE64_STANDARD
        .decode(raw.expose())
        .map(Zeroizing::new)
        .map_err(|_| {
            invalid("the SAML response cannot be read as base64").with_advice(match () {
                () if raw.expose().starts_with('<') => {
                    "encode the XML as base64, without changing anything in it"
                }
                () if raw.expose().contains('%') => {
                    "decode it as a form field first: %2B is +, %2F is / and %3D is ="
                }
                () => "give the whole value of the form field SAMLResponse, and nothing else",
            })
        })?;
    Ok((raw, bytes))
}

fn invalid(reason: impl AsRef<str>) -> TokenError {
    TokenError::new(TokenErrorKind::Invalid, reason)
}
