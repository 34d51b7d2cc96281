//! An explanation as a report for a person.

use std::fmt;

use super::{ConditionFacts, Explanation, Outcome, StatementFacts};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}",
            match self.outcome {
                Outcome::Allowed => "allowed: the trust policy lets this in",
                Outcome::Refused =>
                    "refused: STS turns this away before it looks at the trust policy",
                Outcome::ExplicitDeny => "denied: a statement of the trust policy denies this",
                Outcome::ImplicitDeny => "denied: no statement of the trust policy allows this",
            }
        )?;
        if let Some(said) = &self.answer {
            writeln!(f, "STS says: {}: {}", said.code, plain(&said.message))?;
            writeln!(f, "which means: {}", said.cause)?;
        }
        if !self.hints.is_empty() {
            writeln!(f, "\nwhy")?;
        }
        for hint in &self.hints {
            let (statement, place) = (hint.statement, hint.place);
            let whose = statement.map_or(String::new(), |number| format!("statement {number}: "));
            let place = place.map_or(String::new(), |place| {
                format!(" (policy {}:{})", place.line, place.column)
            });
            writeln!(f, "  - {whose}{}{place} [{}]", plain(&hint.words), hint.id)?;
        }
        if !self.statements.is_empty() {
            writeln!(
                f,
                "\n{}",
                if self.outcome == Outcome::Refused {
                    "what the trust policy would say after that"
                } else {
                    "the trust policy"
                }
            )?;
        }
        for statement in &self.statements {
            statement.write(f)?;
        }
        if !self.changes.is_empty() {
            writeln!(f, "\nwhat would allow it")?;
        }
        for change in &self.changes {
            writeln!(f, "  - {}", plain(&change.words))?;
            if let Some(command) = change.command_line() {
                writeln!(f, "      {}", plain(&command))?;
            }
            for line in change.diff.iter().flat_map(|diff| diff.lines()) {
                writeln!(f, "      {line}")?;
            }
        }
        if !self.unseen.is_empty() {
            writeln!(f, "\nwhat cannot be seen from here")?;
        }
        for unseen in &self.unseen {
            writeln!(f, "  - {unseen}")?;
        }
        Ok(())
    }
}

impl StatementFacts {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .sid
            .as_ref()
            .map_or(String::new(), |sid| format!(" {sid:?}"));
        let effect = if self.denies { "Deny" } else { "Allow" };
        writeln!(
            f,
            "  statement {}{name}, {effect}, line {}",
            self.number, self.place.line
        )?;
        writeln!(f, "    {} principal", mark(self.principal))?;
        let actions = self.actions.join(", ");
        writeln!(
            f,
            "    {} action{}",
            mark(!self.actions.is_empty()),
            if actions.is_empty() {
                String::new()
            } else {
                format!(": {actions}")
            }
        )?;
        self.conditions
            .iter()
            .try_for_each(|condition| condition.write(f))
    }
}

impl ConditionFacts {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &[String]| {
            let shown: Vec<_> = values
                .iter()
                .take(MOST)
                .map(|value| format!("{value:?}"))
                .collect();
            let more = values.len().saturating_sub(MOST);
            shown.join(", ")
                + &if more > 0 {
                    format!(", and {more} more")
                } else {
                    String::new()
                }
        };
        let found = self.found.as_deref().map_or("absent".to_owned(), list);
        writeln!(
            f,
            "    {} {} {}",
            mark(self.held),
            self.operator,
            self.key.escape_debug()
        )?;
        writeln!(f, "         wanted {}", list(&self.wanted))?;
        writeln!(f, "         found  {found}")
    }
}

fn mark(held: bool) -> &'static str {
    if held { "yes" } else { "no " }
}

/// What is shown may have come from outside: nothing of it reaches a terminal raw.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// So many values of a condition are shown.
const MOST: usize = 8;
