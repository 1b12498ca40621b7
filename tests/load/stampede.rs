//! Many requests at the same moment with one sid that the gateway has not seen: one of them asks the backend, the others
//! wait for its answer.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::engine::Measured;
use crate::options::{Kind, Options};
use crate::report::Run;
use crate::scenario::Judgement;
use crate::sids::{Sids, backend_calls};
use crate::target::{Connection, Target};
use crate::{Fault, micros};

/// Longer than a gateway's cache holds an answer by default: a sid that was used before is cold again.
const COLD: Duration = Duration::from_secs(6);

pub(crate) async fn run(
    options: &Options,
    target: &Target,
    sids: &Sids,
    stop: &CancellationToken,
) -> Result<Run, Fault> {
    if sids.sids.is_empty() {
        return Err("the scenario stampede needs sids: --sids FILE or --users FILE".into());
    }
    let mut measured = Measured::new();
    let mut calls = backend_calls(options).await.map(|_| 0);
    let mut used = HashSet::new();
    let mut cut_short = false;
    for time in 0..options.times {
        // From the end of the list: the other scenarios use its beginning most.
        let sid = &sids.sids[sids.sids.len() - 1 - time % sids.sids.len()];
        if !used.insert(sid) || time == 0 {
            eprintln!("stampede: waiting until the gateway has forgotten the sid ...");
            tokio::select! { () = tokio::time::sleep(COLD) => {}, () = stop.cancelled() => {} }
        }
        cut_short = stop.is_cancelled();
        if cut_short {
            break;
        }
        eprintln!("stampede {} of {}: {} requests at once", time + 1, options.times, options.crowd);
        let before = backend_calls(options).await;
        crowd(options, target, sid, &mut measured).await?;
        let after = backend_calls(options).await;
        calls = calls.and_then(|sum| Some(sum + after?.saturating_sub(before?)));
    }
    let mut run = Run::new(Kind::Stampede, measured);
    run.scheduled = (options.crowd * options.times) as u64;
    run.backend_calls = calls;
    run.cut_short = cut_short;
    Ok(run)
}

async fn crowd(options: &Options, target: &Target, sid: &str, measured: &mut Measured) -> Result<(), Fault> {
    let connections = connections(options, target).await?;
    let barrier = Arc::new(Barrier::new(connections.len()));
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let (request, barrier, limit) = (target.get(Some(sid)), barrier.clone(), target.timeout());
        tasks.spawn(async move {
            barrier.wait().await;
            let sent = Instant::now();
            let answer = connection.exchange(request, limit).await;
            (answer.map(|(parts, _)| parts.status), micros(sent, Instant::now()))
        });
    }
    while let Some(done) = tasks.join_next().await {
        let Ok((answer, latency)) = done else { continue };
        let expected =
            |status: u16, ok: bool| if options.expect.is_empty() { ok } else { options.expect.contains(&status) };
        let (outcome, right) = match answer {
            Ok(status) => (status.as_str().to_owned(), expected(status.as_u16(), status.is_success())),
            Err(why) => (why.to_owned(), false),
        };
        measured.record(&outcome, if right { Judgement::Right } else { Judgement::Wrong }, latency, latency);
    }
    Ok(())
}

/// A connection or a stream for each of the crowd, open beforehand: handshakes are another question.
async fn connections(options: &Options, target: &Target) -> Result<Vec<Connection>, Fault> {
    let mut all = Vec::new();
    let mut connecting = JoinSet::new();
    let each = if options.http2 { options.streams } else { 1 };
    for _ in 0..options.crowd.div_ceil(each) {
        let target = target.clone();
        connecting.spawn(async move { target.connect().await });
    }
    while let Some(made) = connecting.join_next().await {
        let made = made.map_err(|e| e.to_string())?.map_err(|why| format!("{}: {why}", target.origin))?;
        let streams: Vec<Connection> = (1..each).filter_map(|_| made.stream()).collect();
        all.push(made);
        all.extend(streams);
    }
    all.truncate(options.crowd);
    Ok(all)
}
