//! YAML as JSON, CloudFormation's short tags written out, each value on its own line and as near to its column as may be.
//!
//! So places in the JSON text are places in the YAML file, but for what an alias brings.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

/// The first document of a YAML text as JSON. An error is a clause with its place.
pub(super) fn to_json(yaml: &str) -> Result<String, String> {
    let mut writer = Writer::default();
    for event in Parser::new_from_str(yaml) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let (line, column) = (span.start.line(), span.start.col() + 1);
        match event {
            Event::DocumentEnd => break,
            Event::Scalar(text, style, anchor, tag) => {
                writer.scalar(&text, style, anchor, tag.as_deref(), line, column);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                writer.open('[', anchor, tag.as_deref(), line, column)
            }
            Event::MappingStart(anchor, tag) => {
                writer.open('{', anchor, tag.as_deref(), line, column)
            }
            Event::SequenceEnd => writer.close(']'),
            Event::MappingEnd => writer.close('}'),
            Event::Alias(anchor) => writer.alias(anchor),
            _ => Ok(()),
        }
        .map_err(|message| format!("{message} at line {line} column {column}"))?;
        if writer.text.len() > LONGEST {
            return Err(format!("it becomes longer than {LONGEST} bytes"));
        }
    }
    Ok(writer.text)
}

#[derive(Default)]
struct Writer {
    text: String,
    line: usize,
    column: usize,
    open: Vec<Open>,
    /// The value of each anchor.
    anchors: HashMap<usize, String>,
}

/// A list or an object that is being written.
struct Open {
    is_object: bool,
    /// How many names and values it has.
    count: usize,
    /// Where it begins, if it has an anchor.
    anchor: Option<(usize, usize)>,
    /// What ends the function around it.
    after: &'static str,
}

impl Writer {
    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        line: usize,
        column: usize,
    ) {
        let is_name = self.before(line, column);
        let quoted = serde_json::Value::from(text).to_string();
        let plain = style == ScalarStyle::Plain && tag.is_none() && !is_name;
        let json = match (function(tag), plain) {
            (Some(name), _) => format!("{{{}:{quoted}}}", serde_json::Value::from(name)),
            (None, true) if matches!(text, "" | "~" | "null" | "Null" | "NULL") => {
                "null".to_owned()
            }
            (None, true)
                if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") =>
            {
                text.to_lowercase()
            }
            (None, true) if is_number(text) => text.to_owned(),
            _ => quoted,
        };
        let start = self.text.len();
        self.push(&json);
        self.remember(anchor, start);
        self.after(is_name);
    }

    fn open(
        &mut self,
        bracket: char,
        anchor: usize,
        tag: Option<&Tag>,
        line: usize,
        column: usize,
    ) -> Result<(), String> {
        if self.before(line, column) {
            return Err("a name is a list or a mapping".to_owned());
        }
        if self.open.len() > DEEPEST {
            return Err(format!("nested more than {DEEPEST} deep"));
        }
        let start = self.text.len();
        let mut after = "";
        if let Some(name) = function(tag) {
            self.push(&format!("{{{}:", serde_json::Value::from(name)));
            after = "}";
        }
        self.push(&bracket.to_string());
        self.open.push(Open {
            is_object: bracket == '{',
            count: 0,
            anchor: (anchor > 0).then_some((anchor, start)),
            after,
        });
        Ok(())
    }

    fn close(&mut self, bracket: char) -> Result<(), String> {
        let open = self.open.pop().ok_or("it ends what never began")?;
        self.push(&bracket.to_string());
        self.push(open.after);
        if let Some((anchor, start)) = open.anchor {
            self.remember(anchor, start);
        }
        self.after(false);
        Ok(())
    }

    fn alias(&mut self, anchor: usize) -> Result<(), String> {
        let json = self
            .anchors
            .get(&anchor)
            .cloned()
            .ok_or("an alias of what is not complete")?;
        if self.before(self.line, self.column) && !json.starts_with('"') {
            return Err("a name is no string".to_owned());
        }
        let is_name = self.expects_name();
        self.push(&json);
        self.after(is_name);
        Ok(())
    }

    /// Writes what goes in front of a value or a name, and tells whether it is a name.
    fn before(&mut self, line: usize, column: usize) -> bool {
        let is_name = self.expects_name();
        let separated = self
            .open
            .last()
            .is_some_and(|open| open.count > 0 && (is_name || !open.is_object));
        if separated {
            self.push(",");
        }
        while self.line + 1 < line {
            self.push("\n");
        }
        while self.column + 1 < column {
            self.push(" ");
        }
        is_name
    }

    fn after(&mut self, is_name: bool) {
        if is_name {
            self.push(":");
        }
        if let Some(open) = self.open.last_mut() {
            open.count += 1;
        }
    }

    fn expects_name(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| open.is_object && open.count.is_multiple_of(2))
    }

    fn remember(&mut self, anchor: usize, start: usize) {
        if anchor > 0 {
            // On one line, so that an alias moves nothing.
            self.anchors
                .insert(anchor, self.text[start..].replace('\n', " "));
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        for character in text.chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 0;
            } else {
                self.column += 1;
            }
        }
    }
}

/// What a short tag stands for.
///
/// Source: CloudFormation user guide, "Intrinsic function reference".
fn function(tag: Option<&Tag>) -> Option<String> {
    let tag = tag.filter(|tag| tag.handle == "!")?;
    Some(match tag.suffix.as_str() {
        "Ref" | "Condition" => tag.suffix.clone(),
        name => format!("Fn::{name}"),
    })
}

/// Whether a plain scalar is a number in JSON's grammar; others, such as an account's id with a leading zero, are text.
fn is_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}

/// Aliases of aliases can make much of little. CloudFormation takes a template of one megabyte.
const LONGEST: usize = 16 << 20;
const DEEPEST: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(yaml: &str) -> Value {
        let text = to_json(yaml).expect(yaml);
        serde_json::from_str(&text).expect(&text)
    }

    #[test]
    fn tags_are_written_out_and_scalars_keep_their_kind() {
        for (yaml, expected) in [
            ("a: !Ref B\n", json!({"a": {"Ref": "B"}})),
            ("a: !GetAtt B.Arn\n", json!({"a": {"Fn::GetAtt": "B.Arn"}})),
            ("a: !Sub '${B}/x'\n", json!({"a": {"Fn::Sub": "${B}/x"}})),
            (
                "a: !Join\n  - ':'\n  - [x, !Ref B]\n",
                json!({"a": {"Fn::Join": [":", ["x", {"Ref": "B"}]]}}),
            ),
            (
                "a: !Sub\n  - '${X}'\n  - X: 1\n",
                json!({"a": {"Fn::Sub": ["${X}", {"X": 1}]}}),
            ),
            (
                "Version: 2012-10-17\nb: 012345678901\nc: 12\nd: '12'\ne: yes\nf: true\ng: ~\nh:\n",
                json!({
                "Version": "2012-10-17", "b": "012345678901", "c": 12, "d": "12", "e": "yes", "f": true, "g": null, "h": null}),
            ),
            (
                "a: &x {b: [1]}\nc: *x\n",
                json!({"a": {"b": [1]}, "c": {"b": [1]}}),
            ),
            ("12: a\ntrue: b\n", json!({"12": "a", "true": "b"})),
            ("a: |\n  b\n  c\n", json!({"a": "b\nc\n"})),
            ("[]\n---\nb\n", json!([])),
        ] {
            assert_eq!(read(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn each_value_stays_on_its_line() {
        let yaml = "# comment\nResources:\n\n  Role:\n    Type: AWS::IAM::Role\n    List:\n      - one\n      - !Ref two\n";
        let json = to_json(yaml).expect("YAML");
        for (word, line) in [
            ("Resources", 2),
            ("Role", 4),
            ("Type", 5),
            ("one", 7),
            ("two", 8),
        ] {
            let found = json
                .lines()
                .position(|text| text.contains(&format!("\"{word}\"")))
                .map(|line| line + 1);
            assert_eq!(found, Some(line), "{word} in {json}");
        }
        assert_eq!(
            json.lines().nth(6).and_then(|line| line.find("\"one\"")),
            Some(8),
            "and in its column"
        );
    }

    #[test]
    fn what_is_no_yaml_is_an_error() {
        for (yaml, says) in [
            ("a: [", "line"),
            ("? [a]\n: b\n", "a name is a list"),
            ("a: &x [*x]\n", "an alias of what is not complete"),
            (&"[".repeat(150), "nested"),
        ] {
            let error = to_json(yaml).expect_err(yaml);
            assert!(error.contains(says), "{error} / {says}");
        }
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let inner = format!("*a{}", level - 1);
            let inner = [inner.as_str(); 10].join(",");
            bomb += &[
                "a",
                &level.to_string(),
                ": &a",
                &level.to_string(),
                " [",
                &inner,
                "]\n",
            ]
            .concat();
        }
        assert!(to_json(&bomb).expect_err("a bomb").contains("longer than"));
    }
}
