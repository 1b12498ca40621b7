//! The plain listener that sends every request to https.
//!
//! A balancer that ends TLS and passes its https traffic on to here would have browsers go round for ever: each redirect
//! leads to the address that they are on. It says so itself, in `X-Forwarded-Proto`, and gets an explanation. Anybody may
//! say that; it costs nobody else anything.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::stall::Stall;
use super::{Shared, connection};
use crate::context::Authority;
use crate::{config, context};

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

const ROUND: &str = "This browser is on https already, and would be sent to the same address again and again.\n\n\
    For the operator: the proxy in front ends TLS (X-Forwarded-Proto: https) and passes its https traffic on to a listener \
    with mode = \"redirect\". Pass it on to one with mode = \"serve\" and the proxy in trusted_peers, or to the https one.\n";

pub(super) async fn serve(stream: TcpStream, https_port: u16, config: &config::Server, shared: &Shared) {
    let io = TokioIo::new(Stall::new(stream, config.write_timeout));
    let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request, https_port)) });
    let connection = connection::http1_builder(config).serve_connection(io, service);
    tokio::select! {
        _ = connection => {}
        () = shared.drain.cancelled() => {}
    }
}

/// 308 keeps method and body, so that a form posted to http is not turned into a GET (RFC 9110 section 15.4.9).
fn answer(request: &Request<Incoming>, https_port: u16) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    let host = context::authority(request.uri(), request.headers());
    let is_there = |host: &Authority| says_https(request.headers()) && host.port().unwrap_or(443) == https_port;
    if host.as_ref().is_some_and(is_there) {
        return goes_round();
    }
    let target = request.uri().path_and_query().map_or("/", |pq| pq.as_str());
    let location = host.filter(|_| target.starts_with('/')).and_then(|host| {
        let port = if https_port == 443 { String::new() } else { format!(":{https_port}") };
        HeaderValue::try_from(format!("https://{}{port}{target}", host.host())).ok()
    });
    match location {
        Some(location) => {
            *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
            answer.headers_mut().insert(LOCATION, location);
        }
        None => *answer.status_mut() = StatusCode::BAD_REQUEST,
    }
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// What the nearest proxy says.
fn says_https(headers: &HeaderMap) -> bool {
    let line = headers.get_all(X_FORWARDED_PROTO).iter().next_back();
    let last = line.and_then(|line| line.as_bytes().rsplit(|b| *b == b',').next());
    last.is_some_and(|scheme| scheme.trim_ascii().eq_ignore_ascii_case(b"https"))
}

/// 508, as the pipeline answers a browser that goes round. Said once: it is the same for all.
fn goes_round() -> Response<Full<Bytes>> {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Relaxed) {
        tracing::warn!(
            "a proxy passes https traffic on to a listener with mode = \"redirect\", which would send browsers round in circles: it belongs on one with mode = \"serve\""
        );
    }
    let mut answer = Response::new(Full::new(Bytes::from_static(ROUND.as_bytes())));
    *answer.status_mut() = StatusCode::LOOP_DETECTED;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
