//! The first visit: a request with legacy cookies and no sid goes on with a session.

use http::header::ORIGIN;
use http::{HeaderMap, HeaderName};

use super::super::Gateway;
use super::ask::Asked;
use super::{Carried, Legacy, Step};
use crate::context::Context;
use crate::cookie::{NameSet, SidCookies};
use crate::endpoint;
use crate::legacy::Monitor;
use crate::session::{Ending, Found, Freshness, Lookup, RefusalCode, Resolved};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

impl Gateway {
    /// On a route that asks for nobody: legacy cookies are hidden where they are being cleared, and nothing else.
    pub(in crate::gateway) fn pass_legacy(&self, cx: &mut Context, headers: &HeaderMap) {
        if let Some(legacy) = &self.legacy {
            let carried = legacy.carried(headers);
            legacy.look(cx, carried.as_ref());
        }
    }

    /// Names that the upstream neither sees nor sets in this request.
    pub(in crate::gateway) fn cleared(&self, cx: &Context) -> Option<&NameSet> {
        self.legacy.as_ref().filter(|_| cx.clears_legacy).map(|legacy| legacy.names.cleared())
    }

    /// Takes in what the request brings of legacy cookies: where no sid came, they may become the session; where one
    /// lives, they go. A sid that was refused is not healed by them.
    pub(in crate::gateway) async fn visit(
        &self,
        cx: &mut Context,
        headers: &HeaderMap,
        sids: &SidCookies,
        resolved: Resolved,
    ) -> Resolved {
        let Some(legacy) = self.legacy.as_ref().filter(|_| !cx.by_header) else { return resolved };
        if let Lookup::Found(found) = &resolved.lookup {
            legacy.monitor.came(cx, &found.session);
        }
        let carried = legacy.carried(headers);
        if matches!(resolved.lookup, Lookup::Absent)
            && let Some(carried) = &carried
        {
            // Decoded anyway, so that it is known whether they are of any use.
            carried.claims(legacy);
        }
        let step = legacy.look(cx, carried.as_ref());
        let Some(carried) = carried else { return resolved };
        match (&resolved.lookup, step) {
            (Lookup::Absent, Step::Observe) => legacy.monitor.forecast(cx, carried.claims(legacy)),
            (Lookup::Absent, Step::Dual | Step::Enforce) if self.would_bear_sid(cx, headers) => {
                return self.first_visit(cx, (legacy, step), &carried, (headers, sids)).await;
            }
            // Beside a live sid they have nothing to say.
            (Lookup::Absent, Step::Clear) | (Lookup::Found(_), Step::Enforce | Step::Clear) => {
                self.expire_legacy(cx, headers);
            }
            _ => {}
        }
        resolved
    }

    async fn first_visit(
        &self,
        cx: &mut Context,
        (legacy, step): (&Legacy, Step),
        carried: &Carried<'_>,
        (headers, sids): (&HeaderMap, &SidCookies),
    ) -> Resolved {
        let ending = if step.clears() { Ending::End } else { Ending::Keep };
        let asked = self.ask(cx, legacy, carried, ending).await;
        if step.clears() && asked.settles(self.sessions.judges_proofs()) {
            self.expire_legacy(cx, headers);
        }
        if let Asked::Session(sid, session) = &asked {
            // What came under its name and was no sid would come along beside it.
            self.set_sid(cx, sid, session.expires_at, sids.sent > 0);
        }
        asked.into()
    }

    /// What the legacy cookies are worth, for somebody who asks for just that; none where they are left alone. The answer
    /// does not carry the sid yet.
    pub(crate) async fn claim_legacy(&self, cx: &mut Context, headers: &HeaderMap) -> Option<Resolved> {
        let legacy = self.legacy.as_ref().filter(|_| !cx.by_header)?;
        let carried = legacy.carried(headers)?;
        if !matches!(legacy.look(cx, Some(&carried)), Step::Dual | Step::Enforce) || !self.would_bear_sid(cx, headers) {
            return None;
        }
        // The old session has no cookie any more after this.
        Some(self.ask(cx, legacy, &carried, Ending::End).await.into())
    }

    /// Expires the legacy cookies that came, also where they would stay otherwise, but not where they are only watched.
    /// Their names.
    pub(crate) fn end_legacy(&self, cx: &mut Context, headers: &HeaderMap) -> Vec<String> {
        self.end_legacy_at(cx, headers, Legacy::step)
    }

    /// The same at a sign-out, which no cookie is to undo: also while the migration has stopped by itself, and goes on
    /// some time later.
    pub(crate) fn sign_out_legacy(&self, cx: &mut Context, headers: &HeaderMap) {
        self.end_legacy_at(cx, headers, Legacy::planned);
    }

    fn end_legacy_at(
        &self,
        cx: &mut Context,
        headers: &HeaderMap,
        step: impl FnOnce(&Legacy, &Carried<'_>) -> Step,
    ) -> Vec<String> {
        let step = self.legacy.as_ref().and_then(|legacy| Some(step(legacy, &legacy.carried(headers)?)));
        match step {
            Some(Step::Dual | Step::Enforce | Step::Clear) => self.expire_legacy(cx, headers),
            Some(Step::Nothing | Step::Observe) | None => Vec::new(),
        }
    }

    /// Whether the browser would send a sid along with such a request, and take one from its answer: what is
    /// `SameSite=Lax` (RFC 6265bis section 5.7). A page of another site that asks for a part of itself would use the proof
    /// up, which makes a session only once; and a form on it must not be worth more by an old cookie, which often is
    /// `SameSite=None`, than by the sid.
    ///
    /// Where a browser does not say whose page asks (before 2023, and over http), another origin is another site.
    fn would_bear_sid(&self, cx: &Context, headers: &HeaderMap) -> bool {
        let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|v| v.as_bytes() == value.as_bytes());
        if !headers.contains_key(SEC_FETCH_SITE) {
            let own = self.origin(cx);
            return headers.get_all(ORIGIN).iter().all(|origin| endpoint::is_own_origin(origin, &own));
        }
        let link = cx.safe_method() && is(&SEC_FETCH_MODE, "navigate") && is(&SEC_FETCH_DEST, "document");
        link || !is(&SEC_FETCH_SITE, "cross-site")
    }

    /// What watches over the migration.
    pub(crate) fn legacy_monitor(&self) -> Option<&Monitor> {
        self.legacy.as_ref().map(|legacy| &legacy.monitor)
    }
}

impl Legacy {
    /// How far the migration goes for this request, noted for what comes after it.
    fn look(&self, cx: &mut Context, carried: Option<&Carried<'_>>) -> Step {
        let Some(carried) = carried else {
            cx.clears_legacy = self.clears_everybodys();
            return Step::Nothing;
        };
        let step = self.step(carried);
        cx.clears_legacy = step.clears();
        self.monitor.carrying(cx, carried.browser(self), carried.usable());
        step
    }
}

impl Asked {
    /// Whether the legacy cookies have had their say, and may go. Not while the backend may still take them, and not
    /// where its refusals may be an outage: what cannot be decoded looks the same then, too.
    fn settles(&self, judged: bool) -> bool {
        match self {
            Self::Session(..) | Self::Conflict => true,
            Self::Nothing => judged,
            Self::Limited(_) | Self::Unavailable(_) => false,
        }
    }
}

impl From<Asked> for Resolved {
    fn from(asked: Asked) -> Self {
        let (lookup, sid) = match asked {
            Asked::Session(sid, session) => (Lookup::Found(Found { session, freshness: Freshness::Miss }), Some(sid)),
            Asked::Conflict => (Lookup::Refused(RefusalCode::LegacyConflict), None),
            Asked::Nothing => (Lookup::Absent, None),
            Asked::Limited(retry_after) => (Lookup::Throttled { retry_after }, None),
            Asked::Unavailable(why) => (Lookup::Unavailable(why), None),
        };
        Self::of(lookup, sid)
    }
}
