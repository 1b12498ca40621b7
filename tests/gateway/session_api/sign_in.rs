//! Signing in: answers, refusals, forms, `next`, limits, and that the old sid ends.

use super::*;
use crate::support::backend::{Act, SIGN_IN, SIGN_OUT};

const FREE: &str = "[sign_in]\nper_client = \"1000/s\"\nper_email = \"1000/s\"\n";

async fn form(world: &World, body: &str) -> Answer {
    let call = world.client().call(Method::POST, API).same_origin().navigate();
    call.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned()).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_one_answers_the_session_a_new_sid_and_the_way_on() {
    let world = World::with(FREE).await;
    let answer = post(&world.client(), &credentials(ALICE)).await;
    let sid = answer.sid().unwrap();
    assert_eq!((answer.status, &answer.json()["authenticated"]), (200, &json!(true)));
    assert_eq!(answer.json()["redirectTo"], "/acme/dashboard");
    assert!(!answer.text().contains(&sid), "never the sid");
    let line = answer.set_cookies().pop().unwrap();
    assert!(line.starts_with(&format!("sid={sid}; Path=/; HttpOnly; Secure; SameSite=Lax; Expires=")), "{line}");
    assert_eq!(world.backend.count(VALIDATE), 0);
    assert_eq!(world.client().get("/dashboard").navigate().cookie(&cookie(&sid)).send().await.status, 200);
    assert_eq!(world.backend.count(VALIDATE), 0, "what the sign-in said is known");
    assert_eq!(post(&world.client(), &credentials(NEWBIE)).await.json()["redirectTo"], "/onboarding");
}

#[tokio::test(flavor = "multi_thread")]
async fn next_is_followed_on_our_own_origin_only() {
    let world = World::with(FREE).await;
    for (next, to) in [
        ("/acme/dashboard/x?y=1", "/acme/dashboard/x?y=1"),
        ("//e.test", "/acme/dashboard"),
        ("/\\e.test", "/acme/dashboard"),
        ("/\t/e.test", "/acme/dashboard"),
        ("https:e.test", "/acme/dashboard"),
        ("https://e.test/", "/acme/dashboard"),
        ("javascript:alert(1)", "/acme/dashboard"),
        ("/x\r\nSet-Cookie: a=b", "/acme/dashboard"),
        ("/auth/signin?next=/x", "/acme/dashboard"),
        ("/api/auth/session-v2", "/acme/dashboard"),
    ] {
        let mut body = credentials(ALICE);
        body["next"] = json!(next);
        assert_eq!(post(&world.client(), &body).await.json()["redirectTo"], to, "{next:?}");
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let sent = form(&world, &format!("email={ALICE}&password=correct+horse&next={next}")).await;
        assert_eq!((sent.status, sent.header("location")), (303, Some(to)));
        assert!(sent.sid().is_some(), "cookie and 303 in one answer");
    }
    let two = form(&world, &format!("email={ALICE}&password=correct+horse&next=/a&next=/b")).await;
    assert_eq!(two.header("location"), Some("/acme/dashboard"), "which of two is meant would be a guess");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_the_backend_is_passed_on_as_our_own() {
    let world = World::with(FREE).await;
    for (status, code) in [
        (400, "invalid"),
        (401, "invalid_credentials"),
        (403, "account_disabled"),
        (409, "session_limit"),
        (423, "account_locked"),
        (429, "rate_limited"),
    ] {
        let mut body = json!({"code": code, "detail": "SECRET", "trace": "SECRET"});
        if status == 400 {
            body["fields"] = json!({"email": ["This field is required."]});
        }
        let headers = vec![("retry-after", "17".to_owned()), ("set-cookie", "sessionid=SECRET".to_owned())];
        world.backend.on(SIGN_IN, Act::Answer(status, body.to_string(), headers));
        let old = world.sid(ALICE).await;
        let call = world.client().call(Method::POST, API).same_origin().fetch().cookie(&cookie(&old));
        let answer = call.json(&credentials(ALICE)).send().await;
        let error = answer.json()["error"].clone();
        assert_eq!((answer.status, &error["code"]), (status, &json!(code)));
        assert!(error["requestId"].is_string() && !answer.text().contains("SECRET"));
        assert_eq!(error["fields"], body["fields"]);
        assert_eq!(answer.header("retry-after"), Some("17"));
        assert!(answer.set_cookies().is_empty(), "the session at hand goes on");
        let sent = form(&world, "email=x&password=y&next=/acme/dashboard").await;
        assert_eq!(sent.header("location"), Some(format!("/auth/signin?next=/acme/dashboard&error={code}").as_str()));
    }
    assert_eq!(world.backend.count(SIGN_OUT), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_passes_through_with_its_id_and_kind_only() {
    let world = World::with(FREE).await;
    world.backend.on(
        SIGN_IN,
        says(202, &json!({"challenge": {"id": "c-1", "kind": "totp", "secret": "SECRET"}, "x": "SECRET"})),
    );
    let answer = post(&world.client(), &credentials(ALICE)).await;
    assert_eq!((answer.status, answer.json()), (202, json!({"challenge": {"id": "c-1", "kind": "totp"}})));
    assert!(answer.set_cookies().is_empty());
    let sent = form(&world, "email=x&password=y&next=/a").await;
    assert_eq!((sent.status, sent.header("location")), (303, Some("/auth/signin?next=/a&challenge=c-1&kind=totp")));
    world.backend.well();
    let mut body = credentials(ALICE);
    body["challenge"] = json!({"id": "c-1", "code": "123456", "more": "x"});
    assert_eq!(post(&world.client(), &body).await.status, 200);
    let challenge = json!({"id": "c-1", "code": "123456"});
    assert_eq!(world.backend.seen(SIGN_IN).pop().unwrap().json()["challenge"], challenge);
    form(&world, "email=x&password=y&challenge_id=c-1&challenge_code=123456").await;
    assert_eq!(world.backend.seen(SIGN_IN).pop().unwrap().json()["challenge"], challenge);
    let token = json!({"accessToken": "abc", "challenge": challenge});
    assert_eq!(post(&world.client(), &token).await.status, 401, "the demo knows no identity provider");
    let asked = world.backend.seen(SIGN_IN).pop().unwrap().json();
    assert_eq!(asked, json!({"access_token": "abc", "challenge": challenge}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sid_from_before_ends_here_at_once_and_at_the_backend_soon() {
    let world = World::with(FREE).await;
    let (planted, twin) = (world.sid(ALICE).await, world.sid(ALICE).await);
    let call = world.client().call(Method::POST, API).same_origin().cookie(&format!("sid={planted}; sid={twin}"));
    let answer = call.json(&credentials(ALICE)).send().await;
    let new = answer.sid().unwrap();
    assert!(new != planted && new != twin);
    assert!(answer.set_cookies().len() > 1, "and its twins expire");
    for old in [&planted, &twin] {
        assert_eq!(world.client().get("/api/whoami").cookie(&cookie(old)).send().await.status, 401);
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while world.backend.count(SIGN_OUT) < 2 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(world.client().get("/api/whoami").cookie(&cookie(&new)).send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited_per_client_and_per_address() {
    let world = World::with("[sign_in]\nper_client = \"6/m\"\nper_email = \"2/m\"\n").await;
    let attempt = async |email: &str| {
        let answer = post(&world.client(), &json!({"email": email, "password": "wrong"})).await;
        if answer.status == 429 {
            assert_eq!(answer.json()["error"]["code"], "rate_limited");
            assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
        }
        answer.status
    };
    // Python's strip() takes U+001F away, and an upper-case comparison makes an I of U+0131.
    assert_eq!([attempt(" ALICE@acme.test\u{1f}").await, attempt("al\u{131}ce@acme.test").await], [401, 401]);
    assert_eq!(attempt(ALICE).await, 429);
    assert_eq!(world.backend.count(SIGN_IN), 2, "the backend does not hear of it");
    assert_eq!([attempt("b@x.test").await, attempt("c@x.test").await, attempt("d@x.test").await], [401, 401, 401]);
    assert_eq!(attempt("e@x.test").await, 429, "now it is the client");
    let sent = form(&world, "email=f&password=y").await;
    assert_eq!(sent.header("location"), Some("/auth/signin?error=rate_limited"));
}

/// A date that cannot be written ended the whole process: a release build aborts on a panic.
#[tokio::test(flavor = "multi_thread")]
async fn no_date_of_the_backend_is_too_early_or_too_late() {
    let world = World::start().await;
    for at in ["0001-01-01T00:00:00Z", "-009999-01-02T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-30T00:00:00Z"] {
        let body = json!({"sid": made_up(), "user": {"id": "1"}, "expires_at": at, "idle_expires_at": at});
        world.backend.on(SIGN_IN, says(201, &body));
        world.backend.on(VALIDATE, says(200, &body));
        let answer = post(&world.client(), &credentials(ALICE)).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (200, 1), "{at}");
        let twins = format!("sid={}; sid=x", made_up());
        assert_eq!(world.client().get("/api/whoami").cookie(&twins).navigate().send().await.status, 200, "{at}");
    }
}
