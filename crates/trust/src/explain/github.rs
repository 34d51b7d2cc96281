//! Subjects of GitHub Actions: what differs between the one wanted and the one that came.
//!
//! `repo:OWNER/REPO:CONTEXT`, or `repo:OWNER@ID/REPO@ID:CONTEXT` since July 2026. The context is the job's environment if it
//! names one, else `pull_request` in one, else the ref.

use crate::policy::wildcard_matches;

/// What differs, as a hint's name and words, and whether the token's own subject may take the wanted one's place or stand
/// beside it.
pub(super) struct Difference {
    pub(super) id: &'static str,
    pub(super) words: String,
    pub(super) mend: Mend,
}

/// What is safe to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    Replace,
    Add,
    Nothing,
}

pub(super) fn difference(wanted: &str, found: &str) -> Option<Difference> {
    let (want, have) = (Subject::parse(wanted)?, Subject::parse(found)?);
    if !want.names.mean(&have.names) {
        return None; // another repository: that is the difference
    }
    let (id, words, mend) = if have.context == "pull_request" && want.context != have.context {
        (
            "github-pull-request",
            "the job ran for a pull request, whose subject is the same for every branch and, with pull_request_target, for every fork; \
             let a job that runs on push, or in an environment, have the role".to_owned(),
            Mend::Nothing,
        )
    } else if have.names.has_ids && !want.names.has_ids {
        (
            "github-immutable-subject",
            "the token's subject has the numbers of owner and repository (repositories made, renamed or moved since July 2026 have them); \
             the policy has the old form".to_owned(),
            Mend::Replace,
        )
    } else if want.names.has_ids && !have.names.has_ids {
        (
            "github-legacy-subject",
            "the policy wants a subject with the numbers of owner and repository; this repository's tokens still have the old form: \
             opt it in to immutable subjects".to_owned(),
            Mend::Nothing,
        )
    } else if want.context.starts_with("ref:") && have.context.starts_with("environment:") {
        (
            "github-environment",
            format!(
                "the job names an environment, and then its subject has that, {:?}, in place of the ref",
                have.context
            ),
            Mend::Add,
        )
    } else if want.context.starts_with("environment:") && have.context.starts_with("ref:") {
        (
            "github-no-environment",
            format!(
                "the policy wants {:?} and the job names no environment, so its subject has the ref: give the job `environment:`",
                want.context
            ),
            Mend::Add,
        )
    } else if want.context.starts_with("ref:refs/heads/")
        && have.context.starts_with("ref:refs/tags/")
        || want.context.starts_with("ref:refs/tags/") && have.context.starts_with("ref:refs/heads/")
    {
        (
            "github-ref-kind",
            "one of the two is a branch and the other a tag".to_owned(),
            Mend::Add,
        )
    } else {
        return None;
    };
    Some(Difference { id, words, mend })
}

struct Subject<'a> {
    names: Names,
    context: &'a str,
}

struct Names {
    owner: String,
    repository: String,
    has_ids: bool,
}

impl<'a> Subject<'a> {
    fn parse(subject: &'a str) -> Option<Self> {
        let (names, context) = subject.strip_prefix("repo:")?.split_once(':')?;
        let (owner, repository) = names.split_once('/')?;
        let name = |text: &str| text.split('@').next().unwrap_or(text).to_lowercase();
        Some(Self {
            names: Names {
                owner: name(owner),
                repository: name(repository),
                has_ids: owner.contains('@') && repository.contains('@'),
            },
            context,
        })
    }
}

impl Names {
    /// Whether these, which may be patterns, are the same but for the numbers.
    fn mean(&self, found: &Self) -> bool {
        wildcard_matches(&self.owner, &found.owner)
            && wildcard_matches(&self.repository, &found.repository)
    }
}
