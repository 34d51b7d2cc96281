//! Exclusive XML canonicalization, without comments (W3C, 18 July 2002): the bytes of an element that a signature is about.
//!
//! Own code, for the sandbox alone: no crate for XML signatures is fit for more, and nothing here decides about real access.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use roxmltree::{Node, NodeId, NodeType};

/// The canonical form of an element and all in it but `left_out`. The prefixes in `inclusive` are treated as canonical XML treats
/// every one: rendered where they are in scope, used or not (§3, `InclusiveNamespaces PrefixList`).
pub(crate) fn exclusive(
    apex: Node<'_, '_>,
    left_out: Option<NodeId>,
    inclusive: &[&str],
) -> String {
    let mut out = String::new();
    // Not a recursion: how deep the elements go is the sender's to say.
    let mut work = vec![Work::Open(apex, Rendered::new())];
    while let Some(next) = work.pop() {
        match next {
            Work::Close(name) => {
                let _ = write!(out, "</{name}>");
            }
            Work::Open(node, rendered) => match node.node_type() {
                NodeType::Text => escape(&mut out, node.text().unwrap_or_default(), false),
                NodeType::PI => {
                    if let Some(instruction) = node.pi() {
                        let _ = write!(out, "<?{}", instruction.target);
                        if let Some(value) = instruction.value {
                            let _ = write!(out, " {value}");
                        }
                        out.push_str("?>");
                    }
                }
                NodeType::Element if Some(node.id()) != left_out => {
                    let rendered = open(&mut out, node, rendered, inclusive);
                    work.push(Work::Close(qualified_name(node)));
                    let children: Vec<_> = node.children().collect();
                    work.extend(
                        children
                            .into_iter()
                            .rev()
                            .map(|child| Work::Open(child, rendered.clone())),
                    );
                }
                NodeType::Element | NodeType::Comment | NodeType::Root => {}
            },
        }
    }
    out
}

enum Work<'a, 'input> {
    Open(Node<'a, 'input>, Rendered<'a>),
    Close(&'input str),
}

/// The namespaces that the output has in scope, by prefix; the default one under "".
type Rendered<'a> = BTreeMap<&'a str, &'a str>;

/// Writes the start tag, and returns what is in scope within it.
fn open<'a>(
    out: &mut String,
    node: Node<'a, '_>,
    mut rendered: Rendered<'a>,
    inclusive: &[&str],
) -> Rendered<'a> {
    let name = qualified_name(node);
    let mut visible = BTreeSet::from([prefix(name)]);
    let mut attributes: Vec<_> = node
        .attributes()
        .map(|attribute| {
            let name = &node.document().input_text()[attribute.range_qname()];
            visible.extend(Some(prefix(name)).filter(|prefix| !prefix.is_empty()));
            let order = (attribute.namespace().unwrap_or_default(), attribute.name());
            (order, name, attribute.value())
        })
        .collect();
    attributes.sort_unstable_by_key(|(order, ..)| *order);
    for namespace in node.namespaces() {
        let prefix = namespace.name().unwrap_or_default();
        let listed = if prefix.is_empty() {
            "#default"
        } else {
            prefix
        };
        if inclusive.contains(&listed) {
            visible.insert(prefix);
        }
    }

    let _ = write!(out, "<{name}");
    for prefix in visible.into_iter().filter(|prefix| *prefix != "xml") {
        let named = Some(prefix).filter(|prefix| !prefix.is_empty());
        let uri = node.lookup_namespace_uri(named).unwrap_or_default();
        if rendered.get(prefix).copied().unwrap_or_default() != uri {
            rendered.insert(prefix, uri);
            let colon = if prefix.is_empty() { "" } else { ":" };
            let _ = write!(out, " xmlns{colon}{prefix}=\"");
            escape(out, uri, true);
            out.push('"');
        }
    }
    for (_, name, value) in attributes {
        let _ = write!(out, " {name}=\"");
        escape(out, value, true);
        out.push('"');
    }
    out.push('>');
    rendered
}

/// The element's name with its prefix, as it was written: the tree itself keeps no prefixes.
fn qualified_name<'input>(node: Node<'_, 'input>) -> &'input str {
    let tag = &node.document().input_text()[node.range()];
    let name = tag.strip_prefix('<').unwrap_or_default();
    let end = name.find(|letter: char| letter.is_ascii_whitespace() || "/>".contains(letter));
    &name[..end.unwrap_or(name.len())]
}

fn prefix(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

/// Canonical XML 1.0 §2.3, text nodes and attribute nodes.
fn escape(out: &mut String, text: &str, attribute: bool) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' if !attribute => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\t' if attribute => out.push_str("&#x9;"),
            '\n' if attribute => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            letter => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use roxmltree::Document;
    use sha1::{Digest as _, Sha1};

    use super::*;

    fn canonical(xml: &str, element: &str, inclusive: &[&str]) -> String {
        let document = Document::parse(xml).unwrap();
        let apex = document
            .descendants()
            .find(|node| node.is_element() && qualified_name(*node) == element)
            .unwrap();
        exclusive(apex, None, inclusive)
    }

    #[test]
    fn an_element_looks_the_same_wherever_it_stands() {
        // "Exclusive XML Canonicalization 1.0" §2.2, the example and what comes of it
        let (first, second) = (
            r#"<n0:local xmlns:n0="http://foobar.org" xmlns:n3="ftp://example.org"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:local>"#,
            r#"<n2:pdu xmlns:n1="http://example.com" xmlns:n2="http://foo.example" xml:lang="fr" xml:space="retain"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n2:pdu>"#,
        );
        let expected = r#"<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>"#;
        for xml in [first, second] {
            assert_eq!(canonical(xml, "n1:elem2", &[]), expected);
        }
    }

    #[test]
    fn published_digests_are_met() {
        // W3C interoperability of exclusive canonicalization, "merlin-c14n-three", references 10 and 19
        let mut levels = String::new();
        let names = [
            "bar:Something",
            "foo:Nothing",
            "foo:Something",
            "bar:Something",
            "foo:Something",
            "foo:Nothing",
            "foo:Something",
        ];
        for (depth, name) in names.iter().enumerate() {
            let _ = writeln!(levels, "{}<{name}>", "  ".repeat(depth + 1));
        }
        let _ = writeln!(levels, "{}<baz:Something />", "  ".repeat(names.len() + 1));
        for (depth, name) in names.iter().enumerate().rev() {
            let _ = writeln!(levels, "{}</{name}>", "  ".repeat(depth + 1));
        }
        let xml = format!(
            "<foo:Root xmlns:bar=\"http://example.org/bar\" xmlns:baz=\"http://example.org/baz\" \
             xmlns:foo=\"http://example.org/foo\" xmlns=\"http://example.org/\" xml:lang=\"en-ie\">\n{levels}</foo:Root>"
        );
        for (inclusive, digest) in [
            (&[][..], "uKgNnJZ4MvqphhpPjor3iChHsQQ="),
            (&["#default"], "K5OrULSkVjkuQd85gxbrkcowg60="),
        ] {
            let canonical = canonical(&xml, "bar:Something", inclusive);
            assert_eq!(
                STANDARD.encode(Sha1::digest(&canonical)),
                digest,
                "{canonical}"
            );
        }
    }

    #[test]
    fn names_space_and_letters_are_written_one_way() {
        for (xml, inclusive, expected) in [
            // only what is used is declared, where it is first used
            (
                r#"<r xmlns="urn:d" xmlns:a="urn:a" xmlns:b="urn:b"><e b:x="1"><a:f/></e></r>"#,
                &[][..],
                r#"<e xmlns="urn:d" xmlns:b="urn:b" b:x="1"><a:f xmlns:a="urn:a"></a:f></e>"#,
            ),
            // what is listed is declared, used or not; what is not in scope is not
            (
                r#"<r xmlns="urn:d" xmlns:a="urn:a" xmlns:b="urn:b"><e/></r>"#,
                &["b", "zz"],
                r#"<e xmlns="urn:d" xmlns:b="urn:b"></e>"#,
            ),
            (
                r#"<r xmlns="urn:d" xmlns:x="urn:x"><x:r><e xmlns="">t</e></x:r></r>"#,
                &[],
                "<e>t</e>",
            ),
            (
                r#"<o xmlns="urn:d"><e><f xmlns=""><g xmlns="urn:d"/></f></e></o>"#,
                &[],
                r#"<e xmlns="urn:d"><f xmlns=""><g xmlns="urn:d"></g></f></e>"#,
            ),
            // a prefix that changes its meaning is declared again, in a sibling as well
            (
                r#"<r xmlns:a="urn:1"><e a:x="1"><a:f xmlns:a="urn:2"/><a:g/></e></r>"#,
                &[],
                r#"<e xmlns:a="urn:1" a:x="1"><a:f xmlns:a="urn:2"></a:f><a:g></a:g></e>"#,
            ),
            // attributes by namespace, then by name; those without one first
            (
                r#"<r xmlns:z="urn:1" xmlns:a="urn:2"><e a:b="4" z:b="3" z:a="2" b="1" a="0" /></r>"#,
                &[],
                r#"<e xmlns:a="urn:2" xmlns:z="urn:1" a="0" b="1" z:a="2" z:b="3" a:b="4"></e>"#,
            ),
            // characters, comments, instructions, character data
            (
                "<r><e a='\"&lt;&gt;&#9;&#10;&#13; \t'>&lt;&gt;&amp;\"\r\n&#13;<!-- no --><![CDATA[<&]]><?do  it ?><?do?></e></r>",
                &[],
                "<e a=\"&quot;&lt;>&#x9;&#xA;&#xD;  \">&lt;&gt;&amp;\"\n&#xD;&lt;&amp;<?do it ?><?do?></e>",
            ),
        ] {
            assert_eq!(canonical(xml, "e", inclusive), expected, "{xml}");
        }
    }

    #[test]
    fn depth_does_not_matter() {
        let depth = 20_000;
        let xml = format!("{}{}", "<e>".repeat(depth), "</e>".repeat(depth));
        assert_eq!(canonical(&xml, "e", &[]), xml);
    }
}
