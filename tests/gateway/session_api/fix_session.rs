//! The way out of a tangle of cookies: the backend's truth, and nothing beside it.

use std::time::Duration;

use super::*;
use crate::support::backend::{Act, BOB, SIGN_OUT, drops};

const FIX: &str = "/api/auth/fix-session";

/// As the first design has it in the browser's console: no body, and no type of one.
async fn fix(world: &World, jar: &str) -> Answer {
    world.client().call(Method::POST, FIX).same_origin().fetch().cookie(jar).send().await
}

async fn form(world: &World, jar: &str, body: &str) -> Answer {
    let call = world.client().call(Method::POST, FIX).same_origin().navigate().cookie(jar);
    call.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned()).send().await
}

/// The cookie that a browser would be left with: lines are applied in their order, in the scope that is our own.
fn kept(answer: &Answer) -> Option<String> {
    let mut own = answer.set_cookies().into_iter().filter(|line| line.starts_with("sid=") && !line.contains("Domain="));
    let last = own.rfind(|line| line.split("; ").any(|part| part == "Path=/"))?;
    let value = last.strip_prefix("sid=")?.split(';').next()?.to_owned();
    (!value.is_empty()).then_some(value)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_one_is_kept_and_its_twins_expire_in_every_scope() {
    let world = World::start().await;
    let (live, dead) = (world.sid(ALICE).await, world.sid(BOB).await);
    world.revoke(&dead).await;
    for jar in [format!("sid={dead}; sid={live}; sid=junk"), format!("sid={live}; sid={dead}"), cookie(&live)] {
        let client = world.client().named("app.test");
        let call = client.call(Method::POST, FIX).same_origin().fetch().cookie(&jar);
        let answer = call.send().await;
        let json = answer.json();
        assert_eq!((answer.status, kept(&answer).as_deref()), (200, Some(live.as_str())), "{jar} {json}");
        assert_eq!(
            (&json["fixed"], &json["cleared"], &json["authenticated"], &json["user"]["email"], &json["tenant"]["slug"]),
            (&json!(true), &json!(["sid"]), &json!(true), &json!(ALICE), &json!("acme"))
        );
        assert_eq!(answer.header("cache-control"), Some("private, no-store"));
        let lines = answer.set_cookies();
        assert!(lines.iter().any(|l| l.starts_with("sid=;") && l.contains("Domain=app.test")), "{lines:#?}");
        assert!(lines.iter().any(|l| l.starts_with("sid=;") && l.contains("Path=/api/auth;")), "{lines:#?}");
        assert!(!answer.text().contains(&live) && !answer.text().contains(&dead));
    }
    assert_eq!(world.client().get("/acme/dashboard").navigate().cookie(&cookie(&live)).send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_is_asked_afresh_whatever_was_remembered() {
    let world = World::with("[session]\nttl = \"1m\"\n").await;
    let sid = world.sid(ALICE).await;
    assert_eq!(world.client().get("/api/whoami").cookie(&cookie(&sid)).send().await.status, 200);
    world.revoke(&sid).await;
    assert_eq!(world.client().get("/api/whoami").cookie(&cookie(&sid)).send().await.status, 200, "remembered");
    let answer = fix(&world, &cookie(&sid)).await;
    let wanted = json!({"fixed": true, "cleared": ["sid"], "authenticated": false, "reason": "session_revoked"});
    assert_eq!((answer.status, answer.json(), drops(&answer), kept(&answer)), (200, wanted, true, None));
    assert_eq!(world.client().get("/api/whoami").cookie(&cookie(&sid)).send().await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_one_user_become_one_and_two_of_different_users_none() {
    let world = World::start().await;
    let (one, two, bob) = (world.sid(ALICE).await, world.sid(ALICE).await, world.sid(BOB).await);
    let answer = fix(&world, &format!("sid={one}; sid={two}")).await;
    assert_eq!((answer.status, kept(&answer).as_deref()), (200, Some(one.as_str())));
    while world.backend.count(SIGN_OUT) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ended = world.backend.seen(SIGN_OUT).pop().unwrap();
    assert_eq!(ended.header("authorization"), Some(format!("Session {two}").as_str()), "no cookie has it any more");
    let answer = fix(&world, &format!("sid={one}; sid={bob}")).await;
    let wanted = json!({"fixed": true, "cleared": ["sid"], "authenticated": false, "reason": "session_conflict"});
    assert_eq!((answer.status, answer.json(), drops(&answer), kept(&answer)), (200, wanted, true, None));
    let sent = form(&world, &format!("sid={one}; sid={bob}"), "").await;
    assert_eq!((sent.status, sent.header("location")), (303, Some("/auth/signin?reason=session_conflict")));
    for sid in [&one, &bob] {
        assert_eq!(world.client().get("/api/whoami").cookie(&cookie(sid)).send().await.status, 200, "not ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_it_says_so_and_our_own_marks_go() {
    let world = World::start().await;
    for jar in ["a=b", "sid=junk", "sid=\"quoted\""] {
        let answer = fix(&world, jar).await;
        let wanted = json!({"fixed": true, "cleared": ["sid"], "authenticated": false, "reason": "no_session"});
        assert_eq!((answer.status, answer.json(), drops(&answer)), (200, wanted, true), "{jar}");
    }
    let marks = ["__Host-sidgate-disagreed", "__Host-sidgate-sent-on", "__Host-sidgate-reloaded"];
    let jar = format!("{}; theme=dark", marks.map(|mark| format!("{mark}=1")).join("; "));
    let answer = fix(&world, &jar).await;
    assert_eq!(answer.json()["cleared"], json!(["sid", marks[0], marks[1], marks[2]]));
    let lines = answer.set_cookies();
    for mark in marks {
        assert!(lines.iter().any(|l| l.starts_with(&format!("{mark}=;")) && l.contains("Max-Age=0")), "{lines:#?}");
    }
    assert!(!lines.iter().any(|l| l.starts_with("theme")));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_backend_does_not_answer_nothing_is_touched() {
    let world = World::with("timeout = \"200ms\"\n").await;
    let (sid, dead) = (world.sid(ALICE).await, world.sid(BOB).await);
    assert_eq!(world.client().get("/api/whoami").cookie(&cookie(&sid)).send().await.status, 200);
    for act in [
        Act::Drop,
        Act::Hang,
        Act::Answer(502, String::new(), vec![]),
        Act::Answer(401, "<h1>firewall</h1>".into(), vec![]),
        says(401, &json!({"code": "gateway_key_invalid"})),
    ] {
        world.backend.on(VALIDATE, act.clone());
        for jar in [cookie(&sid), format!("sid={dead}; sid={sid}; __Host-sidgate-disagreed=1")] {
            let answer = fix(&world, &jar).await;
            assert_eq!((answer.status, answer.set_cookies().len()), (503, 0), "{act:?}");
            assert_eq!(answer.json()["error"]["code"], "backend_unavailable");
        }
        let page = form(&world, &cookie(&sid), "").await;
        assert_eq!((page.status, page.header("content-type")), (503, Some("text/html; charset=utf-8")));
        world.backend.well();
        assert_eq!(world.client().get("/api/whoami").cookie(&cookie(&sid)).send().await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sid_that_was_replaced_a_moment_ago_does_not_take_the_new_one_away() {
    let world = World::start().await;
    let old = world.sid(ALICE).await;
    let call = world.client().call(Method::POST, API).same_origin().cookie(&cookie(&old));
    let new = call.json(&credentials(ALICE)).send().await.sid().unwrap();
    let late = fix(&world, &cookie(&old)).await;
    let wanted = json!({"fixed": true, "cleared": [], "authenticated": false, "reason": "session_rotated"});
    assert_eq!((late.status, late.json(), late.set_cookies().len()), (200, wanted, 0));
    let both = fix(&world, &format!("sid={old}; sid={new}")).await;
    assert_eq!((both.status, kept(&both).as_deref()), (200, Some(new.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_sent_home_or_to_sign_in_with_the_reason() {
    let world = World::start().await;
    let (sid, newbie) = (world.sid(ALICE).await, world.sid(NEWBIE).await);
    for (jar, body, to) in [
        (cookie(&sid), "", "/acme/dashboard"),
        (cookie(&sid), "next=/acme/dashboard/x", "/acme/dashboard/x"),
        (cookie(&sid), "next=//e.test", "/acme/dashboard"),
        (cookie(&newbie), "", "/onboarding/company"),
        ("a=b".into(), "", "/auth/signin"),
        (cookie(&made_up()), "next=/x", "/auth/signin?next=/x&reason=session_unknown"),
    ] {
        let answer = form(&world, &jar, body).await;
        let to = if to == "/onboarding/company" {
            answer.header("location").filter(|l| l.starts_with("/onboarding"))
        } else {
            Some(to)
        };
        assert_eq!((answer.status, answer.header("location")), (303, to), "{jar} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_a_mailed_link_has_one_button_and_changes_nothing() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    let jar = format!("sid={sid}; sid={}; __Host-sidgate-disagreed=1", made_up());
    let page = world.client().get(FIX).navigate().cookie(&jar).send().await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = page.text();
    assert_eq!((text.matches("<button").count(), text.matches("<script").count()), (1, 0));
    assert!(text.contains("method=\"post\" action=\"/api/auth/fix-session\"") && text.contains("width=device-width"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!((page.set_cookies().len(), world.backend.count(VALIDATE)), (0, 0));
    let head = world.client().call(Method::HEAD, FIX).send().await;
    assert_eq!((head.status, head.body.len(), page.header("cache-control")), (200, 0, Some("private, no-store")));
    let put = world.client().call(Method::PUT, FIX).same_origin().send().await;
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, POST")));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_from_our_own_pages_with_any_body_that_is_known_and_not_too_often() {
    let world = World::with("[sign_in]\nper_client = \"8/m\"\n").await;
    let sid = world.sid(ALICE).await;
    let call = || world.client().call(Method::POST, FIX).fetch().cookie(&cookie(&sid));
    for origin in ["https://evil.test", "null"] {
        assert_eq!(call().header("origin", origin).send().await.status, 403);
    }
    assert_eq!(call().send().await.status, 403);
    for (kind, body, status) in [
        (None, "", 200),
        (Some("application/json"), "", 200),
        (Some("application/json"), "{}", 200),
        (Some("text/plain;charset=UTF-8"), "", 200),
        (Some("text/plain"), "x", 415),
        (Some("application/json"), &*" ".repeat(17 * 1024), 413),
    ] {
        let call = call().same_origin().body(body.to_owned());
        let call = if let Some(kind) = kind { call.header("content-type", kind) } else { call };
        assert_eq!(call.send().await.status, status, "{kind:?}");
    }
    fix(&world, &cookie(&sid)).await;
    fix(&world, &cookie(&sid)).await;
    let limited = fix(&world, &cookie(&sid)).await;
    assert_eq!((limited.status, &limited.json()["error"]["code"]), (429, &json!("rate_limited")));
    assert!(limited.header("retry-after").is_some() && limited.set_cookies().is_empty());
    let call = world.client().call(Method::POST, API).same_origin().json(&credentials(ALICE));
    assert_eq!(call.send().await.status, 200, "and signing in is counted by itself");
}
