//! Connections that ended before their first request, counted by cause.
//!
//! Anyone can make as many of them as they like. What an operator must act on is said aloud, but at most once a second
//! for each cause, with how many there were.

use std::fmt::{Display, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Why a connection was not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nobody whom the listener lets in.
    UntrustedPeer,
    /// It does not begin with a PROXY protocol header, and must.
    ProxyProtocol,
    /// The client has as many open as it may.
    ClientLimit,
    /// No client certificate, or none that the listener's authority has signed.
    ClientCertificate,
    /// No TLS handshake for another reason.
    Handshake,
    /// It took too long to say who it is.
    Timeout,
}

const CAUSES: [Cause; 6] = [
    Cause::UntrustedPeer,
    Cause::ProxyProtocol,
    Cause::ClientLimit,
    Cause::ClientCertificate,
    Cause::Handshake,
    Cause::Timeout,
];

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::UntrustedPeer => "untrusted_peer",
            Self::ProxyProtocol => "proxy_protocol",
            Self::ClientLimit => "client_limit",
            Self::ClientCertificate => "client_certificate",
            Self::Handshake => "handshake",
            Self::Timeout => "timeout",
        }
    }

    /// Whether it is mostly a fault in somebody's configuration, or a limit too low; the rest is the noise of the net.
    fn is_said_aloud(self) -> bool {
        matches!(self, Self::UntrustedPeer | Self::ProxyProtocol | Self::ClientLimit)
    }
}

/// The counters.
#[derive(Debug)]
pub(super) struct Refused {
    counters: [Counter; CAUSES.len()],
    born: Instant,
}

#[derive(Debug, Default)]
struct Counter {
    total: AtomicU64,
    /// The total when it was last said.
    said: AtomicU64,
    /// Milliseconds after `born` before which it is not said again.
    silent_until: AtomicU64,
}

impl Default for Refused {
    fn default() -> Self {
        Self { counters: Default::default(), born: Instant::now() }
    }
}

impl Refused {
    /// Counts one, and says so where it is time to.
    pub(super) fn note(&self, cause: Cause, peer: SocketAddr, why: &dyn Display) {
        let connections = self.count(cause, self.born.elapsed());
        let cause = cause.as_str();
        match connections {
            Some(connections) => tracing::warn!(%peer, cause, connections, "refused: {why}"),
            None => tracing::debug!(%peer, cause, "refused: {why}"),
        }
    }

    /// How many there were since it was last said, where it is time to say so again.
    fn count(&self, cause: Cause, now: Duration) -> Option<u64> {
        let counter = self.counters.get(cause as usize)?;
        let total = counter.total.fetch_add(1, Relaxed) + 1;
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let until = counter.silent_until.load(Relaxed);
        let mine = cause.is_said_aloud()
            && now >= until
            && counter.silent_until.compare_exchange(until, now + 1000, Relaxed, Relaxed).is_ok();
        mine.then(|| total.saturating_sub(counter.said.swap(total, Relaxed)))
    }

    /// For `/metrics`.
    pub(super) fn render(&self) -> String {
        let name = "sidgate_connections_refused_total";
        let mut out =
            format!("# HELP {name} Connections closed before their first request, by cause.\n# TYPE {name} counter\n");
        for (cause, counter) in CAUSES.iter().zip(&self.counters) {
            let _ = writeln!(out, "{name}{{cause=\"{}\"}} {}", cause.as_str(), counter.total.load(Relaxed));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_counter_and_is_said_at_most_once_a_second() {
        let refused = Refused::default();
        assert!(CAUSES.iter().enumerate().all(|(i, cause)| *cause as usize == i));
        let at = |millis| refused.count(Cause::ClientLimit, Duration::from_millis(millis));
        assert_eq!([at(0), at(1), at(999), at(1000), at(1001)], [Some(1), None, None, Some(3), None]);
        assert_eq!(refused.count(Cause::UntrustedPeer, Duration::from_millis(1001)), Some(1));
        assert_eq!(refused.count(Cause::Handshake, Duration::from_secs(9)), None);
        assert!(refused.render().contains("refused_total{cause=\"client_limit\"} 5\n"));
    }
}
