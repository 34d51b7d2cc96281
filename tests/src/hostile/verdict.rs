//! How a sign-in is to end, and what must be true of every end.

use keyless::TokenErrorKind;

use super::Outcome;

/// What a sign-in is to end with.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    /// Alice's token.
    Accepted,
    /// Refused as this, in a message that holds this.
    Refused(TokenErrorKind, &'static str),
}

impl Outcome {
    /// Whatever the provider does, what a person reads holds no secret and nothing that a terminal obeys.
    pub fn judge(&self, story: &str, want: Want) {
        let error = match (&self.result, want) {
            (Ok(token), Want::Accepted) => return assert_eq!(token.subject(), "alice", "{story}"),
            (Ok(_), Want::Refused(..)) => panic!("{story}: accepted"),
            (Err(error), Want::Accepted) => panic!("{story}: {error}"),
            (Err(error), Want::Refused(kind, said)) => {
                assert_eq!(error.kind(), kind, "{story}: {error}");
                assert!(error.to_string().contains(said), "{story}: {error}");
                error
            }
        };
        let advice = error
            .advice()
            .unwrap_or_else(|| panic!("{story}: no advice with {error}"));
        let (shown, debugged) = (error.to_string(), format!("{error:?}"));
        for text in [&shown, &debugged, advice] {
            assert!(text.chars().all(is_harmless), "{story}: {text:?}");
        }
        for page in &self.pages {
            assert!(
                page.chars().all(|c| c == '\n' || is_harmless(c)),
                "{story}: {page:?}"
            );
        }
        let pages = self.pages.iter().map(String::as_str);
        for text in [&shown, &debugged, advice].into_iter().chain(pages) {
            self.keeps_secrets(story, text);
        }
    }

    /// Nothing that nobody else may see is in `text`.
    pub fn keeps_secrets(&self, story: &str, text: &str) {
        for secret in &self.secrets {
            assert!(
                !text.contains(secret.as_str()),
                "{story}: {secret} is in {text}"
            );
        }
    }
}

/// Whether a terminal shows `c`, and does nothing else with it.
pub fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
