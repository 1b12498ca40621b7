//! How requests are spread over the instances of an upstream, and when one is sent a second time.

use std::time::Duration;

use crate::config::table::{Problem, Table};
use crate::config::{LONG, value};

/// The keys of `[upstream.NAME]` that say so.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    /// Requests and tunnels that may be open at once, over all instances; 0: as many as come.
    pub max_open_requests: usize,
    /// Tries beyond the first.
    pub retries: u32,
    /// Share of the requests of ten seconds, in percent, that may be sent again after they had been sent.
    pub retry_budget: u32,
    /// Failures in a row after which an instance gets no new requests for a while; 0: never.
    pub max_fails: u32,
    /// How long that is the first time.
    pub fail_timeout: Duration,
    /// How long an instance that is back gets less than its share.
    pub slow_start: Duration,
}

impl Default for Balance {
    fn default() -> Self {
        Self {
            max_open_requests: 10_000,
            retries: 2,
            retry_budget: 20,
            max_fails: 3,
            fail_timeout: Duration::from_secs(1),
            slow_start: Duration::from_secs(10),
        }
    }
}

impl Balance {
    pub(super) fn read(table: &mut Table<'_>, default: Self) -> Self {
        Self {
            max_open_requests: table.number("max_open_requests", default.max_open_requests, 0..=1_000_000),
            retries: table.number("retries", default.retries, 0..=10),
            retry_budget: table.text("retry_budget", SHARE, share).unwrap_or(default.retry_budget),
            max_fails: table.number("max_fails", default.max_fails, 0..=1000),
            fail_timeout: table.duration("fail_timeout", default.fail_timeout, LONG),
            slow_start: table.duration("slow_start", default.slow_start, Duration::ZERO..=*LONG.end()),
        }
    }
}

const SHARE: &str = "a share from \"0%\" to \"100%\"";

fn share(text: &str) -> Result<u32, Problem> {
    value::percent(text).ok_or_else(|| Problem::expected_text(SHARE, text))
}
