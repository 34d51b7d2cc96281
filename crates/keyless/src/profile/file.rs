//! The file's own form: TOML, in which an unknown key is a mistake with a line number.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use keyless_token::TokenError;
use serde::Deserialize;

use super::{Identity, Profile, SamlCommand, SamlIdentity, SecretAt, StoreKind, nearest};
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
    flow: Option<String>,
    response_type: Option<String>,
    response_mode: Option<String>,
    roles_claim: Option<String>,
    max_age: Option<Seconds>,
    leeway: Option<Seconds>,
    redirect_host: Option<String>,
    port: Option<Ports>,
    browser: Option<Vec<String>>,
    client_secret: Option<SecretAt>,
    private_key: Option<SecretAt>,
    client_auth: Option<String>,
    dpop: Option<bool>,
    saml_url: Option<String>,
    saml_entity_id: Option<String>,
    saml_issuer: Option<String>,
    #[serde(default)]
    saml_idp_initiated: bool,
    saml_file: Option<PathBuf>,
    saml_env: Option<String>,
    saml_command: Option<Vec<String>>,
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
    ca_bundle: Option<PathBuf>,
    store: Option<String>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a length of time is written as \"1h\", or as a number of seconds"
)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Seconds {
    fn read(self) -> Result<Duration, ConfigError> {
        match self {
            Self::Number(seconds) => Ok(Duration::from_secs(seconds)),
            Self::Text(text) => parse_duration(&text),
        }
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a port is written as a number, and several as \"8400-8410\""
)]
enum Ports {
    One(u16),
    Range(String),
}

/// Reads `8400`, or `8400-8410` with the lowest first.
///
/// # Errors
/// With the text that was found.
pub fn parse_ports(text: &str) -> Result<RangeInclusive<u16>, ConfigError> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(first..=last),
        _ => Err(
            ConfigError::new(format!("{text:?} is neither a port nor a range of ports"))
                .with_advice("write port = 8400, or port = \"8400-8410\""),
        ),
    }
}

type Tables = (BTreeMap<String, Identity>, BTreeMap<String, Profile>);

/// Reads `text`; messages say that it is in `path`.
pub(super) fn parse(text: &str, path: &Path) -> Result<Tables, ConfigError> {
    let file: File = toml::from_str(text).map_err(|error| malformed(text, path, &error))?;
    let identities: BTreeMap<String, Identity> = file
        .identity
        .into_iter()
        .map(|(name, table)| {
            let identity = table
                .read()
                .map_err(|error| within(path, "identity", &name, &error))?;
            Ok((name, identity))
        })
        .collect::<Result<_, ConfigError>>()?;
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
            .map_err(|error| within(path, "profile", &name, &error))?;
        profiles.insert(name, profile);
    }
    Ok((identities, profiles))
}

impl IdentityTable {
    fn read(self) -> Result<Identity, ConfigError> {
        let ports = match self.port {
            None => None,
            Some(Ports::One(port)) => Some(port..=port),
            Some(Ports::Range(text)) => Some(parse_ports(&text)?),
        };
        Ok(Identity {
            issuer: self.issuer,
            client_id: self.client_id,
            scopes: self.scopes,
            authorize: self.authorize,
            flow: named(self.flow)?,
            response_type: named(self.response_type)?,
            response_mode: named(self.response_mode)?,
            roles_claim: self.roles_claim,
            max_age: self.max_age.map(Seconds::read).transpose()?,
            leeway: self.leeway.map(Seconds::read).transpose()?,
            redirect_host: named(self.redirect_host)?,
            ports,
            browser: self.browser,
            client_secret: self.client_secret,
            private_key: self.private_key,
            client_auth: named(self.client_auth)?,
            dpop: self.dpop,
            saml: SamlIdentity {
                url: self.saml_url,
                entity_id: self.saml_entity_id,
                issuer: self.saml_issuer,
                idp_initiated: self.saml_idp_initiated,
                file: self.saml_file,
                env: self.saml_env,
                command: self.saml_command.map(SamlCommand),
            },
            token_file: self.token_file,
            token_env: self.token_env,
            token_command: self.token_command,
        })
    }
}

/// A value that stands for one of a few.
fn named<T: FromStr<Err = TokenError>>(text: Option<String>) -> Result<Option<T>, ConfigError> {
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error: TokenError| {
            ConfigError::new(error.to_string()).with_advice(error.advice().unwrap_or_default())
        })
}

impl ProfileTable {
    fn read(self, name: &str, identity: Identity) -> Result<Profile, ConfigError> {
        let duration = self.duration.map(Seconds::read).transpose()?;
        let store = match self.store.as_deref() {
            None | Some("file") => StoreKind::File,
            Some("keyring") => StoreKind::Keyring,
            Some("memory") => StoreKind::Memory,
            Some(other) => {
                return Err(ConfigError::new(format!("there is no store {other:?}"))
                    .with_advice("write store = \"file\", \"keyring\" or \"memory\""));
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
            ca_bundle: self.ca_bundle,
            store,
        })
    }
}

fn within(path: &Path, what: &str, name: &str, error: &ConfigError) -> ConfigError {
    let named = ConfigError::new(format!("{}: {what} {name:?}: {error}", path.display()));
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
    use keyless_token::login::RedirectHost;

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
        assert_eq!(dev.duration, Some(Duration::from_hours(1)));
    }

    #[test]
    fn where_the_browser_comes_back_to_is_read() {
        let read = |text: &str| {
            let text = format!("[identity.corp]\n{text}");
            let (mut identities, _) = parse(&text, Path::new("config.toml")).expect("a good file");
            identities.remove("corp").expect("there")
        };
        assert_eq!(read("port = 8400").ports, Some(8400..=8400));
        for (port, ports) in [("8400", 8400..=8400), ("8400-8410", 8400..=8410)] {
            assert_eq!(read(&format!("port = {port:?}")).ports, Some(ports));
        }
        let identity = read("redirect_host = \"localhost\"\nmax_age = \"1h\"\nleeway = \"2m\"");
        assert_eq!(identity.redirect_host, Some(RedirectHost::Localhost));
        assert_eq!(identity.max_age, Some(Duration::from_hours(1)));
        assert_eq!(identity.leeway, Some(Duration::from_mins(2)));
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
            (
                "[profile.dev]\nidentity = \"corp\"\nduration = true\n",
                "line 6: a length of time",
                "",
            ),
            (
                "[identity.other]\nport = \"8400-\"\n",
                "identity \"other\": \"8400-\" is neither a port nor a range",
                "\"8400-8410\"",
            ),
            (
                "[identity.other]\nport = 84000\n",
                "line 5: a port is written as",
                "",
            ),
            (
                "[identity.other]\nredirect_host = \"0.0.0.0\"\n",
                "\"0.0.0.0\", which is not this machine",
                "localhost",
            ),
            (
                "[identity.other]\nclient_auth = \"tls_client_auth\"\n",
                "\"tls_client_auth\" is no way for a client",
                "private_key_jwt",
            ),
            (
                "[identity.other]\nclient_secret = \"hunter2\"\n",
                "line 5: a secret does not belong in this file",
                "",
            ),
            (
                "[identity.other]\nmax_age = \"1y\"\n",
                "\"1y\" is not a length of time",
                "15m",
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
