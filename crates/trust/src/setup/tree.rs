//! The trust policy as a tree that keeps its order, for the notations it is written in.

use std::fmt::Write;

/// A value of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A string, ASCII and printable.
    Text(String),
    /// The provider's ARN, which each notation has its own way to name.
    Provider,
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// One string alone, or a list of them: IAM takes both.
    pub(super) fn texts(texts: &[String]) -> Self {
        match texts {
            [one] => Self::text(one),
            several => Self::List(several.iter().map(Self::text).collect()),
        }
    }

    pub(super) fn object(members: impl IntoIterator<Item = (impl Into<String>, Node)>) -> Self {
        Self::Object(
            members
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }

    /// JSON without any space, and `provider` where the provider's ARN is wanted.
    pub(super) fn compact(&self, provider: &str) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Provider => quoted(provider),
            Self::List(values) => {
                let values: Vec<_> = values.iter().map(|value| value.compact(provider)).collect();
                format!("[{}]", values.join(","))
            }
            Self::Object(members) => {
                let member = |(name, value): &(String, Self)| {
                    format!("{}:{}", quoted(name), value.compact(provider))
                };
                let members: Vec<_> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    /// JSON for people, indented by two.
    pub(super) fn pretty(&self, provider: &str, indent: usize) -> String {
        let inner = " ".repeat(indent + 2);
        let (open, close, parts) = match self {
            Self::Text(_) | Self::Provider => return self.compact(provider),
            Self::List(values) => {
                let parts: Vec<_> = values
                    .iter()
                    .map(|value| value.pretty(provider, indent + 2))
                    .collect();
                ('[', ']', parts)
            }
            Self::Object(members) => {
                let member = |(name, value): &(String, Self)| {
                    format!("{}: {}", quoted(name), value.pretty(provider, indent + 2))
                };
                ('{', '}', members.iter().map(member).collect())
            }
        };
        format!(
            "{open}\n{inner}{}\n{}{close}",
            parts.join(&format!(",\n{inner}")),
            " ".repeat(indent)
        )
    }

    /// YAML below a line that ends with a colon; `provider` is an expression.
    pub(super) fn yaml(&self, provider: &str, indent: usize) -> String {
        let margin = " ".repeat(indent);
        match self {
            Self::Text(_) | Self::Provider => String::new(),
            Self::List(values) => values
                .iter()
                .map(|value| match value.inline(provider) {
                    Some(text) => format!("{margin}- {text}\n"),
                    // The first member stands behind the dash.
                    None => format!(
                        "{margin}- {}",
                        value.yaml(provider, indent + 2).trim_start()
                    ),
                })
                .collect(),
            Self::Object(members) => members
                .iter()
                .map(|(name, value)| {
                    let name = if is_word(name) {
                        name.clone()
                    } else {
                        quoted(name)
                    };
                    match value.inline(provider) {
                        Some(text) => format!("{margin}{name}: {text}\n"),
                        None => format!("{margin}{name}:\n{}", value.yaml(provider, indent + 2)),
                    }
                })
                .collect(),
        }
    }

    /// What stands on one line.
    fn inline(&self, provider: &str) -> Option<String> {
        match self {
            Self::Text(text) => Some(quoted(text)),
            Self::Provider => Some(provider.to_owned()),
            Self::List(_) | Self::Object(_) => None,
        }
    }

    /// An expression of Terraform's language, as `terraform fmt` sets it; `provider` is an expression, too.
    pub(super) fn hcl(&self, provider: &str, indent: usize) -> String {
        let (inner, outer) = (" ".repeat(indent + 2), " ".repeat(indent));
        match self {
            Self::Text(text) => hcl_quoted(text),
            Self::Provider => provider.to_owned(),
            Self::List(values) => {
                let values: Vec<_> = values
                    .iter()
                    .map(|value| format!("{inner}{}", value.hcl(provider, indent + 2)))
                    .collect();
                format!("[\n{}\n{outer}]", values.join(",\n"))
            }
            Self::Object(members) => {
                let named: Vec<(String, String)> = members
                    .iter()
                    .map(|(name, value)| {
                        let name = if is_word(name) {
                            name.clone()
                        } else {
                            hcl_quoted(name)
                        };
                        (name, value.hcl(provider, indent + 2))
                    })
                    .collect();
                format!("{{\n{}{outer}}}", assignments(&named, indent + 2))
            }
        }
    }
}

/// `name = value`, a line each; the equals signs of neighbours that have one line each stand below each other.
pub(super) fn assignments(members: &[(String, String)], indent: usize) -> String {
    let margin = " ".repeat(indent);
    let is_long = |(_, value): &(String, String)| value.contains('\n');
    let mut written = String::new();
    for run in members.chunk_by(|one, next| is_long(one) == is_long(next)) {
        let aligned = !run.iter().any(is_long);
        let width = run.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in run {
            let width = if aligned { width } else { 0 };
            _ = writeln!(written, "{margin}{name:width$} = {value}");
        }
    }
    written
}

fn is_word(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// A string of JSON, which is one of YAML as well.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A string of Terraform's language, in which `${` and `%{` begin a template.
pub(super) fn hcl_quoted(text: &str) -> String {
    quoted(text).replace("${", "$${").replace("%{", "%%{")
}
