//! The file's own form: TOML, in which an unknown key is a mistake with a line number.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Identity, Profile, StoreKind, nearest};
use crate::duration::parse_duration;
use crate::error::ConfigError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    identity: BTreeMap<String, IdentityTable>,
    #[serde(default)]
    profile: BTreeMap<String, ProfileTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityTable {
    issuer: Option<String>,
    client_id: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    authorize: BTreeMap<String, String>,
    port: Option<u16>,
    browser: Option<Vec<String>>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    token_command: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileTable {
    identity: String,
    role: Option<String>,
    region: Option<String>,
    duration: Option<Seconds>,
    #[serde(default)]
    via: Vec<String>,
    policy: Option<String>,
    #[serde(default)]
    policy_arns: Vec<String>,
    session_name: Option<String>,
    session_name_claim: Option<String>,
    external_id: Option<String>,
    endpoint_url: Option<String>,
    store: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

type Tables = (BTreeMap<String, Identity>, BTreeMap<String, Profile>);

/// Reads `text`; messages say that it is in `path`.
pub(super) fn parse(text: &str, path: &Path) -> Result<Tables, ConfigError> {
    let file: File = toml::from_str(text).map_err(|error| malformed(text, path, &error))?;
    let identities: BTreeMap<String, Identity> = file
        .identity
        .into_iter()
        .map(|(name, table)| (name, table.into()))
        .collect();
    let mut profiles = BTreeMap::new();
    for (name, table) in file.profile {
        let identity = identities.get(&table.identity).ok_or_else(|| {
            let error = ConfigError::new(format!(
                "{}: profile {name:?} names the identity {:?}, which is not there",
                path.display(),
                table.identity
            ));
            match nearest(
                &table.identity,
                &identities.keys().map(String::as_str).collect::<Vec<_>>(),
            ) {
                Some(near) => error.with_advice(format!("did you mean {near:?}?")),
                None => {
                    error.with_advice(format!("write it there as [identity.{}]", table.identity))
                }
            }
        })?;
        let profile = table
            .read(&name, identity.clone())
            .map_err(|error| within(path, &name, &error))?;
        profiles.insert(name, profile);
    }
    Ok((identities, profiles))
}

impl From<IdentityTable> for Identity {
    fn from(table: IdentityTable) -> Self {
        let IdentityTable {
            issuer,
            client_id,
            scopes,
            authorize,
            port,
            browser,
            token_file,
            token_env,
            token_command,
        } = table;
        Self {
            issuer,
            client_id,
            scopes,
            authorize,
            port,
            browser,
            token_file,
            token_env,
            token_command,
        }
    }
}

impl ProfileTable {
    fn read(self, name: &str, identity: Identity) -> Result<Profile, ConfigError> {
        let duration = match self.duration {
            None => None,
            Some(Seconds::Number(seconds)) => Some(std::time::Duration::from_secs(seconds)),
            Some(Seconds::Text(text)) => Some(parse_duration(&text)?),
        };
        let store = match self.store.as_deref() {
            None | Some("file") => StoreKind::File,
            Some("memory") => StoreKind::Memory,
            Some(other) => {
                return Err(ConfigError::new(format!("there is no store {other:?}"))
                    .with_advice("write store = \"file\" or \"memory\""));
            }
        };
        Ok(Profile {
            name: Some(name.to_owned()),
            identity,
            role: self.role,
            region: self.region,
            duration,
            via: self.via,
            policy: self.policy,
            policy_arns: self.policy_arns,
            session_name: self.session_name,
            session_name_claim: self.session_name_claim,
            external_id: self.external_id,
            endpoint_url: self.endpoint_url,
            store,
        })
    }
}

fn within(path: &Path, profile: &str, error: &ConfigError) -> ConfigError {
    let named = ConfigError::new(format!("{}: profile {profile:?}: {error}", path.display()));
    error
        .advice()
        .map_or(named.clone(), |advice| named.with_advice(advice))
}

fn malformed(text: &str, path: &Path, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or(0..0);
    let line = text
        .get(..span.start)
        .unwrap_or_default()
        .matches('\n')
        .count()
        + 1;
    let message = error.message();
    let place = format!("{} line {line}", path.display());
    // The keys that are known stand in the message of serde: "unknown field `rol`, expected one of `identity`, `role`".
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field")
        && let Some(found) = quoted.next()
    {
        let known: Vec<&str> = quoted.collect();
        let error = ConfigError::new(format!("{place}: there is no key {found:?}"));
        return match nearest(found, &known) {
            Some(near) => error.with_advice(format!("did you mean {near:?}?")),
            None => error.with_advice(format!("use one of: {}", known.join(", "))),
        };
    }
    ConfigError::new(format!("{place}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> (String, String) {
        let error = parse(text, Path::new("config.toml"))
            .err()
            .unwrap_or_else(|| panic!("this should not be read:\n{text}"));
        (
            error.to_string(),
            error.advice().unwrap_or_default().to_owned(),
        )
    }

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let text = r#"
            [identity.corp]
            issuer    = "https://corp.eu.auth0.com/"
            client_id = "abc"
            scopes    = ["openid", "email"]
            authorize = { connection = "github" }
            [identity.build]
            token_command = ["buildkite-agent", "oidc", "request-token", "--audience", "sts.amazonaws.com"]
            [profile.dev]
            identity = "corp"
            role     = "arn:aws:iam::111122223333:role/Developer"
            region   = "eu-west-1"
            duration = "1h"
            via      = ["arn:aws:iam::444455556666:role/Admin"]
            store    = "file"
        "#;
        let (identities, profiles) = parse(text, Path::new("config.toml")).expect("a good file");
        assert_eq!(identities.len(), 2);
        let dev = &profiles["dev"];
        assert_eq!(dev.identity.authorize["connection"], "github");
        assert_eq!(dev.duration, Some(std::time::Duration::from_hours(1)));
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_what_was_meant() {
        let identity = "[identity.corp]\nissuer = \"https://x\"\nclient_id = \"y\"\n";
        for (rest, said, advised) in [
            (
                "[profile.dev]\nidentity = \"corp\"\nrol = \"x\"\n",
                "line 6: there is no key \"rol\"",
                "\"role\"",
            ),
            (
                "[profil.dev]\n",
                "line 4: there is no key \"profil\"",
                "\"profile\"",
            ),
            (
                "[profile.dev]\nidentity = \"crop\"\n",
                "which is not there",
                "\"corp\"",
            ),
            (
                "[profile.dev]\nidentity = \"corp\"\nduration = \"1x\"\n",
                "is not a length of time",
                "15m",
            ),
            (
                "[profile.dev]\nidentity = \"corp\"\nstore = \"keychain\"\n",
                "no store \"keychain\"",
                "\"file\"",
            ),
            ("[profile.dev\n", "line 4", ""),
            ("[profile.dev]\nidentity = 3\n", "line 5", ""),
        ] {
            let (message, advice) = error(&format!("{identity}{rest}"));
            assert!(message.contains(said), "{rest:?}: {message}");
            assert!(advice.contains(advised), "{rest:?}: {advice}");
        }
    }
}
