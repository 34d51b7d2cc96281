//! The proof that AWS takes: an OpenID Connect ID token, or any JSON Web Token with its claims.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyless_cache::{Key, Secret};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{TokenError, TokenErrorKind};
use crate::jwt::Jwt;
use crate::text;

/// The signing algorithms that STS takes (AssumeRoleWithWebIdentity, API reference).
pub const ALGORITHMS: [&str; 6] = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"];

/// How far the clocks of an issuer, of AWS and of this machine may be apart; STS allows as much.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// Claims that differ between two tokens of the same identity (RFC 7519 §4.1, OpenID Connect Core §2 and §3).
const OF_ONE_TOKEN: [&str; 10] = [
    "iat",
    "exp",
    "nbf",
    "jti",
    "nonce",
    "auth_time",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
];

/// The last second of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// A JSON Web Token that says who somebody, or something, is.
///
/// `Debug` shows issuer, subject, audience and expiry and no more; the token itself comes out of
/// [`expose`](Self::expose) alone. It is wiped from memory with the last clone.
///
/// ```
/// # use keyless_token::IdToken;
/// # let raw = keyless_token::doc_token();
/// let token = IdToken::parse(&raw)?;
/// assert_eq!(token.issuer(), "https://issuer.example");
/// assert!(!format!("{token:?}").contains(token.expose()));
/// # Ok::<(), keyless_token::TokenError>(())
/// ```
#[derive(Clone)]
pub struct IdToken(Arc<Inner>);

struct Inner {
    raw: Secret,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    issuer: String,
    subject: String,
    audience: Vec<String>,
    issued_at: SystemTime,
    expires_at: SystemTime,
}

impl IdToken {
    /// Reads a token and checks what AWS would refuse whatever the time: its shape, its length, its algorithm and the
    /// five claims it demands (`iss`, `sub`, `aud`, `iat`, `exp`). White space around it is ignored.
    ///
    /// The signature is *not* checked here: a token from a file, a variable or a command is checked by AWS, one from a
    /// sign-in has been checked before it gets here.
    ///
    /// # Errors
    /// [`TokenErrorKind::Invalid`] with what was expected and what was found.
    pub fn parse(raw: &str) -> Result<Self, TokenError> {
        let raw = raw.trim_ascii();
        let invalid = |reason: String| TokenError::new(TokenErrorKind::Invalid, reason);
        let Jwt { header, claims } = Jwt::read(raw).map_err(|reason| {
            invalid(reason)
                .with_advice("give an ID token: an access token or an API key is not one")
        })?;
        let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or("none");
        if !ALGORITHMS.contains(&algorithm) {
            return Err(invalid(format!(
                "the token is signed with {algorithm:?}, and AWS takes only {}",
                ALGORITHMS.join(", ")
            ))
            .with_advice(
                "let the identity provider sign this client's ID tokens with RS256 or ES256",
            ));
        }
        let text_claim = |name: &str| match claims.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            Some(_) => Err(invalid(format!(
                "the token's claim {name:?} is not a text, or is empty"
            ))),
            None => Err(invalid(format!("the token lacks the claim {name:?}"))),
        };
        let issuer = text_claim("iss")?;
        let subject = text_claim("sub")?;
        let audience = audience(claims.get("aud")).map_err(invalid)?;
        let issued_at = date(&claims, "iat").map_err(invalid)?;
        let expires_at = date(&claims, "exp").map_err(invalid)?;
        Ok(Self(Arc::new(Inner {
            raw: Secret::new(raw),
            header,
            claims,
            issuer,
            subject,
            audience,
            issued_at,
            expires_at,
        })))
    }

    /// Reads a token that is to be used at `now`.
    pub(crate) fn parse_unexpired(raw: &str, now: SystemTime) -> Result<Self, TokenError> {
        let token = Self::parse(raw)?;
        token.check_unexpired(now)?;
        Ok(token)
    }

    /// Refuses a token that AWS would call expired at `now`: five minutes past its `exp`.
    ///
    /// # Errors
    /// [`TokenErrorKind::Invalid`] with both times.
    pub fn check_unexpired(&self, now: SystemTime) -> Result<(), TokenError> {
        if now < self.expires_at() + CLOCK_TOLERANCE {
            return Ok(());
        }
        let (expired, now) = (text::time(self.expires_at()), text::time(now));
        Err(TokenError::new(TokenErrorKind::Invalid, format!("the token expired at {expired}, and it is {now} now"))
            .with_advice("get a new token from where this one came from, or set this machine's clock if it is wrong"))
    }

    /// The token itself, to be sent to AWS and nowhere else.
    pub fn expose(&self) -> &str {
        self.0.raw.expose()
    }

    /// `iss`: who issued it, to the letter.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// `sub`: whom it is about, unique within the issuer.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// `aud`: whom it is for; one element where the token has a plain text.
    pub fn audience(&self) -> &[String] {
        &self.0.audience
    }

    /// `iat`: when it was issued.
    pub fn issued_at(&self) -> SystemTime {
        self.0.issued_at
    }

    /// `exp`: when it expires.
    pub fn expires_at(&self) -> SystemTime {
        self.0.expires_at
    }

    /// `alg` of the header, one of [`ALGORITHMS`].
    pub fn algorithm(&self) -> &str {
        self.0
            .header
            .get("alg")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Every claim. They come from outside: pass them through [`text::printable`] before you show them.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.0.claims
    }

    /// A claim that is a text.
    pub fn text_claim(&self, name: &str) -> Option<&str> {
        self.0.claims.get(name).and_then(Value::as_str)
    }

    /// `email`, unless the issuer says that it has not verified it (OpenID Connect Core §5.1).
    pub fn email(&self) -> Option<&str> {
        let verified = match self.0.claims.get("email_verified") {
            None => true,
            Some(Value::String(text)) => text == "true",
            Some(value) => value.as_bool() == Some(true),
        };
        self.text_claim("email")
            .filter(|email| verified && !email.is_empty())
    }

    /// How a person would be named: the verified address, else the subject. Fit to be shown.
    pub fn who(&self) -> String {
        text::printable(self.email().unwrap_or(self.subject()))
    }

    /// What makes two tokens stand for the same identity: every claim but those that differ from one token to the next of
    /// the same identity. It is the key under which a session of a job or a machine is kept.
    ///
    /// Trust policies see far more than issuer, subject and audience (a job's workflow, environment or branch; how a person
    /// signed in), and AWS adds to what they see: so an unknown claim tells two identities apart.
    pub fn identity(&self) -> Key {
        let lasting = self
            .0
            .claims
            .iter()
            .filter(|(name, _)| !OF_ONE_TOKEN.contains(&name.as_str()));
        Key::of("identity")
            .part("issuer", self.issuer())
            .part("subject", self.subject())
            .parts(
                "claims",
                lasting.map(|(name, value)| format!("{}={value}", Value::from(name.as_str()))),
            )
            .finish()
    }
}

/// What the checks of a sign-in look at.
#[cfg(feature = "login")]
impl IdToken {
    /// The members of the header.
    pub(crate) fn header(&self) -> &Map<String, Value> {
        &self.0.header
    }

    /// `kid`: what its issuer calls the key that signed it.
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.0.header.get("kid").and_then(Value::as_str)
    }

    /// A claim that is a time, where it is there.
    pub(crate) fn date(&self, name: &str) -> Result<Option<SystemTime>, String> {
        let there = self.0.claims.contains_key(name);
        there.then(|| date(&self.0.claims, name)).transpose()
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdToken")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .field("audience", &self.audience())
            .field("expires_at", &text::time(self.expires_at()))
            .finish_non_exhaustive()
    }
}

impl PartialEq for IdToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.raw == other.0.raw
    }
}

impl Eq for IdToken {}

/// Writes the token itself: only ever into a [`Store`](keyless_cache::Store).
impl Serialize for IdToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for IdToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Secret::deserialize(deserializer)?.expose()).map_err(serde::de::Error::custom)
    }
}

fn audience(claim: Option<&Value>) -> Result<Vec<String>, String> {
    let texts = match claim {
        None => return Err("the token lacks the claim \"aud\"".into()),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several
            .iter()
            .map(|one| {
                one.as_str()
                    .map(str::to_owned)
                    .ok_or("the token's claim \"aud\" holds something that is not a text")
            })
            .collect::<Result<_, _>>()?,
        Some(_) => {
            return Err("the token's claim \"aud\" is neither a text nor a list of texts".into());
        }
    };
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err("the token's claim \"aud\" is empty".into());
    }
    Ok(texts)
}

/// A NumericDate (RFC 7519 §2). AWS wants whole seconds.
fn date(claims: &Map<String, Value>, name: &str) -> Result<SystemTime, String> {
    let value = claims
        .get(name)
        .ok_or_else(|| format!("the token lacks the claim {name:?}"))?;
    let seconds = value.as_u64().filter(|seconds| *seconds <= LAST_SECOND);
    seconds
        .map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
        .ok_or_else(|| {
            format!("the token's claim {name:?} is not a time in whole seconds since 1970: {value}")
        })
}
