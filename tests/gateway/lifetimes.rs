//! How many sessions a user may have and how long they last is the backend's to say; who lost a session is told why.

use std::num::NonZeroUsize;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sidgate::demo::{LimitPolicy, PASSWORD, SessionPolicy};

use crate::support::Answer;
use crate::support::backend::{ALICE, API, World, cookie, drops};

fn at_most(limit: usize, limit_policy: LimitPolicy) -> SessionPolicy {
    SessionPolicy { limit: NonZeroUsize::new(limit), limit_policy, ..SessionPolicy::default() }
}

fn lasting(lifetime: Duration, idle_lifetime: Option<Duration>) -> SessionPolicy {
    SessionPolicy { lifetime, idle_lifetime, ..SessionPolicy::default() }
}

/// A browser's sign-in, with what it has as its cookie.
async fn sign_in(world: &World, has: &str) -> Answer {
    let call = world.client().call(Method::POST, API).same_origin().cookie(has);
    call.json(&json!({ "email": ALICE, "password": PASSWORD })).send().await
}

async fn session(world: &World, sid: &str) -> (u16, Value) {
    let answer = world.client().get(API).fetch().cookie(&cookie(sid)).send().await;
    (answer.status, answer.json())
}

/// Asks until the session is refused, which must be soon.
async fn refused(world: &World, sid: &str) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let (status, body) = session(world, sid).await;
        if status == 401 {
            return body;
        }
        assert!(tokio::time::Instant::now() < deadline, "still good: {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_browsers_with_a_limit_of_two_the_first_is_signed_out_at_once_and_told_why() {
    let world = World::with_policy(
        at_most(2, LimitPolicy::EvictOldest),
        "[session]
ttl = \"1m\"
",
    )
    .await;
    let first = sign_in(&world, "theme=dark").await.sid().unwrap();
    let second = sign_in(&world, "theme=dark").await.sid().unwrap();
    let third = sign_in(&world, "theme=dark").await.sid().unwrap();
    let told = json!({ "authenticated": false, "reason": "session_limit" });
    assert_eq!(session(&world, &first).await, (401, told), "although the answer about it was still good");
    let api = world.client().get("/api/x").fetch().cookie(&cookie(&first)).send().await;
    assert_eq!((api.status, &api.json()["error"]["reason"]), (401, &json!("session_limit")));
    let page = world.client().get("/acme/dashboard").navigate().cookie(&cookie(&first)).send().await;
    let to = page.header("location").unwrap();
    assert_eq!(to, "/auth/signin?next=/acme/dashboard&reason=session_limit");
    assert!(drops(&page));
    let shown = world.client().get(to).navigate().send().await.text();
    assert!(shown.contains("You signed in on another device"), "{shown}");
    for sid in [&second, &third] {
        assert_eq!(session(&world, sid).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_limit_denies_the_third_browser_is_told_and_the_others_stay() {
    let world = World::with_policy(at_most(2, LimitPolicy::Deny), "").await;
    let first = sign_in(&world, "theme=dark").await.sid().unwrap();
    let second = sign_in(&world, "theme=dark").await.sid().unwrap();
    let third = sign_in(&world, "theme=dark").await;
    assert_eq!((third.status, third.sid()), (409, None));
    let error = &third.json()["error"];
    assert_eq!(error["code"], "session_limit");
    assert!(error["message"].as_str().unwrap().contains("Sign out on one of them first"), "{error}");
    let form = world.client().call(Method::POST, API).navigate().same_origin();
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let form = form.body(format!("email={ALICE}&password={}&next=/x", PASSWORD.replace(' ', "+"))).send().await;
    assert_eq!((form.status, form.header("location")), (303, Some("/auth/signin?next=/x&error=session_limit")));
    for sid in [&first, &second] {
        assert_eq!(session(&world, sid).await.0, 200);
    }
    let out = world.client().call(Method::DELETE, API).same_origin().cookie(&cookie(&first)).send().await;
    assert_eq!(out.status, 204);
    assert_eq!(sign_in(&world, "theme=dark").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_signs_in_again_needs_no_place_beside_its_own() {
    for policy in [LimitPolicy::Deny, LimitPolicy::EvictOldest] {
        let world = World::with_policy(at_most(2, policy), "").await;
        let other = sign_in(&world, "theme=dark").await.sid().unwrap();
        let mut own = sign_in(&world, "theme=dark").await.sid().unwrap();
        for _ in 0..3 {
            let again = sign_in(&world, &cookie(&own)).await;
            assert_eq!(again.status, 200, "{policy:?}: {}", again.text());
            own = again.sid().unwrap();
        }
        assert_eq!(session(&world, &other).await.0, 200, "{policy:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_never_served_past_its_end_however_long_answers_are_good() {
    for (policy, reason, words) in [
        (lasting(Duration::from_secs(2), None), "session_expired", "has run out"),
        (
            lasting(Duration::from_secs(3600), Some(Duration::from_secs(2))),
            "session_idle",
            "nothing happened for a while",
        ),
    ] {
        let world = World::with_policy(policy, "[session]\nttl = \"1m\"\n").await;
        let sid = sign_in(&world, "theme=dark").await.sid().unwrap();
        assert_eq!(session(&world, &sid).await.0, 200);
        // What a page asks by itself keeps no session from going idle.
        assert_eq!(refused(&world, &sid).await["reason"], reason);
        let page = world.client().get("/dashboard").navigate().cookie(&cookie(&sid)).send().await;
        let to = page.header("location").unwrap();
        assert_eq!(to, format!("/auth/signin?next=/dashboard&reason={reason}"));
        assert!(world.client().get(to).navigate().send().await.text().contains(words));
    }
}
