//! Whom a role is for, as it is written on a command line: `github:acme/app@main`.

mod read;

use std::fmt;

use super::sources::{SOURCES, Source};

/// Whom a role is for: one kind of job, machine or person. Everything is compared to the letter; a `*` is taken in the name
/// of a branch or tag alone.
///
/// Ids are those that a service never gives to anybody else. In GitHub's form they stand behind an `@` as in its own
/// subjects, elsewhere behind a colon.
///
/// ```
/// use keyless_trust::setup::Allow;
///
/// let jobs: Allow = "github:acme/app@main".parse()?;
/// assert_eq!(jobs.to_string(), "github:acme/app@main");
/// assert_eq!(jobs.source().label, "GitHub Actions");
///
/// let everybody = "github:acme/*@main".parse::<Allow>().unwrap_err();
/// assert_eq!(everybody.to_string(), "\"*\" is not a repository's name");
/// # Ok::<(), keyless_trust::setup::SetupError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Jobs of GitHub Actions: `github:OWNER[@ID]/REPO[@ID]` and a [`Context`].
    GitHub {
        /// The organization or person.
        owner: Named,
        /// The repository; it has an id if the owner has.
        repository: Named,
        /// When they run.
        context: Context,
    },
    /// Jobs of GitLab CI: `gitlab:GROUP[:ID]/PROJECT[:ID]` and a [`Context`].
    GitLab {
        /// The path of the group, subgroups included.
        group: Named,
        /// The project; it has an id if the group has.
        project: Named,
        /// When they run.
        context: Context,
    },
    /// Jobs of CircleCI: `circleci:ORGANIZATION-ID/PROJECT-ID`. No branch: what its tokens say of one can be imitated.
    CircleCi {
        /// A UUID.
        organization: String,
        /// A UUID.
        project: String,
    },
    /// Jobs of Buildkite: `buildkite:ORGANIZATION[:ID]/PIPELINE[:ID]@BRANCH`.
    Buildkite {
        /// The organization's slug.
        organization: Named,
        /// The pipeline's slug; it has an id if the organization has.
        pipeline: Named,
        /// May hold `*`.
        branch: String,
    },
    /// Steps of Bitbucket Pipelines: `bitbucket:WORKSPACE[:ID]/REPO-ID[#environment:ID]`.
    Bitbucket {
        /// The workspace; its id is for the default audience.
        workspace: Named,
        /// A UUID.
        repository: String,
        /// The UUID of a deployment environment; without it every step of the repository.
        environment: Option<String>,
    },
    /// Runs of HCP Terraform or Terraform Enterprise: `tfc:ORGANIZATION/PROJECT/WORKSPACE[/RUN-PHASE]`.
    HcpTerraform {
        /// Its name.
        organization: String,
        /// Its name.
        project: String,
        /// Its name.
        workspace: String,
        /// `plan` or `apply`; without it both.
        run_phase: Option<String>,
    },
    /// Pods of Kubernetes: `k8s:NAMESPACE/SERVICE-ACCOUNT`.
    Kubernetes {
        /// The namespace.
        namespace: String,
        /// The service account.
        service_account: String,
    },
    /// Whatever runs as a service account of Google Cloud: `gcp:UNIQUE-ID`.
    GoogleCloud {
        /// The account's number.
        account: String,
    },
    /// A person with this address in `email`: `email:ADDRESS`.
    Email(String),
    /// Whoever has this `sub`: `sub:SUBJECT`.
    Subject(String),
}

/// A name, which can come to belong to somebody else, and perhaps the id, which cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The id.
    pub id: Option<String>,
}

/// For which branch, tag, environment or event a job runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context {
    /// `@BRANCH` or `#branch:BRANCH`, which may hold `*`.
    Branch {
        /// Its name, without `refs/heads/`.
        name: String,
        /// Written with `@`. On gitlab.com the branch must then be protected.
        protected: bool,
    },
    /// `#tag:TAG`, which may hold `*`. On gitlab.com it must be protected.
    Tag(String),
    /// `#environment:NAME`.
    Environment(String),
    /// `#pull_request`.
    PullRequest,
}

impl Allow {
    /// What is known of the kind of token.
    pub fn source(&self) -> &'static Source {
        let name = match self {
            Self::GitHub { .. } => "github",
            Self::GitLab { .. } => "gitlab",
            Self::CircleCi { .. } => "circleci",
            Self::Buildkite { .. } => "buildkite",
            Self::Bitbucket { .. } => "bitbucket",
            Self::HcpTerraform { .. } => "tfc",
            Self::Kubernetes { .. } => "k8s",
            Self::GoogleCloud { .. } => "gcp",
            Self::Email(_) => "email",
            Self::Subject(_) => "sub",
        };
        SOURCES
            .iter()
            .find(|source| source.name == name)
            .unwrap_or(&SOURCES[0]) // a test goes through them all
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.source().name)?;
        match self {
            Self::GitHub {
                owner,
                repository,
                context,
            } => write!(
                f,
                "{}/{}{context}",
                owner.with_id('@'),
                repository.with_id('@')
            ),
            Self::GitLab {
                group,
                project,
                context,
            } => write!(
                f,
                "{}/{}{context}",
                group.with_id(':'),
                project.with_id(':')
            ),
            Self::CircleCi {
                organization,
                project,
            } => write!(f, "{organization}/{project}"),
            Self::Buildkite {
                organization,
                pipeline,
                branch,
            } => write!(
                f,
                "{}/{}@{branch}",
                organization.with_id(':'),
                pipeline.with_id(':')
            ),
            Self::Bitbucket {
                workspace,
                repository,
                environment,
            } => {
                write!(f, "{}/{repository}", workspace.with_id(':'))?;
                environment
                    .iter()
                    .try_for_each(|id| write!(f, "#environment:{id}"))
            }
            Self::HcpTerraform {
                organization,
                project,
                workspace,
                run_phase,
            } => {
                write!(f, "{organization}/{project}/{workspace}")?;
                run_phase.iter().try_for_each(|phase| write!(f, "/{phase}"))
            }
            Self::Kubernetes {
                namespace,
                service_account,
            } => write!(f, "{namespace}/{service_account}"),
            Self::GoogleCloud { account: text } | Self::Email(text) | Self::Subject(text) => {
                f.write_str(text)
            }
        }
    }
}

impl Named {
    fn with_id(&self, before: char) -> String {
        match &self.id {
            Some(id) => format!("{}{before}{id}", self.name),
            None => self.name.clone(),
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch {
                name,
                protected: true,
            } => write!(f, "@{name}"),
            Self::Branch { name, .. } => write!(f, "#branch:{name}"),
            Self::Tag(name) => write!(f, "#tag:{name}"),
            Self::Environment(name) => write!(f, "#environment:{name}"),
            Self::PullRequest => f.write_str("#pull_request"),
        }
    }
}

#[cfg(test)]
mod tests;
