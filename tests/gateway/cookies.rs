//! The session cookie: what counts as one, twins, and who may drop it. Attacks C1 to C3, H11.

use serde_json::json;

use crate::support::backend::{ALICE, API, BOB, World, cookie, drops, made_up};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_sid_is_never_asked_about() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    let upper = sid.to_uppercase();
    let plain = sid.replace('-', "");
    for value in [
        "",
        "null",
        "undefined",
        &sid[..35],
        &format!("{sid}0"),
        &upper,
        &plain,
        &format!("{{{sid}}}"),
        &format!("urn:uuid:{sid}"),
        &format!("\"{sid}\""),
        &format!("{sid}%00"),
    ] {
        let answer = world.client().get("/dashboard").navigate().cookie(&format!("sid={value}")).send().await;
        assert_eq!((answer.status, answer.header("location")), (302, Some("/auth/signin?next=/dashboard")), "{value}");
    }
    let unicode = [&b"\xe2\x80\x80sid="[..], sid.as_bytes()].concat();
    let others = [
        format!("SID={sid}"),
        format!("sid ={sid}"),
        format!("a=1;\tsid={sid}"),
        format!("=sid={sid}"),
        format!("$Version=1; $sid={sid}"),
        format!("__Host-sid={sid}"),
        format!("xsid={sid}"),
    ];
    for line in others.iter().map(|l| l.as_bytes()).chain([&unicode[..]]) {
        let answer = world.client().get("/optional").navigate().header("cookie", line).send().await;
        assert_eq!(answer.status, 404);
        let told = world.front.seen("GET /optional").pop().unwrap();
        assert_eq!(told.header("x-auth-status"), Some("anonymous"), "{}", String::from_utf8_lossy(line));
        // Names are case-sensitive (RFC 6265 section 4.1.1): these are cookies of the application's own.
        let own = |line: &[u8]| [&b"SID"[..], b"xsid", b"$V"].iter().any(|n| line.starts_with(n));
        let seen = told.headers.get("cookie").map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
        assert!(!seen.unwrap_or_default().contains(&sid) || own(line), "{told:?}");
    }
    assert_eq!(world.backend.count(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_never_sees_the_sid() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    for client in [world.client(), world.client().h2()] {
        let call = client.get("/dashboard").navigate().cookie(&format!("a=1; {}; b=2", cookie(&sid)));
        assert_eq!(call.cookie(&format!("sid={sid}; c=3")).send().await.status, 200);
        let seen = world.front.seen("GET /dashboard").pop().unwrap();
        assert_eq!(seen.header("cookie"), Some("a=1; b=2; c=3"));
        assert!(!format!("{seen:?}").contains(&sid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twins_the_live_one_is_kept_and_the_others_expire_in_every_scope() {
    let world = World::start().await;
    let (live, dead) = (world.sid(ALICE).await, made_up());
    let client = world.client().named("app.test");
    for line in [
        format!("sid={dead}; sid={live}"),
        format!("sid={live}; sid={dead}"),
        format!("sid=junk; sid={live}"),
        format!("sid={live}; sid={live}"),
    ] {
        for path in ["/acme/dashboard", API] {
            let call = client.get(path).cookie(&line);
            let answer = if path == API { call.fetch() } else { call.navigate() }.send().await;
            assert_eq!(answer.status, 200, "{line} {path}");
            assert_eq!(answer.sid().as_ref(), Some(&live), "{line} {path}");
            let lines = answer.set_cookies();
            let own = lines.iter().position(|l| l.starts_with(&format!("sid={live}"))).unwrap();
            assert_eq!(own, lines.len() - 1, "ours comes last: {lines:?}");
            let expires = |scope: &str| {
                lines.iter().any(|l| l.starts_with("sid=;") && l.contains("Max-Age=0") && l.contains(scope))
            };
            assert!(expires("Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax; Domain=app.test"), "{lines:#?}");
            let own_scope = |l: &String| l.starts_with("sid=;") && l.contains("Path=/;") && !l.contains("Domain=");
            assert!(!lines.iter().any(own_scope), "not the scope that is set");
            if path != API {
                assert!(expires("Path=/acme;") && expires("Path=/acme/dashboard;"), "{lines:#?}");
            }
        }
        let late = client.get("/api/whoami").fetch().cookie(&line).send().await;
        assert_eq!((late.status, late.set_cookies().len()), (200, 0), "a fetch under way changes no cookie");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_live_ones_of_different_users_count_as_none_and_the_person_is_told() {
    let world = World::start().await;
    let (alice, bob, also_alice) = (world.sid(ALICE).await, world.sid(BOB).await, world.sid(ALICE).await);
    let get = |line: &str, path: &str| world.client().get(path).cookie(line);
    for line in [format!("sid={alice}; sid={bob}"), format!("sid={alice}; sid={also_alice}; sid={bob}")] {
        let page = get(&line, "/dashboard").navigate().send().await;
        assert_eq!(page.header("location"), Some("/auth/signin?next=/dashboard&reason=session_conflict"));
        assert!(drops(&page));
        let api = get(&line, "/api/whoami").fetch().send().await;
        assert_eq!((api.status, &api.json()["error"]["reason"], drops(&api)), (401, &json!("session_conflict"), false));
        let own = get(&line, API).fetch().send().await;
        assert_eq!((own.status, &own.json()["reason"], drops(&own)), (401, &json!("session_conflict"), true));
    }
    let same = get(&format!("sid={alice}; sid={also_alice}"), "/dashboard").navigate().send().await;
    assert_eq!((same.status, same.sid()), (200, Some(alice)), "two of one user are no conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_twin_that_could_not_be_asked_about_is_not_expired() {
    let world = World::with("timeout = \"200ms\"\n").await;
    let (known, other) = (world.sid(ALICE).await, world.sid(ALICE).await);
    let get = |line: &str| world.client().get("/dashboard").navigate().cookie(line);
    assert_eq!(get(&cookie(&known)).send().await.status, 200);
    world.backend.on("", crate::support::backend::Act::Drop);
    let answer = get(&format!("sid={other}; sid={known}")).send().await;
    assert_eq!((answer.status, answer.set_cookies().len()), (200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_dropped_on_navigations_and_own_endpoints_only() {
    let world = World::start().await;
    let sid = cookie(&made_up());
    let get = |path: &str| world.client().get(path).cookie(&sid);
    for (path, dropped) in [("/dashboard", true), ("/optional", true), ("/auth/signin", true), ("/public/x", false)] {
        assert_eq!(drops(&get(path).navigate().send().await), dropped, "{path}");
        assert!(!drops(&get(path).fetch().send().await), "{path}");
    }
    for name in ["rsc", "next-action", "x-nextjs-data"] {
        assert!(!drops(&get("/dashboard").header(name, "1").send().await), "{name}");
    }
    assert!(drops(&get(API).fetch().send().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_odd_cookie_headers_never_open_a_closed_route() {
    use proptest::strategy::{Strategy, ValueTree};
    let world = World::start().await;
    let piece = proptest::string::string_regex(
        "(sid|SID|__Host-sid|\\$Version| |\t|=|;|,|\"|[a-z0-9-]{0,40}|[\u{80}-\u{ff}]){0,12}",
    )
    .unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut bytes = Vec::new();
    // Over kept connections, many to each: what is told apart is the header.
    for _ in 0..100 {
        bytes.clear();
        for i in 0..100 {
            let line = piece.new_tree(&mut runner).unwrap().current();
            let line: Vec<u8> = line.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
            bytes.extend_from_slice(b"GET /api/whoami HTTP/1.1\r\nHost: localhost\r\nCookie: ");
            bytes.extend_from_slice(&line);
            bytes.extend_from_slice(if i == 99 { b"\r\nConnection: close\r\n\r\n" } else { b"\r\n\r\n" });
        }
        let answers = world.client().raw(&bytes).await;
        assert_eq!(answers.matches("HTTP/1.1 401").count(), 100, "{}", &answers[..answers.len().min(400)]);
    }
    assert_eq!(world.front.count(""), 0);
}
