//! In the same request: no redirect, no script, signed in.

use super::*;
use crate::support::backend::CAROL;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_shown_at_once_and_the_answer_brings_the_sid() {
    let world = enforcing().await;
    for jar in [uuid_cookie, cbc_cookie] {
        let old = world.sid(ALICE).await;
        let jar = format!("theme=dark; {}; onboardingStep=plan", jar(&old));
        let answer = page(&world, "/acme/dashboard", &jar).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sid = answer.sid().unwrap();
        assert_ne!(sid, old, "what a script could read is no session");
        assert!(lives(&world, &sid).await && !lives(&world, &old).await);
        assert_eq!(user_seen(&world.front, "/acme/dashboard").as_deref(), Some("1"));
        assert_eq!(cookies_seen(&world.front, "/acme/dashboard"), "theme=dark", "the rest is gone");
        assert_eq!(expired(&answer).len(), 2, "{:?}", answer.set_cookies());
        assert!(answer.header("cache-control").unwrap().contains("private"), "{:?}", answer.headers);
        assert!(!answer.text().contains(&sid) && !answer.text().contains(&old));
        let asked = world.backend.seen(MIGRATE).pop().unwrap().json();
        assert_eq!((&asked["proof"]["kind"], &asked["proof"]["value"]), (&json!("session_id"), &json!(old)));
        assert_eq!(asked.get("keep"), None);
        assert_eq!(asked["idempotency_key"].as_str().unwrap().len(), 64);
        assert_eq!(page(&world, "/acme/dashboard", &cookie(&sid)).await.status, 200);
    }
    let sources: Vec<Value> = world.backend.seen(MIGRATE).iter().map(|call| call.json()["source"].clone()).collect();
    assert_eq!(sources, ["session_token", "dott_auth_session"]);
    let (_, metrics) = world.gateway.admin("/metrics").await;
    assert!(metrics.contains("sidgate_legacy_migrations_total{carrier=\"uuid\",outcome=\"migrated\"} 1"), "{metrics}");
    assert!(metrics.contains("sidgate_legacy_migrations_total{carrier=\"cbc\",outcome=\"migrated\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_an_api_and_of_the_session_api_is_a_first_visit_too() {
    let world = enforcing().await;
    for (path, status) in [("/api/whoami", 200), (API, 200), ("/api/auth/sessions", 200), ("/optional", 200)] {
        for client in [world.client(), world.client().h2()] {
            let old = world.sid(ALICE).await;
            let answer = client.get(path).fetch().cookie(&uuid_cookie(&old)).send().await;
            assert_eq!(answer.status, status, "{path} {}", answer.text());
            assert!(lives(&world, &answer.sid().unwrap()).await, "{path}");
            assert_eq!(expired(&answer), ["session_token"], "{path}");
        }
    }
    let old = world.sid(ALICE).await;
    let answer = page(&world, "/auth/signin", &uuid_cookie(&old)).await;
    assert_eq!((answer.status, answer.header("location")), (302, Some("/acme/dashboard")), "nothing to sign in to");
    assert!(answer.sid().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_first_requests_at_once_make_one_session() {
    let world = enforcing().await;
    world.backend.on(MIGRATE, Act::Delay(std::time::Duration::from_millis(100)));
    let jar = uuid_cookie(&world.sid(ALICE).await);
    let asked = (0..20).map(|n| {
        let (client, jar) = (if n % 2 == 0 { world.client() } else { world.client().h2() }, jar.clone());
        tokio::spawn(async move { client.get("/api/whoami").fetch().cookie(&jar).send().await })
    });
    let mut sids = Vec::new();
    for answer in asked.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        sids.push(answer.sid().unwrap());
    }
    sids.dedup();
    assert_eq!((sids.len(), world.backend.count(MIGRATE)), (1, 1));
    let later = page(&world, "/dashboard", &jar).await;
    assert_eq!((later.sid(), world.backend.count(MIGRATE)), (sids.pop(), 1), "a moment later it is the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_sid_wins_and_the_legacy_cookies_go() {
    let world = enforcing().await;
    let (alice, bob) = (world.sid(ALICE).await, world.sid(BOB).await);
    let answer = page(&world, "/acme/dashboard", &format!("{}; {}", uuid_cookie(&bob), cookie(&alice))).await;
    assert_eq!((answer.status, expired(&answer)), (200, vec!["session_token".to_owned()]));
    assert_eq!(user_seen(&world.front, "/acme/dashboard").as_deref(), Some("1"));
    assert_eq!(cookies_seen(&world.front, "/acme/dashboard"), "");
    assert_eq!((answer.sid(), world.backend.count(MIGRATE)), (None, 0));
    assert!(lives(&world, &bob).await, "nobody has asked about it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sid_that_was_refused_is_not_healed_in_the_same_request() {
    let world = enforcing().await;
    let (old, ended) = (world.sid(ALICE).await, world.sid(ALICE).await);
    world.revoke(&ended).await;
    let jar = format!("{}; {}", uuid_cookie(&old), cookie(&ended));
    let answer = page(&world, "/acme/dashboard", &jar).await;
    assert_eq!((answer.status, world.backend.count(MIGRATE)), (302, 0));
    assert_eq!(expired(&answer), ["sid"]);
    assert_eq!(page(&world, "/acme/dashboard", &uuid_cookie(&old)).await.status, 200, "but in the next");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_in_the_place_of_a_sid_is_none() {
    let world = enforcing().await;
    for word in ["session-v2-active", "backend_session", "null", ""] {
        let old = world.sid(ALICE).await;
        let jar = format!("sid={word}; {}", uuid_cookie(&old));
        let answer = world.client().named("app.test").get("/acme/dashboard").navigate().cookie(&jar).send().await;
        assert_eq!(answer.status, 200, "{word} {}", answer.text());
        let lines = answer.set_cookies();
        assert!(
            answer.sid().is_some() && lines.iter().any(|l| l.starts_with("sid=;") && l.contains("Domain=app.test"))
        );
    }
    let answer = page(&world, "/acme/dashboard", "session_token=backend_session").await;
    assert_eq!((answer.status, world.backend.count(MIGRATE)), (302, 4), "and it proves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_route_asks_nobody_and_has_the_names_hidden() {
    let world = enforcing().await;
    let old = world.sid(ALICE).await;
    let answer = page(&world, "/public/logo.svg", &format!("a=1; {}", uuid_cookie(&old))).await;
    assert_eq!((answer.set_cookies(), world.backend.count("")), (vec![], 0));
    assert_eq!(cookies_seen(&world.front, "/public/logo.svg"), "a=1");
    assert!(lives(&world, &old).await);
}

/// The browser would not take the sid from such an answer, and a proof is good once.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_another_sites_page_uses_no_proof_up() {
    let world = enforcing().await;
    let jar = uuid_cookie(&world.sid(ALICE).await);
    for (mode, dest) in [("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe"), ("websocket", "websocket")] {
        let call = world.client().get("/optional").header("sec-fetch-site", "cross-site");
        let answer = call.header("sec-fetch-mode", mode).header("sec-fetch-dest", dest).cookie(&jar).send().await;
        assert_eq!((answer.set_cookies(), world.backend.count(MIGRATE)), (vec![], 0), "{mode} {dest}");
    }
    let call = world.client().get("/acme/dashboard").navigate().header("sec-fetch-site", "cross-site");
    let answer = call.cookie(&jar).send().await;
    assert!(answer.status == 200 && answer.sid().is_some(), "a link from there is a visit");
}

/// The sid is `SameSite=Lax`, and cookies of before were not: a form is worth no more with those.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_on_another_sites_page_is_sent_by_nobody() {
    let world = enforcing().await;
    world.front.on("POST /optional", Act::Answer(200, "done".into(), Vec::new()));
    let jar = uuid_cookie(&world.sid(ALICE).await);
    let form = || world.client().call(Method::POST, "/optional").navigate().cookie(&jar);
    let foreign = |call: crate::support::client::Call| call.header("origin", "https://evil.test");
    let old_fetch = foreign(world.client().get("/optional").cookie(&jar));
    for call in [foreign(form().header("sec-fetch-site", "cross-site")), foreign(form()), old_fetch] {
        let answer = call.send().await;
        assert_eq!((answer.status, answer.set_cookies(), world.backend.count(MIGRATE)), (200, vec![], 0));
    }
    assert!(world.front.seen("POST /optional").iter().all(|call| call.header("x-auth-user-id").is_none()));
    for own in [form().same_origin(), form().same_origin().header("sec-fetch-site", "same-origin")] {
        let answer = own.send().await;
        assert!(answer.sid().is_some(), "{answer:?}");
    }
    let seen = world.front.seen("POST /optional").pop().unwrap();
    assert_eq!(seen.header("x-auth-user-id"), Some("1"), "and no body is lost");
}

/// The application signs somebody in with the answer to it: that is who they are, and nothing else is left alive.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_visit_that_ends_in_a_sign_in_leaves_one_session() {
    let routes = r#"
[[route]]
path = "/{*rest}"
access = "optional"
upstream = "app"
may_set_session = true
"#;
    let world = World::routed(&legacy("mode = \"enforce\""), routes).await;
    let (old, handed) = (world.sid(ALICE).await, world.sid(BOB).await);
    let hands_over = vec![("x-auth-set-session", handed)];
    world.front.on("GET /callback", Act::Answer(200, "signed in".into(), hands_over));
    let answer = page(&world, "/callback", &uuid_cookie(&old)).await;
    assert_eq!(who(&world.client(), &cookie(&answer.sid().unwrap())).await.json()["user"]["email"], json!(BOB));
    crate::support::upstream::until("the other has ended", || world.backend.count("DELETE ") == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_in_a_header_who_they_are_has_no_legacy_cookies() {
    let routes = r#"
[[route]]
path = "/{*rest}"
access = "optional"
upstream = "app"
accept_session_header = true
"#;
    let world = World::routed(&legacy("mode = \"enforce\""), routes).await;
    let jar = uuid_cookie(&world.sid(ALICE).await);
    let call = world.client().get("/x").header("authorization", format!("Session {}", made_up()));
    let answer = call.cookie(&jar).send().await;
    assert_eq!((answer.set_cookies(), world.backend.count(MIGRATE)), (vec![], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_proofs_of_one_user_make_one_session() {
    let world = enforcing().await;
    let (one, two) = (world.sid(CAROL).await, world.sid(CAROL).await);
    let answer = page(&world, "/acme/dashboard", &format!("{}; {}", cbc_cookie(&two), uuid_cookie(&one))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.backend.seen(MIGRATE)[0].json()["proof"]["value"], json!(one), "in the order of the carriers");
    let sid = answer.sid().unwrap();
    let list = world.client().get("/api/auth/sessions").fetch().cookie(&cookie(&sid));
    crate::support::upstream::until("the other has ended", || world.backend.count("DELETE ") == 1).await;
    assert_eq!(list.send().await.json()["sessions"].as_array().unwrap().len(), 1);
}
