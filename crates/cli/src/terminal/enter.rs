//! Enter, pressed while other things happen.

use std::io::{self, PipeReader};

use tokio::sync::oneshot;

use super::keys::{Decoder, Key};
use super::reader::{PAUSE, Reader};
use super::tty::{Quiet, Seen, Tty};

/// Waits for Enter, and shows nothing of what is typed until then. The terminal is as it was before when this is dropped.
#[derive(Debug)]
pub(crate) struct Enter {
    _reader: Reader,
}

impl Enter {
    /// At the terminal of this process, with what tells that it was pressed; `None` where there is none to be read from.
    pub(crate) fn open() -> Option<(Self, oneshot::Receiver<()>)> {
        Self::on(Tty::open()?).ok()
    }

    fn on(tty: Tty) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (tell, pressed) = oneshot::channel();
        let reader = Reader::begin(tty, "enter", move |tty, quiet, stop| {
            if is_pressed(tty, quiet, stop) {
                let _ = tell.send(()); // nobody may be left to tell
            }
        })?;
        Ok((Self { _reader: reader }, pressed))
    }
}

/// Whether Enter came before the end.
fn is_pressed(tty: &Tty, quiet: &Quiet, stop: &PipeReader) -> bool {
    let mut decoder = Decoder::default();
    loop {
        match tty.key(&mut decoder, PAUSE, Some(stop)) {
            Seen::Key(Key::Enter) => return true,
            Seen::Key(_) => {}
            Seen::Nothing if quiet.again().is_ok() => {}
            Seen::Nothing | Seen::Stop | Seen::Gone => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::terminal::pty::Person;

    #[tokio::test]
    async fn enter_is_told_and_no_other_key() {
        for (typed, left) in [("\r", ""), ("abc \x1b[A\x7f\n", ""), ("\rls\r", "ls\r")] {
            let person = Person::new(80, 24);
            let before = person.modes();
            let (enter, pressed) = Enter::on(person.tty()).expect("a terminal");
            assert_ne!(person.modes(), before);
            person.types(typed);
            let told = timeout(Duration::from_mins(2), pressed).await;
            assert_eq!(told, Ok(Ok(())), "{typed:?}");
            assert!(!person.has_seen().contains("abc"), "{typed:?}");
            drop(enter);
            assert_eq!(person.modes(), before, "{typed:?}");
            if !left.is_empty() {
                let (_enter, pressed) = Enter::on(person.tty()).expect("a terminal");
                let told = timeout(Duration::from_mins(2), pressed).await;
                assert_eq!(
                    told,
                    Ok(Ok(())),
                    "{typed:?}: what came after it is the next one's"
                );
            }
        }
    }

    #[tokio::test]
    async fn nobody_is_told_who_waits_no_longer() {
        let person = Person::new(80, 24);
        let before = person.modes();
        let (enter, pressed) = Enter::on(person.tty()).expect("a terminal");
        person.types("abc");
        drop(enter);
        assert!(pressed.await.is_err());
        assert_eq!(person.modes(), before);
    }
}
