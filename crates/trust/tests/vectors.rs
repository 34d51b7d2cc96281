//! Subjects of CI systems against trust-policy conditions: the vectors of `subvectors`, read from `KEYLESS_VECTORS`.

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keyless_trust::{
    evaluate::decide_web_identity, keys::Request, policy::Policy, provider::IdentityProvider,
    token::Token,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Suite {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    issuer: String,
    subject: String,
    #[serde(default)]
    claims: BTreeMap<String, String>,
    condition: Condition,
    expect: String,
}

#[derive(Deserialize)]
struct Condition {
    consumer: String,
    claim: Option<String>,
    qualifier: Option<String>,
    #[serde(default)]
    pattern: Value,
    #[serde(default)]
    of: Vec<Condition>,
}

const NOW: u64 = 1_800_000_000;

/// The whole way from token to decision, so that the claim table is under test as well as the operators.
fn allowed(vector: &Vector) -> bool {
    let url = match vector.issuer.as_str() {
        "github" => "https://token.actions.githubusercontent.com",
        "gitlab" => "https://gitlab.com",
        "circleci" => "https://oidc.circleci.com/org/2a3b4c5d-1111-2222-3333-444455556666",
        other => panic!("{}: no issuer for {other}", vector.id),
    };
    let mut claims = json!({"iss": url, "sub": vector.subject, "aud": "sts.amazonaws.com", "iat": NOW, "exp": NOW + 3600});
    for (name, value) in &vector.claims {
        claims[name] = json!(value);
    }
    let jwt = [json!({"alg": "RS256"}), claims.clone(), json!("")]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let token = Token::read(&jwt, UNIX_EPOCH + Duration::from_secs(NOW)).expect(&vector.id);
    let provider = IdentityProvider::new("aws", "111122223333", url, [token.audience()]);

    let parts = if vector.condition.of.is_empty() {
        std::slice::from_ref(&vector.condition)
    } else {
        &vector.condition.of
    };
    let mut conditions = json!({});
    for part in parts {
        let operator = match part.consumer.as_str() {
            "aws-stringequals" => "StringEquals",
            "aws-stringlike" => "StringLike",
            other => panic!("{}: no operator for {other}", vector.id),
        };
        let operator = part.qualifier.as_ref().map_or_else(
            || operator.to_owned(),
            |qualifier| format!("{qualifier}:{operator}"),
        );
        let key = format!(
            "{}:{}",
            provider.key_prefix(),
            part.claim.as_deref().unwrap_or("sub")
        );
        assert!(
            conditions[&operator][&key].is_null(),
            "{}: {operator} has {key} twice",
            vector.id
        );
        conditions[&operator][&key] = part.pattern.clone();
    }
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    }});
    let policy = Policy::parse(&policy.to_string()).expect(&vector.id);
    let request = Request {
        role_arn: "arn:aws:iam::111122223333:role/ci",
        session_name: "ci",
        ..Request::default()
    };
    decide_web_identity(&token, &provider, &policy, &request).is_allowed()
}

#[test]
#[ignore = "needs KEYLESS_VECTORS"]
#[allow(clippy::print_stderr, reason = "says how many ran, under --nocapture")]
fn subjects_match_where_the_vectors_say_so() {
    let folder =
        env::var_os("KEYLESS_VECTORS").expect("KEYLESS_VECTORS names the folder of the vectors");
    let mut ran = 0;
    let mut wrong = Vec::new();
    for suite in ["github-aws.json", "gitlab-aws.json", "circleci-aws.json"] {
        let path = Path::new(&folder).join("subject-conditions").join(suite);
        let suite: Suite = serde_json::from_str(&fs::read_to_string(&path).expect("the vectors"))
            .expect("vectors of the known shape");
        for vector in suite.vectors {
            ran += 1;
            if allowed(&vector) != (vector.expect == "match") {
                wrong.push(vector.id);
            }
        }
    }
    eprintln!("{ran} vectors ran");
    assert!(
        wrong.is_empty(),
        "{} of {ran} differ: {wrong:?}",
        wrong.len()
    );
    assert!(ran >= 80, "only {ran} vectors");
}
