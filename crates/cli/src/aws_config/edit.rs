//! Changes one profile of an AWS configuration file, and not another byte.

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edited {
    pub(super) text: Vec<u8>,
    /// The region that the profile has already, where it is another than the one that was to be written.
    pub(super) other_region: Option<String>,
}

/// Puts `credential_process = line` into the profile `name`, in place of what stands there, and `region` where there is none.
pub(super) fn put(text: &[u8], name: &str, line: &str, region: Option<&str>) -> Edited {
    let newline: &[u8] = if text.windows(2).any(|pair| pair == b"\r\n") {
        b"\r\n"
    } else {
        b"\n"
    };
    let entry = |key: &str, value: &str| [format!("{key} = {value}").as_bytes(), newline].concat();
    let found = settings(text, |section| is_profile(section, name));
    let theirs = found
        .iter()
        .find(|setting| setting.key == "region")
        .map(|setting| setting.value.clone());
    let mut ours = entry("credential_process", line);
    if let (Some(region), None) = (region, &theirs) {
        ours.extend(entry("region", region));
    }
    let other_region = theirs.filter(|theirs| region.is_some_and(|region| region != theirs));

    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let old: Vec<_> = found
        .iter()
        .filter(|setting| setting.key == "credential_process")
        .collect();
    let ended: Vec<u8>;
    if let Some(first) = old.first() {
        if old.len() == 1 && first.value == line && ours == entry("credential_process", line) {
            return Edited {
                text: text.to_vec(),
                other_region,
            };
        }
        for setting in old.iter().rev() {
            lines.drain(setting.lines.clone());
        }
        lines.insert(first.lines.start, &ours);
    } else if let Some(header) = lines
        .iter()
        .position(|line| section(line).is_some_and(|section| is_profile(&section, name)))
    {
        if !lines[header].ends_with(b"\n") {
            ended = [lines[header], newline].concat();
            lines[header] = &ended;
        }
        lines.insert(header + 1, &ours);
    } else {
        let title = if name == "default" {
            "[default]".to_owned()
        } else {
            format!("[profile {name}]")
        };
        let end: &[u8] = if text.is_empty() || text.ends_with(b"\n") {
            b""
        } else {
            newline
        };
        let gap: &[u8] = if text.is_empty() { b"" } else { newline };
        let text = [text, end, gap, title.as_bytes(), newline, &ours].concat();
        return Edited { text, other_region };
    }
    Edited {
        text: lines.concat(),
        other_region,
    }
}

/// A key of a section, with the lines it takes: what is indented below it belongs to it.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) lines: std::ops::Range<usize>,
}

/// The settings of every section that `wanted` chooses by its name.
pub(super) fn settings(text: &[u8], wanted: impl Fn(&str) -> bool) -> Vec<Setting> {
    let (mut settings, mut inside) = (Vec::<Setting>::new(), false);
    // Whether a line that is indented belongs to the setting before it.
    let mut open = false;
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if let Some(section) = section(line) {
            (inside, open) = (wanted(&section), false);
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let shown = line.trim();
        if !inside || shown.is_empty() || shown.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) && open {
            if let Some(setting) = settings.last_mut() {
                setting.lines.end = number + 1;
            }
            continue;
        }
        open = false;
        if let Some((key, value)) = shown.split_once(['=', ':']) {
            settings.push(Setting {
                key: key.trim().to_ascii_lowercase(),
                value: value.trim().to_owned(),
                lines: number..number + 1,
            });
            open = true;
        }
    }
    settings
}

/// The name between the brackets of a section's first line.
pub(super) fn section(line: &[u8]) -> Option<String> {
    let inner = line.strip_prefix(b"[")?;
    let end = inner.iter().position(|byte| *byte == b']')?;
    Some(String::from_utf8_lossy(&inner[..end]).trim().to_owned())
}

/// In the configuration a profile is called `profile NAME`, the quotes allowed; the default one may go without the word.
pub(super) fn is_profile(section: &str, name: &str) -> bool {
    let named = section
        .strip_prefix("profile")
        .filter(|rest| rest.starts_with([' ', '\t']))
        .is_some_and(|rest| rest.trim().trim_matches(['"', '\'']) == name);
    named || (name == "default" && section == "default")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "\"/bin/keyless\" credential-process dev";

    #[track_caller]
    fn check(before: &str, after: &str) {
        let edited = put(before.as_bytes(), "dev", OURS, None);
        assert_eq!(
            String::from_utf8(edited.text.clone()).unwrap(),
            after,
            "from {before:?}"
        );
        let again = put(&edited.text, "dev", OURS, None);
        assert_eq!(again.text, edited.text, "a second time changes nothing");
    }

    #[test]
    fn a_profile_is_added_after_everything_else() {
        check("", &format!("[profile dev]\ncredential_process = {OURS}\n"));
        check(
            "[default]\nregion = x",
            &format!("[default]\nregion = x\n\n[profile dev]\ncredential_process = {OURS}\n"),
        );
        check(
            "# mine\r\n[default]\r\n",
            &format!("# mine\r\n[default]\r\n\r\n[profile dev]\r\ncredential_process = {OURS}\r\n"),
        );
        check(
            "[profile devel]\n",
            &format!("[profile devel]\n\n[profile dev]\ncredential_process = {OURS}\n"),
        );
    }

    #[test]
    fn the_line_of_the_profile_is_replaced_and_nothing_else() {
        check(
            "[profile dev]\n# why\nOutput=json\nCredential_Process:old one\n  and more\ns3 =\n  addressing_style = path\n[profile b]\ncredential_process = theirs\n",
            &format!(
                "[profile dev]\n# why\nOutput=json\ncredential_process = {OURS}\ns3 =\n  addressing_style = path\n[profile b]\ncredential_process = theirs\n"
            ),
        );
        check(
            "[profile dev]\ncredential_process = one\nregion = x\ncredential_process = two\n",
            &format!("[profile dev]\ncredential_process = {OURS}\nregion = x\n"),
        );
        check(
            "[profile \"dev\"]\nregion = x\n",
            &format!("[profile \"dev\"]\ncredential_process = {OURS}\nregion = x\n"),
        );
        check(
            "[profile dev]",
            &format!("[profile dev]\ncredential_process = {OURS}\n"),
        );
        // A nested key of the same name is not the profile's own.
        check(
            "[profile dev]\nx =\n  credential_process = y\n",
            &format!("[profile dev]\ncredential_process = {OURS}\nx =\n  credential_process = y\n"),
        );
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let before = b"[profile b]\nx = \xff\xfe\n[profile dev]\ny = \xff\n";
        let after = put(before, "dev", OURS, None).text;
        let expected = [
            &b"[profile b]\nx = \xff\xfe\n[profile dev]\ncredential_process = "[..],
            OURS.as_bytes(),
            b"\ny = \xff\n",
        ]
        .concat();
        assert_eq!(after, expected);
    }

    #[test]
    fn the_default_profile_goes_by_either_name() {
        for before in ["[default]\n", "[profile default]\n"] {
            let after = put(before.as_bytes(), "default", OURS, None).text;
            assert_eq!(
                String::from_utf8(after).unwrap(),
                format!("{before}credential_process = {OURS}\n")
            );
        }
    }

    #[test]
    fn a_region_is_written_where_there_is_none_and_kept_where_there_is_one() {
        let edited = put(b"", "dev", OURS, Some("eu-west-1"));
        assert!(edited.text.ends_with(b"\nregion = eu-west-1\n"));
        let edited = put(
            b"[profile dev]\nregion = us-east-1\n",
            "dev",
            OURS,
            Some("eu-west-1"),
        );
        assert_eq!(edited.other_region.as_deref(), Some("us-east-1"));
        assert!(edited.text.ends_with(b"\nregion = us-east-1\n"));
        let edited = put(
            b"[profile dev]\nregion = eu-west-1\n",
            "dev",
            OURS,
            Some("eu-west-1"),
        );
        assert_eq!(edited.other_region, None);
    }
}
