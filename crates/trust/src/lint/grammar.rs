//! What subjects of an issuer look like, and whether a pattern of a policy leaves a part of them open.
//!
//! A grammar is written as `repo:{owner!}/{repo+}:|ref:refs/heads/<branch>`. `{…}` is a name, one or more characters that are none of
//! `:`, `/`, `@`; `<…>` is a path, where only `:` is left out. `!` marks whose it is, `+` which project, and after `|` it says in which
//! circumstances.

/// What a pattern may leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Nothing in particular.
    Any,
    /// Whose it is: every part marked with `!`.
    Tenant,
    /// Which project: every part marked with `+`.
    Project,
    /// Something after `|`.
    Context,
}

/// A subject that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Witness {
    pub(super) subject: String,
    captures: Vec<(&'static str, String)>,
}

impl Witness {
    /// `{owner}/{repo}` with the names filled in; `None` where the subject has no such part.
    pub(super) fn fill(&self, template: &str) -> Option<String> {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}')?;
            text.push_str(before);
            text.push_str(&self.captures.iter().find(|(known, _)| *known == name)?.1);
            rest = tail;
        }
        text.push_str(rest);
        Some(text)
    }
}

#[derive(Clone, Copy, Debug)]
enum Element {
    Char(char),
    Segment {
        name: &'static str,
        path: bool,
        mark: Mark,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    None,
    Tenant,
    Project,
}

/// The elements, and how many of them stand before the circumstances.
fn elements(grammar: &'static str) -> (Vec<Element>, usize) {
    let mut elements = Vec::new();
    let mut zone = None;
    let mut rest = grammar;
    while let Some(first) = rest.chars().next() {
        let close = match first {
            '{' => Some('}'),
            '<' => Some('>'),
            _ => None,
        };
        rest = &rest[first.len_utf8()..];
        if let Some((name, tail)) = close.and_then(|close| rest.split_once(close)) {
            let (name, mark) = match (name.strip_suffix('!'), name.strip_suffix('+')) {
                (Some(name), _) => (name, Mark::Tenant),
                (_, Some(name)) => (name, Mark::Project),
                _ => (name, Mark::None),
            };
            elements.push(Element::Segment {
                name,
                path: first == '<',
                mark,
            });
            rest = tail;
        } else if first == '|' {
            zone = Some(elements.len());
        } else {
            elements.push(Element::Char(first));
        }
    }
    let zone = zone.unwrap_or(elements.len());
    (elements, zone)
}

/// Whether a text of this grammar matches the pattern and has at least one character in that part that only a wildcard holds in place;
/// the shortest such text. Without `wildcards`, `*` and `?` are themselves.
///
/// The search visits each place in the pattern with each place in the grammar a few times at most.
pub(super) fn witness(
    grammar: &'static str,
    pattern: &str,
    wildcards: bool,
    part: Part,
) -> Option<Witness> {
    if part != Part::Any && !(wildcards && pattern.contains(['*', '?'])) {
        return None; // everything is held in place
    }
    let (elements, zone) = elements(grammar);
    let pattern: Vec<char> = pattern.chars().collect();
    let wanted = |index: usize| match (part, &elements[index]) {
        (Part::Context, _) => index >= zone,
        (Part::Tenant, Element::Segment { mark, .. }) => *mark == Mark::Tenant,
        (Part::Project, Element::Segment { mark, .. }) => *mark == Mark::Project,
        _ => false,
    };
    // One bit for each part that a wildcard must have a hand in; of the circumstances any one is enough.
    let bits: Vec<u8> = (0..elements.len())
        .scan(0_u32, |next, index| {
            let bit = if !wanted(index) {
                0
            } else if part == Part::Context {
                1
            } else {
                *next += 1;
                1_u8.checked_shl(*next - 1).unwrap_or(0)
            };
            Some(bit)
        })
        .collect();
    let all = bits.iter().fold(0, |all, bit| all | bit);
    if all == 0 && part != Part::Any {
        return None;
    }

    let start = State {
        pattern: 0,
        element: 0,
        inside: false,
        touched: 0,
    };
    let mut seen = Seen::new(pattern.len(), elements.len(), all);
    let mut steps = vec![Step {
        to: start,
        before: 0,
        taken: None,
    }];
    let mut at = 0;
    while let Some(&Step { to: state, .. }) = steps.get(at) {
        if state.pattern == pattern.len() && state.element == elements.len() && state.touched == all
        {
            return Some(trace(&steps, at, &elements));
        }
        let mut go = |to: State, taken: Option<char>| {
            if seen.is_new(to) {
                steps.push(Step {
                    to,
                    before: at,
                    taken,
                });
            }
        };
        let symbol = pattern.get(state.pattern).copied();
        let is_star = wildcards && symbol == Some('*');
        if is_star {
            let pattern = state.pattern + 1;
            go(State { pattern, ..state }, None);
        }
        if let Some(element) = elements.get(state.element) {
            if state.inside {
                let (element, inside) = (state.element + 1, false);
                go(
                    State {
                        element,
                        inside,
                        ..state
                    },
                    None,
                );
            }
            let open = is_star || (wildcards && symbol == Some('?'));
            if let Some(taken) = symbol.and_then(|symbol| element.takes(symbol, open)) {
                let inside = matches!(element, Element::Segment { .. });
                let next = State {
                    pattern: state.pattern + usize::from(!is_star),
                    element: state.element + usize::from(!inside),
                    inside,
                    touched: state.touched | if open { bits[state.element] } else { 0 },
                };
                go(next, Some(taken));
            }
        }
        at += 1;
    }
    None
}

impl Element {
    /// The character that stands here if the pattern has this one, or an open place.
    fn takes(self, symbol: char, open: bool) -> Option<char> {
        match self {
            Self::Char(wanted) => (open || symbol == wanted).then_some(wanted),
            Self::Segment { .. } if open => Some(FREE),
            Self::Segment { path, .. } => {
                let is_separator = symbol == ':' || (!path && matches!(symbol, '/' | '@'));
                (!is_separator).then_some(symbol)
            }
        }
    }
}

/// One step of the search, and the one before it.
struct Step {
    to: State,
    before: usize,
    taken: Option<char>,
}

#[derive(Clone, Copy)]
struct State {
    pattern: usize,
    element: usize,
    /// Within a segment that has a character already.
    inside: bool,
    touched: u8,
}

/// Which states the search has been in.
struct Seen {
    elements: usize,
    touches: usize,
    states: Vec<bool>,
}

impl Seen {
    fn new(pattern: usize, elements: usize, all: u8) -> Self {
        let touches = usize::from(all) + 1;
        let states = vec![false; (pattern + 1) * (elements + 1) * 2 * touches];
        Self {
            elements: elements + 1,
            touches,
            states,
        }
    }

    fn is_new(&mut self, state: State) -> bool {
        let place = state.pattern * self.elements + state.element;
        let index = (place * 2 + usize::from(state.inside)) * self.touches;
        !std::mem::replace(&mut self.states[index + usize::from(state.touched)], true)
    }
}

fn trace(steps: &[Step], end: usize, elements: &[Element]) -> Witness {
    let mut taken = Vec::new();
    let mut at = end;
    while at > 0 {
        let step = &steps[at];
        if let Some(character) = step.taken {
            taken.push((steps[step.before].to.element, character));
        }
        at = step.before;
    }
    taken.reverse();
    let captures = elements
        .iter()
        .enumerate()
        .filter_map(|(index, element)| match element {
            Element::Segment { name, .. } => {
                let text = taken
                    .iter()
                    .filter(|(at, _)| *at == index)
                    .map(|(_, character)| character)
                    .collect();
                Some((*name, text))
            }
            Element::Char(_) => None,
        })
        .collect();
    Witness {
        subject: taken.iter().map(|(_, character)| character).collect(),
        captures,
    }
}

/// What stands where anything may.
const FREE: char = 'z';

#[cfg(test)]
mod tests {
    use super::*;

    const BRANCH: &str = "repo:{owner!}/{repo+}:|ref:refs/heads/<branch>";
    const IMMUTABLE: &str = "repo:{owner!}@{owner_id!}/{repo+}@{repo_id+}:|pull_request";

    #[test]
    fn a_part_is_open_where_a_wildcard_reaches_it() {
        for (grammar, pattern, part, found) in [
            (BRANCH, "*", Part::Tenant, Some("repo:z/z:ref:refs/heads/z")),
            (
                BRANCH,
                "repo:acme*",
                Part::Tenant,
                Some("repo:acmez/z:ref:refs/heads/z"),
            ),
            (BRANCH, "repo:acme/*", Part::Tenant, None),
            (
                BRANCH,
                "repo:acme/*",
                Part::Project,
                Some("repo:acme/z:ref:refs/heads/z"),
            ),
            (
                BRANCH,
                "repo:acme/app*",
                Part::Project,
                Some("repo:acme/appz:ref:refs/heads/z"),
            ),
            (BRANCH, "repo:acme/app:*", Part::Project, None),
            (
                BRANCH,
                "repo:acme/app:*",
                Part::Context,
                Some("repo:acme/app:ref:refs/heads/z"),
            ),
            (
                BRANCH,
                "repo:acme/app:ref:refs/heads/main",
                Part::Context,
                None,
            ),
            (
                BRANCH,
                "repo:acme/app:ref:refs/heads/main",
                Part::Any,
                Some("repo:acme/app:ref:refs/heads/main"),
            ),
            (
                BRANCH,
                "repo:acme/app:ref:refs/heads/mai?",
                Part::Context,
                Some("repo:acme/app:ref:refs/heads/maiz"),
            ),
            (
                BRANCH,
                "*acme/app:*",
                Part::Tenant,
                Some("repo:zacme/app:ref:refs/heads/z"),
            ),
            (
                BRANCH,
                "repo:?cme/app:*",
                Part::Tenant,
                Some("repo:zcme/app:ref:refs/heads/z"),
            ),
            (BRANCH, "repo:acme/app:pull_request", Part::Any, None),
            (IMMUTABLE, "repo:acme*@7/app*@9:*", Part::Tenant, None),
            (IMMUTABLE, "repo:acme@*/app@*:*", Part::Tenant, None),
            (
                IMMUTABLE,
                "repo:acme*/app*:*",
                Part::Tenant,
                Some("repo:acmez@z/app@z:pull_request"),
            ),
        ] {
            let witness = witness(grammar, pattern, true, part);
            assert_eq!(
                witness.as_ref().map(|witness| witness.subject.as_str()),
                found,
                "{pattern} {part:?}"
            );
        }
        assert_eq!(
            witness(BRANCH, "repo:acme/*", false, Part::Any),
            None,
            "a literal asterisk"
        );
        let witness = witness(
            BRANCH,
            "repo:acme/*:ref:refs/heads/main",
            true,
            Part::Project,
        )
        .expect("a witness");
        assert_eq!(witness.fill("{owner}/{repo}").as_deref(), Some("acme/z"));
        assert_eq!(witness.fill("{other}"), None);
    }

    #[test]
    fn a_hostile_pattern_is_judged_in_time() {
        assert!(witness(BRANCH, &"*:/?*".repeat(2_000), true, Part::Tenant).is_none());
    }
}
