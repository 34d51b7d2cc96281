//! `*` and `?`, as IAM reads them in strings.

/// One character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// `*`: any run of characters, `:` and `/` among them.
    Many,
    /// `?`: any one character.
    One,
    /// Itself.
    Char(char),
}

impl Glyph {
    /// What a character of the policy's text means in a pattern.
    pub(crate) fn of(character: char) -> Self {
        match character {
            '*' => Self::Many,
            '?' => Self::One,
            other => Self::Char(other),
        }
    }

    /// What it is where there are no wildcards.
    pub(crate) fn literal(self) -> char {
        match self {
            Self::Many => '*',
            Self::One => '?',
            Self::Char(character) => character,
        }
    }
}

/// Whether the whole text is what the pattern says.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    glyphs_match(pattern.chars().map(Glyph::of), text)
}

/// The same, for a pattern that is not just a text.
///
/// The time is at most pattern times text, without any memory: a later `*` takes over from an earlier one, which is
/// never tried again.
pub(crate) fn glyphs_match(mut pattern: impl Iterator<Item = Glyph> + Clone, text: &str) -> bool {
    let mut rest = text.chars();
    let mut star = None; // the pattern after the last `*`, and the text after its run, as far as that goes for now
    loop {
        let glyph = pattern.next();
        if glyph == Some(Glyph::Many) {
            star = Some((pattern.clone(), rest.clone()));
            continue;
        }
        match (glyph, rest.next()) {
            (None, None) => return true,
            (Some(Glyph::One), Some(_)) => continue,
            (Some(Glyph::Char(wanted)), Some(found)) if wanted == found => continue,
            _ => {}
        }
        let Some((after, run_ends)) = &mut star else {
            return false;
        };
        if run_ends.next().is_none() {
            return false;
        }
        (pattern, rest) = (after.clone(), run_ends.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_cross_every_separator_and_nothing_else_is_special() {
        for (pattern, text, expected) in [
            ("repo:acme/app:*", "repo:acme/app:ref:refs/heads/main", true),
            ("repo:acme*", "repo:acme-evil/app:pull_request", true),
            ("repo:*:ref", "repo:a/b:c:ref", true),
            ("*", "", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("a?c", "a:c", true),
            ("a?c", "aßc", true),
            ("a?c", "ac", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("[a-z]+", "abc", false),
            ("a.c", "abc", false),
            ("**a**", "a", true),
            ("", "", true),
            ("", "a", false),
            ("A", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} / {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_pattern_times_text() {
        let pattern = "*a".repeat(200) + "*b";
        assert!(!matches(&pattern, &"a".repeat(20_000))); // would outlast the universe if each star were tried anew
    }
}
