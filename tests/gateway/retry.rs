//! A request goes out twice only where that cannot be noticed, and an upstream that is not there is said so.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::Method;
use tokio::net::{TcpListener, TcpStream};

use crate::support::upstream::{answer, pool};
use crate::support::wire::status;
use crate::support::{Step, Upstream, Wire, World};

fn ok() -> Step {
    Step::Send(answer("200 OK", &[], "ok"))
}

/// Fills the pool with one connection.
async fn warm(world: &World) {
    assert_eq!(world.client().get("/public/warm").send().await.status, 200);
    assert_eq!(world.upstream.connections(), 1);
}

#[tokio::test]
async fn a_get_that_meets_a_dying_connection_is_sent_once_more() {
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
        let world = World::start().await;
        world.upstream.on("/public/x", [Step::Close]);
        world.upstream.on("/public/x", [Step::Body, ok()]);
        warm(&world).await;
        assert_eq!(world.client().call(method.clone(), "/public/x").send().await.status, 200, "{method}");
        let seen = world.upstream.seen_at("/public/x");
        assert_eq!(seen.iter().map(|s| s.connection).collect::<Vec<_>>(), [0, 1], "{method}");
        assert!(world.gateway.log_lines(2).await[1].contains("\"retried\":true"));
        assert!(world.gateway.admin("/metrics").await.1.contains("sidgate_upstream_retries_total 1"));
    }
}

#[tokio::test]
async fn a_get_is_sent_at_most_twice_and_once_over_a_new_connection() {
    let world = World::start().await;
    world.upstream.on("/public/x", [Step::Close]);
    warm(&world).await;
    assert_eq!(world.client().get("/public/x").send().await.status, 502);
    assert_eq!(world.upstream.seen_at("/public/x").len(), 2);
    assert_eq!(world.client().get("/public/x").send().await.status, 502);
    assert_eq!(world.upstream.seen_at("/public/x").len(), 3, "a new connection that breaks is no stale one");
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    for (method, body) in [
        (Method::POST, "x"),
        (Method::POST, ""),
        (Method::PATCH, ""),
        (Method::PUT, "x"),
        (Method::DELETE, "x"),
        (Method::GET, "x"),
    ] {
        let world = World::start().await;
        world.upstream.on("/public/x", [Step::Close]);
        world.upstream.on("/public/x", [Step::Body, ok()]);
        warm(&world).await;
        let answer = world.client().call(method.clone(), "/public/x").body(body).send().await;
        assert_eq!((answer.status, world.upstream.seen_at("/public/x").len()), (502, 1), "{method} {body}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_upstream_closed_is_no_ones_trouble() {
    for closing in [
        vec![Step::Body, ok(), Step::Close],
        vec![Step::Body, Step::Send(answer("200 OK", &["Connection: close"], "ok")), Step::Close],
    ] {
        let world = World::start().await;
        world.upstream.on("/public/first", closing);
        for i in 0..10 {
            assert_eq!(world.client().get("/public/first").send().await.status, 200);
            // Straight after it, and with a method that is never repeated.
            let answer = world.client().call(Method::POST, "/public/post").body("x").send().await;
            assert_eq!(answer.status, 200);
            assert_eq!(world.upstream.seen_at("/public/post").len(), i + 1);
        }
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_as_long_as_configured() {
    let world = World::with("[upstream.brief]\nurl = \"http://{upstream}\"\npool_idle_timeout = \"300ms\"\n[[route]]\npath = \"/brief\"\naccess = \"public\"\nupstream = \"brief\"\n").await;
    for _ in 0..3 {
        assert_eq!(world.client().get("/brief").send().await.status, 200);
    }
    assert_eq!(world.upstream.connections(), 1);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(world.client().get("/brief").send().await.status, 200);
    assert_eq!(world.upstream.connections(), 2);
}

fn with_upstream(address: SocketAddr) -> String {
    format!(
        "[upstream.other]\nurl = \"http://{address}\"\nconnect_timeout = \"500ms\"\nresponse_timeout = \"1s\"\n\
         [[route]]\npath = \"/other\"\naccess = \"public\"\nupstream = \"other\"\n"
    )
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_page_for_people_and_json_for_programs() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = World::with(&with_upstream(closed)).await;
    for client in world.clients() {
        let page = client.get("/other").navigate().send().await;
        let id = page.header("x-request-id").unwrap();
        assert_eq!((page.status, page.header("content-type")), (502, Some("text/html; charset=utf-8")));
        assert!(page.text().contains(id) && !page.text().contains(&closed.to_string()), "{}", page.text());
        assert_eq!(page.header("cache-control"), Some("private, no-store"));
        let data = client.get("/other").fetch().send().await;
        assert_eq!((data.status, &data.json()["error"]["code"]), (502, &"upstream_unreachable".into()));
        assert_eq!(data.json()["error"]["requestId"], data.header("x-request-id").unwrap());
    }
    assert!(world.gateway.log_lines(4).await.iter().all(|l| l.contains("\"upstream_error\":\"connect\"")));
}

#[tokio::test]
async fn an_upstream_that_takes_no_connection_or_gives_no_answer_is_a_timeout() {
    // A listener whose queue is full does not answer who connects.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    let world = World::with(
        &(with_upstream(address)
            + "[[route]]\npath = \"/silent\"\naccess = \"public\"\nupstream = \"app\"\nresponse_timeout = \"1s\"\n"),
    )
    .await;
    world.upstream.on("/silent", [Step::Hang]);
    for path in ["/other", "/silent"] {
        let started = Instant::now();
        let answer = world.client().get(path).fetch().send().await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (504, &"upstream_timeout".into()), "{path}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(world.upstream.seen_at("/silent").len(), 1, "a timeout is not tried again");
}

async fn two_instances(keys: &str) -> (World, [Upstream; 2]) {
    let two = [Upstream::start().await, Upstream::start().await];
    (World::with(&pool(&two, keys)).await, two)
}

fn times(two: &[Upstream; 2]) -> usize {
    two.iter().map(|instance| instance.seen_at("/pool/x").len()).sum()
}

#[tokio::test]
async fn what_may_be_repeated_and_met_a_broken_connection_is_answered_by_another_instance() {
    let (world, two) = two_instances("max_fails = 0\n").await;
    two[0].on("/pool/x", [Step::Close]);
    while two[0].seen_at("/pool/x").len() < 5 {
        assert_eq!(world.client().get("/pool/x").send().await.status, 200);
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_by_another_instance_either() {
    let (world, two) = two_instances("max_fails = 0\n").await;
    two.iter().for_each(|instance| instance.on("/pool/x", [Step::Close]));
    for (i, body) in ["", "x"].into_iter().enumerate() {
        let answer = world.client().call(Method::POST, "/pool/x").body(body).send().await;
        assert_eq!((answer.status, times(&two)), (502, i + 1));
    }
}

#[tokio::test]
async fn a_part_of_an_answer_is_the_end_of_it() {
    let (world, two) = two_instances("max_fails = 0\n").await;
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbeg".to_vec();
    two.iter().for_each(|instance| instance.on("/pool/x", [Step::Send(part.clone()), Step::Close]));
    assert!(world.client().get("/pool/x").send().await.cut_off);
    assert_eq!(times(&two), 1);
}

#[tokio::test]
async fn there_are_as_many_tries_as_configured() {
    for (retries, expected) in [(0, 1), (1, 2), (2, 2)] {
        let (world, two) = two_instances(&format!("max_fails = 0\nretries = {retries}\n")).await;
        two.iter().for_each(|instance| instance.on("/pool/x", [Step::Close]));
        assert_eq!(world.client().get("/pool/x").send().await.status, 502);
        assert_eq!(times(&two), expected, "and at each instance once");
    }
}

#[tokio::test]
async fn an_outage_is_not_multiplied() {
    for (keys, expected) in [("retry_budget = \"0%\"\n", 150), ("", 250), ("retry_budget = \"100%\"\n", 300)] {
        let (world, two) = two_instances(&format!("max_fails = 0\n{keys}")).await;
        two.iter().for_each(|instance| instance.on("/pool/x", [Step::Close]));
        for _ in 0..150 {
            assert_eq!(world.client().get("/pool/x").send().await.status, 502);
        }
        assert_eq!(times(&two), expected, "{keys}");
    }
}

#[tokio::test]
async fn a_handshake_goes_to_another_instance_only_when_nothing_of_it_was_sent() {
    let (world, two) = two_instances("max_fails = 0\n").await;
    let host = world.client().authority();
    let shake = async || {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!(
            "GET /pool/x HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
        .await;
        status(&wire.head().await)
    };
    two.iter().for_each(|instance| instance.on("/pool/x", [Step::Echo]));
    two[0].refuse().await;
    for _ in 0..10 {
        assert_eq!(shake().await, 101);
    }
    two[0].listen().await;
    for instance in &two {
        instance.forget("/pool/x");
        instance.on("/pool/x", [Step::Close]);
    }
    let before = times(&two);
    assert_eq!((shake().await, times(&two)), (502, before + 1));
}
