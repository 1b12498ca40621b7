//! A reload puts the whole configuration into place at once, or nothing; no request is lost, and what is known of
//! sessions and instances stays where its own part of the file is the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sidgate::demo::{Backend, CallKind};
use sidgate::server::NotReloaded;

use crate::support::backend::{self, ALICE, API, Act, SIGN_OUT, Scripted, VALIDATE, cookie};
use crate::support::gateway::KEY;
use crate::support::upstream::{Gate, pool, until};
use crate::support::wire::{Connection, next};
use crate::support::{Client, Step, Upstream, World};

const ROUTE: &str = "[[route]]\npath = \"/public/{*rest}\"\naccess = \"public\"\nupstream = \"app\"\n";

#[tokio::test]
async fn new_requests_see_the_new_routes_and_open_ones_end_with_the_old() {
    for h2 in [false, true] {
        let world = World::start().await;
        let gate = Gate::new();
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf".to_vec();
        let steps = [Step::Body, Step::Send(first), Step::Wait(gate.clone()), Step::Send(b"half".to_vec())];
        world.upstream.on("/public/halves", steps);
        let client = if h2 { world.client().h2() } else { world.client() };
        let mut download = Connection::open(&client).await;
        let mut answer = download.get("/public/halves").await;
        assert_eq!(next(answer.body_mut()).await.unwrap(), "half");
        let mut kept = Connection::open(&client).await;
        assert_eq!(kept.get("/public/x").await.status(), 200);

        let changes =
            world.gateway.reload(|text| text.replace(ROUTE, &ROUTE.replace("public/", "open/"))).await.unwrap();
        assert_eq!((changes.changed, changes.needs_restart.len()), (vec!["[[route]]".to_owned()], 0));
        assert_eq!(kept.get("/public/x").await.status(), 404, "the same connection, the new routes");
        assert_eq!(world.client().get("/open/x").send().await.status, 200);
        gate.open();
        assert_eq!(next(answer.body_mut()).await.unwrap(), "half", "what was under way ends");
    }
}

#[tokio::test]
async fn a_faulty_configuration_changes_nothing_and_says_every_fault() {
    let world = World::start().await;
    let faulty = |text: String| text.replace(ROUTE, "[[route]]\npath = \"nowhere\"\n") + "[sesion]\n";
    let Err(NotReloaded::Faulty(faults)) = world.gateway.reload(faulty).await else { panic!("it is faulty") };
    let reasons: Vec<&str> = faults.faults.iter().map(|fault| fault.reason.as_str()).collect();
    assert!(
        reasons.iter().any(|r| r.contains("sesion")) && reasons.iter().any(|r| r.contains("begins with `/`")),
        "{reasons:?}"
    );
    assert_eq!(world.client().get("/public/x").send().await.status, 200);
    let (_, metrics) = world.gateway.admin("/metrics").await;
    assert!(metrics.contains("sidgate_config_reloads_total{outcome=\"refused\"} 1"), "{metrics}");
    assert!(metrics.contains("sidgate_config_last_reload_successful 0"), "{metrics}");
    let ready = world.gateway.admin("/readyz").await;
    assert!(ready.0 == 200 && ready.1.contains("\"last_reload\":\"refused: see the log\""), "{ready:?}");

    world
        .gateway
        .reload(|text| text.replace("[[route]]\npath = \"nowhere\"\n", ROUTE).replace("[sesion]\n", ""))
        .await
        .unwrap();
    let (_, metrics) = world.gateway.admin("/metrics").await;
    assert!(metrics.contains("sidgate_config_last_reload_successful 1"), "{metrics}");
}

/// A file that cannot be used is as bad as a key that is not known: half of a renewal, for example.
#[tokio::test]
async fn a_certificate_without_its_key_changes_nothing() {
    let world = World::start().await;
    let before = std::fs::read(world.gateway.certificate()).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(world.gateway.certificate(), other.cert.pem()).unwrap();
    let refused = world.gateway.reload(|text| text.replace(ROUTE, "")).await;
    assert!(matches!(refused, Err(NotReloaded::Faulty(_))));
    assert_eq!(world.client().get("/public/x").send().await.status, 200, "not even the route that is good");
    std::fs::write(world.gateway.certificate(), before).unwrap();
    world.gateway.reload(|text| text).await.unwrap();
    assert_eq!(world.client().get("/public/x").send().await.status, 404);
}

/// The everyday case: the same file name, another certificate in it.
#[tokio::test]
async fn a_renewed_certificate_counts_for_the_next_connection() {
    let world = World::start().await;
    let given = async || {
        let stream = world.client().tls().await;
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    let before = given().await;
    let mut kept = Connection::open(&world.client()).await;
    world.gateway.renew_certificate(&["localhost", "*.localhost", "127.0.0.1"]);
    assert_eq!(given().await, before, "nothing is read before it is told to be");
    let changes = world.gateway.reload(|text| text).await.unwrap();
    let names: Vec<&str> = changes.changed.iter().map(|name| name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["local.key", "local.pem"]);
    assert_ne!(given().await, before);
    assert_eq!(kept.get("/public/x").await.status(), 200, "a connection goes on with the one it began with");
}

#[tokio::test]
async fn sessions_stay_known_when_only_the_way_to_the_backend_changes() {
    let world = backend::World::start().await;
    let sid = world.sid(ALICE).await;
    let ask = async || world.client().get("/dashboard").cookie(&cookie(&sid)).send().await.status;
    assert_eq!((ask().await, world.backend.count(VALIDATE)), (200, 1));
    world.gateway.reload(|text| text + "[[route]]\npath = \"/more\"\nupstream = \"app\"\n").await.unwrap();
    assert_eq!((ask().await, world.backend.count(VALIDATE)), (200, 1), "another route");
    world.gateway.reload(|text| text.replace("[backend]\n", "[backend]\ntimeout = \"2s\"\n")).await.unwrap();
    assert_eq!((ask().await, world.backend.count(VALIDATE)), (200, 1), "another time limit");
    std::fs::write(world.gateway.file("key"), "another-gateway-key-0123456789").unwrap();
    let changes = world.gateway.reload(|text| text).await.unwrap();
    assert_eq!(changes.changed, ["the secret of backend.gateway_key"]);
    assert_eq!((ask().await, world.backend.count(VALIDATE)), (200, 1), "another key");
    let nobody = backend::made_up();
    world.client().get("/dashboard").cookie(&cookie(&nobody)).send().await;
    let call = world.backend.seen(VALIDATE).pop().unwrap();
    assert_eq!(call.header("x-gateway-key"), Some("another-gateway-key-0123456789"));
}

/// A sid that one backend knows may be nobody's to the other: what the first has said of it counts no more.
#[tokio::test]
async fn another_backend_is_asked_about_every_session_anew() {
    let world = backend::World::start().await;
    let sid = world.sid(ALICE).await;
    let ask = async || world.client().get("/dashboard").cookie(&cookie(&sid)).send().await.status;
    assert_eq!(ask().await, 200);
    let other = Scripted::of(&Backend::new(KEY)).await;
    let (from, to) = (world.backend.address.to_string(), other.address.to_string());
    world.gateway.reload(|text| text.replace(&from, &to)).await.unwrap();
    assert_ne!(ask().await, 200);
    assert_eq!(other.count(VALIDATE), 1);
    world.gateway.reload(|text| text.replace(&to, &from)).await.unwrap();
    assert_eq!((ask().await, world.backend.count(VALIDATE)), (200, 2), "nor does what the second has said");
}

/// Whoever has signed out stays signed out: here at once, and at the backend that is there when it is back.
#[tokio::test]
async fn a_sign_out_that_is_pending_survives_a_change_of_the_backend() {
    let world = backend::World::start().await;
    let sid = world.sid(ALICE).await;
    let client = world.client();
    let ask = async || client.get("/dashboard").cookie(&cookie(&sid)).send().await.status;
    assert_eq!(ask().await, 200);
    world.backend.on(SIGN_OUT, Act::Answer(503, String::new(), vec![]));
    let out = client.call(Method::DELETE, API).same_origin().cookie(&cookie(&sid)).send().await;
    assert_eq!(out.status, 202);

    let moved = Scripted::of(&world.demo).await;
    let (from, to) = (world.backend.address.to_string(), moved.address.to_string());
    world.gateway.reload(|text| text.replace(&from, &to)).await.unwrap();
    assert_ne!(ask().await, 200, "it is refused all the while");
    assert_eq!(moved.count(VALIDATE), 0);
    until("the new backend is told", || moved.count(SIGN_OUT) > 0).await;
    assert_ne!(ask().await, 200);
    for _ in 0..100 {
        if world.metric("sidgate_sign_outs_pending").await == 0.0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it is pending for ever");
}

#[tokio::test]
async fn an_upstream_that_is_the_same_keeps_its_connections_and_what_is_known_of_its_health() {
    let two = [Upstream::start().await, Upstream::start().await];
    two[1].refuse().await;
    let world = World::with(&pool(&two, "max_fails = 1\nfail_timeout = \"10m\"\n")).await;
    for _ in 0..12 {
        world.client().get("/pool/x").send().await;
    }
    let out = async || {
        let ready: Value = serde_json::from_str(&world.gateway.admin("/readyz").await.1).unwrap();
        ready["upstreams"]["pool"]["up"] == 1
    };
    assert!(out().await);
    let opened = two[0].connections();
    world.gateway.reload(|text| text.replace("[backend]\n", "[backend]\ntimeout = \"2s\"\n")).await.unwrap();
    assert!(out().await, "it is out as before");
    assert_eq!(world.client().get("/pool/x").send().await.status, 200);
    assert_eq!(two[0].connections(), opened, "over a connection that was there");
    world.gateway.reload(|text| text.replace("max_fails = 1", "max_fails = 2")).await.unwrap();
    assert!(!out().await, "another configuration of it begins anew");
}

/// Connections that are kept and new ones, both protocols, over a stretch of reloads: every request is answered.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_while_the_configuration_is_reloaded() {
    let world = World::start().await;
    let sid = world.sign_in(ALICE).await;
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::new();
    for worker in 0..8 {
        let client: Client = world.clients()[worker % 2].clone();
        let (stop, sent, sid) = (stop.clone(), sent.clone(), sid.clone());
        clients.push(tokio::spawn(async move {
            let mut connection = Connection::open(&client).await;
            while !stop.load(SeqCst) {
                if worker >= 4 {
                    connection = Connection::open(&client).await;
                }
                let request = http::Request::get("/api/x").header("cookie", &sid);
                let mut answer = connection.send(request.body(crate::support::wire::nothing()).unwrap()).await.unwrap();
                assert_eq!(answer.status(), 200);
                while !next(answer.body_mut()).await.unwrap().is_empty() {}
                sent.fetch_add(1, SeqCst);
            }
        }));
    }
    for round in 0..20 {
        let so_far = sent.load(SeqCst);
        until("requests go on", || sent.load(SeqCst) > so_far + 20).await;
        let timeout = format!("[backend]\ntimeout = \"{}s\"\n", 2 + round % 2);
        let upstream = format!("[upstream.app]\nconnect_timeout = \"{}s\"\n", 2 + round % 3);
        let changed = world.gateway.reload(|text| {
            let base = text.split_once("[upstream.app]").unwrap().0.to_owned();
            let rest = text.split_once("url = \"http://").unwrap().1;
            let (address, rest) = rest.split_once("\n").unwrap();
            let rest = rest.split_once("url = ").unwrap().1;
            format!("{base}{upstream}url = \"http://{address}\n{timeout}url = {rest}")
        });
        assert!(!changed.await.unwrap().changed.is_empty());
    }
    stop.store(true, SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    assert!(world.backend.calls(CallKind::Validate) < 60, "{}", world.backend.calls(CallKind::Validate));
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_the_rest_counts() {
    let world = World::start().await;
    let changes = world
        .gateway
        .reload(|text| {
            text.replace("[admin]\nlisten = \"127.0.0.1:0\"", "[admin]\nlisten = \"127.0.0.1:1\"")
                .replace("[[listener]]\naddress = \"127.0.0.1:0\"", "[[listener]]\naddress = \"127.0.0.1:2\"")
                .replace(ROUTE, "")
                + "[server]\nworker_threads = 7\n[log]\nformat = \"text\"\n"
        })
        .await
        .unwrap();
    assert_eq!(
        changes.needs_restart,
        [
            "server.worker_threads",
            "[admin]",
            "[log]",
            "[[listener]] 127.0.0.1:2: it is not open yet",
            "[[listener]] 127.0.0.1:0: it is still open",
        ]
    );
    assert_eq!(world.client().get("/public/x").send().await.status, 404, "the old listener, the new routes");
}

#[tokio::test]
async fn limits_on_connections_follow() {
    let world = World::with("[server]\nmax_connections = 100\n").await;
    world.gateway.reload(|text| text.replace("max_connections = 100", "max_connections = 1")).await.unwrap();
    let mut one = Connection::open(&world.client()).await;
    assert_eq!(one.get("/public/x").await.status(), 200);
    let second = world.client();
    let waiting = tokio::spawn(async move { Connection::open(&second).await });
    world.gateway.reload(|text| text.replace("max_connections = 1\n", "max_connections = 10\n")).await.unwrap();
    let mut second = tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("there is room").unwrap();
    assert_eq!(second.get("/public/x").await.status(), 200);
}

#[tokio::test]
async fn an_operator_reloads_through_the_admin_listener_and_a_browser_does_not() {
    let world = World::start().await;
    let admin = Client::http(world.gateway.admin);
    let post = || admin.call(Method::POST, "/reload").header("x-sidgate-operator", "ann");
    let answer = post().send().await;
    let body = answer.json();
    assert_eq!((answer.status, &body["reloaded"], &body["changed"]), (200, &json!(true), &json!([])));
    let ready: Value = serde_json::from_str(&world.gateway.admin("/readyz").await.1).unwrap();
    assert_eq!(ready["config"]["sha256"], body["sha256"]);

    for header in [("origin", "http://evil.test"), ("sec-fetch-site", "cross-site"), ("referer", "http://evil.test/")] {
        assert_eq!(post().header(header.0, header.1).send().await.status, 403, "{header:?}");
    }
    assert_eq!(admin.call(Method::POST, "/reload").send().await.status, 403, "nobody");
    assert_eq!(admin.get("/reload").header("x-sidgate-operator", "ann").send().await.status, 405);
    let rebound = admin.clone().named("evil.test");
    assert_eq!(rebound.call(Method::POST, "/reload").header("x-sidgate-operator", "ann").send().await.status, 403);
    // No path of the public listener leads there.
    let public = world.client().call(Method::POST, "/reload").header("x-sidgate-operator", "ann").send().await;
    assert_eq!(public.status, 404);

    let text = std::fs::read_to_string(world.gateway.file("gateway.toml")).unwrap();
    std::fs::write(world.gateway.file("gateway.toml"), text + "[sesion]\n").unwrap();
    let answer = post().send().await;
    let body = answer.json();
    assert_eq!((answer.status, &body["reloaded"]), (422, &json!(false)));
    assert!(body["faults"][0]["hint"].as_str().unwrap().contains("session"), "{body}");
    assert!(body["faults"][0]["line"].as_u64().unwrap() > 10, "{body}");
}
