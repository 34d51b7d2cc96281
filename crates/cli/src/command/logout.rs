//! `keyless logout`: forgets the sign-in and its sessions.

mod browser;
mod sessions;

use std::process::ExitCode;
use std::sync::Arc;

use keyless::login::SignIn;
use keyless::{FileStore, Login, Session, Store, text};
use keyless_cache::Entry;

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
    let access = context.access(&chosen, std::time::Duration::ZERO)?;
    let Some(login) = access.any_login() else {
        return match (&args.revocation_policy, &args.remove_aws_config) {
            (None, None) => Err(elsewhere(&chosen)),
            _ => besides(context, args, Some(&chosen), &[]),
        };
    };
    let token = access.login().and_then(Login::stored);
    let (before, sessions) = (login.stored(), access.sessions());
    let open_since = login.asking_since();
    let is_revoked = run_async(async { Ok(access.sign_out().await) })?;
    if login.stored().is_some() {
        return Err(Failure::new(
            INTERNAL,
            "the sign-in could not be removed from the store",
        ));
    }
    let issuer = text::printable(&login.place());
    match &before {
        Some(person) => context
            .output
            .say(&format!("signed out {} at {issuer}", person.who)),
        None => context
            .output
            .say(&format!("nobody was signed in at {issuer}")),
    }
    if let Some(since) = open_since {
        context.output.say(&format!(
            "called off the sign-in that another process had opened at {}",
            text::time(since)
        ));
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
    besides(context, args, None, &sessions)
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
