//! What the libraries report: warnings always, more with `-v` or `KEYLESS_LOG`.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use keyless::text::printable;
use keyless::{ConfigError, Environment};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::output::Output;

/// Begins to listen.
///
/// # Errors
/// Where `KEYLESS_LOG` cannot be read.
pub(crate) fn begin(
    output: Output,
    verbose: u8,
    environment: &Environment,
) -> Result<(), ConfigError> {
    let chosen = environment.text("KEYLESS_LOG")?;
    let only = filter_fn(is_warning_of_ours).with_max_level_hint(LevelFilter::WARN);
    let subscriber = tracing_subscriber::registry().with(Warnings::new(output).with_filter(only));
    if verbose == 0 && chosen.is_none() {
        let _ = tracing::subscriber::set_global_default(subscriber);
        return Ok(());
    }
    let mut targets: Targets = match &chosen {
        None => Targets::new(),
        Some(text) => text.parse().map_err(|_| {
            ConfigError::new(format!("KEYLESS_LOG cannot be read: {text:?}"))
                .with_advice("write it as debug, or keyless_sts=debug,warn")
        })?,
    };
    match verbose {
        0 => {}
        1 => targets = targets.with_target("keyless", Level::DEBUG),
        _ => targets = targets.with_target("keyless", Level::TRACE),
    }
    let all = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .compact()
        .with_filter(targets.and(filter_fn(|metadata| !is_warning_of_ours(metadata))));
    let _ = tracing::subscriber::set_global_default(subscriber.with(all));
    Ok(())
}

fn is_warning_of_ours(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::WARN && metadata.target().starts_with("keyless")
}

/// Shows each warning as a line like the command's own, and the same trouble once: a sign-in and its session share their store.
struct Warnings {
    output: Output,
    last: Mutex<String>,
}

impl Warnings {
    fn new(output: Output) -> Self {
        Self {
            output,
            last: Mutex::default(),
        }
    }
}

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let text = line.text();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != text {
            self.output.warning(&text);
            *last = text;
        }
    }
}

/// `message (name: value): error`, each part fit to be shown.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
    error: String,
}

impl Line {
    fn text(self) -> String {
        let Self {
            message,
            fields,
            error,
        } = self;
        let mut text = printable(&message);
        if !fields.is_empty() {
            let _ = write!(text, " ({})", printable(&fields));
        }
        if !error.is_empty() {
            let _ = write!(text, ": {}", printable(&error));
        }
        text
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "error" => write!(self.error, "{value:?}"),
            "key" => Ok(()), // a digest, which tells a person nothing
            name => {
                let between = if self.fields.is_empty() { "" } else { ", " };
                write!(self.fields, "{between}{name}: {value:?}")
            }
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
