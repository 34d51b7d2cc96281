//! The flow as SVG: bars in columns, and bands between them whose colour tells the danger.

use std::fmt::Write as _;

use keyless_trust::audit::Danger;

use super::flow::{Flow, Node};
use super::page::escaped;

/// The width of a bar.
const BAR: f64 = 6.0;
/// Between two nodes of the last column.
const GAP: f64 = 7.0;
/// What a letter takes, on average, at the picture's size of type.
const LETTER: f64 = 6.7;

/// How wide the whole is, and where each column begins; the last of them is the roles' or, on a narrow page, the conditions'.
pub(super) struct Layout {
    pub(super) name: &'static str,
    pub(super) width: f64,
    pub(super) columns: &'static [f64],
}

pub(super) const WIDE: Layout = Layout {
    name: "wide",
    width: 1040.0,
    columns: &[0.0, 380.0, 730.0],
};

pub(super) const NARROW: Layout = Layout {
    name: "narrow",
    width: 358.0,
    columns: &[0.0, 222.0],
};

/// A node's place in its column.
#[derive(Clone, Copy, Default)]
struct Bar {
    top: f64,
    height: f64,
    /// How much of its left and its right side is taken.
    left: f64,
    right: f64,
}

/// A picture of the flow.
pub(super) fn draw(flow: &Flow, layout: &Layout) -> String {
    let is_wide = layout.columns.len() == 3;
    let thickness: Vec<f64> = flow
        .streams
        .iter()
        .map(|stream| thick(stream.ways))
        .collect();
    let sums = |count: usize, index: &dyn Fn(usize) -> usize| {
        let mut sums = vec![0.0; count];
        for (stream, thick) in thickness.iter().enumerate() {
            sums[index(stream)] += thick;
        }
        sums
    };
    let outsiders = sums(flow.outsiders.len(), &|at| flow.streams[at].outsider);
    let reaches = sums(flow.reaches.len(), &|at| flow.streams[at].reach);
    let roles = sums(flow.roles.len(), &|at| flow.streams[at].role);

    let last = if is_wide { &roles } else { &reaches };
    // Every bar must be as high as its label.
    let needed = |heights: &[f64], gap: f64| {
        heights
            .iter()
            .map(|height| height.max(20.0) + gap)
            .sum::<f64>()
    };
    let height = needed(last, GAP)
        .max(needed(&reaches, GAP))
        .max(needed(&outsiders, 18.0));
    let mut columns = vec![stack(&outsiders, height), stack(&reaches, height)];
    if is_wide {
        columns.push(stack(&roles, height));
    }

    let mut bands = String::new();
    for (stream, thick) in flow.streams.iter().zip(&thickness) {
        let mut nodes = vec![stream.outsider, stream.reach];
        if is_wide {
            nodes.push(stream.role);
        }
        for at in 1..nodes.len() {
            let from = &mut columns[at - 1][nodes[at - 1]];
            let start = from.top + from.right;
            from.right += thick;
            let to = &mut columns[at][nodes[at]];
            let end = to.top + to.left;
            to.left += thick;
            let (x, y) = (layout.columns[at - 1] + BAR, layout.columns[at]);
            band(&mut bands, stream.danger, (x, start), (y, end), *thick);
        }
    }

    let mut text = String::new();
    let _ = write!(
        text,
        r#"<svg class="flow {}" viewBox="0 0 {} {:.0}" role="img" aria-label="From outsiders, by conditions, to roles"><g class="bands">{bands}</g>"#,
        layout.name,
        layout.width,
        height + 2.0
    );
    let nodes = [&flow.outsiders, &flow.reaches, &flow.roles];
    for (at, (column, nodes)) in columns.iter().zip(nodes).enumerate() {
        let end = layout.columns.get(at + 1).copied().unwrap_or(layout.width);
        for (index, (bar, node)) in column.iter().zip(nodes).enumerate() {
            let is_role = at == 2;
            let label = match node.role {
                None if is_role => {
                    let ways = flow.ways_into(index);
                    format!("{ways} {}", if ways == 1 { "role" } else { "roles" })
                }
                _ => node.label.clone(),
            };
            label_node(
                &mut text,
                layout.columns[at],
                end,
                bar,
                node,
                &label,
                is_role,
            );
        }
    }
    text.push_str("</svg>");
    text
}

/// A stream grows with the number of its ways, but ever more slowly: one way must still be seen beside four hundred.
fn thick(ways: usize) -> f64 {
    let ways = u32::try_from(ways).map_or(f64::MAX, f64::from);
    14.0 + 9.0 * ways.ln()
}

/// Puts bars one below the other over the whole height, with the same space between them.
fn stack(heights: &[f64], height: f64) -> Vec<Bar> {
    let sum: f64 = heights.iter().sum();
    let count = u32::try_from(heights.len()).map_or(f64::MAX, f64::from);
    let gap = (height - sum) / count.max(1.0);
    let mut top = gap / 2.0;
    heights
        .iter()
        .map(|&height| {
            let bar = Bar {
                top,
                height,
                ..Bar::default()
            };
            top += height + gap;
            bar
        })
        .collect()
}

fn band(text: &mut String, danger: Danger, (x, a): (f64, f64), (z, b): (f64, f64), thick: f64) {
    let middle = f64::midpoint(x, z);
    let _ = write!(
        text,
        r#"<path class="{danger}" d="M{x:.1} {a:.1}C{middle:.1} {a:.1} {middle:.1} {b:.1} {z:.1} {b:.1}V{:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {x:.1} {:.1}Z"/>"#,
        b + thick,
        b + thick,
        a + thick,
        a + thick,
    );
}

fn label_node(
    text: &mut String,
    x: f64,
    end: f64,
    bar: &Bar,
    node: &Node,
    label: &str,
    is_role: bool,
) {
    let (danger, y) = (node.danger, bar.top + bar.height / 2.0);
    let word = if is_role {
        format!(" {danger}")
    } else {
        String::new()
    };
    let room = (end - x - BAR - 12.0) / LETTER;
    let label = cut(
        label,
        room - f64::from(u8::try_from(word.len()).unwrap_or(0)),
    );
    let (open, close) = match node.role {
        Some(role) => (format!(r##"<a href="#role-{role}">"##), "</a>"),
        None => ("<g>".into(), "</g>"),
    };
    let _ = write!(
        text,
        r#"{open}<title>{}</title><rect class="{danger}" x="{x:.1}" y="{:.1}" width="{BAR}" height="{:.1}" rx="2"/><text x="{:.1}" y="{:.1}">{}"#,
        escaped(&title(node, &label)),
        bar.top,
        bar.height,
        x + BAR + 6.0,
        y + 4.0,
        escaped(&label),
    );
    if is_role {
        let _ = write!(text, r#"<tspan class="{danger}" dx="6">{danger}</tspan>"#);
    }
    let _ = write!(text, "</text>{close}");
}

fn title(node: &Node, label: &str) -> String {
    if node.role.is_none() && node.title.contains('/') {
        label.to_owned()
    } else {
        node.title.clone()
    }
}

/// At most so many letters.
fn cut(label: &str, room: f64) -> String {
    let count = u32::try_from(label.chars().count()).map_or(f64::MAX, f64::from);
    if count <= room {
        return label.to_owned();
    }
    let mut kept = String::new();
    for (c, at) in label.chars().zip(1_u32..) {
        if f64::from(at) >= room {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}
