//! Each request goes to the less busy of two instances, whatever it is that keeps them busy.

use tokio::task::JoinHandle;

use crate::support::client::Answer;
use crate::support::upstream::{Gate, answer, pool, until};
use crate::support::wire::status;
use crate::support::{Step, Upstream, Wire, World};

async fn two_instances(keys: &str) -> (World, [Upstream; 2]) {
    let two = [Upstream::start().await, Upstream::start().await];
    (World::with(&pool(&two, keys)).await, two)
}

/// Sends requests until one of them is open at this instance.
async fn keep_busy(world: &World, instance: &Upstream, path: &str) -> JoinHandle<Answer> {
    loop {
        let call = tokio::spawn(world.client().get(path).send());
        until("it is at an instance", || call.is_finished() || !instance.seen_at(path).is_empty()).await;
        if !call.is_finished() {
            return call;
        }
    }
}

/// With two there is no chance in it: both are looked at.
async fn all_go_to_the_other(world: &World, two: &[Upstream; 2]) {
    for _ in 0..25 {
        assert_eq!(world.client().get("/pool/x").send().await.status, 200);
    }
    assert_eq!((two[0].seen_at("/pool/x").len(), two[1].seen_at("/pool/x").len()), (0, 25));
    assert_eq!(open_at(world, &two[0]).await, 1);
}

async fn open_at(world: &World, instance: &Upstream) -> usize {
    let (_, text) = world.gateway.admin("/metrics").await;
    let start =
        format!("sidgate_upstream_open_requests{{upstream=\"pool\",instance=\"http://{}\"}} ", instance.address);
    text.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse().unwrap()
}

#[tokio::test]
async fn requests_go_to_the_instance_with_fewer_open_ones() {
    let (world, two) = two_instances("").await;
    let gate = Gate::new();
    two[0].on("/pool/slow", [Step::Wait(gate.clone()), Step::Send(answer("200 OK", &[], "late"))]);
    let slow = keep_busy(&world, &two[0], "/pool/slow").await;
    all_go_to_the_other(&world, &two).await;
    gate.open();
    assert_eq!(slow.await.unwrap().text(), "late");
    assert_eq!(open_at(&world, &two[0]).await, 0);
    let lines = world.gateway.log_lines(26).await;
    assert!(lines[5].contains(&format!("\"upstream_instance\":\"http://{}\"", two[1].address)), "{}", lines[5]);
}

#[tokio::test]
async fn an_answer_that_still_comes_counts_as_open() {
    let (world, two) = two_instances("").await;
    let gate = Gate::new();
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbeg".to_vec();
    two[0].on("/pool/slow", [Step::Send(head), Step::Wait(gate.clone()), Step::Send(b"end".to_vec())]);
    let slow = keep_busy(&world, &two[0], "/pool/slow").await;
    all_go_to_the_other(&world, &two).await;
    gate.open();
    assert_eq!(slow.await.unwrap().text(), "begend");
}

#[tokio::test]
async fn an_upload_counts_as_open() {
    let (world, two) = two_instances("").await;
    let host = world.client().authority();
    let mut uploads = Vec::new();
    while two[0].seen_at("/pool/up").is_empty() {
        let before = two[1].seen_at("/pool/up").len();
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!("POST /pool/up HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n\r\nab")).await;
        let came = || two[1].seen_at("/pool/up").len() > before || !two[0].seen_at("/pool/up").is_empty();
        until("its header came", came).await;
        if two[0].seen_at("/pool/up").is_empty() {
            wire.send("cd").await;
            assert_eq!(status(&wire.head().await), 200);
        }
        uploads.push(wire);
    }
    all_go_to_the_other(&world, &two).await;
    let mut last = uploads.pop().unwrap();
    last.send("cd").await;
    assert_eq!(status(&last.head().await), 200);
}

#[tokio::test]
async fn a_tunnel_counts_as_open() {
    let (world, two) = two_instances("").await;
    two[0].on("/pool/ws", [Step::Echo]);
    let (host, origin) = (world.client().authority(), world.client().origin());
    let tunnel = loop {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!(
            "GET /pool/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: {origin}\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
        .await;
        if status(&wire.head().await) == 101 {
            break wire;
        }
    };
    all_go_to_the_other(&world, &two).await;
    drop(tunnel);
    let closed = || two[0].open() == 0;
    until("the tunnel has ended", closed).await;
    assert_eq!(open_at(&world, &two[0]).await, 0);
}

#[tokio::test]
async fn an_address_of_any_instance_in_a_redirect_is_made_public() {
    let (world, two) = two_instances("").await;
    let location = format!("Location: http://{}/pool/there?a=1", two[0].address);
    for instance in &two {
        instance.answers("/pool/x", "307 Temporary Redirect", &[&location], "");
    }
    while two[1].seen_at("/pool/x").is_empty() {
        let there = world.client().get("/pool/x").send().await;
        assert_eq!(there.header("location"), Some(&*(world.client().origin() + "/pool/there?a=1")));
    }
}

#[tokio::test]
async fn more_open_requests_than_allowed_are_answered_503_at_once() {
    let (world, two) = two_instances("max_open_requests = 2\n").await;
    let gate = Gate::new();
    for instance in &two {
        instance.on("/pool/slow", [Step::Wait(gate.clone()), Step::Send(answer("200 OK", &[], "late"))]);
    }
    let slow = [(); 2].map(|()| tokio::spawn(world.client().get("/pool/slow").send()));
    until("both are open", || two.iter().map(|i| i.seen_at("/pool/slow").len()).sum::<usize>() == 2).await;
    let refused = world.client().get("/pool/x").fetch().send().await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &"upstream_overloaded".into()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(world.client().get("/public/x").send().await.status, 200, "another upstream has its own limit");
    assert!(world.gateway.admin("/metrics").await.1.contains("sidgate_upstream_errors_total{cause=\"overloaded\"} 1"));
    (0..2).for_each(|_| gate.open());
    for slow in slow {
        assert_eq!(slow.await.unwrap().status, 200);
    }
    assert_eq!(world.client().get("/pool/x").send().await.status, 200);
}
