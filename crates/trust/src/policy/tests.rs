//! Policies that are understood, and those that are refused.

use super::*;

fn statement(members: &str) -> Result<Policy, PolicyError> {
    Policy::parse(&format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", {members}}}]}}"#
    ))
}

const PRINCIPAL: &str = r#""Principal": "*", "Action": "sts:*""#;

#[test]
fn a_single_value_stands_wherever_a_list_may() {
    let single = Policy::parse(
        r#"{"Statement": {"Effect": "Deny", "Principal": {"AWS": "1"}, "NotAction": "a", "Condition": {"StringLike": {"k": "v"}}}}"#,
    );
    let lists = Policy::parse(
        r#"{"Statement": [{"Effect": "Deny", "Principal": {"AWS": ["1"]}, "NotAction": ["a"], "Condition": {"StringLike": {"k": ["v"]}}}]}"#,
    );
    assert_eq!(single, lists);
    let policy = single.expect("a policy");
    assert_eq!(
        policy.version,
        Version::V2008,
        "as IAM has it where Version is absent"
    );
    assert_eq!(
        policy.statements[0].principals,
        Principals::Listed(vec![Principal::Aws("1".to_owned())])
    );
    assert_eq!(
        policy.statements[0].actions,
        Actions::AllBut(vec!["a".to_owned()])
    );
}

#[test]
fn what_is_not_understood_is_an_error_that_says_so() {
    let with = |members: &str| statement(&format!("{PRINCIPAL}, {members}"));
    for (parsed, says) in [
        (Policy::parse(""), "EOF while parsing"),
        (
            Policy::parse(r#"["2012-10-17", "an id", []]"#),
            "expected an object",
        ),
        (
            Policy::parse(r#"{"Statement": [["s", "Allow", "*", "a"]]}"#),
            "expected an object",
        ),
        (Policy::parse("{}"), "missing field `Statement`"),
        (
            Policy::parse(r#"{"Statement": []} x"#),
            "trailing characters at line 1 column 19",
        ),
        (
            Policy::parse(r#"{"Statement": [], "Version": "2012"}"#),
            r#"not "2012" at line 1"#,
        ),
        (
            Policy::parse(r#"{"Statement": [], "Statements": []}"#),
            "unknown field `Statements`",
        ),
        (
            Policy::parse(r#"{"Statement": "all"}"#),
            "expected an object",
        ),
        (statement(r#""Effect": "Deny""#), "duplicate field `Effect`"),
        (statement(r#""Action": "a""#), "missing field `Principal`"),
        (
            statement(r#""Principal": "*""#),
            "either Action or NotAction",
        ),
        (with(r#""NotAction": null"#), "invalid type: null"),
        (with(r#""NotAction": "a""#), "either Action or NotAction"),
        (with(r#""Resource": "*""#), "a trust policy has no Resource"),
        (
            with(r#""NotResource": "*""#),
            "a trust policy has no Resource",
        ),
        (
            with(r#""NotPrincipal": "*""#),
            "NotPrincipal is not evaluated here",
        ),
        (with(r#""Conditions": {}"#), "unknown field `Conditions`"),
        (with(r#""Sid": 1"#), "expected a string"),
        (
            statement(r#""Principal": "me", "Action": "a""#),
            r#"not "me""#,
        ),
        (
            statement(r#""Principal": {}, "Action": "a""#),
            "Principal names nobody",
        ),
        (
            statement(r#""Principal": {"Aws": "*"}, "Action": "a""#),
            r#"not "Aws""#,
        ),
        (
            statement(r#""Principal": {"AWS": "1", "AWS": "2"}, "Action": "a""#),
            r#"duplicate member "AWS""#,
        ),
        (
            statement(r#""Principal": "*", "Action": true"#),
            "expected a string",
        ),
    ] {
        let error = parsed.expect_err(says).to_string();
        assert!(error.contains(says), "{error} / {says}");
    }
}

#[test]
fn a_condition_that_is_not_understood_is_an_error_that_says_so() {
    let on = |condition: &str| statement(&format!(r#"{PRINCIPAL}, "Condition": {condition}"#));
    for (parsed, says) in [
        (
            on(r#"{"StringEqual": {"k": "v"}}"#),
            r#"the condition operator "StringEqual" is not evaluated here"#,
        ),
        (
            on(r#"{"ArnLike": {"k": "v"}}"#),
            r#""ArnLike" is not evaluated here"#,
        ),
        (
            on(r#"{"DateLessThan": {"k": "v"}}"#),
            r#""DateLessThan" is not evaluated here"#,
        ),
        (
            on(r#"{"ForSomeValue:StringLike": {"k": "v"}}"#),
            r#""ForSomeValue:StringLike" is not evaluated here"#,
        ),
        (
            on(r#"{"NullIfExists": {"k": "true"}}"#),
            r#""NullIfExists" is not evaluated here"#,
        ),
        (
            on(r#"{"Null": {"k": "yes"}}"#),
            r#"compares "k" with "true" or "false" only"#,
        ),
        (
            on(r#"{"Bool": {"k": "1"}}"#),
            r#"compares "k" with "true" or "false" only"#,
        ),
        (
            on(r#"{"StringLike": {"k": "v"}, "StringLike": {"l": "v"}}"#),
            r#"duplicate member "StringLike""#,
        ),
        (
            on(r#"{"StringLike": {"k": "v", "k": "w"}}"#),
            r#"duplicate member "k""#,
        ),
        (
            on(r#"{"StringLike": {"k:Sub": "v", "k:sub": "w"}}"#),
            r#"duplicate member "k:sub""#,
        ),
        (on(r#"{"StringLike": {"k": {}}}"#), "a string or a boolean"),
        (on(r#"{"StringLike": {"k": null}}"#), "one value or a list"),
        (
            on(r#"{"StringLike": {"k": "a/${aws:PrincipalTag/t}"}}"#),
            "statement 1 compares k with a policy variable",
        ),
    ] {
        let error = parsed.expect_err(says).to_string();
        assert!(error.contains(says), "{error} / {says}");
    }
}

#[test]
fn an_error_points_at_its_line() {
    let error = Policy::parse("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Perhaps\"}\n  ]\n}").expect_err("no effect");
    assert_eq!(error.position().map(|(line, _)| line), Some(4));
    assert_eq!(
        error.message(),
        r#"Effect is "Allow" or "Deny", not "Perhaps""#
    );
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    assert!(Policy::parse(&"{\"Statement\":".repeat(100_000)).is_err());
    assert!(Policy::parse(&format!("{{\"Statement\":{}", "[".repeat(100_000))).is_err());
}

#[test]
fn the_old_language_has_no_variables() {
    let policy = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {"StringEquals": {"k": "${v}"}}}}"#;
    assert_eq!(
        Policy::parse(policy).expect("a policy").statements[0].conditions[0].values,
        ["${v}"]
    );
}

#[test]
fn an_action_is_meant_without_regard_to_case() {
    for (actions, included) in [
        (
            Actions::Only(vec!["sts:assumerolewithwebidentity".to_owned()]),
            true,
        ),
        (Actions::Only(vec!["sts:AssumeRole".to_owned()]), false),
        (
            Actions::Only(vec![
                "sts:AssumeRole".to_owned(),
                "sts:AssumeRole*".to_owned(),
            ]),
            true,
        ),
        (Actions::Only(vec!["*".to_owned()]), true),
        (Actions::Only(vec![]), false),
        (Actions::AllBut(vec!["sts:TagSession".to_owned()]), true),
        (Actions::AllBut(vec!["sts:*".to_owned()]), false),
    ] {
        assert_eq!(
            actions.include("sts:AssumeRoleWithWebIdentity"),
            included,
            "{actions:?}"
        );
    }
}

#[test]
fn what_each_operator_holds_of() {
    const ABSENT: Option<&[&str]> = None;
    for (operator, wanted, found, held) in [
        ("StringEquals", vec!["a", "b"], Some(&["b"][..]), true),
        ("StringEquals", vec!["a"], Some(&["A"]), false),
        ("StringEquals", vec!["a*"], Some(&["ab"]), false),
        ("StringEquals", vec!["a*"], Some(&["a*"]), true),
        ("StringEquals", vec![""], Some(&[""]), true),
        ("StringEquals", vec!["a"], ABSENT, false),
        ("StringEquals", vec!["a"], Some(&[]), false),
        ("StringEquals", vec!["a"], Some(&["a", "b"]), false),
        ("StringEquals", vec![], Some(&["a"]), false),
        ("StringEqualsIfExists", vec!["a"], ABSENT, true),
        ("StringEqualsIfExists", vec!["a"], Some(&["b"]), false),
        ("StringEqualsIgnoreCase", vec!["Äa"], Some(&["äA"]), true),
        ("StringNotEqualsIgnoreCase", vec!["a"], Some(&["A"]), false),
        ("StringLike", vec!["x", "a:*"], Some(&["a:b/c:d"]), true),
        ("StringLike", vec!["a:*"], Some(&["A:b"]), false),
        ("StringLike", vec!["*"], ABSENT, false),
        ("StringNotEquals", vec!["a", "b"], Some(&["b"]), false),
        ("StringNotEquals", vec!["a", "b"], Some(&["c"]), true),
        ("StringNotEquals", vec!["a"], ABSENT, true),
        ("StringNotLike", vec!["a*", "b*"], Some(&["bc"]), false),
        ("StringNotLike", vec!["a*"], ABSENT, true),
        ("Bool", vec!["true"], Some(&["true"]), true),
        ("Bool", vec!["true"], Some(&["false"]), false),
        ("Bool", vec!["false"], ABSENT, false),
        ("BoolIfExists", vec!["false"], ABSENT, true),
        ("Null", vec!["true"], ABSENT, true),
        ("Null", vec!["true"], Some(&["a"]), false),
        ("Null", vec!["false"], Some(&["a"]), true),
        ("Null", vec!["false"], ABSENT, false),
        (
            "ForAnyValue:StringEquals",
            vec!["a"],
            Some(&["b", "a"]),
            true,
        ),
        ("ForAnyValue:StringEquals", vec!["a"], Some(&["b"]), false),
        ("ForAnyValue:StringEquals", vec![""], Some(&[""]), false),
        ("ForAnyValue:StringEquals", vec!["a"], ABSENT, false),
        (
            "ForAnyValue:StringNotEquals",
            vec!["a"],
            Some(&["a", "b"]),
            true,
        ),
        ("ForAnyValue:StringNotEquals", vec!["a"], ABSENT, false),
        (
            "ForAllValues:StringLike",
            vec!["a*", "b*"],
            Some(&["ax", "by"]),
            true,
        ),
        (
            "ForAllValues:StringLike",
            vec!["a*"],
            Some(&["ax", "by"]),
            false,
        ),
        (
            "ForAllValues:StringLike",
            vec!["a*"],
            Some(&["ax", ""]),
            false,
        ),
        ("ForAllValues:StringLike", vec!["a*"], Some(&[""]), true),
        ("ForAllValues:StringLike", vec!["a*"], ABSENT, true),
        ("ForAnyValue:StringEqualsIfExists", vec!["a"], ABSENT, true),
    ] {
        let parsed = Operator::parse(operator).expect(operator);
        assert_eq!(parsed.to_string(), operator);
        let own = |values: &[&str]| {
            values
                .iter()
                .map(|value| (*value).to_owned())
                .collect::<Vec<_>>()
        };
        let (wanted, found) = (own(&wanted), found.map(own));
        assert_eq!(
            parsed.holds(&wanted, found.as_deref()),
            held,
            "{operator} {wanted:?} of {found:?}"
        );
    }
}
