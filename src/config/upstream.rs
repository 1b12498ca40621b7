//! `[upstream.NAME]`

mod balance;
mod health;

use std::time::Duration;

pub use balance::Balance;
pub use health::HealthCheck;

use super::table::{Problem, Table};
use super::{ClientTls, LONG, SHORT, TUNNEL, Target, session};

/// `[upstream.NAME]`: an application that requests are forwarded to.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// What routes call it.
    pub name: String,
    /// Its instances, at least one.
    pub urls: Vec<Target>,
    /// For those that are reached over https.
    pub tls: ClientTls,
    /// Longest to connect.
    pub connect_timeout: Duration,
    /// Longest without a sign of life before the answer's header.
    pub response_timeout: Duration,
    /// Longest silence in a body or a tunnel.
    pub idle_timeout: Duration,
    /// How long an idle connection is kept.
    pub pool_idle_timeout: Duration,
    /// Idle connections kept.
    pub pool_max_idle: usize,
    /// How requests are spread over its instances.
    pub balance: Balance,
    /// How it is asked whether it is well.
    pub health: Option<HealthCheck>,
    /// Cookies by whose presence the application takes somebody for signed in: it sees none of them in a request that
    /// is known to have no session.
    pub session_cookies: Vec<String>,
    /// Whether it gets the assertion; absent: once there is a key.
    pub assertion: Option<bool>,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            name: "nextjs".into(),
            urls: vec![Target::Http("127.0.0.1:3000".into())],
            tls: ClientTls::default(),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
            pool_idle_timeout: Duration::from_secs(4),
            pool_max_idle: 256,
            balance: Balance::default(),
            health: None,
            session_cookies: Vec::new(),
            assertion: None,
        }
    }
}

impl Upstream {
    pub(super) fn read(table: &mut Table<'_>, name: &str, default: Self) -> Self {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
            let problem = Problem::new("an upstream's name is letters, digits, `-` and `_`");
            table.reader.report(table.place(""), problem.hint("it is used in logs and metrics"));
        }
        let upstream = Self {
            name: name.to_owned(),
            urls: instances(table).unwrap_or(default.urls),
            tls: ClientTls::read(table),
            connect_timeout: table.duration("connect_timeout", default.connect_timeout, SHORT),
            response_timeout: table.duration("response_timeout", default.response_timeout, LONG),
            idle_timeout: table.duration("idle_timeout", default.idle_timeout, TUNNEL),
            pool_idle_timeout: table.duration("pool_idle_timeout", default.pool_idle_timeout, LONG),
            pool_max_idle: table.number("pool_max_idle", default.pool_max_idle, 0..=100_000),
            balance: Balance::read(table, default.balance),
            health: table.optional_table("health", HealthCheck::read),
            session_cookies: table
                .list("session_cookies", session::COOKIE, session::token)
                .unwrap_or(default.session_cookies),
            assertion: table.optional_flag("assertion").or(default.assertion),
        };
        table.finish();
        upstream.check(table);
        upstream
    }

    fn check(&self, table: &mut Table<'_>) {
        self.tls.check(table, &["url", "urls"], &self.urls);
        if table.has("url") && table.has("urls") {
            table.contradiction("urls", "stands beside `url`", "write one of them: `urls` for several instances");
        } else if table.good(&["urls"]) {
            let twice = self.urls.iter().enumerate().find(|(i, url)| self.urls[..*i].contains(url));
            match twice {
                Some((_, url)) => table.contradiction("urls", format!("names {url} twice"), "each is one instance"),
                None if self.urls.len() > 64 => table.contradiction("urls", "names more than 64", "split the upstream"),
                None if self.urls.is_empty() => table.contradiction("urls", "is empty", "name at least one instance"),
                None => {}
            }
        }
    }
}

/// `url`, or `urls`.
fn instances(table: &mut Table<'_>) -> Option<Vec<Target>> {
    let (one, several) = (table.target("url"), table.targets("urls"));
    several.or_else(|| one.map(|one| vec![one]))
}
