//! A token as text, or its header and its claims as JSON on the first line and the lines after it: what STS says to it, and
//! what the explanation says about it. The same bytes as a certificate and as a thumbprint.
#![no_main]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
use keyless_trust::audit::{Candidate, Grant, Miss};
use keyless_trust::evaluate::{admit, decide_web_identity};
use keyless_trust::explain::{Outcome, Proof, Question, explain};
use keyless_trust::keys::Request;
use keyless_trust::policy::Policy;
use keyless_trust::provider::IdentityProvider;
use keyless_trust::thumbprint::{self, Thumbprint};
use keyless_trust::token::Token;
use libfuzzer_sys::fuzz_target;

const REQUEST: Request<'static> = Request {
    role_arn: "arn:aws:iam::111122223333:role/Developer",
    session_name: "keyless",
    external_id: None,
    tags: &[],
    transitive_tag_keys: &[],
    source_identity: None,
    time: None,
};

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example"},
     "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
     "Condition": {"StringLike": {"issuer.example:sub": "al*", "issuer.example:aud": "app"}}},
    {"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
     "Action": "sts:AssumeRoleWithWebIdentity",
     "Condition": {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}}},
    {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringLike": {"aws:RequestTag/team": "*"}}}]}"#;

fuzz_target!(|data: &[u8]| {
    certificate(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(thumbprint) = text.parse::<Thumbprint>() {
        let digits = text.replace(':', "").to_ascii_lowercase();
        assert_eq!(thumbprint.to_string(), digits);
    }
    let policy = Policy::parse(POLICY).expect("a policy");
    ask(text, &policy);
    if let Some((header, claims)) = text.split_once('\n') {
        let [header, claims] = [header, claims].map(|part| URL.encode(part));
        ask(
            &format!(
                "{header}.{claims}.bm9ib2R5LWhhcy1zaWduZWQtdGhpcy1hbmQtbm9ib2R5LXNoYWxsLXNlZS1pdA"
            ),
            &policy,
        );
    }
});

fn certificate(der: &[u8]) {
    let thumbprint = Thumbprint::of(der);
    assert_eq!(thumbprint.to_string().parse(), Ok(thumbprint));
    if let Some(issuer) = thumbprint::issuer(der) {
        assert!(!issuer.contains(char::is_control), "{issuer:?}");
        let _ = thumbprint::inspector(&issuer);
    }
}

fn ask(jwt: &str, policy: &Policy) {
    let providers = [
        ("https://issuer.example", "app"),
        (
            "https://token.actions.githubusercontent.com",
            "sts.amazonaws.com",
        ),
    ]
    .map(|(url, audience)| IdentityProvider::new("aws", "111122223333", url, [audience]));
    let explanation = explain(&Question {
        proof: Proof::Token(jwt),
        providers: Some(&providers),
        policy,
        policy_text: Some(POLICY),
        request: REQUEST,
        now: now(),
    });
    let report = explanation.to_string();
    assert!(
        !report.contains(|c: char| c.is_control() && c != '\n'),
        "{report:?}"
    );
    for words in explanation.hints.iter().map(|hint| &hint.words) {
        assert!(!words.contains(char::is_control), "{words:?}");
    }
    let json = serde_json::to_string(&explanation).expect("JSON");
    hides(&[&report, &json, &format!("{explanation:?}")], jwt);

    // What STS says first is what the explanation says that it says.
    match admit(jwt, now(), &providers, REQUEST.role_arn, |_| Ok(())) {
        Ok((token, provider)) => {
            let decision = decide_web_identity(&token, provider, policy, &REQUEST);
            assert_eq!(explanation.allowed, decision.is_allowed(), "{report}");
            assert_ne!(explanation.outcome, Outcome::Refused, "{report}");
        }
        Err(refusal) => {
            assert_eq!(explanation.outcome, Outcome::Refused, "{refusal}: {report}");
            let said = explanation.answer.expect("what STS says");
            assert_eq!(
                (said.id, &said.message),
                (refusal.answer.id, &refusal.message)
            );
            assert!(!refusal.to_string().contains(char::is_control), "{refusal}");
            hides(&[&refusal.to_string(), &refusal.message], jwt);
        }
    }
    if let Ok(token) = Token::read(jwt, now()) {
        hides(&[&format!("{token:?}")], jwt);
        survey(token, policy);
    }
}

/// A survey takes the token as STS would, wherever it is from.
fn survey(token: Token, policy: &Policy) {
    let provider = IdentityProvider::new("aws", "111122223333", token.issuer(), [token.audience()]);
    let taken = token.check_roles_claim(REQUEST.role_arn).is_ok()
        && decide_web_identity(&token, &provider, policy, &REQUEST).is_allowed();
    let grant = Candidate::new(token)
        .near_misses()
        .ask(policy, REQUEST.role_arn);
    assert_eq!(matches!(grant, Grant::Taken { .. }), taken, "{grant:?}");
    if let Grant::Near {
        miss: Miss::Condition { wanted, found, .. },
    } = grant
    {
        for words in [wanted, found] {
            assert!(!words.contains(char::is_control), "{words:?}");
        }
    }
}

/// No part of the token is in any of the texts, unless its claims say the same.
fn hides(texts: &[&str], jwt: &str) {
    let is_base64url = |part: &&str| {
        part.len() >= 32
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let parts: Vec<&str> = jwt.split('.').filter(is_base64url).collect();
    let said: Vec<Vec<u8>> = parts
        .iter()
        .filter_map(|part| URL.decode(part).ok())
        .collect();
    let is_said = |part: &str| {
        said.iter()
            .any(|said| String::from_utf8_lossy(said).contains(part))
    };
    for part in parts.into_iter().filter(|part| !is_said(part)) {
        for text in texts {
            assert!(!text.contains(part), "{part} in {text}");
        }
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}
