//! Browsers that still carry legacy cookies arrive, each for the first time, while everybody else goes on working: the
//! day on which the gateway is switched on.
//!
//! First the live users alone, then the same users with the storm beside them: the two latencies are what to compare.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::Fault;
use crate::engine;
use crate::options::{Kind, Options};
use crate::report::Run;
use crate::scenario::Scenario;
use crate::sids::{Sids, migrations};
use crate::target::Target;
use crate::usage::Usage;

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
    meanwhile.warmup = std::time::Duration::ZERO;
    meanwhile.duration = std::time::Duration::from_secs_f64(browsers as f64 / options.migrate_rate);
    let (before, asked) = (usage(options), migrations(options).await);
    let arriving = engine::run(&meanwhile, target, storm.clone(), stop);
    let (mut arrived, live) = if has_live {
        let live = Arc::new(Scenario::new(Kind::Mixed, options, target, sids)?.quiet());
        let (arrived, live) = tokio::join!(arriving, engine::run(&meanwhile, target, live, stop));
        (arrived?, Some(live?))
    } else {
        (arriving.await?, None)
    };
    arrived.used = used(options, before);
    arrived.migrated = Some(storm.made());
    arrived.migrations = match (asked, migrations(options).await) {
        (Some(before), Some(after)) => after
            .into_iter()
            .map(|(what, n)| (what.clone(), n - before.get(&what).copied().unwrap_or(0)))
            .filter(|(_, n)| *n > 0)
            .collect(),
        _ => Default::default(),
    };
    runs.extend(live.map(|run| Run { label: Some("live users, meanwhile"), ..run }));
    runs.push(arrived);
    Ok(runs)
}

fn usage(options: &Options) -> Option<Usage> {
    options.pid.and_then(Usage::of)
}

fn used(options: &Options, before: Option<Usage>) -> Option<crate::usage::Used> {
    Some(usage(options)?.since(before?))
}
