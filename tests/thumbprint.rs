//! Which certificate a thumbprint is of: whatever a server shows, on whichever host the keys are.

use std::path::Path;
use std::sync::Arc;

use keyless::{Environment, Thumbprint, Thumbprints, TokenErrorKind, thumbprints};
use keyless_tests::binary;
use keyless_tests::port;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, name);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

/// A company's authorities: the root, one below it, and the root's own key as an older root vouches for it.
struct Company {
    root: Authority,
    middle: Authority,
    crossed: CertificateDer<'static>,
}

impl Company {
    fn new(name: &str) -> Self {
        let root = CertifiedIssuer::self_signed(named(name), key()).expect("a root");
        let old = CertifiedIssuer::self_signed(named("Old Root"), key()).expect("a root");
        let middle = CertifiedIssuer::signed_by(named("Middle"), key(), &root).expect("one below");
        let crossed = named(name).signed_by(root.key(), &old).expect("a cross");
        let crossed = crossed.der().clone();
        Self {
            root,
            middle,
            crossed,
        }
    }

    /// A server on this machine whose handshake shows its own certificate and `others`; its port.
    async fn serve(&self, others: &[&CertificateDer<'static>]) -> (u16, CertificateDer<'static>) {
        let key = key();
        let own = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
        let own = own.signed_by(&key, &self.middle).expect("a certificate");
        let mut chain = vec![own.der().clone()];
        chain.extend(others.iter().copied().cloned());
        let last = chain.last().expect("one at least").clone();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Whoever asks for anything is shown an OpenID configuration.
                    let issuer = format!("https://localhost:{port}");
                    let document =
                        format!(r#"{{"issuer":"{issuer}","jwks_uri":"{issuer}/jwks","keys":[]}}"#);
                    let length = document.len();
                    if let Ok(mut stream) = acceptor.accept(stream).await
                        && stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0)
                    {
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{document}"
                        );
                        let _ = stream.write_all(answer.as_bytes()).await;
                        let _ = stream.shutdown().await;
                    }
                });
            }
        });
        (port, last)
    }
}

/// The last certificate that openssl is shown, as openssl hashes it; `None` where there is no openssl.
async fn by_openssl(port: u16) -> Option<String> {
    let line = format!(
        "openssl s_client -connect 127.0.0.1:{port} -servername localhost -showcerts </dev/null 2>/dev/null \
         | awk '/BEGIN CERTIFICATE/ {{ text = \"\" }} {{ text = text $0 \"\\n\" }} /END CERTIFICATE/ {{ last = text }} END {{ printf \"%s\", last }}' \
         | openssl x509 -noout -fingerprint -sha1"
    );
    let output = Command::new("sh").args(["-c", &line]).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, colons) = text.trim().split_once('=')?;
    Some(colons.replace(':', "").to_lowercase())
}

async fn look(issuer: &str, keys: &str) -> Thumbprints {
    let nothing = Environment::of([] as [(&str, &str); 0]);
    thumbprints(issuer, keys, &nothing)
        .await
        .expect("two handshakes")
}

fn texts(thumbprints: &Thumbprints) -> Vec<String> {
    thumbprints.list().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_last_certificate_that_is_served_counts() {
    let company = Company::new("Corp Root");
    let (root, middle) = (company.root.der(), company.middle.der());
    for (story, others) in [
        ("full chain", &[middle, root][..]),
        ("without the root", &[middle]),
        ("leaf only", &[]),
        ("cross-signed", &[middle, &company.crossed]),
    ] {
        let (port, last) = company.serve(others).await;
        let issuer = format!("https://localhost:{port}");
        let found = look(&issuer, &format!("{issuer}/jwks")).await;
        let expected = Thumbprint::of(&last).to_string();
        assert_eq!(texts(&found), [&*expected], "{story}");
        assert!(found.are_needed(), "{story}: no public authority vouches");
        let served = &found.served()[0];
        assert_eq!(served.certificates(), 1 + others.len(), "{story}");
        assert_eq!(served.host(), format!("localhost:{port}"));
        assert_eq!(served.issuer(), Some("Middle"), "{story}");
        assert_eq!(found.warnings(), Vec::<String>::new(), "{story}");
        // Where there is an openssl.
        if let Some(theirs) = by_openssl(port).await {
            assert_eq!(theirs, expected, "{story}");
        }
    }
}

#[tokio::test]
async fn keys_on_another_host_have_a_thumbprint_of_their_own_and_come_first() {
    let (one, other) = (Company::new("Corp Root"), Company::new("Cloud Root"));
    let (discovery, first) = one.serve(&[one.middle.der()]).await;
    let (keys, second) = other.serve(&[other.middle.der()]).await;
    let found = look(
        &format!("https://localhost:{discovery}/"),
        &format!("https://127.0.0.1:{keys}/jwks"),
    )
    .await;
    let expected = [&second, &first].map(|last| Thumbprint::of(last).to_string());
    assert_eq!(texts(&found), expected);
    // Two hosts that show the same last certificate need one thumbprint.
    let (again, _) = one.serve(&[one.middle.der()]).await;
    let found = look(
        &format!("https://localhost:{discovery}/"),
        &format!("https://localhost:{again}/jwks"),
    )
    .await;
    assert_eq!(found.served().len(), 2);
    assert_eq!(texts(&found), [Thumbprint::of(&first).to_string()]);
}

#[tokio::test]
async fn a_proxy_that_inspects_tls_is_told() {
    // It answers for every host with certificates of its own.
    let inspector = Company::new("Zscaler Inc.");
    let middle = CertifiedIssuer::signed_by(named("Zscaler Intermediate"), key(), &inspector.root);
    let inspector = Company {
        middle: middle.expect("one below"),
        ..inspector
    };
    let (tls, last) = inspector.serve(&[inspector.middle.der()]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let proxy = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let length = client.read(&mut request).await.expect("a request");
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            assert!(
                request.starts_with("CONNECT id.example.com:443 "),
                "{request}"
            );
            assert!(request.contains("dXNlcjpwYXNz"), "{request}"); // user:pass
            client
                .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
                .await
                .expect("sent");
            let mut server = TcpStream::connect(("127.0.0.1", tls)).await.expect("there");
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    });
    let variable = format!("http://user:pass@{proxy}");
    let environment = Environment::of([("HTTPS_PROXY", &variable)]);
    let found = thumbprints(
        "https://id.example.com",
        "https://id.example.com/jwks",
        &environment,
    );
    let found = found.await.expect("a handshake");
    assert_eq!(texts(&found), [Thumbprint::of(&last).to_string()]);
    assert_eq!(
        found.warnings(),
        [
            "Zscaler inspects TLS on the way to id.example.com: the certificate is from Zscaler Intermediate"
        ]
    );
    assert!(!format!("{found:?}").contains("pass"), "{found:?}");
}

#[tokio::test]
async fn the_doctor_tells_the_thumbprint_of_a_company_s_own_authority() {
    let company = Company::new("Corp Root");
    let (port, last) = company.serve(&[company.middle.der()]).await;
    let home = tempfile::tempdir().expect("a folder");
    let bundle = home.path().join("ca.pem");
    std::fs::write(&bundle, company.root.pem()).expect("written");
    let doctor = |bundle: Option<&Path>| {
        let mut command = Command::new(binary::keyless());
        command
            .args(["doctor", "--json", "--client-id", "keyless", "--issuer"])
            .arg(format!("https://localhost:{port}"))
            .env_clear()
            .env("HOME", home.path());
        if let Some(bundle) = bundle {
            command.env("AWS_CA_BUNDLE", bundle);
        }
        async move {
            let output = command.output().await.expect("keyless starts");
            let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let line = |id: &str| {
                let mut checks = report["checks"].as_array().expect("checks").iter();
                checks
                    .find(|check| check["id"] == id)
                    .expect("the check")
                    .clone()
            };
            (line("issuer"), line("certificate"))
        }
    };
    let (issuer, certificate) = doctor(Some(&bundle)).await;
    assert_eq!(issuer["state"], "pass", "{issuer}");
    assert_eq!(certificate["state"], "warn", "{certificate}");
    let advice = certificate["advice"].as_str().expect("advice");
    assert!(
        advice.contains(&Thumbprint::of(&last).to_string()),
        "{advice}"
    );

    let (issuer, certificate) = doctor(None).await;
    assert_eq!(certificate["state"], "skip", "{certificate}");
    let said = issuer["said"].as_str().expect("text");
    assert!(said.contains("from nobody who is trusted here"), "{said}");
}

#[tokio::test]
async fn setup_writes_the_thumbprint_into_the_provider_where_that_is_asked_for() {
    let company = Company::new("Corp Root");
    let (port, last) = company.serve(&[company.middle.der()]).await;
    let home = tempfile::tempdir().expect("a folder");
    let bundle = home.path().join("ca.pem");
    std::fs::write(&bundle, company.root.pem()).expect("written");
    let expected = format!("thumbprint_list = [\"{}\"]\n", Thumbprint::of(&last));
    for (flag, is_there) in [("--thumbprint", true), ("--max-session=1h", false)] {
        let output = Command::new(binary::keyless())
            .args([
                "setup",
                "--format=terraform",
                "--allow=k8s:web/frontend",
                flag,
            ])
            .arg(format!("--issuer=https://localhost:{port}"))
            .env_clear()
            .env("HOME", home.path())
            .env("AWS_CA_BUNDLE", &bundle)
            .output()
            .await
            .expect("keyless starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let written = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(written.contains(&expected), is_there, "{written}");
        assert_eq!(written.contains("thumbprint"), is_there, "{written}");
    }
}

#[tokio::test]
async fn where_there_is_no_certificate_it_is_said_why() {
    let silent = port::free();
    let nothing = Environment::of([] as [(&str, &str); 0]);
    for (issuer, kind, said) in [
        (
            "http://127.0.0.1:1".to_owned(),
            TokenErrorKind::Misconfigured,
            "has no certificate",
        ),
        (
            "http://id.example.com".to_owned(),
            TokenErrorKind::Misconfigured,
            "only https",
        ),
        (
            format!("https://localhost:{silent}"),
            TokenErrorKind::Unreachable,
            "no TLS handshake",
        ),
    ] {
        let error = thumbprints(&issuer, &issuer, &nothing)
            .await
            .expect_err("no handshake");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}
