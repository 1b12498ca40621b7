//! Forwards a request to the application and streams its answer back.
//!
//! Nothing leaves without a [`Permit`], and every request is stripped and told its identity in [`Upstream::forward`]
//! itself, public ones included: forgetting either does not type-check.

mod balance;
mod budget;
mod exchange;
mod headers;
mod health;
mod instance;
mod probe;
mod request;
mod tunnel;

use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::assertion::Signer;
use crate::body::{Body, Upload};
use crate::config;
use crate::connect::{Connector, Tls};
use crate::context::Context;
use crate::cookie::{NameSet, SidCookie};
use crate::decision::Permit;
use crate::http1::Framing;
use crate::pool::PoolConfig;
use crate::route::Route;
use crate::session::SessionId;

use budget::Budget;
use instance::Instance;

pub(crate) use headers::keep_private;
use tunnel::Handshake;

pub use headers::{Answered, HandedOver};
pub use instance::InstanceState;
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
    /// As many requests are open as may be.
    Overloaded,
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
            Self::Overloaded => "overloaded",
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
    name: String,
    instances: Box<[Arc<Instance>]>,
    max_open: usize,
    retries: u32,
    budget: Budget,
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
    /// Cookies that the upstream neither sees nor sets any more.
    pub cleared: Option<&'a NameSet>,
    /// What signs the assertion for this upstream.
    pub proof: Option<&'a Signer>,
}

impl Upstream {
    /// From `[upstream.NAME]`. Needs a tokio runtime.
    ///
    /// # Errors
    /// In words: files for TLS that cannot be used.
    pub fn new(config: &config::Upstream, tunnels: Tunnels) -> Result<Self, String> {
        let named = |e: String| format!("[upstream.{}]: {e}", config.name);
        let tls = Tls::for_targets(&config.urls, &config.tls).map_err(named)?;
        let instance = |target| {
            let connector = Connector::new(target, tls.as_ref(), config.connect_timeout)?;
            let pool = PoolConfig { connector, idle_timeout: config.pool_idle_timeout, max_idle: config.pool_max_idle };
            Ok(Arc::new(Instance::new(target, config, pool)))
        };
        let instances = config.urls.iter().map(instance).collect::<Result<Box<[_]>, String>>().map_err(named)?;
        if let Some(check) = &config.health {
            instances.iter().for_each(|instance| probe::watch(instance, check.clone()));
        }
        Ok(Self {
            name: config.name.clone(),
            instances,
            max_open: match config.balance.max_open_requests {
                0 => usize::MAX,
                some => some,
            },
            retries: config.balance.retries,
            budget: Budget::new(config.balance.retry_budget),
            tunnels,
            session_cookies: config.session_cookies.clone(),
        })
    }

    /// What routes call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How each of its instances is.
    pub fn instances(&self) -> impl Iterator<Item = InstanceState> {
        self.instances.iter().map(|instance| instance.state())
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
        self.budget.request();
        if self.instances.iter().map(|i| i.pool.open()).sum::<usize>() >= self.max_open {
            return Err(failed(cx, UpstreamError::Overloaded));
        }
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
}

/// Notes it for the log line.
fn failed(cx: &mut Context, error: UpstreamError) -> UpstreamError {
    cx.facts.upstream_error = Some(error.as_str());
    error
}
