//! The request that a sign-in begins with, and the sign by which its response is known again.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyless_cache::Secret;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::xml::{ASSERTION, PROTOCOL};
use crate::error::{TokenError, TokenErrorKind};

/// How the response is to come (SAML Bindings §3.5).
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// An `AuthnRequest` (SAML Core §3.4.1), used for one sign-in.
pub(super) struct AuthnRequest {
    /// What `InResponseTo` of its response has to be.
    pub(super) id: String,
    /// What comes back beside the response (SAML Bindings §3.5.3: at most 80 bytes).
    pub(super) relay_state: Secret,
    xml: String,
}

impl AuthnRequest {
    /// A request of the application `entity_id` to the identity provider at `destination`, which is to answer to `returns_to`.
    pub(super) fn new(
        entity_id: &str,
        destination: &Url,
        returns_to: &str,
        now: SystemTime,
    ) -> Result<Self, TokenError> {
        let id = format!("_{}", random()?); // an XML ID begins with a letter or a low line
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let issued = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .and_then(|time| time.format(&Rfc3339).ok())
            .unwrap_or_default();
        let xml = format!(
            r#"<samlp:AuthnRequest xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" ID="{id}" Version="2.0" IssueInstant="{issued}" Destination="{}" AssertionConsumerServiceURL="{}" ProtocolBinding="{POST}"><saml:Issuer>{}</saml:Issuer></samlp:AuthnRequest>"#,
            escape(destination.as_str()),
            escape(returns_to),
            escape(entity_id),
        );
        Ok(Self {
            id,
            relay_state: random()?.into(),
            xml,
        })
    }

    /// The address that the browser is sent to (HTTP-Redirect binding, SAML Bindings §3.4.4.1).
    pub(super) fn url(&self, destination: &Url) -> Url {
        let mut url = destination.clone();
        url.query_pairs_mut()
            .append_pair(
                "SAMLRequest",
                &BASE64_STANDARD.encode(stored(self.xml.as_bytes())),
            )
            .append_pair("RelayState", self.relay_state.expose());
        url
    }

    /// The address where an identity provider begins by itself.
    pub(super) fn url_without_request(&self, destination: &Url) -> Url {
        let mut url = destination.clone();
        url.query_pairs_mut()
            .append_pair("RelayState", self.relay_state.expose());
        url
    }
}

/// DEFLATE without compression (RFC 1951 §3.2.4): every inflater reads it, and a request is short.
fn stored(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 5);
    let mut blocks = text.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX); // a chunk is no longer
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// 128 random bits in hexadecimal digits (SAML Core §1.3.4 asks for as many of an ID).
fn random() -> Result<String, TokenError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| {
        TokenError::new(
            TokenErrorKind::Misconfigured,
            format!("this machine gives no random numbers: {error}"),
        )
    })?;
    Ok(random.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}"); // into a String: cannot fail
        digits
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_can_be_read_by_whoever_inflates_it() {
        let destination = Url::parse("https://idp.example/sso?app=a&b=c").expect("an address");
        let request = AuthnRequest::new(
            "urn:a&b",
            &destination,
            "http://127.0.0.1:1/saml",
            UNIX_EPOCH + Duration::from_hours(498_708),
        )
        .expect("a request");
        let url = request.url(&destination);
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        assert_eq!(
            pairs[..2],
            [("app".into(), "a".into()), ("b".into(), "c".into())]
        );
        assert_eq!(
            pairs[3],
            ("RelayState".into(), request.relay_state.expose().into())
        );
        let deflated = BASE64_STANDARD.decode(&pairs[2].1).expect("base64");
        let [1, low, high, not_low, not_high, xml @ ..] = &deflated[..] else {
            panic!("no stored block")
        };
        assert_eq!(
            (
                usize::from(u16::from_le_bytes([*low, *high])),
                [!low, !high]
            ),
            (xml.len(), [*not_low, *not_high])
        );
        let xml = std::str::from_utf8(xml).expect("text");
        let document = roxmltree::Document::parse(xml).expect("XML");
        let root = document.root_element();
        assert!(root.has_tag_name((PROTOCOL, "AuthnRequest")), "{xml}");
        for (name, value) in [
            ("ID", &*request.id),
            ("Version", "2.0"),
            ("IssueInstant", "2026-11-22T12:00:00Z"),
            ("Destination", "https://idp.example/sso?app=a&b=c"),
            ("AssertionConsumerServiceURL", "http://127.0.0.1:1/saml"),
            ("ProtocolBinding", POST),
        ] {
            assert_eq!(root.attribute(name), Some(value), "{name}");
        }
        assert_eq!(
            root.first_element_child().and_then(|issuer| issuer.text()),
            Some("urn:a&b")
        );
        let again = AuthnRequest::new("x", &destination, "x", UNIX_EPOCH).expect("a request");
        assert_ne!(again.id, request.id);
        assert_ne!(again.relay_state, request.relay_state);
    }

    #[test]
    fn a_long_text_is_stored_in_several_blocks() {
        let text = vec![7; 70_000];
        let out = stored(&text);
        assert_eq!((out[0], out[5 + 65_535], out.len()), (0, 1, 70_010));
    }
}
