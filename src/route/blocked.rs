//! Paths that are nobody's business from outside, whatever the routes say.

use super::tree::Tree;
use crate::config::{PathPattern, Segment};

/// The paths of `[backend] blocked_paths`, in whatever case: the rewrites of Next.js match in any, and the address that
/// they lead to is written in the right one.
#[derive(Debug, Default)]
pub struct Blocked {
    tree: Tree<()>,
    any: bool,
}

impl Blocked {
    /// Of patterns.
    pub fn new(patterns: &[PathPattern]) -> Self {
        let mut blocked = Self { any: !patterns.is_empty(), ..Self::default() };
        for pattern in patterns {
            let small = |segment: &Segment| match segment {
                Segment::Literal(text) => Segment::Literal(text.to_ascii_lowercase()),
                other => other.clone(),
            };
            blocked.tree.place(&pattern.segments.iter().map(small).collect::<Vec<_>>());
        }
        blocked
    }

    /// Whether a canonical path is one of them, with a slash at its end or without.
    pub fn holds(&self, path: &str) -> bool {
        if !self.any {
            return false;
        }
        let path = path.to_ascii_lowercase();
        let mut segments = path.split('/');
        segments.next();
        self.tree.find(segments).is_some()
    }
}
