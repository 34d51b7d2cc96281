//! SAML documents, read as strictly as somebody must who believes them.

use std::collections::HashSet;

use roxmltree::{Document, Node, ParsingOptions};

/// Parses XML that has no document type, and so no entities of its own, no more elements than any response has, and no two
/// elements of one id, since a signature names what it signs by that.
pub(crate) fn parse(xml: &str) -> Option<Document<'_>> {
    let options = ParsingOptions {
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default() // no DTD
    };
    let document = Document::parse_with_options(xml, options)
        .ok()
        .filter(|_| !xml.contains("<!DOCTYPE"))?; // an empty one is let through
    let mut ids = HashSet::new();
    let unique = document
        .descendants()
        .filter_map(id)
        .all(|id| ids.insert(id));
    unique.then_some(document)
}

/// Namespaces, by the names that the standards give their prefixes.
pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(crate) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(crate) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

/// What identifies an element to a signature.
pub(crate) fn id<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    node.attribute("ID")
        .or_else(|| node.attribute("Id"))
        .or_else(|| node.attribute("id"))
        .or_else(|| node.attribute(("http://www.w3.org/XML/1998/namespace", "id")))
}

/// The child elements of this name.
pub(crate) fn children<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    name: (&'static str, &'static str),
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.has_tag_name(name))
}

/// The only child element of this name; none if there are none or several.
pub(crate) fn only<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    name: (&'static str, &'static str),
) -> Option<Node<'a, 'input>> {
    let mut all = children(node, name);
    all.next().filter(|_| all.next().is_none())
}

/// All of an element's text. A comment or another element within does not cut it short, which would let
/// `alice@example.com<!---->.evil` be somebody else than the one who was signed for.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    let text: String = node
        .descendants()
        .filter(Node::is_text)
        .filter_map(|text| text.text())
        .collect();
    text.trim().to_owned()
}

/// The assertion of a response: the one in it, which is its child.
pub(crate) fn assertion<'a, 'input>(document: &'a Document<'input>) -> Option<Node<'a, 'input>> {
    let response = document.root_element();
    let mut all = response
        .descendants()
        .filter(|node| node.has_tag_name((SAML, "Assertion")));
    let only = all.next().filter(|_| all.next().is_none())?;
    let mine = only.parent_element() == Some(response);
    (mine && response.has_tag_name((SAMLP, "Response"))).then_some(only)
}

/// XML's text, escaped for an element or an attribute in quotes.
pub(crate) fn escaped(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut escaped, letter| {
            match letter {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                letter if letter.is_control() => {} // XML 1.0 holds few of them, and nobody's name does
                letter => escaped.push(letter),
            }
            escaped
        })
}

const MOST_NODES: u32 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mean_two_things_is_not_read() {
        for (xml, good) in [
            ("<a ID='1'><b ID='2'/></a>", true),
            ("<a ID='1'><b ID='1'/></a>", false),
            ("<a ID='1'><b Id='1'/></a>", false),
            ("<a ID='1'><b xml:id='1'/></a>", false),
            ("<!DOCTYPE a><a/>", false),
            ("<!DOCTYPE a []><a/>", false),
            ("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", false),
            ("<a>&e;</a>", false),
            ("<a/><a/>", false),
            ("<p:a/>", false),
            ("", false),
        ] {
            assert_eq!(parse(xml).is_some(), good, "{xml}");
        }
        assert!(parse(&format!("<a>{}</a>", "<b/>".repeat(30_000))).is_none());
    }

    #[test]
    fn the_assertion_is_the_only_one_and_the_responses_own_child() {
        let assertion = format!("<Assertion xmlns='{SAML}'/>");
        for (inside, good) in [
            (assertion.clone(), true),
            (format!("<x/>{assertion}"), true),
            (String::new(), false),
            (format!("{assertion}{assertion}"), false),
            (format!("<x>{assertion}</x>"), false),
            (format!("<x>{assertion}</x>{assertion}"), false),
            ("<Assertion/>".to_owned(), false),
        ] {
            let xml = format!("<p:Response xmlns:p='{SAMLP}'>{inside}</p:Response>");
            let document = parse(&xml).unwrap();
            assert_eq!(super::assertion(&document).is_some(), good, "{xml}");
        }
        assert!(super::assertion(&parse(&assertion).unwrap()).is_none());
    }

    #[test]
    fn a_comment_does_not_cut_a_name_short() {
        let document = parse("<a> alice@example.com<!-- -->.evil </a>").unwrap();
        assert_eq!(text(document.root_element()), "alice@example.com.evil");
    }
}
