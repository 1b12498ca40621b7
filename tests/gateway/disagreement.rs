//! The application may disagree: it sends away whom the backend would let pass.

use crate::support::backend::{ALICE, Act, NEWBIE, World, cookie};

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_sends_a_signed_in_user_to_sign_in_does_not_get_into_a_loop_with_us() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    let origin = world.client().origin();
    let get = |path: &str, jar: &str| world.client().get(path).navigate().cookie(jar);
    assert_eq!(get("/auth/signin", &cookie(&sid)).send().await.header("location"), Some("/acme/dashboard"));
    for (i, to) in ["/auth/signin".to_owned(), "/auth/signin?from=%2F".into(), format!("{origin}/auth/signin/")]
        .into_iter()
        .enumerate()
    {
        world.front.on("GET /acme/dashboard", Act::Answer(307, String::new(), vec![("location", to.clone())]));
        let away = get("/acme/dashboard", &cookie(&sid)).send().await;
        assert_eq!((away.status, away.header("location")), (307, Some(to.as_str())));
        let marker = away.set_cookies().into_iter().find(|c| c.starts_with("sidgate-disagreed=1")).unwrap();
        assert!(marker.contains("Max-Age=10") && marker.contains("HttpOnly"));
        assert!(away.header("cache-control").unwrap().contains("private"));
        let shown = get("/auth/signin", &format!("{}; sidgate-disagreed=1", cookie(&sid))).send().await;
        assert_eq!(shown.status, 200, "no redirect back");
        assert_eq!(world.front.seen("GET /auth/signin").pop().unwrap().header("x-auth-status"), Some("authenticated"));
        #[expect(clippy::cast_precision_loss, reason = "three at most")]
        let counted = (i + 1) as f64;
        assert_eq!(world.metric("sidgate_upstream_disagreed_total").await, counted);
    }
    let lines = world.gateway.log_lines(3).await;
    assert!(lines.iter().any(|l| l.contains("upstream_disagree")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_onboarded_user_sent_to_onboarding_counts_and_a_newcomer_does_not() {
    let world = World::start().await;
    let (alice, newbie) = (world.sid(ALICE).await, world.sid(NEWBIE).await);
    world.front.on("GET /dashboard", Act::Answer(302, String::new(), vec![("location", "/onboarding/company".into())]));
    for (sid, disagrees) in [(&newbie, false), (&alice, true)] {
        let away = world.client().get("/dashboard").navigate().cookie(&cookie(sid)).send().await;
        assert_eq!(away.status, 302);
        assert_eq!(!away.set_cookies().is_empty(), disagrees);
    }
    world.front.on(
        "GET /dashboard",
        Act::Answer(302, String::new(), vec![("location", "https://elsewhere.test/auth/signin".into())]),
    );
    let away = world.client().get("/dashboard").navigate().cookie(&cookie(&alice)).send().await;
    assert!(away.set_cookies().is_empty(), "another site's sign-in is none of ours");
    assert_eq!(world.metric("sidgate_upstream_disagreed_total").await, 1.0);
}
