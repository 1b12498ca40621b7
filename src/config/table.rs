//! A cursor over one table of the file.
//!
//! Reading a key is asking for it: what was asked for is what is known, so no list of keys can fall behind the code.
//! A faulty value is reported and its default returned, so that reading goes on.

mod nested;
mod problem;
mod read;
mod reader;

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) use problem::Problem;
pub(super) use reader::{Found, Reader};

use super::suggest;

/// A value and where it stands.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// One table, or the absence of one: then every key is absent.
pub(super) struct Table<'a> {
    pub(super) reader: &'a Reader<'a>,
    name: String,
    place: Range<usize>,
    entries: Option<&'a DeTable<'a>>,
    known: Vec<String>,
    /// Keys whose value is not to be trusted: faulty, or probably standing under a misspelt name.
    faulty: Vec<String>,
    /// Keys that must be there, and the reason when they are not.
    missing: Vec<(String, Problem)>,
    /// Nothing is missing here that has not been reported in other words.
    muted: bool,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn root(reader: &'a Reader<'a>, entries: &'a DeTable<'a>) -> Self {
        Self::new(reader, String::new(), 0..0, Some(entries))
    }

    fn new(reader: &'a Reader<'a>, name: String, place: Range<usize>, entries: Option<&'a DeTable<'a>>) -> Self {
        Self { reader, name, place, entries, known: Vec::new(), faulty: Vec::new(), missing: Vec::new(), muted: false }
    }

    /// Whether the key is there. Does not count as asking for it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.is_some_and(|e| e.contains_key(key))
    }

    /// Where the key's value stands, or else the table's header.
    pub(super) fn place(&self, key: &str) -> Range<usize> {
        self.entries.and_then(|e| e.get(key)).map_or_else(|| self.place.clone(), Spanned::span)
    }

    /// Whether the values of all these keys (given or default) are what the author means. Ask after `finish`.
    pub(super) fn good(&self, keys: &[&str]) -> bool {
        !keys.iter().any(|k| self.faulty.iter().any(|f| f == k))
    }

    /// Reports that a key is missing, unless `finish` finds it under a misspelt name.
    pub(super) fn miss(&mut self, key: &str, reason: impl Into<String>, hint: impl Into<String>) {
        self.missing.push((key.to_owned(), Problem::new(reason).hint(hint)));
        self.distrust(key);
    }

    /// Reports that a key is missing if it is, and cannot have a default.
    pub(super) fn require(&mut self, key: &str, hint: &str) {
        if !self.has(key) {
            self.miss(key, format!("`{}` is missing, and has no default", self.path(key)), hint);
        }
    }

    /// Reports a value that contradicts others.
    pub(super) fn contradiction(&mut self, key: &str, reason: impl Into<String>, hint: impl Into<String>) {
        let problem = Problem::new(reason).hint(hint);
        self.reader.structural(self.place(key), self.labelled(key, problem));
        self.distrust(key);
    }

    /// Reports the keys that nobody asked for, and then those that are missing.
    pub(super) fn finish(&mut self) {
        let mut meant: Vec<String> = Vec::new();
        for (key, value) in self.entries.into_iter().flatten() {
            let name = key.get_ref().as_ref();
            if self.known.iter().any(|k| k == name) {
                continue;
            }
            let near = suggest::nearest(name, self.known.iter().map(String::as_str));
            let problem = Problem::new(self.unknown(name, value.get_ref()));
            let problem = match near {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                // TOML takes what stands below a table's head for the table's own.
                None if name == "preset" => problem.hint(
                    "`preset = \"existing-nextjs\"` stands before the first table, `preset` of a backend in [backend]",
                ),
                None => problem.hint(format!("known here: {}", self.known.join(", "))),
            };
            self.reader.report(key.span(), problem);
            meant.extend(near.map(str::to_owned));
        }
        for (key, problem) in std::mem::take(&mut self.missing) {
            if !self.muted && !meant.contains(&key) {
                self.reader.structural(self.place.clone(), problem);
            }
        }
        self.faulty.extend(meant);
    }

    fn unknown(&self, name: &str, value: &DeValue<'_>) -> String {
        let name = problem::shortened(name);
        match (self.name.as_str(), value) {
            ("", DeValue::Table(_) | DeValue::Array(_)) => format!("unknown table `{name}`"),
            ("", _) => format!("unknown key `{name}` outside of any table"),
            (table, _) => format!("unknown key `{name}` in `{table}`"),
        }
    }

    /// The key's value; counts as asking for it.
    fn get(&mut self, key: &str) -> Option<&'a Value<'a>> {
        self.ask(key);
        self.entries.and_then(|e| e.get(key))
    }

    fn ask(&mut self, key: &str) {
        #[cfg(test)]
        self.reader.asked.borrow_mut().insert(self.path(key));
        if !self.known.iter().any(|k| k == key) {
            self.known.push(key.to_owned());
        }
    }

    fn report(&mut self, key: &str, place: Range<usize>, problem: Problem) {
        self.reader.report(place, self.labelled(key, problem));
        self.distrust(key);
    }

    fn labelled(&self, key: &str, problem: Problem) -> Problem {
        Problem { reason: format!("`{}`: {}", self.path(key), problem.reason), ..problem }
    }

    fn distrust(&mut self, key: &str) {
        self.faulty.push(key.to_owned());
    }

    fn path(&self, key: &str) -> String {
        let key = problem::shortened(key);
        if self.name.is_empty() { key } else { format!("{}.{key}", self.name) }
    }
}
