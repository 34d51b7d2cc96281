//! The whole path on real programs: a certified identity provider, the AWS CLI, boto3 and a Rust service.

use std::path::Path;
use std::process::{Command, Stdio};

use keyless_tests::browser::Browser;
use keyless_tests::{binary, real};
use tokio::io::{AsyncBufReadExt, BufReader};

const ARN: &str = "arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com";

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_person_signs_in_and_every_aws_tool_is_the_role() {
    let Some(parts) = real::parts() else { return };
    let (identity_provider, moto) = (parts.oidc_provider(), parts.moto());
    let home = tempfile::tempdir().expect("a folder");
    let config = home.path().join("keyless.toml");
    let profile = format!(
        "[identity.corp]\nissuer = \"{}\"\nclient_id = \"keyless\"\n\n[profile.dev]\nidentity = \"corp\"\nrole = \"arn:aws:iam::111122223333:role/Developer\"\nregion = \"eu-west-1\"\n",
        identity_provider.url()
    );
    std::fs::write(&config, profile).expect("written");

    // `keyless login` prints the address; the person opens it in a browser.
    let mut login = Command::new(binary::keyless());
    at_home(&mut login, home.path(), moto.url());
    login
        .args(["login", "dev", "--no-browser", "--write-aws-config", "dev"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut login = tokio::process::Command::from(login)
        .spawn()
        .expect("keyless starts");
    let mut said = BufReader::new(login.stderr.take().expect("a pipe")).lines();
    let address = loop {
        let line = said
            .next_line()
            .await
            .expect("text")
            .expect("an address to open");
        if let Some(start) = line.find(&format!("{}/auth?", identity_provider.url())) {
            break line[start..].trim().to_owned();
        }
    };
    let page = Browser::default().sign_in(&address, "alice").await;
    assert!(page.contains("Signed in as alice@example.com"), "{page}");
    let mut rest = Vec::new();
    while let Some(line) = said.next_line().await.expect("text") {
        rest.push(line);
    }
    assert!(login.wait().await.expect("it ends").success(), "{rest:#?}");

    // From here on nobody knows of keyless but the line in the AWS configuration.
    let mut aws = parts.aws();
    aws.args([
        "sts",
        "get-caller-identity",
        "--query=Arn",
        "--output=text",
        "--profile=dev",
    ]);
    let mut boto3 = parts.python();
    boto3.args(["-c", "import boto3; print(boto3.Session(profile_name='dev').client('sts').get_caller_identity()['Arn'])"]);
    let mut service = Command::new(binary::example("service"));
    service.arg("dev");
    for (tool, mut command) in [
        ("the AWS CLI", aws),
        ("boto3", boto3),
        ("examples/service.rs", service),
    ] {
        at_home(&mut command, home.path(), moto.url());
        let output = command.output().expect(tool);
        assert!(
            output.status.success(),
            "{tool}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            ARN,
            "{tool}"
        );
    }
}

/// A home of its own, with moto for AWS.
fn at_home(command: &mut Command, home: &Path, aws: &str) {
    for stale in [
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "XDG_STATE_HOME",
        "XDG_CONFIG_HOME",
        "KEYLESS_PROFILE",
    ] {
        command.env_remove(stale);
    }
    command
        .env("HOME", home)
        .env("KEYLESS_CONFIG", home.join("keyless.toml"))
        .env("AWS_CONFIG_FILE", home.join(".aws/config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", home.join(".aws/credentials"))
        .env("AWS_ENDPOINT_URL", aws)
        .env("AWS_REGION", "eu-west-1");
}
