//! Certificates made by openssl, and what it says of them.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::*;

/// `openssl x509 -req` with an authority that calls itself Zscaler, for somebody else's server.
const CERTIFICATE: &str = "MIIBWjCCAQwCFFZCRYTniwRVwjQ2uqp/f3EeZfa1MAUGAytlcDBsMQswCQYDVQQGEwJVUzEVMBMGA1UECgwMWnNjYWxlciBJbmMuMRUwEwYDVQQLDAxac2NhbGVyIEluYy4xLzAtBgNVBAMMJlpzY2FsZXIgSW50ZXJtZWRpYXRlIFJvb3QgQ0EgKGV4YW1wbGUpMCAXDTI2MTEyMjIxNDc1OVoYDzIxMjYxMDI5MjE0NzU5WjAxMRYwFAYDVQQKDA1Tb21lYm9keSBFbHNlMRcwFQYDVQQDDA5pZC5leGFtcGxlLmNvbTAqMAUGAytlcAMhALnKy+ieFXJjGW3tJGM3TyeAooBUpwrQDKKNqsMciQutMAUGAytlcANBAD4tAl+jN1PnKoVoc72AuJCszbPoCIzKQR2xX0atXDrP9IQb80H/CAMCbBcnedB1BFHs1zxzpA2ISLElkRpprAg=";
/// `openssl x509 -fingerprint -sha1`.
const FINGERPRINT: &str = "61:27:96:F0:4A:FF:D8:AC:3A:8D:D1:29:74:E9:5F:E3:97:3A:90:0E";

fn certificate() -> Vec<u8> {
    BASE64_STANDARD.decode(CERTIFICATE).expect("base64")
}

#[test]
fn the_thumbprint_is_what_openssl_says_without_colons_and_in_lower_case() {
    let thumbprint = Thumbprint::of(&certificate());
    assert_eq!(FINGERPRINT.parse(), Ok(thumbprint));
    assert_eq!(
        thumbprint.to_string(),
        FINGERPRINT.replace(':', "").to_lowercase()
    );
}

#[test]
fn the_last_certificate_counts_however_many_there_are() {
    for (served, last) in [
        (&["leaf", "intermediate", "root"][..], Some("root")),
        (&["leaf", "intermediate"], Some("intermediate")),
        (&["leaf"], Some("leaf")),
        (&[], None),
    ] {
        let expected = last.map(|last| Thumbprint::of(last.as_bytes()));
        assert_eq!(Thumbprint::of_chain(served), expected, "{served:?}");
    }
}

#[test]
fn what_is_no_thumbprint_is_refused() {
    let good = FINGERPRINT.replace(':', "");
    for text in [
        "",
        "12",
        &good[1..],
        &format!("{good}0"),
        &good.replace('0', "g"),
        &format!("{good} "),
    ] {
        assert_eq!(
            text.parse::<Thumbprint>(),
            Err(MalformedThumbprint),
            "{text:?}"
        );
    }
}

#[test]
fn a_certificate_says_who_issued_it_and_not_whom_it_is_for() {
    let issuer = issuer(&certificate()).expect("an issuer");
    assert_eq!(
        issuer,
        "Zscaler Inc., Zscaler Inc., Zscaler Intermediate Root CA (example)"
    );
    assert_eq!(inspector(&issuer), Some("Zscaler"));
}

#[test]
fn no_certificate_however_broken_is_more_than_unknown() {
    let whole = certificate();
    for end in 0..whole.len() {
        let _ = issuer(&whole[..end]);
    }
    for place in 0..whole.len() {
        for value in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
            let mut broken = whole.clone();
            broken[place] = value;
            let shown = issuer(&broken).unwrap_or_default();
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
    }
    assert_eq!(issuer(b""), None);
    assert_eq!(issuer(b"-----BEGIN CERTIFICATE-----"), None);
}

#[test]
fn public_authorities_are_not_taken_for_inspectors() {
    for (name, product) in [
        ("Let's Encrypt, R11", None),
        ("Google Trust Services, WR2", None),
        ("Cloudflare, Inc., Cloudflare Inc ECC CA-3", None),
        ("Amazon, Amazon RSA 2048 M02", None),
        (
            "DigiCert Inc, DigiCert Global G2 TLS RSA SHA256 2020 CA1",
            None,
        ),
        (
            "Cloudflare, Inc., Gateway CA - Cloudflare Managed G1",
            Some("Cloudflare Gateway"),
        ),
        ("FORTINET, Certificate Authority, FGT60F", Some("Fortinet")),
        ("Cisco, Cisco Umbrella Root CA", Some("Cisco Umbrella")),
        ("Netskope Inc., ca.corp.goskope.com", Some("Netskope")),
    ] {
        assert_eq!(inspector(name), product, "{name}");
    }
}

#[test]
fn a_public_service_is_known_by_the_end_of_its_name() {
    for (host, known) in [
        ("token.actions.githubusercontent.com", true),
        ("corp.eu.auth0.com", true),
        ("AUTH0.com", true),
        ("auth0.com.corp.example", false),
        ("notauth0.com", false),
        ("id.example.com", false),
    ] {
        assert_eq!(is_public_service(host), known, "{host}");
    }
}
