//! What STS says against a token or a policy, and that `keyless explain` says the same and names the cause.
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Machine, Ran};
use keyless_sandbox::{Role, Sandbox};
use serde_json::{Value, json};

const TAGS: &str = "https://aws.amazon.com/tags";
const ROLES: &str = "https://aws.amazon.com/roles";
const SOURCE: &str = "https://aws.amazon.com/source_identity";

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_secs()
}

/// The issuer as it stands in ARNs and keys.
fn bare(sandbox: &Sandbox) -> &str {
    sandbox.issuer().trim_start_matches("http://")
}

/// Alice's token, some of its claims changed, or left out where they are `"(absent)"`.
fn token(sandbox: &Sandbox, changes: &Value) -> String {
    let now = now();
    let mut claims = json!({"iss": sandbox.issuer(), "sub": "user-alice", "aud": "keyless", "iat": now, "exp": now + 3600});
    for (name, value) in changes.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    let claims = claims.as_object_mut().expect("claims");
    claims.retain(|_, value| value != "(absent)");
    sandbox.mint(&Value::Object(claims.clone()))
}

/// The token with another header. Its signature is nothing then.
fn with_header(token: &str, header: &str) -> String {
    let encoded = base64url(header.as_bytes());
    let (_, rest) = token.split_once('.').expect("a token");
    format!("{encoded}.{rest}")
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for letter in 0..=chunk.len() {
            text.push(LETTERS[bits >> (18 - 6 * letter) & 63] as char);
        }
    }
    text
}

/// What the sandbox's STS says: code and message, or nothing where it gives the role.
fn sts(sandbox: &Sandbox, role: &str, session: &str, token: &str) -> Option<(String, String)> {
    let escape = |text: &str| {
        let bytes: Vec<_> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        bytes.concat()
    };
    let body = format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}&WebIdentityToken={}",
        escape(role),
        escape(session),
        escape(token)
    );
    let host = sandbox.sts_endpoint().trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("a listener");
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let inside = |tag: &str| {
        let (_, rest) = answer.split_once(&format!("<{tag}>"))?;
        let (text, _) = rest.split_once(&format!("</{tag}>"))?;
        let plain = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&#39;", "'"),
            ("&amp;", "&"),
        ];
        Some(
            plain
                .iter()
                .fold(text.to_owned(), |text, (from, to)| text.replace(from, to)),
        )
    };
    Some((inside("Code")?, inside("Message")?))
}

/// A policy that lets Alice in, some of its parts replaced.
fn policy(sandbox: &Sandbox, changes: &Value) -> String {
    let issuer = bare(sandbox);
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::{}:oidc-provider/{issuer}", sandbox.account_id())},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{issuer}:aud"): "keyless", format!("{issuer}:sub"): "user-alice"}},
    });
    for (name, value) in changes.as_object().expect("members") {
        statement[name] = value.clone();
    }
    let text = json!({"Version": "2012-10-17", "Statement": [statement]});
    format!("{text:#}").replace("{issuer}", issuer)
}

/// `aws iam get-open-id-connect-provider` for the sandbox's own.
fn provider(sandbox: &Sandbox) -> Value {
    json!({"Url": sandbox.issuer(), "ClientIDList": ["keyless"], "ThumbprintList": []})
}

fn explain(machine: &Machine, role: &str, session: &str, more: &[&str]) -> Ran {
    let fixed = ["explain", "--role", role, "--session-name", session];
    let files = [
        machine.path("token"),
        machine.path("policy.json"),
        machine.path("provider.json"),
    ];
    let [token, policy, provider] = files.each_ref().map(|path| path.to_str().expect("text"));
    machine.run(
        &[
            &fixed[..],
            &["--token", token, "--policy", policy, "--provider", provider],
            more,
        ]
        .concat(),
    )
}

fn hints(told: &Value) -> Vec<&str> {
    let hints = told["hints"].as_array().expect("hints");
    hints
        .iter()
        .map(|hint| hint["id"].as_str().expect("a name"))
        .collect()
}

/// One misfortune: what it is, the token's claims, the statement's parts, what STS begins to say, and the cause that is named.
type Row = (&'static str, Value, Value, &'static str, &'static str);

#[tokio::test(flavor = "multi_thread")]
async fn every_message_that_a_token_or_a_policy_causes_is_explained() {
    let machine = Machine::new().await;
    let sandbox = &machine.sandbox;
    let now = now();
    let sub =
        |operator: &str, value: &str| json!({"Condition": {operator: {"{issuer}:sub": value}}});
    let denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    let generic = "The web identity token provided could not be validated.";
    let main = json!({"sub": "repo:acme/app:ref:refs/heads/main"});
    let production = json!({"sub": "repo:acme/app:environment:production"});
    let rows: Vec<Row> = vec![
        (
            "another case",
            json!({}),
            sub("StringEquals", "User-Alice"),
            denied,
            "case-only",
        ),
        (
            "a wildcard that is none",
            json!({}),
            sub("StringEquals", "user-*"),
            denied,
            "wildcard-in-exact",
        ),
        (
            "another's subject",
            json!({}),
            sub("StringEquals", "user-bartholomew"),
            denied,
            "value-differs",
        ),
        (
            "a typing mistake",
            json!({}),
            sub("StringEquals", "user-alcie"),
            denied,
            "typo",
        ),
        (
            "a pattern's beginning",
            json!({}),
            sub("StringLike", "group-*"),
            denied,
            "prefix-before-wildcard",
        ),
        (
            "an environment's job",
            production,
            sub("StringEquals", "repo:acme/app:ref:refs/heads/main"),
            denied,
            "github-environment",
        ),
        (
            "no environment",
            main.clone(),
            sub("StringEquals", "repo:acme/app:environment:production"),
            denied,
            "github-no-environment",
        ),
        (
            "a pull request",
            json!({"sub": "repo:acme/app:pull_request"}),
            sub("StringLike", "repo:acme/app:ref:*"),
            denied,
            "github-pull-request",
        ),
        (
            "the new subjects",
            json!({"sub": "repo:acme@12/app@34:ref:refs/heads/main"}),
            sub("StringEquals", "repo:acme/app:ref:refs/heads/main"),
            denied,
            "github-immutable-subject",
        ),
        (
            "the old subjects",
            main,
            sub("StringEquals", "repo:acme@12/app@34:ref:refs/heads/main"),
            denied,
            "github-legacy-subject",
        ),
        (
            "a colon in a name",
            json!({"sub": "repo:acme/app:environment:eu%3Aprod"}),
            sub("StringEquals", "repo:acme/app:environment:eu:prod"),
            denied,
            "percent-encoding",
        ),
        (
            "audience for subject",
            json!({}),
            sub("StringEquals", "keyless"),
            denied,
            "swapped",
        ),
        (
            "a scheme in the key",
            json!({}),
            json!({"Condition": {"StringEquals": {"http://{issuer}:sub": "user-alice"}}}),
            denied,
            "scheme-in-key",
        ),
        (
            "a slash in the key",
            json!({}),
            json!({"Condition": {"StringEquals": {"{issuer}/:sub": "user-alice"}}}),
            denied,
            "key-slash",
        ),
        (
            "a path in the key",
            json!({}),
            json!({"Condition": {"StringEquals": {"{issuer}/acme:sub": "user-alice"}}}),
            denied,
            "key-issuer-path",
        ),
        (
            "another issuer's key",
            json!({}),
            json!({"Condition": {"StringEquals": {"gitlab.com:sub": "user-alice"}}}),
            denied,
            "key-issuer",
        ),
        (
            "a claim that is no key",
            json!({"repository": "acme/app"}),
            json!({"Condition": {"StringEquals": {"{issuer}:repository": "acme/app"}}}),
            denied,
            "unmapped-claim",
        ),
        (
            "a claim that is not there",
            json!({}),
            json!({"Condition": {"StringEquals": {"{issuer}:email": "alice@example.com"}}}),
            denied,
            "claim-missing",
        ),
        (
            "a key misspelt",
            json!({"email": "a@example.com"}),
            json!({"Condition": {"StringEquals": {"{issuer}:emial": "a@example.com"}}}),
            denied,
            "key-typo",
        ),
        (
            "an AWS principal's key",
            json!({}),
            json!({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}),
            denied,
            "not-for-web-identity",
        ),
        (
            "the roles claim is wanted",
            json!({}),
            json!({"Condition": {"Bool": {"sts:RoleAuthorizedByIdp": "true"}}}),
            denied,
            "role-not-listed",
        ),
        (
            "another account's provider",
            json!({}),
            json!({"Principal": {"Federated": "arn:aws:iam::999988887777:oidc-provider/{issuer}"}}),
            denied,
            "other-account",
        ),
        (
            "a scheme in the ARN",
            json!({}),
            json!({"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/http://{issuer}"}}),
            denied,
            "scheme-in-arn",
        ),
        (
            "another provider",
            json!({}),
            json!({"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/gitlab.com"}}),
            denied,
            "other-provider",
        ),
        (
            "AWS principals",
            json!({}),
            json!({"Principal": {"AWS": "*"}}),
            denied,
            "principal-aws",
        ),
        (
            "sts:AssumeRole",
            json!({}),
            json!({"Action": "sts:AssumeRole"}),
            denied,
            "assume-role-typed",
        ),
        (
            "tags without TagSession",
            json!({TAGS: {"principal_tags": {"team": ["red"]}}}),
            json!({}),
            denied,
            "missing-tag-session",
        ),
        (
            "a source identity without its action",
            json!({SOURCE: "alice"}),
            json!({}),
            denied,
            "missing-set-source-identity",
        ),
        (
            "a Deny",
            json!({}),
            json!({"Effect": "Deny", "Action": "*"}),
            denied,
            "explicit-deny",
        ),
        (
            "anybody but Alice",
            json!({}),
            json!({"Condition": {"StringNotEquals": {"{issuer}:sub": "user-alice"}}}),
            denied,
            "negated-match",
        ),
        (
            "an issuer with a slash",
            json!({"iss": format!("{}/", sandbox.issuer())}),
            json!({}),
            generic,
            "issuer-slash",
        ),
        (
            "an issuer with a path",
            json!({"iss": format!("{}/acme", sandbox.issuer())}),
            json!({}),
            generic,
            "issuer-path",
        ),
        (
            "an unknown issuer",
            json!({"iss": "https://id.example.com"}),
            json!({}),
            generic,
            "no-provider",
        ),
        (
            "an unknown audience",
            json!({"aud": "https://github.com/acme"}),
            json!({}),
            generic,
            "client-id-missing",
        ),
        (
            "an audience in another case",
            json!({"aud": "Keyless"}),
            json!({}),
            generic,
            "client-id-near-miss",
        ),
        (
            "an authorized party",
            json!({"azp": "app"}),
            json!({}),
            generic,
            "azp-counts",
        ),
        (
            "an empty authorized party",
            json!({"azp": ""}),
            json!({}),
            generic,
            "azp-counts",
        ),
        (
            "an empty audience",
            json!({"aud": ""}),
            json!({}),
            generic,
            "empty-audience",
        ),
        (
            "a source identity that is no text",
            json!({SOURCE: 1}),
            json!({}),
            generic,
            "source-identity-shape",
        ),
        (
            "no issuer",
            json!({"iss": "(absent)"}),
            json!({}),
            "Missing a required claim: iss",
            "missing-claim",
        ),
        (
            "no subject",
            json!({"sub": "(absent)"}),
            json!({}),
            "Missing a required claim: sub",
            "missing-claim",
        ),
        (
            "no audience",
            json!({"aud": "(absent)"}),
            json!({}),
            "Missing a required claim: aud",
            "missing-claim",
        ),
        (
            "no time of issue",
            json!({"iat": "(absent)"}),
            json!({}),
            "Missing a required claim: iat",
            "missing-claim",
        ),
        (
            "no end",
            json!({"exp": "(absent)"}),
            json!({}),
            "Missing a required claim: exp",
            "missing-claim",
        ),
        (
            "no audience in the list",
            json!({"aud": []}),
            json!({}),
            "Claim is not allowed to be empty: aud",
            "empty-audience",
        ),
        (
            "two audiences",
            json!({"aud": ["keyless", "app"]}),
            json!({}),
            "Token audience contains more than one audience",
            "many-audiences",
        ),
        (
            "a fraction of a second",
            json!({"iat": 1.5}),
            json!({}),
            "Invalid timestamp in token claims.",
            "bad-timestamp",
        ),
        (
            "a clock ahead",
            json!({"iat": now + 900}),
            json!({}),
            "Token issued in the future: ",
            "token-from-future",
        ),
        (
            "too early",
            json!({"nbf": now + 900}),
            json!({}),
            "Token not yet valid: current date/time ",
            "token-not-yet-valid",
        ),
        (
            "too late",
            json!({"iat": now - 7200, "exp": now - 3600}),
            json!({}),
            "Token expired: current date/time ",
            "token-expired",
        ),
        (
            "no subject at all",
            json!({"sub": null}),
            json!({}),
            "Unknown error validating third-party token",
            "null-subject",
        ),
        (
            "tags that are no object",
            json!({TAGS: "team"}),
            json!({}),
            "Session tags passed in claim are not in correct format.",
            "tags-shape",
        ),
        (
            "a tag that is no list",
            json!({TAGS: {"principal_tags": {"team": "red"}}}),
            json!({}),
            "principal_tags passed in claim is not in correct format.",
            "tags-shape",
        ),
        (
            "other roles",
            json!({ROLES: ["arn:aws:iam::111122223333:role/other"]}),
            json!({}),
            "The target role ARN is not present in the roles claim",
            "role-not-claimed",
        ),
        (
            "names for roles",
            json!({ROLES: ["story"]}),
            json!({}),
            "The roles claim contains no valid role ARNs",
            "roles-claim-empty",
        ),
        (
            "a number for roles",
            json!({ROLES: 1}),
            json!({}),
            "The roles claim is not in a supported format",
            "roles-claim-shape",
        ),
    ];
    machine.write("provider.json", &provider(sandbox).to_string());
    let role = sandbox.role_arn("story");
    for (what, claims, changes, says, cause) in &rows {
        let (token, policy) = (token(sandbox, claims), policy(sandbox, changes));
        sandbox
            .put_role(Role::new("story", &policy))
            .expect("a role");
        machine.write("token", &token);
        machine.write("policy.json", &policy);
        let (code, message) = sts(sandbox, &role, "session", &token)
            .unwrap_or_else(|| panic!("{what}: the role is given"));
        assert!(message.starts_with(says), "{what}: {message}");

        let ran = explain(&machine, &role, "session", &["--json"]);
        let told = ran.json();
        assert_eq!(ran.code, Some(4), "{what}: {ran:?}");
        assert_eq!(told["answer"]["code"], code, "{what}");
        let words = |text: &str| {
            text.split(|c: char| c.is_ascii_digit())
                .map(str::to_owned)
                .collect::<Vec<_>>()
                .concat()
        };
        let same = told["answer"]["message"].as_str().expect("a message");
        assert_eq!(
            words(same),
            words(&message),
            "{what}: to the letter, but for the second"
        );
        let named = hints(&told);
        assert_eq!(named[0], *cause, "{what}: {told:#}");
        // Where the token is refused, what the policy would say against it comes after.
        assert!(
            code != "AccessDenied" || named.len() == 1,
            "{what}: {told:#}"
        );

        let read = explain(&machine, &role, "session", &[]);
        assert!(
            read.data.contains(&format!("[{cause}]")) && read.data.contains(&code),
            "{what}: {}",
            read.data
        );
        let secret = token.rsplit('.').next().expect("a signature");
        for output in [&ran.data, &read.data, &ran.said, &read.said] {
            assert!(
                !output.contains(secret) && !output.contains(&token[..20]),
                "{what}: the token is told"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_foretold_is_warned_of() {
    let machine = Machine::new().await;
    let sandbox = &machine.sandbox;
    let role = sandbox.role_arn("story");
    let good = token(sandbox, &json!({}));
    let tags: Value = (0..12)
        .map(|number| {
            (
                format!("a-tag-of-some-length-{number}"),
                json!(["x".repeat(200)]),
            )
        })
        .collect();
    let tagged = token(sandbox, &json!({TAGS: {"principal_tags": tags}}));
    let tag_session = json!({"Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]});
    for (token, changes, says, cause) in [
        (
            with_header(&good, r#"{"alg":"ES256"}"#),
            json!({}),
            "Couldn't retrieve verification key from your identity provider,  please",
            "no-key-id",
        ),
        (
            tagged,
            tag_session,
            "Packed size of session tags consumes ",
            "many-tags",
        ),
    ] {
        let policy = policy(sandbox, &changes);
        sandbox
            .put_role(Role::new("story", &policy))
            .expect("a role");
        machine.write("token", &token);
        machine.write("policy.json", &policy);
        machine.write("provider.json", &provider(sandbox).to_string());
        let (_, message) = sts(sandbox, &role, "session", &token).expect(cause);
        assert!(message.starts_with(says), "{message}");
        let told = explain(&machine, &role, "session", &["--json"])
            .done()
            .json();
        assert_eq!(hints(&told), [cause]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_and_what_no_signature_is_said() {
    let machine = Machine::new().await;
    let sandbox = &machine.sandbox;
    let (role, good) = (sandbox.role_arn("ReadOnly"), token(sandbox, &json!({})));
    machine.write("policy.json", &policy(sandbox, &json!({})));
    machine.write("provider.json", &provider(sandbox).to_string());
    for (token, session, says, cause) in [
        (
            "an-opaque-access-token".to_owned(),
            "session",
            "The ID Token provided is not a valid JWT.",
            "not-a-jwt",
        ),
        (
            with_header(&good, r#"{"alg":"ES256","crit":["b64"]}"#),
            "session",
            "The ID Token provided is not a valid JWT.",
            "not-a-jwt",
        ),
        (
            with_header(&good, r#"{"alg":"HS256","kid":"1"}"#),
            "session",
            "The web identity token provided could not be validated.",
            "algorithm",
        ),
        (
            with_header(&good, r#"{"alg":"none"}"#),
            "session",
            "The web identity token provided could not be validated.",
            "algorithm",
        ),
        (
            good.clone(),
            "alice smith",
            "1 validation error detected: Value 'alice smith' at 'roleSessionName' failed",
            "session-name-characters",
        ),
        (
            good.clone(),
            &"x".repeat(65),
            "1 validation error detected: Value 'xxx",
            "session-name-length",
        ),
    ] {
        machine.write("token", &token);
        let (code, message) = sts(sandbox, &role, session, &token).expect(cause);
        assert!(message.starts_with(says), "{message}");
        let ran = explain(&machine, &role, session, &["--json"]);
        let told = ran.json();
        assert_eq!(ran.code, Some(4));
        assert_eq!(
            (&told["answer"]["code"], &told["answer"]["message"]),
            (&json!(code), &json!(message)),
            "{cause}"
        );
        assert_eq!(hints(&told), [cause]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_that_is_proposed_lets_the_token_in() {
    let machine = Machine::new().await;
    let sandbox = &machine.sandbox;
    let role = sandbox.role_arn("story");
    let (token, policy) = (
        token(
            sandbox,
            &json!({TAGS: {"principal_tags": {"team": ["red"]}}}),
        ),
        policy(
            sandbox,
            &json!({
                "Principal": {"Federated": "arn:aws:iam::999988887777:oidc-provider/{issuer}"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"http://{issuer}:sub": "User-Alice", "{issuer}:aud": "keyless"}},
            }),
        ),
    );
    machine.write("token", &token);
    machine.write("policy.json", &policy);
    machine.write("provider.json", &provider(sandbox).to_string());
    let told = explain(&machine, &role, "session", &["--json"]).json();
    let diff = told["changes"][0]["diff"].as_str().expect("a diff");

    let changed = patched(&policy, diff);
    sandbox
        .put_role(Role::new("story", &changed))
        .expect("a role");
    assert_eq!(sts(sandbox, &role, "session", &token), None, "{changed}");
    machine.write("policy.json", &changed);
    explain(&machine, &role, "session", &[]).done();
    assert!(!changed.contains('*'), "{changed}");
}

/// The text after a unified diff that `patch` would take.
fn patched(text: &str, diff: &str) -> String {
    let mut lines = text.lines();
    let (mut result, mut at) = (Vec::new(), 1);
    for line in diff.lines().skip(2) {
        if let Some(hunk) = line.strip_prefix("@@ -") {
            let start: usize = hunk
                .split(',')
                .next()
                .expect("a line")
                .parse()
                .expect("a number");
            while at < start {
                result.push(lines.next().expect("a line"));
                at += 1;
            }
            continue;
        }
        let (sign, rest) = line.split_at(1);
        if sign != "+" {
            assert_eq!(lines.next(), Some(rest), "the diff fits");
            at += 1;
        }
        if sign != "-" {
            result.push(rest);
        }
    }
    result.extend(lines);
    result.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_aws_denies_says_what_it_knows_and_what_to_run() {
    let machine = Machine::new().await;
    let issuer = bare(&machine.sandbox);
    let ran = machine.login(&["admin"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let again = machine.run(&["env", "admin"]);
    let by_sdk = machine.run(&["credential-process", "admin"]);
    for said in [&ran.said, &again.said, &by_sdk.said] {
        for known in [
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            "sub  \"user-alice\"",
            "aud  \"keyless\"",
            &format!("iss  \"{}\"", machine.sandbox.issuer()),
            &format!("{issuer}:email = \"alice@example.com\""),
            "keyless explain admin --live",
        ] {
            assert!(said.contains(known), "{known}: {said}");
        }
        assert!(!said.contains("eyJ"), "{said}");
    }
    // The kept sign-in is what is explained then.
    let policy = policy(
        &machine.sandbox,
        &json!({"Condition": {"StringEquals": {"{issuer}:sub": "user-carol"}}}),
    );
    let file = machine.write("policy.json", &policy);
    let ran = machine.run(&[
        "explain",
        "admin",
        "--policy",
        file.to_str().expect("text"),
        "--json",
    ]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let told = ran.json();
    assert_eq!(told["role"], machine.sandbox.role_arn("Admin"));
    assert_eq!(told["token"]["subject"], "user-alice");
    assert_eq!(
        told["statements"][0]["conditions"][0]["found"],
        json!(["user-alice"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_hop_of_a_chain_is_explained_from_its_role() {
    let machine = Machine::new().await;
    let sandbox = &machine.sandbox;
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/developer"}, "Action": "sts:AssumeRole"}});
    sandbox
        .put_role(Role::new("Next", policy.to_string()))
        .expect("a role");
    let next = sandbox.role_arn("Next");
    machine.login(&["dev"]).done();
    let denied = machine.run(&["env", "dev", "--via", &next, "--duration", "15m"]);
    assert_eq!(denied.code, Some(4), "{denied:?}");
    let file = machine.write("policy.json", &policy.to_string());
    let first = sandbox.role_arn("Developer");
    let asked = [
        "explain",
        "--caller",
        &first,
        "--role",
        &next,
        "--policy",
        file.to_str().expect("text"),
        "--session-name",
        "alice@example.com",
        "--json",
    ];
    let told = machine.run(&asked).json();
    let message = told["answer"]["message"].as_str().expect("a message");
    assert!(denied.said.contains(message), "{message}: {}", denied.said);
    assert_eq!(hints(&told), ["principal-typo"]);
}

/// An AWS CLI that answers from files.
fn aws_cli(machine: &Machine, answers: &[(&str, &Value)]) {
    use std::os::unix::fs::PermissionsExt;
    let cases: Vec<_> = answers
        .iter()
        .map(|(call, answer)| format!("  \"{call}\"*) cat <<'END'\n{answer}\nEND\n  ;;\n"))
        .collect();
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> \"$0.log\"\ncase \"$*\" in\n{}  *) echo 'An error occurred (NoSuchEntity) when calling it: not found' >&2; exit 254;;\nesac\n",
        cases.concat()
    );
    let file = machine.write("bin/aws", &script);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("set");
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_is_asked_by_way_of_the_aws_cli() {
    let machine = Machine::new().await;
    let sandbox = &machine.sandbox;
    machine.login(&["dev"]).done();
    let role = sandbox.role_arn("Developer");
    let arn = format!("arn:aws:iam::111122223333:oidc-provider/{}", bare(sandbox));
    let policy: Value =
        serde_json::from_str(&policy(sandbox, &json!({"Action": "sts:AssumeRole"}))).expect("JSON");
    let held =
        json!({"Role": {"RoleName": "Developer", "Arn": role, "AssumeRolePolicyDocument": policy}});
    let listed = json!({"OpenIDConnectProviderList": [{"Arn": arn}, {"Arn": "arn:aws:iam::111122223333:oidc-provider/gitlab.com"}]});
    let path = format!(
        "{}:{}",
        machine.path("bin").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let live = |profile: &str| {
        Ran::new(
            machine
                .command(&["explain", profile, "--live", "--json"])
                .env("PATH", &path)
                .output()
                .expect("started"),
        )
    };

    aws_cli(
        &machine,
        &[
            ("iam get-role --role-name Developer ", &held),
            ("iam list-open-id-connect-providers ", &listed),
            (
                &format!("iam get-open-id-connect-provider --open-id-connect-provider-arn {arn} "),
                &provider(sandbox),
            ),
        ],
    );
    let ran = live("dev");
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert_eq!(hints(&ran.json()), ["assume-role-typed"], "{ran:?}");
    assert!(
        ran.said
            .contains("asking IAM: aws iam get-role --role-name Developer"),
        "{}",
        ran.said
    );
    assert!(
        !machine.read("bin/aws.log").contains("gitlab"),
        "a provider of another host is not asked for"
    );

    let ran = live("admin");
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(
        ran.said
            .contains("there is no role arn:aws:iam::111122223333:role/Admin"),
        "{}",
        ran.said
    );

    let elsewhere = json!({"Role": {"RoleName": "Developer", "Arn": role.replace("1111", "9999"), "AssumeRolePolicyDocument": policy}});
    aws_cli(&machine, &[("iam get-role ", &elsewhere)]);
    let ran = live("dev");
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.said.contains("AWS_PROFILE"), "{}", ran.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hop_of_a_profile_is_explained_live() {
    let machine = Machine::new().await;
    let sandbox = &machine.sandbox;
    let (first, next) = (sandbox.role_arn("Developer"), sandbox.role_arn("Deploy"));
    let config = ".config/keyless/config.toml";
    let chain = format!(
        "[profile.chain]\nidentity = \"corp\"\nrole = \"{first}\"\nvia = [\"{next}\", \"{}\"]\n",
        sandbox.role_arn("Last")
    );
    let text = machine.read(config);
    machine.write(config, &(text + &chain));
    machine.login(&["dev"]).done();
    let path = format!(
        "{}:{}",
        machine.path("bin").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let policy: Value = serde_json::from_str(&policy(sandbox, &json!({}))).expect("JSON");
    let held = json!({"Role": {"RoleName": "Developer", "Arn": first, "AssumeRolePolicyDocument": policy}});
    let trusts = json!({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": first.replace("role/", "role/team/")}}});
    let held_next =
        json!({"Role": {"RoleName": "Deploy", "Arn": next, "AssumeRolePolicyDocument": trusts}});
    aws_cli(
        &machine,
        &[
            ("iam get-role --role-name Developer ", &held),
            ("iam get-role --role-name Deploy ", &held_next),
        ],
    );
    let mut command = machine.command(&["explain", "chain", "--live", "--json"]);
    let ran = Ran::new(command.env("PATH", &path).output().expect("started"));
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let told = ran.json();
    assert_eq!(
        (&told[0]["role"], &told[0]["allowed"]),
        (&json!(first), &json!(true)),
        "{told:#}"
    );
    assert_eq!(told[1]["role"], next);
    assert_eq!(hints(&told[1]), ["principal-path"]);
    assert!(told[2].is_null(), "the last role is not to be had");
    for said in [
        "the OpenID providers of the account are not known",
        "the later hops are not explained",
    ] {
        assert!(ran.said.contains(said), "{}", ran.said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_ends_with_five_and_says_why() {
    let machine = Machine::new().await;
    machine.write("token", &token(&machine.sandbox, &json!({})));
    let token = machine.path("token");
    let token = token.to_str().expect("text");
    let role = |name: &str| json!({"Role": {"RoleName": name, "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}});
    for (policy, more, code, says) in [
        ("{", &[][..], 5, "cannot be read"),
        (
            r#"{"Statement": {"Effect": "Allow"}}"#,
            &[],
            5,
            "line 1 column",
        ),
        (r#"{"unlike": "anything"}"#, &[], 5, "cannot be read"),
        (
            &json!([role("one"), role("two")]).to_string(),
            &[],
            5,
            "--role: one, two",
        ),
        (
            &json!([role("one"), role("two")]).to_string(),
            &["--role", "three"],
            5,
            "has no role",
        ),
        (
            &json!([role("one"), role("two")]).to_string(),
            &["--role", "two"],
            4,
            "",
        ),
        (&role("one").to_string(), &["--provider", token], 5, "token"),
    ] {
        let file = machine.write("policy.json", policy);
        let ran = machine.run(
            &[
                &[
                    "explain",
                    "--token",
                    token,
                    "--policy",
                    file.to_str().expect("text"),
                ],
                more,
            ]
            .concat(),
        );
        assert_eq!(ran.code, Some(code), "{policy}: {ran:?}");
        assert!(ran.said.contains(says), "{policy}: {}", ran.said);
    }
    let ran = machine.run(&["explain", "--token", "-", "--policy", "-", "--role", "x"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    // Whoever forgets the policy hears of both ways to it, before anybody is asked for a token.
    let ran = machine.run(&["explain", "dev"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.said.contains("add --live"), "{}", ran.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_expired_token_in_a_profiles_file_is_explained_as_well() {
    let machine = Machine::new().await;
    let old = token(
        &machine.sandbox,
        &json!({"iat": now() - 7200, "exp": now() - 3600}),
    );
    let file = machine.write("token", &old);
    machine.write(
        ".config/keyless/config.toml",
        &format!(
            "[identity.pod]\ntoken_file = \"{}\"\n[profile.pod]\nidentity = \"pod\"\nrole = \"{}\"\n",
            file.display(),
            machine.sandbox.role_arn("Developer")
        ),
    );
    let policy = machine.write("policy.json", &policy(&machine.sandbox, &json!({})));
    let policy = policy.to_str().expect("text");
    let ran = machine.run(&["explain", "pod", "--policy", policy, "--json"]);
    assert_eq!(hints(&ran.json()), ["token-expired"], "{ran:?}");
}
