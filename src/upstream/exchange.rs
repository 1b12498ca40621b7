//! One request and its answer, and the tries until there is one.
//!
//! A request is sent again only where nobody can notice that it was: it reached no instance at all (whatever its
//! method), or it is idempotent, has no body, and its connection broke before the answer (within a budget). Each try
//! goes to an instance that has not had it. What may have been done is not done again, and a part of an answer is the
//! end of it.

use std::sync::Arc;

use http::{HeaderMap, Method, Response, StatusCode};

use super::balance::{self, Tried};
use super::{Instance, Upstream, UpstreamError};
use crate::body::{Body, Download, Silent, Upload};
use crate::context::Context;
use crate::http1::{Fault, Framing, Head};
use crate::pool::{Lease, Leased};
use crate::route::Route;

/// The tries of one request.
#[derive(Debug)]
pub(super) struct Tries {
    /// Beyond the first.
    left: u32,
    tried: Tried,
    /// A kept connection had died, which happens without anybody's fault, and costs no try; but once only.
    stale: bool,
}

/// Where a request goes, and over what.
pub(super) struct Reached<'a> {
    pub(super) instance: &'a Arc<Instance>,
    pub(super) lease: Lease,
    /// It was out.
    pub(super) trial: bool,
}

/// Where a request goes next.
enum Place {
    Another,
    /// The same instance, over a new connection.
    Same,
}

impl Upstream {
    pub(super) async fn exchange(
        &self,
        head: &Head,
        method: &Method,
        body: Upload,
        spare: HeaderMap,
        route: &Route,
        cx: &mut Context,
    ) -> Result<Response<Body>, UpstreamError> {
        let (mut body, mut spare) = (body, spare);
        let mut tries = self.tries();
        let mut reached = self.reach(&mut tries, true, cx).await?;
        loop {
            let Reached { instance, lease, trial } = reached;
            let reused = lease.reused;
            let mut failed = match lease.send(head, body, std::mem::take(&mut spare), route.response_timeout).await {
                Ok(answer) => return answered(answer, instance, trial, route),
                Err(failed) => failed,
            };
            let error = UpstreamError::from(&failed.fault);
            let broke = matches!(failed.fault, Fault::Closed | Fault::Read(_) | Fault::Write(_));
            let stale = reused && broke;
            if !stale && !matches!(failed.fault, Fault::Body(_) | Fault::Stalled) {
                instance.failed(&failed.fault);
            }
            let Some(place) = self.next_place(stale, &mut tries) else { return Err(error) };
            body = match failed.unsent.take() {
                Some(unsent) if broke => unsent,
                _ if broke && is_repeatable(head, method) && self.budget.take() => Upload::empty(),
                _ => return Err(error),
            };
            cx.facts.retried = true;
            reached = match place {
                Place::Another => self.reach(&mut tries, false, cx).await?,
                Place::Same => {
                    let connected = instance.pool.connect().await;
                    Reached { instance, lease: connected.map_err(|why| unreachable(instance, &why))?, trial }
                }
            };
        }
    }

    pub(super) fn tries(&self) -> Tries {
        Tries { left: self.retries, tried: Tried::default(), stale: false }
    }

    /// A connection to an instance. Where one cannot be reached nothing was sent, so the next one is asked.
    pub(super) async fn reach(
        &self,
        tries: &mut Tries,
        kept: bool,
        cx: &mut Context,
    ) -> Result<Reached<'_>, UpstreamError> {
        let mut error = UpstreamError::Connect;
        while let Some(instance) = balance::pick(&self.instances, &mut tries.tried) {
            if self.instances.len() > 1 {
                cx.facts.instance = Some(instance.label.clone());
            }
            let trial = instance.share() == 0;
            let connected = if kept { instance.pool.lease().await } else { instance.pool.connect().await };
            match connected {
                Ok(lease) => return Ok(Reached { instance, lease, trial }),
                Err(why) => error = unreachable(instance, &why),
            }
            if tries.left == 0 {
                break;
            }
            tries.left -= 1;
            cx.facts.retried |= tries.tried.some_left(&self.instances);
        }
        Err(error)
    }

    /// Where a request may go that failed at an instance: to another, or where there is none and it was only the
    /// connection that had died, to the same over a new one. Nowhere when there have been tries enough.
    fn next_place(&self, stale: bool, tries: &mut Tries) -> Option<Place> {
        let free = stale && !std::mem::replace(&mut tries.stale, true);
        if !free {
            tries.left = tries.left.checked_sub(1)?;
        }
        match tries.tried.some_left(&self.instances) {
            true => Some(Place::Another),
            false => free.then_some(Place::Same),
        }
    }
}

fn answered(
    answer: Response<Leased<Upload>>,
    instance: &Instance,
    trial: bool,
    route: &Route,
) -> Result<Response<Body>, UpstreamError> {
    match answer.status() {
        // Nobody asked for it, so nothing is behind it that a browser could be connected to.
        StatusCode::SWITCHING_PROTOCOLS => return Err(UpstreamError::Broken),
        StatusCode::SERVICE_UNAVAILABLE if answer.body().is_last() => instance.failed(&"503 with Connection: close"),
        _ => instance.good(trial),
    }
    Ok(answer.map(|body| Body::Upstream(Download::new(body, route.idle_timeout))))
}

fn unreachable(instance: &Instance, why: &std::io::Error) -> UpstreamError {
    instance.failed(why);
    if why.kind() == std::io::ErrorKind::TimedOut { UpstreamError::Timeout } else { UpstreamError::Connect }
}

/// RFC 9110 section 9.2.2, and without a body.
fn is_repeatable(head: &Head, method: &Method) -> bool {
    let idempotent = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE);
    idempotent && head.framing == Framing::Empty
}

impl From<&Fault> for UpstreamError {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Timeout => Self::Timeout,
            Fault::Stalled => Self::SlowBody,
            Fault::Body(error) if error.is::<Silent>() => Self::SlowBody,
            _ => Self::Broken,
        }
    }
}
