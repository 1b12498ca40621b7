//! `sidgate audit`: is the trail whole, and what does it say?

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Span, Timestamp};
use serde_json::Value;

use super::print_faults;
use crate::audit::{self, Fault, Filter, Found, Kind, PublicKey};
use crate::config::{self, Config};
use crate::escape::escape;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Report every change, gap and cut in the trail: 0 whole, 1 faults found, 2 it could not be verified.
    Verify(Verify),
    /// Print what happened, the oldest first.
    Query(Query),
}

#[derive(Debug, Args)]
struct Trail {
    /// The file that is written ([audit.file] path); its rotated files are found beside it.
    path: Option<PathBuf>,
    /// The configuration that names it, where no path is given.
    #[arg(long, default_value = "gateway.toml")]
    config: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    trail: Trail,
    /// The public half of a key that signed; the one beside the log otherwise. More than one after a change of keys.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// Lines before this one are kept elsewhere: that they are missing here is no fault.
    #[arg(long, value_name = "LINE")]
    from: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct Query {
    #[command(flatten)]
    trail: Trail,
    /// Whose: the user's id.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Which session: its fingerprint (never the sid), or the first digits of it.
    #[arg(long, value_name = "FINGERPRINT")]
    session: Option<String>,
    /// In which tenant: its id.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Sign-ins with this e-mail address that came to no session. Hashed addresses need the private key.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The request's id.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// What kind of thing, such as sign_in or revocation. More than once for several.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// From when on: 2026-11-24, 2026-11-24T12:00:00Z, or 2h (ago).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until when.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// For people, or the lines as they stand.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The newest so many only.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Go on as the trail grows.
    #[arg(long, conflicts_with = "limit")]
    follow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

pub(super) fn run(command: &Command) -> ExitCode {
    let done = match command {
        Command::Verify(asked) => verify(asked),
        Command::Query(asked) => query(asked),
    };
    done.unwrap_or_else(|reason| {
        if !reason.is_empty() {
            eprintln!("sidgate: {reason}");
        }
        ExitCode::from(2)
    })
}

impl Trail {
    /// The trail's file, and the configuration of it.
    fn find(&self) -> Result<(PathBuf, config::Audit), String> {
        if let Some(path) = &self.path {
            let file = config::AuditFile { path: path.clone(), ..config::AuditFile::default() };
            return Ok((path.clone(), config::Audit { file: Some(file), ..config::Audit::default() }));
        }
        configured(&self.config)
    }
}

/// The trail that a configuration names.
pub(super) fn configured(path: &Path) -> Result<(PathBuf, config::Audit), String> {
    // An auditor has neither the secrets nor the certificates that the rest names.
    let rest = [
        "backend",
        "certificate",
        "listener",
        "upstream",
        "route",
        "server",
        "session",
        "pages",
        "assertion",
        "legacy",
    ];
    let (config, _) = Config::load_without(path, &rest).map_err(|faults| {
        print_faults(&faults);
        String::new()
    })?;
    match &config.audit.file {
        Some(file) => Ok((file.path.clone(), config.audit)),
        None => Err(format!(
            "{} has no [audit.file]: name the trail's file, as in `sidgate audit query audit/audit.log`",
            path.display()
        )),
    }
}

fn verify(asked: &Verify) -> Result<ExitCode, String> {
    let (path, config) = asked.trail.find()?;
    let mut files = asked.public_key.clone();
    if files.is_empty() {
        files.extend(audit::private_path(&config).map(|private| audit::public_path(&private)));
    }
    let keys = files.iter().map(|file| PublicKey::load(file)).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(|e| format!("{e}; name it with --public-key FILE"))?;
    let report = audit::verify(&path, &keys, asked.from).map_err(|e| format!("{}: {e}", path.display()))?;
    let out = io::stdout();
    let mut out = out.lock();
    let mut print = |word: &str, found: &[Fault]| {
        for Fault { file, line, what } in found {
            let line = if *line == 0 { String::new() } else { format!(":{line}") };
            let _ = writeln!(out, "{word}: {}{line}: {what}", file.display());
        }
    };
    print("note", &report.notes);
    print("FAULT", &report.faults);
    let (files, lines, first, last) = (report.files, report.lines, report.first, report.last);
    let state = if report.faults.is_empty() { "whole" } else { "NOT whole" };
    let _ = writeln!(
        out,
        "{}: {state}: lines {first} to {last} ({lines}); files: {files}; good signatures: {}; faults: {}",
        path.display(),
        report.checkpoints,
        report.faults.len()
    );
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn query(asked: &Query) -> Result<ExitCode, String> {
    let (path, config) = asked.trail.find()?;
    let filter = asked.filter(&config)?;
    let out = io::stdout();
    let mut out = out.lock();
    let mut print = |found: &Found| {
        let line = if asked.format == Format::Json { found.line.clone() } else { row(&found.json) };
        // A reader that has seen enough, such as `head`, closes the pipe.
        if writeln!(out, "{line}").is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let fault = |e: io::Error| format!("{}: {e}", path.display());
    if asked.format == Format::Table {
        println!("{}", heading());
    }
    match asked.limit {
        _ if asked.follow => audit::follow(&path, &filter, &mut |found| print(&found)).map_err(fault)?,
        None => audit::query(&path, &filter, &mut |found| print(&found)).map_err(fault)?,
        Some(limit) => {
            let mut newest = VecDeque::new();
            audit::query(&path, &filter, &mut |found| {
                newest.push_back(found);
                if newest.len() > limit {
                    newest.pop_front();
                }
                ControlFlow::Continue(())
            })
            .map_err(fault)?;
            let _ = newest.iter().try_for_each(print);
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Query {
    fn filter(&self, config: &config::Audit) -> Result<Filter, String> {
        if let Some(unknown) = self.kind.iter().find(|kind| Kind::ALL.iter().all(|k| k.as_str() != **kind)) {
            let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            return Err(format!("there is no kind {unknown:?}; there are: {}", all.join(", ")));
        }
        let hex =
            |text: &String| text.len() <= 16 && text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
        if self.session.as_ref().is_some_and(|session| !hex(session)) {
            return Err(
                "--session takes a fingerprint: up to 16 hex digits in small letters, never the sid itself".into()
            );
        }
        let time = |text: &Option<String>| text.as_deref().map(time).transpose();
        let email = self
            .email
            .iter()
            .flat_map(|email| [Some(email.clone()), audit::hash_of_email(config, email).ok()].into_iter().flatten());
        Ok(Filter {
            user: self.user.clone(),
            session: self.session.clone(),
            tenant: self.tenant.clone(),
            kinds: self.kind.clone(),
            request_id: self.request.clone(),
            email: email.collect(),
            since: time(&self.since)?,
            until: time(&self.until)?,
        })
    }
}

/// A day, a moment, or how long ago.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let day =
        || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    let ago = || {
        let span: Span = text.parse().ok()?;
        let ago: SignedDuration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
        Timestamp::now().checked_sub(ago.abs()).ok()
    };
    let found = text.parse().ok().or_else(day).or_else(ago);
    found.ok_or_else(|| format!("{text:?} is no time: 2026-11-24, 2026-11-24T12:00:00Z, or 2h for two hours ago"))
}

const COLUMNS: [(&str, usize); 7] =
    [("time (UTC)", 19), ("kind", 15), ("outcome", 10), ("user", 12), ("tenant", 12), ("session", 16), ("client", 15)];

fn heading() -> String {
    let cells: Vec<String> = COLUMNS.iter().map(|(name, width)| format!("{name:<width$}")).collect();
    format!("{}  more", cells.join("  "))
}

/// One line for people: what has a column in its column, the rest behind.
fn row(json: &Value) -> String {
    let text = |name: &str| json.get(name).map(shown).unwrap_or_default();
    let time = text("time").replacen('T', " ", 1);
    let time = time.get(..19).unwrap_or(&time).to_owned();
    let cells = [time, text("kind"), text("outcome"), text("user"), text("tenant"), text("session"), text("client")];
    let mut out = String::new();
    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
        out.push_str(&format!("{cell:<width$}  "));
    }
    let known = ["seq", "prev", "hash", "time", "kind", "outcome", "user", "tenant", "session", "client", "user_agent"];
    let rest = json.as_object().into_iter().flatten().filter(|(name, _)| !known.contains(&name.as_str()));
    let name = |name: &String| shown(&Value::from(name.as_str()));
    let rest: Vec<String> = rest.map(|(key, value)| format!("{}={}", name(key), shown(value))).collect();
    out.push_str(&rest.join(" "));
    out.trim_end().to_owned()
}

/// Escaped again: reading the JSON has undone it, and this goes to a terminal.
fn shown(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::String(text) => escape(&mut out, text),
        other => escape(&mut out, &other.to_string()),
    }
    out
}
