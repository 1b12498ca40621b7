//! WebSocket: a handshake that is checked on both sides, then a tunnel (RFC 6455).
//!
//! Bytes flow only after the upstream's 101 carries the right `Sec-WebSocket-Accept`. An `Upgrade` to anything else is
//! dropped like any hop-by-hop header, and a client that pipelines a second request behind a handshake finds it judged
//! like any other: hyper gives up the connection only with a 101.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::exchange::Reached;
use super::{Upstream, UpstreamError};
use crate::body::{Body, Download, Upload};
use crate::connect::Stream;
use crate::context::Context;
use crate::http1::Head;
use crate::pool::Leased;

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

/// What a handshake asks and must be answered.
pub(super) struct Handshake {
    /// It is one that can be passed on (RFC 6455 section 4.2.1).
    whole: bool,
    accept: Option<String>,
}

impl Handshake {
    pub(super) fn new<B>(request: &Request<B>) -> Self {
        let key = request.headers().get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
        let key_is_16_bytes = key.and_then(|k| BASE64_STANDARD.decode(k).ok()).is_some_and(|k| k.len() == 16);
        let version = request.headers().get(SEC_WEBSOCKET_VERSION).is_some_and(|v| v == "13");
        let whole = request.method() == Method::GET && key_is_16_bytes && version;
        Self { whole, accept: accept_of(request.headers()) }
    }

    fn is_accepted(&self, answer: &Response<Leased<Upload>>) -> bool {
        let accepted = answer.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        accepted == self.accept.as_deref().map(str::as_bytes) && has_token(answer.headers(), &UPGRADE, "websocket")
    }
}

impl Upstream {
    /// Passes a handshake on.
    pub(super) async fn tunnel(
        &self,
        head: &Head,
        handshake: Handshake,
        downstream: OnUpgrade,
        idle_timeout: Duration,
        cx: &mut Context,
    ) -> Result<Response<Body>, UpstreamError> {
        if !handshake.whole {
            return Err(UpstreamError::Handshake);
        }
        if self.tunnels.stop.is_cancelled() {
            return Err(UpstreamError::Draining);
        }
        // A handshake is not repeated: it gets a connection that is surely alive, and never gives it back.
        let Reached { instance, lease, trial } = self.reach(&mut self.tries(), false, cx).await?;
        let limit = idle_timeout.min(Duration::from_secs(60));
        let sent = lease.send(head, Upload::empty(), HeaderMap::new(), limit).await;
        let answer = sent.map_err(|failed| {
            instance.failed(&failed.fault);
            UpstreamError::from(&failed.fault)
        })?;
        instance.good(trial);
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(answer.map(|body| Body::Upstream(Download::new(body, idle_timeout))));
        }
        if !handshake.is_accepted(&answer) {
            return Err(UpstreamError::Broken);
        }
        let (parts, body) = answer.into_parts();
        let (up, first, open) = body.into_stream();
        let stop = self.tunnels.stop.clone();
        // The tunnel counts as the connection that it was: for `max_connections`, and as open at its instance.
        let held = (cx.connection.clone(), open);
        self.tunnels.open.spawn(async move {
            let _held = held;
            let Ok(down) = downstream.await else { return };
            tokio::select! {
                () = splice(down, up, first, idle_timeout) => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(Response::from_parts(parts, Body::Empty))
    }
}

/// Base64 of SHA-1 of the key and the magic (RFC 6455 section 4.2.2).
fn accept_of(headers: &HeaderMap) -> Option<String> {
    let key = headers.get(SEC_WEBSOCKET_KEY)?.as_bytes();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, MAGIC].concat());
    Some(BASE64_STANDARD.encode(hash))
}

/// Carries bytes both ways until both sides have ended, or nothing has moved either way for `idle`.
///
/// The two ways wait for nothing of each other: a side that writes much before it reads must not stop the other.
///
/// `first` came from `up` together with the answer.
async fn splice(down: Upgraded, up: Stream, first: Bytes, idle: Duration) {
    let (down_read, down_write) = tokio::io::split(TokioIo::new(down));
    let (up_read, up_write) = tokio::io::split(up);
    let up_read = first.as_ref().chain(up_read);
    let moved = Moved::default();
    let both = async { tokio::try_join!(carry(down_read, up_write, &moved), carry(up_read, down_write, &moved)) };
    tokio::select! {
        _ = both => {}
        () = moved.nothing_for(idle) => {}
    }
}

/// One way, until its end is handed on.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: &Moved,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = from.read(&mut buffer).await?;
        if n == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..n]).await?;
        to.flush().await?;
        moved.0.fetch_add(1, Relaxed);
    }
}

/// Counts what was carried, either way.
#[derive(Debug, Default)]
struct Moved(AtomicU64);

impl Moved {
    /// Ends after one to two times `idle` in which nothing was carried.
    async fn nothing_for(&self, idle: Duration) {
        let mut before = None;
        loop {
            let now = self.0.load(Relaxed);
            if before == Some(now) {
                return;
            }
            before = Some(now);
            tokio::time::sleep(idle).await;
        }
    }
}
