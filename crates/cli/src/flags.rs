//! Every key of the configuration as a flag, so that no file is needed.

mod client;
mod saml;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use keyless::login::{Flow, RedirectHost, ResponseMode, ResponseType};
use keyless::profile::{Identity, Profile, StoreKind, parse_ports};
use keyless::{ConfigError, TokenError};

use crate::words::time;

use client::ClientFlags;
use saml::SamlFlags;

/// What replaces keys of the profile, or stands instead of one.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Flags {
    /// Sign in at this OpenID provider, written to the letter as it calls itself (Auth0 wants the slash at the end). With it, or with a
    /// token flag, and without PROFILE no configuration file is read; with PROFILE it replaces the whole identity, client id included.
    #[arg(long, value_name = "URL", help_heading = IDENTITY, hide_short_help = true, conflicts_with_all = ["token_file", "token_env", "token_command"])]
    issuer: Option<String>,
    /// The id of the application at the identity provider.
    #[arg(long, value_name = "ID", help_heading = IDENTITY, hide_short_help = true)]
    client_id: Option<String>,
    /// A scope to ask for; may be repeated [default: openid email].
    #[arg(long = "scope", value_name = "SCOPE", help_heading = IDENTITY, hide_short_help = true)]
    scopes: Vec<String>,
    /// One more parameter of the authorization request, such as connection=github at Auth0; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", help_heading = IDENTITY, hide_short_help = true, value_parser = pair)]
    authorize: Vec<(String, String)>,
    /// The way to sign in: browser (on this machine), device (a code to enter on any device) or paste (a browser elsewhere, whose last address you paste
    /// here) [default: the one that fits this machine].
    #[arg(long, value_name = "FLOW", help_heading = IDENTITY, hide_short_help = true, value_parser = parsed::<Flow>)]
    flow: Option<Flow>,
    /// What the identity provider is asked for: code, or id_token for an application that allows nothing but the implicit flow [default: code].
    #[arg(long, value_name = "TYPE", help_heading = IDENTITY, hide_short_help = true, value_parser = parsed::<ResponseType>)]
    response_type: Option<ResponseType>,
    /// How it is sent back: query, fragment or form_post [default: query for a code, fragment for an ID token, which form_post keeps out of the browser's history].
    #[arg(long, value_name = "MODE", help_heading = IDENTITY, hide_short_help = true, value_parser = parsed::<ResponseMode>)]
    response_mode: Option<ResponseMode>,
    /// The claim of the token that lists the roles to choose from [default: https://aws.amazon.com/roles].
    #[arg(long, value_name = "CLAIM", help_heading = IDENTITY, hide_short_help = true)]
    roles_claim: Option<String>,
    /// How long ago you may have proved who you are to the identity provider; it asks again if it was longer.
    #[arg(long, value_name = "TIME", help_heading = IDENTITY, hide_short_help = true, value_parser = time)]
    max_age: Option<Duration>,
    /// How far the identity provider's clock and this machine's may be apart, up to 5m [default: 1m].
    #[arg(long, value_name = "TIME", help_heading = IDENTITY, hide_short_help = true, value_parser = time)]
    leeway: Option<Duration>,
    /// What the address that the browser comes back to calls this machine: 127.0.0.1, ::1 or localhost [default: 127.0.0.1].
    #[arg(long, value_name = "HOST", help_heading = IDENTITY, hide_short_help = true, value_parser = redirect_host)]
    redirect_host: Option<RedirectHost>,
    /// The port that the browser comes back to, if the identity provider allows no other, or a range such as 8400-8410 [default: any
    /// free one].
    #[arg(long, value_name = "PORT", help_heading = IDENTITY, hide_short_help = true, value_parser = ports)]
    port: Option<RangeInclusive<u16>>,
    /// The command that opens a browser, the link put where %s stands or at its end [default: BROWSER, else the desktop's].
    #[arg(long, value_name = "COMMAND", help_heading = IDENTITY, hide_short_help = true)]
    browser: Option<String>,
    #[command(flatten)]
    client: ClientFlags,
    /// Take the identity token from this file, which something else keeps fresh.
    #[arg(long, value_name = "FILE", help_heading = IDENTITY, hide_short_help = true, conflicts_with_all = ["token_env", "token_command"])]
    token_file: Option<PathBuf>,
    /// Take the identity token from this environment variable.
    #[arg(long, value_name = "NAME", help_heading = IDENTITY, hide_short_help = true, conflicts_with = "token_command")]
    token_env: Option<String>,
    /// Take the identity token from what this command prints; it is split at spaces as a shell does, and run without one.
    #[arg(long, value_name = "COMMAND", help_heading = IDENTITY, hide_short_help = true)]
    token_command: Option<String>,
    #[command(flatten)]
    saml: SamlFlags,

    /// The ARN of the role to assume.
    #[arg(long, value_name = "ARN", help_heading = ROLE, hide_short_help = true)]
    role: Option<String>,
    /// The region whose STS is asked, and that AWS tools are told.
    #[arg(long, value_name = "REGION", help_heading = ROLE, hide_short_help = true)]
    region: Option<String>,
    /// How long the session lasts, from 15m to 12h; at most 1h with --via [default: 1h].
    #[arg(long, value_name = "TIME", help_heading = ROLE, hide_short_help = true, value_parser = time)]
    duration: Option<Duration>,
    /// The ARN of one more role, assumed from the one before; may be repeated.
    #[arg(long, value_name = "ARN", help_heading = ROLE, hide_short_help = true)]
    via: Vec<String>,
    /// A session policy as JSON: what the session may do at the most.
    #[arg(long, value_name = "JSON", help_heading = ROLE, hide_short_help = true)]
    policy: Option<String>,
    /// The ARN of a managed policy, as a session policy; may be repeated.
    #[arg(long = "policy-arn", value_name = "ARN", help_heading = ROLE, hide_short_help = true)]
    policy_arns: Vec<String>,
    /// What the session is called in CloudTrail [default: the person's verified address, else the token's subject].
    #[arg(long, value_name = "NAME", help_heading = ROLE, hide_short_help = true, conflicts_with = "session_name_claim")]
    session_name: Option<String>,
    /// The claim of the token that names the session.
    #[arg(long, value_name = "CLAIM", help_heading = ROLE, hide_short_help = true)]
    session_name_claim: Option<String>,
    /// The external id that the roles of --via ask for.
    #[arg(long, value_name = "ID", help_heading = ROLE, hide_short_help = true)]
    external_id: Option<String>,
    /// Something else that speaks STS's protocol: MinIO, Ceph, the sandbox.
    #[arg(long, value_name = "URL", help_heading = ROLE, hide_short_help = true)]
    endpoint_url: Option<String>,
    /// A PEM file of certificates to trust beside those of the system [default: AWS_CA_BUNDLE].
    #[arg(long, value_name = "FILE", help_heading = ROLE, hide_short_help = true)]
    ca_bundle: Option<PathBuf>,
    /// Where sign-ins and sessions are kept between runs [default: file].
    #[arg(long, value_enum, help_heading = ROLE, hide_short_help = true)]
    store: Option<Store>,
}

const IDENTITY: &str = "Who proves it, instead of the profile's identity";
const ROLE: &str = "What to become, instead of the profile's";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Store {
    /// In files that only you can read
    File,
    /// In sealed files; the key rests in the system's keyring, or in the file that KEYLESS_STORE_KEY_FILE names
    Keyring,
    /// Nowhere
    Memory,
}

impl Flags {
    /// Whether they say who proves, so that no profile is needed.
    pub(crate) fn name_an_identity(&self) -> bool {
        self.issuer.is_some()
            || self.token_file.is_some()
            || self.token_env.is_some()
            || self.token_command.is_some()
            || self.saml.name_an_identity()
    }

    /// Puts them over `profile`. Another way to prove replaces the one that is there, with its client, scopes, parameters and port.
    ///
    /// # Errors
    /// Where a command cannot be split into words.
    pub(crate) fn over(&self, profile: &mut Profile) -> Result<(), ConfigError> {
        let identity = &mut profile.identity;
        if self.name_an_identity() {
            // All but the browser belongs to the other identity: its client is unknown at this issuer.
            *identity = Identity {
                issuer: self.issuer.clone(),
                token_file: self.token_file.clone(),
                token_env: self.token_env.clone(),
                token_command: self.token_command.as_deref().map(split).transpose()?,
                browser: identity.browser.take(),
                ..Identity::default()
            };
        }
        replace(&mut identity.client_id, self.client_id.as_ref());
        replace(&mut identity.flow, self.flow.as_ref());
        replace(&mut identity.response_type, self.response_type.as_ref());
        replace(&mut identity.response_mode, self.response_mode.as_ref());
        replace(&mut identity.roles_claim, self.roles_claim.as_ref());
        replace(&mut identity.max_age, self.max_age.as_ref());
        replace(&mut identity.leeway, self.leeway.as_ref());
        replace(&mut identity.redirect_host, self.redirect_host.as_ref());
        replace(&mut identity.ports, self.port.as_ref());
        self.client.over(identity)?;
        self.saml.over(identity)?;
        if let Some(browser) = &self.browser {
            identity.browser = Some(split(browser)?);
        }
        if !self.scopes.is_empty() {
            identity.scopes.clone_from(&self.scopes);
        }
        if !self.authorize.is_empty() {
            identity.authorize = self.authorize.iter().cloned().collect::<BTreeMap<_, _>>();
        }
        replace(&mut profile.role, self.role.as_ref());
        replace(&mut profile.region, self.region.as_ref());
        replace(&mut profile.duration, self.duration.as_ref());
        replace(&mut profile.policy, self.policy.as_ref());
        replace(&mut profile.external_id, self.external_id.as_ref());
        replace(&mut profile.endpoint_url, self.endpoint_url.as_ref());
        replace(&mut profile.ca_bundle, self.ca_bundle.as_ref());
        if !self.via.is_empty() {
            profile.via.clone_from(&self.via);
        }
        if !self.policy_arns.is_empty() {
            profile.policy_arns.clone_from(&self.policy_arns);
        }
        if self.session_name.is_some() || self.session_name_claim.is_some() {
            profile.session_name.clone_from(&self.session_name);
            profile
                .session_name_claim
                .clone_from(&self.session_name_claim);
        }
        match self.store {
            Some(Store::File) => profile.store = StoreKind::File,
            Some(Store::Keyring) => profile.store = StoreKind::Keyring,
            Some(Store::Memory) => profile.store = StoreKind::Memory,
            None => {}
        }
        Ok(())
    }

    /// The words that say the same on another command line. A file is named by its whole path, since that line may be run from elsewhere.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Words(Vec::new());
        words.add("--issuer", self.issuer.as_ref());
        words.add("--client-id", self.client_id.as_ref());
        words.add("--scope", &self.scopes);
        let pairs = self
            .authorize
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        words.add("--authorize", pairs);
        words.add("--flow", self.flow);
        words.add(
            "--response-type",
            self.response_type.map(ResponseType::name),
        );
        words.add(
            "--response-mode",
            self.response_mode.map(ResponseMode::name),
        );
        words.add("--roles-claim", self.roles_claim.as_ref());
        words.add("--max-age", self.max_age.map(|time| time.as_secs()));
        words.add("--leeway", self.leeway.map(|time| time.as_secs()));
        words.add("--redirect-host", self.redirect_host.map(name_of));
        let port = self
            .port
            .as_ref()
            .map(|ports| match (ports.start(), ports.end()) {
                (first, last) if first == last => first.to_string(),
                (first, last) => format!("{first}-{last}"),
            });
        words.add("--port", port);
        words.add("--browser", self.browser.as_ref());
        self.client.add_to(&mut words);
        words.add("--token-file", self.token_file.as_deref().map(whole));
        words.add("--token-env", self.token_env.as_ref());
        words.add("--token-command", self.token_command.as_ref());
        self.saml.add_to(&mut words);
        words.add("--role", self.role.as_ref());
        words.add("--region", self.region.as_ref());
        words.add("--duration", self.duration.map(|time| time.as_secs()));
        words.add("--via", &self.via);
        words.add("--policy", self.policy.as_ref());
        words.add("--policy-arn", &self.policy_arns);
        words.add("--session-name", self.session_name.as_ref());
        words.add("--session-name-claim", self.session_name_claim.as_ref());
        words.add("--external-id", self.external_id.as_ref());
        words.add("--endpoint-url", self.endpoint_url.as_ref());
        words.add("--ca-bundle", self.ca_bundle.as_deref().map(whole));
        let store = self.store.map(|store| match store {
            Store::File => "file",
            Store::Keyring => "keyring",
            Store::Memory => "memory",
        });
        words.add("--store", store);
        words.0
    }
}

struct Words(Vec<String>);

impl Words {
    fn add<T: ToString>(&mut self, flag: &str, values: impl IntoIterator<Item = T>) {
        for value in values {
            self.0.extend([flag.to_owned(), value.to_string()]);
        }
    }
}

fn replace<T: Clone>(key: &mut Option<T>, flag: Option<&T>) {
    if let Some(value) = flag {
        *key = Some(value.clone());
    }
}

/// The whole path of `file`, as text.
fn whole(file: &Path) -> String {
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    whole.display().to_string()
}

fn name_of(host: RedirectHost) -> &'static str {
    match host {
        RedirectHost::Ipv6 => "::1",
        RedirectHost::Localhost => "localhost",
        RedirectHost::Ipv4 => "127.0.0.1",
    }
}

fn redirect_host(text: &str) -> Result<RedirectHost, String> {
    text.parse()
        .map_err(|_| "expected 127.0.0.1, ::1 or localhost".into())
}

/// Reads a word that stands for one of a few.
fn parsed<T: FromStr<Err = TokenError>>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|error: TokenError| error.advice().unwrap_or_default().to_owned())
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    parse_ports(text).map_err(|_| "expected a port, or a range such as 8400-8410".into())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

fn split(command: &str) -> Result<Vec<String>, ConfigError> {
    shlex::split(command)
        .filter(|words| !words.is_empty())
        .ok_or_else(|| {
            ConfigError::new(format!("{command:?} is not a command"))
                .with_advice("write the program, then its arguments, each quotation mark closed")
        })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    const ALL: &[&str] = &[
        "--issuer",
        "https://id.example",
        "--client-id",
        "app",
        "--scope",
        "openid",
        "--scope",
        "groups",
        "--authorize",
        "connection=git=hub",
        "--flow",
        "paste",
        "--response-type",
        "id_token",
        "--response-mode",
        "form_post",
        "--roles-claim",
        "roles",
        "--max-age",
        "3600",
        "--leeway",
        "120",
        "--redirect-host",
        "localhost",
        "--port",
        "8400-8410",
        "--browser",
        "firefox --new-window %s",
        "--client-secret-command",
        "pass show 'my app'",
        "--private-key-keyring",
        "app",
        "--client-auth",
        "private_key_jwt",
        "--no-dpop",
        "--role",
        "arn:aws:iam::111122223333:role/x",
        "--region",
        "eu-west-1",
        "--duration",
        "900",
        "--via",
        "arn:1",
        "--via",
        "arn:2",
        "--policy",
        "{}",
        "--policy-arn",
        "arn:3",
        "--session-name",
        "robot",
        "--external-id",
        "e",
        "--endpoint-url",
        "http://127.0.0.1:1",
        "--ca-bundle",
        "/etc/ca.pem",
        "--store",
        "memory",
    ];

    fn read(words: &[&str]) -> Flags {
        Line::try_parse_from([&["x"], words].concat())
            .unwrap_or_else(|error| panic!("{error}"))
            .flags
    }

    #[test]
    fn every_flag_reaches_the_profile_and_can_be_said_again() {
        let flags = read(ALL);
        assert_eq!(flags.words(), ALL);
        let mut profile = Profile::default();
        flags.over(&mut profile).expect("good flags");
        let identity = &profile.identity;
        assert_eq!(identity.issuer.as_deref(), Some("https://id.example"));
        assert_eq!(identity.client_id.as_deref(), Some("app"));
        assert_eq!(identity.scopes, ["openid", "groups"]);
        assert_eq!(identity.authorize["connection"], "git=hub");
        assert_eq!(identity.flow, Some(Flow::Paste));
        assert_eq!(identity.response_type, Some(ResponseType::IdToken));
        assert_eq!(identity.response_mode, Some(ResponseMode::FormPost));
        assert_eq!(identity.roles_claim.as_deref(), Some("roles"));
        assert_eq!(identity.max_age, Some(Duration::from_hours(1)));
        assert_eq!(identity.leeway, Some(Duration::from_mins(2)));
        assert_eq!(identity.redirect_host, Some(RedirectHost::Localhost));
        assert_eq!(identity.ports, Some(8400..=8410));
        assert_eq!(profile.ca_bundle.as_deref(), Some(Path::new("/etc/ca.pem")));
        assert_eq!(
            identity.browser.as_deref(),
            Some(&["firefox", "--new-window", "%s"].map(String::from)[..])
        );
        assert_eq!(
            profile.role.as_deref(),
            Some("arn:aws:iam::111122223333:role/x")
        );
        assert_eq!(profile.region.as_deref(), Some("eu-west-1"));
        assert_eq!(profile.duration, Some(Duration::from_mins(15)));
        assert_eq!(profile.via, ["arn:1", "arn:2"]);
        assert_eq!(profile.policy.as_deref(), Some("{}"));
        assert_eq!(profile.policy_arns, ["arn:3"]);
        assert_eq!(profile.session_name.as_deref(), Some("robot"));
        assert_eq!(profile.external_id.as_deref(), Some("e"));
        assert_eq!(profile.endpoint_url.as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(profile.store, StoreKind::Memory);
    }

    #[test]
    fn another_way_to_prove_replaces_the_one_of_the_profile() {
        let mut profile = Profile::default();
        profile.identity.issuer = Some("https://id.example".into());
        profile.identity.client_id = Some("app".into());
        read(&["--token-command", "print-token --audience 'a b'"])
            .over(&mut profile)
            .expect("good flags");
        assert_eq!(profile.identity.issuer, None);
        assert_eq!(profile.identity.client_id, None);
        let command = profile.identity.token_command.as_deref();
        assert_eq!(
            command,
            Some(&["print-token", "--audience", "a b"].map(String::from)[..])
        );
        read(&["--issuer", "https://other.example", "--client-id", "b"])
            .over(&mut profile)
            .expect("good flags");
        assert_eq!(profile.identity.token_command, None);
        profile.identity = Identity {
            issuer: Some("https://id.example".into()),
            client_id: Some("app".into()),
            scopes: vec!["openid".into(), "groups".into()],
            authorize: BTreeMap::from([("connection".into(), "github".into())]),
            max_age: Some(Duration::from_mins(1)),
            ports: Some(8400..=8400),
            browser: Some(vec!["firefox".into()]),
            ..Identity::default()
        };
        read(&["--issuer", "https://other.example"])
            .over(&mut profile)
            .expect("good flags");
        let only = Identity {
            issuer: Some("https://other.example".into()),
            browser: Some(vec!["firefox".into()]),
            ..Identity::default()
        };
        assert_eq!(profile.identity, only);
        let error = read(&["--token-command", "print 'token"])
            .over(&mut profile)
            .expect_err("an open quotation");
        assert!(error.to_string().contains("is not a command"), "{error}");
    }
}
