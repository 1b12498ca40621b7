//! Connections to one HTTP/1.1 server, kept while they are good, and how many of them are in use.
//!
//! Own code rather than hyper-util's pooled client: that one costs about 10,000 instructions more per request, and says
//! less about a request that a dead connection did not take. Here a lease knows whether its connection was used before,
//! and a request of which nothing was written comes back.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Response};
use hyper::body::{Body, Frame, SizeHint};

use crate::connect::{Connector, Stream};
use crate::http1::{Connection, Failed, Fault, Head, Incoming};

/// Between two looks for idle connections that their server has closed or that have become too old.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

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
pub struct Pool {
    config: PoolConfig,
    // A mutex around a vector: it is held for a push or a pop, a few nanoseconds. Last in, first out, so that what is
    // too many grows old and goes.
    idle: Mutex<Vec<Idle>>,
    open: AtomicUsize,
    keep: AtomicBool,
}

struct Idle {
    connection: Connection<Stream>,
    since: Instant,
}

/// A connection to send a request over. Dropped, it closes.
#[derive(Debug)]
pub struct Lease {
    connection: Connection<Stream>,
    open: Open,
    /// Whether it served a request before.
    pub reused: bool,
}

/// Counts as open while it lives.
#[derive(Debug)]
struct Open(Arc<Pool>);

impl Open {
    fn new(pool: &Arc<Pool>) -> Self {
        pool.open.fetch_add(1, Relaxed);
        Self(pool.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Pool {
    /// An empty pool. Needs a tokio runtime: what is idle is looked after in the background.
    pub fn new(config: PoolConfig) -> Arc<Self> {
        let pool =
            Arc::new(Self { config, idle: Mutex::default(), open: AtomicUsize::new(0), keep: AtomicBool::new(true) });
        let weak = Arc::downgrade(&pool);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                let Some(pool) = weak.upgrade() else { return };
                pool.sweep().await;
            }
        });
        pool
    }

    /// An idle connection, or a new one.
    ///
    /// # Errors
    /// No connection within the time limit.
    pub async fn lease(self: &Arc<Self>) -> io::Result<Lease> {
        let open = Open::new(self);
        while let Some(mut connection) = self.take() {
            if connection.is_alive().await {
                return Ok(Lease { connection, open, reused: true });
            }
        }
        self.connect_as(open).await
    }

    /// A new connection.
    ///
    /// # Errors
    /// None within the time limit.
    pub async fn connect(self: &Arc<Self>) -> io::Result<Lease> {
        self.connect_as(Open::new(self)).await
    }

    async fn connect_as(&self, open: Open) -> io::Result<Lease> {
        let connection = Connection::new(self.config.connector.connect().await?);
        Ok(Lease { connection, open, reused: false })
    }

    /// Leases that are out, those that still connect included.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Whether connections are kept for the next request.
    pub fn keep(&self, keep: bool) {
        self.keep.store(keep, Relaxed);
    }

    /// Closes the idle connections.
    pub fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Connection<Stream>> {
        let mut idle = self.idle();
        let found = idle.pop()?;
        if found.since.elapsed() >= self.config.idle_timeout {
            // All below it are older still.
            idle.clear();
            return None;
        }
        Some(found.connection)
    }

    /// Closes what was closed at the other end, or is too old: nobody may ask for it for a long time.
    async fn sweep(&self) {
        let resting = std::mem::take(&mut *self.idle());
        let mut kept = Vec::with_capacity(resting.len());
        for mut idle in resting {
            if idle.since.elapsed() < self.config.idle_timeout && idle.connection.is_alive().await {
                kept.push(idle);
            }
        }
        let mut idle = self.idle();
        kept.append(&mut idle);
        *idle = kept;
    }
}

impl Lease {
    /// Sends a request and waits for the head of its answer; see [`Connection::send`].
    ///
    /// # Errors
    /// [`Failed`].
    pub async fn send<B>(
        self,
        head: &Head,
        body: B,
        spare: HeaderMap,
        limit: Duration,
    ) -> Result<Response<Leased<B>>, Failed<B>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Self { connection, open, .. } = self;
        let answer = connection.send(head, body, spare, limit).await?;
        Ok(answer.map(|incoming| Leased { incoming, open }))
    }
}

/// The body of an answer. Dropped, its connection closes; [`Leased::give_back`] keeps it.
#[derive(Debug)]
pub struct Leased<B> {
    incoming: Incoming<Stream, B>,
    open: Open,
}

impl<B> Leased<B> {
    /// Keeps the connection for the next request, if it is good for one.
    pub fn give_back(self) {
        let Some(connection) = self.incoming.into_connection() else { return };
        let pool = &self.open.0;
        if !pool.keep.load(Relaxed) {
            return;
        }
        let mut idle = pool.idle();
        if idle.len() < pool.config.max_idle {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    /// The server says that it closes the connection after this answer.
    pub fn is_last(&self) -> bool {
        self.incoming.is_last()
    }

    /// The stream behind an answer with 101, and what has come over it already. It counts as open while the third of
    /// them lives.
    pub fn into_stream(self) -> (Stream, Bytes, impl Send + Sync + 'static) {
        let (stream, first) = self.incoming.into_stream();
        (stream, first, self.open)
    }
}

impl<B> Body for Leased<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
