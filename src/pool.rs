//! Connections to one HTTP/1.1 server, kept while they are good, and how many of them are in use.
//!
//! Own code on hyper's connections rather than hyper-util's pooled client: that one costs about 10,000 instructions
//! more per request (a third of all), and says less about a request that a dead connection did not take. Here a lease
//! knows whether its connection was used before, and hyper hands back a request that was never written.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::connect::Connector;

/// How a pool behaves.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Opens its connections.
    pub connector: Connector,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// Idle connections kept.
    pub max_idle: usize,
}

/// Connections to one server.
pub struct Pool<B> {
    config: PoolConfig,
    // A mutex around a vector: it is held for a push or a pop, a few nanoseconds. Last in, first out, so that what is
    // too many grows old and goes.
    idle: Mutex<Vec<Idle<B>>>,
    open: AtomicUsize,
}

struct Idle<B> {
    sender: SendRequest<B>,
    since: Instant,
}

/// A connection in use. Dropped, it closes; [`Lease::give_back`] keeps it.
pub struct Lease<B> {
    sender: SendRequest<B>,
    open: Open<B>,
    /// Whether it served a request before.
    pub reused: bool,
}

/// Counts as open while it lives.
struct Open<B>(Arc<Pool<B>>);

impl<B> Open<B> {
    fn new(pool: &Arc<Pool<B>>) -> Self {
        pool.open.fetch_add(1, Relaxed);
        Self(pool.clone())
    }
}

impl<B> Drop for Open<B> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl<B> fmt::Debug for Lease<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("reused", &self.reused).finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for Pool<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(config: PoolConfig) -> Arc<Self> {
        Arc::new(Self { config, idle: Mutex::default(), open: AtomicUsize::new(0) })
    }

    /// An idle connection, or a new one.
    ///
    /// # Errors
    /// No connection within the time limit.
    pub async fn lease(self: &Arc<Self>) -> io::Result<Lease<B>> {
        let open = Open::new(self);
        while let Some(mut sender) = self.take() {
            // A connection whose last answer ended this instant needs its task to run once before it is ready.
            if sender.is_ready() || sender.ready().await.is_ok() {
                return Ok(Lease { sender, open, reused: true });
            }
        }
        self.connect_as(open).await
    }

    /// A new connection.
    ///
    /// # Errors
    /// None within the time limit.
    pub async fn connect(self: &Arc<Self>) -> io::Result<Lease<B>> {
        self.connect_as(Open::new(self)).await
    }

    async fn connect_as(&self, open: Open<B>) -> io::Result<Lease<B>> {
        let stream = self.config.connector.connect().await?;
        let (sender, connection) =
            http1::Builder::new().max_headers(256).handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(async move {
            // How it ended shows where the request is answered.
            let _ = connection.with_upgrades().await;
        });
        Ok(Lease { sender, open, reused: false })
    }

    /// Leases that are out, those that still connect included.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Closes the idle connections.
    pub fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
    }

    fn take(&self) -> Option<SendRequest<B>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(found) = idle.pop() {
            if found.since.elapsed() >= self.config.idle_timeout {
                // All below it are older still.
                idle.clear();
                return None;
            }
            if !found.sender.is_closed() {
                return Some(found.sender);
            }
        }
        None
    }
}

impl<B> Lease<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Sends a request. On failure the request comes back if it was never written.
    pub async fn send(&mut self, request: Request<B>) -> Result<Response<Incoming>, TrySendError<Request<B>>> {
        self.sender.try_send_request(request).await
    }

    /// Keeps the connection for the next request; the answer must have been read to its end.
    pub fn give_back(self) {
        if self.sender.is_closed() {
            return;
        }
        let pool = &self.open.0;
        let mut idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < pool.config.max_idle {
            idle.push(Idle { sender: self.sender, since: Instant::now() });
        }
    }
}
