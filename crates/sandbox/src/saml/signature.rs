//! XML signatures as SAML allows them: enveloped, over the whole parent element, by exclusive canonicalization
//! (SAML core §5.4).
//!
//! Own code, for the sandbox alone; see [`c14n`](super::c14n).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;

use super::c14n;
use super::document::{self, DS, children, only, text};
use super::key::{Hash, PublicKey, SigningKey};

/// What became of an element's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has none.
    Unsigned,
    /// It has one, of one of the keys, over the element itself.
    Good,
    /// It has one that is not to be believed.
    Bad,
}

/// Looks at the signature that is this element's child. `KeyInfo` is not read: whose signature counts is ours to know.
pub(crate) fn verdict(element: Node<'_, '_>, keys: &[PublicKey]) -> Verdict {
    match children(element, (DS, "Signature")).next() {
        None => Verdict::Unsigned,
        Some(_) if verifies(element, keys).unwrap_or(false) => Verdict::Good,
        Some(_) => Verdict::Bad,
    }
}

/// Whether the only signature in the element verifies; none if it is not shaped as SAML wants it.
fn verifies(element: Node<'_, '_>, keys: &[PublicKey]) -> Option<bool> {
    let signature = only(element, (DS, "Signature"))?;
    let info = only(signature, (DS, "SignedInfo"))?;
    let algorithm =
        |node: Node<'_, '_>, name| Some(only(node, (DS, name))?.attribute("Algorithm")?.to_owned());

    // The one reference is to the parent (SAML core §5.4.2). The document has no other element of that id.
    let reference = only(info, (DS, "Reference"))?;
    let named = reference.attribute("URI")?.strip_prefix('#')?;
    if document::id(element) != Some(named) {
        return None;
    }
    // §5.4.4: the signature left out, then canonical, and nothing that could leave out more
    let transforms: Vec<_> = only(reference, (DS, "Transforms"))?
        .children()
        .filter(Node::is_element)
        .collect();
    let [enveloped, canonical] = transforms[..] else {
        return None;
    };
    if enveloped.attribute("Algorithm") != Some(ENVELOPED) {
        return None;
    }
    let content = c14n::exclusive(element, Some(signature.id()), &inclusive(canonical)?);
    let digest = Hash::called(&algorithm(reference, "DigestMethod")?)?.digest(content.as_bytes());
    if digest != base64(only(reference, (DS, "DigestValue"))?)? {
        return None;
    }

    let prefixes = inclusive(only(info, (DS, "CanonicalizationMethod"))?)?;
    let signed = c14n::exclusive(info, None, &prefixes);
    let method = algorithm(info, "SignatureMethod")?;
    let value = base64(only(signature, (DS, "SignatureValue"))?)?;
    Some(
        keys.iter()
            .any(|key| key.verifies(&method, signed.as_bytes(), &value)),
    )
}

/// The prefixes that exclusive canonicalization is to treat inclusively; none if it is another canonicalization.
fn inclusive<'a>(method: Node<'a, '_>) -> Option<Vec<&'a str>> {
    if method.attribute("Algorithm") != Some(EXCLUSIVE) {
        return None;
    }
    let list = children(method, (EXCLUSIVE, "InclusiveNamespaces")).next();
    let list = list.and_then(|list| list.attribute("PrefixList"));
    Some(list.unwrap_or_default().split_whitespace().collect())
}

fn base64(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let encoded: String = text(node).split_whitespace().collect();
    STANDARD.decode(encoded).ok()
}

/// The document with a signature over the element of this id, which stands after the element's `Issuer` as the schema wants it.
/// The certificate, in Base64, goes along for those who look at it.
pub(crate) fn sign(
    xml: &str,
    id: &str,
    key: &SigningKey,
    hash: Hash,
    certificate: &str,
) -> Option<String> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let element = document
        .descendants()
        .find(|node| document::id(*node) == Some(id))?;
    let place = only(element, (document::SAML, "Issuer"))?.range().end;
    let digest = c14n::exclusive(element, None, &[]);
    let digest = STANDARD.encode(hash.digest(digest.as_bytes()));
    let (method, digest_method) = (key.method(hash), hash.uri());
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"{DS}\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"{method}\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"{ENVELOPED}\"></ds:Transform><ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{digest_method}\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    ); // canonical as it stands
    let value = STANDARD.encode(key.sign(hash, info.as_bytes()));
    let signature = format!(
        "<ds:Signature xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
    );
    let (before, after) = xml.split_at(place);
    Some([before, &signature, after].concat())
}

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::saml::{certificate, der};

    fn public(certificate: &str) -> PublicKey {
        PublicKey::of_certificate(&STANDARD.decode(certificate).unwrap()).unwrap()
    }

    fn judged(xml: &str, keys: &[PublicKey]) -> Verdict {
        let document = document::parse(xml).unwrap();
        verdict(document.root_element(), keys)
    }

    #[test]
    fn every_method_is_good_with_its_own_key_alone() {
        let (curve, rsa) = (SigningKey::generate(false), SigningKey::generate(true));
        let keys = [&curve, &rsa].map(|key| public(&certificate(key)));
        let xml = format!(
            "<p:R xmlns:p=\"urn:p\" ID=\"_1\"><i:Issuer xmlns:i=\"{}\">me</i:Issuer> &amp; <p:x b='2' a='1'/></p:R>",
            document::SAML
        );
        assert_eq!(judged(&xml, &keys), Verdict::Unsigned);
        for (key, hash) in [
            (&curve, Hash::Sha256),
            (&rsa, Hash::Sha256),
            (&rsa, Hash::Sha384),
            (&rsa, Hash::Sha512),
        ] {
            let stranger = SigningKey::generate(false);
            let signed = sign(&xml, "_1", key, hash, &certificate(key)).unwrap();
            assert_eq!(judged(&signed, &keys), Verdict::Good, "{signed}");
            // what KeyInfo says does not count, and what stands around it neither
            let unexplained = signed.replace(&certificate(key), &certificate(&stranger));
            assert_eq!(judged(&unexplained, &keys), Verdict::Good);
            assert_eq!(
                judged(&signed, &[public(&certificate(&stranger))]),
                Verdict::Bad
            );
            let same = signed.replace("b='2' a='1'/>", "a=\"1\"   b = \"2\"></p:x>");
            assert_eq!(judged(&same, &keys), Verdict::Good);
            for (from, to) in [
                (" &amp; ", " &lt; "),
                ("a='1'", "a='2'"),
                ("\"#_1\"", "\"\""),
                ("\"#_1\"", "\"#_2\""),
                ("ID=\"_1\"", "ID=\"_2\""),
                ("ID=\"_1\"", "id=\"_2\" ID=\"_1\" c=\"\""),
                (
                    "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>",
                    "",
                ),
                (
                    "</ds:Transforms>",
                    "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"/></ds:Transforms>",
                ),
                ("<ds:DigestValue>", "<ds:DigestValue>AAAA"),
                ("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"),
                ("xmlenc#sha256", "xmlenc#sha512"),
                ("#rsa-sha", "#rsa-sha1"),
                ("#ecdsa-sha256", "#hmac-sha256"),
                (
                    "</ds:Signature>",
                    "</ds:Signature><ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>",
                ),
            ] {
                if signed.contains(from) {
                    let broken = signed.replace(from, to);
                    assert_eq!(judged(&broken, &keys), Verdict::Bad, "{broken}");
                }
            }
        }
    }

    #[test]
    fn a_signature_over_something_else_is_none_over_this() {
        // All of these are really signed by the key, so that only their shape can be at fault.
        let key = SigningKey::generate(false);
        let keys = [public(&certificate(&key))];
        let xml = format!("<r ID=\"_1\"><Issuer xmlns=\"{}\"/></r>", document::SAML);
        let signed = sign(&xml, "_1", &key, Hash::Sha256, &certificate(&key)).unwrap();
        let enveloped = format!("<ds:Transform Algorithm=\"{ENVELOPED}\"></ds:Transform>");
        let canonical = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform>");
        let comments = format!("{EXCLUSIVE}WithComments");
        for (from, to, expected) in [
            ("", "", Verdict::Good),
            ("\"#_1\"", "\"#_2\"", Verdict::Bad),
            ("\"#_1\"", "\"\"", Verdict::Bad),
            (&enveloped, "", Verdict::Bad),
            (&canonical, "", Verdict::Bad),
            (&enveloped, &canonical, Verdict::Bad),
            (&canonical, &enveloped, Verdict::Bad),
            (&canonical, &format!("{canonical}{canonical}"), Verdict::Bad),
            (EXCLUSIVE, &comments, Verdict::Bad),
            (
                "</ds:Reference>",
                "</ds:Reference><ds:Reference></ds:Reference>",
                Verdict::Bad,
            ),
        ] {
            let changed = signed.replace(from, to);
            assert_eq!(
                judged(&resigned(&changed, &key), &keys),
                expected,
                "{from} {to}"
            );
        }
    }

    /// The document with its `SignedInfo` signed as it is now.
    fn resigned(xml: &str, key: &SigningKey) -> String {
        let document = document::parse(xml).unwrap();
        let find = |name| {
            document
                .descendants()
                .find(|node| node.has_tag_name((DS, name)))
                .unwrap()
        };
        let info = c14n::exclusive(find("SignedInfo"), None, &[]);
        let value = STANDARD.encode(key.sign(Hash::Sha256, info.as_bytes()));
        xml.replace(&text(find("SignatureValue")), &value)
    }

    #[test]
    fn a_certificate_holds_its_key() {
        for key in [SigningKey::generate(false), SigningKey::generate(true)] {
            let certificate = der::self_signed(&key, "test");
            let public = PublicKey::of_certificate(&certificate).unwrap();
            let method = key.method(Hash::Sha256);
            assert!(public.verifies(&method, b"text", &key.sign(Hash::Sha256, b"text")));
            for end in 0..certificate.len().min(200) {
                let _ = PublicKey::of_certificate(&certificate[..end]); // none, and no panic
            }
        }
        assert!(PublicKey::of_certificate(&[]).is_none());
        assert!(PublicKey::of_certificate(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).is_none());
    }
}
