//! One pasted line at a time, while other things happen.

use std::io::{self, PipeReader, Read};

use keyless::Secret;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::keys::{Decoder, Key};
use super::reader::{PAUSE, Reader};
use super::tty::{Quiet, Seen, Tty};

/// Lines that a person pastes, none of which is shown, for there may be a code or a token in them.
///
/// The terminal is as it was before when this is dropped, and after a panic. Ctrl-C stays a signal: who waits for lines waits for it as
/// well (as [`run`](crate::context::run) does), and drops this. No byte is taken from the terminal but those of a line that is waited for:
/// what is typed after it is the shell's.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Gives a line for each time that it is asked.
    reader: Reader,
    taken: mpsc::UnboundedReceiver<Secret>,
    asked: bool,
}

/// The longest line: more than the 100,000 characters that STS takes of a SAML response. No copy is left behind as it grows.
const LONGEST: usize = 128 * 1024;

impl Lines {
    /// The lines of this process's terminal; `None` where there is none to be read from.
    pub(crate) fn open() -> Option<Self> {
        Self::on(Tty::open()?).ok()
    }

    fn on(tty: Tty) -> io::Result<Self> {
        let (give, taken) = mpsc::unbounded_channel();
        let reader = Reader::begin(tty, "pasted lines", move |tty, quiet, asked| {
            read(tty, quiet, asked, &give);
        })?;
        Ok(Self {
            reader,
            taken,
            asked: false,
        })
    }

    /// The next line that is not empty, without its end; `None` where no other will come, since the terminal has gone away or the person
    /// has pressed Ctrl-D. Nothing is lost if this is dropped before it is ready and called again.
    pub(crate) async fn next(&mut self) -> Option<Secret> {
        if !self.asked {
            self.asked = true;
            self.reader.ask()?;
        }
        let line = self.taken.recv().await;
        self.asked = false;
        line
    }

    /// The next line with those that come right behind it, since they were pasted together: left where they are, they would be the shell's to
    /// show and to run. None where no line will come.
    pub(crate) async fn together(&mut self) -> Vec<Secret> {
        let mut lines: Vec<Secret> = self.next().await.into_iter().collect();
        while !lines.is_empty()
            && let Ok(Some(line)) = tokio::time::timeout(PAUSE, self.next()).await
        {
            lines.push(line);
        }
        lines
    }
}

/// Takes a line for each byte from `asked`.
fn read(tty: &Tty, quiet: &Quiet, mut asked: &PipeReader, give: &mpsc::UnboundedSender<Secret>) {
    while asked.read_exact(&mut [0]).is_ok() {
        let Some(line) = line(tty, quiet, asked) else {
            return;
        };
        let _ = give.send(line); // the one that asked has gone: so says the next read
    }
}

fn line(tty: &Tty, quiet: &Quiet, stop: &PipeReader) -> Option<Secret> {
    let mut decoder = Decoder::default();
    let mut line = Pasted::default();
    loop {
        match tty.key(&mut decoder, PAUSE, Some(stop)) {
            Seen::Key(Key::Char(char)) => line.push(char),
            Seen::Key(Key::Backspace) => line.back(),
            Seen::Key(Key::Clear) => line = Pasted::default(),
            Seen::Key(Key::End) if line.length == 0 => return None,
            Seen::Key(Key::Enter) if line.length > LONGEST => {
                tty.show(&format!(
                    "\r\x1b[K(not taken: longer than {LONGEST} characters)\n"
                ));
                line = Pasted::default();
            }
            Seen::Key(Key::Enter) if line.length > 0 => {
                tty.show(&format!("\r\x1b[K(received {})\n", characters(line.length)));
                return Some(Secret::new(std::mem::take(&mut *line.text)));
            }
            Seen::Key(_) => {}
            Seen::Nothing => {
                quiet.again().ok()?;
                if line.length > 0 && !line.is_told {
                    line.is_told = true;
                    tty.show(&format!(
                        "\r\x1b[K({} so far; Enter ends them)\n",
                        characters(line.length)
                    ));
                }
            }
            Seen::Stop | Seen::Gone => return None,
        }
    }
}

/// A line so far, wiped where it is given up.
struct Pasted {
    text: Zeroizing<String>,
    length: usize,
    is_told: bool,
}

impl Default for Pasted {
    fn default() -> Self {
        Self {
            text: Zeroizing::new(String::with_capacity(LONGEST)),
            length: 0,
            is_told: false,
        }
    }
}

impl Pasted {
    fn push(&mut self, char: char) {
        if self.length < LONGEST {
            self.text.push(char);
        }
        self.length = (self.length + 1).min(LONGEST + 1);
    }

    fn back(&mut self) {
        if self.length <= LONGEST && self.text.pop().is_some() {
            self.length -= 1;
        }
    }
}

fn characters(count: usize) -> String {
    format!("{count} character{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
