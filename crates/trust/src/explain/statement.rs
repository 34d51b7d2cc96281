//! A statement that does not let the caller in: its principal, its actions, its conditions.

use super::{
    Findings, Looking, condition,
    fix::{Fix, Miss},
    hint::Hint,
    near::{Nearness, near},
};
use crate::{
    arn,
    caller::Caller,
    evaluate::{StatementReport, Verdict},
    policy::{Actions, Effect, Principal, Principals},
};

/// Looks at every statement that could have let the caller in, and tells what each lacks, the nearest first.
pub(super) fn look(looking: &Looking<'_>, found: &mut Findings) -> Vec<Miss> {
    match &looking.decision.verdict {
        Verdict::Allow { .. } => return Vec::new(),
        Verdict::ExplicitDeny { statement, action } => {
            let place = looking.policy.statements[statement - 1].place;
            let words = format!(
                "statement {statement} denies {action} to this caller, and nothing outweighs a Deny; whoever wrote it has to change it"
            );
            found
                .hints
                .push(Hint::new("explicit-deny", words).of(*statement).at(place));
            return Vec::new();
        }
        Verdict::ImplicitDeny { .. } => {}
    }
    let mut looked: Vec<_> = looking
        .decision
        .statements
        .iter()
        .filter(|report| report.statement.effect == Effect::Allow)
        .map(|report| one(looking, report))
        .collect();
    if looked.is_empty() {
        found.hints.push(Hint::new(
            "no-statement",
            "the policy has no statement that allows anything",
        ));
    }
    looked.sort_by_key(|(miss, _)| miss.distance);
    let (misses, hints): (Vec<_>, Vec<_>) = looked.into_iter().unzip();
    found.hints.extend(hints.into_iter().flatten());
    misses
}

fn one(looking: &Looking<'_>, report: &StatementReport) -> (Miss, Vec<Hint>) {
    let mut miss = Miss {
        statement: report.number,
        distance: 0,
        fixes: Some(Vec::new()),
    };
    let mut hints = Vec::new();
    if !report.principal {
        hints.push(principal(looking, report, &mut miss));
    }
    let decision = looking.decision;
    for action in &decision.needed {
        let allowed = decision
            .statements
            .iter()
            .any(|report| report.statement.effect == Effect::Allow && report.applies_to(action));
        if !allowed && !report.actions.contains(action) {
            hints.push(self::action(report, action, &mut miss));
        }
    }
    for (index, condition) in report.conditions.iter().enumerate() {
        if !condition.held {
            hints.extend(condition::look(looking, index, condition, &mut miss));
        }
    }
    let hints = hints.into_iter().map(|hint| hint.of(report.number));
    (miss, hints.collect())
}

/// The statement is for somebody else.
fn principal(looking: &Looking<'_>, report: &StatementReport, miss: &mut Miss) -> Hint {
    let Principals::Listed(named) = &report.statement.principals else {
        miss.add(10, None);
        return Hint::new("not-principal", "NotPrincipal leaves this caller out")
            .at(report.statement.place);
    };
    let nearest = named.iter().enumerate().find_map(|(index, principal)| {
        let (id, words, mends) = match (looking.caller, principal) {
            (Caller::WebIdentity(provider), Principal::Federated(name)) => {
                federated(name, provider.arn(), provider.key_prefix())?
            }
            (Caller::Role { role_arn, .. }, Principal::Aws(name)) => aws(name, role_arn)?,
            _ => return None,
        };
        Some((index, id, words, mends))
    });
    let caller = match looking.caller {
        Caller::Role { role_arn, .. } => role_arn,
        Caller::WebIdentity(provider) => provider.arn(),
        Caller::Saml(provider) => provider.arn(),
    };
    if let Some((index, id, words, mends)) = nearest {
        let fix = mends.then(|| Fix::Principal {
            index,
            name: caller.to_owned(),
        });
        miss.add(if mends { 1 } else { 10 }, fix);
        return Hint::new(id, words).at(named[index].name().place);
    }
    miss.add(10, None);
    let first = &named[0];
    let (id, words) = match (looking.caller, first) {
        (Caller::WebIdentity(_), Principal::Aws(_)) => (
            "principal-aws",
            format!(
                "it is for {first}: callers with AWS credentials; who comes with a token is none of them, not even of \"*\""
            ),
        ),
        (Caller::WebIdentity(_), Principal::Federated(_)) => (
            "other-provider",
            format!(
                "it is for {}; the token's provider is {caller:?}",
                report.statement.principals
            ),
        ),
        (Caller::Role { .. }, Principal::Federated(_)) => (
            "principal-federated",
            format!("it is for {first}: callers with a token, not for a role's session"),
        ),
        _ => (
            "other-principal",
            format!(
                "it is for {}; the caller is {caller:?}",
                report.statement.principals
            ),
        ),
    };
    Hint::new(id, words).at(first.name().place)
}

/// How nearly a `Federated` principal names the provider, and whether it can have meant anything else.
fn federated(name: &str, wanted: &str, prefix: &str) -> Option<(&'static str, String, bool)> {
    let both = format!("it is for {name:?}; the token's provider is {wanted:?}");
    let Some((head, path)) = name.split_once(":oidc-provider/") else {
        let same = name.trim_start_matches("https://").trim_end_matches('/')
            == prefix.trim_end_matches('/');
        return same.then(|| {
            (
                "principal-not-arn",
                format!("{both}: the provider's whole ARN belongs there"),
                true,
            )
        });
    };
    let own = wanted
        .split_once(":oidc-provider/")
        .map_or("", |(head, _)| head);
    if path.starts_with("https://") || path.starts_with("http://") {
        return Some((
            "scheme-in-arn",
            format!("{both}: the ARN has the issuer without its scheme"),
            true,
        ));
    }
    if path == prefix && head != own {
        return Some(if arn::partition(name) == arn::partition(wanted) {
            (
                "other-account",
                format!("{both}: the provider must be in the role's own account"),
                true,
            )
        } else {
            (
                "other-partition",
                format!("{both}: the partitions differ"),
                true,
            )
        });
    }
    if head == own && path.contains(['*', '?']) {
        return Some((
            "principal-wildcard",
            format!("{both}: a principal takes no wildcard for a part of a name"),
            true,
        ));
    }
    let host = |issuer: &str| issuer.split('/').next().unwrap_or_default().to_lowercase();
    match near(path, prefix) {
        Some(Nearness::Slash) => Some((
            "arn-slash",
            format!("{both}: the slash at the end counts"),
            true,
        )),
        Some(Nearness::Case) => Some(("arn-case", format!("{both}: the case counts"), true)),
        Some(_) => Some((
            "arn-typo",
            format!("{both}: they differ in a letter or so"),
            true,
        )),
        None if host(path) == host(prefix) => Some((
            "arn-path",
            format!("{both}: the same host with another path"),
            false,
        )),
        None => None,
    }
}

/// How nearly an `AWS` principal names the calling role.
fn aws(name: &str, role_arn: &str) -> Option<(&'static str, String, bool)> {
    let both = format!("it is for {name:?}; the caller's role is {role_arn:?}");
    let last = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let same_account = arn::account(name) == arn::account(role_arn);
    if name.contains(['*', '?']) {
        return Some((
            "principal-wildcard",
            format!("{both}: a principal takes no wildcard for a part of a name"),
            true,
        ));
    }
    if name.contains(":assumed-role/") {
        return same_account.then(|| {
            (
                "other-session",
                format!("{both}: it names another session"),
                false,
            )
        });
    }
    if let Some(nearness) = near(name, role_arn) {
        let how = if nearness == Nearness::Case {
            "they differ in case, which counts"
        } else {
            "they differ in a letter or so"
        };
        return Some(("principal-typo", format!("{both}: {how}"), same_account));
    }
    if name.contains(":role/") && last(name) == last(role_arn) {
        return Some(if same_account {
            (
                "principal-path",
                format!("{both}: the role's path belongs to its ARN"),
                true,
            )
        } else {
            (
                "other-account",
                format!("{both}: the same name in another account"),
                false,
            )
        });
    }
    None
}

/// The statement is not about an action that is needed and that nobody else allows.
fn action(report: &StatementReport, action: &str, miss: &mut Miss) -> Hint {
    let Actions::Only(named) = &report.statement.actions else {
        miss.add(5, None);
        return Hint::new("not-action", format!("NotAction leaves {action} out"))
            .at(report.statement.place);
    };
    let place = named
        .first()
        .map_or(report.statement.place, |first| first.place);
    let add = |replaces| {
        Some(Fix::Action {
            replaces,
            name: action.to_owned(),
        })
    };
    let typed = |name: &str| {
        named
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name))
    };
    let (id, words, replaces) = match action {
        "sts:TagSession" => ("missing-tag-session", "the request brings session tags, and the statement does not allow sts:TagSession: STS then denies the whole of it".to_owned(), None),
        "sts:SetSourceIdentity" => ("missing-set-source-identity", "the request brings a source identity, and the statement does not allow sts:SetSourceIdentity: STS then denies the whole of it".to_owned(), None),
        _ => {
            let others: &[(&str, &str)] = &[
                ("sts:AssumeRole", "assume-role-typed"),
                ("sts:AssumeRoleWithSAML", "saml-typed"),
                ("sts:AssumeRoleWithWebIdentity", "web-identity-typed"),
            ];
            let other = others.iter().find_map(|(name, id)| Some((*name, *id, typed(name)?)));
            let near_name = named.iter().position(|known| near(&known.to_lowercase(), &action.to_lowercase()).is_some());
            if let Some((name, id, at)) = other {
                (id, format!("it allows {name}; this request is {action}, which is another action"), Some(at))
            } else if let Some(at) = near_name {
                ("action-typo", format!("it allows {:?}; {action} is nearly the same", &*named[at]), Some(at))
            } else {
                ("action-missing", format!("it does not allow {action}"), None)
            }
        }
    };
    miss.add(1, add(replaces));
    Hint::new(id, words).at(replaces.map_or(place, |at| named[at].place))
}
