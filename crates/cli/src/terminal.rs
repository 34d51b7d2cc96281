//! What a person's terminal can do besides showing lines: a list to choose from, a code for a phone's camera, a line to paste, and whether
//! a browser is near.

#[cfg(unix)]
pub(crate) mod enter;
#[cfg(unix)]
mod keys;
#[cfg(unix)]
pub(crate) mod line;
pub(crate) mod picker;
#[cfg(all(test, unix))]
mod pty;
pub(crate) mod qr;
#[cfg(unix)]
mod reader;
pub(crate) mod surroundings;
#[cfg(unix)]
mod tty;

/// How many columns and rows the terminal has.
pub(crate) fn size() -> (u16, u16) {
    #[cfg(unix)]
    if let Some(terminal) = tty::Tty::open() {
        let size = terminal.size();
        return (size.columns, size.rows);
    }
    (80, 24)
}

/// Whether this process is the one that the person works with at the terminal.
pub(crate) fn is_ours() -> bool {
    #[cfg(unix)]
    return tty::Tty::open().is_some();
    #[cfg(not(unix))]
    true
}
