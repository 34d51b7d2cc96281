//! `keyless` for an application with a secret: from where the configuration says it is, and nowhere else.
#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use keyless_sandbox::{Client, Sandbox};
use keyless_tests::binary;
use keyless_tests::keyring::Keyring;
use keyless_tests::person::{Deed, browse};
use keyless_tests::rest::found;
use tempfile::TempDir;
use tokio::io::AsyncBufReadExt as _;

const SECRET: &str = "hunter2-of-the-application";

/// A home whose one identity has `line` for its secret.
struct Machine {
    home: TempDir,
    sandbox: Sandbox,
}

impl Machine {
    async fn new(line: &str) -> Self {
        let client = Client::new("keyless").secret(SECRET);
        let sandbox = Sandbox::builder().client(client).start().await;
        let sandbox = sandbox.expect("a sandbox");
        let home = tempfile::tempdir().expect("a home");
        let config = format!(
            "[identity.corp]\nissuer = \"{}\"\nclient_id = \"keyless\"\n{line}\n\n[profile.dev]\nidentity = \"corp\"\nrole = \"{}\"\nregion = \"eu-west-1\"\nendpoint_url = \"{}\"\n",
            sandbox.issuer(),
            sandbox.role_arn("Developer"),
            sandbox.sts_endpoint(),
        );
        fs::write(home.path().join("keyless.toml"), config).expect("written");
        Self { home, sandbox }
    }

    fn keyless(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary::keyless());
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .env("KEYLESS_CONFIG", self.home.path().join("keyless.toml"))
            .env("KEYLESS_STORE_DIR", self.home.path().join("store"))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// `keyless login`, and Alice, who opens the address that it prints; with everything that it said.
    async fn login(&self, mut login: Command) -> (bool, String) {
        login.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut login = tokio::process::Command::from(login)
            .spawn()
            .expect("keyless starts");
        let mut lines = tokio::io::BufReader::new(login.stderr.take().expect("a pipe")).lines();
        let mut said = String::new();
        while let Some(line) = lines.next_line().await.expect("text") {
            if let Some(start) = line.find(&format!("{}/authorize?", self.sandbox.issuer())) {
                let address = line[start..].trim().to_owned();
                tokio::spawn(
                    async move { browse(&address, &Deed::SignInAs("alice".into())).await },
                );
            }
            said.push_str(&line);
            said.push('\n');
        }
        (login.wait().await.expect("it ends").success(), said)
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_comes_from_a_variable_a_file_or_a_command() {
    let file = tempfile::tempdir().expect("a folder");
    let path = file.path().join("secret");
    fs::write(&path, format!("{SECRET}\n")).expect("written");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("set");
    let path = path.to_str().expect("text");
    let in_file = format!("client_secret = {{ file = \"{path}\" }}");
    let by_command = format!(
        "client_secret = {{ command = [\"cat\", \"{path}\"] }}\nclient_auth = \"client_secret_post\""
    );
    let flag = ["--client-secret-file", path];
    for (line, flags) in [
        ("client_secret = { env = \"APP_SECRET\" }", &[][..]),
        (&in_file, &[]),
        (&by_command, &[]),
        ("", &flag),
    ] {
        let machine = Machine::new(line).await;
        let mut login = machine.keyless(&["login", "dev", "--no-browser", "-vv"]);
        login.args(flags).env("APP_SECRET", SECRET);
        let (succeeded, said) = machine.login(login).await;
        assert!(succeeded, "{line}: {said}");
        assert!(!said.contains("hunter2"), "{line}: {said}");
        // From here on there is no need of it.
        let output = machine
            .keyless(&["credential-process", "dev"])
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{line}: {}", told(&output));
        let mut job = machine.keyless(&["exec", "-p", "dev", "env"]);
        job.envs([("APP_SECRET", SECRET), ("OTHER", "here")]);
        let output = job.output().expect("it runs");
        let (is_named, said) = (line.contains("APP_SECRET"), told(&output));
        assert!(said.contains("OTHER=here"), "{line}: {said}");
        assert_eq!(said.contains(SECRET), !is_named, "{line}: {said}");
        assert_eq!(
            found(machine.home.path(), &[("secret", SECRET)]),
            [],
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_configuration_or_on_the_command_line_is_refused() {
    let machine = Machine::new(&format!("client_secret = \"{SECRET}\"")).await;
    let output = machine
        .keyless(&["login", "dev", "--no-browser"])
        .output()
        .expect("it runs");
    let said = told(&output);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(
        said.contains("a secret does not belong in this file"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");

    let machine = Machine::new("").await;
    let output = machine
        .keyless(&["login", "dev", "--client-secret", SECRET])
        .output()
        .expect("it runs");
    assert_eq!(
        output.status.code(),
        Some(2),
        "there is no such flag: {}",
        told(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_secret_is_put_into_a_real_keyring_used_from_there_and_removed() {
    let keyrings = tempfile::tempdir().expect("a folder");
    let Some(keyring) = Keyring::start(keyrings.path(), Some("open sesame")) else {
        return;
    };
    let machine = Machine::new("client_secret = { keyring = \"corp\" }").await;
    let with_bus = |arguments: &[&str]| {
        let mut command = machine.keyless(arguments);
        command.env("DBUS_SESSION_BUS_ADDRESS", keyring.address());
        command
    };
    let login = || with_bus(&["login", "dev", "--no-browser"]);
    let (succeeded, said) = machine.login(login()).await;
    assert!(
        !succeeded && said.contains("the keyring's entry \"corp\" has none"),
        "{said}"
    );
    assert!(said.contains("keyless keep-secret"), "{said}");

    let mut keep = with_bus(&["keep-secret", "corp"]);
    keep.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut keep = keep.spawn().expect("it runs");
    writeln!(keep.stdin.take().expect("a pipe"), "{SECRET}").expect("written");
    let output = keep.wait_with_output().expect("it ends");
    assert!(
        output.status.success() && !told(&output).contains("hunter2"),
        "{}",
        told(&output)
    );

    let (succeeded, said) = machine.login(login()).await;
    assert!(succeeded, "{said}");
    assert_eq!(found(machine.home.path(), &[("secret", SECRET)]), []);

    for (said, times) in [
        ("is removed from the keyring", 1),
        ("has no secret corp", 2),
    ] {
        let output = with_bus(&["keep-secret", "corp", "--remove"])
            .output()
            .expect("it runs");
        assert!(
            output.status.success() && told(&output).contains(said),
            "{times}: {}",
            told(&output)
        );
    }
    let output = with_bus(&["keep-secret", "store key of x"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}
