//! Which profiles of AWS's own files come to a profile of ours, and what keeps AWS tools from coming.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use keyless::Environment;

use super::edit::settings;
use super::{file, replace, shadow};
use crate::context::Context;
use crate::exit::{Failure, INVALID};

/// What a look at the files found. Nothing is changed.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The configuration of AWS tools.
    pub(crate) file: PathBuf,
    /// The profiles in it that run `keyless credential-process` for ours.
    pub(crate) lines: Vec<Line>,
    /// A sentence for each thing that comes before one of them.
    pub(crate) shadows: Vec<String>,
}

/// A profile of AWS's that comes here.
#[derive(Debug)]
pub(crate) struct Line {
    /// What it is called there.
    pub(crate) profile: String,
    /// The program that it runs; where there is none, what is there instead.
    pub(crate) program: Result<PathBuf, String>,
}

/// Looks for profiles that come to `ours`.
///
/// # Errors
/// Where there is no home folder, or a file cannot be read.
pub(crate) fn survey(context: &Context, ours: &str) -> Result<Survey, Failure> {
    let environment = &context.environment;
    let read = |variable: &str, name: &str| {
        let path = file(context, variable, name)?;
        let text = replace::read(&path).map_err(|error| {
            let shown = path.display();
            Failure::new(INVALID, format!("{shown} cannot be read: {error}"))
                .with_advice("see to the file: AWS tools cannot read it either")
        })?;
        Ok::<_, Failure>((path, text))
    };
    let (config, config_text) = read("AWS_CONFIG_FILE", "config")?;
    let (credentials, credentials_text) = read("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    let lines: Vec<Line> = lines(&config_text, ours, environment);
    let mut shadows: Vec<String> = Vec::new();
    for line in &lines {
        let found = shadow::shadows(
            &line.profile,
            (&config, &config_text),
            (&credentials, &credentials_text),
            environment,
        );
        // What is in the environment hides them all alike.
        shadows.extend(
            found
                .into_iter()
                .filter(|found| !shadows.contains(found))
                .collect::<Vec<_>>(),
        );
    }
    Ok(Survey {
        file: config,
        lines,
        shadows,
    })
}

fn lines(text: &[u8], ours: &str, environment: &Environment) -> Vec<Line> {
    let sections = RefCell::new(Vec::new());
    settings(text, |section| {
        sections.borrow_mut().push(section.to_owned());
        false
    });
    let mut lines = Vec::new();
    for section in sections.into_inner() {
        let found = settings(text, |candidate| candidate == section);
        let line = found
            .iter()
            .find(|setting| setting.key == "credential_process");
        let words = line
            .and_then(|line| shlex::split(&line.value))
            .unwrap_or_default();
        let [program, rest @ ..] = &*words else {
            continue;
        };
        if is_for(rest, ours) {
            let profile = section.strip_prefix("profile").unwrap_or(&section);
            lines.push(Line {
                profile: profile.trim().trim_matches(['"', '\'']).to_owned(),
                program: found_program(program, environment),
            });
        }
    }
    lines
}

/// Whether these words after the program's name ask for the session of `ours`.
fn is_for(words: &[String], ours: &str) -> bool {
    let mut words = words
        .iter()
        .skip_while(|word| *word != "credential-process");
    words.next().is_some() && words.any(|word| word == ours)
}

/// The program, as a shell would find it.
fn found_program(name: &str, environment: &Environment) -> Result<PathBuf, String> {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return if !path.is_absolute() {
            Err(format!("{name}, which depends on the folder it is run in"))
        } else if is_program(path) {
            Ok(path.to_owned())
        } else {
            Err(format!("{name}, and there is no such program"))
        };
    }
    let folders = environment.os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&folders).map(|folder| folder.join(name));
    places
        .find(|place| is_program(place))
        .ok_or_else(|| format!("{name}, and there is no such program in PATH"))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_profiles_that_run_us_for_ours_come_here() {
        let text = "[profile a]\ncredential_process = \"/no/keyless\" credential-process dev\n\
                    [profile b]\ncredential_process = \"/no/keyless\" credential-process other\n\
                    [default]\ncredential_process = keyless-not-there credential-process --region x dev\n\
                    [profile c]\ncredential_process = something dev\n\
                    [profile 'd e']\ncredential_process=bin/keyless credential-process dev\n[sso-session x]\n";
        let environment = Environment::of([("PATH", "/usr/bin:/bin")]);
        let found = lines(text.as_bytes(), "dev", &environment);
        let found: Vec<_> = found
            .iter()
            .map(|line| (&*line.profile, line.program.clone().unwrap_err()))
            .collect();
        let told = |text: &str| text.to_owned();
        assert_eq!(
            found,
            [
                ("a", told("/no/keyless, and there is no such program")),
                (
                    "default",
                    told("keyless-not-there, and there is no such program in PATH")
                ),
                (
                    "d e",
                    told("bin/keyless, which depends on the folder it is run in")
                ),
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_found_by_its_path_and_by_its_name() {
        let environment = Environment::of([("PATH", "/nowhere:/bin")]);
        for name in ["/bin/sh", "sh"] {
            assert_eq!(found_program(name, &environment), Ok("/bin/sh".into()));
        }
        assert!(
            found_program("/etc/passwd", &environment).is_err(),
            "no program"
        );
        assert!(found_program("/bin", &environment).is_err(), "a folder");
    }
}
