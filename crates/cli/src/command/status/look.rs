//! What is held for one profile.

use std::time::SystemTime;

use keyless::login::Ended;
use keyless::profile::{Access, SamlCommand};
use keyless::{Key, Login, Session, text};
use serde_json::{Value, json};

use crate::context::{Chosen, Context};
use crate::exit::Failure;
use crate::output::Tone;
use crate::words::{rfc3339, when};

use super::Page;
use super::shelf::Shelf;

pub(super) struct Look {
    name: Option<String>,
    role: Option<String>,
    proof: Proof,
    /// That the identity provider has ended the sign-in.
    refused: Option<Ended>,
    /// Whether a refresh token is kept where one was asked for, so that nobody is asked at the end.
    is_renewed: bool,
    /// What the sign-in is kept under, and where the person signs in.
    sign_in: Option<(Key, String)>,
    sessions: Vec<Held>,
    now: SystemTime,
}

/// How it stands with the proof.
enum Proof {
    SignedIn {
        who: String,
        issuer: String,
        since: SystemTime,
        until: SystemTime,
    },
    SignedOut {
        issuer: String,
        ended: Option<SystemTime>,
    },
    /// Nobody signs in: the token comes from somewhere else.
    Elsewhere(String),
}

/// A session that is kept.
struct Held {
    session: Session,
    /// When it was written, where the store tells.
    since: Option<SystemTime>,
}

impl Look {
    pub(super) fn at(
        chosen: &Chosen,
        access: &Access,
        shelf: Option<&Shelf>,
        now: SystemTime,
    ) -> Result<Self, Failure> {
        let profile = &chosen.profile;
        let proof = match access.any_login() {
            None => Proof::Elsewhere(elsewhere(access)),
            Some(login) => {
                let issuer = text::printable(&login.place());
                let ended = login.stored().map(|stored| stored.expires_at);
                match login.held() {
                    Some(held) => Proof::SignedIn {
                        who: held.who,
                        issuer,
                        since: held.issued_at,
                        until: ended.unwrap_or(held.expires_at),
                    },
                    None => Proof::SignedOut { issuer, ended },
                }
            }
        };
        let role = profile.via.last().or(profile.role.as_ref()).cloned();
        let sessions: Vec<Session> = match (&role, &proof, shelf) {
            (None, _, _) => access.sessions(),
            // Which of them is this profile's is told by the token, and nobody fetches one just to look.
            (Some(role), Proof::Elsewhere(_), Some(shelf)) => shelf.without_sign_in(role),
            (Some(_), _, _) => access.provider()?.stored().into_iter().collect(),
        };
        let sessions = sessions
            .into_iter()
            .filter(|session| session.expires_at() > now)
            .map(|session| Held {
                since: shelf.and_then(|shelf| shelf.since(&session)),
                session,
            })
            .collect();
        let is_renewed = matches!(proof, Proof::SignedIn { .. })
            && access.stays_signed_in().is_ok_and(|stays| stays);
        Ok(Self {
            name: profile.name.clone(),
            role,
            proof,
            refused: access.login().and_then(Login::ended),
            is_renewed,
            sign_in: access
                .any_login()
                .map(|login| (login.key(), text::printable(&login.place()))),
            sessions,
            now,
        })
    }

    /// Where the person signs in whose sign-in is kept under `key`, if it is this profile's.
    pub(super) fn signs_in_at(&self, key: &Key) -> Option<&str> {
        let (own, issuer) = self.sign_in.as_ref()?;
        (own == key).then_some(issuer)
    }

    /// Whether somebody is signed in, or a session is there all the same.
    pub(super) fn is_of_use(&self) -> bool {
        !matches!(self.proof, Proof::SignedOut { .. }) || !self.sessions.is_empty()
    }

    /// Whether this session is one of the profile's.
    pub(super) fn holds(&self, session: &Session) -> bool {
        let id = session.credentials().access_key_id();
        self.sessions
            .iter()
            .any(|held| held.session.credentials().access_key_id() == id)
    }

    pub(super) fn tell(&self, context: &Context, page: &mut Page) {
        let name = self.name.as_deref().unwrap_or("(no profile)");
        let name = text::printable(name);
        page.heading(&context.output.on_stdout(&name, Tone::Strong));
        match &self.proof {
            Proof::SignedIn {
                who,
                issuer,
                since,
                until,
            } => {
                page.line("  signed in", &format!("{who} at {issuer}"));
                page.line("", &format!("since {}", when(*since, self.now)));
                let until = when(*until, self.now);
                let then = if self.is_renewed {
                    "then renewed without you"
                } else {
                    "then sign in again"
                };
                page.line("", &format!("until {until}; {then}"));
            }
            Proof::SignedOut { issuer, ended } => page.line(
                "  signed out",
                &match ended {
                    Some(ended) => {
                        format!("the sign-in at {issuer} ended {}", when(*ended, self.now))
                    }
                    None => format!("nobody is signed in at {issuer}"),
                },
            ),
            Proof::Elsewhere(place) => page.line("  token", &format!("from {place}")),
        }
        if let Some(refused) = &self.refused {
            page.line("  ended", &self.refusal(refused));
        }
        if let Some(role) = &self.role {
            page.line("  role", role);
        }
        if self.sessions.is_empty() && self.role.is_some() {
            page.line("  session", "none held");
        }
        for Held { session, since } in &self.sessions {
            page.line("  session", session.credentials().access_key_id());
            page.line("", session.assumed_role_arn());
            if let Some(since) = since {
                page.line("", &format!("since {}", when(*since, self.now)));
            }
            let then = if self.refused.is_some() {
                "not renewed, since the sign-in has ended"
            } else if self.renews(session) {
                "renewed silently"
            } else {
                "then sign in again"
            };
            let until = when(session.expires_at(), self.now);
            page.line("", &format!("until {until}; {then}"));
        }
        page.heading("");
    }

    pub(super) fn json(&self) -> Value {
        let mut proof = match &self.proof {
            Proof::SignedIn {
                who,
                issuer,
                since,
                until,
            } => {
                json!({"state": "signed-in", "who": who, "issuer": issuer, "issued_at": rfc3339(*since), "expires_at": rfc3339(*until)})
            }
            Proof::SignedOut { issuer, ended } => {
                json!({"state": "signed-out", "issuer": issuer, "expired_at": ended.map(rfc3339)})
            }
            Proof::Elsewhere(place) => json!({"state": "elsewhere", "token_from": place}),
        };
        if let Some(refused) = &self.refused {
            proof["ended_by_issuer"] = json!({"at": rfc3339(refused.at()), "said": refused.said()});
        }
        let session = |held: &Held| {
            let mut json = session_json(&held.session);
            json["written_at"] = json!(held.since.map(rfc3339));
            json["renews_silently"] = json!(self.renews(&held.session));
            json
        };
        let sessions: Vec<Value> = self.sessions.iter().map(session).collect();
        json!({"profile": self.name, "role": self.role, "identity": proof, "sessions": sessions})
    }

    /// What the identity provider's refusal means.
    fn refusal(&self, refused: &Ended) -> String {
        let ended = format!(
            "the identity provider has ended the sign-in ({}), as was seen {}",
            refused.said(),
            when(refused.at(), self.now)
        );
        let ends = self.sessions.iter().map(|held| held.session.expires_at());
        match ends.max() {
            Some(end) => format!("{ended}; the session goes on until {}", when(end, self.now)),
            None => ended,
        }
    }

    /// Whether there will be a proof for the next session, as things are.
    fn renews(&self, session: &Session) -> bool {
        match &self.proof {
            _ if self.refused.is_some() => false,
            _ if self.is_renewed => true,
            Proof::SignedIn { until, .. } => *until > session.expires_at(),
            Proof::SignedOut { .. } => false,
            Proof::Elsewhere(_) => true,
        }
    }
}

/// A session without its secrets.
pub(in crate::command) fn session_json(session: &Session) -> Value {
    json!({
        "access_key_id": session.credentials().access_key_id(),
        "role": session.role_arn(),
        "assumed_role": session.assumed_role_arn(),
        "account": session.account_id(),
        "who": session.subject().who,
        "expires_at": rfc3339(session.expires_at()),
    })
}

/// What the proof comes from, where nobody signs in.
pub(in crate::command) fn elsewhere(access: &Access) -> String {
    let identity = &access.profile().identity;
    let saml = &identity.saml;
    let file = identity.token_file.as_ref().or(saml.file.as_ref());
    let name = identity.token_env.as_ref().or(saml.env.as_ref());
    let command = identity.token_command.as_ref();
    let command = command.or(saml.command.as_ref().map(|SamlCommand(command)| command));
    let place = match (file, name, command) {
        (Some(file), _, _) => format!("the file {}", file.display()),
        (_, Some(name), _) => format!("the variable {name}"),
        (_, _, Some(command)) => {
            format!("the command {}", command.first().map_or("", String::as_str))
        }
        _ => "elsewhere".into(),
    };
    text::printable(&place)
}
