//! Jobs of the services that keep the code they run: GitHub and GitLab.

use serde_json::json;

use super::{Condition, Rule, Start, WILDCARD, example};
use crate::setup::{
    allow::{Context, Named},
    error::SetupError,
    issuer,
};

impl Start<'_> {
    /// Precedence of the contexts, encoding and the two forms of subjects: GitHub's documentation, "OpenID Connect
    /// reference". Repositories that were made, renamed or transferred after July 2026 have ids in theirs.
    pub(super) fn github(
        &self,
        owner: &Named,
        repository: &Named,
        context: &Context,
    ) -> Result<Rule, SetupError> {
        if !issuer::is_github(self.issuer) {
            return Err(SetupError::new(
                format!(
                    "{} is no issuer of GitHub Actions",
                    self.issuer.escape_debug()
                ),
                "leave --issuer out, or give https://token.actions.githubusercontent.com/ENTERPRISE, https://token.actions.SUBDOMAIN.ghe.com or https://HOST/_services/token",
            ));
        }
        let ends = match context {
            Context::Branch { name, .. } => format!("ref:refs/heads/{name}"),
            Context::Tag(name) => format!("ref:refs/tags/{name}"),
            Context::Environment(name) => format!("environment:{}", name.replace(':', "%3A")),
            Context::PullRequest => "pull_request".to_owned(),
        };
        let path = format!("{}/{}", owner.name, repository.name);
        let by_name = format!("repo:{path}:{ends}");
        let mut claims = json!({
            "repository": path,
            "repository_owner": owner.name,
            "event_name": "push",
            "workflow": "deploy",
        });
        match context {
            Context::Environment(name) => claims["environment"] = json!(name),
            Context::PullRequest => claims["event_name"] = json!("pull_request"),
            _ => claims["ref"] = json!(example(&ends["ref:".len()..])),
        }

        let (Some(owner_id), Some(repository_id)) = (&owner.id, &repository.id) else {
            let mut rule = self.subject(&by_name, &claims);
            rule.remarks.extend(github_remark(context));
            if !issuer::is_github_server(self.issuer) {
                rule.remarks.push(format!(
                    "{path} is known by its name here, which can come to belong to somebody else, and a repository made, renamed or moved since July 2026 has ids in its subject: \
                     give them as github:{}@ID/{}@ID, from `gh api repos/{path} --jq '.owner.id, .id'`",
                    owner.name, repository.name
                ));
            }
            return Ok(rule);
        };
        if issuer::is_github_server(self.issuer) {
            return Err(SetupError::new(
                "the subjects of GitHub Enterprise Server hold no ids",
                format!("leave the ids out: github:{path}{context}"),
            ));
        }
        let by_id = format!(
            "repo:{}@{owner_id}/{}@{repository_id}:{ends}",
            owner.name, repository.name
        );
        claims["repository_id"] = json!(repository_id);
        claims["repository_owner_id"] = json!(owner_id);
        let mut rule = self.subject(&by_id, &claims);
        rule.remarks.extend(github_remark(context));
        // With the ids pinned by keys of their own, the subject may have either form: it stays right when the repository
        // goes over to the new one.
        if self.has_key("repository_id") {
            rule.samples.push(self.sample(&example(&by_name), &claims));
            rule.subject.values.push(by_name);
            rule.others
                .push(Condition::equals("repository_id", [repository_id]));
            rule.others
                .push(Condition::equals("repository_owner_id", [owner_id]));
        }
        Ok(rule)
    }

    pub(super) fn gitlab(
        &self,
        group: &Named,
        project: &Named,
        context: &Context,
    ) -> Result<Rule, SetupError> {
        let (kind, name) = match context {
            Context::Branch { name, .. } => ("branch", name),
            Context::Tag(name) => ("tag", name),
            Context::Environment(_) | Context::PullRequest => {
                return Err(SetupError::new(
                    "GitLab's subjects name a branch or a tag, and nothing else",
                    "write gitlab:GROUP/PROJECT@BRANCH or gitlab:GROUP/PROJECT#tag:TAG",
                ));
            }
        };
        let path = format!("{}/{}", group.name, project.name);
        let mut claims = json!({
            "project_path": path,
            "namespace_path": group.name,
            "ref": example(name),
            "ref_type": kind,
            "ref_protected": "true",
            "pipeline_source": "push",
        });
        let ids = group.id.as_ref().zip(project.id.as_ref());
        if let Some((group_id, project_id)) = ids {
            claims["namespace_id"] = json!(group_id);
            claims["project_id"] = json!(project_id);
        }
        let subject = format!("project_path:{path}:ref_type:{kind}:ref:{name}");
        let mut rule = self.subject(&subject, &claims);
        if name.contains('*') {
            rule.remarks.push(WILDCARD.to_owned());
        }

        if !self.has_key("project_id") {
            if ids.is_some() {
                return Err(SetupError::new(
                    "AWS sees the ids of gitlab.com's projects alone, and this is another issuer",
                    format!("leave the ids out: gitlab:{path}{context}"),
                ));
            }
            rule.remarks.push("AWS sees no more of this GitLab's tokens than the subject, in which the pipeline of a merge request looks like that of its branch".to_owned());
            return Ok(rule);
        }
        if let Some((group_id, project_id)) = ids {
            rule.others
                .push(Condition::equals("namespace_id", [group_id]));
            rule.others
                .push(Condition::equals("project_id", [project_id]));
        } else {
            rule.remarks.push(format!(
                "{path} is known by its path here, which can come to belong to somebody else: give ids as gitlab:{}:ID/{}:ID, from `glab api projects/:id`",
                group.name, project.name
            ));
        }
        if let Context::Branch {
            protected: false, ..
        } = context
        {
            rule.remarks.push("the branch need not be protected: the pipeline of a merge request from a branch of that name passes, too".to_owned());
        } else {
            rule.others
                .push(Condition::equals("ref_protected", ["true"]));
            rule.remarks.push(format!("the {kind} must be protected, so that only those whom the project trusts with it can become the role"));
        }
        Ok(rule)
    }
}

fn github_remark(context: &Context) -> Option<String> {
    let remark = match context {
        Context::PullRequest => {
            "pull requests, from forks as well where the workflow runs on pull_request_target, can become the role: give it nothing that a stranger may not have"
        }
        Context::Branch { name, .. } | Context::Tag(name) if name.contains('*') => WILDCARD,
        Context::Branch { .. } => {
            "a job with an `environment:` has that in its subject instead of the branch"
        }
        _ => return None,
    };
    Some(remark.to_owned())
}
