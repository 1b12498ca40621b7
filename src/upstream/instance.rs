//! One instance of an upstream.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::health::{Finding, Health, News};
use crate::config::{self, HealthCheck, Target};
use crate::pool::{Pool, PoolConfig};

/// One of the servers that are the same application.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) target: Target,
    pub(super) pool: Arc<Pool>,
    /// Its address, for the log.
    pub(super) label: Arc<str>,
    upstream: String,
    /// There is no other to send anything to.
    alone: bool,
    health: Health,
    ejections: AtomicU64,
}

/// How an instance is, for operators.
#[derive(Debug, Clone)]
pub struct InstanceState {
    /// Its address.
    pub url: String,
    /// It gets new requests.
    pub up: bool,
    /// Requests and tunnels that are open.
    pub open: usize,
    /// How often it was taken out.
    pub ejections: u64,
}

impl Instance {
    pub(super) fn new(target: &Target, of: &config::Upstream, pool: PoolConfig) -> Self {
        Self {
            target: target.clone(),
            pool: Pool::new(pool),
            label: target.to_string().into(),
            upstream: of.name.clone(),
            alone: of.urls.len() == 1,
            health: Health::new(&of.balance),
            ejections: AtomicU64::new(0),
        }
    }

    /// Its share of requests; 0: none.
    pub(super) fn share(&self) -> u32 {
        self.health.share()
    }

    /// It answered a request; a trial is one that was sent although it was out.
    pub(super) fn good(&self, trial: bool) {
        if let Some(news) = self.health.good(trial) {
            self.say(&news, &"");
        }
    }

    /// It did not, and that is its doing.
    pub(super) fn failed(&self, why: &dyn Display) {
        if let Some(news) = self.health.failed() {
            self.say(&news, why);
        }
    }

    /// The health check was made.
    pub(super) fn checked(&self, finding: &Finding, check: &HealthCheck) {
        let Some(news) = self.health.checked(finding, check.healthy_after, check.unhealthy_after) else { return };
        self.pool.keep(news == News::Back);
        match finding {
            Finding::Well => self.say(&news, &""),
            Finding::Leaves(why) | Finding::Unwell(why) => self.say(&news, why),
        }
    }

    pub(super) fn state(&self) -> InstanceState {
        InstanceState {
            url: self.target.to_string(),
            up: self.share() > 0,
            open: self.pool.open(),
            ejections: self.ejections.load(Relaxed),
        }
    }

    fn say(&self, news: &News, why: &dyn Display) {
        let (upstream, instance) = (&self.upstream, &self.target);
        if *news != News::Back {
            self.ejections.fetch_add(1, Relaxed);
            // What is idle is probably dead, and would hold up a server that waits for its connections to end.
            self.pool.close_idle();
        }
        match news {
            News::OutAgain => {}
            News::Back => tracing::info!(%upstream, %instance, "an instance is back"),
            News::Out(_) if self.alone => {
                tracing::warn!(%upstream, %instance, reason = %why, "the only instance does not answer; it is asked all the same");
            }
            News::Out(rest) => {
                let seconds = rest.map(|rest| rest.as_secs_f32());
                tracing::warn!(%upstream, %instance, reason = %why, seconds, "an instance gets no new requests");
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connect::Connector;

    /// So many, on ports from 0.
    pub(crate) fn instances(count: usize) -> Vec<Arc<Instance>> {
        let urls: Vec<_> = (0..count).map(|port| Target::Http(format!("127.0.0.1:{port}"))).collect();
        let of = config::Upstream { urls, ..config::Upstream::default() };
        let make = |target| {
            let connector = Connector::new(target, None, Duration::from_secs(1)).unwrap();
            let pool = PoolConfig { connector, idle_timeout: Duration::from_secs(1), max_idle: 1 };
            Arc::new(Instance::new(target, &of, pool))
        };
        of.urls.iter().map(make).collect()
    }
}
