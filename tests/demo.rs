//! `keyless demo` tells the whole story, and nothing leaves the machine.

use std::process::{Command, Output, Stdio};

use keyless_tests::proxy::Proxy;
use keyless_tests::{binary, real};

fn story(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_demo_tells_the_story_past_every_proxy() {
    let proxy = Proxy::bind();
    let home = tempfile::tempdir().expect("a folder");
    let mut demo = Command::new(binary::keyless());
    demo.arg("demo")
        .env_clear()
        .env("HOME", home.path())
        .stdin(Stdio::null());
    proxy.stand_before(&mut demo);
    let told = story(&demo.output().expect("keyless starts"));
    for part in [
        "Alice",                // who signed in
        "alice@example.com",    // what the token says
        "role/Developer",       // which role
        "allowed by statement", // and why
        "ASIA",                 // the session
        "get-caller-identity",  // a call that uses it
        "no network",           // the second run
        "role/Admin",           // a denial
        "the token has",        // and its reason
    ] {
        assert!(told.contains(part), "the story lacks {part:?}:\n{told}");
    }
    assert!(!proxy.was_asked(), "something was sent to the proxy");
    let left = std::fs::read_dir(home.path()).expect("readable").count();
    assert_eq!(left, 0, "something was left in the home folder");
}

#[test]
#[ignore = "needs Linux's network namespaces: cargo xtask test"]
fn the_demo_needs_nothing_but_loopback() {
    // A namespace with a loopback interface and nothing else: whatever would leave it fails.
    let demo = format!(
        "ip link set lo up && exec '{}' demo",
        binary::keyless().display()
    );
    let alone = Command::new("unshare")
        .args(["--net", "--map-root-user", "sh", "-c", &demo])
        .stdin(Stdio::null())
        .output();
    match alone {
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("unshare failed") => {
            real::skipped("this system allows no network namespaces");
        }
        Ok(output) => assert!(story(&output).contains("ASIA")),
        Err(error) => real::skipped(&format!("there is no unshare here: {error}")),
    }
}
