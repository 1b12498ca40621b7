//! The calls of a person's own session; test names quote the contract.

mod gateway;
mod policy;

use http::Request;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "the key";

async fn send(backend: &Backend, request: Request<Full<Bytes>>) -> (u16, Value) {
    let response = backend.answer(request).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// One call: method and path in a word, the user's sid (empty: none), a body (null: none).
async fn call(backend: &Backend, line: &str, sid: &str, body: Value) -> (u16, Value) {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request =
        Request::builder().method(method).uri(format!("/api/sessions/{path}")).header("x-gateway-key", KEY);
    if !sid.is_empty() {
        request = request.header("authorization", format!("Session {sid}"));
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(backend, request.header("x-client-ip", "203.0.113.7").body(body.into()).unwrap()).await
}

async fn sign_in(backend: &Backend, email: &str) -> Value {
    let (status, session) = call(backend, "POST ", "", json!({ "email": email, "password": PASSWORD })).await;
    assert_eq!(status, 201);
    session
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

async fn validated(backend: &Backend, sid: &str) -> (u16, Value) {
    call(backend, "GET current/", sid, Value::Null).await
}

async fn code(backend: &Backend, sid: &str) -> String {
    text(&validated(backend, sid).await.1, "/code").to_owned()
}

#[tokio::test]
async fn the_kit_refuses_every_call_without_the_key() {
    let backend = Backend::new(KEY);
    let calls =
        ["GET ", "POST ", "DELETE ", "GET current/", "DELETE current/", "POST current/rotate/", "POST migrate/"];
    let more =
        ["POST current/tenant/", "POST revoke/", "POST activity/", "DELETE by-public-id/x/", "GET x/", "GET x/y/z"];
    for line in calls.iter().chain(&more) {
        for keys in [&[][..], &["wrong"], &[KEY, KEY]] {
            let (method, path) = line.split_once(' ').unwrap();
            let mut request = Request::builder().method(method).uri(format!("/api/sessions/{path}"));
            for key in keys {
                request = request.header("x-gateway-key", *key);
            }
            let answer = send(&backend, request.body(Full::default()).unwrap()).await;
            assert_eq!(answer, (401, json!({"code": "gateway_key_invalid"})), "{line}");
        }
    }
    assert_eq!(backend.calls(CallKind::Migrate), 3);
}

#[tokio::test]
async fn validate_by_header_and_by_path_answers_the_session_without_its_sid() {
    let backend = Backend::new(KEY);
    let mut session = sign_in(&backend, "Alice@acme.test").await;
    let sid = text(&session, "/sid").to_owned();
    session.as_object_mut().unwrap().remove("sid");
    assert_eq!(validated(&backend, &sid).await, (200, session.clone()));
    assert_eq!(call(&backend, &format!("GET {sid}/"), "", Value::Null).await, (200, session.clone()));
    assert_eq!(text(&session, "/tenant/slug"), "acme");
    assert_eq!(session["onboarding"], json!({"needed": false, "step": null}));
    assert_eq!(text(&session, "/device/ip"), "203.0.113.7");
    for wrong in ["00000000-0000-4000-8000-000000000000", "no-sid", &sid.to_uppercase(), &sid.replace('-', "")] {
        assert_eq!(validated(&backend, wrong).await, (401, json!({"code": "session_unknown"})), "{wrong}");
    }
    assert_eq!(validated(&backend, "").await, (401, json!({"code": "credential_missing"})));
    assert_eq!(backend.calls(CallKind::Validate), 7);
}

#[tokio::test]
async fn sign_in_400_field_errors_401_invalid_credentials_403_account_disabled() {
    let backend = Backend::new(KEY);
    let (status, faults) = call(&backend, "POST ", "", json!({ "email": " " })).await;
    assert_eq!((status, &faults["code"]), (400, &json!("invalid")));
    assert!(faults["fields"]["email"].is_array() && faults["fields"]["password"].is_array());
    let wrong = json!({ "email": "alice@acme.test", "password": "wrong" });
    let unknown = json!({ "email": "nobody@acme.test", "password": PASSWORD });
    for body in [wrong.clone(), unknown, json!({ "access_token": "x" })] {
        assert_eq!(call(&backend, "POST ", "", body).await, (401, json!({"code": "invalid_credentials"})));
    }
    let sid = text(&sign_in(&backend, "alice@acme.test").await, "/sid").to_owned();
    backend.disable_user("1", true);
    assert_eq!(call(&backend, "POST ", "", wrong).await.0, 401, "only the password's owner learns it");
    let right = json!({ "email": "alice@acme.test", "password": PASSWORD });
    assert_eq!(call(&backend, "POST ", "", right).await, (403, json!({"code": "account_disabled"})));
    assert_eq!(validated(&backend, &sid).await, (403, json!({"code": "account_disabled"})));
    assert_eq!(call(&backend, "POST ", "", json!("no object")).await.0, 400);
}

#[tokio::test]
async fn sign_out_204_also_for_one_already_gone() {
    let backend = Backend::new(KEY);
    let sid = text(&sign_in(&backend, "alice@acme.test").await, "/sid").to_owned();
    for sid in [&sid, &sid, "00000000-0000-4000-8000-000000000000"] {
        assert_eq!(call(&backend, "DELETE current/", sid, Value::Null).await, (204, Value::Null));
    }
    assert_eq!(code(&backend, &sid).await, "session_revoked");
}

#[tokio::test]
async fn rotate_and_switch_answer_a_new_sid_and_end_the_old_one() {
    let backend = Backend::new(KEY);
    let first = sign_in(&backend, "carol@acme.test").await;
    let (status, second) = call(&backend, "POST current/rotate/", text(&first, "/sid"), Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(second["authenticated_at"], first["authenticated_at"]);
    assert_eq!(second["expires_at"], first["expires_at"]);
    assert_eq!(code(&backend, text(&first, "/sid")).await, "session_revoked");
    let globex = text(&second, "/tenants/1/id");
    let wanted = json!({ "tenant_id": globex });
    let (status, third) = call(&backend, "POST current/tenant/", text(&second, "/sid"), wanted.clone()).await;
    assert_eq!((status, text(&third, "/tenant/slug")), (200, "globex"));
    assert_eq!(validated(&backend, text(&third, "/sid")).await.1["tenant"]["id"], globex);
    assert_eq!(code(&backend, text(&second, "/sid")).await, "session_revoked");
    let alice = sign_in(&backend, "alice@acme.test").await;
    let answer = call(&backend, "POST current/tenant/", text(&alice, "/sid"), wanted).await;
    assert_eq!(answer, (403, json!({"code": "not_a_member"})));
    assert_eq!(validated(&backend, text(&alice, "/sid")).await.0, 200);
}

#[tokio::test]
async fn devices_without_sids_current_true_on_one_and_404_when_it_is_not_this_users() {
    let backend = Backend::new(KEY);
    let [one, two, three] = [
        sign_in(&backend, "bob@globex.test").await,
        sign_in(&backend, "bob@globex.test").await,
        sign_in(&backend, "bob@globex.test").await,
    ];
    let alice = sign_in(&backend, "alice@acme.test").await;
    let sid = text(&one, "/sid");
    let (_, list) = call(&backend, "GET ", sid, Value::Null).await;
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 3);
    assert!(
        sessions
            .iter()
            .all(|s| s.get("sid").is_none() && (s["current"] == true) == (s["public_id"] == one["public_id"]))
    );

    let end = |session: &Value| format!("DELETE by-public-id/{}/", text(session, "/public_id"));
    assert_eq!(call(&backend, &end(&alice), sid, Value::Null).await, (404, json!({"code": "not_found"})));
    let ended = (200, json!({ "revoked": [two["public_id"]] }));
    assert_eq!(call(&backend, &end(&two), sid, Value::Null).await, ended);
    assert_eq!(code(&backend, text(&two, "/sid")).await, "session_revoked");
    assert_eq!(call(&backend, "DELETE ?scope=some", sid, Value::Null).await.0, 400);
    let others = call(&backend, "DELETE ?scope=others", sid, Value::Null).await;
    assert_eq!(others, (200, json!({ "revoked": [three["public_id"]] })));
    let all = call(&backend, "DELETE ?scope=all", sid, Value::Null).await;
    assert_eq!(all, (200, json!({ "revoked": [one["public_id"]] })));
    assert_eq!(code(&backend, sid).await, "session_revoked");
    assert_eq!(validated(&backend, text(&alice, "/sid")).await.0, 200);
}

#[tokio::test]
async fn a_second_factor_is_good_once_for_five_guesses_and_five_minutes() {
    let backend = Backend::new(KEY);
    let attempt = |challenge: Value, now: Timestamp| {
        let body = json!({ "email": "dave@acme.test", "password": PASSWORD, "challenge": challenge }).to_string();
        let asked = Asked {
            headers: &HeaderMap::new(),
            query: None,
            body: body.as_bytes(),
            now,
            policy: &SessionPolicy::default(),
        };
        let reply = backend.state().call(&Call::read(&http::Method::POST, "/api/sessions/").unwrap(), &asked);
        reply.unwrap_or_else(Refused::into_response)
    };
    let now = Timestamp::now();
    let begin = async || {
        let answer = attempt(Value::Null, now);
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let body: Value = serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
        body["challenge"]["id"].clone()
    };
    let later = |minutes| now.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
    let answered = |id: &Value, code: &str, at| attempt(json!({ "id": id, "code": code }), at).status().as_u16();
    let first = begin().await;
    assert_eq!(answered(&first, "000000", now), 401);
    assert_eq!(answered(&first, CODE, later(4)), 201);
    assert_eq!(answered(&first, CODE, now), 401, "once");
    let (older, second) = (begin().await, begin().await);
    assert_eq!(answered(&older, CODE, now), 401, "the newest one counts");
    assert_eq!(answered(&second, CODE, later(5)), 401, "too late");
    let third = begin().await;
    for _ in 0..5 {
        assert_eq!(answered(&third, "000000", now), 401);
    }
    assert_eq!(answered(&third, CODE, now), 401, "five guesses");
    assert_eq!(attempt(json!({"id": third}), now).status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn onboarding_shows_in_a_session_that_began_before_it() {
    let backend = Backend::new(KEY);
    let sid = text(&sign_in(&backend, "newbie@example.test").await, "/sid").to_owned();
    let (_, before) = validated(&backend, &sid).await;
    assert_eq!((&before["onboarding"], &before["tenant"]), (&json!({"needed": true, "step": "company"}), &Value::Null));
    assert_eq!(backend.finish_onboarding("3", " Acme! ").as_deref(), Some("acme-2"));
    let (_, after) = validated(&backend, &sid).await;
    assert_eq!((text(&after, "/tenant/slug"), &after["onboarding"]["needed"]), ("acme-2", &json!(false)));
    assert_eq!(backend.finish_onboarding("3", "again").as_deref(), Some("acme-2"));
    backend.reset_newbie();
    assert_eq!(validated(&backend, &sid).await.1["tenant"], Value::Null);
    assert_eq!(backend.finish_onboarding("3", "API").as_deref(), Some("api-2"), "not the application's own address");
    assert_eq!(backend.revoke_user("3"), 1);
    assert_eq!(code(&backend, &sid).await, "session_revoked");
    assert_eq!(backend.finish_onboarding("99", "x"), None);
}

#[tokio::test]
async fn other_addresses_methods_and_oversized_bodies_are_no_refusal_of_a_session() {
    let backend = Backend::new(KEY);
    assert_eq!(call(&backend, "GET current", "x", Value::Null).await.0, 404);
    assert_eq!(call(&backend, "PUT current/", "x", Value::Null).await.0, 405);
    assert_eq!(call(&backend, "POST by-public-id/x/", "x", Value::Null).await.0, 405);
    let huge = json!({ "email": "x".repeat(MAX_BODY) });
    assert_eq!(call(&backend, "POST ", "", huge).await, (413, json!({"code": "too_large"})));
    assert_eq!(backend.all_calls(), 1);
}
