//! Forwards a request to the application and streams its answer back.
//!
//! Nothing leaves without a [`Permit`], and every request is stripped and told its identity in [`Upstream::forward`]
//! itself, public ones included: forgetting either does not type-check.

mod balance;
mod headers;
mod instance;
mod request;
mod tunnel;

use std::time::Instant;

use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::{Body, Download, Silent, Upload};
use crate::config;
use crate::connect::{Connector, Tls};
use crate::context::Context;
use crate::cookie::SidCookie;
use crate::decision::Permit;
use crate::http1::{Fault, Framing, Head};
use crate::pool::PoolConfig;
use crate::route::Route;
use crate::session::SessionId;

use instance::Instance;

pub(crate) use headers::keep_private;
use tunnel::Handshake;

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
        request: Request<Incoming>,
    ) -> Result<(Response<Body>, Answered), UpstreamError> {
        let handshake = is_websocket(&request).then(|| Handshake::new(&request));
        let mut request = request;
        let downstream = handshake.is_some().then(|| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        let body = if handshake.is_some() { Upload::empty() } else { Upload::new(body) };
        let head =
            request::head(&parts, Framing::of(&body), cx, rules, permit, &self.session_cookies, handshake.is_some())
                .map_err(|error| failed(cx, error))?;
        // Its room serves for the answer's headers.
        parts.headers.clear();
        let started = Instant::now();
        let answer = match (handshake, downstream) {
            (Some(handshake), Some(downstream)) => {
                self.tunnel(&head, handshake, downstream, rules.route.idle_timeout, cx).await
            }
            _ => self.exchange(&head, &parts.method, body, parts.headers, rules.route, cx).await,
        };
        cx.facts.upstream_us = u64::try_from(started.elapsed().as_micros()).ok();
        let mut answer = answer.map_err(|error| failed(cx, error))?;
        let answered = headers::answer(&mut answer, cx, rules, &self.instances);
        Ok((answer, answered))
    }

    async fn exchange(
        &self,
        head: &Head,
        method: &Method,
        body: Upload,
        spare: HeaderMap,
        route: &Route,
        cx: &mut Context,
    ) -> Result<Response<Body>, UpstreamError> {
        let instance = balance::pick(&self.instances);
        let lease = instance.pool.lease().await.map_err(|e| connect_error(&e))?;
        let reused = lease.reused;
        let mut sent = lease.send(head, body, spare, route.response_timeout).await;
        if let (true, Err(failed)) = (reused, &mut sent)
            && !matches!(failed.fault, Fault::Timeout | Fault::Body(_))
        {
            // What was never written is safe to send, whatever its method; and a request without a body that may be
            // repeated (RFC 9110 section 9.2.2) gets one more try, in case the server closed a kept connection at this
            // very moment.
            let repeatable = head.framing == Framing::Empty && is_idempotent(method);
            if let Some(body) = failed.unsent.take().or_else(|| repeatable.then(Upload::empty)) {
                cx.facts.retried = true;
                let lease = instance.pool.connect().await.map_err(|e| connect_error(&e))?;
                sent = lease.send(head, body, HeaderMap::new(), route.response_timeout).await;
            }
        }
        let answer = sent.map_err(|failed| UpstreamError::from(&failed.fault))?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            // Nobody asked for it, so nothing is behind it that a browser could be connected to.
            return Err(UpstreamError::Broken);
        }
        Ok(answer.map(|body| Body::Upstream(Download::new(body, route.idle_timeout))))
    }
}

impl From<&Fault> for UpstreamError {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Timeout => Self::Timeout,
            Fault::Body(error) if error.is::<Silent>() => Self::SlowBody,
            _ => Self::Broken,
        }
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
