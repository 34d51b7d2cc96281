//! The certificates that an issuer's servers show, and the thumbprints that IAM would want of them.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use keyless_token::text::{innermost, printable};
use keyless_token::{TokenError, TokenErrorKind, endpoint};
use keyless_trust::thumbprint::{self, Thumbprint};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service as _;
use url::{Host, Url};

use crate::environment::Environment;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What IAM would see of an issuer's certificates: those of the host of its key set and, where that is another, those of the
/// host of its OpenID configuration (IAM user guide, "Obtain the thumbprint for an OpenID Connect identity provider").
#[derive(Clone, Debug)]
pub struct Thumbprints(Vec<Served>);

impl Thumbprints {
    /// What each host showed, the one of the key set first.
    pub fn served(&self) -> &[Served] {
        &self.0
    }

    /// What belongs into the provider's `ThumbprintList`: each once.
    pub fn list(&self) -> Vec<Thumbprint> {
        let mut list = Vec::new();
        for served in &self.0 {
            if !list.contains(&served.thumbprint) {
                list.push(served.thumbprint);
            }
        }
        list
    }

    /// Whether IAM looks at thumbprints here at all. It does not where public authorities vouch for every host.
    pub fn are_needed(&self) -> bool {
        self.0.iter().any(|served| !served.is_public())
    }

    /// Why the thumbprints may not be the issuer's own, a clause for each reason.
    pub fn warnings(&self) -> Vec<String> {
        self.0.iter().filter_map(Served::warning).collect()
    }
}

/// What one host showed in its TLS handshake.
#[derive(Clone, Debug)]
pub struct Served {
    host: String,
    thumbprint: Thumbprint,
    certificates: usize,
    issuer: Option<String>,
    /// Why no public authority vouches for it.
    fault: Option<String>,
    inspector: Option<&'static str>,
    /// The proxy that the handshake went through.
    proxy: Option<String>,
}

impl Served {
    /// The host, with its port where that is not 443.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The thumbprint of the last certificate that it showed.
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// How many certificates it showed.
    pub fn certificates(&self) -> usize {
        self.certificates
    }

    /// Who issued the host's own certificate, as that says itself.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Whether a public authority vouches for the host, so that IAM needs no thumbprint. Judged by the list of public
    /// authorities that is built in, and not by this machine's own, which may hold a company's as well.
    pub fn is_public(&self) -> bool {
        self.fault.is_none()
    }

    /// Why no public authority vouches for it, where none does: a clause.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Why the certificates may be another's than the host's: a clause, where something speaks for it.
    pub fn warning(&self) -> Option<String> {
        let Self { host, issuer, .. } = self;
        let from = issuer.as_deref().unwrap_or("nobody known");
        if let Some(product) = self.inspector {
            return Some(format!(
                "{product} inspects TLS on the way to {host}: the certificate is from {from}"
            ));
        }
        if self.is_public() {
            return None;
        }
        let name = host.rsplit_once(':').map_or(&**host, |(name, _)| name);
        if thumbprint::is_public_service(name) {
            return Some(format!(
                "something inspects TLS on the way to {host}: the certificate is from {from}, and {host} has one of a public authority"
            ));
        }
        let proxy = self.proxy.as_ref()?;
        Some(format!(
            "the handshake with {host} went through the proxy {proxy}: if that inspects TLS, the certificate is not the host's"
        ))
    }
}

/// Looks at the certificates of `issuer` and of `jwks_uri`, which stands in its OpenID configuration. Nothing is sent but the
/// handshake, ten seconds for each host, by way of the proxy that the variables of `environment` name; certificates of
/// whatever authority are looked at, since nothing that they would have to protect is sent.
///
/// # Errors
/// [`Misconfigured`](TokenErrorKind::Misconfigured) for an address that is not https, and so shows no certificate;
/// [`Unreachable`](TokenErrorKind::Unreachable) where there is no handshake.
pub async fn thumbprints(
    issuer: &str,
    jwks_uri: &str,
    environment: &Environment,
) -> Result<Thumbprints, TokenError> {
    let public = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let look = Look {
        proxies: proxies(environment),
        public: Arc::new(public),
        provider: Arc::new(ring::default_provider()),
    };
    let keys = Place::of("the key set's address", jwks_uri)?;
    let discovery = Place::of("the issuer", issuer)?;
    if keys == discovery {
        return Ok(Thumbprints(vec![look.at(&keys).await?]));
    }
    let (keys, discovery) = tokio::join!(look.at(&keys), look.at(&discovery));
    Ok(Thumbprints(vec![keys?, discovery?]))
}

/// A TLS server's address.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: Host,
    port: u16,
    is_loopback: bool,
}

impl Place {
    fn of(what: &str, address: &str) -> Result<Self, TokenError> {
        let url: Url = endpoint::secure(what, address)?;
        let misconfigured = |reason: &str| {
            TokenError::new(
                TokenErrorKind::Misconfigured,
                format!("{what} {address:?} {reason}"),
            )
            .with_advice("use the issuer's https address: IAM takes no other")
        };
        if url.scheme() != "https" {
            return Err(misconfigured("is not https, and so has no certificate"));
        }
        let is_loopback = endpoint::is_loopback(&url);
        match (url.host(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self {
                host: host.to_owned(),
                port,
                is_loopback,
            }),
            _ => Err(misconfigured("names no host")),
        }
    }

    fn shown(&self) -> String {
        match self.port {
            443 => self.host.to_string(),
            port => format!("{}:{port}", self.host),
        }
    }

    /// What stands in the handshake (SNI) and has to stand in the certificate.
    fn name(&self) -> Result<ServerName<'static>, TokenError> {
        match &self.host {
            Host::Ipv4(address) => Ok(ServerName::from(std::net::IpAddr::from(*address))),
            Host::Ipv6(address) => Ok(ServerName::from(std::net::IpAddr::from(*address))),
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| {
                TokenError::new(
                    TokenErrorKind::Misconfigured,
                    format!("{name:?} cannot be a server's name"),
                )
            }),
        }
    }
}

/// How a chain is looked at.
struct Look {
    proxies: Matcher,
    public: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Look {
    async fn at(&self, place: &Place) -> Result<Served, TokenError> {
        let shown = place.shown();
        let unreachable = |reason: String| {
            TokenError::new(
                TokenErrorKind::Unreachable,
                format!("there is no TLS handshake with {shown}: {reason}"),
            )
            .with_advice("check the address, and this machine's network and proxy")
        };
        let name = place.name()?;
        let handshake = async {
            let (stream, proxy) = self.connect(place).await?;
            let tls = TlsConnector::from(Arc::new(self.config()?))
                .connect(name.clone(), stream)
                .await
                .map_err(|error| innermost(&error))?;
            let (_, connection) = tls.get_ref();
            let chain = connection.peer_certificates().unwrap_or_default().to_vec();
            Ok((chain, proxy))
        };
        let (chain, proxy) = tokio::time::timeout(TIMEOUT, handshake)
            .await
            .unwrap_or_else(|_| Err(format!("none within {} seconds", TIMEOUT.as_secs())))
            .map_err(unreachable)?;
        let thumbprint = Thumbprint::of_chain(&chain)
            .ok_or_else(|| unreachable("no certificate is shown".into()))?;
        let mut issuers = chain.iter().filter_map(|shown| thumbprint::issuer(shown));
        let issuer = chain.first().and_then(|own| thumbprint::issuer(own));
        Ok(Served {
            thumbprint,
            certificates: chain.len(),
            issuer: issuer.as_deref().map(printable),
            fault: self.fault(&chain, &name),
            inspector: issuers.find_map(|issuer| thumbprint::inspector(&issuer)),
            proxy,
            host: shown,
        })
    }

    /// A connection to the place, and the proxy that it goes through.
    async fn connect(&self, place: &Place) -> Result<(TcpStream, Option<String>), String> {
        let authority = format!("{}:{}", place.host, place.port);
        let uri: http::Uri = format!("https://{authority}/")
            .parse()
            .map_err(|error| format!("{error}"))?;
        // What goes to this machine goes past every proxy, as in `Http`.
        let proxy = (!place.is_loopback)
            .then(|| self.proxies.intercept(&uri))
            .flatten();
        let Some(proxy) = proxy else {
            let stream = TcpStream::connect(authority).await;
            return Ok((stream.map_err(|error| error.to_string())?, None));
        };
        let at = proxy.uri();
        let shown = format!(
            "{}:{}",
            at.host().unwrap_or_default(),
            at.port_u16().unwrap_or(80)
        );
        let mut tunnel = Tunnel::new(at.clone(), HttpConnector::new());
        if let Some(authorization) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(authorization.clone());
        }
        match tunnel.call(uri).await {
            Ok(stream) => Ok((stream.into_inner(), Some(shown))),
            Err(error) => Err(format!("the proxy {shown} gives none: {error}")),
        }
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let versions = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let anybody = Arc::new(Anybody(Arc::clone(&self.provider)));
        Ok(versions
            .dangerous() // nothing is sent, and what is seen is judged afterwards
            .with_custom_certificate_verifier(anybody)
            .with_no_client_auth())
    }

    /// Why no public authority vouches for `name` by this chain; `None` where one does.
    fn fault(&self, chain: &[CertificateDer<'static>], name: &ServerName<'_>) -> Option<String> {
        let (own, others) = chain.split_first()?;
        let verifier = WebPkiServerVerifier::builder_with_provider(
            Arc::clone(&self.public),
            Arc::clone(&self.provider),
        );
        let verdict = match verifier.build() {
            Ok(verifier) => verifier.verify_server_cert(own, others, name, &[], UnixTime::now()),
            Err(error) => return Some(printable(&error.to_string())),
        };
        match verdict {
            Ok(_) => None,
            Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                Some("no public authority vouches for it".into())
            }
            Err(error) => Some(printable(&error.to_string())),
        }
    }
}

/// The variables that `Http` heeds as well.
fn proxies(environment: &Environment) -> Matcher {
    let value = |names: [&str; 2]| {
        let mut set = names.iter().filter_map(|name| environment.os(name));
        set.find_map(|value| value.into_string().ok())
            .unwrap_or_default()
    };
    Matcher::builder()
        .all(value(["ALL_PROXY", "all_proxy"]))
        .https(value(["HTTPS_PROXY", "https_proxy"]))
        .no(value(["NO_PROXY", "no_proxy"]))
        .build()
}

/// Takes every certificate, so that it can be looked at, from whoever has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, own, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, own, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
