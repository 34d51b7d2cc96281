//! Identity providers' ways, where they differ from what the standards say: defaults of a sign-in, and words about their usual errors.

mod table;
#[cfg(test)]
mod tests;

use url::form_urlencoded::byte_serialize;
use url::{Host, Url};

use super::Plan;
use super::discovery::{self, IdentityProvider};
use super::flow::CALLBACK;
use super::redirect::RedirectHost;
use super::request::ResponseType;
use super::response::{Judge, Verdict};
use crate::error::{TokenError, TokenErrorKind};

use table::WAYS;

/// One identity provider's ways.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) name: &'static str,
    issuers: &'static [Issuers],
    /// Addresses that look like its issuers and sign nobody in.
    never: &'static [Never],
    /// What the redirect address calls this machine.
    redirect_host: RedirectHost,
    /// The port of the redirect address, where each port has to be registered; `None` where any will do (RFC 8252 §7.3).
    port: Option<u16>,
    stay: Stay,
    /// Whether its ID tokens may leave out the scheme of the issuer.
    pub(super) without_scheme: bool,
    /// Whether every application has a secret, which the token endpoint demands.
    secret: bool,
    pub(super) statement: Statement,
    /// The path of its device authorization endpoint, where its discovery does not tell.
    device_path: Option<&'static str>,
    sign_out: SignOut,
    hints: &'static [Hint],
}

/// Issuers by host, and path with a slash at its end; `*` stands for anything.
#[derive(Debug)]
struct Issuers(&'static str, &'static str);

#[derive(Debug)]
struct Never {
    issuers: Issuers,
    reason: &'static str,
    advice: &'static str,
}

/// How one stays signed in there. Who configures it writes the scope `offline_access`, whatever the identity provider calls it.
#[derive(Debug)]
enum Stay {
    /// By that scope (OpenID Connect Core §11).
    Scope,
    /// By parameters of the authorization request, the first of which says so by itself; it does not know the scope.
    Parameters(&'static [(&'static str, &'static str)]),
    /// Everybody is given a refresh token; it does not know the scope.
    ByItself,
}

/// What an application that has a key says to prove itself (RFC 7523).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// As the standards have it: to the issuer, and by any key that is registered.
    Standard,
    /// In the name of a certificate: to the token endpoint, signed with PS256, and with the time from which it is good.
    OfCertificate,
}

/// Where a person signs out there, in a browser.
#[derive(Debug)]
enum SignOut {
    /// At the `end_session_endpoint`, if there is one (RP-Initiated Logout 1.0).
    Standard,
    /// Where there is none, at this address, beginning at the path on the authorization endpoint's host.
    ElseAt(&'static str),
    /// At this address: the `end_session_endpoint` does not keep to the standard.
    OnlyAt(&'static str),
}

/// What to do when it says this.
#[derive(Debug)]
struct Hint(&'static str, &'static str);

/// Whether a sign-in with these scopes and extra parameters asks for a refresh token: by the scope `offline_access` (OpenID Connect Core §11),
/// or by the parameter that an identity provider has for it.
pub fn asks_to_stay_signed_in<'a>(
    scopes: &[String],
    authorize: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> bool {
    let asks = |parameter| {
        WAYS.iter()
            .any(|way| matches!(way.stay, Stay::Parameters([first, ..]) if *first == parameter))
    };
    scopes.iter().any(|scope| scope == OFFLINE_ACCESS) || authorize.into_iter().any(asks)
}

impl Way {
    /// The ways of the identity provider `issuer`, as far as its address tells; the standards' where it tells nothing. One on this machine has no
    /// ways of its own.
    ///
    /// # Errors
    /// [`TokenErrorKind::Misconfigured`] for an issuer that signs nobody in.
    pub(super) fn of(issuer: &Url) -> Result<&'static Self, TokenError> {
        let (Some(Host::Domain(host)), "https") = (issuer.host(), issuer.scheme()) else {
            return Ok(&STANDARD);
        };
        let path = format!("{}/", issuer.path().trim_end_matches('/'));
        let fits = |Issuers(hosts, paths): &Issuers| {
            is_like(hosts, host) && is_like(paths, &path) && host != "localhost"
        };
        let never = WAYS.iter().flat_map(|way| way.never);
        if let Some(never) = never.into_iter().find(|never| fits(&never.issuers)) {
            return Err(TokenError::new(
                TokenErrorKind::Misconfigured,
                format!("nobody can sign in at {issuer}: {}", never.reason),
            )
            .with_advice(never.advice));
        }
        let found = WAYS.iter().find(|way| way.issuers.iter().any(fits));
        Ok(found.unwrap_or(&STANDARD))
    }

    /// The ways of whoever is called `name`; the standards' for a name that is not in the table.
    pub(super) fn called(name: &str) -> &'static Self {
        let found = WAYS.iter().find(|way| way.name == name);
        found.unwrap_or(&STANDARD)
    }

    /// `error` with better advice, where the identity provider said something that is known of it.
    pub(super) fn advise(&self, error: TokenError) -> TokenError {
        let said = error.to_string().to_lowercase();
        let hint = self
            .hints
            .iter()
            .find(|Hint(says, _)| said.contains(&says.to_lowercase()));
        match hint {
            Some(Hint(_, advice)) => error.with_advice(advice),
            None => error,
        }
    }

    /// The same of what `judge` finds in a response.
    pub(super) fn advise_judge(&'static self, judge: Judge) -> Judge {
        Box::new(move |parameters, mode| match judge(parameters, mode) {
            Verdict::Ours(Err(error)) => Verdict::Ours(Err(self.advise(error))),
            verdict => verdict,
        })
    }
}

impl Plan {
    /// Fills in what is not configured, by the identity provider's ways.
    pub(super) fn fill_in(&mut self, redirect_host: Option<RedirectHost>) {
        let way = self.way;
        self.redirect_host = redirect_host.unwrap_or(way.redirect_host);
        if let (0, Some(port)) = (*self.ports.end(), way.port) {
            self.ports = port..=port;
        }
        let extra = self.extra.iter();
        let extra = extra.map(|(name, value)| (name.as_str(), value.as_str()));
        self.stays_signed_in = asks_to_stay_signed_in(&self.scopes, extra);
        if !matches!(way.stay, Stay::Scope) {
            self.scopes.retain(|scope| scope != OFFLINE_ACCESS);
        }
        if let (true, Stay::Parameters(parameters)) = (self.stays_signed_in, &way.stay) {
            for (name, value) in *parameters {
                if self.extra.iter().all(|(there, _)| there != name) {
                    self.extra.push(((*name).to_owned(), (*value).to_owned()));
                }
            }
        }
    }

    /// The names of the parameters that are configured for authorization requests, and for nothing else.
    pub(super) fn asked_for_in_vain(&self) -> Vec<&str> {
        let of_the_way = |name: &str| match &self.way.stay {
            Stay::Parameters(parameters) => parameters.iter().any(|(theirs, _)| *theirs == name),
            _ => false,
        };
        let names = self.extra.iter().map(|(name, _)| name.as_str());
        names.filter(|name| !of_the_way(name)).collect()
    }

    /// Refuses a sign-in whose last step would fail for want of a secret.
    pub(super) fn check_secret(&self) -> Result<(), TokenError> {
        let is_wanted = self.way.secret && self.wanted.response == ResponseType::Code;
        // Whoever says that there is none knows better.
        if !is_wanted || !self.client.is_public() || self.client.authentication.is_some() {
            return Ok(());
        }
        let name = self.way.name;
        Err(TokenError::new(
            TokenErrorKind::Misconfigured,
            format!("{name} demands a client secret of every application, and none is configured"),
        )
        .with_advice(format!(
            "configure the secret that {name} shows beside the client id: client_secret of the identity"
        )))
    }

    /// What the identity provider says of itself, and what it should have said.
    pub(super) async fn discover(&self) -> Result<IdentityProvider, TokenError> {
        let mut provider = discovery::discover(&*self.http, &self.issuer, &self.clock).await?;
        self.correct(&mut provider);
        Ok(provider)
    }

    fn correct(&self, provider: &mut IdentityProvider) {
        let at = |path: &str| provider.authorization_endpoint.join(path).ok();
        let address = match self.way.sign_out {
            SignOut::OnlyAt(address) => Some(address),
            SignOut::ElseAt(address) if provider.end_session_endpoint.is_none() => Some(address),
            _ => None,
        };
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let (host, port) = (self.redirect_host, self.ports.start());
        let back = format!("http://{host}:{port}{CALLBACK}");
        let page = address.and_then(|address| {
            let address = address.replace("CLIENT_ID", &encoded(&self.client_id));
            at(&address.replace("REDIRECT_URI", &encoded(&back)))
        });
        let device = self.way.device_path.and_then(at);
        if page.is_some() {
            provider.end_session_endpoint = None;
            provider.sign_out_page = page;
        }
        if provider.device_authorization_endpoint.is_none() {
            provider.device_authorization_endpoint = device;
        }
    }
}

/// Whether `text` is like `pattern`, in which `*` stands for anything.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    let mut ends = (0..=rest.len()).filter_map(|end| rest.get(end..));
    ends.any(|end| is_like(after, end))
}

/// Whoever keeps to the standards.
pub(super) static STANDARD: Way = AS_THE_STANDARDS_SAY;

const AS_THE_STANDARDS_SAY: Way = Way {
    name: "",
    issuers: &[],
    never: &[],
    redirect_host: RedirectHost::Ipv4,
    port: None,
    stay: Stay::Scope,
    without_scheme: false,
    secret: false,
    statement: Statement::Standard,
    device_path: None,
    sign_out: SignOut::Standard,
    hints: &[],
};

const OFFLINE_ACCESS: &str = "offline_access";
