//! The pipeline after a reload of the configuration: what of the one before goes on in it.
//!
//! Routes, pages and rules are made anew. What holds connections, health or counts goes on where its own part of the
//! configuration is the same, down to the content of the files that it names.

use std::sync::Arc;

use super::Gateway;
use crate::assertion::Assertions;
use crate::config::{ClientTls, Config};
use crate::session::Sessions;
use crate::upstream::{Tunnels, Upstream};

/// What there was before.
pub(crate) struct Before<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) config: &'a Config,
    /// Whether one of these files has another content now.
    pub(crate) renewed: &'a dyn Fn(&ClientTls) -> bool,
}

impl Gateway {
    /// Builds the pipeline of a new configuration. Nothing happens to the one before until [`Gateway::hand_over`].
    ///
    /// # Errors
    /// In words, as [`Gateway::new`].
    pub(crate) fn after(before: &Before<'_>, config: &Config) -> Result<Arc<Self>, String> {
        Self::build(config, None, Some(before))
    }

    /// Puts another in this one's place.
    pub(crate) fn hand_over(&self, to: &Self) {
        self.sessions.hand_over(&to.sessions);
    }
}

impl Before<'_> {
    pub(super) fn sessions(&self, config: &Config) -> Result<Sessions, String> {
        let (old, new) = (&self.config.backend, &config.backend);
        let alike = self.config.session == config.session && self.config.activity == config.activity;
        if old == new && alike && !(self.renewed)(&new.tls) {
            return Ok(self.gateway.sessions.clone());
        }
        self.gateway.sessions.renewed(self.config, config)
    }

    fn upstream(&self, name: &str, config: &Config) -> Option<Arc<Upstream>> {
        let of = |config: &Config| config.upstreams.iter().find(|u| u.name == name).cloned();
        let (old, new) = (of(self.config)?, of(config)?);
        let same = old == new && !(self.renewed)(&new.tls);
        self.gateway.upstreams.iter().find(|u| same && u.name() == name).cloned()
    }
}

/// The applications: those that are the same keep their connections, and what is known of their health.
pub(super) fn upstreams(
    config: &Config,
    before: Option<&Before<'_>>,
    tunnels: &Tunnels,
) -> Result<Vec<Arc<Upstream>>, String> {
    let upstream = |of: &crate::config::Upstream| match before.and_then(|before| before.upstream(&of.name, config)) {
        Some(same) => Ok(same),
        None => Upstream::new(of, tunnels.clone()).map(Arc::new),
    };
    config.upstreams.iter().map(upstream).collect()
}

/// The keys of the assertion, read again. What a session has of them at hand is kept by the place of its upstream: other
/// upstreams are others' assertions, so that those begin anew.
pub(super) fn assertions(config: &Config, before: Option<&Before<'_>>) -> Result<Arc<Assertions>, String> {
    let names = |config: &Config| config.upstreams.iter().map(|u| u.name.clone()).collect::<Vec<_>>();
    if let Some(before) = before
        && before.config.assertion == config.assertion
        && names(before.config) == names(config)
    {
        before.gateway.assertions.reload()?;
        return Ok(before.gateway.assertions.clone());
    }
    let assertions = Assertions::new(&config.assertion)?;
    assertions.follow();
    Ok(assertions)
}
