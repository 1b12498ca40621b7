//! The nested backend: a user and a tenant in an object each, refusals without a word, flags that stay behind.

use std::time::Duration;

use super::*;
use crate::support::backend::{Act, SIGN_OUT, VALIDATE};
use crate::support::nested::{ADA, BOTH, NEW, STALE, TENANT};

const CREATE: &str = "POST /api/sessions/create/";
const PUBLIC: &str = "GET /api/sessions/public/";

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_is_a_bearer_token_with_an_empty_object_and_the_session_is_read_once() {
    let (_, world) = nested("").await;
    let answer = world.sign_in(&token("ada")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sid = answer.sid().unwrap();
    assert_eq!(answer.json()["redirectTo"], format!("/{TENANT}/dashboard"));
    assert_eq!(answer.json()["permissions"], json!(["dashboard", "invoices"]), "which the sign-in's answer lacks");
    assert!(!answer.text().contains(&sid));
    let [line] = &answer.set_cookies()[..] else { panic!("only ours: {:?}", answer.set_cookies()) };
    assert!(line.contains("Expires=Tue, 06 May 2031 07:08:09 GMT"), "{line}");
    let made = world.backend.seen(CREATE).pop().unwrap();
    assert_eq!((made.header("authorization"), made.json()), (Some("Bearer token of ada"), json!({})));
    let read = world.backend.seen(VALIDATE);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].header("authorization"), Some(format!("Session {sid}").as_str()));
    assert_eq!(world.page(&sid, &format!("/{TENANT}/dashboard")).await.status, 200);
    assert_eq!(world.backend.count(VALIDATE), 1, "what was read is known");
    assert!(world.backend.seen("").iter().all(|call| !call.headers.contains_key("x-gateway-key")));
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_with_a_password_is_501_and_says_what_to_send() {
    let (_, world) = nested("").await;
    let answer = world.sign_in(&json!({"email": "ada@shop.test", "password": "x"})).await;
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["code"]), (501, &json!("not_supported_by_backend")));
    assert!(error["message"].as_str().unwrap().contains("{\"accessToken\"}"), "{error}");
    let form = world.client().call(http::Method::POST, "/api/auth/session-v2").same_origin().navigate();
    let form = form.header("content-type", "application/x-www-form-urlencoded").body("email=a&password=b").send().await;
    assert_eq!(form.header("location"), Some("/auth/signin?error=not_supported_by_backend"));
    assert_eq!(world.backend.count(""), 0, "the backend does not hear of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_the_tenant_is_501_and_the_session_goes_on() {
    let (backend, world) = nested("").await;
    let sid = backend.session(ADA);
    let call = world.client().call(http::Method::POST, "/api/auth/session-v2/tenant").same_origin().fetch();
    let answer = call.cookie(&format!("sid={sid}")).json(&json!({"tenantId": "t-2"})).send().await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (501, &json!("not_supported_by_backend")));
    assert!(cookie_untouched(&answer));
    assert_eq!(world.backend.count("POST "), 0);
    assert_eq!(world.who(&sid).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_or_comes_in_an_outage_signs_nobody_in_and_nobody_out() {
    let (backend, world) = nested("").await;
    let old = backend.session(ADA);
    for outage in [false, true] {
        backend.outage(outage);
        let name = if outage { "ada" } else { "nobody" };
        let call = world.client().call(http::Method::POST, "/api/auth/session-v2").same_origin().fetch();
        let answer = call.cookie(&format!("sid={old}")).json(&token(name)).send().await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("invalid_credentials")));
        assert!(answer.set_cookies().is_empty());
    }
    backend.outage(false);
    assert_eq!(world.who(&old).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_is_told_ids_as_strings_and_the_pages_as_permissions() {
    let (backend, world) = nested("").await;
    let sid = backend.session(ADA);
    assert_eq!(world.page(&sid, &format!("/{TENANT}/dashboard")).await.status, 200);
    for (name, value) in [
        ("x-auth-user-id", "7"),
        ("x-auth-tenant-id", TENANT),
        ("x-auth-onboarding", "complete"),
        ("x-auth-roles", "\"OWNER\""),
        ("x-auth-permissions", "\"dashboard\", \"invoices\""),
    ] {
        assert_eq!(world.told(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(world.told("x-auth-tenant-slug"), None);
    let who = world.who(&sid).await.json();
    assert_eq!((&who["user"]["id"], &who["tenant"]["name"]), (&json!("7"), &json!("Ada & Co")));
    assert_eq!(who["expiresAt"], "2031-05-06T07:08:09.123456Z", "six decimals are read");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_tenant_yet_is_sent_to_onboarding_and_no_further() {
    let (backend, world) = nested("").await;
    let sid = backend.session(NEW);
    for path in [format!("/{TENANT}/dashboard"), "/admin/x".into(), "/auth/signin".into()] {
        assert_eq!(world.page(&sid, &path).await.header("location"), Some("/onboarding"), "{path}");
    }
    assert_eq!(world.page(&sid, "/onboarding").await.status, 200);
    assert_eq!(world.told("x-auth-onboarding").as_deref(), Some("needed;step=business_info"));
    assert_eq!(world.told("x-auth-tenant-id"), None);
    let answer = world.sign_in(&token("new")).await;
    assert_eq!((answer.status, &answer.json()["redirectTo"]), (200, &json!("/onboarding")));
}

/// The user row says complete; there is no progress row, so `current/` says "needed" for good.
#[tokio::test(flavor = "multi_thread")]
async fn user_row_complete_but_no_progress_row_is_complete_for_everybody_and_for_good() {
    let (backend, world) = nested("[session]\nttl = \"150ms\"\nrefresh_ahead = \"0s\"\n").await;
    let sid = backend.session(STALE);
    let started = std::time::Instant::now();
    for round in 0..6 {
        assert_eq!(world.page(&sid, "/admin/x").await.status, 200, "round {round}");
        assert_eq!(world.told("x-auth-onboarding").as_deref(), Some("complete"));
        assert_eq!(world.who(&sid).await.json()["needsOnboarding"], json!(false));
        let home = format!("/{TENANT}/dashboard");
        assert_eq!(world.page(&sid, "/auth/signin").await.header("location"), Some(home.as_str()));
        tokio::time::sleep(Duration::from_millis(160)).await;
    }
    assert!(world.backend.count(VALIDATE) >= 4);
    let asked = world.backend.seen(PUBLIC);
    let most = usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
    assert!((1..=most).contains(&asked.len()), "at most once a second: {}", asked.len());
    assert!(asked.iter().all(|call| !call.headers.contains_key("authorization")), "it needs no credential");
    let signed_in = world.sign_in(&token("stale")).await.json();
    assert_eq!(signed_in["redirectTo"], format!("/{TENANT}/dashboard"), "nor are they sent round after a sign-in");
    // Without an answer, who was through stays through.
    tokio::time::sleep(Duration::from_millis(1050)).await;
    world.backend.on(PUBLIC, Act::Answer(500, String::new(), vec![]));
    assert_eq!(world.page(&sid, "/admin/x").await.status, 200);
    assert_eq!(world.metric("sidgate_contradictory_onboarding_total").await, 0.0, "being behind is no contradiction");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_public_call_says_is_asked_again_after_a_second_and_its_yes_stays() {
    let (backend, world) = nested("[session]\nttl = \"1m\"\n").await;
    let sid = backend.session(NEW);
    for _ in 0..3 {
        assert_eq!(world.page(&sid, "/admin/x").await.header("location"), Some("/onboarding"));
    }
    assert_eq!((world.backend.count(VALIDATE), world.backend.count(PUBLIC)), (1, 1));
    backend.complete(NEW);
    tokio::time::sleep(Duration::from_millis(1050)).await;
    for _ in 0..3 {
        assert_eq!(world.page(&sid, "/admin/x").await.status, 200);
    }
    assert_eq!((world.backend.count(VALIDATE), world.backend.count(PUBLIC)), (2, 2));
}

/// As an application answers that has just finished somebody's onboarding.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_changed_is_asked_at_once() {
    let (backend, world) = nested("[session]\nttl = \"1m\"\n").await;
    let sid = backend.session(NEW);
    assert_eq!(world.page(&sid, "/admin/x").await.header("location"), Some("/onboarding"));
    let order = vec![("x-auth-session-changed", "1".to_owned()), ("location", "/admin/x".to_owned())];
    world.front.on("POST /onboarding", Act::Answer(303, String::new(), order));
    backend.complete(NEW);
    let done = world.client().call(http::Method::POST, "/onboarding").navigate().cookie(&format!("sid={sid}"));
    assert_eq!(done.send().await.status, 303);
    assert_eq!(world.page(&sid, "/admin/x").await.status, 200, "although the last question was a moment ago");
    assert_eq!(world.backend.count(PUBLIC), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_with_one_cold_sid_makes_one_call_of_each_kind() {
    let (backend, world) = nested("").await;
    let (sid, ada) = (backend.session(STALE), backend.session(ADA));
    world.backend.on(PUBLIC, Act::Delay(Duration::from_millis(200)));
    let calls = (0..50).map(|_| {
        let call = world.client().get("/admin/x").navigate().cookie(&format!("sid={sid}"));
        tokio::spawn(call.send())
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().status, 200);
    }
    assert_eq!((world.backend.count(VALIDATE), world.backend.count(PUBLIC)), (1, 1));
    assert_eq!(world.page(&ada, "/admin/x").await.status, 200);
    assert_eq!(world.backend.count(PUBLIC), 1, "of those who need none nobody asks");
}

#[tokio::test(flavor = "multi_thread")]
async fn needed_and_completed_at_once_is_complete_and_counted_once() {
    let (backend, world) = nested("[session]\nttl = \"100ms\"\nrefresh_ahead = \"0s\"\n").await;
    let sid = backend.session(BOTH);
    for _ in 0..3 {
        assert_eq!(world.page(&sid, "/admin/x").await.status, 200);
        tokio::time::sleep(Duration::from_millis(110)).await;
    }
    assert_eq!(world.backend.count(PUBLIC), 0);
    assert_eq!(world.metric("sidgate_contradictory_onboarding_total").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sid_that_the_backend_shows_around_reaches_no_browser_and_no_log() {
    let (backend, world) = nested("").await;
    let sid = backend.session(ADA);
    let answers = [
        world.page(&sid, &format!("/{TENANT}/dashboard")).await,
        world.who(&sid).await,
        world.sign_in(&token("ada")).await,
        // Where that Django is an upstream, too.
        world.client().get(&format!("/api/sessions/public/{sid}/")).fetch().send().await,
        world.sign_out(&sid).await,
    ];
    for answer in &answers {
        assert!(!answer.headers.contains_key("x-session-id"), "{answer:?}");
        assert!(answer.set_cookies().iter().all(|line| !line.starts_with(&format!("sid={sid}"))), "{answer:?}");
    }
    assert_eq!(answers[3].status, 200);
    let log = world.gateway.log_lines(5).await.join("\n");
    assert!(!log.contains(&sid) && log.contains("session-v2"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_make_or_show_sessions_without_proof_are_404_under_any_route() {
    let (backend, world) = nested("").await;
    let sid = backend.session(ADA);
    assert_eq!(
        world.client().get(&format!("/api/sessions/public/{sid}/")).send().await.status,
        200,
        "the route is open"
    );
    let before = world.backend.count("");
    for path in [
        "/api/sessions/consolidated-auth/",
        "/api/sessions/consolidated-auth",
        "//api//sessions/consolidated-auth//",
        "/api/sessions/%63onsolidated-auth/",
        // The rewrites of Next.js take any case, and write the address of the backend in theirs.
        "/API/Sessions/consolidated-auth/",
        "/api/sessions/Cloudflare/create/",
        "/_next/data/build/API/sessions/debug/x.json",
        "/api/sessions/consolidated-auth/deeper/",
        "/api/sessions/cloudflare/create/",
        "/api/sessions/cloudflare/create",
        &format!("/api/sessions/debug/{sid}/"),
        &format!("/api/sessions/debug/{sid}"),
        "/api/sessions/debug/",
        "/api/sessions/debug/x.rsc",
        "/_next/data/build/api/sessions/debug/x.json",
        "/_next/image?url=%2Fapi%2Fsessions%2Fdebug%2Fx&w=64&q=75",
    ] {
        for method in [http::Method::GET, http::Method::POST] {
            let answer = world.client().call(method, path).same_origin().cookie(&format!("sid={sid}")).send().await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("no_route")), "{path}");
        }
    }
    assert_eq!((world.backend.count(""), world.front.count("")), (before, 0), "nothing of that went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_ends_the_session_there_and_the_cookie_here() {
    let (backend, world) = nested("").await;
    let sid = backend.session(ADA);
    assert_eq!(world.who(&sid).await.status, 200);
    let answer = world.sign_out(&sid).await;
    assert_eq!((answer.status, backend.lives(&sid)), (204, false), "200 is a good answer, too");
    assert!(answer.set_cookies().iter().any(|line| line.starts_with("sid=;")));
    let page = world.page(&sid, "/dashboard").await;
    assert_eq!(page.header("location"), Some("/auth/signin?next=/dashboard&reason=session_revoked"));
    assert!(page.set_cookies().iter().any(|line| line.starts_with("sid=;")), "our own word is one in so many words");
    assert_eq!(world.backend.count(SIGN_OUT), 1);
    // Spellings that no lower-case uuid has are no question.
    let asked = world.backend.count(VALIDATE);
    assert_eq!(world.who(&sid.to_uppercase()).await.status, 401);
    assert_eq!(world.backend.count(VALIDATE), asked);
}
