//! What one client may take, and that taking it holds up nobody else.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::client::Call;
use crate::support::wire::status;
use crate::support::{Client, Wire, World};

/// Fifteen cookies of the old days, one of them 3.8 KB, and more: about 8 KB.
fn legacy_jar() -> String {
    let mut jar = format!("jwt={}", "j".repeat(3800));
    for i in 0..20 {
        jar += &format!("; legacy_cookie_number_{i}={}", "v".repeat(190));
    }
    jar
}

fn jar_of(client: &Client, jar: &str) -> Call {
    // HTTP/2 splits the Cookie header (RFC 9113 section 8.2.3).
    if client.h2 {
        jar.split("; ").fold(client.get("/public/x"), |call, pair| call.cookie(pair))
    } else {
        client.get("/public/x").cookie(jar)
    }
}

#[tokio::test]
async fn the_largest_legitimate_cookie_jar_passes() {
    let world = World::start().await;
    let jar = legacy_jar();
    assert!(jar.len() > 8000);
    for client in world.clients() {
        let mut call = jar_of(&client, &jar).navigate();
        for i in 0..40 {
            call = call.header(&format!("x-other-{i}"), "value");
        }
        assert_eq!(call.send().await.status, 200);
        assert_eq!(world.upstream.last().header("cookie"), Some(&*jar));
    }
}

#[tokio::test]
async fn too_many_header_fields_are_answered_431() {
    let world = World::start().await;
    let host = world.client().authority();
    let lines: String = (0..140).map(|i| format!("x-{i}: 1\r\n")).collect();
    let mut wire = Wire::open(&world.client()).await;
    wire.send(format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")).await;
    assert_eq!(status(&wire.answer().await), 431);
    for n in [140, 1000] {
        let call = (0..n).fold(world.client().h2().get("/public/x"), |call, i| call.header(&format!("x-{i}"), "1"));
        assert_eq!(call.send().await.status, 431);
    }
    let crumbs = |n, call| (0..n).fold(call, |call: Call, i| call.cookie(&format!("c{i}=1")));
    let call = crumbs(1000, world.client().h2().get("/public/x"));
    assert_eq!(call.send().await.status, 431, "crumbs of a cookie count");
    let call = (0..101).fold(world.client().h2().get("/public/x"), |call, i| call.header(&format!("x-{i}"), "1"));
    assert_eq!(crumbs(180, call).send().await.status, 431, "and make no room for others");
    assert!(world.upstream.seen().is_empty());
}

/// As many as a browser keeps for a site, which over HTTP/1.1 is one field.
#[tokio::test]
async fn a_jar_of_many_small_cookies_passes_over_http_2_too() {
    let world = World::start().await;
    let jar: Vec<String> = (0..180).map(|i| format!("name_of_cookie_{i}=1")).collect();
    for client in world.clients() {
        let mut call = jar_of(&client, &jar.join("; ")).navigate();
        for i in 0..40 {
            call = call.header(&format!("x-other-{i}"), "value");
        }
        assert_eq!(call.send().await.status, 200, "HTTP/2: {}", client.h2);
        assert_eq!(world.upstream.last().header("cookie"), Some(&*jar.join("; ")));
    }
}

#[tokio::test]
async fn too_large_a_header_is_answered_431() {
    let world = World::with("[server]\nmax_header_bytes = \"16 KiB\"\n").await;
    let host = world.client().authority();
    for size in [17_000, 200_000, 3_000_000] {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\nx: {}\r\n\r\n", "a".repeat(size))).await;
        let answer = wire.answer().await;
        assert!(status(&answer) == 431 || (size > 100_000 && answer.is_empty()), "{size}: {answer}");
    }
    for size in [17_000, 60_000] {
        assert_eq!(world.client().h2().get("/public/x").header("x", "a".repeat(size)).send().await.status, 431);
    }
    assert_eq!(world.client().get("/public/x").header("x", "a".repeat(15_000)).send().await.status, 200);
    assert_eq!(world.client().h2().get("/public/x").header("x", "a".repeat(15_000)).send().await.status, 200);
    let long = format!("/public/{}", "a".repeat(70_000));
    let mut wire = Wire::open(&world.client()).await;
    wire.send(format!("GET {long} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let answer = wire.answer().await;
    assert!(matches!(status(&answer), 414 | 431 | 0), "{answer}");
    assert_eq!(world.upstream.seen().len(), 2);
}

#[tokio::test]
async fn a_header_that_does_not_come_closes_the_connection() {
    let world = World::with("[server]\nheader_timeout = \"1s\"\n").await;
    let mut silent = Wire::open(&world.client()).await;
    let mut started = Wire::open(&world.client()).await;
    started.send("GET /public/x HTTP/1.1\r\nHost: ").await;
    let mut idle = Wire::open(&world.client()).await;
    idle.send(format!("GET /public/x HTTP/1.1\r\nHost: {}\r\n\r\n", world.client().authority())).await;
    assert_eq!(status(&idle.answer().await), 200);
    let mut h2 = Wire::open(&world.client().h2()).await;
    let begun = Instant::now();
    for wire in [&mut silent, &mut started, &mut idle] {
        let rest = wire.answer().await;
        assert!(rest.is_empty() || status(&rest) == 408, "{rest}");
        assert!(wire.closed().await);
    }
    h2.bytes(1_000_000).await;
    assert!(h2.closed().await, "an HTTP/2 connection without a request");
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    // Drop by drop is no way past it: the limit is on the whole header.
    let mut drops = Wire::open(&world.client()).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        drops.send("x").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rest = drops.answer().await;
    assert!((rest.is_empty() || matches!(status(&rest), 400 | 408)) && drops.closed().await);
}

#[tokio::test]
async fn who_connects_and_says_nothing_holds_up_nobody() {
    let world = World::with("[server]\nhandshake_timeout = \"2s\"\n").await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(world.gateway.address()).await.unwrap());
    }
    let begun = Instant::now();
    assert_eq!(world.client().get("/public/x").send().await.status, 200);
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    for mut stream in silent {
        let end = tokio::time::timeout(Duration::from_secs(8), stream.read(&mut [0; 64])).await;
        assert!(matches!(end.expect("closed after the limit"), Ok(0) | Err(_)));
    }
}

/// Behind a balancer no certificate says which hosts there are, and a sign-out expires the cookie in every parent domain:
/// one of these made gigabytes of `Set-Cookie`, and then more lines than a header can have.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_many_labels_is_no_host_and_a_long_one_has_few_parents() {
    let world =
        World::with("[[listener]]\naddress = \"127.0.0.1:0\"\nmode = \"serve\"\ntrusted_peers = [\"127.0.0.1/32\"]\n")
            .await;
    let client = Client::http(world.gateway.addresses[1]);
    for (labels, expected) in [(10_000, 400), (128, 400), (120, 204)] {
        let host = "a.".repeat(labels) + "test";
        let call = client.call(http::Method::DELETE, "/api/auth/session-v2").header("host", &host);
        let answer = call.header("origin", format!("http://{host}")).send().await;
        assert_eq!(answer.status, expected, "{labels}");
        assert!(answer.set_cookies().len() <= 4 * 9, "{}", answer.set_cookies().len());
    }
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let world = World::with("[server]\nmax_connections = 2\n").await;
    let first = Wire::open(&world.client()).await;
    let _second = Wire::open(&world.client()).await;
    let third = tokio::spawn(world.client().get("/public/x").send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!third.is_finished());
    drop(first);
    assert_eq!(third.await.unwrap().status, 200);
}

/// HTTP/2 frames by hand: what a client library would not send.
mod frames {
    use super::*;
    use crate::support::upstream::Step;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        out.extend([kind, flags]);
        out.extend(stream.to_be_bytes());
        out.extend(payload);
        out
    }

    /// Literal fields without indexing, new names (RFC 7541 section 6.2.2).
    fn fields(list: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in list {
            out.push(0);
            out.push(u8::try_from(name.len()).unwrap());
            out.extend(name.as_bytes());
            out.push(u8::try_from(value.len()).unwrap());
            out.extend(*value);
        }
        out
    }

    async fn preface(world: &World) -> Wire {
        let mut wire = Wire::open(&world.client().h2()).await;
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        wire.send(frame(4, 0, 0, &[])).await;
        wire
    }

    fn head<'a>(path: &'a [u8], authority: &'a str) -> Vec<(&'a str, &'a [u8])> {
        vec![(":method", b"GET"), (":scheme", b"https"), (":authority", authority.as_bytes()), (":path", path)]
    }

    /// Nothing malformed reaches anyone: each on a connection of its own, and the gateway goes on.
    #[tokio::test]
    async fn a_malformed_http2_request_reaches_nobody() {
        let world = World::start().await;
        let authority = world.client().authority();
        let with = |extra: &[(&'static str, &'static [u8])]| {
            let mut list = head(b"/public/x", &authority);
            list.extend(extra);
            fields(&list)
        };
        let mut bad = vec![
            with(&[("x", b"a\r\nX-Auth-User-Id: 1")]),
            with(&[("x", b"a\nb")]),
            with(&[("x", b"a\0b")]),
            with(&[("x: y\r\nx-auth-user-id", b"1")]),
            with(&[("X-Upper", b"1")]),
            with(&[("connection", b"x-auth-status")]),
            with(&[("transfer-encoding", b"chunked")]),
            with(&[("upgrade", b"h2c")]),
            with(&[(":path", b"/admin/x")]),
            with(&[(":authority", b"app.test")]),
            with(&[(":evil", b"1")]),
            with(&[("content-length", b"5")]),
        ];
        for path in [&b"admin"[..], b"", b"/public/x\r\nX: 1", b"/public/x y", b"http://evil.test/public/x"] {
            bad.push(fields(&head(path, &authority)));
        }
        bad.push(fields(&[(":method", b"GET"), (":scheme", b"https"), (":path", b"/public/x")]));
        bad.push(fields(&[(":method", b"CONNECT"), (":authority", authority.as_bytes())]));
        bad.push(fields(&[
            (":method", b"CONNECT"),
            (":protocol", b"websocket"),
            (":scheme", b"https"),
            (":authority", authority.as_bytes()),
            (":path", b"/public/x"),
        ]));
        for block in bad {
            let mut wire = preface(&world).await;
            wire.send(frame(1, 5, 1, &block)).await;
            wire.send(frame(6, 0, 0, &[9; 8])).await;
            // Until it answers the ping or says good-bye.
            let _ = tokio::time::timeout(Duration::from_millis(150), wire.bytes(400)).await;
        }
        assert_eq!(world.client().h2().get("/public/good").send().await.status, 200);
        for seen in world.upstream.seen() {
            assert!(matches!(seen.target(), "/public/good" | "/public/x"), "{}", seen.head);
            assert!(
                seen.target() == "/public/good" || seen.names().iter().all(|n| n != "x" && n != "x-auth-user-id"),
                "{}",
                seen.head
            );
            assert_eq!(seen.header("x-auth-status"), Some("anonymous"));
            assert_eq!(seen.header("host"), Some(&*authority));
        }
    }

    #[tokio::test]
    async fn a_flood_of_continuations_or_resets_ends_the_connection() {
        let world = World::start().await;
        let authority = world.client().authority();
        let block = fields(&head(b"/public/x", &authority));
        let mut endless = preface(&world).await;
        endless.send(frame(1, 1, 1, &block)).await;
        let one = frame(9, 0, 1, &fields(&[("x-filler", &[b'a'; 120])]).repeat(100));
        for _ in 0..200 {
            endless.send(&one).await;
        }
        endless.bytes(usize::MAX).await;
        assert!(endless.closed().await);
        let mut resets = preface(&world).await;
        for i in 0..5000 {
            let stream = i * 2 + 1;
            resets.send([frame(1, 5, stream, &block), frame(3, 0, stream, &8u32.to_be_bytes())].concat()).await;
        }
        resets.bytes(usize::MAX).await;
        assert!(resets.closed().await);
        assert_eq!(world.client().get("/public/x").send().await.status, 200);
    }

    /// 4,000 references of one byte each to an indexed field: the list counts as decoded, not as sent.
    #[tokio::test]
    async fn a_small_block_that_decodes_to_a_large_header_is_answered_431() {
        let world = World::start().await;
        let authority = world.client().authority();
        let mut block = fields(&head(b"/public/x", &authority));
        block.extend([0x40, 1, b'x', 100]);
        block.extend([b'a'; 100]);
        block.extend([0x80 | 62; 4000]);
        let mut wire = preface(&world).await;
        wire.send(frame(1, 5, 1, &block)).await;
        let _ = tokio::time::timeout(Duration::from_secs(1), wire.bytes(4096)).await;
        // A literal status with the digits of 431, in the answer's HEADERS frame, or the stream is reset.
        assert!(world.upstream.seen().is_empty());
        assert_eq!(world.client().h2().get("/public/x").send().await.status, 200);
    }

    /// A window of no bytes is how an HTTP/2 client reads nothing, while its socket takes all there is.
    #[tokio::test]
    async fn a_stream_that_is_never_read_does_not_hold_the_upstream() {
        let world = World::with("[server]\nwrite_timeout = \"1s\"\n").await;
        let authority = world.client().authority();
        let head_of_answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n".to_vec();
        world.upstream.on("/public/x", [Step::Send(head_of_answer), Step::Flood(9_000_000)]);
        let mut wire = Wire::open(&world.client().h2()).await;
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        wire.send(frame(4, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
        for stream in 0..5u32 {
            wire.send(frame(1, 5, stream * 2 + 1, &fields(&head(b"/public/x", &authority)))).await;
        }
        for expected in [5, 0] {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
            while world.upstream.open() != expected {
                assert!(tokio::time::Instant::now() < deadline, "{expected} expected, {} open", world.upstream.open());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        assert_eq!(world.client().h2().get("/public/y").send().await.status, 200);
    }
}
