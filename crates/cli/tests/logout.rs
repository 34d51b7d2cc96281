//! `keyless logout`: what it leaves, what it cannot end, and what it ends besides.
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{Machine, Ran, location};
use serde_json::{Value, json};

/// The names of every file below the store, locks aside.
fn left(machine: &Machine) -> Vec<String> {
    let mut files = common::entries(&machine.path("store"));
    files.retain(|file| file.is_file() && file.extension().is_none_or(|end| end != "lock"));
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_but_locks() {
    let machine = Machine::new().await;
    for words in [&["logout", "dev"][..], &["logout", "--all"]] {
        machine.login(&["dev"]).done();
        assert_eq!(left(&machine).len(), 2, "a sign-in and a session");
        machine.run(words).done();
        assert_eq!(left(&machine), Vec::<String>::new(), "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_at_aws_is_told_with_what_ends_it() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let out = machine.run(&["logout", "dev"]).done();
    let session = "arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com";
    for said in [
        &format!("AWS goes on accepting the session {session} until ") as &str,
        "in 1 hour",
        "`keyless logout dev --revocation-policy=alice@example.com`",
    ] {
        assert!(out.said.contains(said), "{said}: {}", out.said);
    }
    assert_eq!(out.data, "");

    // Also later, when nothing is kept.
    let hers = machine
        .run(&["logout", "dev", "--revocation-policy=alice@example.com"])
        .done();
    let statement = &hers.json()["Statement"][0];
    assert_eq!(statement["Effect"], "Deny");
    assert_eq!(
        statement["Condition"]["StringLike"],
        json!({"aws:userid": "*:alice@example.com"})
    );
    assert!(
        hers.said.contains(
            "aws iam put-role-policy --role-name Developer --policy-name RevokeOlderSessionsOf-alice@example.com --policy-document file://policy.json"
        ),
        "{}",
        hers.said
    );
    assert!(hers.said.contains("warning: "), "{}", hers.said);

    machine.login(&["dev"]).done();
    let all = machine
        .run(&["logout", "dev", "--revocation-policy"])
        .done();
    let statement = &all.json()["Statement"][0];
    assert_eq!(
        statement["Condition"].as_object().map(serde_json::Map::len),
        Some(1)
    );
    let moment = &statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"];
    assert!(
        moment.as_str().is_some_and(|moment| moment.ends_with('Z')),
        "{moment}"
    );
    for said in [
        "signed out alice@example.com",
        "ends the sessions of everybody who has the role",
        "--revocation-policy=alice@example.com",
        "--role-name Developer --policy-name AWSRevokeOlderSessions",
        "in the account 111122223333",
    ] {
        assert!(all.said.contains(said), "{said}: {}", all.said);
    }

    machine.login(&["dev"]).done();
    let all = machine
        .run(&["logout", "--all", "--revocation-policy"])
        .done();
    assert!(all.said.contains("--role-name Developer"), "{}", all.said);
    let bad = machine.run(&["logout", "dev", "--revocation-policy=*"]);
    assert_eq!((bad.code, bad.data.as_str()), (Some(5), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_in_the_aws_configuration_go_and_the_rest_stays() {
    let machine = Machine::new().await;
    let before = "# mine\n[default]\nregion = us-east-1\n\n[profile theirs]\ncredential_process = /bin/theirs dev\n";
    let file = machine.write("aws-config", before);
    let with_config = |words: &[&str]| {
        let mut command = machine.command(words);
        command.env("AWS_CONFIG_FILE", &file);
        command
    };
    let write = |words: &[&str]| {
        let words = [&["login", "--no-browser"], words].concat();
        Machine::login_by(with_config(&words)).done();
    };
    let run = |words: &[&str]| Ran::new(with_config(words).output().expect("started"));
    let text = || machine.read("aws-config");

    write(&["dev", "--write-aws-config", "one"]);
    write(&["dev", "--write-aws-config", "two"]);
    let boss =
        "\n[profile boss]\ncredential_process = \"/usr/bin/keyless\" credential-process admin\n";
    machine.write("aws-config", &(text() + boss));
    assert!(text().contains("[profile one]") && text().contains("[profile boss]"));

    let out = run(&["logout", "dev", "--remove-aws-config=boss"]).done();
    assert!(
        out.said.contains("the profile boss in ") && out.said.contains("stays as it is"),
        "{}",
        out.said
    );
    let out = run(&["logout", "dev", "--remove-aws-config=one"]).done();
    assert!(
        out.said.contains("for the profile one from "),
        "{}",
        out.said
    );
    assert!(!text().contains("[profile one]") && text().contains("[profile two]"));
    let out = run(&["logout", "dev", "--remove-aws-config"]).done();
    assert!(
        out.said.contains("for the profile two from "),
        "{}",
        out.said
    );
    assert!(
        text().contains("[profile boss]"),
        "another profile of ours: {}",
        text()
    );
    run(&["logout", "--all", "--remove-aws-config"]).done();
    assert_eq!(text(), before);
    let out = run(&["logout", "--all", "--remove-aws-config"]).done();
    assert!(out.said.contains("no profile in "), "{}", out.said);
    assert_eq!(text(), before);
}

/// Signs out with these words, and gives the link that is printed to `follow`.
fn leave(machine: &Machine, words: &[&str], follow: impl Fn(&str)) -> Ran {
    let words = [&["logout", "dev", "--end-session", "--no-browser"], words].concat();
    let mut child = machine
        .command(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut said = String::new();
    let stderr = BufReader::new(child.stderr.take().expect("piped"));
    for line in stderr.lines() {
        let line = line.expect("text");
        said += &line;
        said += "\n";
        if let Some(link) = line.strip_prefix("  http://") {
            follow(&format!("http://{link}"));
        }
    }
    let mut ran = Ran::new(child.wait_with_output().expect("ended"));
    ran.said = said;
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_the_browser_ends_after_all_is_forgotten_here() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let out = leave(&machine, &[], |link| {
        assert_eq!(left(&machine), Vec::<String>::new(), "first of all");
        let page = common::get(link);
        let field = |name: &str| {
            let before = format!("name=\"{name}\" value=\"");
            let value = &page[page.find(&before)? + before.len()..];
            Some(value[..value.find('"').expect("an end")].to_owned())
        };
        // Not where somebody else could be first at the page, as they could for root.
        if let Some(token) = field("id_token_hint") {
            assert!(!link.contains(&token));
        }
        let field = |name| field(name).expect("a field");
        let back = format!(
            "{}?state={}",
            field("post_logout_redirect_uri"),
            field("state")
        );
        let last = location(&back).expect("the last page");
        assert!(common::get(&last).contains("You are signed out"));
    });
    assert_eq!(out.code, Some(0), "{out:?}");
    for said in [
        "signed out alice@example.com",
        "waiting for the browser to come back, up to 1 minute",
        "has ended the session of the browser",
    ] {
        assert!(out.said.contains(said), "{said}: {}", out.said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_come_back_is_signed_out_here_all_the_same() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let out = leave(&machine, &["--timeout", "1s"], |_| {}).done();
    assert!(
        out.said.contains("the browser has not come back from "),
        "{}",
        out.said
    );
    assert!(out.said.contains("here you are signed out"), "{}", out.said);
    assert_eq!(left(&machine), Vec::<String>::new());

    // Where no browser is near, the page for one elsewhere.
    let out = machine.run(&["logout", "dev", "--end-session"]).done();
    let issuer = machine.sandbox.issuer();
    let page = format!("{issuer}/end_session?client_id=keyless");
    assert!(out.said.contains(&page), "{}", out.said);
    assert!(out.said.contains("because "), "{}", out.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_provider_that_is_gone_changes_nothing_here() {
    let machine = Machine::new().await;
    let config = machine.read(".config/keyless/config.toml");
    let gone = config.replace(machine.sandbox.issuer(), "http://127.0.0.1:9");
    machine.write(".config/keyless/config.toml", &gone);
    let out = machine
        .run(&["logout", "dev", "--end-session", "--no-browser"])
        .done();
    assert!(
        out.said.contains("warning: ") && out.said.contains("127.0.0.1:9"),
        "{}",
        out.said
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_that_the_identity_provider_has_ended_the_sign_in() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let status = |words: &[&str]| machine.run(&[&["status", "dev"], words].concat());
    assert_eq!(
        status(&["--json"]).json()["profiles"][0]["identity"]["ended_by_issuer"],
        Value::Null
    );
    let key = status(&["--json"]).json()["health"]["entries"]
        .as_array()
        .and_then(|entries| {
            entries
                .iter()
                .find(|entry| entry["kind"] == "sign-in")
                .cloned()
        });
    let key = key.expect("a sign-in")["key"]
        .as_str()
        .expect("a key")
        .parse::<keyless::Key>();
    let key = key.expect("a key");
    let mark = keyless::Key::of("ended")
        .part("sign-in", key.to_string())
        .finish();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a time")
        .as_secs();
    let entry = json!({
        "format": 1, "key": mark.to_string(), "fetched_at": now,
        "value": {"ended_at": now - 120, "said": "invalid_grant: the account was disabled"},
    });
    let file = machine.write(&format!("store/{mark}.json"), &entry.to_string());
    restrict(&file);

    let out = status(&[]).done();
    let page: Vec<_> = out.data.split_whitespace().collect();
    let page = page.join(" ");
    for said in [
        "the identity provider has ended the sign-in (invalid_grant: the account was disabled), as was seen ",
        "2 minutes ago; the session goes on until ",
        "not renewed, since the sign-in has ended",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("not usable"), "{page}");
    let json = status(&["--json"]).json();
    let ended = &json["profiles"][0]["identity"]["ended_by_issuer"];
    assert_eq!(ended["said"], "invalid_grant: the account was disabled");
    assert_eq!(json["profiles"][0]["sessions"][0]["renews_silently"], false);

    machine.run(&["logout", "dev"]).done();
    assert_eq!(left(&machine), Vec::<String>::new());
}

/// The same machine with the profiles `plain` and `sealed`, which have one identity that stays signed in, and the key for the latter's store.
async fn with_two_stores() -> (Machine, std::path::PathBuf) {
    let machine = Machine::new().await;
    let (issuer, sts) = (machine.sandbox.issuer(), machine.sandbox.sts_endpoint());
    let role = machine.sandbox.role_arn("Developer");
    let profile = |name: &str, store: &str| {
        format!(
            "[profile.{name}]\nidentity = \"lasting\"\nrole = \"{role}\"\nregion = \"eu-west-1\"\nendpoint_url = \"{sts}\"\nstore = \"{store}\"\n"
        )
    };
    let config = format!(
        "{}[identity.lasting]\nissuer = \"{issuer}\"\nclient_id = \"keyless\"\nscopes = [\"openid\", \"email\", \"offline_access\"]\n{}{}",
        machine.read(".config/keyless/config.toml"),
        profile("plain", "file"),
        profile("sealed", "keyring"),
    );
    machine.write(".config/keyless/config.toml", &config);
    let key = machine.write("key", &"0a".repeat(32));
    restrict(&key);
    (machine, key)
}

/// Every entry of either store.
fn kept(machine: &Machine) -> usize {
    let sealed = machine.path("store/sealed");
    let sealed = if sealed.exists() {
        common::entries(&sealed)
    } else {
        Vec::new()
    };
    let mut files = [common::entries(&machine.path("store")), sealed].concat();
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_logout_signs_out_every_profile_of_the_identity_in_both_stores() {
    let (machine, key) = with_two_stores().await;
    let command = |words: &[&str]| {
        let mut command = machine.command(words);
        command.env("KEYLESS_STORE_KEY_FILE", &key);
        command
    };
    let run = |words: &[&str]| Ran::new(command(words).output().expect("started"));
    for name in ["plain", "sealed"] {
        for signed_in in ["plain", "sealed"] {
            Machine::login_by(command(&["login", "--no-browser", signed_in])).done();
        }
        assert_eq!(kept(&machine), 5, "two sign-ins and sessions, a token");
        let out = run(&["logout", name]).done();
        for said in [
            "signed out alice@example.com",
            "has revoked the refresh token",
        ] {
            assert_eq!(out.said.matches(said).count(), 1, "{said}: {}", out.said);
        }
        assert_eq!(kept(&machine), 0, "{name}");
        for name in ["plain", "sealed"] {
            let out = run(&["credential-process", name, "--no-interactive"]);
            assert_eq!((out.code, out.data.as_str()), (Some(3), ""), "{name}");
        }
    }

    // Where the other one cannot be opened its sign-in goes all the same. And `dev` is somebody else.
    for signed_in in ["plain", "sealed", "dev"] {
        Machine::login_by(command(&["login", "--no-browser", signed_in])).done();
    }
    let out = machine.run(&["logout", "plain"]).done();
    for said in [
        "signed out alice@example.com",
        "forgot a sign-in at http://",
        "that could not be opened",
    ] {
        assert!(out.said.contains(said), "{said}: {}", out.said);
    }
    let out = run(&["credential-process", "sealed", "--no-interactive"]);
    assert_eq!((out.code, out.data.as_str()), (Some(3), ""));
    run(&["credential-process", "dev", "--no-interactive"]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_is_not_revoked_is_told_of() {
    let (machine, key) = with_two_stores().await;
    let with_key = |words: &[&str]| {
        let mut command = machine.command(words);
        command.env("KEYLESS_STORE_KEY_FILE", &key);
        command
    };
    let login = || Machine::login_by(with_key(&["login", "--no-browser", "plain"])).done();
    login();
    let out = machine.run(&["logout", "plain"]).done();
    for said in [
        "signed out alice@example.com",
        "warning: the refresh token could not be opened, and so was not revoked: ",
        "hint: end the sign-in on the identity provider's own pages",
    ] {
        assert!(out.said.contains(said), "{said}: {}", out.said);
    }
    assert_eq!(kept(&machine), 0);
    let out = machine.run(&["logout", "plain"]).done();
    assert!(!out.said.contains("refresh token"), "{}", out.said);

    let hint = "--all revokes none";
    login();
    let out = Ran::new(with_key(&["logout", "--all"]).output().expect("started")).done();
    assert!(out.said.contains(hint), "{}", out.said);
    login();
    let out = machine.run(&["logout", "--all"]).done();
    assert!(out.said.contains(hint), "without the key: {}", out.said);
    // Who never stays signed in has none.
    machine.login(&["dev"]).done();
    let out = machine.run(&["logout", "--all"]).done();
    assert!(!out.said.contains("refresh token"), "{}", out.said);
    let help = machine.run(&["logout", "--help"]).done().data;
    assert!(help.contains("It revokes nothing"), "{help}");
}

fn restrict(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(file, mode).expect("changed");
}
