//! What the events of one or several trails come to.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use crate::legacy::Sketch;

/// Everything that is told.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By day, `2026-11-24`.
    pub(super) days: BTreeMap<String, Day>,
    /// By label.
    pub(super) carriers: BTreeMap<String, Carrier>,
    /// Refusals by reason.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) conflicts: u64,
    /// Sessions that were made, by fingerprint; whether each came back.
    sessions: HashMap<String, bool>,
    /// Came back, and the migration is not in what was read, or not yet.
    others: HashSet<String>,
    /// Times and outcomes.
    pub(super) stops: Vec<(String, String)>,
    pub(super) seen: Seen,
    /// When the last browser with legacy cookies is told of: in a summary, or by what came of its cookies.
    pub(super) last_seen: Option<String>,
}

/// One day, in UTC.
#[derive(Debug, Default)]
pub(super) struct Day {
    pub(super) migrated: u64,
    pub(super) refused: u64,
    pub(super) returned: u64,
    pub(super) seen: Seen,
}

/// Browsers with legacy cookies.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) requests: u64,
    pub(super) browsers: Sketch,
    usable: Sketch,
    unusable: Sketch,
}

/// One carrier.
#[derive(Debug, Default)]
pub(super) struct Carrier {
    pub(super) migrated: u64,
    pub(super) refused: BTreeMap<String, u64>,
}

/// How many would have to sign in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forecast {
    pub(super) browsers: u64,
    pub(super) must_sign_in: u64,
}

impl Tally {
    /// Counts an event.
    pub(super) fn add(&mut self, event: &Value) {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let time = text("time");
        // Until the first summary of a gateway, and where one was lost, what came of them says that they were there.
        let was_there = ["legacy_migrated", "legacy_refused", "legacy_conflict", "legacy_seen"].contains(&text("kind"));
        if was_there && self.last_seen.as_deref() < Some(time) {
            self.last_seen = Some(time.to_owned());
        }
        let day = self.days.entry(time.get(..10).unwrap_or_default().to_owned()).or_default();
        match text("kind") {
            "legacy_migrated" => {
                let session = text("session").to_owned();
                // The same one again on another gateway of the fleet.
                if self.sessions.contains_key(&session) {
                    return;
                }
                let came_back = self.others.remove(&session);
                self.sessions.insert(session, came_back);
                day.migrated += 1;
                self.carriers.entry(text("carrier").to_owned()).or_default().migrated += 1;
            }
            "legacy_returned" => {
                day.returned += 1;
                match self.sessions.get_mut(text("session")) {
                    Some(came_back) => *came_back = true,
                    None => drop(self.others.insert(text("session").to_owned())),
                }
            }
            "legacy_refused" => {
                day.refused += 1;
                *self.refused.entry(text("reason").to_owned()).or_default() += 1;
                let carrier = self.carriers.entry(text("carrier").to_owned()).or_default();
                *carrier.refused.entry(text("reason").to_owned()).or_default() += 1;
            }
            "legacy_conflict" => self.conflicts += 1,
            "legacy_stopped" => self.stops.push((time.to_owned(), text("outcome").to_owned())),
            "legacy_seen" => {
                day.seen.add(event);
                self.seen.add(event);
            }
            _ => {}
        }
    }

    /// Sessions that were made.
    pub(super) fn migrated(&self) -> u64 {
        self.sessions.len() as u64
    }

    /// Of those, the ones that came back with their sid.
    pub(super) fn returned(&self) -> u64 {
        self.sessions.values().filter(|came_back| **came_back).count() as u64
    }

    /// Everything, for programs.
    pub(super) fn json(&self) -> Value {
        let days = self.days.iter().map(|(name, day)| {
            json!({
                "day": name, "migrated": day.migrated, "refused": day.refused, "returned": day.returned,
                "requests": day.seen.requests, "browsers": day.seen.browsers.count(), "forecast": day.seen.forecast().json(),
            })
        });
        let carriers = self.carriers.iter().map(
            |(name, carrier)| json!({ "carrier": name, "migrated": carrier.migrated, "refused": carrier.refused }),
        );
        let stops = self.stops.iter().map(|(time, outcome)| json!({ "time": time, "outcome": outcome }));
        json!({
            "migrated": self.migrated(),
            "returned": self.returned(),
            "refused": self.refused,
            "conflicts": self.conflicts,
            "carriers": carriers.collect::<Vec<_>>(),
            "browsers": self.seen.browsers.count(),
            "requests": self.seen.requests,
            "last_seen": self.last_seen,
            "forecast": self.seen.forecast().json(),
            "stops": stops.collect::<Vec<_>>(),
            "days": days.collect::<Vec<_>>(),
        })
    }
}

impl Seen {
    fn add(&mut self, event: &Value) {
        self.requests += event.get("requests").and_then(Value::as_u64).unwrap_or_default();
        for (name, sketch) in [
            ("browsers_sketch", &mut self.browsers),
            ("usable_sketch", &mut self.usable),
            ("unusable_sketch", &mut self.unusable),
        ] {
            if let Some(told) = event.get(name).and_then(Value::as_str).and_then(Sketch::decode) {
                sketch.merge(&told);
            }
        }
    }

    /// Of those whose cookies were looked into.
    pub(super) fn forecast(&self) -> Forecast {
        let must_sign_in = self.unusable.count();
        Forecast { browsers: self.usable.count() + must_sign_in, must_sign_in }
    }
}

impl Forecast {
    fn json(self) -> Value {
        json!({ "browsers": self.browsers, "must_sign_in": self.must_sign_in })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_s_trails_count_a_session_and_a_browser_once() {
        let mut tally = Tally::default();
        let sketch = |browsers: std::ops::Range<u64>| {
            let mut sketch = Sketch::default();
            browsers.for_each(|n| sketch.add(n));
            sketch.encode()
        };
        let event = |kind: &str, session: &str| json!({ "time": "2026-11-24T12:00:00.000000Z", "kind": kind, "session": session, "carrier": "session_token" });
        // The other gateway's trail is read first.
        tally.add(&event("legacy_returned", "aa"));
        tally.add(&event("legacy_migrated", "aa"));
        tally.add(&event("legacy_migrated", "aa"));
        tally.add(&event("legacy_migrated", "bb"));
        for (browsers, unusable) in [(0..6, 4..6), (3..9, 4..6)] {
            tally.add(&json!({
                "time": "2026-11-24T13:00:00.000000Z", "kind": "legacy_seen", "requests": 10,
                "browsers_sketch": sketch(browsers.clone()), "usable_sketch": sketch(browsers.start..4),
                "unusable_sketch": sketch(unusable),
            }));
        }
        assert_eq!((tally.migrated(), tally.returned(), tally.carriers["session_token"].migrated), (2, 1, 2));
        assert_eq!((tally.seen.browsers.count(), tally.seen.requests), (9, 20));
        assert_eq!(tally.seen.forecast(), Forecast { browsers: 6, must_sign_in: 2 });
        assert_eq!(tally.last_seen.as_deref(), Some("2026-11-24T13:00:00.000000Z"));
    }
}
