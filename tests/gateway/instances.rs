//! An instance that fails or leaves gets no new requests, and takes nobody with it.

use std::time::Duration;

use http::Method;

use crate::support::upstream::{Gate, answer, pool, until};
use crate::support::wire::status;
use crate::support::{Step, Upstream, Wire, World};

const HEALTH: &str = "slow_start = \"0s\"\n[upstream.pool.health]\npath = \"/health\"\ninterval = \"30ms\"\n";

async fn up(world: &World, instance: &Upstream) -> bool {
    let (_, text) = world.gateway.admin("/metrics").await;
    let start = format!("sidgate_upstream_instance_up{{upstream=\"pool\",instance=\"http://{}\"}} ", instance.address);
    text.lines().find_map(|line| line.strip_prefix(&start)).unwrap() == "1"
}

async fn becomes(world: &World, instance: &Upstream, expected: bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while up(world, instance).await != expected {
        assert!(tokio::time::Instant::now() < deadline, "it should be up: {expected}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_instance_that_is_gone_costs_nobody_a_request_and_is_used_again_when_it_is_back() {
    let two = [Upstream::start().await, Upstream::start().await];
    let world = World::with(&pool(&two, "fail_timeout = \"300ms\"\nslow_start = \"0s\"\n")).await;
    two[0].refuse().await;
    for i in 0..20 {
        let call = world.client().call(Method::POST, "/pool/x").body(format!("body {i}"));
        assert_eq!(call.send().await.status, 200, "refused before anything was sent, so it goes on to the other");
    }
    assert_eq!(two[1].seen_at("/pool/x").len(), 20);
    assert!(two[1].seen_at("/pool/x").iter().all(|seen| seen.whole && seen.text().starts_with("body ")));
    let (status, ready) = world.gateway.admin("/readyz").await;
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let out = serde_json::json!({ "up": 1, "out": [format!("http://{}", two[0].address)] });
    assert_eq!((status, &ready["upstreams"]["pool"]), (200, &out), "the gateway is as ready as ever");
    two[0].listen().await;
    becomes(&world, &two[0], true).await;
    while two[0].seen_at("/pool/x").is_empty() {
        assert_eq!(world.client().get("/pool/x").send().await.status, 200);
    }
    let (_, metrics) = world.gateway.admin("/metrics").await;
    let rests = metrics.lines().find(|l| l.starts_with("sidgate_upstream_ejections_total{upstream=\"pool\""));
    assert!(rests.is_some_and(|line| !line.ends_with(" 0")), "{rests:?}");
}

#[tokio::test]
async fn an_instance_that_answers_nothing_in_time_is_out_after_three() {
    let two = [Upstream::start().await, Upstream::start().await];
    two[0].on("/pool/x", [Step::Hang]);
    let world = World::with(&pool(&two, "response_timeout = \"100ms\"\nfail_timeout = \"1h\"\n")).await;
    let mut late = 0;
    for _ in 0..60 {
        late += usize::from(world.client().get("/pool/x").send().await.status == 504);
    }
    assert_eq!((late, two[0].seen_at("/pool/x").len()), (3, 3), "not tried again, and not asked any more");
}

/// Otherwise three browsers that say half of what they announced take an instance out, for everybody.
#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_its_body_is_not_the_instance_s_fault() {
    let two = [Upstream::start().await, Upstream::start().await];
    let world = World::with(&pool(&two, "response_timeout = \"100ms\"\nfail_timeout = \"1h\"\n")).await;
    let host = world.client().authority();
    let mut statuses = Vec::new();
    for framing in ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        for _ in 0..8 {
            let mut wire = Wire::open(&world.client()).await;
            wire.send(format!("POST /pool/x HTTP/1.1\r\nHost: {host}\r\n{framing}")).await;
            statuses.push(status(&wire.answer().await));
        }
    }
    assert_eq!([up(&world, &two[0]).await, up(&world, &two[1]).await], [true, true], "{statuses:?}");
    assert_eq!(statuses, [408; 16]);
}

#[tokio::test]
async fn statuses_of_the_application_are_its_own() {
    let two = [Upstream::start().await, Upstream::start().await];
    two[0].answers("/pool/x", "503 Service Unavailable", &["Retry-After: 7"], "busy");
    let world = World::with(&pool(&two, "fail_timeout = \"1h\"\n")).await;
    let mut busy = 0;
    while busy < 5 {
        let got = world.client().get("/pool/x").send().await;
        if got.status == 503 {
            assert_eq!((got.text().as_str(), got.header("retry-after")), ("busy", Some("7")));
            busy += 1;
        }
    }
    assert!(up(&world, &two[0]).await);
    // Unless it says that it shuts down.
    two[0].on("/pool/x", [Step::Send(answer("503 Service Unavailable", &["Connection: close"], "bye")), Step::Close]);
    let mut bye = 0;
    for _ in 0..100 {
        bye += usize::from(world.client().get("/pool/x").send().await.text() == "bye");
    }
    assert_eq!((bye, up(&world, &two[0]).await), (3, false));
}

/// What a redeployment does to an instance: it says that it leaves, ends what is open, and comes back as a new one.
#[tokio::test]
async fn an_instance_that_leaves_gets_nothing_new_and_ends_what_is_open() {
    let two = [Upstream::start().await, Upstream::start().await];
    let gate = Gate::new();
    two[0].on("/pool/slow", [Step::Wait(gate.clone()), Step::Send(answer("200 OK", &[], "late"))]);
    two[0].on("/pool/ws", [Step::Echo]);
    let world = World::with(&pool(&two, HEALTH)).await;
    let (host, origin) = (world.client().authority(), world.client().origin());
    let mut tunnel = loop {
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
    let slow = loop {
        let call = tokio::spawn(world.client().get("/pool/slow").send());
        until("it came", || call.is_finished() || !two[0].seen_at("/pool/slow").is_empty()).await;
        if !call.is_finished() {
            break call;
        }
    };

    two[0].answers("/health", "503 Service Unavailable", &[], "leaving");
    becomes(&world, &two[0], false).await;
    until("idle connections are closed", || two[0].open() <= 3).await;
    let before = two[0].seen_at("/pool/x").len();
    for _ in 0..20 {
        assert_eq!(world.client().get("/pool/x").send().await.status, 200);
    }
    assert_eq!(two[0].seen_at("/pool/x").len(), before);
    tunnel.send("still here").await;
    assert_eq!(tunnel.bytes(10).await, b"still here");
    gate.open();
    assert_eq!(slow.await.unwrap().text(), "late");

    two[0].forget("/health");
    becomes(&world, &two[0], true).await;
    while two[0].seen_at("/pool/x").len() == before {
        assert_eq!(world.client().get("/pool/x").send().await.status, 200);
    }
}

#[tokio::test]
async fn nobody_on_the_port_is_known_before_a_request_has_to_find_out() {
    let two = [Upstream::start().await, Upstream::start().await];
    two[0].refuse().await;
    let world = World::with(&pool(&two, HEALTH)).await;
    becomes(&world, &two[0], false).await;
    for _ in 0..10 {
        assert_eq!(world.client().get("/pool/x").send().await.status, 200);
    }
    let retries = "sidgate_upstream_retries_total 0";
    assert!(world.gateway.admin("/metrics").await.1.contains(retries));
    two[0].listen().await;
    becomes(&world, &two[0], true).await;
}

#[tokio::test]
async fn a_health_check_that_fails_otherwise_counts_up_to_three() {
    let two = [Upstream::start().await, Upstream::start().await];
    for (steps, well_again) in [
        (vec![Step::Send(answer("500 Internal Server Error", &[], "no"))], true),
        (vec![Step::Close], true),
        (vec![Step::Hang], true),
    ] {
        let keys = format!("{HEALTH}timeout = \"100ms\"\nhost = \"app.test\"\n");
        let world = World::with(&pool(&two, &keys)).await;
        until("it was asked", || !two[0].seen_at("/health").is_empty()).await;
        assert_eq!(two[0].seen_at("/health")[0].header("host"), Some("app.test"));
        assert_eq!(two[0].seen_at("/health")[0].header("x-auth-status"), Some("anonymous"));
        let before = two[0].seen_at("/health").len();
        two[0].on("/health", steps);
        becomes(&world, &two[0], false).await;
        assert!(two[0].seen_at("/health").len() >= before + 3);
        two[0].forget("/health");
        becomes(&world, &two[0], well_again).await;
    }
}

#[tokio::test]
async fn when_all_are_out_any_is_tried() {
    let two = [Upstream::start().await, Upstream::start().await];
    let world = World::with(&pool(&two, "fail_timeout = \"1h\"\n")).await;
    for instance in &two {
        instance.refuse().await;
    }
    for _ in 0..6 {
        let got = world.client().get("/pool/x").fetch().send().await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (502, &"upstream_unreachable".into()));
    }
    assert!(!up(&world, &two[0]).await && !up(&world, &two[1]).await);
    assert_eq!(world.gateway.admin("/readyz").await.0, 200);
    two[1].listen().await;
    for _ in 0..6 {
        assert_eq!(world.client().get("/pool/x").send().await.status, 200, "though it should rest for an hour");
    }
    assert!(up(&world, &two[1]).await, "and that it answers ends its rest");
}
