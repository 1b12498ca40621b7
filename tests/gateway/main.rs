//! The gateway's promises, one module each, held against the real server on port 0.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod framing;
mod limits;
mod log;
mod paths;
mod responses;
mod retry;
mod shutdown;
mod smoke;
mod spoofing;
mod streaming;
mod support;
mod tls;
mod upgrades;
