//! Policies that are understood, and those that are refused.
#![allow(clippy::too_many_lines, reason = "a table")]

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
    let (policy, lists) = (single.expect("a policy"), lists.expect("a policy"));
    assert_eq!(
        policy.version,
        Version::V2008,
        "as IAM has it where Version is absent"
    );
    for statement in [&policy.statements[0], &lists.statements[0]] {
        assert_eq!(statement.effect, Effect::Deny);
        assert_eq!(statement.principals.to_string(), "AWS 1");
        assert!(matches!(&statement.actions, Actions::AllBut(named) if named[0] == "a"));
        assert_eq!(statement.conditions[0].key, "k");
        assert_eq!(statement.conditions[0].values[0], "v");
    }
}

#[test]
fn every_kind_of_principal_and_value_is_read() {
    let policy = Policy::parse(
        r#"{"Id": "x", "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "a", "NotPrincipal": {"AWS": ["1", "2"], "Federated": "f", "Service": "s", "CanonicalUser": "c"}},
            {"Sid": "all", "Effect": "Deny", "Action": "a", "Principal": "*", "Condition": {"NumericEquals": {"k": [1, -2.5e3, "3"]}, "Bool": {"k": true}}}
        ]}"#,
    )
    .expect("a policy");
    let told: Vec<_> = policy
        .statements
        .iter()
        .map(|statement| statement.principals.to_string())
        .collect();
    assert_eq!(
        told,
        [
            "everyone but AWS 1 and AWS 2 and Federated f and Service s and CanonicalUser c",
            "everyone"
        ]
    );
    let conditions = &policy.statements[1].conditions;
    let values: Vec<_> = conditions
        .iter()
        .flat_map(|condition| &condition.values)
        .map(|value| &**value)
        .collect();
    assert_eq!(values, ["1", "-2.5e3", "3", "true"]);
}

#[test]
fn every_part_knows_its_place() {
    let text = r#"{
  "Statement": [
    {
      "Sid": "one", "Effect": "Allow",
      "Principal": {"AWS": "1", "Federated": ["f",
        "g"]},
      "Action": ["a", "b"],
      "Condition": {
        "StringLike": {"k": "v",
          "l": ["w", "x"]}
      }
    }
  ]
}"#;
    let policy = Policy::parse(text).expect("a policy");
    let statement = &policy.statements[0];
    let at = |place: Place| (place.line, place.column);
    assert_eq!(at(statement.place), (3, 5));
    assert_eq!(
        statement.sid.as_ref().map(|sid| at(sid.place)),
        Some((4, 14))
    );
    let principals: Vec<_> = statement
        .principals
        .named()
        .iter()
        .map(|principal| at(principal.name().place))
        .collect();
    assert_eq!(principals, [(5, 28), (5, 47), (6, 9)]);
    let actions: Vec<_> = statement
        .actions
        .named()
        .iter()
        .map(|action| at(action.place))
        .collect();
    assert_eq!(actions, [(7, 18), (7, 23)]);
    let conditions: Vec<_> = statement
        .conditions
        .iter()
        .map(|condition| {
            let values = condition.values.iter().map(|value| at(value.place));
            (
                at(condition.operator_place),
                at(condition.key.place),
                values.collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(
        conditions,
        [
            ((9, 9), (9, 24), vec![(9, 29)]),
            ((9, 9), (10, 11), vec![(10, 17), (10, 22)])
        ]
    );
}

#[test]
fn what_is_not_understood_is_an_error_that_says_so() {
    let with = |members: &str| statement(&format!("{PRINCIPAL}, {members}"));
    for (parsed, says) in [
        (Policy::parse(""), "the text ends where a value should be"),
        (
            Policy::parse(r#"["2012-10-17", "an id", []]"#),
            "a policy is an object, not a list",
        ),
        (
            Policy::parse(r#"{"Statement": [["s", "Allow", "*", "a"]]}"#),
            "a statement is an object, not a list",
        ),
        (Policy::parse("{}"), r#"the member "Statement" is missing"#),
        (
            Policy::parse(r#"{"Statement": []} x"#),
            "something follows the JSON text at line 1 column 19",
        ),
        (
            Policy::parse(r#"{"Statement": [], "Version": "2012"}"#),
            r#"not "2012" at line 1 column 30"#,
        ),
        (
            Policy::parse(r#"{"Statement": [], "Statements": []}"#),
            r#"there is no member "Statements""#,
        ),
        (
            Policy::parse(r#"{"Statement": "all"}"#),
            "a statement is an object, not a string",
        ),
        (
            statement(r#""Effect": "Deny""#),
            r#"the member "Effect" is there twice"#,
        ),
        (
            statement(r#""Action": "a""#),
            "either Principal or NotPrincipal",
        ),
        (
            statement(r#""Principal": "*""#),
            "either Action or NotAction",
        ),
        (with(r#""NotAction": null"#), "either Action or NotAction"),
        (with(r#""NotAction": "a""#), "either Action or NotAction"),
        (with(r#""Resource": "*""#), "a trust policy has no Resource"),
        (
            with(r#""NotResource": "*""#),
            "a trust policy has no Resource",
        ),
        (
            with(r#""NotPrincipal": "*""#),
            "either Principal or NotPrincipal",
        ),
        (
            with(r#""Conditions": {}"#),
            r#"there is no member "Conditions""#,
        ),
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
            r#"the member "AWS" is there twice"#,
        ),
        (
            statement(r#""Principal": "*", "Action": true"#),
            "expected a string, found a boolean",
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
            r#"there is no condition operator "StringEqual" at line 1 column"#,
        ),
        (
            on(r#"{"DateLessThan": {"k": "v"}}"#),
            r#"DateLessThan compares "k" with dates"#,
        ),
        (
            on(r#"{"NumericLessThanIfExists": {"k": ["1", "v"]}}"#),
            r#"NumericLessThanIfExists compares "k" with numbers, not with "v""#,
        ),
        (
            on(r#"{"NotIpAddress": {"k": "10.0.0.0/33"}}"#),
            r#"NotIpAddress compares "k" with addresses"#,
        ),
        (
            on(r#"{"BinaryEquals": {"k": "!"}}"#),
            r#"BinaryEquals compares "k" with base64"#,
        ),
        (
            on(r#"{"ForSomeValue:StringLike": {"k": "v"}}"#),
            r#"no condition operator "ForSomeValue:StringLike""#,
        ),
        (
            on(r#"{"NullIfExists": {"k": "true"}}"#),
            r#"no condition operator "NullIfExists""#,
        ),
        (
            on(r#"{"Null": {"k": "yes"}}"#),
            r#"compares "k" with "true" or "false", not"#,
        ),
        (
            on(r#"{"Bool": {"k": "1"}}"#),
            r#"compares "k" with "true" or "false", not"#,
        ),
        (
            on(r#"{"StringLike": {"k": "v"}, "StringLike": {"l": "v"}}"#),
            r#"the member "StringLike" is there twice"#,
        ),
        (
            on(r#"{"StringLike": {"k": "v", "k": "w"}}"#),
            r#"the member "k" is there twice"#,
        ),
        (
            on(r#"{"StringLike": {"k:Sub": "v", "k:sub": "w"}}"#),
            r#"the member "k:sub" is there twice"#,
        ),
        (
            on(r#"{"StringLike": {"k": {}}}"#),
            "a string, a number or a boolean, found an object",
        ),
        (
            on(r#"{"StringLike": {"k": null}}"#),
            "a string, a number or a boolean, found null",
        ),
    ] {
        let error = parsed.expect_err(says).to_string();
        assert!(error.contains(says), "{error} / {says}");
    }
}

#[test]
fn an_error_points_at_its_line() {
    let error = Policy::parse("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Perhaps\"}\n  ]\n}").expect_err("no effect");
    assert_eq!((error.place().line, error.place().column), (4, 16));
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
        Policy::parse(policy).expect("a policy").statements[0].conditions[0].values[0],
        "${v}"
    );
}

#[test]
fn an_action_is_meant_without_regard_to_case() {
    for (member, named, included) in [
        ("Action", r#""sts:assumerolewithwebidentity""#, true),
        ("Action", r#""sts:AssumeRole""#, false),
        ("Action", r#"["sts:AssumeRole", "sts:AssumeRole*"]"#, true),
        ("Action", r#""*""#, true),
        ("Action", "[]", false),
        ("NotAction", r#""sts:TagSession""#, true),
        ("NotAction", r#""sts:*""#, false),
    ] {
        let policy = statement(&format!(r#""Principal": "*", "{member}": {named}"#));
        let policy = policy.expect("a policy");
        assert_eq!(
            policy.statements[0]
                .actions
                .include("sts:AssumeRoleWithWebIdentity"),
            included,
            "{member} {named}"
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
        ("NumericEquals", vec!["1", "2.0"], Some(&["2"]), true),
        ("NumericEquals", vec!["1"], Some(&["one"]), false),
        ("NumericNotEquals", vec!["1", "2"], Some(&["2"]), false),
        ("NumericNotEquals", vec!["1"], ABSENT, true),
        ("NumericLessThan", vec!["10"], Some(&["9"]), true),
        ("NumericLessThan", vec!["10"], Some(&["10"]), false),
        ("NumericLessThanEquals", vec!["10"], Some(&["10"]), true),
        ("NumericGreaterThan", vec!["10"], Some(&["9"]), false),
        ("NumericGreaterThanEquals", vec!["10"], Some(&["10"]), true),
        ("NumericGreaterThan", vec!["10"], ABSENT, false),
        (
            "DateEquals",
            vec!["2027-01-15T08:00:00Z"],
            Some(&["1800000000"]),
            true,
        ),
        (
            "DateNotEquals",
            vec!["2027-01-15T08:00:00Z"],
            Some(&["1800000001"]),
            true,
        ),
        (
            "DateLessThan",
            vec!["2027-01-16"],
            Some(&["1800000000"]),
            true,
        ),
        (
            "DateLessThanEquals",
            vec!["1800000000"],
            Some(&["2027-01-15T09:00:00+01:00"]),
            true,
        ),
        (
            "DateGreaterThan",
            vec!["2027-01-16"],
            Some(&["1800000000"]),
            false,
        ),
        (
            "DateGreaterThanEquals",
            vec!["2027"],
            Some(&["1800000000"]),
            true,
        ),
        ("DateGreaterThan", vec!["2027"], Some(&["soon"]), false),
        ("BinaryEquals", vec!["AQID"], Some(&["AQID"]), true),
        ("BinaryEquals", vec!["AQID"], Some(&["aqid"]), false),
        (
            "IpAddress",
            vec!["10.0.0.0/8", "2001:db8::/32"],
            Some(&["2001:db8::7"]),
            true,
        ),
        ("IpAddress", vec!["10.0.0.0/8"], Some(&["11.0.0.1"]), false),
        ("IpAddress", vec!["10.0.0.0/8"], Some(&["here"]), false),
        (
            "NotIpAddress",
            vec!["10.0.0.0/8"],
            Some(&["11.0.0.1"]),
            true,
        ),
        (
            "NotIpAddress",
            vec!["10.0.0.0/8"],
            Some(&["10.1.2.3"]),
            false,
        ),
        (
            "ArnEquals",
            vec!["arn:aws:iam::1:role/*"],
            Some(&["arn:aws:iam::1:role/a:b"]),
            true,
        ),
        (
            "ArnLike",
            vec!["arn:aws:*:role/a"],
            Some(&["arn:aws:iam::1:role/a"]),
            false,
        ), // no * crosses a colon
        (
            "ArnLike",
            vec!["arn:aws:iam::*:role/?"],
            Some(&["arn:aws:iam::1:role/a"]),
            true,
        ),
        (
            "ArnLike",
            vec!["*"],
            Some(&["arn:aws:iam::1:role/a"]),
            false,
        ),
        (
            "ArnNotLike",
            vec!["arn:aws:iam::1:*"],
            Some(&["arn:aws:iam::2:role/a"]),
            true,
        ),
        (
            "ArnNotEquals",
            vec!["arn:aws:iam::1:*"],
            Some(&["arn:aws:iam::1:role/a"]),
            false,
        ),
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

#[test]
fn policy_variables_are_filled_in_by_the_new_language_alone() {
    let mut context = Context::default();
    context.set("aws:RequestTag/team", ["red"]);
    context.set("aws:RequestTag/odd", ["a*"]);
    context.set("aws:TagKeys", ["team", "odd"]);
    context.set("aws:userid", ["arn:aws:iam::1:role/r"]);
    for (operator, wanted, found, held) in [
        (
            "StringEquals",
            "team-${aws:RequestTag/team}",
            "team-red",
            true,
        ),
        ("StringEquals", "${AWS:requesttag/TEAM}", "red", true),
        (
            "StringEquals",
            "team-${aws:RequestTag/none}",
            "team-",
            false,
        ),
        (
            "StringNotEquals",
            "${aws:RequestTag/none}",
            "anything",
            true,
        ),
        ("StringLike", "*${aws:RequestTag/none}", "anything", false),
        (
            "StringEquals",
            "${aws:RequestTag/none, 'blue'}",
            "blue",
            true,
        ),
        ("StringEquals", "${aws:RequestTag/none, ''}", "", true),
        (
            "StringEquals",
            "${aws:RequestTag/team, 'blue'}",
            "red",
            true,
        ),
        (
            "StringEquals",
            "${aws:RequestTag/none, blue}",
            "blue",
            false,
        ), // a default needs its quotes
        ("StringEquals", "${aws:TagKeys}", "team", false), // several values are none
        ("StringLike", "${aws:RequestTag/team}-*", "red-1", true),
        ("StringLike", "${aws:RequestTag/odd}", "ab", false), // what a variable brings is no wildcard
        ("StringLike", "${aws:RequestTag/odd}", "a*", true),
        ("StringLike", "a${*}", "ab", false),
        ("StringLike", "a${*}b${?}${$}", "a*b?$", true),
        ("StringEquals", "a${*}", "a*", true),
        ("StringEquals", "${", "${", true),
        (
            "StringEquals",
            "${aws:RequestTag/team",
            "${aws:RequestTag/team",
            true,
        ),
        ("ArnLike", "${aws:userid}", "arn:aws:iam::1:role/r", true),
    ] {
        for (version, held) in [
            ("2012-10-17", held),
            (
                "2008-10-17",
                operator == "StringNotEquals" || wanted == found,
            ),
        ] {
            let text = serde_json::json!({"Version": version, "Statement": {
                "Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {operator: {"k": wanted}},
            }});
            let policy = Policy::parse(&text.to_string()).expect("a policy");
            context.set("k", [found]);
            let condition = &policy.statements[0].conditions[0];
            assert_eq!(
                condition.holds(policy.version, &context),
                held,
                "{version} {wanted} {found}"
            );
        }
    }
}

#[test]
fn numbers_and_dates_have_no_variables() {
    let policy = statement(
        r#""Principal": "*", "Action": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": "${aws:EpochTime}"}}"#,
    );
    assert!(policy.expect_err("no date").message().contains("compares"));
}
