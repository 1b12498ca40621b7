//! A drain lets what runs end and takes nothing new; a halt cuts off.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::support::upstream::{Gate, until};
use crate::support::wire::{Connection, next, nothing, status};
use crate::support::{Step, Wire, World};

/// A download whose second half waits for a gate.
fn halves(world: &World) -> Gate {
    let gate = Gate::new();
    let first = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf".to_vec();
    world
        .upstream
        .on("/public/halves", [Step::Body, Step::Send(first), Step::Wait(gate.clone()), Step::Send(b"half".to_vec())]);
    gate
}

async fn refuses(world: &World) {
    let address = world.gateway.address();
    until("no more connections", || std::net::TcpStream::connect(address).is_err()).await;
}

#[tokio::test]
async fn a_drain_lets_an_open_download_end_and_takes_no_new_connection() {
    for h2 in [false, true] {
        let mut world = World::start().await;
        let gate = halves(&world);
        let client = if h2 { world.client().h2() } else { world.client() };
        let mut connection = Connection::open(&client).await;
        let mut answer = connection.get("/public/halves").await;
        assert_eq!(next(answer.body_mut()).await.unwrap(), "half");
        let mut idle = Wire::open(&world.client()).await;
        idle.send(format!("GET /public/x HTTP/1.1\r\nHost: {}\r\n\r\n", world.client().authority())).await;
        assert_eq!(status(&idle.answer().await), 200);
        let _silent = TcpStream::connect(world.gateway.address()).await.unwrap();
        world.gateway.drain.0.cancel();
        refuses(&world).await;
        assert!(idle.closed().await, "an idle connection closes at once");
        assert_eq!(world.gateway.admin("/readyz").await.0, 503);
        assert_eq!(world.gateway.admin("/livez").await.0, 200);
        gate.open();
        assert_eq!(next(answer.body_mut()).await.unwrap(), "half");
        assert_eq!(next(answer.body_mut()).await.unwrap(), "");
        let ended = world.gateway.ended.take().unwrap();
        let clean = tokio::time::timeout(Duration::from_secs(5), ended).await.expect("it ends with the last request");
        assert!(clean.unwrap(), "h2: {h2}");
    }
}

#[tokio::test]
async fn http2_is_told_to_go_away_and_its_new_requests_are_refused() {
    let world = World::start().await;
    let gate = halves(&world);
    let mut connection = Connection::open(&world.client().h2()).await;
    let mut answer = connection.get("/public/halves").await;
    assert_eq!(next(answer.body_mut()).await.unwrap(), "half");
    world.gateway.drain.0.cancel();
    refuses(&world).await;
    let Connection::H2(sender, _) = &connection else { panic!("an HTTP/2 connection") };
    let mut sender = sender.clone();
    let deadline = Instant::now() + Duration::from_secs(5);
    let new = || http::Request::get(format!("{}/public/x", world.client().origin())).body(nothing()).unwrap();
    while sender.send_request(new()).await.is_ok() {
        assert!(Instant::now() < deadline, "no GOAWAY");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gate.open();
    assert_eq!(next(answer.body_mut()).await.unwrap(), "half");
}

#[tokio::test]
async fn a_halt_cuts_off_what_still_runs() {
    for h2 in [false, true] {
        let mut world = World::start().await;
        let _gate = halves(&world);
        let client = if h2 { world.client().h2() } else { world.client() };
        let mut answer = Connection::open(&client).await.get("/public/halves").await;
        assert_eq!(next(answer.body_mut()).await.unwrap(), "half");
        world.gateway.drain.0.cancel();
        refuses(&world).await;
        world.gateway.halt.0.cancel();
        let ended = world.gateway.ended.take().unwrap();
        assert!(!tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap());
        assert!(next(answer.body_mut()).await.is_err(), "half an answer never looks whole");
    }
}

#[tokio::test]
async fn a_drain_takes_no_longer_than_configured_whatever_is_open() {
    let mut world = World::with("[server]\ndrain_timeout = \"1s\"\n").await;
    let _gate = halves(&world);
    world.upstream.on("/public/ws", [Step::Echo]);
    let mut answer = Connection::open(&world.client()).await.get("/public/halves").await;
    assert_eq!(next(answer.body_mut()).await.unwrap(), "half");
    let mut tunnel = Wire::open(&world.client()).await;
    let (host, origin) = (world.client().authority(), world.client().origin());
    tunnel
        .send(format!(
            "GET /public/ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
        .await;
    assert_eq!(status(&tunnel.head().await), 101);
    let mut begun = Wire::open(&world.client()).await;
    begun.send("GET /public/x HTTP/1.1\r\n").await;
    let _silent = TcpStream::connect(world.gateway.address()).await.unwrap();
    let started = Instant::now();
    world.gateway.drain.0.cancel();
    let ended = world.gateway.ended.take().unwrap();
    assert!(!tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the end").unwrap());
    assert!(
        started.elapsed() >= Duration::from_millis(900) && started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    assert!(next(answer.body_mut()).await.is_err());
    assert!(tunnel.closed().await);
}
