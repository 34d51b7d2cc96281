//! How the application proves itself to the identity provider, as flags: where its secret rests, and never the secret.

use std::path::{Path, PathBuf};

use clap::Args;
use keyless::ConfigError;
use keyless::login::ClientAuthentication;
use keyless::profile::{Identity, SecretAt};

use super::{IDENTITY, Words, replace, split, whole};

/// For an application that is not a public one.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ClientFlags {
    #[command(flatten)]
    secret: SecretFlags,
    #[command(flatten)]
    key: KeyFlags,
    /// How the application proves itself: client_secret_basic, client_secret_post, private_key_jwt or none [default: as the identity
    /// provider offers].
    #[arg(long, value_name = "WAY", help_heading = IDENTITY, hide_short_help = true, value_parser = way)]
    client_auth: Option<ClientAuthentication>,
    /// Do not bind refresh tokens to a key (DPoP), for an identity provider that announces it and does not take it.
    #[arg(long, help_heading = IDENTITY, hide_short_help = true)]
    no_dpop: bool,
}

#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false)]
#[expect(clippy::struct_field_names, reason = "clap knows them by these names")]
struct SecretFlags {
    /// The application's secret is in this environment variable. (A secret on a command line could be read by every user.)
    #[arg(long, value_name = "NAME", help_heading = IDENTITY, hide_short_help = true)]
    client_secret_env: Option<String>,
    /// The application's secret is what this command prints; it is split at spaces as a shell does, and run without one.
    #[arg(long, value_name = "COMMAND", help_heading = IDENTITY, hide_short_help = true)]
    client_secret_command: Option<String>,
    /// The application's secret is in this file, which only you can read.
    #[arg(long, value_name = "FILE", help_heading = IDENTITY, hide_short_help = true)]
    client_secret_file: Option<PathBuf>,
    /// The application's secret is in the system's keyring, where `keyless keep-secret NAME` puts it.
    #[arg(long, value_name = "NAME", help_heading = IDENTITY, hide_short_help = true)]
    client_secret_keyring: Option<String>,
}

#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false)]
#[expect(clippy::struct_field_names, reason = "clap knows them by these names")]
struct KeyFlags {
    /// The private key that the application proves itself with is in this environment variable: PKCS#8 in PEM, with its certificate for Entra, or a JSON Web Key.
    #[arg(long, value_name = "NAME", help_heading = IDENTITY, hide_short_help = true)]
    private_key_env: Option<String>,
    /// The private key is what this command prints.
    #[arg(long, value_name = "COMMAND", help_heading = IDENTITY, hide_short_help = true)]
    private_key_command: Option<String>,
    /// The private key is in this file, which only you can read.
    #[arg(long, value_name = "FILE", help_heading = IDENTITY, hide_short_help = true)]
    private_key_file: Option<PathBuf>,
    /// The private key is in the system's keyring.
    #[arg(long, value_name = "NAME", help_heading = IDENTITY, hide_short_help = true)]
    private_key_keyring: Option<String>,
}

impl ClientFlags {
    /// Puts them over `identity`.
    pub(super) fn over(&self, identity: &mut Identity) -> Result<(), ConfigError> {
        replace(
            &mut identity.client_secret,
            self.secret.place().read()?.as_ref(),
        );
        replace(&mut identity.private_key, self.key.place().read()?.as_ref());
        replace(&mut identity.client_auth, self.client_auth.as_ref());
        replace(&mut identity.dpop, self.no_dpop.then_some(false).as_ref());
        Ok(())
    }

    /// See [`Flags::words`](super::Flags::words).
    pub(super) fn add_to(&self, words: &mut Words) {
        self.secret.place().add_to(words, "--client-secret");
        self.key.place().add_to(words, "--private-key");
        words.add("--client-auth", self.client_auth);
        if self.no_dpop {
            words.0.push("--no-dpop".to_owned());
        }
    }
}

/// The four flags of one secret, at most one of which is there.
struct Place<'a> {
    env: Option<&'a String>,
    command: Option<&'a String>,
    file: Option<&'a Path>,
    keyring: Option<&'a String>,
}

impl SecretFlags {
    fn place(&self) -> Place<'_> {
        Place {
            env: self.client_secret_env.as_ref(),
            command: self.client_secret_command.as_ref(),
            file: self.client_secret_file.as_deref(),
            keyring: self.client_secret_keyring.as_ref(),
        }
    }
}

impl KeyFlags {
    fn place(&self) -> Place<'_> {
        Place {
            env: self.private_key_env.as_ref(),
            command: self.private_key_command.as_ref(),
            file: self.private_key_file.as_deref(),
            keyring: self.private_key_keyring.as_ref(),
        }
    }
}

impl Place<'_> {
    fn read(&self) -> Result<Option<SecretAt>, ConfigError> {
        let command = self.command.map(|command| split(command)).transpose()?;
        let env = self.env.cloned().map(SecretAt::Env);
        let file = self.file.map(|path| SecretAt::File(path.to_owned()));
        let keyring = self.keyring.cloned().map(SecretAt::Keyring);
        Ok(env.or(command.map(SecretAt::Command)).or(file).or(keyring))
    }

    fn add_to(&self, words: &mut Words, flag: &str) {
        words.add(&format!("{flag}-env"), self.env);
        words.add(&format!("{flag}-command"), self.command);
        words.add(&format!("{flag}-file"), self.file.map(whole));
        words.add(&format!("{flag}-keyring"), self.keyring);
    }
}

fn way(text: &str) -> Result<ClientAuthentication, String> {
    text.parse().map_err(|_| {
        "expected client_secret_basic, client_secret_post, private_key_jwt or none".into()
    })
}
