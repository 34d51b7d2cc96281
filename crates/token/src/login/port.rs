//! The identity provider's own endpoints, asked in the client's name: the one place that a request to them leaves from.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use keyless_cache::Secret;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::Url;

use super::Settings;
use super::client::ClientProof;
use super::discovery::IdentityProvider;
use super::dpop::{self, BindingKey};
use crate::error::{TokenError, TokenErrorKind};
use crate::http::Limits;
use crate::jwt::strict_json;
use crate::source::BoxFuture;

/// Posts forms to one identity provider. Each carries what proves the client, and, where there is a key, the proof of that.
pub(super) struct Port {
    pub(super) settings: Arc<Settings>,
    pub(super) provider: Arc<IdentityProvider>,
    proof: ClientProof,
    binding: Option<BindingKey>,
}

impl Port {
    /// Reads what proves the client. `binding` is the key that refresh tokens are bound to.
    pub(super) async fn open(
        settings: &Arc<Settings>,
        provider: IdentityProvider,
        binding: Option<BindingKey>,
    ) -> Result<Self, TokenError> {
        let proof = settings.client.proof(&provider, settings.way).await?;
        Ok(Self {
            settings: Arc::clone(settings),
            provider: Arc::new(provider),
            proof,
            binding,
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.provider.issuer
    }

    /// Takes another key.
    pub(super) fn bind(&mut self, binding: Option<BindingKey>) {
        self.binding = binding;
    }

    /// The key that refresh tokens are bound to.
    pub(super) fn binding(&self) -> Option<&BindingKey> {
        self.binding.as_ref()
    }

    /// The answer of an endpoint that speaks OAuth: JSON, whatever its status says.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TokenError> {
        let answer = self.post(request).await?;
        let issuer = self.issuer();
        let status = answer.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(unreachable(issuer, &format!("it says {status}")));
        }
        // RFC 9700 §4.12. The address is not told: it may hold what was sent.
        if status.is_redirection() {
            return Err(TokenError::new(
                TokenErrorKind::Misconfigured,
                format!("the token endpoint of {issuer} redirects to another address, and no secret must follow ({status})"),
            )
            .with_advice("let the identity provider name the endpoint's own address in its OpenID configuration"));
        }
        match strict_json(answer.body()) {
            Ok(_) => Ok(answer),
            Err(reason) => Err(not_oauth(
                issuer,
                &format!("it says {status} and cannot be read as JSON: {reason}"),
            )),
        }
    }

    /// The answer to `request`, a form with the client's id in it, whatever it is.
    pub(super) async fn post(&self, request: HttpRequest) -> Result<HttpResponse, TokenError> {
        let answer = self.post_once(request.clone()).await?;
        if self.key_for(&request).is_some() && dpop::wants_a_nonce(&answer) {
            return self.post_once(request).await; // RFC 9449 §8, and not a third time
        }
        Ok(answer)
    }

    async fn post_once(&self, mut request: HttpRequest) -> Result<HttpResponse, TokenError> {
        let Settings { plan, nonce, .. } = &*self.settings;
        let now = plan.clock.now();
        let bound = match self.key_for(&request) {
            Some((key, endpoint)) => Some(key.proof(endpoint, nonce.latest().as_deref(), now)?),
            None => None,
        };
        if let Some(proof) = &bound {
            let proof = HeaderValue::from_str(proof.expose()).map_err(|_| {
                TokenError::new(
                    TokenErrorKind::Misconfigured,
                    "the proof of a key fits into no header",
                )
            })?;
            request.headers_mut().insert(dpop::PROOF, proof);
        }
        self.proof.add_to(&mut request, &plan.client_id, now)?;
        let sent = plan.http.send(request, Limits::default()).await;
        let answer = sent.map_err(|error| unreachable(self.issuer(), &error.to_string()))?;
        if bound.is_some() {
            nonce.note(answer.headers());
        }
        Ok(answer)
    }

    /// Where a key is proved to be ours, with that key: where tokens are given (RFC 9449 §5), and where they are asked for beforehand (§10.1).
    fn key_for(&self, request: &HttpRequest) -> Option<(&BindingKey, &Url)> {
        let token = Some(&self.provider.token_endpoint);
        let pushed = self.provider.pushed_authorization_request_endpoint.as_ref();
        let mut bound = token.into_iter().chain(pushed);
        let endpoint = bound.find(|endpoint| *request.uri() == *endpoint.as_str())?;
        Some((self.binding.as_ref()?, endpoint))
    }

    /// What must not be told when it is quoted back.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        self.proof.secrets(&self.settings.client_id)
    }

    /// What to do about an error of the client's own (RFC 6749 §5.2, RFC 9449 §5, §8), by its code.
    pub(super) fn advice(&self, code: &str) -> Option<&'static str> {
        let is_bound = self.binding.is_some();
        match code {
            "invalid_client" | "unauthorized_client" if self.proof.is_none() => Some(
                "check the client id; if the application is not a public one, say where its secret is, as in client_secret = { env = \"NAME\" }",
            ),
            "invalid_client" => Some(
                "check the client's secret or key, and that the application may prove itself in that way (client_auth)",
            ),
            "invalid_dpop_proof" | "use_dpop_nonce" | "invalid_request" if is_bound => Some(
                "sign in again with dpop = false for the identity: the identity provider announces DPoP and does not take it",
            ),
            _ => None,
        }
    }
}

impl<'c> AsyncHttpClient<'c> for Port {
    type Error = TokenError;
    type Future = BoxFuture<'c, Result<HttpResponse, TokenError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

pub(super) fn unreachable(issuer: &str, reason: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Unreachable,
        format!("asking the token endpoint of {issuer} failed: {reason}"),
    )
    .with_advice("try again in a little while")
}

pub(super) fn not_oauth(issuer: &str, reason: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Invalid,
        format!(
            "the answer from the token endpoint of {issuer} is not an OAuth response: {reason}"
        ),
    )
    .with_advice(super::TELL)
}
