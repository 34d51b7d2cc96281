//! Takes out of an AWS configuration file what was written into it, and not another byte.

use super::edit::{Setting, is_profile, section, settings};

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) text: Vec<u8>,
    /// The profiles that have changed, as they are called there.
    pub(super) profiles: Vec<String>,
}

/// Removes the `credential_process` of every profile that `wanted` chooses by its name and that line. A profile that has nothing else than
/// `region`, and no comment, is what was written, and goes with it.
pub(super) fn remove(
    text: &[u8],
    region: Option<&str>,
    wanted: impl Fn(&str, &str) -> bool,
) -> Removed {
    let mut removed = Removed {
        text: text.to_vec(),
        profiles: Vec::new(),
    };
    for name in profiles(text) {
        if let Some(text) = without(&removed.text, &name, region, |line| wanted(&name, line)) {
            removed.text = text;
            removed.profiles.push(name);
        }
    }
    removed
}

/// The names of the profiles, each once.
fn profiles(text: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let Some(section) = section(line) else {
            continue;
        };
        let bare = section.strip_prefix("profile").unwrap_or(&section);
        let name = bare.trim().trim_matches(['"', '\'']).to_owned();
        if is_profile(&section, &name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The text without the lines of the profile `name` that are `ours`; `None` where there are none.
fn without(
    text: &[u8],
    name: &str,
    region: Option<&str>,
    ours: impl Fn(&str) -> bool,
) -> Option<Vec<u8>> {
    let is_ours = |setting: &Setting| setting.key == "credential_process" && ours(&setting.value);
    let found = settings(text, |section| is_profile(section, name));
    let (out, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(is_ours);
    if out.is_empty() {
        return None;
    }
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let is_blank = |line: &[u8]| line.trim_ascii().is_empty();
    let headers = |line: &&[u8]| section(line).is_some_and(|section| is_profile(&section, name));
    let is_region = |setting: &Setting| setting.key == "region" && Some(&*setting.value) == region;

    let first = lines.iter().position(&headers)?;
    let after = lines[first + 1..]
        .iter()
        .position(|line| line.starts_with(b"["));
    let end = after.map_or(lines.len(), |after| first + 1 + after);
    let written: usize = out
        .iter()
        .chain(&rest)
        .map(|setting| setting.lines.len())
        .sum();
    let others = lines[first + 1..end]
        .iter()
        .filter(|line| !is_blank(line))
        .count();
    let is_once = lines.iter().filter(|line| headers(line)).count() == 1;
    if is_once && rest.iter().all(is_region) && others == written {
        let filled = (first..end).rev().find(|line| !is_blank(lines[*line]));
        let last = filled.unwrap_or(first);
        // The empty line that parted it from what stood before, or else from what comes after.
        let (from, to) = match (first.checked_sub(1), lines.get(last + 1)) {
            (Some(before), _) if is_blank(lines[before]) => (before, last + 1),
            (None, Some(next)) if is_blank(next) => (first, last + 2),
            _ => (first, last + 1),
        };
        lines.drain(from..to);
    } else {
        for setting in out.iter().rev() {
            lines.drain(setting.lines.clone());
        }
    }
    Some(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::super::edit::put;
    use super::*;

    const OURS: &str = "\"/bin/keyless\" credential-process dev";

    fn removed(text: &str) -> String {
        let is_ours = |_: &str, line: &str| line == OURS;
        let removed = remove(text.as_bytes(), Some("eu-west-1"), is_ours);
        String::from_utf8(removed.text).expect("text")
    }

    #[test]
    fn what_was_written_goes_and_the_file_is_as_before() {
        for before in [
            "",
            "[default]\nregion = x\n",
            "# mine\r\n[default]\r\n",
            "[default]\n\n\n[profile b]\nregion = x\n\n",
            "[profile dev]\n# why\noutput = json\ns3 =\n  addressing_style = path\n\n[profile b]\nregion = y\n",
            "[profile \"dev\"]\n; a comment\n",
        ] {
            for region in [None, Some("eu-west-1")] {
                let after = put(before.as_bytes(), "dev", OURS, region);
                assert_ne!(after.text, before.as_bytes());
                let region_stays =
                    before.contains("[profile dev]") || before.contains("[profile \"dev\"]");
                if region.is_some() && region_stays {
                    continue; // nobody knows who wrote it
                }
                let text = String::from_utf8(after.text).expect("text");
                assert_eq!(removed(&text), before, "from {text:?}");
            }
        }
    }

    #[test]
    fn what_is_not_ours_stays() {
        for (before, after) in [
            ("[profile dev]\ncredential_process = theirs\n", None),
            (
                "[profile dev]\n# credential_process = \"/bin/keyless\" credential-process dev\n",
                None,
            ),
            (
                "[profile dev]\nx =\n  credential_process = \"/bin/keyless\" credential-process dev\n",
                None,
            ),
            (
                "[sso-session dev]\ncredential_process = \"/bin/keyless\" credential-process dev\n",
                None,
            ),
            (
                "[profile dev]\ncredential_process = \"/bin/keyless\" credential-process dev\nregion = us-east-1\n",
                Some("[profile dev]\nregion = us-east-1\n"),
            ),
            (
                "[profile dev]\ncredential_process = \"/bin/keyless\" credential-process dev\n[profile dev]\noutput = json\n",
                Some("[profile dev]\n[profile dev]\noutput = json\n"),
            ),
            (
                "[profile dev]\ncredential_process = \"/bin/keyless\" credential-process dev\n# a note\n",
                Some("[profile dev]\n# a note\n"),
            ),
            (
                "[profile a]\ncredential_process = \"/bin/keyless\" credential-process dev\n\n[profile b]\ncredential_process = \"/bin/keyless\" credential-process dev\nregion = eu-west-1\n\n[profile c]\nregion = x\n",
                Some("[profile c]\nregion = x\n"),
            ),
        ] {
            assert_eq!(removed(before), after.unwrap_or(before));
        }
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let before = b"[profile b]\nx = \xff\xfe\n";
        let text = put(before, "dev", OURS, None).text;
        let removed = remove(&text, None, |_, line| line == OURS);
        assert_eq!(
            (removed.text, removed.profiles),
            (before.to_vec(), vec!["dev".to_owned()])
        );
    }
}
