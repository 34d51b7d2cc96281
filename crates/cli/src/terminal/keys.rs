//! What a person presses, out of the bytes that a terminal sends.

/// A key, or a character that was pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Enter,
    Backspace,
    /// Ctrl-U: away with the whole line.
    Clear,
    /// Ctrl-C, where the terminal does not make a signal of it.
    Interrupt,
    /// Ctrl-D.
    End,
    Escape,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

/// Reads bytes as they come: UTF-8, and the sequences of ECMA-48 that terminals send for keys. What it does not know it swallows whole,
/// the marks around a paste (`ESC [ 200 ~`) included, so that no part of a sequence is taken for text.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Plain,
    /// After `ESC`.
    Escape,
    /// After `ESC [`, with the parameters so far.
    Sequence(String),
    /// After `ESC O`, which some terminals send in place of `ESC [`.
    Single,
    /// In the middle of a character.
    Utf8(Vec<u8>),
}

/// No key sends more parameters than this.
const LONGEST_SEQUENCE: usize = 16;

impl Decoder {
    /// The key that `byte` ends.
    pub(crate) fn push(&mut self, byte: u8) -> Option<Key> {
        match std::mem::take(&mut self.state) {
            State::Plain => self.plain(byte),
            State::Escape => {
                self.state = match byte {
                    b'[' => State::Sequence(String::new()),
                    b'O' => State::Single,
                    0x1b => State::Escape,
                    _ => State::Plain, // Alt with a key, which means nothing here
                };
                None
            }
            State::Sequence(mut parameters) => match byte {
                0x20..=0x3f if parameters.len() < LONGEST_SEQUENCE => {
                    parameters.push(char::from(byte));
                    self.state = State::Sequence(parameters);
                    None
                }
                _ => named(byte, &parameters),
            },
            State::Single => named(byte, ""),
            State::Utf8(mut bytes) => {
                if !(0x80..=0xbf).contains(&byte) {
                    return self.plain(byte); // what came before it is no character
                }
                bytes.push(byte);
                match std::str::from_utf8(&bytes) {
                    Ok(text) => text.chars().next().map(Key::Char),
                    Err(error) if error.error_len().is_none() => {
                        self.state = State::Utf8(bytes);
                        None
                    }
                    Err(_) => None,
                }
            }
        }
    }

    /// Nothing has come for a while: an `ESC` that stands alone was the key.
    pub(crate) fn pause(&mut self) -> Option<Key> {
        match std::mem::take(&mut self.state) {
            State::Escape => Some(Key::Escape),
            _ => None,
        }
    }

    fn plain(&mut self, byte: u8) -> Option<Key> {
        match byte {
            0x1b => {
                self.state = State::Escape;
                None
            }
            0xc2..=0xf4 => {
                self.state = State::Utf8(vec![byte]);
                None
            }
            b'\r' | b'\n' => Some(Key::Enter),
            0x08 | 0x7f => Some(Key::Backspace),
            0x03 => Some(Key::Interrupt),
            0x04 => Some(Key::End),
            0x0e => Some(Key::Down), // Ctrl-N and Ctrl-P, as shells have them
            0x10 => Some(Key::Up),
            0x15 => Some(Key::Clear),
            b' '..=b'~' => Some(Key::Char(char::from(byte))),
            _ => None,
        }
    }
}

/// The key whose sequence ends in `last`. A modifier, as in `ESC [ 1 ; 5 A`, does not count.
fn named(last: u8, parameters: &str) -> Option<Key> {
    let number = parameters.split(';').next().unwrap_or_default();
    match (last, number) {
        (b'A', _) => Some(Key::Up),
        (b'B', _) => Some(Key::Down),
        (b'H', _) | (b'~', "1" | "7") => Some(Key::First),
        (b'F', _) | (b'~', "4" | "8") => Some(Key::Last),
        (b'~', "5") => Some(Key::PageUp),
        (b'~', "6") => Some(Key::PageDown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys: Vec<Key> = bytes
            .iter()
            .filter_map(|&byte| decoder.push(byte))
            .collect();
        keys.extend(decoder.pause());
        keys
    }

    #[test]
    fn keys_are_told_apart_however_a_terminal_sends_them() {
        for (bytes, key) in [
            (&b"\r"[..], Key::Enter),
            (b"\n", Key::Enter),
            (b"\x7f", Key::Backspace),
            (b"\x08", Key::Backspace),
            (b"\x15", Key::Clear),
            (b"\x03", Key::Interrupt),
            (b"\x04", Key::End),
            (b"\x1b", Key::Escape),
            (b"\x1b\x1b", Key::Escape),
            (b"\x1b[A", Key::Up),
            (b"\x1bOA", Key::Up),
            (b"\x1b[1;5A", Key::Up),
            (b"\x10", Key::Up),
            (b"\x1b[B", Key::Down),
            (b"\x0e", Key::Down),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6~", Key::PageDown),
            (b"\x1b[H", Key::First),
            (b"\x1bOH", Key::First),
            (b"\x1b[1~", Key::First),
            (b"\x1b[7~", Key::First),
            (b"\x1b[F", Key::Last),
            (b"\x1b[4~", Key::Last),
            ("é".as_bytes(), Key::Char('é')),
            ("漢".as_bytes(), Key::Char('漢')),
            ("😀".as_bytes(), Key::Char('😀')),
        ] {
            assert_eq!(keys(bytes), [key], "{bytes:?}");
        }
    }

    #[test]
    fn no_part_of_a_sequence_is_taken_for_text() {
        let ok = [Key::Char('o'), Key::Char('k')];
        for bytes in [
            &b"\x1b[200~ok\x1b[201~"[..], // a paste between its marks
            b"\x1b[15~ok",                // F5
            b"\x1b[Zok",                  // Shift-Tab
            b"\x1b[<35;10;5Mok",          // a mouse
            b"\x1bfok",                   // Alt-F
            b"\x1bOPok",                  // F1
            b"\x00\x01\x02ok",
            b"\xffok", // no UTF-8
            b"\xc3ok", // half a character
            b"\xe6\xbcok",
            b"o\xf0\x9fk",
        ] {
            assert_eq!(keys(bytes), ok, "{bytes:?}");
        }
    }

    #[test]
    fn a_sequence_without_an_end_is_not_kept_for_ever() {
        let mut endless = vec![0x1b, b'['];
        endless.extend(std::iter::repeat_n(b'1', 100_000));
        assert!(keys(&endless).len() > 99_000);
    }
}
