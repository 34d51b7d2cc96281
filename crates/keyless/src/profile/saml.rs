//! Identities that speak SAML: a sign-in, or a response from elsewhere.

use std::path::PathBuf;
use std::sync::Arc;

use keyless_cache::Store;
use keyless_token::login::Flow;
use keyless_token::saml::SamlLogin;
use keyless_token::{CommandSource, EnvSource, FileSource, SamlResponse, Source};

use super::access::Proof;
use super::{Identity, Use};
use crate::environment::Environment;
use crate::error::{ConfigError, Error};

/// What an identity says of SAML: the keys that begin with `saml_`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SamlIdentity {
    /// Where the person signs in: the identity provider's `SingleSignOnService` with HTTP-Redirect.
    pub url: Option<String>,
    /// What we are called as a service provider; `urn:amazon:webservices` where there is none.
    pub entity_id: Option<String>,
    /// The only issuer whose responses pass; any where there is none.
    pub issuer: Option<String>,
    /// Whether the identity provider may begin by itself.
    pub idp_initiated: bool,
    /// A file that holds a response.
    pub file: Option<PathBuf>,
    /// A variable that holds a response.
    pub env: Option<String>,
    /// A command that prints a response.
    pub command: Option<SamlCommand>,
}

/// A command that prints a response. `Debug` does not show it: its arguments may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct SamlCommand(pub Vec<String>);

impl std::fmt::Debug for SamlCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SamlCommand(..)")
    }
}

impl Identity {
    /// The proof by SAML, if the identity names one.
    pub(super) fn saml_proof(
        &self,
        store: Option<&Arc<dyn Store>>,
        environment: &Environment,
        usage: &Use,
    ) -> Result<Option<Proof>, Error> {
        let saml = &self.saml;
        let clock = usage.clock.clone();
        let elsewhere: Arc<dyn Source<SamlResponse>> =
            match (&saml.url, &saml.file, &saml.env, &saml.command) {
                (None, None, None, None) => return Ok(None),
                (Some(url), None, None, None) => {
                    let login = self.saml_login(url, store, usage)?;
                    return Ok(Some(Proof::SamlLogin(login)));
                }
                (None, Some(file), None, None) => Arc::new(FileSource::new(file).clock(clock)),
                (None, None, Some(name), None) => {
                    let environment = environment.clone();
                    let source = EnvSource::new(name)
                        .lookup(move |name| environment.os(name))
                        .clock(clock);
                    Arc::new(source)
                }
                (None, None, None, Some(SamlCommand(command))) => {
                    let (program, arguments) = command.split_first().ok_or_else(|| {
                        ConfigError::new("saml_command is empty")
                            .with_advice("write it as a list: the program, then its arguments")
                    })?;
                    Arc::new(CommandSource::new(program, arguments).clock(clock))
                }
                _ => {
                    return Err(ConfigError::new(
                        "the identity names several ways to get a SAML response",
                    )
                    .with_advice("keep one of saml_url, saml_file, saml_env and saml_command")
                    .into());
                }
            };
        Ok(Some(Proof::SamlElsewhere(elsewhere)))
    }

    fn saml_login(
        &self,
        url: &str,
        store: Option<&Arc<dyn Store>>,
        usage: &Use,
    ) -> Result<SamlLogin, Error> {
        let mut login = SamlLogin::builder(url)
            .idp_initiated(self.saml.idp_initiated)
            .clock(usage.clock.clone());
        if let Some(entity_id) = &self.saml.entity_id {
            login = login.entity_id(entity_id);
        }
        if let Some(issuer) = &self.saml.issuer {
            login = login.issuer(issuer);
        }
        if let Some(flow) = self.flow {
            login = login.flow(flow);
        } else if usage.browser_is_out_of_reach {
            login = login.flow(Flow::Paste);
        }
        if let Some(host) = self.redirect_host {
            login = login.redirect_host(host);
        }
        if let Some(ports) = self.ports.clone() {
            login = login.ports(ports);
        }
        if let Some(timeout) = usage.timeout {
            login = login.timeout(timeout);
        }
        if let Some(prompt) = &usage.prompt {
            login = login.prompt(Arc::clone(prompt));
        }
        if let Some(store) = store {
            login = login.store(Arc::clone(store));
        }
        Ok(login.build()?)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Profile, file};
    use super::*;

    fn profile(keys: &str) -> Profile {
        let role = "arn:aws:iam::111122223333:role/Developer";
        let text = format!(
            "[identity.corp]\n{keys}\n[profile.dev]\nidentity = \"corp\"\nrole = \"{role}\"\nregion = \"eu-west-1\"\nstore = \"memory\"\n"
        );
        let (_, mut profiles) =
            file::parse(&text, Path::new("config.toml")).expect("a configuration");
        profiles.remove("dev").expect("the profile")
    }

    fn provider(keys: &str) -> Result<(), Error> {
        let environment = Environment::of::<String, String>([]);
        let access = profile(keys).access(&environment, Use::default())?;
        access.provider().map(drop)
    }

    #[test]
    fn an_identity_may_speak_saml() {
        for keys in [
            "saml_url = \"https://idp.example/sso\"",
            "saml_url = \"https://idp.example/sso\"\nsaml_entity_id = \"urn:amazon:webservices:x\"\nsaml_issuer = \"https://idp.example\"\nsaml_idp_initiated = true\nport = 8401\nflow = \"paste\"",
            "saml_file = \"/tmp/response\"",
            "saml_env = \"RESPONSE\"",
            "saml_command = [\"get-response\", \"--secret\"]",
        ] {
            provider(keys).expect(keys);
            assert!(!format!("{:?}", profile(keys)).contains("--secret"));
        }
    }

    #[test]
    fn an_identity_has_one_way() {
        for (keys, said) in [
            (
                "saml_url = \"https://idp.example/sso\"\nsaml_file = \"x\"",
                "several ways to get a SAML response",
            ),
            (
                "saml_file = \"x\"\ntoken_file = \"y\"",
                "several ways to prove",
            ),
            (
                "saml_file = \"x\"\nissuer = \"https://issuer.example\"\nclient_id = \"app\"",
                "several ways to prove",
            ),
            ("saml_command = []", "saml_command is empty"),
            ("saml_url = \"http://idp.example/sso\"", "uses http"),
            (
                "saml_url = \"https://idp.example/sso\"\nflow = \"device\"",
                "SAML has no flow",
            ),
        ] {
            let error = provider(keys).expect_err(keys);
            assert!(error.to_string().contains(said), "{keys}: {error}");
        }
    }
}
