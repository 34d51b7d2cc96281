//! The operators against a second implementation, written as the user guide words them and without a thought for speed,
//! over very many random cases; and the whole evaluation on input that nobody would write.

use std::time::{Duration, Instant, UNIX_EPOCH};

use keyless_trust::{
    caller::Caller,
    explain::{Proof, Question, explain},
    keys::{Context, Request},
    policy::{Operator, Policy},
    provider::IdentityProvider,
};
use serde_json::json;

/// Deterministic, so that a failure can be met again: xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).expect("31 bits") % limit
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// Few letters, so that texts and patterns meet often; wildcards on both sides, as they are text in a token.
    fn text(&mut self, longest: usize) -> String {
        (0..self.below(longest + 1))
            .map(|_| self.pick(&["a", "a", "b", "A", ":", "ß", "*", "?"]))
            .collect()
    }

    fn texts(&mut self, most: usize) -> Vec<String> {
        (0..self.below(most + 1)).map(|_| self.text(5)).collect()
    }
}

mod naive {
    /// Every way to spread the text over the pattern is tried.
    pub(super) fn like(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skipped| like(rest, &text[skipped..])),
            Some(('?', rest)) => !text.is_empty() && like(rest, &text[1..]),
            Some((wanted, rest)) => text.first() == Some(wanted) && like(rest, &text[1..]),
        }
    }

    fn matches(test: &str, wanted: &str, found: &str) -> bool {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        match test.replace("Not", "").as_str() {
            "StringEquals" => wanted == found,
            "StringEqualsIgnoreCase" => wanted.to_lowercase() == found.to_lowercase(),
            "StringLike" => like(&chars(wanted), &chars(found)),
            other => panic!("no second implementation of {other}"),
        }
    }

    /// A negated test holds where none matches, any other where one does.
    fn one(test: &str, wanted: &[String], found: &str) -> bool {
        if test.contains("Not") {
            wanted.iter().all(|wanted| !matches(test, wanted, found))
        } else {
            wanted.iter().any(|wanted| matches(test, wanted, found))
        }
    }

    pub(super) fn holds(operator: &str, wanted: &[String], found: Option<&[String]>) -> bool {
        let (set, rest) = operator.split_once(':').unwrap_or(("", operator));
        let test = rest.trim_end_matches("IfExists");
        let values = found.unwrap_or_default();
        if values.is_empty() && rest.ends_with("IfExists") {
            return true;
        }
        let meaningful = values.iter().any(|value| !value.is_empty());
        match set {
            "ForAnyValue" => meaningful && values.iter().any(|value| one(test, wanted, value)),
            "ForAllValues" => !meaningful || values.iter().all(|value| one(test, wanted, value)),
            _ if values.len() == 1 => one(test, wanted, &values[0]),
            _ => test.contains("Not"),
        }
    }
}

#[test]
fn operators_agree_with_a_second_implementation() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut held, mut not) = (0, 0);
    for case in 0..100_000 {
        let name = [
            random.pick(&["", "ForAnyValue:", "ForAllValues:"]),
            random.pick(&[
                "StringEquals",
                "StringNotEquals",
                "StringEqualsIgnoreCase",
                "StringNotEqualsIgnoreCase",
                "StringLike",
                "StringLike",
                "StringNotLike",
            ]),
            random.pick(&["", "", "IfExists"]),
        ]
        .concat();
        let operator = Operator::parse(&name).expect(&name);
        let wanted = random.texts(3);
        let found = (random.below(5) > 0).then(|| random.texts(3));
        let expected = naive::holds(&name, &wanted, found.as_deref());
        assert_eq!(
            operator.holds(&wanted, found.as_deref()),
            expected,
            "case {case}: {name} {wanted:?} of {found:?}"
        );
        *(if expected { &mut held } else { &mut not }) += 1;
    }
    assert!(held > 20_000 && not > 20_000, "{held} held, {not} did not");
}

#[test]
fn wildcards_agree_with_a_second_implementation() {
    let mut random = Random(42);
    let like = Operator::parse("StringLike").expect("an operator");
    let mut matched = 0;
    for case in 0..100_000 {
        let (pattern, text) = (random.text(8), random.text(10));
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = naive::like(&chars(&pattern), &chars(&text));
        let found = [text];
        assert_eq!(
            like.holds(&[&pattern], Some(&found)),
            expected,
            "case {case}: {pattern:?} {found:?}"
        );
        matched += usize::from(expected);
    }
    assert!(matched > 4_000, "{matched} matched");
}

const GOOD: &str = r#"{"Version": "2012-10-17", "Id": "i", "Statement": [{"Sid": "s", "Effect": "Allow",
    "Principal": {"Federated": ["arn:aws:iam::1:oidc-provider/id.example.com", "*"], "AWS": "*"}, "NotAction": ["sts:*Session", "a"],
    "Condition": {"ForAllValues:StringLikeIfExists": {"id.example.com:amr": ["*?*", "${aws:TagKeys, 'x'}"]},
        "DateLessThan": {"aws:CurrentTime": "2026-11-22T18:00:00.5+01:00"}, "NotIpAddress": {"aws:SourceIp": ["::/0", "10.0.0.0/8"]},
        "NumericLessThanEquals": {"k": [1, -2.5e3]}, "ArnNotLike": {"aws:PrincipalArn": "arn:*:iam::1:role/${*}"}, "Null": {"k": true}}}]}"#;

/// What a policy says, with a value under every key that it asks about.
fn decide(policy: &Policy, value: &str) -> bool {
    let provider = IdentityProvider::new("aws", "1", "https://id.example.com", ["a"]);
    let mut context = Context::default();
    for statement in &policy.statements {
        for condition in &statement.conditions {
            context.set(&*condition.key, [value]);
        }
    }
    let caller = Caller::WebIdentity(&provider);
    let decision = policy.decide(caller, &["sts:TagSession"], &context);
    assert_eq!(
        policy.allows(caller, &["sts:TagSession"], &context),
        decision.is_allowed(),
        "with and without reasons"
    );
    assert!(!decision.to_string().is_empty());
    decision.is_allowed()
}

/// All that can be told about a policy and a token that it was not made for.
fn explained(policy: &Policy, text: &str) {
    let claims = json!({"iss": "https://id.example.com", "sub": "alice", "aud": "a", "iat": 0, "exp": 9, "amr": ["é", "x"],
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["red"]}}});
    let explanation = explain(&Question {
        proof: Proof::Claims(claims.as_object().expect("claims")),
        providers: None,
        policy,
        policy_text: Some(text),
        request: Request::default(),
        now: UNIX_EPOCH,
    });
    for change in explanation
        .changes
        .iter()
        .filter_map(|change| change.diff.as_ref())
    {
        assert!(change.starts_with("--- "), "{change}");
    }
    assert!(!explanation.to_string().is_empty());
}

#[test]
fn no_input_makes_it_panic() {
    let mut random = Random(7);
    let mut understood = 0;
    for _ in 0..50_000 {
        let mut text: Vec<char> = GOOD.chars().collect();
        for _ in 0..=random.below(4) {
            let at = random.below(text.len());
            match random.below(3) {
                0 => drop(text.remove(at)),
                1 => {
                    text[at] = random
                        .pick(&["\"", "{", "}", "[", "]", ",", "0", "$", "é", "\\", "-", "9"])
                        .chars()
                        .next()
                        .expect("a character");
                }
                _ => text.truncate(at.max(8)),
            }
        }
        let text: String = text.into_iter().collect();
        if let Ok(policy) = Policy::parse(&text) {
            understood += 1;
            explained(&policy, &text);
            decide(
                &policy,
                random.pick(&[
                    "",
                    "x",
                    "-1",
                    "9e99",
                    "10.0.0.1",
                    "arn:a:b:c:d:e",
                    "0000-01-01",
                ]),
            );
        }
    }
    assert!(understood > 1_000, "{understood} were still policies");
}

/// Loose bounds, as machines differ: what is quadratic or worse would take minutes.
#[test]
fn time_grows_with_the_length_and_no_faster() {
    let began = Instant::now();
    let hostile = "*a?".repeat(600) + "*b";
    let statement = format!(
        r#"{{"Effect": "Allow", "Principal": "*", "Action": "{hostile}", "Condition": {{"StringLike": {{"k": "{hostile}"}}}}}}"#
    );
    let text = format!(
        r#"{{"Statement": [{}]}}"#,
        [statement.as_str(); 100].join(",")
    );
    let policy = Policy::parse(&text).expect("a policy");
    assert!(!decide(&policy, &"a".repeat(5_000)));
    let members: Vec<_> = (0..50_000)
        .map(|number| format!(r#""k{number}": "v""#))
        .collect();
    let wide = format!(
        r#"{{"Statement": {{"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {{"StringLike": {{{}}}}}}}}}"#,
        members.join(",")
    );
    assert!(!decide(&Policy::parse(&wide).expect("a policy"), "w"));
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "{:?}",
        began.elapsed()
    );
}
