//! The body of an answer, while the request's own may still be on its way.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::Answer;
use super::decoder::{Decoded, Decoder};
use super::sending::Sending;
use super::{BoxError, Connection, Fault, READ, Wire};

/// Bytes read at once of a body that is known to be longer than usual, or keeps filling the buffer.
const MAX_READ: usize = 64 * 1024;

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
    /// The answer whose head has come.
    pub(super) fn answer(wire: Box<Wire<S>>, sending: Sending<B>, head: Answer) -> Response<Self>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let sending = (!sending.is_done()).then(|| Box::new(sending));
        let Answer { status, reason, headers, decoder, keep_alive } = head;
        let mut answer = Response::new(Self { wire, decoder, sending, keep_alive, want: READ });
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        if let Some(reason) = reason {
            answer.extensions_mut().insert(reason);
        }
        answer
    }

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
