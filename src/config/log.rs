//! `[log]`

use tracing_subscriber::EnvFilter;

use super::suggest;
use super::table::{Problem, Table};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// A level or a tracing filter.
    pub level: String,
    /// How lines are written.
    pub format: LogFormat,
    /// One line per request on standard output.
    pub access: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Json, access: true }
    }
}

impl Log {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
        let log = Self {
            level: table.text("level", "a level or a tracing filter", level).unwrap_or(default.level),
            format: table.one_of("format", &formats, default.format),
            access: table.flag("access", default.access),
        };
        table.finish();
        log
    }
}

/// A single word is taken for a level: as a filter it would be a module to trace, which a slip is not meant to be.
fn level(text: &str) -> Result<String, Problem> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let word = text.chars().all(|c| c.is_alphanumeric() || c == '_' || c.is_whitespace());
    let known = LEVELS.iter().any(|l| l.eq_ignore_ascii_case(text));
    if known || !word && EnvFilter::builder().parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    let hint = suggest::did_you_mean(text, LEVELS);
    Err(Problem::expected_text("a level or a tracing filter", text)
        .hint(hint.unwrap_or_else(|| "for example \"info\", or \"info,sidgate=debug\"".into())))
}
