//! Whose request it is, and what becomes of it.

use std::time::{Duration, Instant};

use http::HeaderMap;
use jiff::Timestamp;

use super::Gateway;
use super::read::PageOf;
use crate::audit::{Event, Kind};
use crate::context::Context;
use crate::cookie::{Marker, SidCookies};
use crate::decision::{self, Decision, Reason, Situation, Wants};
use crate::pages::Pages;
use crate::rejection::Rejection;
use crate::route::{Access, Route};
use crate::session::{Found, Freshness, Lookup, RefusalCode, Resolved};

impl Gateway {
    /// The session, unless nobody asks for it.
    pub(super) async fn session(
        &self,
        cx: &mut Context,
        route: &Route,
        page: Option<&PageOf<'_>>,
        headers: &HeaderMap,
    ) -> Result<Resolved, Rejection> {
        let public = route.access == Access::Public && page.is_none_or(|(_, r)| r.access == Access::Public);
        if public {
            self.pass_legacy(cx, headers);
            return Ok(Resolved::of(Lookup::Absent, None));
        }
        let by_header = route.accept_session_header && page.is_none_or(|(_, r)| r.accept_session_header);
        self.resolve_presented(cx, headers, by_header).await
    }

    /// Asks whose request it is by its cookies, and notes what came of it.
    pub(crate) async fn resolve(&self, cx: &mut Context, headers: &HeaderMap) -> Resolved {
        let cookies = self.sids(headers);
        self.resolve_sids(cx, headers, &cookies).await
    }

    /// The same, where it may say so in a header with `by_header`.
    ///
    /// # Errors
    /// It says so twice.
    pub(crate) async fn resolve_presented(
        &self,
        cx: &mut Context,
        headers: &HeaderMap,
        by_header: bool,
    ) -> Result<Resolved, Rejection> {
        let sids = self.credentials(cx, headers, by_header)?;
        Ok(self.resolve_sids(cx, headers, &sids).await)
    }

    async fn resolve_sids(&self, cx: &mut Context, headers: &HeaderMap, sids: &SidCookies) -> Resolved {
        let started = Instant::now();
        let mut resolved = self.sessions.resolve(sids, &|| cx.caller()).await;
        if self.legacy.is_some() {
            // Boxed: a first visit is rare, and every request would carry its room.
            resolved = Box::pin(self.visit(cx, headers, sids, resolved)).await;
        }
        if sids.sent > 0 || resolved.sid.is_some() {
            cx.facts.session_us = u64::try_from(started.elapsed().as_micros()).ok();
        }
        note(cx, &resolved);
        resolved
    }

    pub(super) async fn decide(
        &self,
        cx: &mut Context,
        route: &Route,
        page: Option<&PageOf<'_>>,
        resolved: &mut Resolved,
        headers: &HeaderMap,
    ) -> Decision {
        let mut decision = self.decide_both(cx, route, page, &resolved.lookup, headers);
        // The cache may hold "onboarding needed" a moment longer than it is true; nobody is sent there on its word.
        let from_cache = matches!(&resolved.lookup, Lookup::Found(Found { freshness: Freshness::Hit(_), .. }));
        if let (true, true, Some(sid)) = (decision.rests_on_onboarding(), from_cache, &resolved.sid) {
            resolved.lookup = self.sessions.recheck(sid, &|| cx.caller()).await;
            note(cx, resolved);
            decision = self.decide_both(cx, route, page, &resolved.lookup, headers);
        }
        let told = matches!(decision.reason(), Reason::OtherTenant | Reason::FreshSignInRequired);
        if let (true, true, Lookup::Found(found)) = (told, self.audit().is_on(), &resolved.lookup)
            && self.limits.told_user.check(found.session.user.id.clone()).is_ok()
        {
            audit(cx, decision.reason(), (route, page), &resolved.lookup);
        }
        cx.facts.decision = Some(decision.as_str());
        cx.facts.reason = Some(decision.reason().as_str());
        decision
    }

    /// The page's own rule first, then that of the path as it stands: the first that does not let it pass decides.
    /// Where both do, the upstream is told of the user whom the page's rule let in: the page is what it makes, and
    /// `/_next/...` is mostly public.
    fn decide_both(
        &self,
        cx: &Context,
        route: &Route,
        page: Option<&PageOf<'_>>,
        lookup: &Lookup,
        headers: &HeaderMap,
    ) -> Decision {
        let Some((path, of_page)) = page else { return decide_one(cx, route, &cx.path, lookup, headers) };
        let first = decide_one(cx, of_page, path, lookup, headers);
        if !matches!(first, Decision::Forward(_)) || std::ptr::eq(route, *of_page) {
            return first;
        }
        match (decide_one(cx, route, &cx.path, lookup, headers), first) {
            (Decision::Forward(permit), first) if permit.who().is_none() => first,
            (second, _) => second,
        }
    }
}

/// Another tenant's address, and which; or a page that asks for a fresh sign-in. The page's own rule was asked first.
fn audit(cx: &mut Context, reason: Reason, (route, page): (&Route, Option<&PageOf<'_>>), lookup: &Lookup) {
    let Lookup::Found(found) = lookup else { return };
    if reason == Reason::FreshSignInRequired {
        return cx.audited.push(Event::new(Kind::FreshSignIn).of(&found.session).outcome("asked"));
    }
    let ruled = [page.map(|(path, of_page)| (*of_page, path.as_str())), Some((route, cx.path.as_str()))];
    let named = ruled.into_iter().flatten().find_map(|(route, path)| {
        let named = route.tenant?.named(cx.authority.host(), path);
        Some(named.into_owned())
    });
    let event = Event::new(Kind::TenantRefused).of(&found.session).reason(reason.as_str());
    cx.audited.push(event.other_tenant(&named.unwrap_or_default()));
}

fn decide_one(cx: &Context, route: &Route, path: &str, lookup: &Lookup, headers: &HeaderMap) -> Decision {
    let overdue = route.max_auth_age.filter(|age| is_overdue(lookup, *age));
    let named = route.tenant.map(|rule| (rule, rule.named(cx.authority.host(), path)));
    decision::decide(&Situation {
        access: route.access,
        tenant: named.as_ref().map(|(rule, name)| (*rule, &**name)),
        stale_allowed: route.stale_if_error,
        lookup,
        wants: cx.wants,
        safe_method: cx.safe_method(),
        sign_in_overdue: overdue,
        signs_in_again: route.access == Access::Guest && Pages::signs_in_again(cx.query.as_deref()),
        upstream_disagreed: disagreed(cx, route, (lookup, overdue.is_some()), headers),
        reloaded: matches!(lookup, Lookup::Refused(_)) && Marker::Reloaded.is_in(headers, cx.scheme),
    })
}

/// Whether the sign-in of a session is older than this.
fn is_overdue(lookup: &Lookup, age: Duration) -> bool {
    matches!(lookup, Lookup::Found(found) if found.session.sign_in_is_older_than(age, Timestamp::now()))
}

/// Whether the browser bears the mark that matters here.
fn disagreed(cx: &Context, route: &Route, (lookup, overdue): (&Lookup, bool), headers: &HeaderMap) -> bool {
    match route.access {
        Access::Public => false,
        Access::Guest => Marker::Disagreed.is_in(headers, cx.scheme),
        Access::Optional | Access::SignedIn | Access::Onboarded => {
            cx.wants == Wants::Page
                && (overdue || matters(lookup))
                && (Marker::Disagreed.is_in(headers, cx.scheme) || Marker::SentOn.is_in(headers, cx.scheme))
        }
    }
}

/// Whether the answer may be a redirect to sign-in or onboarding: only then is it worth a look at the cookies.
fn matters(lookup: &Lookup) -> bool {
    match lookup {
        Lookup::Absent | Lookup::Refused(_) => true,
        Lookup::Found(found) => found.session.needs_onboarding() || found.session.tenant.is_none(),
        Lookup::Unavailable(_) | Lookup::Throttled { .. } => false,
    }
}

fn note(cx: &mut Context, resolved: &Resolved) {
    cx.crowded = matches!(resolved.lookup, Lookup::Refused(RefusalCode::Crowded));
    cx.facts.session = Some(match &resolved.lookup {
        Lookup::Absent => "absent",
        Lookup::Refused(_) => "refused",
        Lookup::Unavailable(_) => "unavailable",
        Lookup::Throttled { .. } => "throttled",
        Lookup::Found(found) => match found.freshness {
            Freshness::Hit(_) => "hit",
            Freshness::Miss => "miss",
            Freshness::Stale(_) => "stale",
        },
    });
    cx.facts.fingerprint = match &resolved.lookup {
        Lookup::Found(found) => Some(found.session.fingerprint),
        _ => resolved.sid.map(|sid| sid.fingerprint()),
    };
}
