//! `keyless sandbox` as a server, with a trust policy of one's own to try out.
#![cfg(unix)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use common::{Machine, Ran};
use serde_json::Value;

/// A sandbox in a process of its own, ended with this value.
struct Served(Child, Value);

impl Served {
    fn with_role(machine: &Machine, policy: &str, more: &[&str]) -> Self {
        let file = machine.write("trust-policy.json", policy);
        let role = format!("mine={}", file.display());
        let arguments = [
            "sandbox",
            "--sign-in-as",
            "alice",
            "--json",
            "--role",
            &role,
        ];
        let mut command = machine.command(&[&arguments, more].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        Self(child, serde_json::from_str(&line).expect("JSON"))
    }

    fn said(&self, name: &str) -> &str {
        self.1[name].as_str().expect(name)
    }

    /// What comes of a sign-in for the role.
    fn login(&self, machine: &Machine) -> Ran {
        let role = self.1["roles"]["mine"].as_str().expect("the role");
        machine.login(&[
            "--issuer",
            self.said("issuer"),
            "--client-id",
            self.said("client_id"),
            "--endpoint-url",
            self.said("sts_endpoint"),
            "--role",
            role,
        ])
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("ended");
    }
}

fn policy_for(email: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": {{
            "Effect": "Allow",
            "Principal": {{"Federated": "arn:aws:iam::{{account}}:oidc-provider/{{issuer}}"}},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {{"StringEquals": {{"{{issuer}}:aud": "{{client_id}}", "{{issuer}}:email": "{email}"}}}}
        }}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_policy_of_ones_own_lets_in_whom_it_says() {
    let machine = Machine::new().await;
    for (whose, code) in [("alice@example.com", 0), ("Alice@example.com", 4)] {
        let served = Served::with_role(&machine, &policy_for(whose), &[]);
        let ran = served.login(&machine);
        assert_eq!(ran.code, Some(code), "{whose}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_on_the_ways_of_a_well_known_identity_provider() {
    let machine = Machine::new().await;
    for (shape, path) in [("keycloak", "/realms/corp"), ("dex", "/dex")] {
        let policy = policy_for("alice@example.com");
        let served = Served::with_role(&machine, &policy, &["--shape", shape]);
        assert!(served.said("issuer").ends_with(path), "{:?}", served.1);
        let ran = served.login(&machine);
        assert_eq!(ran.code, Some(0), "{shape}: {ran:?}");
    }
    let served = Served::with_role(&machine, &policy_for("x"), &["--shape", "google"]);
    assert_eq!(served.said("client_secret"), "GOCSPX-sandbox");
    let ran = machine.run(&["sandbox", "--shape", "okta"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.said.contains("okta-org, okta-custom"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_be_made_is_told() {
    let machine = Machine::new().await;
    let broken = machine.write("broken.json", "{");
    for (role, code, says) in [
        ("mine".to_owned(), 2, "expected NAME=FILE"),
        ("mine=/nowhere.json".to_owned(), 5, "cannot be read"),
        (format!("mine={}", broken.display()), 5, "mine"),
    ] {
        let ran = machine.run(&["sandbox", "--json", "--role", &role]);
        assert_eq!((ran.code, &*ran.data), (Some(code), ""), "{ran:?}");
        assert!(ran.said.contains(says), "{ran:?}");
    }
}
