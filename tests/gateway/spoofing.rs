//! Nothing a client says about itself in the gateway's or the application's own words reaches the application.

use http::Method;
use http::{HeaderMap, HeaderValue, Request};
use hyper::body::Frame;

use crate::support::upstream::Seen;
use crate::support::wire::{Connection, pieces, status};
use crate::support::{Wire, World};

/// What only the gateway may say.
const OURS: [&str; 30] = [
    "X-Auth-Status",
    "X-Auth-User-Id",
    "X-Auth-Tenant-Id",
    "X-Auth-Tenant-Slug",
    "X-Auth-Onboarding",
    "X-Auth-Roles",
    "X-Auth-Permissions",
    "X-Auth-Session",
    "X-Auth-Freshness",
    "X-Auth-Assertion",
    "X-Auth-Anything",
    "X-Tenant-ID",
    "X-Session-ID",
    "X-Gateway-Key",
    "X-Client-Ip",
    "X-Original-URL",
    "X-Rewrite-URL",
    "Forwarded",
    "X-Real-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Uri",
    "X-Forwarded-User",
    "X-Forwarded-Anything",
    "X-Forwarded-Email",
];

/// What only Next.js may say to itself.
const NEXT: [&str; 12] = [
    "x-middleware-subrequest",
    "x-middleware-rewrite",
    "x-middleware-override-headers",
    "x-middleware-request-x-user-id",
    "x-invoke-path",
    "x-invoke-status",
    "x-matched-path",
    "x-now-route-matches",
    "x-nextjs-request-id",
    "next-resume",
    "x-next-resume-state-length",
    "x-prerender-revalidate",
];

const EVIL: &str = "evil";

/// Nothing of the evil is in it, in whatever header.
fn clean(seen: &Seen) {
    assert!(!seen.head.contains(EVIL), "{}", seen.head);
}

fn random_case(name: &str, seed: usize) -> String {
    name.chars()
        .enumerate()
        .map(|(i, c)| if (i * 7 + seed).is_multiple_of(3) { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect()
}

#[tokio::test]
async fn reserved_names_of_a_client_are_gone_on_every_kind_of_route() {
    let world = World::start().await;
    let cookie = world.sign_in("alice@acme.test").await;
    for path in ["/public/x", "/optional", "/auth/signin", "/dashboard"] {
        let signed_in = path == "/dashboard";
        for (seed, client) in world.clients().into_iter().enumerate() {
            let mut call = client.get(path);
            for name in OURS.iter().chain(&NEXT) {
                // Twice: a second value is no way past.
                call = call.header(&random_case(name, seed), EVIL).header(name, EVIL);
            }
            call = call.header("authorization", "session evil");
            let call = if signed_in { call.cookie(&cookie) } else { call };
            assert_eq!(call.send().await.status, 200, "{path}");
            let seen = world.upstream.last();
            clean(&seen);
            let expected = if signed_in { "authenticated" } else { "anonymous" };
            assert_eq!(seen.header("x-auth-status"), Some(expected), "{path}");
            if !signed_in {
                let auth: Vec<String> = seen.names().into_iter().filter(|n| n.starts_with("x-auth-")).collect();
                assert_eq!(auth, ["x-auth-status"], "absent, never empty");
            }
            assert_eq!((seen.header("x-tenant-id").is_some(), seen.header("authorization")), (signed_in, None));
        }
    }
}

#[tokio::test]
async fn every_other_spelling_of_a_reserved_name_is_refused() {
    let world = World::start().await;
    let mut wire = Wire::open(&world.client()).await;
    for (i, name) in OURS.iter().chain(&NEXT).filter(|n| n.contains('-')).enumerate() {
        for odd in "!#$%&'*+.^_`|~".chars() {
            let all = name.replace('-', &odd.to_string());
            let one = name.replacen('-', &odd.to_string(), 1);
            for alias in [random_case(&all, i), one] {
                let host = world.client().authority();
                wire.send(format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\n{alias}: {EVIL}\r\n\r\n")).await;
                let answer = wire.answer().await;
                assert!(status(&answer) == 400 && answer.contains("reserved_header"), "{alias}: {answer}");
            }
        }
    }
    let h2 = world.client().h2().get("/public/x").header("x_auth.user~id", EVIL).send().await;
    assert_eq!(h2.status, 400);
    assert!(world.upstream.seen().is_empty());
    // Names that only look alike are nobody's.
    let alike = world.client().get("/public/x").header("x-authority", "1").header("x_custom", "2").send().await;
    assert_eq!((alike.status, world.upstream.last().header("x_custom")), (200, Some("2")));
}

#[tokio::test]
async fn a_connection_header_takes_nothing_of_ours_away() {
    let world = World::start().await;
    let cookie = world.sign_in("alice@acme.test").await;
    let host = world.client().authority();
    let honest = world.client().get("/dashboard").cookie(&cookie).send().await;
    assert_eq!(honest.status, 200);
    let expected = world.upstream.last().names();
    let all = "x-auth-status, X-AUTH-USER-ID,x-auth-tenant-id, x-tenant-id, x-auth-session, x-auth-roles, x-auth-permissions, \
               x-auth-onboarding, x-auth-freshness, x-forwarded-proto, x-forwarded-for, x-forwarded-host, x-request-id, traceparent, host, COOKIE";
    for lines in [
        format!("Connection: close, {all}\r\n"),
        format!("connection: {all}\r\nCONNECTION: close\r\n"),
        format!("Connection: keep-alive\r\nConnection: {all}\r\nKeep-Alive: x\r\nProxy-Connection: x\r\n"),
    ] {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!("GET /dashboard HTTP/1.1\r\nHost: {host}\r\n{lines}Cookie: {cookie}; other=1\r\n\r\n")).await;
        assert_eq!(status(&wire.answer().await), 200);
        let seen = world.upstream.last();
        for name in expected.iter().chain([&"cookie".to_owned()]) {
            assert!(seen.names().contains(name), "{name} is missing: {}", seen.head);
        }
        for gone in ["connection", "keep-alive", "proxy-connection"] {
            assert_eq!(seen.header(gone), None, "{}", seen.head);
        }
        assert_eq!(seen.header("cookie"), Some("other=1"));
    }
}

#[tokio::test]
async fn trailers_of_a_request_reach_nobody() {
    let world = World::start().await;
    let host = world.client().authority();
    let mut wire = Wire::open(&world.client()).await;
    wire.send(format!(
        "POST /public/x HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: X-Auth-User-Id\r\n\r\n\
         3\r\nabc\r\n0\r\nX-Auth-User-Id: {EVIL}\r\nX-Other: {EVIL}\r\n\r\n"
    ))
    .await;
    assert_eq!(status(&wire.answer().await), 200);
    let (sender, body) = pieces();
    let mut connection = Connection::open(&world.client().h2()).await;
    let sending =
        tokio::spawn(
            async move { connection.send(Request::post("/public/x").body(body).unwrap()).await.unwrap().status() },
        );
    sender.send(Frame::data("abc".into())).await.unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-auth-user-id", HeaderValue::from_static(EVIL));
    sender.send(Frame::trailers(trailers)).await.unwrap();
    drop(sender);
    assert_eq!(sending.await.unwrap(), 200);
    let seen = world.upstream.seen();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        clean(&seen);
        assert_eq!(seen.text(), "3\r\nabc\r\n0\r\n\r\n");
        assert_eq!((seen.header("te"), seen.header("trailer")), (None, None));
    }
}

#[tokio::test]
async fn an_untrusted_peer_says_nothing_about_where_it_came_from() {
    let world = World::start().await;
    for client in world.clients() {
        let call = client.get("/public/x").header("x-forwarded-for", "203.0.113.9").header("x-forwarded-proto", "http");
        let call =
            call.header("x-forwarded-host", "evil.test").header("x-forwarded-port", "1").header("x-request-id", EVIL);
        let call = call
            .header("traceparent", "00-11111111111111111111111111111111-2222222222222222-01")
            .header("tracestate", EVIL);
        let answer = call.send().await;
        let seen = world.upstream.last();
        clean(&seen);
        assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
        assert_eq!(seen.header("x-forwarded-host"), Some(&*client.authority()));
        assert_eq!(seen.header("host"), Some(&*client.authority()), "the public host, with its port, from h2 too");
        assert_eq!(seen.header("x-forwarded-port"), client.authority().split(':').nth(1));
        assert_eq!(seen.header("x-request-id"), answer.header("x-request-id"));
        assert!(!seen.header("traceparent").unwrap().contains("1111111111"), "{}", seen.head);
        assert!(seen.line().ends_with("HTTP/1.1"));
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_and_only_what_it_wrote_itself() {
    let world = World::with("[server]\ntrusted_proxies = [\"127.0.0.1/32\", \"10.0.0.0/8\"]\n[[route]]\npath = \"/x\"\nhost = \"admin.test\"\naccess = \"signed_in\"\nupstream = \"app\"\n[[route]]\npath = \"/x\"\naccess = \"public\"\nupstream = \"app\"\n").await;
    for (lines, client) in [
        (vec!["198.51.100.7"], "198.51.100.7"),
        (vec!["evil, 198.51.100.7, 10.0.0.1"], "198.51.100.7"),
        (vec!["1.2.3.4, 198.51.100.7 , 10.0.0.1,10.9.9.9"], "198.51.100.7"),
        (vec!["1.2.3.4", "198.51.100.7", "10.0.0.1"], "198.51.100.7"),
        (vec!["1.2.3.4, 198.51.100.7:4711"], "198.51.100.7"),
        (vec!["[2001:db8::1]:4711, ::ffff:10.0.0.1"], "2001:db8::1"),
        (vec!["1.2.3.4, evil, 10.0.0.1"], "10.0.0.1"),
        (vec!["10.0.0.2, 10.0.0.1"], "10.0.0.2"),
        (vec![""], "127.0.0.1"),
        (vec!["\u{e9}, 198.51.100.7"], "198.51.100.7"),
        (vec!["1.2.3.4", "\u{e9}, 198.51.100.7, 10.0.0.1"], "198.51.100.7"),
        (vec!["1.2.3.4", "\u{e9}"], "127.0.0.1"),
    ] {
        let mut call = world.client().get("/x").header("forwarded", "for=evil").header("x-real-ip", EVIL);
        for line in &lines {
            call = call.header("x-forwarded-for", line);
        }
        assert_eq!(call.send().await.status, 200);
        let seen = world.upstream.last();
        clean(&seen);
        assert_eq!(seen.header("x-forwarded-for"), Some(client), "{lines:?}");
    }
    let traced = "00-11111111111111111111111111111111-2222222222222222-01";
    let call = world.client().get("/x").header("x-forwarded-proto", "https").header("x-forwarded-proto", "wss, http");
    let call = call
        .header("x-forwarded-host", "first.test, Public.Test.:8080")
        .header("traceparent", traced)
        .header("tracestate", "a=b");
    assert_eq!(call.send().await.status, 200);
    let seen = world.upstream.last();
    assert_eq!((seen.header("x-forwarded-proto"), seen.header("x-forwarded-port")), (Some("http"), Some("8080")));
    assert_eq!(
        (seen.header("x-forwarded-host"), seen.header("host")),
        (Some("public.test:8080"), Some("public.test:8080"))
    );
    assert_eq!((seen.header("traceparent"), seen.header("tracestate")), (Some(traced), Some("a=b")));
    // Routes go by the host that the browser asked for, and it is read as strictly as Host.
    let named = |host: &str| world.client().get("/x").fetch().header("x-forwarded-host", host).send();
    assert_eq!(named("admin.test").await.status, 401);
    assert_eq!(named("ADMIN.test.").await.status, 401);
    for bad in ["", "a b", "user@admin.test", "admin.test/", "admin.test,", "[::1%25lo]"] {
        assert_eq!(named(bad).await.status, 400, "{bad}");
    }
    let foreign =
        world.client().get("/x").header("host", "foreign.test").header("x-forwarded-host", "localhost").send().await;
    assert_eq!(foreign.status, 421, "the certificate is held against Host, not against what the proxy says");
}

#[tokio::test]
async fn what_a_client_claims_to_be_is_no_way_in() {
    let world = World::start().await;
    for agent in ["GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0", "Googlebot"] {
        for path in ["/api/x", "/livez", "/readyz", "/metrics"] {
            let status = world.client().get(path).fetch().header("user-agent", agent).send().await.status;
            assert_eq!(status, if path == "/api/x" { 401 } else { 404 }, "{agent} {path}");
        }
    }
    let calls = world.backend.all_calls();
    let sid = "0b9f8c5e-7d1a-4f6e-9c2b-3a4d5e6f7081";
    let (short, long, upper) = (&sid[1..], format!("{sid}0"), sid.to_ascii_uppercase());
    for value in [
        "",
        "null",
        "undefined",
        "true",
        short,
        &long,
        &upper,
        &format!("{{{sid}}}"),
        &format!("urn:uuid:{sid}"),
        &format!("\"{sid}\""),
        &sid.replace('-', ""),
    ] {
        let answer = world.client().get("/api/x").fetch().cookie(&format!("sid={value}")).send().await;
        assert_eq!(answer.status, 401, "{value}");
    }
    assert_eq!(world.backend.all_calls(), calls, "nobody is asked about what is no sid");
    assert!(world.upstream.seen().is_empty());
}

/// C2: only a pair that is exactly `sid=` is one, and no lenient parser behind us finds another.
#[tokio::test]
async fn a_smuggled_sid_cookie_is_neither_read_nor_forwarded() {
    let world = World::start().await;
    let sid = world.sign_in("alice@acme.test").await;
    let value = &sid[4..];
    for pair in [
        format!("\u{2000}sid={value}"),
        format!("\u{a0}sid={value}"),
        format!("sid\u{2000}={value}"),
        format!("\tsid={value}"),
        format!("sid\t={value}"),
        format!("sid ={value}"),
        format!("=sid={value}"),
        format!("\"sid\"={value}"),
        format!("sid=\"{value}\""),
        format!("__Host-sid={value}"),
        format!("\u{2000}__Host-sid={value}"),
    ] {
        for client in world.clients() {
            let answer = client.get("/api/x").fetch().header("cookie", format!("a=1; {pair}; b=2")).send().await;
            assert_eq!(answer.status, 401, "{pair:?}");
            assert_eq!(client.get("/optional").header("cookie", format!("a=1; {pair}; b=2")).send().await.status, 200);
            let seen = world.upstream.last();
            assert!(!seen.head.contains(value), "{pair:?}: {}", seen.head);
            assert_eq!(
                (seen.header("cookie"), seen.header("x-auth-status")),
                (Some("a=1; b=2"), Some("anonymous")),
                "{pair:?}"
            );
        }
    }
    let other = world.client().get("/optional").header("cookie", "$Version=1; SID=x; theme=dark").send().await;
    assert_eq!((other.status, world.upstream.last().header("x-auth-status")), (200, Some("anonymous")));
}

#[tokio::test]
async fn what_browsers_send_for_next_goes_through_and_8_bit_values_as_they_are() {
    let world = World::start().await;
    let kept = [
        "rsc",
        "next-router-state-tree",
        "next-router-prefetch",
        "next-url",
        "next-action",
        "x-nextjs-data",
        "origin",
        "authorization",
        "x-custom",
    ];
    for client in world.clients() {
        let mut call = client.call(Method::POST, "/public/x").header("x-eight", b"\xe4\xf6\xff");
        for name in kept {
            call = call.header(name, "Bearer 1");
        }
        assert_eq!(call.body("x=1").send().await.status, 200);
        let seen = world.upstream.last();
        for name in kept {
            assert_eq!(seen.header(name), Some("Bearer 1"), "{name}");
        }
        assert_eq!((seen.header("x-eight"), seen.header("content-length")), (Some("\u{e4}\u{f6}\u{ff}"), Some("3")));
    }
}
