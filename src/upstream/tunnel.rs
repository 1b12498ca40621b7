//! WebSocket: a handshake that is checked on both sides, then a tunnel (RFC 6455).
//!
//! Bytes flow only after the upstream's 101 carries the right `Sec-WebSocket-Accept`. An `Upgrade` to anything else is
//! dropped like any hop-by-hop header, and a client that pipelines a second request behind a handshake finds it judged
//! like any other: hyper gives up the connection only with a 101.

use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Upstream, UpstreamError};
use crate::body::{Body, Download, Upload};

/// RFC 6455 section 1.3.
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether a request asks for a WebSocket (RFC 6455 section 4.2.1).
pub fn is_websocket<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11
        && has_token(request.headers(), &UPGRADE, "websocket")
        && has_token(request.headers(), &CONNECTION, "upgrade")
}

fn has_token(headers: &HeaderMap, name: &http::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|t| t.trim().eq_ignore_ascii_case(token))
}

fn is_handshake<B>(request: &Request<B>) -> bool {
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let key_is_16_bytes = key.and_then(|k| BASE64_STANDARD.decode(k).ok()).is_some_and(|k| k.len() == 16);
    let version = request.headers().get(SEC_WEBSOCKET_VERSION).is_some_and(|v| v == "13");
    request.method() == Method::GET && key_is_16_bytes && version
}

impl Upstream {
    /// Passes a handshake on; `request` has lost its hop-by-hop headers and knows its identity.
    pub(super) async fn tunnel(
        &self,
        mut request: Request<Incoming>,
        idle_timeout: Duration,
    ) -> Result<Response<Body>, UpstreamError> {
        if !is_handshake(&request) {
            return Err(UpstreamError::Handshake);
        }
        if self.tunnels.stop.is_cancelled() {
            return Err(UpstreamError::Draining);
        }
        let downstream = hyper::upgrade::on(&mut request);
        let expected = accept_of(request.headers());
        let (mut parts, _) = request.into_parts();
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        // A handshake is not repeated: it gets a connection that is surely alive, and never gives it back.
        let mut lease = self.pool.connect().await.map_err(|e| super::connect_error(&e))?;
        let sending = lease.send(Request::from_parts(parts, Upload::empty()));
        let sent = tokio::time::timeout(idle_timeout.min(Duration::from_secs(60)), sending).await;
        let mut answer = sent.map_err(|_| UpstreamError::Timeout)?.map_err(|_| UpstreamError::Broken)?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            answer.headers_mut().remove(UPGRADE);
            return Ok(answer.map(|body| Body::Upstream(Download::new(body, lease, idle_timeout))));
        }
        let accepted = answer.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        if accepted != expected.as_deref().map(str::as_bytes) || !has_token(answer.headers(), &UPGRADE, "websocket") {
            return Err(UpstreamError::Broken);
        }
        let upstream = hyper::upgrade::on(&mut answer);
        let stop = self.tunnels.stop.clone();
        self.tunnels.open.spawn(async move {
            let (Ok(down), Ok(up)) = tokio::join!(downstream, upstream) else { return };
            tokio::select! {
                () = splice(down, up, idle_timeout) => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(answer.map(|_| Body::Empty))
    }
}

/// Base64 of SHA-1 of the key and the magic (RFC 6455 section 4.2.2).
fn accept_of(headers: &HeaderMap) -> Option<String> {
    let key = headers.get(SEC_WEBSOCKET_KEY)?.as_bytes();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, MAGIC].concat());
    Some(BASE64_STANDARD.encode(hash))
}

/// Carries bytes both ways until both sides have ended, or nothing has come from either for `idle`.
async fn splice(down: Upgraded, up: Upgraded, idle: Duration) {
    let (mut down_read, mut down_write) = tokio::io::split(TokioIo::new(down));
    let (mut up_read, mut up_write) = tokio::io::split(TokioIo::new(up));
    let (mut from_down, mut from_up) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let (mut down_open, mut up_open) = (true, true);
    while down_open || up_open {
        let carried = tokio::time::timeout(idle, async {
            tokio::select! {
                read = down_read.read(&mut from_down), if down_open => match read? {
                    0 => { down_open = false; up_write.shutdown().await }
                    n => { up_write.write_all(&from_down[..n]).await?; up_write.flush().await }
                },
                read = up_read.read(&mut from_up), if up_open => match read? {
                    0 => { up_open = false; down_write.shutdown().await }
                    n => { down_write.write_all(&from_up[..n]).await?; down_write.flush().await }
                },
            }
        });
        if !matches!(carried.await, Ok(Ok(()))) {
            return;
        }
    }
}
