//! The plain listener that sends every request to https.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONNECTION, LOCATION};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::stall::Stall;
use super::{Shared, connection};
use crate::{config, context};

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
