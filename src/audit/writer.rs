//! A sink's thread: takes what waits, links it to the chain, writes it, and says so to whoever waits.
//!
//! Events that come while others are written wait together, and share one write and one fsync: the more wait, the less
//! each costs. A sink that fails is tried again ever so often. With `on_failure = "block"` its events are kept meanwhile
//! (in a bounded number), with `"drop"` they are counted; either way whoever waits is told at once.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::chain::Head;
use super::event::{Event, Kind};
use super::file::FileOutput;
use super::key::Signer;
use super::queue::{Message, QUEUE, Shared, Sink};
use super::stdout::StdoutOutput;
use super::syslog::SyslogOutput;
use crate::config::{self, OnFailure};

/// Events that are written together.
const BATCH: usize = 1024;
/// Between two tries of a sink that fails.
const RETRY: Duration = Duration::from_millis(250);

/// Where lines go.
pub(super) trait Output: Send {
    /// Writes lines in order, as safe as promised before an answer: how many, and what stopped it.
    fn append(&mut self, lines: &[Line]) -> (usize, io::Result<()>);

    /// Makes durable what is written.
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// How long written lines may wait for that; nothing where they need not.
    fn sync_every(&self) -> Option<Duration> {
        None
    }

    /// Remembers the newest line beside the log; `durably` where a checkpoint is among what was written.
    fn remember(&mut self, _head: &Head, _durably: bool) {}

    /// Whether a new file is to begin before so many bytes more.
    fn is_due(&mut self, _bytes: usize) -> bool {
        false
    }

    /// Begins a new file, after the line `head`; the event that comes first in it.
    fn rotate(&mut self, _head: &Head) -> io::Result<Option<Event>> {
        Ok(None)
    }

    /// That event is written.
    fn rotated(&mut self) {}
}

/// One line, and where the chain stands after it.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    pub(super) head: Head,
}

/// An output that is open, where its chain stands, and what is to be told first.
pub(super) struct Opened {
    pub(super) output: Box<dyn Output>,
    pub(super) head: Head,
    pub(super) first: Vec<Event>,
}

/// Opens every sink of a configuration and starts its thread.
pub(super) fn start(config: &config::Audit, signer: Option<&Arc<Signer>>) -> Result<Vec<Sink>, String> {
    let mut sinks = Vec::new();
    let mut add = |name: String, on_failure: OnFailure, opened: Opened| {
        let shared = Shared::new(name, on_failure);
        let (sender, queue) = sync_channel(QUEUE);
        let writer = Writer::new(opened, config, signer.cloned(), shared.clone());
        let thread = std::thread::Builder::new().name("audit".into()).spawn(move || writer.run(&queue));
        thread.map_err(|e| format!("no thread for the audit trail: {e}"))?;
        sinks.push(Sink { queue: sender, shared });
        Ok::<_, String>(())
    };
    if let Some(file) = &config.file {
        add("file".into(), file.on_failure, FileOutput::open(file, signer.cloned())?)?;
    }
    if let Some(stdout) = &config.stdout {
        let output = Box::new(StdoutOutput::new());
        add("stdout".into(), stdout.on_failure, Opened { output, head: Head::default(), first: Vec::new() })?;
    }
    for syslog in &config.syslog {
        let output = SyslogOutput::new(&syslog.address);
        let name = output.name();
        let output = Box::new(output);
        add(name, syslog.on_failure, Opened { output, head: Head::default(), first: Vec::new() })?;
    }
    Ok(sinks)
}

type Told = Option<oneshot::Sender<bool>>;

struct Writer {
    output: Box<dyn Output>,
    head: Head,
    shared: Arc<Shared>,
    signer: Option<Arc<Signer>>,
    checkpoint_lines: u32,
    checkpoint_interval: Duration,
    /// The trail's own lines that come first.
    first: VecDeque<Event>,
    waiting: VecDeque<(Arc<str>, Told)>,
    /// Lines since the newest checkpoint, and when the first of them was written.
    unsigned: u32,
    unsigned_since: Option<Instant>,
    unsynced_since: Option<Instant>,
    /// The sink fails, and was tried then.
    failed_at: Option<Instant>,
}

impl Writer {
    fn new(opened: Opened, config: &config::Audit, signer: Option<Arc<Signer>>, shared: Arc<Shared>) -> Self {
        Self {
            output: opened.output,
            head: opened.head,
            shared,
            signer,
            checkpoint_lines: config.checkpoint_lines,
            checkpoint_interval: config.checkpoint_interval,
            first: opened.first.into(),
            waiting: VecDeque::new(),
            unsigned: 0,
            unsigned_since: None,
            unsynced_since: None,
            failed_at: None,
        }
    }

    fn run(mut self, queue: &Receiver<Message>) {
        loop {
            let message = match self.next_duty() {
                Some(wait) => queue.recv_timeout(wait),
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let mut closing = None;
            let mut ended = matches!(message, Err(RecvTimeoutError::Disconnected));
            let mut next = message.ok();
            while let Some(message) = next.take() {
                match message {
                    Message::Event(json, told) => self.take(json, told),
                    Message::Close(told) => closing = Some(told),
                }
                if closing.is_none() && self.waiting.len() < BATCH {
                    next = queue.try_recv().ok();
                }
            }
            ended |= closing.is_some();
            self.turn(ended);
            if ended {
                self.finish();
                // Whoever waits for this may open the file anew.
                drop(self);
                let _ = closing.map(|told| told.send(()));
                return;
            }
        }
    }

    /// How long until something is to be done without a new event.
    fn next_duty(&self) -> Option<Duration> {
        let after =
            |since: Option<Instant>, wait: Duration| Some((since? + wait).saturating_duration_since(Instant::now()));
        if self.failed_at.is_some() {
            return after(self.failed_at, RETRY);
        }
        let sync = self.output.sync_every().and_then(|every| after(self.unsynced_since, every));
        let sign = self.signer.as_ref().and_then(|_| after(self.unsigned_since, self.checkpoint_interval));
        let first = (!self.first.is_empty()).then_some(Duration::ZERO);
        [sync, sign, first].into_iter().flatten().min()
    }

    fn take(&mut self, json: Arc<str>, told: Told) {
        if self.failed_at.is_none() {
            return self.waiting.push_back((json, told));
        }
        // Whoever waits is told at once, and the event is written later if there is room for it.
        let keeps = self.shared.on_failure == OnFailure::Block && self.waiting.len() < QUEUE;
        if keeps {
            self.waiting.push_back((json, None));
        } else {
            self.shared.drop_events(1);
        }
        let _ = told.map(|told| told.send(false));
    }

    fn turn(&mut self, now: bool) {
        let rests = self.failed_at.is_some_and(|at| at.elapsed() < RETRY);
        if rests && !now {
            return;
        }
        loop {
            match self.attempt() {
                Ok(()) => self.recovered(),
                Err(error) => return self.failed(&error),
            }
            if self.waiting.is_empty() && self.first.is_empty() {
                return;
            }
        }
    }

    /// Writes what waits, up to a batch of it, and does what is due.
    fn attempt(&mut self) -> io::Result<()> {
        let size: usize = self.waiting.iter().take(BATCH).map(|(json, _)| json.len() + 192).sum();
        if self.output.is_due(size) {
            self.rotate()?;
        }
        let mut lines = Vec::with_capacity(self.waiting.len().min(BATCH) + 2);
        let mut head = self.head;
        let mut link = |json: &str| {
            let bytes = head.append(json);
            lines.push(Line { bytes, head });
        };
        self.first.iter().for_each(|event| link(&event.json()));
        let untold = self.shared.untold.load(Relaxed);
        if untold > 0 {
            link(&Event::new(Kind::Gap).count("dropped", untold).json());
        }
        let own = self.first.len() + usize::from(untold > 0);
        self.waiting.iter().take(BATCH).for_each(|(json, _)| link(json));
        let events = lines.len();
        let signs = self.wants_checkpoint(events);
        if signs && let Some(signer) = &self.signer {
            lines.push(checkpoint(&mut head, signer));
        }
        if lines.is_empty() {
            return self.sync_in_time();
        }
        let (done, result) = self.output.append(&lines);
        if let Some(line) = done.checked_sub(1).and_then(|last| lines.get(last)) {
            self.head = line.head;
            self.settle(done, own, events, untold);
            self.output.remember(&self.head, done > events);
        }
        result.and_then(|()| self.sync_in_time())
    }

    /// So many lines are written: the trail's own first, then events, then perhaps a checkpoint.
    fn settle(&mut self, done: usize, own: usize, events: usize, untold: u64) {
        let now = Instant::now();
        if done >= own {
            if untold > 0 {
                self.shared.untold.fetch_sub(untold, Relaxed);
            }
            if !self.first.is_empty() {
                self.first.clear();
                self.output.rotated();
            }
        }
        for _ in own..done.min(events) {
            let told = self.waiting.pop_front().and_then(|(_, told)| told);
            let _ = told.map(|told| told.send(true));
            self.shared.written.fetch_add(1, Relaxed);
        }
        if done > events {
            (self.unsigned, self.unsigned_since) = (0, None);
        } else {
            self.unsigned = self.unsigned.saturating_add(u32::try_from(done).unwrap_or(u32::MAX));
            self.unsigned_since.get_or_insert(now);
        }
        self.unsynced_since.get_or_insert(now);
    }

    fn wants_checkpoint(&self, lines: usize) -> bool {
        let unsigned = usize::try_from(self.unsigned).unwrap_or(usize::MAX).saturating_add(lines);
        let late = self.unsigned_since.is_some_and(|since| since.elapsed() >= self.checkpoint_interval);
        unsigned >= usize::try_from(self.checkpoint_lines).unwrap_or(usize::MAX) || late
    }

    fn sync_in_time(&mut self) -> io::Result<()> {
        let Some(every) = self.output.sync_every() else { return Ok(()) };
        if self.unsynced_since.is_some_and(|since| since.elapsed() >= every) {
            self.output.sync()?;
            self.unsynced_since = None;
        }
        Ok(())
    }

    /// A file ends with a checkpoint, and the next one begins with the event that says so.
    fn rotate(&mut self) -> io::Result<()> {
        self.sign()?;
        self.output.sync()?;
        if let Some(event) = self.output.rotate(&self.head)? {
            self.first.push_back(event);
        }
        Ok(())
    }

    fn sign(&mut self) -> io::Result<()> {
        let Some(signer) = self.signer.clone().filter(|_| self.unsigned > 0) else { return Ok(()) };
        let mut head = self.head;
        let line = checkpoint(&mut head, &signer);
        let (done, result) = self.output.append(&[line]);
        if done == 1 {
            (self.head, self.unsigned, self.unsigned_since) = (head, 0, None);
            self.output.remember(&self.head, true);
        }
        result
    }

    fn failed(&mut self, error: &io::Error) {
        if self.failed_at.replace(Instant::now()).is_none() {
            self.shared.failing.store(true, Relaxed);
            let then = match self.shared.on_failure {
                OnFailure::Block => "sign-ins and the like are refused until it can be written again",
                OnFailure::Drop => "events are dropped and counted until it can be written again",
            };
            tracing::error!(sink = %self.shared.name, %error, "the audit trail cannot be written: {then}");
        }
        if self.shared.on_failure == OnFailure::Drop {
            let dropped = self.waiting.len() as u64;
            self.waiting.drain(..).filter_map(|(_, told)| told).for_each(|told| {
                let _ = told.send(false);
            });
            if dropped > 0 {
                self.shared.drop_events(dropped);
            }
        }
        self.waiting.iter_mut().filter_map(|(_, told)| told.take()).for_each(|told| {
            let _ = told.send(false);
        });
    }

    fn recovered(&mut self) {
        if self.failed_at.take().is_some() {
            self.shared.failing.store(false, Relaxed);
            tracing::info!(sink = %self.shared.name, "the audit trail can be written again");
        }
    }

    /// The end: a last checkpoint, so that a cut tail shows.
    fn finish(&mut self) {
        let end = self.sign().and_then(|()| self.output.sync());
        if let Err(error) = end {
            tracing::error!(sink = %self.shared.name, %error, "the audit trail ends without a checkpoint");
        }
        if !self.waiting.is_empty() {
            self.shared.drop_events(self.waiting.len() as u64);
        }
    }
}

fn checkpoint(head: &mut Head, signer: &Signer) -> Line {
    let json = format!("{},{}", Event::new(Kind::Checkpoint).json(), signer.checkpoint(head));
    let bytes = head.append(&json);
    Line { bytes, head: *head }
}
