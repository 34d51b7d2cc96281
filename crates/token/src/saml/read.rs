//! From the text of a response to the facts in it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use roxmltree::Node;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::attributes::{self, AWS};
use super::xml::{self, ASSERTION, PROTOCOL};
use super::{SamlRole, invalid, signed};
use crate::error::{TokenError, TokenErrorKind};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// AWS takes a response within five minutes of its issue: "Token must be redeemed within 5 minutes of issuance".
const REDEEMABLE: Duration = Duration::from_mins(5);

/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// What a response says.
pub(super) struct Facts {
    pub(super) issuer: String,
    pub(super) destination: Option<String>,
    pub(super) in_response_to: Option<String>,
    pub(super) name_id: String,
    pub(super) name_id_format: Option<String>,
    pub(super) recipient: String,
    pub(super) audiences: Vec<String>,
    pub(super) issued_at: SystemTime,
    pub(super) not_before: Option<SystemTime>,
    pub(super) not_on_or_after: Option<SystemTime>,
    pub(super) confirmed_until: SystemTime,
    pub(super) expires_at: SystemTime,
    pub(super) session_not_on_or_after: Option<SystemTime>,
    pub(super) roles: Vec<SamlRole>,
    /// Each attribute's name and values, in the order of the names.
    pub(super) attributes: Vec<(String, Vec<String>)>,
}

impl Facts {
    pub(super) fn read(text: &str) -> Result<Self, TokenError> {
        let document = xml::parse(text)?;
        let response = document.root_element();
        if !response.has_tag_name((PROTOCOL, "Response")) {
            return Err(invalid(format!(
                "expected a SAML 2.0 Response, found {:?}",
                response.tag_name().name()
            ))
            .with_advice("give the value of the form field SAMLResponse, as the identity provider's page posts it"));
        }
        check_version(response)?;
        check_status(response)?;
        let assertion = signed::assertion(&document)?;
        check_version(assertion)?;

        let issuer = xml::text(xml::one(assertion, ASSERTION, "Issuer")?)?;
        if let Some(outer) = xml::optional(response, ASSERTION, "Issuer")? {
            same("issuer", &xml::text(outer)?, &issuer)?;
        }
        if issuer.is_empty() {
            return Err(invalid("the issuer of the SAML response is empty"));
        }

        let subject = xml::one(assertion, ASSERTION, "Subject")?;
        if xml::all(subject, ASSERTION, "EncryptedID").next().is_some() {
            return Err(invalid("the NameID in the SAML response is encrypted, so that nobody here can tell whose it is")
                .with_advice("have the identity provider send a NameID that is not encrypted"));
        }
        let name_id = xml::one(subject, ASSERTION, "NameID")?;
        let name = xml::text(name_id)?;
        if name.is_empty() {
            return Err(invalid("the NameID in the SAML response is empty"));
        }

        let confirmation = xml::one(subject, ASSERTION, "SubjectConfirmation")?;
        if confirmation.attribute("Method") != Some(BEARER) {
            return Err(invalid(
                "the SAML response is not one for whoever bears it: its SubjectConfirmation has another method than bearer",
            ));
        }
        let confirmed = xml::one(confirmation, ASSERTION, "SubjectConfirmationData")?;
        let confirmed_until = required_date(confirmed, "NotOnOrAfter")?;
        let (outer, inner) = (
            response.attribute("InResponseTo"),
            confirmed.attribute("InResponseTo"),
        );
        if let (Some(outer), Some(inner)) = (outer, inner) {
            same("InResponseTo", outer, inner)?;
        }

        let conditions = xml::optional(assertion, ASSERTION, "Conditions")?;
        let of_conditions = |name| conditions.map_or(Ok(None), |conditions| date(conditions, name));
        let not_on_or_after = of_conditions("NotOnOrAfter")?;
        let issued_at = required_date(assertion, "IssueInstant")?;
        let expires_at = not_on_or_after
            .unwrap_or(confirmed_until)
            .min(confirmed_until)
            .min(issued_at + REDEEMABLE);

        let attributes = attributes::read(assertion)?;
        Ok(Self {
            issuer,
            destination: response.attribute("Destination").map(str::to_owned),
            in_response_to: inner.or(outer).map(str::to_owned),
            name_id: name,
            name_id_format: name_id.attribute("Format").map(str::to_owned),
            recipient: xml::attribute(confirmed, "Recipient")?.to_owned(),
            audiences: conditions.map_or(Ok(Vec::new()), audiences)?,
            issued_at,
            not_before: of_conditions("NotBefore")?,
            not_on_or_after,
            confirmed_until,
            expires_at,
            session_not_on_or_after: session_end(assertion)?,
            roles: attributes::roles(&attributes),
            attributes,
        })
    }

    /// The one value of AWS's attribute `name`.
    pub(super) fn aws(&self, name: &str) -> Option<&str> {
        let (_, values) = self
            .attributes
            .iter()
            .find(|(full, _)| full.strip_prefix(AWS) == Some(name))?;
        values.first().map(String::as_str)
    }
}

fn check_version(element: Node<'_, '_>) -> Result<(), TokenError> {
    match element.attribute("Version") {
        Some("2.0") => Ok(()),
        other => Err(invalid(format!(
            "expected SAML 2.0, found {:?}",
            other.unwrap_or("no version")
        ))),
    }
}

/// The identity provider may say no, with or without reasons (SAML Core §3.2.2).
fn check_status(response: Node<'_, '_>) -> Result<(), TokenError> {
    let status = xml::one(response, PROTOCOL, "Status")?;
    let code = xml::one(status, PROTOCOL, "StatusCode")?;
    if code.attribute("Value") == Some(SUCCESS) {
        return Ok(());
    }
    let said = |code: Node<'_, '_>| {
        let value = code.attribute("Value").unwrap_or("no code");
        value.rsplit(':').next().unwrap_or(value).to_owned()
    };
    let mut words = said(code);
    if let Some(reason) = xml::optional(code, PROTOCOL, "StatusCode")? {
        words = format!("{words}, {}", said(reason));
    }
    if let Some(message) = xml::optional(status, PROTOCOL, "StatusMessage")? {
        words = format!("{words}: {}", xml::text(message)?);
    }
    Err(TokenError::new(
        TokenErrorKind::Refused,
        format!("the identity provider did not sign you in ({words})"),
    )
    .with_advice("ask whoever runs it whether you may use this application, or sign in again"))
}

/// Several restrictions would have to be met all together (SAML Core §2.5.1.4): nobody writes them, and few read them so.
fn audiences(conditions: Node<'_, '_>) -> Result<Vec<String>, TokenError> {
    let restriction = xml::optional(conditions, ASSERTION, "AudienceRestriction")?;
    restriction
        .into_iter()
        .flat_map(|restriction| xml::all(restriction, ASSERTION, "Audience"))
        .map(xml::text)
        .collect()
}

/// When the identity provider's own session ends, the earliest where it says several.
fn session_end(assertion: Node<'_, '_>) -> Result<Option<SystemTime>, TokenError> {
    let ends = xml::all(assertion, ASSERTION, "AuthnStatement")
        .filter_map(|statement| date(statement, "SessionNotOnOrAfter").transpose())
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ends.into_iter().min())
}

fn same(what: &str, outer: &str, inner: &str) -> Result<(), TokenError> {
    if outer == inner {
        return Ok(());
    }
    Err(invalid(format!(
        "the SAML response says two things of its {what}: {outer:?}, and {inner:?} in the assertion"
    )))
}

fn required_date(element: Node<'_, '_>, name: &'static str) -> Result<SystemTime, TokenError> {
    xml::attribute(element, name)?;
    date(element, name).map(|date| date.unwrap_or(UNIX_EPOCH))
}

/// An instant in whole seconds (SAML Core §1.3.3: in UTC, and nobody may rely on less than a millisecond).
fn date(element: Node<'_, '_>, name: &'static str) -> Result<Option<SystemTime>, TokenError> {
    let Some(text) = element.attribute(name) else {
        return Ok(None);
    };
    let seconds = OffsetDateTime::parse(text.trim_ascii(), &Rfc3339)
        .ok()
        .map(OffsetDateTime::unix_timestamp)
        .filter(|seconds| (0..=LAST_SECOND).contains(seconds))
        .ok_or_else(|| {
            invalid(format!(
                "{name} of the SAML response is not a time such as 2026-11-23T00:45:39Z: {text:?}"
            ))
        })?;
    Ok(Some(
        UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()),
    ))
}
