//! Contract v1, one suite, two backends: the embedded one of the demo, and the Django of `deploy/demo/backend`.
//!
//! `migrate` and `activity` are not in the Django demo yet, so they are not in here.

use std::time::Duration;

use serde_json::{Value, json};
use sidgate::demo::{Backend, PASSWORD};
use uuid::Uuid;

use crate::support::Django;
use crate::support::gateway::KEY;

/// Who there is: one of a single tenant, one of two, one with a second factor, one with onboarding ahead.
struct People {
    single: &'static str,
    double: &'static str,
    careful: &'static str,
    newcomer: &'static str,
}

const DEMO: People = People {
    single: "alice@acme.test",
    double: "carol@acme.test",
    careful: "dave@acme.test",
    newcomer: "newbie@example.test",
};

const REFUSALS: [&str; 6] =
    ["session_unknown", "session_revoked", "session_expired", "session_idle", "session_limit", "account_disabled"];

/// One backend, as the gateway calls it.
struct Api {
    client: reqwest::Client,
    base: String,
    key: String,
}

impl Api {
    /// `GET current/` and the like; an empty sid is none.
    async fn call(&self, line: &str, sid: &str, body: Option<Value>) -> (u16, Value) {
        let (method, path) = line.split_once(' ').unwrap();
        let url = format!("{}/api/sessions/{path}", self.base);
        let mut call = self.client.request(method.parse().unwrap(), url);
        call = call
            .header("x-gateway-key", &self.key)
            .header("x-client-ip", "203.0.113.7")
            .header("user-agent", "suite/1");
        if !sid.is_empty() {
            call = call.header("authorization", format!("Session {sid}"));
        }
        if let Some(body) = body {
            call = call.json(&body);
        }
        let answer = call.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn sign_in(&self, email: &str) -> Value {
        let (status, session) = self.call("POST ", "", Some(json!({"email": email, "password": PASSWORD}))).await;
        assert_eq!(status, 201, "{session}");
        session
    }

    /// The code of a sid that is refused.
    async fn refused(&self, sid: &str) -> String {
        let (status, body) = self.call("GET current/", sid, None).await;
        assert!(matches!(status, 401 | 403), "{status} {body}");
        let code = text(&body, "/code").to_owned();
        assert!(REFUSALS.contains(&code.as_str()), "{code} signs nobody out");
        code
    }

    async fn lives(&self, sid: &str) -> bool {
        self.call("GET current/", sid, None).await.0 == 200
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

fn sid_of(session: &Value) -> &str {
    let sid = text(session, "/sid");
    assert_eq!(Uuid::try_parse(sid).unwrap().hyphenated().to_string(), sid, "canonical");
    sid
}

async fn conformance(base: String, key: &str, people: &People, sent_code: &dyn Fn() -> String) {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let api = Api { client, base, key: key.to_owned() };
    key_is_asked_for(&api, people).await;
    validation(&api, people).await;
    sign_in(&api, people).await;
    sign_out(&api, people).await;
    second_factor(&api, people, sent_code).await;
    rotation(&api, people).await;
    tenants(&api, people).await;
    devices(&api, people).await;
    revocation(&api, people).await;
}

async fn key_is_asked_for(api: &Api, people: &People) {
    let sid = sid_of(&api.sign_in(people.single).await).to_owned();
    for key in ["wrong", ""] {
        let stranger = Api { client: api.client.clone(), base: api.base.clone(), key: key.to_owned() };
        for line in [
            "GET current/",
            "DELETE current/",
            "POST ",
            "GET ",
            "DELETE ?scope=all",
            "POST current/rotate/",
            "POST current/tenant/",
            "POST revoke/",
        ] {
            let answer = stranger.call(line, &sid, Some(json!({"all": true}))).await;
            assert_eq!(answer, (401, json!({"code": "gateway_key_invalid"})), "{line}");
        }
    }
    assert!(api.lives(&sid).await, "nothing of that was done");
}

async fn validation(api: &Api, people: &People) {
    let made = api.sign_in(people.single).await;
    let sid = sid_of(&made).to_owned();
    let (status, session) = api.call("GET current/", &sid, None).await;
    assert_eq!(status, 200);
    assert_eq!(session.get("sid"), None, "only answers that create or change one have it");
    assert!(!session.to_string().contains(&sid));
    assert_ne!(text(&session, "/public_id"), sid);
    assert_eq!((text(&session, "/user/email"), text(&session, "/tenant/slug")), (people.single, "acme"));
    assert!(
        session["user"]["id"].is_string() && session["user"]["role"].is_string() && session["user"]["name"].is_string()
    );
    assert!(session["permissions"].as_array().is_some_and(|p| !p.is_empty()));
    assert_eq!(session["tenants"], json!([session["tenant"]]));
    assert_eq!(session["onboarding"], json!({"needed": false, "step": null}));
    assert_eq!(session["device"], json!({"ip": "203.0.113.7", "user_agent": "suite/1"}));
    for time in ["authenticated_at", "created_at", "last_activity", "expires_at"] {
        assert!(session[time].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
    }
    assert!(session["idle_expires_at"].is_null() || session["idle_expires_at"].is_string());
    assert_eq!(api.call(&format!("GET {sid}/"), "", None).await, (200, session), "the same by path");
    let newcomer = api.sign_in(people.newcomer).await;
    assert_eq!((&newcomer["tenant"], &newcomer["tenants"]), (&Value::Null, &json!([])));
    assert_eq!(newcomer["onboarding"], json!({"needed": true, "step": "company"}));

    for wrong in [&Uuid::new_v4().to_string(), &sid.to_uppercase(), &sid.replace('-', ""), "no-sid"] {
        assert_eq!(api.refused(wrong).await, "session_unknown", "{wrong}");
    }
    let (status, by_path) = api.call(&format!("GET {}/", Uuid::new_v4()), "", None).await;
    assert_eq!((status, text(&by_path, "/code")), (401, "session_unknown"));
    // What is not about a session must not read as a refusal of one.
    for (line, sid) in [("GET current/", ""), ("GET no-such-call/", ""), ("GET nowhere/at/all/", "")] {
        let (status, body) = api.call(line, sid, None).await;
        let code = body.pointer("/code").and_then(Value::as_str).unwrap_or_default();
        assert!((400..500).contains(&status) && !REFUSALS.contains(&code), "{line}: {status} {code}");
    }
    assert_eq!(api.call("PUT current/", &sid, None).await.0, 405);
}

async fn sign_in(api: &Api, people: &People) {
    for body in
        [json!({}), json!({"email": " "}), json!({"email": people.single}), json!({"email": 1, "password": PASSWORD})]
    {
        let (status, answer) = api.call("POST ", "", Some(body)).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["fields"].as_object().is_some_and(|f| !f.is_empty()), "field errors: {answer}");
    }
    assert_eq!(api.call("POST ", "", Some(json!([1]))).await.0, 400);
    for body in [
        json!({"email": people.single, "password": "wrong"}),
        json!({"email": "nobody@nowhere.test", "password": PASSWORD}),
        json!({"access_token": "made up"}),
    ] {
        assert_eq!(
            api.call("POST ", "", Some(body.clone())).await,
            (401, json!({"code": "invalid_credentials"})),
            "{body}"
        );
    }
    let [one, two] = [api.sign_in(people.single).await, api.sign_in(&people.single.to_uppercase()).await];
    assert_ne!(sid_of(&one), sid_of(&two), "always a new one");
    assert_eq!(one["user"], two["user"]);
}

async fn second_factor(api: &Api, people: &People, sent_code: &dyn Fn() -> String) {
    let body = |challenge: Option<Value>, email: &str| {
        let mut body = json!({"email": email, "password": PASSWORD});
        if let Some(challenge) = challenge {
            body["challenge"] = challenge;
        }
        Some(body)
    };
    let begin = async || {
        let (status, answer) = api.call("POST ", "", body(None, people.careful)).await;
        assert_eq!(status, 202, "{answer}");
        assert!(
            text(&answer, "/challenge/kind").len() > 1 && answer.get("sid").is_none() && answer.get("user").is_none()
        );
        (text(&answer, "/challenge/id").to_owned(), sent_code())
    };
    let answers = async |id: &str, code: &str| {
        api.call("POST ", "", body(Some(json!({"id": id, "code": code})), people.careful)).await
    };
    let refused = (401, json!({"code": "invalid_challenge"}));
    let (id, code) = begin().await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    assert_eq!(answers(&id, wrong).await, refused);
    assert_eq!(answers(&Uuid::new_v4().to_string(), &code).await, refused);
    assert_eq!(answers("no-challenge", &code).await, refused);
    let mut bad = body(Some(json!({"id": id, "code": code})), people.careful).unwrap();
    bad["password"] = json!("wrong");
    assert_eq!(api.call("POST ", "", Some(bad)).await, (401, json!({"code": "invalid_credentials"})));
    let (status, session) = answers(&id, &code).await;
    assert_eq!((status, text(&session, "/user/email")), (201, people.careful));
    assert!(api.lives(sid_of(&session)).await);
    assert_eq!(answers(&id, &code).await, refused, "it is good once");
    let (id, code) = begin().await;
    for _ in 0..5 {
        assert_eq!(answers(&id, wrong).await, refused);
    }
    assert_eq!(answers(&id, &code).await, refused, "five guesses, and no more");
    let (status, _) = api.call("POST ", "", body(Some(json!("x")), people.careful)).await;
    assert_eq!(status, 400);
}

async fn sign_out(api: &Api, people: &People) {
    let (one, two) = (api.sign_in(people.single).await, api.sign_in(people.single).await);
    let nobody = Uuid::new_v4().to_string();
    for sid in [sid_of(&one), sid_of(&one), &nobody] {
        assert_eq!(api.call("DELETE current/", sid, None).await, (204, Value::Null), "also for one already gone");
    }
    assert_eq!(api.refused(sid_of(&one)).await, "session_revoked");
    assert!(api.lives(sid_of(&two)).await);
}

async fn rotation(api: &Api, people: &People) {
    let old = api.sign_in(people.single).await;
    let (status, new) = api.call("POST current/rotate/", sid_of(&old), None).await;
    assert_eq!(status, 200, "{new}");
    assert_ne!(sid_of(&new), sid_of(&old));
    assert_eq!(new["device"], json!({"ip": "203.0.113.7", "user_agent": "suite/1"}));
    for same in ["user", "tenant", "authenticated_at", "expires_at"] {
        assert_eq!(new[same], old[same], "{same}: it is no sign-in");
    }
    api.refused(sid_of(&old)).await;
    assert!(api.lives(sid_of(&new)).await);
    let (status, _) = api.call("POST current/rotate/", sid_of(&old), None).await;
    assert_eq!(status, 401, "an ended session has no successor");
}

async fn tenants(api: &Api, people: &People) {
    let session = api.sign_in(people.double).await;
    assert_eq!(session["tenants"].as_array().map(Vec::len), Some(2), "{session}");
    let other = session["tenants"].as_array().unwrap().iter().find(|t| t["id"] != session["tenant"]["id"]).unwrap();
    let wanted = json!({"tenant_id": other["id"]});
    let (status, switched) = api.call("POST current/tenant/", sid_of(&session), Some(wanted.clone())).await;
    assert_eq!((status, &switched["tenant"]), (200, other));
    assert_ne!(sid_of(&switched), sid_of(&session));
    api.refused(sid_of(&session)).await;
    assert_eq!(&api.call("GET current/", sid_of(&switched), None).await.1["tenant"], other);
    let single = api.sign_in(people.single).await;
    for foreign in [other["id"].clone(), json!(Uuid::new_v4().to_string())] {
        let answer = api.call("POST current/tenant/", sid_of(&single), Some(json!({"tenant_id": foreign}))).await;
        assert_eq!(answer, (403, json!({"code": "not_a_member"})));
    }
    assert_eq!(api.call("POST current/tenant/", sid_of(&single), Some(json!({}))).await.0, 400);
    assert!(api.lives(sid_of(&single)).await, "a switch that is refused ends nothing");
}

async fn devices(api: &Api, people: &People) {
    let stranger = api.sign_in(people.single).await;
    let all = api.call("DELETE ?scope=all", sid_of(&api.sign_in(people.double).await), None).await;
    assert_eq!(all.0, 200);
    let mut own = Vec::new();
    for _ in 0..4 {
        own.push(api.sign_in(people.double).await);
    }
    let sid = sid_of(&own[0]);
    let (status, list) = api.call("GET ", sid, None).await;
    let list = list["sessions"].as_array().unwrap().clone();
    assert_eq!((status, list.len()), (200, 4));
    for session in &list {
        assert!(session.get("sid").is_none() && session["device"].is_object());
        assert_eq!(session["current"] == json!(true), session["public_id"] == own[0]["public_id"]);
    }
    let end = |session: &Value| format!("DELETE by-public-id/{}/", text(session, "/public_id"));
    assert_eq!(api.call(&end(&stranger), sid, None).await.0, 404, "not this user's");
    assert_eq!(api.call(&format!("DELETE by-public-id/{}/", Uuid::new_v4()), sid, None).await.0, 404);
    for _ in 0..2 {
        let ended = api.call(&end(&own[1]), sid, None).await;
        assert_eq!(ended, (200, json!({"revoked": [own[1]["public_id"]]})), "also when it is said again");
    }
    assert_eq!(api.refused(sid_of(&own[1])).await, "session_revoked");
    for scope in ["", "?scope=some"] {
        assert_eq!(api.call(&format!("DELETE {scope}"), sid, None).await.0, 400);
    }
    let (status, others) = api.call("DELETE ?scope=others", sid, None).await;
    assert_eq!((status, sorted(&others["revoked"])), (200, sorted(&json!([own[2]["public_id"], own[3]["public_id"]]))));
    assert!(api.lives(sid).await);
    let all = api.call("DELETE ?scope=all", sid, None).await;
    assert_eq!(all, (200, json!({"revoked": [own[0]["public_id"]]})));
    assert_eq!(api.refused(sid).await, "session_revoked");
    assert!(api.lives(sid_of(&stranger)).await);
}

async fn revocation(api: &Api, people: &People) {
    let revoke = async |body: Value| api.call("POST revoke/", "", Some(body)).await;
    let hash = |session: &Value| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sid_of(session).as_bytes());
        hash.as_ref().iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let (one, two) = (api.sign_in(people.single).await, api.sign_in(people.single).await);
    let first = |list: &Value| list["revoked"].clone();
    let (status, ended) = revoke(json!({"sid_sha256": [hash(&one), "0".repeat(64)]})).await;
    assert_eq!((status, first(&ended)), (200, json!([one["public_id"]])));
    assert_eq!(api.refused(sid_of(&one)).await, "session_revoked");
    assert_eq!(
        revoke(json!({"sid_sha256": [hash(&one)]})).await,
        (200, json!({"revoked": []})),
        "taken, and nothing to do"
    );

    // `issued_before` keeps a late event from ending a newer sign-in.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let between = jiff::Timestamp::now().to_string();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let newer = api.sign_in(people.single).await;
    let (status, ended) = revoke(json!({"user_id": one["user"]["id"], "issued_before": between})).await;
    assert_eq!(status, 200);
    assert!(ended["revoked"].as_array().unwrap().contains(&two["public_id"]));
    assert!(!api.lives(sid_of(&two)).await && api.lives(sid_of(&newer)).await);
    let (_, rotated) = api.call("POST current/rotate/", sid_of(&newer), None).await;
    let (_, ended) = revoke(json!({"user_id": one["user"]["id"]})).await;
    assert_eq!(first(&ended), json!([rotated["public_id"]]));

    let (acme, newcomer) = (api.sign_in(people.single).await, api.sign_in(people.newcomer).await);
    revoke(json!({"tenant_id": acme["tenant"]["id"]})).await;
    assert!(!api.lives(sid_of(&acme)).await && api.lives(sid_of(&newcomer)).await);
    for body in [
        json!({}),
        json!({"all": false}),
        json!({"all": true, "user_id": "1"}),
        json!({"sid_sha256": "x"}),
        json!({"sid_sha256": ["x"]}),
        json!({"all": true, "issued_before": "yesterday"}),
    ] {
        assert_eq!(revoke(body.clone()).await.0, 400, "{body}");
    }
    assert!(api.lives(sid_of(&newcomer)).await, "a slip of the pen ends nothing");
    assert_eq!(revoke(json!({"all": true})).await.0, 200);
    assert_eq!(api.refused(sid_of(&newcomer)).await, "session_revoked");
}

fn sorted(list: &Value) -> Vec<String> {
    let mut list: Vec<String> = list.as_array().unwrap().iter().map(Value::to_string).collect();
    list.sort();
    list
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_backend_keeps_the_contract() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(Backend::new(KEY).serve(listener, std::future::pending::<()>()));
    conformance(base, KEY, &DEMO, &|| sidgate::demo::CODE.to_owned()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_django_of_the_demo_keeps_the_contract() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let django = Django::start().await;
    conformance(format!("http://{}", django.address), KEY, &DEMO, &|| django.sent_code()).await;
}
