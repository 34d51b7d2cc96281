//! Keeps one expiring secret fresh, in memory and between runs.
//!
//! A [`Cache`] holds one value that ends (an AWS session, a sign-in) and knows how to *fetch* another. However many callers want
//! it at once, in however many processes, it is fetched once:
//!
//! - **One flight.** The fetch runs in a task of its own. A caller that goes away aborts nothing; a failure reaches everybody who waits, and is
//!   remembered for a moment.
//! - **Refreshed ahead.** Inside a [window](Windows) before the end, callers are still served at once while another value is fetched in the
//!   background. What has not expired is served when that fails.
//! - **Nobody is asked behind their back.** An [`Interaction`] says whether a fetch may ask a person. In the background it may not.
//! - **One word for all.** Processes that wait for a fetch hear by a [notice](Notices) that it has failed, or that a person is being asked.
//! - **Shared between processes** by a [`Store`]: a *[`Key`]* names an *entry*. A fresh entry is read without a lock; only who fetches takes one. A
//!   store that fails is warned of, and done without.
//! - **No timers.** Each call looks at the [`Clock`], so that a laptop that has slept is no special case.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use keyless_cache::{Cache, Expiring, FileStore, Interaction, Key, Secret};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct Session {
//!     token: Secret,
//!     ends: SystemTime,
//! }
//!
//! impl Expiring for Session {
//!     fn expires_at(&self) -> SystemTime {
//!         self.ends
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let store = FileStore::new(directory.path().join("sessions"));
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let cache: Cache<Session, String> = Cache::new(|_old, interaction| async move {
//!     match interaction {
//!         Interaction::Forbidden => Err("sign in first".to_owned()),
//!         Interaction::Allowed | Interaction::Required => {
//!             // Here a person signs in.
//!             Ok(Session { token: Secret::new("FwoGZXIvYXdzE"), ends: SystemTime::now() + Duration::from_secs(3600) })
//!         }
//!     }
//! })
//! .persist(store, Key::of("session").part("role", "arn:aws:iam::111122223333:role/app").finish());
//!
//! assert!(cache.peek().is_none());
//! assert_eq!(cache.get(Interaction::Forbidden).await.unwrap_err(), "sign in first");
//! let session = cache.get(Interaction::Allowed).await?;
//! assert_eq!(format!("{:?}", session.token), "Secret(..)");
//! assert!(cache.peek().is_some());
//! # Ok(())
//! # })
//! # }
//! ```

mod cache;
mod clock;
mod envelope;
mod fault;
mod file;
mod flight;
mod jitter;
mod key;
mod memory;
mod notice;
mod own_file;
mod pilot;
#[cfg(feature = "sealed")]
mod sealed;
mod secret;
mod slot;
mod store;
mod windows;

pub use cache::{Cache, Interaction};
pub use clock::Clock;
pub use envelope::{read, write};
pub use fault::fault;
pub use file::{FileStore, Health, Holder, Locking};
pub use key::{Key, KeyBuilder, KeyError};
pub use memory::MemoryStore;
pub use notice::{Notices, Telling, Word, notice_until};
pub use own_file::own_file;
#[cfg(feature = "keyring")]
pub use sealed::KeyringItem;
#[cfg(feature = "sealed")]
pub use sealed::{KeySource, Rotated, SealedStore};
pub use secret::Secret;
pub use store::{Entry, Lock, Store, StoreError};
pub use windows::{Expiring, Windows};
