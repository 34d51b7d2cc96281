//! Signing in with a code that is typed in on another device: the device authorization grant (RFC 8628).

use std::sync::Mutex;
use std::time::Duration;

use keyless_cache::Secret;
use oauth2::{
    AsyncHttpClient, DeviceAuthorizationUrl, DeviceCodeErrorResponse, DeviceCodeErrorResponseType,
    HttpRequest, RequestTokenError, Scope, StandardDeviceAuthorizationResponse,
};
use tokio::sync::oneshot;
use tokio::time::sleep;
use url::Url;

use super::asking::Asking;
use super::discovery::{self, IdentityProvider};
use super::grant::{self, Grant};
use super::port::Port;
use super::prompt::DeviceCode;
use super::verify::{Evidence, Nonces};
use super::{TELL, flow};
use crate::endpoint;
use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;
use crate::source::BoxFuture;
use crate::text::printable;

/// Shows a code, and asks the identity provider again and again whether somebody has entered it.
pub(super) async fn sign_in(
    port: &Port,
    endpoint: &Url,
    asking: &Asking<'_>,
) -> Result<(IdToken, Option<Secret>), TokenError> {
    let (settings, provider) = (&*port.settings, &*port.provider);
    let client = grant::client(port)
        .set_device_authorization_url(DeviceAuthorizationUrl::from_url(endpoint.clone()));
    let scopes = settings.scopes.iter().cloned().map(Scope::new);
    let unsent = settings.asked_for_in_vain();
    if !unsent.is_empty() {
        tracing::warn!(
            "a code for another device is asked for without an authorization request, and so without {}; to send that, sign in by --flow browser or paste",
            printable(&unsent.join(", "))
        );
    }
    let begun: StandardDeviceAuthorizationResponse = client
        .exchange_device_code()
        .add_scopes(scopes)
        .request_async(port)
        .await
        .map_err(|error| grant::refusal(port, error, &[], refused_request))?;
    let unusable = |what: &str| unusable(provider, what);
    let address = page(provider, "the page for the code", begun.verification_uri())?;
    let complete = begun
        .verification_uri_complete()
        .map(|address| address.secret().as_str());
    let complete = complete
        .map(|address| page(provider, "the link with the code", address))
        .transpose()?
        // A person compares where the link leads with the page that is named beside it (RFC 8628 §5.4); a code can be typed in there.
        .filter(|complete| complete.origin() == address.origin());
    let user_code = begun.user_code().secret();
    // No space either: it is a code, and no sentence.
    let is_code = user_code.bytes().all(|byte| byte.is_ascii_graphic());
    if user_code.is_empty()
        || user_code.len() > LONGEST_CODE
        || !is_code
        || printable(user_code) != *user_code
    {
        return Err(unusable("a code that nobody can type in"));
    }
    if begun.device_code().secret().is_empty() {
        return Err(unusable("no code for this machine"));
    }
    let timeout = asking.timeout.min(begun.expires_in());
    let asking = Asking {
        timeout,
        ..asking.clone()
    };
    let shown = format!("enter the code {user_code} at {address}");
    let question = asking.begin(Some(shown)).await;
    asking.prompt.device(&DeviceCode {
        issuer: &settings.issuer,
        client_id: &settings.client_id,
        scopes: &settings.scopes,
        user_code,
        verification_uri: address.as_str(),
        verification_uri_complete: complete.as_ref().map(Url::as_str),
        timeout,
    });
    let answered = async {
        // Nobody can have entered it yet.
        sleep(at_least(begun.interval())).await;
        let grant = poll(port, &begun).await?;
        let token = super::verify::read(&grant)?;
        let evidence = Evidence {
            access_token: Some(&grant.access_token),
            ..Evidence::default()
        };
        // There is no nonce here (§3.4 has none), and a token with one is of another flow.
        settings
            .verify(provider, &token, &evidence, Nonces::OfSignIn(None))
            .await?;
        Ok((token, grant.refresh_token))
    };
    question.answered(answered, flow::A_CODE_NOT_ENTERED).await
}

/// Where a person is sent, who sees no more than the address.
fn page(provider: &IdentityProvider, what: &str, address: &str) -> Result<Url, TokenError> {
    let issuer = endpoint::secure("the issuer", &provider.issuer)?;
    let page = discovery::endpoint(&issuer, what, address)?;
    if page.as_str().len() > LONGEST_ADDRESS {
        return Err(unusable(
            provider,
            &format!(
                "an address of {} characters for {what}",
                page.as_str().len()
            ),
        ));
    }
    // Whose page it is stands behind the `@`, where nobody looks.
    if page.username().is_empty() && page.password().is_none() {
        Ok(page)
    } else {
        Err(unusable(
            provider,
            "a page for the code whose address names a user",
        ))
    }
}

fn unusable(provider: &IdentityProvider, what: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Invalid,
        format!("{} gave {what}", provider.issuer),
    )
    .with_advice(TELL)
}

/// The token endpoint's answer, once somebody has entered the code (§3.4, §3.5).
async fn poll(
    port: &Port,
    begun: &StandardDeviceAuthorizationResponse,
) -> Result<Grant, TokenError> {
    let (lasting, failed) = oneshot::channel();
    let polling = Polling {
        port,
        lasting: Mutex::new(Some(lasting)),
    };
    let client = grant::client(port);
    // How long in all is the caller's to say, on its own clock. Without a limit of ours the library's for the back-off may shorten an interval
    // that the identity provider has made longer.
    let answer = client
        .exchange_device_access_token(begun)
        .set_max_backoff_interval(LONGEST_INTERVAL)
        .request_async(
            &polling,
            |interval| sleep(at_least(interval)),
            Some(FOREVER),
        );
    let answer = tokio::select! {
        answer = answer => answer,
        Ok(error) = failed => return Err(error),
    };
    match answer {
        Ok(answer) => {
            let grant = Grant::from(&answer);
            grant::demand_id_token(&grant, port.issuer())?;
            Ok(grant)
        }
        Err(error) => Err(refusal(port, error, begun)),
    }
}

fn refusal(
    port: &Port,
    error: RequestTokenError<TokenError, DeviceCodeErrorResponse>,
    begun: &StandardDeviceAuthorizationResponse,
) -> TokenError {
    let issuer = port.issuer();
    if let RequestTokenError::ServerResponse(said) = &error
        && *said.error() == DeviceCodeErrorResponseType::ExpiredToken
    {
        return TokenError::new(
            TokenErrorKind::TimedOut,
            format!("nobody entered the code at {issuer} before it expired"),
        )
        .with_advice("run the command again");
    }
    let secrets = [Secret::new(begun.device_code().secret().clone())];
    grant::refusal(port, error, &secrets, refused_code)
}

fn refused_request(issuer: &str, said: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Misconfigured,
        format!("{issuer} gives no code for another device ({said})"),
    )
    .with_advice("let the application at the identity provider use the device flow, or use another way with `--flow paste`")
}

fn refused_code(issuer: &str, said: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Refused,
        format!("{issuer} refused the sign-in ({said})"),
    )
    .with_advice("sign in again, or ask whoever runs the identity provider to let you in")
}

/// An interval of nothing would be a flood.
fn at_least(interval: Duration) -> Duration {
    interval.max(Duration::from_secs(1))
}

/// Our port for the library, which asks again after every failure: one that will not pass ends it.
struct Polling<'a> {
    port: &'a Port,
    lasting: Mutex<Option<oneshot::Sender<TokenError>>>,
}

impl<'c> AsyncHttpClient<'c> for Polling<'_> {
    type Error = TokenError;
    type Future = BoxFuture<'c, Result<oauth2::HttpResponse, TokenError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.port.send(request).await;
            if let Err(error) = &answer
                && !error.is_transient()
            {
                let lasting = self
                    .lasting
                    .lock()
                    .ok()
                    .and_then(|mut lasting| lasting.take());
                lasting.map(|lasting| lasting.send(error.clone()));
            }
            answer
        })
    }
}

/// Far more than anybody types in.
const LONGEST_CODE: usize = 64;

/// A longer one fills the screen, and hides what is said beside it.
const LONGEST_ADDRESS: usize = 2048;
/// As long as the longest back-off.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);
const FOREVER: Duration = Duration::from_hours(24 * 365);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_provider_elsewhere_sends_nobody_to_a_page_on_this_machine() {
        for (issuer, address, passes) in [
            ("https://id.example", "https://short.example/d", true),
            ("https://id.example", "http://127.0.0.1:8080/d", false),
            ("https://id.example", "http://localhost/d", false),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8081/d", true),
        ] {
            let provider = IdentityProvider::at(Url::parse(issuer).expect("an address"));
            let page = page(&provider, "the page for the code", address);
            assert_eq!(page.is_ok(), passes, "{issuer}: {page:?}");
        }
    }
}
