//! The kinds of values a table can be asked for.
//!
//! Each answers nothing, or the default, both when the key is absent and when its value is faulty; the difference is
//! only that the latter has been reported.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::Date;
use toml::de::DeValue;

use super::{Problem, Table};
use crate::config::{Rate, suggest, value};

impl Table<'_> {
    /// `true` or `false`.
    pub(in crate::config) fn flag(&mut self, key: &str, default: bool) -> bool {
        self.optional_flag(key).unwrap_or(default)
    }

    /// `true`, `false`, or absent.
    pub(in crate::config) fn optional_flag(&mut self, key: &str) -> Option<bool> {
        self.value(key, |v| v.as_bool().ok_or_else(|| Problem::expected("`true` or `false`", v)))
    }

    /// A whole number.
    pub(in crate::config) fn number<T>(&mut self, key: &str, default: T, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let read = |v: &DeValue<'_>| {
            let what = format!("a whole number from {} to {}", range.start(), range.end());
            let number = v.as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
            number
                .and_then(|n| T::try_from(n).ok())
                .filter(|n| range.contains(n))
                .ok_or_else(|| Problem::expected(&what, v))
        };
        self.value(key, read).unwrap_or(default)
    }

    /// A duration such as `"5s"`.
    pub(in crate::config) fn duration(
        &mut self,
        key: &str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        self.optional_duration(key, range).unwrap_or(default)
    }

    /// A duration that may be absent.
    pub(in crate::config) fn optional_duration(
        &mut self,
        key: &str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let (least, most) = (value::show_duration(*range.start()), value::show_duration(*range.end()));
        let what = format!("a duration from \"{least}\" to \"{most}\"");
        self.value(key, |v| {
            let parsed = v.as_str().and_then(value::duration);
            let problem = || Problem::expected(&what, v);
            match parsed {
                Some(duration) if range.contains(&duration) => Ok(duration),
                Some(_) => Err(problem()),
                None => Err(problem().hint("a number and one of the units ms, s, m, h, d, such as \"5s\"")),
            }
        })
    }

    /// A size in bytes such as `"64 KiB"`.
    pub(in crate::config) fn size(&mut self, key: &str, default: usize, range: RangeInclusive<usize>) -> usize {
        let (least, most) = (value::show_size(*range.start()), value::show_size(*range.end()));
        let what = format!("a size from \"{least}\" to \"{most}\"");
        let read = |v: &DeValue<'_>| {
            let problem = || Problem::expected(&what, v);
            match v.as_str().and_then(value::size) {
                Some(size) if range.contains(&size) => Ok(size),
                Some(_) => Err(problem()),
                None => Err(problem().hint("a number and one of the units B, KiB, MiB, GiB, such as \"64 KiB\"")),
            }
        };
        self.value(key, read).unwrap_or(default)
    }

    /// A rate such as `"10/s"`.
    pub(in crate::config) fn rate(&mut self, key: &str, default: Rate) -> Rate {
        let read = |v: &DeValue<'_>| match v.as_str().and_then(value::rate) {
            Some(rate) if (1..=1_000_000).contains(&rate.count) => Ok(rate),
            Some(_) => Err(Problem::expected("a rate from 1 to 1000000 per unit", v)),
            None => Err(Problem::expected("a rate such as \"10/s\", \"60/m\" or \"100/h\"", v)),
        };
        self.value(key, read).unwrap_or(default)
    }

    /// One of a few words.
    pub(in crate::config) fn one_of<T: Copy>(&mut self, key: &str, words: &[(&str, T)], default: T) -> T {
        self.optional_one_of(key, words).unwrap_or(default)
    }

    /// One of a few words, or absent.
    pub(in crate::config) fn optional_one_of<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        self.value(key, |v| {
            let text = v.as_str().unwrap_or_default();
            if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
                return Ok(*value);
            }
            let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let problem = Problem::expected(&all.join(" or "), v);
            Err(Problem { hint: suggest::did_you_mean(text, words.iter().map(|(word, _)| *word)), ..problem })
        })
    }

    /// A day, as a text or as TOML's own date.
    pub(in crate::config) fn date(&mut self, key: &str) -> Option<Date> {
        self.value(key, |v| {
            let written = v.as_str().map(str::to_owned).or_else(|| v.as_datetime().map(ToString::to_string));
            let date = written.filter(|w| w.len() == "2027-01-31".len()).and_then(|w| w.parse().ok());
            date.ok_or_else(|| Problem::expected("a day such as \"2027-01-31\"", v))
        })
    }

    /// A text of some form; `what` says which.
    pub(in crate::config) fn text<T>(
        &mut self,
        key: &str,
        what: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        self.value(key, |v| match v.as_str() {
            Some(text) => parse(text),
            None => Err(Problem::expected(what, v)),
        })
    }

    /// A list of texts of some form. Every faulty one is reported where it stands.
    pub(in crate::config) fn list<T>(
        &mut self,
        key: &str,
        what: &str,
        mut parse: impl FnMut(&str) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let expected = |v: &DeValue<'_>| Err(Problem::expected(what, v));
        self.items(key, &format!("a list of texts, each {what}"), |v| {
            v.as_str().map_or_else(|| expected(v), &mut parse)
        })
    }

    /// A list of whole numbers of some kind.
    pub(in crate::config) fn numbers<T>(
        &mut self,
        key: &str,
        what: &str,
        mut parse: impl FnMut(i64) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let expected = |v: &DeValue<'_>| Err(Problem::expected(what, v));
        let number = |v: &DeValue<'_>| v.as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
        self.items(key, &format!("a list of numbers, each {what}"), |v| {
            number(v).map_or_else(|| expected(v), &mut parse)
        })
    }

    fn items<T>(
        &mut self,
        key: &str,
        what: &str,
        mut parse: impl FnMut(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let value = self.get(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.report(key, value.span(), Problem::expected(what, value.get_ref()));
            return None;
        };
        let mut list = Vec::new();
        for item in items.iter() {
            match parse(item.get_ref()) {
                Ok(value) => list.push(value),
                Err(problem) => self.report(key, item.span(), problem),
            }
        }
        self.good(&[key]).then_some(list)
    }

    /// Any value, read by `read`.
    fn value<T>(&mut self, key: &str, read: impl FnOnce(&DeValue<'_>) -> Result<T, Problem>) -> Option<T> {
        let value = self.get(key)?;
        match read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(problem) => {
                self.report(key, value.span(), problem);
                None
            }
        }
    }
}
