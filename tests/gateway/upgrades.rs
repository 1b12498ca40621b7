//! WebSockets: checked on both sides, then bytes both ways.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::upstream::{answer, until};
use crate::support::wire::status;
use crate::support::{Step, Wire, World};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A handshake with these header lines besides what it needs.
async fn shake(world: &World, path: &str, lines: &str) -> (Wire, String) {
    let mut wire = Wire::open(&world.client()).await;
    let host = world.client().authority();
    wire.send(format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nAccept: application/json\r\n{lines}\r\n"
    ))
    .await;
    let head = wire.head().await;
    (wire, head)
}

fn origin(world: &World) -> String {
    format!("Origin: {}\r\n", world.client().origin())
}

#[tokio::test]
async fn a_tunnel_carries_the_bytes_of_both_sides_as_they_are() {
    let world = World::start().await;
    world.upstream.on("/api/ws", [Step::Echo]);
    let cookie = world.sign_in("alice@acme.test").await;
    let (mut wire, head) = shake(
        &world,
        "/api/ws",
        &format!("{}Cookie: {cookie}\r\nSec-WebSocket-Protocol: vite-hmr\r\n", origin(&world)),
    )
    .await;
    assert_eq!(status(&head), 101, "{head}");
    let lower = head.to_ascii_lowercase();
    assert!(
        lower.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=")
            && lower.contains("connection: upgrade")
            && lower.contains("upgrade: websocket"),
        "{head}"
    );
    let every_byte: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    wire.send(&every_byte).await;
    assert_eq!(wire.bytes(10_000).await, every_byte);
    let seen = world.upstream.last();
    assert_eq!(
        (seen.header("x-auth-user-id"), seen.header("cookie"), seen.header("upgrade")),
        (Some("1"), None, Some("websocket"))
    );
    assert_eq!(
        (seen.header("sec-websocket-protocol"), seen.header("sec-websocket-key")),
        (Some("vite-hmr"), Some(KEY))
    );
    drop(wire);
    until("the browser's end is the upstream's", || world.upstream.open() == 0).await;
}

/// An echo writes as it reads: were one way to wait for the other, both sides would wait for ever.
#[tokio::test]
async fn a_side_that_writes_much_before_it_reads_does_not_stop_the_other() {
    const TOTAL: usize = 32 * 1024 * 1024;
    let world = World::start().await;
    world.upstream.on("/public/ws", [Step::Echo]);
    let (wire, head) = shake(&world, "/public/ws", &origin(&world)).await;
    assert_eq!(status(&head), 101);
    let (mut read, mut write) = tokio::io::split(wire.stream);
    let writing = tokio::spawn(async move {
        for _ in 0..TOTAL / 65536 {
            write.write_all(&[7; 65536]).await.unwrap();
        }
        write.flush().await.unwrap();
        write
    });
    let mut got = 0;
    let mut block = vec![0; 65536];
    while got < TOTAL {
        let n = tokio::time::timeout(Duration::from_secs(10), read.read(&mut block))
            .await
            .expect("the tunnel stands still")
            .unwrap();
        assert!(n > 0);
        got += n;
    }
    drop(writing.await.unwrap());
}

#[tokio::test]
async fn a_tunnel_opens_only_behind_the_right_accept() {
    let world = World::start().await;
    let wrong = |lines: &str| Step::Send(format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\nsecret").into_bytes());
    let right = crate::support::upstream::accept(KEY);
    for (path, lines) in [
        (
            "/public/wrong",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"
                .to_owned(),
        ),
        ("/public/none", "Upgrade: websocket\r\nConnection: Upgrade\r\n".to_owned()),
        ("/public/other", format!("Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {right}\r\n")),
        ("/public/bare", format!("Sec-WebSocket-Accept: {right}\r\n")),
    ] {
        world.upstream.on(path, [wrong(&lines), Step::Hang]);
        let (mut wire, head) = shake(&world, path, &origin(&world)).await;
        assert_eq!(status(&head), 502, "{path}: {head}");
        let length = head.to_ascii_lowercase().lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
        assert!(!String::from_utf8_lossy(&wire.bytes(length.unwrap()).await).contains("secret"), "{path}");
        wire.send("GET /admin/x HTTP/1.1\r\n\r\n").await;
        assert_eq!(status(&wire.answer().await), 400, "what follows is a request like any other");
    }
    assert!(world.upstream.seen_at("/admin/x").is_empty());
}

#[tokio::test]
async fn an_upstream_that_does_not_switch_answers_as_ever_and_what_follows_is_judged() {
    let world = World::start().await;
    world.upstream.on(
        "/public/ws",
        [Step::Send(answer("426 Upgrade Required", &["Upgrade: websocket", "Connection: Upgrade"], "no"))],
    );
    let (mut wire, head) = shake(&world, "/public/ws", &origin(&world)).await;
    assert_eq!(status(&head), 426);
    assert!(!head.to_ascii_lowercase().contains("upgrade:"), "{head}");
    assert_eq!(wire.bytes(2).await, b"no");
    let host = world.client().authority();
    wire.send(format!("GET /admin/x HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n")).await;
    assert_eq!(status(&wire.answer().await), 401);
}

#[tokio::test]
async fn only_pages_of_ours_and_those_allowed_open_a_tunnel_with_a_cookie() {
    let world = World::with("[[route]]\npath = \"/allowed\"\naccess = \"optional\"\nupstream = \"app\"\nallowed_origins = [\"https://partner.test\"]\n").await;
    for path in ["/api/ws", "/allowed", "/optional", "/public/ws"] {
        world.upstream.on(path, [Step::Echo]);
    }
    let cookie = format!("Cookie: {}\r\n", world.sign_in("alice@acme.test").await);
    let own = origin(&world);
    let (foreign, partner) = ("Origin: https://evil.test\r\n", "Origin: https://partner.test\r\n");
    let http = own.replace("https", "http");
    for (path, lines, expected) in [
        ("/api/ws", own.clone() + &cookie, 101),
        ("/api/ws", own.clone(), 401),
        ("/api/ws", foreign.to_owned() + &cookie, 403),
        ("/api/ws", partner.to_owned() + &cookie, 403),
        ("/api/ws", "Origin: null\r\n".to_owned() + &cookie, 403),
        ("/api/ws", http + &cookie, 403),
        ("/api/ws", own.clone() + foreign + &cookie, 403),
        ("/api/ws", foreign.to_owned() + &own + &cookie, 403),
        ("/api/ws", cookie.clone(), 403),
        ("/optional", cookie.clone(), 403),
        ("/optional", String::new(), 101),
        ("/public/ws", String::new(), 101),
        ("/public/ws", foreign.to_owned(), 403),
        ("/allowed", partner.to_owned() + &cookie, 101),
        ("/allowed", "Origin: https://partner.test.evil.test\r\n".to_owned() + &cookie, 403),
    ] {
        let (_, head) = shake(&world, path, &lines).await;
        assert_eq!(status(&head), expected, "{path} {lines}: {head}");
    }
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused() {
    let world = World::start().await;
    world.upstream.on("/public/ws", [Step::Echo]);
    let host = world.client().authority();
    for (method, lines) in [
        ("GET", "Sec-WebSocket-Version: 13\r\n".to_owned()),
        ("GET", format!("Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: {KEY}\r\n")),
        ("GET", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n".to_owned()),
        ("POST", format!("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n")),
    ] {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!(
            "{method} /public/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{lines}\r\n"
        ))
        .await;
        assert_eq!(status(&wire.answer().await), 400, "{method} {lines}");
    }
    assert!(world.upstream.seen().is_empty());
}

#[tokio::test]
async fn a_tunnel_in_which_nothing_moves_is_closed() {
    let world =
        World::with("[[route]]\npath = \"/idle\"\naccess = \"public\"\nupstream = \"app\"\nidle_timeout = \"1s\"\n")
            .await;
    world.upstream.on("/idle", [Step::Echo]);
    let (mut wire, head) = shake(&world, "/idle", &origin(&world)).await;
    assert_eq!(status(&head), 101);
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        wire.send("beat").await;
        assert_eq!(wire.bytes(4).await, b"beat", "as long as something moves it stays");
    }
    assert!(wire.closed().await);
    until("the upstream's side, too", || world.upstream.open() == 0).await;
}

#[tokio::test]
async fn a_tunnel_counts_among_the_connections() {
    let world = World::with("[server]\nmax_connections = 2\n").await;
    world.upstream.on("/public/ws", [Step::Echo]);
    let (first, head) = shake(&world, "/public/ws", &origin(&world)).await;
    let (_second, other) = shake(&world, "/public/ws", &origin(&world)).await;
    assert_eq!((status(&head), status(&other)), (101, 101));
    let third = tokio::spawn(world.client().get("/public/x").send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!third.is_finished(), "the third waits for one of the two");
    drop(first);
    assert_eq!(third.await.unwrap().status, 200);
}
