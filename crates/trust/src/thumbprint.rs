//! Certificate thumbprints: which certificate IAM means, who issued it, and who may stand in between.
//!
//! IAM holds up to five thumbprints of an OpenID provider. It checks the key set's host against its own store of public
//! authorities first, so that they count only where that host's certificate is from somebody else, such as a company's own
//! authority (IAM user guide, "Obtain the thumbprint for an OpenID Connect identity provider"). The handshake that shows the
//! certificates is the caller's; here are the rule and the hash.

use std::fmt;
use std::str::FromStr;

use sha1::{Digest as _, Sha1};

/// How many thumbprints IAM takes for one provider (`CreateOpenIDConnectProvider`).
pub const LIMIT: usize = 5;

/// The SHA-1 of a certificate, which IAM writes as 40 hexadecimal digits. It names a certificate; nothing is signed by it.
///
/// ```
/// use keyless_trust::thumbprint::Thumbprint;
///
/// let served: [&[u8]; 2] = [b"the server's own", b"the one that vouches for it"]; // really DER, in the order of the handshake
/// let thumbprint = Thumbprint::of_chain(&served).expect("a certificate");
/// assert_eq!(thumbprint, Thumbprint::of(served[1]));
/// assert_eq!(thumbprint.to_string(), "4f1ddfd699d3309686bc59059c88969eceaea2f6");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 20]);

impl Thumbprint {
    /// The thumbprint of one certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha1::digest(certificate).into())
    }

    /// The one that IAM means of those that a server shows in its handshake: the last, whether that is the root, the top
    /// intermediate or, where there is no other, the server's own. `None` where there is none at all.
    pub fn of_chain(served: &[impl AsRef<[u8]>]) -> Option<Self> {
        served.last().map(|last| Self::of(last.as_ref()))
    }
}

/// 40 digits in lower case, without colons.
impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads 40 digits in any case, also with the colons that `openssl` writes.
impl FromStr for Thumbprint {
    type Err = MalformedThumbprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: Vec<u32> = text
            .chars()
            .filter(|&c| c != ':')
            .map(|c| c.to_digit(16).ok_or(MalformedThumbprint))
            .collect::<Result<_, _>>()?;
        let mut bytes = [0; 20];
        if digits.len() != 2 * bytes.len() {
            return Err(MalformedThumbprint);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::try_from(pair[0] * 16 + pair[1]).map_err(|_| MalformedThumbprint)?;
        }
        Ok(Self(bytes))
    }
}

/// What was read is no thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedThumbprint;

impl fmt::Display for MalformedThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a SHA-1 thumbprint of 40 hexadecimal digits")
    }
}

impl std::error::Error for MalformedThumbprint {}

/// Who issued a certificate in DER, as it says itself: its issuer's organization, unit and common name, fit to be shown. `None`
/// where there are none, or where it is no certificate (RFC 5280 §4.1.2.4).
pub fn issuer(certificate: &[u8]) -> Option<String> {
    let (_, certificate, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut rest, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, _, rest) = element(rest)?;
    }
    let (_serial, _, rest) = element(rest)?;
    let (_algorithm, _, rest) = element(rest)?;
    let (_, mut names, _) = element(rest).filter(|(tag, ..)| *tag == SEQUENCE)?;

    let mut parts = [const { None }; WANTED.len()];
    while let Some((SET, mut set, after)) = element(names) {
        while let Some((SEQUENCE, attribute, next)) = element(set) {
            if let Some((OBJECT_ID, id, value)) = element(attribute)
                && let Some(place) = WANTED.iter().position(|wanted| *wanted == id)
                && let Some((tag, text, _)) = element(value)
            {
                parts[place] = Some(shown(tag, text));
            }
            set = next;
        }
        names = after;
    }
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The product that is known to take connections apart and to issue certificates of its own for them, where `issuer` names
/// one. A certificate of its says nothing about the server behind it.
pub fn inspector(issuer: &str) -> Option<&'static str> {
    let issuer = issuer.to_lowercase();
    INSPECTORS
        .iter()
        .find(|(mark, _)| issuer.contains(mark))
        .map(|(_, product)| *product)
}

/// Whether `host` belongs to a service that is known to have certificates of public authorities, so that another one is not
/// from there.
pub fn is_public_service(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    PUBLIC_SERVICES.iter().any(|known| {
        host.strip_suffix(known)
            .is_some_and(|front| front.is_empty() || front.ends_with('.'))
    })
}

/// A tag, its content, and what follows (X.690 §8.1). Lengths of more than four bytes are nobody's.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = bytes else {
        return None;
    };
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let add = |length: usize, digit: &u8| length << 8 | usize::from(*digit);
            (digits.iter().fold(0, add), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

/// The text of a directory string (RFC 5280 §4.1.2.4), without what a terminal would obey.
fn shown(tag: u8, text: &[u8]) -> String {
    let text = if tag == BMP_STRING {
        let pairs = text.chunks_exact(2);
        let units: Vec<u16> = pairs
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(text).into_owned()
    };
    text.escape_debug().take(64).collect() // the bound of X.520 for each of them
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
/// The version, which a certificate of version 1 lacks.
const VERSION: u8 = 0xa0;

/// organizationName, organizationalUnitName, commonName (2.5.4.10, .11, .3).
const WANTED: [&[u8]; 3] = [&[0x55, 4, 10], &[0x55, 4, 11], &[0x55, 4, 3]];

/// How their certificates can be told, in lower case, and what they are called.
const INSPECTORS: &[(&str, &str)] = &[
    ("zscaler", "Zscaler"),
    ("netskope", "Netskope"),
    ("goskope", "Netskope"),
    ("palo alto", "Palo Alto Networks"),
    ("prisma access", "Palo Alto Networks"),
    ("fortinet", "Fortinet"),
    ("fortigate", "Fortinet"),
    ("cisco umbrella", "Cisco Umbrella"),
    ("blue coat", "Blue Coat"),
    ("bluecoat", "Blue Coat"),
    ("forcepoint", "Forcepoint"),
    ("websense", "Forcepoint"),
    ("skyhigh", "Skyhigh"),
    ("mcafee web gateway", "Skyhigh"),
    ("check point", "Check Point"),
    ("sophos", "Sophos"),
    ("barracuda", "Barracuda"),
    ("iboss", "iboss"),
    ("menlo security", "Menlo Security"),
    ("cato networks", "Cato Networks"),
    ("gateway ca - cloudflare", "Cloudflare Gateway"),
    ("sonicwall", "SonicWall"),
    ("watchguard", "WatchGuard"),
    ("smoothwall", "Smoothwall"),
    ("trend micro", "Trend Micro"),
    ("kaspersky", "Kaspersky"),
    ("avast web", "Avast"),
    ("eset ssl", "ESET"),
    ("bitdefender", "Bitdefender"),
    ("mitmproxy", "mitmproxy"),
    ("fiddler", "Fiddler"),
    ("charles proxy", "Charles"),
    ("portswigger", "Burp"),
];

/// Issuers that anybody may have, by the end of their hosts' names.
const PUBLIC_SERVICES: &[&str] = &[
    "accounts.google.com",
    "amazonaws.com",
    "app.terraform.io",
    "auth0.com",
    "agent.buildkite.com",
    "api.bitbucket.org",
    "b2clogin.com",
    "circleci.com",
    "ciamlogin.com",
    "githubusercontent.com",
    "gitlab.com",
    "googleapis.com",
    "login.microsoftonline.com",
    "microsoftonline.us",
    "okta.com",
    "oktapreview.com",
    "onelogin.com",
    "pingone.com",
    "pingone.eu",
    "sts.windows.net",
    "vercel.com",
    "workos.com",
];

#[cfg(test)]
mod tests;
