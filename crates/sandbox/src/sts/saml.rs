//! AssumeRoleWithSAML: whom a response is about, whether it is to be believed, and which role it gives.
//!
//! The order in which the real service checks has not been observed; here it goes from the outside in, as for web identity.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyless_trust::answer::{self, Refusal};
use keyless_trust::evaluate::decide_saml;
use keyless_trust::keys::Request;
use keyless_trust::saml::Assertion;
use roxmltree::{Document, Node};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::parameters::{Check, MOST_POLICY};
use super::{Account, HeldProvider, request_id, xml};
use crate::form::Form;
use crate::saml::document::{self, DS, SAML, SAMLP, children, only, text};
use crate::saml::signature::{Verdict, verdict};
use crate::world::World;

pub(super) fn assume(world: &World, form: &Form) -> Result<String, Refusal> {
    let mut check = Check::new(form);
    let parameters = check.unnamed();
    let provider_arn = check.required("PrincipalArn", (20, 2048), None);
    let encoded = check.required(
        "SAMLAssertion",
        (4, 100_000),
        Some("***sensitiveInformation***"),
    );
    check.done(&parameters)?;

    let xml = decoded(encoded).ok_or_else(|| foreign(&answer::SAML_NOT_A_RESPONSE))?;
    let document = document::parse(&xml).ok_or_else(|| foreign(&answer::SAML_NOT_A_RESPONSE))?;
    let mut state = world.state();
    let account = &mut state.account;
    let held = account.saml_provider(parameters.account(), provider_arn)?;
    let element = believed(&document, &held)?;
    let now = world.now();
    let session_ends = check_times(element, now)?;
    let assertion = read(element)?;
    check_attributes(&assertion, parameters.role_arn, provider_arn)?;
    let session_name = assertion.session_name().unwrap_or_default();

    let role = account
        .role(parameters.role_arn)
        .ok_or_else(|| answer::SAML_NOT_AUTHORIZED.refuse(&[]))?;
    if parameters.duration > role.role.max_session {
        return Err(answer::DURATION_OVER_ROLE_MAXIMUM.refuse(&[]));
    }
    let request = Request {
        role_arn: parameters.role_arn,
        session_name,
        time: Some(now),
        ..Request::default()
    };
    let decision = decide_saml(&assertion, &held.provider, &role.policy, &request);
    if let Some(denied) = decision.refusal(parameters.role_arn) {
        account.last_denial = Some(decision.to_string());
        return Err(denied);
    }

    // As for web identity: the true packing is not published.
    let tags: usize = assertion
        .tags()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    let packed = (parameters.policy_characters + tags) * 100 / MOST_POLICY;
    if packed > 100 {
        return Err(answer::TAGS_TOO_LARGE.refuse(&[("percent", &packed.to_string())]));
    }
    // Whichever ends first (API reference, `DurationSeconds`).
    let ends = now + parameters.duration;
    let ends = session_ends.map_or(ends, |session| session.min(ends));
    let source_identity = assertion.source_identity().map(str::to_owned);
    let session = account.open_session(&role, session_name, now, ends, source_identity);
    Ok([
        xml::text("Subject", &assertion.subject),
        xml::text("SubjectType", assertion.subject_type()),
        xml::text("Issuer", held.provider.issuer()),
        xml::text("Audience", &assertion.recipient),
        xml::text("NameQualifier", &held.provider.name_qualifier()),
        session,
        xml::text("PackedPolicySize", &packed.to_string()),
    ]
    .concat())
}

impl Account {
    /// The SAML provider of this ARN, which has to be in the role's account.
    fn saml_provider(&self, role_account: &str, arn: &str) -> Result<HeldProvider, Refusal> {
        self.saml_providers
            .iter()
            .find(|held| held.provider.arn() == arn && held.provider.account() == role_account)
            .cloned()
            .ok_or_else(|| foreign(&answer::SAML_NO_PROVIDER))
    }
}

/// The assertion of a response that this provider has signed, the whole of it or the assertion.
fn believed<'a, 'input>(
    document: &'a Document<'input>,
    held: &HeldProvider,
) -> Result<Node<'a, 'input>, Refusal> {
    let response = document.root_element();
    if !response.has_tag_name((SAMLP, "Response")) {
        return Err(foreign(&answer::SAML_NOT_A_RESPONSE));
    }
    let status = only(response, (SAMLP, "Status"))
        .and_then(|status| only(status, (SAMLP, "StatusCode")))
        .and_then(|code| code.attribute("Value"));
    if status != Some("urn:oasis:names:tc:SAML:2.0:status:Success") {
        return Err(other(
            "Response does not say that the sign-in has succeeded",
        ));
    }
    // One assertion, at its place: with a second one, what is signed and what is read may be two things.
    let assertion =
        document::assertion(document).ok_or_else(|| foreign(&answer::SAML_NOT_A_RESPONSE))?;
    let issuer_of = |node| {
        children(node, (SAML, "Issuer"))
            .map(text)
            .collect::<Vec<_>>()
    };
    let issuer = held.provider.issuer();
    if issuer_of(assertion) != [issuer] || issuer_of(response).iter().any(|other| other != issuer) {
        return Err(foreign(&answer::SAML_ISSUER));
    }
    let verdicts = [response, assertion].map(|element| verdict(element, &held.keys));
    let signatures = response
        .descendants()
        .filter(|node| node.has_tag_name((DS, "Signature")))
        .count();
    let good = verdicts
        .iter()
        .filter(|verdict| **verdict == Verdict::Good)
        .count();
    if good == 0 || good != signatures {
        return Err(answer::SAML_SIGNATURE.refuse(&[]));
    }
    Ok(assertion)
}

/// Whether the assertion is fresh, for now and for AWS; and when the session at the identity provider ends, if it says so.
fn check_times(assertion: Node<'_, '_>, now: SystemTime) -> Result<Option<SystemTime>, Refusal> {
    let too_old = || answer::SAML_TOO_OLD.refuse(&[]);
    let early = || other("Response is not yet valid");

    // "Token must be redeemed within 5 minutes of issuance". `AuthnInstant` may be hours ago: people stay signed in.
    let issued = time_of(assertion, "IssueInstant")?.ok_or_else(too_old)?;
    if issued > now + TOLERANCE {
        return Err(early());
    }
    if issued + TOLERANCE < now {
        return Err(too_old());
    }
    let conditions =
        only(assertion, (SAML, "Conditions")).ok_or_else(|| answer::SAML_AUDIENCE.refuse(&[]))?;
    if time_of(conditions, "NotBefore")?.is_some_and(|start| start > now + TOLERANCE) {
        return Err(early());
    }
    let (confirmation, _) = confirmation(assertion)?;
    for until in [conditions, confirmation] {
        if time_of(until, "NotOnOrAfter")?.is_some_and(|end| end + TOLERANCE <= now) {
            return Err(too_old());
        }
    }
    let mut ends = None;
    for statement in children(assertion, (SAML, "AuthnStatement")) {
        ends = time_of(statement, "SessionNotOnOrAfter")?
            .into_iter()
            .chain(ends)
            .min();
    }
    if ends.is_some_and(|end| end <= now) {
        return Err(too_old());
    }
    Ok(ends)
}

/// The only `SubjectConfirmationData`, which has both `NotOnOrAfter` and `Recipient`, and the latter (IAM user guide, "Configure
/// SAML assertions for the authentication response").
fn confirmation<'a, 'input>(
    assertion: Node<'a, 'input>,
) -> Result<(Node<'a, 'input>, &'a str), Refusal> {
    only(assertion, (SAML, "Subject"))
        .and_then(|subject| only(subject, (SAML, "SubjectConfirmation")))
        .filter(|way| way.attribute("Method") == Some("urn:oasis:names:tc:SAML:2.0:cm:bearer"))
        .and_then(|way| only(way, (SAML, "SubjectConfirmationData")))
        .filter(|data| data.has_attribute("NotOnOrAfter"))
        .and_then(|data| Some((data, data.attribute("Recipient")?)))
        .ok_or_else(|| answer::SAML_NO_RECIPIENT.refuse(&[]))
}

/// What the assertion says, if it says it to AWS.
fn read(assertion: Node<'_, '_>) -> Result<Assertion, Refusal> {
    let (_, recipient) = confirmation(assertion)?;
    if !is_sign_in(recipient) {
        return Err(other(
            "Response is for another recipient than the AWS sign-in endpoint",
        ));
    }
    let conditions = only(assertion, (SAML, "Conditions"));
    let for_aws = conditions.is_some_and(|conditions| {
        let mut restrictions = children(conditions, (SAML, "AudienceRestriction")).peekable();
        restrictions.peek().is_some()
            && restrictions.all(|each| {
                children(each, (SAML, "Audience"))
                    .map(text)
                    .any(|audience| audience == "urn:amazon:webservices" || is_sign_in(&audience))
            })
    });
    if !for_aws {
        return Err(answer::SAML_AUDIENCE.refuse(&[]));
    }
    let name = only(assertion, (SAML, "Subject"))
        .and_then(|subject| only(subject, (SAML, "NameID")))
        .ok_or_else(|| answer::SAML_NOT_AUTHORIZED.refuse(&[]))?;
    let attributes = children(assertion, (SAML, "AttributeStatement"))
        .flat_map(|statement| children(statement, (SAML, "Attribute")))
        .filter_map(|attribute| {
            let values = children(attribute, (SAML, "AttributeValue")).map(text);
            Some((attribute.attribute("Name")?.to_owned(), values.collect()))
        })
        .collect();
    Ok(Assertion {
        recipient: recipient.to_owned(),
        subject: text(name),
        format: name.attribute("Format").map(str::to_owned),
        attributes,
    })
}

/// AWS's own attributes: the pair of role and provider, the name of the session, and those that may be there.
fn check_attributes(assertion: &Assertion, role: &str, provider: &str) -> Result<(), Refusal> {
    if !assertion.roles().any(|pair| pair == (role, provider)) {
        return Err(answer::SAML_ROLE_NOT_LISTED.refuse(&[]));
    }
    let name = assertion
        .session_name()
        .ok_or_else(|| answer::SAML_NO_SESSION_NAME.refuse(&[]))?;
    if !is_name(name) {
        return Err(answer::SAML_SESSION_NAME.refuse(&[]));
    }
    if assertion
        .source_identity()
        .is_some_and(|name| !is_name(name) || name.starts_with("aws:"))
    {
        return Err(answer::SAML_SOURCE_IDENTITY.refuse(&[]));
    }
    // How long the web console goes on; the call itself has `DurationSeconds`.
    let duration = assertion.session_duration().map(str::parse::<u32>);
    if duration.is_some_and(|seconds| !matches!(seconds, Ok(900..=43_200))) {
        return Err(other(
            "SessionDuration must be between 900 and 43200 seconds",
        ));
    }
    Ok(())
}

/// The XML in Base64; line breaks in it do not matter.
fn decoded(encoded: &str) -> Option<String> {
    let encoded: String = encoded.split_ascii_whitespace().collect();
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}

/// `https://signin.aws.amazon.com/saml`, or a region's, with a provider's own address or without.
fn is_sign_in(url: &str) -> bool {
    let Some((host, path)) = url
        .strip_prefix("https://")
        .and_then(|url| url.split_once('/'))
    else {
        return false;
    };
    let label = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let regional = host
        .strip_suffix(".signin.aws.amazon.com")
        .is_some_and(label);
    let own = path.strip_prefix("saml/acs/").is_some_and(label);
    (host == "signin.aws.amazon.com" || regional) && (path == "saml" || own)
}

fn is_name(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// A time in an attribute; none if the attribute is not there.
fn time_of(node: Node<'_, '_>, name: &str) -> Result<Option<SystemTime>, Refusal> {
    let read = |text| OffsetDateTime::parse(text, &Rfc3339).map(SystemTime::from);
    match node.attribute(name).map(read).transpose() {
        // far enough from the ends of time that a tolerance can be added
        Ok(time)
            if time.is_none_or(|time| time.checked_add(Duration::from_hours(24)).is_some()) =>
        {
            Ok(time)
        }
        _ => Err(foreign(&answer::SAML_NOT_A_RESPONSE)),
    }
}

/// A refusal that STS repeats from another service of its own, with that one's request id in the text.
fn foreign(row: &'static answer::Answer) -> Refusal {
    row.refuse(&[("request", &request_id())])
}

/// A refusal whose wording at the real service is not known.
fn other(message: &str) -> Refusal {
    answer::INVALID_TOKEN.refuse(&[("message", message)])
}

/// How far clocks may be apart, and how old an assertion may be.
const TOLERANCE: Duration = Duration::from_mins(5);
