//! What is looked at: the profile and what it leads to, each thing asked for once however many checks want it.

use std::time::{Duration, SystemTime};

use http::{Response, header};
use keyless::profile::{Access, Config};
use keyless::{Environment, Http, HttpClient, IdToken, Interaction, Session, SessionName, Source};
use keyless_sts::Sts;
use keyless_token::{Limits, TokenErrorKind, endpoint};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::finding::Finding;
use crate::args::Doctor;
use crate::command::explain::denied::explained;
use crate::context::{Chosen, Context};
use crate::exit::{Failure, INVALID, UNREACHABLE};

/// A profile under examination. A thing that is not to be had is a [`Finding`]: the one that its own check reports.
pub(super) struct Patient {
    pub(super) context: Context,
    pub(super) now: SystemTime,
    pub(super) network: bool,
    /// Whether the flags say who proves, so that no file is needed.
    pub(super) flags_suffice: bool,
    pub(super) config: Result<Config, Finding>,
    pub(super) chosen: Result<Chosen, Finding>,
    pub(super) access: Result<Access, Finding>,
    http: Http,
    discovery: OnceCell<Result<Discovery, Finding>>,
    token: OnceCell<Result<IdToken, Finding>>,
    sts: OnceCell<Result<StsAnswer, Finding>>,
    session: OnceCell<Result<Session, Finding>>,
}

/// An issuer's OpenID configuration as it is published, right or wrong.
pub(super) struct Discovery {
    /// As it is configured, or as the token says.
    pub(super) issuer: String,
    pub(super) document: Map<String, Value>,
    pub(super) date: Option<SystemTime>,
}

impl Discovery {
    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.document.get(name).and_then(Value::as_str)
    }

    /// A member that is a list of texts; `None` where it is absent.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        let list = self.document.get(name)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).collect())
    }
}

/// STS, asked for nothing.
pub(super) struct StsAnswer {
    pub(super) address: String,
    pub(super) date: Option<SystemTime>,
}

/// Of what OpenID providers alone have.
const SPEAKS_SAML: &str = "the identity speaks SAML";

/// How long an answer, a token and a session may take, so that what is missing is told by its own check, and all of it before the
/// end: a token, the issuer that it names, that issuer's keys.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
const TOKEN_WITHIN: Duration = Duration::from_secs(10);
const SESSION_WITHIN: Duration = Duration::from_secs(8);

const NOT_ASKED: &str = "not asked, because of --no-network";

impl Patient {
    pub(super) fn new(context: &Context, args: &Doctor) -> Self {
        let config = Config::load(&context.environment).map_err(Finding::of);
        let flags_suffice = args.profile.name.is_none() && args.flags.name_an_identity();
        let chosen = match &config {
            Err(_) if !flags_suffice => Err(Finding::skip("the configuration cannot be read")),
            _ => context
                .choose(args.profile.name.as_deref(), &args.flags)
                .map_err(Finding::of),
        };
        let access = match &chosen {
            Ok(chosen) => context.access(chosen, Duration::ZERO).map_err(Finding::of),
            Err(_) => Err(Finding::skip("there is no profile to look at")),
        };
        let bundle = chosen.as_ref().ok();
        let http = match bundle.and_then(|chosen| chosen.profile.ca_bundle.as_ref()) {
            Some(file) => Http::trusting(file),
            None => Http::from_environment(&context.environment),
        };
        Self {
            context: context.clone(),
            now: context.now(),
            network: !args.no_network,
            flags_suffice,
            config,
            chosen,
            access,
            http,
            discovery: OnceCell::new(),
            token: OnceCell::new(),
            sts: OnceCell::new(),
            session: OnceCell::new(),
        }
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.context.environment
    }

    /// What a check says that needs access, where there is none: the reason is another check's.
    pub(super) fn usable(&self) -> Result<&Access, Finding> {
        self.access
            .as_ref()
            .map_err(|_| Finding::skip("the profile cannot be used"))
    }

    /// The answer at `address`, whatever its status; redirects are not followed.
    pub(super) async fn fetch(&self, address: &str) -> Result<Response<Vec<u8>>, Finding> {
        if !self.network {
            return Err(Finding::skip(NOT_ASKED));
        }
        let request = http::Request::get(address)
            .header(header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| {
                Finding::fail(INVALID, format!("{address:?} is not an address: {error}"))
            })?;
        let limits = Limits {
            timeout: ANSWER_WITHIN,
            ..Limits::default()
        };
        self.http.send(request, limits).await.map_err(|error| {
            Finding::fail(UNREACHABLE, format!("{address} cannot be reached: {error}"))
                .advised("check the address, and this machine's network, proxy and certificates")
        })
    }

    /// The OpenID configuration of the profile's issuer; where nobody signs in, of the token's.
    pub(super) async fn discovery(&self) -> &Result<Discovery, Finding> {
        self.discovery.get_or_init(|| self.discover()).await
    }

    async fn discover(&self) -> Result<Discovery, Finding> {
        if self.usable()?.saml().is_some() {
            return Err(Finding::skip(SPEAKS_SAML));
        }
        let issuer = match self.usable()?.login() {
            Some(login) => login.issuer().to_owned(),
            None => match self.token().await {
                Ok(token) => token.issuer().to_owned(),
                Err(_) => return Err(Finding::skip("there is no token that names the issuer")),
            },
        };
        endpoint::secure("the issuer", &issuer).map_err(Finding::of)?;
        // OpenID Connect Discovery §4: the slash is removed here alone.
        let base = issuer.trim_end_matches('/');
        let address = format!("{base}/.well-known/openid-configuration");
        let answer = self.fetch(&address).await?;
        let date = date(&answer);
        let status = answer.status();
        if status.is_redirection() {
            let to = answer.headers().get(header::LOCATION);
            let to = to.map_or("elsewhere", |to| to.to_str().unwrap_or("elsewhere"));
            return Err(Finding::fail(
                INVALID,
                format!("{address} sends on to {to}, where neither keyless nor AWS follows"),
            )
            .advised("use the issuer's own address, to the letter as its tokens have it"));
        }
        if !status.is_success() {
            let code = if status.is_server_error() {
                UNREACHABLE
            } else {
                INVALID
            };
            return Err(Finding::fail(code, format!("{address} answers {status}")).advised(
                "check the issuer: its address with /.well-known/openid-configuration behind it shows a JSON document in a browser",
            ));
        }
        match serde_json::from_slice(answer.body()) {
            Ok(Value::Object(document)) => Ok(Discovery {
                issuer,
                document,
                date,
            }),
            _ => Err(
                Finding::fail(INVALID, format!("{address} shows no JSON document")).advised(
                    "check that the issuer is an OpenID provider; OAuth alone is not enough",
                ),
            ),
        }
    }

    /// A token that is to be had without asking anybody.
    pub(super) async fn token(&self) -> &Result<IdToken, Finding> {
        self.token.get_or_init(|| self.ask_for_token()).await
    }

    async fn ask_for_token(&self) -> Result<IdToken, Finding> {
        let access = self.usable()?;
        if access.saml().is_some() {
            return Err(Finding::skip(SPEAKS_SAML));
        }
        if let Some(token) = access.held() {
            return Ok(token);
        }
        let identity = &access.profile().identity;
        if !self.network && (access.login().is_some() || identity.token_command.is_some()) {
            return Err(Finding::skip(NOT_ASKED));
        }
        let proof = access.proof(Interaction::Forbidden);
        let Ok(answer) = timeout(TOKEN_WITHIN, proof).await else {
            return Err(late("no token", TOKEN_WITHIN)
                .advised("see why the place that it comes from does not answer"));
        };
        answer.map_err(|error| {
            let kind = error.kind();
            let failure = Failure::from(error);
            match (&self.chosen, kind) {
                // No link is broken: somebody only has to sign in.
                (Ok(chosen), TokenErrorKind::LoginRequired) => {
                    Finding::of(chosen.explain(failure)).softened()
                }
                _ => Finding::of(failure),
            }
        })
    }

    /// The STS that the profile's role is asked of.
    pub(super) async fn sts(&self) -> &Result<StsAnswer, Finding> {
        self.sts.get_or_init(|| self.ask_sts()).await
    }

    async fn ask_sts(&self) -> Result<StsAnswer, Finding> {
        let address = super::aws::sts_address(self.usable()?.profile(), self.environment())?;
        endpoint::secure("the STS endpoint", &address).map_err(Finding::of)?;
        let answer = self.fetch(&address).await?;
        Ok(StsAnswer {
            date: date(&answer),
            address,
        })
    }

    /// The session that is kept, or a new one if it can be had without asking anybody.
    pub(super) async fn session(&self) -> &Result<Session, Finding> {
        self.session.get_or_init(|| self.ask_for_session()).await
    }

    async fn ask_for_session(&self) -> Result<Session, Finding> {
        let access = self.usable()?;
        let Ok(provider) = access.provider() else {
            return Err(Finding::skip("there is no role that a session could be of"));
        };
        if let Some(session) = provider.peek() {
            return Ok(session);
        }
        if !self.network {
            return Err(Finding::skip(
                "none is held; AWS is not asked, because of --no-network",
            ));
        }
        if self.token().await.is_err() {
            return Err(Finding::skip(
                "none is held, and there is no token to ask AWS with",
            ));
        }
        match timeout(SESSION_WITHIN, provider.session()).await {
            Ok(answer) => answer.map_err(|error| match &self.chosen {
                Ok(chosen) => Finding::of(explained(&self.context, chosen, access, error)),
                Err(_) => Finding::of(error),
            }),
            Err(_) => Err(late("no session", SESSION_WITHIN)
                .advised("check this machine's network and proxy")),
        }
    }

    /// The STS that says who a session is.
    pub(super) fn sts_client(&self, access: &Access) -> Result<Sts, Finding> {
        let (profile, environment) = (access.profile(), self.environment());
        let mut sts = Sts::new(self.http.clone());
        let region = match &profile.region {
            Some(region) => Some(region.clone()),
            None => environment.region().map_err(Finding::of)?,
        };
        if let Some(region) = region {
            sts = sts.region(region);
        }
        let endpoint = match &profile.endpoint_url {
            Some(url) => Some(url.clone()),
            None => environment.sts_endpoint().map_err(Finding::of)?,
        };
        if let Some(url) = endpoint {
            sts = sts.endpoint_url(url);
        }
        Ok(sts
            .fips(environment.switch("AWS_USE_FIPS_ENDPOINT"))
            .dual_stack(environment.switch("AWS_USE_DUALSTACK_ENDPOINT")))
    }

    /// What the profile is called, where it has a name.
    pub(super) fn profile_name(&self) -> Option<String> {
        self.chosen.as_ref().ok()?.profile.name.clone()
    }

    /// What names the person or the job, and need not be shown to strangers.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(Ok(token)) = self.token.get() {
            let claims = [
                "sub",
                "email",
                "name",
                "preferred_username",
                "upn",
                "nickname",
                "unique_name",
            ];
            let claims = claims.iter().filter_map(|name| token.text_claim(name));
            names.extend(claims.map(str::to_owned));
            // AWS quotes the session's name where it says no.
            names.push(SessionName::OfToken.for_token(token));
        }
        if let Some(Ok(session)) = self.session.get() {
            names.push(session.session_name().to_owned());
            names.push(session.subject().subject.clone());
        }
        names
    }
}

fn late(what: &str, within: Duration) -> Finding {
    let within = within.as_secs();
    Finding::fail(UNREACHABLE, format!("{what} within {within} seconds"))
}

/// When the other side says it answered, by its clock. What a cache on the way has kept for a while says for how long (RFC 9111
/// §5.1).
fn date(answer: &Response<Vec<u8>>) -> Option<SystemTime> {
    let text = |name| answer.headers().get(name)?.to_str().ok();
    let date = text(header::DATE)?;
    let format = aws_smithy_types::date_time::Format::HttpDate;
    let date = aws_smithy_types::DateTime::from_str(date, format).ok()?;
    let kept = text(header::AGE).and_then(|age| age.trim().parse().ok());
    let date = SystemTime::try_from(date).ok()?;
    date.checked_add(Duration::from_secs(kept.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_a_cache_has_kept_is_as_old_as_it_says() {
        let at = |date: &str, age: Option<&str>| {
            let mut answer = Response::builder().header(header::DATE, date);
            if let Some(age) = age {
                answer = answer.header(header::AGE, age);
            }
            let since = date_of(answer)?
                .duration_since(SystemTime::UNIX_EPOCH)
                .ok()?;
            Some(since.as_secs())
        };
        let date_text = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(at(date_text, None), Some(784_111_777));
        assert_eq!(at(date_text, Some("600")), Some(784_112_377));
        assert_eq!(at(date_text, Some("soon")), Some(784_111_777));
        assert_eq!(at("today", None), None);
        assert_eq!(date(&Response::new(Vec::new())), None);
    }

    fn date_of(answer: http::response::Builder) -> Option<SystemTime> {
        date(&answer.body(Vec::new()).expect("an answer"))
    }
}
