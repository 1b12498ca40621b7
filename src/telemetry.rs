//! What is told of requests: one access-log line each, which also feeds the metrics; and the start of tracing.
//!
//! Diagnostics go to standard error through `tracing`. Access lines go to standard output through a thread of their
//! own: formatting a line through tracing's layers costs several times as much as the line itself, and a reader that
//! stops reading must not stop requests. Lines that find the queue full are dropped and counted.

mod access;
mod line;
mod metrics;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

pub use access::{AccessLog, Record, Recorded};
pub use metrics::Metrics;
pub(crate) use metrics::{family, gauge};

/// Starts tracing. A second call changes nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match log.format {
        LogFormat::Json => base.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            base.with_target(false).with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
        }
    };
}
