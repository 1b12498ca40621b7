//! A stream that gathers what several HTTP/2 answers write in one turn of the scheduler into one TLS record and one
//! system call. hyper flushes after every answer; with 32 streams on a connection that is a record and a write for
//! each.
//!
//! A flush waits one turn, in which the other tasks that are ready finish theirs. Nothing waits for time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes gathered at most: one TLS record.
const FULL: usize = 16 * 1024;

/// The stream.
pub(super) struct Cork<S> {
    inner: S,
    buffer: Vec<u8>,
    written: usize,
    waited: bool,
}

impl<S: AsyncWrite + Unpin> Cork<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, buffer: Vec::new(), written: 0, waited: false }
    }

    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.buffer.len() {
            let n = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.buffer[self.written..]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += n;
        }
        self.buffer.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Cork<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Cork<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.buffer.len() >= FULL {
            ready!(self.drain(cx))?;
        }
        let n = bytes.len().min(FULL - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.buffer.is_empty() {
            return Pin::new(&mut self.inner).poll_flush(cx);
        }
        // Bytes already on their way are not held back a second time.
        if !self.waited && self.written == 0 {
            self.waited = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.drain(cx))?;
        self.waited = false;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_goes_in_comes_out_in_order_through_a_narrow_pipe() {
        let (near, mut far) = tokio::io::duplex(7);
        let sent: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        let writer = tokio::spawn(async move {
            let mut cork = Cork::new(near);
            for chunk in sent.chunks(4_999) {
                cork.write_all(chunk).await.unwrap();
                cork.flush().await.unwrap();
            }
            cork.shutdown().await.unwrap();
        });
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap();
        assert!(got == expected);
    }
}
