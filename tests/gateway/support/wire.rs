//! Connections that are kept: bytes as they are, and requests whose bodies come piece by piece.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Client;
use super::upstream::find;

const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes over TLS.
pub(crate) struct Wire {
    pub(crate) stream: TlsStream<TcpStream>,
    pub(crate) buffer: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(client: &Client) -> Self {
        Self { stream: client.tls().await, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The gateway may have closed already; what it said before shows in what is read.
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// One answer, header and body. Empty when the connection ends before it.
    pub(crate) async fn answer(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.read_answer()).await.expect("an answer within 20 s")
    }

    /// Whether nothing more comes, and the connection is closed.
    pub(crate) async fn closed(&mut self) -> bool {
        self.buffer.is_empty()
            && !tokio::time::timeout(PATIENCE, self.more()).await.expect("an end or more within 20 s")
    }

    /// That many bytes.
    pub(crate) async fn bytes(&mut self, n: usize) -> Vec<u8> {
        let read = async { while self.buffer.len() < n && self.more().await {} };
        tokio::time::timeout(PATIENCE, read).await.expect("bytes within 20 s");
        let n = n.min(self.buffer.len());
        self.buffer.drain(..n).collect()
    }

    pub(crate) async fn head(&mut self) -> String {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more().await {
                break self.buffer.len();
            }
        };
        self.buffer.drain(..end).map(char::from).collect()
    }

    async fn read_answer(&mut self) -> String {
        let mut text = self.head().await;
        let lower = text.to_ascii_lowercase();
        let length = lower.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let end = if lower.contains("transfer-encoding: chunked") {
            loop {
                if let Some(at) = find(&self.buffer, b"0\r\n\r\n") {
                    break at + 5;
                }
                if !self.more().await {
                    break self.buffer.len();
                }
            }
        } else {
            let length = length.unwrap_or(0);
            while self.buffer.len() < length && self.more().await {}
            length.min(self.buffer.len())
        };
        text.extend(self.buffer.drain(..end).map(char::from));
        text
    }

    async fn more(&mut self) -> bool {
        let mut block = vec![0; 64 * 1024];
        let n = self.stream.read(&mut block).await.unwrap_or(0);
        self.buffer.extend_from_slice(&block[..n]);
        n > 0
    }
}

/// The status of an answer as [`Wire::answer`] gives it; 0 when there was none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}

/// The body of a request.
pub(crate) type Piped = UnsyncBoxBody<Bytes, Infallible>;

pub(crate) fn nothing() -> Piped {
    Empty::new().boxed_unsync()
}

/// A body that is written as the test goes on; it ends when the sender is dropped.
pub(crate) fn pieces() -> (tokio::sync::mpsc::Sender<Frame<Bytes>>, Piped) {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
        let piece = receiver.recv().await?;
        Some((Ok::<_, Infallible>(piece), receiver))
    });
    (sender, StreamBody::new(stream).boxed_unsync())
}

/// A connection that serves one request after the other.
pub(crate) enum Connection {
    H1(http1::SendRequest<Piped>, String),
    H2(http2::SendRequest<Piped>, String),
}

impl Connection {
    pub(crate) async fn open(client: &Client) -> Self {
        let io = TokioIo::new(client.tls().await);
        if client.h2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            Self::H2(sender, client.authority())
        } else {
            let (sender, connection) = http1::handshake(io).await.unwrap();
            tokio::spawn(connection.with_upgrades());
            Self::H1(sender, client.authority())
        }
    }

    /// Until the answer's header.
    pub(crate) async fn send(&mut self, mut request: Request<Piped>) -> hyper::Result<Response<Incoming>> {
        let sending = async {
            match self {
                Self::H1(sender, authority) => {
                    request.headers_mut().insert("host", authority.parse().unwrap());
                    sender.ready().await?;
                    sender.send_request(request).await
                }
                Self::H2(sender, authority) => {
                    let uri = format!("https://{authority}{}", request.uri());
                    *request.uri_mut() = uri.parse().unwrap();
                    sender.ready().await?;
                    sender.send_request(request).await
                }
            }
        };
        tokio::time::timeout(PATIENCE, sending).await.expect("an answer within 20 s")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response<Incoming> {
        self.send(Request::get(path).body(nothing()).unwrap()).await.unwrap()
    }
}

/// The next piece of a body; empty at its end.
pub(crate) async fn next(body: &mut Incoming) -> hyper::Result<Bytes> {
    let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("a piece within 20 s");
    frame.map_or(Ok(Bytes::new()), |f| f.map(|f| f.into_data().unwrap_or_default()))
}
