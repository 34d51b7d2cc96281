//! Whether a response is for AWS, for us, and for now: told before AWS tells it in fewer words.

use std::time::SystemTime;

use url::Url;

use super::attributes::{AWS, ROLE, ROLE_SESSION_NAME};
use super::{SamlResponse, invalid};
use crate::error::TokenError;
use crate::id_token::CLOCK_TOLERANCE;
use crate::text;

/// Where AWS listens for SAML responses, in each of its partitions; a region may stand before it.
const SIGN_IN_HOSTS: [&str; 9] = [
    "signin.aws.amazon.com",
    "signin.amazonaws.cn",
    "signin.amazonaws-us-gov.com",
    "signin-fips.amazonaws-us-gov.com",
    "signin.amazonaws-eusc.eu",
    "signin.c2shome.ic.gov",
    "signin.sc2shome.sgov.gov",
    "signin.csphome.adc-e.uk",
    "signin.csphome.hci.ic.gov",
];

/// What AWS is called as a service provider; in some partitions with a suffix, such as `:govcloud`.
const AUDIENCE: &str = "urn:amazon:webservices";

/// Whom a response is to be for. As it is by default: AWS, whoever asked for it.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The recipients that pass. None: the sign-in addresses of AWS ([`is_aws_sign_in`]).
    pub recipients: Vec<String>,
    /// The audiences that pass, one of which must be there. None: `urn:amazon:webservices` and the sign-in addresses of AWS.
    pub audiences: Vec<String>,
    /// The ID of the request that it has to answer. `None`: any, and none.
    pub in_response_to: Option<String>,
}

impl SamlResponse {
    /// Checks all that can be checked without the identity provider's certificate: for whom the response is, what it answers, its times at `now`, and that
    /// it names a role and a session.
    ///
    /// # Errors
    /// [`TokenErrorKind::Invalid`](crate::TokenErrorKind::Invalid) with what was expected, what was found, and what to set at the identity provider.
    pub fn check(&self, expected: &Expected, now: SystemTime) -> Result<(), TokenError> {
        if let Some(request) = &expected.in_response_to
            && self.in_response_to() != Some(request)
        {
            return Err(invalid(match self.in_response_to() {
                Some(other) => format!("the SAML response answers the request {other:?}, and the one that was sent is {request:?}"),
                None => format!("the SAML response answers no request, and {request:?} was sent"),
            })
            .with_advice("sign in again, in one browser window"));
        }
        self.check_unexpired(now)?;
        self.check_for_aws(expected)
    }

    /// The part of [`check`](Self::check) that no time and no request plays a part in.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_for_aws(&self, expected: &Expected) -> Result<(), TokenError> {
        let recipient = self.recipient();
        let passes = match &expected.recipients[..] {
            [] => is_aws_sign_in(recipient),
            those => those.iter().any(|one| one == recipient),
        };
        if !passes {
            return Err(invalid(format!(
                "the SAML response is for the recipient {recipient:?}, and AWS takes only its own address, {}",
                expected.recipients.first().map_or("https://signin.aws.amazon.com/saml", String::as_str)
            ))
            .with_advice("set the application's Recipient to AWS's address at the identity provider, even where it posts to another one; docs/saml.md says which can"));
        }
        let is_audience = |audience: &String| match &expected.audiences[..] {
            [] => is_aws(audience) || is_aws_sign_in(audience),
            those => those.contains(audience),
        };
        if !self.audiences().iter().any(is_audience) {
            return Err(invalid(format!(
                "the SAML response is for the audience {:?}, and AWS wants {}",
                self.audiences().join(", "),
                expected.audiences.first().map_or(AUDIENCE, String::as_str)
            ))
            .with_advice("set the application's audience (entity ID of the service provider) at the identity provider"));
        }
        if self.role_session_name().is_none_or(str::is_empty) {
            return Err(invalid(format!(
                "the SAML response lacks the attribute {AWS}{ROLE_SESSION_NAME}"
            ))
            .with_advice("have the identity provider send it, such as the person's address"));
        }
        if self.roles().is_empty() {
            return Err(invalid(format!("the SAML response offers no role: no value of the attribute {AWS}{ROLE} is ROLE-ARN,PROVIDER-ARN"))
                .with_advice("have whoever runs the identity provider give this person a role"));
        }
        Ok(())
    }

    /// Refuses a response that AWS would call expired, or not valid yet, at `now`, with five minutes for clocks that differ.
    ///
    /// # Errors
    /// [`TokenErrorKind::Invalid`](crate::TokenErrorKind::Invalid) with both times.
    pub fn check_unexpired(&self, now: SystemTime) -> Result<(), TokenError> {
        let advice = "sign in again and use the response at once, or set this machine's clock if it is wrong";
        if now >= self.expires_at() + CLOCK_TOLERANCE {
            let (expired, now) = (text::time(self.expires_at()), text::time(now));
            return Err(invalid(format!(
                "the SAML response was good until {expired}, and it is {now} now: AWS takes it within five minutes of its issue"
            ))
            .with_advice(advice));
        }
        let starts = self
            .not_before()
            .unwrap_or(self.issued_at())
            .max(self.issued_at());
        if now + CLOCK_TOLERANCE < starts {
            let (starts, now) = (text::time(starts), text::time(now));
            return Err(invalid(format!("the SAML response is good from {starts} on, and it is {now} now"))
                .with_advice("see which clock is wrong, the identity provider's or this machine's, and set it right"));
        }
        Ok(())
    }
}

fn is_aws(audience: &str) -> bool {
    audience
        .strip_prefix(AUDIENCE)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Whether this is one of the addresses at which AWS takes SAML responses: `https://signin.aws.amazon.com/saml`, or a region's,
/// `https://REGION.signin.aws.amazon.com/saml`, or a provider's own, with `/acs/ID` after it; or the same of another partition
/// (AWS General Reference, "AWS Sign-In endpoints").
pub fn is_aws_sign_in(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let of_aws = SIGN_IN_HOSTS.iter().any(|known| {
        host.strip_suffix(known).is_some_and(|region| {
            region.is_empty() || region.strip_suffix('.').is_some_and(is_region)
        })
    });
    let path = url.path();
    let listens = path == "/saml"
        || path
            .strip_prefix("/saml/acs/")
            .is_some_and(|id| !id.is_empty() && !id.contains('/'));
    // To the letter: what AWS compares is the text, not what an address means.
    of_aws && listens && address == format!("https://{host}{path}")
}

fn is_region(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
