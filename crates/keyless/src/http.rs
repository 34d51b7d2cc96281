//! One HTTP and TLS stack, for the identity provider and for AWS: hyper, rustls and ring by way of the AWS SDK's client.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient as SdkHttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
    SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};
use keyless_token::endpoint::is_loopback;
use keyless_token::text::innermost;
use keyless_token::{BoxFuture, HttpClient, HttpError, Limits};
use url::Url;

use crate::environment::Environment;
use crate::error::ConfigError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// The HTTP client for `aws_config` and for every AWS service's own configuration, so that a program links one HTTP and
/// one TLS stack. Proxies are taken from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), never for loopback.
///
/// ```no_run
/// let client = keyless::http_client();
/// ```
pub fn http_client() -> SharedHttpClient {
    SharedHttpClient::new(Http::default())
}

/// The HTTP client of this crate, as the AWS SDK and as `keyless-token` want it. A clone shares the connections.
///
/// Certificates are read, and TLS is set up, at the first request that needs them.
#[derive(Clone, Debug, Default)]
pub struct Http(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// A PEM file of certificates that are trusted beside those of the system.
    roots: Option<PathBuf>,
    plain_loopback: OnceLock<SharedHttpConnector>,
    tls_loopback: OnceLock<Result<SharedHttpConnector, String>>,
    elsewhere: OnceLock<Result<SharedHttpConnector, String>>,
}

impl Http {
    /// A client that trusts the certificates in the PEM file `roots`, beside those of the system.
    ///
    /// The file is read at the first request over TLS, since many a process makes none; one that cannot be used fails that
    /// request.
    pub fn trusting(roots: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            roots: Some(roots.into()),
            ..Inner::default()
        }))
    }

    /// A client as `environment` wants it: one that [trusts](Self::trusting) `AWS_CA_BUNDLE`, where that is set.
    pub fn from_environment(environment: &Environment) -> Self {
        let roots = environment.os("AWS_CA_BUNDLE");
        roots.map_or_else(Self::default, Self::trusting)
    }

    /// A token on its way to a server on this machine must not be shown to a proxy, whatever the environment says. What
    /// loopback is, is judged here as it is where addresses are checked.
    fn connector(&self, uri: &str) -> Result<&SharedHttpConnector, ConnectorError> {
        let Inner {
            roots,
            plain_loopback,
            tls_loopback,
            elsewhere,
        } = &*self.0;
        let url = Url::parse(uri).map_err(|error| ConnectorError::user(error.into()))?;
        let connector = match (is_loopback(&url), url.scheme()) {
            (true, "http") => {
                return Ok(plain_loopback.get_or_init(|| {
                    SharedHttpConnector::new(settled(Connector::builder()).build_http())
                }));
            }
            (true, _) => {
                tls_loopback.get_or_init(|| with_tls(roots.as_deref(), ProxyConfig::disabled()))
            }
            (false, _) => {
                elsewhere.get_or_init(|| with_tls(roots.as_deref(), ProxyConfig::from_env()))
            }
        };
        connector
            .as_ref()
            .map_err(|reason| ConnectorError::user(reason.clone().into()))
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.connector(request.uri()) {
            Ok(connector) => {
                let answer = connector.call(request);
                HttpConnectorFuture::new(async { answer.await.map_err(name_untrusted) })
            }
            Err(error) => HttpConnectorFuture::ready(Err(error)),
        }
    }
}

impl SdkHttpClient for Http {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpClient for Http {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, HttpError>> {
        Box::pin(async move {
            tokio::time::timeout(limits.timeout, self.exchange(request, limits.body))
                .await
                .unwrap_or_else(|_| {
                    Err(HttpError::new(format!(
                        "no whole answer within {} seconds",
                        limits.timeout.as_secs()
                    )))
                })
        })
    }
}

impl Http {
    async fn exchange(
        &self,
        request: http::Request<Vec<u8>>,
        longest: usize,
    ) -> Result<http::Response<Vec<u8>>, HttpError> {
        let unfit = |error: &dyn std::error::Error| {
            HttpError::new(format!("the request is malformed: {error}"))
        };
        let request =
            HttpRequest::try_from(request.map(SdkBody::from)).map_err(|error| unfit(&error))?;
        let answer = HttpConnector::call(self, request)
            .await
            .map_err(|error| HttpError::new(innermost(&error)))?;
        let (parts, body) = answer
            .try_into_http1x()
            .map_err(|error| unfit(&error))?
            .into_parts();
        let body = Limited::new(body, longest)
            .collect()
            .await
            .map_err(|error| {
                HttpError::new(format!(
                    "the answer breaks off or is longer than {longest} bytes: {error}"
                ))
            })?;
        Ok(http::Response::from_parts(parts, body.to_bytes().to_vec()))
    }
}

fn settled<T>(builder: ConnectorBuilder<T>) -> ConnectorBuilder<T> {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build();
    builder
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
}

fn read_roots(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| {
        ConfigError::new(format!("the CA bundle {shown} cannot be read: {error}"))
    })?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    if pem.windows(begin.len()).any(|window| window == begin) {
        return Ok(pem);
    }
    Err(
        ConfigError::new(format!("the CA bundle {shown} holds no certificate")).with_advice(
            "give a PEM file, whose certificates begin with -----BEGIN CERTIFICATE-----",
        ),
    )
}

fn with_tls(roots: Option<&Path>, proxy: ProxyConfig) -> Result<SharedHttpConnector, String> {
    let mut trusted = TrustStore::default();
    if let Some(path) = roots {
        let pem = read_roots(path).map_err(|error| error.to_string())?;
        trusted = trusted.with_pem_certificate(pem);
    }
    let context = TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .map_err(|error| {
            format!(
                "the trusted certificates cannot be used: {}",
                innermost(&error)
            )
        })?;
    let connector = settled(Connector::builder())
        .proxy_config(proxy)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build();
    Ok(SharedHttpConnector::new(connector))
}

/// Says in words that a certificate is not trusted, and what is most often behind it.
fn name_untrusted(error: ConnectorError) -> ConnectorError {
    let cause = innermost(&error);
    // The words of rustls' `CertificateError::UnknownIssuer`.
    if !cause.contains("UnknownIssuer") {
        return error;
    }
    let named = "the other side's certificate is from nobody who is trusted here; where a proxy inspects TLS, \
        put the proxy's own certificate into a file and its path into ca_bundle or AWS_CA_BUNDLE";
    ConnectorError::other(named.into(), None)
}
