//! Short-lived AWS credentials from the identity you already have.
//!
//! A [`Provider`] is a [`ProvideCredentials`](aws_credential_types::provider::ProvideCredentials) for the AWS SDK: it takes
//! a proof of identity from a [`Source`], trades it at AWS STS for a session that lasts an hour, keeps the session fresh
//! and shares it among all who ask. Nothing long-lived is kept.
//!
//! ```no_run
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! use keyless::{FileSource, Provider};
//!
//! let credentials = Provider::builder("arn:aws:iam::111122223333:role/app")
//!     .source(FileSource::new("/var/run/secrets/eks.amazonaws.com/serviceaccount/token"))
//!     .build()?;
//! // aws_config::defaults(BehaviorVersion::latest())
//! //     .credentials_provider(credentials)
//! //     .http_client(keyless::http_client()) // one HTTP and TLS stack for all
//! # let session = credentials.session().await?;
//! # println!("{session:?}");
//! # Ok(())
//! # }
//! ```
//!
//! The words: a **source** proves who you are, an **exchange** trades the proof for a **session**, a **cache** keeps the
//! session fresh, a **provider** hands it to AWS clients.
//!
//! With the SDK's own cache in front of it a provider is asked only shortly before the end; `.identity_cache(
//! IdentityCache::no_cache())` on the SDK's configuration lets it refresh ahead, at the price of one lock for each request.

mod builder;
mod chain;
mod duration;
mod environment;
mod error;
mod http;
#[cfg(feature = "profiles")]
pub mod profile;
mod provider;
mod prune;
mod sessions;

pub use builder::ProviderBuilder;
pub use chain::{Served, Thumbprints, thumbprints};
pub use duration::parse_duration;
pub use environment::Environment;
pub use error::{ConfigError, Error};
pub use http::{Http, http_client};
pub use keyless_cache::{Clock, Expiring, FileStore, Interaction, Key, MemoryStore, Secret, Store};
#[cfg(feature = "saml")]
pub use keyless_sts::AssumeRoleWithSaml;
pub use keyless_sts::{
    AssumeRole, Exchange, ExchangeError, ExchangeErrorKind, RoleArn, Session, SessionName, Sts,
    Subject, Then, WebIdentity,
};
#[cfg(all(feature = "saml", feature = "login"))]
pub use keyless_token::SamlLogin;
pub use keyless_token::{
    BoxFuture, CommandSource, EnvSource, FileSource, HttpClient, IdToken, Source, TokenError,
    TokenErrorKind, source_fn, text,
};
#[cfg(feature = "login")]
pub use keyless_token::{Login, login};
#[cfg(feature = "saml")]
pub use keyless_token::{SamlResponse, saml};
pub use keyless_trust::thumbprint::Thumbprint;
pub use provider::Provider;
pub use prune::prune;
