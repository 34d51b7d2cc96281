//! The picker at work on a terminal.

use std::io;
use std::time::Duration;

use super::list::{Frame, List, Move};
use super::plain;
use crate::exit::{DENIED, Failure, INTERNAL, INTERRUPTED};
use crate::output::{Output, Tone};
use crate::terminal::keys::{Decoder, Key};
use crate::terminal::tty::{Quiet, Seen, Size, Tty};

/// How long after an `ESC` the rest of a key's sequence may come, over a slow line as well; and how soon a new width is noticed.
const PAUSE: Duration = Duration::from_millis(100);

/// The one that is chosen; `None` where there is no terminal.
pub(super) fn choose(
    output: Output,
    question: &str,
    roles: &[&str],
) -> Option<Result<String, Failure>> {
    Some(choose_at(&Tty::open()?, output, question, roles))
}

pub(super) fn choose_at(
    tty: &Tty,
    output: Output,
    question: &str,
    roles: &[&str],
) -> Result<String, Failure> {
    let mut list = List::new(question, roles);
    let quiet = tty.quiet(true).map_err(|error| gone(&error))?;
    let mut screen = Screen {
        tty,
        output,
        drawn: None,
    };
    let outcome = ask(&mut list, &quiet, &mut screen);
    screen.clear();
    let row = outcome?;
    tty.show(&format!("{question} {}\n", plain(roles[row])));
    Ok(roles[row].to_owned())
}

fn ask(list: &mut List<'_>, quiet: &Quiet, screen: &mut Screen<'_>) -> Result<usize, Failure> {
    let mut decoder = Decoder::default();
    loop {
        screen.draw(list);
        let page = List::window(screen.tty.size());
        let key = loop {
            quiet.again().map_err(|error| gone(&error))?;
            match screen.tty.key(&mut decoder, PAUSE, None) {
                Seen::Key(key) => break key,
                Seen::Nothing if screen.is_as_drawn() => {}
                Seen::Nothing => screen.draw(list),
                Seen::Stop | Seen::Gone => return Err(gone(&io::ErrorKind::UnexpectedEof.into())),
            }
        };
        match key {
            Key::Char(char) => list.search(|text| text.push(char)),
            Key::Backspace => list.search(|text| {
                text.pop();
            }),
            Key::Clear => list.search(String::clear),
            Key::Up => list.go(Move::Up(1)),
            Key::Down => list.go(Move::Down(1)),
            Key::PageUp => list.go(Move::Up(page)),
            Key::PageDown => list.go(Move::Down(page)),
            Key::First => list.go(Move::Up(usize::MAX)),
            Key::Last => list.go(Move::Down(usize::MAX)),
            Key::Enter => {
                if let Some(row) = list.highlighted() {
                    return Ok(row);
                }
            }
            Key::Escape | Key::End => {
                return Err(Failure::new(DENIED, "no role was chosen")
                    .with_advice("choose one, or say which with --role ARN"));
            }
            Key::Interrupt => return Err(Failure::new(INTERRUPTED, "interrupted")),
        }
    }
}

fn gone(error: &io::Error) -> Failure {
    Failure::new(
        INTERNAL,
        format!("the terminal cannot be read from: {error}"),
    )
    .with_advice("say which role with --role ARN")
}

/// A frame on the terminal, drawn over the one before it, with the cursor where one types.
struct Screen<'a> {
    tty: &'a Tty,
    output: Output,
    drawn: Option<(Frame, Size)>,
}

impl Screen<'_> {
    fn is_as_drawn(&self) -> bool {
        let size = self.tty.size();
        self.drawn.as_ref().is_some_and(|(_, drawn)| *drawn == size)
    }

    fn draw(&mut self, list: &mut List<'_>) {
        let size = self.tty.size();
        let frame = list.frame(size);
        let lines: Vec<String> = frame
            .lines
            .iter()
            .enumerate()
            .map(|(place, line)| match place {
                0 => self.output.on_stderr(line, Tone::Strong),
                _ if Some(place) == frame.highlighted => self.output.on_stderr(line, Tone::Hint),
                _ => line.clone(),
            })
            .collect();
        let (row, column) = frame.cursor;
        let up = frame.lines.len() - 1 - row;
        let text = format!(
            "{}{}\r\x1b[{up}A\x1b[{column}C",
            self.to_the_top(),
            lines.join("\r\n")
        );
        self.tty.show(&text);
        self.drawn = Some((frame, size));
    }

    fn clear(&mut self) {
        self.tty.show(&self.to_the_top());
        self.drawn = None;
    }

    /// Goes to where the last frame began, and takes away what is there.
    fn to_the_top(&self) -> String {
        match &self.drawn {
            Some((frame, _)) => format!("\r\x1b[{}A\x1b[J", frame.cursor.0),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
