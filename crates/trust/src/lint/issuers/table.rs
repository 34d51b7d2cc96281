//! The table of issuers.

use super::{Grammar, Issuer, Kind, Whose};
use crate::lint::catalogue::{high, hygiene};

/// The month in which the table was last compared with its sources.
pub const ISSUERS_CHECKED: &str = "2026-11";
/// The version of the table, one more with each change.
pub const ISSUERS_VERSION: u32 = 1;

pub(super) const PRIVATE: Issuer = Issuer {
    pattern: "*",
    name: "this identity provider",
    shared: false,
    required: &[],
    grammars: &[],
    claims: &[],
    optional: &[],
    derived: &[],
    open_project: None,
    no_subject: Some(high::PRIVATE_ISSUER_WITHOUT_SUBJECT),
    open_context: None,
    custom_claims: true,
};

const GITHUB: Issuer = Issuer {
    pattern: "token.actions.githubusercontent.com",
    name: "GitHub Actions",
    shared: true,
    required: &["sub", "job_workflow_ref"],
    grammars: &[
        Grammar {
            kind: Kind::PullRequest,
            text: "repo:{owner!}/{repo+}:|pull_request",
        },
        Grammar {
            kind: Kind::Branch,
            text: "repo:{owner!}/{repo+}:|ref:refs/heads/<branch>",
        },
        Grammar {
            kind: Kind::Tag,
            text: "repo:{owner!}/{repo+}:|ref:refs/tags/<tag>",
        },
        Grammar {
            kind: Kind::Environment,
            text: "repo:{owner!}/{repo+}:|environment:<environment>",
        },
        Grammar {
            kind: Kind::PullRequest,
            text: "repo:{owner!}@{owner_id!}/{repo+}@{repo_id+}:|pull_request",
        },
        Grammar {
            kind: Kind::Branch,
            text: "repo:{owner!}@{owner_id!}/{repo+}@{repo_id+}:|ref:refs/heads/<branch>",
        },
        Grammar {
            kind: Kind::Tag,
            text: "repo:{owner!}@{owner_id!}/{repo+}@{repo_id+}:|ref:refs/tags/<tag>",
        },
        Grammar {
            kind: Kind::Environment,
            text: "repo:{owner!}@{owner_id!}/{repo+}@{repo_id+}:|environment:<environment>",
        },
    ],
    claims: &[
        ("actor", Whose::Anyone), // a name can pass to somebody else
        ("actor_id", Whose::Person),
        ("job_workflow_ref", Whose::Anyone),
        ("repository", Whose::Project),
        ("repository_id", Whose::Project),
        ("repository_owner_id", Whose::Tenant),
        ("workflow", Whose::Anyone),
        ("ref", Whose::Anyone),
        ("environment", Whose::Anyone),
        ("enterprise_id", Whose::Tenant),
    ],
    optional: &["environment", "enterprise_id"],
    derived: &[
        ("repository", "{owner}/{repo}", "repo:{}:*"),
        ("repository_owner_id", "{owner_id}", ""),
        ("repository_id", "{repo_id}", ""),
    ],
    open_project: None,
    no_subject: Some(high::ORG_WIDE),
    open_context: None,
    custom_claims: false,
};

const GITLAB: Issuer = Issuer {
    pattern: "gitlab.com",
    name: "GitLab",
    shared: true,
    required: &["sub"],
    grammars: &[
        Grammar {
            kind: Kind::Other,
            text: "project_path:{group!}/<project+>:|ref_type:{type}:ref:<ref>",
        },
        Grammar {
            kind: Kind::Other,
            text: "project_id:{project_id+}:|ref_type:{type}:ref:<ref>",
        },
    ],
    claims: &[
        ("namespace_id", Whose::Tenant),
        ("project_id", Whose::Project),
        ("user_id", Whose::Person),
        ("user_login", Whose::Anyone),
        ("user_email", Whose::Person),
        ("user_access_level", Whose::Anyone),
        ("ref_protected", Whose::Guard),
        ("pipeline_source", Whose::Anyone),
        ("runner_environment", Whose::Anyone),
    ],
    no_subject: Some(high::ORG_WIDE),
    open_context: Some(high::GITLAB_MR_LOOKS_LIKE_BRANCH),
    custom_claims: false,
    ..PRIVATE
};

/// GitLab on somebody's own host, whose tokens have no keys but those of every issuer.
pub(super) const GITLAB_ELSEWHERE: Issuer = Issuer {
    pattern: "",
    shared: false,
    required: &[],
    claims: &[],
    ..GITLAB
};

pub(super) const KUBERNETES: Issuer = Issuer {
    pattern: "oidc.eks.*/id/*",
    name: "Kubernetes",
    grammars: &[Grammar {
        kind: Kind::Other,
        text: "system:serviceaccount:{namespace+}:{account}",
    }],
    open_project: Some(high::IRSA_SUBJECT_MISSING),
    no_subject: Some(high::IRSA_SUBJECT_MISSING),
    custom_claims: false,
    ..PRIVATE
};

const BUILDKITE: Issuer = Issuer {
    pattern: "agent.buildkite.com",
    name: "Buildkite",
    shared: true,
    required: &["sub"],
    grammars: &[
        Grammar {
            kind: Kind::Branch,
            text: "organization:{organization!}:pipeline:{pipeline+}:|ref:refs/heads/<branch>:commit:{commit}:step:<step>",
        },
        Grammar {
            kind: Kind::Tag,
            text: "organization:{organization!}:pipeline:{pipeline+}:|ref:refs/tags/<tag>:commit:{commit}:step:<step>",
        },
    ],
    claims: &[
        ("organization_slug", Whose::Tenant),
        ("organization_id", Whose::Tenant),
        ("pipeline_slug", Whose::Project),
        ("pipeline_id", Whose::Project),
        ("cluster_name", Whose::Anyone),
        ("cluster_id", Whose::Tenant),
        ("build_branch", Whose::Anyone),
    ],
    optional: &["cluster_name", "cluster_id"],
    derived: &[
        ("organization_slug", "{organization}", "organization:{}:*"),
        (
            "pipeline_slug",
            "{pipeline}",
            "organization:*:pipeline:{}:*",
        ),
        ("build_branch", "{branch}", ""),
    ],
    no_subject: Some(high::ORG_WIDE),
    custom_claims: false,
    ..PRIVATE
};

/// What anybody can use, and of whose subjects no shape is known here.
const SHARED: Issuer = Issuer {
    shared: true,
    required: &["sub"],
    custom_claims: false,
    ..PRIVATE
};

/// The first that fits counts.
pub(super) const ISSUERS: &[Issuer] = &[
    GITHUB,
    Issuer {
        pattern: "token.actions.githubusercontent.com/*",
        shared: false,
        required: &[],
        ..GITHUB
    }, // one enterprise's own
    Issuer {
        pattern: "*/_services/token",
        shared: false,
        required: &[],
        ..GITHUB
    }, // GitHub Enterprise Server
    Issuer {
        pattern: "token.actions.*.ghe.com",
        shared: false,
        required: &[],
        ..GITHUB
    }, // data residency
    GITLAB,
    BUILDKITE,
    Issuer {
        pattern: "agent.*.buildkite.dev",
        required: &[],
        ..BUILDKITE
    },
    Issuer {
        pattern: "oidc.circleci.com/org/*",
        name: "CircleCI",
        grammars: &[
            Grammar {
                kind: Kind::Other,
                text: "org/{org}/project/{project+}/|user/{user}",
            },
            Grammar {
                kind: Kind::Other,
                text: "org/{org}/project/{project+}/|user/{user}/vcs-origin/<origin>/vcs-ref/<ref>",
            },
        ],
        claims: &[("oidc.circleci.com/project-id", Whose::Project)],
        derived: &[(
            "oidc.circleci.com/project-id",
            "{project}",
            "org/*/project/{}/user/*",
        )],
        no_subject: Some(high::ORG_WIDE),
        open_context: Some(hygiene::CIRCLECI_SSH_RERUN),
        custom_claims: false,
        ..PRIVATE
    },
    Issuer {
        pattern: "app.terraform.io",
        name: "HCP Terraform",
        grammars: &[Grammar {
            kind: Kind::Other,
            text: "organization:{organization!}:project:<project+>:workspace:<workspace+>:|run_phase:{phase}",
        }],
        no_subject: Some(high::ORG_WIDE),
        open_context: Some(high::TFC_RUN_PHASE_WILDCARD),
        ..SHARED
    },
    Issuer {
        pattern: "api.bitbucket.org/2.0/workspaces/*/pipelines-config/identity/oidc",
        name: "Bitbucket",
        grammars: &[
            Grammar {
                kind: Kind::Other,
                text: "<repository+>:<step>",
            },
            Grammar {
                kind: Kind::Other,
                text: "<repository+>:<environment>:<step>",
            },
        ],
        open_project: Some(high::BITBUCKET_STEP_ONLY),
        no_subject: Some(high::BITBUCKET_STEP_ONLY),
        custom_claims: false,
        ..PRIVATE
    },
    Issuer {
        pattern: "oidc.vercel.com",
        required: &["aud"],
        ..VERCEL
    },
    Issuer {
        pattern: "oidc.vercel.com/*",
        shared: false,
        ..VERCEL
    },
    KUBERNETES,
    Issuer {
        pattern: "accounts.google.com",
        name: "Google",
        no_subject: Some(high::GOOGLE_AUD_WITHOUT_SUB),
        required: &[],
        ..SHARED
    },
    Issuer {
        pattern: "cognito-identity.amazonaws.com",
        name: "Amazon Cognito",
        required: &["aud"],
        no_subject: None,
        ..SHARED
    },
    Issuer {
        pattern: "graph.facebook.com",
        name: "Facebook",
        required: &[],
        claims: &[("app_id", Whose::Tenant), ("id", Whose::Person)],
        ..SHARED
    },
    Issuer {
        pattern: "www.amazon.com",
        name: "Login with Amazon",
        required: &[],
        claims: &[("app_id", Whose::Tenant), ("user_id", Whose::Person)],
        ..SHARED
    },
    Issuer {
        pattern: "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d*",
        name: "Microsoft Sentinel",
        required: &["sts:RoleSessionName"],
        no_subject: None,
        ..PRIVATE
    },
    Issuer {
        pattern: "oidc-configuration.audit-log.githubusercontent.com",
        name: "GitHub's audit log",
        ..SHARED
    },
    Issuer {
        pattern: "vstoken.actions.githubusercontent.com",
        name: "GitHub Actions, its first issuer",
        ..SHARED
    },
    Issuer {
        pattern: "oidc.codefresh.io",
        name: "Codefresh",
        ..SHARED
    },
    Issuer {
        pattern: "studio.datachain.ai/api",
        name: "DataChain Studio",
        ..SHARED
    },
    Issuer {
        pattern: "scalr.io",
        name: "Scalr",
        ..SHARED
    },
    Issuer {
        pattern: "tokens.cloud.shisho.dev",
        name: "Shisho Cloud",
        ..SHARED
    },
    Issuer {
        pattern: "proidc.upbound.io",
        name: "Upbound",
        ..SHARED
    },
    Issuer {
        pattern: "api.pulumi.com/oidc",
        name: "Pulumi",
        required: &["aud"],
        ..SHARED
    },
    Issuer {
        pattern: "sandboxes.cloud",
        name: "Sandboxes",
        required: &["aud"],
        ..SHARED
    },
];

const VERCEL: Issuer = Issuer {
    name: "Vercel",
    shared: true,
    grammars: &[Grammar {
        kind: Kind::Other,
        text: "owner:{owner!}:project:{project+}:|environment:{environment}",
    }],
    no_subject: Some(high::ORG_WIDE),
    open_context: Some(high::VERCEL_PREVIEW_SHARES_PROD),
    custom_claims: false,
    ..PRIVATE
};
