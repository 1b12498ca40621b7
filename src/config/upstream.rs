//! `[upstream.NAME]`

use std::time::Duration;

/// `[upstream.NAME]`: an application that requests are forwarded to.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// What routes call it.
    pub name: String,
    /// `http://host:port`, without a path.
    pub url: String,
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
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            name: "nextjs".into(),
            url: "http://127.0.0.1:3000".into(),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
            pool_idle_timeout: Duration::from_secs(4),
            pool_max_idle: 256,
        }
    }
}
