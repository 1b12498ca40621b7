//! What all tables of one file share while they are read: the surroundings, and the faults found so far.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use super::Problem;
use crate::config::{Fault, Place, mask};

/// The surroundings of a file, and its faults.
pub(in crate::config) struct Reader<'a> {
    /// What relative paths are relative to.
    pub(in crate::config) base: &'a Path,
    /// The environment.
    pub(in crate::config) env: &'a dyn Fn(&str) -> Option<String>,
    /// Read what `enabled = false` turns off, secrets included: for a command that explains it.
    pub(in crate::config) disabled_too: bool,
    /// Where the text may hold secrets.
    hidden: Vec<Range<usize>>,
    found: RefCell<Vec<Found>>,
    /// Every key that was asked for, by its full name.
    #[cfg(test)]
    pub(in crate::config) asked: RefCell<std::collections::BTreeSet<String>>,
}

/// A fault, and whether it depends on what stands elsewhere, or does not.
pub(in crate::config) struct Found {
    pub(in crate::config) fault: Fault,
    pub(in crate::config) structural: bool,
}

impl<'a> Reader<'a> {
    pub(in crate::config) fn new(text: &str, base: &'a Path, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            base,
            env,
            disabled_too: false,
            hidden: mask::values(text),
            found: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    /// Takes a fault of one value.
    pub(in crate::config) fn report(&self, place: Range<usize>, problem: Problem) {
        self.push(place, problem, false);
    }

    /// Takes a fault that comes of several values, or of a value's absence: in a file that is not TOML in places, it
    /// may be a consequence of that.
    pub(in crate::config) fn structural(&self, place: Range<usize>, problem: Problem) {
        self.push(place, problem, true);
    }

    /// The faults, and an end to collecting them.
    pub(in crate::config) fn into_found(self) -> Vec<Found> {
        self.found.into_inner()
    }

    /// Whether the value there may be a secret: one that stands on a secret's line, or that the parser took for
    /// another key's in a broken file.
    fn hides(&self, place: &Range<usize>) -> bool {
        let next = self.hidden.partition_point(|hidden| hidden.end <= place.start);
        self.hidden.get(next).is_some_and(|hidden| hidden.start < place.end)
    }

    fn push(&self, place: Range<usize>, problem: Problem, structural: bool) {
        let problem = if problem.discreet || !self.hides(&place) { problem } else { Problem::hidden() };
        let fault = Fault { place: Place(place), reason: problem.reason, hint: problem.hint };
        self.found.borrow_mut().push(Found { fault, structural });
    }
}
