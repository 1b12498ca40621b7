//! What an application gets as proof verifies with the gateway's key set, and says what is true at that moment.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use http::Method;
use serde_json::{Map, Value, json};
use sidgate::assertion;
use sidgate::config::{Algorithm, Assertion, KeySource};

use crate::support::upstream::Seen;
use crate::support::{Client, World};
use crate::verify::{Receiver, parts};

const ALICE: &str = "alice@acme.test";
const JWKS: &str = "/.well-known/sidgate/jwks.json";
const ASSERTION: &str = "x-auth-assertion";

/// A second application, and one that is given none.
const MORE: &str = r#"
[upstream.shop]
url = "http://{upstream}"
[upstream.old]
url = "http://{upstream}"
assertion = false
[[route]]
path = "/shop"
access = "signed_in"
upstream = "shop"
[[route]]
path = "/old"
access = "signed_in"
upstream = "old"
"#;

/// A gateway whose keys lie in a folder, and the folder.
struct Signed {
    world: World,
    folder: tempfile::TempDir,
}

impl Signed {
    async fn with(algorithm: Algorithm, table: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        key(folder.path(), algorithm);
        let keys = format!("[assertion]\nkeys = {:?}\n{table}\n", folder.path());
        Self { world: World::with(&(keys + MORE)).await, folder }
    }

    async fn start() -> Self {
        Self::with(Algorithm::Es256, "").await
    }

    fn client(&self) -> Client {
        self.world.client()
    }

    async fn jwks(&self) -> Value {
        self.client().get(JWKS).send().await.json()
    }

    /// What the application gets when somebody asks for a page.
    async fn seen(&self, path: &str, cookie: &str) -> Seen {
        assert_eq!(self.client().get(path).cookie(cookie).send().await.status, 200, "{path}");
        self.world.upstream.last()
    }

    async fn claims(&self, path: &str, cookie: &str) -> Map<String, Value> {
        let seen = self.seen(path, cookie).await;
        verified(&self.jwks().await, "app", seen.header(ASSERTION).unwrap()).unwrap()
    }
}

fn key(folder: &Path, algorithm: Algorithm) -> String {
    let config = Assertion { keys: KeySource::Folder(folder.into()), algorithm, ..Assertion::default() };
    assertion::create(&config).unwrap().kid
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

fn verified(jwks: &Value, audience: &str, token: &str) -> Result<Map<String, Value>, &'static str> {
    Receiver { jwks, issuer: "sidgate", audience, now: now() }.verify(token)
}

fn kids(jwks: &Value) -> BTreeSet<String> {
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_verifies_with_the_key_set_and_says_who() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let signed = Signed::with(algorithm, "").await;
        let cookie = signed.world.sign_in(ALICE).await;
        for client in signed.world.clients() {
            assert_eq!(client.get("/dashboard").cookie(&cookie).send().await.status, 200);
            let seen = signed.world.upstream.last();
            let token = seen.header(ASSERTION).unwrap();
            let claims = verified(&signed.jwks().await, "app", token).unwrap();
            assert_eq!(parts(token).unwrap().0["alg"], algorithm.as_str());
            assert_eq!(claims["sub"].as_str(), seen.header("x-auth-user-id"));
            assert_eq!(claims["tid"].as_str(), seen.header("x-auth-tenant-id"));
            assert_eq!(claims["onb"].as_str(), seen.header("x-auth-onboarding"));
            assert_eq!((&claims["email"], &claims["aud"]), (&json!(ALICE), &json!(["app", "backend"])));
            assert!(claims["sid_h"].as_str().unwrap().starts_with(seen.header("x-auth-session").unwrap()));
            assert!(!seen.head.contains(cookie.strip_prefix("sid=").unwrap()), "the sid stays here");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_s_requests_have_none_and_a_client_s_own_is_gone() {
    let signed = Signed::start().await;
    let cookie = signed.world.sign_in(ALICE).await;
    let own = signed.seen("/dashboard", &cookie).await.header(ASSERTION).unwrap().to_owned();
    // Not even one that is good.
    for path in ["/public/x", "/optional", "/auth/signin"] {
        assert_eq!(signed.client().get(path).header(ASSERTION, &own).send().await.status, 200);
        assert_eq!(signed.world.upstream.last().all(ASSERTION), Vec::<&str>::new(), "{path}");
    }
    let call = signed.client().get("/dashboard").cookie(&cookie);
    call.header(ASSERTION, "evil").header("X-Auth-Assertion", &own).header("connection", ASSERTION).send().await;
    let seen = signed.world.upstream.last();
    assert!(seen.header(ASSERTION).is_some() && !seen.head.contains("evil"));
    // Public routes ask nobody who it is, whatever cookie comes along.
    assert!(signed.seen("/public/x", &cookie).await.header(ASSERTION).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_application_gets_its_own_and_one_that_is_told_so_none() {
    let signed = Signed::start().await;
    let cookie = signed.world.sign_in(ALICE).await;
    let jwks = signed.jwks().await;
    let (app, shop) = (signed.seen("/dashboard", &cookie).await, signed.seen("/shop", &cookie).await);
    let (app, shop) = (app.header(ASSERTION).unwrap(), shop.header(ASSERTION).unwrap());
    assert!(verified(&jwks, "app", app).is_ok() && verified(&jwks, "shop", shop).is_ok());
    assert_eq!((verified(&jwks, "shop", app), verified(&jwks, "app", shop)), (Err("audience"), Err("audience")));
    assert!(verified(&jwks, "backend", app).is_ok() && verified(&jwks, "backend", shop).is_ok());
    let old = signed.seen("/old", &cookie).await;
    assert_eq!((old.header("x-auth-status"), old.header(ASSERTION)), (Some("authenticated"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_signed_once_per_session_and_half_of_its_life() {
    // The backend is asked several times meanwhile, and says the same.
    let signed =
        Signed::with(Algorithm::Es256, "lifetime = \"4s\"\n[session]\nttl = \"100ms\"\nrefresh_ahead = \"0s\"").await;
    let cookies = [signed.world.sign_in(ALICE).await, signed.world.sign_in("bob@globex.test").await];
    let tokens = |path: &str| -> Vec<String> {
        let seen = signed.world.upstream.seen_at(path);
        seen.iter().filter_map(|seen| seen.header(ASSERTION).map(str::to_owned)).collect()
    };
    let burst = async |path: &str| {
        let calls = cookies.iter().flat_map(|cookie| (0..10).map(|_| signed.client().get(path).cookie(cookie).send()));
        futures_util::future::join_all(calls.collect::<Vec<_>>()).await;
    };
    burst("/optional").await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    burst("/optional").await;
    let first = tokens("/optional");
    let distinct: BTreeSet<_> = first.iter().collect();
    assert_eq!((first.len(), distinct.len()), (40, 2));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while tokens("/dashboard").iter().all(|token| distinct.contains(token)) {
        assert!(tokio::time::Instant::now() < deadline, "never signed anew");
        burst("/dashboard").await;
    }
    let last = tokens("/dashboard").pop().unwrap();
    let (old, new) = (parts(&first[0]).unwrap().1, parts(&last).unwrap().1);
    assert!(new["iat"].as_i64().unwrap() - old["iat"].as_i64().unwrap() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_about_the_session_shows_in_the_next_one() {
    let signed = Signed::start().await;
    let cookie = signed.world.sign_in("carol@acme.test").await;
    let before = signed.claims("/dashboard", &cookie).await;
    let tenants = signed.client().get("/api/auth/session-v2").cookie(&cookie).send().await.json();
    let tenants = tenants["tenants"].as_array().unwrap();
    let other = tenants.iter().find(|tenant| tenant["id"] != before["tid"]).unwrap();
    let call = signed.client().call(Method::POST, "/api/auth/session-v2/tenant").same_origin().cookie(&cookie);
    let answer = call.json(&json!({ "tenantId": other["id"] })).send().await;
    let cookie = format!("sid={}", answer.sid().unwrap());
    let after = signed.claims("/dashboard", &cookie).await;
    assert_eq!(after["tid"], other["id"]);
    assert_ne!(after["sid_h"], before["sid_h"], "a new sid, too");

    let newbie = signed.world.sign_in("newbie@example.test").await;
    assert_eq!(signed.claims("/dashboard", &newbie).await["onb"], "needed;step=company");
    signed.world.backend.finish_onboarding("3", "New Co").unwrap();
    signed.world.upstream.answers("/optional", "200 OK", &["X-Auth-Session-Changed: 1"], "");
    signed.seen("/optional", &newbie).await;
    let claims = signed.claims("/dashboard", &newbie).await;
    assert!(claims["onb"] == "complete" && claims["tid"].is_string());
}

/// Each request comes with the key set that a receiver may have kept for a while: the one from before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_under_requests_leaves_none_that_does_not_verify() {
    let signed = Signed::with(Algorithm::Es256, "lifetime = \"2s\"\nactivate_after = \"4s\"").await;
    let cookie = signed.world.sign_in(ALICE).await;
    let old = kids(&signed.jwks().await);
    let new = key(signed.folder.path(), Algorithm::EdDsa);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let (mut published, mut signs, mut jwks) = (0, false, signed.jwks().await);
    while !signs {
        assert!(tokio::time::Instant::now() < deadline, "the new key never signs");
        let seen = signed.seen("/dashboard", &cookie).await;
        let token = seen.header(ASSERTION).unwrap();
        verified(&jwks, "app", token).unwrap();
        signs = parts(token).unwrap().0["kid"] == new;
        jwks = signed.jwks().await;
        published += usize::from(kids(&jwks).contains(&new) && !signs);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(published > 20, "published long before: {published}");
    assert!(kids(&jwks).is_superset(&old), "the old one is, still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_leaked_is_gone_at_once() {
    let signed = Signed::with(Algorithm::Es256, "activate_after = \"0s\"").await;
    let cookie = signed.world.sign_in(ALICE).await;
    let leaked = signed.seen("/dashboard", &cookie).await.header(ASSERTION).unwrap().to_owned();
    let config = Assertion { keys: KeySource::Folder(signed.folder.path().into()), ..Assertion::default() };
    let kid = parts(&leaked).unwrap().0["kid"].as_str().unwrap().to_owned();
    assert!(assertion::retire(&config, &kid, false).is_err(), "it is in use");
    assertion::retire(&config, &kid, true).unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while verified(&signed.jwks().await, "app", &leaked).is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "still published");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Though half of the life of what it signed is not over.
    assert_ne!(signed.claims("/dashboard", &cookie).await["jti"], parts(&leaked).unwrap().1["jti"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_is_public_and_may_be_kept_for_a_while() {
    let signed = Signed::start().await;
    for client in signed.world.clients() {
        let answer = client.get(JWKS).cookie("sid=9e3779b9-7f4a-4c15-8000-000000000000").send().await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwk-set+json")));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.set_cookies(), Vec::<String>::new());
        let keys = answer.json()["keys"].as_array().unwrap().clone();
        assert_eq!((keys.len(), keys[0].get("d"), &keys[0]["use"]), (1, None, &json!("sig")));
    }
    let head = signed.client().call(Method::HEAD, JWKS).send().await;
    assert_eq!((head.status, head.text()), (200, String::new()));
    let post = signed.client().call(Method::POST, JWKS).same_origin().send().await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(signed.world.gateway.admin("/jwks.json").await, (200, signed.jwks().await.to_string()));
    assert!(signed.world.upstream.seen().is_empty(), "none of it is the application's");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_signed_until_the_first_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let keys = format!("[assertion]\nactivate_after = \"4s\"\nkeys = {:?}\n", folder.path().join("new/keys"));
    let signed = Signed { world: World::with(&keys).await, folder };
    let cookie = signed.world.sign_in(ALICE).await;
    assert_eq!(signed.seen("/dashboard", &cookie).await.header(ASSERTION), None);
    let answer = signed.client().get(JWKS).send().await;
    assert!(answer.status == 404 && answer.text().contains("sidgate keys new"), "{}", answer.text());
    assert_eq!(signed.world.gateway.admin("/jwks.json").await.0, 404);

    key(&signed.folder.path().join("new/keys"), Algorithm::Es256);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while signed.seen("/dashboard", &cookie).await.header(ASSERTION).is_none() {
        assert!(tokio::time::Instant::now() < deadline, "never signed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    signed.claims("/dashboard", &cookie).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_log_nor_metrics_hold_one() {
    let signed = Signed::start().await;
    let cookie = signed.world.sign_in(ALICE).await;
    let token = signed.seen("/dashboard", &cookie).await.header(ASSERTION).unwrap().to_owned();
    // Sent back by an application that is careless, it does not reach the browser.
    let header = format!("X-Auth-Assertion: {token}");
    signed.world.upstream.answers("/optional", "200 OK", &[&header], "");
    let answer = signed.client().get("/optional").cookie(&cookie).send().await;
    assert_eq!((answer.status, answer.header(ASSERTION)), (200, None));
    let (_, metrics) = signed.world.gateway.admin("/metrics").await;
    assert!(metrics.contains("sidgate_assertions_signed_total 1\n") && metrics.contains("sidgate_assertion_keys 1\n"));
    let lines = signed.world.gateway.log_lines(3).await.join("\n");
    let signature = token.rsplit('.').next().unwrap();
    assert!(!lines.contains(signature) && !metrics.contains(signature) && !lines.contains("eyJ"));
}
