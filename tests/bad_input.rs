//! One clear error for each mistake: what was expected, what was found, what to do; the right exit code, and nothing lost.
#![allow(
    clippy::too_many_lines,
    reason = "one table, and what each of its rows must show"
)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use keyless_tests::binary;
use keyless_tests::scene::Scene;
use serde_json::json;

/// A home folder with a configuration.
struct Home(tempfile::TempDir);

impl Home {
    fn with(config: &str) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("config.toml"), config).expect("written");
        Self(home)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn keyless(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary::keyless());
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("KEYLESS_CONFIG", self.path().join("config.toml"))
            .stdin(Stdio::null());
        command
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn refused(case: &str, output: &Output, code: i32, expected: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(code), "{case}: {said}");
    assert!(output.stdout.is_empty(), "{case}: data on stdout");
    assert!(said.starts_with("error: "), "{case}: {said}");
    for part in expected {
        assert!(said.contains(part), "{case}: expected {part:?} in:\n{said}");
    }
}

const TWO: &str = "[identity.corp]\nissuer = \"https://issuer.example\"\nclient_id = \"x\"\n\
    [profile.dev]\nidentity = \"corp\"\nrole = \"arn:aws:iam::111122223333:role/Developer\"\n\
    [profile.prod]\nidentity = \"corp\"\nrole = \"arn:aws:iam::111122223333:role/Admin\"\n";

#[test]
fn a_mistake_in_the_configuration_is_found_before_anything_is_sent() {
    let identity = "[identity.corp]\nissuer = \"https://issuer.example\"\nclient_id = \"x\"\n[profile.dev]\nidentity = \"corp\"\n";
    let role = "role = \"arn:aws:iam::111122223333:role/Developer\"\n";
    for (case, config, arguments, code, expected) in [
        (
            "an unknown profile",
            TWO.to_owned(),
            vec!["credential-process", "dv"],
            5,
            vec!["no profile \"dv\"", "\"dev\""],
        ),
        (
            "no profile named",
            TWO.to_owned(),
            vec!["credential-process"],
            5,
            vec!["several profiles", "dev, prod"],
        ),
        (
            "no file",
            String::new(),
            vec!["credential-process"],
            5,
            vec!["no profile"],
        ),
        (
            "malformed TOML",
            "[profile.dev\n".to_owned(),
            vec!["env", "dev"],
            5,
            vec!["line 1"],
        ),
        (
            "an unknown key",
            format!("{identity}rol = \"x\"\n"),
            vec!["env", "dev"],
            5,
            vec!["line 6", "\"rol\"", "\"role\""],
        ),
        (
            "an unknown identity",
            TWO.replace("identity = \"corp\"", "identity = \"crop\""),
            vec!["env", "dev"],
            5,
            vec!["\"crop\"", "\"corp\""],
        ),
        (
            "no role",
            identity.to_owned(),
            vec!["credential-process", "dev"],
            5,
            vec!["no role"],
        ),
        (
            "a malformed role",
            format!("{identity}role = \"Developer\"\n"),
            vec!["credential-process", "dev"],
            5,
            vec!["not the ARN of a role", "arn:aws:iam::"],
        ),
        (
            "a role of another partition",
            format!(
                "{identity}role = \"arn:aws-cn:iam::111122223333:role/x\"\nregion = \"eu-west-1\"\n"
            ),
            vec!["credential-process", "dev"],
            5,
            vec!["partition", "cn-north-1"],
        ),
        (
            "five minutes",
            format!("{identity}{role}duration = \"5m\"\n"),
            vec!["credential-process", "dev"],
            5,
            vec!["900 to 43200"],
        ),
        (
            "a day",
            format!("{identity}{role}duration = 86400\n"),
            vec!["credential-process", "dev"],
            5,
            vec!["900 to 43200"],
        ),
        (
            "a long chain",
            format!(
                "{identity}{role}duration = \"2h\"\nvia = [\"arn:aws:iam::111122223333:role/Next\"]\n"
            ),
            vec!["credential-process", "dev"],
            5,
            vec!["an hour at most"],
        ),
        (
            "plain http",
            TWO.replace("https://", "http://"),
            vec!["credential-process", "dev"],
            5,
            vec!["only https"],
        ),
        (
            "nobody signed in",
            TWO.to_owned(),
            vec!["credential-process", "dev"],
            3,
            vec!["nobody is signed in", "keyless login"],
        ),
        (
            "two ways to prove it",
            format!(
                "[identity.corp]\nissuer = \"https://x.example\"\nclient_id = \"x\"\ntoken_env = \"T\"\n[profile.dev]\nidentity = \"corp\"\n{role}"
            ),
            vec!["credential-process", "dev"],
            5,
            vec!["several ways", "keep one"],
        ),
    ] {
        let home = Home::with(&config);
        refused(
            case,
            &home.keyless(&arguments).output().expect("keyless starts"),
            code,
            &expected,
        );
    }
    let home = Home::with("");
    let usage = home
        .keyless(&["credential-process", "--no-such-flag"])
        .output()
        .expect("keyless starts");
    assert_eq!(usage.status.code(), Some(2), "{}", said(&usage));
}

#[tokio::test]
async fn a_token_that_aws_would_refuse_is_refused_here_with_the_reason() {
    let scene = Scene::new().await;
    let good = scene.sandbox.id_token_for("alice").expect("Alice");
    let with = |name: &str, value: serde_json::Value| {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let mut claims = json!({ "iss": scene.sandbox.issuer(), "sub": "job", "aud": "keyless", "iat": now, "exp": now + 600 });
        claims[name] = value;
        scene.sandbox.mint(&claims)
    };
    let parts: Vec<&str> = good.split('.').collect();
    // {"alg":"HS256"}
    let hs256 = format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", parts[1], parts[2]);
    for (case, token, code, expected) in [
        (
            "no token at all",
            "AKIAIOSFODNN7EXAMPLE".to_owned(),
            5,
            vec!["not a JSON Web Token", "three parts"],
        ),
        (
            "expired",
            with("exp", 1_700_000_000.into()),
            5,
            vec!["expired at", "it is"],
        ),
        (
            "a shared secret's algorithm",
            hs256,
            5,
            vec!["HS256", "RS256"],
        ),
        (
            "too long",
            with("padding", "x".repeat(20_000).into()),
            5,
            vec!["at most 20000"],
        ),
        (
            "without a subject",
            with("sub", "".into()),
            5,
            vec!["\"sub\""],
        ),
        (
            "for another audience",
            with("aud", "somebody-else".into()),
            4,
            vec!["InvalidIdentityToken"],
        ),
    ] {
        let home = Home::with(&format!(
            "[identity.job]\ntoken_env = \"TOKEN\"\n[profile.job]\nidentity = \"job\"\nrole = \"{}\"\nendpoint_url = \"{}\"\n",
            scene.sandbox.role_arn("ReadOnly"),
            scene.sandbox.sts_endpoint()
        ));
        let output = tokio::process::Command::from(home.keyless(&["credential-process", "job"]))
            .env("TOKEN", &token)
            .output()
            .await
            .expect("keyless starts");
        refused(case, &output, code, &expected);
        assert!(
            !said(&output).contains(token.get(..40).unwrap_or(&token)),
            "{case}: the token is in the message"
        );
    }
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let home = Home::with(
        "[identity.job]\ntoken_command = [\"no-such-agent\", \"--secret\", \"hunter2\"]\n[profile.job]\nidentity = \"job\"\nrole = \"arn:aws:iam::111122223333:role/x\"\n",
    );
    let output = home
        .keyless(&["credential-process", "job"])
        .output()
        .expect("keyless starts");
    refused("no such command", &output, 5, &["no-such-agent"]);
    assert!(
        !said(&output).contains("hunter2"),
        "its arguments may be secret"
    );
}

#[tokio::test]
async fn what_is_kept_and_cannot_be_relied_on_is_warned_of_and_done_without() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new().await;
    for (case, warned) in [
        ("truncated", "expected"),
        ("world-readable", "chmod 600"),
        ("a full disk", "store"),
    ] {
        let home = Home::with(&format!(
            "[identity.job]\ntoken_env = \"TOKEN\"\n[profile.job]\nidentity = \"job\"\nrole = \"{}\"\nendpoint_url = \"{}\"\n",
            scene.sandbox.role_arn("ReadOnly"),
            scene.sandbox.sts_endpoint()
        ));
        let token = scene.sandbox.id_token_for("alice").expect("Alice");
        let run = || {
            tokio::process::Command::from(home.keyless(&["credential-process", "job"]))
                .env("TOKEN", &token)
                .output()
        };
        let first = run().await.expect("keyless starts");
        assert!(
            first.status.success() && said(&first).is_empty(),
            "{case}: {}",
            said(&first)
        );
        let store = home.path().join(".local/state/keyless/store");
        let entry = std::fs::read_dir(&store)
            .expect("a store")
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|end| end == "json"))
            .expect("an entry");
        match case {
            "truncated" => std::fs::write(&entry, "{\"format\":1,").expect("written"),
            "world-readable" => {
                std::fs::set_permissions(&entry, std::fs::Permissions::from_mode(0o644))
                    .expect("changed");
            }
            _ => {
                // As good as full: no file can be made where the folder was.
                std::fs::remove_dir_all(&store).expect("removed");
                std::fs::write(&store, "").expect("written");
            }
        }
        let again = run().await.expect("keyless starts");
        assert!(again.status.success(), "{case}: {}", said(&again));
        assert!(
            said(&again).contains("warning: ") && said(&again).contains(warned),
            "{case}: {}",
            said(&again)
        );
        let answer: serde_json::Value = serde_json::from_slice(&again.stdout).expect("JSON");
        assert_eq!(answer["Version"], 1, "{case}");
    }
}
