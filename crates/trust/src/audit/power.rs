//! Whether a permissions policy makes an administrator.

use serde::{Deserialize, Deserializer};

use crate::policy::wildcard_matches;

/// Policies of AWS that give everything, or let a role give itself everything.
const ADMINISTRATORS: [&str; 2] = ["AdministratorAccess", "IAMFullAccess"];

/// Whether this is the ARN of one of them: `arn:<partition>:iam::aws:policy/AdministratorAccess`.
pub(super) fn is_known_administrator(arn: &str) -> bool {
    arn.split_once(":iam::aws:policy/")
        .is_some_and(|(_, name)| ADMINISTRATORS.contains(&name))
}

/// Whether the document allows everything on everything, or everything about IAM, which comes to the same.
///
/// Conditions and `Deny` statements are not weighed: the answer is rather too often yes. What is no policy gives nothing.
pub(super) fn is_administrator(document: &str) -> bool {
    // Policies are many and most name each action: only the few with a wildcard need reading.
    if !document.contains('*') {
        return false;
    }
    serde_json::from_str::<Permissions>(document)
        .is_ok_and(|permissions| permissions.statement.0.iter().any(Statement::gives_all))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Permissions {
    statement: Many<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: String,
    #[serde(default)]
    action: Many<String>,
    not_action: Option<Many<String>>,
    #[serde(default)]
    resource: Many<String>,
    not_resource: Option<Many<String>>,
}

impl Statement {
    fn gives_all(&self) -> bool {
        let everywhere = self.not_resource.is_some()
            || self
                .resource
                .0
                .iter()
                .any(|resource| resource.bytes().all(|byte| byte == b'*' || byte == b':'));
        // An action that alone is enough: who attaches policies to itself needs no other.
        let among = |patterns: &[String]| {
            patterns.iter().any(|pattern| {
                let pattern = pattern.to_ascii_lowercase();
                ["iam:attachrolepolicy", "iam:putrolepolicy"]
                    .iter()
                    .all(|action| wildcard_matches(&pattern, action))
            })
        };
        let everything = match &self.not_action {
            Some(all_but) => !among(&all_but.0),
            None => among(&self.action.0),
        };
        self.effect == "Allow" && everywhere && everything
    }
}

/// One, or a list of them.
struct Many<T>(Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<T> {
            List(Vec<T>),
            One(T),
        }

        Ok(Self(match Either::deserialize(deserializer)? {
            Either::List(list) => list,
            Either::One(one) => vec![one],
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_is_known_by_what_it_may_do() {
        for (statement, expected) in [
            (r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, true),
            (
                r#"[{"Effect":"Allow","Action":["*:*"],"Resource":["*"]}]"#,
                true,
            ),
            (
                r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#,
                true,
            ),
            (
                r#"{"Effect":"Allow","Action":"IAM:*RolePolicy","Resource":"*"}"#,
                true,
            ),
            (
                r#"{"Effect":"Allow","NotAction":"s3:DeleteBucket","Resource":"*"}"#,
                true,
            ),
            (
                r#"{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::secret"}"#,
                true,
            ),
            (
                r#"{"Effect":"Allow","NotAction":["iam:*","organizations:*"],"Resource":"*"}"#,
                false,
            ),
            (r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#, false),
            (
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
                false,
            ),
            (
                r#"{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}"#,
                false,
            ),
            (
                r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::mine/*"}"#,
                false,
            ),
            ("5", false),
        ] {
            let document = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
            assert_eq!(is_administrator(&document), expected, "{statement}");
        }
        assert!(!is_administrator("* no JSON"));
    }

    #[test]
    fn the_administrators_of_aws_are_known_in_every_partition() {
        for (arn, expected) in [
            ("arn:aws:iam::aws:policy/AdministratorAccess", true),
            ("arn:aws-us-gov:iam::aws:policy/IAMFullAccess", true),
            ("arn:aws:iam::aws:policy/PowerUserAccess", false),
            (
                "arn:aws:iam::111122223333:policy/AdministratorAccess",
                false,
            ),
        ] {
            assert_eq!(is_known_administrator(arn), expected, "{arn}");
        }
    }
}
