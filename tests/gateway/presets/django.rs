//! The flat backend for real: plain Django views behind the preset, as somebody would write them from the first
//! design's page.

use http::Method;
use serde_json::json;
use sidgate::demo::PASSWORD;

use super::*;
use crate::support::backend::API;
use crate::support::gateway::{ROUTES, base};
use crate::support::{Client, Django, Gateway, Upstream};

#[tokio::test(flavor = "multi_thread")]
async fn a_real_django_with_the_flat_calls_needs_the_preset_and_no_change() {
    let (django, app) = (Django::with("flat_settings").await, Upstream::start().await);
    let base = base(django.address, app.address).replace("gateway_key = \"file:key\"\n", "preset = \"flat\"\n");
    let pages = "[pages]\nhome = \"/{tenant_id}/dashboard\"\n";
    let gateway = Gateway::start(&(base + pages + &ROUTES.replace("match = \"slug\"", "match = \"id\""))).await;
    let client = gateway.client();
    let sign_in = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        client.call(Method::POST, API).same_origin().fetch().json(&body).send().await
    };
    let wrong = sign_in("alice@acme.test", "wrong").await;
    assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (401, &json!("invalid_credentials")));

    let answer = sign_in("alice@acme.test", PASSWORD).await;
    let (sid, session) = (answer.sid().unwrap(), answer.json());
    assert_eq!(session["user"]["id"], "alice@acme.test");
    assert!(answer.set_cookies()[0].contains("Expires="), "{:?}", answer.set_cookies());
    let home = session["redirectTo"].as_str().unwrap();
    assert_eq!(home, format!("/{}/dashboard", session["tenantId"].as_str().unwrap()));
    let page = async |sid: &str, path: &str| client.get(path).navigate().cookie(&format!("sid={sid}")).send().await;
    assert_eq!(page(&sid, home).await.status, 200);
    let elsewhere = format!("/{}/dashboard", made_up());
    assert_eq!(page(&sid, &elsewhere).await.header("location"), Some(home));

    let newbie = sign_in("newbie@example.test", PASSWORD).await;
    assert_eq!(newbie.json()["redirectTo"], "/onboarding");
    assert_eq!(page(&newbie.sid().unwrap(), "/admin/x").await.header("location"), Some("/onboarding"));

    let unknown = page(&made_up(), "/dashboard").await;
    assert_eq!(unknown.header("location"), Some("/auth/signin?next=/dashboard&reason=session_refused"));
    assert!(cookie_untouched(&unknown));
    let sign_out = client.call(Method::DELETE, API).same_origin().fetch().cookie(&format!("sid={sid}")).send().await;
    assert_eq!(sign_out.status, 204);
    // Django itself has ended it.
    let direct = Client::http(django.address).get(&format!("/api/sessions/{sid}/"));
    assert_eq!(direct.header("authorization", format!("SessionID {sid}")).send().await.status, 404);
}
