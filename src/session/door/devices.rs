//! A user's other sessions. What the backend has ended is refused here from that moment.

use tokio::time::Instant;

use super::super::backend::{Caller, Device, DevicesAnswer, Which};
use super::super::lookup::{RefusalCode, Unavailable};
use super::super::types::SessionId;
use super::Sessions;
use super::ending::TOMBSTONE;

impl Sessions {
    /// Lists the sessions of a session's user.
    pub async fn devices(&self, sid: &SessionId, caller: &Caller) -> DevicesAnswer<Vec<Device>> {
        let answer = self.0.backend.devices(sid, caller).await;
        self.note_devices(sid, &answer);
        answer
    }

    /// Ends sessions of a session's user; the public ids of those that have ended.
    ///
    /// A task of its own: what the backend has ended must be refused here although the browser goes away meanwhile.
    pub async fn end_devices(
        &self,
        sid: &SessionId,
        user_id: &str,
        which: Which<'_>,
        caller: &Caller,
    ) -> DevicesAnswer<Vec<String>> {
        let (this, sid, user_id, caller) = (self.clone(), *sid, user_id.to_owned(), caller.clone());
        let one = if let Which::One(public_id) = which { Some(public_id.to_owned()) } else { None };
        let all = which == Which::All;
        let work = tokio::spawn(async move {
            let which = match &one {
                Some(public_id) => Which::One(public_id),
                None if all => Which::All,
                None => Which::Others,
            };
            let answer = this.0.backend.end_devices(&sid, which, &caller).await;
            this.note_devices(&sid, &answer);
            if let DevicesAnswer::Good(ended) = &answer {
                this.0.cache.revoke_public_ids(ended, &user_id, (Instant::now() + TOMBSTONE, RefusalCode::Revoked));
            }
            answer
        });
        work.await.unwrap_or(DevicesAnswer::Unavailable(Unavailable::Overload))
    }

    /// Refuses a sid here: the backend has said that its session has ended.
    pub fn has_ended(&self, sid: &SessionId) {
        self.0.cache.revoke(sid, RefusalCode::Revoked, Instant::now() + TOMBSTONE);
    }

    fn note_devices<T>(&self, sid: &SessionId, answer: &DevicesAnswer<T>) {
        match answer {
            DevicesAnswer::Unavailable(why) => self.0.note(Some(*why)),
            DevicesAnswer::Refused(_) => {
                self.0.note(None);
                // The next request with it asks for itself.
                self.0.cache.changed(sid);
            }
            _ => self.0.note(None),
        }
    }
}
