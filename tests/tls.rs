//! Company networks: a certificate authority of one's own, and a proxy that inspects TLS.

use std::sync::Arc;

use keyless::{Http, Login, TokenErrorKind};
use keyless_tests::person::{Deed, Person};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// An https server on this machine that says 404 to everything, and the certificate authority that vouches for it.
async fn company() -> (String, String) {
    let mut params = CertificateParams::new([]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"))
        .expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(["localhost".to_owned()])
        .expect("parameters")
        .signed_by(&key, &authority)
        .expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .expect("a configuration");
    let (listener, acceptor) = (
        TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        TlsAcceptor::from(Arc::new(config)),
    );
    let address = format!(
        "https://localhost:{}",
        listener.local_addr().expect("an address").port()
    );
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    });
    (address, authority.pem())
}

#[tokio::test]
async fn an_authority_of_one_s_own_is_trusted_once_it_is_named() {
    let (issuer, authority) = company().await;
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("ca.pem");
    std::fs::write(&bundle, authority).expect("written");
    let sign_in = |http: Http| {
        let login = Login::builder(&issuer, "keyless", http)
            .prompt(Person::who(Deed::StayAway))
            .build()
            .expect("a login");
        async move {
            login
                .sign_in()
                .await
                .expect_err("there is no identity provider")
        }
    };

    let stranger = sign_in(Http::default()).await;
    assert_eq!(stranger.kind(), TokenErrorKind::Unreachable);
    for part in ["certificate", "proxy inspects TLS", "AWS_CA_BUNDLE"] {
        assert!(stranger.to_string().contains(part), "{stranger}");
    }
    let environment = keyless::Environment::of([("AWS_CA_BUNDLE", &bundle)]);
    for http in [
        Http::from_environment(&environment),
        Http::trusting(&bundle),
    ] {
        let known = sign_in(http).await;
        assert!(known.to_string().contains("found 404"), "{known}");
    }
    // A bundle that cannot be used is named, and not passed over.
    let hollow = folder.path().join("hollow.pem");
    std::fs::write(&hollow, "no certificate").expect("written");
    for (file, reason) in [
        (folder.path().join("absent"), "cannot be read"),
        (hollow, "holds no certificate"),
    ] {
        let error = sign_in(Http::trusting(file)).await;
        assert!(error.to_string().contains(reason), "{error}");
    }
}
