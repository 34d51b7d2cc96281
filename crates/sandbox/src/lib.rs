//! An OpenID provider, a SAML identity provider and an STS on loopback that answer as the real ones do.
//!
//! A [`Sandbox`] lets a sign-in be tried from the browser to the AWS session without an account, a tenant or a network.
//! The tokens are really signed and really verified, the trust policies really evaluated, the requests to STS really
//! checked for their signature; the refusals have the codes, the texts and the order of the real service, since they
//! come from [`keyless_trust::answer`]. Only the people and the credentials are made up.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use keyless_sandbox::Sandbox;
//!
//! let sandbox = Sandbox::builder().sign_in_as("alice").start().await?;
//! println!("identity provider: {}", sandbox.issuer());
//! println!("AWS_ENDPOINT_URL_STS={}", sandbox.sts_endpoint());
//!
//! let token = sandbox.id_token_for("alice").expect("Alice is there by default"); // or sign in at the issuer
//! assert_eq!(token.split('.').count(), 3);
//! assert_eq!(sandbox.calls().token, 0); // nobody has asked over HTTP yet
//! sandbox.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! By default there are three people, one public client and five roles in the account `111122223333`:
//!
//! | Role | Whom its trust policy lets in |
//! |---|---|
//! | `Developer` | Alice and Bob, by their email |
//! | `ReadOnly` | everybody who signs in at the client |
//! | `Admin` | Carol, by her subject |
//! | `Deploy` | the role `Developer`, by role chaining |
//! | `saml-dev` | everybody who signs in by SAML |
//!
//! The identity provider signs people in by code, by device code (RFC 8628), and, for clients that allow it, by the implicit flow; in the
//! query, the fragment or a form that posts itself. On request it takes pushed requests (RFC 9126) and binds refresh tokens to a key
//! (DPoP, RFC 9449). A browser stays signed in until somebody signs out. With a [`Shape`] it has the ways of a well-known one:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use keyless_sandbox::{Sandbox, Shape};
//!
//! let sandbox = Sandbox::builder().shaped_like(Shape::Keycloak).start().await?;
//! assert!(sandbox.issuer().ends_with("/realms/corp"));
//! # Ok(())
//! # }
//! ```

mod builder;
mod cast;
mod form;
mod keys;
mod openid;
mod random;
mod saml;
mod sandbox;
mod shape;
mod sts;
mod world;

pub use builder::{Builder, StartError};
pub use cast::{Client, Person, Role};
pub use saml::{Assertion, Signed, Tampered};
pub use sandbox::Sandbox;
pub use shape::{Shape, UnknownShape};
pub use world::Calls;
