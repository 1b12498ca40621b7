//! What an operator changes: `POST /reload`.
//!
//! From this machine only, with the operator's name in `X-Sidgate-Operator`. A browser on it is no operator, whatever
//! page it shows: it can send no such header to another origin without asking first, and says of itself that it is one.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HOST, ORIGIN, REFERER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::super::reload::{Changes, NotReloaded, Reloader};
use super::host::is_this_machine;
use super::{Shared, text};

/// Who does it.
pub(crate) const OPERATOR: &str = "x-sidgate-operator";
/// Characters of an operator's name.
const LONGEST_NAME: usize = 64;

/// Reads the configuration again.
pub(super) async fn reload(
    request: &Request<Incoming>,
    peer: SocketAddr,
    shared: &Arc<Shared>,
) -> Response<Full<Bytes>> {
    if *request.method() != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "POST only\n".into());
    }
    let operator = match operator(request.headers(), peer) {
        Ok(operator) => operator.to_owned(),
        Err(why) => return text(StatusCode::FORBIDDEN, "text/plain", format!("{why}\n")),
    };
    // A task of its own: an operator who goes away meanwhile leaves no half of it.
    let (reloader, path) = (Reloader::new(shared.clone()), shared.reloads.path().map(|p| p.display().to_string()));
    let outcome = tokio::spawn(async move { reloader.reload(&operator).await }).await;
    let (status, mut body) = match outcome {
        Ok(Ok(changes)) => (StatusCode::OK, reloaded(&changes)),
        Ok(Err(NotReloaded::Faulty(faults))) => {
            let list =
                faults.faults.iter().map(|f| json!({"line": faults.line_of(f), "reason": f.reason, "hint": f.hint}));
            let list: Vec<Value> = list.collect();
            (StatusCode::UNPROCESSABLE_ENTITY, json!({"reloaded": false, "faults": list, "text": faults.render(false)}))
        }
        Ok(Err(NotReloaded::Failed(why))) => (StatusCode::CONFLICT, json!({"reloaded": false, "text": why})),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, json!({"reloaded": false, "text": "see the log"})),
    };
    body["config"] = json!(path);
    text(status, "application/json", format!("{body}\n"))
}

fn reloaded(changes: &Changes) -> Value {
    json!({
        "reloaded": true,
        "changed": changes.changed,
        "needs_restart": changes.needs_restart,
        "sha256": changes.hash,
    })
}

/// The operator's name, or why there is none.
fn operator(headers: &HeaderMap, peer: SocketAddr) -> Result<&str, &'static str> {
    if !peer.ip().to_canonical().is_loopback() {
        return Err("from this machine only");
    }
    let of_browser = headers.contains_key(ORIGIN)
        || headers.contains_key(REFERER)
        || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"));
    // A name that somebody else's server has given to this address (DNS rebinding).
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if of_browser || !is_this_machine(host) {
        return Err("not from a browser, and by the address, not by a name");
    }
    let mut names = headers.get_all(OPERATOR).iter();
    match (names.next().and_then(|name| name.to_str().ok()), names.next()) {
        (Some(name), None) if is_operator_name(name) => Ok(name),
        _ => Err("who are you? `X-Sidgate-Operator: NAME`, which `sidgate reload` sends"),
    }
}

pub(crate) fn is_operator_name(name: &str) -> bool {
    let length = name.len();
    (1..=LONGEST_NAME).contains(&length)
        && name.trim() == name
        && name.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_on_this_machine_has_a_name_and_is_no_browser() {
        let here: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        let asked = |more: &[(&'static str, &'static str)], peer| {
            let mut headers = HeaderMap::new();
            for (name, value) in [(HOST.as_str(), "127.0.0.1:9901"), (OPERATOR, "ann")].iter().chain(more) {
                headers.insert(*name, value.parse().unwrap());
            }
            operator(&headers, peer).map(str::to_owned).is_ok()
        };
        assert!(asked(&[], here) && asked(&[], "[::1]:1".parse().unwrap()));
        assert!(asked(&[("host", "localhost:9901")], here) && asked(&[("host", "[::1]:9901")], here));
        assert!(!asked(&[], "192.0.2.1:5000".parse().unwrap()));
        for header in [
            ("origin", "http://127.0.0.1:9901"),
            ("origin", "null"),
            ("referer", "http://127.0.0.1:9901/"),
            ("sec-fetch-site", "same-origin"),
            ("host", "rebound.example.test:9901"),
            ("host", ""),
            (OPERATOR, ""),
            (OPERATOR, " ann"),
        ] {
            assert!(!asked(&[header], here), "{header:?}");
        }
        assert!(!is_operator_name(&"a".repeat(65)) && !is_operator_name("a\u{e9}"));
    }
}
