//! One reason in words, with a name that stays.

use serde::Serialize;

use crate::policy::Place;

/// Why not, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hint {
    /// A stable name in kebab-case.
    pub id: &'static str,
    /// What is the matter and what to do: a clause or two. Text from outside stands in quotes, escaped.
    pub words: String,
    /// The statement it is about, from one.
    pub statement: Option<usize>,
    /// Where in the policy.
    pub place: Option<Place>,
}

impl Hint {
    pub(super) fn new(id: &'static str, words: impl Into<String>) -> Self {
        Self {
            id,
            words: words.into(),
            statement: None,
            place: None,
        }
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(super) fn of(mut self, statement: usize) -> Self {
        self.statement = Some(statement);
        self
    }
}
