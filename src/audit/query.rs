//! Looking things up in a trail: line by line through all of its files, whatever a crash left in them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::{chain, files};

/// What is looked for; what is absent matches everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The user's id.
    pub user: Option<String>,
    /// The fingerprint of a session, or its first digits; also of one that was replaced.
    pub session: Option<String>,
    /// The tenant's id, also of one that was refused.
    pub tenant: Option<String>,
    /// The kinds, one of them; empty: all but the trail's own.
    pub kinds: Vec<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// An e-mail address as it stands in the trail: plain, or its hash.
    pub email: Vec<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// A line that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// As it stands in the file.
    pub line: String,
    /// The same, read.
    pub json: Value,
}

/// Hands every line that matches to `each`, the oldest first, until that breaks off. Gives where the current file was
/// read to.
///
/// # Errors
/// A file that cannot be read, or none at all.
pub fn query(path: &Path, filter: &Filter, each: &mut dyn FnMut(Found) -> ControlFlow<()>) -> io::Result<()> {
    let all = files::open_all(path)?;
    if all.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such trail"));
    }
    for (_, file) in all {
        if read(&file, filter, each)?.is_break() {
            return Ok(());
        }
    }
    Ok(())
}

/// Goes on with the current file as it grows, until `each` breaks off: like `query` first, then whatever comes.
///
/// # Errors
/// A file that cannot be read.
pub fn follow(path: &Path, filter: &Filter, each: &mut dyn FnMut(Found) -> ControlFlow<()>) -> io::Result<()> {
    let mut newest: Option<u64> = None;
    loop {
        // By number: so nothing is told twice or left out when a file is rotated meanwhile.
        let after = newest;
        let mut fresh = |found: Found| {
            let seq = found.json.get("seq").and_then(Value::as_u64);
            if seq <= after {
                return ControlFlow::Continue(());
            }
            newest = seq;
            each(found)
        };
        let (rotated, current) = (files::all_rotated(path)?, File::open(path)?);
        // Lines that are newer than those told stand in the current file, and in rotated ones that end after them.
        let from = after.map_or(0, |seq| rotated.iter().rposition(|(first, _)| *first <= seq + 1).unwrap_or(0));
        for (_, name) in rotated.iter().skip(from) {
            if read(&File::open(name)?, filter, &mut fresh)?.is_break() {
                return Ok(());
            }
        }
        if read(&current, filter, &mut fresh)?.is_break() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

fn read(file: &File, filter: &Filter, each: &mut dyn FnMut(Found) -> ControlFlow<()>) -> io::Result<ControlFlow<()>> {
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut reader).take(chain::MAX_LINE as u64).read_until(b'\n', &mut line)? == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let Some(text) = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok()) else { continue };
        // Most lines are none of those: a look at the text is cheaper than reading it.
        if !filter.may_match(text) {
            continue;
        }
        let Ok(json) = serde_json::from_str::<Value>(text) else { continue };
        if filter.matches(&json) && each(Found { line: text.to_owned(), json }).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

impl Filter {
    fn may_match(&self, text: &str) -> bool {
        let plain = |wanted: &&String| wanted.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let wanted = [&self.user, &self.session, &self.tenant, &self.request_id].into_iter().flatten().filter(plain);
        wanted.into_iter().all(|wanted| text.contains(wanted.as_str()))
    }

    fn matches(&self, json: &Value) -> bool {
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        let one_of = |wanted: &Option<String>, names: &[&str]| {
            wanted.as_deref().is_none_or(|wanted| names.iter().any(|name| text(name) == Some(wanted)))
        };
        let session = |wanted: &str| {
            ["session", "old_session"].iter().any(|name| text(name).is_some_and(|found| found.starts_with(wanted)))
        };
        let email = || {
            ["email", "email_hash"]
                .iter()
                .filter_map(|name| text(name))
                .any(|found| self.email.iter().any(|wanted| wanted == found))
        };
        let kind = text("kind").unwrap_or_default();
        let time = text("time").and_then(|time| time.parse::<Timestamp>().ok());
        let own = matches!(kind, "checkpoint" | "rotated");
        (if self.kinds.is_empty() { !own } else { self.kinds.iter().any(|wanted| wanted == kind) })
            && one_of(&self.user, &["user"])
            && one_of(&self.tenant, &["tenant", "other_tenant"])
            && one_of(&self.request_id, &["request_id"])
            && self.session.as_deref().is_none_or(session)
            && (self.email.is_empty() || email())
            && self.since.is_none_or(|since| time.is_some_and(|time| time >= since))
            && self.until.is_none_or(|until| time.is_some_and(|time| time < until))
    }
}
