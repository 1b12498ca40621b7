//! `[legacy]`: what browsers still carry from the application's own sessions, and how it becomes one of ours.

mod carrier;
mod check;
mod names;

use std::time::Duration;

use jiff::civil::Date;

pub use carrier::{JsonPointers, KeyFrom, LegacyCarrier, LegacyFormat};

use super::table::{Problem, Table};
use super::{Rate, Session, address, value};

/// `[legacy]`: the migration of legacy cookies.
#[derive(Debug, Clone, PartialEq)]
pub struct Legacy {
    /// Whether there is any of this at all. Without, no secret of a carrier is read.
    pub enabled: bool,
    /// How far the migration goes.
    pub mode: LegacyMode,
    /// Percent of browsers that `mode` is for; the others are one step behind.
    pub rollout: u8,
    /// The last day, in UTC, on which legacy cookies become sessions; after it they are only cleared.
    pub until: Option<Date>,
    /// Names of cookies to expire; `*` at the end of one stands for any rest.
    pub clear: Vec<String>,
    /// Names that are never expired, whatever `clear` says.
    pub keep: Vec<String>,
    /// `Domain=` of cookies that are expired there first.
    pub domains: Vec<String>,
    /// Values that the application put in place of a session.
    pub sentinels: Vec<String>,
    /// Bytes of one value, its chunks joined, that are decoded.
    pub max_value_bytes: usize,
    /// Migrations from one client prefix.
    pub per_client: Rate,
    /// Percent of migrations that fail within `stop_window`, from which on nothing is migrated or expired any more.
    pub stop_failures: u32,
    /// Failures within `stop_window` below which nothing stops.
    pub stop_minimum: u32,
    /// How far back failures count.
    pub stop_window: Duration,
    /// From a stop to the trial after which migration goes on by itself.
    pub stop_pause: Duration,
    /// `[[legacy.carrier]]`, in the order in which they are tried.
    pub carriers: Vec<LegacyCarrier>,
}

/// How far the migration goes. The order is that of a roll-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegacyMode {
    /// Decode, count and forecast; change nothing.
    Observe,
    /// Give out a `sid`, and leave the legacy cookies alone.
    Dual,
    /// Give out a `sid`, and expire the legacy cookies.
    Enforce,
}

impl LegacyMode {
    const WORDS: [(&str, Self); 3] = [("observe", Self::Observe), ("dual", Self::Dual), ("enforce", Self::Enforce)];

    /// As in `gateway.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Dual => "dual",
            Self::Enforce => "enforce",
        }
    }
}

impl Default for Legacy {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            enabled: false,
            mode: LegacyMode::Observe,
            rollout: 100,
            until: None,
            clear: owned(&names::CLEAR),
            keep: owned(&names::KEEP),
            domains: Vec::new(),
            sentinels: owned(&names::SENTINELS),
            max_value_bytes: 8192,
            per_client: Rate { count: 60, per: minute },
            stop_failures: 50,
            stop_minimum: 50,
            stop_window: minute,
            stop_pause: minute * 10,
            carriers: Vec::new(),
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

impl Legacy {
    pub(super) fn read(table: &mut Table<'_>, session: &Session) -> Self {
        let default = Self::default();
        let enabled = table.flag("enabled", default.enabled);
        let window = Duration::from_secs(1)..=Duration::from_secs(3600);
        let pause = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);
        let legacy = Self {
            enabled,
            mode: table.one_of("mode", &LegacyMode::WORDS, default.mode),
            rollout: table.number("rollout", default.rollout, 0..=100),
            until: table.date("until"),
            clear: table.list("clear", NAME, pattern).unwrap_or(default.clear),
            keep: table.list("keep", NAME, pattern).unwrap_or(default.keep),
            domains: table.list("domains", "a domain", address::domain).unwrap_or(default.domains),
            sentinels: table.list("sentinels", SENTINEL, sentinel).unwrap_or(default.sentinels),
            max_value_bytes: table.size("max_value_bytes", default.max_value_bytes, 256..=64 * 1024),
            per_client: table.rate("per_client", default.per_client),
            stop_failures: table.text("stop_failures", SHARE, share).unwrap_or(default.stop_failures),
            stop_minimum: table.number("stop_minimum", default.stop_minimum, 1..=1_000_000),
            stop_window: table.duration("stop_window", default.stop_window, window),
            stop_pause: table.duration("stop_pause", default.stop_pause, pause),
            carriers: carrier::read(table, enabled || table.reader.disabled_too),
        };
        table.finish();
        legacy.check(table);
        legacy.check_names(table, session);
        legacy
    }

    /// A cookie that is taken for a session has to go in `enforce`, or be kept on purpose.
    fn check(&self, table: &mut Table<'_>) {
        if !table.good(&["clear", "keep", "carrier"]) {
            return;
        }
        let listed = |name: &str| self.clear.iter().chain(&self.keep).any(|pattern| matches(pattern, name));
        for carrier in &self.carriers {
            if let Some(name) = carrier.cookies.iter().find(|name| !listed(name)) {
                let reason = format!(
                    "carrier \"{}\" reads the cookie `{name}`, which stands neither in `clear` nor in `keep`",
                    carrier.name
                );
                table.contradiction("clear", reason, "add it to `clear`: \"enforce\" expires what stands there");
            }
        }
    }
}

/// Whether a name is the pattern, or begins like one that ends in `*`.
fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

const NAME: &str = "the name of a cookie, or the beginning of one and `*`";
const SENTINEL: &str = "the value of a cookie";
const SHARE: &str = "a share such as \"50%\"";

fn pattern(text: &str) -> Result<String, Problem> {
    let start = text.strip_suffix('*').unwrap_or(text);
    if start.is_empty() || start.contains('*') {
        return Err(Problem::expected_text(NAME, text).hint("`*` stands at the end, behind what the names begin with"));
    }
    super::session::token(start).map_err(|_| Problem::expected_text(NAME, text))?;
    Ok(text.to_owned())
}

fn sentinel(text: &str) -> Result<String, Problem> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic() && b != b';' && b != b',') {
        return Err(Problem::expected_text(SENTINEL, text).hint("printable ASCII without blanks, `;` and `,`"));
    }
    Ok(text.to_owned())
}

fn share(text: &str) -> Result<u32, Problem> {
    let share = value::percent(text).filter(|share| *share > 0);
    share.ok_or_else(|| Problem::expected_text(SHARE, text).hint("from \"1%\" to \"100%\""))
}
