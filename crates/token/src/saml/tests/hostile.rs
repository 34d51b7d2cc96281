//! Responses that somebody has forged, and texts that are none.

use super::*;

/// Somebody else's assertion, without a signature.
fn evil() -> String {
    assertion()
        .replace(signature(), "")
        .replace("alice", "admin")
        .replace("_a\"", "_evil\"")
}

/// One change to the good response, and what is said of it.
#[test]
fn what_is_not_to_be_relied_on_is_refused_and_told_why() {
    let evil = evil();
    let with = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replacen(from, to, 1)
    };
    let instead = |of_all: &str| GOOD.replace(assertion(), of_all);
    let in_signature = |object: &str| {
        signature().replace(
            "</ds:Signature>",
            &format!("<ds:Object>{object}</ds:Object></ds:Signature>"),
        )
    };
    let prefixes = (GOOD.matches("xmlns:").count()..65).fold(String::new(), |before, n| {
        before + &format!(" xmlns:p{n}=\"u\"")
    });
    let laughs = format!(
        "<!DOCTYPE r [<!ENTITY a \"ha\">{}]>",
        "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
    );
    let cases: Vec<(&str, String, &str)> = vec![
        ("unsigned", GOOD.replace(signature(), ""), "is not signed"),
        // The eight forms of signature wrapping of "On Breaking SAML". 1 and 2 copy the response that was signed, the others the assertion.
        (
            "wrapping 1",
            GOOD.replace(signature(), "").replacen(
                "</Issuer>",
                &format!("</Issuer>{}", in_signature(GOOD)),
                1,
            ),
            "found 2 in 2",
        ),
        (
            "wrapping 2",
            GOOD.replace(signature(), "").replacen(
                "</Issuer>",
                &format!("</Issuer>{GOOD}{}", signature().replace("#_a", "#_r")),
                1,
            ),
            "found 2 in 2",
        ),
        (
            "wrapping 3",
            instead(&format!("{evil}{}", assertion())),
            "found 2 in 1",
        ),
        (
            "wrapping 4",
            instead(&evil.replace("<Subject>", &format!("{}<Subject>", assertion()))),
            "found 2 in 1",
        ),
        (
            "wrapping 5",
            instead(&evil.replace("<Subject>", &format!("{}<Subject>", signature()))).replace(
                "</samlp:Response>",
                &format!("{}</samlp:Response>", assertion().replace(signature(), "")),
            ),
            "found 2 in 1",
        ),
        (
            "wrapping 6",
            instead(&evil.replace(
                "<Subject>",
                &format!(
                    "{}<Subject>",
                    in_signature(&assertion().replace(signature(), ""))
                ),
            )),
            "found 2 in 1",
        ),
        (
            "wrapping 7",
            with(
                "  <Assertion",
                &format!("<samlp:Extensions>{evil}</samlp:Extensions><Assertion"),
            ),
            "found 2 in 1",
        ),
        (
            "wrapping 8",
            instead(&evil.replace(
                "<Subject>",
                &format!("{}<Subject>", in_signature(assertion())),
            )),
            "found 2 in 1",
        ),
        (
            "an assertion of another namespace",
            instead(&format!("<x:Assertion xmlns:x=\"urn:x\"/>{}", assertion())),
            "found 2 in 1",
        ),
        (
            "an assertion that is not where it belongs",
            instead(&format!(
                "<samlp:Extensions>{}</samlp:Extensions>",
                assertion()
            )),
            "lacks Assertion in its Response",
        ),
        ("no assertion", instead(""), "found 0 in 1"),
        (
            "a signature about something else",
            with("URI=\"#_a\"", "URI=\"#_r\""),
            "is about \"#_r\", and stands in the element \"#_a\"",
        ),
        (
            "a signature about the whole document",
            with("URI=\"#_a\"", "URI=\"\""),
            "is about \"\"",
        ),
        (
            "a signature about two things",
            with(
                "<ds:Reference URI",
                "<ds:Reference URI=\"#_r\"/><ds:Reference URI",
            ),
            "several Reference in one SignedInfo",
        ),
        (
            "a signature that is somewhere else",
            with(
                "</AttributeStatement>",
                &format!("</AttributeStatement><Advice>{}</Advice>", signature()),
            ),
            "neither the response's nor the assertion's own",
        ),
        (
            "two signatures",
            with("<Subject>", &format!("{}<Subject>", signature())),
            "signed twice",
        ),
        (
            "a signature with an object",
            GOOD.replace(signature(), &in_signature("x")),
            "carries an object",
        ),
        (
            "a signature about a part",
            with(
                "http://www.w3.org/2001/10/xml-exc-c14n#\"/>\n          </ds:Transforms>",
                "http://www.w3.org/TR/1999/REC-xpath-19991116\"/>\n          </ds:Transforms>",
            ),
            "a part of its element alone",
        ),
        (
            "an ID that stands twice",
            with("<AuthnStatement", "<AuthnStatement Id=\"_a\""),
            "the same ID \"_a\"",
        ),
        (
            "an assertion without an ID",
            with("<Assertion ID=\"_a\"", "<Assertion"),
            "lacks ID in its Assertion",
        ),
        (
            "an encrypted assertion",
            instead("<EncryptedAssertion/>"),
            "is encrypted: AWS could read it",
        ),
        (
            "an encrypted name",
            with("<NameID", "<EncryptedID/><NameID"),
            "NameID in the SAML response is encrypted",
        ),
        (
            "a DTD",
            format!("<!DOCTYPE r>{GOOD}"),
            "cannot be read as XML",
        ),
        (
            "an external entity",
            format!(
                "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>{}",
                with("alice-1", "&x;")
            ),
            "cannot be read as XML",
        ),
        (
            "a billion laughs",
            format!("{laughs}{}", with("alice-1", "&c;")),
            "cannot be read as XML",
        ),
        (
            "an entity that nobody declared",
            with("alice-1", "&x;"),
            "cannot be read as XML",
        ),
        (
            "a comment in the name",
            with("alice-1", "alice-1<!-- -->.evil"),
            "a comment",
        ),
        (
            "a comment anywhere",
            with("<Conditions", "<!-- x --><Conditions"),
            "a comment",
        ),
        (
            "a processing instruction",
            with("<Conditions", "<?x y?><Conditions"),
            "a processing instruction",
        ),
        (
            "an element in the name",
            with("alice-1", "alice-1<x/>.evil"),
            "expected a text in NameID",
        ),
        (
            "another encoding",
            format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{GOOD}"),
            "written in \"ISO-8859-1\"",
        ),
        (
            "an attribute that stands twice",
            with("Version=\"2.0\"", "Version=\"2.0\" Version=\"2.0\""),
            "cannot be read as XML",
        ),
        (
            "many elements",
            with(
                "<Conditions",
                &format!("{}<Conditions", "<x/>".repeat(10_000)),
            ),
            "cannot be read as XML",
        ),
        (
            "half of it",
            GOOD[..GOOD.len() / 2].into(),
            "cannot be read as XML",
        ),
        (
            "two of them",
            format!("{GOOD}{GOOD}"),
            "cannot be read as XML",
        ),
        (
            "a request",
            GOOD.replace("samlp:Response", "samlp:AuthnRequest"),
            "found \"AuthnRequest\"",
        ),
        (
            "an assertion alone",
            assertion().replacen(
                "<Assertion",
                "<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
                1,
            ),
            "found \"Assertion\"",
        ),
        (
            "a response of nobody's namespace",
            GOOD.replace("SAML:2.0:protocol", "SAML:2.0:other"),
            "expected a SAML 2.0 Response",
        ),
        (
            "SAML 1.1",
            with("Version=\"2.0\"", "Version=\"1.1\""),
            "expected SAML 2.0, found \"1.1\"",
        ),
        (
            "two issuers",
            with(
                "<Issuer>https://idp.example<",
                "<Issuer>https://other.example<",
            ),
            "two things of its issuer",
        ),
        (
            "an issuer that stands twice",
            with(
                "<Subject>",
                "<Issuer>https://other.example</Issuer><Subject>",
            ),
            "several Issuer",
        ),
        (
            "two names",
            with("</NameID>", "</NameID><NameID>admin</NameID>"),
            "several NameID",
        ),
        (
            "two subjects",
            with("</Subject>", "</Subject><Subject/>"),
            "several Subject",
        ),
        (
            "no name",
            with("alice-1", " "),
            "NameID in the SAML response is empty",
        ),
        (
            "two confirmations",
            with(
                "</SubjectConfirmation>",
                "</SubjectConfirmation><SubjectConfirmation/>",
            ),
            "several SubjectConfirmation",
        ),
        (
            "a holder of a key",
            with("cm:bearer", "cm:holder-of-key"),
            "another method than bearer",
        ),
        (
            "no recipient",
            with("Recipient=\"https://signin.aws.amazon.com/saml\"", ""),
            "lacks Recipient",
        ),
        (
            "no end of the confirmation",
            with("NotOnOrAfter=\"2026-11-22T12:05:00Z\"", ""),
            "lacks NotOnOrAfter",
        ),
        (
            "an answer to two requests",
            with("InResponseTo=\"_q\">", "InResponseTo=\"_p\">"),
            "two things of its InResponseTo",
        ),
        (
            "a time in words",
            with("2026-11-22T12:05:00Z", "noon"),
            "not a time such as",
        ),
        (
            "a time without a zone",
            with("2026-11-22T12:05:00Z", "2026-11-22T12:05:00"),
            "not a time such as",
        ),
        (
            "a time before time",
            with("2026-11-22T12:05:00Z", "1626-11-22T12:05:00Z"),
            "not a time such as",
        ),
        (
            "more prefixes than anybody needs",
            with(
                "<AttributeStatement>",
                &format!("<AttributeStatement {prefixes}>"),
            ),
            "declares 65 prefixes of namespaces",
        ),
        (
            "two Role attributes",
            with(
                "<AttributeStatement>",
                "<AttributeStatement><Attribute Name=\"https://aws.amazon.com/SAML/Attributes/Role\"/>",
            ),
            "two attributes \"https://aws.amazon.com/SAML/Attributes/Role\"",
        ),
        (
            "two session names",
            with(
                "<AttributeValue>alice@example.com",
                "<AttributeValue>bob</AttributeValue><AttributeValue>alice@example.com",
            ),
            "expected one value of",
        ),
        (
            "two restrictions",
            with(
                "</AudienceRestriction>",
                "</AudienceRestriction><AudienceRestriction/>",
            ),
            "several AudienceRestriction",
        ),
    ];
    for (what, xml, said) in cases {
        let error = read(&xml).expect_err(what);
        assert_eq!(error.kind(), TokenErrorKind::Invalid, "{what}");
        assert!(error.to_string().contains(said), "{what}: {error}");
    }
}

/// The same texts each time (SplitMix64), so that what is found is found again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (limit as u64)).expect("a small number")
    }
}

#[test]
fn no_text_whatever_makes_it_panic() {
    let mut random = Random(6);
    let pieces = [
        "<",
        ">",
        "</",
        "/>",
        "\"",
        "&#0;",
        "&amp;",
        "]]>",
        "<![CDATA[x]]>",
        "<!--",
        "xmlns=\"\"",
        "\u{feff}",
        "ä",
        "\u{0}",
        "Assertion",
        "ID=\"_a\"",
        "2026-02-30T00:00:00Z",
    ];
    for _ in 0..4_000 {
        let mut bytes = GOOD.as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let (one, other) = (random.below(bytes.len()), random.below(bytes.len()));
            let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 200));
            match random.below(5) {
                0 => bytes[one] = u8::try_from(random.below(256)).expect("a byte"),
                1 => {
                    bytes.drain(from..to);
                }
                2 => bytes.truncate(one.max(1)),
                3 => {
                    let copy = bytes[from..to].to_vec();
                    bytes.splice(one..one, copy);
                }
                _ => {
                    bytes.splice(one..one, pieces[random.below(pieces.len())].bytes());
                }
            }
            if bytes.is_empty() {
                bytes.push(b'<');
            }
        }
        if let Ok(response) = SamlResponse::parse(&BASE64_STANDARD.encode(&bytes)) {
            let _ = (
                format!("{response:?}"),
                response.identity(),
                response.check(&Expected::default(), noon()),
            );
        }
        let noise: Vec<u8> = (0..random.below(300))
            .map(|_| u8::try_from(random.below(256)).expect("a byte"))
            .collect();
        let _ = SamlResponse::parse(&String::from_utf8_lossy(&noise));
        let _ = SamlResponse::parse(&BASE64_STANDARD.encode(&noise));
    }
}
