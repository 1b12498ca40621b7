//! Legacy cookies in the pipeline: on a first visit they become a session, and then they are gone.
//!
//! One look at an `Option` where there is no `[legacy]`. Otherwise: what the browser brings ([`Carried`]), how far the
//! migration goes for it ([`Step`]), and then [`visit`]; the questions to the backend are in [`ask`].

mod ask;
mod carried;
mod clear;
mod junk;
mod visit;

use std::net::IpAddr;
use std::sync::Mutex;

use http::HeaderMap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::audit::Audit;
use crate::config::{self, Config, LegacyMode};
use crate::legacy::{Carriers, Monitor, Names};
use crate::limit::Limiter;
use carried::Carried;
use junk::Junk;

/// What is known of legacy cookies, and how far their migration goes.
#[derive(Debug)]
pub(crate) struct Legacy {
    config: config::Legacy,
    carriers: Carriers,
    monitor: Monitor,
    /// Which cookies are legacy.
    names: Names,
    /// From then on they are only cleared.
    until: Option<Timestamp>,
    /// Per client prefix: what costs the backend a call, and what could not be decoded.
    limit: Limiter<IpAddr>,
    junk: Mutex<Junk>,
}

/// How far the migration goes for one browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Outside of a roll-out that only observes.
    Nothing,
    /// Read, and counted.
    Observe,
    /// A sid is given out; the cookies stay as they are.
    Dual,
    /// A sid is given out, the cookies are expired and hidden from the upstream.
    Enforce,
    /// The migration is over: they are expired and hidden.
    Clear,
}

impl Legacy {
    /// None where it is off. What `before` has counted goes on.
    pub(super) fn new(config: &Config, audit: &Audit, before: Option<&Self>) -> Option<Self> {
        let (config, session) = (&config.legacy, &config.session);
        if !config.enabled {
            return None;
        }
        // Through the whole of its last day, in UTC.
        let end = config.until.and_then(|day| day.tomorrow().ok()).and_then(|next| next.to_zoned(TimeZone::UTC).ok());
        Some(Self {
            carriers: Carriers::new(config),
            monitor: Monitor::new(config, audit.clone(), before.map(|before| &before.monitor)),
            names: Names::new(config, session),
            until: end.map(|at| at.timestamp()),
            limit: Limiter::new(config.per_client),
            junk: Mutex::default(),
            config: config.clone(),
        })
    }

    /// What the browser brings; none where it brings nothing legacy.
    fn carried<'h>(&self, headers: &'h HeaderMap) -> Option<Carried<'h>> {
        Carried::of(headers, |name| self.names.cleared().contains(name) || self.names.carriers().contains(name))
    }

    /// How far the migration goes for a browser that brings this.
    fn step(&self, carried: &Carried<'_>) -> Step {
        self.unless_stopped(self.planned(carried))
    }

    /// The same, whether or not it has stopped by itself.
    fn planned(&self, carried: &Carried<'_>) -> Step {
        let mode = Step::of(self.config.mode);
        let reached = self.config.rollout == 100 || carried.bucket(self) < u64::from(self.config.rollout);
        self.today(if reached { mode } else { mode.before() })
    }

    /// Whether legacy cookies of a browser that brings none are kept from it, too: the old application may set some. Where
    /// the roll-out is not complete nobody knows on which side it is.
    fn clears_everybodys(&self) -> bool {
        self.config.rollout == 100 && self.unless_stopped(self.today(Step::of(self.config.mode))).clears()
    }

    /// After their end they are only cleared.
    fn today(&self, step: Step) -> Step {
        match step {
            Step::Dual | Step::Enforce if self.until.is_some_and(|end| Timestamp::now() >= end) => Step::Clear,
            step => step,
        }
    }

    /// After too many failures nothing is done.
    fn unless_stopped(&self, step: Step) -> Step {
        match step {
            Step::Dual | Step::Enforce if !self.monitor.allows() => Step::Observe,
            step => step,
        }
    }
}

impl Step {
    fn of(mode: LegacyMode) -> Self {
        match mode {
            LegacyMode::Observe => Self::Observe,
            LegacyMode::Dual => Self::Dual,
            LegacyMode::Enforce => Self::Enforce,
        }
    }

    fn before(self) -> Self {
        match self {
            Self::Clear | Self::Enforce => Self::Dual,
            Self::Dual => Self::Observe,
            Self::Observe | Self::Nothing => Self::Nothing,
        }
    }

    /// Whether the cookies go.
    fn clears(self) -> bool {
        matches!(self, Self::Enforce | Self::Clear)
    }
}
