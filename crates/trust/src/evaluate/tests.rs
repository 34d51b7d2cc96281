//! Who gets in, who does not, and how it is told.

use serde_json::{Value, json};

use super::*;
use crate::fixtures::{REQUEST, read};

const URL: &str = "http://127.0.0.1:4000/";
const ARN: &str = "arn:aws:iam::111122223333:oidc-provider/127.0.0.1:4000/";
const WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";

/// What a policy of these statements says to Alice, whose token has these claims besides her address.
fn decide(mut claims: Value, statements: &Value) -> Decision {
    claims["iss"] = json!(URL);
    claims["email"] = json!("alice@example.com");
    let token = read(&claims).expect("a good token");
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let policy = Policy::parse(&policy).expect("a policy");
    let provider = IdentityProvider::new("aws", "111122223333", URL, ["keyless"]);
    let decision = decide_web_identity(&token, &provider, &policy, &REQUEST);
    let besides: Vec<_> = decision.needed[1..].iter().map(String::as_str).collect();
    let context = Context::web_identity(&token, &provider, &REQUEST);
    assert_eq!(
        policy.allows(Caller::WebIdentity(&provider), &besides, &context),
        decision.is_allowed(),
        "with and without reasons"
    );
    decision
}

fn allow(principal: Value, action: Value, condition: Value) -> Value {
    Value::from_iter([
        ("Effect", json!("Allow")),
        ("Principal", principal),
        ("Action", action),
        ("Condition", condition),
    ])
}

fn deny(action: &str, condition: Value) -> Value {
    let (sid, effect) = (json!("Not these"), json!("Deny"));
    Value::from_iter([
        ("Sid", sid),
        ("Effect", effect),
        ("Principal", json!("*")),
        ("Action", json!(action)),
        ("Condition", condition),
    ])
}

#[test]
fn who_is_meant_by_a_principal() {
    for (principal, allowed) in [
        (json!({"Federated": ARN}), true),
        (
            json!({"Federated": ["arn:aws:iam::111122223333:oidc-provider/other", ARN]}),
            true,
        ),
        (json!("*"), true),
        (json!({"Federated": "*"}), true),
        (json!({"AWS": "*"}), false),
        (json!({"AWS": "111122223333"}), false),
        (json!({"AWS": ARN}), false),
        (json!({"Service": "ec2.amazonaws.com"}), false),
        (json!({"Federated": ARN.trim_end_matches('/')}), false),
        (json!({"Federated": ARN.replace("1111", "9999")}), false),
        (
            json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/*"}),
            false,
        ),
        (json!({"Federated": "accounts.google.com"}), false),
    ] {
        let decision = decide(
            json!({}),
            &allow(principal.clone(), json!(WEB_IDENTITY), json!({})),
        );
        assert_eq!(decision.is_allowed(), allowed, "{principal}");
    }
}

#[test]
fn not_principal_means_everybody_else() {
    let other = "arn:aws:iam::111122223333:oidc-provider/other";
    for (names, allowed) in [
        (json!({"Federated": other}), true),
        (json!({"Federated": ARN}), false),
        (json!({"Federated": [other, ARN]}), false),
        (json!({"AWS": "*"}), true),
        (json!("*"), false),
    ] {
        let statement = json!({"Effect": "Allow", "NotPrincipal": names, "Action": WEB_IDENTITY});
        assert_eq!(
            decide(json!({}), &statement).is_allowed(),
            allowed,
            "{names}"
        );
    }
}

#[test]
fn a_source_identity_needs_its_action_at_every_hop() {
    let arn = "arn:aws:iam::111122223333:role/first";
    let next = |action: Value| {
        let statement = allow(json!({"AWS": arn}), action, json!({}));
        Policy::parse(&json!({"Statement": statement}).to_string()).expect("a policy")
    };
    let plain = next(json!("sts:AssumeRole"));
    let both = next(json!(["sts:AssumeRole", "sts:SetSourceIdentity"]));
    let tags = next(json!(["sts:AssumeRole", "sts:TagSession"]));
    for (inherited, set, tagged, policy, allowed) in [
        (None, None, false, &plain, true),
        (Some("alice"), None, false, &plain, false),
        (Some("alice"), None, false, &both, true),
        (None, Some("alice"), false, &plain, false),
        (None, Some("alice"), false, &both, true),
        (None, None, true, &plain, false),
        (None, None, true, &tags, true),
    ] {
        let caller = Caller::Role {
            role_arn: arn,
            session_arn: "arn:aws:sts::111122223333:assumed-role/first/alice",
            source_identity: inherited,
        };
        let request = Request {
            source_identity: set,
            tags: if tagged { &[("team", "red")] } else { &[] },
            ..REQUEST
        };
        let decision = decide_assume_role(caller, policy, &request);
        assert_eq!(
            decision.is_allowed(),
            allowed,
            "{inherited:?} {set:?} {tagged}"
        );
        assert_eq!(decision.refusal(REQUEST.role_arn).is_none(), allowed);
    }
}

#[test]
fn a_built_in_provider_goes_by_its_name() {
    let google = IdentityProvider::new(
        "aws",
        "111122223333",
        "https://accounts.google.com",
        ["keyless"],
    );
    let policy = allow(
        json!({"Federated": "accounts.google.com"}),
        json!(WEB_IDENTITY),
        json!({}),
    );
    let policy = Policy::parse(&json!({"Statement": policy}).to_string()).expect("a policy");
    assert!(
        policy
            .decide(Caller::WebIdentity(&google), &[], &Context::default())
            .is_allowed()
    );
}

#[test]
fn all_conditions_must_hold_and_any_value_will_do() {
    for (condition, allowed) in [
        (
            json!({"StringEquals": {"127.0.0.1:4000/:sub": "alice"}}),
            true,
        ),
        (
            json!({"StringEquals": {"127.0.0.1:4000/:SUB": ["bob", "alice"]}}),
            true,
        ),
        (
            json!({"StringEquals": {"127.0.0.1:4000/:sub": "alice", "127.0.0.1:4000/:aud": "other"}}),
            false,
        ),
        (
            json!({"StringEquals": {"127.0.0.1:4000/:aud": "keyless"}, "StringLike": {"127.0.0.1:4000/:email": "*@example.com"}}),
            true,
        ),
        (
            json!({"StringEquals": {"127.0.0.1:4000/:aud": "keyless"}, "StringLike": {"127.0.0.1:4000/:email": "*@example.org"}}),
            false,
        ),
        (
            json!({"StringEquals": {"127.0.0.1:4000:sub": "alice"}}),
            false,
        ),
        (
            json!({"StringEquals": {"http://127.0.0.1:4000/:sub": "alice"}}),
            false,
        ),
        (json!({"StringEquals": {"127.0.0.1:sub": "alice"}}), false),
        (
            json!({"StringLike": {"sts:RoleSessionName": "sess*"}}),
            true,
        ),
        (json!({"Bool": {"sts:RoleAuthorizedByIdp": true}}), false),
        (
            json!({"StringNotEquals": {"aws:PrincipalArn": "arn"}}),
            true,
        ),
        (json!({}), true),
    ] {
        let decision = decide(
            json!({}),
            &allow(
                json!({"Federated": ARN}),
                json!(WEB_IDENTITY),
                condition.clone(),
            ),
        );
        assert_eq!(decision.is_allowed(), allowed, "{condition}");
    }
}

#[test]
fn a_deny_outweighs_every_allow() {
    let everyone = allow(json!("*"), json!("sts:*"), json!({}));
    let alice = json!({"StringEquals": {"127.0.0.1:4000/:sub": "alice"}});
    for (statements, verdict) in [
        (
            json!([everyone, deny("sts:*", alice.clone())]),
            Verdict::ExplicitDeny {
                statement: 2,
                action: WEB_IDENTITY.to_owned(),
            },
        ),
        (
            json!([deny("sts:*", alice.clone()), everyone]),
            Verdict::ExplicitDeny {
                statement: 1,
                action: WEB_IDENTITY.to_owned(),
            },
        ),
        (
            json!([deny("sts:TagSession", json!({})), everyone]),
            Verdict::Allow { statement: 2 },
        ),
        (
            json!([
                deny(
                    "sts:*",
                    json!({"StringEquals": {"127.0.0.1:4000/:sub": "bob"}})
                ),
                everyone
            ]),
            Verdict::Allow { statement: 2 },
        ),
        (
            json!([]),
            Verdict::ImplicitDeny {
                action: WEB_IDENTITY.to_owned(),
            },
        ),
    ] {
        assert_eq!(
            decide(json!({}), &statements).verdict,
            verdict,
            "{statements}"
        );
    }
}

#[test]
fn tags_and_a_source_identity_must_be_allowed_too() {
    let tags = json!({"https://aws.amazon.com/tags": {"principal_tags": {"Project": ["X"]}}});
    let source = json!({"https://aws.amazon.com/source_identity": "alice"});
    let missing = |action: &str| Verdict::ImplicitDeny {
        action: action.to_owned(),
    };
    let here = || json!({"Federated": ARN});
    for (claims, statements, verdict) in [
        (
            &tags,
            json!(allow(here(), json!(WEB_IDENTITY), json!({}))),
            missing("sts:TagSession"),
        ),
        (
            &source,
            json!(allow(here(), json!(WEB_IDENTITY), json!({}))),
            missing("sts:SetSourceIdentity"),
        ),
        (
            &tags,
            json!(allow(
                here(),
                json!([WEB_IDENTITY, "sts:TagSession"]),
                json!({})
            )),
            Verdict::Allow { statement: 1 },
        ),
        (
            &source,
            json!(allow(here(), json!("sts:*"), json!({}))),
            Verdict::Allow { statement: 1 },
        ),
        (
            &tags,
            json!([
                allow(here(), json!(WEB_IDENTITY), json!({})),
                allow(json!({"AWS": "*"}), json!("sts:TagSession"), json!({}))
            ]),
            missing("sts:TagSession"),
        ),
        (
            &tags,
            json!([
                allow(here(), json!("sts:*"), json!({})),
                deny("sts:TagSession", json!({}))
            ]),
            Verdict::ExplicitDeny {
                statement: 2,
                action: "sts:TagSession".to_owned(),
            },
        ),
    ] {
        assert_eq!(
            decide(claims.clone(), &statements).verdict,
            verdict,
            "{claims} {statements}"
        );
    }
}

#[test]
fn who_may_assume_a_role_from_another() {
    let caller = Caller::Role {
        role_arn: "arn:aws:iam::111122223333:role/path/first",
        session_arn: "arn:aws:sts::111122223333:assumed-role/first/alice",
        source_identity: None,
    };
    let request = Request {
        role_arn: "arn:aws:iam::444455556666:role/next",
        session_name: "alice",
        external_id: Some("42"),
        ..Request::default()
    };
    for (principal, allowed) in [
        (
            json!({"AWS": "arn:aws:iam::111122223333:role/path/first"}),
            true,
        ),
        (
            json!({"AWS": "arn:aws:sts::111122223333:assumed-role/first/alice"}),
            true,
        ),
        (json!({"AWS": "arn:aws:iam::111122223333:root"}), true),
        (json!({"AWS": "111122223333"}), true),
        (json!({"AWS": "*"}), true),
        (json!("*"), true),
        (
            json!({"AWS": "arn:aws:sts::111122223333:assumed-role/first/bob"}),
            false,
        ),
        (
            json!({"AWS": "arn:aws:iam::111122223333:role/first"}),
            false,
        ),
        (json!({"AWS": "arn:aws:iam::111122223333:role/*"}), false),
        (json!({"AWS": "arn:aws:iam::444455556666:root"}), false),
        (json!({"AWS": ""}), false),
        (json!({"Federated": "*"}), false),
    ] {
        let statement = allow(
            principal.clone(),
            json!("sts:AssumeRole"),
            json!({"StringEquals": {"sts:ExternalId": "42"}}),
        );
        let policy = Policy::parse(&json!({"Statement": statement}).to_string()).expect("a policy");
        let decision = policy.decide(caller, &[], &Context::assume_role(caller, &request));
        assert_eq!(decision.is_allowed(), allowed, "{principal}");
        let without = Request {
            external_id: None,
            ..request
        };
        assert!(
            !policy
                .decide(caller, &[], &Context::assume_role(caller, &without))
                .is_allowed(),
            "no external id"
        );
    }
}

#[test]
fn a_denial_is_told_in_plain_words() {
    let bob = json!({"StringEquals": {"127.0.0.1:4000/:email": "bob@example.com"}});
    let everything_wrong = json!([
        allow(json!({"AWS": "*"}), json!("sts:AssumeRole"), json!({})),
        allow(
            json!({"Federated": ARN}),
            json!(WEB_IDENTITY),
            json!({
                "StringLike": {"127.0.0.1:4000/:sub": ["b*", "c*"], "127.0.0.1:4000/:aud": "*"},
                "ForAnyValue:StringEquals": {"127.0.0.1:4000/:amr": "mfa"},
                "Null": {"sts:SourceIdentity": "false"},
                "Bool": {"sts:RoleAuthorizedByIdp": "true"},
            })
        ),
    ]);
    for (claims, statements, told) in [
        (
            json!({}),
            json!(allow(json!({"Federated": ARN}), json!(WEB_IDENTITY), bob)),
            "no statement allows sts:AssumeRoleWithWebIdentity\n\
             statement 1 wants 127.0.0.1:4000/:email to equal \"bob@example.com\"; the token has \"alice@example.com\""
                .to_owned(),
        ),
        (
            json!({}),
            everything_wrong,
            format!(
                "no statement allows sts:AssumeRoleWithWebIdentity\n\
                 statement 1 is for AWS *; the caller is {ARN}\n\
                 statement 1 does not allow sts:AssumeRoleWithWebIdentity\n\
                 statement 2 wants sts:RoleAuthorizedByIdp to be \"true\"; the request has \"false\"\n\
                 statement 2 wants a value of 127.0.0.1:4000/:amr to equal \"mfa\"; the token does not have it\n\
                 statement 2 wants sts:SourceIdentity to be present; the request does not have it\n\
                 statement 2 wants 127.0.0.1:4000/:sub to be like \"b*\" or \"c*\"; the token has \"alice\""
            ),
        ),
        (
            json!({}),
            json!([deny("sts:*", json!({"StringLike": {"127.0.0.1:4000/:sub": "a*"}}))]),
            "sts:AssumeRoleWithWebIdentity is denied by statement 1 (Not these)\n\
             statement 1 (Not these) wants 127.0.0.1:4000/:sub to be like \"a*\", and the token has \"alice\""
                .to_owned(),
        ),
        (json!({}), json!([]), "no statement allows sts:AssumeRoleWithWebIdentity".to_owned()),
        (json!({}), allow(json!("*"), json!("*"), json!({})), "allowed by statement 1".to_owned()),
    ] {
        assert_eq!(decide(claims, &statements).to_string(), told, "{statements}");
    }
}

#[test]
fn nothing_from_outside_reaches_a_terminal_raw() {
    let statements = json!({
        "Sid": "\u{1b}[2J", "Effect": "Allow", "Principal": {"Federated": "\u{1b}[2J"}, "Action": "*",
        "Condition": {"StringEquals": {"127.0.0.1:4000/:sub": "\u{1b}[2J", "\u{1b}[2J": "x"}},
    });
    let told = decide(json!({"sub": "\u{1b}]0;owned\u{7}"}), &statements).to_string();
    assert!(
        told.chars().all(|c| c == '\n' || !c.is_control()),
        "{told:?}"
    );
}
