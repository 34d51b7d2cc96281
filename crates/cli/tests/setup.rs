//! `keyless setup` as a person uses it.

mod common;

use common::Machine;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

const JOBS: [&str; 3] = ["setup", "--allow", "github:acme/app@main"];

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_gets_a_script_and_what_to_do_with_it() {
    let machine = Machine::new().await;
    let ran = machine.run(&JOBS).done();
    assert!(ran.data.starts_with("#!/usr/bin/env bash\n# Role keyless-github for github:acme/app@main, at https://token.actions"), "{}", ran.data);
    for said in [
        "note: acme/app is known by its name here",
        "note: the role may do nothing yet; --attach gives it a policy\n",
        "next: save it, read it, and run it with bash, signed in to the account\n",
        "role = \"arn:aws:iam::ACCOUNT:role/keyless-github\"\n",
    ] {
        assert!(ran.said.contains(said), "{said} in\n{}", ran.said);
    }
    let quiet = machine.run(&[&JOBS[..], &["-q"]].concat()).done();
    assert_eq!((quiet.data, &*quiet.said), (ran.data, ""), "data is data");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_is_printed_and_nothing_else() {
    let machine = Machine::new().await;
    for (format, start, end) in [
        ("script", "#!/usr/bin/env bash\n", "everywhere\"\n"),
        ("cloudshell", "bash <<'KEYLESS'\nset -eu\n", "\nKEYLESS\n"),
        (
            "terraform",
            "# Role deploy for github:acme/app@main",
            ".arn\n}\n",
        ),
        (
            "cloudformation",
            "# Role deploy for github:acme/app@main",
            "Value: !GetAtt Role.Arn\n",
        ),
        ("policy", "{\n  \"Version\": \"2012-10-17\",\n", "\n}\n"),
    ] {
        let more = [
            "--role-name",
            "deploy",
            "--account",
            "111122223333",
            "--format",
            format,
        ];
        let data = machine.run(&[&JOBS[..], &more].concat()).done().data;
        assert!(
            data.starts_with(start) && data.ends_with(end),
            "{format}:\n{data}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wish_reaches_the_role() {
    let machine = Machine::new().await;
    let wishes = [
        "--client",
        "one",
        "--audience",
        "two",
        "--attach",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "--boundary",
        "arn:aws:iam::111122223333:policy/edge",
        "--max-session",
        "2h",
        "--also-account",
        "444455556666",
        "--session-tags",
        "--source-identity",
        "--account",
        "111122223333",
    ];
    let script = machine.run(&[&JOBS[..], &wishes].concat()).done().data;
    for wish in [
        "--client-id-list one two",
        "attach-role-policy --role-name keyless-github --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess",
        "--permissions-boundary arn:aws:iam::111122223333:policy/edge",
        "--max-session-duration 7200",
        "arn:aws:iam::444455556666:root",
        "sts:TagSession",
        "sts:SetSourceIdentity",
        "[ \"$account\" = 111122223333 ]",
    ] {
        assert!(script.contains(wish), "{wish} in\n{script}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_let_strangers_in_is_refused() {
    let machine = Machine::new().await;
    for (words, said) in [
        (
            &["--issuer", "https://id.example.com", "--client", "app"][..],
            "error: nobody is named whom the role is for",
        ),
        (
            &["--allow", "github:acme/*@main"],
            "\"*\" is not a repository's name; a wildcard there would let strangers in",
        ),
        (
            &[
                "--allow",
                "email:a@example.com",
                "--issuer",
                "https://id.example.com",
            ],
            "error: no audience is named for email:a@example.com\nhint: give --client",
        ),
        (
            &["--allow", "email:a@example.com", "--client", "app"],
            "error: no issuer is named for email:a@example.com\nhint: give --issuer",
        ),
        (
            &["--allow", "sub:*", "--client", "app"],
            "\"*\" is not a subject",
        ),
        (
            &["--allow", "github:acme/app@main", "--format", "policy"],
            "error: a trust policy names the account it is in\nhint: give --account",
        ),
        (
            &["--allow", "github:acme/app@main", "--max-session", "13h"],
            "a role allows 3600 to 43200",
        ),
    ] {
        let ran = machine.run(&[&["setup"], words].concat());
        assert_eq!((ran.code, &*ran.data), (Some(2), ""), "{words:?}");
        assert!(ran.said.contains(said), "{said} in\n{}", ran.said);
    }
}

/// The sandbox stands for an issuer that is not in the table.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_asked_whether_it_is_what_it_is_called() {
    let machine = Machine::new().await;
    let issuer = machine.sandbox.issuer().to_owned();
    let ask = |issuer: &str, more: &[&str]| {
        let words = [
            "setup",
            "--issuer",
            issuer,
            "--client",
            "keyless",
            "--allow",
            "email:alice@example.com",
        ];
        machine.run(&[&words, more].concat())
    };
    let ran = ask(&issuer, &[]).done();
    assert!(
        ran.said
            .contains(&format!("issuer = \"{issuer}\"\nclient_id = \"keyless\"\n")),
        "{}",
        ran.said
    );
    assert!(
        ran.data.contains(&format!("--url {issuer}")),
        "{}",
        ran.data
    );

    let slash = format!("{issuer}/");
    let other = ask(&slash, &[]);
    assert_eq!((other.code, &*other.data), (Some(5), ""));
    let said = format!(
        "error: the issuer is given as {slash:?} and calls itself {issuer:?}\nhint: AWS compares to the letter: --issuer {issuer}, if that is the one you mean\n"
    );
    assert_eq!(other.said, said);
    ask(&slash, &["--offline"]).done();

    let nobody = "http://127.0.0.1:1"; // where nobody listens
    let unreachable = ask(nobody, &[]);
    assert_eq!(unreachable.code, Some(6));
    assert!(
        unreachable.said.contains("cannot be fetched"),
        "{}",
        unreachable.said
    );
    assert!(
        unreachable.said.contains("add --offline"),
        "{}",
        unreachable.said
    );
    ask(nobody, &["--offline"]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_aws_cannot_use_is_named() {
    let machine = Machine::new().await;
    let server = MockServer::start().await;
    for (change, code, said) in [
        (
            json!({"id_token_signing_alg_values_supported": ["PS256", "EdDSA"]}),
            5,
            "signs with nothing that AWS takes",
        ),
        (json!({"jwks_uri": null}), 5, "names no keys"),
        (
            json!({"jwks_uri": "http://keys.example.com"}),
            5,
            "only https keeps a token secret",
        ),
        (json!({"issuer": null}), 5, "names no issuer"),
        (
            json!({"issuer": "https://evil.example/\u{1b}[2J"}),
            5,
            "calls itself \"https://evil.example/[2J\"",
        ),
        (
            json!({"id_token_signing_alg_values_supported": ["PS256", "ES256"]}),
            0,
            "",
        ),
        (
            json!({"id_token_signing_alg_values_supported": null}),
            0,
            "",
        ),
    ] {
        let mut document = json!({
            "issuer": server.uri(),
            "jwks_uri": format!("{}/keys", server.uri()),
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        for (name, value) in change.as_object().expect("an object") {
            document[name] = value.clone();
        }
        server.reset().await;
        shows(&server, &document).await;
        let ran = machine.run(&[
            "setup",
            "--issuer",
            &server.uri(),
            "--allow",
            "k8s:web/frontend",
            "-q",
        ]);
        assert_eq!(ran.code, Some(code), "{change}: {}", ran.said);
        assert!(ran.said.contains(said), "{said} in\n{}", ran.said);
    }
    server.reset().await;
    let ran = machine.run(&[
        "setup",
        "--issuer",
        &server.uri(),
        "--allow",
        "k8s:web/frontend",
    ]);
    assert_eq!(ran.code, Some(5));
    assert!(ran.said.contains("found 404 Not Found"), "{}", ran.said);
}

async fn shows(server: &MockServer, document: &Value) {
    Mock::given(path("/.well-known/openid-configuration"))
        .respond_with(ResponseTemplate::new(200).set_body_json(document))
        .mount(server)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_that_it_shows_is_one_that_keyless_takes() {
    let machine = Machine::new().await;
    let uuid = "0a1b2c3d-1111-2222-3333-444455556666";
    for (allow, issuer) in [
        ("github:acme/app@main", None),
        ("gitlab:acme/app@main", None),
        (&*format!("circleci:{uuid}/{uuid}"), None),
        ("buildkite:acme/deploy@main", None),
        (&*format!("bitbucket:acme/{uuid}"), None),
        ("tfc:acme/p/w", None),
        ("k8s:web/frontend", Some("https://cluster.example.com")),
        ("gcp:112233445566778899001", None),
        (
            "email:alice@example.com",
            Some("https://accounts.google.com"),
        ),
        ("sub:auth0|1", Some("https://corp.eu.auth0.com/")),
    ] {
        let client = "https://a.example/?x=1&y='\"$z";
        let client = if allow.starts_with("gcp") || allow.starts_with("github") {
            client
        } else {
            "app"
        };
        let mut words = vec![
            "setup",
            "--allow",
            allow,
            "--offline",
            "--account",
            "111122223333",
        ];
        // A question mark would be a wildcard.
        let client = client.replace('?', "");
        words.extend(["--client", &client]);
        words.extend(issuer.iter().flat_map(|issuer| ["--issuer", issuer]));
        let ran = machine.run(&words).done();
        let (_, profile) = ran
            .said
            .split_once("configuration:\n\n")
            .expect("a profile");
        machine.write(".config/keyless/config.toml", profile);
        let status = machine.run(&["status", "--json"]);
        assert!(
            matches!(status.code, Some(0 | 3)),
            "{profile}\n{}",
            status.said
        );
        let role = &status.json()["profiles"][0]["role"];
        let found = status.json().to_string();
        assert!(
            found.contains("arn:aws:iam::111122223333:role/keyless"),
            "{role}: {found}"
        );
    }
}
