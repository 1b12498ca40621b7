//! `[server]`, `[admin]`, `[[listener]]`, `[[certificate]]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// `[server]`: limits and times that hold for every listener.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Threads that serve requests; 0: one per CPU.
    pub worker_threads: usize,
    /// Open downstream connections over all listeners.
    pub max_connections: usize,
    /// Longest a TLS handshake may take.
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
    pub trusted_proxies: Vec<IpNet>,
    /// How long open requests may go on after the first stop signal.
    pub drain_timeout: Duration,
    /// `scheme://host[:port]` for same-origin checks, when it is not the scheme and Host of the request.
    pub public_origin: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            worker_threads: 0,
            max_connections: 10_000,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            max_headers: 128,
            max_header_bytes: 64 * 1024,
            http2_max_streams: 128,
            strict_host: true,
            trusted_proxies: Vec::new(),
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
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9901)) }
    }
}

/// What a listener does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListenerMode {
    /// Ends TLS.
    #[default]
    Https,
    /// Plain HTTP; every request is sent to the https address.
    Redirect,
    /// Plain HTTP for trusted peers, behind a balancer that ends TLS.
    Serve,
}

/// `[[listener]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Where to listen.
    pub address: SocketAddr,
    /// What to do there.
    pub mode: ListenerMode,
    /// `redirect`: the port of the https address.
    pub https_port: u16,
    /// `serve`: who may connect.
    pub trusted_peers: Vec<IpNet>,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8443)),
            mode: ListenerMode::Https,
            https_port: 443,
            trusted_peers: Vec::new(),
        }
    }
}

/// `[[certificate]]`: paths, already resolved against the folder of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// PEM, leaf first.
    pub chain: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}
