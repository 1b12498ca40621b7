//! A session that may do more than before goes on under a new sid: once, and nobody is signed out by it.

use http::Method;
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::backend::{ALICE, API, Act, NEWBIE, SIGN_OUT, VALIDATE, World, cookie, says};
use crate::support::upstream::until;

const ROTATE: &str = "POST /api/sessions/current/rotate/";
/// Every request asks the backend.
const ANEW: &str = "[session]\nttl = \"1ms\"\nrefresh_ahead = \"0s\"\n";

async fn page(world: &World, path: &str, sid: &str) -> Answer {
    world.client().get(path).navigate().cookie(&cookie(sid)).send().await
}

/// A page that has reached the application, which takes its time.
async fn slow_page(world: &World, path: &str, sid: &str) -> tokio::task::JoinHandle<Answer> {
    let line = format!("GET {path}");
    world.front.on(&line, Act::Delay(std::time::Duration::from_millis(800)));
    let page = tokio::spawn(world.client().get(path).navigate().cookie(&cookie(sid)).send());
    until("the page is asked for", || world.front.count(&line) == 1).await;
    page
}

async fn data(world: &World, sid: &str) -> Answer {
    world.client().get("/api/whoami").fetch().cookie(&cookie(sid)).send().await
}

/// A newcomer who has just been given a tenant, which the gateway has not heard of yet; the sid, and the dashboard.
async fn with_a_tenant(world: &World) -> (String, String) {
    let sid = world.sid(NEWBIE).await;
    let who = world.client().get(API).fetch().cookie(&cookie(&sid)).send().await.json();
    assert_eq!(who["tenant"], Value::Null);
    let slug = world.demo.finish_onboarding(who["user"]["id"].as_str().unwrap(), "New Company").unwrap();
    // An answer of this very millisecond would count.
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    (sid, format!("/{slug}/dashboard"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_navigation_brings_the_new_sid_and_no_fetch_does() {
    let world = World::with(ANEW).await;
    let (old, dashboard) = with_a_tenant(&world).await;
    for _ in 0..3 {
        let answer = data(&world, &old).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (200, 0));
    }
    assert_eq!(world.backend.count(ROTATE), 0);
    let first = page(&world, &dashboard, &old).await;
    let new = first.sid().expect("a new sid");
    assert_eq!((first.status, new == old, world.backend.count(ROTATE)), (200, false, 1));
    assert!(first.header("cache-control").unwrap().contains("private"));
    // Under way with the old one: refused, and the new one is not taken away.
    let late = data(&world, &old).await;
    assert_eq!((late.status, &late.json()["error"]["reason"]), (401, &json!("session_rotated")));
    assert!(late.set_cookies().is_empty());
    // The first answer may be lost: one more navigation is given the same.
    let second = page(&world, &dashboard, &old).await;
    assert_eq!((second.status, second.sid()), (200, Some(new.clone())));
    let third = page(&world, &dashboard, &old).await;
    assert_eq!((third.status, third.header("refresh"), third.sid()), (401, Some("1"), None));
    for _ in 0..3 {
        let on = page(&world, &dashboard, &new).await;
        assert_eq!((on.status, on.set_cookies().len()), (200, 0));
    }
    assert_eq!((data(&world, &new).await.status, world.backend.count(ROTATE)), (200, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_navigation_does_not_bring_back_a_session_that_has_signed_out() {
    let world = World::with(ANEW).await;
    let (old, dashboard) = with_a_tenant(&world).await;
    let new = page(&world, &dashboard, &old).await.sid().expect("a new sid");
    let out = world.client().call(Method::DELETE, API).same_origin().cookie(&cookie(&new)).send().await;
    assert_eq!(out.status, 204);
    let late = page(&world, &dashboard, &old).await;
    assert_eq!((late.status, late.sid()), (401, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_page_does_not_give_the_sid_of_a_session_that_has_signed_out_meanwhile() {
    let world = World::with(ANEW).await;
    let (old, dashboard) = with_a_tenant(&world).await;
    let page = slow_page(&world, &dashboard, &old).await;
    let new = world.client().get(API).fetch().cookie(&cookie(&old)).send().await.sid().expect("a new sid");
    let out = world.client().call(Method::DELETE, API).same_origin().cookie(&cookie(&new)).send().await;
    assert_eq!(out.status, 204);
    let late = page.await.unwrap();
    assert_eq!((late.status, late.sid()), (200, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_a_session_renewed_whose_sign_out_the_backend_has_not_taken_yet() {
    let world = World::with(ANEW).await;
    let (old, dashboard) = with_a_tenant(&world).await;
    let page = slow_page(&world, &dashboard, &old).await;
    world.backend.on(SIGN_OUT, Act::Answer(429, String::new(), vec![]));
    let out = world.client().call(Method::DELETE, API).same_origin().cookie(&cookie(&old)).send().await;
    assert_eq!(out.status, 202);
    // Another call is answered, so that it does not count as down.
    let alice = world.sid(ALICE).await;
    assert_eq!(data(&world, &alice).await.status, 200);
    let late = page.await.unwrap();
    assert_eq!((late.status, late.sid(), world.backend.count(ROTATE)), (200, None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_by_the_old_sid_ends_the_session_under_the_new_one() {
    let world = World::with(ANEW).await;
    let (old, dashboard) = with_a_tenant(&world).await;
    // The answer with the new sid was lost.
    let new = page(&world, &dashboard, &old).await.sid().expect("a new sid");
    let out = world.client().call(Method::DELETE, API).same_origin().cookie(&cookie(&old)).send().await;
    assert_eq!((out.status, data(&world, &new).await.status), (204, 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_one_while_the_backend_makes_it() {
    let world = World::with(ANEW).await;
    let (old, dashboard) = with_a_tenant(&world).await;
    world.backend.on(ROTATE, Act::Delay(std::time::Duration::from_millis(500)));
    let page = tokio::spawn(world.client().get(&dashboard).navigate().cookie(&cookie(&old)).send());
    until("a new sid is asked for", || world.backend.count(ROTATE) == 1).await;
    let out = world.client().call(Method::DELETE, API).same_origin().cookie(&cookie(&old)).send().await;
    assert_eq!((out.status, page.await.unwrap().sid()), (204, None));
    until("both have ended there", || world.backend.count(SIGN_OUT) == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tabs_at_once_are_one_rotation_and_all_are_given_the_same_sid() {
    let world = World::with(ANEW).await;
    let (old, dashboard) = with_a_tenant(&world).await;
    let slow = Act::Delay(std::time::Duration::from_millis(300));
    world.front.on(&format!("GET {dashboard}"), slow);
    let client = world.client();
    let calls = (0..8).map(|_| tokio::spawn(client.get(&dashboard).navigate().cookie(&cookie(&old)).send()));
    let mut sids = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        sids.extend(answer.sid());
    }
    sids.dedup();
    assert_eq!((sids.len(), world.backend.count(ROTATE)), (1, 1));
    assert_eq!(data(&world, &sids[0]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_am_i_brings_it_too_and_a_client_without_cookies_keeps_its_own() {
    let world = World::with(&format!("{ANEW}accept_header = true\n")).await;
    let (old, _) = with_a_tenant(&world).await;
    let by_header = world.client().get(API).header("authorization", format!("Session {old}")).send().await;
    assert_eq!((by_header.status, world.backend.count(ROTATE)), (200, 0));
    let answer = world.client().get(API).fetch().cookie(&cookie(&old)).send().await;
    let new = answer.sid().unwrap();
    assert_eq!((answer.status, answer.json()["tenant"].is_object(), world.backend.count(ROTATE)), (200, true, 1));
    assert_eq!(data(&world, &new).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gained_counts_and_what_is_lost_does_not() {
    let session = |role: &str, permissions: &[&str], tenant: &str| {
        json!({"public_id": "p", "user": {"id": "1", "role": role}, "permissions": permissions,
               "tenant": {"id": tenant, "slug": "acme"}})
    };
    for (role, permissions, tenant, rotations) in [
        ("user", &["a", "b"][..], "t", 0),
        ("user", &["b", "a"], "t", 0),
        ("user", &["a"], "t", 0),
        ("user", &[], "t", 0),
        ("user", &["a", "b", "c"], "t", 1),
        ("user", &["a", "c"], "t", 1),
        ("admin", &["a", "b"], "t", 1),
        ("user", &["a", "b"], "u", 1),
    ] {
        let world = World::with(ANEW).await;
        let sid = world.sid(ALICE).await;
        world.backend.on(VALIDATE, says(200, &session("user", &["a", "b"], "t")));
        assert_eq!(page(&world, "/dashboard", &sid).await.status, 200);
        world.backend.on(VALIDATE, says(200, &session(role, permissions, tenant)));
        let answer = page(&world, "/dashboard", &sid).await;
        let what = format!("{role} {permissions:?} {tenant}");
        assert_eq!((answer.status, answer.sid().is_some()), (200, rotations == 1), "{what}");
        assert_eq!(world.backend.count(ROTATE), rotations, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_does_not_rotate_costs_nobody_the_session() {
    for act in [Act::Answer(500, String::new(), vec![]), Act::Drop, Act::Answer(404, "<h1>".into(), vec![])] {
        let world = World::with(&format!("timeout = \"200ms\"\n{ANEW}")).await;
        let (sid, dashboard) = with_a_tenant(&world).await;
        world.backend.on(ROTATE, act.clone());
        for _ in 0..4 {
            let answer = page(&world, &dashboard, &sid).await;
            assert_eq!((answer.status, answer.set_cookies().len()), (200, 0), "{act:?}");
        }
        assert_eq!(world.backend.count(ROTATE), 1, "and is not asked again with every page: {act:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_audit_trail_cannot_be_written_it_waits_and_nobody_loses_the_session() {
    let nowhere = "[[audit.syslog]]\naddress = \"unix:/nowhere/log\"\non_failure = \"block\"\n";
    let world = World::with(&format!("{ANEW}{nowhere}")).await;
    let (sid, dashboard) = with_a_tenant(&world).await;
    let body = json!({"email": ALICE, "password": "correct horse"});
    let refused = world.client().call(Method::POST, API).same_origin().fetch().json(&body).send().await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!("audit_unavailable")));
    for _ in 0..2 {
        let answer = page(&world, &dashboard, &sid).await;
        assert_eq!((answer.status, answer.set_cookies().len(), world.backend.count(ROTATE)), (200, 0, 0));
    }
    let answer = world.client().get(API).fetch().cookie(&cookie(&sid)).send().await;
    assert_eq!((answer.status, world.backend.count(ROTATE)), (200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_changed_shows_in_the_next_request_of_every_tab() {
    // As long as it may be remembered.
    let world = World::with("[session]\nttl = \"1m\"\n").await;
    let (sid, dashboard) = with_a_tenant(&world).await;
    let changed = vec![("x-auth-session-changed", "1".into())];
    world.front.on("POST /api/company", Act::Answer(204, String::new(), changed));
    let call = world.client().call(Method::POST, "/api/company").fetch().cookie(&cookie(&sid));
    let answer = call.send().await;
    assert!(answer.status == 204 && !answer.headers.contains_key("x-auth-session-changed"));
    let told = data(&world, &sid).await;
    assert_eq!((told.status, told.set_cookies().len()), (200, 0));
    let next = page(&world, &dashboard, &sid).await;
    assert_eq!((next.status, next.sid().is_some()), (200, true), "the tenant is known, and the sid a new one");
}
