//! Faults of a configuration, and how they are shown.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::mask;

/// Faults shown in full. A file with more has one cause, and nobody reads on.
const SHOWN: usize = 100;

/// Lines longer than this are named by line and column but not printed.
const LONG_LINE: usize = 1000;

/// A place in the configuration's text. An empty range at 0 means the file as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place(pub Range<usize>);

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What is wrong, in one sentence.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// All faults of a configuration.
#[derive(Debug, Clone)]
pub struct ConfigError {
    /// The file's name as given.
    pub file: String,
    /// Its text, with asterisks instead of what may be a secret.
    pub text: String,
    /// In order of place.
    pub faults: Vec<Fault>,
}

/// A configuration's text, for checks that come after loading and report in the same way.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file's name as given.
    pub file: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// The error for faults that a later check found.
    pub fn error(&self, faults: Vec<Fault>) -> ConfigError {
        ConfigError::new(&self.file, &self.text, faults)
    }
}

impl ConfigError {
    /// Puts faults in order of place. Places are moved into the text where they do not lie in it.
    pub fn new(file: &str, text: &str, mut faults: Vec<Fault>) -> Self {
        for fault in &mut faults {
            fault.place = inside(text, &fault.place);
        }
        faults.sort_by_key(|f| (f.place.0.start, f.place.0.end));
        faults.dedup();
        Self { file: file.to_owned(), text: mask::secrets(text), faults }
    }

    /// The faults as a terminal shows them, and their number in the last line.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for fault in self.faults.iter().take(SHOWN) {
            out.push_str(&renderer.render(&[self.group(fault)]));
            out.push_str("\n\n");
        }
        out.push_str(&self.count());
        out
    }

    /// The line that a fault stands in, from 1.
    pub fn line_of(&self, fault: &Fault) -> usize {
        let before = self.text.get(..fault.place.0.start).unwrap_or_default();
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    fn count(&self) -> String {
        let file = normalize_untrusted_str(&self.file);
        match self.faults.len() {
            1 => format!("{file}: 1 fault"),
            n if n > SHOWN => format!("{file}: {n} faults, the first {SHOWN} are shown"),
            n => format!("{file}: {n} faults"),
        }
    }

    fn group<'a>(&'a self, fault: &'a Fault) -> Group<'a> {
        let group = Group::with_title(Level::ERROR.primary_title(&fault.reason));
        let group = match self.line(&fault.place.0) {
            None => group.element(Origin::path(&self.file)),
            Some(line) if line.text.len() > LONG_LINE => {
                let column = line.text[..line.span.start].chars().count() + 1;
                group.element(Origin::path(&self.file).line(line.number).char_column(column))
            }
            Some(line) => group.element(
                Snippet::source(line.text)
                    .line_start(line.number)
                    .path(&self.file)
                    .annotation(AnnotationKind::Primary.span(line.span)),
            ),
        };
        match &fault.hint {
            Some(hint) => group.element(Level::HELP.message(normalize_untrusted_str(hint))),
            None => group,
        }
    }

    /// The line that a place begins in; nothing for the file as a whole. What follows on further lines is cut off:
    /// the first line of a long value says enough.
    fn line(&self, place: &Range<usize>) -> Option<Line<'_>> {
        if place.end == 0 {
            return None;
        }
        let mut start = self.text[..place.start].rfind('\n').map_or(0, |i| i + 1);
        let end = self.text[place.start..].find('\n').map_or(self.text.len(), |i| place.start + i);
        if start == 0 && self.text.starts_with('\u{feff}') {
            start = '\u{feff}'.len_utf8();
        }
        let text = self.text.get(start..end).unwrap_or_default().trim_end_matches('\r');
        let within = |at: usize| at.saturating_sub(start).min(text.len());
        Some(Line {
            number: self.text[..place.start].matches('\n').count() + 1,
            text,
            span: within(place.start)..within(place.end),
        })
    }
}

struct Line<'a> {
    number: usize,
    text: &'a str,
    span: Range<usize>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ConfigError {}

fn inside(text: &str, place: &Place) -> Place {
    let fit = |at: usize| boundary(text, at);
    let start = fit(place.0.start);
    Place(start..fit(place.0.end).max(start))
}

/// The last place up to `at` where a character begins, or the end.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}
