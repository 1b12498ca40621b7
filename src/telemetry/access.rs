//! The access log: a line when the last byte of an answer is sent, or the browser goes away, be it before the answer.

use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{self, Poll};

use bytes::Bytes;
use http::{Method, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::line;
use super::metrics::Metrics;
use crate::body::Body;
use crate::config::{Log, LogFormat};
use crate::context::Context;

/// Lines that may wait for the writer.
const QUEUE: usize = 16 * 1024;
/// Bytes written at once.
const BATCH: usize = 64 * 1024;

/// Where lines go. Cloning it is cheap; the writer ends when the last clone is gone.
#[derive(Debug, Clone)]
pub struct AccessLog {
    lines: Option<SyncSender<Vec<u8>>>,
    format: LogFormat,
    metrics: Arc<Metrics>,
}

impl AccessLog {
    /// A log as configured, to `out`.
    pub fn new(log: &Log, out: Box<dyn Write + Send>) -> Self {
        let lines = log.access.then(|| {
            let (lines, queue) = sync_channel(QUEUE);
            // Without a thread there are no lines; requests go on.
            let started = std::thread::Builder::new().name("access-log".into()).spawn(move || write_out(&queue, out));
            started.is_ok().then_some(lines)
        });
        Self { lines: lines.flatten(), format: log.format, metrics: Arc::default() }
    }

    /// The counters that lines feed.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Opens the record of a request. `held` is dropped when it is written.
    pub fn open(&self, context: Context, held: Option<Box<dyn Send + Sync>>) -> Record {
        Record(Box::new(Entry { log: self.clone(), context, status: ABANDONED, sent: 0, whole: false, _held: held }))
    }
}

/// Lines wait for each other only as long as more are there at once.
fn write_out(queue: &Receiver<Vec<u8>>, mut out: Box<dyn Write + Send>) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(line) = queue.recv() {
        batch.extend_from_slice(&line);
        while batch.len() < BATCH {
            let Ok(line) = queue.try_recv() else { break };
            batch.extend_from_slice(&line);
        }
        // A broken pipe is nobody's fault here, and there is nowhere to say it.
        let _ = out.write_all(&batch).and_then(|()| out.flush());
        batch.clear();
    }
}

/// Of a request whose browser went away before there was an answer: the number that nginx made common.
const ABANDONED: u16 = 499;

/// The record of one request. It is written when it is dropped, however that comes about: hyper drops a request whose
/// connection ends.
pub struct Record(Box<Entry>);

struct Entry {
    log: AccessLog,
    context: Context,
    status: u16,
    sent: u64,
    whole: bool,
    _held: Option<Box<dyn Send + Sync>>,
}

impl Record {
    /// What is known of the request.
    pub fn context(&mut self) -> &mut Context {
        &mut self.0.context
    }

    /// Follows the answer to its end.
    pub fn follow(mut self, answer: Response<Body>) -> Response<Recorded> {
        let (parts, body) = answer.into_parts();
        self.0.status = parts.status.as_u16();
        // The body of an answer to HEAD is never asked for.
        self.0.whole = self.0.context.method == Method::HEAD;
        Response::from_parts(parts, Recorded { body, record: self })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.log.metrics.count(&self.context, self.status);
        let Some(lines) = &self.log.lines else { return };
        let line = line::format(self.log.format, &self.context, self.status, self.sent, self.whole);
        if lines.try_send(line).is_err() {
            self.log.metrics.line_dropped();
        }
    }
}

/// An answer's body that is recorded when it ends.
pub struct Recorded {
    body: Body,
    record: Record,
}

impl HttpBody for Recorded {
    type Data = Bytes;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.record.0.sent += frame.data_ref().map_or(0, Bytes::len) as u64,
            Poll::Ready(None) => self.record.0.whole = true,
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.record.0.whole |= self.body.is_end_stream();
    }
}
