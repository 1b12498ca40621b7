//! Asking the backend about what legacy cookies prove.
//!
//! Every distinct proof is asked about, in order, and the first that is good counts. Where they are of different users
//! nobody is signed in, and the sessions just made end: which of them the person means would be a guess.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::super::Gateway;
use super::{Carried, Legacy};
use crate::context::Context;
use crate::legacy::{Candidate, Verdict};
use crate::limit::client_prefix;
use crate::session::{Ending, MigrateAnswer, Proof, Session, SessionId, Unavailable};

/// What legacy cookies came to.
pub(super) enum Asked {
    /// A session.
    Session(SessionId, Arc<Session>),
    /// The proofs are of different users.
    Conflict,
    /// There is no proof that is worth anything.
    Nothing,
    /// Too many came from this client.
    Limited(Duration),
    /// No answer that counts. Nothing is lost: the next request asks again.
    Unavailable(Unavailable),
}

/// One proof, and where it comes from.
type Claim<'a> = (&'a Candidate, &'a Proof);

impl Gateway {
    /// Asks, and tells what came of it.
    pub(super) async fn ask(&self, cx: &mut Context, legacy: &Legacy, carried: &Carried<'_>, ending: Ending) -> Asked {
        let claims = carried.claims(legacy);
        let proofs = claims.proofs();
        let Some(first) = proofs.first() else {
            if let Some(wait) = legacy.limit_junk(cx, carried) {
                legacy.monitor.limited(cx, claims);
                return Asked::Limited(wait);
            }
            legacy.monitor.nothing(cx, claims);
            return Asked::Nothing;
        };
        if !proofs.iter().all(|(_, proof)| self.sessions.has_seen(proof)) {
            if let Err(wait) = legacy.limit.check(client_prefix(cx.client)) {
                legacy.monitor.limited(cx, claims);
                return Asked::Limited(wait);
            }
            // Nothing is used up that could not be written down.
            if self.may_be_audited().is_err() {
                legacy.monitor.unavailable(cx, *first, Unavailable::Overload);
                return Asked::Unavailable(Unavailable::Overload);
            }
        }
        self.ask_each(cx, legacy, &proofs, ending).await
    }

    async fn ask_each(&self, cx: &mut Context, legacy: &Legacy, proofs: &[Claim<'_>], ending: Ending) -> Asked {
        let mut made = Vec::new();
        let mut refused = None;
        for claim in proofs {
            match self.sessions.migrate(claim.1, &claim.0.cookie, ending, &cx.caller()).await {
                MigrateAnswer::Session(sid, session, repeated) => made.push((sid, session, repeated, *claim)),
                MigrateAnswer::Refused { certain } => refused = refused.or(Some((*claim, certain))),
                MigrateAnswer::NotSupported(_) => refused = refused.or(Some((*claim, true))),
                // Those after it are not used up for nothing.
                MigrateAnswer::Unavailable(why) if made.is_empty() => {
                    legacy.monitor.unavailable(cx, *claim, why);
                    return Asked::Unavailable(why);
                }
                MigrateAnswer::Unavailable(_) => break,
            }
        }
        let Some((sid, session, repeated, claim)) = made.first() else {
            if let Some((claim, certain)) = refused {
                legacy.monitor.refused(cx, claim, certain);
            }
            return Asked::Nothing;
        };
        if made.iter().any(|(_, other, ..)| other.user.id != session.user.id) {
            // Where each was there before, they last on: such an id came with a cookie that anybody may have tossed into the
            // jar. Beside one that was made, what is left would be who the next request is.
            let ends = made.iter().any(|(.., claim)| !self.sessions.reissues(claim.1));
            for (sid, ..) in made.iter().filter(|_| ends) {
                // Refused here from now on; what the backend does not take at once is repeated.
                let _ = self.sessions.sign_out(*sid, &cx.caller()).await;
            }
            let all: Vec<Claim<'_>> = made.iter().map(|(.., claim)| *claim).collect();
            legacy.monitor.conflict(cx, &all, ends);
            return Asked::Conflict;
        }
        // Nobody will ever hold the others. Where old sessions are kept they stay: those would end with them.
        if ending == Ending::End {
            for (other, ..) in made.iter().filter(|(other, ..)| other != sid) {
                self.sessions.replace(*other, cx.caller());
            }
        }
        legacy.monitor.migrated(cx, *claim, (sid, session), *repeated);
        Asked::Session(*sid, session.clone())
    }
}

impl Legacy {
    /// How long a client has to wait that has sent too much that could not be decoded. What was looked at a moment ago
    /// tells nobody anything new.
    fn limit_junk(&self, cx: &Context, carried: &Carried<'_>) -> Option<Duration> {
        let claims = carried.claims(self);
        let failed = claims.candidates.iter().any(|candidate| matches!(candidate.verdict, Verdict::Rejected(_)));
        let is_new = || {
            let mut junk = self.junk.lock().unwrap_or_else(PoisonError::into_inner);
            junk.is_new(carried.browser(self), Instant::now())
        };
        if failed && is_new() { self.limit.check(client_prefix(cx.client)).err() } else { None }
    }
}
