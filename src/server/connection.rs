//! One connection: who is at the other end, TLS, then HTTP/1.1 or HTTP/2 until it ends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::activity::{Activity, Busy, Drawn};
use super::cork::Cork;
use super::door::{Door, Guest, Opened, Turned};
use super::live::Live;
use super::refused::Cause;
use super::stall::Stall;
use super::timer::ConnectionTimer;
use super::told::Told;
use super::{Shared, redirect};
use crate::certificate::Certificate;
use crate::config;
use crate::context::ConnectionInfo;
use crate::telemetry::Recorded;

/// Bytes of a request body that may be under way to us per HTTP/2 stream and connection: uploads over long lines.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How long an HTTP/2 connection with nothing open may take to go once it was told to.
const GOODBYE: Duration = Duration::from_secs(5);

/// What hyper allows without being told.
const HYPER_MAX_HEADERS: usize = 100;

/// A connection as it was accepted.
pub(super) struct Arrived {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) permit: OwnedSemaphorePermit,
}

/// Serves a connection from its first byte to its last.
pub(super) async fn serve(arrived: Arrived, door: Arc<Door>, live: Arc<Live>, shared: Arc<Shared>) {
    let Arrived { stream, peer, permit } = arrived;
    let _ = stream.set_nodelay(true);
    let direct = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    // Boxed: what it needs is given back before the connection is served.
    let (config, https_port) = (live.config.clone(), door.listener.https_port);
    let opening = Box::pin(async move { door.open(stream, direct, &live).await });
    let opening = tokio::select! {
        opening = tokio::time::timeout(config.handshake_timeout, opening) => opening,
        // No request was seen of it yet: nothing is lost, and nobody who says nothing holds up a stop.
        () = shared.drain.cancelled() => return,
    };
    let (guest, opened) = match opening {
        Ok(Ok(opened)) => opened,
        Ok(Err(Turned { cause, peer, why })) => return shared.refused.note(cause, peer, &why),
        Err(late) => return shared.refused.note(Cause::Timeout, direct, &late),
    };
    let Guest { peer, trust, tls, seat } = guest;
    let info = |certificate: Option<Certificate>| {
        let tls = tls || certificate.is_some();
        Arc::new(ConnectionInfo { tls, seat, ..ConnectionInfo::new(peer, trust, certificate, Some(permit)) })
    };
    match opened {
        Opened::Tls(stream, certificate) => {
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let info = info(certificate);
            if h2 { http2(*stream, info, config, shared).await } else { http1(*stream, info, config, shared).await }
        }
        Opened::Redirect(stream) => {
            let _held = info(None);
            redirect::serve(stream, https_port, &config, &shared).await;
        }
        Opened::Plain(stream) => http1(stream, info(None), config, shared).await,
    }
}

async fn http1<S>(stream: S, info: Arc<ConnectionInfo>, config: Arc<config::Server>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Stall::new(stream, config.write_timeout));
    // Boxed: an idle connection then keeps no room for the whole way of a request, several KiB each.
    let service = service_fn(|request| Box::pin(answer(request, info.clone(), shared.clone(), None)));
    let connection = http1_builder(&config).serve_connection(io, service).with_upgrades();
    let mut connection = pin!(connection);
    let (drained, halted) = (pin!(shared.drain.cancelled()), pin!(shared.halt.cancelled()));
    let drained = Told::new(&shared.draining, drained);
    let mut halted = Told::new(&shared.halting, halted);
    let result = tokio::select! {
        biased;
        result = connection.as_mut() => result,
        () = &mut halted => return,
        () = drained => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection.as_mut() => result,
                () = &mut halted => return,
            }
        }
    };
    log_end(&info, result);
}

/// HTTP/1.1 with our limits, for this listener and the redirecting one.
pub(super) fn http1_builder(config: &config::Server) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(ConnectionTimer::default())
        .header_read_timeout(config.header_timeout)
        .max_header_size(config.max_header_bytes)
        .max_buf_size(config.max_header_bytes.max(64 * 1024));
    if config.max_headers != HYPER_MAX_HEADERS {
        // Any limit but its own has hyper allocate room for so many with every request.
        builder.max_headers(config.max_headers);
    }
    builder
}

async fn http2<S>(stream: S, info: Arc<ConnectionInfo>, config: Arc<config::Server>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Cork::new(Stall::new(stream, config.write_timeout)));
    let activity = Arc::new(Activity::default());
    let service = service_fn(|request| {
        let (info, shared, activity) = (info.clone(), shared.clone(), activity.clone());
        async move {
            let busy = Box::new(Busy::new(activity.clone()));
            let answer = answer(request, info, shared, Some(busy as Box<_>)).await?;
            Ok::<_, Infallible>(answer.map(|body| Drawn::new(body, activity)))
        }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.http2_max_streams)
        .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20));
    let connection = builder.serve_connection(io, service);
    let mut connection = pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return log_end(&info, result),
        () = shared.halt.cancelled() => return,
        () = activity.idle_for(config.header_timeout) => {}
        () = shared.drain.cancelled() => {}
        never = activity.reap(config.write_timeout) => match never {},
    }
    connection.as_mut().graceful_shutdown();
    activity.touch();
    tokio::select! {
        result = connection.as_mut() => log_end(&info, result),
        () = shared.halt.cancelled() => {}
        // It was told to go and has nothing open, but stays; hyper waits for ever for one that never said a word.
        () = activity.idle_for(GOODBYE) => {}
        never = activity.reap(config.write_timeout) => match never {},
    }
}

async fn answer(
    request: Request<Incoming>,
    info: Arc<ConnectionInfo>,
    shared: Arc<Shared>,
    held: Option<Box<dyn Send + Sync>>,
) -> Result<Response<Recorded>, Infallible> {
    let gateway = shared.gateway();
    let mut record = shared.log.open(gateway.context(info, &request), held);
    let answer = gateway.handle(record.context(), request).await;
    Ok(record.follow(answer))
}

fn log_end(info: &ConnectionInfo, result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(peer = %info.peer, %error, "a connection ended early");
    }
}
