//! What to change in one statement, before it is written into the policy's text.

/// One change. Places are counted from zero, in the order of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fix {
    /// `"Version": "2012-10-17"`.
    Version,
    /// Another name in place of a principal.
    Principal { index: usize, name: String },
    /// An action in place of another, or besides those there are.
    Action {
        replaces: Option<usize>,
        name: String,
    },
    /// Another key for a condition.
    Key { condition: usize, key: String },
    /// A value in place of another, or besides those there are.
    Value {
        condition: usize,
        replaces: Option<usize>,
        value: String,
    },
    /// One more condition: this key equals this value.
    Pin { key: String, value: String },
}

/// What one statement lacks.
#[derive(Debug)]
pub(super) struct Miss {
    /// From one.
    pub(super) statement: usize,
    /// How far it is from letting the caller in: the least is told first.
    pub(super) distance: usize,
    /// What would mend it; `None` where nothing safe would.
    pub(super) fixes: Option<Vec<Fix>>,
}

impl Miss {
    /// One more thing that it lacks, with what mends it.
    pub(super) fn add(&mut self, distance: usize, fix: Option<Fix>) {
        self.distance += distance;
        match (fix, &mut self.fixes) {
            (Some(fix), Some(fixes)) => fixes.push(fix),
            (Some(_), None) => {}
            (None, fixes) => *fixes = None,
        }
    }
}
