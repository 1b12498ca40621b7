//! Which certificate, which protocol, which keys; and the plain listeners.

use std::sync::Arc;

use rustls::NamedGroup;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::client::trusting;
use crate::support::wire::status;
use crate::support::{Client, World};

struct Made {
    names: String,
    alpn: Option<Vec<u8>>,
    group: NamedGroup,
    version: rustls::ProtocolVersion,
}

/// A handshake with this name, of this version, that offers these protocols.
async fn shake(
    world: &World,
    name: &str,
    version: &'static rustls::SupportedProtocolVersion,
    alpn: &[&str],
) -> Option<Made> {
    let mut config = trusting(&[version]);
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    let tcp = TcpStream::connect(world.gateway.address()).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.ok()?;
    let tls = stream.get_ref().1;
    Some(Made {
        names: String::from_utf8_lossy(&tls.peer_certificates().unwrap()[0]).into_owned(),
        alpn: tls.alpn_protocol().map(<[u8]>::to_vec),
        group: tls.negotiated_key_exchange_group().unwrap().name(),
        version: tls.protocol_version().unwrap(),
    })
}

#[tokio::test]
async fn the_name_chooses_the_certificate_and_the_first_serves_the_rest() {
    let world = World::start().await;
    for (name, mark) in [
        ("localhost", "*.localhost"),
        ("acme.localhost", "*.localhost"),
        ("app.test", "*.app.test"),
        ("acme.app.test", "*.app.test"),
        ("APP.test", "*.app.test"),
        ("unknown.test", "*.localhost"),
        ("127.0.0.1", "*.localhost"),
        ("a.b.app.test", "*.localhost"),
    ] {
        let made = shake(&world, name, &rustls::version::TLS13, &[]).await.unwrap();
        assert!(made.names.contains(mark), "{name}");
    }
}

#[tokio::test]
async fn tls_1_3_with_a_post_quantum_key_exchange_and_1_2_for_the_old() {
    let world = World::start().await;
    let new = shake(&world, "localhost", &rustls::version::TLS13, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!((new.version, new.group), (rustls::ProtocolVersion::TLSv1_3, NamedGroup::X25519MLKEM768));
    assert_eq!(new.alpn.as_deref(), Some(&b"h2"[..]));
    let old = shake(&world, "localhost", &rustls::version::TLS12, &["http/1.1"]).await.unwrap();
    assert_eq!((old.version, old.alpn.as_deref()), (rustls::ProtocolVersion::TLSv1_2, Some(&b"http/1.1"[..])));
    let none = shake(&world, "localhost", &rustls::version::TLS13, &[]).await.unwrap();
    assert_eq!(none.alpn, None);
    assert!(shake(&world, "localhost", &rustls::version::TLS13, &["spdy/1"]).await.is_none(), "no protocol in common");
}

#[tokio::test]
async fn a_host_that_the_certificate_does_not_cover_is_misdirected() {
    let world = World::start().await;
    for client in world.clients() {
        for (sni, host, expected) in [
            ("localhost", "app.test", 421),
            ("app.test", "localhost", 421),
            ("app.test", "acme.app.test", 200),
            ("app.test", "app.test.evil.test", 421),
        ] {
            let mut client = client.clone().named(host);
            client.sni = Some(sni.into());
            assert_eq!(client.get("/public/x").send().await.status, expected, "{sni} {host}");
        }
    }
    let lax = World::with("[server]\nstrict_host = false\n").await;
    let mut client = lax.client().named("anything.test");
    client.sni = Some("localhost".into());
    assert_eq!(client.get("/public/x").send().await.status, 200);
    assert!(lax.upstream.last().header("host").unwrap().starts_with("anything.test:"));
}

#[tokio::test]
async fn the_redirecting_listener_sends_everything_to_https() {
    let world = World::with("[[listener]]\naddress = \"127.0.0.1:0\"\nmode = \"redirect\"\n[[listener]]\naddress = \"127.0.0.1:0\"\nmode = \"redirect\"\nhttps_port = 8443\n").await;
    for (index, port) in [(1, ""), (2, ":8443")] {
        let plain = Client::http(world.gateway.addresses[index]);
        for (host, path, expected) in [
            ("app.test", "/x?y=%2f", "https://app.test{}/x?y=%2f"),
            ("App.Test:80", "/", "https://app.test{}/"),
            ("[::1]:80", "//evil.test", "https://[::1]{}//evil.test"),
        ] {
            let answer = plain.call(http::Method::POST, path).header("host", host).body("x").send().await;
            assert_eq!((answer.status, answer.header("location")), (308, Some(&*expected.replace("{}", port))));
        }
        for host in ["", "a b", "user@x", "x/../y"] {
            assert_eq!(plain.get("/").header("host", host).send().await.status, 400, "{host}");
        }
    }
    assert!(world.upstream.seen().is_empty());
}

#[tokio::test]
async fn the_plain_listener_is_for_its_balancers_only_and_believes_them() {
    let listener = |peers: &str| {
        format!("[[listener]]\naddress = \"127.0.0.1:0\"\nmode = \"serve\"\ntrusted_peers = [\"{peers}\"]\n")
    };
    let world = World::with(&(listener("127.0.0.0/8") + &listener("10.0.0.0/8"))).await;
    let balancer = Client::http(world.gateway.addresses[1]);
    let call = balancer
        .get("/public/x")
        .header("host", "any.test")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-for", "evil, 203.0.113.7");
    let answer = call.send().await;
    assert_eq!((answer.status, answer.header("strict-transport-security")), (200, Some("max-age=31536000")));
    let seen = world.upstream.last();
    assert_eq!(
        (seen.header("x-forwarded-for"), seen.header("x-forwarded-proto"), seen.header("host")),
        (Some("203.0.113.7"), Some("https"), Some("any.test"))
    );
    let plain = balancer.get("/public/x").header("host", "any.test").send().await;
    assert_eq!((plain.status, world.upstream.last().header("x-forwarded-proto")), (200, Some("http")));
    // Whoever else connects is not talked to.
    let mut stranger = TcpStream::connect(world.gateway.addresses[2]).await.unwrap();
    let _ =
        tokio::io::AsyncWriteExt::write_all(&mut stranger, b"GET /public/x HTTP/1.1\r\nHost: any.test\r\n\r\n").await;
    let mut out = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stranger, &mut out).await;
    assert!(out.is_empty());
    assert_eq!(status(&world.client().raw("GET /public/x HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.7\r\nConnection: close\r\n\r\n").await), 200);
    assert_eq!(
        world.upstream.last().header("x-forwarded-for"),
        Some("127.0.0.1"),
        "trusted on that listener, not on this"
    );
}
