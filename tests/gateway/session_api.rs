//! The session API, as `headers.md` has it.

mod devices;
mod fix_session;
mod other_ways;
mod script;
mod sign_in;
mod sign_out;
mod switch;

use http::Method;
use serde_json::{Value, json};

use crate::support::backend::{ALICE, API, NEWBIE, VALIDATE, World, cookie, made_up, says};
use crate::support::{Answer, Client};

fn credentials(email: &str) -> Value {
    json!({ "email": email, "password": "correct horse" })
}

async fn post(client: &Client, body: &Value) -> Answer {
    client.call(Method::POST, API).same_origin().fetch().json(body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn get_says_who_it_is_in_these_fields_and_no_more() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    let mut secret = json!({
        "sid": sid, "session_token": "T0KEN", "access_token": "T0KEN", "public_id": "p",
        "user": {"id": 42, "email": "a@b.test", "name": "A", "role": "owner", "password_hash": "T0KEN"},
        "tenant": {"id": 7, "slug": "acme", "name": "Acme", "stripe_key": "T0KEN"},
        "tenants": [{"id": 7, "slug": "acme", "name": "Acme", "stripe_key": "T0KEN"}],
        "onboarding": {"needed": false, "step": null}, "permissions": ["p.q"],
        "expires_at": "2035-01-01T00:00:00Z", "device": {"ip": "203.0.113.7"},
    });
    secret["refresh"] = json!("T0KEN");
    world.backend.on(VALIDATE, says(200, &secret));
    let answer = world.client().get(API).fetch().cookie(&cookie(&sid)).send().await;
    let acme = json!({"id": "7", "slug": "acme", "name": "Acme"});
    let wanted = json!({
        "authenticated": true, "user": {"id": "42", "email": "a@b.test", "name": "A", "role": "owner"},
        "tenantId": "7", "tenant": acme, "tenants": [acme], "needsOnboarding": false, "onboardingStep": null,
        "permissions": ["p.q"], "expiresAt": "2035-01-01T00:00:00Z",
    });
    assert_eq!((answer.status, answer.json()), (200, wanted));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert!(!answer.text().contains(&sid) && !answer.text().contains("T0KEN"));
    let head = world.client().call(Method::HEAD, API).cookie(&cookie(&sid)).send().await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn get_says_401_with_the_reason_when_there_is_none() {
    let world = World::start().await;
    let none = world.client().get(API).fetch().send().await;
    assert_eq!((none.status, none.json()), (401, json!({"authenticated": false, "reason": "no_session"})));
    for code in
        ["session_unknown", "session_revoked", "session_expired", "session_idle", "session_limit", "account_disabled"]
    {
        world.backend.on(VALIDATE, says(401, &json!({ "code": code })));
        let answer = world.client().get(API).fetch().cookie(&cookie(&made_up())).send().await;
        assert_eq!((answer.status, answer.json()), (401, json!({"authenticated": false, "reason": code})));
    }
    world.backend.well();
    let newbie = world.client().get(API).fetch().cookie(&cookie(&world.sid(NEWBIE).await)).send().await.json();
    assert_eq!(
        (&newbie["needsOnboarding"], &newbie["onboardingStep"], &newbie["tenant"]),
        (&json!(true), &json!("company"), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unsafe_methods_are_for_pages_of_our_own_origin() {
    let world = World::with("[sign_in]\nper_client = \"1000/s\"\nper_email = \"1000/s\"\n").await;
    let client = world.client();
    let own = client.origin();
    let port = world.gateway.address().port();
    let origins: [(Option<String>, bool); 9] = [
        (Some(own.clone()), true),
        (Some(own.to_uppercase().replace("HTTPS", "https")), true),
        (Some(own.replace("https", "http")), false),
        (Some("https://localhost".into()), false),
        (Some(format!("https://evil.localhost:{port}")), false),
        (Some(format!("https://localhost.evil.test:{port}")), false),
        (Some(format!("{own}/")), false),
        (Some("null".into()), false),
        (None, false),
    ];
    for (origin, good) in origins {
        for site in [None, Some("same-origin"), Some("same-site"), Some("cross-site"), Some("none")] {
            for method in [Method::POST, Method::DELETE] {
                let mut call = client.call(method.clone(), API).json(&credentials(ALICE));
                if let Some(origin) = &origin {
                    call = call.header("origin", origin);
                }
                if let Some(site) = site {
                    call = call.header("sec-fetch-site", site);
                }
                let passes = good || origin.is_none() && site == Some("same-origin");
                let answer = call.send().await;
                let wanted = if !passes {
                    403
                } else if method == Method::POST {
                    200
                } else {
                    204
                };
                assert_eq!(answer.status, wanted, "{method} {origin:?} {site:?}: {}", answer.text());
                if !passes {
                    assert_eq!(answer.json()["error"]["code"], "cross_origin");
                    assert!(answer.set_cookies().is_empty());
                }
            }
        }
    }
    let twice = client.call(Method::POST, API).header("origin", &own).header("origin", &own).json(&credentials(ALICE));
    assert_eq!(twice.send().await.status, 403);
    assert_eq!(client.call(Method::PUT, API).same_origin().send().await.header("allow"), Some("GET, POST, DELETE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_of_a_type_a_size_and_a_shape() {
    let world = World::start().await;
    let good = credentials(ALICE).to_string();
    let large = json!({"email": ALICE, "password": "x".repeat(17 * 1024)}).to_string();
    for (kind, body, status) in [
        (Some("application/json; charset=utf-8"), good.as_str(), 200),
        (Some("APPLICATION/JSON"), &good, 200),
        (None, &good, 415),
        (Some("text/plain"), &good, 415),
        (Some("multipart/form-data; boundary=x"), &good, 415),
        (Some("application/json-patch+json"), &good, 415),
        (Some("application/json"), &large, 413),
        (Some("application/json"), "", 400),
        (Some("application/json"), "[]", 400),
        (Some("application/json"), "{\"email\":\"a\"}", 400),
        (Some("application/json"), "{\"email\":1,\"password\":2}", 400),
        (Some("application/json"), "{\"email\":\"\",\"password\":\"\"}", 400),
        (Some("application/json"), "{\"email\":\"a\",\"password\":\"b\",\"accessToken\":\"c\"}", 400),
    ] {
        let mut call = world.client().call(Method::POST, API).same_origin().fetch().body(body.to_owned());
        if let Some(kind) = kind {
            call = call.header("content-type", kind);
        }
        let answer = call.send().await;
        assert_eq!(answer.status, status, "{kind:?} {}", answer.text());
        if status != 200 {
            let error = answer.json()["error"].clone();
            assert!(
                error["code"].is_string()
                    && error["message"].is_string()
                    && error["requestId"] == answer.header("x-request-id").unwrap()
            );
        }
    }
}
