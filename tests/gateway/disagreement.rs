//! The application may disagree: it sends away whom the backend would let pass.

use crate::support::Answer;
use crate::support::backend::{ALICE, Act, NEWBIE, World, cookie};

/// How many marks an answer sets. That redirects are counted (`redirect_loop.rs`) is no mark.
fn marks(answer: &Answer) -> usize {
    let is_mark = |line: &&String| !line.starts_with("__Host-sidgate-redirects=");
    answer.set_cookies().iter().filter(is_mark).count()
}

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
        let marker = away.set_cookies().into_iter().find(|c| c.starts_with("__Host-sidgate-disagreed=1")).unwrap();
        assert!(marker.contains("Max-Age=10") && marker.contains("HttpOnly"));
        assert!(away.header("cache-control").unwrap().contains("private"));
        let shown = get("/auth/signin", &format!("{}; __Host-sidgate-disagreed=1", cookie(&sid))).send().await;
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
async fn a_mark_that_a_sibling_host_could_have_set_is_none() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    let jar = format!("{}; sidgate-disagreed=1; sidgate-sent-on=1; sidgate-reloaded=1", cookie(&sid));
    let home = world.client().get("/auth/signin").navigate().cookie(&jar).send().await;
    assert_eq!(home.header("location"), Some("/acme/dashboard"), "as without any");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_onboarded_user_sent_to_onboarding_counts_and_a_newcomer_does_not() {
    let world = World::start().await;
    let (alice, newbie) = (world.sid(ALICE).await, world.sid(NEWBIE).await);
    world.front.on("GET /dashboard", Act::Answer(302, String::new(), vec![("location", "/onboarding/company".into())]));
    for (sid, disagrees) in [(&newbie, false), (&alice, true)] {
        let away = world.client().get("/dashboard").navigate().cookie(&cookie(sid)).send().await;
        assert_eq!(away.status, 302);
        assert_eq!(marks(&away) > 0, disagrees);
    }
    world.front.on(
        "GET /dashboard",
        Act::Answer(302, String::new(), vec![("location", "https://elsewhere.test/auth/signin".into())]),
    );
    let away = world.client().get("/dashboard").navigate().cookie(&cookie(&alice)).send().await;
    assert_eq!(marks(&away), 0, "another site's sign-in is none of ours");
    assert_eq!(world.metric("sidgate_upstream_disagreed_total").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_the_same_page_is_no_disagreement() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    for to in ["/onboarding?_rsc=1", "/onboarding/"] {
        world.front.on("GET /onboarding", Act::Answer(307, String::new(), vec![("location", to.into())]));
        let away = world.client().get("/onboarding").navigate().cookie(&cookie(&sid)).send().await;
        assert_eq!((away.status, marks(&away)), (307, 0));
    }
    assert_eq!(world.metric("sidgate_upstream_disagreed_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_takes_onboarding_for_done_gets_a_page_and_no_loop() {
    let world = World::start().await;
    let sid = world.sid(NEWBIE).await;
    let get = |path: &str, jar: &str| world.client().get(path).navigate().cookie(jar);
    let away = |to: &str| Act::Answer(307, String::new(), vec![("location", to.into())]);
    for (to, jar) in [("/admin/x", cookie(&sid)), ("/", cookie(&sid))] {
        world.front.on("GET /onboarding", away(to));
        world.front.on("GET / ", away("/admin/x"));
        assert_eq!(get("/admin/x", &jar).send().await.header("location"), Some("/onboarding"));
        let theirs = get("/onboarding", &jar).send().await;
        assert_eq!(theirs.header("location"), Some(to));
        assert!(theirs.set_cookies().iter().any(|c| c.starts_with("__Host-sidgate-sent-on=1")), "{theirs:?}");
        let page = get("/admin/x", &format!("{jar}; __Host-sidgate-sent-on=1")).send().await;
        assert_eq!(page.status, 403, "a page and no redirect");
        assert!(page.text().contains("href=\"/onboarding\""), "{}", page.text());
        let data =
            world.client().get("/admin/x").fetch().cookie(&format!("{jar}; __Host-sidgate-sent-on=1")).send().await;
        assert_eq!((data.status, &data.json()["error"]["reason"]), (403, &"onboarding_needed".into()));
        world.front.well();
    }
    assert_eq!(world.metric("sidgate_upstream_disagreed_total").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn onboarding_that_was_finished_without_a_word_to_the_gateway_shows_at_once() {
    let world = World::start().await;
    let sid = world.sid(NEWBIE).await;
    let get = |path: &str, jar: &str| world.client().get(path).navigate().cookie(jar);
    assert_eq!(get("/admin/x", &cookie(&sid)).send().await.header("location"), Some("/onboarding"));
    // Asked a moment ago, so that it would not be asked again for a second.
    world.demo.finish_onboarding("3", "Hooli");
    world.front.on("GET /onboarding", Act::Answer(303, String::new(), vec![("location", "/admin/x".into())]));
    assert_eq!(get("/onboarding", &cookie(&sid)).send().await.status, 303);
    let there = get("/admin/x", &format!("{}; __Host-sidgate-sent-on=1", cookie(&sid))).send().await;
    assert_ne!(there.status, 302);
    assert_eq!(world.front.seen("GET /admin/x").len(), 1, "forwarded");
    assert_eq!(world.metric("sidgate_upstream_disagreed_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_knows_the_public_address_only_disagrees_as_well() {
    let world = World::with("[server]\npublic_origin = \"https://shop.test\"\n").await;
    let sid = world.sid(ALICE).await;
    let to = "https://shop.test/auth/signin?from=/dashboard";
    world.front.on("GET /dashboard", Act::Answer(307, String::new(), vec![("location", to.into())]));
    let away = world.client().get("/dashboard").navigate().cookie(&cookie(&sid)).send().await;
    assert_eq!(away.header("location"), Some(to));
    assert!(away.set_cookies().iter().any(|c| c.starts_with("__Host-sidgate-disagreed=1")));
}

/// A session cookie of the application's own that outlived the session, and an application that goes by it.
const LEFT_OVER: &str = "session_token=left-over; theme=dark";

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_is_left_over_does_not_lead_round_in_circles_and_leaves_a_way_to_sign_in() {
    let world = World::start().await;
    let away = |to: &str| Act::Answer(307, String::new(), vec![("location", to.into())]);
    let get = |path: &str, jar: &str| world.client().get(path).navigate().cookie(jar);
    for (to, mark, counted) in
        [("/acme/dashboard", "__Host-sidgate-disagreed=1", 1.0), ("/", "__Host-sidgate-sent-on=1", 2.0)]
    {
        world.front.on("GET /auth/signin", away(to));
        world.front.on("GET / ", away("/acme/dashboard"));
        let ours = get("/acme/dashboard", LEFT_OVER).send().await;
        assert_eq!((ours.status, ours.header("location")), (302, Some("/auth/signin?next=/acme/dashboard")));
        let theirs = get("/auth/signin?next=/acme/dashboard", LEFT_OVER).send().await;
        assert_eq!((theirs.status, theirs.header("location")), (307, Some(to)));
        let marked = theirs.set_cookies().into_iter().find(|c| c.starts_with(mark)).unwrap();
        assert!(marked.contains("Max-Age=10") && marked.contains("HttpOnly"), "{marked}");

        let jar = format!("{LEFT_OVER}; {mark}");
        let page = get("/acme/dashboard", &jar).send().await;
        assert_eq!(page.status, 401, "a page and no redirect");
        assert!(page.text().contains("href=\"/auth/signin?next=/acme/dashboard\""), "{}", page.text());
        assert!(page.set_cookies().iter().any(|c| c.starts_with("__Host-sidgate-disagreed=1")));
        assert_eq!(world.metric("sidgate_upstream_disagreed_total").await, counted);
        let data = world.client().get("/acme/dashboard").fetch().cookie(&jar).send().await;
        assert_eq!(data.status, 401);

        // The link on that page: the application sees nobody there whom it could take for signed in.
        world.front.well();
        let link =
            get("/auth/signin?next=/acme/dashboard", &format!("{LEFT_OVER}; __Host-sidgate-disagreed=1")).send().await;
        assert_eq!(link.status, 200);
        assert_eq!(world.front.seen("GET /auth/signin").pop().unwrap().header("cookie"), None);
    }
    // Who signs in meanwhile is not held up by the mark.
    let sid = world.sid(ALICE).await;
    let home = get("/acme/dashboard", &format!("{}; __Host-sidgate-disagreed=1", cookie(&sid))).send().await;
    assert_eq!(home.status, 200);
    let lines = world.gateway.log_lines(10).await;
    assert!(lines.iter().any(|l| l.contains("upstream_disagrees")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_may_send_its_visitors_where_it_likes() {
    let world = World::start().await;
    let own = world.client().origin();
    for (from, to) in [
        ("/auth/signin", "/auth/signin/".to_owned()),
        ("/auth/signin", "https://elsewhere.test/acme/dashboard".into()),
        ("/auth/signin", format!("{own}.elsewhere.test/acme/dashboard")),
        ("/auth/signin", "/nowhere/to/be/found".into()),
        ("/", "/acme/dashboard".into()),
        ("/optional", "/auth/signin".into()),
    ] {
        world.front.on(&format!("GET {from}"), Act::Answer(302, String::new(), vec![("location", to.clone())]));
        let away = world.client().get(from).navigate().send().await;
        assert_eq!((away.status, marks(&away)), (302, 0), "{from} -> {to}");
        world.front.well();
    }
    assert_eq!(world.metric("sidgate_upstream_disagreed_total").await, 0.0);
}

const PRESET: &str = "preset = \"existing-nextjs\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn with_the_preset_an_application_sees_the_cookies_of_a_session_while_there_is_one() {
    let world = World::headed(PRESET, "", "").await;
    let sid = world.sid(ALICE).await;
    let ended = "00000000-0000-4000-8000-000000000000";
    let seen = async |path: &str, jar: &str| {
        let before = world.front.count("GET ");
        let answer = world.client().get(path).fetch().cookie(jar).send().await;
        let all = world.front.seen("GET ");
        (answer.status, (all.len() > before).then(|| all.last().unwrap().header("cookie").map(str::to_owned)))
    };
    let both = |sid: &str| format!("a=1; sid={sid}; session_token=x");
    for path in ["/auth/signin", "/api/x", "/elsewhere", "/"] {
        let (_, cookie) = seen(path, &both(ended)).await;
        assert_eq!(cookie, Some(Some("a=1".into())), "{path}");
    }
    for path in ["/api/x", "/elsewhere", "/dashboard", "/settings/profile", "/tenant/x"] {
        let (_, cookie) = seen(path, &both(&sid)).await;
        assert_eq!(cookie, Some(Some(format!("sid={sid}; a=1; session_token=x"))), "{path}");
    }
    for path in ["/dashboard", "/settings", "/tenant/x/y", "/0190d6d2-7c2f-7a3b-8c4d-0123456789ab/dashboard"] {
        assert_eq!(seen(path, &both(ended)).await, (401, None), "{path}");
        let page = world.client().get(path).navigate().send().await;
        assert_eq!(page.header("location").map(|l| l.split('=').next().unwrap()), Some("/auth/signin?returnTo"));
    }
    // Nobody asks whose these are, so nobody knows better than the browser.
    assert_eq!(seen("/_next/static/x.js", &both(ended)).await.1, Some(Some(both(ended))));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_preset_an_outage_of_the_backend_takes_no_cookie_from_the_application() {
    let world = World::headed(PRESET, "", "").await;
    let sid = world.sid(ALICE).await;
    world.backend.on("GET /api/sessions/current/", Act::Answer(500, String::new(), Vec::new()));
    let jar = format!("sid={sid}; session_token=x");
    let shown = world.client().get("/elsewhere").navigate().cookie(&jar).send().await;
    assert!(shown.set_cookies().is_empty());
    assert_eq!(world.front.seen("GET /elsewhere").pop().unwrap().header("cookie"), Some(&*jar));
    assert_eq!(world.client().get("/dashboard").navigate().cookie(&jar).send().await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sid_behind_a_host_prefix_reaches_the_application_under_its_plain_name() {
    let world = World::headed(PRESET, "[session]\nhost_prefix = true\n", "").await;
    let sid = world.sid(ALICE).await;
    let jar = format!("a=1; __Host-sid={sid}; sid=11111111-1111-4111-8111-111111111111");
    world.client().get("/dashboard").navigate().cookie(&jar).send().await;
    let expected = format!("sid={sid}; a=1");
    assert_eq!(world.front.seen("GET /dashboard").pop().unwrap().header("cookie"), Some(&*expected));
}
