//! A sign-in that is renewed at a provider that may lie.

use http::Response;
use keyless::{Http, IdToken, Interaction, Login, MemoryStore, Source, TokenError};
use serde_json::json;

use super::{Answer, CLIENT, Changes, Desk, IdentityProvider, Seen, Token, lock};
use crate::person::Person;
use crate::renewal::kept_in;

/// How each refresh token begins; a number follows, from 1. Half of its characters are not themselves in a form.
pub const REFRESH_TOKEN: &str = "+refresh/+/token==/+/that/+nobody+/else+/may+/see/=";

/// What came of two renewals.
#[derive(Debug)]
pub struct Renewed {
    /// Of the first: the token, or why there is none.
    pub result: Result<IdToken, TokenError>,
    /// The refresh token after it.
    pub kept: Option<String>,
    /// Of the second, for which a person may be asked.
    pub allowed: Result<IdToken, TokenError>,
    /// How often one was, for the second.
    pub asked: usize,
    /// The refresh token after it.
    pub kept_at_last: Option<String>,
    /// What nobody else may see.
    pub secrets: Vec<String>,
}

/// Lets a person sign in at a provider with `changes`, and renews that: first without anybody, then with somebody who may be asked.
pub async fn renew(changes: Changes) -> Renewed {
    let provider = IdentityProvider::start(changes).await;
    let (person, vault) = (Person::called("alice"), MemoryStore::new());
    let login = Login::builder(provider.issuer(), CLIENT, Http::default())
        .prompt(person.clone())
        .scopes(["openid", "email", "offline_access"])
        .refresh_tokens_in(vault.clone());
    let login = (changes.login)(login).build().expect("a login");
    login.sign_in().await.expect("the sign-in is good");

    Source::forget(&login).await;
    let result = login.proof(Interaction::Forbidden).await;
    let kept = kept_in(&vault);

    Source::forget(&login).await;
    let allowed = login.proof(Interaction::Allowed).await;
    Renewed {
        result,
        kept,
        allowed,
        asked: person.told().links.len() - 1,
        kept_at_last: kept_in(&vault),
        secrets: lock(&provider.desk.seen).secrets.clone(),
    }
}

impl Desk {
    /// The answer to a refresh token. None may come that another has replaced.
    pub(super) fn renewal(&self, seen: &mut Seen, refresh_token: &str) -> Response<Vec<u8>> {
        if refresh_token != seen.refresh_token {
            let mut answer = Answer::right(json!({}));
            answer.refuse(json!({ "error": "invalid_grant" }));
            return answer.response();
        }
        let mut token = Token::right(&seen.issuer);
        (self.changes.renewed)(&mut token, &seen.nonce);
        let mut answer = seen.right_answer(token);
        // For stories in which the provider echoes what it was sent.
        answer.json["sent"] = refresh_token.into();
        (self.changes.renewal)(&mut answer);
        seen.given(&answer);
        answer.response()
    }
}
