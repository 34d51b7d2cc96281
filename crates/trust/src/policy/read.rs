//! Reads a policy document, so that an error carries its place and nothing is passed over.

use std::{collections::BTreeSet, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    Actions, Condition, Effect, Operator, Policy, PolicyError, Principal, Principals, Statement,
    Test, Version,
};

pub(super) fn policy(json: &str) -> Result<Policy, PolicyError> {
    let Object(document): Object<Document> = serde_json::from_str(json).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        PolicyError {
            message: text
                .strip_suffix(&place)
                .unwrap_or(&text)
                .chars()
                .filter(|c| !c.is_control())
                .collect(),
            position: (error.line() > 0).then(|| (error.line(), error.column())),
        }
    })?;
    let policy = Policy {
        version: document.version,
        statements: document.statements.0,
    };
    refuse_variables(&policy)?;
    Ok(policy)
}

/// In the new language `${…}` is a variable; comparing its letters instead would decide wrongly.
fn refuse_variables(policy: &Policy) -> Result<(), PolicyError> {
    if policy.version == Version::V2008 {
        return Ok(());
    }
    for (index, statement) in policy.statements.iter().enumerate() {
        for condition in &statement.conditions {
            if condition.values.iter().any(|value| value.contains("${")) {
                let message = format!(
                    "statement {} compares {} with a policy variable (${{…}}), which is not evaluated here",
                    index + 1,
                    condition.key.escape_debug()
                );
                return Err(PolicyError {
                    message,
                    position: None,
                });
            }
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "Version", default)]
    version: Version,
    #[serde(rename = "Id", default, deserialize_with = "given")]
    _id: Option<String>,
    #[serde(rename = "Statement")]
    statements: OneOrMany<Statement>,
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "2012-10-17" => Ok(Self::V2012),
            "2008-10-17" => Ok(Self::V2008),
            other => Err(Error::custom(format_args!(
                "Version is \"2012-10-17\" or \"2008-10-17\", not {other:?}"
            ))),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStatement {
    #[serde(rename = "Sid", default, deserialize_with = "given")]
    sid: Option<String>,
    #[serde(rename = "Effect")]
    effect: Effect,
    #[serde(rename = "Principal")]
    principals: Principals,
    #[serde(rename = "Action", default, deserialize_with = "given")]
    action: Option<OneOrMany<String>>,
    #[serde(rename = "NotAction", default, deserialize_with = "given")]
    not_action: Option<OneOrMany<String>>,
    #[serde(rename = "Condition", default)]
    conditions: Conditions,
    #[serde(
        rename = "Resource",
        alias = "NotResource",
        default,
        deserialize_with = "refuse_resource"
    )]
    _resource: (),
    #[serde(
        rename = "NotPrincipal",
        default,
        deserialize_with = "refuse_not_principal"
    )]
    _not_principal: (),
}

/// A member that may be left out, and is no `null` where it is there.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn refuse_resource<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(Error::custom(
        "a trust policy has no Resource: the role it belongs to is the resource",
    ))
}

fn refuse_not_principal<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(Error::custom("NotPrincipal is not evaluated here"))
}

impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(raw) = Object::<RawStatement>::deserialize(deserializer)?;
        let actions = match (raw.action, raw.not_action) {
            (Some(only), None) => Actions::Only(only.0),
            (None, Some(all_but)) => Actions::AllBut(all_but.0),
            _ => return Err(Error::custom("a statement has either Action or NotAction")),
        };
        Ok(Self {
            sid: raw.sid,
            effect: raw.effect,
            principals: raw.principals,
            actions,
            conditions: raw.conditions.0,
        })
    }
}

impl<'de> Deserialize<'de> for Effect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "Allow" => Ok(Self::Allow),
            "Deny" => Ok(Self::Deny),
            other => Err(Error::custom(format_args!(
                "Effect is \"Allow\" or \"Deny\", not {other:?}"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for Principals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Principals;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"*\" or an object with Federated, AWS or Service")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Principals, E> {
                if text == "*" {
                    Ok(Principals::Everyone)
                } else {
                    Err(E::custom(format_args!(
                        "Principal is \"*\" or an object, not {text:?}"
                    )))
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Principals, A::Error> {
                let mut principals = Vec::new();
                each_member(map, |kind: String, names: OneOrMany<String>| {
                    let principal = match kind.as_str() {
                        "AWS" => Principal::Aws,
                        "Federated" => Principal::Federated,
                        "Service" => Principal::Service,
                        _ => {
                            return Err(Error::custom(format_args!(
                                "a Principal is Federated, AWS or Service, not {kind:?}"
                            )));
                        }
                    };
                    principals.extend(names.0.into_iter().map(principal));
                    Ok(())
                })?;
                if principals.is_empty() {
                    Err(Error::custom("Principal names nobody"))
                } else {
                    Ok(Principals::Listed(principals))
                }
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// `{operator: {key: value or values}}`, in the order of the document.
#[derive(Default)]
struct Conditions(Vec<Condition>);

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Conditions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of operators, each with an object of condition keys")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Conditions, A::Error> {
                let mut conditions = Vec::new();
                each_member(map, |name: String, keys: Keys| {
                    let operator = Operator::parse(&name).ok_or_else(|| {
                        Error::custom(format_args!(
                            "the condition operator {name:?} is not evaluated here"
                        ))
                    })?;
                    for (key, values) in keys.0 {
                        let boolean = |value: &String| {
                            value.eq_ignore_ascii_case("true")
                                || value.eq_ignore_ascii_case("false")
                        };
                        if matches!(operator.test, Test::Bool | Test::Null)
                            && !values.iter().all(boolean)
                        {
                            return Err(Error::custom(format_args!(
                                "{operator} compares {key:?} with \"true\" or \"false\" only"
                            )));
                        }
                        conditions.push(Condition {
                            operator,
                            key,
                            values,
                        });
                    }
                    Ok(())
                })?;
                Ok(Conditions(conditions))
            }
        }

        deserializer.deserialize_map(Read)
    }
}

/// The condition keys under one operator. IAM does not tell keys apart by case, so two that differ in nothing else are one.
struct Keys(Vec<(String, Vec<String>)>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of condition keys")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                each_member(map, |key: String, values: OneOrMany<Scalar>| {
                    keys.push((key, values.0.into_iter().map(|value| value.0).collect()));
                    Ok(())
                })?;
                Ok(Keys(keys))
            }
        }

        deserializer.deserialize_map(Read)
    }
}

/// An object and nothing else: serde would read a structure from a list of its members as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Read(PhantomData))
    }
}

/// Reads an object member by member, and refuses one that is there twice, in whatever case.
fn each_member<'de, A: MapAccess<'de>, V: Deserialize<'de>>(
    mut map: A,
    mut member: impl FnMut(String, V) -> Result<(), A::Error>,
) -> Result<(), A::Error> {
    let mut seen = BTreeSet::new();
    while let Some(name) = map.next_key::<String>()? {
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(Error::custom(format_args!("duplicate member {name:?}")));
        }
        member(name, map.next_value()?)?;
    }
    Ok(())
}

/// IAM takes a single value wherever it takes a list.
struct OneOrMany<T>(Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for Read<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(OneOrMany(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|value| OneOrMany(vec![value]))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                T::deserialize(serde::de::value::StrDeserializer::new(text))
                    .map(|value| OneOrMany(vec![value]))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
                T::deserialize(serde::de::value::BoolDeserializer::new(value))
                    .map(|value| OneOrMany(vec![value]))
            }
        }

        deserializer.deserialize_any(Read(PhantomData))
    }
}

/// A value in a condition: a string, or a boolean without its quotes.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a boolean")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
        }

        deserializer.deserialize_any(Read)
    }
}
