//! From a plan to a role and back: for every kind of subject, what is generated lets in the token that it is for, and nobody who
//! looks like it.
#![allow(clippy::too_many_lines, reason = "a table")]

use std::{
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keyless_trust::{
    document,
    evaluate::decide_web_identity,
    keys::Request,
    lint::{self, Facts, Severity},
    policy::Policy,
    provider::IdentityProvider,
    setup::{Allow, Generated, Plan, QUOTA, SOURCES},
    thumbprint::Thumbprint,
    token::Token,
};
use serde_json::{Value, json};

/// A plan, and claims that somebody else could come with: each is laid over the token that the role is for.
struct Story {
    issuer: Option<&'static str>,
    clients: &'static [&'static str],
    allow: &'static [&'static str],
    strangers: Vec<Value>,
}

fn story(allow: &'static [&'static str], strangers: Vec<Value>) -> Story {
    Story {
        issuer: None,
        clients: &[],
        allow,
        strangers,
    }
}

fn at(
    issuer: &'static str,
    clients: &'static [&'static str],
    allow: &'static [&'static str],
    strangers: Vec<Value>,
) -> Story {
    Story {
        issuer: Some(issuer),
        clients,
        allow,
        strangers,
    }
}

fn subjects(subjects: &[&str]) -> Vec<Value> {
    subjects
        .iter()
        .map(|subject| json!({"sub": subject}))
        .collect()
}

/// Every form of every source, and the issuers that people sign in at.
fn stories() -> Vec<Story> {
    vec![
        story(
            &["github:acme/app@main"],
            subjects(&[
                "repo:acme-evil/app:ref:refs/heads/main",
                "repo:acme/app-evil:ref:refs/heads/main",
                "repo:acme/app:ref:refs/heads/main2",
                "repo:acme/app:ref:refs/heads/main/x",
                "repo:acme/app:ref:refs/tags/main",
                "repo:acme/app:pull_request",
                "repo:acme/app:environment:main",
                "repo:Acme/app:ref:refs/heads/main",
                "repo:acme@1/app@2:ref:refs/heads/main",
            ]),
        ),
        story(
            &["github:acme/app@release/*"],
            subjects(&[
                "repo:acme/app:ref:refs/heads/main",
                "repo:acme/app:ref:refs/heads/release",
                "repo:acme/app:ref:refs/tags/release/1",
                "repo:acme/app2:ref:refs/heads/release/1",
            ]),
        ),
        story(
            &["github:acme/app#tag:v1.0"],
            subjects(&["repo:acme/app:ref:refs/heads/v1.0"]),
        ),
        story(
            &["github:acme/app#environment:prod: eu"],
            subjects(&[
                "repo:acme/app:environment:prod",
                "repo:acme/app:environment:prod: eu",
                "repo:acme/app:ref:refs/heads/prod",
            ]),
        ),
        story(
            &["github:acme/app#pull_request"],
            subjects(&["repo:acme/app:ref:refs/heads/pull_request"]),
        ),
        story(
            &["github:acme@12/app@34@main"],
            vec![
                json!({"sub": "repo:acme@12/app@35:ref:refs/heads/main"}),
                json!({"sub": "repo:acme@120/app@34:ref:refs/heads/main"}),
                json!({"sub": "repo:acme/app:ref:refs/heads/main", "repository_id": "35"}),
                json!({"sub": "repo:acme/app:ref:refs/heads/main", "repository_owner_id": "13"}),
            ],
        ),
        story(
            &["github:acme/app@main", "github:acme/app#tag:v*"],
            subjects(&["repo:acme/app:ref:refs/heads/v1"]),
        ),
        at(
            "https://token.actions.githubusercontent.com/acme-inc",
            &[],
            &["github:acme@12/app@34#environment:prod"],
            vec![json!({"iss": "https://token.actions.githubusercontent.com"})],
        ),
        at(
            "https://token.actions.acme.ghe.com",
            &[],
            &["github:acme@12/app@34@main"],
            subjects(&["repo:acme/app:ref:refs/heads/main"]),
        ),
        at(
            "https://github.example.com/_services/token",
            &[],
            &["github:acme/app@main"],
            subjects(&["repo:acme@1/app@2:ref:refs/heads/main"]),
        ),
        story(
            &["gitlab:acme/web/app@main"],
            vec![
                json!({"ref_protected": "false"}),
                json!({"sub": "project_path:acme/web/app:ref_type:tag:ref:main"}),
                json!({"sub": "project_path:acme/web/app:ref_type:branch:ref:main2"}),
                json!({"sub": "project_path:acme-evil/web/app:ref_type:branch:ref:main"}),
            ],
        ),
        story(
            &["gitlab:acme:12/app:34@main"],
            vec![json!({"project_id": "35"}), json!({"namespace_id": "13"})],
        ),
        story(&["gitlab:acme/app#branch:fix"], vec![]),
        story(
            &["gitlab:acme/app#tag:v*"],
            vec![
                json!({"ref_protected": "false"}),
                json!({"sub": "project_path:acme/app:ref_type:branch:ref:v1"}),
            ],
        ),
        at(
            "https://gitlab.example.com",
            &["aws"],
            &["gitlab:acme/app@main"],
            vec![],
        ),
        story(
            &["circleci:2a3b4c5d-1111-2222-3333-444455556666/76543210-ba98-fedc-3210-edcba0987654"],
            vec![json!({"oidc.circleci.com/project-id": "99998888-7777-6666-5555-444433332222"})],
        ),
        story(
            &["buildkite:acme/deploy@main"],
            subjects(&[
                "organization:acme:pipeline:deploy:ref:refs/heads/evil:commit:1:step:main",
                "organization:acme:pipeline:deploy-evil:ref:refs/heads/main:commit:1:step:x",
                "organization:acme:pipeline:deploy:ref:refs/tags/main:commit:1:step:x",
            ]),
        ),
        story(
            &[
                "buildkite:acme:0a1b2c3d-1111-2222-3333-444455556666/deploy:9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff@release/*",
            ],
            vec![json!({"pipeline_id": "9f8e7d6c-aaaa-bbbb-cccc-ddddeeeefff0"})],
        ),
        story(
            &[
                "bitbucket:acme:0a1b2c3d-1111-2222-3333-444455556666/9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff",
            ],
            vec![],
        ),
        at(
            "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
            &["ari:cloud:bitbucket::workspace/0a1b2c3d-1111-2222-3333-444455556666"],
            &[
                "bitbucket:acme/9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff#environment:11112222-aaaa-bbbb-cccc-ddddeeeeffff",
            ],
            subjects(&[
                "{9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff}:{5a4b3c2d-0000-1111-2222-333344445555}",
            ]),
        ),
        story(
            &["tfc:acme/Default Project/network"],
            subjects(&[
                "organization:acme:project:Default Project:workspace:network:run_phase:destroy",
                "organization:acme:project:Default Project:workspace:network2:run_phase:plan",
            ]),
        ),
        story(
            &["tfc:acme/infra/network/apply"],
            subjects(&["organization:acme:project:infra:workspace:network:run_phase:plan"]),
        ),
        at(
            "https://tfe.example.com",
            &["aws.workload.identity"],
            &["tfc:acme/infra/network/plan"],
            vec![],
        ),
        at(
            "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
            &[],
            &["k8s:web/frontend"],
            subjects(&[
                "system:serviceaccount:web:default",
                "system:serviceaccount:default:frontend",
            ]),
        ),
        story(
            &["gcp:112233445566778899001"],
            vec![
                json!({"aud": "https://other.example"}),
                json!({"sub": "112233445566778899002"}),
                json!({"azp": "112233445566778899002"}),
            ],
        ),
        at(
            "https://accounts.google.com",
            &["1234-abc.apps.googleusercontent.com"],
            &["email:alice@example.com", "email:bob@example.com"],
            vec![json!({"email": "alice@example.com.evil.example"})],
        ),
        at(
            "https://accounts.google.com",
            &["1234-abc.apps.googleusercontent.com"],
            &["sub:110169484474386276334"],
            vec![],
        ),
        at(
            "https://corp.eu.auth0.com/",
            &["S3cr3tN0tClientId"],
            &["sub:auth0|5f7c8ec7c33c6c004bbafe82"],
            subjects(&["github|5f7c8ec7c33c6c004bbafe82"]),
        ),
        at(
            "https://corp.eu.auth0.com/",
            &["S3cr3tN0tClientId"],
            &["email:alice@example.com"],
            vec![],
        ),
        at(
            "https://corp.okta.com/oauth2/default",
            &["0oa1b2c3"],
            &["email:alice@example.com"],
            vec![json!({"iss": "https://corp.okta.com"})],
        ),
        at(
            "https://login.microsoftonline.com/6f1d0000-1111-2222-3333-444455556666/v2.0",
            &["7a2e0000-1111-2222-3333-444455556666"],
            &["sub:AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ"],
            vec![json!({"email": "alice@example.com", "sub": "other"})],
        ),
        at(
            "https://id.example.com/realms/corp",
            &["keyless", "keyless-ci"],
            &["sub:5b1f3c0e-aaaa-bbbb-cccc-ddddeeeeffff"],
            vec![json!({"azp": "account"})],
        ),
    ]
}

impl Story {
    fn plan(&self) -> Plan {
        let allow: Vec<Allow> = self
            .allow
            .iter()
            .map(|text| text.parse().expect(text))
            .collect();
        Plan {
            issuer: self.issuer.map(str::to_owned),
            audiences: self.clients.iter().map(ToString::to_string).collect(),
            ..Plan::new("deploy", allow)
        }
    }
}

const NOW: u64 = 1_800_000_000;
const ACCOUNT: &str = "111122223333";

/// The whole way: the token as STS reads it, the account's provider, the policy.
fn is_let_in(generated: &Generated, policy: &Policy, claims: &Value) -> bool {
    let jwt = [
        json!({"alg": "RS256", "kid": "1"}),
        claims.clone(),
        json!(""),
    ]
    .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
    .join(".");
    let Ok(token) = Token::read(&jwt, UNIX_EPOCH + Duration::from_secs(NOW)) else {
        return false;
    };
    // Google, which is built in, has no list of client ids.
    let provider = generated.provider(ACCOUNT).unwrap_or_else(|| {
        IdentityProvider::new("aws", ACCOUNT, generated.issuer(), [token.audience()])
    });
    let providers = [provider];
    let Ok(provider) = IdentityProvider::find(&providers, &token) else {
        return false;
    };
    let role_arn = generated.role_arn(ACCOUNT);
    let request = Request {
        role_arn: &role_arn,
        session_name: "session",
        ..Request::default()
    };
    decide_web_identity(&token, provider, policy, &request).is_allowed()
}

fn policy_of(generated: &Generated) -> Policy {
    Policy::parse(&generated.trust_policy(ACCOUNT)).expect("a policy")
}

/// What the conditions of the policy ask for: claim and value, which may be a pattern.
fn wanted(generated: &Generated) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&generated.trust_policy(ACCOUNT)).expect("JSON");
    let prefix = generated.issuer().trim_start_matches("https://");
    let mut wanted = Vec::new();
    for statement in document["Statement"].as_array().expect("statements") {
        for keys in statement["Condition"]
            .as_object()
            .into_iter()
            .flat_map(|it| it.values())
        {
            for (key, values) in keys.as_object().expect("keys") {
                let claim = key
                    .strip_prefix(prefix)
                    .and_then(|rest| rest.strip_prefix(':'))
                    .expect("a key of the issuer");
                let values = match values {
                    Value::Array(values) => values.clone(),
                    one => vec![one.clone()],
                };
                for value in values {
                    let value = value.as_str().expect("a text").to_owned();
                    wanted.push((claim.to_owned(), value));
                }
            }
        }
    }
    wanted
}

/// Texts that look like `text`, of which the part before the first `*` of `pattern` must not change.
fn lookalikes(text: &str, pattern: &str) -> Vec<String> {
    let fixed = pattern.find('*').unwrap_or(text.len());
    let (fixed, rest) = text.split_at(fixed);
    let mut found = vec![
        String::new(),
        "*".to_owned(),
        format!(" {text}"),
        format!("x{text}"),
        text[1..].to_owned(),
        fixed.to_uppercase() + rest,
        fixed.to_lowercase() + rest,
        fixed[..fixed.len() - 1].to_owned(),
    ];
    if !pattern.contains('*') {
        found.extend(
            ["x", " ", "*", "/x", ":x", "-evil", "%", "\n"].map(|end| format!("{text}{end}")),
        );
    }
    let mut start = 0;
    for (end, _) in fixed
        .match_indices([':', '/', '@', '.', '-'])
        .chain([(fixed.len(), "")])
    {
        let (before, part, after) = (&text[..start], &text[start..end], &text[end..]);
        if !part.is_empty() {
            found.extend([
                format!("{before}evil{after}"),
                format!("{before}evil-{part}{after}"),
                format!("{before}{after}"),
                format!("{before}{}{after}", &part[1..]),
            ]);
            if end < fixed.len() || !pattern.contains('*') {
                found.push(format!("{before}{part}-evil{after}"));
            }
        }
        start = (end + 1).min(text.len());
    }
    found
}

/// The token of the role with other claims, each of which makes it somebody else's.
fn mutations(generated: &Generated, sample: &Value, strangers: &[Value]) -> Vec<Value> {
    let wanted = wanted(generated);
    let issuer = generated.issuer();
    let mut changes: Vec<Value> = strangers.to_vec();
    changes.extend([
        json!({"iss": format!("{issuer}/")}),
        json!({"iss": format!("{issuer}/evil")}),
        json!({"iss": issuer.to_uppercase()}),
        json!({"iss": "https://evil.example"}),
        json!({"iss": null}),
        json!({"aud": []}),
        json!({"aud": ["evil"], "azp": null}),
        json!({"aud": "evil", "azp": "evil"}),
        json!({"azp": ""}),
        json!({"azp": "evil"}),
        json!({"sub": null}),
        json!({"https://aws.amazon.com/tags": {"principal_tags": {"Team": ["evil"]}}}),
        json!({"https://aws.amazon.com/source_identity": "evil"}),
    ]);
    for (claim, pattern) in &wanted {
        let claim = if claim == "oaud" { "aud" } else { claim };
        let Some(text) = sample[claim].as_str() else {
            continue; // another sample has it
        };
        let fixed = pattern.split('*').next().unwrap_or_default();
        if claim == "aud" || !text.starts_with(fixed) {
            continue;
        }
        changes.push(json!({claim: null}));
        let others = lookalikes(text, pattern);
        changes.extend(others.into_iter().map(|text| json!({claim: text})));
    }
    changes
        .into_iter()
        .map(|change| {
            let mut claims = sample.clone();
            for (name, value) in change.as_object().expect("claims") {
                claims[name] = value.clone();
            }
            claims
        })
        .filter(|claims| claims != sample)
        .collect()
}

#[test]
fn a_role_lets_in_whom_it_is_for_and_nobody_who_looks_alike() {
    let mut tried = 0;
    for story in stories() {
        let plan = story.plan();
        let generated = plan
            .generate()
            .unwrap_or_else(|error| panic!("{:?}: {error}", story.allow));
        let policy = policy_of(&generated);
        let samples = generated.samples(NOW);
        assert!(samples.len() >= story.allow.len());
        for sample in &samples {
            assert!(
                is_let_in(&generated, &policy, sample),
                "{sample} is kept out by\n{}",
                generated.trust_policy(ACCOUNT)
            );
            let mutations = mutations(&generated, sample, &story.strangers);
            assert!(
                mutations.len() >= 20,
                "{:?}: {}",
                story.allow,
                mutations.len()
            );
            tried += mutations.len();
            for stranger in mutations {
                assert!(
                    !is_let_in(&generated, &policy, &stranger),
                    "{stranger} is let in by\n{}",
                    generated.trust_policy(ACCOUNT)
                );
            }
        }
    }
    assert!(tried > 2000, "{tried}");
}

#[test]
fn every_source_has_a_story() {
    let stories = stories();
    for source in SOURCES {
        let told = stories
            .iter()
            .flat_map(|story| story.allow)
            .any(|allow| allow.starts_with(&format!("{}:", source.name)));
        assert!(told, "{}", source.name);
    }
}

/// Audience and subject are asked for in each statement, and nothing leaves ASCII or the quota.
#[test]
fn every_policy_asks_for_audience_and_subject() {
    for story in stories() {
        let generated = story.plan().generate().expect("a good plan");
        let text = generated.trust_policy(ACCOUNT);
        assert!(text.is_ascii() && text.split_whitespace().map(str::len).sum::<usize>() <= QUOTA);
        let document: Value = serde_json::from_str(&text).expect("JSON");
        for statement in document["Statement"].as_array().expect("statements") {
            let condition = statement["Condition"].to_string();
            let subject = if story.allow[0].starts_with("email:") {
                ":email"
            } else {
                ":sub"
            };
            assert!(
                condition.contains(":aud\":") && condition.contains(&format!("{subject}\":")),
                "{text}"
            );
            assert!(
                !condition.contains("IfExists") && !condition.contains("ForA"),
                "{text}"
            );
        }
        for written in [
            generated.terraform(),
            generated.cloudformation(),
            generated.script(),
            generated.cloudshell(),
        ] {
            assert!(written.is_ascii(), "{written}");
        }
    }
}

#[test]
fn tokens_bring_tags_and_a_source_identity_where_that_was_asked_for() {
    let plan = Plan {
        session_tags: true,
        source_identity: true,
        ..Plan::new("deploy", ["github:acme/app@main".parse().expect("a form")])
    };
    let generated = plan.generate().expect("a good plan");
    let mut sample = generated.samples(NOW).remove(0);
    sample["https://aws.amazon.com/tags"] = json!({"principal_tags": {"Team": ["web"]}});
    sample["https://aws.amazon.com/source_identity"] = json!("alice");
    assert!(is_let_in(&generated, &policy_of(&generated), &sample));
}

/// All there is to a plan, and texts that each notation has to write in its own way.
fn full() -> Plan {
    let allow = [
        "github:acme/app@fix!\"'`$HOME%{x}",
        "github:acme@12/app@34#tag:v*",
    ];
    Plan {
        audiences: vec!["sts.amazonaws.com".into(), "it's".into()],
        attach: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
        boundary: Some("arn:aws:iam::111122223333:policy/edge".into()),
        account: Some(ACCOUNT.into()),
        max_session: Duration::from_hours(2),
        session_tags: true,
        also_account: vec![
            "444455556666".into(),
            "arn:aws:iam::444455556666:role/ops".into(),
        ],
        thumbprints: vec![Thumbprint::of(b"a certificate")],
        ..Plan::new("deploy", allow.map(|text| text.parse().expect(text)))
    }
}

/// The files are what `terraform fmt`, cfn-lint and bash have taken (`tests/setup.rs` of the repository runs them). To write
/// them anew: `KEYLESS_BLESS=1 cargo test -p keyless-trust --test setup`.
#[test]
fn each_notation_is_as_it_was_looked_at() {
    let generated = full().generate().expect("a good plan");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/setup");
    for (name, written) in [
        ("deploy.tf", generated.terraform()),
        ("deploy.yaml", generated.cloudformation()),
        ("deploy.sh", generated.script()),
        ("policy.json", generated.trust_policy(ACCOUNT)),
    ] {
        let path = folder.join(name);
        if std::env::var_os("KEYLESS_BLESS").is_some() {
            std::fs::write(&path, &written).expect("written");
        }
        let looked_at = std::fs::read_to_string(&path).expect(name);
        assert_eq!(written, looked_at, "{name}");
    }
}

#[test]
fn a_paste_is_the_script_in_a_shell_of_its_own() {
    let generated = full().generate().expect("a good plan");
    let paste = generated.cloudshell();
    let inside = paste
        .strip_prefix("bash <<'KEYLESS'\n")
        .and_then(|rest| rest.strip_suffix("KEYLESS\n"))
        .expect("one shell");
    assert!(generated.script().ends_with(inside));
    assert!(
        !inside.contains('!'),
        "a shell's history is not asked: {inside}"
    );
}

#[test]
fn google_needs_no_provider() {
    let generated = Plan::new(
        "robot",
        ["gcp:112233445566778899001".parse().expect("a form")],
    )
    .generate()
    .expect("a good plan");
    assert!(generated.provider(ACCOUNT).is_none());
    for written in [
        generated.terraform(),
        generated.cloudformation(),
        generated.script(),
    ] {
        assert!(written.contains("\"accounts.google.com\""), "{written}");
        assert!(!written.to_lowercase().contains("provider"), "{written}");
    }
}

#[test]
fn a_text_that_looks_like_a_place_holder_is_a_text() {
    let subjects = [
        "PROVIDER",
        "$provider",
        "Ref ProviderArn",
        "aws_iam_role.x.arn",
    ];
    let plan = Plan {
        issuer: Some("https://id.example.com".into()),
        audiences: vec!["keyless".into()],
        ..Plan::new("deploy", subjects.map(|text| Allow::Subject(text.into())))
    };
    let generated = plan.generate().expect("a good plan");
    for subject in subjects {
        let quoted = format!("\"{subject}\"");
        for written in [
            generated.terraform(),
            generated.cloudformation(),
            generated.script(),
        ] {
            assert!(written.contains(&quoted), "{subject} in {written}");
        }
    }
}

#[test]
fn a_plan_that_would_not_do_is_refused_with_what_to_do() {
    let email = "email:alice@example.com";
    let at = |issuer: &str, allow: &[&str]| Plan {
        issuer: Some(issuer.to_owned()),
        audiences: vec!["keyless".to_owned()],
        ..Plan::new("deploy", allow.iter().map(|text| text.parse().expect(text)))
    };
    let github = |change: fn(&mut Plan)| {
        let mut plan = Plan::new("deploy", ["github:acme/app@main".parse().expect("a form")]);
        change(&mut plan);
        plan
    };
    let many: Vec<Allow> = (0..60)
        .map(|number| {
            format!("github:acme/app-{number}@main")
                .parse()
                .expect("a form")
        })
        .collect();
    for (plan, why) in [
        (
            Plan::new("deploy", []),
            "nobody is named whom the role is for: with the audience alone, everybody at the issuer could become it",
        ),
        (
            Plan::new("deploy", ["k8s:web/frontend".parse().expect("a form")]),
            "no issuer is named for k8s:web/frontend",
        ),
        (
            Plan {
                audiences: vec![],
                ..at("https://id.example.com", &[email])
            },
            "no audience is named for email:alice@example.com",
        ),
        (
            Plan::new(
                "deploy",
                ["bitbucket:acme/9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff"
                    .parse()
                    .expect("a form")],
            ),
            "no audience is named for bitbucket:acme/9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff",
        ),
        (
            Plan::new(
                "deploy",
                ["github:acme/app@main", "gitlab:acme/app@main"]
                    .map(|text| text.parse().expect(text)),
            ),
            "one role's setup is for one issuer, found https://token.actions.githubusercontent.com and https://gitlab.com",
        ),
        (
            at("https://corp.eu.auth0.com", &[email]),
            "an issuer of Auth0 ends with a slash, this one does not",
        ),
        (
            at("https://gitlab.com", &["github:acme/app@main"]),
            "https://gitlab.com is no issuer of GitHub Actions",
        ),
        (
            at("https://gitlab.com", &[email]),
            "tokens of GitLab CI name nobody's address",
        ),
        (
            at("https://login.microsoftonline.com/6f1d/v2.0", &[email]),
            "Entra verifies no email address: whoever administers a tenant, or themselves, can write another person's",
        ),
        (
            at(
                "https://github.example.com/_services/token",
                &["github:acme@1/app@2@main"],
            ),
            "the subjects of GitHub Enterprise Server hold no ids",
        ),
        (
            at("https://gitlab.example.com", &["gitlab:acme:1/app:2@main"]),
            "AWS sees the ids of gitlab.com's projects alone, and this is another issuer",
        ),
        (
            at("https://id.example.com", &["gcp:112233445566778899001"]),
            "service accounts of Google Cloud have the issuer https://accounts.google.com, found https://id.example.com",
        ),
        (
            at(
                "https://oidc.circleci.com/org/x",
                &[
                    "circleci:2a3b4c5d-1111-2222-3333-444455556666/76543210-ba98-fedc-3210-edcba0987654",
                ],
            ),
            "tokens of circleci:2a3b4c5d-1111-2222-3333-444455556666/76543210-ba98-fedc-3210-edcba0987654 \
             have the issuer https://oidc.circleci.com/org/2a3b4c5d-1111-2222-3333-444455556666, found https://oidc.circleci.com/org/x",
        ),
        (
            Plan::new("deploy", many),
            "the trust policy has 2691 characters, and IAM's quota \"Role trust policy length\" is 2048",
        ),
        (
            github(|plan| plan.role_name = "-x".into()),
            "\"-x\" is not a role's name",
        ),
        (
            github(|plan| plan.role_name = "a b".into()),
            "\"a b\" is not a role's name",
        ),
        (
            github(|plan| plan.account = Some("1111".into())),
            "\"1111\" is not an account",
        ),
        (
            github(|plan| plan.partition = "aws:x".into()),
            "\"aws:x\" is not a partition",
        ),
        (
            github(|plan| plan.audiences = vec!["*".into()]),
            "\"*\" is not an audience",
        ),
        (
            github(|plan| plan.audiences = vec!["a\nb".into()]),
            "\"a\\nb\" is not an audience",
        ),
        (
            github(|plan| plan.attach = vec!["ReadOnlyAccess".into()]),
            "\"ReadOnlyAccess\" is not the ARN of a managed policy in aws",
        ),
        (
            github(|plan| plan.attach = vec!["arn:aws:iam::aws:policy/a\"$(x)".into()]),
            "\"arn:aws:iam::aws:policy/a\\\"$(x)\" is not the ARN of a managed policy in aws",
        ),
        (
            github(|plan| plan.boundary = Some("arn:aws-cn:iam::aws:policy/x".into())),
            "\"arn:aws-cn:iam::aws:policy/x\" is not the ARN of a managed policy in aws",
        ),
        (
            github(|plan| plan.max_session = Duration::from_mins(59)),
            "a session of 3540 seconds was asked for, and a role allows 3600 to 43200",
        ),
        (
            github(|plan| plan.max_session = Duration::from_hours(13)),
            "a session of 46800 seconds was asked for, and a role allows 3600 to 43200",
        ),
        (
            github(|plan| plan.also_account = vec!["*".into()]),
            "\"*\" is neither an account nor a role or user of one in aws",
        ),
        (
            github(|plan| plan.also_account = vec!["arn:aws:iam::111122223333:role/*".into()]),
            "\"arn:aws:iam::111122223333:role/*\" is neither an account nor a role or user of one in aws",
        ),
        (
            github(|plan| plan.thumbprints = vec![Thumbprint::of(b"x"); 6]),
            "6 thumbprints are given, and IAM takes 5",
        ),
    ] {
        let error = plan.generate().expect_err(why);
        assert_eq!(error.to_string(), why);
        assert!(!error.advice().is_empty(), "{why}");
    }
}

/// What IAM would refuse, and what would let others in, is never written. Left are the rules about names, which a person who
/// gives no ids has chosen, and what was asked for by name.
#[test]
fn what_is_generated_is_lint_clean() {
    for story in stories() {
        let generated = story.plan().generate().expect("a good plan");
        let text = generated.trust_policy(ACCOUNT);
        let document = document::read(&text).expect("a policy");
        let providers: Vec<_> = generated.provider(ACCOUNT).into_iter().collect();
        let facts = Facts {
            providers: &providers,
            ..Facts::default()
        };
        for finding in lint::lint(&document.roles[0], &facts) {
            let asked_for = match finding.rule.id {
                "gitlab-namespace-reuse" => !story.allow[0].contains(":12/"),
                "github-pull-request-subject" => story.allow[0].ends_with("#pull_request"),
                _ => false,
            };
            assert!(
                asked_for || finding.rule.severity == Severity::Hygiene,
                "{}: {} in\n{text}",
                finding.rule.id,
                finding.message
            );
        }
    }
}
