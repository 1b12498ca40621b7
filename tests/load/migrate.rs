//! Browsers that still carry legacy cookies arrive, each for the first time, while everybody else goes on working: the
//! day on which the gateway is switched on.
//!
//! First the live users alone, then the same users with the storm beside them: the two latencies are what to compare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Fault;
use crate::engine;
use crate::options::{Kind, Options};
use crate::report::Run;
use crate::scenario::Scenario;
use crate::sids::{Sids, migrations};
use crate::target::Target;
use crate::usage::{Usage, Used};

type Counts = BTreeMap<String, u64>;

/// Before, meanwhile, and the storm itself.
pub(crate) async fn run(
    options: &Options,
    target: &Target,
    sids: &Sids,
    stop: &CancellationToken,
) -> Result<Vec<Run>, Fault> {
    let storm = Arc::new(Scenario::new(Kind::Migrate, options, target, sids)?);
    let Some(browsers) = storm.browsers() else { return Err("the scenario migrate needs --proofs FILE".into()) };
    let mut runs = Vec::new();
    let has_live = !sids.sids.is_empty();
    if has_live {
        let live = Arc::new(Scenario::new(Kind::Mixed, options, target, sids)?);
        let before = usage(options);
        let mut run = engine::run(options, target, live, stop).await?;
        run.label = Some("live users, before");
        run.used = used(options, before);
        runs.push(run);
    }
    let mut meanwhile = options.clone();
    meanwhile.warmup = Duration::ZERO;
    meanwhile.duration = Duration::from_secs_f64(browsers as f64 / options.migrate_rate);
    let (before, asked) = (usage(options), migrations(options).await);
    let arriving = engine::run(&meanwhile, target, storm.clone(), stop);
    let (mut arrived, live) = if has_live {
        let live = Arc::new(Scenario::new(Kind::Mixed, options, target, sids)?.quiet());
        let (arrived, live) = tokio::join!(arriving, engine::run(&meanwhile, target, live, stop));
        (arrived?, Some(live?))
    } else {
        (arriving.await?, None)
    };
    // Those were the live users'; its own are the migrations.
    arrived.backend_calls = None;
    arrived.used = used(options, before);
    arrived.migrated = Some(storm.made());
    arrived.migrations = counted(asked, migrations(options).await);
    runs.extend(live.map(|run| Run { label: Some("live users, meanwhile"), ..run }));
    runs.push(arrived);
    Ok(runs)
}

/// What was counted in between, by outcome.
fn counted(before: Option<Counts>, after: Option<Counts>) -> Counts {
    let (Some(before), Some(after)) = (before, after) else { return Counts::new() };
    let since = |(what, n): (String, u64)| {
        let n = n.saturating_sub(before.get(&what).copied().unwrap_or_default());
        (n > 0).then_some((what, n))
    };
    after.into_iter().filter_map(since).collect()
}

fn usage(options: &Options) -> Option<Usage> {
    options.pid.and_then(Usage::of)
}

fn used(options: &Options, before: Option<Usage>) -> Option<Used> {
    Some(usage(options)?.since(before?))
}
