//! Nothing long-lived at rest: where of all that a run left behind, files and keyring items, a secret stands.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use crate::real::Parts;

/// A secret that stands where it may be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Which one: the name that the story gave it.
    pub what: String,
    /// Where: a path below the folder that was looked at, or the label of a keyring item.
    pub place: String,
    /// How it is written: `plain`, `base64` or `hex`.
    pub writing: &'static str,
}

/// Every file below `folder` in which one of `secrets`, each with its name, stands: as it is, escaped as JSON or as a form have it, in Base64 (either
/// alphabet, also as a part of something longer) or in hexadecimal. A file's name counts as its content. No symbolic link is followed.
///
/// # Panics
///
/// If a secret has less than eight characters, since such a one is found by chance; if a file cannot be read.
pub fn found(folder: &Path, secrets: &[(&str, &str)]) -> Vec<Found> {
    let mut all = Vec::new();
    for path in files(folder) {
        let place = path
            .strip_prefix(folder)
            .expect("below it")
            .display()
            .to_string();
        let mut bytes = fs::read(&path).expect("readable");
        bytes.push(b'\n');
        bytes.extend(place.as_bytes());
        all.extend(found_in(&place, &bytes, secrets));
    }
    all.sort();
    all
}

/// Every item of the keyring behind `bus` (a `D-Bus` address) in which one of `secrets` stands, under the same terms as [`found`].
///
/// # Panics
///
/// If the keyring is locked, or has no item at all: then there is nothing to look at, and a story should know.
pub fn found_in_keyring(parts: &Parts, bus: &str, secrets: &[(&str, &str)]) -> Vec<Found> {
    let items = parts.keyring_items(bus);
    assert!(!items.is_empty(), "the keyring is empty");
    let mut all = Vec::new();
    for item in items {
        let text = |name: &str| item[name].as_str().expect("text").to_owned();
        let mut bytes = BASE64_STANDARD.decode(text("secret")).expect("Base64");
        bytes.extend(item["attributes"].to_string().as_bytes());
        bytes.extend(text("label").as_bytes());
        all.extend(found_in(&text("label"), &bytes, secrets));
    }
    all.sort();
    all
}

fn found_in(place: &str, bytes: &[u8], secrets: &[(&str, &str)]) -> Vec<Found> {
    let text = String::from_utf8_lossy(bytes);
    let found = |what: &str, writing| Found {
        what: what.to_owned(),
        place: place.to_owned(),
        writing,
    };
    let mut all = Vec::new();
    for &(what, secret) in secrets {
        assert!(secret.len() >= 8, "{what} is too short to be looked for");
        let writings = [
            ("plain", stands_plain(&text, secret)),
            ("base64", stands_in_base64(&text, secret)),
            ("hex", text.to_ascii_lowercase().contains(&hex(secret))),
        ];
        let there = writings.into_iter().filter(|&(_, stands)| stands);
        all.extend(there.map(|(writing, _)| found(what, writing)));
    }
    all
}

fn stands_plain(text: &str, secret: &str) -> bool {
    let json = Value::from(secret).to_string();
    let form: String = byte_serialize(secret.as_bytes()).collect();
    [secret, json.trim_matches('"'), &form]
        .iter()
        .any(|writing| text.contains(writing))
}

/// The secret may begin at any of the three places that a byte has in four digits. Those digits that say something of its neighbours
/// as well are left out.
fn stands_in_base64(text: &str, secret: &str) -> bool {
    let text: String = text
        .chars()
        .filter(|letter| !letter.is_ascii_whitespace()) // lines, as in a PEM
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    (0..3).any(|before| {
        let bytes = [&[0; 2][..before], secret.as_bytes()].concat();
        let digits = BASE64_STANDARD_NO_PAD.encode(&bytes);
        let first = (before * 8).div_ceil(6);
        let last = bytes.len() * 8 / 6;
        text.contains(&digits[first..last])
    })
}

fn hex(secret: &str) -> String {
    let digits = secret.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            files.extend(self::files(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base64::Engine;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::{found, hex};

    const SECRET: &str = "??>>~~refresh\"token/+=";

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let standard = |text: &str| BASE64_STANDARD.encode(text);
        let url_safe = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let lines = |text: String| {
            text.as_bytes()
                .chunks(7)
                .map(|line| [line, b"\n"].concat())
                .collect::<Vec<_>>()
                .concat()
        };
        let whole = serde_json::json!({ "kept": SECRET }).to_string();
        let rows: [(&str, Vec<u8>, Option<&str>); 14] = [
            (
                "as it is",
                format!("before{SECRET}after").into(),
                Some("plain"),
            ),
            (
                "among bytes that are no text",
                [b"\xff\xfe\0", SECRET.as_bytes(), b"\xff"].concat(),
                Some("plain"),
            ),
            ("in JSON", whole.clone().into(), Some("plain")),
            (
                "in a form",
                "token=%3F%3F%3E%3E%7E%7Erefresh%22token%2F%2B%3D&a=b".into(),
                Some("plain"),
            ),
            ("in Base64", standard(SECRET).into(), Some("base64")),
            (
                "in the other Base64",
                url_safe(SECRET).into(),
                Some("base64"),
            ),
            (
                "at the second place",
                standard(&format!("a{SECRET}b")).into(),
                Some("base64"),
            ),
            (
                "at the third place",
                url_safe(&format!("ab{SECRET}")).into(),
                Some("base64"),
            ),
            (
                "in a part of a token",
                format!("x.{}.y", url_safe(&format!("{{\"a\":1{SECRET}}}"))).into(),
                Some("base64"),
            ),
            ("on several lines", lines(standard(SECRET)), Some("base64")),
            ("in hexadecimal", hex(SECRET).into(), Some("hex")),
            (
                "in great hexadecimal",
                hex(SECRET).to_uppercase().into(),
                Some("hex"),
            ),
            ("another", "??>>~~refresh\"token/+-".into(), None),
            ("its beginning", SECRET[..SECRET.len() - 1].into(), None),
        ];
        for (story, bytes, writing) in rows {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("within")).unwrap();
            fs::write(folder.path().join("within/file"), bytes).unwrap();
            let all = found(
                folder.path(),
                &[("refresh token", SECRET), ("another", "not there")],
            );
            let all: Vec<_> = all
                .iter()
                .map(|one| (one.what.as_str(), one.place.as_str(), one.writing))
                .collect();
            let wanted: Vec<_> = writing
                .map(|writing| ("refresh token", "within/file", writing))
                .into_iter()
                .collect();
            assert_eq!(all, wanted, "{story}");
        }
    }

    #[test]
    fn the_name_of_a_file_counts() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a-code-of-theirs.json"), "").unwrap();
        let all = found(folder.path(), &[("code", "a-code-of-theirs")]);
        assert_eq!(all.len(), 1, "{all:?}");
    }

    #[test]
    #[should_panic(expected = "too short")]
    fn what_is_found_by_chance_is_not_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        found(folder.path(), &[("code", "abc")]);
    }
}
