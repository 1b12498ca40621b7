//! Paths that are nobody's business from outside, whatever the routes say.

use super::tree::Tree;
use crate::config::PathPattern;

/// The paths of `[backend] blocked_paths`.
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
            blocked.tree.place(&pattern.segments);
        }
        blocked
    }

    /// Whether a canonical path is one of them, with a slash at its end or without.
    pub fn holds(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        segments.next();
        self.any && self.tree.find(segments).is_some()
    }
}
