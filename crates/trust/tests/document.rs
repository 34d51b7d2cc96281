//! Roles and providers inside the documents that people have.
#![allow(clippy::too_many_lines, reason = "a table")]

use keyless_trust::{
    document::{self, Document},
    policy::{Place, Principals},
};
use serde_json::{Value, json};

fn policy(federated: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": federated}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"id.example.com:sub": "alice"}},
    }]})
}

const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/id.example.com";
const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";

fn read(document: &Value) -> Document {
    document::read(&serde_json::to_string_pretty(document).expect("text")).expect("a document")
}

/// What the role's one statement is for.
fn federated(document: &Document) -> Vec<String> {
    document
        .roles
        .iter()
        .map(|role| match &role.policy.statements[0].principals {
            Principals::Listed(principals) => principals[0].to_string(),
            other @ Principals::AllBut(_) => panic!("{other:?}"),
        })
        .collect()
}

fn encoded(policy: &Value) -> String {
    policy
        .to_string()
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[test]
fn a_role_is_found_wherever_aws_prints_one() {
    let role = |policy: Value| {
        json!({"RoleName": "deploy", "Arn": ROLE, "AssumeRolePolicyDocument": policy, "MaxSessionDuration": 7200,
            "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/edge"}})
    };
    let policy = policy(PROVIDER);
    for (document, origin) in [
        (json!({"Role": role(policy.clone())}), "Role"),
        (json!({"Role": role(json!(encoded(&policy)))}), "Role"),
        (json!({"Role": role(json!(policy.to_string()))}), "Role"),
        (json!({"Roles": [role(policy.clone())]}), "deploy"),
        (
            json!({"UserDetailList": [], "RoleDetailList": [role(policy.clone())]}),
            "deploy",
        ),
        (role(policy.clone()), "deploy"),
        (json!([role(policy.clone())]), "deploy"),
    ] {
        let document = read(&document);
        assert_eq!(document.problems, []);
        assert_eq!(federated(&document), [format!("Federated {PROVIDER}")]);
        let role = &document.roles[0];
        assert_eq!(role.origin, origin);
        assert_eq!(role.name.as_deref(), Some("deploy"));
        assert_eq!(role.arn.as_deref(), Some(ROLE));
        assert_eq!(role.account.as_deref(), Some("111122223333"));
        assert_eq!(role.max_session, Some(7200));
        assert_eq!(
            role.permissions_boundary.as_deref(),
            Some("arn:aws:iam::111122223333:policy/edge")
        );
        assert_eq!(
            serde_json::from_str::<Value>(&role.text).expect("the policy's text"),
            policy
        );
    }
}

#[test]
fn places_are_those_of_the_document_and_a_policy_in_a_string_is_pointed_at_as_a_whole() {
    let text = "{\n \"Role\": {\n  \"AssumeRolePolicyDocument\": {\n   \"Statement\": [\n    {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"*\"}]}}}";
    let document = document::read(text).expect("a document");
    let role = &document.roles[0];
    let statement = role.policy.statements[0].place;
    assert_eq!(statement, Place { line: 5, column: 5 });
    assert_eq!(role.place_in_document(statement), statement);
    assert_eq!(
        role.policy_place,
        Place {
            line: 3,
            column: 31
        }
    );

    let text = "{\"Role\":\n {\"AssumeRolePolicyDocument\": \"{\\n\\\"Statement\\\":{\\\"Effect\\\":\\\"Allow\\\",\\\"Principal\\\":\\\"*\\\",\\\"Action\\\":\\\"*\\\"}}\"}}";
    let document = document::read(text).expect("a document");
    let role = &document.roles[0];
    assert_eq!(role.policy.statements[0].place.line, 2, "of the inner text");
    assert_eq!(
        role.place_in_document(role.policy.statements[0].place),
        Place {
            line: 2,
            column: 31
        }
    );
}

#[test]
fn a_provider_is_found_and_its_account_may_be_unknown() {
    let document = read(&json!({
        "Url": "id.example.com/", "ClientIDList": ["keyless", "app"], "ThumbprintList": ["ABCD"], "CreateDate": "2026-01-01", "Tags": [],
    }));
    let provider = &document.providers[0];
    assert_eq!(
        (provider.url(), provider.account()),
        ("https://id.example.com/", "")
    );
    assert_eq!(provider.client_ids(), ["keyless", "app"]);
    assert_eq!(document.thumbprints["https://id.example.com/"], ["ABCD"]);
    let placed = document.providers_in("aws-cn", "444455556666");
    assert_eq!(
        placed[0].arn(),
        "arn:aws-cn:iam::444455556666:oidc-provider/id.example.com/"
    );

    let list = read(&json!({"OpenIDConnectProviderList": [{"Arn": PROVIDER}]}));
    assert_eq!(
        list.providers,
        [],
        "without its client ids it is none to judge by"
    );
    assert!(
        list.problems[0]
            .advice
            .contains("get-open-id-connect-provider")
    );
}

#[test]
fn terraform_roles_are_found_in_every_module() {
    let resource = |address: &str, policy: &Value| {
        json!({"address": address, "mode": "managed", "type": "aws_iam_role", "name": "deploy", "values": {
            "name": "deploy", "arn": ROLE, "max_session_duration": 3600, "permissions_boundary": "", "assume_role_policy": policy.to_string()}})
    };
    let module = json!({
        "resources": [
            resource("aws_iam_role.deploy", &policy(PROVIDER)),
            {"address": "aws_iam_openid_connect_provider.id", "mode": "managed", "type": "aws_iam_openid_connect_provider", "values": {
                "url": "https://id.example.com", "arn": PROVIDER, "client_id_list": ["keyless"], "thumbprint_list": ["ab"]}},
            {"address": "data.aws_iam_role.other", "mode": "data", "type": "aws_iam_role", "values": {}},
            {"address": "aws_s3_bucket.b", "mode": "managed", "type": "aws_s3_bucket", "values": {}},
        ],
        "child_modules": [{"address": "module.a", "child_modules": [{"resources": [resource("module.a.module.b.aws_iam_role.ci", &policy(PROVIDER))]}]}],
    });
    for document in [
        json!({"format_version": "1.2", "planned_values": {"root_module": module}}),
        json!({"format_version": "1.0", "terraform_version": "1.9.0", "values": {"root_module": module}}),
    ] {
        let document = read(&document);
        assert_eq!(document.problems, []);
        let origins: Vec<_> = document
            .roles
            .iter()
            .map(|role| role.origin.as_str())
            .collect();
        assert_eq!(
            origins,
            ["aws_iam_role.deploy", "module.a.module.b.aws_iam_role.ci"]
        );
        assert_eq!(document.roles[0].account.as_deref(), Some("111122223333"));
        assert_eq!(document.roles[0].permissions_boundary, None);
        assert!(document.roles[0].embedded);
        assert_eq!(document.providers[0].arn(), PROVIDER);
        assert_eq!(document.providers[0].client_ids(), ["keyless"]);
    }
}

#[test]
fn what_a_plan_does_not_know_yet_is_said() {
    let document = read(&json!({
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [
            {"address": "aws_iam_role.deploy", "mode": "managed", "type": "aws_iam_role", "values": {"name": "deploy"}},
            {"address": "aws_iam_role.none", "mode": "managed", "type": "aws_iam_role", "values": {}},
            {"address": "aws_iam_role.odd", "mode": "managed", "type": "aws_iam_role", "values": {"assume_role_policy": "{}"}},
        ]}},
        "resource_changes": [{"address": "aws_iam_role.deploy", "change": {"after_unknown": {"assume_role_policy": true, "arn": true}}},
            {"address": "aws_iam_role.none", "change": {"after_unknown": {"assume_role_policy": false}}}],
    }));
    assert_eq!(document.roles, []);
    let problems: Vec<_> = document
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.origin, problem.message))
        .collect();
    assert_eq!(
        problems[0],
        "aws_iam_role.deploy: assume_role_policy is not known before the apply"
    );
    assert_eq!(
        problems[1],
        "aws_iam_role.none: it has no assume_role_policy"
    );
    assert!(
        problems[2].starts_with("aws_iam_role.odd: its trust policy cannot be read"),
        "{}",
        problems[2]
    );
    assert!(document.problems[0].advice.contains("after the apply"));
}

#[test]
fn a_template_is_worked_out_as_far_as_it_alone_tells() {
    let arn = "arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/id.example.com";
    for (federated_by, expected) in [
        (json!({"Ref": "Id"}), arn),
        (json!({"Fn::GetAtt": ["Id", "Arn"]}), arn),
        (json!({"Fn::GetAtt": "Id.Arn"}), arn),
        (
            json!({"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/${Host}"}),
            arn,
        ),
        (
            json!({"Fn::Sub": ["arn:aws:iam::1:oidc-provider/${H}", {"H": {"Ref": "Host"}}]}),
            "arn:aws:iam::1:oidc-provider/id.example.com",
        ),
        (
            json!({"Fn::Sub": "${!x}${Id.Arn}"}),
            &format!("${{x}}{arn}"),
        ),
        (
            json!({"Fn::Join": ["/", ["arn:aws:iam::1:oidc-provider", {"Ref": "Host"}]]}),
            "arn:aws:iam::1:oidc-provider/id.example.com",
        ),
    ] {
        let template = json!({
            "Parameters": {"Host": {"Type": "String", "Default": "id.example.com"}, "Clients": {"Type": "CommaDelimitedList", "Default": "keyless, app"}},
            "Resources": {
                "Id": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"Url": {"Fn::Sub": "https://${Host}"}, "ClientIdList": {"Ref": "Clients"}}},
                "Deploy": {"Type": "AWS::IAM::Role", "Properties": {
                    "RoleName": "deploy", "MaxSessionDuration": "7200", "PermissionsBoundary": {"Ref": "AWS::NoValue"},
                    "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
                        "Effect": "Allow", "Principal": {"Federated": federated_by}, "Action": "sts:AssumeRoleWithWebIdentity"}]}}},
                "Bucket": {"Type": "AWS::S3::Bucket"},
            },
        });
        let document = read(&template);
        assert_eq!(document.problems, [], "{federated_by}");
        assert_eq!(federated(&document), [format!("Federated {expected}")]);
        let role = &document.roles[0];
        assert_eq!(
            (role.origin.as_str(), role.name.as_deref(), role.max_session),
            ("Resources.Deploy", Some("deploy"), Some(7200))
        );
        assert_eq!(
            (
                role.account.as_deref(),
                role.permissions_boundary.as_deref()
            ),
            (None, None)
        );
        let text: Value = serde_json::from_str(&role.text).expect("the policy worked out");
        assert_eq!(text["Statement"][0]["Principal"]["Federated"], expected);
        assert_eq!(document.providers[0].client_ids(), ["keyless", "app"]);
    }
}

#[test]
fn what_a_template_does_not_tell_is_said() {
    for (value, says) in [
        (
            json!({"Ref": "NoDefault"}),
            "the parameter NoDefault has no Default",
        ),
        (
            json!({"Ref": "Nowhere"}),
            "Nowhere is known only after the deployment",
        ),
        (
            json!({"Fn::GetAtt": ["Id", "Other"]}),
            "the attribute Id.Other is known only after",
        ),
        (
            json!({"Fn::ImportValue": "x"}),
            "Fn::ImportValue is not worked out here",
        ),
        (
            json!({"Fn::If": ["c", "a", "b"]}),
            "there is no condition c",
        ),
        (json!({"Fn::If": ["Round", "a", "b"]}), "round in circles"),
        (json!({"Fn::If": ["Many", "a", "b"]}), "longer than 131072"),
        (
            json!({"Fn::Sub": "${Loop.Arn}"}),
            "Back is known only after the deployment",
        ),
        (
            json!({"Fn::Join": ["x".repeat(70_000), ["", "", "", ""]]}),
            "longer than 131072",
        ),
    ] {
        // Each of six asks the next one ten times.
        let mut conditions = json!({
            "Round": {"Fn::Not": [{"Condition": "Round"}]},
            "Many": {"Fn::Or": vec![json!({"Condition": "Many0"}); 10]},
            "Many6": {"Fn::Equals": ["a", "b"]},
        });
        for level in 0..6 {
            let next = json!({"Condition": format!("Many{}", level + 1)});
            conditions[format!("Many{level}")] = json!({"Fn::Or": vec![next; 10]});
        }
        let document = read(&json!({
            "Parameters": {"NoDefault": {"Type": "String"}},
            "Conditions": conditions,
            "Resources": {
                "Deploy": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [{
                    "Effect": "Allow", "Principal": {"Federated": value}, "Action": "*"}]}}},
                "Loop": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Fn::GetAtt": ["Back", "Arn"]}}},
                "Back": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Fn::GetAtt": ["Loop", "Arn"]}}},
            },
        }));
        assert_eq!(document.roles, []);
        let problem = document
            .problems
            .iter()
            .find(|problem| problem.origin == "Resources.Deploy")
            .expect("a problem");
        assert!(
            problem.message.contains(says),
            "{} / {says}",
            problem.message
        );
    }
}

#[test]
fn what_is_none_of_these_is_an_error_that_says_what_was_found() {
    for (text, says, advice) in [
        ("", "the text ends", "terraform show -json"),
        ("{}", "found an object", "get-role"),
        ("3", "found a number", "get-role"),
        (
            r#"{"a": 1, "b": 2}"#,
            r#"found an object with "a", "b""#,
            "get-role",
        ),
        (
            r#"{"version": 4, "terraform_version": "1.9", "resources": []}"#,
            "expected a trust policy",
            "terraform show -json",
        ),
        (
            r#"{"Statement": [{"Effect": "Perhaps"}]}"#,
            "Perhaps",
            "grammar",
        ),
    ] {
        let error = document::read(text).expect_err(says);
        assert!(error.to_string().contains(says), "{error} / {says}");
        assert!(
            error.advice().contains(advice),
            "{} / {advice}",
            error.advice()
        );
    }
}

#[test]
fn an_empty_list_has_no_roles() {
    assert_eq!(document::read("[]").expect("a list"), Document::default());
    assert_eq!(read(&json!({"Roles": []})), Document::default());
}

#[test]
fn a_document_cut_or_changed_anywhere_is_read_or_refused() {
    let template = json!({
        "Parameters": {"P": {"Default": "x"}},
        "Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Fn::Sub": "${P}%7B"}}}},
    });
    let plan = json!({"format_version": "1", "planned_values": {"root_module": {"resources": [
        {"type": "aws_iam_role", "values": {"assume_role_policy": policy(PROVIDER).to_string()}}]}}});
    let role = json!({"Role": {"AssumeRolePolicyDocument": encoded(&policy(PROVIDER))}});
    for document in [template, plan, role] {
        let text = document.to_string();
        for at in 0..text.len() {
            let _ = document::read(&text[..at]);
            for other in ["\"", "{", "}", "[", "%", "$", "ß"] {
                let _ = document::read(&format!("{}{other}{}", &text[..at], &text[at + 1..]));
            }
        }
    }
}

#[test]
fn a_choice_of_the_template_is_made_with_the_defaults() {
    for (default, federated) in [
        (
            "",
            "arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/id.example.com",
        ),
        (
            "arn:aws:iam::111122223333:oidc-provider/other",
            "arn:aws:iam::111122223333:oidc-provider/other",
        ),
    ] {
        let document = read(&json!({
            "Parameters": {"Given": {"Type": "String", "Default": default}},
            "Conditions": {
                "IsMissing": {"Fn::Equals": [{"Ref": "Given"}, ""]},
                "IsGiven": {"Fn::And": [{"Fn::Not": [{"Condition": "IsMissing"}]}, {"Fn::Equals": ["a", "a"]}]},
            },
            "Resources": {
                "Id": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"Url": "https://id.example.com"}},
                "Deploy": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [{
                    "Sid": {"Fn::If": ["IsGiven", "Given", {"Ref": "AWS::NoValue"}]},
                    "Effect": "Allow",
                    "Principal": {"Federated": {"Fn::If": ["IsGiven", {"Ref": "Given"}, {"Fn::GetAtt": ["Id", "Arn"]}]}},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                }]}}},
            },
        }));
        assert_eq!(document.problems, []);
        let statement = &document.roles[0].policy.statements[0];
        assert_eq!(&*statement.principals.named()[0].name().text, federated);
        assert_eq!(statement.sid.is_some(), !default.is_empty());
    }
}
