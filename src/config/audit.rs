//! `[audit]`, `[audit.file]`, `[audit.stdout]` and `[[audit.syslog]]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::table::{Problem, Table};
use super::value::duration;

/// `[audit]`: who did what to which session. Without one of the three sinks there is no trail.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// How e-mail addresses of sign-ins without a session are written.
    pub emails: AuditEmails,
    /// The private key that signs checkpoints; made at the first start. Absent: beside the file.
    pub checkpoint_key: Option<PathBuf>,
    /// Lines from one signed checkpoint to the next.
    pub checkpoint_lines: u32,
    /// Longest time from a line to the checkpoint after it.
    pub checkpoint_interval: Duration,
    /// `[audit.file]`
    pub file: Option<AuditFile>,
    /// `[audit.stdout]`
    pub stdout: Option<AuditStdout>,
    /// `[[audit.syslog]]`
    pub syslog: Vec<AuditSyslog>,
}

/// How e-mail addresses are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditEmails {
    /// A keyed hash: the same address can be recognised and searched for, not read. People type passwords there.
    #[default]
    Hash,
    /// As they were typed.
    Plain,
}

/// What becomes of audited actions while a sink cannot be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// They answer 503 until it can.
    Block,
    /// They go on; what is not written is counted.
    Drop,
}

/// When what was written is made to survive the end of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before the answer: as many events as wait together share one.
    Always,
    /// Ever so often.
    Every(Duration),
    /// When the system sees fit.
    Never,
}

/// `[audit.file]`: JSON lines.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditFile {
    /// The file that is written; rotated ones and the checkpoint are beside it.
    pub path: PathBuf,
    /// When it is made durable.
    pub fsync: Fsync,
    /// A file of this size is rotated.
    pub rotate_size: usize,
    /// A file of this age is rotated; zero: never.
    pub rotate_every: Duration,
    /// Rotated files that are kept; zero: all.
    pub keep: usize,
    /// While it cannot be written.
    pub on_failure: OnFailure,
}

/// `[audit.stdout]`: the same lines on standard output.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditStdout {
    /// While it cannot be written.
    pub on_failure: OnFailure,
}

/// `[[audit.syslog]]`: the same lines as messages of RFC 5424.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditSyslog {
    /// Who gets them.
    pub address: SyslogAddress,
    /// While it cannot be reached.
    pub on_failure: OnFailure,
}

/// Where a syslog server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogAddress {
    /// A datagram socket on this machine.
    Unix(PathBuf),
    /// One message per datagram (RFC 5426); what is lost on the way, nobody knows.
    Udp(SocketAddr),
    /// A stream with octet counting (RFC 6587).
    Tcp(SocketAddr),
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            emails: AuditEmails::Hash,
            checkpoint_key: None,
            checkpoint_lines: 1000,
            checkpoint_interval: Duration::from_secs(60),
            file: None,
            stdout: None,
            syslog: Vec::new(),
        }
    }
}

impl Default for AuditFile {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            fsync: Fsync::Always,
            rotate_size: 100 * 1024 * 1024,
            rotate_every: Duration::from_secs(24 * 3600),
            keep: 0,
            on_failure: OnFailure::Block,
        }
    }
}

impl Audit {
    /// Whether there is a trail.
    pub fn is_on(&self) -> bool {
        self.file.is_some() || self.stdout.is_some() || !self.syslog.is_empty()
    }

    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let emails = [("hash", AuditEmails::Hash), ("plain", AuditEmails::Plain)];
        let base = table.reader.base;
        let audit = Self {
            emails: table.one_of("emails", &emails, default.emails),
            checkpoint_key: table.text("key", "the path of a file", |text| written(base, text)),
            checkpoint_lines: table.number("checkpoint_lines", default.checkpoint_lines, 1..=1_000_000),
            checkpoint_interval: table.duration("checkpoint_interval", default.checkpoint_interval, SECOND..=DAY),
            file: table.optional_table("file", AuditFile::read),
            stdout: table.optional_table("stdout", AuditStdout::read),
            syslog: table.tables("syslog", AuditSyslog::read),
        };
        table.finish();
        if !audit.is_on() && table.has("key") && table.good(&["key", "file", "stdout", "syslog"]) {
            let reason = "has no effect: nothing says where the audit trail goes";
            let hint = "add [audit.file] with `path`, [audit.stdout] or [[audit.syslog]]";
            table.contradiction("key", reason, hint);
        }
        audit
    }
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

impl AuditFile {
    fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let base = table.reader.base;
        table.require("path", "the file that is written, for example \"audit/audit.log\"");
        let file = Self {
            path: table.text("path", "the path of a file", |text| written(base, text)).unwrap_or_default(),
            fsync: table.text("fsync", FSYNC, fsync).unwrap_or(default.fsync),
            rotate_size: table.size("rotate_size", default.rotate_size, 64 * 1024..=1 << 40),
            rotate_every: table.duration("rotate_every", default.rotate_every, Duration::ZERO..=YEAR),
            keep: table.number("keep", default.keep, 0..=1_000_000),
            on_failure: on_failure(table, default.on_failure),
        };
        table.finish();
        file
    }
}

impl AuditStdout {
    fn read(table: &mut Table<'_>) -> Self {
        let stdout = Self { on_failure: on_failure(table, OnFailure::Drop) };
        table.finish();
        stdout
    }
}

impl AuditSyslog {
    fn read(table: &mut Table<'_>) -> Self {
        table.require("address", "for example \"unix:/dev/log\"");
        let address = table.text("address", SYSLOG, syslog);
        let address = address.unwrap_or_else(|| SyslogAddress::Unix("/dev/log".into()));
        let syslog = Self { address, on_failure: on_failure(table, OnFailure::Drop) };
        table.finish();
        syslog
    }
}

fn on_failure(table: &mut Table<'_>, default: OnFailure) -> OnFailure {
    table.one_of("on_failure", &[("block", OnFailure::Block), ("drop", OnFailure::Drop)], default)
}

/// A file that need not be there: it is made at the first start, and its folder too.
fn written(base: &std::path::Path, text: &str) -> Result<PathBuf, Problem> {
    let path = base.join(text);
    if text.is_empty() || text.ends_with('/') || path.file_name().is_none() || path.is_dir() {
        return Err(Problem::expected_text("the path of a file", text));
    }
    Ok(path)
}

const FSYNC: &str = "\"always\", \"never\", or a duration from \"10ms\" to \"1h\"";

fn fsync(text: &str) -> Result<Fsync, Problem> {
    let bounds = Duration::from_millis(10)..=Duration::from_secs(3600);
    match text {
        "always" => Ok(Fsync::Always),
        "never" => Ok(Fsync::Never),
        other => match duration(other).filter(|d| bounds.contains(d)) {
            Some(every) => Ok(Fsync::Every(every)),
            None => {
                Err(Problem::expected_text(FSYNC, other).hint("\"1s\" loses at most one second, \"always\" nothing"))
            }
        },
    }
}

const SYSLOG: &str = "\"unix:PATH\", \"udp://ADDRESS:PORT\" or \"tcp://ADDRESS:PORT\"";

fn syslog(text: &str) -> Result<SyslogAddress, Problem> {
    let socket = |text: &str| text.parse::<SocketAddr>().ok();
    let found = match text.split_once(':') {
        Some(("unix", path)) if path.starts_with('/') => Some(SyslogAddress::Unix(path.into())),
        Some(("udp", rest)) => rest.strip_prefix("//").and_then(socket).map(SyslogAddress::Udp),
        Some(("tcp", rest)) => rest.strip_prefix("//").and_then(socket).map(SyslogAddress::Tcp),
        _ => None,
    };
    found.ok_or_else(|| {
        Problem::expected_text(SYSLOG, text).hint("numbers, not names: \"udp://10.1.0.5:514\", \"unix:/dev/log\"")
    })
}
