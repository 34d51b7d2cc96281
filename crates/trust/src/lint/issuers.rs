//! What is known of identity providers: who shares one, what IAM demands there, what subjects look like, and who decides about which
//! claim.
//!
//! Sources: IAM user guide, "Identity-provider controls for shared OIDC providers"; each identity provider's page on its tokens.

mod table;

use crate::policy::wildcard_matches;

use super::rule::Rule;
use table::{GITLAB_ELSEWHERE, ISSUERS, KUBERNETES, PRIVATE};

pub use table::{ISSUERS_CHECKED, ISSUERS_VERSION};

/// An issuer, or a kind of them.
#[derive(Debug)]
pub(super) struct Issuer {
    /// The issuer as in condition keys; `*` stands for anything.
    pattern: &'static str,
    /// What it is called.
    pub(super) name: &'static str,
    /// Whether anybody can get tokens of this issuer. Otherwise it is of one organization.
    pub(super) shared: bool,
    /// Of these keys IAM demands that one be compared; without an issuer in front where they have one of their own. None: no control.
    pub(super) required: &'static [&'static str],
    /// The shapes of its subjects; none where they have no known shape.
    pub(super) grammars: &'static [Grammar],
    /// Who decides about the value of a claim, of those that AWS maps.
    pub(super) claims: &'static [(&'static str, Whose)],
    /// Mapped claims that not every token has.
    pub(super) optional: &'static [&'static str],
    /// Claims whose value is in the subject: how to make it from the parts, and how to make a pattern of the subject from it.
    pub(super) derived: &'static [(&'static str, &'static str, &'static str)],
    /// What it is called if a pattern of the subject leaves the project open.
    pub(super) open_project: Option<&'static Rule>,
    /// What it is called if nothing pins the project, and no wildcard is to blame; none where that is as it should be.
    pub(super) no_subject: Option<&'static Rule>,
    /// What it is called if the circumstances are left open.
    pub(super) open_context: Option<&'static Rule>,
    /// Whether its owner can put AWS's claims (roles, tags, source identity) into the tokens.
    pub(super) custom_claims: bool,
}

/// One shape of a subject, see the module `grammar`.
#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) kind: Kind,
    pub(super) text: &'static str,
}

/// What a subject of a shape is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    PullRequest,
    Branch,
    Tag,
    Environment,
    /// No more is to be said.
    Other,
}

/// Who decides about the value of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Whoever asks for the token.
    Anyone,
    /// It names one person.
    Person,
    /// It names the organization.
    Tenant,
    /// It names the project.
    Project,
    /// It says that the run was checked, and outsiders cannot have that.
    Guard,
}

impl Issuer {
    /// What is known of this issuer. What is at an unknown host may be told by the subjects that a policy expects.
    pub(super) fn of<'a>(
        issuer: &str,
        mut subjects: impl Iterator<Item = &'a str>,
    ) -> &'static Self {
        if let Some(known) = ISSUERS
            .iter()
            .find(|known| wildcard_matches(known.pattern, issuer))
        {
            return known;
        }
        let guess = subjects.find_map(|subject| match subject {
            subject
                if subject.starts_with("project_path:") || subject.starts_with("project_id:") =>
            {
                Some(&GITLAB_ELSEWHERE)
            }
            subject if subject.starts_with("system:serviceaccount:") => Some(&KUBERNETES),
            _ => None,
        });
        guess.unwrap_or(&PRIVATE)
    }

    pub(super) fn whose(&self, claim: &str) -> Option<Whose> {
        let always = [("email", Whose::Person), ("sub", Whose::Person)];
        self.claims
            .iter()
            .chain(&always)
            .find(|(known, _)| known.eq_ignore_ascii_case(claim))
            .map(|(_, whose)| *whose)
    }
}
