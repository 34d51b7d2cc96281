//! A document with trust policies: each is evaluated, explained and linted, and the change that is proposed is made.
#![no_main]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyless_trust::caller::Caller;
use keyless_trust::document::{self, Role};
use keyless_trust::evaluate::{decide_assume_role, decide_web_identity};
use keyless_trust::explain::{Explanation, Proof, Question, explain};
use keyless_trust::keys::{Context, Request};
use keyless_trust::lint::{Facts, Finding, lint, lint_providers};
use keyless_trust::policy::{Place, Policy};
use keyless_trust::provider::IdentityProvider;
use keyless_trust::token::Token;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";

const GITHUB: &str = r#"{"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com",
    "sub": "repo:acme/app:ref:refs/heads/main", "repository": "acme/app", "repository_id": "42",
    "repository_owner_id": "7", "actor": "alice", "actor_id": "1", "ref": "refs/heads/main", "workflow": "deploy",
    "job_workflow_ref": "acme/app/.github/workflows/deploy.yml@refs/heads/main", "iat": 1700000000, "exp": 1700000300}"#;

/// Brings tags and a source identity, and so needs three actions.
const PERSON: &str = r#"{"iss": "https://id.example.com/", "aud": "app", "sub": "alice", "amr": ["pwd", "mfa"],
    "email": "alice@example.com", "iat": 1700000000, "exp": 1700000300,
    "https://aws.amazon.com/tags": {"principal_tags": {"team": ["blue"]}, "transitive_tag_keys": ["team"]},
    "https://aws.amazon.com/source_identity": "alice"}"#;

fuzz_target!(|text: &str| {
    let lines = Lines::of(text);
    let bare = Policy::parse(text);
    if let Err(error) = &bare {
        one_line(&error.to_string());
        lines.check(error.place());
    }
    let document = match document::read(text) {
        Ok(document) => document,
        Err(error) => {
            one_line(&error.to_string());
            one_line(error.advice());
            lines.check(error.place());
            return assert!(bare.is_err(), "a policy that is no document");
        }
    };
    if let Ok(bare) = bare {
        assert_eq!(document.roles[0].policy, bare);
    }
    for problem in &document.problems {
        one_line(&problem.message);
        one_line(&problem.advice);
        lines.check(problem.place);
    }
    for role in &document.roles {
        let findings = lint(role, &Facts::default());
        assert_eq!(findings, lint(role, &Facts::default()));
        check(&findings, &lines);
        judge(role);
    }
    check(&lint_providers(&document), &lines);
});

fn check(findings: &[Finding], lines: &Lines) {
    for finding in findings {
        one_line(&finding.message);
        one_line(&finding.fix);
        lines.check(finding.place);
    }
}

/// Three callers ask for the role.
fn judge(role: &Role) {
    // A policy on one line would be laid out before it is compared with another.
    let text = role.text.replacen('{', "{\n", 1);
    let policy = Policy::parse(&text).expect("the text of a policy that was read");
    let request = Request {
        role_arn: ROLE,
        session_name: "session",
        time: Some(now()),
        ..Request::default()
    };
    for claims in [GITHUB, PERSON] {
        let claims: Map<String, Value> = serde_json::from_str(claims).expect("claims");
        let token = Token::from_claims(claims.clone(), now()).expect("a good token");
        let provider =
            IdentityProvider::new("aws", "111122223333", token.issuer(), [token.audience()]);
        let decision = decide_web_identity(&token, &provider, &policy, &request);
        assert_eq!(
            decision,
            decide_web_identity(&token, &provider, &policy, &request)
        );
        let before = decide_web_identity(&token, &provider, &role.policy, &request);
        assert_eq!(decision.verdict, before.verdict);
        lines_only(&decision.to_string());
        Asked {
            proof: Proof::Claims(&claims),
            caller: Caller::WebIdentity(&provider),
            needed: &decision.needed,
            context: Context::web_identity(&token, &provider, &request),
            stranger: Some(Context::web_identity(
                &stranger(claims.clone()),
                &provider,
                &request,
            )),
        }
        .check(&policy, &text, request, decision.is_allowed());
    }
    let caller = Caller::Role {
        role_arn: "arn:aws:iam::444455556666:role/path/hop",
        session_arn: "arn:aws:sts::444455556666:assumed-role/hop/alice",
        source_identity: Some("alice"),
    };
    let decision = decide_assume_role(caller, &policy, &request);
    assert_eq!(decision, decide_assume_role(caller, &policy, &request));
    lines_only(&decision.to_string());
    Asked {
        proof: Proof::Session(caller),
        caller,
        needed: &decision.needed,
        context: Context::assume_role(caller, &request),
        stranger: None,
    }
    .check(&policy, &text, request, decision.is_allowed());
}

struct Asked<'a> {
    proof: Proof<'a>,
    caller: Caller<'a>,
    needed: &'a [String],
    context: Context,
    stranger: Option<Context>,
}

impl Asked<'_> {
    fn check(&self, policy: &Policy, text: &str, request: Request<'_>, allowed: bool) {
        assert_eq!(
            self.lets(policy, &self.context),
            allowed,
            "the short way says otherwise"
        );
        let question = Question {
            proof: self.proof,
            providers: None,
            policy,
            policy_text: Some(text),
            request,
            now: now(),
        };
        let explanation = explain(&question);
        assert_eq!(explanation.allowed, allowed, "{explanation}");
        assert_eq!(explanation.to_string(), explain(&question).to_string());
        shown(&explanation, &Lines::of(text));
        for diff in explanation
            .changes
            .iter()
            .filter_map(|change| change.diff.as_ref())
        {
            // Control characters are left out of a diff, which then fits no more.
            if !text.contains(|c: char| c.is_control() && c != '\n') {
                self.mended(policy, &patched(text, diff));
            }
        }
    }

    /// The changed policy lets this caller in, by what it has itself, and nobody else who was kept out.
    fn mended(&self, before: &Policy, text: &str) {
        let after = Policy::parse(text).expect("a policy, as it was before the change");
        assert!(self.lets(&after, &self.context), "it does not help: {text}");
        if let Some(stranger) = &self.stranger {
            assert!(
                self.lets(before, stranger) || !self.lets(&after, stranger),
                "it lets a stranger in: {text}"
            );
        }
        let own: BTreeSet<&str> = self
            .context
            .iter()
            .flat_map(|(_, values)| values.iter().map(String::as_str))
            .chain(self.needed.iter().map(String::as_str))
            .chain([match self.caller {
                Caller::WebIdentity(provider) => provider.arn(),
                Caller::Role { role_arn, .. } => role_arn,
            }])
            .collect();
        let old = said(before);
        for new in said(&after).difference(&old) {
            assert!(own.contains(new), "{new:?} is none of the caller's: {text}");
        }
    }

    fn lets(&self, policy: &Policy, context: &Context) -> bool {
        let besides: Vec<&str> = self.needed.iter().skip(1).map(String::as_str).collect();
        policy.allows(self.caller, &besides, context)
    }
}

/// Principals, actions and values of a policy.
fn said(policy: &Policy) -> BTreeSet<&str> {
    let statements = policy.statements.iter();
    statements
        .flat_map(|statement| {
            let principals = statement
                .principals
                .named()
                .iter()
                .map(|principal| principal.name());
            let values = statement
                .conditions
                .iter()
                .flat_map(|condition| &condition.values);
            principals.chain(statement.actions.named()).chain(values)
        })
        .map(|text| &**text)
        .collect()
}

/// A token of the same issuer for the same audience, about somebody else.
fn stranger(mut claims: Map<String, Value>) -> Token {
    for (name, value) in &mut claims {
        if !["iss", "aud", "iat", "exp"].contains(&name.as_str()) && !name.starts_with("https:") {
            *value = "(somebody else)".into();
        }
    }
    Token::from_claims(claims, now()).expect("a good token")
}

fn shown(explanation: &Explanation, lines: &Lines) {
    lines_only(&explanation.to_string());
    serde_json::to_string(explanation).expect("JSON");
    for hint in &explanation.hints {
        one_line(&hint.words);
        hint.place.into_iter().for_each(|place| lines.check(place));
    }
    for change in &explanation.changes {
        one_line(&change.words);
        change.diff.iter().for_each(|diff| lines_only(diff));
    }
    for statement in &explanation.statements {
        lines.check(statement.place);
        statement
            .conditions
            .iter()
            .for_each(|condition| lines.check(condition.place));
    }
}

/// What `patch` makes of a text.
fn patched(before: &str, diff: &str) -> String {
    let old: Vec<&str> = before.lines().collect();
    let (mut new, mut next) = (Vec::new(), 0);
    for line in diff.lines().skip(2) {
        if let Some(hunk) = line.strip_prefix("@@ -") {
            let start: usize = hunk
                .split(',')
                .next()
                .expect("a number")
                .parse()
                .expect("a number");
            new.extend(&old[next..start - 1]);
            next = start - 1;
            continue;
        }
        let (sign, line) = line.split_at(1);
        if sign != "+" {
            assert_eq!(old[next], line, "the diff does not fit");
            next += 1;
        }
        if sign != "-" {
            new.push(line);
        }
    }
    new.extend(&old[next..]);
    new.join("\n")
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// How many characters each line of a text has.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.split('\n').map(|line| line.chars().count()).collect())
    }

    fn check(&self, place: Place) {
        let line = place.line.checked_sub(1).and_then(|line| self.0.get(line));
        let length =
            line.unwrap_or_else(|| panic!("{place}, and there are {} lines", self.0.len()));
        assert!(
            (1..=length + 1).contains(&place.column),
            "{place}, and it has {length} characters"
        );
    }
}

fn one_line(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn lines_only(text: &str) {
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
}
