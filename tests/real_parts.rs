//! The real parts answer as the stories expect them to.

use std::process::Command;

use keyless_tests::real;

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn the_aws_cli_and_boto3_are_the_role_of_a_credential_process() {
    let Some(parts) = real::parts() else { return };
    let moto = parts.moto();
    let assumed = output(
        parts
            .aws()
            .env("AWS_ENDPOINT_URL", moto.url())
            .env("AWS_REGION", "eu-west-1")
            .args([
                "sts",
                "assume-role-with-web-identity",
                "--role-arn=arn:aws:iam::111122223333:role/Developer",
                "--role-session-name=alice@example.com",
                "--web-identity-token=any.thing.goes",
                "--query=Credentials",
            ]),
    );
    let mut entry: serde_json::Value = serde_json::from_str(&assumed).unwrap();
    entry["Version"] = 1.into();

    let folder = tempfile::tempdir().unwrap();
    let (process, config) = (
        folder.path().join("process.json"),
        folder.path().join("config"),
    );
    std::fs::write(&process, entry.to_string()).unwrap();
    let line = format!(
        "[default]\nregion = eu-west-1\ncredential_process = cat \"{}\"\n",
        process.display()
    );
    std::fs::write(&config, line).unwrap();

    let boto3 = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])";
    for command in [
        parts
            .aws()
            .args(["sts", "get-caller-identity", "--query=Arn", "--output=text"]),
        parts.python().args(["-c", boto3]),
    ] {
        let arn = output(
            command
                .env("AWS_ENDPOINT_URL", moto.url())
                .env("AWS_CONFIG_FILE", &config),
        );
        assert_eq!(
            arn.trim(),
            "arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com"
        );
    }
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn the_certified_identity_provider_is_found_at_its_issuer() {
    let Some(parts) = real::parts() else { return };
    let identity_provider = parts.oidc_provider();
    let read = "import json, sys, urllib.request as web\n\
                issuer = sys.argv[1]\n\
                print(json.load(web.urlopen(issuer + '/.well-known/openid-configuration'))['issuer'] == issuer)";
    assert_eq!(
        output(parts.python().args(["-c", read, identity_provider.url()])).trim(),
        "True"
    );
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn cfn_lint_knows_the_properties_of_a_provider() {
    let Some(parts) = real::parts() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.yaml");
    for (property, passes) in [("Url", true), ("Uri", false)] {
        let template = format!(
            "Resources:\n  Provider:\n    Type: AWS::IAM::OIDCProvider\n    Properties:\n      {property}: https://id.example.com\n"
        );
        std::fs::write(&file, template).unwrap();
        let output = parts.cfn_lint().arg(&file).output();
        let output = output.expect("installed by `cargo xtask parts`");
        assert_eq!(output.status.success(), passes, "{property}: {output:?}");
    }
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn a_real_part_ends_with_its_test() {
    let Some(parts) = real::parts() else { return };
    let address = {
        let identity_provider = parts.oidc_provider();
        identity_provider
            .url()
            .trim_start_matches("http://")
            .to_owned()
    };
    assert!(std::net::TcpStream::connect(address).is_err());
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("installed by `cargo xtask parts`");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("these programs print UTF-8")
}
