//! How a client that is not public proves who it is (RFC 6749 §2.3, OpenID Connect Core §9).

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Request, header};
use keyless_cache::Secret;
use serde_json::{Map, json};
use url::form_urlencoded::{self, byte_serialize};

use super::discovery::IdentityProvider;
use super::jws::{self, SigningKey};
use super::secret_place::SecretPlace;
use super::ways::{Statement, Way};
use crate::error::{TokenError, TokenErrorKind};

/// How a client proves who it is, by the standard's names (OpenID Connect Core §9): `client_secret_basic` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// Not at all: a public client, as programs on a person's own machine are (RFC 8252 §8.4).
    None,
    /// With its secret, in a header (RFC 6749 §2.3.1).
    SecretBasic,
    /// With its secret, in the form.
    SecretPost,
    /// With a statement that its private key has signed (RFC 7523).
    PrivateKeyJwt,
}

impl ClientAuthentication {
    const ALL: [Self; 4] = [
        Self::SecretBasic,
        Self::SecretPost,
        Self::PrivateKeyJwt,
        Self::None,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

impl fmt::Display for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ClientAuthentication {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let mut all = Self::ALL.into_iter();
        all.find(|method| method.name() == text).ok_or_else(|| {
            misconfigured(format!("{text:?} is no way for a client to prove itself"))
                .with_advice("use client_secret_basic, client_secret_post, private_key_jwt or none")
        })
    }
}

/// What is configured of the client beside its id.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    pub(super) authentication: Option<ClientAuthentication>,
    pub(super) secret: Option<SecretPlace>,
    pub(super) private_key: Option<SecretPlace>,
}

impl Client {
    /// Refuses a way that lacks what it needs, or what no way needs.
    pub(super) fn check(&self) -> Result<(), TokenError> {
        use ClientAuthentication::{None, PrivateKeyJwt, SecretBasic, SecretPost};
        let (has_secret, has_key) = (self.secret.is_some(), self.private_key.is_some());
        match self.authentication {
            Some(way @ (SecretBasic | SecretPost)) if !has_secret => Err(misconfigured(format!(
                "{way} needs a client secret, and there is none"
            ))
            .with_advice("say where the secret is, as in client_secret = { env = \"NAME\" }")),
            Some(PrivateKeyJwt) if !has_key => Err(misconfigured(
                "private_key_jwt needs a private key, and there is none",
            )
            .with_advice("say where the key is, as in private_key = { file = \"PATH\" }")),
            Some(None) if has_secret || has_key => Err(misconfigured(
                "a public client (client_auth = \"none\") has no secret and no key",
            )
            .with_advice("remove client_auth, or client_secret and private_key")),
            _ => Ok(()),
        }
    }

    /// Whether it has nothing to prove itself with, so that a refresh token is whoever's holds it.
    pub(super) fn is_public(&self) -> bool {
        self.secret.is_none() && self.private_key.is_none()
    }

    /// The way that is configured, else the one that fits what there is and what `issuer` offers (`token_endpoint_auth_methods_supported`, of
    /// which `client_secret_basic` is the default, RFC 8414 §2).
    fn way(
        &self,
        issuer: &str,
        offered: Option<&[String]>,
    ) -> Result<ClientAuthentication, TokenError> {
        use ClientAuthentication::{None, PrivateKeyJwt, SecretBasic, SecretPost};
        if let Some(way) = self.authentication {
            return Ok(way);
        }
        let offers = |way: &ClientAuthentication| match offered {
            Some(offered) => offered.iter().any(|name| name == way.name()),
            Option::None => *way != SecretPost,
        };
        let fitting: &[ClientAuthentication] =
            match (self.private_key.is_some(), self.secret.is_some()) {
                // Many take public clients and do not say so.
                (false, false) => return Ok(None),
                (true, false) => &[PrivateKeyJwt],
                (false, true) => &[SecretBasic, SecretPost],
                (true, true) => &[PrivateKeyJwt, SecretBasic, SecretPost],
            };
        fitting.iter().copied().find(offers).ok_or_else(|| {
            let offered = offered.unwrap_or_default().join(", ");
            let fitting: Vec<&str> = fitting.iter().map(|way| way.name()).collect();
            misconfigured(format!(
                "{issuer} takes none of the ways that this client can prove itself ({}); it offers {offered}",
                fitting.join(", ")
            ))
            .with_advice("let the client be registered for one of them, or say with client_auth which to use all the same")
        })
    }

    /// Reads the secret or the key, because the identity provider, which has these `ways`, is about to be asked.
    pub(super) async fn proof(
        &self,
        provider: &IdentityProvider,
        ways: &'static Way,
    ) -> Result<ClientProof, TokenError> {
        let offered = provider.token_endpoint_auth_methods.as_deref();
        let way = self.way(&provider.issuer, offered)?;
        let nothing = || misconfigured(format!("{way} lacks what it needs"));
        match way {
            ClientAuthentication::None => Ok(ClientProof::None),
            ClientAuthentication::SecretBasic | ClientAuthentication::SecretPost => {
                let place = self.secret.as_ref().ok_or_else(nothing)?;
                let secret = place.read(THE_SECRET).await?;
                // As `pass show` prints an entry with notes below it: which line is meant is not ours to guess.
                if secret.expose().contains(char::is_control) {
                    return Err(misconfigured(format!(
                        "{THE_SECRET} cannot be had: {place} has several lines, or control characters"
                    ))
                    .with_advice("give the secret alone, on one line"));
                }
                Ok(if way == ClientAuthentication::SecretBasic {
                    ClientProof::Basic(secret)
                } else {
                    ClientProof::Post(secret)
                })
            }
            ClientAuthentication::PrivateKeyJwt => {
                let place = self.private_key.as_ref().ok_or_else(nothing)?;
                let text = place.read(THE_KEY).await?;
                let key = SigningKey::read(&text).map_err(|found| {
                    misconfigured(format!("{THE_KEY} cannot be used: {place} has {found}")).with_advice(
                        "give a P-256 or an RSA key of 2048 bits or more as PKCS#8 in PEM, unencrypted, alone or with its certificate, or as JSON Web Key; `openssl pkcs8 -topk8 -nocrypt` makes PKCS#8 of others",
                    )
                })?;
                ClientProof::of_key(key, place, provider, ways)
            }
        }
    }
}

/// What a client proves itself with, at hand for as long as the identity provider is asked.
pub(super) enum ClientProof {
    None,
    Basic(Secret),
    Post(Secret),
    Key {
        key: Box<SigningKey>,
        audience: String,
        statement: &'static Statement,
    },
}

impl ClientProof {
    /// That of `key`, which was at `place`.
    fn of_key(
        key: SigningKey,
        place: &SecretPlace,
        provider: &IdentityProvider,
        ways: &'static Way,
    ) -> Result<Self, TokenError> {
        let lacks = |what: &str| {
            misconfigured(format!("{} knows a client by the certificate of an RSA key, and {place} has {what}", ways.name))
                .with_advice("put the private key and the certificate that is registered for it into the same file, both in PEM")
        };
        let (key, audience) = match ways.statement {
            // The one value that no other server can be sent (what became of RFC 7523 after the attack that mixes up endpoints).
            Statement::Standard => (key, provider.issuer.clone()),
            Statement::OfCertificate if !key.has_certificate() => {
                return Err(lacks("no certificate"));
            }
            Statement::OfCertificate => {
                let key = key.with_pss().ok_or_else(|| lacks("another key"))?;
                (key, provider.token_endpoint.to_string())
            }
        };
        Ok(Self::Key {
            key: Box::new(key),
            audience,
            statement: &ways.statement,
        })
    }

    /// Puts it into `request`, a form with the client's id in it.
    pub(super) fn add_to(
        &self,
        request: &mut Request<Vec<u8>>,
        client_id: &str,
        now: SystemTime,
    ) -> Result<(), TokenError> {
        match self {
            Self::None => {}
            Self::Basic(secret) => {
                let mut value = HeaderValue::from_str(basic(client_id, secret).expose())
                    .map_err(|_| misconfigured("the client's id or secret fits into no header"))?;
                value.set_sensitive(true);
                request.headers_mut().insert(header::AUTHORIZATION, value);
                without_the_id(request);
            }
            Self::Post(secret) => add(request, &[("client_secret", secret.expose())]),
            Self::Key {
                key,
                audience,
                statement,
            } => {
                let signed = statement
                    .sign(key, client_id, audience, now)
                    .ok_or_else(|| {
                        misconfigured(
                            "the private key cannot sign: this machine gives no random numbers",
                        )
                    })?;
                add(
                    request,
                    &[
                        ("client_assertion_type", STATEMENT_TYPE),
                        ("client_assertion", signed.expose()),
                    ],
                );
            }
        }
        Ok(())
    }

    /// What must not be told when it is quoted back. (A statement is cut out as every token is.)
    pub(super) fn secrets(&self, client_id: &str) -> Vec<Secret> {
        match self {
            Self::None | Self::Key { .. } => Vec::new(),
            Self::Post(secret) => vec![secret.clone()],
            Self::Basic(secret) => {
                let header = basic(client_id, secret);
                let value = header.expose().trim_start_matches(BASIC);
                vec![secret.clone(), Secret::new(value)]
            }
        }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// RFC 6749 §2.3.1: both halves are encoded as in a form first, since a colon or a letter beyond ASCII may be in them.
fn basic(client_id: &str, secret: &Secret) -> Secret {
    let in_a_form = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let both = Secret::new(format!(
        "{}:{}",
        in_a_form(client_id),
        in_a_form(secret.expose())
    ));
    Secret::new(format!("{BASIC}{}", BASE64_STANDARD.encode(both.expose())))
}

impl Statement {
    /// RFC 7523 §3.
    fn sign(
        &self,
        key: &SigningKey,
        client_id: &str,
        audience: &str,
        now: SystemTime,
    ) -> Option<Secret> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": jws::unique()?,
            "iat": now,
            "exp": now + LIFE_OF_A_STATEMENT,
        });
        if *self == Self::OfCertificate {
            // Nobody else wants it, and some allow no clock to be a second ahead.
            claims["nbf"] = now.into();
        }
        let header = Map::from_iter([("typ".to_owned(), "JWT".into())]);
        key.sign(header, &claims)
    }
}

fn add(request: &mut Request<Vec<u8>>, fields: &[(&str, &str)]) {
    let form = std::mem::take(request.body_mut());
    let form = String::from_utf8_lossy(&form).into_owned();
    let mut form = form_urlencoded::Serializer::new(form);
    *request.body_mut() = form.extend_pairs(fields).finish().into_bytes();
}

/// The header names the client, and some take a second name for a second way (RFC 6749 §2.3). As a parameter of an authorization request
/// it stays (RFC 9126 §2.1).
fn without_the_id(request: &mut Request<Vec<u8>>) {
    let pairs = || form_urlencoded::parse(request.body());
    if pairs().any(|(name, _)| name == "response_type") {
        return;
    }
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs().filter(|(name, _)| name != "client_id"))
        .finish();
    *request.body_mut() = form.into_bytes();
}

fn misconfigured(message: impl AsRef<str>) -> TokenError {
    TokenError::new(TokenErrorKind::Misconfigured, message)
}

const THE_SECRET: &str = "the client secret";
const THE_KEY: &str = "the client's private key";
const BASIC: &str = "Basic ";
const STATEMENT_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// In seconds: for one request.
const LIFE_OF_A_STATEMENT: u64 = 60;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::jwt::Jwt;

    fn client(way: Option<&str>, has_secret: bool, has_key: bool) -> Client {
        let place = || SecretPlace::from(Secret::new("x"));
        Client {
            authentication: way.map(|way| way.parse().expect("a way")),
            secret: has_secret.then(place),
            private_key: has_key.then(place),
        }
    }

    #[test]
    fn the_way_is_the_configured_one_or_the_first_that_is_offered_and_fits() {
        let (basic, post, key) = (
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        );
        let all = [basic, post, key];
        for (configured, secret, has_key, offered, chosen) in [
            (None, false, false, None, Ok("none")),
            (None, false, false, Some(&all[..]), Ok("none")), // many take public clients and do not say so
            (None, true, false, None, Ok(basic)),
            (None, true, false, Some(&all[..]), Ok(basic)),
            (None, true, false, Some(&[post][..]), Ok(post)),
            (
                None,
                true,
                false,
                Some(&["none", key][..]),
                Err("offers none, private_key_jwt"),
            ),
            (
                None,
                true,
                false,
                Some(&[][..]),
                Err("client_secret_basic, client_secret_post"),
            ),
            (None, false, true, None, Ok(key)),
            (
                None,
                false,
                true,
                Some(&[basic][..]),
                Err("(private_key_jwt); it offers client_secret_basic"),
            ),
            (None, true, true, Some(&[post][..]), Ok(post)),
            (None, true, true, Some(&all[..]), Ok(key)),
            (Some(post), true, false, Some(&[basic][..]), Ok(post)),
            (Some(basic), true, true, None, Ok(basic)),
        ] {
            let offered: Option<Vec<String>> =
                offered.map(|names| names.iter().map(|&name| name.to_owned()).collect());
            let way =
                client(configured, secret, has_key).way("https://id.example", offered.as_deref());
            match (way, chosen) {
                (Ok(way), Ok(chosen)) => assert_eq!(way.to_string(), chosen),
                (Err(error), Err(said)) => assert!(error.to_string().contains(said), "{error}"),
                (way, chosen) => panic!("expected {chosen:?}, found {way:?}"),
            }
        }
    }

    #[test]
    fn a_way_without_what_it_needs_is_refused_beforehand() {
        for (way, secret, key, said) in [
            (
                "client_secret_basic",
                false,
                true,
                "client_secret_basic needs a client secret",
            ),
            (
                "client_secret_post",
                false,
                false,
                "client_secret_post needs a client secret",
            ),
            (
                "private_key_jwt",
                true,
                false,
                "private_key_jwt needs a private key",
            ),
            ("none", true, false, "has no secret and no key"),
            ("none", false, true, "has no secret and no key"),
        ] {
            let error = client(Some(way), secret, key).check().expect_err(way);
            assert!(error.to_string().contains(said), "{error}");
        }
        let error = "tls_client_auth"
            .parse::<ClientAuthentication>()
            .expect_err("unknown");
        assert!(error.to_string().contains("tls_client_auth"));
    }

    fn request(form: &str) -> Request<Vec<u8>> {
        Request::post("https://id.example/token")
            .body(form.into())
            .expect("a request")
    }

    #[test]
    fn the_secret_goes_where_the_way_says_and_nowhere_else() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        // RFC 6749 §2.3.1.
        let mut basic = request("grant_type=x&client_id=s6BhdRkqt3&code=1");
        let proof = ClientProof::Basic(Secret::new("gX1fBat3bV"));
        proof.add_to(&mut basic, "s6BhdRkqt3", now).expect("added");
        let header = &basic.headers()[header::AUTHORIZATION];
        assert_eq!(header, "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW");
        assert!(header.is_sensitive());
        assert_eq!(basic.body(), b"grant_type=x&code=1");

        let awkward = Secret::new("a:b%c d/ü");
        let mut encoded = request("response_type=code&client_id=a%3Ab");
        ClientProof::Basic(awkward.clone())
            .add_to(&mut encoded, "a:b", now)
            .expect("added");
        let value = encoded.headers()[header::AUTHORIZATION]
            .to_str()
            .expect("text");
        let value = BASE64_STANDARD
            .decode(value.trim_start_matches(BASIC))
            .expect("base64");
        assert_eq!(
            String::from_utf8_lossy(&value),
            "a%3Ab:a%3Ab%25c+d%2F%C3%BC"
        );
        assert_eq!(
            encoded.body(),
            b"response_type=code&client_id=a%3Ab",
            "a parameter of an authorization request"
        );

        let mut post = request("client_id=me");
        ClientProof::Post(awkward)
            .add_to(&mut post, "me", now)
            .expect("added");
        assert_eq!(
            post.body(),
            b"client_id=me&client_secret=a%3Ab%25c+d%2F%C3%BC"
        );
        assert!(post.headers().is_empty());
    }

    #[test]
    fn a_statement_is_for_one_request_to_one_issuer() {
        let kept = SigningKey::generate().expect("a key");
        let proof = ClientProof::Key {
            key: Box::new(SigningKey::of_kept(&kept).expect("the key")),
            audience: "https://id.example".into(),
            statement: &Statement::Standard,
        };
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let statement = || {
            let mut request = request("client_id=me");
            proof.add_to(&mut request, "me", now).expect("added");
            let form: std::collections::BTreeMap<String, String> =
                form_urlencoded::parse(request.body())
                    .into_owned()
                    .collect();
            assert_eq!(form["client_assertion_type"], STATEMENT_TYPE);
            Jwt::read(&form["client_assertion"]).unwrap_or_else(|reason| panic!("{reason}"))
        };
        let (first, second) = (statement(), statement());
        let claims = &first.claims;
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&"me".into(), &"me".into())
        );
        assert_eq!(claims["aud"], "https://id.example");
        assert_eq!(
            claims["exp"].as_u64().expect("a time") - claims["iat"].as_u64().expect("a time"),
            60
        );
        assert_ne!(claims["jti"], second.claims["jti"]);
    }
}
