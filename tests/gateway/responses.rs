//! What an answer of the upstream may carry to the browser, and what is added to it.

use crate::support::{Answer, World};

const SID: &str = "0b9f8c5e-7d1a-4f6e-9c2b-3a4d5e6f7081";

#[tokio::test]
async fn identity_and_connection_headers_do_not_come_back() {
    let world = World::start().await;
    let headers = [
        "X-Auth-User-Id: 1",
        "x-auth-anything: 2",
        "X-AUTH-Session-Changed: 1",
        "X-Session-ID: 3",
        "X-Tenant-ID: 4",
        "Keep-Alive: timeout=5",
        "Connection: close, X-Hop",
        "X-Hop: 1",
        "Proxy-Authenticate: Basic",
        "Upgrade: h2c",
        "X-Own: kept",
    ];
    world.upstream.answers("/public/x", "200 OK", &headers, "ok");
    for client in world.clients() {
        let answer = client.get("/public/x").send().await;
        for name in [
            "x-auth-user-id",
            "x-auth-anything",
            "x-auth-session-changed",
            "x-session-id",
            "x-tenant-id",
            "keep-alive",
            "x-hop",
            "proxy-authenticate",
            "upgrade",
            "connection",
        ] {
            assert_eq!(answer.header(name), None, "{name}");
        }
        assert_eq!((answer.status, answer.header("x-own")), (200, Some("kept")));
    }
}

#[tokio::test]
async fn security_headers_are_added_only_where_the_upstream_set_none() {
    let world = World::start().await;
    let port = world.gateway.address().port();
    let own = [
        "Strict-Transport-Security: max-age=1",
        "X-Content-Type-Options: x",
        "Referrer-Policy: origin",
        "X-Frame-Options: DENY",
        "Content-Security-Policy: default-src 'self'",
    ];
    world.upstream.answers("/public/own", "200 OK", &own, "ok");
    world.upstream.answers(
        "/public/csp",
        "200 OK",
        &["Content-Security-Policy: img-src *; Frame-Ancestors 'none'"],
        "ok",
    );
    for client in world.clients() {
        let client = client.named("app.test");
        let bare = client.get("/public/x").send().await;
        let all = |a: &Answer, name: &str| {
            a.headers.get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(all(&bare, "strict-transport-security"), ["max-age=31536000"]);
        assert_eq!(all(&bare, "x-content-type-options"), ["nosniff"]);
        assert_eq!(all(&bare, "referrer-policy"), ["strict-origin-when-cross-origin"]);
        assert_eq!(all(&bare, "x-frame-options"), ["SAMEORIGIN"]);
        assert!(all(&bare, "content-security-policy").is_empty());
        let own = client.get("/public/own").send().await;
        assert_eq!(all(&own, "strict-transport-security"), ["max-age=1"]);
        assert_eq!(all(&own, "x-content-type-options"), ["x"]);
        assert_eq!(all(&own, "referrer-policy"), ["origin"]);
        assert_eq!(all(&own, "x-frame-options"), ["DENY"]);
        assert_eq!(all(&own, "content-security-policy"), ["default-src 'self'"]);
        assert_eq!(client.get("/public/csp").send().await.header("x-frame-options"), None, "the policy rules framing");
    }
    for local in ["localhost", "acme.localhost", "127.0.0.1"] {
        let answer = world.client().get("/public/x").header("host", format!("{local}:{port}")).send().await;
        assert_eq!((answer.status, answer.header("strict-transport-security")), (200, None), "{local}");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_of_ours() {
    let world = World::start().await;
    world.upstream.answers("/public/x", "200 OK", &["X-Request-Id: theirs"], "ok");
    let mut ids = Vec::new();
    for (path, status) in
        [("/public/x", 200), ("/api/x", 401), ("/nowhere", 404), ("/a%00", 400), ("/api/auth/session-v2", 401)]
    {
        let answer = world.client().get(path).fetch().header("x-request-id", "mine").send().await;
        assert_eq!(answer.status, status, "{path}");
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(id.len() == 36 && !ids.contains(&id), "{id}");
        ids.push(id);
    }
}

#[tokio::test]
async fn what_was_made_for_one_person_is_kept_by_no_shared_cache() {
    let world = World::start().await;
    let cookie = world.sign_in("alice@acme.test").await;
    for (sent, expected) in [
        (vec![], "private"),
        (vec!["Cache-Control: public, max-age=60, s-maxage=600"], "private, max-age=60"),
        (vec!["Cache-Control: no-store"], "no-store"),
        (vec!["Cache-Control: private, max-age=5"], "private, max-age=5"),
        (vec!["Cache-Control: max-age=60", "Cache-Control: public"], "private, max-age=60"),
        (vec!["Cache-Control: PUBLIC", "CDN-Cache-Control: max-age=60", "Surrogate-Control: max-age=60"], "private"),
        (vec!["Cache-Control: max-age=9", "Cache-Control: no-store"], "private, max-age=9, no-store"),
        (
            vec!["Cloudflare-CDN-Cache-Control: max-age=60", "X-Accel-Expires: 60", "Edge-Control: max-age=60"],
            "private",
        ),
    ] {
        let path = format!("/api/{}/{}", sent.len(), sent.join("").len());
        world.upstream.answers(&path, "200 OK", &sent, "ok");
        let answer = world.client().get(&path).fetch().cookie(&cookie).send().await;
        let lines: Vec<_> = answer.headers.get_all("cache-control").iter().collect();
        assert_eq!(
            (answer.status, lines.as_slice()),
            (
                200,
                &[expected][..]
                    .iter()
                    .map(|v| http::HeaderValue::from_static(v))
                    .collect::<Vec<_>>()
                    .iter()
                    .collect::<Vec<_>>()[..]
            ),
            "{sent:?}"
        );
        for name in ["cdn-cache-control", "surrogate-control", "cloudflare-cdn-cache-control", "x-accel-expires"] {
            assert!(answer.header(name).is_none(), "{name}");
        }
    }
    world.upstream.answers("/public/x", "200 OK", &["Cache-Control: public, max-age=60"], "ok");
    let public = world.client().get("/public/x").cookie(&cookie).send().await;
    assert_eq!(public.header("cache-control"), Some("public, max-age=60"), "a public answer was made for nobody");
}

#[tokio::test]
async fn cookies_of_the_upstream_come_through_in_order_but_for_the_session_s() {
    let routes = ["forward_sid", "may_set_session"].map(|flag| {
        format!("[[route]]\npath = \"/{flag}\"\naccess = \"optional\"\nupstream = \"app\"\n{flag} = true\n")
    });
    let world = World::with(&routes.concat()).await;
    let lines = [
        "Set-Cookie: a=1; Path=/; Expires=Wed, 21 Oct 2027 07:28:00 GMT".to_owned(),
        format!("Set-Cookie: sid={SID}; Path=/"),
        "Set-Cookie: b=2; HttpOnly".to_owned(),
        format!("Set-Cookie: __Host-sid={SID}; Secure; Path=/"),
        format!("Set-Cookie:  sid ={SID}"),
        "Set-Cookie: sid=; Max-Age=0".to_owned(),
        format!("Set-Cookie: \"sid\"={SID}"),
        format!("Set-Cookie: =sid={SID}; Path=/"),
        "Set-Cookie: sidebar=3".to_owned(),
        "Set-Cookie: a=4; Path=/x".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let kept = ["a=1; Path=/; Expires=Wed, 21 Oct 2027 07:28:00 GMT", "b=2; HttpOnly", "sidebar=3", "a=4; Path=/x"];
    let cookie = world.sign_in("alice@acme.test").await;
    for path in ["/public/x", "/optional", "/api/x", "/forward_sid", "/may_set_session"] {
        world.upstream.answers(path, "200 OK", &lines, "ok");
        for client in world.clients() {
            let answer = client.get(path).fetch().cookie(&format!("{cookie}; x=1")).send().await;
            assert_eq!(answer.status, 200, "{path}");
            let set = answer.set_cookies();
            let forwards = path == "/forward_sid";
            if forwards || path == "/may_set_session" {
                assert_eq!(set.len(), lines.len(), "{path} {set:?}");
            } else {
                assert_eq!(set, kept, "{path}");
            }
            let expected = if forwards { format!("{cookie}; x=1") } else { "x=1".into() };
            assert_eq!(world.upstream.last().header("cookie"), Some(&*expected), "{path}");
        }
    }
    assert!(world.gateway.admin("/metrics").await.1.contains("sidgate_set_cookie_dropped_total 36"));
}

/// Before it, nobody was signed in: what the application made was for anyone, but the cookie is not.
#[tokio::test]
async fn an_answer_that_sets_the_session_is_kept_by_no_shared_cache() {
    let world = World::with(
        "[[route]]\npath = \"/callback/{by}\"\naccess = \"public\"\nupstream = \"app\"\nmay_set_session = true\n",
    )
    .await;
    for (line, expected) in [(format!("Set-Cookie: sid={SID}"), "private"), ("Set-Cookie: a=1".into(), "public")] {
        let path = format!("/callback/{expected}");
        world.upstream.answers(&path, "200 OK", &["Cache-Control: public", &line], "ok");
        assert_eq!(world.client().get(&path).send().await.header("cache-control"), Some(expected), "{line}");
    }
}

#[tokio::test]
async fn an_internal_address_in_location_becomes_the_public_one() {
    let world = World::start().await;
    let (inner, port) = (world.upstream.address, world.upstream.address.port());
    let public = world.client().origin();
    for (i, (sent, expected)) in [
        (format!("http://{inner}/x?a=b#c"), format!("{public}/x?a=b#c")),
        (format!("https://{inner}"), format!("{public}/")),
        (format!("http://{inner}?q"), format!("{public}/?q")),
        (format!("http://localhost:{port}/x"), format!("{public}/x")),
        (format!("https://0.0.0.0:{port}/x"), format!("{public}/x")),
        ("/relative".into(), "/relative".into()),
        ("https://other.test/x".into(), "https://other.test/x".into()),
        (format!("https://other.test:{port}/x"), format!("https://other.test:{port}/x")),
        (format!("http://{inner}.evil.test/x"), format!("http://{inner}.evil.test/x")),
        (format!("{public}/x"), format!("{public}/x")),
        ("http://localhost:1/x".into(), "http://localhost:1/x".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/public/{i}");
        world.upstream.answers(&path, "307 Temporary Redirect", &[&format!("Location: {sent}")], "");
        for client in world.clients() {
            let answer = client.get(&path).send().await;
            assert_eq!((answer.status, answer.header("location")), (307, Some(&*expected)), "{sent}");
        }
    }
}

#[tokio::test]
async fn whatever_else_the_upstream_says_comes_through_as_it_is() {
    let world = World::start().await;
    let headers = [
        "Vary: rsc, next-router-state-tree",
        "ETag: W/\"x\"",
        "Content-Encoding: br",
        "X-Eight: \u{e4}",
        "Link: </a>; rel=preload",
        "Link: </b>; rel=preload",
        "X-Empty: ",
        "Clear-Site-Data: \"cache\"",
    ];
    for status in ["200 OK", "201 Created", "404 Not Found", "418 I'm a teapot", "500 Internal Server Error", "599 Odd"]
    {
        let path = format!("/public/{}", &status[..3]);
        world.upstream.answers(&path, status, &headers, "body");
        for client in world.clients() {
            let answer = client.get(&path).send().await;
            assert_eq!((answer.status.to_string(), answer.text()), (status[..3].to_owned(), "body".into()));
            assert_eq!(answer.headers.get_all("link").iter().count(), 2);
            assert_eq!(answer.headers.get("x-eight").unwrap().as_bytes(), "\u{e4}".as_bytes());
            for name in ["vary", "etag", "content-encoding", "x-empty", "clear-site-data"] {
                assert!(answer.headers.contains_key(name), "{name}");
            }
        }
    }
}
