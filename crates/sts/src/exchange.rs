//! The seam between a proof and a session, and how exchanges are put in a row.

use std::fmt;
use std::sync::Arc;

use keyless_cache::KeyBuilder;
use keyless_token::BoxFuture;

use crate::error::ExchangeError;
use crate::session::Session;

/// Trades a proof for a session. Web identity, SAML and role chaining are three implementations.
pub trait Exchange<Proof>: fmt::Debug + Send + Sync + 'static {
    /// A new session for whom `proof` is about.
    fn exchange<'a>(&'a self, proof: &'a Proof) -> BoxFuture<'a, Result<Session, ExchangeError>>;

    /// Adds to `key` everything that a session from this exchange depends on: roles, duration, policies, endpoint, the
    /// way the session is named. What is left out here may be handed to somebody it does not belong to.
    fn distinguish(&self, key: KeyBuilder) -> KeyBuilder;

    /// How many roles are assumed, one after the other.
    fn hops(&self) -> usize {
        1
    }

    /// This exchange and then `next`, with this one's session as the proof.
    fn then<Next: Exchange<Session>>(self, next: Next) -> Then<Self, Next>
    where
        Self: Sized,
    {
        Then { first: self, next }
    }
}

impl<Proof: 'static, E: Exchange<Proof> + ?Sized> Exchange<Proof> for Arc<E> {
    fn exchange<'a>(&'a self, proof: &'a Proof) -> BoxFuture<'a, Result<Session, ExchangeError>> {
        (**self).exchange(proof)
    }

    fn distinguish(&self, key: KeyBuilder) -> KeyBuilder {
        (**self).distinguish(key)
    }

    fn hops(&self) -> usize {
        (**self).hops()
    }
}

impl<Proof: 'static, E: Exchange<Proof> + ?Sized> Exchange<Proof> for Box<E> {
    fn exchange<'a>(&'a self, proof: &'a Proof) -> BoxFuture<'a, Result<Session, ExchangeError>> {
        (**self).exchange(proof)
    }

    fn distinguish(&self, key: KeyBuilder) -> KeyBuilder {
        (**self).distinguish(key)
    }

    fn hops(&self) -> usize {
        (**self).hops()
    }
}

/// Two exchanges in a row: what [`Exchange::then`] makes.
#[derive(Clone, Debug)]
pub struct Then<First, Next> {
    first: First,
    next: Next,
}

impl<Proof: Sync + 'static, First: Exchange<Proof>, Next: Exchange<Session>> Exchange<Proof>
    for Then<First, Next>
{
    fn exchange<'a>(&'a self, proof: &'a Proof) -> BoxFuture<'a, Result<Session, ExchangeError>> {
        Box::pin(async move {
            let session = self.first.exchange(proof).await?;
            self.next
                .exchange(&session)
                .await
                .map_err(|error| error.after(self.first.hops()))
        })
    }

    fn distinguish(&self, key: KeyBuilder) -> KeyBuilder {
        self.next.distinguish(self.first.distinguish(key))
    }

    fn hops(&self) -> usize {
        self.first.hops() + self.next.hops()
    }
}
