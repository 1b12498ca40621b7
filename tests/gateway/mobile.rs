//! `Authorization: Session <sid>`: from clients that are no browsers, and to upstreams that are the backend itself.

use http::Method;
use serde_json::{Value, json};

use crate::support::backend::{ALICE, API, BOB, VALIDATE, World, cookie, made_up};
use crate::support::client::Call;
use crate::support::upstream::Seen;
use crate::support::wire::status;
use crate::support::{Answer, Step, Wire, World as Plain};

const MOBILE: &str = r#"
[[route]]
path = "/mobile/{*rest}"
access = "signed_in"
kind = "api"
upstream = "app"
accept_session_header = true
[[route]]
path = "/both/{*rest}"
access = "optional"
upstream = "app"
accept_session_header = true
session_header = true
forward_sid = true
[[route]]
path = "/django/{*rest}"
access = "signed_in"
kind = "api"
upstream = "app"
session_header = true
[[route]]
path = "/anyone/{*rest}"
access = "optional"
upstream = "app"
session_header = true
[[route]]
path = "/hands/{*rest}"
access = "optional"
upstream = "app"
accept_session_header = true
may_set_session = true
"#;

fn session(call: Call, sid: &str) -> Call {
    call.header("authorization", format!("Session {sid}"))
}

async fn at(world: &Plain, path: &str, lines: &[(&str, &str)]) -> (Answer, Seen) {
    let call = lines.iter().fold(world.client().get(path), |call, (name, value)| call.header(name, value));
    let (before, answer) = (world.upstream.seen().len(), call.send().await);
    (answer, world.upstream.seen().into_iter().nth(before).unwrap_or_default())
}

/// The sid of a `sid=...`.
fn sid_of(cookie: &str) -> &str {
    &cookie[4..]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_takes_the_header_knows_who_it_is_and_sets_no_cookie() {
    let world = Plain::with(MOBILE).await;
    let (alice, bob) = (world.sign_in(ALICE).await, world.sign_in(BOB).await);
    for scheme in ["Session", "session", "SESSION"] {
        let (answer, seen) =
            at(&world, "/mobile/x", &[("authorization", &format!("{scheme} {}", sid_of(&alice)))]).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (200, 0));
        assert_eq!((seen.header("x-auth-user-id"), seen.header("authorization")), (Some("1"), None));
    }
    // The cookie is not even looked at: the header is what the client means.
    let presented = format!("Session {}", sid_of(&alice));
    let (answer, seen) = at(&world, "/mobile/x", &[("authorization", &presented), ("cookie", &bob)]).await;
    assert_eq!((answer.status, seen.header("x-auth-user-id"), seen.header("cookie")), (200, Some("1"), None));
    // Another scheme is none of ours, and the cookie counts.
    let (answer, seen) = at(&world, "/mobile/x", &[("authorization", "Bearer x"), ("cookie", &bob)]).await;
    assert_eq!((answer.status, seen.header("x-auth-user-id")), (200, Some("2")));
    assert_eq!(seen.header("authorization"), Some("Bearer x"));
    let post = world.client().call(Method::POST, "/mobile/x").header("authorization", &presented).body("{}");
    assert_eq!(post.send().await.status, 200, "no Origin: no browser sends this header by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_sid_is_nobody_and_two_of_them_are_400() {
    let world = Plain::with(MOBILE).await;
    let (alice, bob) = (world.sign_in(ALICE).await, world.sign_in(BOB).await);
    let calls = world.backend.all_calls();
    let upper = format!("Session {}", sid_of(&alice).to_uppercase());
    let padded = format!("Session  {}", sid_of(&alice));
    let list = format!("Session {}, Session {}", sid_of(&alice), sid_of(&bob));
    for value in ["Session", "Session ", "Session null", "SessionID x", &upper, &padded, &list] {
        let (answer, _) = at(&world, "/mobile/x", &[("authorization", value), ("cookie", &bob)]).await;
        assert_eq!((answer.status, &answer.json()["error"]["reason"]), (401, &json!("no_session")), "{value}");
        assert!(answer.set_cookies().is_empty(), "{value}");
    }
    let good = format!("Session {}", sid_of(&alice));
    for other in [good.as_str(), "Bearer x"] {
        let (answer, _) = at(&world, "/mobile/x", &[("authorization", &good), ("authorization", other)]).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("several_credentials")));
        let (answer, _) = at(&world, "/mobile/x", &[("authorization", other), ("authorization", &good)]).await;
        assert_eq!(answer.status, 400);
    }
    assert_eq!(world.backend.all_calls(), calls, "nothing of it reaches the backend");
    let ended = format!("Session {}", made_up());
    let (answer, _) = at(&world, "/mobile/x", &[("authorization", &ended)]).await;
    assert_eq!((answer.status, &answer.json()["error"]["reason"]), (401, &json!("session_unknown")));
    assert!(answer.set_cookies().is_empty(), "no cookie to take away");
}

#[tokio::test(flavor = "multi_thread")]
async fn everywhere_else_the_header_is_taken_away_and_means_nothing() {
    let world = Plain::with(MOBILE).await;
    let alice = world.sign_in(ALICE).await;
    let presented = format!("Session {}", sid_of(&alice));
    let (answer, _) = at(&world, "/api/x", &[("authorization", &presented)]).await;
    assert_eq!(answer.status, 401);
    for path in ["/public/x", "/optional"] {
        let (answer, seen) = at(&world, path, &[("authorization", &presented)]).await;
        assert_eq!((answer.status, seen.header("authorization")), (200, None), "{path}");
        assert_eq!(seen.header("x-auth-status"), Some("anonymous"));
    }
    // Another address of a page asks the page's rule too, which does not take it.
    let (answer, _) = at(&world, "/api/x.rsc", &[("authorization", &presented)]).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_django_gets_the_credential_of_who_is_signed_in() {
    let world = Plain::with(MOBILE).await;
    let (alice, bob) = (world.sign_in(ALICE).await, world.sign_in(BOB).await);
    let credential = format!("Session {}", sid_of(&alice));
    for given in ["Bearer x", "Basic eA==", &format!("Session {}", sid_of(&bob))] {
        let (answer, seen) = at(&world, "/django/x", &[("cookie", &alice), ("authorization", given)]).await;
        assert_eq!((answer.status, seen.all("authorization")), (200, vec![credential.as_str()]), "{given}");
        assert_eq!(seen.header("cookie"), None, "one credential");
    }
    let (_, seen) = at(&world, "/anyone/x", &[("authorization", "Bearer x")]).await;
    assert_eq!((seen.header("authorization"), seen.header("x-auth-status")), (Some("Bearer x"), Some("anonymous")));
    let (_, seen) = at(&world, "/anyone/x", &[("cookie", &cookie(&made_up()))]).await;
    assert_eq!(seen.header("authorization"), None, "nobody's");
    let (_, seen) = at(&world, "/anyone/x", &[("cookie", &alice), ("connection", "authorization")]).await;
    assert_eq!(seen.header("authorization"), Some(credential.as_str()), "and `Connection` cannot take it away");
    // With `forward_sid` the same sid in the cookie, whichever way it came.
    let (_, seen) = at(&world, "/both/x", &[("authorization", &credential), ("cookie", &format!("{bob}; a=b"))]).await;
    assert_eq!(
        (seen.header("authorization"), seen.header("cookie")),
        (Some(&*credential), Some(&*format!("{alice}; a=b")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_arrives_signed_in() {
    let world = Plain::with(MOBILE).await;
    let alice = world.sign_in(ALICE).await;
    let credential = format!("Session {}", sid_of(&alice));
    let own = format!("Origin: {}\r\nCookie: {alice}\r\n", world.client().origin());
    for (path, lines) in [("/django/ws", own), ("/both/ws", format!("Authorization: {credential}\r\n"))] {
        world.upstream.on(path, [Step::Echo]);
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n",
            world.client().authority()
        ))
        .await;
        let head = wire.head().await;
        assert_eq!(status(&head), 101, "{path}: {head}");
        assert_eq!(world.upstream.last().header("authorization"), Some(credential.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_hands_over_or_sets_is_no_cookie_of_such_a_client() {
    let world = Plain::with(MOBILE).await;
    let (alice, other) = (world.sign_in(ALICE).await, world.sign_in(ALICE).await);
    let presented = format!("Session {}", sid_of(&alice));
    let handed = format!("HTTP/1.1 200 OK\r\nX-Auth-Set-Session: {}\r\nContent-Length: 2\r\n\r\nok", sid_of(&other));
    let sets = "HTTP/1.1 200 OK\r\nSet-Cookie: sid=x\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok";
    for (path, text, left) in [("/hands/x", handed.as_str(), vec![]), ("/both/x", sets, vec!["a=b".to_owned()])] {
        world.upstream.on(path, [Step::Send(text.as_bytes().to_vec())]);
        let (answer, _) = at(&world, path, &[("authorization", &presented)]).await;
        assert_eq!((answer.status, answer.set_cookies()), (200, left), "{path}");
        assert!(!answer.headers.contains_key("x-auth-set-session"));
    }
    assert_eq!(at(&world, "/mobile/x", &[("authorization", &presented)]).await.0.status, 200, "nor has it ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_api_takes_it_where_the_configuration_says_so() {
    let world = World::with("[session]\naccept_header = true\n").await;
    let (own, other) = (world.sid(ALICE).await, world.sid(ALICE).await);
    let client = world.client();
    let who = session(client.get(API), &own).send().await;
    assert_eq!((who.status, &who.json()["user"]["email"]), (200, &json!(ALICE)));
    let list: Value = session(client.get("/api/auth/sessions"), &own).send().await.json();
    let listed = list["sessions"].as_array().unwrap();
    let id = listed.iter().find(|one| one["current"] == false).unwrap()["publicId"].as_str().unwrap();
    let end = || client.call(Method::DELETE, &format!("/api/auth/sessions/{id}"));
    // With a cookie it may be a browser, and then it says from which page.
    assert_eq!(session(end(), &own).cookie("a=b").send().await.status, 403);
    assert_eq!(end().send().await.status, 403);
    let ended = session(end(), &own).send().await;
    assert_eq!((ended.status, ended.set_cookies().len()), (200, 0), "{}", ended.text());
    assert_eq!(session(client.get(API), &other).send().await.status, 401);
    // A switch or a fix answers in cookies: not for these clients.
    for path in ["/api/auth/session-v2/tenant", "/api/auth/fix-session"] {
        assert_eq!(session(client.call(Method::POST, path), &own).json(&json!({})).send().await.status, 403);
    }
    let out = session(client.call(Method::DELETE, API), &own).send().await;
    assert_eq!((out.status, out.set_cookies().len()), (204, 0));
    let gone = session(client.get(API), &own).send().await;
    assert_eq!((gone.status, &gone.json()["reason"], gone.set_cookies().len()), (401, &json!("session_revoked"), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_api_does_not_take_it_otherwise() {
    let world = World::start().await;
    let own = world.sid(ALICE).await;
    let client = world.client();
    for path in [API, "/api/auth/sessions"] {
        assert_eq!(session(client.get(path), &own).send().await.status, 401);
        assert_eq!(session(client.call(Method::DELETE, path), &own).send().await.status, 403);
    }
    assert_eq!(world.backend.count(VALIDATE), 0);
}
