//! What AWS clients are given: a provider that keeps one session fresh.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials, future};
use keyless_cache::{Cache, Clock, Interaction, Key, Notices, Store, Telling};
use keyless_sts::{Exchange, ExchangeError, ExchangeErrorKind, Session};
use keyless_token::{Proof, Source, TokenErrorKind, text};

use crate::builder::ProviderBuilder;
use crate::error::Error;
use crate::sessions;

/// Credentials for AWS clients: a session that is fetched once for all who ask, and refreshed ahead of its end.
///
/// Clones share the session. A provider never asks a person anything unless it was built to
/// ([`ProviderBuilder::interactive`]); without, a missing sign-in is an error that says so at once.
#[derive(Clone)]
pub struct Provider {
    trade: Arc<dyn fmt::Debug + Send + Sync>,
    cache: Cache<Session, Error>,
    interaction: Interaction,
}

impl Provider {
    /// A provider for the role with this ARN.
    pub fn builder(role_arn: impl Into<String>) -> ProviderBuilder {
        ProviderBuilder::new(role_arn.into())
    }

    /// A provider from any source and any exchange, which keeps its session in memory and asks nobody.
    pub fn new<P: Proof>(source: impl Source<P>, exchange: impl Exchange<P>) -> Self {
        Self::assemble(
            Trade {
                source: Arc::new(source),
                exchange: Arc::new(exchange),
                store: None,
                clock: Clock::system(),
            },
            Keeping::default(),
        )
    }

    /// The provider of a profile in the configuration file.
    ///
    /// # Errors
    /// Where the file or the profile is missing or malformed.
    #[cfg(feature = "profiles")]
    pub fn from_profile(name: &str) -> Result<Self, Error> {
        let environment = crate::Environment::process();
        let config = crate::profile::Config::load(&environment)?;
        config
            .profile(Some(name), &environment)?
            .access(&environment, crate::profile::Use::default())?
            .provider()
    }

    pub(crate) fn assemble<P: Proof>(trade: Trade<P>, keeping: Keeping) -> Self {
        let trade = Arc::new(trade);
        let fetching = Arc::clone(&trade);
        let mut cache = Cache::new(move |_, interaction| Arc::clone(&fetching).fetch(interaction))
            .clock(trade.clock.clone())
            .patience(keeping.patience);
        // Of a sign-in the key is known before there is a token; other sessions find their entry once there is one. A
        // session whose sign-in is gone, or has become somebody else's, is nobody's.
        if let (Some(store), Some(sign_in)) = (&trade.store, trade.source.sign_in()) {
            let source = Arc::clone(&trade.source);
            let key = trade.key_of_sign_in(sign_in);
            cache = cache
                .persist(Arc::clone(store), key)
                .notices(trade.notices(store, key))
                .only_if(move |session| {
                    let latest = source.latest();
                    latest.is_some_and(|proof| sessions::is_of(session, &proof))
                });
        }
        Self {
            trade,
            cache,
            interaction: keeping.interaction,
        }
    }

    /// A session that is good now: the one that is kept, or a new one.
    pub async fn session(&self) -> Result<Session, Error> {
        self.cache.get(self.interaction).await
    }

    /// A new session, whatever is kept.
    pub async fn renew(&self) -> Result<Session, Error> {
        self.cache.renew(self.interaction).await
    }

    /// The session that is kept, if it is fresh: no runtime, no lock, no network. `None` is no failure; ask
    /// [`session`](Self::session) then.
    pub fn peek(&self) -> Option<Session> {
        self.cache.peek()
    }

    /// The session that is kept, expired or not.
    pub fn stored(&self) -> Option<Session> {
        self.cache.stored()
    }

    /// Forgets the session, here and in the store. AWS goes on accepting it until it expires.
    pub async fn forget(&self) {
        self.cache.forget().await;
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            self.session()
                .await
                .map(|session| session.credentials().clone())
                .map_err(Into::into)
        })
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&self.trade).finish()
    }
}

/// How long a proof counts as just issued.
const NEW: Duration = Duration::from_mins(1);

/// How a provider keeps its session.
#[derive(Clone, Copy)]
pub(crate) struct Keeping {
    pub(crate) interaction: Interaction,
    pub(crate) patience: Duration,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            interaction: Interaction::Forbidden,
            patience: Duration::ZERO,
        }
    }
}

/// What a session comes from: a proof and an exchange.
pub(crate) struct Trade<P> {
    pub(crate) source: Arc<dyn Source<P>>,
    pub(crate) exchange: Arc<dyn Exchange<P>>,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) clock: Clock,
}

impl<P: Proof> Trade<P> {
    async fn fetch(self: Arc<Self>, interaction: Interaction) -> Result<Session, Error> {
        let held = self.source.held();
        let is_held = held.is_some();
        let proof = match held {
            Some(proof) => proof,
            None => self.source.proof(interaction).await?,
        };
        match (self.store.clone(), self.source.sign_in()) {
            (Some(store), None) => self.stored_by_identity(store, proof, interaction).await,
            (store, sign_in) => {
                let session = self
                    .exchange_kept(proof, is_held, interaction)
                    .await?
                    .from_sign_in(sign_in);
                if let (Some(store), Some(sign_in)) = (store, sign_in)
                    && let Some(latest) = self.source.latest()
                    && sessions::is_of(&session, &latest)
                {
                    sessions::drop_others(&store, sign_in, latest).await;
                }
                Ok(session)
            }
        }
    }

    /// The session of a job or a machine is kept under what its proof says, since there is no sign-in to keep it under.
    async fn stored_by_identity(
        self: Arc<Self>,
        store: Arc<dyn Store>,
        proof: P,
        interaction: Interaction,
    ) -> Result<Session, Error> {
        let key = self
            .exchange
            .distinguish(Key::of("session").part("identity", proof.identity().to_string()))
            .finish();
        let (clock, notices) = (self.clock.clone(), self.notices(&store, key));
        let cache: Cache<Session, Error> = Cache::new(move |_, _| {
            let (trade, proof) = (Arc::clone(&self), proof.clone());
            async move { trade.exchange(&proof).await }
        });
        cache
            .persist(store, key)
            .notices(notices)
            .clock(clock)
            .get(interaction)
            .await
    }

    /// A proof that was kept and that AWS calls expired or invalid is dropped, and fetched once more; unless it is so new that another would be no
    /// better, and a person would be asked for nothing.
    async fn exchange_kept(
        &self,
        proof: P,
        is_held: bool,
        interaction: Interaction,
    ) -> Result<Session, Error> {
        match self.exchange(&proof).await {
            Err(Error::Exchange(error))
                if is_held
                    && error.kind() == ExchangeErrorKind::TokenRejected
                    && proof.issued_at() + NEW < self.clock.now() =>
            {
                tracing::warn!(
                    "AWS did not accept the proof that was kept; trying once with a new one"
                );
                // What another process has put in its place meanwhile is not to be forgotten.
                let newer = self
                    .source
                    .latest()
                    .filter(|latest| *latest != proof && latest.expires_at() > self.clock.now());
                let fresh = if let Some(newer) = newer {
                    newer
                } else {
                    self.source.forget().await;
                    self.source.proof(interaction).await?
                };
                if fresh == proof {
                    return Err(error.into());
                }
                self.exchange(&fresh).await
            }
            answer => answer,
        }
    }

    /// Refuses a session that is over before it begins: AWS would refuse what is signed with it.
    async fn exchange(&self, proof: &P) -> Result<Session, Error> {
        let session = self.exchange.exchange(proof).await?;
        let now = self.clock.now();
        if session.expires_at() > now {
            return Ok(session);
        }
        let (ends, now) = (text::time(session.expires_at()), text::time(now));
        let reason = format!("the session that AWS gave ended at {ends}, and it is {now} here");
        Err(ExchangeError::new(ExchangeErrorKind::Malformed, reason)
            .with_advice("set this machine's clock")
            .into())
    }

    /// Processes that wait for a session hear at once why there is none.
    fn notices(&self, store: &Arc<dyn Store>, key: Key) -> Notices<Error> {
        let telling = |error: &Error| match error {
            Error::Proof(error) if error.kind() == TokenErrorKind::LoginRequired => Telling::Nobody,
            _ => Telling::Waiting,
        };
        Notices::new(Arc::clone(store), key, telling).clock(self.clock.clone())
    }

    fn key_of_sign_in(&self, sign_in: Key) -> Key {
        self.exchange
            .distinguish(Key::of("session").part("sign-in", sign_in.to_string()))
            .finish()
    }
}

impl<P> fmt::Debug for Trade<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trade")
            .field("source", &self.source)
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}
