//! Backends that have no call for legacy cookies.

use super::*;
use crate::support::Shaped;
use crate::support::flat::{Flat, PASSWORD};
use crate::support::nested::{ADA, Nested, STALE, TENANT};

const CREATE: &str = "POST /api/sessions/create/";
const PRESET: &str = "preset = \"nested\"\n";

async fn nested(mode: &str) -> (Nested, Shaped) {
    let backend = Nested::default();
    let opaque = "[[legacy.carrier]]\nname = \"django\"\ncookies = [\"email\"]\nformat = \"opaque\"\n";
    let more = legacy(&format!("mode = \"{mode}\"")) + opaque;
    let shaped = Shaped::start(backend.inner(), PRESET, &more).await;
    (backend, shaped)
}

async fn visit(shaped: &Shaped, jar: &str) -> Answer {
    shaped.client().get(&format!("/{TENANT}/dashboard")).navigate().cookie(jar).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_reissues_a_uuid_as_the_sid() {
    let (backend, shaped) = nested("enforce").await;
    let old = backend.session(ADA);
    let answer = visit(&shaped, &uuid_cookie(&old)).await;
    assert_eq!((answer.status, answer.sid().as_deref()), (200, Some(old.as_str())), "{}", answer.text());
    assert_eq!(expired(&answer), ["session_token"]);
    assert!(backend.lives(&old));
    assert_eq!(shaped.backend.count("POST "), 0);
    shaped.sign_out(&old).await;
    assert_eq!(visit(&shaped, &uuid_cookie(&old)).await.status, 302, "and it is not brought back");
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_takes_a_token_as_a_bearer_once() {
    let (backend, shaped) = nested("dual").await;
    let jwt = token("ada");
    let jar = format!("session_token={jwt}");
    let answer = visit(&shaped, &jar).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = shaped.backend.seen(CREATE).pop().unwrap();
    assert_eq!((asked.header("authorization"), asked.json()), (Some(format!("Bearer {jwt}").as_str()), json!({})));
    let sid = answer.sid().unwrap();
    let [line] = &answer.set_cookies()[..] else { panic!("only ours: {:?}", answer.set_cookies()) };
    assert!(line.starts_with("sid="), "the backend's own do not reach the browser: {line}");
    assert_eq!(visit(&shaped, &jar).await.sid().as_deref(), Some(sid.as_str()), "a moment later it is the same");
    shaped.sign_out(&sid).await;
    assert!(!backend.lives(&sid));
    assert_eq!(visit(&shaped, &jar).await.status, 302, "the token is still good, and was used");
    assert_eq!(shaped.backend.count(CREATE), 1);
    assert_eq!(visit(&shaped, &format!("session_token={}", token("nobody"))).await.status, 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn flat_goes_on_with_the_id_that_it_gave() {
    let backend = Flat::default();
    let more = legacy("mode = \"enforce\"");
    let shaped = Shaped::start(backend.inner(), "preset = \"flat\"\n", &more).await;
    let old = shaped.sign_in(&json!({ "email": "ada@shop.test", "password": PASSWORD })).await.sid().unwrap();
    let answer = shaped.client().get("/optional").navigate().cookie(&uuid_cookie(&old)).send().await;
    assert!(answer.sid() == Some(old.clone()) && backend.lives(&old), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_looks_like_a_refusal_costs_nobody_their_cookies() {
    let (backend, shaped) = nested("enforce").await;
    let old = backend.session(STALE);
    backend.outage(true);
    let answer = visit(&shaped, &uuid_cookie(&old)).await;
    assert_eq!((answer.status, answer.set_cookies()), (302, vec![]));
    let junk = visit(&shaped, "dott_auth_session=junk").await;
    assert_eq!((junk.status, junk.set_cookies()), (302, vec![]), "which looks the same");
    backend.outage(false);
    // What was in doubt is remembered for a second.
    let mut given = None;
    for _ in 0..50 {
        given = given.or(visit(&shaped, &uuid_cookie(&old)).await.sid());
        if given.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(given, Some(old));
}

/// Its refusals have no words, and most old sessions have ended.
#[tokio::test(flavor = "multi_thread")]
async fn ended_sessions_do_not_stop_the_migration_of_those_that_live() {
    let (backend, shaped) = nested("enforce\"\nstop_minimum = 5\nper_client = \"1000/m").await;
    for n in 0..12 {
        let old = if n == 2 { backend.session(ADA) } else { made_up() };
        let answer = visit(&shaped, &cbc_cookie(&old)).await;
        assert_eq!(answer.status, if n == 2 { 200 } else { 302 });
    }
    let old = backend.session(ADA);
    assert_eq!(visit(&shaped, &cbc_cookie(&old)).await.sid(), Some(old));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_with_a_session_that_was_made_signs_nobody_in_afterwards_either() {
    let (backend, shaped) = nested("dual").await;
    let jar = format!("{}; session_token={}", cbc_cookie(&backend.session(STALE)), token("ada"));
    for _ in 0..3 {
        let answer = visit(&shaped, &jar).await;
        assert_eq!((answer.status, answer.sid()), (302, None));
    }
}

/// Whoever can toss a cookie into a person's jar must not end the session that they have.
#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_ends_no_session_that_was_there_before() {
    for mode in ["dual", "enforce"] {
        let (backend, shaped) = nested(mode).await;
        let (own, tossed) = (backend.session(ADA), backend.session(STALE));
        let answer = visit(&shaped, &format!("{}; {}", uuid_cookie(&tossed), cbc_cookie(&own))).await;
        assert_eq!((answer.status, answer.sid()), (302, None), "which of them is meant would be a guess");
        assert!(answer.header("location").unwrap().contains("reason=legacy_conflict"));
        assert_eq!(visit(&shaped, &cookie(&own)).await.status, 200);
        assert!(backend.lives(&own) && backend.lives(&tossed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_backend_cannot_judge_is_worth_nothing() {
    let (_, shaped) = nested("enforce").await;
    let answer = visit(&shaped, "email=opaque-token-of-django").await;
    assert_eq!((answer.status, answer.set_cookies(), shaped.backend.count("")), (302, vec![], 0));
}
