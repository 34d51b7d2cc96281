//! A provider, put together: role, source, and whatever differs from the defaults.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpClient as SdkHttpClient, SharedHttpClient};
use keyless_cache::{Clock, Interaction, Store};
#[cfg(feature = "saml")]
use keyless_sts::AssumeRoleWithSaml;
use keyless_sts::{AssumeRole, Exchange, SessionName, Sts, WebIdentity};
#[cfg(feature = "saml")]
use keyless_token::SamlResponse;
use keyless_token::{IdToken, Proof, Source};

use crate::environment::Environment;
use crate::error::{ConfigError, Error};
use crate::http::Http;
use crate::provider::{Keeping, Provider, Trade};

/// The settings of a [`Provider`]. What is not set is taken from the environment, as AWS tools do: `AWS_REGION`,
/// `AWS_ENDPOINT_URL_STS`, `AWS_CA_BUNDLE`, `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`.
#[must_use]
pub struct ProviderBuilder {
    role: String,
    source: Option<Proofs>,
    via: Vec<String>,
    region: Option<String>,
    endpoint_url: Option<String>,
    duration: Option<Duration>,
    policy: Option<String>,
    policy_arns: Vec<String>,
    session_name: SessionName,
    external_id: Option<String>,
    http: Option<SharedHttpClient>,
    store: Option<Arc<dyn Store>>,
    environment: Environment,
    clock: Clock,
    keeping: Keeping,
}

/// Where proofs come from, of whichever kind.
#[derive(Debug)]
enum Proofs {
    Tokens(Arc<dyn Source<IdToken>>),
    #[cfg(feature = "saml")]
    Responses(Arc<dyn Source<SamlResponse>>),
}

impl ProviderBuilder {
    pub(crate) fn new(role: String) -> Self {
        Self {
            role,
            source: None,
            via: Vec::new(),
            region: None,
            endpoint_url: None,
            duration: None,
            policy: None,
            policy_arns: Vec::new(),
            session_name: SessionName::default(),
            external_id: None,
            http: None,
            store: None,
            environment: Environment::process(),
            clock: Clock::system(),
            keeping: Keeping::default(),
        }
    }

    /// Where the proof of identity comes from: this, or with the feature `saml` a source of SAML responses. Required.
    pub fn source(mut self, source: impl Source<IdToken>) -> Self {
        self.source = Some(Proofs::Tokens(Arc::new(source)));
        self
    }

    /// Where the proof of identity comes from, if it is a SAML response. The session's name is the one in the response. The role may be
    /// empty where a response offers one alone.
    #[cfg(feature = "saml")]
    pub fn saml(mut self, source: impl Source<SamlResponse>) -> Self {
        self.source = Some(Proofs::Responses(Arc::new(source)));
        self
    }

    /// One more role to assume from the one before it. May be given several times.
    pub fn via(mut self, role_arn: impl Into<String>) -> Self {
        self.via.push(role_arn.into());
        self
    }

    /// The region whose STS is asked. Default: `AWS_REGION`, else the default of the role's partition.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Something else that speaks STS's protocol: MinIO, Ceph, the sandbox. Default: `AWS_ENDPOINT_URL_STS`.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// How long the session lasts: 15 minutes to 12 hours; one hour at most where roles are chained. Default: one hour.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// A session policy as JSON, for the last role: what the session may do at the most.
    pub fn policy(mut self, json: impl Into<String>) -> Self {
        self.policy = Some(json.into());
        self
    }

    /// Managed policies as session policies, for the last role; at most ten.
    pub fn policy_arns<S: Into<String>>(mut self, arns: impl IntoIterator<Item = S>) -> Self {
        self.policy_arns = arns.into_iter().map(Into::into).collect();
        self
    }

    /// What the session is called in CloudTrail. Default: the person's verified address, else the token's subject.
    pub fn session_name(mut self, name: SessionName) -> Self {
        self.session_name = name;
        self
    }

    /// The external id that the roles of [`via`](Self::via) ask for.
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// Another HTTP client for STS. Default: [`http_client`](crate::http_client).
    pub fn http_client(mut self, client: impl SdkHttpClient + 'static) -> Self {
        self.http = Some(SharedHttpClient::new(client));
        self
    }

    /// Keeps sessions in `store`, for other processes and later runs. Default: in memory alone.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Takes what is not set here from `environment` instead of the process's own.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Judges times by `clock` instead of the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Lets the source ask a person when it must. Default: never.
    pub fn interactive(mut self) -> Self {
        self.keeping.interaction = Interaction::Allowed;
        self
    }

    /// How long a caller waits for a session that is being refreshed ahead of its end, before it is given the old one: for
    /// short-lived processes, in which nothing goes on in the background. Default: not at all.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.keeping.patience = patience;
        self
    }

    /// The finished provider. Nothing is sent yet.
    ///
    /// # Errors
    /// Where the source is missing, or AWS would refuse the request whatever the token.
    pub fn build(mut self) -> Result<Provider, Error> {
        let source = self.source.take().ok_or_else(|| {
            ConfigError::new("a provider needs a source of identity tokens")
                .with_advice("give it one with `.source(..)`")
        })?;
        let sts = self.sts()?;
        match source {
            Proofs::Tokens(source) => {
                let first = self.web_identity(sts.clone())?;
                self.assemble(source, Arc::new(first), &sts)
            }
            #[cfg(feature = "saml")]
            Proofs::Responses(source) => {
                let first = self.assume_role_with_saml(sts.clone())?;
                self.assemble(source, Arc::new(first), &sts)
            }
        }
    }

    fn assemble<P: Proof>(
        self,
        source: Arc<dyn Source<P>>,
        first: Arc<dyn Exchange<P>>,
        sts: &Sts,
    ) -> Result<Provider, Error> {
        let trade = Trade {
            source,
            exchange: self.chain(first, sts)?,
            store: self.store,
            clock: self.clock,
        };
        Ok(Provider::assemble(trade, self.keeping))
    }

    fn web_identity(&self, sts: Sts) -> Result<WebIdentity, Error> {
        let mut first =
            WebIdentity::builder(&self.role, sts).session_name(self.session_name.clone());
        if self.via.is_empty() {
            first = first.policy_arns(self.policy_arns.clone());
            if let Some(duration) = self.duration {
                first = first.duration(duration);
            }
            if let Some(policy) = &self.policy {
                first = first.policy(policy);
            }
        }
        Ok(first.build()?)
    }

    #[cfg(feature = "saml")]
    fn assume_role_with_saml(&self, sts: Sts) -> Result<AssumeRoleWithSaml, Error> {
        let mut first = AssumeRoleWithSaml::builder(sts);
        if !self.role.is_empty() {
            first = first.role(&self.role);
        }
        if self.via.is_empty() {
            first = first.policy_arns(self.policy_arns.clone());
            if let Some(duration) = self.duration {
                first = first.duration(duration);
            }
            if let Some(policy) = &self.policy {
                first = first.policy(policy);
            }
        }
        Ok(first.build()?)
    }

    /// The first exchange, and then every further role.
    fn chain<P: Proof>(
        &self,
        first: Arc<dyn Exchange<P>>,
        sts: &Sts,
    ) -> Result<Arc<dyn Exchange<P>>, Error> {
        let Some((last, between)) = self.via.split_last() else {
            return Ok(first);
        };
        let hop = |role: &str| {
            let hop = AssumeRole::builder(role, sts.clone());
            match &self.external_id {
                Some(id) => hop.external_id(id),
                None => hop,
            }
        };
        let mut chain = first;
        for role in between {
            chain = Arc::new(chain.then(hop(role).build()?));
        }
        let mut last = hop(last).policy_arns(self.policy_arns.clone());
        if let Some(duration) = self.duration {
            last = last.duration(duration);
        }
        if let Some(policy) = &self.policy {
            last = last.policy(policy);
        }
        Ok(Arc::new(chain.then(last.build()?)))
    }

    fn sts(&self) -> Result<Sts, ConfigError> {
        let environment = &self.environment;
        let mut sts = match &self.http {
            Some(client) => Sts::new(client.clone()),
            None => Sts::new(Http::from_environment(environment)),
        };
        let region = match &self.region {
            Some(region) => Some(region.clone()),
            None => environment.region()?,
        };
        if let Some(region) = region {
            sts = sts.region(region);
        }
        let url = match &self.endpoint_url {
            Some(url) => Some(url.clone()),
            None => environment.sts_endpoint()?,
        };
        if let Some(url) = url {
            sts = sts.endpoint_url(url);
        }
        Ok(sts
            .fips(environment.switch("AWS_USE_FIPS_ENDPOINT"))
            .dual_stack(environment.switch("AWS_USE_DUALSTACK_ENDPOINT")))
    }
}

impl fmt::Debug for ProviderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderBuilder")
            .field("role", &self.role)
            .field("source", &self.source)
            .field("via", &self.via)
            .finish_non_exhaustive()
    }
}
