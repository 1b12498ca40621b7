//! Several sids in one request.
//!
//! Normal after a change of domain, and what a hostile subdomain makes by setting cookies for the parent. At most three
//! are asked about, and the one that lives is kept.

use jiff::Timestamp;

use super::super::backend::Caller;
use super::super::lookup::{Found, Freshness, Lookup, RefusalCode};
use super::super::types::SessionId;
use super::{Resolved, Sessions};
use crate::cookie::{MAX_TWINS, SidCookies};

/// Other sids of a request that are live, and of the same user.
pub(crate) type Twins = [Option<SessionId>; MAX_TWINS - 1];

impl Sessions {
    /// Whose request is this?
    ///
    /// The live one counts, of several of one user the first that is not nearly over. Two live ones of different users
    /// count as none, because which of them the person means would be a guess.
    pub async fn resolve(&self, cookies: &SidCookies, caller: &(dyn Fn() -> Caller + Sync)) -> Resolved {
        let mut sids = cookies.iter();
        let Some(first) = sids.next() else { return Resolved::of(Lookup::Absent, None) };
        let mut best = Resolved::of(self.lookup(&first, caller).await, Some(first));
        let mut doubt = false;
        for sid in sids {
            let lookup = self.lookup(&sid, caller).await;
            let takes_over = match (&best.lookup, &lookup) {
                (Lookup::Found(a), Lookup::Found(b)) if a.session.user.id != b.session.user.id => {
                    return Resolved::of(Lookup::Refused(RefusalCode::Conflict), None);
                }
                (Lookup::Found(a), Lookup::Found(b)) => {
                    // Of a stale one nobody knows.
                    doubt |= is_stale(a) || is_stale(b);
                    let takes_over = b.session.outlasts(&a.session, Timestamp::now());
                    if a.session.public_id != b.session.public_id {
                        let twin = if takes_over { best.sid } else { Some(sid) };
                        let free = best.twins.iter_mut().filter(|slot| slot.is_none());
                        free.take(1).for_each(|slot| *slot = twin);
                    }
                    takes_over
                }
                (Lookup::Found(_), other) => {
                    doubt |= !matches!(other, Lookup::Refused(_));
                    false
                }
                (earlier, Lookup::Found(_)) => {
                    doubt |= !matches!(earlier, Lookup::Refused(_));
                    true
                }
                // "Don't know" outweighs "no": the one that could not be asked may be the good one.
                (Lookup::Refused(_), Lookup::Unavailable(_) | Lookup::Throttled { .. }) => true,
                (Lookup::Refused(code), Lookup::Refused(other)) => other.outweighs(*code),
                _ => false,
            };
            if takes_over {
                best = Resolved { twins: best.twins, ..Resolved::of(lookup, Some(sid)) };
            }
        }
        match &best.lookup {
            Lookup::Found(_) => best.heal = cookies.sent > 1 && !doubt,
            // The browser's own may be one of those that nobody has asked about.
            Lookup::Refused(code) if cookies.more && code.drops_sid() => {
                best.lookup = Lookup::Refused(RefusalCode::Crowded);
            }
            _ => {}
        }
        best
    }
}

impl Resolved {
    /// Of one sid, or of none.
    pub fn of(lookup: Lookup, sid: Option<SessionId>) -> Self {
        Self { lookup, sid, heal: false, twins: Twins::default() }
    }
}

fn is_stale(found: &Found) -> bool {
    matches!(found.freshness, Freshness::Stale(_))
}
