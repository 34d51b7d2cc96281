//! Proofs of identity and the places they come from.
//!
//! A [`Source`] gives a proof: an [`IdToken`], or with the feature `saml` a `SamlResponse`, that says who a person, a job or a machine is. AWS trades it for a session;
//! that is the business of `keyless-sts`, and nothing of AWS stands here, so that a tool which wants only the token can
//! take this crate alone.
//!
//! | Source | The token comes from |
//! |---|---|
//! | [`FileSource`] | a file that something else keeps fresh |
//! | [`EnvSource`] | an environment variable |
//! | [`CommandSource`] | what a command prints |
//! | [`source_fn`] | a closure of yours |
//! | [`Login`] (feature `login`) | a person who signs in with a browser: authorization code, PKCE, every check of the token |
//!
//! ```
//! use keyless_token::{FileSource, IdToken, Interaction, Source};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = std::env::temp_dir().join(format!("keyless-doc-{}", std::process::id()));
//! # std::fs::write(&file, keyless_token::doc_token())?;
//! let source = FileSource::new(&file);
//! let token: IdToken = source.proof(Interaction::Forbidden).await?;
//! println!("{} says this is {}", token.issuer(), token.who());
//! # std::fs::remove_file(&file)?;
//! # Ok(())
//! # }
//! ```
//!
//! HTTP comes in by way of the port [`HttpClient`]; the crate `keyless` fills it with the stack of the AWS SDK.

pub mod endpoint;
mod error;
mod http;
mod id_token;
mod jwt;
#[cfg(feature = "login")]
pub mod login;
mod proof;
#[cfg(feature = "saml")]
pub mod saml;
mod source;
pub mod text;

pub use error::{TokenError, TokenErrorKind};
pub use http::{HttpClient, HttpError, Limits};
pub use id_token::{ALGORITHMS, CLOCK_TOLERANCE, IdToken};
pub use keyless_cache::Interaction;
#[cfg(feature = "login")]
pub use login::Login;
pub use proof::Proof;
#[cfg(all(feature = "saml", feature = "login"))]
pub use saml::SamlLogin;
#[cfg(feature = "saml")]
pub use saml::SamlResponse;
pub use source::{BoxFuture, CommandSource, EnvSource, FileSource, FnSource, Source, source_fn};

/// An unsigned token for the examples in this documentation: far from expiry, and accepted by nobody.
#[doc(hidden)]
pub fn doc_token() -> String {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
    let header = URL.encode(br#"{"alg":"ES256","kid":"1"}"#);
    let claims = URL.encode(
        br#"{"iss":"https://issuer.example","sub":"alice","aud":"app","iat":1700000000,"exp":9999999999}"#,
    );
    format!("{header}.{claims}.{}", URL.encode(b"not a signature"))
}

/// A SAML response for the examples in this documentation: its signature is not one, and it expired long ago.
#[cfg(feature = "saml")]
#[doc(hidden)]
pub fn doc_saml_response() -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(include_str!("saml/example.xml"))
}
