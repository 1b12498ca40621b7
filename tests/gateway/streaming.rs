//! Bytes go on as they come, both ways; nothing is gathered, and time limits are on silence.

use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use hyper::body::Frame;

use crate::support::upstream::{Gate, answer, until};
use crate::support::wire::{Connection, next, pieces, status};
use crate::support::{Step, Wire, World};

fn chunked(headers: &str) -> Step {
    Step::Send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{headers}\r\n").into_bytes())
}

fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

#[tokio::test]
async fn the_first_piece_arrives_before_the_upstream_has_written_the_second() {
    let world = World::start().await;
    let gate = Gate::new();
    let script = [
        Step::Body,
        chunked("Content-Type: text/event-stream\r\n"),
        send("8\r\ndata: 1\n\r\n"),
        Step::Wait(gate.clone()),
        send("8\r\ndata: 2\n\r\n0\r\n\r\n"),
    ];
    world.upstream.on("/public/sse", script);
    for client in world.clients() {
        let mut answer = Connection::open(&client).await.get("/public/sse").await;
        let body = answer.body_mut();
        assert_eq!(next(body).await.unwrap(), "data: 1\n");
        gate.open();
        assert_eq!(next(body).await.unwrap(), "data: 2\n");
        assert_eq!(next(body).await.unwrap(), "");
    }
}

#[tokio::test]
async fn the_upstream_has_the_first_piece_of_an_upload_before_the_browser_sends_the_second() {
    let world = World::start().await;
    for (i, client) in world.clients().into_iter().enumerate() {
        let (sender, body) = pieces();
        let mut connection = Connection::open(&client).await;
        let sending = tokio::spawn(async move {
            connection.send(Request::post("/public/up").body(body).unwrap()).await.unwrap().status()
        });
        sender.send(Frame::data("first".into())).await.unwrap();
        until("the first piece", || world.upstream.seen().get(i).is_some_and(|s| s.text().contains("first"))).await;
        assert!(!world.upstream.last().whole);
        sender.send(Frame::data("second".into())).await.unwrap();
        drop(sender);
        assert_eq!(sending.await.unwrap(), 200);
        assert!(world.upstream.last().text().contains("second"));
    }
}

#[tokio::test]
async fn a_browser_that_does_not_read_stops_the_upstream_and_not_the_memory() {
    const TOTAL: u64 = 200 * 1024 * 1024;
    let world = World::start().await;
    world
        .upstream
        .on("/public/big", [send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n")), Step::Flood(TOTAL)]);
    for client in world.clients() {
        let before = world.upstream.flooded();
        let answer = Connection::open(&client).await.get("/public/big").await;
        // Written until every buffer on the way is full, the kernel's included, and not a byte more.
        let mut last = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = world.upstream.flooded() - before;
            if now == last && now > 0 {
                break;
            }
            last = now;
        }
        assert!(last < 40 * 1024 * 1024, "{last} bytes are on the way");
        drop(answer);
    }
    until("the browser's end ends the upstream's", || world.upstream.open() == 0).await;
}

#[tokio::test]
async fn an_upload_of_64_mib_arrives_whole() {
    let world = World::start().await;
    let body = vec![b'u'; 64 * 1024 * 1024];
    for client in world.clients() {
        assert_eq!(client.call(http::Method::POST, "/public/up").body(body.clone()).send().await.status, 200);
        let seen = world.upstream.last();
        assert!(seen.whole && seen.wire.len() == body.len(), "{}", seen.wire.len());
    }
}

#[tokio::test]
async fn a_body_may_take_longer_than_any_limit_as_long_as_it_goes_on() {
    let routes = "[[route]]\npath = \"/slow\"\naccess = \"public\"\nupstream = \"app\"\nresponse_timeout = \"1s\"\nidle_timeout = \"1s\"\n";
    let world = World::with(routes).await;
    world.upstream.on(
        "/slow",
        [Step::Body, send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), Step::Drip(Duration::from_millis(300), 10)],
    );
    let answers = world.clients().map(|client| tokio::spawn(client.get("/slow").send()));
    for answer in answers {
        let answer = answer.await.unwrap();
        assert_eq!((answer.status, answer.text().len(), answer.cut_off), (200, 10, false));
    }
}

#[tokio::test]
async fn an_upstream_that_falls_silent_in_its_answer_is_cut_off_visibly() {
    let routes = "[[route]]\npath = \"/half\"\naccess = \"public\"\nupstream = \"app\"\nidle_timeout = \"1s\"\n";
    let world = World::with(routes).await;
    world.upstream.on("/half", [chunked(""), send("4\r\nhalf\r\n"), Step::Hang]);
    for client in world.clients() {
        let answer = client.get("/half").send().await;
        assert_eq!((answer.status, answer.cut_off), (200, true), "half an answer never looks whole");
    }
    until("its connection closes", || world.upstream.open() == 0).await;
    world.upstream.on("/public/closed", [chunked(""), send("4\r\nhalf\r\n"), Step::Close]);
    world.upstream.on("/public/short", [send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), Step::Close]);
    for client in world.clients() {
        assert!(client.get("/public/closed").send().await.cut_off);
        assert!(client.get("/public/short").send().await.cut_off);
    }
    let lines = world.gateway.log_lines(6).await;
    assert!(lines.len() == 6 && lines.iter().all(|l| l.contains("\"cut_off\":true")), "{lines:?}");
}

#[tokio::test]
async fn answers_without_a_body_keep_their_length_and_their_connection() {
    let world = World::start().await;
    world
        .upstream
        .on("/public/head", [Step::Body, send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n")]);
    world.upstream.on(
        "/public/304",
        [Step::Body, send("HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n")],
    );
    world.upstream.on("/public/204", [Step::Body, send("HTTP/1.1 204 No Content\r\n\r\n")]);
    let host = world.client().authority();
    let mut wire = Wire::open(&world.client()).await;
    for (method, path, expected, length) in [
        ("HEAD", "head", 200, true),
        ("GET", "304", 304, false),
        ("GET", "204", 204, false),
        ("HEAD", "head", 200, true),
        ("HEAD", "../x", 400, false),
    ] {
        wire.send(format!("{method} /public/{path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let head = wire.head().await;
        assert_eq!(status(&head), expected, "{head}");
        assert_eq!(head.to_ascii_lowercase().contains("content-length: 1234"), length, "{head}");
    }
    let h2 = world.client().h2().call(http::Method::HEAD, "/public/head").send().await;
    assert_eq!((h2.status, h2.header("content-length")), (200, Some("1234")));
    assert_eq!(world.upstream.connections(), 1);
    let lines = world.gateway.log_lines(6).await;
    assert!(lines.iter().all(|l| !l.contains("cut_off")), "{lines:?}");
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_chunked_answer_and_never_after_half_of_one() {
    let world = World::start().await;
    world.upstream.on("/public/page", [Step::Body, chunked(""), send("4\r\npage\r\n0\r\n\r\n")]);
    for client in world.clients() {
        for _ in 0..3 {
            assert_eq!(client.get("/public/page").send().await.text(), "page");
        }
    }
    assert_eq!(world.upstream.connections(), 1, "as Next.js answers every page");
    world.upstream.on("/public/long", [Step::Body, chunked(""), send("4\r\npage\r\n"), Step::Hang]);
    let mut connection = Connection::open(&world.client()).await;
    let mut answer = connection.get("/public/long").await;
    assert_eq!(next(answer.body_mut()).await.unwrap(), "page");
    drop((answer, connection));
    until("the browser's end is the upstream's", || world.upstream.open() == 0).await;
}

#[tokio::test]
async fn trailers_of_an_answer_go_nowhere() {
    let world = World::start().await;
    let head = chunked("Trailer: X-Auth-User-Id\r\n");
    world.upstream.on("/public/x", [Step::Body, head, send("2\r\nok\r\n0\r\nX-Auth-User-Id: 1\r\nX-Sum: 2\r\n\r\n")]);
    let call = || Request::get("/public/x").header("te", "trailers").body(crate::support::wire::nothing()).unwrap();
    for client in world.clients() {
        let answer = Connection::open(&client).await.send(call()).await.unwrap();
        assert_eq!(answer.headers().get("trailer"), None);
        let whole = answer.into_body().collect().await.unwrap();
        assert!(whole.trailers().is_none());
        assert_eq!(whole.to_bytes(), "ok");
    }
    assert_eq!(world.upstream.connections(), 1);
}

#[tokio::test]
async fn many_that_wait_for_an_answer_hold_up_nobody_else() {
    let routes = "[[route]]\npath = \"/never\"\naccess = \"public\"\nupstream = \"app\"\nresponse_timeout = \"2s\"\n";
    let world = World::with(routes).await;
    world.upstream.on("/never", [Step::Hang]);
    world.upstream.on("/public/x", [Step::Send(answer("200 OK", &[], "ok"))]);
    let client = world.client().h2();
    let waiting: Vec<_> = (0..100).map(|_| tokio::spawn(client.get("/never").send())).collect();
    until("all wait", || world.upstream.seen_at("/never").len() == 100).await;
    assert_eq!(world.client().get("/public/x").send().await.status, 200);
    for one in waiting {
        assert_eq!(one.await.unwrap().status, 504);
    }
    until("nothing is kept", || world.upstream.open() <= 1).await;
}
