//! A tree of patterns, generic in what hangs at their ends.

use std::collections::BTreeMap;

use crate::config::{Segment, is_uuid};

/// One node: what can follow a prefix of segments.
#[derive(Debug)]
pub(super) struct Tree<T> {
    literals: BTreeMap<Box<str>, Self>,
    uuid: Option<Box<Self>>,
    parameter: Option<Box<Self>>,
    rest: Option<T>,
    end: Option<T>,
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self { literals: BTreeMap::new(), uuid: None, parameter: None, rest: None, end: None }
    }
}

impl<T: Default> Tree<T> {
    /// The place at the end of a pattern, made if it is not there.
    pub(super) fn place(&mut self, pattern: &[Segment]) -> &mut T {
        match pattern.split_first() {
            None => self.end.get_or_insert_with(T::default),
            Some((Segment::Rest(_), _)) => self.rest.get_or_insert_with(T::default),
            Some((Segment::Literal(text), tail)) => self.literals.entry(text.as_str().into()).or_default().place(tail),
            Some((Segment::Uuid(_), tail)) => self.uuid.get_or_insert_default().place(tail),
            Some((Segment::Parameter(_), tail)) => self.parameter.get_or_insert_default().place(tail),
        }
    }
}

impl<T> Tree<T> {
    /// Finds the most specific pattern that matches, by trying literal, UUID, parameter and rest in this order at
    /// each segment. A node is entered at most once per search, so the work is bounded by the size of the table.
    pub(super) fn find(&self, segments: std::str::Split<'_, char>) -> Option<&T> {
        let mut tail = segments.clone();
        match tail.next() {
            None => self.end.as_ref().or(self.rest.as_ref()),
            // The empty segment after a last slash: `/x/` is `/x`.
            Some("") if tail.clone().next().is_none() => self.end.as_ref().or(self.rest.as_ref()),
            Some(segment) => self
                .literals
                .get(segment)
                .and_then(|next| next.find(tail.clone()))
                .or_else(|| {
                    let next = self.uuid.as_ref().filter(|_| is_uuid(segment))?;
                    next.find(tail.clone())
                })
                .or_else(|| {
                    let next = self.parameter.as_ref().filter(|_| !segment.is_empty())?;
                    next.find(tail.clone())
                })
                .or(self.rest.as_ref()),
        }
    }
}
