//! Bodies on their way through, in both directions, and the limits on their silence.
//!
//! Nothing is buffered: a frame is handed on when the other side asks for it, which is also the back-pressure. A time
//! limit is on silence, not on the whole: a window in which too little came is what ends a body.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::pool::Lease;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request body may not crawl: fewer bytes than this in a whole idle window is silence (8 B/s at 30 s).
const MIN_UPLOAD_PER_WINDOW: u64 = 240;
/// The window of a request body.
const UPLOAD_WINDOW: Duration = Duration::from_secs(30);

/// The body of an answer.
#[derive(Debug, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// The gateway's own.
    Own(Bytes),
    /// The upstream's, as it comes.
    Upstream(Download),
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        match this {
            Self::Empty => Poll::Ready(None),
            Self::Own(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::data(bytes))))
            }
            Self::Upstream(download) => Pin::new(download).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Own(bytes) => bytes.is_empty(),
            Self::Upstream(download) => download.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Own(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Upstream(download) => download.inner.size_hint(),
        }
    }
}

/// A body from the upstream. When it has been read to its end, its connection goes back to the pool. Trailers are
/// dropped: they would pass by everything that is done to an answer's header.
#[derive(Debug)]
pub struct Download {
    inner: Incoming,
    watch: Watch,
    lease: Option<Lease<Upload>>,
    upload: Option<Arc<Progress>>,
    /// Read to its end. A chunked body does not know that of itself: it shows only in having asked for more.
    ended: bool,
}

impl Download {
    /// Wraps the body of an answer together with the connection it comes over, and the request's body if it has one.
    pub fn new(inner: Incoming, lease: Lease<Upload>, upload: Option<Arc<Progress>>, idle_timeout: Duration) -> Self {
        Self { inner, watch: Watch::new(idle_timeout, 1), lease: Some(lease), upload, ended: false }
    }

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Some(length) = frame.data_ref().map(Bytes::len) else { continue };
                    self.watch.saw(length);
                    return Poll::Ready(Some(Ok(frame)));
                }
                Poll::Ready(Some(Err(e))) => {
                    self.lease = None;
                    return Poll::Ready(Some(Err(e.into())));
                }
                Poll::Ready(None) => {
                    self.ended = true;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    std::task::ready!(self.watch.poll(cx));
                    self.lease = None;
                    return Poll::Ready(Some(Err("the upstream fell silent in the middle of its answer".into())));
                }
            }
        }
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        let ended = self.ended || self.inner.is_end_stream();
        // An upload that still runs would make whoever gets the connection next wait for a stranger's browser.
        let sent = self.upload.as_ref().is_none_or(|upload| upload.done());
        // Dropped before its end (the browser went away), the connection closes with it.
        if let Some(lease) = self.lease.take().filter(|_| ended && sent) {
            lease.give_back();
        }
    }
}

/// The body of a request, on its way to the upstream. Trailers are dropped: nobody in the browser sends any, and they
/// could carry names that were stripped from the header.
#[derive(Debug)]
pub struct Upload {
    inner: Option<Incoming>,
    watch: Watch,
    progress: Option<Arc<Progress>>,
}

/// How an upload goes, for whoever waits for the answer to it.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    stalled: AtomicBool,
    done: AtomicBool,
}

impl Progress {
    /// Bytes handed on so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// The browser fell silent.
    pub fn stalled(&self) -> bool {
        self.stalled.load(Relaxed)
    }

    /// Nothing more of it will be asked for.
    pub fn done(&self) -> bool {
        self.done.load(Relaxed)
    }
}

impl Upload {
    /// No body.
    pub fn empty() -> Self {
        Self { inner: None, watch: Watch::new(UPLOAD_WINDOW, 0), progress: None }
    }

    /// The browser's body.
    pub fn new(inner: Incoming) -> (Self, Arc<Progress>) {
        let progress = Arc::<Progress>::default();
        let watch = Watch::new(UPLOAD_WINDOW, MIN_UPLOAD_PER_WINDOW);
        (Self { inner: Some(inner), watch, progress: Some(progress.clone()) }, progress)
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        loop {
            match Pin::new(&mut *inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Some(length) = frame.data_ref().map(Bytes::len) else { continue };
                    this.watch.saw(length);
                    if let Some(progress) = &this.progress {
                        progress.bytes.fetch_add(length as u64, Relaxed);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Poll::Ready(Some(Err(e))) => return Poll::Ready(Some(Err(e.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    std::task::ready!(this.watch.poll(cx));
                    if let Some(progress) = &this.progress {
                        progress.stalled.store(true, Relaxed);
                    }
                    return Poll::Ready(Some(Err("the browser fell silent in the middle of its body".into())));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(progress) = &self.progress {
            progress.done.store(true, Relaxed);
        }
    }
}

/// Ends when a whole window brought too little. The timer is made when a body first has to be waited for: most never
/// have to. A window is not moved by what arrives, so silence is noticed after one to two windows.
#[derive(Debug)]
struct Watch {
    window: Duration,
    least: u64,
    seen: u64,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    fn new(window: Duration, least: u64) -> Self {
        Self { window, least, seen: 0, sleep: None }
    }

    fn saw(&mut self, bytes: usize) {
        self.seen += bytes as u64;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let window = self.window;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(window)));
        while sleep.as_mut().poll(cx).is_ready() {
            if self.seen < self.least {
                return Poll::Ready(());
            }
            self.seen = 0;
            sleep.as_mut().reset(Instant::now() + window);
        }
        Poll::Pending
    }
}
