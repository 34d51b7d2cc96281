//! `keyless logout`: forgets the sign-in and its sessions.

mod browser;
mod sessions;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use keyless::login::SignIn;
use keyless::profile::{Access, StoreKind};
use keyless::{FileStore, Key, Login, Session, Store, text};
use keyless_cache::Entry;

use super::status::holds_refresh_token;

use crate::args::Logout;
use crate::aws_config;
use crate::context::{Chosen, Context, run as run_async};
use crate::exit::{Failure, INTERNAL, INVALID, Outcome};
use crate::words::whole;

pub(super) fn run(context: &Context, args: &Logout) -> Outcome {
    if args.all {
        return all(context, args);
    }
    let chosen = context.choose(args.profile.name.as_deref(), &args.flags)?;
    context.prune();
    let access = context.access(&chosen, Duration::ZERO)?;
    let Some(login) = access.any_login() else {
        return match (&args.revocation_policy, &args.remove_aws_config) {
            (None, None) => Err(elsewhere(&chosen)),
            _ => besides(context, args, Some(&chosen), &[]),
        };
    };
    let (key, issuer) = (login.key(), text::printable(&login.place()));
    let token = access.login().and_then(Login::stored);
    let open_since = login.asking_since();
    let mut sessions = access.sessions();
    let mut told = Vec::new();
    forget(context, &access, chosen.profile.store, &mut told)?;
    for kind in [StoreKind::File, StoreKind::Keyring] {
        // Another profile's, which has the same identity.
        if kind != chosen.profile.store && holds(context, kind, &key) {
            let mut other = chosen.clone();
            other.profile.store = kind;
            let access = context.access(&other, Duration::ZERO)?;
            sessions.extend(access.sessions());
            forget(context, &access, kind, &mut told)?;
        }
    }
    if told.is_empty() {
        context
            .output
            .say(&format!("nobody was signed in at {issuer}"));
    }
    if let Some(since) = open_since {
        context.output.say(&format!(
            "called off the sign-in that another process had opened at {}",
            text::time(since)
        ));
    }
    let outcome = besides(context, args, Some(&chosen), &sessions);
    match access.login() {
        Some(login) if args.end_session => {
            let token = token.as_ref().map(SignIn::token);
            browser::end_session(context, args, &chosen, login, token);
        }
        None if args.end_session => {
            context.output.warning("keyless does not end the session of the browser at an identity provider that speaks SAML");
            context
                .output
                .hint("sign out on its own pages, or delete its cookies in your browser");
        }
        _ => {}
    }
    outcome
}

/// Signs out in the one store of `access`, and says who was signed in there, unless it is `told` already.
fn forget(
    context: &Context,
    access: &Access,
    kind: StoreKind,
    told: &mut Vec<String>,
) -> Result<(), Failure> {
    let Some(login) = access.any_login() else {
        return Ok(());
    };
    let (key, issuer) = (login.key(), text::printable(&login.place()));
    let (before, was_there) = (login.stored(), holds(context, kind, &key));
    let is_revoked = run_async(async { Ok(access.sign_out().await) })?;
    if let Some(files) = files(context, kind).filter(|_| holds(context, kind, &key)) {
        // Where there is no key at all it is not opened, and goes all the same.
        files.remove(&key).map_err(|error| {
            Failure::new(
                INTERNAL,
                format!("the sign-in could not be removed from the store: {error}"),
            )
        })?;
    }
    let line = match before {
        Some(person) => Some(format!("signed out {} at {issuer}", person.who)),
        None if was_there => Some(format!(
            "forgot a sign-in at {issuer} that could not be opened"
        )),
        None => None,
    };
    if let Some(line) = line.filter(|line| !told.contains(line)) {
        context.output.say(&line);
        told.push(line);
    }
    match is_revoked {
        Ok(true) => context
            .output
            .say(&format!("{issuer} has revoked the refresh token")),
        Ok(false) => {}
        Err(error) => {
            context.output.warning(&error.to_string());
            if let Some(advice) = error.advice() {
                context.output.hint(advice);
            }
        }
    }
    Ok(())
}

/// Whether a sign-in is kept under `key` in this store, whoever can open it.
fn holds(context: &Context, kind: StoreKind, key: &Key) -> bool {
    let entries = files(context, kind).and_then(|files| files.list().ok());
    entries.is_some_and(|entries| entries.iter().any(|entry| entry.key == *key))
}

/// The files of this store, sealed or not.
fn files(context: &Context, kind: StoreKind) -> Option<FileStore> {
    let folder = match kind {
        StoreKind::File => context.environment.store_directory(),
        StoreKind::Keyring => context.environment.sealed_directory(),
        _ => None,
    };
    folder.map(FileStore::new)
}

/// What a logout does besides forgetting: tells of the sessions that go on, or how to end them, and clears up AWS's own configuration.
fn besides(
    context: &Context,
    args: &Logout,
    chosen: Option<&Chosen>,
    sessions: &[Session],
) -> Outcome {
    match &args.revocation_policy {
        Some(name) => sessions::print_policy(context, chosen, sessions, name.as_deref())?,
        None => sessions::tell(context, sessions, &again(chosen)),
    }
    if let Some(name) = &args.remove_aws_config {
        aws_config::remove(context, chosen, name.as_deref())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The command for another time.
fn again(chosen: Option<&Chosen>) -> String {
    let words = chosen.map_or(vec!["--all"], |chosen| {
        chosen.words.iter().map(String::as_str).collect()
    });
    let line = shlex::try_join(["keyless", "logout"].into_iter().chain(words));
    whole(&line.unwrap_or_else(|_| "keyless logout".to_owned()))
}

/// Empties both stores, whatever is in them.
fn all(context: &Context, args: &Logout) -> Outcome {
    if files(context, StoreKind::File).is_none() {
        let message = "there is no home folder, and so no store";
        return Err(Failure::new(INVALID, message));
    }
    let unwritable = |error: &dyn std::fmt::Display| {
        Failure::new(INTERNAL, format!("the store could not be emptied: {error}"))
    };
    let (mut entries, mut sessions) = (Vec::new(), Vec::<Session>::new());
    let mut is_revocable = false;
    for kind in [StoreKind::File, StoreKind::Keyring] {
        let Some(files) = files(context, kind) else {
            continue;
        };
        let store: Option<Arc<dyn Store>> = match kind {
            StoreKind::Keyring => {
                let sealed = context.environment.sealed_store();
                sealed.map(|sealed| Arc::new(sealed) as _)
            }
            _ => Some(Arc::new(files.clone())),
        };
        let kept = files.list().map_err(|error| unwritable(&error))?;
        for Entry { key, .. } in &kept {
            // What cannot be opened is forgotten all the same.
            let text = store.as_ref().and_then(|store| store.load(key).ok());
            is_revocable |= match text {
                Some(text) => text.is_some_and(|text| holds_refresh_token(&text)),
                None => kind == StoreKind::Keyring,
            };
            let session = |store| keyless_cache::read(store, key).ok().flatten();
            sessions.extend(store.as_deref().and_then(session));
        }
        entries.extend(kept);
        files.clear().map_err(|error| unwritable(&error))?;
    }
    context.output.say(&match entries.len() {
        0 => "nothing was kept".to_owned(),
        1 => "forgot the one entry that was kept".to_owned(),
        count => format!("forgot all {count} entries that were kept"),
    });
    if is_revocable {
        context.output.hint(NOT_REVOKED);
    }
    besides(context, args, None, &sessions)
}

/// A refresh token that is forgotten is one that cannot be sent to be revoked.
const NOT_REVOKED: &str = "a refresh token may have been among them, and --all revokes none: end the sign-in on the identity provider's own pages; next time, run `keyless logout PROFILE` first";

fn elsewhere(chosen: &Chosen) -> Failure {
    let name = chosen
        .profile
        .name
        .as_deref()
        .map_or(String::new(), |name| format!(" {name:?}"));
    Failure::new(
        INVALID,
        format!("nobody signs in for the profile{name}: its token comes from elsewhere"),
    )
    .with_advice("run `keyless logout --all` to forget the sessions, too")
}
