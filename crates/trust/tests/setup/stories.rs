//! Every form of every source, and the issuers that people sign in at.
#![allow(clippy::too_many_lines, reason = "a table")]

use keyless_trust::setup::{Allow, Plan, SOURCES};
use serde_json::{Value, json};

/// A plan, and claims that somebody else could come with: each is laid over the token that the role is for.
pub(crate) struct Story {
    issuer: Option<&'static str>,
    clients: &'static [&'static str],
    pub(crate) allow: &'static [&'static str],
    pub(crate) strangers: Vec<Value>,
}

fn story(allow: &'static [&'static str], strangers: Vec<Value>) -> Story {
    Story {
        issuer: None,
        clients: &[],
        allow,
        strangers,
    }
}

fn at(
    issuer: &'static str,
    clients: &'static [&'static str],
    allow: &'static [&'static str],
    strangers: Vec<Value>,
) -> Story {
    Story {
        issuer: Some(issuer),
        clients,
        allow,
        strangers,
    }
}

fn subjects(subjects: &[&str]) -> Vec<Value> {
    subjects
        .iter()
        .map(|subject| json!({"sub": subject}))
        .collect()
}

/// Every form of every source, and the issuers that people sign in at.
pub(crate) fn stories() -> Vec<Story> {
    vec![
        story(
            &["github:acme/app@main"],
            subjects(&[
                "repo:acme-evil/app:ref:refs/heads/main",
                "repo:acme/app-evil:ref:refs/heads/main",
                "repo:acme/app:ref:refs/heads/main2",
                "repo:acme/app:ref:refs/heads/main/x",
                "repo:acme/app:ref:refs/tags/main",
                "repo:acme/app:pull_request",
                "repo:acme/app:environment:main",
                "repo:Acme/app:ref:refs/heads/main",
                "repo:acme@1/app@2:ref:refs/heads/main",
            ]),
        ),
        story(
            &["github:acme/app@release/*"],
            subjects(&[
                "repo:acme/app:ref:refs/heads/main",
                "repo:acme/app:ref:refs/heads/release",
                "repo:acme/app:ref:refs/tags/release/1",
                "repo:acme/app2:ref:refs/heads/release/1",
            ]),
        ),
        story(
            &["github:acme/app#tag:v1.0"],
            subjects(&["repo:acme/app:ref:refs/heads/v1.0"]),
        ),
        story(
            &["github:acme/app#environment:prod: eu"],
            subjects(&[
                "repo:acme/app:environment:prod",
                "repo:acme/app:environment:prod: eu",
                "repo:acme/app:ref:refs/heads/prod",
            ]),
        ),
        story(
            &["github:acme/app#pull_request"],
            subjects(&["repo:acme/app:ref:refs/heads/pull_request"]),
        ),
        story(
            &["github:acme@12/app@34@main"],
            vec![
                json!({"sub": "repo:acme@12/app@35:ref:refs/heads/main"}),
                json!({"sub": "repo:acme@120/app@34:ref:refs/heads/main"}),
                json!({"sub": "repo:acme/app:ref:refs/heads/main", "repository_id": "35"}),
                json!({"sub": "repo:acme/app:ref:refs/heads/main", "repository_owner_id": "13"}),
            ],
        ),
        story(
            &["github:acme/app@main", "github:acme/app#tag:v*"],
            subjects(&["repo:acme/app:ref:refs/heads/v1"]),
        ),
        story(
            &["github:acme/web@main", "github:acme@12/app@34@main"],
            vec![
                json!({"sub": "repo:acme/app:ref:refs/heads/main", "repository_id": "35"}),
                json!({"sub": "repo:acme/app:ref:refs/heads/main", "repository_id": null}),
            ],
        ),
        story(
            &["github:acme@12/app@34@main", "github:acme/web@main"],
            vec![],
        ),
        at(
            "https://token.actions.githubusercontent.com/acme-inc",
            &[],
            &["github:acme@12/app@34#environment:prod"],
            vec![json!({"iss": "https://token.actions.githubusercontent.com"})],
        ),
        at(
            "https://token.actions.acme.ghe.com",
            &[],
            &["github:acme@12/app@34@main"],
            subjects(&["repo:acme/app:ref:refs/heads/main"]),
        ),
        at(
            "https://github.example.com/_services/token",
            &[],
            &["github:acme/app@main"],
            subjects(&["repo:acme@1/app@2:ref:refs/heads/main"]),
        ),
        story(
            &["gitlab:acme/web/app@main"],
            vec![
                json!({"ref_protected": "false"}),
                json!({"sub": "project_path:acme/web/app:ref_type:tag:ref:main"}),
                json!({"sub": "project_path:acme/web/app:ref_type:branch:ref:main2"}),
                json!({"sub": "project_path:acme-evil/web/app:ref_type:branch:ref:main"}),
            ],
        ),
        story(
            &["gitlab:acme:12/app:34@main"],
            vec![json!({"project_id": "35"}), json!({"namespace_id": "13"})],
        ),
        story(&["gitlab:acme/app#branch:fix"], vec![]),
        story(
            &["gitlab:acme/app#tag:v*"],
            vec![
                json!({"ref_protected": "false"}),
                json!({"sub": "project_path:acme/app:ref_type:branch:ref:v1"}),
            ],
        ),
        at(
            "https://gitlab.example.com",
            &["aws"],
            &["gitlab:acme/app@main"],
            vec![],
        ),
        story(
            &["circleci:2a3b4c5d-1111-2222-3333-444455556666/76543210-ba98-fedc-3210-edcba0987654"],
            vec![json!({"oidc.circleci.com/project-id": "99998888-7777-6666-5555-444433332222"})],
        ),
        story(
            &["buildkite:acme/deploy@main"],
            subjects(&[
                "organization:acme:pipeline:deploy:ref:refs/heads/evil:commit:1:step:main",
                "organization:acme:pipeline:deploy-evil:ref:refs/heads/main:commit:1:step:x",
                "organization:acme:pipeline:deploy:ref:refs/tags/main:commit:1:step:x",
            ]),
        ),
        story(
            &[
                "buildkite:acme:0a1b2c3d-1111-2222-3333-444455556666/deploy:9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff@release/*",
            ],
            vec![json!({"pipeline_id": "9f8e7d6c-aaaa-bbbb-cccc-ddddeeeefff0"})],
        ),
        story(
            &[
                "bitbucket:acme:0a1b2c3d-1111-2222-3333-444455556666/9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff",
            ],
            vec![],
        ),
        at(
            "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
            &["ari:cloud:bitbucket::workspace/0a1b2c3d-1111-2222-3333-444455556666"],
            &[
                "bitbucket:acme/9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff#environment:11112222-aaaa-bbbb-cccc-ddddeeeeffff",
            ],
            subjects(&[
                "{9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff}:{5a4b3c2d-0000-1111-2222-333344445555}",
                "{9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff}:{11112222-aaaa-bbbb-cccc-ddddeeee0000}:{5a4b3c2d-0000-1111-2222-333344445555}",
            ]),
        ),
        story(
            &["tfc:acme/Default Project/network"],
            subjects(&[
                "organization:acme:project:Default Project:workspace:network:run_phase:destroy",
                "organization:acme:project:Default Project:workspace:network2:run_phase:plan",
            ]),
        ),
        story(
            &["tfc:acme/infra/network/apply"],
            subjects(&["organization:acme:project:infra:workspace:network:run_phase:plan"]),
        ),
        at(
            "https://tfe.example.com",
            &["aws.workload.identity"],
            &["tfc:acme/infra/network/plan"],
            vec![],
        ),
        at(
            "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
            &[],
            &["k8s:web/frontend"],
            subjects(&[
                "system:serviceaccount:web:default",
                "system:serviceaccount:default:frontend",
            ]),
        ),
        story(
            &["gcp:112233445566778899001"],
            vec![
                json!({"aud": "https://other.example"}),
                json!({"sub": "112233445566778899002"}),
                json!({"azp": "112233445566778899002"}),
            ],
        ),
        at(
            "https://accounts.google.com",
            &["1234-abc.apps.googleusercontent.com"],
            &["email:alice@example.com", "email:bob@example.com"],
            vec![json!({"email": "alice@example.com.evil.example"})],
        ),
        at(
            "https://accounts.google.com",
            &["1234-abc.apps.googleusercontent.com"],
            &["sub:110169484474386276334"],
            vec![],
        ),
        at(
            "https://corp.eu.auth0.com/",
            &["S3cr3tN0tClientId"],
            &["sub:auth0|5f7c8ec7c33c6c004bbafe82"],
            subjects(&["github|5f7c8ec7c33c6c004bbafe82"]),
        ),
        at(
            "https://corp.eu.auth0.com/",
            &["S3cr3tN0tClientId"],
            &["email:alice@example.com"],
            vec![],
        ),
        at(
            "https://corp.okta.com/oauth2/default",
            &["0oa1b2c3"],
            &["email:alice@example.com"],
            vec![json!({"iss": "https://corp.okta.com"})],
        ),
        at(
            "https://login.microsoftonline.com/6f1d0000-1111-2222-3333-444455556666/v2.0",
            &["7a2e0000-1111-2222-3333-444455556666"],
            &["sub:AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ"],
            vec![json!({"email": "alice@example.com", "sub": "other"})],
        ),
        at(
            "https://id.example.com/realms/corp",
            &["keyless", "keyless-ci"],
            &["sub:5b1f3c0e-aaaa-bbbb-cccc-ddddeeeeffff"],
            vec![json!({"azp": "account"})],
        ),
    ]
}

impl Story {
    pub(crate) fn plan(&self) -> Plan {
        let allow: Vec<Allow> = self
            .allow
            .iter()
            .map(|text| text.parse().expect(text))
            .collect();
        Plan {
            issuer: self.issuer.map(str::to_owned),
            audiences: self.clients.iter().map(ToString::to_string).collect(),
            ..Plan::new("deploy", allow)
        }
    }
}

#[test]
fn every_source_has_a_story() {
    let stories = stories();
    for source in SOURCES {
        let told = stories
            .iter()
            .flat_map(|story| story.allow)
            .any(|allow| allow.starts_with(&format!("{}:", source.name)));
        assert!(told, "{}", source.name);
    }
}
