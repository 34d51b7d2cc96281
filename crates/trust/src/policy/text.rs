//! Where in a document something stands.

use std::{fmt, ops::Deref};

use serde::Serialize;

/// A place in a text, counted from one. A column is a character, as editors count.
///
/// Its default is the beginning of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl Default for Place {
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// A string of a policy, and where it stands. It is used as the `str` that it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text {
    /// The string, its escapes read.
    pub text: String,
    /// Where it begins.
    pub place: Place,
}

impl Text {
    pub(crate) fn new(text: impl Into<String>, place: Place) -> Self {
        Self {
            text: text.into(),
            place,
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
