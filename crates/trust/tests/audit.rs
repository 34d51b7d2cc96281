//! Accounts made by the code below, surveyed.
#![allow(clippy::too_many_lines, reason = "a table")]

use std::io::{self, Read};
use std::time::{Duration, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keyless_trust::audit::{
    Audience, Audit, AuditError, Candidate, Danger, Grant, Miss, Outsider, Power, Reach, Survey,
};
use keyless_trust::token::Token;
use serde_json::{Value, json};

const GITHUB: &str = "token.actions.githubusercontent.com";
const AUTH0: &str = "acme.eu.auth0.com/";
const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// A statement that lets an OpenID provider's people in.
fn oidc(issuer: &str, conditions: &Value) -> Value {
    let text = json!(issuer).to_string();
    let conditions = conditions
        .to_string()
        .replace("ISS", text.trim_matches('"'));
    let conditions: Value = serde_json::from_str(&conditions).expect("still JSON");
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{issuer}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    })
}

/// One that lets GitHub's jobs in, for the usual audience.
fn github(subjects: &Value) -> Value {
    oidc(
        GITHUB,
        &json!({"StringEquals": {"ISS:aud": "sts.amazonaws.com"}, "StringLike": {"ISS:sub": subjects}}),
    )
}

fn aws(principal: &Value, conditions: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", "Condition": conditions})
}

/// A role as AWS prints it.
fn role(name: &str, statements: &Value, attached: &[&str]) -> Value {
    let attached: Vec<Value> = attached
        .iter()
        .map(|arn| json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn}))
        .collect();
    json!({
        "Path": "/",
        "RoleName": name,
        "Arn": format!("arn:aws:iam::111122223333:role/{name}"),
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": statements},
        "InstanceProfileList": [],
        "RolePolicyList": [],
        "AttachedManagedPolicies": attached,
        "Tags": [],
    })
}

/// A managed policy with an older version that says something else.
fn policy(arn: &str, action: &str) -> Value {
    let version = |action: &str, is_default: bool| {
        json!({
            "Document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]},
            "VersionId": "v1",
            "IsDefaultVersion": is_default,
        })
    };
    let other = if action == "*" { "s3:GetObject" } else { "*" };
    json!({"Arn": arn, "PolicyVersionList": [version(action, true), version(other, false)]})
}

fn account(roles: &[Value], policies: &[Value]) -> String {
    json!({"UserDetailList": [{"UserName": "eve"}], "GroupDetailList": [], "RoleDetailList": roles, "Policies": policies})
        .to_string()
}

fn survey(account: &str) -> Audit {
    Survey::new()
        .read(account.as_bytes())
        .expect("an account file")
}

/// One role with this statement, as a survey sees it.
#[track_caller]
fn only(statement: &Value) -> keyless_trust::audit::Role {
    let audit = survey(&account(&[role("app", statement, &[])], &[]));
    assert!(audit.unreadable.is_empty(), "{:?}", audit.unreadable);
    audit.roles.into_iter().next().expect("a role that is open")
}

#[test]
fn a_way_in_is_as_wide_as_its_narrowest_condition() {
    use Audience::{ByPattern, Exactly, NotApplicable, NotAtAll};
    let pinned = |more: Value| {
        let mut conditions = json!({"StringEquals": {"ISS:aud": "sts.amazonaws.com"}});
        for (operator, keys) in more.as_object().expect("an object") {
            conditions[operator] = keys.clone();
        }
        oidc(GITHUB, &conditions)
    };
    for (statement, reach, audience, who, because) in [
        (
            github(&json!("repo:acme/app:ref:refs/heads/main")),
            Reach::Named,
            Exactly,
            "those named at token.actions.githubusercontent.com",
            "sub is repo:acme/app:ref:refs/heads/main",
        ),
        (
            github(&json!("repo:acme/app:*")),
            Reach::Several,
            Exactly,
            "some at token.actions.githubusercontent.com",
            "sub like repo:acme/app:*",
        ),
        (
            github(&json!("repo:acme/*")),
            Reach::Organisation,
            Exactly,
            "one organisation at token.actions.githubusercontent.com",
            "sub like repo:acme/*",
        ),
        (
            github(&json!("repo:acme*")),
            Reach::Anyone,
            Exactly,
            "anyone with a token of token.actions.githubusercontent.com",
            "sub like repo:acme* keeps no stranger out",
        ),
        (
            github(&json!(["repo:acme/app:*", "*"])),
            Reach::Anyone,
            Exactly,
            "anyone with a token of token.actions.githubusercontent.com",
            "sub like repo:acme/app:* or * keeps no stranger out",
        ),
        (
            oidc(GITHUB, &json!({})),
            Reach::Anyone,
            NotAtAll,
            "anyone with a token of token.actions.githubusercontent.com",
            "no condition; audience not pinned",
        ),
        (
            pinned(json!({})),
            Reach::Anyone,
            Exactly,
            "anyone with a token of token.actions.githubusercontent.com",
            "no condition on who they are",
        ),
        (
            pinned(json!({"StringNotLike": {"ISS:sub": "repo:evil/*"}})),
            Reach::Anyone,
            Exactly,
            "anyone with a token of token.actions.githubusercontent.com",
            "sub not like repo:evil/* keeps no stranger out",
        ),
        (
            pinned(json!({"StringLikeIfExists": {"ISS:sub": "repo:acme/app:*"}})),
            Reach::Anyone,
            Exactly,
            "anyone with a token of token.actions.githubusercontent.com",
            "sub (if there is one) like repo:acme/app:* keeps no stranger out",
        ),
        (
            pinned(json!({"ForAllValues:StringLike": {"ISS:sub": "repo:acme/app:*"}})),
            Reach::Anyone,
            Exactly,
            "anyone with a token of token.actions.githubusercontent.com",
            "sub (if any) like repo:acme/app:* keeps no stranger out",
        ),
        (
            pinned(json!({"StringLike": {"ISS:environment": "production"}})),
            Reach::Anyone,
            Exactly,
            "anyone with a token of token.actions.githubusercontent.com",
            "environment is production keeps no stranger out",
        ),
        (
            pinned(json!({"StringLike": {"ISS:repository_id": "12"}})),
            Reach::Several,
            Exactly,
            "some at token.actions.githubusercontent.com",
            "repository_id is 12",
        ),
        (
            pinned(json!({"StringLike": {"gitlab.com:sub": "project_path:acme/*"}})),
            Reach::Nobody,
            Exactly,
            "nobody at token.actions.githubusercontent.com",
            "it asks for gitlab.com:sub, which no token of this issuer has",
        ),
        (
            oidc(AUTH0, &json!({"StringEquals": {"ISS:aud": "kX3"}})),
            Reach::Issuer,
            Exactly,
            "everyone at acme.eu.auth0.com/",
            "no condition on who they are",
        ),
        (
            oidc(
                AUTH0,
                &json!({"StringLike": {"ISS:aud": "k*", "ISS:email": "*@acme.com"}}),
            ),
            Reach::Organisation,
            ByPattern,
            "one organisation at acme.eu.auth0.com/",
            "email like *@acme.com; audience by a pattern",
        ),
        (
            oidc(
                AUTH0,
                &json!({"StringEquals": {"ISS:AUD": "kX3", "ACME.eu.auth0.com/:Email": ["a@acme.com", "b@acme.com", "c@acme.com"]}}),
            ),
            Reach::Named,
            Exactly,
            "those named at acme.eu.auth0.com/",
            "Email is a@acme.com or 2 others",
        ),
        (
            aws(&json!("*"), &json!({})),
            Reach::Anyone,
            NotApplicable,
            "anyone with an AWS account",
            "no condition",
        ),
        (
            aws(
                &json!("*"),
                &json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
            ),
            Reach::Organisation,
            NotApplicable,
            "one organisation of anyone with an AWS account",
            "aws:PrincipalOrgID is o-1",
        ),
        (
            aws(&json!("999988887777"), &json!({})),
            Reach::Issuer,
            NotApplicable,
            "whoever account 999988887777 lets",
            "no condition",
        ),
        (
            aws(
                &json!("arn:aws:iam::999988887777:root"),
                &json!({"StringEquals": {"sts:ExternalId": "x"}}),
            ),
            Reach::Several,
            NotApplicable,
            "some of account 999988887777",
            "sts:ExternalId is x",
        ),
        (
            aws(&json!("arn:aws:iam::999988887777:role/ci"), &json!({})),
            Reach::Named,
            NotApplicable,
            "role/ci of account 999988887777",
            "by name",
        ),
        (
            json!({"Effect": "Allow", "Principal": "*", "Action": "sts:*"}),
            Reach::Anyone,
            NotApplicable,
            "anyone at all",
            "no condition",
        ),
        (
            json!({"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}),
            Reach::Anyone,
            NotApplicable,
            "anyone at all",
            "no condition",
        ),
        (
            json!({"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/Okta"}, "Action": "sts:AssumeRoleWithSAML"}),
            Reach::Named,
            NotApplicable,
            "those to whom SAML provider Okta gives the role",
            "by the Role attribute of their response",
        ),
        (
            json!({"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:1"}}}),
            Reach::Issuer,
            Exactly,
            "everyone at cognito-identity.amazonaws.com",
            "aud is eu-west-1:1",
        ),
        (
            json!({"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::444455556666:oidc-provider/id.example.com"}, "Action": "sts:AssumeRoleWithWebIdentity"}),
            Reach::Nobody,
            NotAtAll,
            "nobody at id.example.com",
            "the identity provider is another account's; audience not pinned",
        ),
    ] {
        let role = only(&statement);
        let way = &role.ways[0];
        assert_eq!((way.reach, way.audience), (reach, audience), "{statement}");
        assert_eq!(
            (&*way.who(), &*way.because()),
            (who, because),
            "{statement}"
        );
    }
}

#[test]
fn who_is_of_the_account_itself_or_a_service_is_no_outsider() {
    let roles = [
        role(
            "own",
            &aws(
                &json!([
                    "111122223333",
                    "arn:aws:iam::111122223333:role/a",
                    "AROAEXAMPLE"
                ]),
                &json!({}),
            ),
            &[],
        ),
        role(
            "lambda",
            &json!([{"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}, "Action": "sts:AssumeRole"}]),
            &[],
        ),
        role(
            "ec2",
            &json!([{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]),
            &[],
        ),
        role(
            "denied",
            &json!({"Effect": "Deny", "Principal": "*", "Action": "*"}),
            &[],
        ),
        role(
            "tags-only",
            &json!({"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Action": "sts:TagSession"}),
            &[],
        ),
    ];
    let audit = survey(&account(&roles, &[]));
    assert!(audit.roles.is_empty(), "{:?}", audit.roles);
    assert_eq!(audit.roles_read, 5);
    let services: Vec<_> = audit
        .services
        .iter()
        .map(|(name, count)| (&**name, *count))
        .collect();
    assert_eq!(
        services,
        [("ec2.amazonaws.com", 2), ("lambda.amazonaws.com", 1)]
    );
}

#[test]
fn the_most_dangerous_roles_come_first_and_an_administrator_is_more_dangerous() {
    let mine = "arn:aws:iam::111122223333:policy/everything";
    let bounded = |mut role: Value| {
        role["PermissionsBoundary"] = json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/fence"});
        role
    };
    let mut inline = role("inline", &github(&json!("repo:acme/app:*")), &[]);
    inline["RolePolicyList"] = json!([{"PolicyName": "all", "PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "*:*", "Resource": "*"}}}]);
    let exact = github(&json!("repo:acme/app:ref:refs/heads/main"));
    let roles = [
        role("exact", &exact, &["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        role("exact-admin", &exact, &[mine]),
        bounded(role("exact-bounded", &exact, &[ADMIN])),
        role(
            "was-admin",
            &exact,
            &["arn:aws:iam::111122223333:policy/was-everything"],
        ),
        role(
            "unpinned",
            &oidc(
                GITHUB,
                &json!({"StringEquals": {"ISS:sub": "repo:acme/app:ref:refs/heads/main"}}),
            ),
            &[],
        ),
        role(
            "tenant",
            &oidc(AUTH0, &json!({"StringEquals": {"ISS:aud": "kX3"}})),
            &[],
        ),
        role("strangers", &github(&json!("*")), &[]),
        role(
            "strangers-admin",
            &json!([exact, github(&json!("*"))]),
            &[ADMIN],
        ),
        role("vendor", &aws(&json!("999988887777"), &json!({})), &[]),
        role(
            "vendor-admin",
            &aws(&json!("999988887777"), &json!({})),
            &[ADMIN],
        ),
        inline,
    ];
    let policies = [
        policy(mine, "*"),
        policy(
            "arn:aws:iam::111122223333:policy/was-everything",
            "s3:GetObject",
        ),
        policy("arn:aws:iam::111122223333:policy/fence", "s3:*"),
    ];
    let audit = survey(&account(&roles, &policies));
    let found: Vec<_> = audit
        .roles
        .iter()
        .map(|role| (&*role.name, role.danger, role.power.is_administrator()))
        .collect();
    assert_eq!(
        found,
        [
            ("strangers-admin", Danger::Critical, true),
            ("strangers", Danger::Critical, false),
            ("vendor-admin", Danger::High, true),
            ("inline", Danger::High, true),
            ("tenant", Danger::High, false),
            ("unpinned", Danger::High, false),
            ("exact-admin", Danger::Medium, true),
            ("vendor", Danger::Medium, false),
            ("exact", Danger::Low, false),
            ("exact-bounded", Danger::Low, false),
            ("was-admin", Danger::Low, false),
        ]
    );
    assert_eq!(audit.at_least(Danger::High), 6);
    let named = |name: &str| {
        audit
            .roles
            .iter()
            .find(|role| role.name == name)
            .expect("found")
    };
    assert_eq!(
        named("exact-admin").power,
        Power::Administrator {
            by: mine.into(),
            bounded: false
        }
    );
    assert_eq!(
        named("exact-bounded").power,
        Power::Administrator {
            by: ADMIN.into(),
            bounded: true
        }
    );
    assert_eq!(
        named("inline").power,
        Power::Administrator {
            by: "all".into(),
            bounded: false
        }
    );
    let ways: Vec<_> = named("strangers-admin")
        .ways
        .iter()
        .map(|way| (way.statement, way.danger))
        .collect();
    assert_eq!(ways, [(2, Danger::Critical), (1, Danger::Medium)]);
}

#[test]
fn every_form_in_which_aws_prints_an_account_is_read() {
    let one = role("one", &github(&json!("*")), &[]);
    let two = role("two", &github(&json!("*")), &[]);
    let mut encoded = one.clone();
    encoded["AssumeRolePolicyDocument"] = json!(percent_encoded(
        &one["AssumeRolePolicyDocument"].to_string()
    ));
    let mut plain = one.clone();
    plain["AssumeRolePolicyDocument"] = json!(one["AssumeRolePolicyDocument"].to_string());
    let page = |roles: &[Value]| account(roles, &[]);
    let both = format!(
        "{}\n{}",
        page(std::slice::from_ref(&one)),
        page(std::slice::from_ref(&two))
    );
    for (name, text, roles) in [
        ("an object", page(std::slice::from_ref(&one)), 1),
        ("URL-encoded", page(&[encoded]), 1),
        ("a string", page(&[plain]), 1),
        (
            "a byte order mark",
            format!("\u{feff}{}", page(std::slice::from_ref(&one))),
            1,
        ),
        ("pages in a row", both.clone(), 2),
        (
            "a list of pages",
            format!("[{}]", both.replace('\n', ",")),
            2,
        ),
        ("list-roles", json!({"Roles": [one, two]}).to_string(), 2),
        ("nobody at all", page(&[]), 0),
    ] {
        let audit = survey(&text);
        assert_eq!(
            (audit.roles.len(), audit.roles_read),
            (roles, roles),
            "{name}"
        );
        assert!(
            audit.unreadable.is_empty(),
            "{name}: {:?}",
            audit.unreadable
        );
    }
    let marked = "\u{feff}{\"Roles\": []}".as_bytes();
    let (first, rest) = marked.split_at(1);
    let in_pieces = Survey::new().read(first.chain(rest));
    assert_eq!(in_pieces.expect("an account file").roles_read, 0);
    let listed = survey(&json!({"Roles": [{"RoleName": "one", "Arn": "arn:aws:iam::111122223333:role/one", "AssumeRolePolicyDocument": one["AssumeRolePolicyDocument"], "MaxSessionDuration": 3600}]}).to_string());
    assert_eq!(
        (&listed.roles[0].power, listed.roles[0].max_session),
        (&Power::Unknown, Some(3600))
    );
    let first = format!(r#"{{"RoleDetailList": [{two}], "IsTruncated": true, "Marker": "x"}}"#);
    assert!(survey(&first).is_truncated);
    assert!(
        !survey(&format!(
            r#"{first}{{"RoleDetailList": [], "IsTruncated": false}}"#
        ))
        .is_truncated
    );
}

#[test]
fn a_role_that_cannot_be_read_is_told_and_the_others_are_read() {
    let mut without = role("without", &json!([]), &[]);
    without
        .as_object_mut()
        .expect("an object")
        .remove("AssumeRolePolicyDocument");
    let roles = [
        role(
            "strange",
            &oidc(GITHUB, &json!({"StringSortOf": {"ISS:sub": "x"}})),
            &[],
        ),
        role("no-effect", &json!({"Principal": "*", "Action": "*"}), &[]),
        without,
        role("open", &github(&json!("*")), &[]),
    ];
    let audit = survey(&account(&roles, &[]));
    let told: Vec<_> = audit
        .unreadable
        .iter()
        .map(|role| role.arn.rsplit('/').next().unwrap_or_default())
        .collect();
    assert_eq!(told, ["strange", "no-effect", "without"]);
    assert!(
        audit.unreadable[0].why.contains("StringSortOf"),
        "{}",
        audit.unreadable[0].why
    );
    assert_eq!(
        audit.unreadable[2].why,
        "the file does not hold its trust policy"
    );
    assert_eq!((audit.roles.len(), audit.roles_read), (1, 4));
}

fn broken(text: impl AsRef<[u8]>) -> Box<AuditError> {
    Survey::new().read(text.as_ref()).expect_err("broken")
}

#[test]
fn what_is_broken_says_where_and_how_far_it_was_read() {
    let whole = account(
        &[
            role("one", &github(&json!("*")), &[ADMIN]),
            role("two", &github(&json!("*")), &[]),
        ],
        &[],
    );
    let second = whole
        .find("\"Arn\":\"arn:aws:iam::111122223333:role/two\"")
        .expect("there");
    let error = broken(&whole[..second]);
    assert!(
        error
            .to_string()
            .starts_with("it breaks off in the middle at line 1 column "),
        "{error}"
    );
    assert_eq!(
        (error.so_far().roles_read, error.so_far().roles[0].danger),
        (1, Danger::Critical)
    );
    assert!(!error.is_io());
    for (text, message) in [
        ("", "it breaks off in the middle at line 1 column 1"),
        ("[\n", "it breaks off in the middle at line 2 column 1"),
        (
            "\n{}",
            "it has no RoleDetailList: `aws iam get-account-authorization-details` prints one at line 2 column 2",
        ),
        (
            "5",
            "invalid type: integer `5`, expected what `aws iam get-account-authorization-details` prints at line 1 column 1",
        ),
        (
            r#"{"RoleDetailList": {}}"#,
            "invalid type: map, expected a list at line 1 column 20",
        ),
        (
            r#"{"RoleDetailList": [], "x": y}"#,
            "expected value at line 1 column 29",
        ),
        (
            r#"{"RoleDetailList": []} x"#,
            "expected value at line 1 column 24",
        ),
    ] {
        assert_eq!(broken(text).to_string(), message, "{text}");
    }
    let other = broken(b"\xff\xfe{\0");
    assert_eq!(other.to_string(), "it is UTF-16; JSON is UTF-8");
    assert!(!other.is_io(), "the file could be read");
    assert!(broken(b"{\"\xff\"").to_string().contains("invalid unicode"));
    assert!(
        broken("[".repeat(100_000))
            .to_string()
            .contains("recursion limit")
    );

    let failing = Read::chain(&br#"{"RoleDetailList": ["#[..], Failing);
    let error = Survey::new().read(failing).expect_err("the disk failed");
    assert!(
        error.is_io() && error.to_string().contains("the disk is on fire"),
        "{error}"
    );
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is on fire"))
    }
}

/// A token of GitHub's for a job of acme/app, some claims replaced.
fn token(changes: &Value) -> Token {
    let mut claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:acme/app:ref:refs/heads/main",
        "aud": "sts.amazonaws.com",
        "iat": 1_800_000_000, "exp": 1_800_000_300,
    });
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    let jwt = [r#"{"alg":"RS256"}"#, &claims.to_string(), ""]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".");
    Token::read(&jwt, UNIX_EPOCH + Duration::from_hours(500_000)).expect("a good token")
}

#[test]
fn a_token_is_tried_on_every_role_as_sts_would() {
    let deny = |conditions: Value| json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": conditions});
    let exact = github(&json!("repo:acme/app:ref:refs/heads/main"));
    let roles = [
        role("main", &exact, &[]),
        role(
            "organisation",
            &json!([
                github(&json!("repo:other/*")),
                github(&json!("repo:acme/*"))
            ]),
            &[],
        ),
        role(
            "other-branch",
            &github(&json!("repo:acme/app:ref:refs/heads/release")),
            &[],
        ),
        role(
            "two-misses",
            &oidc(
                GITHUB,
                &json!({"StringEquals": {"ISS:aud": "x", "ISS:sub": "y"}}),
            ),
            &[],
        ),
        role("denied", &json!([exact, deny(json!({}))]), &[]),
        role(
            "not-denied",
            &json!([
                exact,
                deny(json!({"StringEquals": {"token.actions.githubusercontent.com:sub": "x"}}))
            ]),
            &[],
        ),
        role("gitlab", &oidc("gitlab.com", &json!({})), &[]),
        role(
            "session",
            &oidc(
                GITHUB,
                &json!({"StringEquals": {"ISS:aud": "sts.amazonaws.com", "sts:RoleSessionName": "keyless"}}),
            ),
            &[],
        ),
        role(
            "tagged",
            &json!([exact, {"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}, "Action": "sts:TagSession"}]),
            &[],
        ),
    ];
    let account = account(&roles, &[]);
    let ask = |token: Token, near: bool| {
        let candidate = Candidate::new(token);
        let candidate = if near {
            candidate.near_misses()
        } else {
            candidate
        };
        Survey::with(candidate)
            .read(account.as_bytes())
            .expect("an account file")
    };
    let names = |roles: Vec<&keyless_trust::audit::Role>| {
        let mut names: Vec<String> = roles.iter().map(|role| role.name.clone()).collect();
        names.sort();
        names
    };
    let taken = |audit: &Audit| names(audit.taken().collect());
    let near = |audit: &Audit| names(audit.near().collect());

    let audit = ask(token(&json!({})), true);
    assert_eq!(
        taken(&audit),
        ["main", "not-denied", "organisation", "session", "tagged"]
    );
    assert_eq!(near(&audit), ["denied", "other-branch"]);
    let grant = |name: &str| {
        audit
            .roles
            .iter()
            .find(|role| role.name == name)
            .and_then(|role| role.token.clone())
    };
    assert_eq!(grant("organisation"), Some(Grant::Taken { statement: 2 }));
    assert_eq!(
        grant("denied"),
        Some(Grant::Near {
            miss: Miss::Denied { statement: 2 }
        })
    );
    assert_eq!(grant("two-misses"), Some(Grant::Denied));
    assert_eq!(
        grant("other-branch"),
        Some(Grant::Near {
            miss: Miss::Condition {
                statement: 1,
                key: "token.actions.githubusercontent.com:sub".into(),
                wanted: "token.actions.githubusercontent.com:sub to be like \"repo:acme/app:ref:refs/heads/release\"".into(),
                found: "the token has \"repo:acme/app:ref:refs/heads/main\"".into(),
            }
        })
    );

    let plain = ask(token(&json!({})), false);
    assert_eq!((taken(&plain), near(&plain)), (taken(&audit), Vec::new()));

    let tags = json!({"https://aws.amazon.com/tags": {"principal_tags": {"team": ["x"]}}});
    let audit = ask(token(&tags), true);
    assert_eq!(taken(&audit), ["tagged"], "tags need sts:TagSession");
    assert!(matches!(
        &audit.roles.iter().find(|role| role.name == "main").expect("found").token,
        Some(Grant::Near { miss: Miss::Action { action } }) if action == "sts:TagSession"
    ));

    let listed = json!({"https://aws.amazon.com/roles": ["arn:aws:iam::111122223333:role/main"]});
    let audit = ask(token(&listed), true);
    assert_eq!(taken(&audit), ["main"], "the token lists one role");
    assert!(near(&audit).contains(&"session".to_owned()));
}

#[test]
fn a_survey_is_json_for_machines() {
    let audit = survey(&account(
        &[role("open", &github(&json!("*")), &[ADMIN])],
        &[],
    ));
    let json = serde_json::to_value(&audit).expect("JSON");
    let role = &json["roles"][0];
    assert_eq!(role["danger"], "critical");
    assert_eq!(
        role["power"],
        json!({"kind": "administrator", "by": ADMIN, "bounded": false})
    );
    assert_eq!(
        role["ways"][0]["from"],
        json!({"kind": "oidc", "issuer": GITHUB, "account": "111122223333"})
    );
    assert_eq!(
        (&role["ways"][0]["reach"], &role["ways"][0]["audience"]),
        (&json!("anyone"), &json!("exactly"))
    );
    assert!(role.get("token").is_none() && json["roles_read"] == 1);
    assert_eq!(audit.roles[0].ways[0].from.to_string(), GITHUB);
    assert!(matches!(audit.roles[0].ways[0].from, Outsider::Oidc { .. }));
}

#[test]
fn names_from_outside_reach_no_terminal_as_commands() {
    let mut statement = oidc(
        "evil\u{1b}[31m",
        &json!({"StringEquals": {"ISS:sub": "x\u{7}"}}),
    );
    statement["Principal"]["Federated"] =
        json!("arn:aws:iam::111122223333:oidc-provider/evil\u{1b}[31m");
    let way = &only(&statement).ways[0];
    assert_eq!(way.who(), "those named at evil\\u{1b}[31m");
    assert_eq!(way.because(), "sub is x\\u{7}; audience not pinned");
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
