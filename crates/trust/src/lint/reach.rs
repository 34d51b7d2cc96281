//! Who gets in: for each subject that a statement names, the one farthest from those meant.
//!
//! A pattern is not judged by its looks. A subject is made that it matches and that belongs to somebody else, and the whole policy,
//! denials included, is asked about it.

use crate::policy::{Place, Test, wildcard_matches};

use super::{
    catalogue::{critical, high, hygiene},
    custom,
    grammar::{Part, Witness, witness},
    grant::{Grant, Who, holds_of_nothing, names, takes_wildcards},
    issuers::Kind,
    rule::Rule,
};

/// What a statement lets in by one of its values.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// The farthest who gets in and is not meant; none where the value is tight.
    pub(super) who: Option<Who>,
    /// What that is called.
    pub(super) rule: Option<&'static Rule>,
    /// A subject that gets in.
    pub(super) example: String,
    /// Where the value stands.
    pub(super) place: Place,
    /// The value, where it is one of the statement's.
    pub(super) value: Option<String>,
}

/// A value that says which subjects may come.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) pattern: String,
    pub(super) wildcards: bool,
    pub(super) place: Place,
    /// Whether it stands in the statement, on the subject or on a claim that is part of it.
    pub(super) named: bool,
}

/// What each value of a grant lets in.
pub(super) fn of(grant: &Grant<'_>) -> Vec<Reach> {
    let candidates = candidates(grant);
    let unnamed = !candidates.iter().any(|candidate| candidate.named);
    if unnamed && let Some(reach) = custom::of_workflow_key(grant) {
        return reach;
    }
    candidates
        .iter()
        .filter_map(|candidate| judge(grant, candidate))
        .collect()
}

fn candidates(grant: &Grant<'_>) -> Vec<Candidate> {
    let mut found: Vec<_> = subjects(grant).collect();
    if found.is_empty() {
        for (claim, _, pattern) in grant
            .issuer
            .derived
            .iter()
            .filter(|(_, _, pattern)| !pattern.is_empty())
        {
            for condition in grant
                .naming(claim)
                .filter(|condition| !holds_of_nothing(condition))
            {
                found.extend(condition.values.iter().map(|value| Candidate {
                    pattern: pattern.replace("{}", value),
                    wildcards: true,
                    place: value.place,
                    named: true,
                }));
            }
        }
    }
    if found.is_empty() {
        let any = Candidate {
            pattern: "*".to_owned(),
            wildcards: true,
            place: grant.statement.place,
            named: false,
        };
        // A Deny for all but some says who is left.
        let spared = grant
            .policy
            .statements
            .iter()
            .filter(|statement| statement.effect == crate::policy::Effect::Deny);
        let spared = spared
            .flat_map(|statement| &statement.conditions)
            .filter(|condition| {
                condition.operator.test.is_negated()
                    && grant
                        .claim(&condition.key)
                        .is_some_and(|claim| claim.eq_ignore_ascii_case("sub"))
            });
        let spared = spared.flat_map(|condition| {
            condition.values.iter().map(|value| Candidate {
                pattern: value.to_string(),
                wildcards: takes_wildcards(condition.operator.test),
                ..any.clone()
            })
        });
        found.extend(spared);
        found.insert(0, any);
    }
    found.truncate(MOST);
    found
}

/// The values on `sub`.
pub(super) fn subjects<'a>(grant: &'a Grant<'_>) -> impl Iterator<Item = Candidate> + 'a {
    grant.naming("sub").flat_map(|condition| {
        condition.values.iter().map(|value| Candidate {
            pattern: value.to_string(),
            wildcards: takes_wildcards(condition.operator.test),
            place: value.place,
            named: true,
        })
    })
}

/// `None` where the value lets nobody in.
fn judge(grant: &Grant<'_>, candidate: &Candidate) -> Option<Reach> {
    let literal_wildcard = !candidate.wildcards && candidate.pattern.contains(['*', '?']);
    if literal_wildcard || candidate.pattern.len() > LONGEST {
        return None;
    }
    let reach = |who, rule, example: &str| {
        Some(Reach {
            who,
            rule,
            example: example.to_owned(),
            place: candidate.place,
            value: candidate.named.then(|| candidate.pattern.clone()),
        })
    };
    let issuer = grant.issuer;
    if issuer.grammars.is_empty() {
        let open = candidate.wildcards && is_open_by_itself(&candidate.pattern, issuer.shared);
        let example = candidate.pattern.replace(['*', '?'], "z");
        let who = [Who::Stranger, Who::Colleague].into_iter().find(|who| {
            open && (issuer.shared || *who < Who::Stranger) && grant.lets_in(&example, &[], *who)
        });
        return match who {
            Some(Who::Stranger) => reach(who, Some(stranger(grant, candidate)), &example),
            Some(_) => reach(
                who.filter(|_| issuer.no_subject.is_some()),
                vacuous(grant)
                    .filter(|_| !candidate.named)
                    .or(issuer.no_subject),
                &example,
            ),
            None => reach(None, None, &example),
        };
    }
    // At an issuer of one's own there are other organizations, too, and nobody else.
    let others = if issuer.shared {
        Who::Stranger
    } else {
        Who::Colleague
    };
    for (part, who) in [
        (Part::Tenant, others),
        (Part::Project, Who::Colleague),
        (Part::Context, Who::Contributor),
    ] {
        let hits: Vec<(Kind, Witness)> = witnesses(candidate, grant, part)
            .filter(|(kind, witness)| {
                grant.lets_in(&witness.subject, &known(grant, *kind, witness, who), who)
            })
            .collect();
        let Some((_, example)) = hits.first() else {
            continue;
        };
        let rule = match who {
            Who::Stranger => Some(stranger(grant, candidate)),
            Who::Colleague => colleague(grant, candidate),
            Who::Contributor => contributor(grant, candidate, &hits),
        };
        return reach(Some(who), rule, &example.subject);
    }
    let Some((kind, exact)) = witnesses(candidate, grant, Part::Any).next() else {
        return custom::of_subject(grant, candidate);
    };
    let who = Who::Contributor;
    if kind == Kind::PullRequest
        && grant.lets_in(&exact.subject, &known(grant, kind, &exact, who), who)
    {
        return reach(
            Some(who),
            Some(high::GITHUB_PULL_REQUEST_SUBJECT),
            &exact.subject,
        );
    }
    reach(None, None, &exact.subject)
}

/// A subject of each shape that the value matches and that leaves this part open.
fn witnesses<'a>(
    candidate: &'a Candidate,
    grant: &'a Grant<'_>,
    part: Part,
) -> impl Iterator<Item = (Kind, Witness)> + 'a {
    grant.issuer.grammars.iter().filter_map(move |grammar| {
        Some((
            grammar.kind,
            witness(grammar.text, &candidate.pattern, candidate.wildcards, part)?,
        ))
    })
}

/// The claims that go with a subject.
fn known<'a>(
    grant: &Grant<'_>,
    kind: Kind,
    witness: &Witness,
    who: Who,
) -> Vec<(&'a str, Option<String>)> {
    let derived = grant
        .issuer
        .derived
        .iter()
        .filter_map(|(claim, from, _)| Some((*claim, Some(witness.fill(from)?))));
    let mut known: Vec<_> = derived.collect();
    if who == Who::Contributor && kind != Kind::Other && grant.issuer.whose("ref").is_some() {
        // Who can only change the project runs on a branch of their own, as themselves.
        let reference = match kind {
            Kind::PullRequest => Some("refs/pull/1/merge".to_owned()),
            Kind::Tag => witness.fill("refs/tags/{tag}"),
            _ => witness.fill("refs/heads/{branch}"),
        };
        known.push(("ref", reference.or_else(|| Some("refs/heads/z".to_owned()))));
        known.push(("environment", witness.fill("{environment}")));
        known.push(("actor", Some("zz".to_owned())));
    }
    known
}

fn stranger(grant: &Grant<'_>, candidate: &Candidate) -> &'static Rule {
    if candidate.named {
        return if is_anything(grant, &candidate.pattern) {
            critical::SUBJECT_STAR
        } else {
            critical::ORG_PREFIX_WILDCARD
        };
    }
    let abusable = grant
        .statement
        .conditions
        .iter()
        .filter(|condition| names(condition));
    let mut abusable = abusable
        .filter_map(|condition| grant.claim(&condition.key))
        .filter(|claim| !["aud", "oaud", "amr"].contains(claim));
    vacuous(grant).unwrap_or(if abusable.next().is_some() {
        critical::ABUSABLE_CLAIM_ONLY
    } else {
        critical::NO_SUBJECT_CONDITION
    })
}

fn colleague(grant: &Grant<'_>, candidate: &Candidate) -> Option<&'static Rule> {
    if !candidate.named {
        return vacuous(grant).or(grant.issuer.no_subject);
    }
    let user_pinned = candidate
        .pattern
        .rsplit_once("/user/")
        .is_some_and(|(_, user)| !user.is_empty() && !user.contains(['*', '?']));
    if grant.issuer.name == "CircleCI" && user_pinned {
        return Some(high::VOLATILE_SUB);
    }
    Some(
        grant
            .issuer
            .open_project
            .unwrap_or(critical::WILDCARD_BEFORE_BOUNDARY),
    )
}

fn contributor(
    grant: &Grant<'_>,
    candidate: &Candidate,
    hits: &[(Kind, Witness)],
) -> Option<&'static Rule> {
    let has = |kind| hits.iter().any(|(found, _)| *found == kind);
    if has(Kind::PullRequest) {
        return Some(high::GITHUB_REPO_WILDCARD_CONTEXT);
    }
    if has(Kind::Environment) {
        return Some(high::ENVIRONMENT_WILDCARD);
    }
    if !has(Kind::Branch) && !has(Kind::Tag) {
        return grant.issuer.open_context;
    }
    let fixed = candidate
        .pattern
        .split(['*', '?'])
        .next()
        .unwrap_or_default();
    let after = |word: &str| fixed.split_once(word).map(|(_, name)| name);
    let (branch, tag) = (after("ref:refs/heads/"), after("ref:refs/tags/"));
    if branch.or(tag).is_some_and(|name| name.contains(':')) {
        return None; // Buildkite's subject goes on with the commit and the step, and only these are open
    }
    let is_narrowed = branch.is_some_and(|name| name.len() > 1 && name.ends_with('/'))
        || tag.is_some_and(|name| !name.is_empty());
    Some(if is_narrowed {
        hygiene::REF_PATTERN
    } else {
        high::BRANCH_WILDCARD
    })
}

/// The rule about the condition that looks as if it named somebody.
fn vacuous(grant: &Grant<'_>) -> Option<&'static Rule> {
    let about_them = |key: &str| match grant.claim(key) {
        Some(claim) => !["aud", "oaud"].contains(&claim),
        None => false,
    };
    let mut rules: Vec<_> = grant
        .statement
        .conditions
        .iter()
        .filter(|condition| about_them(&condition.key) && holds_of_nothing(condition))
        .map(|condition| {
            let operator = condition.operator;
            if operator.test == Test::Null {
                (2, critical::NULL_TRUE)
            } else if operator.if_exists {
                (1, critical::IFEXISTS_VACUOUS)
            } else if operator.quantifier.is_some() {
                (0, critical::FORALLVALUES_VACUOUS)
            } else {
                (3, critical::NEGATED_ONLY)
            }
        })
        .collect();
    rules.sort_by_key(|(order, _)| *order);
    rules.first().map(|(_, rule)| *rule)
}

/// Whether a pattern matches whatever the issuer gives out: subjects that have nothing in common but their shape.
fn is_anything(grant: &Grant<'_>, pattern: &str) -> bool {
    let shapes = grant
        .issuer
        .grammars
        .iter()
        .filter_map(|grammar| witness(grammar.text, "*", true, Part::Any));
    let mut shapes = shapes
        .filter(|shape| !shape.subject.contains('@'))
        .peekable();
    if shapes.peek().is_none() {
        return pattern
            .chars()
            .all(|character| matches!(character, '*' | '?'));
    }
    shapes.any(|shape| {
        let other = ["q", "zz"].map(|name| shape.subject.replace('z', name));
        wildcard_matches(pattern, &other[0]) && wildcard_matches(pattern, &other[1])
    })
}

/// Whether a pattern for subjects of no known shape fixes nothing, or only the connection in front, as in `auth0|*`. At a shared
/// issuer a name must end before the wildcard: `account:acme:*`, and not `account:*`.
fn is_open_by_itself(pattern: &str, shared: bool) -> bool {
    let fixed = pattern.split(['*', '?']).next().unwrap_or_default();
    let separators = fixed.matches([':', '/']).count();
    fixed.len() < pattern.len()
        && (fixed.is_empty() || fixed.ends_with('|') || (shared && separators < 2))
}

/// So many values of one statement are looked at. IAM's quota does not let more in.
const MOST: usize = 256;
/// The longest subject that an issuer gives out is shorter.
pub(super) const LONGEST: usize = 1_024;
