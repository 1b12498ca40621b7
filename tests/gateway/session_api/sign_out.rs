//! Signing out: gone here at once, everywhere soon, whatever the backend does.

use std::time::{Duration, Instant};

use super::*;
use crate::support::backend::{Act, SIGN_OUT, drops};

async fn sign_out(world: &World, jar: &str) -> Answer {
    world.client().call(Method::DELETE, API).same_origin().fetch().cookie(jar).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_at_the_backend_and_the_cookie_goes_in_every_scope() {
    let world = World::start().await;
    let (one, two) = (world.sid(ALICE).await, world.sid(ALICE).await);
    let client = world.client().named("app.test");
    let call = client.call(Method::DELETE, API).same_origin().cookie(&format!("sid={one}; sid={two}"));
    let answer = call.send().await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let lines = answer.set_cookies();
    for scope in [
        "Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
        "Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax; Domain=app.test",
        "Path=/api/auth;",
    ] {
        assert!(
            lines.iter().any(|l| l == &format!("sid=; {scope}") || l.starts_with(&format!("sid=; {scope}"))),
            "{scope}: {lines:#?}"
        );
    }
    assert!(!answer.headers.contains_key("clear-site-data"));
    for sid in [&one, &two] {
        let replay = world.client().get("/api/whoami").cookie(&cookie(sid)).send().await;
        assert_eq!((replay.status, &replay.json()["error"]["reason"]), (401, &json!("session_revoked")));
    }
    assert_eq!(world.backend.count(SIGN_OUT), 2);
    for jar in [cookie(&one), "a=b".into(), "sid=junk".into()] {
        let again = sign_out(&world, &jar).await;
        assert_eq!((again.status, drops(&again)), (204, true), "{jar}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_backend_does_not_take_it_it_is_pending_refused_here_and_repeated() {
    let world = World::with("timeout = \"200ms\"\n").await;
    for act in [
        Act::Drop,
        Act::Hang,
        Act::Answer(500, String::new(), vec![]),
        Act::Answer(404, "<h1>".into(), vec![]),
        says(401, &json!({"code": "gateway_key_invalid"})),
    ] {
        let sid = world.sid(ALICE).await;
        assert_eq!(world.client().get("/api/whoami").cookie(&cookie(&sid)).send().await.status, 200);
        world.backend.on(SIGN_OUT, act);
        let answer = sign_out(&world, &cookie(&sid)).await;
        assert_eq!((answer.status, answer.json(), drops(&answer)), (202, json!({"pending": true}), true));
        assert_eq!(world.metric("sidgate_sign_outs_pending").await, 1.0);
        let validations = world.backend.count(VALIDATE);
        let replay = world.client().get("/api/whoami").cookie(&cookie(&sid)).send().await;
        assert_eq!(replay.status, 401, "although the backend would still say yes");
        assert_eq!(world.backend.count(VALIDATE), validations);
        world.backend.well();
        let deadline = Instant::now() + Duration::from_secs(10);
        while world.metric("sidgate_sign_outs_pending").await > 0.0 {
            assert!(Instant::now() < deadline, "it is repeated until it is taken");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(world.client().get("/api/whoami").cookie(&cookie(&sid)).send().await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_already_gone_is_as_gone_as_was_asked() {
    let world = World::start().await;
    for code in ["session_unknown", "session_revoked", "session_expired"] {
        world.backend.on(SIGN_OUT, says(401, &json!({ "code": code })));
        assert_eq!(sign_out(&world, &cookie(&made_up())).await.status, 204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reaches_the_backend_although_the_browser_goes_away() {
    let world = World::with("timeout = \"300ms\"\n").await;
    let sid = world.sid(ALICE).await;
    world.backend.on(SIGN_OUT, Act::Hang);
    let call = world.client().call(Method::DELETE, API).same_origin().fetch().cookie(&cookie(&sid));
    let leaving = tokio::spawn(call.send());
    tokio::time::timeout(Duration::from_secs(5), async {
        while world.backend.count(SIGN_OUT) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    leaving.abort();
    let _ = leaving.await;
    world.backend.well();
    let deadline = Instant::now() + Duration::from_secs(10);
    while world.backend.count(SIGN_OUT) < 2 {
        assert!(Instant::now() < deadline, "what the backend did not take is repeated");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Each used to be a call and a place among the sign-outs that wait, of which there are so many: whoever sent one sid
/// often enough while the backend was down took them all.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_one_again_and_again_is_one_call_and_waits_once() {
    let world = World::with("timeout = \"200ms\"\n").await;
    for (sid, act, status) in [(made_up(), None, 204), (made_up(), Some(Act::Drop), 202)] {
        let before = world.backend.count(SIGN_OUT);
        if let Some(act) = act {
            world.backend.on(SIGN_OUT, act);
        }
        for _ in 0..20 {
            assert_eq!(sign_out(&world, &cookie(&sid)).await.status, status);
        }
        // The first, and what repeats it meanwhile.
        assert!(world.backend.count(SIGN_OUT) - before <= 3);
    }
    assert_eq!(world.metric("sidgate_sign_outs_pending").await, 1.0);
}
