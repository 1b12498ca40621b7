//! The calls that the gateway makes on its own account, and what time does.

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use jiff::ToSpan;
use serde_json::{Value, json};

use super::super::*;
use super::{KEY, call, sign_in, text, validated};

#[tokio::test]
async fn migrate_always_a_fresh_sid_200_for_a_repeat_of_the_key_401_proof_refused() {
    let backend = Backend::new(KEY);
    let old = sign_in(&backend, "alice@acme.test").await;
    let other = sign_in(&backend, "bob@globex.test").await;
    let ask = |kind: &str, value: &Value, key: &str| {
        let body =
            json!({ "proof": { "kind": kind, "value": value }, "source": "session_token", "idempotency_key": key });
        let backend = backend.clone();
        async move { call(&backend, "POST migrate/", "", body).await }
    };
    let (status, fresh) = ask("session_id", &old["sid"], "k1").await;
    assert_eq!((status, &fresh["user"]), (201, &old["user"]));
    assert_ne!(fresh["sid"], old["sid"]);
    assert_eq!(ask("session_id", &old["sid"], "k1").await, (200, fresh.clone()));
    let refused = (401, json!({"code": "proof_refused"}));
    assert_eq!(ask("session_id", &other["sid"], "k1").await, refused, "the key of another proof");
    assert_eq!(ask("session_id", &old["sid"], "k2").await, refused, "one proof makes one session, once");
    assert_eq!(ask("access_token", &json!("x"), "k3").await, refused);
    assert_eq!(ask("opaque", &json!("x"), "k4").await, refused);
    call(&backend, "DELETE current/", text(&fresh, "/sid"), Value::Null).await;
    assert_eq!(
        ask("session_id", &old["sid"], "k1").await,
        refused,
        "a repeat does not bring a signed-out session back"
    );
    assert_eq!(call(&backend, "POST migrate/", "", json!({ "idempotency_key": "k" })).await.0, 400);
}

#[tokio::test]
async fn a_session_that_is_kept_lives_on_under_its_old_id_until_the_new_one_ends() {
    let backend = Backend::new(KEY);
    let keep = |old: &Value, key: &str| {
        let proof = json!({ "kind": "session_id", "value": old["sid"] });
        let body = json!({ "proof": proof, "source": "session_token", "idempotency_key": key, "keep": true });
        let backend = backend.clone();
        async move { call(&backend, "POST migrate/", "", body).await }
    };
    let alive = async |session: &Value| validated(&backend, text(session, "/sid")).await.0 == 200;
    let end = async |what: &str, session: &Value| call(&backend, what, text(session, "/sid"), Value::Null).await;
    for what in ["DELETE current/", "DELETE ?scope=all"] {
        let old = sign_in(&backend, "alice@acme.test").await;
        let (status, new) = keep(&old, what).await;
        assert_eq!(status, 201);
        assert!(alive(&old).await && alive(&new).await);
        assert_eq!(keep(&old, what).await.0, 200, "a repeat");
        assert_eq!(keep(&old, "another key").await.0, 401, "one proof makes one session, once");
        let (_, list) = end("GET ", &new).await;
        assert_eq!(list["sessions"].as_array().unwrap().len(), 1, "it is one session");
        end("DELETE ?scope=others", &new).await;
        assert!(alive(&old).await && alive(&new).await, "it is none of the others");
        let (_, rotated) = end("POST current/rotate/", &new).await;
        assert!(alive(&old).await && alive(&rotated).await);
        end(what, &rotated).await;
        assert!(!alive(&old).await && !alive(&rotated).await, "{what}");
    }
    let old = sign_in(&backend, "alice@acme.test").await;
    let (_, new) = keep(&old, "other way").await;
    end("DELETE current/", &old).await;
    assert!(!alive(&new).await, "signed out where the old id is still used");
}

#[tokio::test]
async fn revoke_by_sid_sha256_user_tenant_or_all_with_issued_before() {
    let backend = Backend::new(KEY);
    let revoke = |body: Value| {
        let backend = backend.clone();
        async move { call(&backend, "POST revoke/", "", body).await }
    };
    let one = sign_in(&backend, "alice@acme.test").await;
    let hash: String = sha256(text(&one, "/sid").as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let ended = |session: &Value| (200, json!({ "revoked": [session["public_id"]] }));
    assert_eq!(revoke(json!({ "sid_sha256": [hash] })).await, ended(&one));
    assert_eq!(revoke(json!({ "sid_sha256": [hash] })).await, (200, json!({"revoked": []})));

    let two = sign_in(&backend, "alice@acme.test").await;
    let nobody = (200, json!({ "revoked": [] }));
    let late = json!({ "user_id": 1, "issued_before": two["authenticated_at"] });
    assert_eq!(revoke(late).await, nobody, "a late event does not end a newer sign-in");
    let (_, rotated) = call(&backend, "POST current/rotate/", text(&two, "/sid"), Value::Null).await;
    let now = Timestamp::now().to_string();
    assert_eq!(revoke(json!({ "user_id": "1", "issued_before": now })).await, ended(&rotated));

    let bob = sign_in(&backend, "bob@globex.test").await;
    assert_eq!(revoke(json!({ "tenant_id": one["tenant"]["id"] })).await, nobody);
    assert_eq!(revoke(json!({ "tenant_id": bob["tenant"]["id"] })).await, ended(&bob));
    let carol = sign_in(&backend, "carol@acme.test").await;
    assert_eq!(revoke(json!({ "all": true })).await, ended(&carol));
    for bad in [json!({}), json!({"all": false}), json!({"user_id": "1", "all": true}), json!({"sid_sha256": ["x"]})] {
        assert_eq!(revoke(bad).await.0, 400);
    }
    assert_eq!(revoke(json!({ "all": true, "issued_before": "yesterday" })).await.0, 400);
}

#[tokio::test]
async fn activity_in_batches_204_never_backwards() {
    let backend = Backend::new(KEY);
    let session = sign_in(&backend, "alice@acme.test").await;
    let (sid, public_id) = (text(&session, "/sid"), &session["public_id"]);
    let at = Timestamp::now().to_string();
    let seen = json!({ "seen": [
        { "public_id": public_id, "at": at, "ip": "198.51.100.1", "user_agent": "new" },
        { "public_id": public_id, "at": "2001-01-01T00:00:00+01:00", "ip": "198.51.100.2", "user_agent": "old" },
        { "public_id": "nonsense" },
    ]});
    assert_eq!(call(&backend, "POST activity/", "", seen).await, (204, Value::Null));
    let (_, now) = validated(&backend, sid).await;
    assert_eq!((text(&now, "/last_activity"), text(&now, "/device/ip")), (at.as_str(), "198.51.100.1"));
}

#[tokio::test]
async fn a_session_expires_and_a_repeat_of_a_key_counts_for_a_minute() {
    let backend = Backend::new(KEY);
    let old = sign_in(&backend, "alice@acme.test").await;
    let body = json!({ "proof": { "kind": "session_id", "value": old["sid"] }, "idempotency_key": "k" });
    let (_, session) = call(&backend, "POST migrate/", "", body.clone()).await;
    let at = |line: (Method, &str), body: &str, sid: &str, now: Timestamp| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Session {sid}").parse().unwrap());
        let asked =
            Asked { headers: &headers, query: None, body: body.as_bytes(), now, policy: &SessionPolicy::default() };
        let call = Call::read(&line.0, line.1).unwrap();
        backend.state().call(&call, &asked).unwrap_or_else(Refused::into_response)
    };
    let now = Timestamp::now();
    let migrate = || (Method::POST, "/api/sessions/migrate/");
    assert_eq!(at(migrate(), &body.to_string(), "", now + 50.seconds()).status(), StatusCode::OK);
    assert_eq!(at(migrate(), &body.to_string(), "", now + 61.seconds()).status(), StatusCode::UNAUTHORIZED);
    let validate = || (Method::GET, "/api/sessions/current/");
    let sid = text(&session, "/sid");
    assert_eq!(at(validate(), "", sid, now + 11.hours()).status(), StatusCode::OK);
    let gone = at(validate(), "", sid, now + 12.hours());
    assert_eq!(gone.into_body().collect().await.unwrap().to_bytes(), r#"{"code":"session_expired"}"#);
}
