//! The audit trail: everything is in it, nothing secret is, and it is there before the answer.

mod disk;
mod killed;

use std::path::PathBuf;

use http::Method;
use serde_json::{Value, json};

use crate::support::backend::{ALICE, API, Act, BOB, CAROL, SIGN_IN, SIGN_OUT, VALIDATE, World, cookie, made_up, says};
use crate::support::upstream::until;
use crate::support::{Answer, Client};

pub(crate) const AUDIT: &str = "[audit.file]\npath = \"audit/audit.log\"\nfsync = \"never\"\n";

const CALLBACK: &str = r#"
[[route]]
path = "/auth/callback"
access = "optional"
kind = "page"
upstream = "app"
may_set_session = true
"#;

/// The lines of a world's trail, read.
fn lines(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(log(world)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn log(world: &World) -> PathBuf {
    world.gateway.folder().join("audit/audit.log")
}

/// Those of a kind.
fn of(world: &World, kind: &str) -> Vec<Value> {
    lines(world).into_iter().filter(|line| line["kind"] == kind).collect()
}

async fn post(client: &Client, body: &Value, sid: Option<&str>) -> Answer {
    let call =
        client.call(Method::POST, API).same_origin().fetch().header("user-agent", "Firefox \u{202e}\n".trim_end());
    let call = if let Some(sid) = sid { call.cookie(&cookie(sid)) } else { call };
    call.json(body).send().await
}

/// A sign-in at a plain listener; its sid, unless the program is gone.
async fn sign_in_at(address: std::net::SocketAddr) -> Option<String> {
    let body = credentials(ALICE, "correct horse").to_string();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = client.post(format!("http://{address}{API}")).header("origin", format!("http://{address}"));
    let answer = call.header("content-type", "application/json").body(body).send().await.ok()?;
    let line = answer.headers().get("set-cookie")?.to_str().unwrap().to_owned();
    Some(line[4..40].to_owned())
}

fn credentials(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

async fn signed_in(world: &World, email: &str) -> String {
    post(&world.client(), &credentials(email, "correct horse"), None).await.sid().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_told_with_who_where_and_how_before_it_is_answered() {
    let world = World::with(AUDIT).await;
    let sid = signed_in(&world, ALICE).await;
    let told = of(&world, "sign_in");
    assert_eq!(told.len(), 1, "{told:?}");
    let session = world.client().get(API).fetch().cookie(&cookie(&sid)).send().await.json();
    let line = &told[0];
    assert_eq!((&line["outcome"], &line["method"]), (&json!("signed_in"), &json!("password")));
    assert_eq!((&line["user"], &line["tenant"]), (&session["user"]["id"], &session["tenantId"]));
    assert_eq!((&line["client"], &line["route"]), (&json!("127.0.0.1"), &json!(API)));
    assert!(line["public_id"].is_string() && line["request_id"].is_string(), "{line}");
    assert_eq!(line["user_agent"], "Firefox \u{202e}");
    assert_eq!(line["session"].as_str().unwrap().len(), 16);
    assert_eq!(line["email_hash"], Value::Null, "the user says who it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_comes_to_nothing_is_told_with_a_hash_of_the_address() {
    let world = World::with(&format!("{AUDIT}[sign_in]\nper_email = \"2/h\"\n")).await;
    let client = world.client();
    for password in ["wrong-1", "wrong-2", "wrong-3"] {
        post(&client, &credentials(ALICE, password), None).await;
    }
    post(&client, &json!({"accessToken": "n0-such-t0ken"}), None).await;
    world.backend.on(SIGN_IN, Act::Drop);
    post(&client, &credentials(BOB, "correct horse"), None).await;
    let told = of(&world, "sign_in");
    let words: Vec<_> = told.iter().map(|l| format!("{} {} {}", l["method"], l["outcome"], l["reason"])).collect();
    let wanted = [
        r#""password" "refused" "invalid_credentials""#,
        r#""password" "refused" "invalid_credentials""#,
        r#""password" "limited" "rate_limited""#,
        r#""access_token" "refused" "invalid_credentials""#,
        r#""password" "unavailable" "connect""#,
    ];
    assert_eq!(words, wanted);
    let hash = told[0]["email_hash"].as_str().unwrap();
    assert_eq!(hash.len(), 32);
    assert_eq!((told[1]["email_hash"].as_str(), told[2]["email_hash"].as_str()), (Some(hash), Some(hash)));
    assert_ne!(told[4]["email_hash"].as_str(), Some(hash));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_is_told_and_again_when_the_backend_takes_it_late() {
    let world = World::with(AUDIT).await;
    let client = world.client();
    let (first, second) = (signed_in(&world, ALICE).await, signed_in(&world, BOB).await);
    let out = |sid: &str| client.call(Method::DELETE, API).same_origin().cookie(&cookie(sid));
    assert_eq!(out(&first).send().await.status, 204);
    world.backend.on(SIGN_OUT, Act::Answer(500, String::new(), vec![]));
    assert_eq!(out(&second).send().await.status, 202);
    let told = of(&world, "sign_out");
    assert_eq!((&told[0]["outcome"], &told[0]["user"]), (&json!("taken"), &json!("1")), "{told:?}");
    assert_eq!((&told[1]["outcome"], &told[1]["user"]), (&json!("pending"), &json!("2")), "{told:?}");
    world.backend.well();
    until("the backend takes it", || of(&world, "sign_out").len() == 3).await;
    let late = &of(&world, "sign_out")[2];
    assert_eq!((&late["outcome"], &late["reason"]), (&json!("taken"), &json!("was_pending")));
    assert_eq!(late["session"], told[1]["session"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_is_told_once_and_made_up_sids_never() {
    let world =
        World::with(&format!("{AUDIT}[session]\nttl = \"1ms\"\nrefresh_ahead = \"0s\"\nrefusal_ttl = \"0s\"\n")).await;
    let client = world.client();
    for code in ["session_expired", "session_idle", "session_limit", "session_revoked", "account_disabled"] {
        let sid = signed_in(&world, ALICE).await;
        client.get("/dashboard").navigate().cookie(&cookie(&sid)).send().await;
        world.backend.on(VALIDATE, says(401, &json!({ "code": code })));
        for _ in 0..3 {
            assert_eq!(client.get("/api/x").fetch().cookie(&cookie(&sid)).send().await.status, 401);
        }
        world.backend.well();
    }
    world.backend.on(VALIDATE, says(401, &json!({ "code": "session_unknown" })));
    for _ in 0..3 {
        client.get("/dashboard").navigate().cookie(&cookie(&made_up())).send().await;
    }
    until("all are told", || of(&world, "session_ended").len() >= 5).await;
    let told = of(&world, "session_ended");
    let reasons: Vec<_> = told.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["session_expired", "session_idle", "session_limit", "session_revoked", "account_disabled"]);
    assert!(told.iter().all(|line| line["user"] == "1" && line["client"] == "127.0.0.1"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_of_the_tenant_is_told_and_so_is_one_that_is_refused() {
    let world = World::with(AUDIT).await;
    let client = world.client();
    let sid = signed_in(&world, CAROL).await;
    let tenants = client.get(API).fetch().cookie(&cookie(&sid)).send().await.json()["tenants"].clone();
    let (acme, globex) = (tenants[0]["id"].clone(), tenants[1]["id"].clone());
    let switch = |sid: String, to: Value| {
        let call = client.call(Method::POST, "/api/auth/session-v2/tenant").same_origin().cookie(&cookie(&sid));
        call.json(&json!({ "tenantId": to })).send()
    };
    let other = switch(sid, globex.clone()).await.sid().unwrap();
    let told = of(&world, "tenant_switch");
    assert_eq!(
        (&told[0]["tenant"], &told[0]["other_tenant"], &told[0]["user"]),
        (&globex, &acme, &json!("4")),
        "{told:?}"
    );
    assert_eq!(told[0]["old_session"], of(&world, "sign_in")[0]["session"]);

    assert_eq!(switch(other.clone(), json!("no-tenant-of-hers")).await.status, 403);
    client.get("/acme/dashboard/x").navigate().cookie(&cookie(&other)).send().await;
    let told = of(&world, "tenant_refused");
    assert_eq!((&told[0]["reason"], &told[0]["other_tenant"]), (&json!("not_a_member"), &json!("no-tenant-of-hers")));
    assert_eq!((&told[1]["reason"], &told[1]["other_tenant"]), (&json!("other_tenant"), &json!("acme")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_ended_from_the_list_of_devices_are_told_by_their_public_ids() {
    let world = World::with(AUDIT).await;
    let client = world.client();
    let (own, other) = (signed_in(&world, ALICE).await, signed_in(&world, ALICE).await);
    let end = |path: &str| client.call(Method::DELETE, path).same_origin().cookie(&cookie(&own)).send();
    let ids = |world: &World| of(world, "sign_in").iter().map(|line| line["public_id"].clone()).collect::<Vec<_>>();
    let public = ids(&world)[1].as_str().unwrap().to_owned();
    assert_eq!(end(&format!("/api/auth/sessions/{public}")).await.status, 200);
    assert_eq!(end("/api/auth/sessions/00000000-0000-4000-8000-00000000dead").await.status, 404);
    signed_in(&world, ALICE).await;
    let third = ids(&world)[2].clone();
    assert_eq!(end("/api/auth/sessions?scope=others").await.status, 200);
    let told = of(&world, "revocation");
    let words: Vec<_> = told.iter().map(|l| format!("{} {} {}", l["method"], l["outcome"], l["reason"])).collect();
    assert_eq!(
        words,
        ["\"one\" \"revoked\" null", "\"one\" \"refused\" \"session_not_found\"", "\"others\" \"revoked\" null"]
    );
    assert_eq!((&told[0]["public_ids"], &told[2]["public_ids"]), (&json!([public]), &json!([third])));
    assert!(told.iter().all(|line| line["user"] == "1" && line["session"] == of(&world, "sign_in")[0]["session"]));
    client.get("/dashboard").navigate().cookie(&cookie(&other)).send().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_fixed_and_a_page_that_asks_for_a_fresh_sign_in_are_told() {
    let route = "[[route]]\npath = \"/payments\"\nkind = \"page\"\nupstream = \"app\"\nmax_auth_age = \"10m\"\n";
    let world = World::with(&(AUDIT.to_owned() + route)).await;
    let client = world.client();
    let fix = |sid: String| {
        let call = client.call(Method::POST, "/api/auth/fix-session").same_origin().fetch();
        call.cookie(&cookie(&sid)).send()
    };
    let sid = world.sid(ALICE).await;
    assert_eq!((fix(sid.clone()).await.status, fix(made_up()).await.status), (200, 200));
    let told = of(&world, "fix_session");
    assert_eq!((&told[0]["outcome"], &told[0]["user"]), (&json!("kept"), &json!("1")), "{told:?}");
    assert_eq!((&told[1]["outcome"], &told[1]["reason"]), (&json!("none"), &json!("session_unknown")), "{told:?}");
    let old = world.sid(BOB).await;
    world.demo.backdate_session(&old, std::time::Duration::from_secs(3600));
    assert_eq!(client.get("/payments").navigate().cookie(&cookie(&old)).send().await.status, 302);
    let told = of(&world, "fresh_sign_in");
    assert_eq!((&told[0]["user"], &told[0]["route"]), (&json!("2"), &json!("/payments")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_backend_refuses_is_an_alarm_and_start_and_stop_are_told() {
    let mut world = World::with(AUDIT).await;
    world.backend.on(VALIDATE, says(403, &json!({"code": "gateway_key_invalid"})));
    world.client().get("/dashboard").navigate().cookie(&cookie(&made_up())).send().await;
    until("the alarm", || !of(&world, "alarm").is_empty()).await;
    assert_eq!(of(&world, "alarm")[0]["reason"], "gateway_key_refused");
    world.gateway.drain.0.cancel();
    world.gateway.ended.take().unwrap().await.unwrap();
    assert!(of(&world, "start")[0]["detail"].as_str().unwrap().starts_with("sidgate "));
    assert_eq!(of(&world, "stop")[0]["outcome"], "clean");
    assert_eq!(lines(&world).last().unwrap()["kind"], "checkpoint");
}

/// Everything once, with every secret there is; then all that was written is searched for them.
#[tokio::test(flavor = "multi_thread")]
async fn no_sid_password_token_code_or_cookie_is_in_anything_that_is_written() {
    let plain = AUDIT.replace("[audit.file]", "[audit]\nemails = \"hash\"\n[audit.file]");
    let world = World::with(&(plain + CALLBACK)).await;
    let client = world.client();
    let mut secrets: Vec<String> =
        ["correct horse", "wr0ng-passw0rd", "t0ken-of-somebody", "c0de-123456"].map(str::to_owned).into();
    post(&client, &credentials(ALICE, "wr0ng-passw0rd"), None).await;
    // What a person types into the wrong field.
    post(&client, &credentials("wr0ng-passw0rd", "x"), None).await;
    post(&client, &json!({"accessToken": "t0ken-of-somebody"}), None).await;
    let challenge = json!({"email": "dave@acme.test", "password": "correct horse",
                           "challenge": {"id": "c0de-123456", "code": "c0de-123456"}});
    post(&client, &credentials("dave@acme.test", "correct horse"), None).await;
    post(&client, &challenge, None).await;
    let old = signed_in(&world, CAROL).await;
    let carol = post(&client, &credentials(CAROL, "correct horse"), Some(&old)).await.sid().unwrap();
    let tenants = client.get(API).fetch().cookie(&cookie(&carol)).send().await.json()["tenants"].clone();
    let call = client.call(Method::POST, "/api/auth/session-v2/tenant").same_origin().cookie(&cookie(&carol));
    let globex = call.json(&json!({"tenantId": tenants[1]["id"]})).send().await.sid().unwrap();
    client.get("/acme/dashboard/x").navigate().cookie(&cookie(&globex)).send().await;
    let handed = world.sid(BOB).await;
    let headers = vec![("x-auth-set-session", handed.clone()), ("location", "/".to_owned())];
    world.front.on("GET /auth/callback", Act::Answer(303, String::new(), headers));
    let bob = client.get("/auth/callback?code=c0de-123456").navigate().send().await.sid().unwrap();
    world.revoke(&bob).await;
    client.call(Method::DELETE, API).same_origin().cookie(&cookie(&globex)).send().await;
    secrets.extend([old, carol, globex, handed, bob]);

    let kinds: std::collections::BTreeSet<String> =
        lines(&world).iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
    for kind in ["sign_in", "sign_out", "start", "tenant_refused", "tenant_switch"] {
        assert!(kinds.contains(kind), "{kind} is not in {kinds:?}");
    }
    let folder = log(&world).parent().unwrap().to_owned();
    let mut written: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    written.extend(world.gateway.log_lines(10).await);
    assert!(written.len() > 10);
    for secret in secrets {
        assert!(!written.iter().any(|text| text.contains(&secret)), "{secret} is in what was written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sink_there_is_no_trail_and_nothing_waits_for_one() {
    let world = World::start().await;
    signed_in(&world, ALICE).await;
    assert!(!world.gateway.folder().join("audit").exists());
    let (status, text) = world.gateway.admin("/readyz").await;
    assert!(status == 200 && text.contains("\"audit\":\"off\""), "{text}");
    assert!(!world.gateway.admin("/metrics").await.1.contains("sidgate_audit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_fills_the_trail_by_going_on_with_what_is_refused() {
    let world = World::with(&format!("{AUDIT}[sign_in]\nper_client = \"1/h\"\n")).await;
    let (client, alice) = (world.client(), signed_in(&world, ALICE).await);
    for _ in 0..70 {
        assert_eq!(post(&client, &credentials(BOB, "x"), None).await.status, 429);
        client.get("/globex/dashboard/x").navigate().cookie(&cookie(&alice)).send().await;
    }
    for _ in 0..3 {
        let out = client.call(Method::DELETE, API).same_origin().cookie(&cookie(&alice)).send().await;
        assert_eq!(out.status, 204);
    }
    assert!((60..65).contains(&of(&world, "sign_in").len()), "{}", of(&world, "sign_in").len());
    assert!((60..65).contains(&of(&world, "tenant_refused").len()), "{}", of(&world, "tenant_refused").len());
    assert_eq!(of(&world, "sign_out").len(), 1);
}
