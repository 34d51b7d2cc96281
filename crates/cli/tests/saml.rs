//! An identity that speaks SAML, by the command: login, its session, status, token, logout; a response from elsewhere; roles to choose from.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use common::{Machine, Ran, follow};

/// A machine whose identity provider speaks SAML: the profiles `dev` (saml-dev), `wrong` (a role that is not offered), `open` (no role) and `file` (a response from
/// a file).
async fn machine() -> Machine {
    let machine = Machine::new().await;
    let (sso, sts) = (
        machine.sandbox.saml_sso_url(),
        machine.sandbox.sts_endpoint(),
    );
    let profile = |name: &str, identity: &str, role: &str| {
        let role = match role {
            "" => String::new(),
            role => format!("role = \"{}\"\n", machine.sandbox.role_arn(role)),
        };
        format!(
            "[profile.{name}]\nidentity = \"{identity}\"\n{role}region = \"eu-west-1\"\nendpoint_url = \"{sts}\"\n"
        )
    };
    let config = format!(
        "[identity.corp]\nsaml_url = \"{sso}\"\n[identity.paper]\nsaml_file = \"{}\"\n{}{}{}{}",
        machine.path("response").display(),
        profile("dev", "corp", "saml-dev"),
        profile("wrong", "corp", "Admin"),
        profile("open", "corp", ""),
        profile("file", "paper", "saml-dev"),
    );
    machine.write(".config/keyless/config.toml", &config);
    machine
}

fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.data).unwrap_or_else(|_| panic!("{ran:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn from_login_to_logout() {
    let machine = machine().await;
    let ran = machine.login(&["dev"]);
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    for said in [
        "signed in as alice@example.com at http://127.0.0.1:",
        "role     arn:aws:iam::111122223333:role/saml-dev",
        "session  ",
    ] {
        assert!(ran.said.contains(said), "{said}: {}", ran.said);
    }
    let again = machine.run(&["login", "dev", "--json"]);
    assert_eq!(again.code, Some(0), "{}", again.said);
    assert!(
        again
            .said
            .contains("already signed in as alice@example.com")
    );
    let told = json(&again);
    assert_eq!(told["identity"]["who"], "alice@example.com");
    assert_eq!(
        told["identity"]["issuer"],
        machine.sandbox.saml_issuer().as_str()
    );
    let arn = "arn:aws:sts::111122223333:assumed-role/saml-dev/alice@example.com";
    assert_eq!(told["session"]["assumed_role"], arn);

    let credentials = machine.run(&["credential-process", "dev"]);
    let key = json(&credentials)["AccessKeyId"].clone();
    assert_eq!(key, told["session"]["access_key_id"]);
    let env = machine.run(&["env", "dev"]);
    assert!(env.data.contains(key.as_str().expect("a key")), "{env:?}");

    let token = machine.run(&["token", "dev", "--json"]);
    let said = json(&token);
    for (key, value) in [
        ("issuer", machine.sandbox.saml_issuer().as_str()),
        ("subject", "user-alice"),
        ("recipient", "https://signin.aws.amazon.com/saml"),
        ("session_name", "alice@example.com"),
    ] {
        assert_eq!(said[key], value, "{said}");
    }
    assert_eq!(said["audience"][0], "urn:amazon:webservices");
    assert_eq!(said["session_duration"], 3600);
    assert_eq!(
        said["roles"][0]["role"],
        machine.sandbox.role_arn("saml-dev").as_str()
    );
    let raw = machine.run(&["token", "dev"]);
    assert!(!raw.data.contains(['{', '\n']), "{raw:?}");

    let status = machine.run(&["status", "dev"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(
        status.data.contains("alice@example.com at http://"),
        "{status:?}"
    );
    assert!(status.data.contains(arn), "{status:?}");
    // Nothing of it is "not usable" to anybody.
    assert!(!status.data.contains("not usable"), "{status:?}");
    let status = json(&machine.run(&["status", "dev", "--json"]));
    assert_eq!(status["profiles"][0]["identity"]["state"], "signed-in");
    let kinds: Vec<_> = status["health"]["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| entry["kind"].clone())
        .collect();
    assert!(
        kinds.contains(&"sign-in".into()) && !kinds.contains(&"unusable".into()),
        "{kinds:?}"
    );

    let doctor = machine.run(&["doctor", "dev"]);
    assert!(!doctor.data.contains("FAIL"), "{}", doctor.data);
    assert!(
        doctor.data.contains("a sign-in by SAML at"),
        "{}",
        doctor.data
    );

    let out = machine.run(&["logout", "dev", "--end-session"]);
    assert_eq!(out.code, Some(0), "{out:?}");
    assert!(out.said.contains("signed out alice@example.com"), "{out:?}");
    assert!(out.said.contains("speaks SAML"), "{out:?}");
    assert!(
        machine.entries(".json").is_empty(),
        "{:?}",
        machine.entries("")
    );
    let gone = machine.run(&["credential-process", "dev"]);
    assert_eq!(gone.code, Some(3), "{gone:?}");
    assert!(gone.said.contains("keyless login dev"), "{gone:?}");
    let status = machine.run(&["status", "dev"]);
    assert!(status.data.contains("signed out"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_not_offered_or_not_named() {
    let machine = machine().await;
    let ran = machine.login(&["wrong"]);
    assert_eq!(ran.code, Some(4), "{}", ran.said);
    assert!(
        ran.said
            .contains("does not offer alice@example.com this role"),
        "{}",
        ran.said
    );
    assert!(ran.said.contains("role/saml-dev"), "{}", ran.said);
    assert!(!ran.said.contains("keyless explain"), "{}", ran.said);
    // The only one that is offered is taken where a role is needed.
    let ran = machine.run(&["env", "open"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.said.contains("taking the only role"), "{ran:?}");
    let ran = machine.run(&["explain", "dev", "--live"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.said.contains("speaks SAML"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_from_elsewhere_needs_nobody() {
    let machine = machine().await;
    let assertion = keyless_sandbox::Assertion::of("bob");
    let response = machine.sandbox.saml_response(&assertion).expect("Bob");
    let file = machine.write("response", &response);
    let ran = machine.run(&["credential-process", "file"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let role = machine.sandbox.role_arn("saml-dev");
    let sts = machine.sandbox.sts_endpoint().to_owned();
    let file = file.to_str().expect("text");
    let by_flags = |way: &[&str]| {
        let more = [
            "--role",
            &role,
            "--endpoint-url",
            &sts,
            "--region",
            "eu-west-1",
        ];
        let words = [&["login", "--store", "memory", "--json"], way, &more].concat();
        let mut command = machine.command(&words);
        command.env("RESPONSE", &response);
        Ran::new(command.output().expect("started"))
    };
    for way in [
        ["--saml-file", file],
        ["--saml-env", "RESPONSE"],
        ["--saml-command", &format!("cat '{file}'")],
    ] {
        let ran = by_flags(&way);
        assert_eq!(ran.code, Some(0), "{way:?}: {ran:?}");
        let told = json(&ran);
        assert_eq!(told["session"]["who"], "bob@example.com", "{told}");
    }
    let status = machine.run(&["status", "file"]);
    assert!(status.data.contains("from the file"), "{status:?}");
    let out = machine.run(&["logout", "file"]);
    assert!(out.said.contains("comes from elsewhere"), "{out:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flags_alone_will_do() {
    let machine = machine().await;
    let (sso, role) = (
        machine.sandbox.saml_sso_url(),
        machine.sandbox.role_arn("saml-dev"),
    );
    let sts = machine.sandbox.sts_endpoint();
    let flags = ["--saml-url", &sso, "--role", &role, "--endpoint-url", sts];
    let ran = machine.login(&[&flags[..], &["--region", "eu-west-1"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    assert!(ran.said.contains("signed in as alice@example.com"));
    let ran = machine.run(&["login", "--saml-url", "http://idp.example/sso"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
}

/// Where the browser is elsewhere, what is posted there does not stand in an address; the listener waits all the same.
#[tokio::test(flavor = "multi_thread")]
async fn over_ssh_somebody_is_told_how_the_answer_comes_here() {
    let machine = machine().await;
    let mut child = machine
        .command(&["login", "dev"])
        .env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("press Enter") {
        assert!(stderr.read_line(&mut said).expect("text") > 0, "{said}");
    }
    let link = said.lines().find(|line| line.contains("SAMLRequest"));
    follow(link.expect("a link").trim());
    stderr.read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("it ends").success(), "{said}");
    for told in [
        "because this is an SSH session",
        "ssh -N -L ",
        "developer tools",
        "SAMLResponse",
        "signed in as alice@example.com",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
}
