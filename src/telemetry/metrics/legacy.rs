//! Counters of legacy cookies. Carriers are labels out of the configuration: no client can make a new one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{family, head};
use crate::context::{LegacyFacts, MigrationOutcome};

/// Numbers by carrier and another label.
type ByCarrier = Mutex<BTreeMap<(Arc<str>, &'static str), u64>>;

/// Every counter of the room.
#[derive(Debug, Default)]
pub(super) struct Legacy {
    migrations: ByCarrier,
    forecast: ByCarrier,
    carrying: AtomicU64,
    /// Seconds since 1970; 0: none was seen.
    last_seen: AtomicU64,
    returned: AtomicU64,
    set_cookie_dropped: AtomicU64,
}

impl Legacy {
    pub(super) fn count(&self, facts: &LegacyFacts) {
        if facts.carrying {
            self.carrying.fetch_add(1, Relaxed);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            self.last_seen.fetch_max(now, Relaxed);
        }
        if let Some((carrier, outcome)) = &facts.migration {
            add(&self.migrations, carrier, outcome.as_str());
        }
        for (carrier, verdict) in &facts.forecast {
            add(&self.forecast, carrier, verdict);
        }
        self.returned.fetch_add(u64::from(facts.returned), Relaxed);
        self.set_cookie_dropped.fetch_add(u64::from(facts.set_cookie_dropped), Relaxed);
    }

    /// Nothing for who has no legacy cookies.
    pub(super) fn render(&self, out: &mut String) {
        let migrations = self.migrations.lock().unwrap_or_else(PoisonError::into_inner);
        let forecast = self.forecast.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = self.set_cookie_dropped.load(Relaxed);
        if self.carrying.load(Relaxed) == 0 && migrations.is_empty() && dropped == 0 {
            return;
        }
        let help = "First visits with legacy cookies, by carrier and what came of them.";
        let mut carriers: Vec<&Arc<str>> = migrations.keys().map(|(carrier, _)| carrier).collect();
        carriers.dedup();
        let all =
            carriers.into_iter().flat_map(|carrier| MigrationOutcome::ALL.map(|outcome| (carrier, outcome.as_str())));
        let counted = all.map(|(carrier, outcome)| {
            let count = migrations.get(&(carrier.clone(), outcome)).copied().unwrap_or_default();
            (vec![("carrier", &**carrier), ("outcome", outcome)], count)
        });
        out.push_str(&family("sidgate_legacy_migrations_total", help, counted));
        let help = "What legacy cookies would give, by carrier and verdict (mode observe).";
        let counted = forecast.iter().map(|((c, verdict), n)| (vec![("carrier", &**c), ("verdict", *verdict)], *n));
        out.push_str(&family("sidgate_legacy_forecast_total", help, counted));
        for (name, help, value) in [
            ("sidgate_legacy_carrying_total", "Requests that still bring legacy cookies.", &self.carrying),
            ("sidgate_legacy_last_seen_seconds", "When the last of them came, in Unix time.", &self.last_seen),
            ("sidgate_legacy_returned_total", "Migrated sessions that came back with their sid.", &self.returned),
            (
                "sidgate_legacy_set_cookie_dropped_total",
                "Set-Cookie lines of the old application for legacy names, not let through.",
                &self.set_cookie_dropped,
            ),
        ] {
            head(out, name, if name.ends_with("_total") { "counter" } else { "gauge" }, help);
            out.push_str(&format!("{name} {}\n", value.load(Relaxed)));
        }
    }
}

fn add(counters: &ByCarrier, carrier: &Arc<str>, word: &'static str) {
    let mut counters = counters.lock().unwrap_or_else(PoisonError::into_inner);
    *counters.entry((carrier.clone(), word)).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_legacy_cookies_has_no_counters_of_them() {
        let legacy = Legacy::default();
        legacy.count(&LegacyFacts::default());
        let mut out = String::new();
        legacy.render(&mut out);
        assert_eq!(out, "");
    }

    #[test]
    fn a_first_visit_is_counted_by_carrier_and_outcome() {
        let legacy = Legacy::default();
        let facts = LegacyFacts {
            carrying: true,
            migration: Some(("session_token".into(), MigrationOutcome::Migrated)),
            forecast: vec![("appSession".into(), "rejected")],
            returned: true,
            set_cookie_dropped: 2,
            expired: 0,
        };
        legacy.count(&facts);
        legacy.count(&facts);
        let mut out = String::new();
        legacy.render(&mut out);
        for line in [
            "sidgate_legacy_migrations_total{carrier=\"session_token\",outcome=\"migrated\"} 2",
            "sidgate_legacy_migrations_total{carrier=\"session_token\",outcome=\"refused\"} 0",
            "sidgate_legacy_forecast_total{carrier=\"appSession\",verdict=\"rejected\"} 2",
            "# TYPE sidgate_legacy_last_seen_seconds gauge",
            "sidgate_legacy_carrying_total 2",
            "sidgate_legacy_returned_total 2",
            "sidgate_legacy_set_cookie_dropped_total 4",
        ] {
            assert!(out.lines().any(|l| l == line), "{line}\n{out}");
        }
    }
}
