//! Crowds: ten thousand cold callers in one process, and two hundred processes, beside one that has nobody to wait for.
#![allow(clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyless::{IdToken, Provider, source_fn};
use keyless_benches::command::{at_home, distributed_binary};
use keyless_benches::median;
use keyless_sandbox::{Calls, Sandbox};

const CALLERS: usize = 10_000;
const PROCESSES: usize = 200;
const ROUNDS: usize = 11;

#[tokio::main]
async fn main() {
    let sandbox = Sandbox::builder()
        .sign_in_as("alice")
        .start()
        .await
        .expect("the sandbox starts");
    callers(&sandbox).await;
    processes(&sandbox);
}

/// In one process: how long the last of them waits, beside a lone caller.
async fn callers(sandbox: &Sandbox) {
    let (mut lone, mut last) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (crowd, waits) in [(1, &mut lone), (CALLERS, &mut last)] {
            let token = sandbox.id_token_for("alice").expect("Alice");
            let provider = Provider::builder(sandbox.role_arn("Developer"))
                .source(source_fn(move |_| {
                    std::future::ready(IdToken::parse(&token))
                }))
                .endpoint_url(sandbox.sts_endpoint())
                .build()
                .expect("a provider");
            let before = sandbox.calls();
            let start = Instant::now();
            let callers: Vec<_> = (0..crowd)
                .map(|_| {
                    let provider = provider.clone();
                    tokio::spawn(async move { provider.session().await.map(drop) })
                })
                .collect();
            for caller in callers {
                caller.await.expect("no panic").expect("a session");
            }
            waits.push(start.elapsed());
            let spent = since(before, sandbox.calls());
            assert_eq!(spent.1, 1, "one call to STS");
        }
    }
    let (lone, last) = (median(lone), median(last));
    println!("callers in one process, median of {ROUNDS}");
    show("a lone caller", lone);
    show(&format!("the last of {CALLERS}"), last);
    show("more (goal: at most 20 ms)", last.saturating_sub(lone));
}

/// Processes whose sign-in and session have expired, and who share a refresh token.
fn processes(sandbox: &Sandbox) {
    let keyless = distributed_binary();
    let home = tempfile::tempdir().expect("a folder");
    settle(sandbox, &keyless, home.path());
    let (mut lone, mut last, mut killed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        lone.push(round(sandbox, &keyless, home.path(), 1, false));
        last.push(round(sandbox, &keyless, home.path(), PROCESSES, false));
        killed.push(round(sandbox, &keyless, home.path(), PROCESSES, true));
    }
    let (lone, last, killed) = (median(lone), median(last), median(killed));
    println!("processes at the expiry, one refresh and one call to STS, median of {ROUNDS}");
    show("a lone process", lone);
    show(&format!("the last of {PROCESSES}"), last);
    show("more (goal: at most 1 s)", last.saturating_sub(lone));
    show("the last, the first one killed", killed);
    show("more (goal: at most 1 s)", killed.saturating_sub(last));
}

/// From the first start to the last end.
fn round(sandbox: &Sandbox, keyless: &Path, home: &Path, processes: usize, kill: bool) -> Duration {
    expire(home);
    let before = sandbox.calls();
    let start = Instant::now();
    let mut first = kill.then(|| credential_process(keyless, home));
    if let Some(first) = &mut first {
        // Into its work, and not past it.
        while !home
            .join("store")
            .read_dir()
            .is_ok_and(|mut files| files.next().is_some())
        {
            std::thread::yield_now();
        }
        first.kill().expect("killed");
    }
    let crowd: Vec<Child> = (0..processes)
        .map(|_| credential_process(keyless, home))
        .collect();
    let mut failed = 0;
    for mut process in crowd {
        failed += usize::from(!process.wait().expect("it ends").success());
    }
    let took = start.elapsed();
    if let Some(mut first) = first {
        first.wait().expect("it ends");
    }
    if failed > 0 {
        // The one that was killed had spent the refresh token.
        assert!(kill, "{failed} have failed");
        sign_in(keyless, home);
    } else {
        let (refreshes, sessions) = since(before, sandbox.calls());
        assert!(refreshes <= 1 + u64::from(kill) && sessions <= 1 + u64::from(kill));
    }
    took
}

fn credential_process(keyless: &Path, home: &Path) -> Child {
    command(keyless, home)
        .args(["credential-process", "dev", "--no-interactive"])
        .stderr(Stdio::null())
        .spawn()
        .expect("keyless starts")
}

fn settle(sandbox: &Sandbox, keyless: &Path, home: &Path) {
    let config = format!(
        "[identity.person]\nissuer = \"{}\"\nclient_id = \"{}\"\nscopes = [\"openid\", \"email\", \"offline_access\"]\n\n\
         [profile.dev]\nidentity = \"person\"\nrole = \"{}\"\nendpoint_url = \"{}\"\n",
        sandbox.issuer(),
        sandbox.client_id(),
        sandbox.role_arn("Developer"),
        sandbox.sts_endpoint(),
    );
    fs::write(home.join("keyless.toml"), config).expect("written");
    fs::write(
        home.join("key"),
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
    )
    .expect("written");
    let private = Command::new("chmod")
        .arg("600")
        .arg(home.join("key"))
        .status();
    assert!(private.is_ok_and(|status| status.success()));
    sign_in(keyless, home);
}

/// Signs Alice in, with a browser made of `curl`.
fn sign_in(keyless: &Path, home: &Path) {
    let status = command(keyless, home)
        .args(["login", "dev", "--force", "--quiet"])
        .env("BROWSER", "curl -sL -o /dev/null")
        .stderr(Stdio::null())
        .status()
        .expect("keyless starts");
    assert!(status.success(), "nobody signed in: {status}");
}

fn command(keyless: &Path, home: &Path) -> Command {
    let mut command = at_home(keyless, home);
    command
        .env("KEYLESS_STORE_DIR", home.join("store"))
        .env("KEYLESS_STORE_KEY_FILE", home.join("key"));
    command
}

/// The token and the session are gone; what is sealed stays.
fn expire(home: &Path) {
    for file in fs::read_dir(home.join("store")).expect("a store") {
        let path = file.expect("a file").path();
        if path.is_file() {
            fs::remove_file(path).expect("removed");
        }
    }
}

/// Refreshes, and calls to STS.
fn since(before: Calls, after: Calls) -> (u64, u64) {
    (
        after.refresh - before.refresh,
        after.assume_role_with_web_identity - before.assume_role_with_web_identity,
    )
}

fn show(what: &str, time: Duration) {
    println!("  {:>9.1} ms  {what}", time.as_secs_f64() * 1e3);
}
