//! Where one request ends and the next begins has one reading; what has two is refused or closes the connection.

use std::time::Duration;

use crate::support::upstream::answer;
use crate::support::wire::status;
use crate::support::{Step, Wire, World};

/// Sends bytes; gives every status that came back until the connection closes or rests.
async fn statuses(world: &World, bytes: &[u8]) -> Vec<u16> {
    let mut wire = Wire::open(&world.client()).await;
    wire.send(bytes).await;
    let mut all = Vec::new();
    while let Ok(answer) = tokio::time::timeout(Duration::from_millis(400), wire.answer()).await {
        if answer.is_empty() {
            break;
        }
        all.push(status(&answer));
    }
    all
}

fn post(world: &World, lines: &str, rest: &str) -> Vec<u8> {
    format!("POST /public/a HTTP/1.1\r\nHost: {}\r\n{lines}\r\n{rest}", world.client().authority()).into_bytes()
}

#[tokio::test]
async fn a_body_whose_length_has_two_readings_is_refused() {
    let world = World::start().await;
    let inner = "GET /admin/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (lines, rest) in [
        ("Content-Length: +5\r\n", "hello"),
        ("Content-Length: -5\r\n", "hello"),
        ("Content-Length: 0x5\r\n", "hello"),
        ("Content-Length: 5 5\r\n", "hello"),
        ("Content-Length: 5, 6\r\n", "hello!"),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
        ("Content-Length: \r\n", ""),
        ("Content-Length: 99999999999999999999999\r\n", "x"),
        ("Content-Length : 5\r\n", "hello"),
        ("Transfer-Encoding: identity\r\n", "hello"),
        ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
        (" Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("X: 1\r\n\tfolded\r\n", ""),
        ("X: 1\r\n folded\r\n", ""),
        ("X\0: 1\r\n", ""),
        ("X: a\0b\r\n", ""),
        ("X: a\rb\r\n", ""),
        ("no colon\r\n", ""),
        (": empty name\r\n", ""),
    ] {
        let mut bytes = post(&world, lines, rest);
        bytes.extend_from_slice(inner.as_bytes());
        assert_eq!(statuses(&world, &bytes).await, [400], "{lines:?}");
    }
    for line in [
        "POST /public/a HTTP/1.0",
        "POST  /public/a HTTP/1.1",
        "POST /public/a HTTP/1.1 ",
        "POST /public/a HTTP/2.0",
        "POST /public/a",
        "PO\0ST /public/a HTTP/1.1",
    ] {
        let bytes = format!("{line}\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
        let answers = statuses(&world, bytes.as_bytes()).await;
        assert!(matches!(answers.as_slice(), [400 | 505] | []), "{line:?}: {answers:?}");
    }
    assert!(world.upstream.seen().is_empty(), "{:?}", world.upstream.seen());
}

/// Where hyper takes what others take differently, the upstream sees one framing, and what follows is judged.
#[tokio::test]
async fn what_is_taken_leniently_reaches_the_upstream_in_one_reading() {
    let world = World::start().await;
    let host = world.client().authority();
    let inner = format!("GET /admin/smuggled HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
    for (lines, rest) in [
        // Transfer-Encoding overrules (RFC 9112 section 6.3).
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 100\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        ("Transfer-Encoding: CHUNKED\r\n", "5;ext=\"a;b\"\r\nhello\r\n0;x\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "0005\r\nhello\r\n000\r\n\r\n"),
        ("Connection: content-length\r\nContent-Length: 5\r\n", "hello"),
        ("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let before = world.upstream.seen().len();
        let mut bytes = post(&world, lines, rest);
        bytes.extend_from_slice(inner.as_bytes());
        let answers = statuses(&world, &bytes).await;
        let seen = world.upstream.seen().split_off(before);
        assert!(matches!(answers.as_slice(), [200, 401] | [200] | [400]), "{lines:?}: {answers:?}");
        for seen in &seen {
            assert_eq!(seen.target(), "/public/a", "{lines:?}");
            match (seen.header("content-length"), seen.header("transfer-encoding")) {
                (Some("5"), None) => assert_eq!(seen.text(), "hello", "{lines:?}"),
                (None, Some("chunked")) => assert_eq!(seen.text(), "5\r\nhello\r\n0\r\n\r\n", "{lines:?}"),
                other => panic!("{lines:?}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_chunked_body_that_is_none_never_looks_whole_to_the_upstream() {
    let world = World::start().await;
    for rest in [
        "5\nhello\n0\n\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello",
        "FFFFFFFFFFFFFFFFF\r\nhello",
        "\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: 1\nY: 2\r\n\r\n",
    ] {
        let before = world.upstream.seen().len();
        let inner = "GET /admin/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let mut bytes = post(&world, "Transfer-Encoding: chunked\r\n", rest);
        bytes.extend_from_slice(inner.as_bytes());
        let answers = statuses(&world, &bytes).await;
        let seen = world.upstream.seen().split_off(before);
        assert!(seen.iter().all(|s| s.target() == "/public/a"), "{rest:?} {seen:?}");
        assert!(seen.iter().all(|s| !s.whole || s.text() == "5\r\nhello\r\n0\r\n\r\n"), "{rest:?} {seen:?}");
        assert!(!answers.contains(&401) || answers == [200, 401], "{rest:?}: {answers:?}");
    }
}

#[tokio::test]
async fn an_upgrade_to_anything_but_a_websocket_is_dropped_and_what_follows_is_judged() {
    let world = World::start().await;
    world.upstream.answers("/public/h2c", "200 OK", &["Upgrade: h2c", "Connection: Upgrade"], "plain");
    let host = world.client().authority();
    let second = format!("GET /admin/x HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
    for (path, lines) in [
        ("/public/foo", "Upgrade: foo\r\nConnection: Upgrade\r\n"),
        ("/public/h2c", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        ("/public/h2c", "Upgrade: h2c, foo/2\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
    ] {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n{second}")).await;
        let first = wire.answer().await;
        assert_eq!(status(&first), 200);
        assert!(!first.to_ascii_lowercase().contains("upgrade"), "{first}");
        assert_eq!(status(&wire.answer().await), 401);
        let seen = world.upstream.last();
        assert_eq!(seen.target(), path);
        assert!(
            !seen.head.to_ascii_lowercase().contains("upgrade") && seen.header("http2-settings").is_none(),
            "{}",
            seen.head
        );
    }
    let old = format!(
        "GET /public/ws HTTP/1.0\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    assert_eq!(statuses(&world, old.as_bytes()).await, [200]);
    assert_eq!(world.upstream.last().header("upgrade"), None, "HTTP/1.0 has no upgrade");
}

#[tokio::test]
async fn an_upstream_that_switches_protocols_unasked_is_a_bad_gateway() {
    let world = World::start().await;
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\nraw bytes".to_vec();
    world.upstream.on("/public/x", [Step::Send(switch), Step::Hang]);
    for client in world.clients() {
        assert_eq!(client.get("/public/x").send().await.status, 502);
    }
    let host = world.client().authority();
    let second = format!("GET /admin/x HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
    let bytes =
        format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n{second}");
    assert_eq!(statuses(&world, bytes.as_bytes()).await, [502, 401]);
}

#[tokio::test]
async fn a_body_nobody_read_is_not_the_next_request() {
    let world = World::start().await;
    let host = world.client().authority();
    for length in [100, 1_000_000] {
        let inner = format!("GET /public/smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let body = inner.repeat(length / inner.len() + 1);
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!(
            "POST /api/x HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ))
        .await;
        assert_eq!(status(&wire.answer().await), 401, "at once, without the body");
        wire.send(&body).await;
        wire.send(format!("GET /public/second HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let second = wire.answer().await;
        assert!(matches!(status(&second), 200 | 0), "{second}");
    }
    assert!(world.upstream.seen_at("/public/smuggled").is_empty());
}

#[tokio::test]
async fn an_answer_before_the_end_of_an_upload_leaves_no_stranger_waiting_for_it() {
    let world = World::start().await;
    world.upstream.on("/public/early", [Step::Send(answer("413 Content Too Large", &[], "too large"))]);
    let host = world.client().authority();
    let mut wire = Wire::open(&world.client()).await;
    wire.send(format!("POST /public/early HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\nsome")).await;
    let early = wire.answer().await;
    assert_eq!(status(&early), 413, "{early}");
    // The upload goes on for as long as its browser likes; others get a connection of their own.
    for _ in 0..3 {
        let next = tokio::time::timeout(Duration::from_secs(3), world.client().get("/public/next").send()).await;
        assert_eq!(next.expect("nobody waits for a stranger's upload").status, 200);
    }
    assert!(world.upstream.seen_at("/public/next").iter().all(|s| s.connection != 0));
}

#[tokio::test]
async fn expect_100_continue_is_answered_here_and_only_when_the_body_is_wanted() {
    let world = World::start().await;
    let host = world.client().authority();
    let mut wire = Wire::open(&world.client()).await;
    wire.send(format!("POST /public/x HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"))
        .await;
    assert_eq!(status(&wire.head().await), 100);
    wire.send("hello").await;
    assert_eq!(status(&wire.answer().await), 200);
    let seen = world.upstream.last();
    assert_eq!((seen.header("expect"), seen.text()), (None, "hello".into()));
    let mut wire = Wire::open(&world.client()).await;
    wire.send(format!("POST /api/x HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")).await;
    assert_eq!(status(&wire.answer().await), 401);
}

#[tokio::test]
async fn interim_answers_of_the_upstream_are_consumed() {
    let world = World::start().await;
    let mut bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n".to_vec();
    bytes.extend(answer("200 OK", &[], "ok"));
    world.upstream.on("/public/x", [Step::Body, Step::Send(bytes)]);
    for client in world.clients() {
        let answer = client.get("/public/x").send().await;
        assert_eq!((answer.status, answer.text()), (200, "ok".into()));
    }
}

#[tokio::test]
async fn a_get_with_a_body_goes_on_with_it_or_without_but_never_splits_in_two() {
    let world = World::start().await;
    let host = world.client().authority();
    let inner = format!("GET /admin/x HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let bytes = format!("GET /public/a HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{inner}", inner.len());
    assert_eq!(statuses(&world, bytes.as_bytes()).await, [200]);
    assert_eq!(world.upstream.last().text(), inner);
    let chunk = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let bytes = format!("GET /public/b HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    assert_eq!(statuses(&world, bytes.as_bytes()).await, [200]);
    assert_eq!(world.client().get("/public/c").send().await.status, 200);
    let targets: Vec<String> = world.upstream.seen().iter().map(|s| s.target().to_owned()).collect();
    assert_eq!(targets, ["/public/a", "/public/b", "/public/c"]);
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_bad_gateway() {
    let world = World::start().await;
    for (i, bad) in [
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/public/{i}");
        world.upstream.on(&path, [Step::Body, Step::Send(bad.into()), Step::Close]);
        assert_eq!(world.client().get(&path).send().await.status, 502, "{bad:?}");
    }
}
