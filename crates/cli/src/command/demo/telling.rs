//! How the story is told: numbered steps, at most eighty columns wide.

use crate::exit::Failure;
use crate::output::{self, Output, Tone};

/// Prints the story as it happens.
#[derive(Debug)]
pub(super) struct Telling {
    output: Output,
    steps: u32,
}

impl Telling {
    pub(super) fn new(output: Output) -> Self {
        Self { output, steps: 0 }
    }

    /// The next step.
    pub(super) fn step(&mut self, title: &str) -> Result<(), Failure> {
        self.steps += 1;
        self.title(&format!("{}. {title}", self.steps))
    }

    /// A part without a number.
    pub(super) fn title(&self, title: &str) -> Result<(), Failure> {
        let title = self.output.on_stdout(title, Tone::Strong);
        output::data(&format!("\n{title}\n"))
    }
}

/// A paragraph.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    output::data(&folded(text, INDENT))
}

/// A name and a value in two columns.
pub(super) fn fact(name: &str, value: &str) -> Result<(), Failure> {
    output::data(&format!("{INDENT}{name:<9}  {value}\n"))
}

/// Something to type, as it is.
pub(super) fn command(line: &str) -> Result<(), Failure> {
    output::data(&format!("{INDENT}  {line}\n"))
}

const INDENT: &str = "   ";
const WIDTH: usize = 80;

/// `text` in lines that begin with `indent`; a word that is too long stands by itself.
fn folded(text: &str, indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > indent.len() && line + 1 + word.chars().count() > WIDTH {
            lines.push(indent.to_owned());
        }
        if let Some(line) = lines.last_mut() {
            if line.len() > indent.len() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn lines_end_before_the_eightieth_column() {
        let text = folded(&"twelve chars ".repeat(30), "   ");
        assert!(text.lines().count() > 4);
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= 80 && line.starts_with("   t")),
            "{text}"
        );
        assert_eq!(
            folded(&"x".repeat(90), " "),
            format!(" {}\n", "x".repeat(90))
        );
    }
}
