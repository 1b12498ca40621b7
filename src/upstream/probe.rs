//! The health check: a `GET` to each instance ever so often, over a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};

use super::Instance;
use super::health::Finding;
use crate::body::Upload;
use crate::config::HealthCheck;
use crate::http1::{Framing, Head};
use crate::identity;

/// Asks for as long as the instance is there.
pub(super) fn watch(instance: &Arc<Instance>, check: HealthCheck) {
    let instance = Arc::downgrade(instance);
    tokio::spawn(async move {
        while let Some(alive) = instance.upgrade() {
            let finding = ask(&alive, &check).await;
            alive.checked(&finding, &check);
            drop(alive);
            tokio::time::sleep(spread(check.interval)).await;
        }
    });
}

async fn ask(instance: &Instance, check: &HealthCheck) -> Finding {
    let asked = async {
        let refused = |e: &std::io::Error| {
            matches!(e.kind(), std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound)
        };
        let lease = match instance.pool.connect().await {
            Ok(lease) => lease,
            Err(error) if refused(&error) => return Finding::Leaves(format!("health check: {error}")),
            Err(error) => return Finding::Unwell(format!("health check: {error}")),
        };
        let Some(head) = head(instance, check) else { return Finding::Unwell("health check: no request".into()) };
        match lease.send(&head, Upload::empty(), HeaderMap::new(), check.timeout).await {
            Ok(answer) if check.statuses.contains(&answer.status().as_u16()) => Finding::Well,
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Finding::Leaves("health check: 503".into())
            }
            Ok(answer) => Finding::Unwell(format!("health check: {}", answer.status().as_u16())),
            Err(failed) => Finding::Unwell(format!("health check: {}", failed.fault)),
        }
    };
    let late = Finding::Unwell("health check: no answer in time".into());
    tokio::time::timeout(check.timeout, asked).await.unwrap_or(late)
}

fn head(instance: &Instance, check: &HealthCheck) -> Option<Head> {
    let target: PathAndQuery = check.path.parse().ok()?;
    let mut bytes = Head::begin(&Method::GET, target.path(), target.query());
    let host = check.host.as_deref().unwrap_or_else(|| instance.target.authority());
    Head::field(&mut bytes, "host", host.as_bytes());
    Head::field(&mut bytes, "user-agent", b"sidgate-health");
    Head::field(&mut bytes, "connection", b"close");
    identity::write(&mut bytes, None, None, 0);
    Some(Head::end(bytes, &Method::GET, Framing::Empty))
}

/// Up to a tenth sooner or later: the gateways of a fleet do not ask in step.
fn spread(interval: Duration) -> Duration {
    let tenths = u32::try_from(super::balance::below(2001)).unwrap_or(1000);
    interval * (9000 + tenths) / 10_000
}
