//! Writes a request: its head, and its body as it comes.

use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hyper::body::Body;
use tokio::io::AsyncWrite;

use super::{BoxError, Fault, Framing};

/// A piece of a body up to this size is copied behind what stands before it, so that both leave in one write ...
const COPIED: usize = 8 * 1024;
/// ... as long as no more than this stands there.
const FULL: usize = 16 * 1024;

/// A request that is being written.
#[derive(Debug)]
pub(super) struct Sending<B> {
    /// Written first: the head, or a chunk's size.
    front: Bytes,
    /// Then this: a piece of the body that is too large to copy ...
    piece: Bytes,
    /// ... and the end of its chunk.
    back: Bytes,
    /// Bytes of the body that the length promised and that have not come.
    left: u64,
    chunked: bool,
    body: B,
    /// The body has come to its end.
    ended: bool,
    /// Bytes of the body that have come.
    pub(super) taken: u64,
    /// Something of the request may have reached the server, or something of the body is gone.
    pub(super) begun: bool,
    flushed: bool,
}

impl<B> Sending<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    pub(super) fn new(head: Bytes, framing: Framing, body: B) -> Self {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        Self {
            front: head,
            piece: Bytes::new(),
            back: Bytes::new(),
            left,
            chunked: framing == Framing::Chunked,
            body,
            ended: framing == Framing::Empty,
            taken: 0,
            begun: false,
            flushed: false,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.ended && !self.has_bytes() && self.flushed
    }

    /// Whether what there was of it is written, and more of its body must come.
    pub(super) fn waits_for_body(&self) -> bool {
        !self.ended && !self.has_bytes()
    }

    fn has_bytes(&self) -> bool {
        self.front.has_remaining() || self.piece.has_remaining() || self.back.has_remaining()
    }

    /// The body, if nothing was taken of it and nothing written of the request.
    pub(super) fn unsent(self) -> Option<B> {
        (!self.begun).then_some(self.body)
    }

    /// Ready when everything is written.
    pub(super) fn poll<S: AsyncWrite + Unpin>(&mut self, io: &mut S, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        loop {
            let ended = self.take_piece(cx)?;
            if self.has_bytes() {
                self.flushed = false;
                let n = ready!(self.write(io, cx)).map_err(Fault::Write)?;
                if n == 0 {
                    return Poll::Ready(Err(Fault::Write(io::ErrorKind::WriteZero.into())));
                }
                self.begun = true;
                self.written(n);
                continue;
            }
            if !self.flushed {
                ready!(Pin::new(&mut *io).poll_flush(cx)).map_err(Fault::Write)?;
                self.flushed = true;
            }
            return if ended { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
    }

    fn write<S: AsyncWrite + Unpin>(&self, io: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.piece.is_empty() && self.back.is_empty() {
            return Pin::new(io).poll_write(cx, &self.front);
        }
        let all = [IoSlice::new(&self.front), IoSlice::new(&self.piece), IoSlice::new(&self.back)];
        Pin::new(io).poll_write_vectored(cx, &all)
    }

    fn written(&mut self, mut n: usize) {
        for part in [&mut self.front, &mut self.piece, &mut self.back] {
            let of_this = n.min(part.len());
            part.advance(of_this);
            n -= of_this;
        }
    }

    /// Gets the next piece of the body ready when there is room for one; whether the body is at its end.
    fn take_piece(&mut self, cx: &mut Context<'_>) -> Result<bool, Fault> {
        while !self.ended {
            if self.piece.has_remaining() || self.back.has_remaining() || self.front.len() >= FULL {
                return Ok(false);
            }
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Some(Ok(frame))) => {
                    self.begun = true;
                    // Trailers are dropped.
                    let Ok(data) = frame.into_data() else { continue };
                    self.put(data)?;
                }
                Poll::Ready(Some(Err(error))) => {
                    self.begun = true;
                    return Err(Fault::Body(error.into()));
                }
                Poll::Ready(None) => {
                    self.ended = true;
                    if self.left > 0 {
                        return Err(Fault::Body("the body is shorter than its Content-Length".into()));
                    }
                    if self.chunked {
                        self.put_front(&[b"0\r\n\r\n"]);
                    }
                }
            }
        }
        Ok(true)
    }

    fn put(&mut self, data: Bytes) -> Result<(), Fault> {
        let length = data.len() as u64;
        if length == 0 {
            // As a chunk it would end the body.
            return Ok(());
        }
        self.taken += length;
        if self.chunked {
            let mut size = [0; 18];
            let mut rest = &mut size[..];
            // Eighteen bytes hold any size.
            let _ = write!(rest, "{length:x}\r\n");
            let unused = rest.len();
            self.put_data(&size[..18 - unused], data, b"\r\n");
        } else {
            self.left = self.left.checked_sub(length).ok_or(Fault::Body("the body is longer than it said".into()))?;
            self.put_data(b"", data, b"");
        }
        Ok(())
    }

    fn put_data(&mut self, before: &[u8], data: Bytes, after: &'static [u8]) {
        if data.len() <= COPIED {
            self.put_front(&[before, &data, after]);
        } else {
            if !before.is_empty() {
                self.put_front(&[before]);
            }
            self.piece = data;
            self.back = Bytes::from_static(after);
        }
    }

    fn put_front(&mut self, parts: &[&[u8]]) {
        let more: usize = parts.iter().map(|p| p.len()).sum();
        let mut front = BytesMut::with_capacity(self.front.len() + more);
        front.put_slice(&self.front);
        parts.iter().for_each(|part| front.put_slice(part));
        self.front = front.freeze();
    }
}
