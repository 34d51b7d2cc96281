//! Who has signed a request: Signature Version 4 in the `Authorization` header.
//!
//! As in "AWS Signature Version 4 for API requests" of the IAM user guide. The one path here is `/`, so that paths need no
//! canonical form; presigned addresses are not read.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http::{HeaderMap, Request, header};
use keyless_trust::answer::{self, Refusal};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Account;
use super::session::{Session, timestamp};

/// The session that has signed the request.
pub(super) fn authenticate<'a>(
    request: &Request<Bytes>,
    account: &'a Account,
    now: SystemTime,
) -> Result<&'a Session, Refusal> {
    let headers = request.headers();
    let authorization = text(headers, header::AUTHORIZATION.as_str())
        .ok_or_else(|| answer::UNSIGNED.refuse(&[]))?;
    let mismatch = || answer::SIGNATURE_MISMATCH.refuse(&[]);
    let proof = Proof::parse(authorization).ok_or_else(mismatch)?;
    let date = text(headers, "x-amz-date").ok_or_else(mismatch)?;

    let unknown = || answer::UNKNOWN_ACCESS_KEY.refuse(&[]);
    let session = account.session(proof.access_key_id).ok_or_else(unknown)?;
    if text(headers, "x-amz-security-token") != Some(&session.token) {
        return Err(unknown());
    }
    check_date(date, now)?;
    // What is not signed could have been added on the way.
    let must_be_signed = |name: &str| name == "host" || name.starts_with("x-amz-");
    let all_signed = headers
        .keys()
        .filter(|name| must_be_signed(name.as_str()))
        .all(|name| proof.signed_headers().any(|signed| signed == name));
    let right_scope = proof.scope.starts_with(date.get(..8).ok_or_else(mismatch)?)
        && proof.scope.ends_with("/sts/aws4_request");
    if !all_signed
        || !right_scope
        || proof.signature != signature(request, &proof, date, &session.secret)
    {
        return Err(mismatch());
    }
    if session.expires <= now {
        return Err(answer::SESSION_EXPIRED.refuse(&[]));
    }
    Ok(session)
}

/// What stands in the `Authorization` header.
struct Proof<'a> {
    access_key_id: &'a str,
    scope: &'a str, // date/region/service/aws4_request
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Proof<'a> {
    fn parse(authorization: &'a str) -> Option<Proof<'a>> {
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let (access_key_id, scope) = field("Credential")?.split_once('/')?;
        (scope.split('/').count() == 4).then_some(())?;
        Some(Proof {
            access_key_id,
            scope,
            signed_headers: field("SignedHeaders")?,
            signature: field("Signature")?,
        })
    }

    fn signed_headers(&self) -> impl Iterator<Item = &'a str> {
        self.signed_headers.split(';')
    }
}

/// The clocks may be fifteen minutes apart.
fn check_date(date: &str, now: SystemTime) -> Result<(), Refusal> {
    let signed = parse_date(date).ok_or_else(|| answer::SIGNATURE_MISMATCH.refuse(&[]))?;
    let (earliest, latest) = (now - SKEW, now + SKEW);
    let compact = |time| timestamp(time).replace(['-', ':'], "");
    if signed < earliest {
        let values = [
            ("signed", date),
            ("earliest", &compact(earliest)),
            ("now", &compact(now)),
        ];
        return Err(answer::CLOCK_SKEW.refuse(&values));
    }
    if signed > latest {
        let message = format!(
            "Signature not yet current: {date} is still later than {} ({} + 15 min.)",
            compact(latest),
            compact(now)
        );
        return Err(Refusal {
            answer: &answer::CLOCK_SKEW,
            message,
        });
    }
    Ok(())
}

/// `20261122T180000Z`.
fn parse_date(date: &str) -> Option<SystemTime> {
    let part = |range: std::ops::Range<usize>| date.get(range);
    let rfc3339 = format!(
        "{}-{}-{}T{}:{}:{}",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(9..11)?,
        part(11..13)?,
        date.get(13..)?
    );
    Some(OffsetDateTime::parse(&rfc3339, &Rfc3339).ok()?.into())
}

fn signature(request: &Request<Bytes>, proof: &Proof<'_>, date: &str, secret: &str) -> String {
    let Proof {
        scope,
        signed_headers,
        ..
    } = proof;
    let mut query: Vec<_> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .collect();
    query.sort_unstable();
    let headers = proof
        .signed_headers()
        .fold(String::new(), |mut headers, name| {
            let values: Vec<_> = request
                .headers()
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .map(single_spaced)
                .collect();
            let _ = writeln!(headers, "{name}:{}", values.join(","));
            headers
        });
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{signed_headers}\n{}",
        request.method(),
        request.uri().path(),
        query.join("&"),
        hex(&Sha256::digest(request.body()))
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&Sha256::digest(canonical))
    );
    let key = scope
        .split('/')
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| {
            mac(&key, part)
        });
    hex(&mac(&key, &to_sign))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn single_spaced(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

const SKEW: Duration = Duration::from_mins(15);

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test suite that AWS publishes for Signature Version 4: `get-vanilla`, `get-vanilla-query-order-key-case`,
    /// `post-x-www-form-urlencoded`.
    #[test]
    fn signatures_are_those_of_the_published_test_suite() {
        let cases = [
            (
                "GET",
                "/",
                "",
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "GET",
                "/?Param2=value2&Param1=value1",
                "",
                "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "POST",
                "/",
                "Param1=value1",
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ];
        for (method, uri, body, signed_headers, expected) in cases {
            let request = Request::builder()
                .method(method)
                .uri(uri)
                .header("Host", "example.amazonaws.com")
                .header("X-Amz-Date", "20150830T123600Z")
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(Bytes::from(body))
                .unwrap();
            let header = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={signed_headers}, Signature={expected}"
            );
            let proof = Proof::parse(&header).unwrap();
            let computed = signature(
                &request,
                &proof,
                "20150830T123600Z",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            );
            assert_eq!(computed, expected, "{method} {uri}");
        }
    }

    #[test]
    fn dates_are_read_as_amazon_writes_them() {
        let date = parse_date("20150830T123600Z").unwrap();
        assert_eq!(timestamp(date), "2015-08-30T12:36:00Z");
        for nonsense in [
            "",
            "20150830",
            "2015-08-30T12:36:00Z",
            "20151330T123600Z",
            "ééééééééé",
        ] {
            assert_eq!(parse_date(nonsense), None, "{nonsense}");
        }
    }
}
