//! The backend hears in batches which sessions are in use; nobody who works goes idle, and who only has a page open does.

use std::time::Duration;

use http::Method;
use serde_json::Value;
use sidgate::demo::SessionPolicy;

use crate::support::Answer;
use crate::support::backend::{ALICE, API, BOB, VALIDATE, World, cookie, says};
use crate::support::gateway::{KEY, ROUTES};

const ACTIVITY: &str = "POST /api/sessions/activity/";
const SOON: &str = "[activity]\ninterval = \"200ms\"\n";
/// None comes by itself during a test, unless it is urgent.
const LATE: &str = "[activity]\ninterval = \"10m\"\n";

const QUIET: &str = r#"
[[route]]
path = "/api/poll"
kind = "api"
upstream = "app"
activity = false
"#;

async fn get(world: &World, sid: &str, path: &str) -> Answer {
    world.client().get(path).fetch().cookie(&cookie(sid)).header("user-agent", "the browser").send().await
}

/// Waits until something is so.
async fn until<T>(what: &str, mut is_so: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(so) = is_so().await {
            return so;
        }
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What the batches so far said of a session.
fn said(world: &World, public_id: &str) -> Vec<Value> {
    let entries =
        world.backend.seen(ACTIVITY).into_iter().flat_map(|call| call.json()["seen"].as_array().unwrap().clone());
    entries.filter(|entry| entry["public_id"] == public_id).collect()
}

async fn public_id(world: &World, sid: &str) -> String {
    at_backend(world, sid).await.1["public_id"].as_str().unwrap().to_owned()
}

/// What the backend itself says of a session.
async fn at_backend(world: &World, sid: &str) -> (u16, Value) {
    let request = http::Request::get("/api/sessions/current/").header("x-gateway-key", KEY);
    let request = request.header("authorization", format!("Session {sid}"));
    let answer = world.demo.answer(request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap()).await;
    let status = answer.status().as_u16();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_are_one_call_of_the_gateways_own_with_address_and_browser() {
    let world = World::with(SOON).await;
    let sid = world.sid(ALICE).await;
    let (id, before) = (public_id(&world, &sid).await, at_backend(&world, &sid).await.1["last_activity"].clone());
    for _ in 0..20 {
        get(&world, &sid, "/api/x").await;
    }
    let entry = until("a batch", async || said(&world, &id).pop()).await;
    assert_eq!((&entry["ip"], &entry["user_agent"]), (&"127.0.0.1".into(), &"the browser".into()));
    let call = world.backend.seen(ACTIVITY).remove(0);
    assert_eq!((call.header("x-gateway-key"), call.header("authorization")), (Some(KEY), None));
    assert!(call.header("x-client-ip").is_none() && call.header("x-request-id").is_some());
    let now = at_backend(&world, &sid).await.1["last_activity"].clone();
    assert!(now.as_str() > before.as_str(), "{before} {now}");
    until("counted", async || (world.metric("sidgate_activity_sent_total").await >= 1.0).then_some(())).await;
    assert_eq!(world.metric("sidgate_activity_lost_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_asks_by_itself_is_no_activity() {
    let world = World::routed(SOON, &(ROUTES.to_owned() + QUIET)).await;
    let (sid, other) = (world.sid(ALICE).await, world.sid(BOB).await);
    let id = public_id(&world, &sid).await;
    for path in ["/api/poll", API, "/public/x", "/_next/static/x.js"] {
        get(&world, &sid, path).await;
    }
    assert_eq!(get(&world, &sid, "/admin/x").await.status, 404, "and is one");
    let seen = until("a batch", async || said(&world, &id).pop()).await;
    assert_eq!(seen["public_id"], id.as_str());
    let id = public_id(&world, &other).await;
    for path in ["/api/poll", API, "/public/x", "/_next/static/x.js"] {
        get(&world, &other, path).await;
    }
    // A later batch would have had it.
    let calls = world.backend.count(ACTIVITY);
    until("the next batch", async || {
        get(&world, &sid, "/api/x").await;
        (world.backend.count(ACTIVITY) > calls).then_some(())
    })
    .await;
    assert!(said(&world, &id).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_is_sent_again_and_then_lost_and_counted() {
    let world = World::with(SOON).await;
    let sid = world.sid(ALICE).await;
    world.backend.on(ACTIVITY, says(503, &Value::Null));
    get(&world, &sid, "/api/x").await;
    until("a try", async || (world.backend.count(ACTIVITY) == 1).then_some(())).await;
    world.backend.well();
    until("taken", async || (world.metric("sidgate_activity_sent_total").await == 1.0).then_some(())).await;
    assert_eq!((world.backend.count(ACTIVITY), world.metric("sidgate_activity_lost_total").await), (2, 0.0));
    // A "no" is not asked again.
    world.backend.on(ACTIVITY, says(404, &Value::Null));
    until("lost", async || {
        get(&world, &sid, "/api/x").await;
        (world.metric("sidgate_activity_lost_total").await >= 1.0).then_some(())
    })
    .await;
    assert_eq!(get(&world, &sid, "/api/x").await.status, 404, "the session goes on");
    assert_eq!(world.metric("sidgate_backend_up").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_at_the_end_is_sent_before_the_process_ends() {
    let mut world = World::with(LATE).await;
    let sid = world.sid(ALICE).await;
    get(&world, &sid, "/api/x").await;
    assert_eq!(world.backend.count(ACTIVITY), 0);
    world.gateway.drain.0.cancel();
    assert!(world.gateway.ended.take().unwrap().await.unwrap());
    assert_eq!(world.backend.count(ACTIVITY), 1);
}

fn idle_after(seconds: u64) -> SessionPolicy {
    SessionPolicy { idle_lifetime: Some(Duration::from_secs(seconds)), ..SessionPolicy::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_is_never_signed_out_by_the_batching_and_who_stops_is() {
    let world = World::with_policy(idle_after(3), &(LATE.to_owned() + "[session]\nttl = \"1m\"\n")).await;
    let sid = world.sid(ALICE).await;
    let end = tokio::time::Instant::now() + Duration::from_secs(8);
    while tokio::time::Instant::now() < end {
        assert_eq!(get(&world, &sid, "/api/x").await.status, 404, "forwarded");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    until("idle", async || {
        let answer = get(&world, &sid, API).await;
        (answer.status == 401).then(|| assert_eq!(answer.json()["reason"], "session_idle"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_used_before_it_went_idle_is_told_so_before_it_is_asked_about() {
    let world = World::with_policy(idle_after(3), LATE).await;
    let sid = world.sid(ALICE).await;
    world.backend.on(ACTIVITY, says(503, &Value::Null));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(get(&world, &sid, "/api/x").await.status, 404, "forwarded");
    until("idle there", async || (at_backend(&world, &sid).await.0 == 401).then_some(())).await;
    world.backend.well();
    assert_eq!(get(&world, &sid, "/api/x").await.status, 404, "the batch is not through, and they go on");
    assert!(world.backend.count(VALIDATE) > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_ends_it_whatever_was_noted() {
    let world = World::with(SOON).await;
    let sid = world.sid(ALICE).await;
    get(&world, &sid, "/api/x").await;
    let out = world.client().call(Method::DELETE, API).same_origin().cookie(&cookie(&sid)).send().await;
    assert_eq!(out.status, 204);
    until("a batch", async || (world.backend.count(ACTIVITY) > 0).then_some(())).await;
    assert_eq!(at_backend(&world, &sid).await.1["code"], "session_revoked");
}
