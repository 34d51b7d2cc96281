//! The generated policy asked about the token that it is for, and about those that look like it.

use std::time::{Duration, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keyless_trust::{
    document,
    evaluate::decide_web_identity,
    keys::Request,
    lint::{self, Facts, Severity},
    policy::Policy,
    provider::IdentityProvider,
    setup::{Allow, Context, Generated, Plan, QUOTA},
    token::Token,
};
use serde_json::{Value, json};

use crate::{ACCOUNT, notations::full, stories::stories};

const NOW: u64 = 1_800_000_000;

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

/// What IAM would refuse, and what would let others in, is never written. Left are the rules about names, which a person who
/// gives no ids has chosen, and what was asked for by name.
#[test]
fn what_is_generated_is_lint_clean() {
    let plans = stories().into_iter().map(|story| story.plan());
    for plan in plans.chain([full()]) {
        let generated = plan.generate().expect("a good plan");
        let text = generated.trust_policy(ACCOUNT);
        let document = document::read(&text).expect("a policy");
        let providers: Vec<_> = generated.provider(ACCOUNT).into_iter().collect();
        let facts = Facts {
            providers: &providers,
            ..Facts::default()
        };
        for finding in lint::lint(&document.roles[0], &facts) {
            let asked_for = match finding.rule.id {
                "gitlab-namespace-reuse" => {
                    matches!(&plan.allow[0], Allow::GitLab { project, .. } if project.id.is_none())
                }
                "github-pull-request-subject" => {
                    matches!(
                        &plan.allow[0],
                        Allow::GitHub {
                            context: Context::PullRequest,
                            ..
                        }
                    )
                }
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
