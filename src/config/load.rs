//! From a file to a checked configuration, or to all of its faults.

use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::table::{Problem, Reader, Table, Value};
use super::{
    Activity, Admin, ApplicationPreset, Assertion, Audit, Backend, Certificate, Config, ConfigError, Fault, Legacy,
    Listener, Log, Pages, Paths, Place, RedirectLoop, Route, Server, Session, SignIn, Source, Upstream, check, files,
    syntax,
};

/// Bytes: a configuration is written by people.
const LARGEST: usize = 1024 * 1024;

impl Config {
    /// Reads and checks a file. Secrets are taken from the environment and from files, which are read.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_source(path).map(|(config, _)| config)
    }

    /// The same, with the text, so that checks that come later can report faults in it.
    pub fn load_source(path: &Path) -> Result<(Self, Source), ConfigError> {
        let file = path.display().to_string();
        let text = text_of(path, &file)?;
        let base = path.parent().unwrap_or(Path::new(""));
        let config = Self::parse(&text, &file, base, &|name| std::env::var(name).ok())?;
        Ok((config, Source { file, text }))
    }

    /// Reads a file of which some tables count for nothing, as those that `sidgate dev` replaces: what they say may be
    /// faulty, and what they name (certificates, secrets) need not exist.
    pub(crate) fn load_without(path: &Path, replaced: &[&str]) -> Result<(Self, Source), ConfigError> {
        let file = path.display().to_string();
        let text = text_of(path, &file)?;
        let base = path.parent().unwrap_or(Path::new(""));
        let counts = |_: &Range<usize>, table: Option<&str>| !table.is_some_and(|t| replaced.contains(&t));
        let config = parse(&text, &file, base, &|name| std::env::var(name).ok(), Some(&counts), false)?;
        Ok((config, Source { file, text }))
    }

    /// Reads one table of a file for a command that needs no more: what else it says may be faulty, and secrets that
    /// it names need not be in this environment.
    pub(crate) fn load_only(path: &Path, table: &str) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = text_of(path, &file)?;
        let base = path.parent().unwrap_or(Path::new(""));
        parse(
            &text,
            &file,
            base,
            &|name| std::env::var(name).ok(),
            Some(&|place, other| !place.is_empty() && other == Some(table)),
            true,
        )
    }

    /// Checks a text. `file` is its name in faults, `base` what paths in it are relative to, `env` the environment.
    pub fn parse(
        text: &str,
        file: &str,
        base: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        parse(text, file, base, env, None, false)
    }
}

/// Whether a fault counts, by its place and the table that it stands in. One of the file as a whole has an empty place.
type Counts<'a> = &'a dyn Fn(&Range<usize>, Option<&str>) -> bool;

fn parse(
    text: &str,
    file: &str,
    base: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    counts: Option<Counts<'_>>,
    disabled_too: bool,
) -> Result<Config, ConfigError> {
    if text.len() > LARGEST {
        return Err(too_large(file));
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(text, base, env);
    reader.disabled_too = disabled_too;
    let config = read(&mut Table::root(&reader, document.get_ref()));
    let mut found = reader.into_found();
    if let Some(counts) = counts {
        let mut keys = Vec::new();
        document.get_ref().iter().for_each(|(key, value)| places(key.get_ref(), key.span().start, value, &mut keys));
        // A fault belongs to the last key before it.
        let table = |at: usize| keys.iter().filter(|(start, _)| *start <= at).max().map(|(_, table)| *table);
        found.retain(|f| counts(&f.fault.place.0, table(f.fault.place.0.start)));
    }
    let faults = syntax::merge(text, &errors, found);
    if faults.is_empty() { Ok(config) } else { Err(ConfigError::new(file, text, faults)) }
}

pub(super) fn read(root: &mut Table<'_>) -> Config {
    let preset = ApplicationPreset::read(root);
    let server = root.table("server", Server::read);
    let admin = root.table("admin", Admin::read);
    let listeners = root.tables("listener", Listener::read);
    let certificates = root.tables("certificate", Certificate::read);
    let backend = root.table("backend", Backend::read);
    let session = root.table("session", Session::read);
    let activity = root.table("activity", Activity::read);
    let sign_in = root.table("sign_in", SignIn::read);
    let legacy = root.table("legacy", |t| Legacy::read(t, &session));
    let paths = root.table("paths", Paths::read);
    let pages = root.table("pages", |t| Pages::read(t, preset.map(|p| p.pages(&paths)).unwrap_or_default()));
    let redirect_loop = root.table("redirect_loop", RedirectLoop::read);
    let assertion = root.table("assertion", Assertion::read);
    let log = root.table("log", Log::read);
    let audit = root.table("audit", Audit::read);
    let upstreams = root.named("upstream", |table, name| {
        Upstream::read(table, name, preset.map(ApplicationPreset::upstream).unwrap_or_default())
    });
    let routes = root.tables("route", |t| Route::read(t, preset.map(ApplicationPreset::route).unwrap_or_default()));
    if listeners.is_empty() && root.good(&["listener"]) {
        root.miss("listener", "there is no [[listener]]", "add at least one, with its `address`");
    }
    if routes.is_empty() && preset.is_none() && root.good(&["route", "preset"]) {
        root.miss("route", "there is no [[route]]", "add at least one, with its `path` and `access`");
    }
    root.finish();
    check::listeners(root, &admin, &listeners, &certificates);
    check::upstreams(root, &upstreams, &routes);
    let supplied = preset.map(|p| p.routes(root, (&pages, &paths), &upstreams, &routes)).unwrap_or_default();
    Config {
        preset,
        server,
        admin,
        listeners: listeners.into_iter().map(|l| l.listener).collect(),
        certificates,
        backend,
        session,
        activity,
        sign_in,
        legacy,
        pages,
        paths,
        redirect_loop,
        assertion,
        log,
        audit,
        upstreams,
        routes: routes.into_iter().map(|r| r.route).chain(supplied).collect(),
    }
}

/// Where a table's keys stand, those of tables in it included, with the name of the outermost one.
fn places<'t>(table: &'t str, start: usize, value: &'t Value<'_>, out: &mut Vec<(usize, &'t str)>) {
    out.extend([(start, table), (value.span().start, table)]);
    match value.get_ref() {
        DeValue::Table(inner) => inner.iter().for_each(|(key, value)| places(table, key.span().start, value, out)),
        DeValue::Array(items) => items.iter().for_each(|item| places(table, item.span().start, item, out)),
        _ => {}
    }
}

fn text_of(path: &Path, file: &str) -> Result<String, ConfigError> {
    let read = || {
        let mut bytes = Vec::new();
        files::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| {
        let (why, _) = files::explain(&error);
        whole(file, Problem::new(format!("cannot read the configuration: {why}")).hint("name it with `--config PATH`"))
    })?;
    if bytes.len() > LARGEST {
        return Err(too_large(file));
    }
    String::from_utf8(bytes).map_err(|error| {
        // The lossy text is the same up to there, so the place is one in it.
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        let reason = format!("not UTF-8: the byte at offset {at} belongs to no character");
        let hint = Some("save the file as UTF-8".to_owned());
        ConfigError::new(file, &text, vec![Fault { place: Place(at..at + '\u{fffd}'.len_utf8()), reason, hint }])
    })
}

fn too_large(file: &str) -> ConfigError {
    whole(file, Problem::new("larger than 1 MiB, which no configuration is").hint("is it the right file?"))
}

/// A fault of the file as a whole, whose text says nothing about it.
fn whole(file: &str, problem: Problem) -> ConfigError {
    let fault = Fault { place: Place::default(), reason: problem.reason, hint: problem.hint };
    ConfigError::new(file, "", vec![fault])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every key that is asked for stands in the reference, if only in a comment, and the other way round.
    #[test]
    fn the_reference_has_every_key() {
        let reference = include_str!("../../gateway.toml");
        let is_key = |line: &&str| {
            let key = line.split_once(" = ").map_or("", |(key, _)| key);
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        let is_key = |line: &&str| {
            is_key(line) || ["[upstream.", "[audit.", "[[audit.", "[[legacy."].iter().any(|head| line.starts_with(head))
        };
        let uncommented = |line| str::strip_prefix(line, "# ").filter(is_key).unwrap_or(line);
        let text = reference.lines().map(uncommented).collect::<Vec<_>>().join("\n");
        let (document, errors) = DeTable::parse_recoverable(&text);
        assert!(errors.is_empty(), "{errors:?}");

        let reader = Reader::new(&text, Path::new(""), &|_| None);
        read(&mut Table::root(&reader, document.get_ref()));
        let mut written = BTreeSet::new();
        collect(document.get_ref(), "", &mut written);
        assert_eq!(*reader.asked.borrow(), written);
    }

    #[test]
    fn what_is_replaced_may_be_faulty_and_nothing_else() {
        let text = r#"
            [backend]
            gateway_key = "${NOT_SET}"
            timeout = "soon"
            [backend.paths]
            sign_in = "no path"
            [[certificate]]
            chain = "/nowhere"
            [[listener]]
            address = "here"
            [upstream.nextjs]
            url = "ftp://x"
            [[route]]
            path = "/a"
            acess = "public"
        "#;
        let parsed = |replaced: &[&str]| {
            let counts = |_: &Range<usize>, table: Option<&str>| !table.is_some_and(|t| replaced.contains(&t));
            parse(text, "x", Path::new(""), &|_| None, Some(&counts), false).unwrap_err()
        };
        assert_eq!(parsed(&["backend", "certificate", "listener", "upstream"]).faults.len(), 1);
        assert!(parsed(&["certificate", "listener", "upstream"]).faults.len() > 3);
    }

    fn collect(table: &DeTable<'_>, prefix: &str, keys: &mut BTreeSet<String>) {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            let inner = match value.get_ref() {
                DeValue::Array(items) => items.iter().find_map(|item| item.get_ref().as_table()),
                other => other.as_table(),
            };
            if let Some(inner) = inner {
                collect(inner, &format!("{path}."), keys);
            }
            // The name of an upstream is nobody's key.
            if prefix != "upstream." {
                keys.insert(path);
            }
        }
    }
}
