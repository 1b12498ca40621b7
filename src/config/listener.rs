//! `[[listener]]`

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;

use super::Place;
use super::server::{SOCKET, proxies, socket};
use super::table::Table;
use crate::networks::Proxies;

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

impl ListenerMode {
    /// The word in `gateway.toml` and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Redirect => "redirect",
            Self::Serve => "serve",
        }
    }
}

/// Whether connections begin with a PROXY protocol header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyProtocol {
    /// They do not; one that comes is no TLS and no HTTP.
    #[default]
    Off,
    /// They must, version 1 or 2.
    Required,
}

/// `client_ca`: who has signed the certificates that clients must show.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientCa {
    /// PEM, already resolved against the folder of the configuration file.
    pub path: PathBuf,
    /// Where it stands.
    pub place: Place,
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
    /// With `serve` or a PROXY protocol: who may connect.
    pub trusted_peers: Proxies,
    /// Whether balancers say first whose connection they pass on.
    pub proxy_protocol: ProxyProtocol,
    /// `https`: clients must show a certificate that it has signed.
    pub client_ca: Option<ClientCa>,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8443)),
            mode: ListenerMode::Https,
            https_port: 443,
            trusted_peers: Proxies::default(),
            proxy_protocol: ProxyProtocol::Off,
            client_ca: None,
        }
    }
}

/// A listener, and where what others must agree with stands; nowhere when it is faulty.
pub(super) struct Placed {
    pub(super) listener: Listener,
    pub(super) address: Option<Range<usize>>,
    pub(super) mode: Option<Range<usize>>,
}

impl Listener {
    pub(super) fn read(table: &mut Table<'_>) -> Placed {
        let default = Self::default();
        let modes =
            [("https", ListenerMode::Https), ("redirect", ListenerMode::Redirect), ("serve", ListenerMode::Serve)];
        let proxy_protocols = [("off", ProxyProtocol::Off), ("required", ProxyProtocol::Required)];
        let client_ca = table.optional_file("client_ca");
        let listener = Self {
            address: table.text("address", SOCKET, socket).unwrap_or(default.address),
            mode: table.one_of("mode", &modes, default.mode),
            https_port: table.number("https_port", default.https_port, 1..=u16::MAX),
            trusted_peers: proxies(table, "trusted_peers"),
            proxy_protocol: table.one_of("proxy_protocol", &proxy_protocols, default.proxy_protocol),
            client_ca: client_ca.map(|path| ClientCa { path, place: Place(table.place("client_ca")) }),
        };
        table.finish();
        listener.check(table);
        let place = |key| table.good(&[key]).then(|| table.place(key));
        Placed { address: place("address"), mode: place("mode"), listener }
    }

    /// Whether only `trusted_peers` may connect.
    pub fn is_for_trusted_peers(&self) -> bool {
        self.mode == ListenerMode::Serve || self.proxy_protocol == ProxyProtocol::Required
    }

    fn check(&self, table: &mut Table<'_>) {
        if !table.good(&["mode", "proxy_protocol"]) {
            return;
        }
        let serves = self.mode == ListenerMode::Serve;
        if self.is_for_trusted_peers() && self.trusted_peers.is_empty() && table.good(&["trusted_peers"]) {
            let (what, hint) = if serves {
                ("in mode \"serve\"", "the networks of the balancers that end TLS, for example [\"10.1.0.0/16\"]")
            } else {
                ("with a PROXY protocol", "the networks of the balancers that send it, for example [\"10.1.0.0/16\"]")
            };
            table.contradiction("trusted_peers", format!("a listener {what} must name who may connect"), hint);
        }
        if !self.is_for_trusted_peers() && !self.trusted_peers.is_empty() {
            let problem = "has no effect here, only in mode \"serve\" or with `proxy_protocol = \"required\"`";
            table.contradiction("trusted_peers", problem, NO_EFFECT);
        }
        if self.mode != ListenerMode::Https && self.client_ca.is_some() {
            table.contradiction("client_ca", "has no effect here, only in mode \"https\"", NO_EFFECT);
        }
        if self.mode != ListenerMode::Redirect && self.https_port != Self::default().https_port {
            table.contradiction("https_port", "has no effect here, only in mode \"redirect\"", NO_EFFECT);
        }
    }
}

const NO_EFFECT: &str = "remove it, or change the mode";
