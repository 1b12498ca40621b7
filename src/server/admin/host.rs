//! The names under which the operators' listener answers.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HOST;

/// What anybody else is told.
pub(super) const NOT_OURS: &str =
    "not by this name: ask by address, or list the name in `[admin] hosts` (gateway.toml), and restart\n";

/// Endings that nobody can register: RFC 6761, RFC 6762, ICANN's reservation of `internal`, and Kubernetes' own.
const PRIVATE: [&str; 4] = ["localhost", "local", "internal", "svc"];

/// Whether a request names this listener as only people of this network can: by its address, by a name without a dot
/// or with a private ending, or by one of `hosts`. Without a `Host` (HTTP/1.0, as health checks write it) no browser asked.
pub(super) fn is_ours(headers: &HeaderMap, hosts: &[String]) -> bool {
    let mut all = headers.get_all(HOST).iter();
    let Some(host) = all.next() else { return true };
    let (Ok(host), None) = (host.to_str(), all.next()) else { return false };
    let name = without_port(host).trim_end_matches('.');
    let listed = || hosts.iter().any(|known| known.eq_ignore_ascii_case(name));
    is_address(name) || is_private(name) || listed()
}

/// Whether it is an address, or `localhost`.
pub(super) fn is_this_machine(host: &str) -> bool {
    let bare = without_port(host);
    bare == "localhost" || is_address(bare)
}

fn is_address(bare: &str) -> bool {
    bare.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

fn is_private(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    !name.is_empty() && (last == name || PRIVATE.iter().any(|ending| ending.eq_ignore_ascii_case(last)))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        is_ours(&headers, &["gateway.example.com".to_owned()])
    }

    #[test]
    fn only_a_name_that_nobody_can_register_or_a_listed_one_is_answered() {
        for ours in [
            "127.0.0.1:9901",
            "[::1]:9901",
            "10.1.2.3",
            "localhost:9901",
            "sidgate:9901",
            "sidgate.shop.svc",
            "sidgate.shop.svc.cluster.local.:9901",
            "gw.eu.INTERNAL",
            "Gateway.example.com:9901",
        ] {
            assert!(asked(ours), "{ours}");
        }
        for theirs in
            ["rebound.example.test:9901", "example.com", "", ".", ":9901", "127.0.0.1.example.com", "a.local.com"]
        {
            assert!(!asked(theirs), "{theirs:?}");
        }
        assert!(is_ours(&HeaderMap::new(), &[]), "HTTP/1.0");
        let mut two = HeaderMap::new();
        two.append(HOST, "127.0.0.1".parse().unwrap());
        two.append(HOST, "example.com".parse().unwrap());
        assert!(!is_ours(&two, &[]));
    }
}
