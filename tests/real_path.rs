//! The whole path on real programs: a certified identity provider, the AWS CLI, boto3 and a Rust service.

use std::process::Command;

use keyless_tests::browser::Browser;
use keyless_tests::home::Home;
use keyless_tests::{binary, real};

const ARN: &str = "arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com";

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_person_signs_in_and_every_aws_tool_is_the_role() {
    let Some(parts) = real::parts() else { return };
    let (identity_provider, moto) = (parts.oidc_provider(), parts.moto());
    let issuer = identity_provider.url();
    let config = format!(
        "[identity.corp]\nissuer = \"{issuer}\"\nclient_id = \"keyless\"\n\n[profile.dev]\nidentity = \"corp\"\nrole = \"arn:aws:iam::111122223333:role/Developer\"\nregion = \"eu-west-1\"\n"
    );
    let home = Home::new(&config, moto.url());

    // `keyless login` prints the address; the person opens it in a browser.
    let login = ["login", "dev", "--no-browser", "--write-aws-config", "dev"];
    let mut said = home.keyless(&login, &[]);
    let address = said.address("http://127.0.0.1:").await;
    let page = Browser::default().sign_in(&address, "alice").await;
    assert!(page.contains("Signed in as alice@example.com"), "{page}");
    said.well().await;

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
        let output = home.at_home(&mut command).output().expect(tool);
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
