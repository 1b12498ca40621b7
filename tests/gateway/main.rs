//! The gateway's promises, one module each, held against the real server on port 0.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod smoke;
mod support;
