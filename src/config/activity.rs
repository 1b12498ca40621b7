//! `[activity]`: how the backend hears which sessions are in use.

use std::time::Duration;

use super::table::Table;

/// `[activity]`
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Between two batches.
    pub interval: Duration,
    /// Sessions in one call.
    pub max_batch: usize,
}

impl Default for Activity {
    fn default() -> Self {
        Self { interval: Duration::from_secs(10), max_batch: 500 }
    }
}

impl Activity {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let interval = Duration::from_millis(100)..=Duration::from_secs(600);
        let activity = Self {
            interval: table.duration("interval", default.interval, interval),
            max_batch: table.number("max_batch", default.max_batch, 1..=10_000),
        };
        table.finish();
        activity
    }
}
