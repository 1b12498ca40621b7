//! The path that a rule saw is the path that the upstream sees, and what can be read in two ways reaches nobody.

use http::Method;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::support::wire::status;
use crate::support::{Wire, World};

/// What `Host` the first listener knows itself by.
fn get(world: &World, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n\r\n", world.client().authority())
}

/// Over a connection of its own, as it stands.
async fn ask(world: &World, target: &str) -> u16 {
    let mut wire = Wire::open(&world.client()).await;
    wire.send(get(world, target)).await;
    status(&wire.answer().await)
}

/// What another server could make of a path: decoded twice, separators folded, parameters dropped, dots resolved.
fn most_lenient(target: &str) -> String {
    let mut path = target.split(['?', '#']).next().unwrap_or_default().to_owned();
    for _ in 0..2 {
        path = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
    }
    let mut out: Vec<&str> = Vec::new();
    let path = path.replace('\\', "/");
    for segment in path.split('/') {
        match segment.split(';').next().unwrap_or_default().trim_end_matches([' ', '\0']) {
            ".." => drop(out.pop()),
            "" | "." => {}
            plain => out.push(plain),
        }
    }
    format!("/{}", out.join("/"))
}

#[tokio::test]
async fn no_spelling_behind_a_public_prefix_reaches_a_protected_page() {
    let world = World::start().await;
    let ways = [
        "..",
        "%2e%2e",
        "%2E%2e",
        ".%2E",
        "%2e.",
        "..;",
        "..;x=y",
        "..%3b",
        "..%00",
        "..%20",
        "...",
        ".. ",
        "..%c0%af..",
        "%252e%252e",
        "..%5c..",
        "..\\..",
        "%c0%ae%c0%ae",
        "%e0%80%ae%e0%80%ae",
        "%ed%a0%80",
        "..%ef%bc%8f..",
        "x%2f..%2f..",
        "x%2F..",
        "x%5C..",
        "%u002e%u002e",
        "%",
        "%4",
        "a%0d%0aX-Auth-Status:%20authenticated",
        "a%3fb",
        "a%23b",
        "a%25b",
        "x.",
        "x%20",
    ];
    for way in ways {
        for target in [
            format!("/public/{way}/admin/x"),
            format!("/public/{way}"),
            format!("/_next/static/{way}/{way}/{way}/admin/x"),
            format!("/public/a/{way}/{way}/admin/x"),
        ] {
            let status = ask(&world, &target).await;
            let reached = world.upstream.seen();
            assert!(matches!(status, 200 | 400 | 404), "{target}: {status}");
            for seen in reached {
                let read = most_lenient(seen.target());
                assert!(!read.starts_with("/admin"), "{target} reached the upstream as {}", seen.target());
            }
        }
    }
    assert!(world.upstream.seen().iter().all(|s| !s.target().contains("..")), "{:?}", world.upstream.seen());
}

/// Measured on Next.js 16: what of these serves or redirects to `/stream`. Here `/dashboard` is the protected page.
#[tokio::test]
async fn every_address_that_a_next_application_serves_a_page_under_is_refused_or_is_that_page() {
    let world = World::start().await;
    for (target, expected) in [
        ("/dashboard", 401),
        ("/./dashboard", 400),
        ("/x/../dashboard", 400),
        ("/x/%2e%2e/dashboard", 400),
        ("/_next/../dashboard", 400),
        ("/_next/static/../../dashboard", 400),
        ("/_next/static/%2e%2e/%2e%2e/dashboard", 400),
        ("/dashboard?x", 401),
        ("/dashboard?x=/public/", 401),
        ("/dashboard?/../public/", 401),
        ("/dashboard/", 401),
        ("//dashboard", 401),
        ("///dashboard", 401),
        ("/\\dashboard", 400),
        ("/x\\..\\dashboard", 400),
        ("/Dashboard", 404),
        ("/%64ashboard", 401),
        ("/%2fdashboard", 400),
        ("/x%2f..%2fdashboard", 400),
        ("/dashboard;a=b", 400),
        ("/dashboard%3ba=b", 400),
        ("/dashboard%00", 400),
        ("/dashboard%20", 400),
        ("/dashboard.", 400),
        ("\\dashboard", 400),
        ("dashboard", 400),
        ("*", 400),
        ("", 400),
    ] {
        assert_eq!(ask(&world, target).await, expected, "{target}");
    }
    // hyper cuts a fragment off before anyone sees it: what is judged is what is forwarded all the same.
    assert_eq!(ask(&world, "/dashboard#/public/x").await, 401);
    assert_eq!(ask(&world, "/public/x#/../../dashboard").await, 200);
    assert_eq!(world.upstream.last().target(), "/public/x");
    assert_eq!(world.upstream.seen().len(), 1);
}

#[tokio::test]
async fn the_other_addresses_of_a_page_fall_under_its_rule() {
    let world = World::with("[paths]\nlocales = [\"en\", \"de\"]\n").await;
    for target in [
        "/dashboard.rsc",
        "/dashboard.prefetch.rsc",
        "/dashboard.segments/_tree.segment.rsc",
        "/dashboard.segments/a/b.segment.rsc",
        "/_next/data/BUILD/dashboard.json",
        "/_next/data/BUILD/en/dashboard.json",
        "/_next/data/BUILD/dashboard.json/",
        "/en/dashboard",
        "/DE/dashboard",
        "/en/dashboard.rsc",
        "/dashboard?_rsc=1a2b",
        "//_next/data/BUILD/dashboard.json",
        "/%5fnext/data/BUILD/dashboard.json",
    ] {
        for client in world.clients() {
            let answer = client.get(target).fetch().header("rsc", "1").send().await;
            assert_eq!(answer.status, 401, "{target}: {}", answer.text());
            assert_ne!(answer.header("content-type"), Some("text/x-component"));
        }
    }
    for target in
        ["/dashboard.rsc.rsc", "/_next/data/B/_next/data/C/dashboard.json.json", "/_next/data/B/dashboard.rsc.json"]
    {
        assert_eq!(ask(&world, target).await, 400, "{target}");
    }
    assert!(world.upstream.seen().is_empty());
    let cookie = world.sign_in("alice@acme.test").await;
    let answer = world.client().get("/_next/data/BUILD/en/dashboard.json?a=%2F..&b").cookie(&cookie).send().await;
    assert_eq!((answer.status, world.upstream.last().target()), (200, "/_next/data/BUILD/en/dashboard.json?a=%2F..&b"));
}

/// Most gateways have `/_next/{*rest}` public: what is told of the user comes from the page's rule all the same.
#[tokio::test]
async fn the_data_of_a_page_is_made_for_the_user_and_kept_by_no_shared_cache() {
    let world = World::start().await;
    let cookie = world.sign_in("alice@acme.test").await;
    let target = "/_next/data/BUILD/dashboard.json";
    world.upstream.answers(target, "200 OK", &["cache-control: public, s-maxage=60"], "{}");
    let answer = world.client().get(target).cookie(&cookie).fetch().send().await;
    assert_eq!(world.upstream.last().header("x-auth-status"), Some("authenticated"));
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("private")));
    let static_file = world.client().get("/_next/static/x.js").cookie(&cookie).send().await;
    assert_eq!((static_file.status, world.upstream.last().header("x-auth-status")), (200, Some("anonymous")));
}

/// Next.js fetches a local `url` inside itself, without the gateway and without a header: measured on 16.4.5, it serves
/// `/api/photo` to anybody.
#[tokio::test]
async fn the_image_optimizer_is_no_way_around_a_rule() {
    let world = World::start().await;
    for target in [
        "/_next/image?url=/api/photo&w=64&q=75",
        "/_next/image?w=64&q=75&url=%2Fapi%2Fphoto",
        "/_next/image/?url=%2Fapi%2Fphoto&w=64",
        "/_next/image?%75rl=/%2561pi/photo&w=64",
        "/%5fnext/image?url=//api/photo",
        "/_next/image?url=/acme/dashboard/x.png",
    ] {
        assert_eq!(world.client().get(target).fetch().send().await.status, 401, "{target}");
    }
    for target in ["/_next/image?url=/public/x&url=/api/photo", "/_next/image?url=/public/../api/photo"] {
        assert_eq!(ask(&world, target).await, 400, "{target}");
    }
    assert_eq!(ask(&world, "/_next/image?url=/nowhere").await, 404);
    assert!(world.upstream.seen().is_empty());
    for target in ["/_next/image?url=/public/x.png&w=64", "/_next/image?url=/_next/static/media/x.png&w=64"] {
        assert_eq!(ask(&world, target).await, 200, "{target}");
    }
    let bob = world.sign_in("bob@globex.test").await;
    let of = |tenant: &str| world.client().get(&format!("/_next/image?url=/{tenant}/dashboard/x.png")).fetch();
    assert_eq!(of("acme").cookie(&bob).send().await.status, 403);
    let own = of("globex").cookie(&bob).send().await;
    assert_eq!((own.status, own.header("cache-control")), (200, Some("private")));
}

#[tokio::test]
async fn an_absolute_target_must_name_the_host_and_goes_on_in_origin_form() {
    let world = World::start().await;
    let host = world.client().authority();
    let foreign = "GET http://169.254.169.254/latest HTTP/1.1\r\n";
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for (request, expected) in [
        (format!("{foreign}Host: {host}\r\n\r\n"), 400),
        (format!("{foreign}Host: {host}\r\n{upgrade}\r\n"), 400),
        (format!("{foreign}Host: 169.254.169.254\r\n\r\n"), 421),
        (format!("GET http://user@{host}/public/x HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400),
        (format!("GET https://{host}/public/x HTTP/1.1\r\n\r\n"), 200),
        (format!("GET https://{host}/admin/x HTTP/1.1\r\nHost: {host}\r\n\r\n"), 302),
        (format!("GET https://{host}//public//x?q=%2f HTTP/1.1\r\nHost: {host}\r\n\r\n"), 200),
        (format!("GET https://{host}?x HTTP/1.1\r\nHost: {host}\r\n\r\n"), 200),
    ] {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(&request).await;
        let answer = wire.answer().await;
        assert_eq!(status(&answer), expected, "{request}{answer}");
    }
    let targets: Vec<String> = world.upstream.seen().iter().map(|s| s.target().to_owned()).collect();
    assert_eq!(targets, ["/public/x", "/public/x?q=%2f", "/?x"]);
    assert!(world.upstream.seen().iter().all(|s| s.header("host") == Some(&*host)));
}

#[tokio::test]
async fn a_host_has_one_reading_and_the_certificate_must_cover_it() {
    let world = World::with("[[route]]\npath = \"/x\"\nhost = \"admin.localhost\"\naccess = \"signed_in\"\nupstream = \"app\"\n[[route]]\npath = \"/x\"\naccess = \"public\"\nupstream = \"app\"\n").await;
    let port = world.gateway.address().port();
    for (host, expected) in [
        (format!("localhost:{port}"), 200),
        ("LOCALHOST".into(), 200),
        (format!("admin.localhost:{port}"), 401),
        ("ADMIN.LocalHost".into(), 401),
        (format!("admin.localhost.:{port}"), 401),
        ("[::1]".into(), 200),
        ("[::1%25eth0]".into(), 400),
        ("127.0.0.1".into(), 200),
        ("localhost:99999".into(), 400),
        ("localhost:80:80".into(), 400),
        ("user@localhost".into(), 400),
        ("localhost/x".into(), 400),
        ("local host".into(), 400),
        ("".into(), 400),
        ("app.test".into(), 421),
        ("localhost.evil.test".into(), 421),
    ] {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(status(&wire.answer().await), expected, "{host}");
    }
    for (lines, expected) in [
        ("", 400),
        ("Host: localhost\r\nHost: localhost\r\n", 400),
        ("Host: localhost\r\nhost: admin.localhost\r\n", 400),
    ] {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!("GET /x HTTP/1.1\r\n{lines}\r\n")).await;
        assert_eq!(status(&wire.answer().await), expected, "{lines}");
    }
    let twice = world.client().h2().get("/x").header("host", "admin.localhost").send().await;
    assert_eq!(twice.status, 400, ":authority and Host disagree");
}

#[tokio::test]
async fn headers_that_name_another_path_change_nothing() {
    let world = World::start().await;
    for client in world.clients() {
        let mut call = client.get("/admin/x").fetch();
        for name in [
            "x-forwarded-uri",
            "x-original-url",
            "x-rewrite-url",
            "x-forwarded-prefix",
            "x-matched-path",
            "x-invoke-path",
            "x-middleware-rewrite",
        ] {
            call = call.header(name, "/public/x");
        }
        assert_eq!(call.send().await.status, 401);
    }
    assert!(world.upstream.seen().is_empty());
}

#[tokio::test]
async fn what_an_operator_allows_encoded_goes_on_byte_for_byte() {
    let world = World::with("[paths]\nallow_encoded = [\"%\", \"?\", \"#\"]\n").await;
    for target in ["/public/100%25", "/public/a%3Fb", "/public/a%23b"] {
        assert_eq!(ask(&world, target).await, 200, "{target}");
        assert_eq!(world.upstream.last().target(), target);
    }
    for target in ["/public/a%2fb", "/public/%5c", "/public/%00", "/public/%252e%252e/admin/x%"] {
        assert_eq!(ask(&world, target).await, 400, "{target}");
    }
}

/// Fuzzed targets over kept connections: whatever the upstream gets falls, read as leniently as anyone reads, under a
/// public rule; and reading the forwarded path again gives the same path.
#[tokio::test]
async fn a_fuzzed_target_never_reaches_the_upstream_under_another_rule() {
    let world = World::start().await;
    let piece = prop_oneof![
        4 => "/|//|public|admin|_next|static|x|dashboard",
        3 => "\\.|\\.\\.|%2e|%2E|%2f|%5c|;|%3b|%25|%00|%c0%af|é|\\.rsc|\\.json|\\?|#|%61|\\.segments/",
    ];
    let target = proptest::collection::vec(piece, 0..9).prop_map(|v| format!("/public/{}", v.concat()));
    let mut runner = TestRunner::deterministic();
    let mut wire = Wire::open(&world.client()).await;
    for _ in 0..2500 {
        let target = target.new_tree(&mut runner).unwrap().current();
        wire.send(get(&world, &target)).await;
        let answer = wire.answer().await;
        assert!(matches!(status(&answer), 200 | 400 | 401 | 404), "{target}: {answer}");
        if answer.to_ascii_lowercase().contains("connection: close") {
            wire = Wire::open(&world.client()).await;
        }
    }
    let seen = world.upstream.seen();
    assert!(seen.len() > 100, "{}", seen.len());
    let rules = sidgate::config::Paths::default();
    for seen in seen {
        let path = seen.target().split('?').next().unwrap();
        assert_eq!(sidgate::path::canonical(path, &rules).as_deref(), Ok(path));
        let read = most_lenient(path);
        assert!(!read.starts_with("/admin") && !read.starts_with("/dashboard"), "{path}");
        assert!(read == "/public" || read.starts_with("/public/"), "{path} is {read}");
    }
}

#[tokio::test]
async fn methods_that_are_no_ones_business_are_answered_405() {
    let world = World::start().await;
    let host = world.client().authority();
    for request in [
        format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("TRACE /public/x HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    ] {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(&request).await;
        assert_eq!(status(&wire.answer().await), 405, "{request}");
    }
    let trace = world.client().h2().call(Method::TRACE, "/public/x").send().await;
    assert_eq!(trace.status, 405);
    assert!(world.upstream.seen().is_empty());
}

/// Django makes `POST` of `post`; a rule for POST must not be passed by under that name.
#[tokio::test]
async fn a_method_in_small_letters_is_no_way_past_the_rule_of_the_method() {
    let rule = |more: &str| format!("[[route]]\npath = \"/mixed\"\nupstream = \"app\"\n{more}\n");
    let two = rule("methods = [\"POST\"]\naccess = \"signed_in\"") + &rule("access = \"public\"");
    let world = World::with(&two).await;
    for client in world.clients() {
        let call = |method: &str| client.call(Method::from_bytes(method.as_bytes()).unwrap(), "/mixed").fetch();
        assert_eq!(call("GET").send().await.status, 200);
        assert_eq!(call("POST").send().await.status, 401);
        for method in ["post", "Post", "POSt", "trace", "connect", "get"] {
            assert_eq!(call(method).send().await.status, 405, "{method}");
        }
        assert_eq!(call("PROPFIND").send().await.status, 200, "methods of others go on as they are");
    }
    assert!(world.upstream.seen().iter().all(|s| s.line().starts_with("GET ") || s.line().starts_with("PROPFIND ")));
}
