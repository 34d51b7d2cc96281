//! What is kept sealed, with the key in a keyring: a real one, one that hangs, and none.
#![cfg(unix)]
#![allow(
    clippy::too_many_lines,
    reason = "one story, from the first start of a keyring to its end"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use keyless_sandbox::Sandbox;
use keyless_tests::binary;
use keyless_tests::keyring::Keyring;
use keyless_tests::person::{Deed, browse};
use keyless_tests::rest;
use tempfile::TempDir;
use tokio::io::AsyncBufReadExt as _;

/// A home whose one profile keeps everything sealed, and the sandbox that it signs in at.
struct Machine {
    home: TempDir,
    sandbox: Sandbox,
}

impl Machine {
    async fn new() -> Self {
        let sandbox = Sandbox::builder().start().await.expect("a sandbox");
        let home = tempfile::tempdir().expect("a home");
        let config = format!(
            "[identity.corp]\nissuer = \"{}\"\nclient_id = \"keyless\"\n\n[profile.dev]\nidentity = \"corp\"\nrole = \"{}\"\nregion = \"eu-west-1\"\nendpoint_url = \"{}\"\nstore = \"keyring\"\n",
            sandbox.issuer(),
            sandbox.role_arn("Developer"),
            sandbox.sts_endpoint(),
        );
        fs::write(home.path().join("keyless.toml"), config).expect("written");
        Self { home, sandbox }
    }

    fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    fn keyless(&self, bus: Option<&str>) -> Command {
        let mut command = Command::new(binary::keyless());
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("KEYLESS_CONFIG", self.home.path().join("keyless.toml"))
            .env("KEYLESS_STORE_DIR", self.store())
            .env("KEYLESS_NO_INTERACTIVE", "1")
            .stdin(Stdio::null());
        if let Some(address) = bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", address);
        }
        command
    }

    fn run(&self, bus: Option<&str>, arguments: &[&str]) -> Ran {
        Ran::of(
            &self
                .keyless(bus)
                .args(arguments)
                .output()
                .expect("keyless starts"),
        )
    }

    /// `keyless login`, and Alice, who opens the address that it prints.
    async fn login(&self, mut login: Command) -> Ran {
        login
            .args(["login", "dev", "--no-browser"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut login = tokio::process::Command::from(login)
            .spawn()
            .expect("keyless starts");
        let mut said = String::new();
        let mut lines = tokio::io::BufReader::new(login.stderr.take().expect("a pipe")).lines();
        while let Some(line) = lines.next_line().await.expect("text") {
            if line.starts_with("  http://") {
                browse(line.trim(), &Deed::SignInAs("alice".into())).await;
            }
            said.push_str(&line);
            said.push('\n');
        }
        let ran = Ran::of(&login.wait_with_output().await.expect("it ends"));
        Ran { said, ..ran }
    }

    /// Every file of the store.
    fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("readable").path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.store(), &mut found);
        found
    }

    /// No file of the store tells anything of the sign-in and the session that are kept in it, which `run` hands out.
    fn tells_nothing(&self, run: impl Fn(&[&str]) -> Ran) {
        let token = run(&["token", "dev"]).data;
        let session: serde_json::Value =
            serde_json::from_str(&run(&["credential-process", "dev"]).data).expect("JSON");
        let of_session = ["AccessKeyId", "SecretAccessKey", "SessionToken"]
            .map(|name| (name, session[name].as_str().expect("text")));
        let mut secrets = vec![
            ("whose", "alice@example.com"),
            ("a name", "secret_access_key"),
        ];
        secrets.extend(of_session);
        secrets.extend(token.split('.').map(|part| ("a part of the token", part)));
        assert_eq!(secrets.len(), 8);
        assert_eq!(rest::found(&self.store(), &secrets), []);
    }

    fn entries(&self) -> usize {
        self.files()
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .count()
    }

    fn calls(&self) -> (u64, u64) {
        let calls = self.sandbox.calls();
        (calls.authorize, calls.assume_role_with_web_identity)
    }
}

struct Ran {
    code: Option<i32>,
    data: String,
    said: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            data: text(&output.stdout),
            said: text(&output.stderr),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_real_keyring_holds_the_key_and_the_files_tell_nothing() {
    let keyrings = tempfile::tempdir().expect("a folder");
    let Some(keyring) = Keyring::start(keyrings.path(), Some("open sesame")) else {
        return;
    };
    let bus = Some(keyring.address());
    let machine = Machine::new().await;
    let login = machine.login(machine.keyless(bus)).await;
    assert_eq!(login.code, Some(0), "{}", login.said);
    assert!(
        login.said.contains("signed in as alice@example.com") && !login.said.contains("warning"),
        "{}",
        login.said
    );

    // Another process finds what this one has kept.
    for command in [
        &["credential-process", "dev"][..],
        &["credential-process", "dev"],
        &["status"],
    ] {
        let ran = machine.run(bus, command);
        assert_eq!(ran.code, Some(0), "{command:?}: {}", ran.said);
        assert!(
            ran.data.contains("ASIA") && ran.said.is_empty(),
            "{command:?}: {}{}",
            ran.data,
            ran.said
        );
    }
    assert_eq!(machine.calls(), (1, 1));
    assert!(machine.entries() >= 2, "{:?}", machine.files());
    for path in machine.files() {
        assert!(
            path.starts_with(machine.store().join("sealed")),
            "{}",
            path.display()
        );
    }
    machine.tells_nothing(|arguments| machine.run(bus, arguments));

    let status = machine.run(bus, &["status"]);
    assert!(
        status.data.contains("sealed store") && status.data.contains("1 sign-in, 1 session"),
        "{}",
        status.data
    );

    let rotated = machine.run(bus, &["rotate-key"]);
    assert_eq!(rotated.code, Some(0), "{}", rotated.said);
    assert!(
        rotated.said.contains("there is a new key, and"),
        "{}",
        rotated.said
    );
    assert_eq!(
        machine.run(bus, &["credential-process", "dev"]).code,
        Some(0)
    );
    assert_eq!(machine.calls(), (1, 1));

    // The same keyring after a restart, locked: nothing is had, and nothing waited for.
    drop(keyring);
    let Some(locked) = Keyring::start(keyrings.path(), None) else {
        return;
    };
    let shut = machine.run(Some(locked.address()), &["credential-process", "dev"]);
    assert_eq!(
        (shut.code, shut.data.as_str()),
        (Some(3), ""),
        "{}",
        shut.said
    );
    assert!(
        shut.said
            .contains("a key from the keyring (Secret Service), found it locked"),
        "{}",
        shut.said
    );
    assert!(
        shut.said.contains("KEYLESS_STORE_KEY_FILE"),
        "{}",
        shut.said
    );
    let status = machine.run(Some(locked.address()), &["status"]);
    assert!(
        status.data.contains("out of use") && status.data.matches("it locked").count() == 1,
        "{}",
        status.data
    );
    drop(locked);

    // Opened again, everything is still there; and `logout --all` empties it.
    let Some(keyring) = Keyring::start(keyrings.path(), Some("open sesame")) else {
        return;
    };
    let bus = Some(keyring.address());
    assert_eq!(
        machine.run(bus, &["credential-process", "dev"]).code,
        Some(0)
    );
    let out = machine.run(bus, &["logout", "--all"]);
    assert!(
        out.code == Some(0) && out.said.contains("AWS goes on accepting"),
        "{}",
        out.said
    );
    assert_eq!(machine.entries(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keyring_one_signs_in_all_the_same_and_nothing_is_kept() {
    let machine = Machine::new().await;
    let login = machine.login(machine.keyless(None)).await;
    assert_eq!(login.code, Some(0), "{}", login.said);
    assert!(
        login.said.contains("signed in as alice@example.com"),
        "{}",
        login.said
    );
    assert!(
        login.said.contains("KEYLESS_STORE_KEY_FILE"),
        "{}",
        login.said
    );
    assert_eq!(machine.entries(), 0, "{:?}", machine.files());
    // The next process is as the first one, and says no more than that somebody must sign in.
    let next = machine.run(None, &["credential-process", "dev"]);
    assert_eq!(
        (next.code, next.data.as_str()),
        (Some(3), ""),
        "{}",
        next.said
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_never_answers_is_waited_for_once_and_not_for_long() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bus");
    let silent = UnixListener::bind(&path).expect("a socket that nobody answers at");
    let bus = format!("unix:path={}", path.display());
    let machine = Machine::new().await;
    let login = machine.login(machine.keyless(Some(&bus))).await;
    assert_eq!(login.code, Some(0), "{}", login.said);
    assert!(
        login.said.contains("found nothing within 5s"),
        "{}",
        login.said
    );
    silent.set_nonblocking(true).expect("set");
    let asked = silent.incoming().take_while(Result::is_ok).count();
    assert_eq!(asked, 1, "once for all that it would have kept");
    assert_eq!(machine.entries(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_comes_before_any_keyring_and_can_be_replaced() {
    let machine = Machine::new().await;
    let key = machine.home.path().join("key");
    fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").expect("written");
    let with_key = || {
        let mut command = machine.keyless(Some("unix:path=/nonexistent"));
        command.env("KEYLESS_STORE_KEY_FILE", &key);
        command
    };
    let run =
        |arguments: &[&str]| Ran::of(&with_key().args(arguments).output().expect("keyless starts"));
    let may_use = |mode| {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("set");
    };
    may_use(0o644);
    let open = machine.login(with_key()).await;
    assert!(
        open.code == Some(0) && open.said.contains("mode 0644"),
        "{}",
        open.said
    );
    assert_eq!(machine.entries(), 0);

    may_use(0o600);
    let login = machine.login(with_key()).await;
    assert!(
        login.code == Some(0) && !login.said.contains("warning"),
        "{}",
        login.said
    );
    let calls = machine.calls();
    let next = run(&["credential-process", "dev"]);
    assert!(
        next.data.contains("ASIA") && next.said.is_empty(),
        "{}{}",
        next.data,
        next.said
    );
    machine.tells_nothing(run);
    let before = fs::read(&key).expect("readable");
    let rotated = run(&["rotate-key"]);
    assert!(
        rotated.code == Some(0) && rotated.said.contains("there is a new key"),
        "{}",
        rotated.said
    );
    assert_ne!(fs::read(&key).expect("readable"), before);
    assert_eq!(run(&["credential-process", "dev"]).data, next.data);

    // With another key nothing opens; that is said, and no more than that.
    fs::write(&key, before).expect("written");
    let shut = run(&["credential-process", "dev"]);
    assert_eq!(
        (shut.code, shut.data.as_str()),
        (Some(3), ""),
        "{}",
        shut.said
    );
    assert!(shut.said.contains("sealed with another"), "{}", shut.said);
    assert_eq!(machine.calls(), calls);

    let out = run(&["logout", "--all"]);
    assert!(
        out.code == Some(0) && out.said.contains("forgot all"),
        "{}",
        out.said
    );
    assert_eq!(machine.entries(), 0);
}
