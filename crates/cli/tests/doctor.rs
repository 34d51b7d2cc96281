//! Set-ups with one broken link, and the line of `keyless doctor` that names it.

mod common;

#[path = "doctor/aws.rs"]
mod aws;
#[path = "doctor/breaking.rs"]
mod breaking;
#[path = "doctor/here.rs"]
mod here;
#[path = "doctor/issuer.rs"]
mod issuer;

use std::time::{Duration, SystemTime};

use aws::AWS;
use breaking::{configure, developer, healthy, token_file, wired};
use common::{Machine, Ran};
use here::HERE;
use issuer::ISSUER;
use keyless_sandbox::Sandbox;
use serde_json::{Value, json};

/// The line of a check.
fn line<'a>(report: &'a Value, id: &str) -> &'a Value {
    let mut checks = report["checks"].as_array().expect("checks").iter();
    checks
        .find(|check| check["id"] == id)
        .unwrap_or_else(|| panic!("no check {id}"))
}

/// What must not be in a report that is shown to strangers.
fn assert_fit_for_strangers(report: &str, machine: &Machine) {
    let home = machine.path("").display().to_string();
    for secret in [
        "alice",
        "user-alice",
        "111122223333",
        "eyJ",
        "ASIA",
        home.trim_end_matches('/'),
    ] {
        assert!(!report.contains(secret), "{secret} in\n{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_link_is_named_with_what_to_do() {
    for story in [HERE, ISSUER, AWS].concat() {
        let told = story.told;
        let machine = Machine::new().await;
        healthy(&machine);
        let variables = (story.breaks)(&machine);
        let mut command = machine.command(&[&["doctor", "--json"], story.arguments].concat());
        let ran = Ran::new(command.envs(variables).output().expect("started"));
        let report = ran.json();
        let line = line(&report, story.id);
        assert_eq!(line["state"], story.state, "{told}: {report:#}");
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        assert!(text("said").contains(story.says), "{told}: {line:#}");
        assert!(text("advice").contains(story.advises), "{told}: {line:#}");
        assert_eq!(ran.code, Some(story.code), "{told}: {report:#}");
        assert_eq!(report["exit_code"], story.code, "{told}");
        assert_fit_for_strangers(&ran.data, &machine);
        assert_eq!(ran.said, "", "{told}: a warning stands in the report");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_told_of_the_issuer_and_of_sts() {
    let machine = Machine::new().await;
    let ahead = Sandbox::builder()
        .clock(|| SystemTime::now() + Duration::from_mins(12))
        .start()
        .await
        .expect("a sandbox");
    let identity = format!("issuer = \"{}\"\nclient_id = \"keyless\"", ahead.issuer());
    let (role, sts) = (ahead.role_arn("Developer"), ahead.sts_endpoint());
    configure(
        &machine,
        &identity,
        &format!("role = \"{role}\"\nendpoint_url = \"{sts}\""),
    );
    let ran = machine.run(&["doctor", "--json"]);
    assert_eq!(ran.code, Some(5));
    for (id, whose) in [("issuer-clock", "the issuer"), ("sts-clock", "STS")] {
        let said = format!(
            "this machine's clock is 12 minutes behind that of {whose}; AWS takes no more than 5 minutes"
        );
        assert_eq!(line(&ran.json(), id)["said"], said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_holds_passes_and_can_be_shown_to_strangers() {
    let machine = Machine::new().await;
    wired(&machine);
    let calls = machine.sandbox.calls();
    let ran = machine.run(&["doctor", "dev"]).done();
    assert_eq!(ran.said, "");
    assert!(
        ran.data.contains(
            "\n✓ caller         arn:aws:sts::11…33:assumed-role/Developer/a…@example.com\n"
        ),
        "{}",
        ran.data
    );
    assert!(
        ran.data
            .contains("\n✓ client         it knows the client keyless"),
        "{}",
        ran.data
    );
    assert!(
        ran.data
            .contains("\n✓ aws-profile    dev in ~/.aws/config comes here\n"),
        "{}",
        ran.data
    );
    assert!(!ran.data.contains(['!', '✗', '\u{1b}']), "{}", ran.data);
    assert_fit_for_strangers(&ran.data, &machine);
    let whole = machine.run(&["doctor", "dev", "--verbose"]).done().data;
    let home = machine.path("").display().to_string();
    for shown in [
        "alice@example.com",
        "111122223333",
        home.trim_end_matches('/'),
    ] {
        assert!(whole.contains(shown), "{shown} not in\n{whole}");
    }
    // Nobody's session was taken, and no token spent: what is held is enough.
    let after = machine.sandbox.calls();
    assert_eq!(
        (after.token, after.assume_role_with_web_identity),
        (calls.token, calls.assume_role_with_web_identity)
    );
    assert!(machine.run(&["credential-process", "dev"]).done().json()["Version"] == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_elsewhere_is_tried_up_to_its_session() {
    let machine = Machine::new().await;
    configure(
        &machine,
        &token_file(&machine, &json!({})),
        &developer(&machine),
    );
    let report = machine.run(&["doctor", "--json"]).done().json();
    for (id, state, said) in [
        ("issuer", "pass", "shows its OpenID configuration"),
        ("pkce", "skip", "nobody signs in"),
        ("token", "pass", "a…@example.com at http://127.0.0.1:"),
        ("token-for-aws", "pass", "ES256, for \"keyless\""),
        ("session", "pass", "AWS has given one, until"),
        ("caller", "pass", ":assumed-role/Developer/a…@example.com"),
    ] {
        let line = line(&report, id);
        assert_eq!(line["state"], state, "{line}");
        assert!(
            line["said"].as_str().expect("text").contains(said),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_network_nobody_is_asked_and_no_command_is_run() {
    let machine = Machine::new().await;
    wired(&machine);
    let calls = machine.sandbox.calls();
    let report = machine
        .run(&["doctor", "dev", "--no-network", "--json"])
        .done()
        .json();
    assert_eq!(machine.sandbox.calls(), calls, "somebody was asked");
    for (id, state) in [
        ("issuer", "skip"),
        ("sts", "skip"),
        ("token", "pass"),
        ("session", "pass"),
        ("caller", "skip"),
    ] {
        assert_eq!(line(&report, id)["state"], state, "{id}");
    }
    let mark = machine.path("was-run");
    let command = format!("token_command = [\"/bin/touch\", \"{}\"]", mark.display());
    configure(&machine, &command, &developer(&machine));
    let report = machine
        .run(&["doctor", "dev", "--no-network", "--json"])
        .done()
        .json();
    assert_eq!(line(&report, "token")["state"], "skip");
    assert!(!mark.exists(), "the command was run");
}
