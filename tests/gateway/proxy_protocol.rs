//! A balancer that passes bytes on says whose they are, and nobody else can.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::World;
use crate::support::client::trusting;
use crate::support::upstream::until;
use crate::support::wire::status;

/// Listeners of these modes, for this machine and for another network.
fn listeners(modes: &[&str], peers: &str) -> String {
    let listener = |mode: &&str| {
        format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\nmode = \"{mode}\"\nproxy_protocol = \"required\"\n\
             trusted_peers = [\"{peers}\"]\n"
        )
    };
    modes.iter().map(listener).collect()
}

fn v1(source: &str) -> Vec<u8> {
    let family = if source.contains(':') { ("TCP6", "::1") } else { ("TCP4", "192.0.2.1") };
    format!("PROXY {} {source} {} 4711 443\r\n", family.0, family.1).into_bytes()
}

/// Version 2 for an IPv4 source, with what is said of its TLS.
fn v2(source: Ipv4Addr, over_tls: Option<bool>) -> Vec<u8> {
    let tls = over_tls.map_or(vec![], |tls| vec![0x20, 0, 5, u8::from(tls), 0, 0, 0, 0]);
    let length = u16::try_from(12 + tls.len()).unwrap().to_be_bytes();
    let ends = [&source.octets()[..], &[192, 0, 2, 1, 0x12, 0x67, 1, 187]].concat();
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length[..], &ends, &tls].concat()
}

async fn tls(address: SocketAddr, header: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut tcp = TcpStream::connect(address).await?;
    tcp.write_all(header).await?;
    let connector = TlsConnector::from(Arc::new(trusting(rustls::DEFAULT_VERSIONS)));
    connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await
}

/// Asks over a connection that stays open.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str, lines: &str) -> String {
    let _ = stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n").as_bytes()).await;
    let (mut out, mut block) = (Vec::new(), vec![0; 4096]);
    // The scripted upstream's answers end so.
    while !out.ends_with(b"\r\n\r\nok") {
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut block));
        let n = read.await.expect("an answer or an end within 20 s").unwrap_or(0);
        if n == 0 {
            break;
        }
        out.extend_from_slice(&block[..n]);
    }
    String::from_utf8_lossy(&out).into_owned()
}

async fn refused(world: &World, cause: &str) -> u64 {
    let (_, text) = world.gateway.admin("/metrics").await;
    let start = format!("sidgate_connections_refused_total{{cause=\"{cause}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse().unwrap()
}

#[tokio::test]
async fn whom_the_balancer_names_is_the_client_in_logs_and_for_the_application() {
    let world = World::with(&listeners(&["https"], "127.0.0.1")).await;
    let address = world.gateway.addresses[1];
    for (header, client) in [
        (v1("203.0.113.7"), "203.0.113.7"),
        (v1("2001:db8::7"), "2001:db8::7"),
        (v1("::ffff:203.0.113.7"), "203.0.113.7"),
        (v2(Ipv4Addr::new(203, 0, 113, 9), None), "203.0.113.9"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0".to_vec(), "127.0.0.1"),
    ] {
        let mut stream = tls(address, &header).await.unwrap();
        let forged = "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: evil.test\r\n";
        let answer = ask(&mut stream, "/public/x", forged).await;
        assert_eq!(status(&answer), 200, "{answer}");
        let seen = world.upstream.last();
        let told = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"].map(|name| seen.header(name));
        assert_eq!(told, [Some(client), Some("https"), Some("localhost")]);
    }
    let lines = world.gateway.log_lines(6).await;
    let clients: Vec<serde_json::Value> = lines.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(
        (clients[1]["client"].as_str(), clients[4]["client"].as_str()),
        (Some("2001:db8::7"), Some("127.0.0.1"))
    );
}

#[tokio::test]
async fn what_the_client_writes_is_believed_only_if_it_is_a_trusted_proxy_itself() {
    let more = "[server]\ntrusted_proxies = [\"198.51.100.0/24\", \"cloudflare\"]\n";
    let world = World::with(&(more.to_owned() + &listeners(&["https", "serve"], "127.0.0.1"))).await;
    let forwarded = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: localhost:99\r\n";
    for (source, client, scheme, host) in [
        ("198.51.100.1", "203.0.113.7", "http", "localhost:99"),
        ("104.16.0.1", "203.0.113.7", "http", "localhost"),
        ("192.0.2.77", "192.0.2.77", "https", "localhost"),
        // The balancer itself is in no trusted_proxies here.
        ("127.0.0.1", "127.0.0.1", "https", "localhost"),
    ] {
        let mut stream = tls(world.gateway.addresses[1], &v1(source)).await.unwrap();
        assert_eq!(status(&ask(&mut stream, "/public/x", forwarded).await), 200);
        let seen = world.upstream.last();
        let told = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"].map(|name| seen.header(name));
        assert_eq!(told, [Some(client), Some(scheme), Some(host)], "{source}");
    }
    let mut plain = TcpStream::connect(world.gateway.addresses[2]).await.unwrap();
    plain.write_all(&v1("192.0.2.77")).await.unwrap();
    assert_eq!(status(&ask(&mut plain, "/public/x", &forwarded.replace("http\r", "https\r")).await), 200);
    let seen = world.upstream.last();
    assert_eq!((seen.header("x-forwarded-for"), seen.header("x-forwarded-proto")), (Some("192.0.2.77"), Some("http")));
}

/// Of whom the balancer does not say who it is, the bytes come from anybody: they are not the balancer's own words,
/// whatever it is believed with otherwise.
#[tokio::test]
async fn what_comes_from_somebody_unknown_is_not_believed_though_the_balancer_is_a_trusted_proxy() {
    let more = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let world = World::with(&(more.to_owned() + &listeners(&["https"], "127.0.0.1"))).await;
    let forged = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: evil.test\r\n";
    let unix = [b"\r\n\r\n\0\r\nQUIT\n\x21\x31\x00\xd8".to_vec(), vec![b'x'; 216]].concat();
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0".to_vec();
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), unix, local] {
        let mut stream = tls(world.gateway.addresses[1], &header).await.unwrap();
        assert_eq!(status(&ask(&mut stream, "/public/x", forged).await), 200);
        let seen = world.upstream.last();
        let told = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"].map(|name| seen.header(name));
        assert_eq!(told, [Some("127.0.0.1"), Some("https"), Some("localhost")], "{header:?}");
    }
}

/// HAProxy's `send-proxy-v2-ssl`, for a balancer that ends TLS and passes bytes on.
#[tokio::test]
async fn a_balancer_that_ended_tls_says_so() {
    let world = World::with(&listeners(&["serve"], "127.0.0.1")).await;
    let source = Ipv4Addr::new(203, 0, 113, 7);
    for (over_tls, scheme) in [(Some(true), "https"), (Some(false), "http"), (None, "http")] {
        let mut stream = TcpStream::connect(world.gateway.addresses[1]).await.unwrap();
        stream.write_all(&v2(source, over_tls)).await.unwrap();
        assert_eq!(status(&ask(&mut stream, "/public/x", "").await), 200);
        assert_eq!(world.upstream.last().header("x-forwarded-proto"), Some(scheme), "{over_tls:?}");
    }
}

#[tokio::test]
async fn the_redirecting_listener_takes_the_header_too() {
    let world = World::with(&listeners(&["redirect"], "127.0.0.1")).await;
    let mut stream = TcpStream::connect(world.gateway.addresses[1]).await.unwrap();
    stream.write_all(&v1("203.0.113.7")).await.unwrap();
    let answer = ask(&mut stream, "/x", "").await;
    assert!(status(&answer) == 308 && answer.contains("https://localhost/x"), "{answer}");
}

#[tokio::test]
async fn without_a_header_or_from_anyone_else_the_connection_is_closed() {
    let more = "[server]\nhandshake_timeout = \"1s\"\n".to_owned();
    let world = World::with(
        &(more + &listeners(&["https", "serve"], "127.0.0.1") + &listeners(&["https", "serve"], "198.51.100.0/24")),
    )
    .await;
    let addresses = &world.gateway.addresses;
    // Straight TLS, straight HTTP, a header that is none.
    assert!(tls(addresses[1], b"").await.is_err());
    let mut plain = TcpStream::connect(addresses[2]).await.unwrap();
    assert_eq!(ask(&mut plain, "/public/x", "").await, "");
    assert!(tls(addresses[1], b"PROXY TCP4 nobody 192.0.2.1 1 2\r\n").await.is_err());
    assert_eq!(refused(&world, "proxy_protocol").await, 3);
    // A stranger's header is not even read.
    assert!(tls(addresses[3], &v1("203.0.113.7")).await.is_err());
    let mut plain = TcpStream::connect(addresses[4]).await.unwrap();
    let _ = plain.write_all(&v1("203.0.113.7")).await;
    assert_eq!(ask(&mut plain, "/public/x", "").await, "");
    assert_eq!(refused(&world, "untrusted_peer").await, 2);
    // Where none is expected, one is no TLS.
    assert!(tls(addresses[0], &v1("203.0.113.7")).await.is_err());
    assert_eq!(refused(&world, "handshake").await, 1);
    // One that does not come, or not to its end.
    for begun in [&b""[..], b"PROXY TCP4 203.0.113.7"] {
        let mut stream = TcpStream::connect(addresses[1]).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let waited = Instant::now();
        let end = tokio::time::timeout(Duration::from_secs(15), stream.read(&mut [0; 1])).await;
        assert!(
            matches!(end.expect("closed in time"), Ok(0) | Err(_)) && waited.elapsed() > Duration::from_millis(800)
        );
    }
    assert_eq!(refused(&world, "timeout").await, 2);
    assert!(world.upstream.seen().is_empty());
}

#[tokio::test]
async fn limits_count_whom_the_balancer_names() {
    let more = "[server]\nmax_connections_per_client = 2\n[sign_in]\nper_client = \"1/h\"\n".to_owned();
    let world = World::with(&(more + &listeners(&["https"], "127.0.0.1"))).await;
    let address = world.gateway.addresses[1];
    let (mut first, _second) =
        (tls(address, &v1("203.0.113.7")).await.unwrap(), tls(address, &v1("203.0.113.7")).await);
    assert_eq!(status(&ask(&mut first, "/public/x", "").await), 200);
    assert!(tls(address, &v1("203.0.113.7")).await.is_err(), "a third of the same client");
    assert_eq!(refused(&world, "client_limit").await, 1);
    for neighbour in ["203.0.113.8", "2001:db8::1", "2001:db8::2"] {
        let mut other = tls(address, &v1(neighbour)).await.unwrap();
        assert_eq!(status(&ask(&mut other, "/public/x", "").await), 200, "{neighbour}");
    }
    let health = [tls(address, b"PROXY UNKNOWN\r\n").await, tls(address, b"PROXY UNKNOWN\r\n").await];
    assert!(
        health.iter().all(Result::is_ok) && tls(address, b"PROXY UNKNOWN\r\n").await.is_ok(),
        "the balancer has no limit"
    );
    drop(first);
    let mut again = None;
    for _ in 0..200 {
        again = tls(address, &v1("203.0.113.7")).await.ok();
        if again.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(again.is_some(), "what is closed is given back");
    // Sign-ins are counted per prefix, with which another client of the same balancer has nothing to do.
    let attempt = async |source: &str| {
        let mut stream = tls(address, &v1(source)).await.unwrap();
        let body = r#"{"email":"alice@acme.test","password":"wrong"}"#;
        let head = format!(
            "POST /api/auth/session-v2 HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut out = String::new();
        let _ = stream.read_to_string(&mut out).await;
        status(&out)
    };
    assert_eq!((attempt("198.51.100.1").await, attempt("198.51.100.9").await), (401, 429));
    assert_eq!(attempt("192.0.2.1").await, 401);
}

/// The place is taken from before TLS until the last use of the connection.
#[tokio::test]
async fn a_client_s_connections_are_counted_from_the_first_byte_and_proxies_are_not() {
    let limited = |more: &str| format!("[server]\nmax_connections_per_client = 3\n{more}");
    let world = World::with(&limited("")).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(world.gateway.address()).await.unwrap());
    }
    let mut fourth = TcpStream::connect(world.gateway.address()).await.unwrap();
    assert!(matches!(fourth.read(&mut [0; 1]).await, Ok(0) | Err(_)), "closed at once");
    assert_eq!(refused(&world, "client_limit").await, 1);
    drop(silent);
    let gateway = world.gateway.address();
    until("those are given back", || {
        let mut stream = std::net::TcpStream::connect(gateway).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        // Silence, and no end: it waits for a handshake.
        std::io::Read::read(&mut stream, &mut [0; 1]).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
    })
    .await;
    let trusted = World::with(&limited("trusted_proxies = [\"127.0.0.1\"]\n")).await;
    let mut open = Vec::new();
    for _ in 0..6 {
        let mut stream = tls(trusted.gateway.address(), b"").await.unwrap();
        assert_eq!(status(&ask(&mut stream, "/public/x", "").await), 200);
        open.push(stream);
    }
    assert_eq!(trusted.gateway.address().ip(), IpAddr::from([127, 0, 0, 1]));
}
