//! HTTP/1.1 as a client: one request and its answer over one connection at a time.
//!
//! Own code rather than hyper's client. That one runs each connection as a task of its own, to which requests go and
//! from which answers come through channels, and takes requests as maps of headers, which it writes out one by one:
//! together a quarter of all instructions of a request here. In this module the task that serves the browser writes
//! the request, already in bytes, and reads its answer itself. What hyper is strict about, this is strict about:
//! lengths, chunks, what is no head at all; see the tests of its parts.
//!
//! A connection is good for another request once its answer was read to its end, nothing came after it, the request
//! was written whole, and neither side said otherwise.

mod alarm;
mod answer;
mod decoder;
mod incoming;
mod request;
mod sending;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response};
use hyper::body::Body;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

pub(crate) use alarm::Alarm;
pub use incoming::Incoming;
pub(crate) use request::is_hop_by_hop;
pub use request::{Framing, Head};
use sending::Sending;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Bytes read at once, as a rule.
const READ: usize = 8 * 1024;

/// Why no answer came, or not all of it.
#[derive(Debug)]
pub enum Fault {
    /// The connection ended before the answer did.
    Closed,
    /// Nothing could be read from it.
    Read(io::Error),
    /// Nothing could be written to it.
    Write(io::Error),
    /// What came is no head of an answer.
    Head,
    /// What came is no chunked body.
    Chunk,
    /// The request's own body ended too early, too late, or with this error.
    Body(BoxError),
    /// Nothing came, and nothing of the request's body was taken, for so long.
    Timeout,
    /// The same, but all of the request that there was had been written: the rest of its body did not come, without
    /// which no server owes an answer.
    Stalled,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection ended before the answer did"),
            Self::Read(e) | Self::Write(e) => e.fmt(f),
            Self::Head => f.write_str("what came is no head of an answer"),
            Self::Chunk => f.write_str("what came is no chunked body"),
            Self::Body(e) => e.fmt(f),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Stalled => f.write_str("the rest of the request did not come in time"),
        }
    }
}

impl std::error::Error for Fault {}

/// A connection with nothing under way.
#[derive(Debug)]
pub struct Connection<S>(Box<Wire<S>>);

/// What a connection is made of. Boxed, because it goes from hand to hand with every request.
#[derive(Debug)]
struct Wire<S> {
    io: S,
    buffer: BytesMut,
    alarm: Alarm,
}

/// A request that came to nothing.
#[derive(Debug)]
pub struct Failed<B> {
    /// Why.
    pub fault: Fault,
    /// Its body, if neither a byte of the request was written nor one of the body taken: it can go elsewhere.
    pub unsent: Option<B>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Over a stream that was just opened.
    pub fn new(io: S) -> Self {
        Self(Box::new(Wire { io, buffer: BytesMut::new(), alarm: Alarm::default() }))
    }

    /// Whether the server still holds it. A close or anything else that came while nothing was asked shows here.
    pub async fn is_alive(&mut self) -> bool {
        let mut byte = [0];
        let look = poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut self.0.io).poll_read(cx, &mut ReadBuf::new(&mut byte)).is_pending())
        });
        // A task that has used up its turn would be told that nothing came.
        tokio::task::unconstrained(look).await
    }

    /// Sends a request and waits for the head of its answer, at most so long without a sign of life. The answer's
    /// fields go into `spare`, an emptied map.
    ///
    /// # Errors
    /// [`Failed`], with the body where it can still be sent elsewhere.
    pub async fn send<B>(
        self,
        head: &Head,
        body: B,
        spare: HeaderMap,
        limit: Duration,
    ) -> Result<Response<Incoming<S, B>>, Failed<B>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let (mut wire, mut spare) = (self.0, spare);
        let mut sending = Sending::new(head.bytes.clone(), head.framing, body);
        wire.alarm.set(limit);
        let mut seen = 0;
        let got = poll_fn(|cx| {
            let polled = wire.poll_head(&mut sending, head.is_head, &mut spare, cx);
            if polled.is_ready() {
                return polled;
            }
            ready!(wire.alarm.poll(cx));
            // The limit is on silence: while an upload goes on, it starts anew.
            if sending.taken > seen {
                seen = sending.taken;
                wire.alarm.set(limit);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(Err(if sending.waits_for_body() { Fault::Stalled } else { Fault::Timeout }))
        });
        match got.await {
            Ok(got) => Ok(Incoming::answer(wire, sending, got)),
            Err(fault) => Err(Failed { fault, unsent: sending.unsent() }),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    fn poll_head<B>(
        &mut self,
        sending: &mut Sending<B>,
        is_head: bool,
        spare: &mut HeaderMap,
        cx: &mut Context<'_>,
    ) -> Poll<Result<answer::Answer, Fault>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let refused = match sending.poll(&mut self.io, cx) {
            Poll::Ready(Err(fault @ Fault::Body(_))) => return Poll::Ready(Err(fault)),
            // A server that takes no more may have said why before it closed.
            Poll::Ready(Err(fault)) => Some(fault),
            _ => None,
        };
        loop {
            if !self.buffer.is_empty()
                && let Some(answer) = answer::parse(&mut self.buffer, is_head, spare)?
            {
                return Poll::Ready(Ok(answer));
            }
            match self.poll_read(READ, cx) {
                Poll::Ready(Ok(n)) if n > 0 => {}
                Poll::Pending if refused.is_none() => return Poll::Pending,
                end => {
                    let read = match end {
                        Poll::Ready(Err(error)) => Fault::Read(error),
                        _ => Fault::Closed,
                    };
                    return Poll::Ready(Err(refused.unwrap_or(read)));
                }
            }
        }
    }

    fn poll_read(&mut self, want: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.buffer.capacity() - self.buffer.len() < want.min(READ / 2) {
            self.buffer.reserve(want);
        }
        pin!(self.io.read_buf(&mut self.buffer)).as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests;
