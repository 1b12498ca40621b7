//! Devices: where else one is signed in, and an end to it, at once.

use std::time::Duration;

use super::*;
use crate::support::backend::{Act, BOB, drops};

const DEVICES: &str = "/api/auth/sessions";
const LIST: &str = "GET /api/sessions/";
const END_ONE: &str = "DELETE /api/sessions/by-public-id/";
const END_SEVERAL: &str = "DELETE /api/sessions/?scope=";

/// Scripts the list, whose path is the beginning of the validation's.
fn on_list(world: &World, act: Act) {
    world.backend.on(LIST, act);
    world.backend.on(VALIDATE, Act::Delay(Duration::ZERO));
}

async fn list(world: &World, sid: &str) -> Vec<Value> {
    let answer = world.client().get(DEVICES).fetch().cookie(&cookie(sid)).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["sessions"].as_array().unwrap().clone()
}

async fn delete(world: &World, sid: &str, below: &str) -> Answer {
    let call = world.client().call(Method::DELETE, &format!("{DEVICES}{below}")).same_origin().fetch();
    call.cookie(&cookie(sid)).send().await
}

async fn status(world: &World, sid: &str) -> u16 {
    world.client().get("/api/whoami").fetch().cookie(&cookie(sid)).send().await.status
}

fn id_of(list: &[Value], current: bool) -> String {
    let one = list.iter().find(|one| one["current"] == current).unwrap();
    one["publicId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_each_session_with_these_fields_and_no_more() {
    let world = World::start().await;
    let (one, two) = (world.sid(ALICE).await, world.sid(ALICE).await);
    world.sid(BOB).await;
    let mine = list(&world, &one).await;
    assert_eq!(mine.len(), 2);
    assert_eq!(mine.iter().filter(|one| one["current"] == true).count(), 1);
    assert_ne!(id_of(&mine, true), id_of(&list(&world, &two).await, true));
    let at = "2026-01-02T03:04:05Z";
    let secret = json!({"sessions": [{
        "public_id": "p-1", "sid": "T0KEN", "current": true, "user": {"id": "1", "email": "a@b.test"},
        "created_at": "2026-01-02T04:04:05+01:00", "authenticated_at": at, "last_activity": at, "expires_at": at,
        "idle_expires_at": null, "tenant": {"id": 7, "slug": "acme", "name": "Acme", "key": "T0KEN"},
        "device": {"ip": "203.0.113.7", "user_agent": "<b>\u{202e}", "token": "T0KEN"}, "sid_sha256": "T0KEN",
    }, {"current": false}]});
    on_list(&world, says(200, &secret));
    let answer = world.client().get(DEVICES).fetch().cookie(&cookie(&one)).send().await;
    let wanted = json!({"sessions": [{
        "publicId": "p-1", "current": true, "createdAt": at, "authenticatedAt": at, "lastActivity": at,
        "expiresAt": at, "idleExpiresAt": null, "tenant": {"id": "7", "slug": "acme", "name": "Acme"},
        "device": {"ip": "203.0.113.7", "userAgent": "<b>\u{202e}"},
    }]});
    assert_eq!((answer.status, answer.json()), (200, wanted));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let asked = world.backend.seen(LIST).into_iter().rfind(|seen| seen.line == LIST).unwrap();
    assert_eq!(asked.header("authorization"), Some(format!("Session {one}").as_str()));
    assert!(asked.header("cookie").is_none() && asked.header("x-client-ip").is_some());
    let head = world.client().call(Method::HEAD, DEVICES).cookie(&cookie(&one)).send().await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_ended_is_refused_at_once_and_told_why() {
    let world = World::start().await;
    let (own, other, bob) = (world.sid(ALICE).await, world.sid(ALICE).await, world.sid(BOB).await);
    for sid in [&own, &other, &bob] {
        assert_eq!(status(&world, sid).await, 200);
    }
    let public_id = id_of(&list(&world, &own).await, false);
    let ended = delete(&world, &own, &format!("/{public_id}")).await;
    assert_eq!((ended.status, ended.json()), (200, json!({ "revoked": [public_id] })));
    assert!(ended.set_cookies().is_empty());
    let validations = world.backend.count(VALIDATE);
    let told = world.client().get(API).fetch().cookie(&cookie(&other)).send().await;
    assert_eq!((told.status, &told.json()["reason"], drops(&told)), (401, &json!("session_revoked"), true));
    let page = world.client().get("/dashboard").navigate().cookie(&cookie(&other)).send().await;
    assert_eq!(page.header("location"), Some("/auth/signin?next=/dashboard&reason=session_revoked"));
    assert_eq!(world.backend.count(VALIDATE), validations, "refused here, without asking");
    assert_eq!([status(&world, &own).await, status(&world, &bob).await], [200, 200]);
    let again = delete(&world, &own, &format!("/{public_id}/")).await;
    assert_eq!(again.status, 200, "whoever repeats it has not heard the first answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_under_way_does_not_bring_an_ended_session_back() {
    let world = World::start().await;
    let (own, other) = (world.sid(ALICE).await, world.sid(ALICE).await);
    let public_id = id_of(&list(&world, &own).await, false);
    // Answered as it was before the end, and arriving after it.
    world.backend.on(VALIDATE, Act::Delay(Duration::from_millis(600)));
    let jar = cookie(&other);
    let late = world.client().get("/api/whoami").fetch().cookie(&jar).send();
    let meanwhile = async {
        while world.backend.count(VALIDATE) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        delete(&world, &own, &format!("/{public_id}")).await
    };
    let (late, ended) = tokio::join!(late, meanwhile);
    assert_eq!((ended.status, late.status), (200, 401), "{}", late.text());
    world.backend.well();
    let validations = world.backend.count(VALIDATE);
    assert_eq!((status(&world, &other).await, world.backend.count(VALIDATE)), (401, validations));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_or_all_of_them_end_and_with_the_own_one_its_cookie() {
    let world = World::start().await;
    let [own, second, third] = [world.sid(ALICE).await, world.sid(ALICE).await, world.sid(ALICE).await];
    let bob = world.sid(BOB).await;
    for sid in [&own, &second, &third, &bob] {
        assert_eq!(status(&world, sid).await, 200);
    }
    let others = delete(&world, &own, "?scope=others").await;
    assert_eq!((others.status, others.json()["revoked"].as_array().unwrap().len()), (200, 2));
    assert!(others.set_cookies().is_empty());
    let validations = world.backend.count(VALIDATE);
    assert_eq!([status(&world, &second).await, status(&world, &third).await], [401, 401]);
    assert_eq!([status(&world, &own).await, status(&world, &bob).await], [200, 200]);
    assert_eq!(world.backend.count(VALIDATE), validations);
    let all = delete(&world, &own, "?scope=all").await;
    assert_eq!((all.status, all.json()["revoked"].as_array().unwrap().len(), drops(&all)), (200, 1, true));
    assert_eq!([status(&world, &own).await, status(&world, &bob).await], [401, 200]);
    // The own one by its id is a sign-out as well.
    let own = world.sid(ALICE).await;
    let public_id = id_of(&list(&world, &own).await, true);
    let ended = delete(&world, &own, &format!("/{public_id}")).await;
    assert_eq!((ended.status, drops(&ended), status(&world, &own).await), (200, true, 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_none_of_ones_own_is_404_and_what_is_no_id_never_reaches_the_backend() {
    let world = World::start().await;
    let (own, bob) = (world.sid(ALICE).await, world.sid(BOB).await);
    let of_bob = id_of(&list(&world, &bob).await, true);
    for id in [of_bob, uuid::Uuid::new_v4().to_string(), "not-an-id".into()] {
        let answer = delete(&world, &own, &format!("/{id}")).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("session_not_found")));
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(status(&world, &bob).await, 200);
    let asked = world.backend.count(END_ONE);
    for id in ["x".repeat(129), "a%20b".into(), "%C3%A4".into(), "a@b".into()] {
        let answer = delete(&world, &own, &format!("/{id}")).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("session_not_found")), "{id}");
    }
    assert_eq!(world.backend.count(END_ONE), asked);
    for scope in ["", "?scope=", "?scope=mine", "?scope=all&scope=others", "?Scope=all"] {
        let answer = delete(&world, &own, scope).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("invalid_scope")), "{scope}");
    }
    assert_eq!((world.backend.count(END_SEVERAL), status(&world, &own).await), (0, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_backend_does_not_answer_it_is_503_and_nothing_is_forgotten() {
    let world = World::with("timeout = \"200ms\"\n").await;
    let (own, other) = (world.sid(ALICE).await, world.sid(ALICE).await);
    let public_id = id_of(&list(&world, &own).await, false);
    for (act, wanted) in [
        (Act::Drop, 503),
        (Act::Hang, 503),
        (Act::Answer(500, String::new(), vec![]), 503),
        (Act::Answer(403, "<h1>firewall</h1>".into(), vec![]), 503),
        (says(200, &json!({})), 503),
        (says(401, &json!({"code": "gateway_key_invalid"})), 503),
        (Act::Answer(404, "<h1>Not Found</h1>".into(), vec![]), 501),
    ] {
        on_list(&world, act.clone());
        for call in [END_ONE, END_SEVERAL] {
            world.backend.on(call, act.clone());
        }
        let seen = world.client().get(DEVICES).fetch().cookie(&cookie(&own)).send().await;
        assert_eq!((seen.status, seen.set_cookies().len()), (wanted, 0), "{act:?}: {}", seen.text());
        for below in [format!("/{public_id}"), "?scope=others".into(), "?scope=all".into()] {
            let answer = delete(&world, &own, &below).await;
            assert_eq!((answer.status, answer.set_cookies().len()), (wanted, 0), "{act:?} {below}: {}", answer.text());
        }
        world.backend.well();
        assert_eq!([status(&world, &own).await, status(&world, &other).await], [200, 200], "{act:?}");
    }
    world.backend.on(END_ONE, says(401, &json!({"code": "session_expired"})));
    let ended = delete(&world, &own, &format!("/{public_id}")).await;
    assert_eq!((ended.status, &ended.json()["error"]["reason"], drops(&ended)), (401, &json!("session_expired"), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_the_signed_in_from_our_own_pages_by_these_methods() {
    let world = World::start().await;
    let own = world.sid(ALICE).await;
    let client = world.client();
    let none = client.get(DEVICES).fetch().send().await;
    assert_eq!((none.status, &none.json()["error"]["signIn"]), (401, &json!("/auth/signin")));
    let ended = client.get(DEVICES).fetch().cookie(&cookie(&made_up())).send().await;
    assert_eq!((ended.status, &ended.json()["error"]["reason"], drops(&ended)), (401, &json!("session_unknown"), true));
    for below in ["?scope=all", "/x"] {
        let call = client.call(Method::DELETE, &format!("{DEVICES}{below}")).cookie(&cookie(&own));
        assert_eq!(call.header("origin", "https://evil.test").send().await.status, 403);
    }
    for (path, allow, methods) in [
        (DEVICES, "GET, DELETE", [Method::POST, Method::PUT]),
        ("/api/auth/sessions/x", "DELETE", [Method::GET, Method::HEAD]),
    ] {
        for method in methods {
            let answer = client.call(method, path).same_origin().cookie(&cookie(&own)).send().await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{path}");
        }
    }
    client.get("/api/auth/sessions/a/b").fetch().cookie(&cookie(&own)).send().await;
    assert_eq!(world.front.count("GET /api/auth/sessions/a/b"), 1, "the application's own");
    assert_eq!(world.backend.count("DELETE "), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_an_end_to_asking() {
    let world = World::start().await;
    let own = world.sid(ALICE).await;
    let id = uuid::Uuid::new_v4();
    let mut last = 0;
    for _ in 0..=60 {
        last = delete(&world, &own, &format!("/{id}")).await.status;
    }
    assert_eq!((last, world.backend.count(END_ONE)), (429, 60));
}
