//! AWS's rules about the trust between an identity provider and a role: what STS answers and why, and trust policies
//! evaluated and explained.
//!
//! Nothing here touches a network, a clock or a file. Everything is a value that is passed in: the token, the time, the
//! providers of an account, the policy of a role. It predicts what the service says; it does not decide for it.
//!
//! | Module | What it answers |
//! |---|---|
//! | [`answer`] | What does this error of STS mean, and what is to be done? |
//! | [`token`] | Would STS go on with this token, before its signature is checked? |
//! | [`provider`] | To which OpenID provider of the account does it belong? |
//! | [`saml`] | What does STS read in a SAML assertion? |
//! | [`keys`] | Which condition keys does the request have? |
//! | [`policy`] | What does the role's trust policy say? |
//! | [`document`] | Which roles and providers are in this document? |
//! | [`evaluate`] | Does it let this caller in, and if not, why not? |
//! | [`explain`] | All of that at once: what STS says, the nearest miss, and the smallest safe change |
//! | [`audit`] | Who from outside can get into an account? |
//! | [`setup`] | What does an account need, so that these and nobody else get in? |
//! | [`revoke`] | By which policy do sessions end that are running? |
//! | [`thumbprint`] | Which certificate does IAM mean by a thumbprint, and who issued it? |
//! | [`lint`] | What is wrong with it, whoever asks? |
//!
//! They are asked in this order, which is the service's own:
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
//! use keyless_trust::{evaluate::decide_web_identity, keys::Request, policy::Policy, provider::IdentityProvider, token::Token};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let jwt = [
//! #     r#"{"alg":"ES256","kid":"1"}"#,
//! #     r#"{"iss":"https://id.example.com","sub":"alice","aud":"keyless","iat":1800000000,"exp":1800003600,"email":"alice@example.com"}"#,
//! #     "",
//! # ]
//! # .map(|part| URL_SAFE_NO_PAD.encode(part))
//! # .join(".");
//! let token = Token::read(&jwt, UNIX_EPOCH + Duration::from_secs(1_800_000_000))?;
//!
//! let providers = [IdentityProvider::new("aws", "111122223333", "https://id.example.com", ["keyless"])];
//! let provider = IdentityProvider::find(&providers, &token)?;
//!
//! let policy = Policy::parse(
//!     r#"{
//!         "Version": "2012-10-17",
//!         "Statement": {
//!             "Effect": "Allow",
//!             "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/id.example.com"},
//!             "Action": "sts:AssumeRoleWithWebIdentity",
//!             "Condition": {"StringEquals": {"id.example.com:email": "bob@example.com"}}
//!         }
//!     }"#,
//! )?;
//! let request = Request { role_arn: "arn:aws:iam::111122223333:role/app", session_name: "alice", ..Request::default() };
//!
//! assert_eq!(
//!     decide_web_identity(&token, provider, &policy, &request).to_string(),
//!     "no statement allows sts:AssumeRoleWithWebIdentity\n\
//!      statement 1 wants id.example.com:email to equal \"bob@example.com\"; the token has \"alice@example.com\""
//! );
//! # Ok(())
//! # }
//! ```

pub mod answer;
mod arn;
pub mod audit;
pub mod caller;
pub mod document;
pub mod evaluate;
pub mod explain;
#[cfg(test)]
mod fixtures;
mod json;
pub mod keys;
pub mod lint;
pub mod policy;
pub mod provider;
pub mod revoke;
pub mod saml;
pub mod setup;
pub mod thumbprint;
pub mod token;
