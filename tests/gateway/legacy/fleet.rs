//! Several gateways, one backend: a browser that arrives everywhere at once gets one session.

use std::collections::HashSet;

use super::MIGRATE;
use crate::support::backend::{ALICE, VALIDATE, World, cookie};
use crate::support::gateway::{ROUTES, base};
use crate::support::legacy::{SECRET, carrying, full, tables};
use crate::support::{Answer, Gateway};

/// Twenty first requests of one browser at the same moment, over both gateways and both protocols.
async fn at_once(world: &World, other: &Gateway, old: &str) -> Vec<Answer> {
    let jar = full(SECRET, old);
    let clients = [world.client(), other.client().h2(), world.client().h2(), other.client()];
    let paths = ["/acme/dashboard/x", "/api/whoami", "/dashboard", "/optional"];
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..20 {
        let client = &clients[n % clients.len()];
        let path = paths[n / clients.len() % paths.len()];
        let call = carrying(client, path, &jar);
        calls.spawn(if path.starts_with("/api") { call.fetch() } else { call.navigate() }.send());
    }
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_first_requests_over_two_gateways_are_one_session() {
    for mode in ["enforce", "dual"] {
        let tables = tables(mode, "");
        let world = World::with(&tables).await;
        let other = Gateway::start(&(base(world.backend.address, world.front.address) + &tables + ROUTES)).await;
        let old = world.sid(ALICE).await;
        let answers = at_once(&world, &other, &old).await;
        let refused: Vec<u16> = answers.iter().map(|a| a.status).filter(|s| !matches!(s, 200 | 404)).collect();
        assert!(refused.is_empty(), "{mode}: {refused:?}");
        let sids: HashSet<String> = answers.iter().map(|a| a.sid().expect("every answer sets it")).collect();
        assert_eq!(sids.len(), 1, "{mode}");
        let sid = sids.into_iter().next().unwrap();
        assert_ne!(sid, old, "{mode}: a cookie that a script could read never becomes the session");

        let calls = world.backend.seen(MIGRATE);
        let keys: HashSet<String> =
            calls.iter().map(|c| c.json()["idempotency_key"].as_str().unwrap().into()).collect();
        assert_eq!((calls.len(), keys.len()), (2, 1), "{mode}: one call of each gateway, with the same key");
        let told: HashSet<String> =
            world.front.seen("GET ").iter().filter_map(|s| s.header("x-auth-session").map(str::to_owned)).collect();
        assert_eq!(told.len(), 1, "{mode}: the application sees one session");
        assert!(world.front.seen("GET ").iter().all(|s| s.header("x-auth-status") == Some("authenticated")), "{mode}");

        // Every gateway takes it, and what became of the old one is what the mode says.
        for client in [world.client(), other.client()] {
            let new = client.get("/api/whoami").fetch().cookie(&cookie(&sid)).send().await;
            let before = client.get("/api/whoami").fetch().cookie(&cookie(&old)).send().await;
            assert_eq!((new.status, before.status), (200, if mode == "dual" { 200 } else { 401 }), "{mode}");
        }
    }
}

/// Within a minute, as for the tabs of a browser that was restarted.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_comes_later_gives_the_same_session_and_none_after_a_sign_out() {
    let tables = tables("enforce", "");
    let world = World::with(&tables).await;
    let (old, text) = (world.sid(ALICE).await, base(world.backend.address, world.front.address) + &tables + ROUTES);
    let jar = full(SECRET, &old);
    let first = carrying(&world.client(), "/api/whoami", &jar).fetch().send().await;
    let sid = first.sid().unwrap();
    let later = Gateway::start(&text).await;
    let second = carrying(&later.client(), "/api/whoami", &jar).fetch().send().await;
    assert_eq!((second.status, second.sid().as_deref()), (200, Some(&*sid)));

    let api = crate::support::backend::API;
    let out = world.client().call(http::Method::DELETE, api).same_origin().cookie(&cookie(&sid)).send().await;
    assert_eq!(out.status, 204);
    for client in [world.client(), Gateway::start(&text).await.client()] {
        let again = carrying(&client, "/api/whoami", &jar).fetch().send().await;
        assert_eq!((again.status, again.sid()), (401, None), "a cookie left behind undoes no sign-out");
    }
    assert!(world.backend.count(VALIDATE) < 5);
}
