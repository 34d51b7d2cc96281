//! `keyless status` of a store that somebody else has been at, and what `logout --all` leaves of it.
#![cfg(unix)]

mod common;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;

use common::Machine;

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_since_when_until_when_and_what_happens_then() {
    let machine = Machine::new().await;
    let empty = machine.run(&["status"]);
    assert!(
        empty
            .data
            .contains("\n               nothing has been kept there yet\n"),
        "{}",
        empty.data
    );
    assert!(!machine.path("store").exists(), "looking makes nothing");
    machine.login(&["dev"]).done();
    let text = machine.run(&["status", "dev"]).done().data;
    for said in [
        "\n  signed in    alice@example.com at http://127.0.0.1:",
        "\n               since 20",
        "; then sign in again\n",
        "\n  session      ASIA",
        "\n               1 sign-in, 1 session, mode 0700, locks work\n",
    ] {
        assert!(text.contains(said), "{said:?} in\n{text}");
    }
    for line in text.lines() {
        let is_one_word = line.split_whitespace().count() == 1;
        let is_short = line.chars().count() <= 80 || is_one_word || line.contains("/store");
        assert!(is_short || line.contains(".toml"), "{line}");
    }
    let json = machine.run(&["status", "dev", "--json"]).done().json();
    let session = &json["profiles"][0]["sessions"][0];
    assert_eq!(session["renews_silently"], false, "{json:#}");
    for time in [
        &session["written_at"],
        &json["profiles"][0]["identity"]["issued_at"],
    ] {
        assert!(
            time.as_str().is_some_and(|time| time.ends_with('Z')),
            "{json:#}"
        );
    }
    let health = &json["health"];
    assert_eq!(
        (&health["state"], &health["mode"], &health["locks"]["state"]),
        (&"usable".into(), &"0700".into(), &"work".into())
    );

    // Where the token comes from a file, nobody is needed for the next session.
    let token = machine.run(&["token", "dev"]).done().data;
    let token = machine.write("token", &token);
    let role = machine.sandbox.role_arn("Developer");
    let sts = machine.sandbox.sts_endpoint().to_owned();
    let flags = [
        "--token-file",
        token.to_str().expect("text"),
        "--role",
        &role,
        "--endpoint-url",
        &sts,
    ];
    machine.run(&[&["env"], &flags[..]].concat()).done();
    let job = machine
        .run(&[&["status", "--json"], &flags[..]].concat())
        .done();
    assert_eq!(
        job.json()["profiles"][0]["sessions"][0]["renews_silently"],
        true
    );
    let text = machine.run(&[&["status"], &flags[..]].concat()).done().data;
    assert!(text.contains("; renewed silently\n"), "{text}");
    assert!(text.contains("\n  also held    a session as"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_wrong_hides_none_of_the_others() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let config = machine.read(".config/keyless/config.toml");
    let wrong = "[profile.china]\nidentity = \"corp\"\nregion = \"eu-west-1\"\nrole = \"arn:aws-cn:iam::111122223333:role/x\"\n";
    machine.write(".config/keyless/config.toml", &format!("{config}{wrong}"));
    let text = machine.run(&["status"]).done().data;
    assert!(text.contains("alice@example.com"), "{text}");
    assert!(
        text.contains("china\n  not usable   the region eu-west-1 is in"),
        "{text}"
    );
    let json = machine.run(&["status", "--json"]).done().json();
    let profiles = json["profiles"].as_array().expect("a list");
    let china = profiles.iter().find(|each| each["profile"] == "china");
    let error = china.and_then(|china| china["error"].as_str());
    assert!(error.expect("an error").contains("aws-cn"), "{json:#}");
    let alone = machine.run(&["status", "china"]);
    assert_eq!(alone.code, Some(5), "{alone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_names_what_is_wrong_with_the_store_and_what_to_do() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let store = machine.path("store");
    let named = |letter: &str, end: &str| store.join(format!("{}{end}", letter.repeat(64)));
    let private = Permissions::from_mode(0o600);
    for (name, text) in [("a", "{\"format\":2}"), ("b", "{")] {
        fs::write(named(name, ".json"), text).expect("written");
        fs::set_permissions(named(name, ".json"), private.clone()).expect("set");
    }
    fs::write(named("c", ".json"), "{}").expect("written");
    fs::set_permissions(named("c", ".json"), Permissions::from_mode(0o644)).expect("set");
    File::create(named("d", ".0000000000000001.new")).expect("made");
    let held = File::create(named("e", ".lock")).expect("made");
    held.lock().expect("locked");

    let text = machine.run(&["status"]).done().data;
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let holder = if cfg!(target_os = "linux") {
        format!(
            "at work process {} is getting a session",
            std::process::id()
        )
    } else {
        "at work another process is getting a session".into()
    };
    for said in [
        "expected format 1, found format 2 nothing need be done: it is replaced at the next fetch",
        "found text that breaks off at line 1 column 1",
        "found mode 0644 others may have read it: sign out and in again, or run chmod 600 ",
        "left over 1 file of writers that were stopped",
        &holder,
    ] {
        assert!(flat.contains(said), "{said:?} in\n{text}");
    }
    for letter in ["a", "b", "c"] {
        assert!(
            text.contains(&format!("{}.json", letter.repeat(64))),
            "{text}"
        );
    }
    let health = machine.run(&["status", "--json"]).done().json()["health"].clone();
    let unusable = health["entries"].as_array().expect("a list").iter();
    assert_eq!(
        unusable.filter(|entry| entry["kind"] == "unusable").count(),
        3
    );
    assert_eq!(health["left_over"].as_array().map(Vec::len), Some(1));
    assert_eq!(health["held_by"][0]["key"], "e".repeat(64));

    // Whatever is there goes, but for the locks, which two processes could otherwise both have.
    machine.run(&["logout", "--all"]).done();
    let mut left = machine.entries("");
    left.retain(|file| !file.to_string_lossy().ends_with(".lock"));
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    assert!(!machine.entries(".lock").is_empty());

    fs::set_permissions(&store, Permissions::from_mode(0o777)).expect("set");
    let refused = machine.run(&["status"]);
    assert_eq!(refused.code, Some(3));
    assert!(refused.data.contains("run chmod 700 "), "{}", refused.data);
    let json = machine.run(&["status", "--json"]).json();
    assert_eq!(json["health"]["state"], "unusable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_ended_is_swept_out_and_the_sign_in_stays() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    machine.change_session(|session| session["expires_at"] = 1_700_000_000.into());
    assert_eq!(machine.entries(".json").len(), 2);
    let health = machine.run(&["status", "--json"]).done().json()["health"].clone();
    let entries = health["entries"].as_array().expect("a list");
    assert_eq!(entries.len(), 1, "{health:#}");
    assert_eq!(entries[0]["kind"], "sign-in");
    assert_eq!(machine.entries(".json").len(), 1);
}
