//! What a stranger need not read: addresses, subjects, account ids, and whose home folder it is.

use std::path::PathBuf;

/// Hides what says who somebody is, so that a report can be shown to strangers.
#[derive(Debug, Default)]
pub(super) struct Mask {
    home: Option<String>,
    /// Names of the person or the job, the longest first.
    names: Vec<String>,
}

/// Shorter ones stand in other words as well, and count only as words.
const LONG: usize = 4;

/// The hexadecimal digits of a SHA-1, the shortest digest that is shown: an issuer's thumbprint.
const DIGEST: usize = 40;

impl Mask {
    pub(super) fn new(home: Option<PathBuf>, names: impl IntoIterator<Item = String>) -> Self {
        let home = home
            .map(|home| home.to_string_lossy().into_owned())
            .filter(|home| home.len() > 1);
        let mut names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Self { home, names }
    }

    /// `text` with as much left as says which of several it is.
    pub(super) fn over(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some(home) = &self.home {
            text = text.replace(home, "~");
        }
        for name in &self.names {
            text = if name.chars().count() < LONG {
                replaced_as_word(&text, name)
            } else {
                text.replace(name, &shortened(name))
            };
        }
        without_accounts(&without_addresses(&text))
    }
}

/// `a…@example.com`, or the first two characters of anything else.
fn shortened(name: &str) -> String {
    match name.split_once('@') {
        Some((_, domain)) => format!("{}…@{domain}", first(name, 1)),
        None => format!("{}…", first(name, 2)),
    }
}

/// `text` with `name` hidden where it is a word of its own.
fn replaced_as_word(text: &str, name: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut end = 0;
    for (start, _) in text.match_indices(name) {
        let (before, after) = (&text[..start], &text[start + name.len()..]);
        if !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric) {
            masked.push_str(&text[end..start]);
            masked.push_str(first(name, 1));
            masked.push('…');
            end = start + name.len();
        }
    }
    masked + &text[end..]
}

fn first(text: &str, count: usize) -> &str {
    let end = text.char_indices().nth(count);
    &text[..end.map_or(text.len(), |(end, _)| end)]
}

/// Addresses: what stands before an `@` up to anything that cannot stand there (RFC 5322 §3.4.1, dot-atom), where a host
/// follows.
fn without_addresses(text: &str) -> String {
    let local = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_{|}~.…".contains(c);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        let start = before
            .char_indices()
            .rev()
            .take_while(|(_, c)| local(*c))
            .last()
            .map_or(at, |(start, _)| start);
        let is_host = after[1..].starts_with(|c: char| c.is_alphanumeric());
        if start < at && is_host {
            // A path before it is none of it: a session's ARN has the role's name there.
            let start = before[start..]
                .rfind('/')
                .map_or(start, |slash| start + slash + 1);
            masked.push_str(&before[..start]);
            masked.push_str(first(&before[start..], 1));
            masked.push('…');
        } else {
            masked.push_str(before);
        }
        masked.push('@');
        rest = &after[1..];
    }
    masked + rest
}

/// Account ids: exactly twelve digits in a row. A digest in hexadecimal has such digits by chance, and is left whole.
fn without_accounts(text: &str) -> String {
    let digest = |run: &str| run.len() >= DIGEST && run.chars().any(|c| c.is_ascii_alphabetic());
    let mut masked = String::with_capacity(text.len());
    for run in runs(text, |c| c.is_ascii_hexdigit()) {
        if digest(run) {
            masked.push_str(run);
            continue;
        }
        for number in runs(run, |c| c.is_ascii_digit()) {
            if number.len() == 12 && number.starts_with(|c: char| c.is_ascii_digit()) {
                masked.extend([&number[..2], "…", &number[10..]]);
            } else {
                masked.push_str(number);
            }
        }
    }
    masked
}

/// `text`, cut wherever characters that are `such` begin and end.
fn runs(text: &str, such: fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let kind = such(rest.chars().next()?);
        let end = rest.find(|c| such(c) != kind).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_says_who_or_whose() {
        let names = ["auth0|6543", "bob", "carol@example.com", "Überall"];
        let mask = Mask::new(Some("/home/alice".into()), names.map(String::from));
        for (text, shown) in [
            ("~ and nothing else", "~ and nothing else"),
            ("/home/alice/.config and /home/alice", "~/.config and ~"),
            (
                "signed in as alice@example.com at",
                "signed in as a…@example.com at",
            ),
            ("<a.b+c@example.com>, x@y", "<a…@example.com>, x…@y"),
            (
                "arn:aws:sts::111122223333:assumed-role/Dev/alice@example.com",
                "arn:aws:sts::11…33:assumed-role/Dev/a…@example.com",
            ),
            ("sub auth0|6543 is bob", "sub au… is b…"),
            ("bob-bobby, kebob", "b…-bobby, kebob"),
            ("carol@example.com", "c…@example.com"),
            ("Überall", "Üb…"),
            (
                "1111222233334 and 11112222333",
                "1111222233334 and 11112222333",
            ),
            ("111122223333", "11…33"),
            ("role111122223333face", "role11…33face"),
            (
                "dd31ffe064fba97425dffed27d0b111122223333",
                "dd31ffe064fba97425dffed27d0b111122223333",
            ),
            ("@ @x a@ ü@ü", "@ @x a@ ü…@ü"),
            ("", ""),
        ] {
            assert_eq!(mask.over(text), shown, "{text:?}");
            assert_eq!(
                mask.over(&mask.over(text)),
                mask.over(text),
                "twice {text:?}"
            );
        }
    }

    #[test]
    fn a_root_without_a_home_keeps_its_paths() {
        assert_eq!(Mask::new(Some("/".into()), []).over("/etc/x"), "/etc/x");
    }
}
