//! A web identity token as STS reads it: what is checked before any provider, key or policy is looked at.
//!
//! STS reads loosely. Of two members with one name the last wins, and a string of digits passes as a timestamp. A client
//! must not: the crate `keyless-token` reads strictly and refuses both. The difference is on purpose, as this module
//! predicts what STS will say and that one decides what to trust. **No signature is checked here.**

mod tags;

use std::{
    collections::BTreeMap,
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Value};

use crate::{
    answer::{self, Refusal},
    arn,
};

/// The claims of a token that STS would go on with, before its signature is checked.
#[derive(Clone)]
pub struct Token {
    algorithm: String,
    key_id: Option<String>,
    claims: Map<String, Value>,
    issuer: String,
    subject: String,
    audiences: Vec<String>,
    authorized_party: Option<String>,
    expires: i64,
    tags: BTreeMap<String, String>,
    transitive_tag_keys: Vec<String>,
    source_identity: Option<String>,
}

impl Token {
    /// Reads a compact JWT in the order in which STS checks one, and stops where STS would.
    ///
    /// The order: shape, required claims, audience, timestamps (five minutes of tolerance each way), session tags and
    /// source identity, algorithm. What comes after is the caller's: [`IdentityProvider::find`], the signature,
    /// [`Token::check_roles_claim`], the trust policy.
    ///
    /// [`IdentityProvider::find`]: crate::provider::IdentityProvider::find
    pub fn read(jwt: &str, now: SystemTime) -> Result<Self, Refusal> {
        let (header, claims) = shape(jwt).ok_or_else(|| answer::NOT_A_JWT.refuse(&[]))?;
        let mut token = Self::from_claims(claims, now)?;
        // STS comes to the algorithm with the key, after the provider; the words are the same for both.
        let member = |name| header.get(name).and_then(Value::as_str);
        token.algorithm = member("alg").map(str::to_owned).unwrap_or_default();
        token.key_id = member("kid").map(str::to_owned);
        if ALGORITHMS.contains(&token.algorithm()) {
            Ok(token)
        } else {
            Err(answer::NOT_VALIDATED.refuse(&[]))
        }
    }

    /// Reads the claims of a token that is not at hand itself, or not yet made. Its algorithm is empty and not checked.
    pub fn from_claims(claims: Map<String, Value>, now: SystemTime) -> Result<Self, Refusal> {
        for name in ["iss", "sub", "aud", "iat", "exp"] {
            if !claims.contains_key(name) {
                return Err(answer::MISSING_CLAIM.refuse(&[("claim", name)]));
            }
        }
        if claims["sub"].is_null() {
            return Err(answer::UNKNOWN_TOKEN_ERROR.refuse(&[]));
        }
        let (audiences, authorized_party) = audience(&claims)?;
        let expires = check_times(&claims, unix_seconds(now))?;
        let (tags, transitive_tag_keys) = tags::read(&claims)?;
        let source_identity = match claims.get("https://aws.amazon.com/source_identity") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err(answer::NOT_VALIDATED.refuse(&[])),
        };
        Ok(Self {
            algorithm: String::new(),
            key_id: None,
            issuer: text(&claims["iss"]),
            subject: text(&claims["sub"]),
            audiences,
            authorized_party,
            expires,
            tags,
            transitive_tag_keys,
            source_identity,
            claims,
        })
    }

    /// The header's `alg`, one of [`ALGORITHMS`].
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The header's `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// `iss`, to the letter.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`; a number is written out. May be empty.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// All of `aud`, at least one.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// `azp`, which may be empty.
    pub fn authorized_party(&self) -> Option<&str> {
        self.authorized_party.as_deref()
    }

    /// The audience that counts, for the provider's client ids and for the key `aud`: `azp` where the token has one, even
    /// an empty one, otherwise the only `aud`.
    pub fn audience(&self) -> &str {
        self.authorized_party.as_ref().unwrap_or(&self.audiences[0])
    }

    /// `exp` in seconds of Unix time.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// `amr`: how the person signed in.
    pub fn methods(&self) -> Vec<String> {
        match self.claims.get("amr") {
            Some(Value::Array(methods)) => methods.iter().filter_map(scalar).collect(),
            other => other.and_then(scalar).into_iter().collect(),
        }
    }

    /// A claim as the text that a condition key gets: a string, or a number or boolean written out. `None` where the
    /// claim is absent, null or structured.
    pub fn claim(&self, name: &str) -> Option<String> {
        self.claims.get(name).and_then(scalar)
    }

    /// Every claim, as it stands in the token.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Session tags, from `https://aws.amazon.com/tags` in either of its forms. The role must allow `sts:TagSession` if
    /// there is one.
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    /// The keys of those tags that go along to the next role of a chain.
    pub fn transitive_tag_keys(&self) -> &[String] {
        &self.transitive_tag_keys
    }

    /// `https://aws.amazon.com/source_identity`. The role must allow `sts:SetSourceIdentity` if there is one.
    pub fn source_identity(&self) -> Option<&str> {
        self.source_identity.as_deref()
    }

    /// Whether the identity provider lists the role in `https://aws.amazon.com/roles`, which becomes the condition key
    /// `sts:RoleAuthorizedByIdp`: `false` without the claim, and a refusal where the claim is there and lists others.
    ///
    /// The claim is an array of ARNs or one string with semicolons between them. Space around an ARN does not count, and
    /// what is no role's ARN is passed over.
    pub fn check_roles_claim(&self, role_arn: &str) -> Result<bool, Refusal> {
        let listed: Vec<&str> = match self.claims.get("https://aws.amazon.com/roles") {
            None | Some(Value::Null) => return Ok(false),
            Some(Value::String(list)) => list.split(';').collect(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            Some(_) => return Err(answer::ROLES_CLAIM_FORMAT.refuse(&[])),
        };
        let mut roles = listed
            .into_iter()
            .map(str::trim)
            .filter(|entry| arn::is_role(entry))
            .peekable();
        if roles.peek().is_none() {
            Err(answer::NO_ROLES_CLAIMED.refuse(&[]))
        } else if roles.any(|listed| listed == role_arn) {
            Ok(true)
        } else {
            Err(answer::ROLE_NOT_CLAIMED.refuse(&[]))
        }
    }
}

/// Shows whose token it is and for whom, and no more.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("audience", &self.audience())
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// The header and the claims of three base64url parts; `crit` is refused, as STS knows no extensions.
pub(crate) fn shape(jwt: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = jwt.split('.').map(|part| BASE64URL.decode(part).ok());
    let (header, claims, _signature) = (parts.next()??, parts.next()??, parts.next()??);
    let header: Map<_, _> = serde_json::from_slice(&header).ok()?;
    let claims = serde_json::from_slice(&claims).ok()?;
    (parts.next().is_none() && !header.contains_key("crit")).then_some((header, claims))
}

/// `aud` and `azp`. An empty audience passes here, as no provider has it among its client ids.
fn audience(claims: &Map<String, Value>) -> Result<(Vec<String>, Option<String>), Refusal> {
    let audiences = match &claims["aud"] {
        Value::Array(several) => several.iter().map(text).collect(),
        one => vec![text(one)],
    };
    let authorized_party = claims.get("azp").filter(|azp| !azp.is_null()).map(text);
    match audiences.len() {
        0 => Err(answer::EMPTY_CLAIM.refuse(&[("claim", "aud")])),
        2.. if authorized_party.is_none() => Err(answer::MANY_AUDIENCES.refuse(&[])),
        _ => Ok((audiences, authorized_party)),
    }
}

/// Checks `iat`, `nbf` and `exp`, and returns `exp`.
fn check_times(claims: &Map<String, Value>, now: i64) -> Result<i64, Refusal> {
    let invalid = || answer::INVALID_TIMESTAMP.refuse(&[]);
    let (issued, expires) = (
        timestamp(&claims["iat"]).ok_or_else(invalid)?,
        timestamp(&claims["exp"]).ok_or_else(invalid)?,
    );
    let starts = claims
        .get("nbf")
        .map(|starts| timestamp(starts).ok_or_else(invalid))
        .transpose()?;
    // STS shifts its own clock by the tolerance, and shows the shifted time in its message.
    let (early, late) = (now.saturating_sub(TOLERANCE), now.saturating_add(TOLERANCE));
    let (early_text, late_text) = (early.to_string(), late.to_string());

    if issued > late {
        return Err(answer::ISSUED_IN_FUTURE.refuse(&[("issued", &issued.to_string())]));
    }
    if let Some(starts) = starts.filter(|starts| *starts > late) {
        return Err(
            answer::NOT_YET_VALID.refuse(&[("now", &late_text), ("starts", &starts.to_string())])
        );
    }
    if expires <= early {
        return Err(answer::TOKEN_EXPIRED
            .refuse(&[("now", &early_text), ("expires", &expires.to_string())]));
    }
    Ok(expires)
}

/// An integer, or a string that is one.
pub(crate) fn timestamp(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Seconds of Unix time, as JWTs count.
pub(crate) fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds)
        }
    }
}

/// What a claim says as text, whatever its type.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn scalar(value: &Value) -> Option<String> {
    (value.is_string() || value.is_number() || value.is_boolean()).then(|| text(value))
}

/// The signature algorithms STS takes. No PSS, no EdDSA, no shared secrets, no `none`.
pub const ALGORITHMS: [&str; 6] = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"];

/// How far clocks may be apart, in seconds.
const TOLERANCE: i64 = 5 * 60;

const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests;
