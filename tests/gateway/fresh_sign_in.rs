//! `max_auth_age`: who signed in too long ago signs in again, keeps the session meanwhile, and comes back to where they
//! wanted to go.

use std::time::Duration;

use http::Method;
use serde_json::json;
use sidgate::demo::PASSWORD;

use crate::support::backend::{ALICE, API, Act, CAROL, SIGN_OUT, VALIDATE, World, cookie, drops};
use crate::support::gateway::ROUTES;
use crate::support::{Answer, wire};

const AGES: &str = r#"
[[route]]
path = "/payments/{*rest}"
kind = "page"
upstream = "app"
max_auth_age = "10m"
[[route]]
path = "/api/payments/{*rest}"
kind = "api"
upstream = "app"
max_auth_age = "10m"
"#;
const AGAIN: &str = "/auth/signin?next=/payments/new%3Fto%3Dbob&reason=fresh_sign_in_required";

async fn world() -> World {
    World::routed("", &(ROUTES.to_owned() + AGES)).await
}

/// A session whose sign-in is too old.
async fn old_session(world: &World, email: &str) -> String {
    let sid = world.sid(email).await;
    world.demo.backdate_session(&sid, Duration::from_secs(3600));
    sid
}

async fn page(world: &World, sid: &str, path: &str) -> Answer {
    world.client().get(path).navigate().cookie(&cookie(sid)).send().await
}

/// The form of the sign-in page.
async fn form(world: &World, sid: &str, password: &str) -> Answer {
    let text = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("email", ALICE), ("password", password), ("next", "/payments/new?to=bob")])
        .finish();
    let call = world.client().call(Method::POST, API).navigate().same_origin().cookie(&cookie(sid));
    call.header("content-type", "application/x-www-form-urlencoded").body(text).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_sign_in_is_let_in_and_an_old_one_only_where_no_age_is_asked() {
    let world = world().await;
    let fresh = world.sid(ALICE).await;
    assert_eq!(page(&world, &fresh, "/payments/new").await.status, 404, "forwarded");
    let old = old_session(&world, ALICE).await;
    assert_eq!(page(&world, &old, "/dashboard").await.status, 200);
    let sent = page(&world, &old, "/payments/new?to=bob").await;
    assert_eq!((sent.status, sent.header("location")), (302, Some(AGAIN)));
    assert!(!drops(&sent), "the session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_in_page_is_shown_although_there_is_a_session_and_leads_back_after_it() {
    let world = world().await;
    let old = old_session(&world, ALICE).await;
    let shown = page(&world, &old, AGAIN).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text().contains("This needs a fresh sign-in"), "{}", shown.text());
    let seen = world.front.seen("GET /auth/signin").pop().unwrap();
    assert_eq!((seen.header("x-auth-status"), seen.header("cookie")), (Some("anonymous"), None), "a visitor's page");
    assert_eq!(page(&world, &old, "/auth/signin").await.header("location"), Some("/acme/dashboard"), "otherwise home");
    let done = form(&world, &old, PASSWORD).await;
    assert_eq!((done.status, done.header("location")), (303, Some("/payments/new?to=bob")));
    let new = done.sid().unwrap();
    assert_eq!(page(&world, &new, "/payments/new?to=bob").await.status, 404, "forwarded");
    assert_eq!(world.client().get(API).cookie(&cookie(&old)).send().await.status, 401, "its sid is replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_leads_back_to_the_form_and_not_home() {
    let world = world().await;
    let old = old_session(&world, ALICE).await;
    let refused = form(&world, &old, "wrong").await;
    let back = refused.header("location").unwrap();
    assert_eq!(back, "/auth/signin?next=/payments/new%3Fto%3Dbob&error=invalid_credentials");
    assert_eq!(page(&world, &old, back).await.status, 200);
    assert_eq!(page(&world, &old, "/dashboard").await.status, 200, "the session goes on");
    assert_eq!(world.backend.count(SIGN_OUT), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_told_in_the_words_of_rfc_9470() {
    let world = world().await;
    let old = old_session(&world, ALICE).await;
    for client in [world.client(), world.client().h2()] {
        let answer = client.get("/api/payments/1").fetch().cookie(&cookie(&old)).send().await;
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Session error=\"insufficient_user_authentication\""), "{challenge}");
        assert!(challenge.ends_with("max_age=\"600\""), "{challenge}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "fresh_sign_in_required");
        assert_eq!((&error["maxAge"], &error["reason"]), (&json!(600), &json!("fresh_sign_in_required")));
        assert_eq!(error["signIn"], "/auth/signin?reason=fresh_sign_in_required");
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(world.front.count("GET /api/payments"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nextjs_and_websockets_fall_under_it_too() {
    let world = world().await;
    let old = cookie(&old_session(&world, ALICE).await);
    let get = |path| world.client().get(path).fetch().cookie(&old);
    assert_eq!(get("/payments/new?_rsc=1").header("rsc", "1").send().await.status, 401);
    assert_eq!(get("/_next/data/build/payments/new.json").send().await.status, 401);
    let action = world.client().call(Method::POST, "/payments/new").fetch().same_origin().cookie(&old);
    let action = action.header("next-action", "x").send().await;
    let to = "/auth/signin?next=/payments/new&reason=fresh_sign_in_required;replace";
    assert_eq!((action.status, action.header("x-action-redirect")), (401, Some(to)));
    let handshake = format!(
        "GET /api/payments/live HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {old}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        world.client().authority(),
        world.client().origin()
    );
    let answer = world.client().raw(handshake).await;
    assert_eq!(wire::status(&answer), 401, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sid_is_no_sign_in() {
    let world = world().await;
    let old = old_session(&world, CAROL).await;
    let resolved = world.client().get(API).cookie(&cookie(&old)).send().await.json();
    let globex = resolved["tenants"].as_array().unwrap().iter().find(|t| t["slug"] == "globex").unwrap()["id"].clone();
    let call = world.client().call(Method::POST, "/api/auth/session-v2/tenant").same_origin().cookie(&cookie(&old));
    let switched = call.json(&json!({ "tenantId": globex })).send().await;
    let new = switched.sid().unwrap();
    assert_eq!(page(&world, &new, "/globex/dashboard").await.status, 200);
    assert!(page(&world, &new, "/payments/new").await.header("location").unwrap().contains("fresh_sign_in_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_whose_time_the_backend_does_not_say_is_too_old() {
    let world = world().await;
    let body = json!({"user": {"id": "1"}}).to_string();
    world.backend.on(VALIDATE, Act::Answer(200, body, vec![]));
    let sid = crate::support::backend::made_up();
    assert_eq!(page(&world, &sid, "/dashboard").await.status, 200);
    assert!(page(&world, &sid, "/payments/new").await.header("location").unwrap().contains("fresh_sign_in_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_sends_users_away_from_its_sign_in_page_makes_no_loop() {
    let world = world().await;
    let old = cookie(&old_session(&world, ALICE).await);
    world.front.on("GET /auth/signin", Act::Answer(307, String::new(), vec![("location", "/payments/new".into())]));
    let sent_away = world.client().get(AGAIN).navigate().cookie(&old).send().await;
    assert_eq!((sent_away.status, sent_away.header("location")), (307, Some("/payments/new")));
    let mark = sent_away.set_cookies().into_iter().find(|c| c.starts_with("__Host-sidgate-disagreed=1")).unwrap();
    let marked = format!("{old}; {}", mark.split(';').next().unwrap());
    let page = world.client().get("/payments/new").navigate().cookie(&marked).send().await;
    assert_eq!(page.status, 401, "a page with a link, and no redirect");
    let link = "href=\"/auth/signin?next=/payments/new&amp;reason=fresh_sign_in_required\"";
    assert!(page.text().contains(link), "{}", page.text());
    assert_eq!(world.metric("sidgate_upstream_disagreed_total").await, 1.0);
}
