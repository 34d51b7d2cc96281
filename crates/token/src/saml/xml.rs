//! XML from outside, read so that nobody can find something else in it: no DTD, no entity, no comment, one encoding.

use std::collections::HashSet;

use roxmltree::{Document, Node, ParsingOptions};

use super::invalid;
use crate::error::TokenError;

/// The namespaces of the protocol and of assertions (SAML Core §1.1), and of signatures (XML Signature §1.4).
pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(super) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(super) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// More elements, texts and attributes than any response has: 300 roles make some 900 of them.
const MOST_NODES: u32 = 10_000;

/// More prefixes of namespaces than any response has.
const MOST_PREFIXES: usize = 64;

/// Parses `xml`. The parser has no entities but the five of XML itself, and does not recurse, so that neither a
/// "billion laughs" nor a deep nesting costs more than the text is long. What costs more is many prefixes in many elements.
///
/// A comment within a text is left out of what is signed (Exclusive Canonicalization), so that two readers may read
/// `admin@corp.example` and `admin@corp.example.evil.example` in the same name; so no comment passes, and no processing
/// instruction either.
pub(super) fn parse(xml: &str) -> Result<Document<'_>, TokenError> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    check_encoding(xml)?;
    check_prefixes(xml)?;
    let document = Document::parse_with_options(xml, options).map_err(|error| {
        invalid(format!("the SAML response cannot be read as XML: {error}"))
            .with_advice("send the identity provider's response as it came")
    })?;
    let silent = document
        .descendants()
        .find(|node| node.is_comment() || node.is_pi());
    match silent {
        None => Ok(document),
        Some(_) => Err(invalid(
            "the SAML response holds a comment or a processing instruction, with which two readers may read two things",
        )
        .with_advice("have the identity provider leave them out; if it never sends any, somebody has changed the response")),
    }
}

/// Refuses a declaration of anything but UTF-8: another reader would follow it, and read other characters than we do.
fn check_encoding(xml: &str) -> Result<(), TokenError> {
    let declaration = xml
        .trim_start_matches('\u{feff}')
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("?>"))
        .map(|(declaration, _)| declaration);
    let encoding = declaration
        .and_then(|declaration| declaration.split_once("encoding"))
        .map(|(_, value)| value.split(['"', '\'']).nth(1).unwrap_or_default());
    match encoding {
        Some(other) if !other.eq_ignore_ascii_case("utf-8") => Err(invalid(format!(
            "the SAML response is written in {other:?}, and only UTF-8 is read"
        ))),
        _ => Ok(()),
    }
}

/// Refuses more prefixes than anybody needs: at each element the parser compares all that are in scope.
fn check_prefixes(xml: &str) -> Result<(), TokenError> {
    let declared = xml.split("xmlns:").skip(1);
    let prefixes: HashSet<&str> = declared
        .filter_map(|rest| {
            rest.split(|c: char| c == '=' || c.is_ascii_whitespace())
                .next()
        })
        .collect();
    if prefixes.len() > MOST_PREFIXES {
        return Err(invalid(format!(
            "the SAML response declares {} prefixes of namespaces, and no more than {MOST_PREFIXES} are read",
            prefixes.len()
        )));
    }
    Ok(())
}

/// The child elements of this name.
pub(super) fn all<'a, 'input>(
    parent: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    parent
        .children()
        .filter(move |child| child.has_tag_name((namespace, name)))
}

/// The child element of this name, of which there is at most one.
pub(super) fn optional<'a, 'input>(
    parent: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'input>>, TokenError> {
    let mut found = all(parent, namespace, name);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        _ => Err(invalid(format!(
            "the SAML response has several {name} in one {}",
            parent.tag_name().name()
        ))),
    }
}

/// The child element of this name, of which there is exactly one.
pub(super) fn one<'a, 'input>(
    parent: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Node<'a, 'input>, TokenError> {
    optional(parent, namespace, name)?.ok_or_else(|| {
        invalid(format!(
            "the SAML response lacks {name} in its {}",
            parent.tag_name().name()
        ))
    })
}

/// The whole text of an element that has nothing but text in it, without white space around.
pub(super) fn text(element: Node<'_, '_>) -> Result<String, TokenError> {
    if element.children().any(|child| !child.is_text()) {
        return Err(invalid(format!(
            "expected a text in {} of the SAML response, found an element",
            element.tag_name().name()
        )));
    }
    Ok(all_text(element))
}

/// Every text below an element, one after the other.
pub(super) fn all_text(element: Node<'_, '_>) -> String {
    let texts = element.descendants().filter(Node::is_text);
    let whole: String = texts.filter_map(|text| text.text()).collect();
    whole.trim_ascii().to_owned()
}

/// An attribute that has to be there, and says something.
pub(super) fn attribute<'a>(
    element: Node<'a, '_>,
    name: &'static str,
) -> Result<&'a str, TokenError> {
    element
        .attribute(name)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| {
            invalid(format!(
                "the SAML response lacks {name} in its {}",
                element.tag_name().name()
            ))
        })
}
