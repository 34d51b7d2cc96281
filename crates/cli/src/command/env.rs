//! `keyless env`: the session as variables for a shell.

use std::process::ExitCode;

use keyless::Session;
use keyless::profile::Profile;

use super::credential_process::document;
use crate::args::{Env, EnvFormat};
use crate::context::Context;
use crate::exit::{Failure, INVALID, Outcome};
use crate::output;
use crate::words::rfc3339;

pub(super) fn run(context: &Context, args: &Env) -> Outcome {
    let chosen = context.choose(args.profile.name.as_deref(), &args.flags)?;
    let session = context.session(&chosen, &args.asking)?;
    let text = if args.format == EnvFormat::Process {
        document(&session)
    } else {
        lines(args.format, &variables(&session, &chosen.profile))?
    };
    output::data(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What AWS tools read, and what Python's refreshes by: the names of `aws configure export-credentials`, and the region.
pub(super) fn variables(session: &Session, profile: &Profile) -> Vec<(&'static str, String)> {
    let credentials = session.credentials();
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()),
        (
            "AWS_SECRET_ACCESS_KEY",
            credentials.secret_access_key().to_owned(),
        ),
        (
            "AWS_SESSION_TOKEN",
            credentials.session_token().unwrap_or_default().to_owned(),
        ),
        ("AWS_CREDENTIAL_EXPIRATION", rfc3339(session.expires_at())),
    ];
    if let Some(region) = &profile.region {
        // The AWS CLI of version 1 and boto3 know the second name alone, most SDKs the first.
        variables.push(("AWS_REGION", region.to_owned()));
        variables.push(("AWS_DEFAULT_REGION", region.to_owned()));
    }
    if let Some(url) = &profile.endpoint_url {
        variables.push(("AWS_ENDPOINT_URL_STS", url.to_owned())); // the AWS that the session is of
    }
    variables
}

/// The lines of `aws configure export-credentials` (awscli, `exportcreds.py`), which quote nothing: so a value that a shell would
/// read as more than itself is refused.
fn lines(format: EnvFormat, variables: &[(&str, String)]) -> Result<String, Failure> {
    let plain = |value: &str| {
        value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-.:,@".contains(&byte))
    };
    if let Some((name, _)) = variables.iter().find(|(_, value)| !plain(value)) {
        return Err(Failure::new(
            INVALID,
            format!("{name} holds characters that are not safe in a shell"),
        )
        .with_advice("check the endpoint and the region; `keyless exec` hands over any value"));
    }
    let line = |(name, value): &(&str, String)| match format {
        EnvFormat::Env | EnvFormat::Process => format!("export {name}={value}\n"),
        EnvFormat::EnvNoExport => format!("{name}={value}\n"),
        EnvFormat::Powershell => format!("$Env:{name}=\"{value}\"\n"),
        EnvFormat::WindowsCmd => format!("set {name}={value}\n"),
        EnvFormat::Fish => format!("set -gx {name} \"{value}\"\n"),
    };
    Ok(variables.iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_its_own_form() {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE".to_owned()),
            ("AWS_SESSION_TOKEN", "Fwo+/=".to_owned()),
        ];
        for (format, expected) in [
            (
                EnvFormat::Env,
                "export AWS_ACCESS_KEY_ID=ASIAEXAMPLE\nexport AWS_SESSION_TOKEN=Fwo+/=\n",
            ),
            (
                EnvFormat::EnvNoExport,
                "AWS_ACCESS_KEY_ID=ASIAEXAMPLE\nAWS_SESSION_TOKEN=Fwo+/=\n",
            ),
            (
                EnvFormat::Powershell,
                "$Env:AWS_ACCESS_KEY_ID=\"ASIAEXAMPLE\"\n$Env:AWS_SESSION_TOKEN=\"Fwo+/=\"\n",
            ),
            (
                EnvFormat::WindowsCmd,
                "set AWS_ACCESS_KEY_ID=ASIAEXAMPLE\nset AWS_SESSION_TOKEN=Fwo+/=\n",
            ),
            (
                EnvFormat::Fish,
                "set -gx AWS_ACCESS_KEY_ID \"ASIAEXAMPLE\"\nset -gx AWS_SESSION_TOKEN \"Fwo+/=\"\n",
            ),
        ] {
            assert_eq!(lines(format, &variables).expect("plain values"), expected);
        }
    }

    #[test]
    fn a_value_that_a_shell_would_run_is_refused() {
        for value in [
            "$(reboot)",
            "a b",
            "`x`",
            "a;b",
            "a\nb",
            "\"",
            "%PATH%",
            "a&b",
        ] {
            let variables = [("AWS_REGION", value.to_owned())];
            let failure = lines(EnvFormat::Env, &variables).expect_err(value);
            assert_eq!(failure.code, INVALID, "{value:?}");
        }
    }
}
