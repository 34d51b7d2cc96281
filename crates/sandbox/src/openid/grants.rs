//! What the identity provider has handed out and still has to remember: open questions, codes, refresh tokens.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::cast::Client;
use crate::random;

/// Open questions, codes and refresh tokens, each under its own secret.
#[derive(Default)]
pub(crate) struct Grants {
    questions: HashMap<String, Question>,
    codes: HashMap<String, Code>,
    refresh_tokens: HashMap<String, u64>, // used ones too: which family they are of
    families: HashMap<u64, Family>,       // a revoked one is gone
    next_family: u64,
}

/// An authorization request that was found good and waits for a person to choose.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) state: String,
    pub(super) scope: Vec<String>,
    pub(super) offline: bool,
    pub(super) nonce: Option<String>,
    pub(super) dpop_jkt: Option<String>,
    pub(super) response: Kind,
    pub(super) mode: Mode,
    pub(super) asked: SystemTime,
}

/// What the client wants back.
#[derive(Clone)]
pub(super) enum Kind {
    /// A code, with the challenge that its redemption has to meet.
    Code { challenge: String },
    /// The ID token itself.
    IdToken,
}

/// How the answer gets to the client: OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Query,
    Fragment,
    FormPost,
}

/// Who signed in where, and what for.
#[derive(Clone)]
pub(super) struct SignIn {
    pub(super) client_id: String,
    pub(super) login: String,
    pub(super) scope: Vec<String>,
    pub(super) auth_time: u64,
    /// Whether it may be renewed by a refresh token.
    pub(super) offline: bool,
}

struct Code {
    sign_in: SignIn,
    challenge: String,
    question: Question,
    expires: SystemTime,
    spent: bool,
    family: Option<u64>,
}

/// The refresh tokens of one sign-in, of which only the newest is good.
struct Family {
    sign_in: SignIn,
    newest: String,
    key: Option<String>, // without a proof of it no refresh
}

/// Who asks for tokens: a client, and the thumbprint of the key that it has proven to hold.
pub(super) struct Asking<'a> {
    pub(super) client: &'a Client,
    pub(super) key: Option<String>,
}

/// What a code was exchanged for.
pub(super) struct Redeemed {
    pub(super) sign_in: SignIn,
    pub(super) nonce: Option<String>,
    pub(super) refresh_token: Option<String>,
}

impl SignIn {
    pub(super) fn may(&self, scope: &str) -> bool {
        self.scope.iter().any(|granted| granted == scope)
    }
}

impl Grants {
    /// Remembers a question for ten minutes and names it.
    pub(super) fn ask(&mut self, question: Question) -> String {
        self.questions
            .retain(|_, known| known.asked + QUESTION_LIFETIME > question.asked);
        let name = random::token();
        self.questions.insert(name.clone(), question);
        name
    }

    /// The question of this name, which is thereby answered.
    pub(super) fn answered(&mut self, name: &str, now: SystemTime) -> Option<Question> {
        self.questions
            .remove(name)
            .filter(|question| question.asked + QUESTION_LIFETIME > now)
    }

    /// A code that is good once, for a minute.
    pub(super) fn issue_code(
        &mut self,
        question: Question,
        challenge: String,
        sign_in: SignIn,
        now: SystemTime,
    ) -> String {
        self.codes
            .retain(|_, code| code.expires + QUESTION_LIFETIME > now);
        let code = random::token();
        self.codes.insert(
            code.clone(),
            Code {
                sign_in,
                challenge,
                question,
                expires: now + CODE_LIFETIME,
                spent: false,
                family: None,
            },
        );
        code
    }

    /// Exchanges a code (RFC 6749 §4.1.3, RFC 7636 §4.6). Whatever comes of it, the code is spent; a second attempt also revokes
    /// what the first one got (RFC 6749 §4.1.2).
    pub(super) fn redeem(
        &mut self,
        code: &str,
        asking: &Asking<'_>,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
        now: SystemTime,
    ) -> Result<Redeemed, &'static str> {
        let code = self.codes.get_mut(code).ok_or("the code is not known")?;
        if code.spent {
            if let Some(family) = code.family.take() {
                self.families.remove(&family);
            }
            return Err("the code was used before");
        }
        code.spent = true;
        let challenged = verifier
            .is_some_and(|verifier| is_verifier(verifier) && challenge(verifier) == code.challenge);
        if code.expires <= now {
            Err("the code has expired")
        } else if code.question.client_id != asking.client.id {
            Err("the code was issued to another client")
        } else if redirect_uri != Some(&code.question.redirect_uri) {
            Err("the redirect URI is not the one the code was sent to")
        } else if !challenged {
            Err("the code verifier does not match the code challenge")
        } else if code.question.dpop_jkt.is_some() && code.question.dpop_jkt != asking.key {
            Err("the code is bound to a key (dpop_jkt) that the client has not proven to hold")
        } else {
            let (sign_in, nonce) = (code.sign_in.clone(), code.question.nonce.clone());
            let family = self.next_family;
            code.family = Some(family);
            Ok(self.grant(sign_in, nonce, asking))
        }
    }

    /// What a sign-in gets: a refresh token too, the first of a new family, where it may stay signed in.
    pub(super) fn grant(
        &mut self,
        sign_in: SignIn,
        nonce: Option<String>,
        asking: &Asking<'_>,
    ) -> Redeemed {
        let refresh_token = sign_in.offline.then(random::token);
        if let Some(token) = &refresh_token {
            self.refresh_tokens.insert(token.clone(), self.next_family);
            let family = Family {
                sign_in: sign_in.clone(),
                newest: token.clone(),
                // Only a public client's: another's are bound to the client already (RFC 9449 §5).
                key: asking.key.clone().filter(|_| asking.client.is_public()),
            };
            self.families.insert(self.next_family, family);
        }
        self.next_family += 1; // also where there is none, as the code that was redeemed has its number
        Redeemed {
            sign_in,
            nonce,
            refresh_token,
        }
    }

    /// The sign-in that a refresh token stands for. With `detect_reuse`, one that was used before revokes the newest too (RFC 9700
    /// §4.14.2): either its thief or its owner is now asking with the older one.
    pub(super) fn check_refresh(
        &mut self,
        token: &str,
        asking: &Asking<'_>,
        detect_reuse: bool,
    ) -> Result<SignIn, &'static str> {
        let id = *self
            .refresh_tokens
            .get(token)
            .ok_or("the refresh token is not known")?;
        let family = self
            .families
            .get(&id)
            .ok_or("the refresh token was revoked")?;
        if family.sign_in.client_id != asking.client.id {
            return Err("the refresh token was issued to another client");
        }
        if family.key.is_some() && family.key != asking.key {
            return Err(
                "the refresh token is bound to a key that the client has not proven to hold",
            );
        }
        if family.newest != token {
            if detect_reuse {
                self.families.remove(&id);
            }
            return Err("the refresh token was used before");
        }
        Ok(family.sign_in.clone())
    }

    /// The refresh token that takes the place of a good one.
    pub(super) fn rotate(&mut self, token: &str) -> Option<String> {
        let id = *self.refresh_tokens.get(token)?;
        let newest = random::token();
        self.families.get_mut(&id)?.newest.clone_from(&newest);
        self.refresh_tokens.insert(newest.clone(), id);
        Some(newest)
    }

    /// Takes back the codes and the refresh tokens of these sign-ins.
    pub(super) fn end(&mut self, ended: impl Fn(&SignIn) -> bool) {
        self.codes.retain(|_, code| !ended(&code.sign_in));
        self.families.retain(|_, family| !ended(&family.sign_in));
    }

    /// When this person has signed in last, of what may still be renewed.
    pub(super) fn newest(&self, login: &str) -> Option<u64> {
        let of_person = |family: &&Family| family.sign_in.login == login;
        let families = self.families.values().filter(of_person);
        families.map(|family| family.sign_in.auth_time).max()
    }

    /// Revokes the sign-in that a refresh token of this client stands for (RFC 7009 §2.1).
    pub(super) fn revoke(&mut self, token: &str, client_id: &str) {
        if let Some(id) = self.refresh_tokens.get(token)
            && self
                .families
                .get(id)
                .is_some_and(|family| family.sign_in.client_id == client_id)
        {
            self.families.remove(id);
        }
    }
}

/// RFC 7636 §4.1.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// RFC 7636 §4.2, method S256.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

const QUESTION_LIFETIME: Duration = Duration::from_mins(10);
const CODE_LIFETIME: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B
        assert_eq!(
            super::challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
