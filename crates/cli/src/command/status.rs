//! `keyless status`: who is signed in, which sessions are held, and until when.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use keyless::profile::{Access, Config};
use keyless::{Expiring, Session, Source, text};
use serde_json::{Value, json};

use crate::args::Status;
use crate::context::{Chosen, Context};
use crate::exit::{Failure, Outcome, SIGN_IN};
use crate::output::{self, Tone};
use crate::words::{rfc3339, when, whole};

pub(super) fn run(context: &Context, args: &Status) -> Outcome {
    context.prune();
    let mut looks = Vec::new();
    for chosen in choices(context, args)? {
        let access = context.access(&chosen, Duration::ZERO)?;
        looks.push(Look::at(&chosen, &access, context.now())?);
    }
    let (config, store) = (
        context.environment.config_file(),
        context.environment.store_directory(),
    );
    let text = if args.json {
        let profiles: Vec<Value> = looks.iter().map(Look::json).collect();
        let whole = json!({"profiles": profiles, "config": config, "store": store});
        format!("{whole:#}\n")
    } else {
        let mut text: String = looks.iter().map(|look| look.text(context)).collect();
        for (what, place) in [("configuration", config), ("store", store)] {
            if let Some(place) = place {
                let _ = writeln!(text, "{what:<13}  {}", whole(&place.to_string_lossy()));
            }
        }
        text
    };
    output::data(&text)?;
    if looks
        .iter()
        .any(|look| look.proof.is_usable() || !look.sessions.is_empty())
    {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Failure::silent(SIGN_IN))
    }
}

/// The profile that was named, or what the flags say, or all profiles.
fn choices(context: &Context, args: &Status) -> Result<Vec<Chosen>, Failure> {
    let one = args.profile.as_deref();
    if one.is_some() || args.flags.name_an_identity() {
        return Ok(vec![context.choose(one, &args.flags)?]);
    }
    let config = Config::load(&context.environment)?;
    let names: Vec<&str> = config.profiles().collect();
    if names.is_empty() {
        return Ok(vec![context.choose(None, &args.flags)?]); // which says what is missing
    }
    names
        .into_iter()
        .map(|name| context.choose(Some(name), &args.flags))
        .collect()
}

/// What is held for one profile.
struct Look {
    name: Option<String>,
    role: Option<String>,
    proof: Proof,
    sessions: Vec<Session>,
    now: SystemTime,
}

/// How it stands with the proof.
enum Proof {
    SignedIn {
        who: String,
        issuer: String,
        until: SystemTime,
    },
    SignedOut {
        issuer: String,
        ended: Option<SystemTime>,
    },
    /// Nobody signs in: the token comes from somewhere else.
    Elsewhere(String),
}

impl Look {
    fn at(chosen: &Chosen, access: &Access, now: SystemTime) -> Result<Self, Failure> {
        let profile = &chosen.profile;
        let proof = match access.login() {
            None => Proof::Elsewhere(elsewhere(access)),
            Some(login) => {
                let issuer = text::printable(login.issuer());
                match (access.held(), login.stored()) {
                    (Some(token), stored) => Proof::SignedIn {
                        who: token.who(),
                        issuer,
                        until: stored.map_or(token.expires_at(), |sign_in| sign_in.expires_at()),
                    },
                    (None, stored) => Proof::SignedOut {
                        issuer,
                        ended: stored.map(|sign_in| sign_in.expires_at()),
                    },
                }
            }
        };
        let mut sessions: Vec<Session> = match &profile.role {
            Some(_) => access.provider()?.stored().into_iter().collect(),
            None => access.sessions(),
        };
        sessions.retain(|session| session.expires_at() > now);
        let role = profile.via.last().or(profile.role.as_ref()).cloned();
        Ok(Self {
            name: profile.name.clone(),
            role,
            proof,
            sessions,
            now,
        })
    }

    fn text(&self, context: &Context) -> String {
        let name = self.name.as_deref().unwrap_or("(no profile)");
        let mut text = format!(
            "{}\n",
            context
                .output
                .on_stdout(&text::printable(name), Tone::Strong)
        );
        let mut line = |what: &str, said: &str| {
            let _ = writeln!(text, "  {what:<11}  {said}");
        };
        match &self.proof {
            Proof::SignedIn { who, issuer, until } => {
                line("signed in", &format!("{who} at {issuer}"));
                line("", &format!("until {}", when(*until, self.now)));
            }
            Proof::SignedOut { issuer, ended } => line(
                "signed out",
                &match ended {
                    Some(ended) => {
                        format!("the sign-in at {issuer} ended {}", when(*ended, self.now))
                    }
                    None => format!("nobody is signed in at {issuer}"),
                },
            ),
            Proof::Elsewhere(place) => line("token", &format!("from {place}")),
        }
        if let Some(role) = &self.role {
            line("role", &text::printable(role));
        }
        if self.sessions.is_empty() && self.role.is_some() {
            line("session", "none held");
        }
        for session in &self.sessions {
            line(
                "session",
                &format!(
                    "{} as {}",
                    text::printable(session.credentials().access_key_id()),
                    text::printable(session.assumed_role_arn())
                ),
            );
            line(
                "",
                &format!("until {}", when(session.expires_at(), self.now)),
            );
        }
        text.push('\n');
        text
    }

    fn json(&self) -> Value {
        let proof = match &self.proof {
            Proof::SignedIn { who, issuer, until } => {
                json!({"state": "signed-in", "who": who, "issuer": issuer, "expires_at": rfc3339(*until)})
            }
            Proof::SignedOut { issuer, ended } => {
                json!({"state": "signed-out", "issuer": issuer, "expired_at": ended.map(rfc3339)})
            }
            Proof::Elsewhere(place) => json!({"state": "elsewhere", "token_from": place}),
        };
        let sessions: Vec<Value> = self.sessions.iter().map(session_json).collect();
        json!({"profile": self.name, "role": self.role, "identity": proof, "sessions": sessions})
    }
}

impl Proof {
    fn is_usable(&self) -> bool {
        !matches!(self, Self::SignedOut { .. })
    }
}

/// A session without its secrets.
pub(super) fn session_json(session: &Session) -> Value {
    json!({
        "access_key_id": session.credentials().access_key_id(),
        "role": session.role_arn(),
        "assumed_role": session.assumed_role_arn(),
        "account": session.account_id(),
        "who": session.subject().who,
        "expires_at": rfc3339(session.expires_at()),
    })
}

fn elsewhere(access: &Access) -> String {
    let identity = &access.profile().identity;
    let place = match (
        &identity.token_file,
        &identity.token_env,
        &identity.token_command,
    ) {
        (Some(file), _, _) => format!("the file {}", file.display()),
        (_, Some(name), _) => format!("the variable {name}"),
        (_, _, Some(command)) => {
            format!("the command {}", command.first().map_or("", String::as_str))
        }
        _ => "elsewhere".into(),
    };
    text::printable(&place)
}
