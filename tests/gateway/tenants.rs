//! Tenants: whose address it is, in the path and in the host. Attack C5.

use serde_json::json;

use crate::support::backend::{ALICE, BOB, VALIDATE, World, cookie, made_up, says};

const ROUTES: &str = r#"
[[route]]
path = "/auth/signin"
access = "guest"
upstream = "app"
[[route]]
path = "/onboarding"
access = "signed_in"
upstream = "app"
[[route]]
path = "/dashboard"
access = "signed_in"
upstream = "app"
[[route]]
path = "/{tenant}/dashboard/{*rest}"
access = "onboarded"
upstream = "app"
tenant = { parameter = "tenant", match = "slug" }
[[route]]
path = "/by-id/{tenant}"
access = "onboarded"
upstream = "app"
tenant = { parameter = "tenant", match = "id" }
[[route]]
host = "{tenant}.app.test"
path = "/{*rest}"
access = "onboarded"
upstream = "app"
tenant = { parameter = "tenant", match = "slug" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn in_the_path_another_tenant_leads_home_and_is_403_for_programs() {
    let world = World::routed("", ROUTES).await;
    let (alice, bob) = (world.sid(ALICE).await, world.sid(BOB).await);
    let get = |sid: &str, path: &str| world.client().get(path).cookie(&cookie(sid));
    for (sid, path, own) in [
        (&alice, "/acme/dashboard", true),
        (&alice, "/acme/dashboard/deep/down", true),
        (&alice, "/%61cme/dashboard", true),
        (&alice, "/globex/dashboard", false),
        (&alice, "/Acme/dashboard", false),
        (&alice, "/acm/dashboard", false),
        (&bob, "/globex/dashboard", true),
        (&bob, "/acme/dashboard", false),
        (&alice, "/by-id/5eed0000-0000-4000-8000-000000000001", true),
        (&alice, "/by-id/acme", false),
        (&bob, "/by-id/5eed0000-0000-4000-8000-000000000001", false),
    ] {
        let before = world.front.count("");
        let page = get(sid, path).navigate().send().await;
        let api = get(sid, path).fetch().send().await;
        if own {
            assert!(
                matches!((page.status, api.status), (200 | 404, 200 | 404)),
                "{path}: {} {}",
                page.status,
                api.status
            );
        } else {
            let home = if sid == &alice { "/acme/dashboard" } else { "/globex/dashboard" };
            assert_eq!((page.status, page.header("location")), (302, Some(home)), "{path}");
            assert_eq!((api.status, &api.json()["error"]["code"]), (403, &json!("other_tenant")), "{path}");
            assert_eq!(api.json()["error"]["home"], home);
            assert_eq!(world.front.count(""), before, "{path}: the application never sees it");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slug_that_is_not_ascii_is_compared_as_it_is_and_encoded_in_addresses() {
    let world = World::routed("", ROUTES).await;
    let body = json!({"user": {"id": 1}, "tenant": {"id": "t", "slug": "café"}, "onboarding": {"needed": false}});
    world.backend.on(VALIDATE, says(200, &body));
    let sid = made_up();
    let get = |path: &str| world.client().get(path).navigate().cookie(&cookie(&sid));
    assert_eq!(get("/caf%C3%A9/dashboard").send().await.status, 200);
    assert_eq!(get("/cafe/dashboard").send().await.header("location"), Some("/caf%C3%A9/dashboard"));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_host_another_tenant_is_403_with_the_way_home() {
    let world = World::routed("", ROUTES).await;
    let alice = world.sid(ALICE).await;
    let on = |host: &str| world.client().named(host).get("/acme/dashboard").cookie(&cookie(&alice));
    assert_eq!(on("acme.app.test").navigate().send().await.status, 200);
    let page = on("globex.app.test").navigate().send().await;
    assert_eq!(page.status, 403);
    let port = world.gateway.address().port();
    let home = format!("href=\"https://acme.app.test:{port}/acme/dashboard\"");
    assert!(page.text().contains(&home), "a path would lead back to this host: {}", page.text());
    let api = on("globex.app.test").fetch().send().await;
    assert_eq!((api.status, &api.json()["error"]["code"]), (403, &json!("other_tenant")));
    let lines = world.gateway.log_lines(3).await;
    assert!(lines[1].contains("\"other_tenant\""), "{}", lines[1]);
}
