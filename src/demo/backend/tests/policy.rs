//! How many sessions a user may have, and how long they last.

use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::*;

fn at_most(limit: usize, limit_policy: LimitPolicy) -> Backend {
    let limit = NonZeroUsize::new(limit);
    Backend::with_policy(KEY, SessionPolicy { limit, limit_policy, ..SessionPolicy::default() })
}

async fn sign_in_replacing(backend: &Backend, email: &str, replaces: &Value) -> (u16, Value) {
    let body = json!({ "email": email, "password": PASSWORD, "replaces": replaces });
    call(backend, "POST ", "", body).await
}

#[tokio::test]
async fn past_the_limit_the_oldest_session_ends_and_says_why() {
    let backend = at_most(2, LimitPolicy::EvictOldest);
    let (one, two) = (sign_in(&backend, "alice@acme.test").await, sign_in(&backend, "alice@acme.test").await);
    assert_eq!(one.get("evicted"), None);
    // Its new sid makes it no younger.
    let one = call(&backend, "POST current/rotate/", text(&one, "/sid"), Value::Null).await.1;
    let others = sign_in(&backend, "bob@globex.test").await;
    let three = sign_in(&backend, "alice@acme.test").await;
    assert_eq!(three["evicted"], json!([one["public_id"]]));
    assert_eq!(code(&backend, text(&one, "/sid")).await, "session_limit");
    for live in [&two, &three, &others] {
        assert_eq!(validated(&backend, text(live, "/sid")).await.0, 200);
    }
}

#[tokio::test]
async fn past_the_limit_a_sign_in_is_denied_until_there_is_room() {
    let backend = at_most(1, LimitPolicy::Deny);
    let one = sign_in(&backend, "alice@acme.test").await;
    let again = json!({ "email": "alice@acme.test", "password": PASSWORD });
    let denied = (409, json!({ "code": "session_limit" }));
    assert_eq!(call(&backend, "POST ", "", again.clone()).await, denied);
    assert_eq!(validated(&backend, text(&one, "/sid")).await.0, 200);
    call(&backend, "DELETE current/", text(&one, "/sid"), Value::Null).await;
    assert_eq!(call(&backend, "POST ", "", again).await.0, 201);
}

#[tokio::test]
async fn the_session_that_a_sign_in_takes_the_place_of_does_not_count() {
    for policy in [LimitPolicy::Deny, LimitPolicy::EvictOldest] {
        let backend = at_most(2, policy);
        let (one, two) = (sign_in(&backend, "alice@acme.test").await, sign_in(&backend, "alice@acme.test").await);
        let (status, three) = sign_in_replacing(&backend, "alice@acme.test", &two["public_id"]).await;
        assert_eq!((status, three.get("evicted")), (201, None));
        assert_eq!(code(&backend, text(&two, "/sid")).await, "session_revoked");
        assert_eq!(validated(&backend, text(&one, "/sid")).await.0, 200);
        // One of somebody else's makes no room.
        let others = sign_in(&backend, "bob@globex.test").await;
        let (status, _) = sign_in_replacing(&backend, "alice@acme.test", &others["public_id"]).await;
        assert_eq!(status, if policy == LimitPolicy::Deny { 409 } else { 201 });
        assert_eq!(validated(&backend, text(&others, "/sid")).await.0, 200);
    }
}

#[test]
fn a_session_ends_with_its_lifetime_or_when_nothing_happened_for_too_long() {
    let mut state = State::default();
    let start = Timestamp::now();
    let later = |seconds| start + SignedDuration::from_secs(seconds);
    let policy = SessionPolicy {
        lifetime: Duration::from_secs(1000),
        idle_lifetime: Some(Duration::from_secs(60)),
        ..SessionPolicy::default()
    };
    let asks = |state: &mut State, call: Call<'_>, sid: &str, body: &str, now| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Session {sid}").parse().unwrap());
        let asked = Asked { headers: &headers, query: None, body: body.as_bytes(), now, policy: &policy };
        state.call(&call, &asked).map_or_else(|no| no.into_response().status(), |yes| yes.status())
    };
    let sid = digest::random_sid();
    let session = Session::new("1", start, &policy);
    let public_id = session.public_id;
    assert!(state.sessions.insert(sha256(sid.as_bytes()), session));
    let seen =
        |at: Timestamp| json!({ "seen": [{ "public_id": public_id.to_string(), "at": at.to_string() }] }).to_string();
    let end = |state: &State| state.sessions.find(&sid, later(0)).ok().and_then(Session::idle_expires_at);
    assert_eq!(end(&state), Some(later(60)));
    assert_eq!(asks(&mut state, Call::Validate, &sid, "", later(59)), 200);
    assert_eq!(end(&state), Some(later(60)), "that it was asked about is no activity");
    assert_eq!(asks(&mut state, Call::Validate, &sid, "", later(60)), 401);
    // Late news of what happened in time keeps it; news from after its end does not bring it back.
    assert_eq!(asks(&mut state, Call::Activity, "", &seen(later(61)), later(62)), 204);
    assert_eq!(asks(&mut state, Call::Validate, &sid, "", later(62)), 401);
    assert_eq!(asks(&mut state, Call::Activity, "", &seen(later(59)), later(62)), 204);
    assert_eq!(asks(&mut state, Call::Validate, &sid, "", later(62)), 200);
    assert_eq!(asks(&mut state, Call::Activity, "", &seen(later(30)), later(63)), 204);
    assert_eq!(end(&state), Some(later(119)), "never backwards");
    for seconds in (100..1000).step_by(50) {
        assert_eq!(asks(&mut state, Call::Activity, "", &seen(later(seconds)), later(seconds)), 204);
    }
    assert_eq!(asks(&mut state, Call::Validate, &sid, "", later(999)), 200);
    assert_eq!(asks(&mut state, Call::Validate, &sid, "", later(1000)), 401, "whatever happens in it");
}
