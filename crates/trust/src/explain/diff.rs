//! A unified diff of two short texts.

use std::fmt::Write;

/// The lines that differ, with three around them; empty where none does.
pub(super) fn unified(name: &str, before: &str, after: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let edits = edits(&old, &new);
    let mut text = String::new();
    let mut next = 0;
    while let Some(first) = (next..edits.len()).find(|at| edits[*at].0 != ' ') {
        // A hunk goes on as long as changes are no more than two contexts apart.
        let mut last = first;
        while let Some(further) =
            (last + 1..edits.len().min(last + 2 + 2 * CONTEXT)).find(|at| edits[*at].0 != ' ')
        {
            last = further;
        }
        let (from, to) = (
            first.saturating_sub(CONTEXT).max(next),
            edits.len().min(last + 1 + CONTEXT),
        );
        let count =
            |upto: usize, sign: char| edits[..upto].iter().filter(|edit| edit.0 != sign).count();
        let (old_from, new_from) = (count(from, '+'), count(from, '-'));
        if text.is_empty() {
            let _ = write!(text, "--- {name}\n+++ {name}\n");
        }
        let _ = writeln!(
            text,
            "@@ -{},{} +{},{} @@",
            old_from + 1,
            count(to, '+') - old_from,
            new_from + 1,
            count(to, '-') - new_from
        );
        for (sign, line) in &edits[from..to] {
            let _ = writeln!(text, "{sign}{line}");
        }
        next = to;
    }
    text
}

/// Every line with a blank, `-` or `+`: what is the same at both ends, and between that the longest common part.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let same =
        |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let head = same(&mut old.iter().zip(new));
    let (rest_old, rest_new) = (&old[head..], &new[head..]);
    let tail = same(&mut rest_old.iter().rev().zip(rest_new.iter().rev()));
    let (mid_old, mid_new) = (
        &rest_old[..rest_old.len() - tail],
        &rest_new[..rest_new.len() - tail],
    );

    let mut edits: Vec<_> = old[..head].iter().map(|line| (' ', *line)).collect();
    let (rows, columns) = (mid_old.len(), mid_new.len());
    if rows * columns > MOST {
        edits.extend(mid_old.iter().map(|line| ('-', *line)));
        edits.extend(mid_new.iter().map(|line| ('+', *line)));
    } else {
        // How much is common from each pair of lines on.
        let mut common = vec![vec![0_usize; columns + 1]; rows + 1];
        for i in (0..rows).rev() {
            for j in (0..columns).rev() {
                common[i][j] = if mid_old[i] == mid_new[j] {
                    common[i + 1][j + 1] + 1
                } else {
                    common[i + 1][j].max(common[i][j + 1])
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < rows || j < columns {
            if i < rows && j < columns && mid_old[i] == mid_new[j] {
                edits.push((' ', mid_old[i]));
                (i, j) = (i + 1, j + 1);
            } else if i < rows && (j == columns || common[i + 1][j] >= common[i][j + 1]) {
                edits.push(('-', mid_old[i]));
                i += 1;
            } else {
                edits.push(('+', mid_new[j]));
                j += 1;
            }
        }
    }
    edits.extend(old[old.len() - tail..].iter().map(|line| (' ', *line)));
    edits
}

const CONTEXT: usize = 3;
/// Beyond so many pairs of lines the middle is shown as replaced.
const MOST: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_changed_and_three_lines_around_it() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\n";
        let after = "a\nb\nc\nd\nE\nf\ng\nh\ni\nj\nk\nl\nm\nN\nn\n";
        assert_eq!(
            unified("p", before, after),
            "--- p\n+++ p\n@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n@@ -11,4 +11,5 @@\n k\n l\n m\n+N\n n\n"
        );
        assert_eq!(unified("p", before, before), "");
        assert_eq!(
            unified("p", "a", "b"),
            "--- p\n+++ p\n@@ -1,1 +1,1 @@\n-a\n+b\n"
        );
    }
}
