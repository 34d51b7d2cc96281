//! A QR code on a terminal.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// The light margin that a reader may count on, in modules (ISO/IEC 18004, 9.1).
const QUIET_ZONE: i32 = 4;

/// Black on white whatever the terminal's theme makes of its sixteen colours: these two it does not touch.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";

/// `text` as a QR code, two modules to a character; `None` where that is wider than `width` columns, and where no QR code holds so much. Each
/// line ends in a line feed.
///
/// With `colour` it is black on white. Without, the ink of the terminal is what is light, the quiet zone included: right on a dark terminal,
/// inverted on a light one, which readers on phones take as well.
pub(crate) fn qr(text: &str, width: u16, colour: bool) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let modules = -QUIET_ZONE..code.size() + QUIET_ZONE;
    if modules.len() > usize::from(width) {
        return None;
    }
    // Outside of the code all is light for `get_module`.
    let ink = |x, y| code.get_module(x, y) == colour;
    let mut drawn = String::new();
    for y in modules.clone().step_by(2) {
        if colour {
            drawn.push_str(BLACK_ON_WHITE);
        }
        drawn.extend(modules.clone().map(|x| match (ink(x, y), ink(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        }));
        let _ = writeln!(drawn, "{}", if colour { "\x1b[0m" } else { "" });
    }
    Some(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A camera: the modules as light or dark squares of three pixels, read by a decoder that nobody here wrote.
    fn read(drawn: &str, colour: bool) -> Option<String> {
        let plain = drawn.replace(BLACK_ON_WHITE, "").replace("\x1b[0m", "");
        let rows: Vec<Vec<bool>> = plain
            .lines()
            .flat_map(|line| {
                let half = |inks: &'static str| {
                    let inked = line.chars().map(move |c| inks.contains(c));
                    inked.map(|inked| inked == colour).collect()
                };
                [half("█▀"), half("█▄")]
            })
            .collect();
        let (width, height) = (rows[0].len() * 3, rows.len() * 3);
        let mut image =
            rqrr::PreparedImage::prepare_from_bitmap(width, height, |x, y| rows[y / 3][x / 3]);
        let (_, text) = image.detect_grids().first()?.decode().ok()?;
        Some(text)
    }

    fn link(length: usize) -> String {
        let head = "https://id.example/activate?user_code=";
        let tail = "WDJB-MJHT"
            .chars()
            .cycle()
            .take(length.saturating_sub(head.len()));
        head.chars().take(length).chain(tail).collect()
    }

    #[test]
    fn another_program_reads_the_same_link() {
        for length in 20..=120 {
            let colour = length % 2 == 0;
            let drawn = qr(&link(length), 80, colour).expect("it fits");
            assert_eq!(read(&drawn, colour), Some(link(length)), "{length}");
        }
    }

    #[test]
    fn it_keeps_its_margin_and_is_as_wide_as_it_says() {
        for (length, width, lines) in [(20, 33, 17), (60, 41, 21), (120, 49, 25)] {
            let drawn = qr(&link(length), width, false).expect("it fits");
            assert_eq!(qr(&link(length), width - 1, false), None, "{length}");
            assert_eq!(drawn.lines().count(), lines);
            for line in drawn.lines() {
                assert_eq!(line.chars().count(), usize::from(width));
                assert!(line.starts_with("████") && line.ends_with("████"));
            }
            let blank = "█".repeat(width.into());
            assert!(drawn.lines().take(2).all(|line| line == blank));
        }
    }

    #[test]
    fn colours_are_named_on_each_line_or_not_at_all() {
        let painted = qr(&link(40), 80, true).expect("it fits");
        for line in painted.lines() {
            assert!(line.starts_with(BLACK_ON_WHITE) && line.ends_with("\x1b[0m"));
        }
        assert!(!qr(&link(40), 80, false).expect("it fits").contains('\x1b'));
    }

    #[test]
    fn what_no_code_holds_is_not_drawn() {
        assert_eq!(qr(&"x".repeat(2954), u16::MAX, true), None);
    }
}
