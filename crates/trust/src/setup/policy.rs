//! The trust policy that rules make.

use std::collections::BTreeMap;

use super::{
    Plan,
    rule::{Condition, Rule},
    tree::Node,
};

/// The whole document. Rules that ask for the same besides the subject share a statement.
pub(super) fn document(plan: &Plan, prefix: &str, is_built_in: bool, rules: &[Rule]) -> Node {
    let mut merged: Vec<(Condition, &[Condition])> = Vec::new();
    for rule in rules {
        let alike = merged.iter_mut().find(|(subject, others)| {
            *others == rule.others
                && subject.key == rule.subject.key
                && subject.operator == rule.subject.operator
        });
        match alike {
            Some((subject, _)) => {
                for value in &rule.subject.values {
                    if !subject.values.contains(value) {
                        subject.values.push(value.clone());
                    }
                }
            }
            None => merged.push((rule.subject.clone(), &rule.others)),
        }
    }

    let name = match plan.allow[0].source() {
        source if source.proof.is_empty() => "SignedIn".to_owned(),
        source => source
            .label
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect(),
    };
    let mut actions = vec!["sts:AssumeRoleWithWebIdentity".to_owned()];
    if plan.session_tags {
        actions.push("sts:TagSession".to_owned());
    }
    if plan.source_identity {
        actions.push("sts:SetSourceIdentity".to_owned());
    }
    let federated = if is_built_in {
        Node::text(prefix)
    } else {
        Node::Provider
    };
    let mut statements: Vec<Node> = merged
        .iter()
        .zip(1..)
        .map(|((subject, others), number)| {
            let sid = if number == 1 {
                name.clone()
            } else {
                format!("{name}{number}")
            };
            Node::object([
                ("Sid", Node::text(sid)),
                ("Effect", Node::text("Allow")),
                (
                    "Principal",
                    Node::object([("Federated", federated.clone())]),
                ),
                ("Action", Node::texts(&actions)),
                ("Condition", conditions(prefix, subject, others)),
            ])
        })
        .collect();
    if !plan.also_account.is_empty() {
        statements.push(also(plan));
    }
    Node::object([
        ("Version", Node::text("2012-10-17")),
        ("Statement", Node::List(statements)),
    ])
}

fn conditions(prefix: &str, subject: &Condition, others: &[Condition]) -> Node {
    let mut operators: BTreeMap<&str, BTreeMap<String, Node>> = BTreeMap::new();
    for Condition {
        operator,
        key,
        values,
    } in others.iter().chain([subject])
    {
        operators
            .entry(operator)
            .or_default()
            .insert(format!("{prefix}:{key}"), Node::texts(values));
    }
    Node::object(
        operators
            .into_iter()
            .map(|(operator, keys)| (operator, Node::object(keys))),
    )
}

/// Whom else the role is for, by their AWS identity.
fn also(plan: &Plan) -> Node {
    let principals: Vec<String> = plan
        .also_account
        .iter()
        .map(|who| {
            if who.starts_with("arn:") {
                who.clone()
            } else {
                format!("arn:{}:iam::{who}:root", plan.partition)
            }
        })
        .collect();
    Node::object([
        ("Sid", Node::text("AlsoAccount")),
        ("Effect", Node::text("Allow")),
        (
            "Principal",
            Node::object([("AWS", Node::texts(&principals))]),
        ),
        ("Action", Node::text("sts:AssumeRole")),
    ])
}
