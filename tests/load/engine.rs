//! Sends what is due over a fixed number of connections, and measures from when it was due.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use http::Method;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::options::Options;
use crate::pace::{Pace, Queue, Shot};
use crate::progress::Progress;
use crate::report::{Run, Second};
use crate::scenario::{Asker, Judgement, Scenario};
use crate::target::{Connection, SESSION, Target};
use crate::{Fault, micros};

/// How long requests that are due may still be sent after the last one became due.
const DRAIN: Duration = Duration::from_secs(10);
/// Ten minutes; latencies above count as this.
const LONGEST: u64 = 600_000_000;

/// What was measured so far.
pub(crate) struct Measured {
    /// From when it was due to the last byte of the answer, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// From when it was sent: what a closed loop would have called latency.
    pub(crate) service: Histogram<u64>,
    second: Histogram<u64>,
    /// Answers by status, and failures by their word.
    pub(crate) outcomes: BTreeMap<String, u64>,
    pub(crate) right: u64,
    pub(crate) wrong: u64,
    pub(crate) limited: u64,
    wrong_before: u64,
}

impl Measured {
    pub(crate) fn new() -> Self {
        Self {
            latency: histogram(),
            service: histogram(),
            second: histogram(),
            outcomes: BTreeMap::new(),
            right: 0,
            wrong: 0,
            limited: 0,
            wrong_before: 0,
        }
    }

    pub(crate) fn record(&mut self, outcome: &str, judgement: Judgement, latency: u64, service: u64) {
        self.latency.saturating_record(latency);
        self.service.saturating_record(service);
        self.second.saturating_record(latency);
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
        match judgement {
            Judgement::Right => self.right += 1,
            Judgement::Limited => self.limited += 1,
            Judgement::Wrong => self.wrong += 1,
        }
    }

    /// Ends a second.
    fn turn(&mut self, at: u64, backlog: usize, in_flight: usize) -> Second {
        let second = Second {
            at,
            completed: self.second.len(),
            errors: self.wrong - self.wrong_before,
            p50_us: self.second.value_at_quantile(0.5),
            p99_us: self.second.value_at_quantile(0.99),
            backlog,
            in_flight,
        };
        self.second.reset();
        self.wrong_before = self.wrong;
        second
    }
}

fn histogram() -> Histogram<u64> {
    // Three digits from a microsecond to ten minutes always make a histogram.
    Histogram::new_with_bounds(1, LONGEST, 3).unwrap_or_else(|_| std::process::abort())
}

struct Shared {
    scenario: Arc<Scenario>,
    target: Target,
    queue: Arc<Queue>,
    measured: Mutex<Measured>,
    in_flight: AtomicUsize,
}

impl Shared {
    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one scenario.
pub(crate) async fn run(
    options: &Options,
    target: &Target,
    scenario: Arc<Scenario>,
    stop: &CancellationToken,
) -> Result<Run, Fault> {
    let (kind, rate, scenario_limit) = (scenario.kind, scenario.rate, scenario.browsers());
    let quiet = scenario.quiet;
    // A first connection, so that a target that is not there is one sentence and not a run of failures.
    target.connect().await.map_err(|why| format!("{}: {why}", target.origin))?;
    let shared = Arc::new(Shared {
        scenario,
        target: target.clone(),
        queue: Queue::new(),
        measured: Mutex::new(Measured::new()),
        in_flight: AtomicUsize::new(0),
    });
    let mut workers = JoinSet::new();
    for _ in 0..options.connections {
        workers.spawn(connection(shared.clone(), if options.http2 { options.streams } else { 1 }));
    }
    let halt = Arc::new(AtomicBool::new(false));
    let Options { warmup, duration, arrivals, seed, .. } = *options;
    let started = Instant::now();
    let limit = scenario_limit;
    let pacer = Pace { rate, warmup, duration, arrivals, seed, limit }.start(shared.queue.clone(), halt.clone());
    let mut progress = Progress::new(kind, warmup, duration);
    let mut seconds = Vec::new();
    let mut cut_short = false;
    let mut calls_before = None;
    let mut drained_by = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = stop.cancelled(), if !cut_short => {
                cut_short = true;
                halt.store(true, Relaxed);
            }
        }
        if calls_before.is_none() && started.elapsed() >= warmup {
            calls_before = Some(crate::sids::backend_calls(options).await);
        }
        let (backlog, in_flight) = (shared.queue.backlog(), shared.in_flight.load(Relaxed));
        let second = shared.measured().turn(started.elapsed().as_secs(), backlog, in_flight);
        if !quiet {
            progress.show(&second);
        }
        seconds.push(second);
        if pacer.is_finished() {
            let until = *drained_by.get_or_insert(Instant::now() + DRAIN);
            if backlog == 0 && in_flight == 0 || Instant::now() >= until || cut_short {
                break;
            }
        }
    }
    progress.end();
    shared.queue.close();
    workers.shutdown().await;
    let calls = match calls_before.flatten() {
        Some(before) => crate::sids::backend_calls(options).await.map(|after| after.saturating_sub(before)),
        None => None,
    };
    let measured = std::mem::replace(&mut *shared.measured(), Measured::new());
    let mut run = Run::new(kind, measured);
    run.rate = Some(rate);
    run.scheduled = shared.queue.scheduled.load(Relaxed);
    // What was under way when the run was cut off got no answer either.
    run.unsent = shared.queue.unsent.load(Relaxed) + shared.in_flight.load(Relaxed) as u64;
    run.seconds = seconds;
    run.measured_for = started.elapsed().min(warmup + duration).saturating_sub(warmup);
    run.backend_calls = calls;
    run.cut_short = cut_short;
    Ok(run)
}

/// Keeps one connection busy, with several streams where the protocol has them.
async fn connection(shared: Arc<Shared>, streams: usize) {
    let slot: Arc<tokio::sync::Mutex<Option<Connection>>> = Arc::default();
    let mut workers = JoinSet::new();
    for _ in 0..streams {
        workers.spawn(worker(shared.clone(), slot.clone()));
    }
    while workers.join_next().await.is_some() {}
}

/// Takes what is due, one after the other.
async fn worker(shared: Arc<Shared>, slot: Arc<tokio::sync::Mutex<Option<Connection>>>) {
    let mut own: Option<Connection> = None;
    while let Some(shot) = shared.queue.next().await {
        shared.in_flight.fetch_add(1, Relaxed);
        one(&shared, &slot, &mut own, shot).await;
        shared.in_flight.fetch_sub(1, Relaxed);
    }
}

async fn one(shared: &Shared, slot: &tokio::sync::Mutex<Option<Connection>>, own: &mut Option<Connection>, shot: Shot) {
    let (request, asker) = shared.scenario.request(shot.number);
    let sent = Instant::now();
    let limit = shared.target.timeout();
    if shared.scenario.browsers().is_some() {
        // Another browser, another connection.
        *own = None;
        *slot.lock().await = None;
    }
    let answer = match ready(shared, slot, own).await {
        Ok(()) => match own {
            Some(connection) => connection.exchange(request, limit).await,
            None => Err("connect"),
        },
        Err(why) => Err(why),
    };
    let done = Instant::now();
    if answer.is_err() {
        // A connection that failed once is not trusted again, by none of its streams.
        *own = None;
        *slot.lock().await = None;
    }
    if shot.counts {
        let (outcome, judgement) = match &answer {
            Ok((parts, _)) => shared.scenario.judge(asker, parts),
            Err(why) => ((*why).to_owned(), Judgement::Wrong),
        };
        shared.measured().record(&outcome, judgement, micros(shot.due, done), micros(sent, done));
    }
    if let (Asker::SigningIn, Ok((parts, _))) = (asker, &answer) {
        sign_out(shared, parts).await;
    }
}

/// Makes sure that there is a connection that takes a request.
async fn ready(
    shared: &Shared,
    slot: &tokio::sync::Mutex<Option<Connection>>,
    own: &mut Option<Connection>,
) -> Result<(), &'static str> {
    if let Some(connection) = own
        && connection.ready().await
    {
        return Ok(());
    }
    // One connects, the other streams wait for it.
    let mut kept = slot.lock().await;
    let alive = match kept.as_mut() {
        Some(connection) => connection.ready().await,
        None => false,
    };
    if let (true, Some(stream)) = (alive, kept.as_ref().and_then(Connection::stream)) {
        *own = Some(stream);
        return Ok(());
    }
    let made = shared.target.connect().await?;
    *own = match made.stream() {
        Some(stream) => {
            *kept = Some(made);
            Some(stream)
        }
        None => Some(made),
    };
    Ok(())
}

/// A sign-in leaves nothing behind. Not measured.
async fn sign_out(shared: &Shared, parts: &http::response::Parts) {
    let Some(sid) = crate::sids::sid_of(parts, shared.target.cookie()) else { return };
    let request = shared.target.request(Method::DELETE, SESSION, Some(&sid), Bytes::new());
    let _ = shared.target.once(request).await;
}
