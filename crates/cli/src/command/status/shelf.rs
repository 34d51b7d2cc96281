//! What the store holds, whoever put it there, and how its files are.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use keyless::login::{Ended, SignIn};
use keyless::{Expiring, FileStore, Key, SamlResponse, Secret, Session, Store, text};
use keyless_cache::{Health, Locking, StoreError, notice_until, read};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::words::{rfc3339, when};

use super::{Look, Page};

/// A store, read once.
pub(super) struct Shelf {
    name: &'static str,
    files: FileStore,
    contents: Result<Contents, StoreError>,
}

struct Contents {
    /// `None` where there is no folder yet.
    health: Option<Health>,
    entries: Vec<Kept>,
}

struct Kept {
    key: Key,
    written: SystemTime,
    what: What,
}

enum What {
    /// By whomever: who vouches for it, and until when it is kept.
    SignIn {
        issuer: String,
        until: SystemTime,
    },
    Session(Box<Session>),
    /// What renews a sign-in.
    RefreshToken,
    /// What processes tell each other, or that an identity provider has ended a sign-in.
    Notice,
    Unusable(StoreError),
}

impl Shelf {
    pub(super) fn at(folder: PathBuf) -> Self {
        let files = FileStore::new(folder);
        let contents = contents(&files, &files);
        Self {
            name: "store",
            files,
            contents,
        }
    }

    /// The folder of sealed entries, if there is one; `store` opens them.
    pub(super) fn sealed(folder: PathBuf, store: Option<&dyn Store>) -> Option<Self> {
        let files = FileStore::new(folder);
        let contents = contents(&files, store.unwrap_or(&files));
        // Without the key none of them opens, and that is told once.
        let contents = contents.and_then(|contents| match contents.unavailable() {
            Some(error) => Err(error),
            None => Ok(contents),
        });
        let is_there = !matches!(contents, Ok(Contents { health: None, .. }));
        is_there.then_some(Self {
            name: "sealed store",
            files,
            contents,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.files.path()
    }

    /// When this session was written.
    pub(super) fn since(&self, session: &Session) -> Option<SystemTime> {
        let id = session.credentials().access_key_id();
        self.entries().iter().find_map(|entry| match &entry.what {
            What::Session(other) if other.credentials().access_key_id() == id => {
                Some(entry.written)
            }
            _ => None,
        })
    }

    /// The sessions of `role` for which nobody has signed in.
    pub(super) fn without_sign_in(&self, role: &str) -> Vec<Session> {
        let sessions = self.entries().iter().filter_map(|entry| match &entry.what {
            What::Session(session) => Some(&**session),
            _ => None,
        });
        sessions
            .filter(|session| session.sign_in().is_none() && session.role_arn() == role)
            .cloned()
            .collect()
    }

    fn entries(&self) -> &[Kept] {
        self.contents
            .as_ref()
            .map_or(&[], |contents| contents.entries.as_slice())
    }

    /// The store in a few words; then what no profile has shown, and what is wrong.
    pub(super) fn tell(&self, looks: &[Look], now: SystemTime, page: &mut Page) {
        page.line(self.name, &self.path().to_string_lossy());
        let (health, entries) = match &self.contents {
            Ok(Contents {
                health: Some(health),
                entries,
            }) => (health, entries),
            Ok(_) => return page.line("", "nothing has been kept there yet"),
            Err(error) => {
                page.line("  out of use", &error.to_string());
                return page.line("", error.advice());
            }
        };
        let count = |is: fn(&What) -> bool| entries.iter().filter(|entry| is(&entry.what)).count();
        let mut words = vec![
            many(count(|what| matches!(what, What::SignIn { .. })), "sign-in"),
            many(count(|what| matches!(what, What::Session(_))), "session"),
        ];
        match count(|what| matches!(what, What::RefreshToken)) {
            0 => {}
            tokens => words.push(many(tokens, "refresh token")),
        }
        if let Some(mode) = health.mode {
            words.push(format!("mode {mode:04o}"));
        }
        if health.locking == Locking::Works {
            words.push("locks work".into());
        }
        page.line("", &words.join(", "));
        for entry in entries {
            match &entry.what {
                What::Session(session) if !looks.iter().any(|look| look.holds(session)) => {
                    let (role, end) = (session.assumed_role_arn(), session.expires_at());
                    page.line("  also held", &format!("a session as {role}"));
                    page.line("", &format!("until {}", when(end, now)));
                }
                What::Unusable(error) => {
                    let (file, mut said) = (format!("{}.json", entry.key), error.to_string());
                    if !said.contains(&file) {
                        said = format!("{file}: {said}");
                    }
                    page.line("  not usable", &said);
                    page.line("", error.advice());
                }
                _ => {}
            }
        }
        if !health.leftovers.is_empty() {
            let files = many(health.leftovers.len(), "file");
            let said = format!(
                "{files} of writers that were stopped; removed an hour later, or by keyless logout --all"
            );
            page.line("  left over", &said);
        }
        if let Locking::Missing(error) = &health.locking {
            page.line("  no locks", &error.to_string());
            page.line("", error.advice());
        }
        for holder in &health.holders {
            let who = match holder.process {
                Some(process) => format!("process {process}"),
                None => "another process".into(),
            };
            page.line(
                "  at work",
                &format!("{who} is {}", self.work(&holder.key, looks)),
            );
        }
    }

    /// What somebody does who has the lock of this entry.
    fn work(&self, key: &Key, looks: &[Look]) -> String {
        if let Some(issuer) = looks.iter().find_map(|look| look.signs_in_at(key)) {
            return format!("signing in at {issuer}");
        }
        let entry = self.entries().iter().find(|entry| entry.key == *key);
        match entry.map(|entry| &entry.what) {
            Some(What::SignIn { issuer, .. }) => {
                format!("signing in at {}", text::printable(issuer))
            }
            Some(What::Session(session)) => format!("renewing a session of {}", session.role_arn()),
            _ => "getting a session".into(),
        }
    }

    pub(super) fn json(&self, now: SystemTime) -> Value {
        let contents = match &self.contents {
            Ok(contents) => contents,
            Err(error) => return trouble(error),
        };
        let Some(health) = &contents.health else {
            return json!({"state": "empty"});
        };
        let entries: Vec<Value> = contents
            .entries
            .iter()
            .map(|entry| entry.json(now))
            .collect();
        let holders: Vec<Value> = health
            .holders
            .iter()
            .map(|holder| json!({"key": holder.key.to_string(), "process": holder.process}))
            .collect();
        json!({
            "state": "usable",
            "mode": health.mode.map(|mode| format!("{mode:04o}")),
            "entries": entries,
            "left_over": health.leftovers,
            "locks": match &health.locking {
                Locking::Works => json!({"state": "work"}),
                Locking::Untried => json!({"state": "untried"}),
                Locking::Missing(error) => trouble(error),
            },
            "held_by": holders,
        })
    }
}

impl Contents {
    fn unavailable(&self) -> Option<StoreError> {
        self.entries.iter().find_map(|entry| match &entry.what {
            What::Unusable(error @ StoreError::Unavailable { .. }) => Some(error.clone()),
            _ => None,
        })
    }
}

impl Kept {
    fn json(&self, now: SystemTime) -> Value {
        let (kind, end) = match &self.what {
            What::SignIn { until, .. } => ("sign-in", Some(*until)),
            What::Session(session) => ("session", Some(session.expires_at())),
            What::RefreshToken => ("refresh-token", None),
            What::Notice => ("notice", None),
            What::Unusable(_) => ("unusable", None),
        };
        let mut json = json!({
            "key": self.key.to_string(),
            "kind": kind,
            "written_at": rfc3339(self.written),
            "expires_at": end.map(rfc3339),
            "is_expired": end.map(|end| end <= now),
        });
        if let What::Unusable(error) = &self.what {
            json["trouble"] = trouble(error);
        }
        json
    }
}

fn contents(files: &FileStore, store: &dyn Store) -> Result<Contents, StoreError> {
    let health = files.health()?;
    let entries = files.list()?;
    let entries = entries
        .into_iter()
        .map(|entry| Kept {
            what: what(store, &entry.key),
            key: entry.key,
            written: entry.modified,
        })
        .collect();
    Ok(Contents { health, entries })
}

fn what(store: &dyn Store, key: &Key) -> What {
    if let Ok(Some(sign_in)) = read::<SignIn>(store, key) {
        return What::SignIn {
            issuer: sign_in.token().issuer().to_owned(),
            until: sign_in.expires_at(),
        };
    }
    if let Ok(Some(response)) = read::<SamlResponse>(store, key) {
        return What::SignIn {
            issuer: response.issuer().to_owned(),
            until: response.expires_at(),
        };
    }
    match read::<Session>(store, key) {
        Ok(Some(session)) => What::Session(Box::new(session)),
        Err(_) if matches!(notice_until(store, key), Ok(Some(_))) => What::Notice,
        Err(_) if matches!(read::<Ended>(store, key), Ok(Some(_))) => What::Notice,
        Err(_) if matches!(store.load(key), Ok(Some(text)) if holds_refresh_token(&text)) => {
            What::RefreshToken
        }
        Err(error) => What::Unusable(error),
        // Or removed meanwhile.
        _ => What::Notice,
    }
}

/// Whether this is the text of an entry that renews a sign-in.
pub(in crate::command) fn holds_refresh_token(text: &Secret) -> bool {
    #[derive(Deserialize)]
    struct Entry {
        #[serde(rename = "value")]
        _value: Held,
    }
    #[derive(Deserialize)]
    struct Held {
        #[serde(rename = "refresh_token")]
        _refresh_token: IgnoredAny,
    }
    serde_json::from_str::<Entry>(text.expose()).is_ok()
}

fn trouble(error: &StoreError) -> Value {
    json!({"state": "unusable", "reason": error.to_string(), "advice": error.advice()})
}

fn many(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
