//! A request goes out twice only where that cannot be noticed, and an upstream that is not there is said so.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::Method;
use tokio::net::{TcpListener, TcpStream};

use crate::support::upstream::answer;
use crate::support::{Step, World};

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
