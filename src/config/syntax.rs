//! Faults of the TOML itself, and what else can be said about a file that has some.
//!
//! The parser recovers and goes on, but what it recovered may stand in the wrong table or be cut short. So of the
//! other faults only those are reported that stand in a section (a header and what follows it) without such a fault,
//! and none that is about something missing elsewhere. What remains is true, and one slip is one fault.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::Error;

use super::fault::boundary;
use super::table::Found;
use super::{Fault, Place};

/// The faults of the TOML, and of the others those that can be relied on.
pub(super) fn merge(text: &str, errors: &[Error], found: Vec<Found>) -> Vec<Fault> {
    let sections = Sections::new(text);
    let (mut faults, lost) = syntax(text, &sections, errors);
    if lost {
        return faults;
    }
    let broken: BTreeSet<usize> = faults.iter().map(|f| sections.of(f.place.0.start)).collect();
    let reliable =
        |f: &Found| broken.is_empty() || !f.structural && !broken.contains(&sections.of(f.fault.place.0.start));
    faults.extend(found.into_iter().filter(reliable).map(|f| f.fault));
    faults
}

/// The faults, and whether all structure is lost. One fault per line, and nothing but the header's in a section whose header is broken. A list that is not closed
/// swallows whatever follows, a fault for every line; the first is the last that is told.
fn syntax(text: &str, sections: &Sections, errors: &[Error]) -> (Vec<Fault>, bool) {
    let mut errors: Vec<_> = errors.iter().map(|e| (visible(text, e.span()), e.message())).collect();
    errors.sort_by_key(|(place, _)| place.start);
    let mut lines = BTreeSet::new();
    let mut headless = BTreeSet::new();
    let mut faults = Vec::new();
    for (place, message) in errors {
        let swallowed = swallowed(text, &place, message);
        let section = sections.of(place.start);
        let line = text[..place.start].rfind('\n').map_or(0, |i| i + 1);
        if headless.contains(&section) || !lines.insert(line) {
            continue;
        }
        if sections.begin_at(line) {
            headless.insert(section);
        }
        let hint = match message {
            _ if swallowed => Some("is the list above it closed with `]`?".to_owned()),
            "duplicate key" => Some("it stands further up already".to_owned()),
            _ => None,
        };
        faults.push(Fault { place: Place(place), reason: format!("not TOML: {message}"), hint });
        if swallowed {
            return (faults, true);
        }
    }
    (faults, false)
}

/// Whether a line that reads like a header or a key was taken for an item of a list.
fn swallowed(text: &str, place: &Range<usize>, message: &str) -> bool {
    let start = text[..place.start].rfind('\n').map_or(0, |i| i + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let is_first = text[start..place.start].trim().is_empty();
    let reads_so = line.trim_start().starts_with('[') || line.contains('=');
    let as_item = ["missing comma between array elements", "string values must be quoted"];
    is_first && reads_so && as_item.iter().any(|m| message.starts_with(m))
}

/// A place that can be pointed at: at least the character that it begins with.
fn visible(text: &str, span: Option<Range<usize>>) -> Range<usize> {
    let span = span.unwrap_or(text.len()..text.len());
    let start = boundary(text, span.start);
    let next = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    start..boundary(text, span.end).max(next)
}

/// Where the lines begin that look like headers.
struct Sections(Vec<usize>);

impl Sections {
    fn new(text: &str) -> Self {
        let mut starts = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if line.trim_start_matches(['\u{feff}', ' ', '\t']).starts_with('[') {
                starts.push(at);
            }
            at += line.len();
        }
        Self(starts)
    }

    /// The number of the section a place lies in; 0 is what stands before the first header.
    fn of(&self, place: usize) -> usize {
        self.0.partition_point(|start| *start <= place)
    }

    fn begin_at(&self, line: usize) -> bool {
        self.0.binary_search(&line).is_ok()
    }
}
