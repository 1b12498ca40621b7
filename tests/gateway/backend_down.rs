//! "No" is not "don't know": everything but a no in so many words keeps people signed in.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::backend::{ALICE, API, Act, BOB, SIGN_IN, VALIDATE, World, cookie, drops, made_up, says};
use crate::support::gateway::{ROUTES, base};
use crate::support::{Answer, Gateway};

const SHORT: &str = "timeout = \"300ms\"\n[session]\nttl = \"100ms\"\nrefresh_ahead = \"0s\"\n";

/// What a person, a program and visitors of open pages get while the backend does not say yes or no.
async fn unavailable(world: &World, sid: &str, what: &str) {
    let get = |path: &str| world.client().get(path).cookie(&cookie(sid));
    let page = get("/dashboard").navigate().send().await;
    assert_eq!(page.status, 503, "{what}: {}", page.text());
    assert!(page.header("retry-after").is_some() && page.header("content-type").unwrap().starts_with("text/html"));
    let api = get("/api/whoami").fetch().send().await;
    assert_eq!((api.status, &api.json()["error"]["code"]), (503, &json!("backend_unavailable")), "{what}");
    let own = get(API).fetch().send().await;
    assert_eq!((own.status, own.header("cache-control")), (503, Some("private, no-store")), "{what}");
    let open = [get("/optional").navigate().send().await, get("/auth/signin").navigate().send().await];
    for answer in &open {
        assert!(matches!(answer.status, 200 | 404), "{what}: forwarded, as nobody: {}", answer.status);
    }
    for line in ["GET /optional", "GET /auth/signin"] {
        assert_eq!(world.front.seen(line).last().unwrap().header("x-auth-status"), Some("anonymous"), "{what}");
    }
    let kept = |answer: &Answer| !drops(answer) && answer.sid().is_none();
    assert!([page, api, own].iter().chain(&open).all(kept), "{what}: the cookie is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_else_is_unavailable_and_the_cookie_is_kept() {
    let world = World::with(SHORT).await;
    let sid = world.sid(ALICE).await;
    let redirect = vec![("location", "/elsewhere".to_owned())];
    let json_as = |status, text: &str| Act::Answer(status, text.to_owned(), vec![]);
    for (what, act) in [
        ("500", json_as(500, "")),
        ("500 with a code", says(500, &json!({"code": "session_unknown"}))),
        ("503", says(503, &json!({"code": "session_revoked"}))),
        ("429", says(429, &json!({"code": "session_revoked"}))),
        ("302", Act::Answer(302, String::new(), redirect)),
        ("401 bare", json_as(401, "")),
        ("401 of DRF", says(401, &json!({"detail": "Invalid token."}))),
        ("403 of a firewall", json_as(403, "<html>Access denied</html>")),
        ("404 of a wrong prefix", json_as(404, "<h1>Not Found</h1>")),
        ("401 with another code", says(401, &json!({"code": "credential_missing"}))),
        ("401 with a code of ours", says(401, &json!({"code": "session_rotated"}))),
        ("200 without a body", json_as(200, "")),
        ("200 of a captive portal", json_as(200, "<html>Welcome</html>")),
        ("200 without an identity", says(200, &json!({"user": {"email": "x@y.test"}}))),
        ("200 with an empty identity", says(200, &json!({"user": {"id": ""}}))),
        ("200 with an endless identity", says(200, &json!({"user": {"id": "x".repeat(5000)}}))),
        ("200 that is too large", says(200, &json!({"user": {"id": 1}, "x": "x".repeat(300 * 1024)}))),
        ("204", json_as(204, "")),
        ("dropped", Act::Drop),
        ("silent", Act::Hang),
    ] {
        world.backend.on(VALIDATE, act);
        unavailable(&world, &sid, what).await;
        world.backend.well();
    }
    let back = world.client().get("/dashboard").navigate().cookie(&cookie(&sid)).send().await;
    assert_eq!(back.status, 200, "it recovers by itself");
    assert_eq!(world.metric("sidgate_backend_up").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_out_by_a_backend_that_is_not_there() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let gateway = Gateway::start(&(base(nobody, nobody) + ROUTES)).await;
    let page = gateway.client().get("/dashboard").navigate().cookie(&cookie(&made_up())).send().await;
    assert_eq!(page.status, 503);
    assert!(!drops(&page));
    let credentials = json!({"email": ALICE, "password": "correct horse"});
    let sign_in = gateway.client().call(http::Method::POST, API).same_origin().json(&credentials).send().await;
    assert_eq!((sign_in.status, &sign_in.json()["error"]["code"]), (503, &json!("backend_unavailable")));
    assert!(gateway.admin("/readyz").await.0 == 200, "public pages are served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_an_alarm_that_ends_by_itself_and_signs_nobody_out() {
    let world = World::with(SHORT).await;
    let sid = world.sid(ALICE).await;
    assert_eq!(world.gateway.admin("/readyz").await.0, 200);
    world.backend.on("GET /api/sessions", says(401, &json!({"code": "gateway_key_invalid"})));
    unavailable(&world, &sid, "key refused").await;
    assert_eq!(world.gateway.admin("/readyz").await.0, 503);
    assert_eq!(world.metric("sidgate_gateway_key_refused").await, 1.0);
    world.backend.well();
    // Unready gateways get no requests: it must find out without one.
    let deadline = Instant::now() + Duration::from_secs(15);
    while world.gateway.admin("/readyz").await.0 != 200 {
        assert!(Instant::now() < deadline, "it never learns that the key is taken again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let probe = world.backend.seen(VALIDATE).pop().unwrap();
    assert!(!probe.headers.contains_key("x-client-ip"), "nobody's request: {probe:?}");
    assert_eq!(world.client().get("/dashboard").navigate().cookie(&cookie(&sid)).send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_tells_a_failure_from_a_no() {
    let world =
        World::with("sign_in_timeout = \"300ms\"\n[sign_in]\nper_client = \"1000/s\"\nper_email = \"1000/s\"\n").await;
    let raw = |status, text: &str| Act::Answer(status, text.to_owned(), vec![]);
    for (what, act) in [
        ("500", raw(500, "")),
        ("302", raw(302, "")),
        ("400 of Django's ALLOWED_HOSTS", raw(400, "<h1>Bad Request (400)</h1>")),
        ("401 of a proxy", raw(401, "")),
        ("403 of a firewall", raw(403, "<html>")),
        ("404", says(404, &json!({"code": "not_found"}))),
        ("201 without a sid", says(201, &json!({"user": {"id": 1}}))),
        ("201 without a user", says(201, &json!({"sid": made_up()}))),
        ("201 with a sid that is none", says(201, &json!({"sid": "x", "user": {"id": 1}}))),
        ("202 without a challenge", says(202, &json!({}))),
        ("key refused", says(401, &json!({"code": "gateway_key_invalid"}))),
        ("dropped", Act::Drop),
        ("silent", Act::Hang),
    ] {
        world.backend.on(SIGN_IN, act);
        let credentials = json!({"email": ALICE, "password": "correct horse"});
        let answer = world.client().call(http::Method::POST, API).same_origin().json(&credentials).send().await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &json!("backend_unavailable")), "{what}");
        assert!(answer.set_cookies().is_empty(), "{what}");
        world.backend.well();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_made_up_sids_gets_429_and_live_users_do_not_notice() {
    let world = World::with("[session]\nttl = \"300ms\"\nrefresh_ahead = \"0s\"\n").await;
    let (alice, bob) = (world.sid(ALICE).await, world.sid(BOB).await);
    let get = |sid: &str| world.client().get("/api/whoami").fetch().cookie(&cookie(sid));
    assert_eq!(get(&alice).send().await.status, 200);
    // A page left open with an ended session is one refused sid, however long it goes on.
    world.revoke(&bob).await;
    for _ in 0..5 {
        assert_eq!(get(&bob).send().await.status, 401);
    }
    let mut statuses = Vec::new();
    for _ in 0..80 {
        let answer = get(&made_up()).send().await;
        assert!(!drops(&answer));
        statuses.push(answer.status);
    }
    assert_eq!((statuses[0], statuses[58]), (401, 401), "{statuses:?}");
    assert!(statuses[62..].iter().filter(|s| **s == 429).count() > 10, "{statuses:?}");
    let calls = world.backend.count(VALIDATE);
    let page = world.client().get("/dashboard").navigate().cookie(&cookie(&made_up())).send().await;
    assert_eq!(page.status, 429);
    assert!(page.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert!(!drops(&page), "the cookie is kept: it may be good");
    assert_eq!(world.client().get(API).fetch().cookie(&cookie(&made_up())).send().await.status, 429);
    assert_eq!(world.client().get("/optional").cookie(&cookie(&made_up())).send().await.status, 404, "as nobody");
    let out = world.client().call(http::Method::DELETE, API).same_origin().cookie(&cookie(&made_up())).send().await;
    assert_eq!(out.status, 429, "nor is a sign-out a way to fill memory and backend");
    assert_eq!(world.backend.count(VALIDATE) - calls, 0, "none of them is asked about");
    assert_eq!(get(&alice).send().await.status, 200, "good a moment ago, so asked as ever");
    assert!(world.metric("sidgate_sessions_cached").await <= 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_overload_those_who_were_good_come_first() {
    let more =
        "timeout = \"2s\"\nmax_concurrent = 2\nmax_waiting = 1\n[session]\nttl = \"200ms\"\nrefresh_ahead = \"0s\"\n";
    let world = World::with(more).await;
    let alice = world.sid(ALICE).await;
    let get = |sid: &str| world.client().get("/api/whoami").fetch().cookie(&cookie(sid));
    assert_eq!(get(&alice).send().await.status, 200);
    tokio::time::sleep(Duration::from_millis(250)).await;
    world.backend.on(VALIDATE, Act::Delay(Duration::from_millis(700)));
    let cold: Vec<_> = (0..6).map(|_| tokio::spawn(get(&made_up()).send())).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    assert_eq!(get(&alice).send().await.status, 200, "a permit is kept for her");
    assert!(started.elapsed() < Duration::from_millis(1600), "{:?}", started.elapsed());
    let mut statuses = Vec::new();
    for call in cold {
        statuses.push(call.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [401, 401, 503, 503, 503, 503], "one asks, one waits, the others are told at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_verified_a_moment_ago_serves_safe_methods_where_that_is_allowed() {
    let routes = ROUTES.replace("path = \"/dashboard\"\n", "path = \"/dashboard\"\nstale_if_error = true\n");
    let more = "timeout = \"200ms\"\n[session]\nttl = \"100ms\"\nrefresh_ahead = \"0s\"\nstale_if_error = \"1m\"\n";
    let world = World::routed(more, &routes).await;
    let sid = world.sid(ALICE).await;
    let get = |path: &str| world.client().get(path).navigate().cookie(&cookie(&sid));
    assert_eq!(get("/dashboard").send().await.status, 200);
    tokio::time::sleep(Duration::from_millis(150)).await;
    world.backend.on("", Act::Drop);
    assert_eq!(get("/dashboard").send().await.status, 200);
    let told = world.front.seen("GET /dashboard").pop().unwrap();
    assert!(told.header("x-auth-freshness").unwrap().starts_with("stale;age="), "{told:?}");
    let post = world.client().call(http::Method::POST, "/dashboard").navigate().cookie(&cookie(&sid)).send().await;
    assert_eq!(post.status, 503);
    assert_eq!(get("/acme/dashboard").send().await.status, 503, "a route that does not allow it");
    assert_eq!(
        world.client().get(API).cookie(&cookie(&sid)).send().await.status,
        503,
        "how it stands now is the question"
    );
    let out = world.client().call(http::Method::DELETE, API).same_origin().cookie(&cookie(&sid)).send().await;
    assert_eq!(out.status, 202);
    assert_eq!(get("/dashboard").send().await.status, 302, "revocations hold throughout");
}
