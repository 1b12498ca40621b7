//! IPv6 on both sides: listeners, hosts, certificates, addresses in headers.

use crate::support::{Client, World};

#[tokio::test]
async fn an_ipv6_listener_serves_its_address_as_a_host() {
    let world = World::with("[[listener]]\naddress = \"[::1]:0\"\n").await;
    let mut client = Client::https(world.gateway.addresses[1]);
    let port = world.gateway.addresses[1].port();
    for h2 in [false, true] {
        // No name can be sent for an address; the first certificate covers it.
        client = client.named(&format!("[::1]:{port}"));
        (client.sni, client.h2) = (Some("::1".into()), h2);
        let answer = client.get("/public/x").send().await;
        assert_eq!((answer.status, answer.header("strict-transport-security")), (200, None), "no HSTS for an address");
        let seen = world.upstream.last();
        let host = format!("[::1]:{port}");
        assert_eq!(seen.header("x-forwarded-for"), Some("::1"), "without brackets, without a zone");
        assert_eq!((seen.header("host"), seen.header("x-forwarded-host")), (Some(&*host), Some(&*host)));
        assert_eq!(seen.header("x-forwarded-port"), Some(&*port.to_string()));
        // Same-origin checks and cookies of an address.
        let credentials = serde_json::json!({"email": "alice@acme.test", "password": sidgate::demo::PASSWORD});
        let answer =
            client.call(http::Method::POST, "/api/auth/session-v2").same_origin().json(&credentials).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.set_cookies().iter().all(|line| !line.contains("Domain=")), "{:?}", answer.set_cookies());
        let cookie = format!("sid={}", answer.sid().unwrap());
        assert_eq!(client.get("/acme/dashboard/x").cookie(&cookie).navigate().send().await.status, 200);
        for foreign in [format!("[::2]:{port}"), "[::1%25lo]".to_owned(), "::1".to_owned()] {
            let answer = client.get("/public/x").header("host", &foreign).send();
            let expected = if foreign.starts_with("[::2") { 421 } else { 400 };
            if !h2 {
                assert_eq!(answer.await.status, expected, "{foreign}");
            }
        }
    }
    let line: serde_json::Value = serde_json::from_str(&world.gateway.log_lines(1).await[0]).unwrap();
    assert_eq!(line["client"].as_str(), Some("::1"));
}

#[tokio::test]
async fn every_address_means_ipv4_too_and_its_clients_have_ipv4_addresses() {
    let world = World::with("[[listener]]\naddress = \"[::]:0\"\n").await;
    let port = world.gateway.addresses[1].port();
    for (address, client) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1")] {
        let address = std::net::SocketAddr::new(address.parse().unwrap(), port);
        assert_eq!(Client::https(address).get("/public/x").send().await.status, 200);
        assert_eq!(world.upstream.last().header("x-forwarded-for"), Some(client));
    }
}

/// As nginx's users write it: one line for each.
#[tokio::test]
async fn ipv4_and_ipv6_may_share_a_port_as_two_listeners() {
    for pair in [["0.0.0.0", "[::]"], ["[::]", "0.0.0.0"]] {
        let free = std::net::TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
        let more: String =
            pair.iter().map(|address| format!("[[listener]]\naddress = \"{address}:{free}\"\n")).collect();
        let world = World::with(&more).await;
        for (address, client) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1")] {
            let address = std::net::SocketAddr::new(address.parse().unwrap(), free);
            assert_eq!(Client::https(address).get("/public/x").send().await.status, 200);
            assert_eq!(world.upstream.last().header("x-forwarded-for"), Some(client));
        }
    }
}

#[tokio::test]
async fn clients_of_one_ipv6_network_are_one_for_the_limits() {
    let more =
        "[server]\ntrusted_proxies = [\"::1\"]\n[sign_in]\nper_client = \"1/h\"\n[[listener]]\naddress = \"[::1]:0\"\n";
    let world = World::with(more).await;
    let client = Client::https(world.gateway.addresses[1]);
    let attempt = async |address: &str| {
        let wrong = serde_json::json!({"email": format!("{address}@acme.test").replace(':', "-"), "password": "wrong"});
        let call = client.call(http::Method::POST, "/api/auth/session-v2").same_origin().json(&wrong);
        call.header("x-forwarded-for", address).send().await.status
    };
    assert_eq!(attempt("2001:db8:1:2::3").await, 401);
    assert_eq!(attempt("[2001:db8:1:ffff::9]:4711").await, 429, "the same /48");
    assert_eq!(attempt("2001:db8:2::3").await, 401);
}
