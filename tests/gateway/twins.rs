//! Several `sid`s in one request (contract v1, "Cookies"): healed, and nobody is signed out whose session lives.

use std::time::Duration;

use serde_json::json;

use crate::support::backend::{ALICE, API, Act, BOB, SIGN_OUT, VALIDATE, World, cookie, drops, made_up};
use crate::support::store::{Entry, Store};
use crate::support::upstream::until;
use crate::support::{Answer, Client};
use sidgate::demo::SessionPolicy;

const HOST: &str = "www.app.test";
const PAGE: &str = "/acme/dashboard";
const FIX: &str = "/api/auth/fix-session";

fn browser(world: &World) -> Client {
    world.client().named(HOST)
}

/// Goes to an address as a browser with this store does, and keeps what the answer sets.
async fn visit(world: &World, store: &mut Store, path: &str) -> Answer {
    let answer = browser(world).get(path).navigate().cookie(&store.line(HOST, path, true)).send().await;
    store.take(HOST, path, true, &answer.set_cookies());
    answer
}

fn own(sid: &str) -> Entry {
    Entry::new("sid", sid, HOST)
}

/// What a page of `evil.app.test` can set: for the parent domain, with any path.
fn tossed(path: &str) -> Entry {
    own(&made_up()).domain("app.test").path(path)
}

async fn until_ended(world: &World, sid: &str) {
    let ended = || world.backend.seen(SIGN_OUT).iter().any(|s| s.header("authorization").unwrap().ends_with(sid));
    until("it has ended at the backend", ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_that_a_hostile_subdomain_tosses_are_gone_after_one_page_and_the_session_stays() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    for paths in [&["/"][..], &["/acme", "/"], &["/acme/", "/acme"], &["/acme/dashboard", "/acme/"]] {
        for first in [true, false] {
            let mut store = Store::default();
            if first {
                store.put(own(&sid));
            }
            paths.iter().for_each(|path| store.put(tossed(path)));
            store.put(own(&sid));
            store.put(Entry::new("theme", "dark", HOST).domain("app.test"));
            let answer = visit(&world, &mut store, PAGE).await;
            assert_eq!(answer.status, 200, "{paths:?}");
            assert_eq!(store.named("sid"), [&own(&sid)], "{paths:?}");
            assert_eq!(store.named("theme").len(), 1);
        }
    }
    assert_eq!(world.backend.count(SIGN_OUT), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_more_come_than_are_asked_about_the_browsers_own_is_found_at_the_second_look() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    for deep in [&["/acme/dashboard", "/acme/", "/acme"][..], &["/acme/dashboard", "/acme/", "/acme", "/"]] {
        let mut store = Store::default();
        deep.iter().for_each(|path| store.put(tossed(path)));
        // Another's cookies for another page, which this request does not show.
        store.put(tossed("/dashboard"));
        store.put(own(&sid));
        let before = world.backend.count(VALIDATE);
        let first = visit(&world, &mut store, PAGE).await;
        assert_eq!((first.status, first.header("refresh")), (401, Some("1")), "it reloads itself: {}", first.text());
        assert!(world.backend.count(VALIDATE) - before <= 3, "three are asked about");
        assert_eq!(store.named("sid").len(), 2, "{store:?}");
        assert_eq!(visit(&world, &mut store, PAGE).await.status, 200, "signed in, without a sign-in");
        assert_eq!(visit(&world, &mut store, "/dashboard").await.status, 200);
        assert_eq!(store.named("sid"), [&own(&sid)]);
    }
    assert_eq!(world.backend.count(SIGN_OUT), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_sids_expire_each_other_but_never_the_browsers_own() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    let jar = format!("sid={}; sid={}; sid={}; sid={sid}", made_up(), made_up(), made_up());
    let own_scope = |l: &String| l.starts_with("sid=") && l.contains("Path=/;") && !l.contains("Domain=");
    let get = |path: &str| browser(&world).get(path).cookie(&jar);
    let api = get(API).fetch().send().await;
    assert_eq!((api.status, &api.json()["reason"], drops(&api)), (401, &json!("too_many_sids"), true));
    let optional = get("/optional").navigate().send().await;
    let reloaded = get("/dashboard").navigate().cookie("__Host-sidgate-reloaded=1").send().await;
    assert_eq!(reloaded.header("location"), Some("/auth/signin?next=/dashboard&reason=too_many_sids"));
    let fixed = browser(&world).call(http::Method::POST, FIX).same_origin().fetch().cookie(&jar).send().await;
    assert_eq!((fixed.status, &fixed.json()["reason"]), (200, &json!("too_many_sids")));
    for answer in [&api, &optional, &reloaded, &fixed] {
        assert!(!answer.set_cookies().iter().any(own_scope), "{answer:?}");
        assert!(answer.set_cookies().iter().any(|l| l.starts_with("sid=;") && l.contains("Domain=app.test")));
    }
    let late = get("/api/whoami").fetch().send().await;
    assert_eq!((late.status, late.set_cookies().len()), (401, 0), "a fetch under way changes no cookie");
    let out = browser(&world).call(http::Method::DELETE, API).same_origin().fetch().cookie(&jar).send().await;
    assert!(out.set_cookies().iter().any(own_scope), "whoever signs out is signed out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefixed_cookie_wins_over_all_that_are_tossed() {
    let world = World::with("[session]\nhost_prefix = true\nhost_prefix_reads_plain_until = \"2999-01-01\"\n").await;
    let (sid, bob) = (world.sid(ALICE).await, world.sid(BOB).await);
    let mut store = Store::default();
    for value in [made_up(), bob, made_up(), made_up()] {
        store.put(Entry::new("sid", &value, HOST).domain("app.test").path(&format!("/acme/{}", store.0.len())));
    }
    store.put(Entry::new("__Host-sid", &sid, HOST));
    let answer = visit(&world, &mut store, PAGE).await;
    assert_eq!((answer.status, world.backend.count(VALIDATE)), (200, 1), "the others are not even asked about");
    assert_eq!(store.named("__Host-sid").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_of_one_user_one_is_kept_and_the_other_ends() {
    let world = World::start().await;
    let (first, second) = (world.sid(ALICE).await, world.sid(ALICE).await);
    let jar = format!("sid={}; sid={first}; sid={second}", made_up());
    let late = browser(&world).get("/api/whoami").fetch().cookie(&jar).send().await;
    assert_eq!((late.status, late.set_cookies().len(), world.backend.count(SIGN_OUT)), (200, 0, 0));
    let page = browser(&world).get(PAGE).navigate().cookie(&jar).send().await;
    assert_eq!((page.status, page.sid()), (200, Some(first.clone())));
    until_ended(&world, &second).await;
    assert_eq!(browser(&world).get(PAGE).navigate().cookie(&cookie(&first)).send().await.status, 200);
    let gone = browser(&world).get("/api/whoami").fetch().cookie(&cookie(&second)).send().await;
    assert_eq!((gone.status, &gone.json()["error"]["reason"]), (401, &json!("session_rotated")));
    assert_eq!(world.backend.count(SIGN_OUT), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_of_one_user_the_one_that_is_nearly_over_is_not_the_one_that_is_kept() {
    let policy = SessionPolicy { lifetime: Duration::from_secs(240), ..SessionPolicy::default() };
    let world = World::with_policy(policy, "").await;
    for path in [PAGE, FIX] {
        let (older, newer) = (world.sid(ALICE).await, world.sid(ALICE).await);
        for jar in [format!("sid={older}; sid={newer}"), format!("sid={newer}; sid={older}")] {
            let call = browser(&world).call(if path == FIX { "POST" } else { "GET" }.parse().unwrap(), path);
            let call = if path == FIX { call.same_origin().fetch() } else { call.navigate() };
            let answer = call.cookie(&jar).send().await;
            assert_eq!((answer.status, answer.sid().as_ref()), (200, Some(&newer)), "{path}");
        }
        until_ended(&world, &older).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_twin_does_not_take_away_the_sid_that_is_on_its_way() {
    let world = World::start().await;
    let old = world.sid(ALICE).await;
    let call = browser(&world).call(http::Method::POST, API).same_origin().cookie(&cookie(&old));
    let credentials = json!({"email": ALICE, "password": sidgate::demo::PASSWORD});
    assert_eq!(call.json(&credentials).send().await.status, 200);
    for jar in [format!("sid={}; sid={old}", made_up()), format!("sid={old}; sid={}", made_up())] {
        let late = browser(&world).get(PAGE).navigate().cookie(&jar).send().await;
        assert_eq!((late.status, late.header("refresh"), drops(&late)), (401, Some("1"), false), "{jar}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_of_them_cannot_be_asked_about_none_ends_and_none_expires() {
    let more = "timeout = \"200ms\"\n[session]\nttl = \"200ms\"\nrefresh_ahead = \"0s\"\nstale_if_error = \"1m\"\n";
    let world = World::with(more).await;
    let (known, other, dead) = (world.sid(ALICE).await, world.sid(ALICE).await, made_up());
    let page = |jar: String| browser(&world).get("/optional").navigate().cookie(&jar).send();
    for sid in [&known, &other] {
        page(cookie(sid)).await;
    }
    world.backend.on("", Act::Drop);
    for sid in [&known, &other] {
        // Until what is known of it is over, and the backend is asked in vain.
        let asked = world.backend.count(VALIDATE);
        while world.backend.count(VALIDATE) == asked {
            page(cookie(sid)).await;
        }
    }
    for jar in [format!("sid={known}; sid={other}"), format!("sid={dead}; sid={known}"), format!("sid={dead}; sid=x")] {
        let answer = page(jar).await;
        assert!(!drops(&answer) && answer.sid().is_none(), "{answer:?}");
    }
    assert_eq!(world.backend.count(SIGN_OUT), 0);
    world.backend.well();
    for sid in [&known, &other] {
        assert_eq!(browser(&world).get("/api/whoami").fetch().cookie(&cookie(sid)).send().await.status, 200);
    }
}
