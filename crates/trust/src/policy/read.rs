//! Reads a policy document, so that an error carries its place and nothing is passed over.

use std::collections::BTreeSet;

use super::{
    Actions, Condition, Effect, Operator, Place, Policy, PolicyError, Principal, Principals,
    Statement, Text, Version,
};
use crate::json::{Kind, Member, Value};

pub(super) fn policy(json: &Value) -> Result<Policy, PolicyError> {
    let members = Members::of(json, "a policy")?;
    members.only(&["Version", "Id", "Statement"])?;
    if let Some(id) = members.get("Id") {
        text(id)?;
    }
    let version = match members.get("Version") {
        None => Version::default(),
        Some(version) => match &*text(version)? {
            "2012-10-17" => Version::V2012,
            "2008-10-17" => Version::V2008,
            other => {
                return Err(wrong(
                    version.place,
                    format!("Version is \"2012-10-17\" or \"2008-10-17\", not {other:?}"),
                ));
            }
        },
    };
    let statements = one_or_many(members.required("Statement")?)
        .iter()
        .map(statement)
        .collect::<Result<_, _>>()?;
    Ok(Policy {
        version,
        statements,
    })
}

fn statement(json: &Value) -> Result<Statement, PolicyError> {
    let members = Members::of(json, "a statement")?;
    for name in ["Resource", "NotResource"] {
        if let Some(resource) = members.get(name) {
            return Err(wrong(
                resource.place,
                "a trust policy has no Resource: the role it belongs to is the resource",
            ));
        }
    }
    members.only(&[
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Condition",
    ])?;
    let effect = members.required("Effect")?;
    let effect = match &*text(effect)? {
        "Allow" => Effect::Allow,
        "Deny" => Effect::Deny,
        other => {
            return Err(wrong(
                effect.place,
                format!("Effect is \"Allow\" or \"Deny\", not {other:?}"),
            ));
        }
    };
    let principals = match (members.get("Principal"), members.get("NotPrincipal")) {
        (Some(listed), None) => Principals::Listed(principals(listed)?),
        (None, Some(all_but)) => Principals::AllBut(principals(all_but)?),
        _ => {
            return Err(wrong(
                json.place,
                "a statement has either Principal or NotPrincipal",
            ));
        }
    };
    let actions = match (members.get("Action"), members.get("NotAction")) {
        (Some(only), None) => Actions::Only(texts(only)?),
        (None, Some(all_but)) => Actions::AllBut(texts(all_but)?),
        _ => {
            return Err(wrong(
                json.place,
                "a statement has either Action or NotAction",
            ));
        }
    };
    Ok(Statement {
        place: json.place,
        sid: members.get("Sid").map(text).transpose()?,
        effect,
        principals,
        actions,
        conditions: members
            .get("Condition")
            .map_or(Ok(Vec::new()), conditions)?,
    })
}

fn principals(json: &Value) -> Result<Vec<Principal>, PolicyError> {
    if let Some(everyone) = json.as_text() {
        return if everyone == "*" {
            Ok(vec![Principal::Everyone(everyone)])
        } else {
            Err(wrong(
                json.place,
                format!("Principal is \"*\" or an object, not {:?}", &*everyone),
            ))
        };
    }
    let mut principals = Vec::new();
    for member in Members::of(json, "Principal")?.0 {
        let principal = match &*member.name {
            "AWS" => Principal::Aws,
            "Federated" => Principal::Federated,
            "Service" => Principal::Service,
            "CanonicalUser" => Principal::CanonicalUser,
            other => {
                return Err(wrong(
                    member.name.place,
                    format!(
                        "a Principal is Federated, AWS, Service or CanonicalUser, not {other:?}"
                    ),
                ));
            }
        };
        principals.extend(texts(&member.value)?.into_iter().map(principal));
    }
    if principals.is_empty() {
        return Err(wrong(json.place, "Principal names nobody"));
    }
    Ok(principals)
}

/// `{operator: {key: value or values}}`, in the order of the document.
fn conditions(json: &Value) -> Result<Vec<Condition>, PolicyError> {
    let mut conditions = Vec::new();
    for member in Members::of(json, "Condition")?.0 {
        let name = &member.name;
        let operator = Operator::parse(name).ok_or_else(|| {
            wrong(
                name.place,
                format!("there is no condition operator {:?}", &**name),
            )
        })?;
        for Member { name: key, value } in Members::of(&member.value, name)?.0 {
            let values: Vec<_> = one_or_many(value)
                .iter()
                .map(scalar)
                .collect::<Result<_, _>>()?;
            if let Some(value) = values
                .iter()
                .find(|value| !operator.test.can_compare(value))
            {
                return Err(wrong(
                    value.place,
                    format!(
                        "{operator} compares {:?} with {}, not with {:?}",
                        &**key,
                        operator.test.values_are(),
                        &**value,
                    ),
                ));
            }
            conditions.push(Condition {
                operator,
                operator_place: name.place,
                key: key.clone(),
                values,
            });
        }
    }
    Ok(conditions)
}

/// The members of an object. IAM does not tell names apart by case where it compares them, so two that differ in nothing
/// else are one, and ambiguous.
struct Members<'a>(&'a [Member], Place);

impl<'a> Members<'a> {
    fn of(json: &'a Value, what: &str) -> Result<Self, PolicyError> {
        let members = json.as_object().ok_or_else(|| {
            wrong(
                json.place,
                format!(
                    "{} is an object, not {}",
                    what.escape_debug(),
                    json.kind_name()
                ),
            )
        })?;
        let mut seen = BTreeSet::new();
        for member in members {
            if !seen.insert(member.name.to_ascii_lowercase()) {
                return Err(wrong(
                    member.name.place,
                    format!("the member {:?} is there twice", &*member.name),
                ));
            }
        }
        Ok(Self(members, json.place))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        let member = self.0.iter().find(|member| member.name == *name)?;
        Some(&member.value)
    }

    fn required(&self, name: &str) -> Result<&'a Value, PolicyError> {
        self.get(name)
            .ok_or_else(|| wrong(self.1, format!("the member {name:?} is missing")))
    }

    fn only(&self, known: &[&str]) -> Result<(), PolicyError> {
        match self.0.iter().find(|member| !known.contains(&&*member.name)) {
            None => Ok(()),
            Some(member) => Err(wrong(
                member.name.place,
                format!(
                    "there is no member {:?} here, only {}",
                    &*member.name,
                    known.join(", ")
                ),
            )),
        }
    }
}

/// IAM takes a single value wherever it takes a list.
fn one_or_many(json: &Value) -> &[Value] {
    json.as_array().unwrap_or(std::slice::from_ref(json))
}

fn texts(json: &Value) -> Result<Vec<Text>, PolicyError> {
    one_or_many(json).iter().map(text).collect()
}

fn text(json: &Value) -> Result<Text, PolicyError> {
    json.as_text().ok_or_else(|| {
        wrong(
            json.place,
            format!("expected a string, found {}", json.kind_name()),
        )
    })
}

/// A value in a condition: a string, or a number or boolean without its quotes.
fn scalar(json: &Value) -> Result<Text, PolicyError> {
    match &json.kind {
        Kind::Bool(value) => Ok(Text::new(value.to_string(), json.place)),
        Kind::Number(value) | Kind::String(value) => Ok(Text::new(value.clone(), json.place)),
        Kind::Null | Kind::Array(_) | Kind::Object(_) => Err(wrong(
            json.place,
            format!(
                "expected a string, a number or a boolean, found {}",
                json.kind_name()
            ),
        )),
    }
}

fn wrong(place: Place, message: impl Into<String>) -> PolicyError {
    PolicyError {
        message: message.into(),
        place,
    }
}
