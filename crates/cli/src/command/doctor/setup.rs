//! Checks of what is configured: the file, the profile, who proves.

use std::path::Path;
use std::sync::Arc;

use keyless_token::text::printable;

use super::finding::Finding;
use super::patient::Patient;
use crate::command::status::elsewhere;
use crate::exit::INVALID;

/// The configuration file: found, ours, readable.
pub(super) async fn config(patient: Arc<Patient>) -> Finding {
    let config = match &patient.config {
        Ok(config) => config,
        Err(finding) => return finding.clone(),
    };
    let path = config.path();
    let shown = path.display();
    if !path.exists() {
        let none = format!("there is none at {shown}");
        return if patient.flags_suffice {
            Finding::skip(none)
        } else {
            Finding::fail(INVALID, none).advised("write one, as `keyless --help` shows")
        };
    }
    let profiles = config.profiles().count();
    let found = format!("{shown}, {}", plural(profiles, "profile"));
    match mode(path) {
        Some(mode) if mode & 0o044 != 0 => Finding::warn(format!(
            "{found}; others on this machine can read it (mode {mode:o})"
        ))
        .advised(format!(
            "run `chmod 600 {shown}` if its commands are nobody else's business"
        )),
        Some(mode) => Finding::pass(format!("{found}, mode {mode:o}")),
        None => Finding::pass(found),
    }
}

/// Which profile is looked at.
pub(super) async fn profile(patient: Arc<Patient>) -> Finding {
    match &patient.chosen {
        Err(finding) => finding.clone(),
        Ok(chosen) => Finding::pass(match &chosen.profile.name {
            Some(name) => printable(name),
            None => "none: the flags say it all".into(),
        }),
    }
}

/// Who proves, and by what.
pub(super) async fn identity(patient: Arc<Patient>) -> Finding {
    let access = match &patient.access {
        Ok(access) => access,
        Err(finding) => return finding.clone(),
    };
    let identity = &access.profile().identity;
    if access.saml().is_some() {
        let from = match access.any_login() {
            Some(login) => format!("a sign-in by SAML at {}", login.place()),
            None => format!("a SAML response from {}", elsewhere(access)),
        };
        return Finding::pass(printable(&from));
    }
    let said = match (
        &identity.token_file,
        &identity.token_env,
        &identity.token_command,
    ) {
        (Some(file), ..) => format!("a token from the file {}", file.display()),
        (_, Some(name), _) => format!("a token from the variable {name}"),
        // Its arguments may be secrets.
        (.., Some(command)) => format!(
            "a token from the command {}",
            command.first().map_or("", String::as_str)
        ),
        _ => format!(
            "a sign-in at {} as the client {}",
            identity.issuer.as_deref().unwrap_or_default(),
            identity.client_id.as_deref().unwrap_or_default()
        ),
    };
    Finding::pass(printable(&said))
}

pub(super) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The file's mode, where there are modes.
#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    Some(path.metadata().ok()?.mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}
