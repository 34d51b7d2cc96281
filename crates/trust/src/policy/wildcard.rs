//! `*` and `?`, as IAM reads them in strings.

/// Whether the whole text is what the pattern says: `*` is any run of characters, `:` and `/` among them, `?` is any one.
///
/// The time is at most pattern times text: a later `*` takes over from an earlier one, which is never tried again.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None; // after the last `*`, and where its run ends for now
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                star = Some((p, t));
            }
            Some(&wanted) if wanted == '?' || wanted == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, end)) = star else {
                    return false;
                };
                star = Some((after, end + 1));
                (p, t) = (after, end + 1);
            }
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
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
