//! `sidgate legacy scan`: where an application's source still reads or sets legacy cookies.
//!
//! Most names are ordinary words (`email`, `role`), so a name alone is no find: it has to stand in a call, a subscript or
//! a string that has to do with cookies, or in a constant that does. That is looked for by the text around the name
//! and not by a parser: an application has more languages than one, and what is missed or found too much is seen at once.

mod list;
mod text;
mod uses;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Format;
use crate::cli::print_faults;
use crate::config::{self, Config};
use crate::escape::escape;
use uses::{Constant, Names, Use};

/// Longer files were made by a program.
const LONGEST: u64 = 2 * 1024 * 1024;
/// Characters of a line that are shown.
const SHOWN: usize = 120;
/// What nobody edits.
const SKIPPED: [&str; 17] = [
    ".cache",
    ".git",
    ".hg",
    ".mypy_cache",
    ".next",
    ".pytest_cache",
    ".svn",
    ".tox",
    ".turbo",
    ".venv",
    ".vercel",
    "__pycache__",
    "coverage",
    "dist",
    "node_modules",
    "target",
    "venv",
];

/// No source: documents, and what programs make.
const NO_SOURCE: [&str; 6] = ["lock", "map", "md", "rst", "toml", "txt"];

#[derive(Debug, Args)]
pub(in crate::cli) struct Scan {
    /// The application's source.
    dir: PathBuf,
    /// The configuration that names the cookies ([legacy] clear and keep); the names of the reference otherwise.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Look for these cookies only.
    #[arg(long, value_name = "COOKIE")]
    name: Vec<String>,
    /// Folders of this name are left out, besides node_modules, .next, .git and the like.
    #[arg(long, value_name = "DIR")]
    skip: Vec<String>,
    /// For people, or for programs.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(asked: &Scan) -> ExitCode {
    match scan(asked) {
        Ok(found) => {
            let printed = match asked.format {
                Format::Table => table(&found, &asked.dir),
                Format::Json => as_json(&found),
            };
            // A reader that has seen enough, such as `head`, closes the pipe.
            let _ = io::stdout().lock().write_all(printed.as_bytes());
            ExitCode::from(u8::from(!found.uses.is_empty()))
        }
        Err(reason) => {
            if !reason.is_empty() {
                eprintln!("sidgate: {reason}");
            }
            ExitCode::from(2)
        }
    }
}

/// What was found.
struct Found {
    /// By file and line.
    uses: Vec<(PathBuf, Use)>,
    files: usize,
    /// Files that were not looked at, with the reason.
    left_out: Vec<(PathBuf, String)>,
}

fn scan(asked: &Scan) -> Result<Found, String> {
    let names = names(asked)?;
    if !asked.dir.is_dir() {
        return Err(format!("{} is no folder", asked.dir.display()));
    }
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    walk(&asked.dir, &asked.skip, &mut files, &mut left_out);
    files.sort();
    let (mut found, mut constants) = (Vec::new(), Vec::new());
    let mut count = 0;
    for file in &files {
        let Some(source) = read(file, &mut left_out) else { continue };
        count += 1;
        let (uses, named) = uses::find(&source, &names);
        found.extend(uses.into_iter().map(|one| (shown(file, &asked.dir), one)));
        constants.extend(named.into_iter().map(|constant| (shown(file, &asked.dir), constant)));
    }
    if !constants.is_empty() {
        through_constants(asked, &files, &constants, &mut found);
    }
    found.sort_by(|(f, a), (g, b)| (f, a.line, &a.name).cmp(&(g, b.line, &b.name)));
    found.dedup_by(|(f, a), (g, b)| (f, a.line, &a.name) == (g, b.line, &b.name));
    Ok(Found { uses: found, files: count, left_out })
}

/// A second look: a name may be kept in a constant, in another file even.
fn through_constants(
    asked: &Scan,
    files: &[PathBuf],
    constants: &[(PathBuf, Constant)],
    found: &mut Vec<(PathBuf, Use)>,
) {
    let by_name: BTreeMap<&str, &str> =
        constants.iter().map(|(_, c)| (c.constant.as_str(), c.definition.name.as_str())).collect();
    let mut used: Vec<String> = Vec::new();
    for file in files {
        let Some(source) = read(file, &mut Vec::new()) else { continue };
        for (constant, one) in uses::of_constants(&source, &by_name) {
            used.push(constant);
            found.push((shown(file, &asked.dir), one));
        }
    }
    let definitions = constants.iter().filter(|(_, c)| used.contains(&c.constant));
    found.extend(definitions.map(|(file, c)| (file.clone(), c.definition.clone())));
}

fn names(asked: &Scan) -> Result<Names, String> {
    if !asked.name.is_empty() {
        return Ok(Names::new(&asked.name, &[]));
    }
    let legacy = match &asked.config {
        // Of the rest nothing is needed, the carriers' secrets least of all.
        Some(path) => {
            Config::load_only(path, "")
                .map_err(|faults| {
                    print_faults(&faults);
                    String::new()
                })?
                .legacy
        }
        None => config::Legacy::default(),
    };
    Ok(Names::new(&legacy.clear, &legacy.keep))
}

/// Collects files. Links are not followed: what they lead to is elsewhere, or found anyway.
fn walk(folder: &Path, skip: &[String], files: &mut Vec<PathBuf>, left_out: &mut Vec<(PathBuf, String)>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return left_out.push((folder.to_owned(), error.to_string())),
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && (SKIPPED.contains(&&*name) || skip.iter().any(|s| *s == *name)) => {}
            Ok(kind) if kind.is_dir() => walk(&entry.path(), skip, files, left_out),
            Ok(kind) if kind.is_file() => {
                let path = entry.path();
                let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
                if !NO_SOURCE.contains(&extension) {
                    files.push(path);
                }
            }
            _ => {}
        }
    }
}

/// The text of a file; none of a binary one.
fn read(path: &Path, left_out: &mut Vec<(PathBuf, String)>) -> Option<String> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        left_out.push((path.to_owned(), error.to_string()));
        return None;
    }
    if bytes.iter().take(8192).any(|b| *b == 0) {
        return None;
    }
    if bytes.len() as u64 > LONGEST {
        left_out.push((path.to_owned(), "larger than 2 MiB".to_owned()));
        return None;
    }
    Some(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

fn shown(file: &Path, dir: &Path) -> PathBuf {
    file.strip_prefix(dir).unwrap_or(file).to_owned()
}

fn as_json(found: &Found) -> String {
    let uses = found.uses.iter().map(|(file, one)| {
        json!({
            "cookie": one.name, "file": file.display().to_string(), "line": one.line, "what": one.what.as_str(),
            "how": one.how, "text": cut(&one.text),
        })
    });
    let uses: Vec<_> = uses.collect();
    let left_out: Vec<_> =
        found.left_out.iter().map(|(file, why)| json!({ "file": file.display().to_string(), "reason": why })).collect();
    format!("{}\n", json!({ "uses": uses, "files": found.files, "left_out": left_out }))
}

fn table(found: &Found, dir: &Path) -> String {
    let mut by_name: BTreeMap<&str, Vec<(&PathBuf, &Use)>> = BTreeMap::new();
    for (file, one) in &found.uses {
        by_name.entry(&one.name).or_default().push((file, one));
    }
    let mut groups: Vec<_> = by_name.into_iter().collect();
    // What is used most comes first; those in one place only are soon done.
    groups.sort_by_key(|(name, uses)| (std::cmp::Reverse(uses.len()), *name));
    let mut out = String::new();
    for (name, uses) in &groups {
        out.push_str(&format!("{} ({})\n", printable(name), uses.len()));
        let width = uses.iter().map(|(file, one)| place(file, one).len()).max().unwrap_or_default().min(60);
        for (file, one) in uses {
            let (place, what) = (place(file, one), one.what.as_str());
            out.push_str(&format!("  {place:<width$}  {what:<7}  {}\n", printable(&cut(&one.text))));
        }
        out.push('\n');
    }
    for (file, why) in &found.left_out {
        out.push_str(&format!("note: left out: {}: {}\n", printable(&file.display().to_string()), printable(why)));
    }
    let dir = printable(&dir.display().to_string());
    let (uses, names) = (found.uses.len(), groups.len());
    out.push_str(&match uses {
        0 => format!("{dir}: nothing reads or sets legacy cookies any more ({} files)\n", found.files),
        _ => format!("{dir}: {uses} places, {names} cookies ({} files)\n", found.files),
    });
    out
}

fn place(file: &Path, one: &Use) -> String {
    printable(&format!("{}:{}", file.display(), one.line))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Source is shown as it is, but for what turns a terminal around.
fn printable(text: &str) -> String {
    let is_odd = |c: char| {
        c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            c if is_odd(c) => escape(&mut out, c.encode_utf8(&mut [0; 4])),
            c => out.push(c),
        }
    }
    out
}
