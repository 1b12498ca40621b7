//! A refusal without a word: it refuses the request, and takes nobody's cookie, because an outage looks the same.

use std::time::Duration;

use super::*;
use crate::support::backend::{Act, SIGN_OUT, VALIDATE, says};
use crate::support::nested::ADA;

const SHORT: &str = "[session]\nttl = \"100ms\"\nrefusal_ttl = \"50ms\"\nrefresh_ahead = \"0s\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_answers_401_keeps_every_cookie_and_ends_by_itself() {
    let (backend, world) = nested(SHORT).await;
    let sid = backend.session(ADA);
    assert_eq!(world.page(&sid, "/dashboard").await.status, 200);
    backend.outage(true);
    tokio::time::sleep(Duration::from_millis(110)).await;
    let asked = world.backend.count(VALIDATE);
    let page = world.page(&sid, "/dashboard").await;
    assert_eq!(page.header("location"), Some("/auth/signin?next=/dashboard&reason=session_refused"));
    assert_eq!(world.backend.count(VALIDATE) - asked, 2, "good a moment ago, so asked again once before it counts");
    let shown = world.page(&sid, "/auth/signin").await;
    assert_eq!(shown.status, 200, "and the sign-in page does not send back");
    let optional = world.page(&sid, "/").await;
    assert_eq!(optional.status, 200);
    let api = world.client().get("/api/whoami").fetch().cookie(&format!("sid={sid}")).send().await;
    assert_eq!((api.status, &api.json()["error"]["reason"]), (401, &json!("session_refused")));
    let who = world.who(&sid).await;
    assert_eq!((who.status, &who.json()["reason"]), (401, &json!("session_refused")));
    for answer in [page, shown, optional, api, who] {
        assert!(cookie_untouched(&answer), "{answer:?}");
    }
    backend.outage(false);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(world.page(&sid, "/dashboard").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_does_not_make_guessers_of_its_victims() {
    let more = format!("{SHORT}refusals_per_client = \"3/m\"\n");
    let (backend, world) = nested(&more).await;
    let sids: Vec<String> = (0..6).map(|_| backend.session(ADA)).collect();
    for sid in &sids {
        assert_eq!(world.who(sid).await.status, 200);
    }
    backend.outage(true);
    tokio::time::sleep(Duration::from_millis(110)).await;
    for sid in sids.iter().chain(&sids) {
        assert_eq!(world.who(sid).await.status, 401);
    }
    backend.outage(false);
    tokio::time::sleep(Duration::from_millis(60)).await;
    for sid in &sids {
        assert_eq!(world.who(sid).await.status, 200, "not 429");
    }
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(world.who(&made_up()).await.status);
    }
    assert!(statuses.starts_with(&[401]) && statuses.ends_with(&[429]), "made-up ones do count: {statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sid_that_nobody_has_keeps_its_cookie_too_and_a_word_takes_it() {
    let (_, world) = nested("").await;
    let sid = made_up();
    let page = world.page(&sid, "/dashboard").await;
    assert_eq!((page.status, cookie_untouched(&page)), (302, true));
    assert_eq!(world.backend.count(VALIDATE), 1, "never good, so asked once");
    // A backend that learns the word: that counts, whatever the list says.
    world.backend.on(VALIDATE, says(401, &json!({"code": "session_revoked"})));
    let page = world.page(&made_up(), "/dashboard").await;
    assert_eq!(page.header("location"), Some("/auth/signin?next=/dashboard&reason=session_revoked"));
    assert!(!cookie_untouched(&page));
    for (status, body) in [(403, ""), (404, ""), (500, ""), (429, "")] {
        world.backend.on(VALIDATE, Act::Answer(status, body.into(), vec![]));
        assert_eq!(world.page(&made_up(), "/dashboard").await.status, 503, "{status} is not in the list");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_verified_before_a_bare_refusal_serves_nobody_after_it() {
    let backend = Nested::default();
    let preset = "preset = \"nested\"\ntimeout = \"200ms\"\n";
    let more = format!("{SHORT}stale_if_error = \"1m\"\n");
    let world = Shaped::start(backend.inner(), preset, &more).await;
    let sid = backend.session(ADA);
    assert_eq!(world.page(&sid, "/").await.status, 200);
    assert_eq!(world.told("x-auth-status").as_deref(), Some("authenticated"));
    backend.outage(true);
    tokio::time::sleep(Duration::from_millis(110)).await;
    assert_eq!(world.who(&sid).await.status, 401);
    world.backend.on(VALIDATE, Act::Drop);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(world.who(&sid).await.status, 503);
    assert_eq!(world.page(&sid, "/").await.status, 200);
    assert_eq!(world.told("x-auth-status").as_deref(), Some("anonymous"), "it may have been revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_in_an_outage_waits_until_the_backend_can_tell() {
    let (backend, world) = nested(SHORT).await;
    let sid = backend.session(ADA);
    assert_eq!(world.who(&sid).await.status, 200);
    backend.outage(true);
    tokio::time::sleep(Duration::from_millis(110)).await;
    assert_eq!(world.who(&sid).await.status, 401, "refused without a word");
    let out = world.sign_out(&sid).await;
    assert_eq!((out.status, out.json()), (202, json!({"pending": true})));
    assert!(out.set_cookies().iter().any(|line| line.starts_with("sid=;")), "asked for, so the cookie goes");
    backend.outage(false);
    tokio::time::timeout(Duration::from_secs(10), async {
        while backend.lives(&sid) || world.metric("sidgate_sign_outs_pending").await > 0.0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    // One that was never seen good is gone as far as anybody can say.
    let calls = world.backend.count(SIGN_OUT);
    assert_eq!(world.sign_out(&made_up()).await.status, 204);
    assert_eq!(world.backend.count(SIGN_OUT) - calls, 1);
}
