//! Which STS is asked, and by what HTTP client.

use std::fmt;

use aws_sdk_sts::config::{BehaviorVersion, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};
use aws_smithy_types::retry::RetryConfig;
use keyless_cache::KeyBuilder;

use crate::error::ExchangeError;
use crate::role::{Partition, RoleArn};
use crate::session::Session;

/// The Security Token Service of a region, or something that speaks its protocol (MinIO, Ceph, the sandbox).
///
/// The endpoint is always regional: the global one gives tokens that newer regions refuse, and is far away for most.
#[derive(Clone)]
pub struct Sts {
    http: SharedHttpClient,
    region: Option<String>,
    endpoint_url: Option<String>,
    fips: bool,
    dual_stack: bool,
}

impl Sts {
    /// STS by way of `http`, in the default region of a role's partition.
    pub fn new(http: impl HttpClient + 'static) -> Self {
        Self {
            http: SharedHttpClient::new(http),
            region: None,
            endpoint_url: None,
            fips: false,
            dual_stack: false,
        }
    }

    /// The STS of this region, such as `eu-west-1`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Something else that speaks STS's protocol, at this address: https, or http on loopback.
    #[must_use]
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// The endpoint that is validated after FIPS 140 (`sts-fips.…`).
    #[must_use]
    pub fn fips(mut self, fips: bool) -> Self {
        self.fips = fips;
        self
    }

    /// The endpoint with IPv6 beside IPv4 (`….api.aws`).
    #[must_use]
    pub fn dual_stack(mut self, dual_stack: bool) -> Self {
        self.dual_stack = dual_stack;
        self
    }

    /// Whether it is AWS's own, and not something else that speaks its protocol.
    #[cfg(feature = "saml")]
    pub(crate) fn is_aws(&self) -> bool {
        self.endpoint_url.is_none()
    }

    /// Refuses what cannot work for `role`, before anything is sent: a region of another partition, an endpoint in the
    /// clear. Partitions share no STS, and the wrong one answers as if the identity provider were missing.
    pub(crate) fn check(&self, role: &RoleArn) -> Result<(), ExchangeError> {
        if let Some(url) = &self.endpoint_url {
            keyless_token::endpoint::secure("the STS endpoint", url).map_err(|error| {
                let mapped = ExchangeError::misconfigured(error.to_string());
                error
                    .advice()
                    .map_or(mapped.clone(), |advice| mapped.with_advice(advice))
            })?;
            return Ok(()); // what is not AWS may call its regions anything
        }
        let region = self.region_for(role);
        let plain = !region.is_empty()
            && region
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !plain {
            return Err(ExchangeError::misconfigured(format!(
                "{region:?} is not the name of a region"
            ))
            .with_advice("write it as eu-west-1"));
        }
        let (of_region, of_role) = (Partition::of_region(region), role.partition());
        if of_region == of_role {
            return Ok(());
        }
        Err(ExchangeError::misconfigured(format!(
            "the region {region} is in the partition {of_region:?} and the role {role} in {of_role:?}"
        ))
        .with_advice(format!("use a region of {of_role:?}, such as {}", of_role.default_region())))
    }

    pub(crate) fn distinguish(&self, key: KeyBuilder) -> KeyBuilder {
        key.part("region", self.region.as_deref().unwrap_or_default())
            .part("endpoint", self.endpoint_url.as_deref().unwrap_or_default())
            .part("fips", [u8::from(self.fips)])
            .part("dual stack", [u8::from(self.dual_stack)])
    }

    /// A client for one call. Retries are ours, because the SDK does not retry all that passes; see [`call`](crate::call).
    pub(crate) fn client(&self, role: &RoleArn, session: Option<&Session>) -> aws_sdk_sts::Client {
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .retry_config(RetryConfig::disabled())
            .region(Region::new(self.region_for(role).to_owned()))
            .use_fips(self.fips)
            .use_dual_stack(self.dual_stack);
        config.set_endpoint_url(self.endpoint_url.clone());
        config.set_credentials_provider(
            session.map(|session| SharedCredentialsProvider::new(session.credentials().clone())),
        );
        aws_sdk_sts::Client::from_conf(config.build())
    }

    /// How messages call it.
    pub(crate) fn place(&self, role: &RoleArn) -> String {
        match &self.endpoint_url {
            Some(url) => format!("the STS at {url}"),
            None => format!("the STS of {}", self.region_for(role)),
        }
    }

    fn region_for<'a>(&'a self, role: &RoleArn) -> &'a str {
        self.region
            .as_deref()
            .unwrap_or(role.partition().default_region())
    }
}

impl fmt::Debug for Sts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sts")
            .field("region", &self.region)
            .field("endpoint_url", &self.endpoint_url)
            .finish_non_exhaustive()
    }
}
