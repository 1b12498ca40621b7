//! `[[listener]]`

use std::net::SocketAddr;
use std::ops::Range;

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
    pub trusted_peers: Proxies,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8443)),
            mode: ListenerMode::Https,
            https_port: 443,
            trusted_peers: Proxies::default(),
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
        let listener = Self {
            address: table.text("address", SOCKET, socket).unwrap_or(default.address),
            mode: table.one_of("mode", &modes, default.mode),
            https_port: table.number("https_port", default.https_port, 1..=u16::MAX),
            trusted_peers: proxies(table, "trusted_peers"),
        };
        table.finish();
        listener.check(table);
        let place = |key| table.good(&[key]).then(|| table.place(key));
        Placed { address: place("address"), mode: place("mode"), listener }
    }

    fn check(&self, table: &mut Table<'_>) {
        if !table.good(&["mode"]) {
            return;
        }
        let serves = self.mode == ListenerMode::Serve;
        if serves && self.trusted_peers.is_empty() && table.good(&["trusted_peers"]) {
            let hint = "the networks of the balancers that end TLS, for example [\"10.1.0.0/16\"]";
            table.contradiction("trusted_peers", "a listener in mode \"serve\" must name who may connect", hint);
        }
        if !serves && !self.trusted_peers.is_empty() {
            table.contradiction("trusted_peers", "has no effect here, only in mode \"serve\"", NO_EFFECT);
        }
        if self.mode != ListenerMode::Redirect && self.https_port != Self::default().https_port {
            table.contradiction("https_port", "has no effect here, only in mode \"redirect\"", NO_EFFECT);
        }
    }
}

const NO_EFFECT: &str = "remove it, or change the mode";
