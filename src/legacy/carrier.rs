//! The carriers: which cookies may hold a session, and how each is read.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Claims, Jar};
use crate::config::{self, LegacyCarrier};

/// The carriers of a configuration, in the order in which they are tried, with their keys.
#[derive(Debug)]
pub struct Carriers {
    all: Vec<Carrier>,
    sentinels: Vec<String>,
    max_value_bytes: usize,
}

#[derive(Debug)]
struct Carrier {
    name: Arc<str>,
    config: LegacyCarrier,
}

impl Carriers {
    /// Of `[legacy]`. Derives the keys, which takes a while (PBKDF2).
    pub fn new(config: &config::Legacy) -> Self {
        let carrier = |c: &LegacyCarrier| Carrier { name: c.name.as_str().into(), config: c.clone() };
        Self {
            all: config.carriers.iter().map(carrier).collect(),
            sentinels: config.sentinels.clone(),
            max_value_bytes: config.max_value_bytes,
        }
    }

    /// Whether any carrier would look at a cookie of this jar.
    pub fn any(&self, jar: &Jar<'_>) -> bool {
        jar.names().any(|name| self.all.iter().any(|c| c.config.cookies.iter().any(|cookie| cookie == name)))
    }

    /// Reads what the jar claims at this time.
    pub fn read(&self, _jar: &Jar<'_>, _now: Timestamp) -> Claims {
        Claims::default()
    }
}
