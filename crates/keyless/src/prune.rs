//! What has ended is not kept.

use std::time::{Duration, SystemTime};

use keyless_cache::{Key, Store};
use keyless_sts::Session;

/// So that nobody who shows or compares it at this moment misses it.
const GRACE: Duration = Duration::from_mins(1);

/// Removes the sessions that ended more than a minute ago, what processes have told each other, and a month later that an identity provider
/// has ended a sign-in; and says how many. Sign-ins stay, since who signed in last is told by them;
/// so does what cannot be read, and what somebody is renewing just now.
///
/// It reads every entry of the store on the calling thread. What cannot be removed now is removed the next time.
pub fn prune(store: &dyn Store, now: SystemTime) -> usize {
    let end_of = |key: &Key| {
        let session = keyless_cache::read::<Session>(store, key).ok().flatten();
        match session {
            Some(session) => Some(session.expires_at()),
            None => keyless_cache::notice_until(store, key)
                .ok()
                .flatten()
                .or_else(|| remembered_until(store, key)),
        }
    };
    let has_ended = |key: &Key| {
        end_of(key)
            .and_then(|end| end.checked_add(GRACE))
            .is_some_and(|end| end < now)
    };
    let entries = store.list().unwrap_or_default();
    let ended = entries
        .iter()
        .map(|entry| &entry.key)
        .filter(|key| has_ended(key));
    ended
        .filter(|key| {
            let lock = store.try_lock(key);
            // Looked at once more: somebody may have renewed it before the lock was ours.
            matches!(lock, Ok(Some(_))) && has_ended(key) && store.remove(key).is_ok()
        })
        .count()
}

/// Up to when it is remembered that an identity provider has ended a sign-in, if that is what the entry says.
#[cfg(feature = "login")]
fn remembered_until(store: &dyn Store, key: &Key) -> Option<SystemTime> {
    use keyless_cache::Expiring;
    let ended = keyless_cache::read::<keyless_token::login::Ended>(store, key);
    ended.ok().flatten().map(|ended| ended.expires_at())
}

#[cfg(not(feature = "login"))]
fn remembered_until(_: &dyn Store, _: &Key) -> Option<SystemTime> {
    None
}
