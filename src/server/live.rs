//! What a reload replaces, all of it at once.
//!
//! A request takes the pipeline of its moment and keeps it to its end; a connection takes its limits and its TLS when it
//! begins. No connection keeps a pipeline: an old one goes with its last request.

use std::sync::Arc;

use super::door::{self, Door};
use super::tls::{Certificates, More};
use crate::certificate::Certificate;
use crate::config::{self, Config, Listener};
use crate::gateway::Gateway;
use crate::limit::Seats;

/// What counts now.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) gateway: Arc<Gateway>,
    pub(super) config: Arc<config::Server>,
    /// Each client's own, where there is a limit.
    pub(super) seats: Option<Arc<Seats>>,
    /// One per socket, in the order of the sockets.
    pub(super) doors: Vec<Arc<Door>>,
}

/// The doors of these listeners, with the certificates of the configuration.
pub(super) fn doors(listeners: &[Listener], config: &Config, more: Option<More>) -> Result<Vec<Arc<Door>>, String> {
    let certificates = config.certificates.iter().map(|c| Certificate::load(&c.chain, &c.key));
    let listed = certificates.collect::<Result<Vec<_>, _>>()?;
    door::doors(listeners, &Arc::new(Certificates { listed, more }))
}
