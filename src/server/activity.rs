//! What goes on on an HTTP/2 connection: how busy it is, and whether its client draws what it asked for.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::telemetry::Recorded;

/// How busy an HTTP/2 connection is. hyper closes idle HTTP/1.1 connections by itself, but not these.
#[derive(Debug)]
pub(super) struct Activity {
    open: AtomicUsize,
    since: Mutex<Instant>,
    /// Bodies that are open, by number.
    bodies: Mutex<Vec<(u64, Weak<Slot>)>>,
    numbers: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            open: AtomicUsize::new(0),
            since: Mutex::new(Instant::now()),
            bodies: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }
}

impl Activity {
    pub(super) fn touch(&self) {
        *lock(&self.since) = Instant::now();
    }

    /// Waits until nothing has been open for this long.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let since = *lock(&self.since);
            let idle = if self.open.load(Relaxed) == 0 { since.elapsed() } else { Duration::ZERO };
            if idle >= limit {
                return;
            }
            tokio::time::sleep(limit - idle).await;
        }
    }

    /// Drops bodies that nobody has drawn from for so long, and with each its connection to the upstream. A window of
    /// no bytes is how an HTTP/2 client reads nothing while its socket takes all there is; hyper then never asks the
    /// body, so that no timer inside it could notice.
    pub(super) async fn reap(&self, limit: Duration) -> Infallible {
        loop {
            tokio::time::sleep(limit / 2).await;
            let open: Vec<Arc<Slot>> = lock(&self.bodies).iter().filter_map(|(_, slot)| slot.upgrade()).collect();
            for slot in open {
                let mut state = lock(&slot.0);
                if state.offered.is_some_and(|since| since.elapsed() >= limit) {
                    drop(state.body.take());
                }
            }
        }
    }
}

/// One open stream: from its request to the end of its answer.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        activity.open.fetch_add(1, Relaxed);
        Self(activity)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.touch();
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// The body of an answer over HTTP/2, which the connection's watch can take away.
pub(super) struct Drawn {
    slot: Arc<Slot>,
    number: u64,
    activity: Arc<Activity>,
}

#[derive(Debug)]
struct Slot(Mutex<State>);

struct State {
    body: Option<Recorded>,
    /// Since when it is the client's turn: the body has something, or may have, and nobody asks.
    offered: Option<Instant>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("offered", &self.offered).finish_non_exhaustive()
    }
}

impl Drawn {
    pub(super) fn new(body: Recorded, activity: Arc<Activity>) -> Self {
        let state = State { body: Some(body), offered: Some(Instant::now()) };
        let slot = Arc::new(Slot(Mutex::new(state)));
        let number = activity.numbers.fetch_add(1, Relaxed);
        lock(&activity.bodies).push((number, Arc::downgrade(&slot)));
        Self { slot, number, activity }
    }
}

impl HttpBody for Drawn {
    type Data = Bytes;
    type Error = <Recorded as HttpBody>::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut state = lock(&self.slot.0);
        let Some(body) = &mut state.body else {
            return Poll::Ready(Some(Err("the client did not draw the answer in time".into())));
        };
        let polled = Pin::new(body).poll_frame(cx);
        // While the upstream has nothing, it is not the client who is waited for.
        state.offered = polled.is_ready().then(Instant::now);
        polled
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.slot.0).body.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.slot.0).body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Drawn {
    fn drop(&mut self) {
        let mut bodies = lock(&self.activity.bodies);
        if let Some(i) = bodies.iter().position(|(number, _)| *number == self.number) {
            bodies.swap_remove(i);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
