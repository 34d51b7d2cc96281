//! An identity that speaks SAML, as flags.

use std::path::PathBuf;

use clap::Args;
use keyless::ConfigError;
use keyless::profile::{Identity, SamlCommand, SamlIdentity};

use super::{IDENTITY, Words, replace, split, whole};

/// For an identity provider that speaks SAML.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SamlFlags {
    #[command(flatten)]
    way: Way,
    /// The only issuer whose SAML responses are taken: the entity ID of the identity provider.
    #[arg(long, value_name = "ID", help_heading = IDENTITY, hide_short_help = true)]
    saml_issuer: Option<String>,
    /// What the SAML identity provider calls the application [default: urn:amazon:webservices].
    #[arg(long, value_name = "ID", help_heading = IDENTITY, hide_short_help = true)]
    saml_entity_id: Option<String>,
    /// Take a SAML response that answers no request, which any page that your browser shows could send. For an identity provider that can do nothing
    /// else.
    #[arg(long, help_heading = IDENTITY, hide_short_help = true)]
    saml_idp_initiated: bool,
}

#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false, conflicts_with_all = ["issuer", "token_file", "token_env", "token_command"])]
#[expect(clippy::struct_field_names, reason = "clap knows them by these names")]
struct Way {
    /// Sign in by SAML at this address, the identity provider's single sign-on service (HTTP-Redirect). It has to post its response to this machine,
    /// for AWS; not every one can.
    #[arg(long, value_name = "URL", help_heading = IDENTITY, hide_short_help = true)]
    saml_url: Option<String>,
    /// Take the SAML response, in base64, from this file.
    #[arg(long, value_name = "FILE", help_heading = IDENTITY, hide_short_help = true)]
    saml_file: Option<PathBuf>,
    /// Take the SAML response, in base64, from this environment variable.
    #[arg(long, value_name = "NAME", help_heading = IDENTITY, hide_short_help = true)]
    saml_env: Option<String>,
    /// Take the SAML response, in base64, from what this command prints.
    #[arg(long, value_name = "COMMAND", help_heading = IDENTITY, hide_short_help = true)]
    saml_command: Option<String>,
}

impl SamlFlags {
    /// Whether they say who proves.
    pub(super) fn name_an_identity(&self) -> bool {
        let way = &self.way;
        way.saml_url.is_some()
            || way.saml_file.is_some()
            || way.saml_env.is_some()
            || way.saml_command.is_some()
    }

    /// Puts them over `identity`, of which another way to prove is all that is left.
    pub(super) fn over(&self, identity: &mut Identity) -> Result<(), ConfigError> {
        let (way, saml) = (&self.way, &mut identity.saml);
        if self.name_an_identity() {
            let command = way.saml_command.as_deref().map(split).transpose()?;
            *saml = SamlIdentity {
                url: way.saml_url.clone(),
                file: way.saml_file.clone(),
                env: way.saml_env.clone(),
                command: command.map(SamlCommand),
                ..SamlIdentity::default()
            };
        }
        replace(&mut saml.issuer, self.saml_issuer.as_ref());
        replace(&mut saml.entity_id, self.saml_entity_id.as_ref());
        saml.idp_initiated |= self.saml_idp_initiated;
        Ok(())
    }

    /// See [`Flags::words`](super::Flags::words).
    pub(super) fn add_to(&self, words: &mut Words) {
        let way = &self.way;
        words.add("--saml-url", way.saml_url.as_ref());
        words.add("--saml-file", way.saml_file.as_deref().map(whole));
        words.add("--saml-env", way.saml_env.as_ref());
        words.add("--saml-command", way.saml_command.as_ref());
        words.add("--saml-issuer", self.saml_issuer.as_ref());
        words.add("--saml-entity-id", self.saml_entity_id.as_ref());
        if self.saml_idp_initiated {
            words.0.push("--saml-idp-initiated".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use keyless::profile::Profile;

    use crate::flags::Flags;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn read(words: &[&str]) -> Result<Flags, clap::Error> {
        Line::try_parse_from([&["x"], words].concat()).map(|line| line.flags)
    }

    #[test]
    fn saml_replaces_another_way_to_prove_and_can_be_said_again() {
        for way in [
            ["--saml-url", "https://idp.example/sso"],
            ["--saml-file", "/tmp/response"],
            ["--saml-env", "RESPONSE"],
            ["--saml-command", "print-response 'a b'"],
        ] {
            let more = ["--saml-issuer", "https://idp.example/", "--saml-entity-id"];
            let words = [&way[..], &more, &["urn:app", "--saml-idp-initiated"]].concat();
            let flags = read(&words).expect("good flags");
            assert_eq!(flags.words(), words);
            assert!(flags.name_an_identity());
            let mut profile = Profile::default();
            profile.identity.issuer = Some("https://id.example".into());
            profile.identity.saml.file = Some("/tmp/another".into());
            flags.over(&mut profile).expect("good flags");
            let saml = &profile.identity.saml;
            assert_eq!(profile.identity.issuer, None);
            let there = [
                saml.url.is_some(),
                saml.file.as_deref() == Some("/tmp/response".as_ref()),
                saml.env.is_some(),
                saml.command
                    .as_ref()
                    .is_some_and(|it| it.0 == ["print-response", "a b"]),
            ];
            assert_eq!(there.iter().filter(|there| **there).count(), 1, "{way:?}");
            assert!(saml.file.is_none() || there[1]);
            assert_eq!(saml.issuer.as_deref(), Some("https://idp.example/"));
            assert_eq!(saml.entity_id.as_deref(), Some("urn:app"));
            assert!(saml.idp_initiated);
        }
    }

    #[test]
    fn there_is_one_way() {
        for words in [
            ["--saml-url", "https://idp.example/sso", "--saml-file", "x"],
            ["--saml-env", "X", "--token-env", "Y"],
            ["--saml-command", "x", "--issuer", "https://id.example"],
        ] {
            read(&words).expect_err("two ways");
        }
    }
}
