//! `migrate-session` does it on demand; `fix-session` is the way out for who is stuck.

use super::*;
use crate::support::backend::CAROL;

const FIX: &str = "/api/auth/fix-session";

async fn fix(world: &World, jar: &str) -> Answer {
    world.client().call(Method::POST, FIX).same_origin().fetch().cookie(jar).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_demand_says_who_it_is_now() {
    let world = enforcing().await;
    let old = world.sid(ALICE).await;
    let answer = on_demand(&world, &cbc_cookie(&old)).await;
    let said = answer.json();
    assert_eq!(answer.status, 200);
    assert_eq!((&said["migrated"], &said["authenticated"]), (&json!(true), &json!(true)));
    let sid = answer.sid().unwrap();
    assert_eq!(expired(&answer), ["dott_auth_session"]);
    assert!(!answer.text().contains(&sid) && !answer.text().contains(&old));
    let mut same = who(&world.client(), &cookie(&sid)).await.json();
    same["migrated"] = json!(true);
    assert_eq!(said, same, "the same fields as GET session-v2");
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let live = on_demand(&world, &format!("{}; {}", cookie(&sid), cbc_cookie(&old))).await;
    assert_eq!((&live.json()["migrated"], &live.json()["authenticated"]), (&json!(false), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_demand_says_why_there_is_none() {
    let world = enforcing().await;
    let refused = json!({ "migrated": false, "authenticated": false, "reason": "no_session" });
    for jar in ["a=1".to_owned(), cbc_cookie(&made_up()), "dott_auth_session=junk".to_owned()] {
        let answer = on_demand(&world, &jar).await;
        assert_eq!((answer.status, answer.json()), (401, refused.clone()), "{jar}");
    }
    let jar = format!("{}; {}", uuid_cookie(&world.sid(ALICE).await), cbc_cookie(&world.sid(BOB).await));
    assert_eq!(on_demand(&world, &jar).await.json()["reason"], json!("legacy_conflict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_demand_is_for_our_own_pages_and_one_method() {
    let world = enforcing().await;
    let jar = cbc_cookie(&world.sid(ALICE).await);
    let foreign = world.client().call(Method::POST, ON_DEMAND).header("origin", "https://evil.test").cookie(&jar);
    assert_eq!(foreign.send().await.status, 403);
    let none = world.client().call(Method::POST, ON_DEMAND).cookie(&jar).send().await;
    assert_eq!((none.status, world.backend.count(MIGRATE)), (403, 0));
    let get = world.client().get(ON_DEMAND).fetch().cookie(&jar).send().await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_expires_legacy_cookies_with_the_rest_and_signs_in_where_the_backend_agrees() {
    for mode in ["dual", "enforce"] {
        let world = world(&format!("mode = \"{mode}\"")).await;
        let (old, ended) = (world.sid(ALICE).await, world.sid(BOB).await);
        world.revoke(&ended).await;
        let jar = format!("{}; {}; onboardingStep=1; theme=dark", cookie(&ended), cbc_cookie(&old));
        let answer = fix(&world, &jar).await;
        let said = answer.json();
        assert_eq!((answer.status, &said["user"]["email"]), (200, &json!(ALICE)), "{said}");
        assert_eq!(said["cleared"], json!(["dott_auth_session", "onboardingStep", "sid"]));
        let sid = answer.sid().unwrap();
        assert!(lives(&world, &sid).await && !lives(&world, &old).await, "no cookie holds it any more");
        assert_eq!(page(&world, "/acme/dashboard", &cookie(&sid)).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_with_a_live_sid_asks_nobody_else_and_clears_all_the_same() {
    let world = world("mode = \"dual\"").await;
    let (sid, other) = (world.sid(CAROL).await, world.sid(ALICE).await);
    let answer = fix(&world, &format!("{}; {}", cookie(&sid), uuid_cookie(&other))).await;
    assert_eq!(answer.json()["user"]["email"], json!(CAROL));
    assert_eq!(answer.json()["cleared"], json!(["session_token", "sid"]));
    assert_eq!(world.backend.count(MIGRATE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_without_anything_of_worth_clears_and_says_so() {
    let world = enforcing().await;
    let answer = fix(&world, &cbc_cookie(&made_up())).await;
    let said = answer.json();
    assert_eq!((&said["authenticated"], &said["reason"]), (&json!(false), &json!("no_session")));
    assert_eq!(expired(&answer), ["dott_auth_session", "sid"]);
    let watched = super::world("mode = \"observe\"").await;
    assert_eq!(expired(&fix(&watched, "session_token=x").await), ["sid"], "what is only watched stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_touches_nothing_while_the_backend_is_down() {
    let world = enforcing().await;
    let jar = cbc_cookie(&world.sid(ALICE).await);
    world.backend.on(MIGRATE, Act::Drop);
    let answer = fix(&world, &jar).await;
    assert_eq!((answer.status, answer.set_cookies()), (503, vec![]));
    world.backend.well();
    assert_eq!(fix(&world, &jar).await.json()["authenticated"], json!(true));
}
