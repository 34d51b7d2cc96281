//! Reads an [`Allow`] from the form of its source.

use std::str::FromStr;

use super::{Allow, Context, Named};
use crate::setup::{
    error::SetupError,
    sources::{SOURCES, Source},
};

impl FromStr for Allow {
    type Err = SetupError;

    fn from_str(text: &str) -> Result<Self, SetupError> {
        let source = text
            .split_once(':')
            .and_then(|(name, rest)| Some((find(name)?, rest)));
        let Some((source, rest)) = source else {
            let names: Vec<_> = SOURCES.iter().map(|source| source.name).collect();
            return Err(SetupError::new(
                format!(
                    "expected an allowed subject such as github:acme/app@main, found {}",
                    text.escape_debug()
                ),
                format!("begin it with one of {}", names.join(":, ") + ":"),
            ));
        };
        let reader = Reader { source };
        match source.name {
            "github" => reader.github(rest),
            "gitlab" => reader.gitlab(rest),
            "circleci" => reader.circleci(rest),
            "buildkite" => reader.buildkite(rest),
            "bitbucket" => reader.bitbucket(rest),
            "tfc" => reader.tfc(rest),
            "k8s" => reader.kubernetes(rest),
            "gcp" => reader.gcp(rest),
            "email" => reader.email(rest),
            _ => Ok(Self::Subject(reader.checked(
                "a subject",
                rest,
                is_literal,
            )?)),
        }
    }
}

fn find(name: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.name == name)
}

/// Reads what stands behind the colon of one source's form.
struct Reader {
    source: &'static Source,
}

impl Reader {
    fn github(&self, text: &str) -> Result<Allow, SetupError> {
        let (owner, rest) = text.split_once('/').ok_or_else(|| self.misshaped(text))?;
        // No name of GitHub's holds an `@`: one in the owner says that ids are given, and the repository has its own.
        let (owner, id) = match owner.split_once('@') {
            Some((name, id)) => (name, Some(self.checked("an owner's id", id, is_digit)?)),
            None => (owner, None),
        };
        let end = |text: &str| text.find(['@', '#']).unwrap_or(text.len());
        let (repository, rest) = rest.split_at(end(rest));
        let (repository_id, rest) = match (&id, rest.strip_prefix('@')) {
            (Some(_), Some(rest)) => {
                let (id, rest) = rest.split_at(end(rest));
                (Some(self.checked("a repository's id", id, is_digit)?), rest)
            }
            (Some(_), None) => return Err(self.misshaped(text)),
            (None, _) => (None, rest),
        };
        let is_owner = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        Ok(Allow::GitHub {
            owner: Named {
                name: self.checked("an owner's name", owner, is_owner)?,
                id,
            },
            repository: Named {
                name: self.checked("a repository's name", repository, is_path_name)?,
                id: repository_id,
            },
            context: self.context(
                text,
                rest,
                &["branch", "tag", "environment", "pull_request"],
            )?,
        })
    }

    fn gitlab(&self, text: &str) -> Result<Allow, SetupError> {
        let (path, context) = text.split_at(text.find(['@', '#']).unwrap_or(text.len()));
        let (group, project) = path.rsplit_once('/').ok_or_else(|| self.misshaped(text))?;
        let is_group = |c: char| is_path_name(c) || c == '/';
        let (group, project) = self.pair(
            text,
            ("a group's path", group, is_group),
            ("a project's name", project, is_path_name),
            is_digit,
        )?;
        Ok(Allow::GitLab {
            group,
            project,
            context: self.context(text, context, &["branch", "tag"])?,
        })
    }

    fn circleci(&self, text: &str) -> Result<Allow, SetupError> {
        let (organization, project) = text.split_once('/').ok_or_else(|| self.misshaped(text))?;
        Ok(Allow::CircleCi {
            organization: self.uuid("an organization's id", organization)?,
            project: self.uuid("a project's id", project)?,
        })
    }

    fn buildkite(&self, text: &str) -> Result<Allow, SetupError> {
        let (path, branch) = text.split_once('@').ok_or_else(|| self.misshaped(text))?;
        let (organization, pipeline) = path.split_once('/').ok_or_else(|| self.misshaped(text))?;
        let (organization, pipeline) = self.pair(
            text,
            ("an organization's slug", organization, is_slug),
            ("a pipeline's slug", pipeline, is_slug),
            |c| c.is_ascii_hexdigit() || c == '-',
        )?;
        Ok(Allow::Buildkite {
            organization,
            pipeline,
            branch: self.checked("a branch", branch, is_ref)?,
        })
    }

    fn bitbucket(&self, text: &str) -> Result<Allow, SetupError> {
        let (workspace, rest) = text.split_once('/').ok_or_else(|| self.misshaped(text))?;
        let (repository, environment) = match rest.split_once("#environment:") {
            Some((repository, environment)) => (
                repository,
                Some(self.uuid("an environment's id", environment)?),
            ),
            None => (rest, None),
        };
        let (workspace, id) = match workspace.split_once(':') {
            Some((name, id)) => (name, Some(self.uuid("a workspace's id", id)?)),
            None => (workspace, None),
        };
        Ok(Allow::Bitbucket {
            workspace: Named {
                name: self.checked("a workspace's name", workspace, is_path_name)?,
                id,
            },
            repository: self.uuid("a repository's id", repository)?,
            environment,
        })
    }

    fn tfc(&self, text: &str) -> Result<Allow, SetupError> {
        let parts: Vec<&str> = text.split('/').collect();
        let (organization, project, workspace, run_phase) = match *parts.as_slice() {
            [organization, project, workspace] => (organization, project, workspace, None),
            [organization, project, workspace, phase @ ("plan" | "apply")] => {
                (organization, project, workspace, Some(phase.to_owned()))
            }
            _ => return Err(self.misshaped(text)),
        };
        let is_name = |c: char| is_slug(c) || c == ' ';
        Ok(Allow::HcpTerraform {
            organization: self.checked("an organization's name", organization, is_name)?,
            project: self.checked("a project's name", project, is_name)?,
            workspace: self.checked("a workspace's name", workspace, is_name)?,
            run_phase,
        })
    }

    fn kubernetes(&self, text: &str) -> Result<Allow, SetupError> {
        let (namespace, account) = text.split_once('/').ok_or_else(|| self.misshaped(text))?;
        // Names of RFC 1123: no colon, so that one's end is the other's beginning.
        let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        Ok(Allow::Kubernetes {
            namespace: self.checked("a namespace", namespace, is_label)?,
            service_account: self
                .checked("a service account", account, |c| is_label(c) || c == '.')?,
        })
    }

    fn gcp(&self, text: &str) -> Result<Allow, SetupError> {
        Ok(Allow::GoogleCloud {
            account: self.checked("a service account's unique id, a number", text, is_digit)?,
        })
    }

    fn email(&self, text: &str) -> Result<Allow, SetupError> {
        let is_address = |c: char| c.is_ascii_graphic() && is_literal(c);
        let address = self.checked("an email address", text, is_address)?;
        match address.split_once('@') {
            Some((name, domain)) if !name.is_empty() && !domain.is_empty() => {
                Ok(Allow::Email(address))
            }
            _ => Err(self.misshaped(text)),
        }
    }

    /// Two names of which either both or neither have an id behind a colon.
    fn pair(
        &self,
        text: &str,
        first: (&str, &str, fn(char) -> bool),
        second: (&str, &str, fn(char) -> bool),
        is_id: fn(char) -> bool,
    ) -> Result<(Named, Named), SetupError> {
        let named = |(what, text, is_name): (&str, &str, fn(char) -> bool)| {
            let (name, id) = match text.split_once(':') {
                Some((name, id)) => (name, Some(self.checked("an id", id, is_id)?)),
                None => (text, None),
            };
            let name = self.checked(what, name, is_name)?;
            Ok::<_, SetupError>(Named { name, id })
        };
        let (first, second) = (named(first)?, named(second)?);
        if first.id.is_some() == second.id.is_some() {
            Ok((first, second))
        } else {
            Err(self.misshaped(text))
        }
    }

    fn context(&self, all: &str, text: &str, known: &[&str]) -> Result<Context, SetupError> {
        if let Some(branch) = text.strip_prefix('@') {
            return Ok(Context::Branch {
                name: self.checked("a branch", branch, is_ref)?,
                protected: true,
            });
        }
        let (kind, name) = match text.strip_prefix('#') {
            Some(context) => context.split_once(':').unwrap_or((context, "")),
            None => ("", ""),
        };
        if !known.contains(&kind) {
            return Err(self.misshaped(all));
        }
        match kind {
            "branch" => Ok(Context::Branch {
                name: self.checked("a branch", name, is_ref)?,
                protected: false,
            }),
            "tag" => Ok(Context::Tag(self.checked("a tag", name, is_ref)?)),
            "environment" => Ok(Context::Environment(self.checked(
                "an environment",
                name,
                is_literal,
            )?)),
            _ if text == "#pull_request" => Ok(Context::PullRequest),
            _ => Err(self.misshaped(all)),
        }
    }

    fn uuid(&self, what: &str, text: &str) -> Result<String, SetupError> {
        // Bitbucket shows its own in braces.
        let bare = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .unwrap_or(text);
        let lengths: Vec<_> = bare.split('-').map(str::len).collect();
        let id = self.checked(what, bare, |c| c.is_ascii_hexdigit() || c == '-')?;
        if lengths == [8, 4, 4, 4, 12] {
            Ok(id)
        } else {
            Err(self.unfit(what, text))
        }
    }

    fn checked(
        &self,
        what: &str,
        text: &str,
        is_part: impl Fn(char) -> bool,
    ) -> Result<String, SetupError> {
        // `${` would begin a policy variable.
        if text.is_empty() || text.contains("${") || !text.chars().all(is_part) {
            return Err(self.unfit(what, text));
        }
        Ok(text.to_owned())
    }

    fn unfit(&self, what: &str, found: &str) -> SetupError {
        let advice = if found.contains(['*', '?']) {
            "a wildcard there would let strangers in, or nobody; it is taken in the name of a branch or tag alone".to_owned()
        } else if !found.is_ascii() {
            "a trust policy is ASCII here: use an id, or another name".to_owned()
        } else {
            format!("write {}", self.source.form)
        };
        SetupError::new(format!("{found:?} is not {what}"), advice)
    }

    fn misshaped(&self, found: &str) -> SetupError {
        SetupError::new(
            format!(
                "{}:{} is not whole or not of this form",
                self.source.name,
                found.escape_debug()
            ),
            format!(
                "write {}, such as {}",
                self.source.form, self.source.example
            ),
        )
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn is_slug(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_".contains(c)
}

fn is_path_name(c: char) -> bool {
    is_slug(c) || c == '.'
}

/// Printable ASCII that means itself in every operator.
fn is_literal(c: char) -> bool {
    matches!(c, ' '..='~') && !"*?".contains(c)
}

/// What git allows in a name (git-check-ref-format), which `*` is not: here it stands for anything.
fn is_ref(c: char) -> bool {
    c.is_ascii_graphic() && !"~^:?[\\".contains(c)
}
