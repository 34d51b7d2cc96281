//! `keyless logout`: forgets the sign-in and its sessions.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use keyless::{Expiring, FileStore, Session, Store};
use keyless_cache::Entry;

use crate::args::Logout;
use crate::context::{Chosen, Context, run as run_async};
use crate::exit::{Failure, INTERNAL, INVALID, Outcome};
use crate::words::when;

pub(super) fn run(context: &Context, args: &Logout) -> Outcome {
    if args.all {
        return all(context);
    }
    let chosen = context.choose(args.profile.name.as_deref(), &args.flags)?;
    context.prune();
    let access = context.access(&chosen, std::time::Duration::ZERO)?;
    let Some(login) = access.login() else {
        return Err(elsewhere(&chosen));
    };
    let (before, sessions) = (login.stored(), access.sessions());
    let is_revoked = run_async(async { Ok(access.sign_out().await) })?;
    if login.stored().is_some() {
        return Err(Failure::new(
            INTERNAL,
            "the sign-in could not be removed from the store",
        ));
    }
    let issuer = keyless::text::printable(login.issuer());
    match before {
        Some(sign_in) => context
            .output
            .say(&format!("signed out {} at {issuer}", sign_in.token().who())),
        None => context
            .output
            .say(&format!("nobody was signed in at {issuer}")),
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
    warn_of_sessions(context, &sessions);
    Ok(ExitCode::SUCCESS)
}

/// Empties both stores, whatever is in them.
fn all(context: &Context) -> Outcome {
    let environment = &context.environment;
    let folder = environment
        .store_directory()
        .ok_or_else(|| Failure::new(INVALID, "there is no home folder, and so no store"))?;
    let files = FileStore::new(folder);
    let mut stores: Vec<(FileStore, Arc<dyn Store>)> = vec![(files.clone(), Arc::new(files))];
    if let Some(folder) = environment.sealed_directory() {
        let files = FileStore::new(folder);
        let sealed = environment.sealed_store();
        // What cannot be opened is forgotten all the same.
        let opened = sealed.map_or_else(
            || Arc::new(files.clone()) as _,
            |sealed| Arc::new(sealed) as _,
        );
        stores.push((files, opened));
    }
    let unwritable = |error: &dyn std::fmt::Display| {
        Failure::new(INTERNAL, format!("the store could not be emptied: {error}"))
    };
    let (mut entries, mut sessions) = (Vec::new(), Vec::<Session>::new());
    for (files, opened) in stores {
        let kept = files.list().map_err(|error| unwritable(&error))?;
        let readable = |entry: &Entry| keyless_cache::read(&*opened, &entry.key).ok().flatten();
        sessions.extend(kept.iter().filter_map(readable));
        entries.extend(kept);
        files.clear().map_err(|error| unwritable(&error))?;
    }
    context.output.say(&match entries.len() {
        0 => "nothing was kept".to_owned(),
        1 => "forgot the one entry that was kept".to_owned(),
        count => format!("forgot all {count} entries that were kept"),
    });
    warn_of_sessions(context, &sessions);
    Ok(ExitCode::SUCCESS)
}

/// AWS has no way to end a session but its role's policies, so whoever copied one can go on.
fn warn_of_sessions(context: &Context, sessions: &[Session]) {
    let now = context.now();
    let running: Vec<SystemTime> = sessions
        .iter()
        .map(Expiring::expires_at)
        .filter(|end| *end > now)
        .collect();
    if let Some(last) = running.iter().max() {
        let many = if running.len() == 1 {
            "the session that was forgotten".to_owned()
        } else {
            format!("the {} sessions that were forgotten", running.len())
        };
        context.output.say(&format!(
            "AWS goes on accepting {many} until {}",
            when(*last, now)
        ));
    }
}

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
