//! "Cache rules" of the contract, with a clock that only the test moves.

use std::sync::OnceLock;

use super::*;
use crate::session::types::{Onboarding, SidHash, User};

mod model;

const TTL: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn sid(n: u128) -> SessionId {
    SessionId::from_uuid(uuid::Uuid::from_u128(n))
}

/// A session of user `n`.
pub(in crate::session) fn session(n: u128) -> Session {
    Session {
        public_id: None,
        user: User { id: n.to_string(), email: None, name: None, role: None },
        tenant: None,
        tenants: Vec::new(),
        onboarding: Onboarding::Complete,
        permissions: Vec::new(),
        authenticated_at: None,
        expires_at: None,
        idle_expires_at: None,
        fingerprint: sid(n).fingerprint(),
        contradictory_onboarding: false,
        privileges_changed: false,
        activity: Arc::default(),
        headers: OnceLock::new(),
        sid_hash: SidHash::default(),
        assertions: OnceLock::new(),
    }
}

fn good(n: u128) -> Answer {
    Answer::Session(Box::new(session(n)))
}

fn cache() -> Cache {
    Cache::new(&config::Session::default())
}

fn with(change: impl FnOnce(&mut config::Session)) -> Cache {
    let mut config = config::Session::default();
    change(&mut config);
    Cache::new(&config)
}

fn lead(cache: &Cache, sid: &SessionId, now: Instant) -> Ticket {
    match cache.join(sid, now) {
        Join::Lead(ticket) => ticket,
        Join::Known(lookup) => panic!("known: {lookup:?}"),
        Join::Wait(_) => panic!("under way"),
    }
}

/// Asks, and is answered with a session of user `n`.
fn fill(cache: &Cache, n: u128, now: Instant) {
    let ticket = lead(cache, &sid(n), now);
    cache.settle(ticket, good(n), now);
}

/// What the hot path says: `hit USER age`, a code, `unknown`.
fn peek(cache: &Cache, n: u128, now: Instant) -> String {
    match cache.peek(&sid(n), now) {
        Peek::Unknown => "unknown".into(),
        Peek::Ending(lookup) => format!("ending {}", word(&lookup)),
        Peek::Known(lookup) => word(&lookup),
    }
}

fn word(lookup: &Lookup) -> String {
    match lookup {
        Lookup::Found(found) => {
            let user = &found.session.user.id;
            match found.freshness {
                Freshness::Hit(_) => format!("hit {user}"),
                Freshness::Miss => format!("miss {user}"),
                Freshness::Stale(_) => format!("stale {user}"),
            }
        }
        Lookup::Refused(code) => code.as_str().into(),
        Lookup::Unavailable(why) => why.as_str().into(),
        other => format!("{other:?}"),
    }
}

#[test]
fn one_flight_per_sid() {
    let (cache, now) = (cache(), Instant::now());
    let ticket = lead(&cache, &sid(1), now);
    let waiting: Vec<_> = (0..500)
        .map(|_| match cache.join(&sid(1), now) {
            Join::Wait(flight) => flight,
            _ => panic!("a second flight"),
        })
        .collect();
    assert!(matches!(cache.join(&sid(2), now), Join::Lead(_)), "another sid is another flight");
    cache.settle(ticket, good(1), now);
    assert!(waiting.iter().all(|w| w.borrow().as_ref().is_some_and(|l| word(l) == "miss 1")));
    assert!(matches!(cache.join(&sid(1), now), Join::Known(_)));
}

#[test]
fn one_flight_at_the_moment_of_expiry_too() {
    let (cache, now) = (cache(), Instant::now());
    fill(&cache, 1, now);
    assert_eq!(peek(&cache, 1, now + TTL - Duration::from_millis(1)), "ending hit 1");
    assert_eq!(peek(&cache, 1, now + TTL), "unknown");
    let _ticket = lead(&cache, &sid(1), now + TTL);
    assert!(matches!(cache.join(&sid(1), now + TTL), Join::Wait(_)));
}

#[test]
fn a_leader_that_is_gone_without_a_word_is_replaced_and_not_remembered() {
    let (cache, now) = (cache(), Instant::now());
    drop(lead(&cache, &sid(1), now));
    assert!(matches!(cache.join(&sid(1), now), Join::Lead(_)));
    cache.sweep(now);
    assert_eq!(cache.entries.len(), 0);
}

#[test]
fn a_revocation_during_a_lookup_wins() {
    let (cache, now) = (cache(), Instant::now());
    fill(&cache, 1, now);
    for renewal in [false, true] {
        let now = now + TTL * 2;
        let ticket = if renewal { cache.renew(&sid(1)).unwrap() } else { lead(&cache, &sid(1), now) };
        cache.revoke(&sid(1), RefusalCode::Revoked, now + MINUTE);
        assert_eq!(word(&cache.settle(ticket, good(1), now)), "session_revoked");
        assert_eq!(peek(&cache, 1, now), "session_revoked", "not stored");
        assert!(!cache.recently_good(&sid(1), now), "nothing stale either");
        assert_eq!(cache.len(), 0);
    }
}

#[test]
fn a_change_during_a_lookup_is_not_overwritten_by_what_was_asked_before_it() {
    let (cache, now) = (cache(), Instant::now());
    // Once with a session at hand, once without: the flight is what counts.
    for known in [false, true] {
        if known {
            fill(&cache, 1, now);
        }
        let asked_before = if known { cache.renew(&sid(1)).unwrap() } else { lead(&cache, &sid(1), now) };
        cache.changed(&sid(1));
        let asked_after = lead(&cache, &sid(1), now);
        assert_eq!(word(&cache.settle(asked_before, good(99), now)), "miss 99", "told ...");
        assert_eq!(peek(&cache, 1, now), "unknown", "... but not kept");
        assert!(matches!(cache.join(&sid(1), now), Join::Wait(_)), "the newer flight goes on");
        cache.settle(asked_after, good(1), now);
        assert_eq!(peek(&cache, 1, now), "hit 1");
        cache.changed(&sid(1));
    }
}

#[test]
fn an_entry_made_anew_does_not_take_an_old_flight_for_its_own() {
    let (cache, now) = (cache(), Instant::now());
    let old = lead(&cache, &sid(1), now);
    cache.changed(&sid(1));
    cache.sweep(now);
    assert_eq!(cache.entries.len(), 0);
    let _new = lead(&cache, &sid(1), now);
    cache.settle(old, good(99), now);
    assert_eq!(peek(&cache, 1, now), "unknown");
    assert!(matches!(cache.join(&sid(1), now), Join::Wait(_)));
}

#[test]
fn a_tombstone_stands_as_long_as_was_said() {
    let (cache, now) = (cache(), Instant::now());
    cache.revoke(&sid(1), RefusalCode::Rotated, now + MINUTE);
    cache.sweep(now + secs(59));
    assert_eq!(peek(&cache, 1, now + secs(59)), "session_rotated");
    cache.changed(&sid(1));
    assert_eq!(peek(&cache, 1, now + secs(59)), "session_rotated", "a change is no pardon");
    assert_eq!(peek(&cache, 1, now + secs(60)), "unknown");
}

#[test]
fn an_answer_never_counts_past_the_end_of_its_session() {
    let (cache, now) = (cache(), Instant::now());
    let soon = Timestamp::now() + secs(2);
    let late = Timestamp::now() + secs(3600);
    for (n, expires_at, idle_expires_at) in
        [(1, Some(soon), None), (2, Some(late), Some(soon)), (3, Some(soon), Some(late)), (4, None, Some(soon))]
    {
        let session = Session { expires_at, idle_expires_at, ..session(n) };
        let ticket = lead(&cache, &sid(n), now);
        cache.settle(ticket, Answer::Session(Box::new(session)), now);
        assert_ne!(peek(&cache, n, now + secs(1)), "unknown");
        assert_eq!(peek(&cache, n, now + secs(2)), "unknown");
    }
}

#[test]
fn a_session_that_ended_is_not_served_stale() {
    let (cache, now) = (with(|c| c.stale_if_error = MINUTE), Instant::now());
    let ended = Session { expires_at: Some(Timestamp::now() - secs(1)), ..session(1) };
    let ticket = lead(&cache, &sid(1), now);
    cache.settle(ticket, Answer::Session(Box::new(ended)), now);
    let ticket = lead(&cache, &sid(1), now);
    assert_eq!(word(&cache.settle(ticket, Answer::Unavailable(Unavailable::Timeout), now)), "timeout");
}

#[test]
fn a_refusal_counts_for_a_second_at_most_whatever_is_configured() {
    let (cache, now) = (with(|c| c.refusal_ttl = MINUTE), Instant::now());
    let ticket = lead(&cache, &sid(1), now);
    assert_eq!(word(&cache.settle(ticket, Answer::Refused(RefusalCode::Unknown), now)), "session_unknown");
    assert_eq!(peek(&cache, 1, now + Duration::from_millis(999)), "session_unknown");
    assert_eq!(peek(&cache, 1, now + secs(1)), "unknown");
    // One who only heard of the sid too early is not shut out for longer than that (K4).
    let ticket = lead(&cache, &sid(1), now + secs(1));
    cache.settle(ticket, good(1), now + secs(1));
    assert_eq!(peek(&cache, 1, now + secs(1)), "hit 1");
}

#[test]
fn that_a_sid_was_refused_is_remembered_for_a_minute() {
    let (cache, now) = (cache(), Instant::now());
    let ticket = lead(&cache, &sid(1), now);
    cache.settle(ticket, Answer::Refused(RefusalCode::Unknown), now);
    cache.sweep(now + MINUTE);
    assert!(cache.recently_refused(&sid(1)));
    cache.sweep(now + MINUTE + secs(1));
    assert!(!cache.recently_refused(&sid(1)));
    assert_eq!(cache.entries.len(), 0);
}

#[test]
fn no_answer_changes_nothing() {
    let (cache, now) = (cache(), Instant::now());
    fill(&cache, 1, now);
    let ticket = cache.renew(&sid(1)).unwrap();
    cache.settle(ticket, Answer::Unavailable(Unavailable::Connect), now);
    assert_eq!(peek(&cache, 1, now), "hit 1");
    let ticket = lead(&cache, &sid(1), now + TTL);
    assert_eq!(word(&cache.settle(ticket, Answer::Unavailable(Unavailable::Connect), now + TTL)), "connect");
    assert!(cache.recently_good(&sid(1), now + TTL), "its permit is still kept");
    assert!(!cache.recently_good(&sid(1), now + MINUTE));
}

#[test]
fn the_last_good_answer_serves_as_long_as_configured_and_a_revocation_beats_it() {
    let (cache, now) = (with(|c| c.stale_if_error = secs(30)), Instant::now());
    fill(&cache, 1, now);
    let fail = |now| {
        let ticket = lead(&cache, &sid(1), now);
        word(&cache.settle(ticket, Answer::Unavailable(Unavailable::Status(500)), now))
    };
    assert_eq!(fail(now + secs(30)), "stale 1");
    cache.sweep(now + secs(30));
    assert_eq!(fail(now + secs(31)), "status");
    cache.revoke(&sid(1), RefusalCode::Revoked, now + secs(32));
    assert_eq!(fail(now + secs(33)), "status");
}

#[test]
fn ahead_of_its_end_a_hot_answer_is_renewed_once() {
    let (cache, now) = (cache(), Instant::now());
    fill(&cache, 1, now);
    assert_eq!(peek(&cache, 1, now + secs(4)), "hit 1");
    let late = now + Duration::from_millis(4001);
    assert_eq!(peek(&cache, 1, late), "ending hit 1");
    let ticket = cache.renew(&sid(1)).unwrap();
    assert!(cache.renew(&sid(1)).is_none());
    assert_eq!(peek(&cache, 1, late), "hit 1", "somebody renews it already");
    cache.settle(ticket, good(1), late);
    assert_eq!(peek(&cache, 1, late + secs(4)), "hit 1");
    assert!(cache.renew(&sid(7)).is_none(), "nothing to renew");
}

#[test]
fn what_was_not_asked_about_for_a_minute_is_dropped() {
    let (cache, now) = (cache(), Instant::now());
    fill(&cache, 1, now);
    cache.sweep(now + MINUTE);
    assert_eq!((cache.entries.len(), cache.len()), (1, 1));
    cache.sweep(now + MINUTE + secs(1));
    assert_eq!((cache.entries.len(), cache.len(), cache.bytes.load(Relaxed)), (0, 0, 0));
}

#[test]
fn random_sids_cannot_push_out_live_ones() {
    let (cache, now) = (with(|c| c.max_entries = 100), Instant::now());
    for n in 0..80 {
        fill(&cache, n, now);
    }
    for n in 1_000..101_000 {
        let ticket = lead(&cache, &sid(n), now);
        cache.settle(ticket, Answer::Refused(RefusalCode::Unknown), now);
    }
    assert!(cache.entries.len() <= MAX_REFUSED + 80, "{}", cache.entries.len());
    cache.sweep(now);
    cache.sweep(now + secs(1));
    assert!((0..80).all(|n| peek(&cache, n, now) == format!("hit {n}")));
    cache.sweep(now + MINUTE + secs(1));
    assert_eq!(cache.entries.len(), 0);
}

#[test]
fn under_pressure_the_sessions_in_use_stay() {
    let (cache, now) = (with(|c| c.max_entries = 100), Instant::now());
    for n in 0..100 {
        fill(&cache, n, now + secs(u64::try_from(n / 50).unwrap() * 3));
    }
    let full = now + secs(3);
    fill(&cache, 200, full);
    assert_eq!(peek(&cache, 200, full), "unknown", "no place: served, not kept");
    cache.sweep(full);
    assert!(cache.len() < 90, "{}", cache.len());
    assert!((50..100).all(|n| peek(&cache, n, full) == format!("hit {n}")), "the younger half is in use");
    fill(&cache, 200, full);
    assert_eq!(peek(&cache, 200, full), "hit 200");
}

#[test]
fn under_pressure_a_fifth_goes_also_when_all_are_of_one_age() {
    let (cache, now) = (with(|c| c.max_entries = 100), Instant::now());
    for n in 0..100 {
        fill(&cache, n, now);
    }
    cache.sweep(now);
    assert_eq!(cache.len(), 80);
}

#[test]
fn bytes_are_bounded_too() {
    let (cache, now) = (with(|c| c.max_bytes = 64 * 1024), Instant::now());
    let big = || Session { permissions: vec!["x".repeat(4096)], ..session(1) };
    for n in 0..20 {
        let ticket = lead(&cache, &sid(n), now + Duration::from_millis(u64::try_from(n).unwrap()));
        cache.settle(ticket, Answer::Session(Box::new(big())), now + Duration::from_millis(u64::try_from(n).unwrap()));
        assert!(cache.bytes.load(Relaxed) <= 64 * 1024);
    }
    let before = cache.len();
    cache.sweep(now + secs(1));
    assert!((1..before).contains(&cache.len()));
}

#[test]
fn the_smallest_cache_there_is_still_makes_room() {
    let (cache, now) = (with(|c| c.max_entries = 1), Instant::now());
    fill(&cache, 1, now);
    fill(&cache, 2, now);
    assert_eq!(peek(&cache, 2, now), "unknown");
    cache.sweep(now + secs(1));
    fill(&cache, 2, now + secs(1));
    assert_eq!(peek(&cache, 2, now + secs(1)), "hit 2");
}

#[test]
fn a_contradiction_is_known_as_long_as_its_session() {
    let (cache, now) = (cache(), Instant::now());
    assert!(!cache.contradicts(&sid(1)));
    let ticket = lead(&cache, &sid(1), now);
    let session = Session { contradictory_onboarding: true, ..session(1) };
    cache.settle(ticket, Answer::Session(Box::new(session)), now);
    assert!(cache.contradicts(&sid(1)));
    cache.changed(&sid(1));
    assert!(cache.contradicts(&sid(1)));
}
