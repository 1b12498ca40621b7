//! The access log: a line when the last byte of an answer is sent, or the browser goes away.

use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{self, Poll};

use bytes::Bytes;
use http::StatusCode;
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

    /// Lets an answer be recorded when its body has ended.
    /// `held` is dropped then, too.
    pub fn record(
        &self,
        context: Context,
        status: StatusCode,
        body: Body,
        held: Option<Box<dyn Send + Sync>>,
    ) -> Recorded {
        let record = Record { log: self.clone(), context, status, sent: 0, _held: held };
        Recorded { body, record: Box::new(record), ended: false }
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

struct Record {
    log: AccessLog,
    context: Context,
    status: StatusCode,
    sent: u64,
    _held: Option<Box<dyn Send + Sync>>,
}

/// An answer's body that is recorded when it ends.
pub struct Recorded {
    body: Body,
    record: Box<Record>,
    ended: bool,
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
            Poll::Ready(Some(Ok(frame))) => self.record.sent += frame.data_ref().map_or(0, Bytes::len) as u64,
            Poll::Ready(None) => self.ended = true,
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
        let whole = self.ended || self.body.is_end_stream();
        let record = &*self.record;
        record.log.metrics.count(&record.context, record.status);
        let Some(lines) = &record.log.lines else { return };
        let line = line::format(record.log.format, &record.context, record.status, record.sent, whole);
        if lines.try_send(line).is_err() {
            record.log.metrics.line_dropped();
        }
    }
}
