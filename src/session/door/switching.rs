//! Switching the tenant: one at a time for a sid, and one call however often it is asked for meanwhile.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use tokio::sync::watch;

use super::super::backend::{Caller, Renewed};
use super::super::lookup::{RefusalCode, Unavailable};
use super::super::types::SessionId;
use super::{Inner, Sessions};

/// Switches under way: to which tenant, and what it comes to.
pub(super) type Switches = HashMap<SessionId, (String, watch::Receiver<Option<Renewed>>)>;

impl Sessions {
    /// Makes another of the user's tenants the session's current one, which puts it under a new sid.
    ///
    /// A task of its own, and shared: whoever presses the button twice drops the first request and needs the new sid
    /// from the second one, whose own sid has ended.
    pub async fn switch_tenant(&self, sid: &SessionId, tenant_id: &str, caller: &Caller) -> Renewed {
        loop {
            let (same, mut answer) = self.join(sid, tenant_id, caller);
            let settled = answer.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
            let renewed = settled.unwrap_or(Renewed::Unavailable(Unavailable::Overload));
            match renewed {
                renewed if same => return renewed,
                // To another tenant, and this sid has ended with it.
                Renewed::Session(..) => return Renewed::Refused(RefusalCode::Rotated),
                _ => {}
            }
        }
    }

    /// The switch under way with this sid, or one that begins; and whether it is to this tenant.
    fn join(&self, sid: &SessionId, tenant_id: &str, caller: &Caller) -> (bool, watch::Receiver<Option<Renewed>>) {
        let mut switches = self.0.switches();
        if let Some((to, under_way)) = switches.get(sid) {
            return (to == tenant_id, under_way.clone());
        }
        let (report, answer) = watch::channel(None);
        switches.insert(*sid, (tenant_id.to_owned(), answer.clone()));
        let (this, sid, tenant_id, caller) = (self.clone(), *sid, tenant_id.to_owned(), caller.clone());
        tokio::spawn(async move {
            let work = async |inner: &Inner| inner.backend.switch_tenant(&sid, &tenant_id, &caller).await;
            let renewed = this.renewing(&sid, &caller, work).await;
            this.0.switches().remove(&sid);
            report.send_replace(Some(renewed));
        });
        (true, answer)
    }
}

impl Inner {
    fn switches(&self) -> MutexGuard<'_, Switches> {
        self.carried.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
