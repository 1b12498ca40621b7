//! What is noted of a session in use, and what of it reaches a batch.

use super::*;
use crate::session::cache::tests::session;

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

fn named(public_id: &str) -> Arc<Session> {
    Arc::new(Session { public_id: Some(public_id.into()), ..session(1) })
}

fn agent(text: &str) -> HeaderValue {
    text.parse().unwrap()
}

/// Seconds after the start.
fn at(batches: &Batches, seconds: u64) -> Instant {
    batches.started + Duration::from_secs(seconds)
}

fn said(batches: &Batches) -> Vec<Value> {
    let entries = batches.take();
    batches.taken(&entries);
    body(&entries)["seen"].as_array().unwrap().clone()
}

#[test]
fn many_requests_are_one_entry_and_the_newest_address_and_browser_win() {
    let (batches, session) = (Batches::new(&config::Activity::default()), named("a"));
    for _ in 0..1000 {
        batches.mark(&session, at(&batches, 1), CLIENT, Some(&agent("one")));
    }
    batches.mark(&session, at(&batches, 1), OTHER, Some(&agent("within the second")));
    batches.mark(&session, at(&batches, 2), OTHER, Some(&agent("two")));
    batches.mark(&session, at(&batches, 1), CLIENT, Some(&agent("late")));
    let seen = said(&batches);
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (&seen[0]["public_id"], &seen[0]["ip"], &seen[0]["user_agent"]),
        (&json!("a"), &json!(OTHER.to_string()), &json!("two"))
    );
    assert!(said(&batches).is_empty(), "it was said");
    batches.mark(&session, at(&batches, 3), CLIENT, None);
    assert_eq!(said(&batches)[0]["user_agent"], Value::Null);
    assert_eq!(batches.sent.load(Relaxed), 2);
}

#[test]
fn answers_about_one_session_make_one_entry() {
    let batches = Batches::new(&config::Activity::default());
    batches.mark(&named("a"), at(&batches, 1), CLIENT, None);
    batches.mark(&named("a"), at(&batches, 2), OTHER, None);
    batches.mark(&named("b"), at(&batches, 2), CLIENT, None);
    let seen = said(&batches);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen.iter().find(|one| one["public_id"] == "a").unwrap()["ip"], OTHER.to_string());
}

#[test]
fn what_comes_while_a_batch_is_under_way_is_in_the_next() {
    let (batches, session) = (Batches::new(&config::Activity::default()), named("a"));
    batches.mark(&session, at(&batches, 1), CLIENT, None);
    let under_way = batches.take();
    assert!(batches.unsent(&session).is_some(), "nobody has taken it yet");
    batches.mark(&session, at(&batches, 2), OTHER, None);
    batches.dropped(&under_way);
    assert_eq!(batches.lost.load(Relaxed), 1);
    assert_eq!(said(&batches)[0]["ip"], OTHER.to_string());
    assert!(batches.unsent(&session).is_none());
}

#[test]
fn a_session_without_a_public_name_has_nothing_to_say() {
    let batches = Batches::new(&config::Activity::default());
    batches.mark(&Arc::new(session(1)), at(&batches, 1), CLIENT, None);
    assert!(batches.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_about_to_go_idle_is_urgent() {
    let batches = Batches::new(&config::Activity::default());
    let ends_in = |seconds| {
        let idle_expires_at = Some(Timestamp::now() + Duration::from_secs(seconds));
        Arc::new(Session { public_id: Some("a".into()), idle_expires_at, ..session(1) })
    };
    let urgent = async || tokio::time::timeout(Duration::from_secs(1), batches.urgent.notified()).await.is_ok();
    batches.mark(&ends_in(60), at(&batches, 1), CLIENT, None);
    assert!(!urgent().await);
    batches.mark(&ends_in(29), at(&batches, 1), CLIENT, None);
    assert!(urgent().await);
}

#[test]
fn memory_is_bounded_also_where_nobody_takes_what_waits() {
    let batches = Batches::new(&config::Activity::default());
    for n in 0..MAX_QUEUED + 10 {
        batches.mark(&named(&n.to_string()), at(&batches, 1), CLIENT, None);
    }
    assert_eq!((batches.take().len(), batches.lost.load(Relaxed)), (MAX_QUEUED, 10));
    let (batches, session) = (Batches::new(&config::Activity::default()), named("a"));
    batches.mark(&session, at(&batches, 1), CLIENT, Some(&agent(&"x".repeat(5000))));
    assert_eq!(said(&batches)[0]["user_agent"].as_str().unwrap().len(), MAX_AGENT);
}
