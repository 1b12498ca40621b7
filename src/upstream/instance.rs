//! One instance of an upstream.

use std::sync::Arc;

use crate::config::Target;
use crate::pool::{Pool, PoolConfig};

/// One of the servers that are the same application.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) target: Target,
    pub(super) pool: Arc<Pool>,
}

impl Instance {
    pub(super) fn new(target: &Target, config: PoolConfig) -> Self {
        Self { target: target.clone(), pool: Pool::new(config) }
    }
}
