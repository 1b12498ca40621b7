//! Tables in tables.

use toml::Spanned;
use toml::de::DeValue;

use super::{Problem, Table, Value};

impl<'a> Table<'a> {
    /// A sub-table; when it is absent, an empty one is read.
    pub(in crate::config) fn table<T>(&mut self, key: &str, read: impl FnOnce(&mut Table<'a>) -> T) -> T {
        let value = self.get(key);
        let entries = value.and_then(|v| v.get_ref().as_table());
        if let (Some(value), None) = (value, entries) {
            self.report(
                key,
                value.span(),
                Problem::expected(&format!("a table [{}]", self.path(key)), value.get_ref()),
            );
        }
        let place = if entries.is_some() { self.place(key) } else { self.place.clone() };
        let mut table = Table::new(self.reader, self.path(key), place, entries);
        // What the table should hold cannot be missing on top of its being no table.
        table.muted = value.is_some() && entries.is_none();
        read(&mut table)
    }

    /// A sub-table that may be absent.
    pub(in crate::config) fn optional_table<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Table<'a>) -> T,
    ) -> Option<T> {
        if self.has(key) {
            return Some(self.table(key, read));
        }
        self.ask(key);
        None
    }

    /// An array of tables.
    pub(in crate::config) fn tables<T>(&mut self, key: &str, mut read: impl FnMut(&mut Table<'a>) -> T) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let what = format!("tables [[{}]]", self.path(key));
        match value.get_ref() {
            DeValue::Array(items) => {
                let mut all = Vec::new();
                for item in items.iter() {
                    match item.get_ref().as_table() {
                        Some(_) => all.push(read(&mut self.child(key, item))),
                        None => self.report(key, item.span(), Problem::expected(&what, item.get_ref())),
                    }
                }
                all
            }
            DeValue::Table(_) => {
                let problem = Problem::new(format!("there may be several, so each is written [[{}]]", self.path(key)));
                self.report(key, value.span(), problem.hint("double the brackets"));
                vec![read(&mut self.child(key, value))]
            }
            other => {
                self.report(key, value.span(), Problem::expected(&what, other));
                Vec::new()
            }
        }
    }

    /// Tables with names of their own, in the order of the file.
    pub(in crate::config) fn named<T>(&mut self, key: &str, mut read: impl FnMut(&mut Table<'a>, &str) -> T) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(entries) = value.get_ref().as_table() else {
            self.report(key, value.span(), Problem::expected(&format!("tables [{key}.NAME]"), value.get_ref()));
            return Vec::new();
        };
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut all = Vec::new();
        for (name, item) in entries {
            let name = name.get_ref().as_ref();
            match item.get_ref() {
                DeValue::Table(_) => {
                    let path = format!("{key}.{name}");
                    all.push(read(&mut self.child(&path, item), name));
                }
                other => {
                    let problem = Problem::expected(&format!("a table [{key}.NAME]"), other);
                    self.report(key, item.span(), problem);
                }
            }
        }
        all
    }

    fn child(&self, path: &str, value: &'a Value<'a>) -> Self {
        Table::new(self.reader, self.path(path), Spanned::span(value), value.get_ref().as_table())
    }
}
