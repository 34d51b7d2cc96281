//! `keyless status`: who is signed in, which sessions are held, since when and until when, and how the store is.

mod look;
mod shelf;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use keyless::profile::{Config, StoreKind};
use serde_json::{Value, json};

use crate::args::Status;
use crate::context::{Chosen, Context};
use crate::exit::{Failure, Outcome, SIGN_IN};
use crate::output::{self, Tone};
use crate::words::whole;

use look::Look;
use shelf::Shelf;

pub(super) use look::{elsewhere, session_json};
pub(super) use shelf::holds_refresh_token;

pub(super) fn run(context: &Context, args: &Status) -> Outcome {
    context.prune();
    let config = context.environment.config_file();
    let environment = &context.environment;
    let shelf = environment.store_directory().map(Shelf::at);
    let sealed = environment.sealed_directory().and_then(|folder| {
        let store = environment.sealed_store();
        Shelf::sealed(folder, store.as_ref().map(|store| store as _))
    });
    let look = |chosen: &Chosen| {
        let access = context.access(chosen, Duration::ZERO)?;
        let own = match chosen.profile.store {
            StoreKind::Keyring => &sealed,
            _ => &shelf,
        };
        Look::at(chosen, &access, own.as_ref(), context.now())
    };
    let (mut looks, mut broken) = (Vec::new(), Vec::new());
    for (name, chosen) in choices(context, args)? {
        match (chosen.and_then(|chosen| look(&chosen)), name) {
            (Ok(look), _) => looks.push(look),
            // Among all of them, one that is wrong hides none of the others.
            (Err(failure), Some(name)) => broken.push((name, failure)),
            (Err(failure), None) => return Err(failure),
        }
    }
    let text = if args.json {
        let wrong = broken.iter().map(|(name, failure)| {
            json!({"profile": name, "error": failure.message, "advice": failure.advice})
        });
        let profiles: Vec<Value> = looks.iter().map(Look::json).chain(wrong).collect();
        let store = shelf.as_ref().map(Shelf::path);
        let health = shelf.as_ref().map(|shelf| shelf.json(context.now()));
        let mut whole =
            json!({"profiles": profiles, "config": config, "store": store, "health": health});
        if let Some(sealed) = &sealed {
            whole["sealed"] = json!({"store": sealed.path(), "health": sealed.json(context.now())});
        }
        format!("{whole:#}\n")
    } else {
        let mut page = Page::default();
        for look in &looks {
            look.tell(context, &mut page);
        }
        for (name, failure) in &broken {
            page.heading(&context.output.on_stdout(&whole(name), Tone::Strong));
            page.line(
                "  not usable",
                failure.message.as_deref().unwrap_or_default(),
            );
            if let Some(advice) = &failure.advice {
                page.line("", advice);
            }
            page.heading("");
        }
        if let Some(config) = config {
            page.line("configuration", &config.to_string_lossy());
        }
        for shelf in [&shelf, &sealed].into_iter().flatten() {
            shelf.tell(&looks, context.now(), &mut page);
        }
        page.0
    };
    output::data(&text)?;
    match broken.first() {
        _ if looks.iter().any(Look::is_of_use) => Ok(ExitCode::SUCCESS),
        Some((_, failure)) if looks.is_empty() => Err(Failure::silent(failure.code)),
        _ => Err(Failure::silent(SIGN_IN)),
    }
}

/// The profile that was named, or what the flags say, or all profiles, each then with its name.
fn choices(context: &Context, args: &Status) -> Result<Vec<Choice>, Failure> {
    let one = args.profile.as_deref();
    if one.is_some() || args.flags.name_an_identity() {
        return Ok(vec![(None, context.choose(one, &args.flags))]);
    }
    let config = Config::load(&context.environment)?;
    let names: Vec<&str> = config.profiles().collect();
    if names.is_empty() {
        return Ok(vec![(None, context.choose(None, &args.flags))]); // which says what is missing
    }
    let choose = |name: &str| {
        let chosen = context.choose(Some(name), &args.flags);
        (Some(name.to_owned()), chosen)
    };
    Ok(names.into_iter().map(choose).collect())
}

/// One of several profiles has its name, by which to tell what is wrong with it.
type Choice = (Option<String>, Result<Chosen, Failure>);

/// What is shown: a word, and beside it what is said, in 80 columns where the words allow.
#[derive(Default)]
struct Page(String);

impl Page {
    const MARGIN: usize = 15;
    const WIDTH: usize = 80;

    /// A heading, as it is.
    fn heading(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// What is said under the word `what`, or under the line above where that is empty. It is made fit to be shown.
    fn line(&mut self, what: &str, said: &str) {
        let margin = Self::MARGIN;
        let _ = write!(self.0, "{what:<margin$}");
        let mut column = margin;
        for (number, word) in said.split(' ').enumerate() {
            let word = whole(word);
            let length = word.chars().count();
            if number > 0 && column + 1 + length > Self::WIDTH {
                self.0.push('\n');
                self.0.push_str(&" ".repeat(margin));
                column = margin;
            } else if number > 0 {
                self.0.push(' ');
                column += 1;
            }
            self.0.push_str(&word);
            column += length;
        }
        self.0.push('\n');
    }
}
