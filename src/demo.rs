//! `sidgate demo`: a session backend, an application and a certificate, so that the gateway can be tried with
//! nothing installed.
//!
//! The gateway between the two is the real one, started from the text that [`configuration`] writes, over real
//! sockets. Decided against a gateway with switches for a demo: what one tries here is what one would run. Also decided
//! against files with default secrets: key and certificate are made at each start, and [`refuse_beyond_loopback`]
//! keeps users whose password is public off the network.

mod backend;
mod certificate;
mod files;
mod front;
mod serve;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

pub use backend::{Backend, CODE, CallKind, LimitPolicy, PASSWORD, Person, SessionPolicy, Trouble};
pub use certificate::{Certificate, CertificateError};
pub(crate) use files::Files;
pub(crate) use front::page as html;
pub use front::{Front, FrontBody};

/// The environment variable that [`configuration`] names as the place of the gateway's key.
pub const KEY_VARIABLE: &str = "SIDGATE_DEMO_KEY";

/// The configuration of the demo's gateway, in the vocabulary of `gateway.toml`.
///
/// The key is not in it: whoever loads the text resolves `${SIDGATE_DEMO_KEY}` ([`KEY_VARIABLE`]).
pub fn configuration(
    https: SocketAddr,
    admin: SocketAddr,
    backend: SocketAddr,
    front: SocketAddr,
    chain: &Path,
    key: &Path,
    assertion: &Path,
) -> String {
    let (chain, key, assertion) = (quoted(chain), quoted(key), quoted(assertion));
    format!(
        r#"# What `sidgate demo` runs with.

[admin]
listen = "{admin}"

[[listener]]
address = "{https}"
mode = "https"

[[certificate]]
chain = {chain}
key = {key}

[backend]
url = "http://{backend}"
gateway_key = "${{{KEY_VARIABLE}}}"

[assertion]
key_files = [{assertion}]

[log]
format = "text"
level = "warn"
access = false

[upstream.demo]
url = "http://{front}"

{ROUTES}"#
    )
}

const ROUTES: &str = r#"[[route]]
path = "/"
access = "optional"
kind = "page"
upstream = "demo"

[[route]]
path = "/auth/signin"
access = "guest"
kind = "page"
upstream = "demo"

[[route]]
path = "/onboarding"
access = "signed_in"
kind = "page"
upstream = "demo"

[[route]]
path = "/onboarding/finish"
methods = ["POST"]
access = "signed_in"
kind = "page"
upstream = "demo"

[[route]]
path = "/{tenant}/dashboard/{*rest}"
access = "onboarded"
kind = "page"
upstream = "demo"
tenant = { parameter = "tenant", match = "slug" }

[[route]]
path = "/dashboard"
access = "signed_in"
kind = "page"
upstream = "demo"

[[route]]
path = "/api/{*rest}"
access = "signed_in"
kind = "api"
upstream = "demo"
"#;

/// What the terminal prints once everything listens.
pub fn welcome(https: SocketAddr, admin: SocketAddr) -> String {
    // The certificate names `localhost`, so that is the address to open wherever it leads to the listener.
    let host = match https.ip() {
        IpAddr::V4(ip) if ip.octets() == [127, 0, 0, 1] => format!("localhost:{}", https.port()),
        IpAddr::V6(ip) if ip.is_loopback() => format!("localhost:{}", https.port()),
        _ => https.to_string(),
    };
    format!(
        "\
sidgate demo is running. Open  https://{host}/

The browser warns once: the certificate was made a moment ago and is signed by nobody. Go on all the same.
Everyone's password is  {PASSWORD}
    alice@acme.test      Acme                bob@globex.test       Globex
    carol@acme.test      Acme and Globex     newbie@example.test   not through with onboarding
    dave@acme.test       Acme, with a second factor: the code is  {CODE}

Try:
  1. Open https://{host}/acme/dashboard without a session: you sign in, and arrive where you wanted to go.
  2. As alice, open /globex/dashboard: you end at your own, and the application never saw the request.
  3. As newbie, open any dashboard: onboarding comes first; finish it, and the next request is let through.
  4. Open the live events on a dashboard: they arrive one by one, nothing on the way holds them back.
  5. Say who you are yourself: curl -sk https://{host}/ -H 'X-Auth-User-Id: 1' and find yourself anonymous.
  6. Watch it work: curl -s http://{admin}/metrics and http://{admin}/readyz

Everything lives in memory. Ctrl-C stops it.
"
    )
}

/// Refuses to serve the demo to others: its users and their password stand in the manual.
pub fn refuse_beyond_loopback(address: SocketAddr) -> Result<(), String> {
    if address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(format!(
        "`{address}` can be reached by others, and the demo's users and password are known to everyone; \
         listen on 127.0.0.1 or [::1]"
    ))
}

/// A path as TOML text. What JSON escapes in a string, TOML reads the same way.
pub(crate) fn quoted(path: &Path) -> String {
    serde_json::Value::String(path.to_string_lossy().into_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PathPattern;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn parsed() -> toml::Table {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let text = configuration(
            at(8443),
            at(9901),
            at(1),
            at(2),
            Path::new("a \"b\"\\c.pem"),
            Path::new("k"),
            Path::new("a"),
        );
        text.parse().unwrap()
    }

    #[test]
    fn the_configuration_is_toml_and_keeps_odd_paths_and_the_key_out() {
        let table = parsed();
        assert_eq!(table["certificate"][0]["chain"].as_str(), Some("a \"b\"\\c.pem"));
        assert_eq!(table["backend"]["gateway_key"].as_str(), Some("${SIDGATE_DEMO_KEY}"));
        assert_eq!(table["listener"][0]["address"].as_str(), Some("127.0.0.1:8443"));
    }

    #[test]
    fn every_route_has_a_pattern_that_parses_and_an_upstream_that_exists() {
        let table = parsed();
        let routes = table["route"].as_array().unwrap();
        assert_eq!(routes.len(), 7);
        for route in routes {
            PathPattern::parse(route["path"].as_str().unwrap()).unwrap();
            assert!(table["upstream"].get(route["upstream"].as_str().unwrap()).is_some());
        }
    }

    #[test]
    fn only_loopback_is_served() {
        for good in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(refuse_beyond_loopback(address(good)).is_ok(), "{good}");
        }
        for bad in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1"] {
            assert!(refuse_beyond_loopback(address(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_welcome_names_an_address_that_the_certificate_covers() {
        let text = welcome(address("127.0.0.1:8443"), address("127.0.0.1:9901"));
        assert!(text.contains("https://localhost:8443/") && text.contains(PASSWORD));
    }
}
