//! What a person's terminal can do besides showing lines: a list to choose from, a code for a phone's camera, a line to paste, and whether
//! a browser is near.

#[cfg(unix)]
mod keys;
#[cfg(unix)]
pub(crate) mod line;
pub(crate) mod picker;
#[cfg(all(test, unix))]
mod pty;
pub(crate) mod qr;
pub(crate) mod surroundings;
#[cfg(unix)]
mod tty;

/// How wide the terminal is.
pub(crate) fn columns() -> u16 {
    #[cfg(unix)]
    if let Some(terminal) = tty::Tty::open() {
        return terminal.size().columns;
    }
    80
}
