//! The ways into an account as a flow: from whom, how narrowed, into which role.

use keyless_trust::audit::{Audit, Danger, Outsider, Reach, Role, Way};

/// What the picture shows: three columns of nodes, and what flows between them.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) outsiders: Vec<Node>,
    pub(super) reaches: Vec<Node>,
    pub(super) roles: Vec<Node>,
    pub(super) streams: Vec<Stream>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) label: String,
    /// What the page says when the pointer rests on it.
    pub(super) title: String,
    /// The worst that flows through it.
    pub(super) danger: Danger,
    /// The role's place in the audit, where the node is a single role.
    pub(super) role: Option<usize>,
}

/// What flows through one node of each column.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) outsider: usize,
    pub(super) reach: usize,
    pub(super) role: usize,
    /// How many ways it stands for.
    pub(super) ways: usize,
    pub(super) danger: Danger,
}

/// More roles than this are drawn together, the least dangerous first.
const ROLES: usize = 26;
/// More outsiders than this are drawn together.
const OUTSIDERS: usize = 12;

/// One way of one role, as it is sorted into the picture.
struct Drop<'a> {
    role: usize,
    way: &'a Way,
}

impl Flow {
    pub(super) fn of(found: &Audit) -> Self {
        let mut flow = Self::default();
        let drops: Vec<Drop<'_>> = found
            .roles
            .iter()
            .enumerate()
            .flat_map(|(role, each)| each.ways.iter().map(move |way| Drop { role, way }))
            .collect();
        let mut groups: Vec<(String, Vec<Drop<'_>>)> = Vec::new();
        // The roles come sorted by danger, and so do the outsiders.
        for drop in drops {
            let name = name(&drop.way.from);
            let position = |name: &str| groups.iter().position(|(known, _)| known == name);
            let is_full = groups.len() >= OUTSIDERS;
            match position(&name).or_else(|| is_full.then(|| position(OTHERS)).flatten()) {
                Some(at) => groups[at].1.push(drop),
                None if is_full => groups.push((OTHERS.into(), vec![drop])),
                None => groups.push((name, vec![drop])),
            }
        }
        for (name, mut drops) in groups {
            drops.sort_by_key(|drop| std::cmp::Reverse((drop.way.danger, drop.way.reach)));
            flow.add_outsider(found, name, &drops);
        }
        flow
    }

    fn add_outsider(&mut self, found: &Audit, name: String, drops: &[Drop<'_>]) {
        let danger = drops.iter().map(|drop| drop.way.danger).max();
        let outsider = self.outsiders.len();
        self.outsiders.push(Node {
            title: format!("{name}: {}", counted(drops.len())),
            label: name,
            danger: danger.unwrap_or(Danger::Low),
            role: None,
        });
        let first_reach = self.reaches.len();
        for Drop { role, way } in drops {
            let label = reach_label(way);
            let mut there = self.reaches[first_reach..].iter();
            let reach = if let Some(at) = there.position(|node| node.label == label) {
                first_reach + at
            } else {
                self.reaches.push(Node {
                    title: format!("{}: {}", self.outsiders[outsider].label, label),
                    label,
                    danger: way.danger,
                    role: None,
                });
                self.reaches.len() - 1
            };
            self.reaches[reach].danger = self.reaches[reach].danger.max(way.danger);
            let role = self.role_node(found, *role, reach, way.danger);
            let same = |stream: &&mut Stream| {
                (stream.outsider, stream.reach, stream.role, stream.danger)
                    == (outsider, reach, role, way.danger)
            };
            match self.streams.iter_mut().find(same) {
                Some(stream) => stream.ways += 1,
                None => self.streams.push(Stream {
                    outsider,
                    reach,
                    role,
                    ways: 1,
                    danger: way.danger,
                }),
            }
        }
    }

    /// The node of a role: its own for the most dangerous ones, otherwise one for all that are reached alike.
    fn role_node(&mut self, found: &Audit, role: usize, reach: usize, danger: Danger) -> usize {
        let details = &found.roles[role];
        let alone = found.roles.len() <= ROLES || role < ROLES - 8;
        let (label, own) = if alone {
            (details.name.clone(), Some(role))
        } else {
            (format!("{reach}/{danger}"), None)
        };
        let known = |node: &Node| node.role == own && (own.is_some() || node.title == label);
        if let Some(at) = self.roles.iter().position(known) {
            return at;
        }
        self.roles.push(Node {
            title: if own.is_some() {
                about(details)
            } else {
                label.clone()
            },
            label,
            danger: if alone { details.danger } else { danger },
            role: own,
        });
        self.roles.len() - 1
    }

    /// How many ways end in a role's node.
    pub(super) fn ways_into(&self, role: usize) -> usize {
        self.streams
            .iter()
            .filter(|stream| stream.role == role)
            .map(|stream| stream.ways)
            .sum()
    }
}

const OTHERS: &str = "others";

/// By whom the ways are put together: an identity provider, an account, or everybody.
fn name(from: &Outsider) -> String {
    match from {
        Outsider::Account { account, .. } => format!("account {account}"),
        Outsider::Oidc { issuer, .. } => match &**issuer {
            "token.actions.githubusercontent.com" => "GitHub Actions".into(),
            "gitlab.com" => "GitLab.com".into(),
            "accounts.google.com" => "Google".into(),
            "cognito-identity.amazonaws.com" => "Amazon Cognito".into(),
            "app.terraform.io" => "HCP Terraform".into(),
            "agent.buildkite.com" => "Buildkite".into(),
            other => match eks(other) {
                Some((region, cluster)) => format!("EKS {region} …{cluster}"),
                None => other.trim_end_matches('/').into(),
            },
        },
        other => other.to_string(),
    }
}

/// The region of an EKS cluster and the end of its id, from `oidc.eks.<region>.amazonaws.com/id/<id>`.
fn eks(issuer: &str) -> Option<(&str, &str)> {
    let (host, id) = issuer.strip_prefix("oidc.eks.")?.split_once("/id/")?;
    let region = host.split('.').next()?;
    let end = id.char_indices().rev().nth(5).map_or(0, |(at, _)| at);
    Some((region, &id[end..]))
}

/// How the way is narrowed.
fn reach_label(way: &Way) -> String {
    match (way.reach, &way.from) {
        (Reach::Named, Outsider::Saml { .. }) if way.by.is_none() => "given the role".into(),
        (Reach::Issuer, Outsider::Account { .. }) => "the whole account".into(),
        (reach, _) => reach.word().into(),
    }
}

fn about(role: &Role) -> String {
    format!("{}: {}, {}", role.arn, role.danger, role.power)
}

fn counted(ways: usize) -> String {
    format!("{ways} {}", if ways == 1 { "way in" } else { "ways in" })
}
