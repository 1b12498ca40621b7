//! Load on a gateway: an open-loop generator, so that a target that stalls cannot slow down the questions it is asked.
//!
//! Requests are scheduled beforehand, and latency counts from the scheduled time: whoever would have waited in the queue
//! of a busy target waits here too. See `README.md` beside this file.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod demo;
mod engine;
mod jar;
mod migrate;
mod options;
mod pace;
mod pick;
mod progress;
mod report;
mod scenario;
mod sids;
mod stage;
mod stampede;
mod target;
mod usage;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;

use options::{Kind, Options};
use report::{Report, Run};
use scenario::Scenario;
use target::Target;

/// What stops a run before it has a result: a sentence for the person at the terminal.
type Fault = String;

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no runtime: {error}")),
    };
    match runtime.block_on(run(options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(reason) => fail(&reason),
    }
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("load: {reason}");
    ExitCode::from(2)
}

/// Runs every scenario that was asked for, and says whether all thresholds held.
async fn run(mut options: Options) -> Result<bool, Fault> {
    options.check()?;
    // Kept until the end: dropped, the demo stops.
    let storm = options.kinds().contains(&Kind::Migrate);
    let stage = if options.target.is_none() && storm { Some(stage::Stage::start(&mut options).await?) } else { None };
    let demo = if options.target.is_none() { Some(demo::Demo::start(&mut options).await?) } else { None };
    let target = Target::new(&options)?;
    let sids = sids::load(&options, &target).await?;
    let stop = stop_on_interrupt();
    let mut report = Report::new(&options, &target, sids.len());
    for kind in options.kinds() {
        if stop.is_cancelled() {
            break;
        }
        let runs = match kind {
            Kind::Stampede => vec![stampede::run(&options, &target, &sids, &stop).await?],
            Kind::Migrate => migrate::run(&options, &target, &sids, &stop).await?,
            kind => {
                let scenario = Arc::new(Scenario::new(kind, &options, &target, &sids)?);
                vec![engine::run(&options, &target, scenario, &stop).await?]
            }
        };
        for run in runs {
            print!("{}", run.table());
            report.runs.push(run);
        }
    }
    drop((demo, stage));
    report.write(&options)?;
    let verdicts = report.verdicts(&options);
    for verdict in &verdicts {
        println!("{verdict}");
    }
    Ok(report.runs.iter().any(Run::answered) && verdicts.iter().all(|v| v.held))
}

/// The first Ctrl-C ends the run and shows what there is; the second ends the program.
fn stop_on_interrupt() -> tokio_util::sync::CancellationToken {
    let stop = tokio_util::sync::CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("\nload: stopping; once more ends it at once");
            told.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
    stop
}

/// Microseconds between two times.
fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}
