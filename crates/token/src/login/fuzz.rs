//! What the fuzz targets reach of a sign-in, without a socket and without a person. Only there with `--cfg fuzzing`.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, Request, Response};
use keyless_cache::{Clock, Secret};
use openidconnect::{AccessToken, Nonce};

use super::callback::{self, WayBack};
use super::discovery::{self, IdentityProvider};
use super::page::Page;
use super::request::{ResponseMode, ResponseType, Wanted};
use super::response::{self, Expected};
use super::verify::Evidence;
use super::{keys, verify};
use crate::error::TokenError;
use crate::http::{HttpClient, HttpError, Limits};
use crate::source::BoxFuture;
use crate::text::printable;

/// The `state` that a request to [`callback`] must carry.
pub const STATE: &str = "right";

/// Who is asked, and who is expected to answer.
pub const ISSUER: &str = "https://issuer.example";

/// How the address begins that [`pasted`] takes.
pub const RETURNS_TO: &str = "http://127.0.0.1:1/callback";

/// The `aud` that [`key_set`] demands.
const CLIENT: &str = "app";

/// The `nonce` that [`key_set`] demands.
const NONCE: &str = "once";

/// When [`key_set`] looks at its token, in seconds of Unix time.
const NOW: u64 = 1_700_000_000;

/// The listener's answer, and what a sign-in that waits gets of it.
#[derive(Debug)]
pub struct Answer {
    /// What the browser is sent.
    pub response: Response<Vec<u8>>,
    /// The code, or why there is none; `None` where the sign-in goes on waiting.
    pub outcome: Option<Result<String, TokenError>>,
    /// What the browser is shown at the end, where the sign-in has come to nothing.
    pub page: Option<String>,
}

/// Lets the listener answer `request`, which may be the response. `who` is the person it names when the sign-in is over.
pub fn callback(
    request: Request<Vec<u8>>,
    response_type: ResponseType,
    mode: ResponseMode,
    iss_required: bool,
    who: &str,
) -> Answer {
    let way_back = WayBack {
        path: "/callback",
        mode,
        judge: expected(response_type, mode, iss_required).into_judge(),
        longest: 0,
    };
    let signed_in = Page::signed_in(&printable(who));
    let (response, outcome) = run(callback::answer(request, way_back, signed_in));
    let failed = outcome.as_ref().and_then(|outcome| outcome.as_ref().err());
    Answer {
        page: failed.map(|error| Page::failed(error).html()),
        response,
        outcome: outcome.map(|outcome| outcome.map(|code| code.expose().to_owned())),
    }
}

/// What a sign-in that waits gets of a line that somebody pastes; the outer `Err` where it goes on waiting.
pub fn pasted(
    line: &str,
    response_type: ResponseType,
    iss_required: bool,
) -> Result<Result<String, TokenError>, TokenError> {
    let judge = expected(response_type, response_type.usual_mode(), iss_required).into_judge();
    let answer = response::pasted(line, RETURNS_TO, &judge)?;
    Ok(answer.map(|answer| answer.expose().to_owned()))
}

fn expected(response_type: ResponseType, mode: ResponseMode, iss_required: bool) -> Expected {
    Expected {
        state: Secret::new(STATE),
        issuer: ISSUER.into(),
        iss_required,
        wanted: Wanted::new(response_type, Some(mode)).expect("a mode that it may come by"),
    }
}

/// What [`discovery`] found.
#[derive(Debug)]
pub struct Metadata {
    /// `issuer`.
    pub issuer: String,
    /// Every address that something is sent to.
    pub endpoints: [url::Url; 3],
}

/// Reads and checks an issuer's metadata, which came with `headers`.
pub fn discovery(body: &[u8], headers: HeaderMap) -> Result<Metadata, TokenError> {
    let http = Canned(body.to_vec(), headers);
    let found = run(discovery::discover(&http, ISSUER, &clock()))?;
    Ok(Metadata {
        issuer: found.issuer,
        endpoints: [
            found.authorization_endpoint,
            found.token_endpoint,
            found.jwks_uri,
        ],
    })
}

/// Reads a key set and says of each of `tokens` whether it passes every check with it.
pub fn key_set(body: &[u8], tokens: &[&str]) -> Result<Vec<Result<(), TokenError>>, TokenError> {
    let address = url::Url::parse(ISSUER).expect("an address");
    let provider = IdentityProvider::at(address);
    let http = Canned(body.to_vec(), HeaderMap::new());
    let keys = run(keys::fetch(&http, &provider, &clock()))?;
    let nonce = Nonce::new(NONCE.into());
    let access_token = AccessToken::new("access".into());
    let expected = verify::Expected {
        provider: &provider,
        without_scheme: false,
        client_id: CLIENT,
        nonce: verify::Nonces::OfRequest(&nonce),
        max_age: None,
        leeway: Duration::ZERO,
        now: clock().now(),
    };
    let passes = |token: &&str| {
        let token = verify::read_text(&Secret::new(*token))?;
        keys::know(&keys, token.key_id());
        let evidence = Evidence {
            access_token: Some(&access_token),
            ..Evidence::default()
        };
        verify::verify(&token, &evidence, &expected, keys.clone())
    };
    Ok(tokens.iter().map(passes).collect())
}

/// Gives the same answer to everybody.
#[derive(Debug)]
struct Canned(Vec<u8>, HeaderMap);

impl HttpClient for Canned {
    fn send(
        &self,
        _: Request<Vec<u8>>,
        _: Limits,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, HttpError>> {
        let mut response = Response::new(self.0.clone());
        response.headers_mut().clone_from(&self.1);
        Box::pin(std::future::ready(Ok(response)))
    }
}

fn clock() -> Clock {
    Clock::new(|| UNIX_EPOCH + Duration::from_secs(NOW))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
