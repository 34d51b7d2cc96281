//! What a `credential_process` costs where a session is kept: counted in system calls, since AWS tools start one again and again.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use keyless_sandbox::Sandbox;
use keyless_tests::person::{Deed, browse};
use keyless_tests::{binary, real};
use tokio::io::{AsyncBufReadExt, BufReader};

/// What a runtime, a socket or a lock would need.
const UNWANTED: [&str; 14] = [
    "clone",
    "clone3",
    "fork",
    "vfork",
    "epoll_create1",
    "eventfd2",
    "timerfd_create",
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "flock",
    "fsync",
];

/// From the first look at the configuration to the end: 31 as this is written (Linux 6, glibc 2.36).
const OUR_OWN: usize = 38;
/// With what the loader and Rust's runtime do before: 99 as this is written.
const ALL: usize = 110;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_kept_session_is_handed_out_without_runtime_socket_or_lock() {
    let Some(_parts) = real::parts() else { return };
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let home = tempfile::tempdir().expect("a home");
    sign_in(&sandbox, home.path()).await;

    let before = sandbox.calls();
    let hot = traced(home.path());
    assert_eq!(sandbox.calls(), before, "nobody is asked");
    let count = |name: &str| hot.iter().filter(|call| call.name == name).count();
    for name in UNWANTED {
        assert_eq!(count(name), 0, "{name}: {hot:#?}");
    }
    assert_eq!(count("execve"), 1, "{hot:#?}");
    let locks = |call: &&Call| call.name == "fcntl" && call.text.contains("LK");
    assert_eq!(hot.iter().filter(locks).count(), 0, "{hot:#?}");

    let own: Vec<&Call> = hot
        .iter()
        .skip_while(|call| !call.text.contains("keyless.toml"))
        .collect();
    let opened: Vec<&&Call> = own.iter().filter(|call| call.name == "openat").collect();
    assert_eq!(
        opened.len(),
        3,
        "the configuration, the session, the sign-in: {opened:#?}"
    );
    assert!(
        (1..=OUR_OWN).contains(&own.len()) && hot.len() <= ALL,
        "{} of {}: {own:#?}",
        own.len(),
        hot.len()
    );

    // The same eyes on a process that must renew: what was not seen above can be seen.
    for entry in std::fs::read_dir(home.path().join("store")).expect("a store") {
        let path = entry.expect("an entry").path();
        let is_session =
            std::fs::read_to_string(&path).is_ok_and(|text| text.contains("\"secret_access_key\""));
        if is_session {
            std::fs::remove_file(path).expect("removed");
        }
    }
    let cold = traced(home.path());
    for name in ["clone3", "socket", "connect", "flock", "fsync"] {
        assert!(
            cold.iter().any(|call| call.name == name),
            "{name}: {:#?}",
            tally(&cold)
        );
    }
}

/// One system call: its name, and the line that tells of it.
#[derive(Debug)]
struct Call {
    name: String,
    text: String,
}

/// Every system call of a `credential-process`, which must succeed.
fn traced(home: &Path) -> Vec<Call> {
    let log = home.join("calls");
    let mut strace = at_home("strace", home);
    strace
        .args(["-f", "-qq", "-e", "signal=none", "-o"])
        .arg(&log)
        .arg(binary::keyless())
        .args(["credential-process", "dev"]);
    let output = strace.output().expect("strace starts");
    assert!(
        output.status.success() && output.stdout.starts_with(b"{\"Version\":1,"),
        "{output:?}"
    );
    let log = std::fs::read_to_string(log).expect("text");
    log.lines().filter_map(call).collect()
}

/// `1234 openat(AT_FDCWD, "…", O_RDONLY) = 3`; the end of a call that was interrupted by another thread's counts for nothing.
fn call(line: &str) -> Option<Call> {
    let text = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim();
    let (name, _) = text.split_once('(')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then(|| Call {
        name: name.to_owned(),
        text: text.to_owned(),
    })
}

fn tally(calls: &[Call]) -> BTreeMap<&str, usize> {
    let mut tally = BTreeMap::new();
    for call in calls {
        *tally.entry(call.name.as_str()).or_default() += 1;
    }
    tally
}

/// Writes the profile `dev`, and lets Alice sign in for it.
async fn sign_in(sandbox: &Sandbox, home: &Path) {
    let config = format!(
        "[identity.corp]\nissuer = \"{}\"\nclient_id = \"{}\"\n\n[profile.dev]\nidentity = \"corp\"\nrole = \"{}\"\nregion = \"eu-west-1\"\nendpoint_url = \"{}\"\n",
        sandbox.issuer(),
        sandbox.client_id(),
        sandbox.role_arn("Developer"),
        sandbox.sts_endpoint(),
    );
    std::fs::write(home.join("keyless.toml"), config).expect("written");
    let mut login = at_home(binary::keyless(), home);
    login.args(["login", "dev", "--no-browser"]);
    let mut login = tokio::process::Command::from(login)
        .spawn()
        .expect("keyless starts");
    let mut said = BufReader::new(login.stderr.take().expect("a pipe")).lines();
    let mut told = Vec::new();
    while let Some(line) = said.next_line().await.expect("text") {
        if line.starts_with("  http") {
            browse(line.trim(), &Deed::SignInAs("alice".into())).await;
        }
        told.push(line);
    }
    assert!(login.wait().await.expect("it ends").success(), "{told:#?}");
}

/// `program` in a home of its own, knowing nothing of this machine.
fn at_home(program: impl AsRef<std::ffi::OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("KEYLESS_CONFIG", home.join("keyless.toml"))
        .env("KEYLESS_STORE_DIR", home.join("store"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
