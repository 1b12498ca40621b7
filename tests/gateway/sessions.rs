//! "Cache rules" over the wire: how often the backend is asked, and with what.

use std::time::Duration;

use serde_json::json;

use crate::support::backend::{ALICE, API, Act, VALIDATE, World, cookie, drops, made_up, says};

/// What the application was told, of `/api/whoami`.
async fn whoami(world: &World, sid: &str) -> serde_json::Value {
    let answer = world.client().get("/api/whoami").fetch().cookie(&cookie(sid)).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["headers"].clone()
}

async fn crowd(world: &World, sid: &str, people: usize) {
    let calls = (0..people).map(|_| {
        // The gateway's own answer: five hundred connections to an application are not the question.
        let call = world.client().get(API).fetch().cookie(&cookie(sid));
        tokio::spawn(async move { call.send().await.status })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_then_hits_then_a_miss_again_and_the_application_is_told_which() {
    let world = World::with("[session]\nttl = \"1200ms\"\nrefresh_ahead = \"0s\"\n").await;
    let sid = world.sid(ALICE).await;
    assert_eq!(whoami(&world, &sid).await["x-auth-freshness"], "miss");
    for _ in 0..5 {
        assert_eq!(whoami(&world, &sid).await["x-auth-freshness"], "hit;age=0");
    }
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(whoami(&world, &sid).await["x-auth-freshness"], "hit;age=1");
    assert_eq!(world.backend.count(VALIDATE), 1);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(whoami(&world, &sid).await["x-auth-freshness"], "miss");
    assert_eq!(world.backend.count(VALIDATE), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_with_one_cold_sid_make_one_call_and_so_do_five_hundred_when_it_expires() {
    let more = "timeout = \"20s\"\n[session]\nttl = \"3s\"\nrefresh_ahead = \"0s\"\n";
    let world = World::with(more).await;
    let sid = world.sid(ALICE).await;
    // As long as five hundred handshakes take on a slow machine.
    world.backend.on(VALIDATE, Act::Delay(Duration::from_secs(5)));
    crowd(&world, &sid, 500).await;
    assert_eq!(world.backend.count(VALIDATE), 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    crowd(&world, &sid, 500).await;
    assert_eq!(world.backend.count(VALIDATE), 2);
    assert_eq!(world.metric("sidgate_backend_validations_total").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_use_is_renewed_before_its_answer_ends_and_nobody_waits_for_it() {
    let world = World::with("[session]\nttl = \"1s\"\nrefresh_ahead = \"700ms\"\n").await;
    let sid = world.sid(ALICE).await;
    whoami(&world, &sid).await;
    world.backend.on(VALIDATE, Act::Delay(Duration::from_millis(50)));
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(whoami(&world, &sid).await["x-auth-freshness"].as_str().unwrap().starts_with("hit"), "nobody waits");
    }
    let calls = world.backend.count(VALIDATE);
    assert!((4..=12).contains(&calls), "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_sid_that_was_good_a_moment_ago_is_asked_again_once() {
    let world = World::with("[session]\nttl = \"200ms\"\nrefresh_ahead = \"0s\"\n").await;
    let unknown = || says(401, &json!({"code": "session_unknown"}));
    let never_good = made_up();
    world.client().get("/api/whoami").fetch().cookie(&cookie(&never_good)).send().await;
    assert_eq!(world.backend.count(VALIDATE), 1, "that one was never good");
    let sid = world.sid(ALICE).await;
    whoami(&world, &sid).await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    world.backend.on(VALIDATE, unknown());
    let page = world.client().get("/dashboard").navigate().cookie(&cookie(&sid)).send().await;
    assert_eq!(page.header("location"), Some("/auth/signin?next=/dashboard&reason=session_unknown"));
    assert!(drops(&page));
    assert_eq!(world.backend.count(VALIDATE), 4);
    // Any other code counts at once.
    world.backend.well();
    let sid = world.sid(ALICE).await;
    whoami(&world, &sid).await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    world.revoke(&sid).await;
    let page = world.client().get("/dashboard").navigate().cookie(&cookie(&sid)).send().await;
    assert!(page.header("location").unwrap().ends_with("reason=session_revoked"));
    assert_eq!(world.backend.count(VALIDATE), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_gets_one_credential_and_who_asks_and_nothing_else() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    let call = world.client().get("/api/whoami").fetch().cookie(&format!("theme=dark; {}; other=1", cookie(&sid)));
    call.header("user-agent", "tests/1")
        .header("authorization", "Bearer mine")
        .header("x-client-ip", "6.6.6.6")
        .send()
        .await;
    let client = world.client();
    let signed_in = client.call(http::Method::POST, API).same_origin().cookie(&cookie(&sid));
    let body = json!({"email": ALICE, "password": "correct horse"});
    let new = signed_in.header("user-agent", "tests/1").json(&body).send().await.sid().unwrap();
    let out = client.call(http::Method::DELETE, API).same_origin().cookie(&cookie(&new));
    assert_eq!(out.header("user-agent", "tests/1").send().await.status, 204);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let calls = world.backend.seen("");
    assert_eq!(calls.len(), 4, "validate, sign-in, the old one's end, sign-out: {calls:#?}");
    for call in &calls {
        assert_eq!(call.header("x-gateway-key"), Some("test-gateway-key-0123456789"), "{call:?}");
        assert_eq!(call.header("x-client-ip"), Some("127.0.0.1"));
        assert_eq!(call.header("user-agent"), Some("tests/1"));
        assert_eq!(call.header("x-request-id").unwrap().len(), 36);
        assert_eq!(call.header("traceparent").unwrap().len(), 55);
        assert!(!call.headers.contains_key("cookie"));
        let sign_in = call.line.starts_with("POST");
        assert_eq!(call.headers.contains_key("authorization"), !sign_in);
        assert!(sign_in || call.header("authorization").unwrap().starts_with("Session "));
    }
    assert_eq!(calls[0].header("authorization"), Some(format!("Session {sid}").as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_during_a_lookup_wins() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    world.backend.on(VALIDATE, Act::Delay(Duration::from_millis(600)));
    let slow = world.client().get("/api/whoami").fetch().cookie(&cookie(&sid));
    let slow = tokio::spawn(async move { slow.send().await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    let out = world.client().call(http::Method::DELETE, API).same_origin();
    assert_eq!(out.cookie(&cookie(&sid)).send().await.status, 204);
    assert_eq!(slow.await.unwrap().status, 401, "the answer from before does not bring it back");
    let next = world.client().get("/api/whoami").fetch().cookie(&cookie(&sid)).send().await;
    assert_eq!(next.status, 401);
    assert_eq!(world.backend.count(VALIDATE), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradiction_is_counted_once_per_session() {
    let world = World::with("[session]\nttl = \"100ms\"\nrefresh_ahead = \"0s\"\n").await;
    let body = json!({"user": {"id": 7}, "needs_onboarding": true, "onboarding_completed": true});
    world.backend.on(VALIDATE, says(200, &body));
    for sid in [made_up(), made_up()] {
        for _ in 0..3 {
            assert_eq!(whoami(&world, &sid).await["x-auth-onboarding"], "complete");
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
    }
    assert_eq!(world.backend.count(VALIDATE), 6);
    assert_eq!(world.metric("sidgate_contradictory_onboarding_total").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_visitors_cost_the_backend_nothing_and_leave_nothing_behind() {
    let world = World::start().await;
    for path in ["/", "/optional", "/auth/signin", "/dashboard", "/api/whoami", "/public/x"] {
        world.client().get(path).navigate().send().await;
        world.client().get(path).fetch().cookie("a=b").send().await;
    }
    assert_eq!(world.backend.count(""), 0);
    assert_eq!(world.metric("sidgate_sessions_cached").await, 0.0);
}
