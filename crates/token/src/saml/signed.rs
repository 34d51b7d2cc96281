//! What is read is what is signed: signature wrapping, as far as the shape of a response shows it.
//!
//! A wrapped response holds what the identity provider signed, somewhere, and beside it what somebody else wrote, so
//! that one reader checks the first and another uses the second ("On Breaking SAML", USENIX Security 2012, has eight forms). Here
//! there is one assertion in the whole document, and each signature is about the element that it is a child of. The
//! mathematics is AWS's business, which has the identity provider's certificate.

use std::collections::HashSet;

use roxmltree::{Document, Node};

use super::invalid;
use super::xml::{ASSERTION, SIGNATURE, all, attribute, one};
use crate::error::TokenError;

/// The two transforms that a signature in SAML may have (SAML Core §5.4.4), the second with and without comments.
const TRANSFORMS: [&str; 3] = [
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
];

/// The one assertion of a response, which is signed by itself or with the response around it.
pub(super) fn assertion<'a, 'input>(
    document: &'a Document<'input>,
) -> Result<Node<'a, 'input>, TokenError> {
    let response = document.root_element();
    let named = |name: &'static str| {
        document
            .descendants()
            .filter(move |node| node.is_element() && node.tag_name().name() == name)
    };
    if named("EncryptedAssertion").next().is_some() {
        return Err(invalid("the assertion in the SAML response is encrypted: AWS could read it, and nobody here can tell its roles or whose it is")
            .with_advice("have the identity provider send an assertion that is signed and not encrypted; where IAM demands encryption, `aws sts assume-role-with-saml` sends it unread"));
    }
    let (assertions, responses) = (named("Assertion").count(), named("Response").count());
    if assertions != 1 || responses != 1 {
        return Err(invalid(format!(
            "expected one Assertion in one Response, found {assertions} in {responses}"
        ))
        .with_advice("use the response as the identity provider sent it; one that holds several may have been forged"));
    }
    let assertion = one(response, ASSERTION, "Assertion")?;
    check_ids(document)?;
    check_signatures(document, response, assertion)?;
    Ok(assertion)
}

/// No two elements go by the same ID, however it is written: a signature names what it is about by it.
fn check_ids(document: &Document<'_>) -> Result<(), TokenError> {
    let mut seen = HashSet::new();
    let ids = document
        .descendants()
        .flat_map(|node| node.attributes())
        .filter(|attribute| {
            ["id", "AssertionID"]
                .iter()
                .any(|name| attribute.name().eq_ignore_ascii_case(name))
        });
    for id in ids {
        if !seen.insert(id.value()) {
            return Err(invalid(format!(
                "two elements of the SAML response have the same ID {:?}",
                id.value()
            )));
        }
    }
    Ok(())
}

fn check_signatures(
    document: &Document<'_>,
    response: Node<'_, '_>,
    assertion: Node<'_, '_>,
) -> Result<(), TokenError> {
    let signatures: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name((SIGNATURE, "Signature")))
        .collect();
    if signatures.is_empty() {
        return Err(invalid("the SAML response is not signed, and neither is its assertion")
            .with_advice("have the identity provider sign the response or the assertion; AWS takes nothing else"));
    }
    for signature in &signatures {
        let parent = signature
            .parent()
            .filter(|parent| *parent == response || *parent == assertion);
        let Some(parent) = parent else {
            return Err(invalid(
                "a signature in the SAML response is neither the response's nor the assertion's own",
            ));
        };
        if all(parent, SIGNATURE, "Signature").count() > 1 {
            return Err(invalid("an element of the SAML response is signed twice"));
        }
        check_reference(*signature, attribute(parent, "ID")?)?;
    }
    Ok(())
}

/// A signature is about exactly one element, the one with this ID, and takes all of it (SAML Core §5.4.2).
fn check_reference(signature: Node<'_, '_>, id: &str) -> Result<(), TokenError> {
    if all(signature, SIGNATURE, "Object").next().is_some() {
        return Err(invalid(
            "a signature in the SAML response carries an object of its own",
        ));
    }
    let signed_info = one(signature, SIGNATURE, "SignedInfo")?;
    let reference = one(signed_info, SIGNATURE, "Reference")?;
    let found = reference.attribute("URI").unwrap_or_default();
    if found.strip_prefix('#') != Some(id) {
        return Err(invalid(format!(
            "a signature in the SAML response is about {found:?}, and stands in the element \"#{id}\""
        ))
        .with_advice("use the response as the identity provider sent it; this one may have been forged"));
    }
    let transforms = reference
        .descendants()
        .filter(|node| node.has_tag_name((SIGNATURE, "Transform")))
        .filter_map(|node| node.attribute("Algorithm"));
    for transform in transforms {
        if !TRANSFORMS.contains(&transform) {
            return Err(invalid(format!(
                "a signature in the SAML response is about a part of its element alone: it is transformed by {transform:?}"
            )));
        }
    }
    Ok(())
}
