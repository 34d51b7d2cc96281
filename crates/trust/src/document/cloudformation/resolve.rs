//! CloudFormation's functions, worked out as far as a template by itself tells.
//!
//! Source: CloudFormation user guide, "Intrinsic function reference".

use super::is_no_value;
use crate::json::{Kind, Member, Value};

pub(super) struct Resolver<'a> {
    template: &'a Value,
    /// What the result may still hold, so that a small template does not become a huge policy.
    budget: usize,
    /// Inside the URL of a provider that something else refers to.
    within: bool,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(template: &'a Value) -> Self {
        Self {
            template,
            budget: LONGEST,
            within: false,
        }
    }

    /// The value with its functions worked out; what keeps them from it is an error.
    pub(super) fn resolve(&mut self, value: &Value) -> Result<Value, String> {
        let kind = match &value.kind {
            Kind::Object(members) => match members.as_slice() {
                [
                    Member {
                        name,
                        value: argument,
                    },
                ] if &**name == "Ref" || name.starts_with("Fn::") => {
                    return self.call(name, argument, value);
                }
                members => {
                    let mut resolved = Vec::with_capacity(members.len());
                    for Member { name, value } in members {
                        let name = name.clone();
                        if let Some(value) = self.resolve_given(value)? {
                            resolved.push(Member { name, value });
                        }
                    }
                    Kind::Object(resolved)
                }
            },
            Kind::Array(values) => {
                let mut resolved = Vec::with_capacity(values.len());
                for value in values {
                    resolved.extend(self.resolve_given(value)?);
                }
                Kind::Array(resolved)
            }
            Kind::String(text) => {
                self.spend(text)?;
                Kind::String(text.clone())
            }
            other => other.clone(),
        };
        Ok(Value {
            kind,
            ..value.clone()
        })
    }

    /// The same, unless it is left out (`AWS::NoValue`).
    fn resolve_given(&mut self, value: &Value) -> Result<Option<Value>, String> {
        let value = self.chosen(value)?;
        if is_no_value(value) {
            return Ok(None);
        }
        self.resolve(value).map(Some)
    }

    /// What `Fn::If` comes to; anything else as it is.
    fn chosen<'v>(&mut self, mut value: &'v Value) -> Result<&'v Value, String> {
        while let Some(choice) = value.get("Fn::If") {
            let Some([condition, then, otherwise]) = choice.as_array() else {
                return Err("Fn::If wants a condition and two values".to_owned());
            };
            let name = condition
                .as_str()
                .ok_or("Fn::If wants the name of a condition first")?;
            value = if self.condition(name, 0)? {
                then
            } else {
                otherwise
            };
        }
        Ok(value)
    }

    /// Whether the condition of this name holds.
    fn condition(&mut self, name: &str, depth: usize) -> Result<bool, String> {
        let template = self.template;
        let condition = template
            .get("Conditions")
            .and_then(|conditions| conditions.get(name))
            .ok_or_else(|| format!("there is no condition {}", name.escape_debug()))?;
        self.holds(condition, depth + 1)
    }

    fn holds(&mut self, condition: &Value, depth: usize) -> Result<bool, String> {
        let unclear = || "a condition is not worked out here".to_owned();
        let Some([Member { name, value }]) = condition.as_object() else {
            return Err(unclear());
        };
        if depth > DEEPEST_CONDITION {
            return Err("the conditions go round in circles".to_owned());
        }
        self.spend_bytes(name.len())?; // so that few that are named often do not take for ever
        match (&**name, &value.kind) {
            ("Condition", Kind::String(name)) => self.condition(name, depth),
            ("Fn::Equals", Kind::Array(sides)) => match sides.as_slice() {
                [left, right] => {
                    let (left, right) = (self.resolve(left)?, self.resolve(right)?);
                    let sides = left.as_str().zip(right.as_str());
                    sides.map(|(left, right)| left == right).ok_or_else(unclear)
                }
                _ => Err(unclear()),
            },
            ("Fn::Not", Kind::Array(one)) => match one.as_slice() {
                [condition] => self.holds(condition, depth + 1).map(|holds| !holds),
                _ => Err(unclear()),
            },
            (and_or @ ("Fn::And" | "Fn::Or"), Kind::Array(conditions)) => {
                let decides = and_or == "Fn::Or";
                for condition in conditions {
                    if self.holds(condition, depth + 1)? == decides {
                        return Ok(decides);
                    }
                }
                Ok(!decides)
            }
            _ => Err(unclear()),
        }
    }

    fn call(&mut self, function: &str, argument: &Value, call: &Value) -> Result<Value, String> {
        let text = match (function, &argument.kind) {
            ("Ref", Kind::String(name)) => return self.reference(name, call),
            ("Fn::If", _) => {
                let chosen = self.chosen(call)?;
                return self.resolve(chosen);
            }
            ("Fn::GetAtt", Kind::String(name)) => self.attribute(name)?,
            ("Fn::GetAtt", Kind::Array(path)) => {
                let path: Vec<_> = path.iter().filter_map(Value::as_str).collect();
                self.attribute(&path.join("."))?
            }
            ("Fn::Sub", Kind::String(template)) => self.substitute(template, &[])?,
            ("Fn::Sub", Kind::Array(parts)) => match parts.as_slice() {
                [template, variables] => self.substitute(
                    template.as_str().ok_or("Fn::Sub wants a string first")?,
                    variables
                        .as_object()
                        .ok_or("Fn::Sub wants an object of variables second")?,
                )?,
                _ => return Err("Fn::Sub wants a string and an object of variables".to_owned()),
            },
            ("Fn::Join", Kind::Array(parts)) => match parts.as_slice() {
                [between, values] => self.join(between, values)?,
                _ => return Err("Fn::Join wants a delimiter and a list".to_owned()),
            },
            _ => return Err(format!("{function} is not worked out here")),
        };
        self.spend(&text)?;
        Ok(string(text, call))
    }

    fn join(&mut self, between: &Value, values: &Value) -> Result<String, String> {
        let values = self.resolve(values)?;
        let texts: Option<Vec<_>> = values
            .as_array()
            .map(|values| values.iter().filter_map(Value::as_str).collect());
        let (Some(between), Some(texts)) = (between.as_str(), texts) else {
            return Err("Fn::Join wants a delimiter and a list of strings".to_owned());
        };
        self.spend_bytes(texts.len().saturating_mul(between.len()))?;
        Ok(texts.join(between))
    }

    fn reference(&mut self, name: &str, call: &Value) -> Result<Value, String> {
        if name.starts_with("AWS::") {
            return Ok(string(format!("${{{name}}}"), call));
        }
        let template = self.template;
        if let Some(parameter) = template
            .get("Parameters")
            .and_then(|parameters| parameters.get(name))
        {
            let Some(default) = parameter.get("Default") else {
                return Err(format!(
                    "the parameter {} has no Default",
                    name.escape_debug()
                ));
            };
            let text = match &default.kind {
                Kind::String(text) | Kind::Number(text) => text.clone(),
                Kind::Bool(value) => value.to_string(),
                _ => {
                    return Err(format!(
                        "the Default of {} is {}",
                        name.escape_debug(),
                        default.kind_name()
                    ));
                }
            };
            self.spend(&text)?;
            let list = parameter
                .get("Type")
                .and_then(Value::as_str)
                .is_some_and(|kind| kind == "CommaDelimitedList" || kind.starts_with("List<"));
            let kind = if list {
                Kind::Array(
                    text.split(',')
                        .map(|item| string(item.trim().to_owned(), call))
                        .collect(),
                )
            } else {
                Kind::String(text)
            };
            return Ok(Value {
                kind,
                ..call.clone()
            });
        }
        Ok(string(self.of_resource(name, false)?, call))
    }

    fn attribute(&mut self, path: &str) -> Result<String, String> {
        match path.split_once('.') {
            Some((name, "Arn")) => self.of_resource(name, true),
            _ => Err(format!(
                "the attribute {} is known only after the deployment",
                path.escape_debug()
            )),
        }
    }

    /// What `Ref` gives of a resource, or its ARN.
    fn of_resource(&mut self, name: &str, arn: bool) -> Result<String, String> {
        let unknown = || format!("{} is known only after the deployment", name.escape_debug());
        let template = self.template;
        let resource = template
            .get("Resources")
            .and_then(|resources| resources.get(name))
            .ok_or_else(unknown)?;
        let property = |name: &str| {
            resource
                .get("Properties")
                .and_then(|properties| properties.get(name))
        };
        let kind = resource.get("Type").and_then(Value::as_str);
        let named = match kind {
            Some("AWS::IAM::OIDCProvider") => property("Url"),
            Some("AWS::IAM::Role") => property("RoleName"),
            _ => None,
        };
        // A name may hold a reference, but no reference to a resource again: that could go round in circles.
        let named = named.filter(|_| !self.within).ok_or_else(unknown)?;
        self.within = true;
        let text = self.resolve(named);
        self.within = false;
        let text = text?.as_str().map(str::to_owned).ok_or_else(unknown)?;
        Ok(match kind {
            Some("AWS::IAM::Role") if !arn => text,
            Some("AWS::IAM::Role") => {
                let path = property("Path").and_then(Value::as_str).unwrap_or("/");
                format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role{path}{text}")
            }
            _ => format!(
                "arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:oidc-provider/{}",
                text.strip_prefix("https://").unwrap_or(&text)
            ),
        })
    }

    /// `${Name}`, `${Name.Attribute}`, and `${!Literal}`, which stands for itself.
    fn substitute(&mut self, template: &str, variables: &[Member]) -> Result<String, String> {
        let mut result = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else {
                break;
            };
            result.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                result.extend(["${", literal, "}"]);
            } else {
                let name = name.trim();
                let place = self.template;
                let value = if let Some(variable) =
                    variables.iter().find(|variable| &*variable.name == name)
                {
                    self.resolve(&variable.value)?
                } else if name.contains('.') {
                    string(self.attribute(name)?, place)
                } else {
                    self.reference(name, place)?
                };
                let text = value.as_str().ok_or_else(|| {
                    format!(
                        "{} is {}, and Fn::Sub wants a string",
                        name.escape_debug(),
                        value.kind_name()
                    )
                })?;
                self.spend(text)?;
                result.push_str(text);
            }
            rest = tail;
        }
        result.push_str(rest);
        Ok(result)
    }

    fn spend(&mut self, text: &str) -> Result<(), String> {
        self.spend_bytes(text.len())
    }

    fn spend_bytes(&mut self, count: usize) -> Result<(), String> {
        self.budget = self.budget.checked_sub(count).ok_or_else(|| {
            format!("it becomes longer than {LONGEST} characters, which IAM takes at most")
        })?;
        Ok(())
    }
}

fn string(text: String, at: &Value) -> Value {
    Value {
        kind: Kind::String(text),
        ..at.clone()
    }
}

/// The JSON text of a value, indented by two.
pub(super) fn render(value: &Value) -> String {
    let mut text = String::new();
    write(value, "\n", &mut text);
    text
}

fn write(value: &Value, line: &str, text: &mut String) {
    let inner = format!("{line}  ");
    match &value.kind {
        Kind::Null => text.push_str("null"),
        Kind::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Kind::Number(number) => text.push_str(number),
        Kind::String(string) => text.push_str(&quoted(string)),
        Kind::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                text.push_str(&inner);
                write(value, &inner, text);
            }
            text.push_str(if values.is_empty() { "" } else { line });
            text.push(']');
        }
        Kind::Object(members) => {
            text.push('{');
            for (index, member) in members.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                text.push_str(&inner);
                text.push_str(&quoted(&member.name));
                text.push_str(": ");
                write(&member.value, &inner, text);
            }
            text.push_str(if members.is_empty() { "" } else { line });
            text.push('}');
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Conditions that name each other further than this name each other in a circle; those under And and Or are no deeper in what people write.
const DEEPEST_CONDITION: usize = 16;

/// The longest `AssumeRolePolicyDocument` of IAM's API model.
const LONGEST: usize = 131_072;
