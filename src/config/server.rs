//! `[server]`, `[admin]`, `[[certificate]]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::table::{Problem, Table};
use super::{LONG, Place, SHORT, address};
use crate::networks::{Named, Proxies};

/// `[server]`: limits and times that hold for every listener.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Threads that serve requests; 0: one per CPU.
    pub worker_threads: usize,
    /// Open downstream connections over all listeners.
    pub max_connections: usize,
    /// Open connections of one client: an IPv4 address, an IPv6 /64; 0: as many as there are.
    pub max_connections_per_client: usize,
    /// Longest a TLS handshake may take, and a PROXY protocol header before it.
    pub handshake_timeout: Duration,
    /// Longest until a whole request header is there, from connecting or from the last answer.
    pub header_timeout: Duration,
    /// Longest a downstream connection may take no byte of an answer.
    pub write_timeout: Duration,
    /// Header fields in one request.
    pub max_headers: usize,
    /// Bytes of one request header.
    pub max_header_bytes: usize,
    /// Concurrent HTTP/2 streams of one connection.
    pub http2_max_streams: u32,
    /// 421 for a Host that the connection's certificate does not cover.
    pub strict_host: bool,
    /// Peers whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Proxies,
    /// How long open requests may go on after the first stop signal.
    pub drain_timeout: Duration,
    /// `https://host[:port]` for same-origin checks, when it is not the scheme and Host of the request.
    pub public_origin: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            worker_threads: 0,
            max_connections: 10_000,
            max_connections_per_client: 0,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            max_headers: 100,
            max_header_bytes: 64 * 1024,
            http2_max_streams: 128,
            strict_host: true,
            trusted_proxies: Proxies::default(),
            drain_timeout: Duration::from_secs(30),
            public_origin: None,
        }
    }
}

/// `[admin]`: the operators' own listener.
#[derive(Debug, Clone, PartialEq)]
pub struct Admin {
    /// Where it listens, plain HTTP.
    pub listen: SocketAddr,
    /// Public names under which it may be asked, besides addresses and names that only a private network has.
    pub hosts: Vec<String>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9901)), hosts: Vec::new() }
    }
}

/// `[[certificate]]`: paths, already resolved against the folder of the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// PEM, leaf first.
    pub chain: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// Where it stands.
    pub place: Place,
}

impl Server {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let server = Self {
            worker_threads: table.number("worker_threads", default.worker_threads, 0..=1024),
            max_connections: table.number("max_connections", default.max_connections, 1..=10_000_000),
            max_connections_per_client: table.number(
                "max_connections_per_client",
                default.max_connections_per_client,
                0..=10_000_000,
            ),
            handshake_timeout: table.duration("handshake_timeout", default.handshake_timeout, SHORT),
            header_timeout: table.duration("header_timeout", default.header_timeout, SHORT),
            write_timeout: table.duration("write_timeout", default.write_timeout, LONG),
            max_headers: table.number("max_headers", default.max_headers, 16..=4096),
            max_header_bytes: table.size("max_header_bytes", default.max_header_bytes, 8 * 1024..=1024 * 1024),
            http2_max_streams: table.number("http2_max_streams", default.http2_max_streams, 1..=10_000),
            strict_host: table.flag("strict_host", default.strict_host),
            trusted_proxies: proxies(table, "trusted_proxies"),
            drain_timeout: table.duration("drain_timeout", default.drain_timeout, Duration::ZERO..=*LONG.end()),
            public_origin: table.text("public_origin", "an origin", address::public_origin),
        };
        table.finish();
        server
    }
}

impl Admin {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let admin = Self {
            listen: table.text("listen", SOCKET, socket).unwrap_or(default.listen),
            hosts: table.list("hosts", "a name", address::domain).unwrap_or(default.hosts),
        };
        table.finish();
        admin
    }
}

impl Certificate {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let (chain, key) = (table.file("chain"), table.file("key"));
        table.finish();
        let place = Place(table.place("chain"));
        Self { chain: chain.unwrap_or_default(), key: key.unwrap_or_default(), place }
    }
}

pub(super) const SOCKET: &str = "an address and port such as \"0.0.0.0:443\"";

/// Whom to believe: never everyone.
pub(super) fn proxies(table: &mut Table<'_>, key: &str) -> Proxies {
    let why = "trusted is who may say which client, scheme and host a request has: name your proxies";
    let named: Option<Vec<Named>> = table.list(key, address::NETWORK, |text| address::network(text, why));
    named.unwrap_or_default().into_iter().collect()
}

pub(super) fn socket(text: &str) -> Result<SocketAddr, Problem> {
    text.parse()
        .map_err(|_| Problem::expected_text(SOCKET, text).hint("numbers, not names: \"[::]:443\", \"0.0.0.0:443\""))
}
