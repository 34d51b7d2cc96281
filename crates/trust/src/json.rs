//! JSON with the place of every value and name, so that a message about a policy can point at its line and column.
//!
//! Stricter than most readers: a member that is there twice is an error, as two readers would disagree about which one
//! counts. Reads in one pass, nests at most [`DEPTH`] deep, and never panics.

use std::{collections::BTreeSet, fmt, ops::Range};

use crate::policy::{Place, Text};

/// A value, where it begins, and which bytes of the text it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    pub(crate) span: Range<usize>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    String(String),
    Array(Vec<Value>),
    /// In the order of the document; each name is there once.
    Object(Vec<Member>),
}

/// A name with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: Text,
    pub(crate) value: Value,
}

/// Reads one JSON text (RFC 8259). A byte order mark in front is passed over (§8.1).
pub(crate) fn parse(text: &str) -> Result<Value, JsonError> {
    let mut reader = Reader {
        text,
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        place: Place::default(),
    };
    let value = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.error("something follows the JSON text")),
    }
}

impl Value {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// A string with its place.
    pub(crate) fn as_text(&self) -> Option<Text> {
        self.as_str().map(|text| Text::new(text, self.place))
    }

    pub(crate) fn as_array(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::Array(values) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&[Member]> {
        match &self.kind {
            Kind::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member of this name, to the letter.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let member = self
            .as_object()?
            .iter()
            .find(|member| &*member.name == name)?;
        Some(&member.value)
    }

    /// `a list`, for messages.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::Array(_) => "a list",
            Kind::Object(_) => "an object",
        }
    }
}

/// Why a text is no JSON that is read here, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonError {
    pub(crate) message: String,
    pub(crate) place: Place,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.message, self.place)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize, // in bytes, always between two characters
    place: Place,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.skip_space();
        let (start, place) = (self.at, self.place);
        if depth == DEPTH {
            return Err(self.error(&format!("nested more than {DEPTH} deep")));
        }
        let kind = match self.peek() {
            None => return Err(self.error("the text ends where a value should be")),
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Kind::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some(_) => self.word()?,
        };
        Ok(Value {
            kind,
            place,
            span: start..self.at,
        })
    }

    fn object(&mut self, depth: usize) -> Result<Kind, JsonError> {
        let (mut members, mut seen) = (Vec::new(), BTreeSet::new());
        self.step();
        self.skip_space();
        if self.take('}') {
            return Ok(Kind::Object(members));
        }
        loop {
            self.skip_space();
            let place = self.place;
            if self.peek() != Some('"') {
                return Err(self.expected("a member's name in quotes"));
            }
            let name = self.string()?;
            if !seen.insert(name.clone()) {
                return Err(JsonError {
                    message: format!("the member {name:?} is there twice"),
                    place,
                });
            }
            self.skip_space();
            if !self.take(':') {
                return Err(self.expected("a colon"));
            }
            let value = self.value(depth + 1)?;
            members.push(Member {
                name: Text::new(name, place),
                value,
            });
            self.skip_space();
            if self.take('}') {
                return Ok(Kind::Object(members));
            }
            if !self.take(',') {
                return Err(self.expected("a comma or a closing brace"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Kind, JsonError> {
        let mut values = Vec::new();
        self.step();
        self.skip_space();
        if self.take(']') {
            return Ok(Kind::Array(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(']') {
                return Ok(Kind::Array(values));
            }
            if !self.take(',') {
                return Err(self.expected("a comma or a closing bracket"));
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let mut string = String::new();
        let begins = self.place;
        self.step();
        loop {
            match self.peek() {
                None => {
                    return Err(JsonError {
                        message: "a string that does not end".to_owned(),
                        place: begins,
                    });
                }
                Some('"') => {
                    self.step();
                    return Ok(string);
                }
                Some('\\') => string.push(self.escape()?),
                Some(control) if control < ' ' => {
                    return Err(self.error("a control character in a string"));
                }
                Some(plain) => {
                    string.push(plain);
                    self.step();
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let place = self.place;
        let wrong = || JsonError {
            message: "a backslash that escapes nothing".to_owned(),
            place,
        };
        self.step();
        let escaped = match self.peek().ok_or_else(wrong)? {
            plain @ ('"' | '\\' | '/') => plain,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                self.step();
                let first = self.hex().ok_or_else(wrong)?;
                // Beyond the basic plane a character is a pair of escapes (RFC 8259 §7).
                let code = if (0xd800..0xdc00).contains(&first) {
                    let second = (self.take('\\') && self.take('u')).then(|| self.hex());
                    let low = second
                        .flatten()
                        .filter(|low| (0xdc00..0xe000).contains(low));
                    0x1_0000 + ((first - 0xd800) << 10) + (low.ok_or_else(wrong)? - 0xdc00)
                } else {
                    first
                };
                return char::from_u32(code).ok_or_else(wrong);
            }
            _ => return Err(wrong()),
        };
        self.step();
        Ok(escaped)
    }

    fn hex(&mut self) -> Option<u32> {
        let mut code = 0;
        for _ in 0..4 {
            code = code * 16 + self.peek()?.to_digit(16)?;
            self.step();
        }
        Some(code)
    }

    fn number(&mut self) -> Result<Kind, JsonError> {
        let start = self.at;
        self.take('-');
        if !self.take('0') {
            self.digits()?;
        }
        if self.take('.') {
            self.digits()?;
        }
        if self.take('e') || self.take('E') {
            let _ = self.take('+') || self.take('-');
            self.digits()?;
        }
        Ok(Kind::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.step();
        }
        if self.at == start {
            return Err(self.expected("a digit"));
        }
        Ok(())
    }

    fn word(&mut self) -> Result<Kind, JsonError> {
        for (word, kind) in [
            ("true", Kind::Bool(true)),
            ("false", Kind::Bool(false)),
            ("null", Kind::Null),
        ] {
            if self.text[self.at..].starts_with(word) {
                for _ in 0..word.len() {
                    self.step();
                }
                return Ok(kind);
            }
        }
        Err(self.expected("a value"))
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.step();
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.step();
        }
        there
    }

    /// Goes one character on. Columns count characters, as editors do.
    fn step(&mut self) {
        let Some(character) = self.peek() else {
            return;
        };
        self.at += character.len_utf8();
        if character == '\n' {
            self.place.line += 1;
            self.place.column = 1;
        } else {
            self.place.column += 1;
        }
    }

    fn expected(&self, what: &str) -> JsonError {
        match self.peek() {
            None => self.error(&format!("the text ends where {what} should be")),
            Some(found) => self.error(&format!("expected {what}, found {found:?}")),
        }
    }

    fn error(&self, message: &str) -> JsonError {
        JsonError {
            message: message.to_owned(),
            place: self.place,
        }
    }
}

/// How deep a text may nest: as `serde_json` has it, and far beyond any policy, template or plan.
const DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: &Value) -> serde_json::Value {
        match &value.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(value) => (*value).into(),
            Kind::Number(text) => serde_json::from_str(text).expect("a number"),
            Kind::String(text) => text.as_str().into(),
            Kind::Array(values) => values.iter().map(plain).collect(),
            Kind::Object(members) => members
                .iter()
                .map(|member| (member.name.to_string(), plain(&member.value)))
                .collect(),
        }
    }

    #[test]
    fn reads_what_another_reader_reads() {
        for text in [
            "null",
            " [ ] ",
            "{}",
            r#"{"a": [1, -0, 2.50, 3e8, -1.5E-2, true, false, null, "x"], "b": {"c": {}}}"#,
            r#""\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00ä😀""#,
            "[[[[\"deep\"]]]]",
            "\u{20}\t\r\n1",
        ] {
            let other: serde_json::Value = serde_json::from_str(text).expect(text);
            assert_eq!(plain(&parse(text).expect(text)), other, "{text}");
        }
        assert_eq!(plain(&parse("\u{feff}1").expect("a mark")), 1);
    }

    #[test]
    fn refuses_what_another_reader_refuses_and_says_where() {
        for (text, says, line, column) in [
            ("", "ends where a value should be", 1, 1),
            ("{\n  \"a\": \n}", "expected a value, found '}'", 3, 1),
            ("{\"a\" 1}", "expected a colon", 1, 6),
            ("{\"a\": 1,}", "expected a member's name", 1, 9),
            ("{a: 1}", "expected a member's name", 1, 2),
            ("[1 2]", "expected a comma or a closing bracket", 1, 4),
            ("[1", "the text ends where a comma", 1, 3),
            ("[01]", "expected a comma", 1, 3),
            ("[1.]", "expected a digit", 1, 4),
            ("[-]", "expected a digit", 1, 3),
            ("[+1]", "expected a value", 1, 2),
            ("[nul]", "expected a value", 1, 2),
            ("[\"a]", "a string that does not end", 1, 2),
            ("[\"a\nb\"]", "a control character", 1, 4),
            (r#"["\x"]"#, "a backslash that escapes nothing", 1, 3),
            (r#"["\ud800"]"#, "a backslash that escapes nothing", 1, 3),
            (r#"["\u12"]"#, "a backslash that escapes nothing", 1, 3),
            ("1 1", "something follows", 1, 3),
            ("'a'", "expected a value", 1, 1),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.message.contains(says), "{text}: {error}");
            assert_eq!(
                (error.place.line, error.place.column),
                (line, column),
                "{text}: {error}"
            );
            assert!(
                serde_json::from_str::<serde_json::Value>(text).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_member_that_is_there_twice_is_an_error() {
        let error = parse("{\"ä\": 1,\n \"\\u00e4\": 2}").expect_err("twice");
        assert_eq!(
            error.to_string(),
            "the member \"ä\" is there twice at line 2 column 2"
        );
    }

    #[test]
    fn every_value_knows_its_place_and_its_bytes() {
        let text = "{\n  \"ä\": [\"é\", {\"b\": true}]\n}";
        let value = parse(text).expect("good JSON");
        let list = value.get("ä").expect("a member");
        let [first, second] = list.as_array().expect("a list") else {
            panic!("two of them");
        };
        assert_eq!((list.place.line, list.place.column), (2, 8));
        assert_eq!((first.place.line, first.place.column), (2, 9));
        assert_eq!(&text[first.span.clone()], "\"é\"");
        let inner = second.get("b").expect("a member");
        assert_eq!((inner.place.line, inner.place.column), (2, 20));
        assert_eq!(&text[second.span.clone()], "{\"b\": true}");
    }

    #[test]
    fn depth_is_limited_and_length_is_not() {
        assert!(parse(&"[".repeat(1_000_000)).is_err());
        assert!(parse(&("[".repeat(DEPTH - 1) + "1" + &"]".repeat(DEPTH - 1))).is_ok());
        assert!(parse(&("[".repeat(DEPTH) + "1" + &"]".repeat(DEPTH))).is_err());
        assert!(parse(&format!("[{}0]", "0,".repeat(200_000))).is_ok());
    }
}
