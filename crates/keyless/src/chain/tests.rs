//! Who vouches for a chain, and when it may be somebody else's.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn root(name: &str) -> Authority {
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params(name), key).expect("an authority")
}

fn below(name: &str, above: &Authority) -> Authority {
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::signed_by(params(name), key, above).expect("an authority")
}

fn server(name: &str, above: &Authority) -> CertificateDer<'static> {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([name.to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, above).expect("a certificate");
    certificate.der().clone()
}

fn trusting(root: &Authority) -> Look {
    let mut public = RootCertStore::empty();
    public.add(root.der().clone()).expect("an authority");
    Look {
        proxies: Matcher::builder().build(),
        public: Arc::new(public),
        provider: Arc::new(ring::default_provider()),
    }
}

#[test]
fn a_chain_is_public_where_a_public_authority_vouches_for_the_host_whatever_is_served_beside() {
    let public = root("Public Root");
    let old = root("Old Root");
    let middle = below("Public Intermediate", &public);
    let company = root("Company Root");
    let look = trusting(&public);
    // The public root's own key and name, vouched for by an older one: what servers show to old clients.
    let crossed = params("Public Root").signed_by(public.key(), &old);
    let crossed = crossed.expect("a certificate").der().clone();
    let own = server("id.example", &middle);
    let middle_der = middle.der().clone();
    for (story, chain, fault) in [
        (
            "full chain",
            vec![own.clone(), middle_der.clone(), public.der().clone()],
            None,
        ),
        (
            "without the root",
            vec![own.clone(), middle_der.clone()],
            None,
        ),
        (
            "cross-signed",
            vec![own.clone(), middle_der.clone(), crossed],
            None,
        ),
        ("the root's own", vec![server("id.example", &public)], None),
        (
            "leaf alone",
            vec![own],
            Some("no public authority vouches for it"),
        ),
        (
            "a company's",
            vec![server("id.example", &company), company.der().clone()],
            Some("no public authority vouches for it"),
        ),
        (
            "another host's",
            vec![server("other.example", &middle), middle_der],
            Some("not valid for name"),
        ),
    ] {
        let name = ServerName::try_from("id.example").expect("a name");
        let found = look.fault(&chain, &name);
        assert_eq!(found.is_some(), fault.is_some(), "{story}: {found:?}");
        let found = found.unwrap_or_default();
        assert!(
            found.contains(fault.unwrap_or_default()),
            "{story}: {found}"
        );
    }
}

#[test]
fn it_is_told_when_somebody_else_s_certificate_is_looked_at() {
    let served = |host: &str, issuer: &str, is_public: bool, proxy: Option<&str>| Served {
        host: host.into(),
        thumbprint: Thumbprint::of(b""),
        certificates: 1,
        issuer: Some(issuer.into()),
        fault: (!is_public).then(|| "no public authority vouches for it".into()),
        inspector: thumbprint::inspector(issuer),
        proxy: proxy.map(str::to_owned),
    };
    for (served, told) in [
        (served("id.corp.example", "Corp Root", false, None), None),
        (
            served(
                "corp.eu.auth0.com",
                "Let's Encrypt, R11",
                true,
                Some("proxy:3128"),
            ),
            None,
        ),
        (
            served("corp.eu.auth0.com", "Corp Root", false, None),
            Some(
                "something inspects TLS on the way to corp.eu.auth0.com: the certificate is from Corp Root",
            ),
        ),
        (
            served("corp.eu.auth0.com:8443", "Corp Root", false, None),
            Some("something inspects TLS"),
        ),
        (
            served(
                "id.corp.example",
                "Zscaler Inc., Zscaler Intermediate",
                false,
                None,
            ),
            Some("Zscaler inspects TLS on the way to id.corp.example"),
        ),
        (
            served("id.corp.example", "Corp Root", false, Some("proxy:3128")),
            Some("went through the proxy proxy:3128"),
        ),
    ] {
        let warning = served.warning();
        assert_eq!(warning.is_some(), told.is_some(), "{served:?}: {warning:?}");
        assert!(
            warning
                .unwrap_or_default()
                .contains(told.unwrap_or_default()),
            "{served:?}"
        );
    }
}
