//! Forwards a request to the application and streams its answer back.
//!
//! Nothing leaves without a [`Permit`], and every request is stripped and told its identity in [`Upstream::forward`]
//! itself, public ones included: forgetting either does not type-check.

mod balance;
mod headers;
mod instance;
mod tunnel;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::COOKIE;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::TrySendError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::{Body, Download, Progress, Upload};
use crate::config;
use crate::connect::{Connector, Tls};
use crate::context::Context;
use crate::cookie::SidCookie;
use crate::decision::Permit;
use crate::identity;
use crate::pool::{Lease, PoolConfig};
use crate::route::Route;
use crate::session::SessionId;

use instance::Instance;

pub(crate) use headers::keep_private;
pub use headers::{Answered, HandedOver};
pub use tunnel::is_websocket;

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamError {
    /// The client sent a reserved header in another spelling.
    Alias,
    /// No WebSocket handshake that can be passed on.
    Handshake,
    /// The client's body stopped coming.
    SlowBody,
    /// No connection.
    Connect,
    /// The connection ended before the answer.
    Broken,
    /// No answer in time.
    Timeout,
    /// The gateway is about to stop, and opens no more tunnels.
    Draining,
}

impl UpstreamError {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alias => "reserved_header",
            Self::Handshake => "bad_handshake",
            Self::SlowBody => "slow_body",
            Self::Connect => "connect",
            Self::Broken => "broken",
            Self::Timeout => "timeout",
            Self::Draining => "draining",
        }
    }
}

/// What runs beyond its request: WebSocket tunnels.
#[derive(Debug, Clone, Default)]
pub struct Tunnels {
    /// Those that are open.
    pub open: TaskTracker,
    /// Ends them.
    pub stop: CancellationToken,
}

/// One application.
#[derive(Debug)]
pub struct Upstream {
    instances: Box<[Instance]>,
    tunnels: Tunnels,
    session_cookies: Vec<String>,
}

/// The gateway's own things that forwarding needs.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The session cookie, which the upstream does not see, but on routes with `forward_sid`.
    pub cookie: &'a SidCookie,
    /// The route.
    pub route: &'a Route,
    /// The sid that the session was asked by.
    pub sid: Option<&'a SessionId>,
}

impl Upstream {
    /// From `[upstream.NAME]`.
    ///
    /// # Errors
    /// In words: files for TLS that cannot be used.
    pub fn new(config: &config::Upstream, tunnels: Tunnels) -> Result<Self, String> {
        let named = |e: String| format!("[upstream.{}]: {e}", config.name);
        let tls = Tls::for_targets(&config.urls, &config.tls).map_err(named)?;
        let instance = |target| {
            let connector = Connector::new(target, tls.as_ref(), config.connect_timeout)?;
            Ok(Instance::new(
                target,
                PoolConfig { connector, idle_timeout: config.pool_idle_timeout, max_idle: config.pool_max_idle },
            ))
        };
        let instances = config.urls.iter().map(instance).collect::<Result<_, String>>().map_err(named)?;
        Ok(Self { instances, tunnels, session_cookies: config.session_cookies.clone() })
    }

    /// Forwards a permitted request.
    ///
    /// # Errors
    /// [`UpstreamError`]: no answer came, or the request cannot be passed on.
    pub async fn forward(
        &self,
        permit: &Permit,
        cx: &mut Context,
        rules: Rules<'_>,
        mut request: Request<Incoming>,
    ) -> Result<(Response<Body>, Answered), UpstreamError> {
        let websocket = is_websocket(&request);
        headers::strip_hop_by_hop(request.headers_mut());
        identity::strip(request.headers_mut()).map_err(|_| failed(cx, UpstreamError::Alias))?;
        self.cookies(request.headers_mut(), permit, rules);
        headers::forwarding(request.headers_mut(), cx);
        identity::apply(request.headers_mut(), permit.who());
        *request.uri_mut() = target(request.uri(), cx).ok_or(UpstreamError::Broken)?;
        *request.version_mut() = Version::HTTP_11;
        let started = Instant::now();
        let answer = if websocket {
            self.tunnel(request, rules.route.idle_timeout, cx).await
        } else {
            self.exchange(request, rules.route, cx).await
        };
        cx.facts.upstream_us = u64::try_from(started.elapsed().as_micros()).ok();
        let mut answer = answer.map_err(|error| failed(cx, error))?;
        let answered = headers::answer(&mut answer, cx, rules, &self.instances);
        Ok((answer, answered))
    }

    /// What the upstream sees of the browser's cookies. It is handed no sid of a session that is none, and none of the
    /// cookies that it would take for one: its redirect to a page of the signed in, and ours to sign-in, would follow
    /// each other for ever.
    fn cookies(&self, headers: &mut HeaderMap, permit: &Permit, rules: Rules<'_>) {
        if permit.without_cookies() {
            headers.remove(COOKIE);
            return;
        }
        let forward = rules.route.forward_sid && !permit.has_none();
        match (forward, rules.sid) {
            // Nobody asked whether it is one.
            (true, None) => SidCookie::join(headers),
            (true, sid) => rules.cookie.rewrite(headers, sid, &[]),
            (false, _) if permit.has_none() => rules.cookie.rewrite(headers, None, &self.session_cookies),
            (false, _) => rules.cookie.rewrite(headers, None, &[]),
        }
    }

    async fn exchange(
        &self,
        request: Request<Incoming>,
        route: &Route,
        cx: &mut Context,
    ) -> Result<Response<Body>, UpstreamError> {
        let (parts, body) = request.into_parts();
        let (body, progress) = if body.is_end_stream() {
            (Upload::empty(), None)
        } else {
            let (upload, progress) = Upload::new(body);
            (upload, Some(progress))
        };
        let instance = balance::pick(&self.instances);
        let mut lease = instance.pool.lease().await.map_err(|e| connect_error(&e))?;
        // A request without a body that may be repeated (RFC 9110 section 9.2.2) is kept for one more try, in case the
        // server closes a kept connection at this very moment.
        let again = (lease.reused && progress.is_none() && is_idempotent(&parts.method)).then(|| parts.clone());
        let wait = Wait { limit: route.response_timeout, progress: progress.clone() };
        let mut sent = wait.send(&mut lease, Request::from_parts(parts, body)).await;
        if lease.reused {
            // hyper hands a request back that was never written; such a one is safe to send, whatever its method.
            let unsent = match &mut sent {
                Err(Failure::Sending(e)) => e.take_message(),
                _ => None,
            };
            let repeat = match (unsent, &sent) {
                (Some(request), _) => Some(request),
                (None, Err(Failure::Sending(_))) => again.map(|parts| Request::from_parts(parts, Upload::empty())),
                _ => None,
            };
            if let Some(request) = repeat {
                cx.facts.retried = true;
                lease = instance.pool.connect().await.map_err(|e| connect_error(&e))?;
                sent = wait.send(&mut lease, request).await;
            }
        }
        let answer = sent.map_err(|failure| wait.error(&failure))?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            // Nobody asked for it, so nothing is behind it that a browser could be connected to.
            return Err(UpstreamError::Broken);
        }
        Ok(answer.map(|body| Body::Upstream(Download::new(body, lease, progress, route.idle_timeout))))
    }
}

/// Notes it for the log line.
fn failed(cx: &mut Context, error: UpstreamError) -> UpstreamError {
    cx.facts.upstream_error = Some(error.as_str());
    error
}

fn connect_error(error: &std::io::Error) -> UpstreamError {
    if error.kind() == std::io::ErrorKind::TimedOut { UpstreamError::Timeout } else { UpstreamError::Connect }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// Origin form, with the canonical path. The query goes on as it came.
fn target(original: &Uri, cx: &Context) -> Option<Uri> {
    if let Some(same) = original.path_and_query().filter(|pq| pq.path() == cx.path) {
        return Some(Uri::from(same.clone()));
    }
    let text = match &cx.query {
        Some(query) => format!("{}?{query}", cx.path),
        None => cx.path.clone(),
    };
    text.parse().ok()
}

type Sent = Result<Response<Incoming>, Failure>;

enum Failure {
    Sending(Box<TrySendError<Request<Upload>>>),
    Timeout,
}

impl From<TrySendError<Request<Upload>>> for Failure {
    fn from(error: TrySendError<Request<Upload>>) -> Self {
        Self::Sending(Box::new(error))
    }
}

/// Waits for an answer's header. The limit is on silence: while the body of an upload goes on, it starts anew.
struct Wait {
    limit: Duration,
    progress: Option<Arc<Progress>>,
}

impl Wait {
    async fn send(&self, lease: &mut Lease<Upload>, request: Request<Upload>) -> Sent {
        let sending = lease.send(request);
        let Some(progress) = &self.progress else {
            return match tokio::time::timeout(self.limit, sending).await {
                Ok(sent) => sent.map_err(Failure::from),
                Err(_) => Err(Failure::Timeout),
            };
        };
        tokio::pin!(sending);
        loop {
            let before = progress.bytes();
            match tokio::time::timeout(self.limit, &mut sending).await {
                Ok(sent) => return sent.map_err(Failure::from),
                Err(_) if progress.bytes() == before => return Err(Failure::Timeout),
                Err(_) => {}
            }
        }
    }

    fn error(&self, failure: &Failure) -> UpstreamError {
        match failure {
            _ if self.progress.as_ref().is_some_and(|p| p.stalled()) => UpstreamError::SlowBody,
            Failure::Timeout => UpstreamError::Timeout,
            Failure::Sending(_) => UpstreamError::Broken,
        }
    }
}
