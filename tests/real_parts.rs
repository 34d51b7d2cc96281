//! The real parts answer as the stories expect them to.

use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyless_tests::browser::Browser;
use keyless_tests::real::{self, Running};
use url::form_urlencoded::Serializer;

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

const CONSUMER: &str = "http://127.0.0.1:1/saml";
const DEVELOPER: &str = "arn:aws:iam::111122223333:role/Developer";
const CORP: &str = "arn:aws:iam::111122223333:saml-provider/corp";

/// The response to our request, in Base64, as the browser brings it to us with our RelayState. `None` says no.
async fn saml(identity_provider: &Running, name: Option<&str>) -> String {
    let request = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
         ID=\"_ours\" Version=\"2.0\" IssueInstant=\"2026-01-01T00:00:00Z\" AssertionConsumerServiceURL=\"{CONSUMER}\"><saml:Issuer>us</saml:Issuer></samlp:AuthnRequest>"
    );
    let query = Serializer::new(String::new())
        .append_pair("SAMLRequest", &BASE64_STANDARD.encode(request))
        .append_pair("RelayState", "<our> \"state\"")
        .finish();
    let address = format!("{}?{query}", identity_provider.url());
    let mut browser = Browser::default();
    let arrival = match name {
        Some(name) => browser.sign_in_until(&address, name, "/saml").await,
        None => browser.refuse_until(&address, "/saml").await,
    };
    assert_eq!(arrival.address.as_str(), CONSUMER);
    assert_eq!(
        arrival.parameter("RelayState").as_deref(),
        Some("<our> \"state\"")
    );
    arrival.parameter("SAMLResponse").expect("a response")
}

fn text(base64: &str) -> String {
    let bytes = BASE64_STANDARD.decode(base64).expect("Base64");
    String::from_utf8(bytes).expect("text")
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn the_saml_identity_provider_answers_our_request_for_aws() {
    let Some(parts) = real::parts() else { return };
    let two = format!("{DEVELOPER},{CORP} {CORP},arn:aws:iam::111122223333:role/Admin");
    let to_aws = "Recipient=\"https://signin.aws.amazon.com/saml\"";
    let to_us = format!("Recipient=\"{CONSUMER}\"");
    let duration = "<saml:AttributeValue xsi:type=\"xs:string\">1800</saml:AttributeValue>";
    // Settings, how many signatures before and after the beginning of the assertion, how many roles, and what else is in it.
    for (settings, signatures, roles, holds) in [
        (
            vec![],
            (0, 1),
            1,
            vec![
                to_aws,
                "<saml:Audience>urn:amazon:webservices</saml:Audience>",
            ],
        ),
        (vec![("SAML_SIGN", "response")], (1, 0), 1, vec![to_aws]),
        (
            vec![("SAML_SIGN", "both"), ("SAML_ROLES", &two)],
            (1, 1),
            2,
            vec![to_aws],
        ),
        (
            vec![("SAML_SIGN", "none"), ("SAML_ROLES", "")],
            (0, 0),
            0,
            vec![to_aws],
        ),
        (
            vec![("SAML_RECIPIENT", ""), ("SAML_AUDIENCE", "")],
            (0, 1),
            1,
            vec![&to_us, "<saml:Audience>us</saml:Audience>"],
        ),
        (vec![("SAML_DURATION", "1800")], (0, 1), 1, vec![duration]),
    ] {
        let identity_provider = parts.saml_idp(&settings);
        let ready = identity_provider.ready();
        let certificate = ready["certificate"].as_str().expect("a PEM");
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----\n"));
        let response = saml(&identity_provider, Some("alice")).await;
        let xml = text(&response);
        let (response, assertion) = xml.split_once("<saml:Assertion ").expect("an assertion");
        let count = |text: &str, what| text.matches(what).count();
        assert_eq!(
            (
                count(response, "<Signature "),
                count(assertion, "<Signature ")
            ),
            signatures,
            "{settings:?}"
        );
        assert_eq!(
            count(assertion, ":saml-provider/corp"),
            roles,
            "{settings:?}"
        );
        let issuer = format!(
            "<saml:Issuer>{}</saml:Issuer>",
            ready["issuer"].as_str().expect("an entity ID")
        );
        let always = [
            "InResponseTo=\"_ours\"",
            "alice@example.com</saml:NameID>",
            "/RoleSessionName",
            &issuer,
        ];
        for text in always.into_iter().chain(holds) {
            assert!(
                assertion.contains(text),
                "{settings:?}: no {text} in\n{xml}"
            );
        }
        assert!(
            response.contains(&format!("Destination=\"{CONSUMER}\"")),
            "{xml}"
        );
    }
    let refusal = text(&saml(&parts.saml_idp(&[]), None).await);
    assert!(refusal.contains("status:RequestDenied"), "{refusal}");
    assert!(refusal.contains("InResponseTo=\"_ours\"") && !refusal.contains("<saml:Assertion"));
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn the_aws_cli_is_the_role_of_a_saml_response() {
    let Some(parts) = real::parts() else { return };
    let moto = parts.moto();
    let aws = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut aws = parts.aws();
        aws.env("AWS_ENDPOINT_URL", moto.url())
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .envs(environment.iter().copied())
            .args(arguments);
        output(&mut aws)
    };
    let another = "arn:aws:iam::444455556666:role/Admin";
    let roles =
        format!("{DEVELOPER},{CORP} {another},arn:aws:iam::444455556666:saml-provider/corp");
    let identity_provider = parts.saml_idp(&[("SAML_ROLES", &roles)]);
    for (role, arn) in [
        (
            DEVELOPER,
            "arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com",
        ),
        (
            another,
            "arn:aws:sts::444455556666:assumed-role/Admin/alice@example.com",
        ),
    ] {
        let response = saml(&identity_provider, Some("alice")).await;
        let arguments = [
            "sts",
            "assume-role-with-saml",
            "--role-arn",
            role,
            "--principal-arn",
            CORP,
            "--saml-assertion",
            &response,
            "--query=Credentials.[AccessKeyId,SecretAccessKey,SessionToken]",
            "--output=text",
        ];
        let keys = aws(&[], &arguments);
        let names = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ];
        let session: Vec<_> = names.into_iter().zip(keys.split_whitespace()).collect();
        let who = aws(
            &session,
            &["sts", "get-caller-identity", "--query=Arn", "--output=text"],
        );
        assert_eq!(who.trim(), arn);
    }
}

#[cfg(unix)]
#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn every_item_of_a_keyring_is_looked_at() {
    use keyless_tests::{keyring::Keyring, rest};
    let Some(parts) = real::parts() else { return };
    let home = tempfile::tempdir().unwrap();
    let Some(keyring) = Keyring::start(home.path(), Some("open sesame")) else {
        return;
    };
    let keep = "import secretstorage, sys\n\
                keyring = secretstorage.get_default_collection(secretstorage.dbus_init())\n\
                keyring.create_item('first', {'for': 'a story'}, b'nothing of interest')\n\
                keyring.create_item('second', {'for': 'another story'}, sys.argv[1].encode())";
    let mut python = parts.python();
    python
        .args(["-c", keep, "1//a-refresh-token"])
        .env("DBUS_SESSION_BUS_ADDRESS", keyring.address());
    output(&mut python);
    let secrets = [
        ("refresh token", "1//a-refresh-token"),
        ("code", "another-secret"),
    ];
    let found = rest::found_in_keyring(&parts, keyring.address(), &secrets);
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.what.as_str(), one.place.as_str(), one.writing))
        .collect();
    assert_eq!(found, [("refresh token", "second", "plain")]);
    // The keyring's own files tell nothing.
    assert_eq!(rest::found(home.path(), &secrets), []);
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
