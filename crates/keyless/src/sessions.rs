//! Whose stored sessions are whose: one person's sign-in ends the sessions of the one before.

use std::sync::Arc;

use keyless_cache::{Key, Store};
use keyless_sts::Session;
use keyless_token::Proof;

/// Whether `session` belongs to whom `proof` is about.
pub(crate) fn is_of(session: &Session, proof: &impl Proof) -> bool {
    session.subject().issuer == proof.issuer() && session.subject().subject == proof.subject()
}

/// Removes the stored sessions of `sign_in` that belong to another subject than `proof`'s. What cannot be read is left
/// alone: it is no session, or it will be a miss.
pub(crate) async fn drop_others(store: &Arc<dyn Store>, sign_in: Key, proof: impl Proof) {
    let store = Arc::clone(store);
    let sweep = move || {
        for (key, session) in of_sign_in(&*store, sign_in) {
            if !is_of(&session, &proof) && store.remove(&key).is_ok() {
                tracing::debug!(
                    session = session.assumed_role_arn(),
                    "dropped the session of whoever was signed in before"
                );
            }
        }
    };
    let _ = tokio::task::spawn_blocking(sweep).await; // a panic in there must not take the session with it
}

/// The stored sessions that came from the sign-in `key`.
pub(crate) fn of_sign_in(store: &dyn Store, key: Key) -> Vec<(Key, Session)> {
    let entries = store.list().unwrap_or_default();
    let sessions = entries.iter().filter_map(|entry| {
        keyless_cache::read::<Session>(store, &entry.key)
            .ok()
            .flatten()
            .map(|session| (entry.key, session))
    });
    sessions
        .filter(|(_, session)| session.sign_in() == Some(key))
        .collect()
}
