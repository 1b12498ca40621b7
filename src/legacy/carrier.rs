//! The carriers: which cookies may hold a session, and how each is read.

use std::sync::Arc;

use jiff::Timestamp;

use super::format::Format;
use super::{Candidate, Claims, Jar, Verdict, Why, encoding};
use crate::config::{self, LegacyCarrier, LegacyFormat};

/// Percent-encoding makes up to three bytes of one.
const ENCODED: usize = 3;

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
    /// Each name under which a cookie may be sent, and how it is read.
    cookies: Vec<(String, Arc<Format>)>,
}

impl Carriers {
    /// Of `[legacy]`. Derives the keys, which takes a while (PBKDF2).
    pub fn new(config: &config::Legacy) -> Self {
        Self {
            all: config.carriers.iter().map(Carrier::new).collect(),
            sentinels: config.sentinels.clone(),
            max_value_bytes: config.max_value_bytes,
        }
    }

    /// Whether any carrier would look at a cookie of this jar.
    pub fn any(&self, jar: &Jar<'_>) -> bool {
        self.all.iter().flat_map(|carrier| &carrier.cookies).any(|(name, _)| jar.has(name))
    }

    /// The cookie that a name is one of, or a chunk of, as the carriers know it.
    pub fn cookie_of<'n>(&self, sent: &'n str) -> Option<&'n str> {
        let jar = Jar::single(sent, b"");
        let known = self.all.iter().flat_map(|carrier| &carrier.cookies).find(|(name, _)| jar.has(name));
        known.and_then(|(name, _)| sent.get(..name.len()))
    }

    /// Reads what the jar claims at this time. Never fails: what cannot be read is a candidate that says why.
    pub fn read(&self, jar: &Jar<'_>, now: Timestamp) -> Claims {
        let mut candidates = Vec::new();
        for carrier in &self.all {
            for (cookie, format) in &carrier.cookies {
                for value in jar.values(cookie, self.max_value_bytes.saturating_mul(ENCODED)) {
                    let verdict = match value {
                        Ok(value) => self.judge(format, &value, now),
                        Err(why) => Verdict::Rejected(why),
                    };
                    candidates.push(Candidate { carrier: carrier.name.clone(), cookie: cookie.clone(), verdict });
                }
            }
        }
        Claims { candidates }
    }

    fn judge(&self, format: &Format, value: &[u8], now: Timestamp) -> Verdict {
        let Some(text) = encoding::text(value) else { return Verdict::Rejected(Why::Malformed) };
        if text.is_empty() {
            return Verdict::None(Why::Empty);
        }
        if text.len() > self.max_value_bytes {
            return Verdict::Rejected(Why::TooLarge);
        }
        if self.sentinels.iter().any(|word| *word == text) {
            return Verdict::Rejected(Why::Sentinel);
        }
        match format.read(&text, now) {
            // In JSON too.
            Verdict::Proof(proof) if self.sentinels.iter().any(|word| word == proof.value.expose()) => {
                Verdict::Rejected(Why::Sentinel)
            }
            verdict => verdict,
        }
    }
}

impl Carrier {
    fn new(config: &LegacyCarrier) -> Self {
        // The key of Auth.js has the cookie's name in it; any other is made once.
        let shared = (config.format != LegacyFormat::Authjs).then(|| Arc::new(Format::new(config, "")));
        let format = |name: &str| shared.clone().unwrap_or_else(|| Arc::new(Format::new(config, name)));
        let cookies = config.sent_as().map(|name| (name.clone(), format(&name))).collect();
        Self { name: config.name.as_str().into(), cookies }
    }
}
