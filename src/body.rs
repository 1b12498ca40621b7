//! Bodies on their way through, in both directions, and the limits on their silence.
//!
//! Nothing is buffered: a frame is handed on when the other side asks for it, which is also the back-pressure. A time
//! limit is on silence, not on the whole: a window in which too little came is what ends a body.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::pool::Leased;

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
            Self::Upstream(download) => download.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Own(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Upstream(download) => download.size_hint(),
        }
    }
}

/// A body from the upstream. When it has been read to its end, its connection goes back to the pool.
#[derive(Debug)]
pub struct Download {
    /// Gone once it failed, and its connection with it.
    inner: Option<Leased<Upload>>,
    /// Why it failed, until that is said.
    failed: Option<BoxError>,
    watch: Watch,
    /// Read to its end. A chunked body does not know that of itself: it shows only in having asked for more.
    ended: bool,
}

impl Download {
    /// Wraps the body of an answer.
    pub fn new(inner: Leased<Upload>, idle_timeout: Duration) -> Self {
        Self { inner: Some(inner), failed: None, watch: Watch::new(idle_timeout, 1), ended: false }
    }

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(this.failed.take().map(Err)) };
        match Pin::new(inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.watch.saw(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(e))) => this.fail(e.into(), cx),
            Poll::Ready(None) => {
                this.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => {
                std::task::ready!(this.watch.poll(cx));
                this.fail("the upstream fell silent in the middle of its answer".into(), cx)
            }
        }
    }

    /// Says it at the next poll: hyper gives up the connection at once, and what came before the failure would be lost.
    fn fail<T>(&mut self, why: BoxError, cx: &Context<'_>) -> Poll<T> {
        self.inner = None;
        self.failed = Some(why);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        let ended = self.ended || self.is_end_stream();
        // Dropped before its end (the browser went away), the connection closes with it.
        if let Some(inner) = self.inner.take().filter(|_| ended) {
            inner.give_back();
        }
    }
}

/// The body of a request, on its way to the upstream. Trailers are dropped: nobody in the browser sends any, and they
/// could carry names that were stripped from the header.
#[derive(Debug)]
pub struct Upload {
    inner: Option<Incoming>,
    watch: Watch,
}

/// The browser fell silent in the middle of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silent;

impl std::fmt::Display for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the browser fell silent in the middle of its body")
    }
}

impl std::error::Error for Silent {}

impl Upload {
    /// No body.
    pub fn empty() -> Self {
        Self { inner: None, watch: Watch::new(UPLOAD_WINDOW, 0) }
    }

    /// The browser's body.
    pub fn new(inner: Incoming) -> Self {
        let inner = (!inner.is_end_stream()).then_some(inner);
        Self { inner, watch: Watch::new(UPLOAD_WINDOW, MIN_UPLOAD_PER_WINDOW) }
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
                    return Poll::Ready(Some(Ok(frame)));
                }
                Poll::Ready(Some(Err(e))) => return Poll::Ready(Some(Err(e.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    std::task::ready!(this.watch.poll(cx));
                    return Poll::Ready(Some(Err(Silent.into())));
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
