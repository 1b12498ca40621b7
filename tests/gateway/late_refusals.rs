//! Requests under way while a sid is replaced.

use serde_json::json;

use crate::support::backend::{ALICE, API, World, cookie, drops};

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_sid_is_refused_without_set_cookie_and_a_page_reloads_once() {
    let world = World::start().await;
    let old = world.sid(ALICE).await;
    let client = world.client();
    assert_eq!(client.get("/dashboard").navigate().cookie(&cookie(&old)).send().await.status, 200);
    let credentials = json!({"email": ALICE, "password": "correct horse"});
    let call = client.call(http::Method::POST, API).same_origin().cookie(&cookie(&old));
    let new = call.json(&credentials).send().await.sid().unwrap();
    assert_ne!(new, old);

    let late = client.get("/api/whoami").fetch().cookie(&cookie(&old)).send().await;
    assert_eq!((late.status, &late.json()["error"]["reason"]), (401, &json!("session_rotated")));
    assert!(late.set_cookies().is_empty(), "it would take the new one away");
    let own = client.get(API).fetch().cookie(&cookie(&old)).send().await;
    assert_eq!((own.status, own.set_cookies().len()), (401, 0));

    let page = client.get("/dashboard").navigate().cookie(&cookie(&old)).send().await;
    assert_eq!((page.status, page.header("refresh")), (401, Some("1")));
    assert!(!drops(&page) && page.sid().is_none());
    let marker = page.set_cookies().into_iter().find(|c| c.starts_with("__Host-sidgate-reloaded=1")).unwrap();
    assert!(marker.contains("HttpOnly") && marker.contains("Max-Age=10"), "{marker}");
    let again = client
        .get("/dashboard")
        .navigate()
        .cookie(&format!("{}; __Host-sidgate-reloaded=1", cookie(&old)))
        .send()
        .await;
    assert_eq!(again.header("location"), Some("/auth/signin?next=/dashboard&reason=session_rotated"));
    assert!(!drops(&again));
    let good = client
        .get("/dashboard")
        .navigate()
        .cookie(&format!("{}; __Host-sidgate-reloaded=1", cookie(&new)))
        .send()
        .await;
    assert_eq!(good.status, 200);
    assert_eq!(client.get("/auth/signin").navigate().cookie(&cookie(&old)).send().await.status, 200);
}
