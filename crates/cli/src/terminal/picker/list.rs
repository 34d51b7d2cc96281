//! What the picker holds and shows, apart from any terminal.

use super::plain;
use crate::terminal::tty::Size;

/// The roles, what is searched for, and which is highlighted.
#[derive(Debug)]
pub(super) struct List<'a> {
    question: &'a str,
    rows: Vec<Row>,
    search: String,
    /// Those of `rows` that match.
    matches: Vec<usize>,
    /// Which of `matches` is highlighted, and which is at the top of the window.
    at: usize,
    top: usize,
}

#[derive(Debug)]
struct Row {
    arn: String,
    lower: String,
    account: String,
    name: String,
}

/// A move over the list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    Up(usize),
    Down(usize),
}

/// What stands on the screen: its lines, none wider than the terminal, and where one types.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) lines: Vec<String>,
    /// Which of them is highlighted.
    pub(super) highlighted: Option<usize>,
    /// The line of the search, and the column behind it.
    pub(super) cursor: (usize, usize),
}

/// More rows than this are no help to an eye.
const MOST_ROWS: usize = 15;
/// The lines around the list: the question, the search, the whole ARN, the keys; and one that stays free.
const AROUND: usize = 5;

impl<'a> List<'a> {
    pub(super) fn new(question: &'a str, roles: &[&str]) -> Self {
        Self {
            question,
            rows: roles.iter().map(|role| Row::new(role)).collect(),
            search: String::new(),
            matches: (0..roles.len()).collect(),
            at: 0,
            top: 0,
        }
    }

    /// Searches for something else.
    pub(super) fn search(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.search);
        let lower = self.search.to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let is_match = |row: &Row| words.iter().all(|word| row.lower.contains(word));
        self.matches = (0..self.rows.len())
            .filter(|&row| is_match(&self.rows[row]))
            .collect();
        (self.at, self.top) = (0, 0);
    }

    pub(super) fn go(&mut self, step: Move) {
        let last = self.matches.len().saturating_sub(1);
        self.at = match step {
            Move::Up(rows) => self.at.saturating_sub(rows),
            Move::Down(rows) => self.at.saturating_add(rows).min(last),
        };
    }

    /// Which of the roles is highlighted.
    pub(super) fn highlighted(&self) -> Option<usize> {
        self.matches.get(self.at).copied()
    }

    /// How many roles are seen at once.
    pub(super) fn window(size: Size) -> usize {
        usize::from(size.rows)
            .saturating_sub(AROUND)
            .clamp(1, MOST_ROWS)
    }

    pub(super) fn frame(&mut self, size: Size) -> Frame {
        let width = usize::from(size.columns).saturating_sub(1).max(1); // at the last column some terminals go on to the next line
        let window = Self::window(size);
        self.top = self
            .top
            .clamp((self.at + 1).saturating_sub(window), self.at);

        let count = format!("{} of {}", self.matches.len(), self.rows.len());
        let search = format!("search: {}", end(&self.search, width.saturating_sub(10)));
        let cursor = (1, search.chars().count().min(width));
        let mut lines = vec![format!("{} ({count})", self.question), search];
        let account = self.rows.iter().map(|row| row.account.len()).max();
        let account = account.unwrap_or_default();
        let shown = self.matches.iter().skip(self.top).take(window);
        for (place, &row) in shown.enumerate() {
            let mark = if self.top + place == self.at {
                '>'
            } else {
                ' '
            };
            let row = &self.rows[row];
            let name = middle_cut(&row.name, width.saturating_sub(account + 4));
            lines.push(format!("{mark} {:account$}  {name}", row.account));
        }
        let highlighted = self.highlighted().map(|_| 2 + self.at - self.top);
        match self.highlighted() {
            Some(row) => lines.push(middle_cut(&self.rows[row].arn, width)),
            None => lines.push("no role matches; Backspace or Ctrl-U for more".into()),
        }
        let keys = "type to search, Up/Down to move, Enter to take, Esc for none";
        let few = "Enter takes, Esc leaves";
        lines.push(if keys.len() <= width { keys } else { few }.into());
        for line in &mut lines {
            *line = end_cut(line, width);
        }
        Frame {
            lines,
            highlighted,
            cursor,
        }
    }
}

impl Row {
    fn new(role: &str) -> Self {
        let arn = plain(role);
        // arn:PARTITION:iam::ACCOUNT:role/PATH/NAME
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let (account, name) = match *parts {
            ["arn", _, "iam", "", account, resource] => (
                account.to_owned(),
                resource
                    .strip_prefix("role/")
                    .unwrap_or(resource)
                    .to_owned(),
            ),
            _ => (String::new(), arn.clone()),
        };
        Self {
            lower: arn.to_lowercase(),
            arn,
            account,
            name,
        }
    }
}

/// The last `width` characters, which are those one types.
fn end(text: &str, width: usize) -> String {
    let skipped = text.chars().count().saturating_sub(width);
    text.chars().skip(skipped).collect()
}

fn end_cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain(['…']).collect()
}

/// Cut in the middle where it is too long: names differ at the end, and ARNs as well.
fn middle_cut(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let head = kept / 3;
    let tail = text.chars().skip(length - (kept - head));
    text.chars().take(head).chain(['…']).chain(tail).collect()
}

#[cfg(test)]
mod tests;
