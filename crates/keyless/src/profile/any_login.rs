//! What every sign-in offers to a command, whichever language the identity provider speaks.

use std::time::SystemTime;

use keyless_cache::{Expiring, Interaction, Key, Word};
use keyless_token::saml::SamlLogin;
use keyless_token::{Login, Proof, Source, TokenError};

/// The sign-in of a person: by OpenID Connect or by SAML.
#[derive(Clone, Copy, Debug)]
pub enum AnyLogin<'a> {
    /// By OpenID Connect.
    OpenId(&'a Login),
    /// By SAML.
    Saml(&'a SamlLogin),
}

/// Who somebody is, as a proof says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// How a person would be named. Fit to be shown.
    pub who: String,
    /// Who vouches for it, to the letter.
    pub issuer: String,
    /// Whom it is about, unique within the issuer.
    pub subject: String,
    /// When the proof was issued.
    pub issued_at: SystemTime,
    /// When it stops being good; of a sign-in that is kept, when that ends.
    pub expires_at: SystemTime,
}

impl Who {
    pub(super) fn of(proof: &impl Proof) -> Self {
        Self {
            who: proof.who(),
            issuer: proof.issuer().to_owned(),
            subject: proof.subject().to_owned(),
            issued_at: proof.issued_at(),
            expires_at: proof.expires_at(),
        }
    }
}

impl AnyLogin<'_> {
    /// Where the person signs in: the issuer, or the single sign-on address without its query. Not yet fit to be shown.
    pub fn place(&self) -> String {
        match self {
            Self::OpenId(login) => login.issuer().to_owned(),
            Self::Saml(login) => login.place(),
        }
    }

    /// What sign-ins with these settings are kept under.
    pub fn key(&self) -> Key {
        match self {
            Self::OpenId(login) => login.key(),
            Self::Saml(login) => login.key(),
        }
    }

    /// Who is signed in, and a person is asked first where nobody is and `interaction` allows it.
    ///
    /// # Errors
    /// Where nobody is signed in, or the sign-in fails.
    pub async fn who(&self, interaction: Interaction) -> Result<Who, TokenError> {
        match self {
            Self::OpenId(login) => login.proof(interaction).await.map(|token| Who::of(&token)),
            Self::Saml(login) => login
                .proof(interaction)
                .await
                .map(|response| Who::of(&response)),
        }
    }

    /// Who is signed in with a proof that is still good.
    pub fn held(&self) -> Option<Who> {
        match self {
            Self::OpenId(login) => login.held().as_ref().map(Who::of),
            Self::Saml(login) => login.held().as_ref().map(Who::of),
        }
    }

    /// Who signed in last, and until when that is kept, also where it has ended.
    pub fn stored(&self) -> Option<Who> {
        match self {
            Self::OpenId(login) => login.stored().map(|sign_in| Who {
                expires_at: sign_in.expires_at(),
                ..Who::of(sign_in.token())
            }),
            Self::Saml(login) => login.stored().as_ref().map(Who::of),
        }
    }

    /// What other processes that share the store say of the sign-in now; see [`Login::word`].
    pub fn word(&self) -> Word<TokenError> {
        match self {
            Self::OpenId(login) => login.word(),
            Self::Saml(login) => login.word(),
        }
    }

    /// Since when a person is being asked, by whichever process that shares the store. It reads the store on the calling thread.
    pub fn asking_since(&self) -> Option<SystemTime> {
        match self {
            Self::OpenId(login) => login.asking_since(),
            Self::Saml(login) => login.asking_since(),
        }
    }

    /// What that person is shown to do, where it is a code to enter on another device; see [`Login::shown`].
    pub fn shown(&self) -> Option<String> {
        match self {
            Self::OpenId(login) => login.shown(),
            Self::Saml(_) => None,
        }
    }

    /// Ends the sign-in that another process has open; see [`Login::call_off`].
    pub fn call_off(&self) -> bool {
        match self {
            Self::OpenId(login) => login.call_off(),
            Self::Saml(login) => login.call_off(),
        }
    }

    /// Forgets that a person has said no, because somebody wants to try again. It writes to the store on the calling thread.
    pub fn forget_refusal(&self) {
        match self {
            Self::OpenId(login) => login.forget_refusal(),
            Self::Saml(login) => login.forget_refusal(),
        }
    }

    /// Waits for a refresh token that is on its way; see [`Login::settle`]. SAML has none.
    pub async fn settle(&self) {
        match self {
            Self::OpenId(login) => login.settle().await,
            Self::Saml(_) => {}
        }
    }

    /// Forgets the sign-in; whether a refresh token was revoked, which SAML has none of.
    pub(super) async fn sign_out(&self) -> Result<bool, TokenError> {
        match self {
            Self::OpenId(login) => login.sign_out().await,
            Self::Saml(login) => {
                login.sign_out().await;
                Ok(false)
            }
        }
    }
}
