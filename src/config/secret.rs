//! Text that must not be printed.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use super::files;
use super::table::{Problem, Reader, Table};

/// A secret. `Debug` prints `***`; the text comes out only through [`Secret::expose`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reads one as `gateway.toml` names it: `${NAME}`, or `file:PATH` with the path relative to `base`.
    ///
    /// # Errors
    /// In words: neither of the two, or what is there is no secret.
    pub fn read(named: &str, base: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        secret(named, &Reader::new("", base, env)).and_then(long_enough).map_err(|problem| problem.sentence())
    }

    /// The text itself, for the one place that sends or compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Bytes: less can be guessed.
const SHORTEST: usize = 16;

/// Bytes of a secret's file: more is another file.
const LONGEST: u64 = 8 * 1024;

impl Table<'_> {
    /// A secret. It is never text in the file itself.
    pub(super) fn secret(&mut self, key: &str) -> Option<Secret> {
        let reader = self.reader;
        self.text(key, WHAT, |text| secret(text, reader).and_then(long_enough).map_err(Problem::discreet))
    }

    /// One that somebody else chose, of any length.
    pub(super) fn secret_of_any_length(&mut self, key: &str) -> Option<Secret> {
        let reader = self.reader;
        let read = |text: &str| secret(text, reader).map(|(_, content)| Secret::new(content));
        self.text(key, WHAT, |text| read(text).map_err(Problem::discreet))
    }
}

const WHAT: &str = "\"${NAME}\" or \"file:PATH\"";

fn long_enough((place, content): (String, String)) -> Result<Secret, Problem> {
    if content.len() < SHORTEST {
        return Err(Problem::new(format!("{place} is shorter than {SHORTEST} bytes"))
            .hint("for example what `openssl rand -hex 32` prints"));
    }
    Ok(Secret::new(content))
}

/// Where it is, and what it is.
fn secret(text: &str, reader: &Reader<'_>) -> Result<(String, String), Problem> {
    let (place, content) = if let Some(name) = text.strip_prefix("${").and_then(|t| t.strip_suffix('}')) {
        variable(name, reader)?
    } else if let Some(path) = text.strip_prefix("file:") {
        file(path, reader)?
    } else {
        return Err(Problem::new(format!("expected {WHAT}, found a text")).hint(
            "this file is copied, shown and kept in version control; and replace this secret, which may have been seen",
        ));
    };
    let content = content.strip_suffix('\n').map_or(content.as_str(), |c| c.strip_suffix('\r').unwrap_or(c));
    if content.is_empty() {
        return Err(Problem::new(format!("{place} is empty")));
    }
    if !content.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) || content.trim() != content {
        return Err(Problem::new(format!("{place} holds what cannot be sent in a header")).hint(
            "printable ASCII on one line, no blanks at its ends; for example what `openssl rand -hex 32` prints",
        ));
    }
    let content = content.to_owned();
    Ok((place, content))
}

fn variable(name: &str, reader: &Reader<'_>) -> Result<(String, String), Problem> {
    let good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !good {
        return Err(Problem::new("the name of an environment variable is letters, digits and `_`"));
    }
    let place = format!("the environment variable {name}");
    match (reader.env)(name) {
        Some(content) => Ok((place, content)),
        None => {
            Err(Problem::new(format!("{place} is not set"))
                .hint("set it where sidgate is started, or write \"file:PATH\""))
        }
    }
}

fn file(path: &str, reader: &Reader<'_>) -> Result<(String, String), Problem> {
    let place = format!("the file {path}");
    let read = || {
        let mut content = String::new();
        files::open(&reader.base.join(path))?.take(LONGEST + 1).read_to_string(&mut content)?;
        Ok(content)
    };
    match read() {
        Ok(content) if content.len() as u64 > LONGEST => Err(Problem::new(format!("{place} is too long for a secret"))),
        Ok(content) => Ok((place, content)),
        Err(error) => Err(files::unreadable(path, &error)),
    }
}
