//! Trades a proof for an AWS session.
//!
//! An [`Exchange`] takes a proof of identity to the AWS Security Token Service and comes back with a [`Session`]. A
//! [`WebIdentity`] trades an ID token, with the feature `saml` an `AssumeRoleWithSaml` trades a SAML response, an [`AssumeRole`] trades one session
//! for the next, and [`Exchange::then`] puts
//! them in a row. A refusal is an [`ExchangeError`] that says which hop it was, why, and what to do.
//!
//! ```no_run
//! use keyless_sts::{AssumeRole, Exchange, Sts, WebIdentity};
//! use keyless_token::{FileSource, IdToken, Interaction, Source};
//!
//! # async fn story(http_client: impl keyless_sts::HttpClient + 'static) -> Result<(), Box<dyn std::error::Error>> {
//! let sts = Sts::new(http_client).region("eu-west-1");
//! let exchange = WebIdentity::builder("arn:aws:iam::111122223333:role/ci", sts.clone())
//!     .build()?
//!     .then(AssumeRole::builder("arn:aws:iam::444455556666:role/deploy", sts).build()?);
//!
//! let proof: IdToken = FileSource::new("/var/run/secrets/token").proof(Interaction::Forbidden).await?;
//! let session = exchange.exchange(&proof).await?;
//! println!("{} until {:?}", session.assumed_role_arn(), session.expires_at());
//! # Ok(())
//! # }
//! ```

mod assume_role;
mod call;
mod caller;
mod endpoint;
mod error;
mod exchange;
mod request;
mod role;
#[cfg(feature = "saml")]
mod saml;
mod session;
mod session_name;
mod web_identity;

pub use assume_role::{AssumeRole, AssumeRoleBuilder};
pub use aws_smithy_runtime_api::client::http::HttpClient;
pub use caller::{CallerIdentity, caller_identity};
pub use endpoint::Sts;
pub use error::{ExchangeError, ExchangeErrorKind};
pub use exchange::{Exchange, Then};
pub use role::{Partition, RoleArn};
#[cfg(feature = "saml")]
pub use saml::{AssumeRoleWithSaml, AssumeRoleWithSamlBuilder};
pub use session::{Session, Subject};
pub use session_name::SessionName;
pub use web_identity::{WebIdentity, WebIdentityBuilder};
