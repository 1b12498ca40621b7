//! `[upstream.NAME.health]`

use std::time::Duration;

use crate::config::table::{Problem, Table};
use crate::config::{LONG, SHORT};

/// `[upstream.NAME.health]`: each instance is asked ever so often how it is.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthCheck {
    /// Path of a `GET`.
    pub path: String,
    /// Its `Host`; absent: that of the instance's address.
    pub host: Option<String>,
    /// From one to the next.
    pub interval: Duration,
    /// Longest for an answer.
    pub timeout: Duration,
    /// Good answers in a row that bring an instance back.
    pub healthy_after: u32,
    /// Bad ones in a row that take it out.
    pub unhealthy_after: u32,
    /// Statuses of a good answer.
    pub statuses: Vec<u16>,
}

const PATH: &str = "a path such as \"/api/health\"";
const HOST: &str = "a host such as \"app.example.com\"";
const STATUS: &str = "a status such as 200";

impl HealthCheck {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        table.require("path", "a page that needs nobody signed in and says how the application is");
        let check = Self {
            path: table.text("path", PATH, path).unwrap_or_default(),
            host: table.text("host", HOST, host),
            interval: table.duration("interval", Duration::from_secs(5), LONG),
            timeout: table.duration("timeout", Duration::from_secs(2), SHORT),
            healthy_after: table.number("healthy_after", 2, 1..=100),
            unhealthy_after: table.number("unhealthy_after", 3, 1..=100),
            statuses: table.numbers("statuses", STATUS, status).unwrap_or_else(|| vec![200, 204]),
        };
        table.finish();
        if check.statuses.is_empty() && table.good(&["statuses"]) {
            table.contradiction("statuses", "is empty: no answer would be a good one", "for example [200]");
        }
        check
    }
}

fn path(text: &str) -> Result<String, Problem> {
    let good = text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    if good { Ok(text.to_owned()) } else { Err(Problem::expected_text(PATH, text).hint("it begins with `/`")) }
}

fn host(text: &str) -> Result<String, Problem> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"/?#@\\".contains(&b));
    if good { Ok(text.to_owned()) } else { Err(Problem::expected_text(HOST, text)) }
}

fn status(number: i64) -> Result<u16, Problem> {
    match u16::try_from(number) {
        // 503 is how an instance says that it leaves.
        Ok(status @ 200..=599) if status != 503 => Ok(status),
        _ => Err(Problem::new(format!("expected {STATUS}, found {number}"))
            .hint("200 to 599, and not 503: that says that the instance leaves")),
    }
}
