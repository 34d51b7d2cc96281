//! How near two texts are.

/// How two texts that differ come near each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nearness {
    /// They differ in case alone.
    Case,
    /// One has a slash at its end that the other lacks.
    Slash,
    /// One has space around it.
    Space,
    /// One writes `:` where the other has `%3A`.
    Percent,
    /// A few letters: so many must be changed.
    Letters(usize),
}

/// How the two come near each other; `None` if they are equal, or far apart.
pub(super) fn near(wanted: &str, found: &str) -> Option<Nearness> {
    if wanted == found {
        return None;
    }
    let decoded = |text: &str| text.replace("%3A", ":").replace("%3a", ":");
    if wanted.trim() == found.trim() {
        Some(Nearness::Space)
    } else if wanted.trim_end_matches('/') == found.trim_end_matches('/') {
        Some(Nearness::Slash)
    } else if wanted.to_lowercase() == found.to_lowercase() {
        Some(Nearness::Case)
    } else if decoded(wanted) == decoded(found) {
        Some(Nearness::Percent)
    } else {
        let (wanted, found): (Vec<_>, Vec<_>) = (wanted.chars().collect(), found.chars().collect());
        let longest = wanted.len().max(found.len());
        let changed = distance(&wanted, &found)?;
        (changed <= 3 && changed * 4 <= longest).then_some(Nearness::Letters(changed))
    }
}

/// How many letters must be put in, taken out, changed, or swapped with their neighbour. `None` where the texts are so
/// unlike in length or so long that nobody would take one for the other.
fn distance(left: &[char], right: &[char]) -> Option<usize> {
    if left.len().abs_diff(right.len()) > 3 || left.len() > LONGEST {
        return None;
    }
    let mut above = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut least = (row[j] + usize::from(a != b))
                .min(row[j + 1] + 1)
                .min(next[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                least = least.min(above[j - 1] + 1);
            }
            next.push(least);
        }
        above = std::mem::replace(&mut row, next);
    }
    row.last().copied()
}

const LONGEST: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_near_what() {
        for (wanted, found, nearness) in [
            ("a", "a", None),
            ("Acme/app", "acme/app", Some(Nearness::Case)),
            ("https://a/", "https://a", Some(Nearness::Slash)),
            ("alice ", "alice", Some(Nearness::Space)),
            ("env:prod:eu", "env:prod%3Aeu", Some(Nearness::Percent)),
            (
                "repo:acme/ap:x",
                "repo:acme/app:x",
                Some(Nearness::Letters(1)),
            ),
            ("repository_id", "repositry_di", Some(Nearness::Letters(2))),
            ("main", "dev", None),
            ("ab", "cd", None),
            ("email", "emial", Some(Nearness::Letters(1))),
            ("alice", "bob", None),
        ] {
            assert_eq!(near(wanted, found), nearness, "{wanted} / {found}");
        }
        assert_eq!(near(&"a".repeat(100_000), &"b".repeat(100_000)), None);
    }
}
