//! Values that end, and how long before its end one is renewed.

use std::time::{Duration, SystemTime};

use serde::{Serialize, de::DeserializeOwned};

const MINUTE: Duration = Duration::from_mins(1);

/// A value that ends.
///
/// Its JSON, secrets included, is what rests in a [`Store`](crate::Store); what an older version wrote and this one cannot read is a
/// miss.
pub trait Expiring: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The first moment at which it is no longer good.
    fn expires_at(&self) -> SystemTime;
}

/// When a value is renewed: first *ahead*, in the background, while everybody is still served; then, when it is *due*, callers wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sessions,
    Proofs,
}

impl Windows {
    /// For AWS sessions, as AWS's SDKs are about to do: ahead 5, 15 or 60 minutes before the end for a life of up to 20 minutes, up to 90
    /// minutes, or longer; due at 60 seconds.
    ///
    /// Of a life shorter than STS hands out, ahead takes at most a half and due a tenth; else it would be born stale.
    pub fn sessions() -> Self {
        Self(Kind::Sessions)
    }

    /// For proofs of identity: nothing ahead; due at the lesser of 30 seconds and a tenth of the life.
    pub fn proofs() -> Self {
        Self(Kind::Proofs)
    }

    pub(crate) fn ahead(self, life: Duration) -> Duration {
        match self.0 {
            Kind::Sessions if life <= 20 * MINUTE => (5 * MINUTE).min(life / 2),
            Kind::Sessions if life <= 90 * MINUTE => 15 * MINUTE,
            Kind::Sessions => 60 * MINUTE,
            Kind::Proofs => Duration::ZERO,
        }
    }

    pub(crate) fn due(self, life: Duration) -> Duration {
        match self.0 {
            Kind::Sessions => MINUTE.min(life / 10),
            Kind::Proofs => Duration::from_secs(30).min(life / 10),
        }
    }
}

impl Default for Windows {
    fn default() -> Self {
        Self::sessions()
    }
}
