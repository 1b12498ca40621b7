//! Onboarding: asked again before anyone is sent there, and gone in the next request once it is done.

use serde_json::json;

use crate::support::Answer;
use crate::support::backend::{Act, NEWBIE, VALIDATE, World, cookie};

async fn page(world: &World, sid: &str, path: &str) -> Answer {
    world.client().get(path).navigate().cookie(&cookie(sid)).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn needed_from_the_cache_is_asked_again_before_anyone_is_sent_there() {
    let world = World::with("[session]\nttl = \"1m\"\n").await;
    let sid = world.sid(NEWBIE).await;
    assert_eq!(page(&world, &sid, "/admin/x").await.header("location"), Some("/onboarding"));
    assert_eq!(page(&world, &sid, "/admin/x").await.header("location"), Some("/onboarding"));
    assert_eq!(world.backend.count(VALIDATE), 1, "at most once a second");
    tokio::time::sleep(std::time::Duration::from_millis(1050)).await;
    world.demo.finish_onboarding("3", "New Co").unwrap();
    assert_eq!(page(&world, &sid, "/admin/x").await.status, 404, "forwarded");
    assert_eq!(world.backend.count(VALIDATE), 2);
    world.demo.reset_newbie();
    assert_eq!(page(&world, &sid, "/admin/x").await.status, 404, "a good answer counts for its ttl");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_asking_again_the_way_home_is_the_new_one() {
    let world = World::with("[session]\nttl = \"1m\"\n").await;
    let sid = world.sid(NEWBIE).await;
    assert_eq!(page(&world, &sid, "/auth/signin").await.header("location"), Some("/onboarding"));
    tokio::time::sleep(std::time::Duration::from_millis(1050)).await;
    let slug = world.demo.finish_onboarding("3", "New Co").unwrap();
    let home = format!("/{slug}/dashboard");
    assert_eq!(page(&world, &sid, "/auth/signin").await.header("location"), Some(home.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_changed_shows_in_the_next_request() {
    let routes = crate::support::gateway::ROUTES.replace("path = \"/onboarding\"", "path = \"/onboarding/{*rest}\"");
    let world = World::routed("[session]\nttl = \"1m\"\n", &routes).await;
    let sid = world.sid(NEWBIE).await;
    let form = world.client().call(http::Method::POST, "/onboarding/finish").navigate().cookie(&cookie(&sid));
    let done = form.header("content-type", "application/x-www-form-urlencoded").body("company=Newco").send().await;
    assert_eq!((done.status, done.header("location")), (303, Some("/newco/dashboard")), "{}", done.text());
    assert!(!done.headers.contains_key("x-auth-session-changed"), "an order to the gateway, not for browsers");
    assert_eq!(page(&world, &sid, "/newco/dashboard").await.status, 200);
    assert_eq!(world.backend.count(VALIDATE), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn newbie_goes_round_nowhere() {
    let world = World::start().await;
    let sid = world.sid(NEWBIE).await;
    for start in ["/", "/dashboard", "/acme/dashboard", "/auth/signin", "/onboarding", "/admin/x", "/optional"] {
        let (mut path, mut steps) = (start.to_owned(), 0);
        while let Some(next) = page(&world, &sid, &path).await.header("location").map(str::to_owned) {
            steps += 1;
            assert!(steps <= 2, "{start} goes round: {path} -> {next}");
            path = next;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_through_but_has_no_tenant_goes_to_onboarding_and_no_further() {
    let world = World::start().await;
    let body = json!({"user": {"id": "9"}, "tenant": null, "onboarding": {"needed": false}}).to_string();
    world.backend.on(VALIDATE, Act::Answer(200, body, vec![]));
    let sid = crate::support::backend::made_up();
    assert_eq!(page(&world, &sid, "/acme/dashboard").await.header("location"), Some("/onboarding"));
    assert_eq!(page(&world, &sid, "/onboarding").await.status, 200);
    assert_eq!(page(&world, &sid, "/auth/signin").await.header("location"), Some("/dashboard"));
    assert_eq!(page(&world, &sid, "/dashboard").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_router_of_nextjs_is_told_in_its_own_words() {
    let world = World::start().await;
    for sid in [None, Some(world.sid(NEWBIE).await)] {
        let (status, to) = if sid.is_some() { (403, "/onboarding") } else { (401, "/auth/signin?next=/admin/x") };
        let call = |method| {
            let call = world.client().call(method, "/admin/x");
            match &sid {
                Some(sid) => call.cookie(&cookie(sid)),
                None => call,
            }
        };
        let action = call(http::Method::POST).header("next-action", "abc").fetch().send().await;
        assert_eq!(
            (action.status, action.header("x-action-redirect")),
            (status, Some(format!("{to};replace").as_str()))
        );
        for (name, value) in [("rsc", "1"), ("next-router-prefetch", "1")] {
            let rsc = call(http::Method::GET).header("rsc", "1").header(name, value).fetch().send().await;
            assert_eq!((rsc.status, rsc.header("content-type")), (status, Some("application/json")));
            assert!(rsc.header("location").is_none());
        }
    }
}
