//! A Terraform plan or state, as `terraform show -json` prints it.
//!
//! Source: Terraform's documentation, "JSON output format".

use std::collections::VecDeque;

use super::{Document, Problem, number, partition_and_account, string, strings};
use crate::json::{Kind, Value};

pub(super) fn is(value: &Value) -> bool {
    value.get("format_version").is_some()
        || value.get("planned_values").is_some()
        || value.get("resource_changes").is_some()
}

pub(super) fn read(text: &str, value: &Value, document: &mut Document) {
    let values = value.get("planned_values").or_else(|| value.get("values"));
    let mut modules: VecDeque<&Value> = values
        .and_then(|values| values.get("root_module"))
        .into_iter()
        .collect();
    while let Some(module) = modules.pop_front() {
        for resource in items(module, "resources") {
            add(text, value, resource, document);
        }
        modules.extend(items(module, "child_modules"));
    }
}

fn add(text: &str, plan: &Value, resource: &Value, document: &mut Document) {
    let address = string(resource.get("address")).unwrap_or_default();
    let Some(values) = resource
        .get("values")
        .filter(|_| string(resource.get("mode")).as_deref() != Some("data"))
    else {
        return;
    };
    let arn = values.get("arn").and_then(Value::as_str);
    match string(resource.get("type")).as_deref() {
        Some("aws_iam_role") => match values.get(POLICY) {
            Some(policy) if !matches!(policy.kind, Kind::Null) => {
                document.add_role(text, &address, policy, |role| {
                    role.name = string(values.get("name"));
                    role.arn = arn.map(str::to_owned);
                    role.max_session = number(values.get("max_session_duration"));
                    role.permissions_boundary = string(values.get("permissions_boundary")).filter(|arn| !arn.is_empty());
                });
            }
            _ => document.problems.push(Problem {
                message: missing(plan, &address, POLICY),
                advice: "Terraform knows it after the apply: check the state then, or write the provider's ARN out in the policy".to_owned(),
                place: resource.place,
                origin: address,
            }),
        },
        Some("aws_iam_openid_connect_provider") => match values.get("url").and_then(Value::as_str) {
            Some(url) => document.add_provider(
                arn.and_then(partition_and_account),
                url,
                strings(values.get("client_id_list")),
                strings(values.get("thumbprint_list")),
            ),
            None => document.problems.push(Problem {
                message: missing(plan, &address, "url"),
                advice: "Terraform knows it after the apply: check the state then".to_owned(),
                place: resource.place,
                origin: address,
            }),
        },
        _ => {}
    }
}

/// A plan leaves out what it does not know yet, and says so elsewhere.
fn missing(plan: &Value, address: &str, attribute: &str) -> String {
    let unknown = items(plan, "resource_changes")
        .iter()
        .filter(|change| string(change.get("address")).as_deref() == Some(address))
        .filter_map(|change| change.get("change")?.get("after_unknown")?.get(attribute))
        .any(|unknown| unknown.kind == Kind::Bool(true));
    if unknown {
        format!("{attribute} is not known before the apply")
    } else {
        format!("it has no {attribute}")
    }
}

fn items<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value
        .get(member)
        .and_then(Value::as_array)
        .unwrap_or_default()
}

const POLICY: &str = "assume_role_policy";
