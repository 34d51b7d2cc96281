//! What `aws iam …` prints about roles and OpenID providers.

use super::{Document, Problem, number, partition_and_account, string, strings};
use crate::json::Value;

pub(super) fn is(value: &Value) -> bool {
    [
        "Role",
        "Roles",
        "RoleDetailList",
        ROLE_POLICY,
        "ClientIDList",
        "OpenIDConnectProviderList",
    ]
    .iter()
    .any(|member| value.get(member).is_some())
}

pub(super) fn read(text: &str, value: &Value, document: &mut Document) {
    // The members of the several commands, and a role by itself, as `--query Role` gives it.
    if let Some(role) = value.get("Role") {
        add_role(text, "Role", role, document);
    } else if let Some(roles) = value
        .get("Roles")
        .or_else(|| value.get("RoleDetailList"))
        .and_then(Value::as_array)
    {
        for (role, number) in roles.iter().zip(1..) {
            let origin = string(role.get("RoleName")).unwrap_or_else(|| format!("role {number}"));
            add_role(text, &origin, role, document);
        }
    } else if value.get(ROLE_POLICY).is_some() {
        let origin = string(value.get("RoleName")).unwrap_or_else(|| "role".to_owned());
        add_role(text, &origin, value, document);
    }
    if let Some(url) = value.get("Url").and_then(Value::as_str) {
        let arn = value.get("Arn").and_then(Value::as_str);
        document.add_provider(
            arn.and_then(partition_and_account),
            url,
            strings(value.get("ClientIDList")),
            strings(value.get("ThumbprintList")),
        );
    }
    if let Some(list) = value.get("OpenIDConnectProviderList") {
        document.problems.push(Problem {
            origin: "OpenIDConnectProviderList".to_owned(),
            message: "the list of OpenID providers has their ARNs and not their client ids".to_owned(),
            advice: "give what `aws iam get-open-id-connect-provider --open-id-connect-provider-arn ARN` prints of the one that counts".to_owned(),
            place: list.place,
        });
    }
}

fn add_role(text: &str, origin: &str, value: &Value, document: &mut Document) {
    let Some(policy) = value.get(ROLE_POLICY) else {
        document.problems.push(Problem {
            origin: origin.to_owned(),
            message: format!("it has no {ROLE_POLICY}"),
            advice: "give what `aws iam get-role --role-name NAME` prints, uncut".to_owned(),
            place: value.place,
        });
        return;
    };
    document.add_role(text, origin, policy, |role| {
        role.name = string(value.get("RoleName"));
        role.arn = string(value.get("Arn"));
        role.max_session = number(value.get("MaxSessionDuration"));
        role.permissions_boundary = value
            .get("PermissionsBoundary")
            .and_then(|boundary| string(boundary.get("PermissionsBoundaryArn")));
    });
}

const ROLE_POLICY: &str = "AssumeRolePolicyDocument";
