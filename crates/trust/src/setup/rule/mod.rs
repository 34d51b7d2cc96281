//! What a token must say for one [`Allow`]: conditions of the trust policy, and a token that meets them.

mod forges;

use serde_json::{Map, Value, json};

use super::{
    allow::{Allow, Named},
    error::SetupError,
    issuer,
    sources::{GOOGLE, source_at},
};
use crate::keys::claims_for;

/// What a token must say, and one that does.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Who it is: the one that lists grow in, where several rules ask for the rest alike.
    pub(super) subject: Condition,
    /// The audience first.
    pub(super) others: Vec<Condition>,
    /// Claims of tokens that pass, without issuer and times.
    pub(super) samples: Vec<Map<String, Value>>,
    /// What a person should know of it.
    pub(super) remarks: Vec<String>,
}

/// One key of the issuer, and the values it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) operator: &'static str,
    /// Without the issuer before it.
    pub(super) key: &'static str,
    pub(super) values: Vec<String>,
}

impl Condition {
    fn equals(key: &'static str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            operator: "StringEquals",
            key,
            values: values.into_iter().map(Into::into).collect(),
        }
    }

    /// Exact where it can be: a `*` is a character like others to `StringEquals`.
    fn matching(key: &'static str, pattern: String) -> Self {
        let operator = if pattern.contains('*') {
            "StringLike"
        } else {
            "StringEquals"
        };
        Self {
            operator,
            ..Self::equals(key, [pattern])
        }
    }
}

/// The rule for `allow` at `issuer`, for tokens with one of `audiences`.
pub(super) fn rule(allow: &Allow, issuer: &str, audiences: &[String]) -> Result<Rule, SetupError> {
    let start = Start { issuer, audiences };
    match allow {
        Allow::GitHub {
            owner,
            repository,
            context,
        } => start.github(owner, repository, context),
        Allow::GitLab {
            group,
            project,
            context,
        } => start.gitlab(group, project, context),
        Allow::CircleCi {
            organization,
            project,
        } => Ok(start.circleci(organization, project)),
        Allow::Buildkite {
            organization,
            pipeline,
            branch,
        } => start.buildkite(organization, pipeline, branch),
        Allow::Bitbucket {
            repository,
            environment,
            ..
        } => Ok(start.bitbucket(repository, environment.as_deref())),
        Allow::HcpTerraform {
            organization,
            project,
            workspace,
            run_phase,
        } => Ok(start.terraform(
            &format!("organization:{organization}:project:{project}:workspace:{workspace}"),
            run_phase.as_deref(),
        )),
        Allow::Kubernetes {
            namespace,
            service_account,
        } => Ok(start.subject(
            &format!("system:serviceaccount:{namespace}:{service_account}"),
            &json!({}),
        )),
        Allow::GoogleCloud { account } => start.google_cloud(account),
        Allow::Email(address) => start.email(address),
        Allow::Subject(subject) => Ok(start.person(
            Condition::equals("sub", [subject]),
            &json!({"sub": subject}),
        )),
    }
}

/// What every rule of a plan starts from.
struct Start<'a> {
    issuer: &'a str,
    audiences: &'a [String],
}

impl Start<'_> {
    /// A rule for this subject, the audience, and no more.
    fn base(&self, subject: Condition) -> Rule {
        Rule {
            subject,
            others: vec![Condition::equals("aud", self.audiences)],
            samples: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// A rule for the subject `pattern`, and a token that has it and these claims besides.
    fn subject(&self, pattern: &str, claims: &Value) -> Rule {
        let mut rule = self.base(Condition::matching("sub", pattern.to_owned()));
        rule.samples.push(self.sample(&example(pattern), claims));
        rule
    }

    /// Claims of a token that is for the first of the audiences.
    fn sample(&self, subject: &str, claims: &Value) -> Map<String, Value> {
        let mut sample = Map::new();
        sample.insert("sub".to_owned(), json!(subject));
        sample.insert("aud".to_owned(), json!(self.audiences.first()));
        sample.extend(claims.as_object().cloned().unwrap_or_default());
        sample
    }

    /// Whether AWS makes a condition key of the claim at this issuer.
    fn has_key(&self, claim: &str) -> bool {
        let prefix = self.issuer.strip_prefix("https://").unwrap_or(self.issuer);
        claims_for(prefix).any(|known| known == claim)
    }

    /// Of a branch the second form of the subject tells (`…/vcs-ref/…`), but behind the user, who varies: a branch named
    /// like the end of another one's subject would pass.
    fn circleci(&self, organization: &str, project: &str) -> Rule {
        let subject = format!("org/{organization}/project/{project}/user/*");
        let user = "aaaa1111-bbbb-2222-cccc-333344445555";
        let claim = "oidc.circleci.com/project-id";
        let mut rule = self.base(Condition::matching("sub", subject.clone()));
        let claims = json!({claim: project, "oidc.circleci.com/ssh-rerun": false});
        let name = subject.replace('*', user);
        rule.samples.push(self.sample(&name, &claims));
        if self.has_key(claim) {
            rule.others
                .push(Condition::equals("oidc.circleci.com/project-id", [project]));
        }
        rule.remarks.push("every job of the project can become the role, whatever its branch, also one that somebody runs again with SSH".to_owned());
        rule
    }

    fn buildkite(
        &self,
        organization: &Named,
        pipeline: &Named,
        branch: &str,
    ) -> Result<Rule, SetupError> {
        let start = format!(
            "organization:{}:pipeline:{}:ref:refs/heads/",
            organization.name, pipeline.name
        );
        // No name of a branch holds a colon, so what follows cannot be imitated by one.
        let mut rule = self.base(Condition::matching(
            "sub",
            format!("{start}{branch}:commit:*"),
        ));
        let mut claims = json!({
            "organization_slug": organization.name,
            "pipeline_slug": pipeline.name,
            "build_branch": example(branch),
        });
        let ids = organization.id.as_ref().zip(pipeline.id.as_ref());
        match ids {
            Some(_) if !self.has_key("pipeline_id") => {
                return Err(SetupError::new(
                    "AWS sees the ids of agent.buildkite.com alone, and this is another issuer",
                    "leave the ids out",
                ));
            }
            Some((organization_id, pipeline_id)) => {
                claims["organization_id"] = json!(organization_id);
                claims["pipeline_id"] = json!(pipeline_id);
                rule.others
                    .push(Condition::equals("organization_id", [organization_id]));
                rule.others
                    .push(Condition::equals("pipeline_id", [pipeline_id]));
            }
            None => rule.remarks.push(
                "the pipeline is known by its slug here, which can come to belong to another one: give ids as buildkite:ORGANIZATION:ID/PIPELINE:ID@BRANCH".to_owned(),
            ),
        }
        if branch.contains('*') {
            rule.remarks.push(WILDCARD.to_owned());
        }
        let subject = format!(
            "{start}{}:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:deploy",
            example(branch)
        );
        rule.samples.push(self.sample(&subject, &claims));
        Ok(rule)
    }

    /// Ids have one length, so that none is the beginning of another.
    fn bitbucket(&self, repository: &str, environment: Option<&str>) -> Rule {
        let start = match environment {
            Some(environment) => format!("{{{repository}}}:{{{environment}}}:"),
            None => format!("{{{repository}}}:"),
        };
        let step = "{5a4b3c2d-0000-1111-2222-333344445555}";
        let mut rule = self.base(Condition::matching("sub", format!("{start}*")));
        rule.samples
            .push(self.sample(&format!("{start}{step}"), &json!({})));
        if environment.is_none() {
            rule.remarks.push("every step of the repository can become the role, whatever its branch; #environment:ID narrows it to a deployment".to_owned());
        }
        rule
    }

    fn terraform(&self, workspace: &str, run_phase: Option<&str>) -> Rule {
        let phases = run_phase.map_or_else(|| vec!["plan", "apply"], |phase| vec![phase]);
        let subjects: Vec<_> = phases
            .iter()
            .map(|phase| format!("{workspace}:run_phase:{phase}"))
            .collect();
        let mut rule = self.base(Condition::equals("sub", subjects.clone()));
        rule.samples = subjects
            .iter()
            .map(|subject| self.sample(subject, &json!({})))
            .collect();
        if run_phase.is_none() {
            rule.remarks.push("plans, which run for every proposed change, get the same role as applies; set one up for each with /plan and /apply".to_owned());
        }
        rule
    }

    /// The token's `aud` reaches the policy as `oaud`; `aud` is the account, from `azp` (IAM user guide, on Google).
    fn google_cloud(&self, account: &str) -> Result<Rule, SetupError> {
        if self.issuer != GOOGLE {
            return Err(SetupError::new(
                format!(
                    "service accounts of Google Cloud have the issuer {GOOGLE}, found {}",
                    self.issuer.escape_debug()
                ),
                "leave --issuer out",
            ));
        }
        let claims = json!({"azp": account, "email_verified": true});
        let mut rule = self.subject(account, &claims);
        rule.others = vec![
            Condition::equals("aud", [account]),
            Condition::equals("oaud", self.audiences),
        ];
        Ok(rule)
    }

    fn email(&self, address: &str) -> Result<Rule, SetupError> {
        if issuer::is_entra(self.issuer) {
            return Err(SetupError::new(
                "Entra verifies no email address: whoever administers a tenant, or themselves, can write another person's",
                "pin the subject instead, sub:SUBJECT, which `keyless token` shows after a sign-in without a role",
            ));
        }
        if let Some(source) = source_at(self.issuer).filter(|source| source.issuer != Some(GOOGLE))
        {
            return Err(SetupError::new(
                format!("tokens of {} name nobody's address", source.label),
                format!("write {}", source.form),
            ));
        }
        let mut rule = self.person(
            Condition::equals("email", [address]),
            &json!({"sub": "5f7c8ec7c33c6c004bbafe82", "email": address, "email_verified": true}),
        );
        if self.issuer != GOOGLE {
            rule.remarks.push("AWS does not look at email_verified: the identity provider must let nobody in with an address that it has not verified, and nobody change theirs".to_owned());
        }
        Ok(rule)
    }

    fn person(&self, subject: Condition, claims: &Value) -> Rule {
        let mut rule = self.base(subject);
        let sample = self.sample("", claims);
        // Google and Keycloak name the application once more.
        let mut with_azp = sample.clone();
        with_azp.insert("azp".to_owned(), sample["aud"].clone());
        rule.samples = if self.issuer == GOOGLE {
            vec![with_azp]
        } else {
            vec![sample, with_azp]
        };
        rule
    }
}

/// A name that a pattern stands for.
fn example(pattern: &str) -> String {
    pattern.replace('*', "1.2")
}

const WILDCARD: &str =
    "whoever may push a branch or tag that the `*` stands for can become the role";
