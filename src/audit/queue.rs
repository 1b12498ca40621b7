//! The way from the pipeline to a sink's thread, and what is known of the sink on this side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError};

use tokio::sync::oneshot;

use crate::config::OnFailure;

/// Events that may wait for a sink.
pub(super) const QUEUE: usize = 8 * 1024;

/// What goes to the thread.
pub(super) enum Message {
    /// An event's JSON, and who waits for it.
    Event(Arc<str>, Option<oneshot::Sender<bool>>),
    /// Write what is there, and end.
    Close(oneshot::Sender<()>),
}

/// A sink, seen from the pipeline.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) queue: SyncSender<Message>,
    pub(super) shared: Arc<Shared>,
}

/// What both sides know.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) on_failure: OnFailure,
    pub(super) failing: AtomicBool,
    pub(super) written: AtomicU64,
    pub(super) dropped: AtomicU64,
    /// Dropped and not yet told in the chain.
    pub(super) untold: AtomicU64,
}

/// How a sink is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkState {
    /// `file`, `stdout`, `syslog unix:/dev/log`.
    pub name: String,
    /// It cannot be written to just now.
    pub failing: bool,
    /// While it cannot, audited actions are refused.
    pub blocks: bool,
    /// Events that it has taken.
    pub written: u64,
    /// Events that it has not, and will not.
    pub dropped: u64,
}

/// Waits for one event in one sink.
pub(super) enum Wait {
    /// There is nothing to wait for.
    Nothing(bool),
    For(oneshot::Receiver<bool>, OnFailure),
}

impl Wait {
    /// Whether it may go on: written, or a sink that does not block.
    pub(super) async fn done(self) -> bool {
        match self {
            Self::Nothing(good) => good,
            Self::For(receiver, on_failure) => receiver.await.unwrap_or(false) || on_failure == OnFailure::Drop,
        }
    }
}

impl Sink {
    pub(super) fn blocks(&self) -> bool {
        self.shared.on_failure == OnFailure::Block
    }

    pub(super) fn accepts(&self) -> bool {
        !(self.blocks() && self.shared.failing.load(Relaxed))
    }

    pub(super) fn note(&self, json: Arc<str>) {
        let _ = self.put(json, None);
    }

    pub(super) fn send(&self, json: Arc<str>) -> Wait {
        let drops = self.shared.on_failure == OnFailure::Drop;
        if drops && self.shared.failing.load(Relaxed) {
            let _ = self.put(json, None);
            return Wait::Nothing(true);
        }
        let (told, wait) = oneshot::channel();
        match self.put(json, Some(told)) {
            Ok(()) => Wait::For(wait, self.shared.on_failure),
            Err(()) => Wait::Nothing(drops),
        }
    }

    fn put(&self, json: Arc<str>, told: Option<oneshot::Sender<bool>>) -> Result<(), ()> {
        match self.queue.try_send(Message::Event(json, told)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.drop_events(1);
                Err(())
            }
        }
    }

    pub(super) async fn close(&self) {
        let (told, wait) = oneshot::channel();
        let mut message = Message::Close(told);
        // A full queue empties, or the time of whoever waits for this ends.
        while let Err(TrySendError::Full(back)) = self.queue.try_send(message) {
            message = back;
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let _ = wait.await;
    }

    pub(super) fn state(&self) -> SinkState {
        let shared = &self.shared;
        SinkState {
            name: shared.name.clone(),
            failing: shared.failing.load(Relaxed),
            blocks: self.blocks(),
            written: shared.written.load(Relaxed),
            dropped: shared.dropped.load(Relaxed),
        }
    }
}

impl Shared {
    pub(super) fn new(name: String, on_failure: OnFailure) -> Arc<Self> {
        Arc::new(Self {
            name,
            on_failure,
            failing: AtomicBool::new(false),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            untold: AtomicU64::new(0),
        })
    }

    /// Counts events that are not written, and will not be. Said aloud for the first of them.
    pub(super) fn drop_events(&self, count: u64) {
        self.dropped.fetch_add(count, Relaxed);
        if self.untold.fetch_add(count, Relaxed) == 0 {
            tracing::error!(sink = %self.name, "audit events are dropped: the trail will have a gap, and name their number");
        }
    }
}
