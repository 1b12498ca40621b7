//! `X-Auth-Set-Session`: a session that the application hands over, on a route with `may_set_session`.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::backend::{ALICE, API, Act, BOB, SIGN_OUT, VALIDATE, World, cookie, drops, made_up, says};
use crate::support::upstream::until;
use crate::support::{Answer, Client};

const ROTATE: &str = "POST /api/sessions/current/rotate/";

const CALLBACKS: &str = r#"
[[route]]
path = "/auth/callback"
access = "optional"
kind = "page"
upstream = "app"
may_set_session = true
[[route]]
path = "/auth/link"
access = "public"
kind = "page"
upstream = "app"
may_set_session = true
"#;

/// The application answers a path with a redirect that hands these over.
fn hands_over(world: &World, path: &str, sids: &[&str]) {
    let mut headers: Vec<_> = sids.iter().map(|sid| ("x-auth-set-session", (*sid).to_owned())).collect();
    headers.push(("location", "/acme/dashboard".to_owned()));
    headers.push(("set-cookie", "theme=dark".to_owned()));
    headers.push(("cache-control", "public, max-age=60".to_owned()));
    world.front.on(&format!("GET {path}"), Act::Answer(303, String::new(), headers));
}

async fn visits(client: &Client, path: &str, sid: Option<&str>) -> Answer {
    let call = client.get(path).navigate();
    let call = match sid {
        Some(sid) => call.cookie(&cookie(sid)),
        None => call,
    };
    call.send().await
}

async fn whoami(world: &World, sid: &str) -> u16 {
    world.client().get("/api/whoami").fetch().cookie(&cookie(sid)).send().await.status
}

async fn counted(world: &World, outcome: &str) -> f64 {
    world.metric(&format!("sidgate_sign_ins_total{{method=\"handed_over\",outcome=\"{outcome}\"}}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_becomes_a_sign_in_under_a_sid_that_the_application_has_not_seen() {
    let world = World::with(CALLBACKS).await;
    for (path, client) in [("/auth/callback", world.client()), ("/auth/link", world.client().h2())] {
        let handed = world.sid(ALICE).await;
        hands_over(&world, path, &[&handed]);
        let answer = visits(&client, path, None).await;
        let sid = answer.sid().unwrap();
        assert_eq!((answer.status, answer.header("location")), (303, Some("/acme/dashboard")));
        assert_ne!(sid, handed);
        assert_eq!(answer.header("x-auth-set-session"), None);
        assert_eq!(answer.header("cache-control"), Some("private, no-store"));
        let cookies = answer.set_cookies();
        assert_eq!(cookies[0], "theme=dark", "what else the application sets passes");
        assert!(
            cookies[1].starts_with(&format!("sid={sid}; Path=/; HttpOnly; Secure; SameSite=Lax; Expires=")),
            "{cookies:?}"
        );
        assert!(!format!("{:?}", answer.headers).contains(&handed));
        assert_eq!(world.backend.count(VALIDATE), 0);
        assert_eq!(whoami(&world, &sid).await, 200);
        assert_eq!(world.backend.count(VALIDATE), 0, "what the rotation said is known");
        let refused = world.client().get(API).fetch().cookie(&cookie(&handed)).send().await;
        assert_eq!((refused.status, &refused.json()["reason"]), (401, &json!("session_rotated")));
        assert!(!drops(&refused));
        world.backend.seen(ROTATE).iter().for_each(|asked| assert_eq!(asked.header("x-client-ip"), Some("127.0.0.1")));
    }
    assert_eq!(counted(&world, "signed_in").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_in_the_log_like_any_sign_in_and_its_sid_is_not() {
    let world = World::with(CALLBACKS).await;
    let handed = world.sid(ALICE).await;
    hands_over(&world, "/auth/callback", &[&handed]);
    let sid = visits(&world.client(), "/auth/callback", None).await.sid().unwrap();
    let line = world.gateway.log_lines(1).await.remove(0);
    for said in ["\"sign_in\":\"handed_over\"", "\"sign_in_outcome\":\"signed_in\"", "\"reason\":\"signed_in\""] {
        assert!(line.contains(said), "{said}: {line}");
    }
    assert!(line.contains("\"session_id_hash\":\"") && !line.contains(&sid) && !line.contains(&handed));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_browser_came_with_ends_and_its_twins_expire() {
    let world = World::with(CALLBACKS).await;
    let (planted, twin) = (world.sid(ALICE).await, world.sid(ALICE).await);
    for path in ["/auth/callback", "/auth/link"] {
        hands_over(&world, path, &[&world.sid(BOB).await]);
        let both = format!("sid={planted}; sid={twin}");
        let answer = world.client().get(path).navigate().cookie(&both).send().await;
        let sid = answer.sid().unwrap();
        assert!(sid != planted && sid != twin);
        let lines = answer.set_cookies();
        assert!(lines.iter().any(|line| line.starts_with("sid=; Path=/auth;")), "twins: {lines:?}");
        assert!(lines.last().unwrap().contains(&sid), "the new one is said last: {lines:?}");
        for old in [&planted, &twin] {
            let refused = world.client().get("/dashboard").navigate().cookie(&cookie(old)).send().await;
            assert_eq!((refused.status, refused.header("refresh")), (401, Some("1")));
            assert!(!drops(&refused), "a late request must not undo the sign-in");
        }
        let me = world.client().get(API).fetch().cookie(&cookie(&sid)).send().await.json();
        assert_eq!(me["user"]["email"], BOB);
    }
    until("the old ones end at the backend too", || world.backend.count(SIGN_OUT) == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_any_other_route_it_is_removed_and_counted() {
    let world = World::with(CALLBACKS).await;
    let own = world.sid(ALICE).await;
    let handed = world.sid(BOB).await;
    for (path, sid) in [("/public/x", None), ("/", None), ("/dashboard", Some(own.as_str())), ("/auth/signin", None)] {
        hands_over(&world, path, &[&handed]);
        let answer = visits(&world.client(), path, sid).await;
        assert_eq!((answer.status, answer.sid(), answer.header("x-auth-set-session")), (303, None, None), "{path}");
        assert!(answer.header("cache-control").unwrap().starts_with("private"), "it was made for one person");
    }
    assert_eq!((counted(&world, "not_allowed").await, world.backend.count(ROTATE)), (4.0, 0));
    let lines = world.gateway.log_lines(4).await.join("\n");
    assert!(lines.contains("\"sign_in_outcome\":\"not_allowed\"") && !lines.contains(&handed));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_sid_or_more_than_one_signs_nobody_in() {
    let world = World::with(CALLBACKS).await;
    let (one, two) = (world.sid(ALICE).await, world.sid(BOB).await);
    let upper = one.to_uppercase();
    let list = format!("{one}, {two}");
    let attribute = format!("{one}; Path=/");
    let short = &one[1..];
    let values: [&[&str]; 9] =
        [&[""], &["null"], &[&upper], &[short], &[&list], &[&attribute], &[&one, &two], &[&one, &one], &["", &one]];
    for sids in values {
        hands_over(&world, "/auth/callback", sids);
        let answer = visits(&world.client(), "/auth/callback", None).await;
        assert_eq!((answer.status, answer.sid(), answer.header("x-auth-set-session")), (303, None, None), "{sids:?}");
    }
    assert_eq!((counted(&world, "invalid").await, world.backend.count(ROTATE)), (9.0, 0));
    assert!(!world.gateway.log_lines(9).await.join("\n").contains(short));
    // And what the browser says is not the application's word.
    world.front.well();
    let call = world.client().get("/auth/callback").navigate().header("x-auth-set-session", &one);
    assert_eq!(call.send().await.sid(), None);
    assert!(world.front.seen("GET /auth/callback").pop().unwrap().header("x-auth-set-session").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_signs_nobody_in_and_leaves_the_session_at_hand() {
    let world = World::with(CALLBACKS).await;
    let own = world.sid(ALICE).await;
    let revoked = world.sid(BOB).await;
    world.revoke(&revoked).await;
    for handed in [&made_up(), &revoked] {
        hands_over(&world, "/auth/callback", &[handed]);
        let answer = visits(&world.client(), "/auth/callback", Some(&own)).await;
        assert_eq!((answer.status, answer.set_cookies()), (303, vec!["theme=dark".to_owned()]));
    }
    let disabled = world.sid(BOB).await;
    world.demo.disable_user("2", true);
    hands_over(&world, "/auth/callback", &[&disabled]);
    assert_eq!(visits(&world.client(), "/auth/callback", Some(&own)).await.sid(), None);
    world.demo.disable_user("2", false);
    assert_eq!((counted(&world, "refused").await, whoami(&world, &own).await), (3.0, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_time_it_is_good_for_nothing() {
    let world = World::with(CALLBACKS).await;
    let handed = world.sid(ALICE).await;
    hands_over(&world, "/auth/callback", &[&handed]);
    let sid = visits(&world.client(), "/auth/callback", None).await.sid().unwrap();
    assert_eq!(visits(&world.client(), "/auth/callback", None).await.sid(), None);
    assert_eq!(world.backend.count(ROTATE), 1, "what is refused here is not asked about");
    assert_eq!(whoami(&world, &sid).await, 200, "and the one who came first stays");
    // One that signed out here is not brought back either, even if the backend still knows it.
    let ended = world.sid(ALICE).await;
    world.backend.on(SIGN_OUT, Act::Answer(500, String::new(), Vec::new()));
    world.client().call(Method::DELETE, API).same_origin().cookie(&cookie(&ended)).send().await;
    hands_over(&world, "/auth/callback", &[&ended]);
    assert_eq!(visits(&world.client(), "/auth/callback", None).await.sid(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_backend_does_not_answer_the_person_is_told_and_keeps_what_they_had() {
    let world = World::with(&format!("timeout = \"300ms\"\n{CALLBACKS}")).await;
    let own = world.sid(ALICE).await;
    assert_eq!(whoami(&world, &own).await, 200);
    let same = world.sid(BOB).await;
    let mut unchanged = json!({"sid": same, "user": {"id": 2}});
    unchanged["tenant"] = json!(null);
    for act in [
        Act::Drop,
        Act::Hang,
        Act::Answer(500, String::new(), Vec::new()),
        Act::Answer(401, "<html>firewall</html>".into(), Vec::new()),
        Act::Answer(302, String::new(), Vec::new()),
        Act::Answer(429, "{\"code\":\"rate_limited\"}".into(), Vec::new()),
        says(401, &json!({"code": "gateway_key_invalid"})),
        says(200, &json!({"user": {"id": 2}})),
        says(200, &json!({"sid": made_up()})),
        says(200, &unchanged),
    ] {
        hands_over(&world, "/auth/callback", &[&same]);
        world.backend.on(ROTATE, act.clone());
        let answer = visits(&world.client(), "/auth/callback", Some(&own)).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{act:?}");
        assert!(answer.set_cookies().is_empty() && answer.header("location").is_none());
        assert!(answer.text().contains("could not be completed") && answer.text().contains("href=\"/auth/signin\""));
        let call = world.client().get("/auth/callback").fetch().cookie(&cookie(&own));
        assert_eq!(call.send().await.json()["error"]["code"], "sign_in_incomplete");
    }
    assert_eq!(counted(&world, "unavailable").await, 20.0);
    assert_eq!(whoami(&world, &own).await, 200);
    assert_eq!(world.backend.count(SIGN_OUT), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_cannot_rotate_leaves_the_sid_as_it_was_handed_over_if_it_is_good() {
    let world = World::with(CALLBACKS).await;
    for status in [404, 405, 501] {
        world.backend.on(ROTATE, Act::Answer(status, "<h1>Not Found</h1>".into(), Vec::new()));
        let handed = world.sid(ALICE).await;
        hands_over(&world, "/auth/callback", &[&handed]);
        let answer = visits(&world.client(), "/auth/callback", None).await;
        assert_eq!((answer.status, answer.sid()), (303, Some(handed.clone())), "{status}");
        assert_eq!(whoami(&world, &handed).await, 200);
        hands_over(&world, "/auth/callback", &[&made_up()]);
        assert_eq!(visits(&world.client(), "/auth/callback", None).await.sid(), None);
    }
    // Nothing of that is a guess: it is asked, not remembered.
    let handed = world.sid(ALICE).await;
    assert_eq!(whoami(&world, &handed).await, 200);
    world.revoke(&handed).await;
    hands_over(&world, "/auth/callback", &[&handed]);
    assert_eq!(visits(&world.client(), "/auth/callback", None).await.sid(), None);
    world.backend.on(VALIDATE, Act::Answer(500, String::new(), Vec::new()));
    hands_over(&world, "/auth/callback", &[&world.sid(ALICE).await]);
    assert_eq!(visits(&world.client(), "/auth/callback", None).await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_known_not_to_rotate_is_not_asked_to() {
    let world = World::with(&format!("[backend.paths]\nrotate = \"\"\n{CALLBACKS}")).await;
    let (own, handed) = (world.sid(BOB).await, world.sid(ALICE).await);
    hands_over(&world, "/auth/callback", &[&handed]);
    let answer = visits(&world.client(), "/auth/callback", Some(&own)).await;
    assert_eq!(answer.sid(), Some(handed));
    assert_eq!(
        (world.backend.count(ROTATE), world.backend.count(VALIDATE)),
        (0, 2),
        "who came, and who is handed over"
    );
    assert_eq!(whoami(&world, &own).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_cookie_that_the_application_sets_beside_it_is_dropped() {
    let world = World::with(CALLBACKS).await;
    let (handed, planted) = (world.sid(ALICE).await, world.sid(BOB).await);
    let own = format!("sid={planted}; Path=/auth; HttpOnly");
    let headers =
        vec![("x-auth-set-session", handed), ("set-cookie", own.clone()), ("set-cookie", "theme=dark".to_owned())];
    world.front.on("GET /auth/callback", Act::Answer(200, "hello".into(), headers));
    let answer = visits(&world.client(), "/auth/callback", None).await;
    let lines = answer.set_cookies();
    assert_eq!((answer.text().as_str(), lines.len(), lines[0].as_str()), ("hello", 2, "theme=dark"));
    assert!(!lines[1].contains(&planted));
    assert_eq!(world.metric("sidgate_set_cookie_dropped_total").await, 1.0);
    // By itself it passes, as ever: the route says so.
    world.front.on("GET /auth/callback", Act::Answer(200, String::new(), vec![("set-cookie", own.clone())]));
    assert_eq!(visits(&world.client(), "/auth/callback", None).await.set_cookies(), [own]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_the_old_sid_while_it_is_being_replaced_is_asked_to_come_again() {
    let world = World::with(CALLBACKS).await;
    let handed = world.sid(ALICE).await;
    hands_over(&world, "/auth/callback", &[&handed]);
    // The backend has the new sid at once, and its answer is slow.
    world.backend.on(ROTATE, Act::Delay(Duration::from_millis(600)));
    let client = world.client();
    let callback = tokio::spawn(async move { visits(&client, "/auth/callback", None).await });
    until("the backend rotates", || world.backend.count(ROTATE) == 1).await;
    let late = visits(&world.client(), "/dashboard", Some(&handed)).await;
    assert_eq!((late.status, late.header("refresh")), (401, Some("1")), "{}", late.text());
    assert!(!drops(&late));
    assert!(callback.await.unwrap().sid().is_some());
}
