//! One cache in the place of another, after a reload that changed what an answer means.
//!
//! Answers stay behind: a sid that this backend knows may be nobody's, or somebody else's, to the next. What has ended
//! here stays ended: a sign-out that the backend has not taken yet must not be undone by a new configuration.

use std::sync::Arc;

use tokio::time::Instant;

use super::entry::State;
use super::{Cache, MAX_REFUSAL_TTL, RefusalCode};

impl Cache {
    /// Puts another in this one's place. What ends here from now on, by requests that are still under way, ends there
    /// too: the two are linked before anything is copied.
    pub(in crate::session) fn hand_over(&self, successor: &Arc<Self>, now: Instant) {
        if self.successor.set(successor.clone()).is_err() {
            return;
        }
        self.ended.copy_to(&successor.ended);
        for entry in &self.entries {
            // What the backend has refused is not kept for so long, and may be good to the next one.
            match entry.state {
                State::Refused { code, until } if is_ours(code) && until > now || until > now + MAX_REFUSAL_TTL => {
                    successor.revoke(entry.key(), code, until);
                }
                _ => {}
            }
        }
    }
}

fn is_ours(code: RefusalCode) -> bool {
    matches!(code, RefusalCode::Revoked | RefusalCode::Rotated)
}
