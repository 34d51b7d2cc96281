//! Subjects that no token of the issuer has: a part is missing, doubled, or spelled otherwise.

use super::{
    Findings,
    catalogue::correctness as rules,
    custom,
    grammar::{Part, witness},
    grant::{Grant, holds_of_nothing},
    issuers::Kind,
    reach::{Candidate, LONGEST, subjects},
};

pub(super) fn check(grant: &Grant<'_>, findings: &mut Findings) {
    let is_github = grant.issuer.whose("job_workflow_ref").is_some();
    let wants_environment = grant
        .naming("environment")
        .any(|condition| !holds_of_nothing(condition));
    for candidate in subjects(grant).filter(|candidate| candidate.pattern.len() <= LONGEST) {
        let pattern = candidate.pattern.as_str();
        let text = pattern.escape_debug();
        let shapes: Vec<_> = shapes(grant, &candidate).collect();
        let (rule, message) = if is_github && is_half_immutable(pattern) {
            (
                rules::IMMUTABLE_SUB_NEEDED,
                format!("\"{text}\" has one id of two"),
            )
        } else if is_github && has_raw_colon(pattern) {
            (
                rules::COLON_ENCODING,
                format!("\"{text}\" has a colon in the name, which GitHub writes as %3A"),
            )
        } else if shapes.is_empty() && is_known_to_be_none(grant, &candidate) {
            (
                rules::SUBJECT_NEVER_MATCHES,
                format!("\"{text}\" is no subject of {}", grant.issuer.name),
            )
        } else if is_github
            && wants_environment
            && !shapes.is_empty()
            && !shapes.contains(&Kind::Environment)
        {
            (
                rules::ENVIRONMENT_OVERRIDES_REF,
                format!("a job with an environment never has the subject \"{text}\""),
            )
        } else {
            continue;
        };
        findings.add(rule, candidate.place, grant.number, &message);
    }
}

/// The shapes of subjects that a value can match.
fn shapes<'a>(grant: &'a Grant<'_>, candidate: &'a Candidate) -> impl Iterator<Item = Kind> + 'a {
    let grammars = grant.issuer.grammars.iter();
    let fitting = grammars.filter(|grammar| {
        witness(
            grammar.text,
            &candidate.pattern,
            candidate.wildcards,
            Part::Any,
        )
        .is_some()
    });
    fitting.map(|grammar| grammar.kind)
}

/// Whether a value that has no shape of the issuer's can be nothing else either.
fn is_known_to_be_none(grant: &Grant<'_>, candidate: &Candidate) -> bool {
    let another_rule = !candidate.wildcards && candidate.pattern.contains(['*', '?']);
    !grant.issuer.grammars.is_empty()
        && !another_rule
        && !candidate.pattern.contains("${")
        && grant.issuer.name != "GitLab" // a project may choose what its subjects are made of
        && custom::of_subject(grant, candidate).is_none()
}

/// `repo:acme@1/app:…`, or the other way round.
fn is_half_immutable(subject: &str) -> bool {
    let names = subject
        .strip_prefix("repo:")
        .and_then(|rest| rest.split(':').next())
        .and_then(|names| names.split_once('/'));
    names.is_some_and(|(owner, repository)| {
        owner.contains('@') != repository.contains('@')
            && !owner.contains('*')
            && !repository.contains('*')
    })
}

/// `…:environment:production:eu`, where what follows the second colon is no claim of a subject made of several.
fn has_raw_colon(subject: &str) -> bool {
    let after = |word: &str| subject.split_once(word).map(|(_, name)| name);
    let name = after(":environment:")
        .or_else(|| after(":ref:refs/heads/"))
        .or_else(|| after(":ref:refs/tags/"));
    let Some((_, rest)) = name.and_then(|name| name.split_once(':')) else {
        return false;
    };
    subject.starts_with("repo:")
        && !custom::is_claim(rest.split(':').next().unwrap_or_default())
        && !rest.starts_with('*')
}
