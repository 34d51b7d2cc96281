//! An account surveyed from the command line.
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use std::io::Write as _;
use std::process::Stdio;

use common::{Machine, Ran};
use serde_json::{Value, json};

const GITHUB: &str = "token.actions.githubusercontent.com";

fn github(subject: &str) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{GITHUB}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {format!("{GITHUB}:sub"): subject}, "StringEquals": {format!("{GITHUB}:aud"): "sts.amazonaws.com"}},
    })
}

fn role(name: &str, statement: &Value, administrator: bool) -> Value {
    let attached = if administrator {
        json!([{"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}])
    } else {
        json!([])
    };
    json!({
        "RoleName": name,
        "Arn": format!("arn:aws:iam::111122223333:role/{name}"),
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": statement},
        "AttachedManagedPolicies": attached,
    })
}

/// A safe role, a dangerous one, one that is nobody's business and one that cannot be read.
fn account() -> String {
    let service = json!({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let roles = [
        role(
            "release",
            &github("repo:acme/app:ref:refs/heads/main"),
            false,
        ),
        role("deploy", &github("repo:acme*"), true),
        role("resize-images", &service, false),
        role("strange", &json!({"Effect": "Maybe"}), false),
    ];
    json!({"RoleDetailList": roles, "Policies": []}).to_string()
}

async fn machine() -> Machine {
    let machine = Machine::new().await;
    machine.write("account.json", &account());
    machine
}

/// The file's path, as an argument.
fn file(machine: &Machine, name: &str) -> String {
    machine.path(name).display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_reads_who_can_get_in_worst_first() {
    let machine = machine().await;
    let ran = machine
        .run(&["audit", &file(&machine, "account.json")])
        .done();
    let expected = "\
account 111122223333: 2 of 4 roles let somebody in from outside (1 critical, 1 low)

critical  deploy   administrator by AdministratorAccess
          anyone with a token of token.actions.githubusercontent.com: sub like repo:acme* keeps no
          stranger out (org-prefix-wildcard)
low       release
          those named at token.actions.githubusercontent.com: sub is
          repo:acme/app:ref:refs/heads/main

not judged, as the trust policy cannot be read:

?         arn:aws:iam::111122223333:role/strange
";
    assert!(ran.data.starts_with(expected), "{}", ran.data);
    assert!(
        ran.data
            .ends_with("\n\nbesides, AWS's own services take roles: lambda 1\n"),
        "{}",
        ran.data
    );
    assert_eq!(ran.said, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_is_longer_than_a_terminal() {
    let machine = Machine::new().await;
    let long = "x".repeat(64);
    let mut bounded = role(
        &long,
        &github(&format!("repo:{long}/{}:*", "y".repeat(300))),
        true,
    );
    bounded["PermissionsBoundary"] =
        json!({"PermissionsBoundaryArn": format!("arn:aws:iam::1:policy/{long}")});
    let roles = [bounded, role("short", &github("*"), true)];
    machine.write(
        "account.json",
        &json!({"RoleDetailList": roles}).to_string(),
    );
    let ran = machine
        .run(&["audit", &file(&machine, "account.json")])
        .done();
    for line in ran.data.lines() {
        assert!(line.chars().count() <= 100, "{line}");
        assert_eq!(line.trim_end(), line);
    }
    assert!(ran.data.contains(&long));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_reads_json_in_which_nothing_is_lost() {
    let machine = Machine::new().await;
    let name = "evil\u{202e}\u{9b}31m";
    machine.write(
        "account.json",
        &json!({"RoleDetailList": [role(name, &github("*"), false)]}).to_string(),
    );
    let ran = machine
        .run(&["audit", "--json", &file(&machine, "account.json")])
        .done();
    assert_eq!(ran.json()["roles"][0]["name"], name);
    assert!(
        ran.data.contains("\"evil\\u202e\\u009b31m\""),
        "{}",
        ran.data
    );
    assert_eq!(ran.json()["roles"][0]["danger"], "critical");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_needs_nothing_and_obeys_nobody() {
    let machine = Machine::new().await;
    let evil = "</title></script><script>alert('x')</script>\"&\u{202e}";
    let mut strange = role(evil, &json!({"Effect": evil}), false);
    strange["Arn"] = json!(format!("arn:aws:iam::111122223333:role/{evil}"));
    let mut outsider = github(evil);
    outsider["Principal"]["Federated"] = json!([
        "arn:aws:iam::1:oidc-provider/<b>",
        "arn:aws:iam::111122223333:saml-provider/<i>"
    ]);
    outsider["Action"] = json!("sts:*");
    let service =
        json!({"Effect": "Allow", "Principal": {"Service": evil}, "Action": "sts:AssumeRole"});
    let roles = [
        role(evil, &json!([github(evil), outsider, service]), true),
        strange,
    ];
    machine.write(
        "account.json",
        &json!({"RoleDetailList": roles}).to_string(),
    );
    let page = file(&machine, "page.html");
    let ran = machine
        .run(&["audit", &file(&machine, "account.json"), "--html", &page])
        .done();
    assert_eq!(ran.data, "");
    assert!(
        ran.said
            .contains("1 of 2 roles let somebody in from outside (1 high); see "),
        "{}",
        ran.said
    );

    let page = machine.read("page.html");
    assert_eq!(page.matches("<script").count(), 1, "the page's own alone");
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
    assert!(!page.contains("<b>x") && !page.contains("<i>") && !page.contains('\u{202e}'));
    assert!(
        !page.contains("://") && !page.contains("url(") && !page.contains("@import"),
        "nothing comes from elsewhere"
    );
    let is_handler = |rest: &str| {
        rest.trim_start_matches(|c: char| c.is_ascii_lowercase())
            .starts_with('=')
    };
    assert!(
        !page.contains(" style=") && !page.split(" on").skip(1).any(is_handler),
        "what the page's own rule forbids"
    );
    let rule = "default-src 'none'; script-src 'sha256-";
    assert!(page.contains(rule) && !page.contains("unsafe-"));
    assert!(page.contains("<svg class=\"flow wide\"") && page.contains("href=\"#role-0\""));

    let piped = machine
        .run(&["audit", &file(&machine, "account.json"), "--html", "-"])
        .done();
    assert!(piped.data.starts_with("<!doctype html>") && piped.said.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_told_which_roles_it_could_take() {
    let machine = machine().await;
    let claims = json!({"iss": format!("https://{GITHUB}"), "sub": "repo:acme/app:ref:refs/heads/fix", "aud": "sts.amazonaws.com", "exp": 1});
    machine.write("claims.json", &claims.to_string());
    let (account, claims) = (
        file(&machine, "account.json"),
        file(&machine, "claims.json"),
    );
    let ran = machine.run(&["audit", &account, "--token", &claims]).done();
    let expected = "\
a token of repo:acme/app:ref:refs/heads/fix at https://token.actions.githubusercontent.com, for
sts.amazonaws.com
can take 1 of 4 roles:

critical  deploy   administrator by AdministratorAccess
          by statement 1

not judged, as the trust policy cannot be read:
";
    assert!(ran.data.starts_with(expected), "{}", ran.data);
    assert!(
        ran.said.contains("warning: the token has expired"),
        "{}",
        ran.said
    );

    let near = machine
        .run(&["audit", &account, "--token", &claims, "--near"])
        .done();
    assert!(
        near.data.contains("one thing alone keeps it from:\n\nlow       release\n          statement 1 wants token.actions.githubusercontent.com:sub to be like\n"),
        "{}",
        near.data
    );
    let json = machine
        .run(&["audit", &account, "--token", &claims, "--near", "--json"])
        .done()
        .json();
    assert_eq!(
        json["roles"][0]["token"],
        json!({"answer": "taken", "statement": 1})
    );
    assert_eq!(json["roles"][1]["token"]["answer"], "near");

    let jwt = machine.sandbox.id_token_for("alice").expect("Alice");
    machine.write("token", &format!("{jwt}\n"));
    let alice = machine
        .run(&["audit", &account, "--token", &file(&machine, "token")])
        .done();
    assert!(
        alice.data.contains("\ncan take 0 of 4 roles\n"),
        "{}",
        alice.data
    );
    assert!(!alice.data.contains(&jwt[..40]), "no token is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_can_stop_at_a_dangerous_role() {
    let machine = machine().await;
    let safe = role(
        "release",
        &github("repo:acme/app:ref:refs/heads/main"),
        false,
    );
    machine.write("safe.json", &json!({"RoleDetailList": [safe]}).to_string());
    for (name, fail_on, code) in [
        ("account.json", None, 0),
        ("account.json", Some("critical"), 4),
        ("account.json", Some("high"), 4),
        ("safe.json", Some("medium"), 0),
        ("safe.json", Some("critical"), 0),
    ] {
        let path = file(&machine, name);
        let mut words = vec!["audit", &path];
        words.extend(fail_on.iter().flat_map(|danger| ["--fail-on", danger]));
        assert_eq!(machine.run(&words).code, Some(code), "{words:?}");
    }
}

fn with_input(machine: &Machine, arguments: &[&str], input: &str) -> Ran {
    let mut child = machine
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    Ran::new(child.wait_with_output().expect("ended"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_says_where_it_ends_and_what_to_do() {
    let machine = machine().await;
    let account = account();
    let ran = with_input(&machine, &["audit", "-"], &account).done();
    assert!(ran.data.starts_with("account 111122223333: 2 of 4 roles"));

    let cut = account.find("resize-images").expect("there");
    let ran = with_input(&machine, &["audit", "-"], &account[..cut]);
    assert_eq!((ran.code, &*ran.data), (Some(5), ""));
    assert!(
        ran.said.starts_with("error: standard input cannot be read as an account: it breaks off in the middle at line 1 column "),
        "{}",
        ran.said
    );
    assert!(ran.said.contains("; 2 roles had been read before that\nhint: let `aws iam get-account-authorization-details"), "{}", ran.said);

    let missing = machine.run(&["audit", "nowhere.json"]);
    assert_eq!(missing.code, Some(5));
    assert!(
        missing
            .said
            .starts_with("error: nowhere.json cannot be opened: "),
        "{}",
        missing.said
    );
    let both = machine.run(&["audit", "-", "--token", "-"]);
    assert_eq!(both.code, Some(2));
    assert_eq!(machine.run(&["audit", "x", "--near"]).code, Some(2));

    let path = file(&machine, "account.json");
    for (text, why) in [
        ("not a token", "neither a JWT nor JSON"),
        ("[1]", "neither a JWT nor JSON"),
        (r#"{"iss": "https://id.example.com"}"#, "sub"),
    ] {
        let ran = with_input(&machine, &["audit", &path, "--token", "-"], text);
        assert_eq!(ran.code, Some(5), "{text}");
        assert!(
            ran.said.contains("standard input holds no token: ") && ran.said.contains(why),
            "{}",
            ran.said
        );
    }

    let first = account.replacen('{', r#"{"IsTruncated": true, "#, 1);
    let ran = with_input(&machine, &["audit", "-"], &first).done();
    assert!(
        ran.said
            .contains("warning: the file is the first part of an account"),
        "{}",
        ran.said
    );
}
