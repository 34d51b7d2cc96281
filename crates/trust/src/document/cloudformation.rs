//! A CloudFormation template as JSON, its functions worked out as far as the template alone tells.
//!
//! Pseudo parameters stay as placeholders: `${AWS::AccountId}`. A parameter counts as its `Default`.

mod resolve;

use resolve::{Resolver, render};

use super::{Document, Problem, number, string, strings};
use crate::json::{Kind, Value};

pub(super) fn read(text: &str, template: &Value, document: &mut Document) {
    let resources = template
        .get("Resources")
        .and_then(Value::as_object)
        .unwrap_or_default();
    for member in resources {
        let origin = format!("Resources.{}", &*member.name);
        let kind = member.value.get("Type").and_then(Value::as_str);
        let Some(properties) = member.value.get("Properties") else {
            continue;
        };
        let outcome = match kind {
            Some("AWS::IAM::Role") => add_role(text, template, &origin, properties, document),
            Some("AWS::IAM::OIDCProvider") => add_provider(template, properties, document),
            _ => Ok(()),
        };
        if let Err(message) = outcome {
            document.problems.push(Problem {
                origin,
                message,
                advice: "give the parameter a Default, or check the role after the deployment with `aws iam get-role`".to_owned(),
                place: member.name.place,
            });
        }
    }
}

fn add_role(
    text: &str,
    template: &Value,
    origin: &str,
    properties: &Value,
    document: &mut Document,
) -> Result<(), String> {
    let mut resolver = Resolver::new(template);
    let Some(written) = properties.get("AssumeRolePolicyDocument") else {
        return Err("it has no AssumeRolePolicyDocument".to_owned());
    };
    let policy = resolver.resolve(written)?;
    // What only names the role does not keep its policy from being read.
    let mut optional = |name: &str| {
        let value = properties.get(name).filter(|value| !is_no_value(value))?;
        resolver.resolve(value).ok()
    };
    let (name, session, boundary) = (
        optional("RoleName"),
        optional("MaxSessionDuration"),
        optional("PermissionsBoundary"),
    );
    let resolved = policy != *written && policy.as_str().is_none();
    document.add_role(text, origin, &policy, |role| {
        if resolved {
            role.text = render(&policy);
        }
        role.name = string(name.as_ref());
        role.max_session = number(session.as_ref());
        role.permissions_boundary = string(boundary.as_ref());
    });
    Ok(())
}

fn add_provider(
    template: &Value,
    properties: &Value,
    document: &mut Document,
) -> Result<(), String> {
    let mut resolver = Resolver::new(template);
    let mut resolved = |name: &str| {
        properties
            .get(name)
            .map(|value| resolver.resolve(value))
            .transpose()
    };
    let (url, clients, thumbprints) = (
        resolved("Url")?,
        resolved("ClientIdList")?,
        resolved("ThumbprintList")?,
    );
    let url = string(url.as_ref()).ok_or("it has no Url")?;
    document.add_provider(
        None,
        &url,
        strings(clients.as_ref()),
        strings(thumbprints.as_ref()),
    );
    Ok(())
}

/// Whether a value is `{"Ref": "AWS::NoValue"}`, which takes its member away.
fn is_no_value(value: &Value) -> bool {
    matches!(&value.kind, Kind::Object(members)
        if members.len() == 1 && &*members[0].name == "Ref" && members[0].value.as_str() == Some("AWS::NoValue"))
}
