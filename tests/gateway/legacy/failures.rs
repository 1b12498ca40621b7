//! Forged, changed, old, contradictory: nobody is signed in, and nobody learns why. A backend that is down: nothing is
//! lost.

use super::*;
use crate::support::backend::says;

/// Everything of an answer but what differs between any two.
fn on_the_wire(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    let id = answer.header("x-request-id").unwrap();
    (answer.status, headers, answer.text().replace(id, "-"))
}

/// What can be wrong with a cookie that holds a session.
async fn worthless(world: &World) -> Vec<(&'static str, String)> {
    let (ended, live) = (world.sid(ALICE).await, world.sid(ALICE).await);
    world.revoke(&ended).await;
    let sealed = cbc(KEY, &session(Some(&live)));
    let (iv, text) = sealed.split_once(':').unwrap();
    let mut changed = text.as_bytes().to_vec();
    changed[40] = if changed[40] == b'A' { b'B' } else { b'A' };
    let mut old = session(Some(&live));
    old["expiresAt"] = json!(1_000_000_000_000_u64);
    let mut nothing = session(None);
    nothing["user"]["id"] = json!("1");
    vec![
        ("another key", cbc("another key, also long enough", &session(Some(&live)))),
        ("changed", format!("{iv}:{}", String::from_utf8(changed).unwrap())),
        ("cut short", sealed[..sealed.len() - 8].to_owned()),
        ("no base64", "a:b".to_owned()),
        ("no JSON", crate::support::legacy::cbc_under(&[7; 32], "text")),
        ("expired", cbc(KEY, &old)),
        ("no claim", cbc(KEY, &nothing)),
        ("an ended session", cbc(KEY, &session(Some(&ended)))),
        ("made up", cbc(KEY, &session(Some(&made_up())))),
        ("forged", base64_json(&session(Some(&made_up())))),
        ("a forged token", base64_json(&json!({ "accessToken": token("1"), "user": { "id": "1" } }))),
        ("a word", "backend_session".to_owned()),
        ("empty", String::new()),
        ("too large", "A".repeat(9000)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_looks_the_same() {
    for mode in ["dual", "enforce"] {
        let world = world(&format!("mode = \"{mode}\"\nper_client = \"1000/m\"")).await;
        world.front.on("GET /auth/signin", Act::Answer(200, "sign in".into(), Vec::new()));
        for path in ["/acme/dashboard", "/api/whoami", API, "/optional", "/auth/signin"] {
            let mut first = None;
            for (what, value) in worthless(&world).await {
                let call = world.client().get(path).header("x-request-id", "x");
                let call = if path.starts_with("/api") { call.fetch() } else { call.navigate() };
                let answer = call.cookie(&format!("dott_auth_session={}", encoded(&value))).send().await;
                assert_eq!(answer.sid(), None, "{what}");
                let expires = if mode == "enforce" { vec!["dott_auth_session"] } else { vec![] };
                assert_eq!(expired(&answer), expires, "{what}");
                let this = on_the_wire(&answer);
                assert_eq!(first.get_or_insert_with(|| this.clone()), &this, "{mode} {path} {what}");
            }
            let mut demanded = None;
            for (what, value) in worthless(&world).await {
                let answer = on_demand(&world, &format!("dott_auth_session={}", encoded(&value))).await;
                let this = on_the_wire(&answer);
                assert_eq!(demanded.get_or_insert_with(|| this.clone()), &this, "{mode} {what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_cookie_is_worth_what_the_proof_in_it_is() {
    let world = enforcing().await;
    let bob = world.sid(BOB).await;
    let mut forged = session(Some(&bob));
    forged["user"] = json!({ "id": "1", "sub": "1", "email": ALICE, "role": "admin", "tenantId": "acme" });
    let answer = who(&world.client(), &format!("appSession={}", encoded(&base64_json(&forged)))).await;
    let said = answer.json();
    assert_eq!((&said["user"]["email"], &said["tenant"]["slug"]), (&json!(BOB), &json!("globex")));
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_different_users_sign_nobody_in() {
    for mode in ["dual", "enforce"] {
        let world = world(&format!("mode = \"{mode}\"")).await;
        let (alice, bob) = (world.sid(ALICE).await, world.sid(BOB).await);
        let jar = format!("{}; {}", uuid_cookie(&alice), cbc_cookie(&bob));
        let answer = page(&world, "/acme/dashboard", &jar).await;
        assert_eq!((answer.status, answer.sid()), (302, None));
        assert!(answer.header("location").unwrap().contains("reason=legacy_conflict"), "{:?}", answer.headers);
        crate::support::upstream::until("both have ended", || world.backend.count("DELETE ") == 2).await;
        assert!(!lives(&world, &alice).await && !lives(&world, &bob).await);
        let again = page(&world, "/acme/dashboard", &jar).await;
        assert_eq!((again.status, again.sid(), world.backend.count(MIGRATE)), (302, None, 2));
        let answer = page(&world, "/auth/signin", &jar).await;
        assert_eq!(answer.status, 200, "and the sign-in page is shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_backend_down_nothing_is_lost_and_it_works_when_it_is_back() {
    for fault in [Act::Drop, says(503, &json!({})), says(404, &json!({})), says(401, &json!({})), says(200, &json!({}))]
    {
        for mode in ["dual", "enforce"] {
            let world = world(&format!("mode = \"{mode}\"")).await;
            let jar = cbc_cookie(&world.sid(ALICE).await);
            world.backend.on(MIGRATE, fault.clone());
            for (path, status) in
                [("/acme/dashboard", 503), ("/api/whoami", 503), (API, 503), ("/optional", 200), ("/auth/signin", 200)]
            {
                let answer = page(&world, path, &jar).await;
                assert_eq!((answer.status, answer.set_cookies()), (status, vec![]), "{fault:?} {path}");
            }
            assert_eq!(on_demand(&world, &jar).await.status, 503);
            world.backend.well();
            let answer = page(&world, "/acme/dashboard", &jar).await;
            assert!(answer.status == 200 && answer.sid().is_some(), "{fault:?} {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sid_that_is_the_proof_itself_is_no_good_answer() {
    let world = enforcing().await;
    let old = world.sid(ALICE).await;
    let session = json!({ "sid": old, "public_id": made_up(), "user": { "id": "1" } });
    world.backend.on(MIGRATE, says(201, &session));
    let answer = page(&world, "/acme/dashboard", &uuid_cookie(&old)).await;
    assert_eq!((answer.status, answer.set_cookies()), (503, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_are_limited_per_client_and_nothing_is_lost() {
    let world = world("mode = \"enforce\"\nper_client = \"3/m\"").await;
    let jar = cbc_cookie(&world.sid(ALICE).await);
    for _ in 0..3 {
        assert_eq!(page(&world, "/acme/dashboard", &cbc_cookie(&made_up())).await.status, 302);
    }
    for (path, status) in [("/acme/dashboard", 429), (API, 429), ("/auth/signin", 200)] {
        let answer = page(&world, path, &jar).await;
        assert_eq!((answer.status, answer.set_cookies()), (status, vec![]), "{path}");
    }
    assert_eq!(world.backend.count(MIGRATE), 3);
}

/// Otherwise it could be tried out byte by byte what the gateway makes of a cookie.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_counts_to_the_limit_but_the_same_only_once() {
    let world = world("mode = \"dual\"\nper_client = \"3/m\"").await;
    for _ in 0..10 {
        assert_eq!(page(&world, "/acme/dashboard", "dott_auth_session=a:b").await.status, 302);
    }
    let tried = async |n: usize| page(&world, "/acme/dashboard", &format!("dott_auth_session=a:c{n}")).await.status;
    assert_eq!([tried(1).await, tried(2).await, tried(3).await], [302, 302, 429]);
    assert_eq!(page(&world, "/acme/dashboard", "dott_auth_session=a:b").await.status, 302, "who is not guessing");
}
