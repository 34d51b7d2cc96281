//! What AWS tools would take before the `credential_process` of a profile.

use std::path::Path;

use keyless::Environment;

use super::edit::{is_profile, settings};

/// Keys of the same profile that come first (botocore's and the SDKs' provider chains).
const BEFORE: [(&str, &str); 6] = [
    ("aws_access_key_id", "static keys"),
    ("role_arn", "a role of its own"),
    ("web_identity_token_file", "a token file"),
    ("sso_session", "single sign-on"),
    ("sso_start_url", "single sign-on"),
    ("login_session", "`aws login`"),
];

/// One sentence for each thing that would hide the profile `name`, given the two files of AWS tools.
pub(super) fn shadows(
    name: &str,
    (config, config_text): (&Path, &[u8]),
    (credentials, credentials_text): (&Path, &[u8]),
    environment: &Environment,
) -> Vec<String> {
    let mut found = Vec::new();
    let files = [
        (
            config,
            settings(config_text, |section| is_profile(section, name)),
        ),
        // There a profile goes by its bare name.
        (
            credentials,
            settings(credentials_text, |section| section == name),
        ),
    ];
    for (file, settings) in &files {
        for (key, what) in BEFORE {
            if settings.iter().any(|setting| setting.key == key) {
                found.push(format!(
                    "AWS tools will not come here: {} has {what} for {name} ({key}); remove it",
                    file.display()
                ));
            }
        }
    }
    let [_, (_, in_credentials)] = &files;
    if in_credentials
        .iter()
        .any(|setting| setting.key == "credential_process")
    {
        found.push(format!("AWS tools may not come here: {} has a credential_process of its own for {name}; remove it", credentials.display()));
    }
    let set = |variable: &str| environment.os(variable).is_some();
    if set("AWS_ACCESS_KEY_ID") {
        found.push("some AWS tools will not come here: AWS_ACCESS_KEY_ID is set in this environment; unset it".into());
    }
    if set("AWS_WEB_IDENTITY_TOKEN_FILE") && set("AWS_ROLE_ARN") {
        found.push("some AWS tools will not come here: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are set in this environment; unset them".into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_the_profile_is_told() {
        let files = |config: &str, credentials: &str, variables: &[(&str, &str)]| {
            shadows(
                "dev",
                (Path::new("config"), config.as_bytes()),
                (Path::new("credentials"), credentials.as_bytes()),
                &Environment::of(variables.iter().copied()),
            )
        };
        let clean = "[profile dev]\ncredential_process = x\n[profile other]\nrole_arn = y\n";
        assert_eq!(
            files(
                clean,
                "[other]\naws_access_key_id = z\n",
                &[("AWS_ROLE_ARN", "r")]
            ),
            Vec::<String>::new()
        );
        for (config, credentials, variables, told) in [
            (
                "[profile dev]\nrole_arn = y\n",
                "",
                &[][..],
                "config has a role of its own for dev (role_arn)",
            ),
            ("[profile dev]\nsso_session=y\n", "", &[], "single sign-on"),
            (
                "[profile dev]\nweb_identity_token_file=y\n",
                "",
                &[],
                "a token file",
            ),
            (
                clean,
                "[dev]\nAWS_Access_Key_Id = z\n",
                &[],
                "credentials has static keys for dev",
            ),
            (clean, "[dev]\ncredential_process = z\n", &[], "of its own"),
            (
                clean,
                "",
                &[("AWS_ACCESS_KEY_ID", "k")],
                "AWS_ACCESS_KEY_ID is set",
            ),
            (
                clean,
                "",
                &[("AWS_ROLE_ARN", "r"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "f")],
                "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
            ),
        ] {
            let found = files(config, credentials, variables);
            assert_eq!(found.len(), 1, "{told}: {found:?}");
            assert!(found[0].contains(told), "{found:?}");
        }
    }
}
