//! The session cookie in answers: set, healed, expired.

use http::HeaderMap;
use jiff::Timestamp;

use super::Gateway;
use crate::context::Context;
use crate::cookie::SidCookies;
use crate::identity::{self, Presented};
use crate::rejection::Rejection;
use crate::session::{Lookup, Resolved, Session, SessionId};

impl Gateway {
    /// Where several sids came and one is live: sets that one again and expires the others; those of the same user end, as
    /// no cookie holds them any more. Only for navigations and
    /// our own endpoints, like every other change of the cookie: a late `fetch` must not undo a sign-in.
    pub(crate) fn heal(&self, cx: &mut Context, resolved: &Resolved) {
        if let (true, Some(sid), Lookup::Found(found)) = (resolved.heal, &resolved.sid, &resolved.lookup) {
            for twin in resolved.twins.iter().flatten() {
                self.sessions.replace(*twin, cx.caller());
            }
            self.set_sid(cx, sid, found.session.expires_at, true);
        }
    }

    pub(super) fn drop_sid(&self, cx: &mut Context, drop: bool) {
        if drop {
            self.expire_sid(cx);
        }
    }

    /// Expires the session cookie in every scope. Where the browser's own may be one that nobody has asked about, it
    /// stays: without the others the next request is about that one.
    pub(crate) fn expire_sid(&self, cx: &mut Context) {
        let lines = if cx.crowded {
            self.cookie.expire_twins(cx.authority.host(), &cx.path)
        } else {
            self.cookie.expire(cx.authority.host(), Some(&cx.path))
        };
        cx.set_cookies.extend(lines);
    }

    /// Sets the session cookie; with `twins` the others of its name are expired.
    pub(crate) fn set_sid(&self, cx: &mut Context, sid: &SessionId, expires: Option<Timestamp>, twins: bool) {
        if twins {
            let lines = self.cookie.expire_twins(cx.authority.host(), &cx.path);
            cx.set_cookies.extend(lines);
        }
        cx.set_cookies.extend(self.cookie.set(sid, cx.authority.host(), expires));
    }

    /// Makes a new session the browser's own, in the place of whatever it came with: those sids end, and of their
    /// cookies only the new one is left. The answer must not be kept by a cache; whoever makes it sees to that.
    pub(crate) fn adopt(&self, cx: &mut Context, sid: &SessionId, session: &Session, came: &SidCookies) {
        for other in came.iter().filter(|other| other != sid) {
            self.sessions.replace(other, cx.caller());
        }
        cx.facts.fingerprint = Some(session.fingerprint);
        self.set_sid(cx, sid, session.expires_at, came.sent > 1);
    }

    /// Goes on with a request as if this sid had come with it, and nothing else of its name.
    pub(crate) fn assume_sid(&self, headers: &mut HeaderMap, sid: &SessionId) {
        self.cookie.replace(headers, sid);
    }

    /// The sids that a request comes with: its cookies', or with `by_header` that of `Authorization: Session`.
    ///
    /// Where that header is, the cookies are not looked at, not even if what stands in it is no sid: browsers do not send
    /// it by themselves, so it says what the client means, while a cookie may be there without anybody meaning it.
    ///
    /// # Errors
    /// Several such headers.
    pub(crate) fn credentials(
        &self,
        cx: &mut Context,
        headers: &HeaderMap,
        by_header: bool,
    ) -> Result<SidCookies, Rejection> {
        if !by_header {
            return Ok(self.cookie.read(headers));
        }
        let sids = match identity::presented(headers) {
            Presented::Nothing => return Ok(self.cookie.read(headers)),
            Presented::Several => return Err(Rejection::several_credentials()),
            Presented::Malformed => SidCookies::default(),
            Presented::Sid(sid) => SidCookies::of(sid),
        };
        cx.by_header = true;
        Ok(sids)
    }

    /// The session cookie's name.
    pub(crate) fn sid_name(&self) -> &str {
        self.cookie.name()
    }

    /// The sids of a request.
    pub(crate) fn sids(&self, headers: &HeaderMap) -> SidCookies {
        self.cookie.read(headers)
    }
}
