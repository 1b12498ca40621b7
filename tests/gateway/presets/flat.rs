//! The flat backend: what the first design asked of Django, word for word.

use super::*;
use crate::support::backend::{Act, SIGN_IN, says};
use crate::support::flat::PASSWORD;

const LOGIN: &str = "POST /api/auth/login/";

fn credentials(name: &str) -> Value {
    json!({"email": format!("{name}@shop.test"), "password": PASSWORD})
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_gives_a_sid_whose_session_is_read_once() {
    let (backend, world) = flat("").await;
    for body in [credentials("ada"), token("ada")] {
        let before = world.backend.count("");
        let answer = world.sign_in(&body).await;
        let sid = answer.sid().unwrap();
        assert_eq!((answer.status, &answer.json()["user"]["id"]), (200, &json!("ada@shop.test")));
        assert_eq!(answer.json()["redirectTo"], "/t-1/dashboard");
        let line = answer.set_cookies().pop().unwrap();
        assert!(line.contains("Expires=Tue, 06 May 2031 07:08:09 GMT"), "as the sign-in said: {line}");
        let calls = world.backend.seen("").split_off(before);
        let lines: Vec<&str> = calls.iter().map(|c| c.line.as_str()).collect();
        assert_eq!(lines, [LOGIN, &format!("GET /api/sessions/{sid}/")]);
        assert_eq!(calls[1].header("authorization"), Some(format!("SessionID {sid}").as_str()));
        assert_eq!(world.page(&sid, "/t-1/dashboard").await.status, 200);
        assert_eq!(world.told("x-auth-permissions").as_deref(), Some("\"invoices.view\""));
        assert!(backend.lives(&sid));
    }
    let sent: Vec<Value> = world.backend.seen(LOGIN).iter().map(|c| c.json()).collect();
    assert_eq!(sent, [credentials("ada"), json!({"access_token": "token of ada"})]);
    assert_eq!(world.backend.count(SIGN_IN), 0, "nothing of contract v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_one_although_the_backend_says_so_without_a_word() {
    let (_, world) = flat("").await;
    let answer = world.sign_in(&json!({"email": "ada@shop.test", "password": "wrong"})).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("invalid_credentials")));
    assert!(answer.set_cookies().is_empty());
    for (status, expected) in [(404, 503), (500, 503), (429, 429)] {
        world.backend.on(LOGIN, Act::Answer(status, String::new(), vec![]));
        assert_eq!(world.sign_in(&credentials("ada")).await.status, expected, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_read_is_none_and_is_ended() {
    let (backend, world) = flat("").await;
    for act in [
        says(200, &json!({"tenant_id": "t-1"})),
        Act::Answer(500, String::new(), vec![]),
        Act::Answer(404, String::new(), vec![]),
    ] {
        world.backend.on("GET /api/sessions/", act);
        let answer = world.sign_in(&credentials("ada")).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &json!("backend_unavailable")));
        assert!(answer.set_cookies().is_empty());
        let ended = world.backend.seen("DELETE /api/sessions/").pop().unwrap();
        let sid = ended.line.trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
        assert!(!backend.lives(&sid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_that_refuses_keeps_the_cookie() {
    let (_, world) = flat("").await;
    for status in [401, 403, 404, 410] {
        world.backend.on("GET /api/sessions/", Act::Answer(status, "<html>".into(), vec![]));
        let page = world.page(&made_up(), "/dashboard").await;
        assert_eq!((page.status, cookie_untouched(&page)), (302, true), "{status}");
    }
    for status in [400, 429, 500] {
        world.backend.on("GET /api/sessions/", Act::Answer(status, String::new(), vec![]));
        assert_eq!(world.page(&made_up(), "/dashboard").await.status, 503, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_is_a_delete_at_the_session_s_own_address() {
    let (backend, world) = flat("").await;
    let sid = world.sign_in(&credentials("ada")).await.sid().unwrap();
    let answer = world.sign_out(&sid).await;
    assert_eq!((answer.status, backend.lives(&sid)), (204, false));
    assert_eq!(world.who(&sid).await.json()["reason"], "session_revoked");
    assert_eq!(world.sign_out(&made_up()).await.status, 204, "404: gone as was asked");
    assert_eq!(world.metric("sidgate_sign_outs_pending").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn onboarding_flags_read_and_a_contradiction_counts_as_complete_once() {
    let (_, world) = flat("").await;
    for (name, to) in [("new", "/onboarding"), ("both", "/t-1/dashboard"), ("both", "/t-1/dashboard")] {
        let answer = world.sign_in(&credentials(name)).await;
        assert_eq!(answer.json()["redirectTo"], to, "{name}");
        let sid = answer.sid().unwrap();
        for _ in 0..2 {
            assert_eq!(world.page(&sid, "/auth/signin").await.header("location"), Some(to), "{name}");
        }
    }
    assert_eq!(world.metric("sidgate_contradictory_onboarding_total").await, 2.0, "once per session");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_preset_can_be_overridden() {
    let backend = Flat::default();
    let preset = "preset = \"flat\"\ngateway_key = \"${KEY}\"\nauthorization = \"Token {sid};v=1\"\n\
                  refused_statuses = [418]\nread_after_sign_in = false\naccess_token_in = \"bearer\"\n\
                  [backend.paths]\nsign_in = \"/login\"\nvalidate = \"/s?id={sid}\"\n";
    let world = Shaped::start(backend.inner(), preset, "").await;
    let sid = made_up();
    world.backend.on("POST /login", says(200, &json!({"session_id": sid, "email": "x@y.test"})));
    world.backend.on("GET /s?id=", says(418, &json!({})));
    for body in [credentials("x"), token("x")] {
        assert_eq!(world.sign_in(&body).await.json()["user"]["id"], "x@y.test");
        let call = world.backend.seen("POST /login").pop().unwrap();
        assert_eq!(call.header("x-gateway-key"), Some(crate::support::gateway::KEY), "sent when given");
    }
    assert_eq!(world.backend.seen("POST /login").pop().unwrap().header("authorization"), Some("Bearer token of x"));
    assert_eq!(world.backend.count("GET /s?id="), 0);
    let other = made_up();
    assert_eq!(world.who(&other).await.json()["reason"], "session_refused");
    let asked = world.backend.seen(&format!("GET /s?id={other}")).pop().unwrap();
    assert_eq!(asked.header("authorization"), Some(format!("Token {other};v=1").as_str()));
    world.backend.on("GET /s?id=", Act::Answer(401, String::new(), vec![]));
    assert_eq!(world.who(&made_up()).await.status, 503, "401 is not in the list any more");
}
