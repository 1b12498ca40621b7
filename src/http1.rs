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
mod sending;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Response};
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

pub(crate) use alarm::Alarm;
use decoder::{Decoded, Decoder};
use sending::Sending;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Bytes read at once: as a rule ...
const READ: usize = 8 * 1024;
/// ... and of a body that is known to be longer, or keeps filling the buffer.
const MAX_READ: usize = 64 * 1024;

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

/// Whether a field is of one connection only (RFC 9110 section 7.6.1). `Expect` is: each side answers it itself.
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
    )
}

/// How a request says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

impl Framing {
    /// Of a body.
    pub fn of<B: Body>(body: &B) -> Self {
        match body.size_hint().exact() {
            _ if body.is_end_stream() => Self::Empty,
            Some(length) => Self::Length(length),
            None => Self::Chunked,
        }
    }
}

/// A request's head, ready to be written, as often as need be.
#[derive(Debug, Clone)]
pub struct Head {
    /// From the request line to the empty line, with the fields that `framing` stands for.
    pub bytes: Bytes,
    /// Where the body ends.
    pub framing: Framing,
    /// The method is HEAD: its answer has no body, whatever it says.
    pub is_head: bool,
}

impl Head {
    /// Begins a head: the request line.
    pub(crate) fn begin(method: &Method, path: &str, query: Option<&str>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend_from_slice(method.as_str().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(path.as_bytes());
        if let Some(query) = query {
            bytes.push(b'?');
            bytes.extend_from_slice(query.as_bytes());
        }
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        bytes
    }

    /// Adds a field.
    pub(crate) fn field(bytes: &mut Vec<u8>, name: &str, value: &[u8]) {
        bytes.reserve(name.len() + value.len() + 4);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }

    /// Ends a head with the field that its framing stands for.
    pub(crate) fn end(mut bytes: Vec<u8>, method: &Method, framing: Framing) -> Self {
        match framing {
            Framing::Empty => {}
            Framing::Length(length) => Self::field(&mut bytes, "content-length", length.to_string().as_bytes()),
            Framing::Chunked => Self::field(&mut bytes, "transfer-encoding", b"chunked"),
        }
        bytes.extend_from_slice(b"\r\n");
        Self { bytes: bytes.into(), framing, is_head: method == Method::HEAD }
    }

    /// Of a request without a body, whose fields are these.
    pub fn of(method: &Method, target: &PathAndQuery, headers: &HeaderMap) -> Self {
        let mut bytes = Self::begin(method, target.path(), target.query());
        for (name, value) in headers {
            Self::field(&mut bytes, name.as_str(), value.as_bytes());
        }
        Self::end(bytes, method, Framing::Empty)
    }
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
            Ok(got) => Ok(answer(wire, sending, got)),
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

fn answer<S, B>(wire: Box<Wire<S>>, sending: Sending<B>, head: answer::Answer) -> Response<Incoming<S, B>>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let sending = (!sending.is_done()).then(|| Box::new(sending));
    let answer::Answer { status, reason, headers, decoder, keep_alive } = head;
    let incoming = Incoming { wire, decoder, sending, keep_alive, want: READ };
    let mut answer = Response::new(incoming);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    if let Some(reason) = reason {
        answer.extensions_mut().insert(reason);
    }
    answer
}

/// The body of an answer, and the connection it comes over. While the request's own body is not through, reading this
/// one sends on that.
#[derive(Debug)]
pub struct Incoming<S, B> {
    wire: Box<Wire<S>>,
    decoder: Decoder,
    /// Mostly nothing: a request is through when its answer comes.
    sending: Option<Box<Sending<B>>>,
    keep_alive: bool,
    want: usize,
}

impl<S, B> Incoming<S, B> {
    /// No request follows over this connection: the server says so.
    pub fn is_last(&self) -> bool {
        !self.keep_alive
    }

    /// The connection, if it is good for another request.
    pub fn into_connection(self) -> Option<Connection<S>> {
        let good = self.keep_alive && self.sending.is_none() && self.decoder.is_end();
        (good && self.wire.buffer.is_empty()).then_some(Connection(self.wire))
    }

    /// The stream behind an answer with 101, and what has come over it already.
    pub fn into_stream(self) -> (S, Bytes) {
        (self.wire.io, self.wire.buffer.freeze())
    }
}

impl<S, B> Incoming<S, B>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    fn send_on(&mut self, cx: &mut Context<'_>) {
        if let Some(sending) = &mut self.sending {
            match sending.poll(&mut self.wire.io, cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.sending = None,
                // The answer is here already; it does not need the rest, but the next request must not follow.
                Poll::Ready(Err(_)) => {
                    self.sending = None;
                    self.keep_alive = false;
                }
            }
        }
    }
}

impl<S, B> Body for Incoming<S, B>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = &mut *self;
        this.send_on(cx);
        loop {
            match this.decoder.decode(&mut this.wire.buffer) {
                Ok(Decoded::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Decoded::End) => return Poll::Ready(None),
                Ok(Decoded::More) => {}
                Err(fault) => {
                    this.keep_alive = false;
                    return Poll::Ready(Some(Err(fault)));
                }
            }
            if let Decoder::Length(left) = this.decoder {
                this.want = usize::try_from(left).map_or(MAX_READ, |left| left.clamp(1, MAX_READ));
            }
            let n = match ready!(this.wire.poll_read(this.want, cx)) {
                Ok(n) => n,
                Err(error) => {
                    this.keep_alive = false;
                    return Poll::Ready(Some(Err(Fault::Read(error))));
                }
            };
            if n == 0 {
                this.keep_alive = false;
                if let Err(fault) = this.decoder.close() {
                    return Poll::Ready(Some(Err(fault)));
                }
            } else if n >= this.want {
                this.want = (this.want * 2).min(MAX_READ);
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.decoder.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        match self.decoder {
            Decoder::Length(left) => SizeHint::with_exact(left),
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests;
