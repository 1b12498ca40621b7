//! Switching the tenant: a new sid, whose tenant is another one; and nobody is signed out by it.

use std::time::Duration;

use super::*;
use crate::support::backend::{Act, CAROL, SWITCH, drops};

const TENANT: &str = "/api/auth/session-v2/tenant";
const ACME: &str = "5eed0000-0000-4000-8000-000000000001";
const GLOBEX: &str = "5eed0000-0000-4000-8000-000000000002";

async fn switch(world: &World, jar: &str, tenant: &str) -> Answer {
    let call = world.client().call(Method::POST, TENANT).same_origin().fetch().cookie(jar);
    call.json(&json!({ "tenantId": tenant })).send().await
}

async fn form(world: &World, jar: &str, body: &str) -> Answer {
    let call = world.client().call(Method::POST, TENANT).same_origin().navigate().cookie(jar);
    call.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned()).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_like_a_sign_in_with_a_new_sid_and_the_new_home() {
    let world = World::start().await;
    let old = world.sid(CAROL).await;
    let answer = switch(&world, &cookie(&old), GLOBEX).await;
    let new = answer.sid().unwrap();
    assert_eq!((answer.status, &answer.json()["tenantId"], new == old), (200, &json!(GLOBEX), false));
    assert_eq!(
        (&answer.json()["redirectTo"], &answer.json()["tenants"][0]["slug"]),
        (&json!("/globex/dashboard"), &json!("acme"))
    );
    assert!(!answer.text().contains(&new) && !answer.text().contains(&old));
    let asked = world.backend.seen(SWITCH).pop().unwrap();
    assert_eq!(asked.json(), json!({ "tenant_id": GLOBEX }));
    assert_eq!(asked.header("authorization"), Some(format!("Session {old}").as_str()));
    let validations = world.backend.count(VALIDATE);
    let at = async |path: &str| world.client().get(path).navigate().cookie(&cookie(&new)).send().await;
    assert_eq!(at("/globex/dashboard").await.status, 200);
    assert_eq!(at("/acme/dashboard").await.header("location"), Some("/globex/dashboard"));
    assert_eq!(world.backend.count(VALIDATE), validations, "what the switch said is known");
    let same = switch(&world, &cookie(&new), GLOBEX).await;
    assert_eq!((same.status, &same.json()["tenantId"]), (200, &json!(GLOBEX)), "where one is already");
    let lines = world.gateway.log_lines(4).await;
    assert!(lines[0].contains("tenant_switched"), "{}", lines[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_with_the_old_sid_sign_nobody_out() {
    // Every request asks the backend, which has the new sid for a while before we do.
    let world = World::with("[session]\nttl = \"1ms\"\nrefresh_ahead = \"0s\"\n").await;
    let old = world.sid(CAROL).await;
    world.backend.on(SWITCH, Act::Delay(Duration::from_millis(700)));
    let late = async |path: &'static str| {
        let page = world.client().get(path).navigate().cookie(&cookie(&old)).send().await;
        assert_eq!((page.status, page.header("refresh")), (401, Some("1")));
        let data = world.client().get("/api/whoami").fetch().cookie(&cookie(&old)).send().await;
        assert_eq!((data.status, &data.json()["error"]["reason"]), (401, &json!("session_rotated")));
        assert!(!drops(&page) && data.set_cookies().is_empty(), "it would take the new one away");
    };
    let jar = cookie(&old);
    let switching = switch(&world, &jar, GLOBEX);
    let meanwhile = async {
        while world.backend.count(SWITCH) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        late("/dashboard").await;
    };
    let (answer, ()) = tokio::join!(switching, meanwhile);
    assert_eq!(answer.status, 200, "{}", answer.text());
    late("/acme/dashboard").await;
    let again = switch(&world, &cookie(&old), ACME).await;
    assert_eq!((again.status, again.set_cookies().len()), (401, 0));
    let sent = form(&world, &cookie(&old), &format!("tenantId={ACME}&next=/acme/dashboard")).await;
    let on = "/auth/signin?next=/acme/dashboard&reason=session_rotated";
    assert_eq!((sent.status, sent.header("location"), drops(&sent)), (303, Some(on), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_pressed_twice_is_one_switch_and_the_second_answer_has_the_new_sid() {
    let world = World::start().await;
    let old = world.sid(CAROL).await;
    world.backend.on(SWITCH, Act::Delay(Duration::from_millis(500)));
    let body = format!("tenantId={GLOBEX}");
    let call = world.client().call(Method::POST, TENANT).same_origin().navigate().cookie(&cookie(&old));
    let first = call.header("content-type", "application/x-www-form-urlencoded").body(body.clone()).send();
    let first = tokio::spawn(first);
    while world.backend.count(SWITCH) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.abort();
    let jar = cookie(&old);
    let (second, elsewhere) = tokio::join!(form(&world, &jar, &body), switch(&world, &jar, ACME));
    assert_eq!((second.status, second.header("location")), (303, Some("/globex/dashboard")));
    let new = second.sid().unwrap();
    assert_eq!(world.client().get("/globex/dashboard").navigate().cookie(&cookie(&new)).send().await.status, 200);
    // Another tenant with the same sid at the same time: too late, and that says nothing about the new one.
    assert_eq!((elsewhere.status, elsewhere.set_cookies().len()), (401, 0), "{}", elsewhere.text());
    assert_eq!(world.backend.count(SWITCH), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_none_of_the_users_is_403_and_the_session_goes_on() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    for tenant in [GLOBEX, "not-an-id", "5EED0000-0000-4000-8000-000000000001", "acme"] {
        let answer = switch(&world, &cookie(&sid), tenant).await;
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, &error["code"], &error["home"]),
            (403, &json!("not_a_member"), &json!("/acme/dashboard")),
            "{tenant}"
        );
        assert!(answer.set_cookies().is_empty());
    }
    let page = form(&world, &cookie(&sid), &format!("tenantId={GLOBEX}&next=/globex/dashboard")).await;
    assert_eq!((page.status, page.header("content-type")), (403, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("href=\"/acme/dashboard\"") && page.set_cookies().is_empty(), "{}", page.text());
    assert_eq!(world.client().get("/acme/dashboard").navigate().cookie(&cookie(&sid)).send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_sent_on_to_a_safe_next_else_home() {
    let world = World::start().await;
    for (next, to) in [
        ("", "/globex/dashboard"),
        ("&next=/globex/dashboard/x%3Fy%3D1", "/globex/dashboard/x?y=1"),
        ("&next=//e.test", "/globex/dashboard"),
        ("&next=https://e.test/", "/globex/dashboard"),
        ("&next=/a&next=/b", "/globex/dashboard"),
    ] {
        let sid = world.sid(CAROL).await;
        let answer = form(&world, &cookie(&sid), &format!("tenantId={GLOBEX}{next}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{next}");
        assert!(answer.sid().is_some());
    }
    let sid = world.sid(CAROL).await;
    let two = form(&world, &cookie(&sid), &format!("tenantId={GLOBEX}&tenantId={ACME}")).await;
    assert_eq!((two.status, two.set_cookies().len()), (400, 0), "which of two is meant would be a guess");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_it_is_401_and_while_the_backend_is_down_503_with_the_cookie_kept() {
    let world = World::with("timeout = \"200ms\"\n").await;
    let none = switch(&world, "a=b", GLOBEX).await;
    assert_eq!((none.status, &none.json()["error"]["signIn"]), (401, &json!("/auth/signin")));
    let sent = form(&world, "a=b", &format!("tenantId={GLOBEX}&next=/globex/x")).await;
    assert_eq!((sent.status, sent.header("location")), (303, Some("/auth/signin?next=/globex/x")));
    let ended = switch(&world, &cookie(&made_up()), GLOBEX).await;
    assert_eq!((ended.status, &ended.json()["error"]["reason"], drops(&ended)), (401, &json!("session_unknown"), true));
    for (act, status) in [
        (Act::Drop, 503),
        (Act::Hang, 503),
        (Act::Answer(500, String::new(), vec![]), 503),
        (Act::Answer(403, "<h1>firewall</h1>".into(), vec![]), 503),
        (says(200, &json!({"user": {"id": "1"}})), 503),
        (says(401, &json!({"code": "gateway_key_invalid"})), 503),
        (Act::Answer(404, "<h1>Not Found</h1>".into(), vec![]), 501),
    ] {
        let sid = world.sid(CAROL).await;
        world.backend.on(SWITCH, act.clone());
        let answer = switch(&world, &cookie(&sid), GLOBEX).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (status, 0), "{act:?}: {}", answer.text());
        world.backend.well();
        assert_eq!(world.client().get("/acme/dashboard").navigate().cookie(&cookie(&sid)).send().await.status, 200);
    }
    let (sid, down) = (world.sid(CAROL).await, Act::Answer(502, String::new(), vec![]));
    world.backend.on(VALIDATE, down);
    let unknown = switch(&world, &cookie(&sid), GLOBEX).await;
    assert_eq!((unknown.status, unknown.set_cookies().len(), world.backend.count(SWITCH)), (503, 0, 7));
    // It ended between the question and the switch.
    world.backend.well();
    world.backend.on(SWITCH, says(401, &json!({"code": "session_revoked"})));
    let revoked = switch(&world, &cookie(&sid), GLOBEX).await;
    assert_eq!(
        (revoked.status, &revoked.json()["error"]["reason"], drops(&revoked)),
        (401, &json!("session_revoked"), true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_with_post_from_our_own_pages_in_a_known_form() {
    let world = World::start().await;
    let sid = world.sid(CAROL).await;
    let call = || world.client().call(Method::POST, TENANT).cookie(&cookie(&sid)).fetch();
    let good = json!({ "tenantId": GLOBEX });
    for origin in ["https://evil.test", "null"] {
        let foreign = call().header("origin", origin).json(&good).send().await;
        assert_eq!((foreign.status, &foreign.json()["error"]["code"]), (403, &json!("cross_origin")));
    }
    assert_eq!(call().json(&good).send().await.status, 403, "no Origin and no Sec-Fetch-Site");
    for (kind, body, status) in [
        ("text/plain", good.to_string(), 415),
        ("application/json", "{}".into(), 400),
        ("application/json", "{\"tenantId\":\"\"}".into(), 400),
        ("application/json", "{\"tenantId\":[1]}".into(), 400),
        ("application/json", json!({ "tenantId": "x".repeat(2000) }).to_string(), 400),
        ("application/x-www-form-urlencoded", "next=/x".into(), 400),
    ] {
        let answer = call().same_origin().header("content-type", kind).body(body.clone()).send().await;
        assert_eq!(answer.status, status, "{kind} {body}");
    }
    assert_eq!(world.backend.count(SWITCH), 0);
    let get = world.client().get(TENANT).cookie(&cookie(&sid)).send().await;
    assert_eq!(
        (get.status, get.header("allow"), get.header("cache-control")),
        (405, Some("POST"), Some("private, no-store"))
    );
    let twins = format!("sid={}; sid={sid}", made_up());
    let healed = switch(&world, &twins, GLOBEX).await;
    assert!(healed.status == 200 && healed.set_cookies().len() > 1, "and its twins expire");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_an_end_to_going_to_and_fro() {
    let world = World::start().await;
    let mut sid = world.sid(CAROL).await;
    for i in 0..30 {
        let answer = switch(&world, &cookie(&sid), [GLOBEX, ACME][i % 2]).await;
        assert_eq!(answer.status, 200, "{i}");
        sid = answer.sid().unwrap();
    }
    let limited = switch(&world, &cookie(&sid), GLOBEX).await;
    assert_eq!((limited.status, &limited.json()["error"]["code"]), (429, &json!("rate_limited")));
    assert!(limited.header("retry-after").is_some() && limited.set_cookies().is_empty());
}
