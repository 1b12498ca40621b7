//! What holds behind every proxy: who the client is, and that nothing a browser writes changes that.

use http::{Method, Request};
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::support::upstream::{Gate, until};
use crate::support::wire::{Connection, next, pieces, status};
use crate::support::{Client, Step, Wire, World};

/// The browser's address.
const BROWSER: &str = "127.0.0.2";

/// Every one of them. The gateway's `per_client` limit on sign-in is two an hour.
pub(super) async fn all(world: &World, browser: &Client) {
    let port = browser.authority().rsplit(':').next().unwrap().to_owned();
    for client in [browser.clone(), browser.clone().h2()] {
        nothing_that_a_browser_writes_wins(world, &client, &port).await;
        redirects_keep_the_public_address(world, &client).await;
        what_is_streamed_arrives_as_it_is_made(world, &client).await;
    }
    a_session_is_made_and_used(world, browser).await;
    a_websocket_opens(world, browser).await;
    limits_are_the_browser_s_own(browser).await;
    the_log_names_the_browser(world).await;
}

async fn nothing_that_a_browser_writes_wins(world: &World, client: &Client, port: &str) {
    for forged in ["203.0.113.9", "127.0.0.1", "10.0.0.1, 127.0.0.1", "::1", "", "evil"] {
        let call = client
            .get("/public/where?x=%2f")
            .header("x-forwarded-for", forged)
            .header("x-forwarded-proto", "http")
            .header("x-forwarded-host", "evil.test")
            .header("x-forwarded-port", "1")
            .header("forwarded", "for=203.0.113.9;proto=http;host=evil.test")
            .header("x-real-ip", "203.0.113.9")
            .header("cf-connecting-ip", "203.0.113.9");
        let answer = call.send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let seen = world.upstream.last();
        let told = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "host", "x-forwarded-port"];
        let host = format!("localhost:{port}");
        assert_eq!(
            told.map(|name| seen.header(name)),
            [Some(BROWSER), Some("https"), Some(&*host), Some(&*host), Some(port)],
            "{forged}"
        );
        assert_eq!(seen.target(), "/public/where?x=%2f");
        for gone in ["forwarded", "x-real-ip", "cf-connecting-ip"] {
            assert_eq!(seen.header(gone), None);
        }
    }
}

async fn redirects_keep_the_public_address(world: &World, client: &Client) {
    let answer = client.get("/dashboard").navigate().send().await;
    let location = answer.header("location").unwrap();
    let own = location.strip_prefix(&client.origin()).unwrap_or(location);
    assert!(answer.status == 302 && own.starts_with("/auth/signin?"), "{location}");
    // An application that builds addresses of what it sees of the connection.
    let internal = format!("Location: http://{}/public/there", world.upstream.address);
    world.upstream.answers("/public/away", "307 Temporary Redirect", &[&internal], "");
    let answer = client.get("/public/away").send().await;
    assert_eq!(answer.header("location"), Some(&*(client.origin() + "/public/there")));
}

async fn a_session_is_made_and_used(world: &World, browser: &Client) {
    let credentials = json!({"email": "alice@acme.test", "password": sidgate::demo::PASSWORD});
    let sign_in = |client: &Client| client.call(Method::POST, "/api/auth/session-v2").json(&credentials);
    for origin in ["https://evil.test", "https://localhost", &browser.origin().replace("https", "http")] {
        let answer = sign_in(browser).header("origin", origin).send().await;
        assert_eq!(answer.status, 403, "{origin}");
    }
    let answer = sign_in(browser).same_origin().send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let line = answer.set_cookies().into_iter().find(|line| line.starts_with("sid=")).unwrap();
    assert!(line.contains("; Secure") && !line.contains("Domain="), "{line}");
    let cookie = format!("sid={}", answer.sid().unwrap());
    for client in [browser.clone(), browser.clone().h2()] {
        let page = client.get("/acme/dashboard/x").cookie(&cookie).navigate().send().await;
        assert_eq!((page.status, world.upstream.last().header("x-auth-user-id")), (200, Some("1")));
    }
    // The larger part of old cookie jars, and an answer with as much.
    let jar = format!("{cookie}; old={}", "x".repeat(7000));
    assert_eq!(browser.get("/acme/dashboard/x").cookie(&jar).navigate().send().await.status, 200);
    let link = format!("Link: <{}>", "x".repeat(10_000));
    world.upstream.answers("/acme/dashboard/links", "200 OK", &[&link], "ok");
    assert_eq!(browser.get("/acme/dashboard/links").cookie(&cookie).navigate().send().await.status, 200);
    let answer = browser.call(Method::DELETE, "/api/auth/session-v2").cookie(&cookie).same_origin().send().await;
    assert!(answer.status == 204 && answer.set_cookies().iter().any(|line| line.starts_with("sid=;")), "{answer:?}");
    assert_eq!(browser.get("/acme/dashboard/x").cookie(&cookie).fetch().send().await.status, 401);
}

async fn what_is_streamed_arrives_as_it_is_made(world: &World, client: &Client) {
    let gate = Gate::new();
    let begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n".to_vec();
    let end = b"6\r\nsecond\r\n0\r\n\r\n".to_vec();
    let path = format!("/public/stream{}", usize::from(client.h2));
    world.upstream.on(&path, [Step::Body, Step::Send(begin), Step::Wait(gate.clone()), Step::Send(end)]);
    let mut connection = Connection::open(client).await;
    let mut body = connection.get(&path).await.into_body();
    assert_eq!(next(&mut body).await.unwrap(), "first");
    gate.open();
    assert_eq!(next(&mut body).await.unwrap(), "second");
    // The other way.
    let path = format!("/public/upload{}", usize::from(client.h2));
    let (pieces, body) = pieces();
    let call = tokio::spawn({
        let request = Request::post(&path).body(body).unwrap();
        async move { connection.send(request).await.unwrap().status() }
    });
    pieces.send(Frame::data("first".into())).await.unwrap();
    let upstream = world.upstream.clone();
    until("the first piece is there", || upstream.seen_at(&path).iter().any(|seen| seen.text().contains("first")))
        .await;
    drop(pieces);
    assert_eq!(call.await.unwrap(), 200);
}

async fn a_websocket_opens(world: &World, browser: &Client) {
    world.upstream.on("/public/ws", [Step::Echo]);
    let mut wire = Wire::open(browser).await;
    wire.send(format!(
        "GET /public/ws HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        browser.authority(),
        browser.origin()
    ))
    .await;
    let head = wire.head().await;
    assert_eq!(status(&head), 101, "{head}");
    assert_eq!(world.upstream.last().header("x-forwarded-for"), Some(BROWSER));
    wire.send("to and fro").await;
    assert_eq!(wire.bytes(10).await, b"to and fro");
    drop(wire);
    let upstream = world.upstream.clone();
    until("the tunnel's end is the upstream's", || upstream.seen_at("/public/ws").len() == 1).await;
}

/// One sign-in was counted already. Another forged address each time is no way past the limit, and the browsers of
/// another network have one of their own, though the proxy is the same.
async fn limits_are_the_browser_s_own(browser: &Client) {
    let attempt = async |from: [u8; 4], n: u8| {
        let wrong = json!({"email": format!("{n}@acme.test"), "password": "wrong"});
        let client = browser.clone().at(from);
        let call = client.call(Method::POST, "/api/auth/session-v2").same_origin().json(&wrong);
        call.header("x-forwarded-for", format!("203.0.{n}.1")).send().await.status
    };
    assert_eq!(attempt([127, 0, 0, 2], 1).await, 401);
    assert_eq!((attempt([127, 0, 0, 2], 2).await, attempt([127, 0, 0, 3], 3).await), (429, 429));
    assert_eq!(attempt([127, 0, 1, 2], 4).await, 401);
}

async fn the_log_names_the_browser(world: &World) {
    let lines = world.gateway.log_lines(1).await;
    let clients =
        lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["client"].as_str().unwrap().to_owned());
    let strangers: Vec<String> = clients.filter(|c| c != BROWSER && c != "127.0.0.3" && c != "127.0.1.2").collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}
