//! The `credential_process` line in `~/.aws/config`, by which every AWS tool gets its credentials from here.

mod command_line;
mod edit;
mod remove;
mod replace;
mod shadow;
mod survey;

use std::path::PathBuf;

use keyless::text::printable;

use crate::args::{self, Command};
use crate::context::{Chosen, Context};
use crate::exit::{Failure, INTERNAL, INVALID};

pub(crate) use survey::{Survey, survey};

/// What is to be written, checked as far as it can be beforehand.
#[derive(Debug)]
pub(crate) struct Plan {
    file: PathBuf,
    name: String,
    line: String,
    region: Option<String>,
    endpoint_url: Option<String>,
}

/// A profile `name` in the AWS configuration that runs `keyless credential-process` for `chosen`.
///
/// # Errors
/// Where the name, or the command line, cannot stand in that file.
pub(crate) fn plan(context: &Context, name: &str, chosen: &Chosen) -> Result<Plan, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@/+:".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Failure::new(
            INVALID,
            format!("{name:?} cannot be the name of an AWS profile"),
        )
        .with_advice("use letters, digits and _ - . @ / + : alone"));
    }
    if chosen.profile.role.is_none() {
        return Err(
            Failure::new(INVALID, "there is no role, and so no session for AWS tools").with_advice(
                "give the profile a role: role = \"arn:aws:iam::ACCOUNT:role/NAME\", or --role",
            ),
        );
    }
    let region = chosen.profile.region.clone();
    let is_word = |region: &String| {
        region
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if let Some(region) = region.as_ref().filter(|region| !is_word(region)) {
        return Err(
            Failure::new(INVALID, format!("{region:?} is not the name of a region"))
                .with_advice("write it as eu-west-1"),
        );
    }
    let program = command_line::this_program(&context.environment)?;
    let words = [program, "credential-process".into()]
        .into_iter()
        .chain(chosen.words.iter().cloned());
    Ok(Plan {
        file: file(context, "AWS_CONFIG_FILE", "config")?,
        name: name.to_owned(),
        line: command_line::quoted(words)?,
        region,
        endpoint_url: chosen.profile.endpoint_url.clone(),
    })
}

impl Plan {
    /// Writes it, and warns of what would keep AWS tools from reading it.
    pub(crate) fn carry_out(self, context: &Context) -> Result<(), Failure> {
        let output = context.output;
        let shown = self.file.display();
        let (edited, changed) = replace::change(
            &self.file,
            |before| edit::put(before, &self.name, &self.line, self.region.as_deref()),
            |edited| &edited.text,
        )
        .map_err(|error| {
            Failure::new(INTERNAL, format!("{shown} cannot be changed: {error}")).with_advice(
                "you are signed in all the same; see to the file, and run the command again",
            )
        })?;
        let name = &self.name;
        output.say(&if changed {
            format!("wrote the profile {name} into {shown}")
        } else {
            format!("the profile {name} in {shown} is as it should be")
        });
        if let (Some(ours), Some(theirs)) = (&self.region, &edited.other_region) {
            output.warning(&format!(
                "the profile {} keeps its region {}; here it is {ours}",
                self.name,
                printable(theirs)
            ));
        }
        for variable in ["KEYLESS_CONFIG", "KEYLESS_STORE_DIR"] {
            if context.environment.os(variable).is_some() {
                output.warning(&format!(
                    "{variable} is set: AWS tools have to be run with the same value"
                ));
            }
        }
        let credentials = file(context, "AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        let beside = replace::read(&credentials).unwrap_or_default();
        for shadow in shadow::shadows(
            &self.name,
            (&self.file, &edited.text),
            (&credentials, &beside),
            &context.environment,
        ) {
            output.warning(&shadow);
        }
        // What is not AWS has to be named to AWS tools, too.
        let endpoint = self.endpoint_url.map_or(String::new(), |url| {
            format!("AWS_ENDPOINT_URL_STS={} ", printable(&url))
        });
        output.say(&format!(
            "try it: {endpoint}aws --profile {} sts get-caller-identity",
            self.name
        ));
        Ok(())
    }
}

/// Takes out what was written for `chosen`, or for whichever profile where that is `None`; with `name`, out of that profile of AWS's alone.
pub(crate) fn remove(
    context: &Context,
    chosen: Option<&Chosen>,
    name: Option<&str>,
) -> Result<(), Failure> {
    let (output, file) = (context.output, file(context, "AWS_CONFIG_FILE", "config")?);
    let shown = file.display();
    let region = chosen.and_then(|chosen| chosen.profile.region.as_deref());
    let wanted = |profile: &str, line: &str| {
        name.is_none_or(|name| name == profile) && comes_to(line, chosen)
    };
    let (removed, changed) = replace::change(
        &file,
        |before| remove::remove(before, region, wanted),
        |removed| &removed.text,
    )
    .map_err(|error| {
        Failure::new(INTERNAL, format!("{shown} cannot be changed: {error}"))
            .with_advice("you are signed out all the same; see to the file")
    })?;
    if !changed {
        output.say(&match name {
            Some(name) => format!(
                "the profile {} in {shown} does not come here: it stays as it is",
                printable(name)
            ),
            None => format!("no profile in {shown} comes here"),
        });
    }
    for profile in &removed.profiles {
        output.say(&format!(
            "removed what was written for the profile {} from {shown}",
            printable(profile)
        ));
    }
    Ok(())
}

/// Whether this `credential_process` is one of ours, for `chosen` where there is one. Its words are read as this program reads them.
fn comes_to(line: &str, chosen: Option<&Chosen>) -> bool {
    let words = shlex::split(line).unwrap_or_default();
    let is_ours = words.first().is_some_and(|program| {
        let stem = std::path::Path::new(program).file_stem();
        stem.is_some_and(|stem| stem.eq_ignore_ascii_case("keyless"))
    });
    let read = args::parse(words.iter().map(Into::into));
    let Ok(Command::CredentialProcess(theirs)) = read.map(|cli| cli.command) else {
        return false;
    };
    let is_for = |chosen: &Chosen| match &chosen.profile.name {
        Some(name) => theirs.profile.name.as_ref() == Some(name),
        None => words.get(2..) == Some(&*chosen.words),
    };
    is_ours && chosen.is_none_or(is_for)
}

/// Where AWS tools look: the variable, else the file in `~/.aws`.
fn file(context: &Context, variable: &str, name: &str) -> Result<PathBuf, Failure> {
    if let Some(file) = context.environment.os(variable) {
        return Ok(file.into());
    }
    let home = context.environment.home().ok_or_else(|| {
        Failure::new(INVALID, "there is no home folder, and so no ~/.aws")
            .with_advice(format!("set HOME, or {variable} to the file's path"))
    })?;
    Ok(home.join(".aws").join(name))
}
