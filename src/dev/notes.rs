//! What was told lately: for the terminal as it happens, and for the page.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::explain::{Told, Weight};

/// Lines that the page shows.
const KEPT: usize = 20;

/// How much the terminal says, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// What is let through, too.
    pub(super) verbose: bool,
    /// ANSI colours.
    pub(super) colour: bool,
}

/// The notes.
pub(super) struct Notes {
    style: Style,
    out: Box<dyn Fn(&str) + Send + Sync>,
    kept: Mutex<VecDeque<Note>>,
}

/// One line, and how often it came in a row.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) at: Instant,
    pub(super) told: Told,
    pub(super) times: usize,
}

impl Notes {
    /// Notes that are printed by `out`, a line at a time.
    pub(super) fn new(style: Style, out: Box<dyn Fn(&str) + Send + Sync>) -> Self {
        Self { style, out, kept: Mutex::default() }
    }

    /// Takes a line. The same one over and over, as of a page that polls, is printed when it comes first.
    pub(super) fn take(&self, told: Told) {
        let again = self.keep(&told);
        let least = if self.style.verbose { Weight::Asset } else { Weight::News };
        if told.weight < least || again && !self.style.verbose {
            return;
        }
        (self.out)(&line(&told, self.style.colour));
    }

    /// Says something that is about no request.
    pub(super) fn say(&self, text: &str) {
        (self.out)(&paint(text, "1", self.style.colour));
    }

    /// The last ones, the newest first.
    pub(super) fn last(&self) -> Vec<Note> {
        self.lock().iter().rev().cloned().collect()
    }

    /// Whether it is the last one again.
    fn keep(&self, told: &Told) -> bool {
        if told.weight == Weight::Asset {
            return false;
        }
        let mut kept = self.lock();
        if let Some(last) = kept.back_mut().filter(|last| last.told == *told) {
            last.times += 1;
            last.at = Instant::now();
            return true;
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Note { at: Instant::now(), told: told.clone(), times: 1 });
        false
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Note>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Note {
    /// How long ago: a time of day would need to know where the developer is.
    pub(super) fn age(&self) -> String {
        match self.at.elapsed().as_secs() {
            0 => "now".into(),
            seconds @ 1..=119 => format!("{seconds} s"),
            seconds => format!("{} min", seconds / 60),
        }
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").field("style", &self.style).finish_non_exhaustive()
    }
}

fn line(told: &Told, colour: bool) -> String {
    let tint = match told.status {
        300..=399 => "36",
        400..=499 => "33",
        500.. => "31",
        _ => "32",
    };
    let because = if told.why.is_empty() { String::new() } else { format!(" because {}", told.why) };
    format!("{} -> {}{because}", told.asked, paint(&told.answer, tint, colour))
}

fn paint(text: &str, code: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn told(asked: &str, weight: Weight) -> Told {
        Told { asked: asked.into(), answer: "302 /x".into(), status: 302, why: "of a reason".into(), weight }
    }

    fn notes(verbose: bool) -> (Notes, Arc<Mutex<Vec<String>>>) {
        let printed = Arc::new(Mutex::new(Vec::new()));
        let into = printed.clone();
        let out = Box::new(move |line: &str| into.lock().unwrap().push(line.to_owned()));
        (Notes::new(Style { verbose, colour: false }, out), printed)
    }

    #[test]
    fn news_is_printed_and_the_rest_only_when_asked_for() {
        for (verbose, lines) in [(false, 1), (true, 3)] {
            let (notes, printed) = notes(verbose);
            for (asked, weight) in [("GET /a.js", Weight::Asset), ("GET /b", Weight::Forward), ("GET /c", Weight::News)]
            {
                notes.take(told(asked, weight));
            }
            assert_eq!(printed.lock().unwrap().len(), lines);
            assert_eq!(printed.lock().unwrap().last().unwrap(), "GET /c -> 302 /x because of a reason");
            assert_eq!(notes.last().len(), 2, "files are not worth a place on the page");
        }
    }

    #[test]
    fn what_polls_is_printed_once_and_counted() {
        let (notes, printed) = notes(false);
        for _ in 0..5 {
            notes.take(told("GET /api/x", Weight::News));
        }
        assert_eq!(printed.lock().unwrap().len(), 1);
        assert_eq!(notes.last()[0].times, 5);
    }

    #[test]
    fn only_the_last_twenty_are_kept() {
        let (notes, _) = notes(false);
        for n in 0..30 {
            notes.take(told(&n.to_string(), Weight::News));
        }
        assert_eq!((notes.last().len(), notes.last()[0].told.asked.as_str()), (20, "29"));
    }
}
