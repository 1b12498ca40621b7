//! Acting on a decision: forward, or say where to go instead.

use http::header::COOKIE;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;

use super::read::PageOf;
use super::{Gateway, address};
use crate::body::Body;
use crate::context::Context;
use crate::cookie::{Marker, SidCookies};
use crate::decision::{Destination, Mark, Permit, Reason, Refusal};
use crate::endpoint;
use crate::rejection::Rejection;
use crate::route::{Access, Route};
use crate::session::{Lookup, Resolved};
use crate::upstream::{self, Rules};

impl Gateway {
    pub(super) async fn forward(
        &self,
        cx: &mut Context,
        route: &Route,
        permit: &Permit,
        resolved: &Resolved,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Rejection> {
        if upstream::is_websocket(&request) && !self.may_open_websocket(cx, route, request.headers()) {
            return Err(Rejection::cross_origin());
        }
        self.drop_sid(cx, permit.drop_sid());
        let proof = self.signers.get(route.upstream).and_then(Option::as_ref);
        let rules = Rules { cookie: &self.cookie, route, sid: resolved.sid.as_ref(), cleared: self.cleared(cx), proof };
        let Some(target) = self.upstreams.get(route.upstream) else { return Err(Rejection::not_found()) };
        // Those of a public route too, on which nobody has asked whose they are.
        let came =
            if route.may_set_session && !cx.by_header { self.sids(request.headers()) } else { SidCookies::default() };
        let (mut answer, answered) = target.forward(permit, cx, rules, request).await?;
        if let (true, Some(sid)) = (answered.session_changed, &resolved.sid) {
            self.sessions.changed(sid);
        }
        if let Some(handed) = answered.handed_over
            && self.take_over(cx, route, handed, &came, &mut answer).await?
        {
            // One that was made of legacy cookies in this very request: no cookie holds it.
            if let Some(other) = resolved.sid.filter(|sid| came.iter().all(|came| came != *sid)) {
                self.sessions.replace(other, cx.caller());
            }
            return Ok(answer);
        }
        if permit.who().is_some() {
            upstream::keep_private(answer.headers_mut());
        }
        self.renew_after(cx, permit, resolved, &answer).await;
        let mark = self.note_disagreement(cx, (route, permit), &answer);
        if let (Some(Mark::SentOn), Some(_), Some(sid)) = (mark, permit.who(), &resolved.sid) {
            // From onboarding: as a rule it has just been finished.
            self.sessions.changed(sid);
        }
        if cx.sets_cookies() {
            upstream::keep_private(answer.headers_mut());
        }
        Ok(answer)
    }

    /// A browser sends cookies with a WebSocket handshake from any site, and no preflight: so its Origin must be ours.
    fn may_open_websocket(&self, cx: &Context, route: &Route, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(http::header::ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (Some(origin), None) => origin,
            (Some(_), Some(_)) => return false,
            // No browser. Without the session's cookie there is nothing to abuse.
            (None, _) => return route.access == Access::Public || !headers.contains_key(COOKIE),
        };
        endpoint::is_own_origin(origin, &self.origin(cx))
            || route.allowed_origins.iter().any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    }

    pub(super) fn refusal(
        &self,
        cx: &mut Context,
        (refusal, reason): (Refusal, Reason),
        (route, page): (&Route, Option<&PageOf<'_>>),
        resolved: &Resolved,
        headers: &HeaderMap,
    ) -> Rejection {
        if reason == Reason::UpstreamDisagrees {
            self.note_refused_disagreement(cx, route, refusal, headers);
        }
        let go_to = match refusal {
            Refusal::Unauthenticated | Refusal::FreshSignIn { .. } => Some(("signIn", Destination::SignIn)),
            Refusal::OnboardingNeeded => Some(("onboarding", Destination::Onboarding)),
            Refusal::OtherTenant { .. } | Refusal::OtherTenantHost { .. } => Some(("home", Destination::Home)),
            Refusal::Reload => {
                cx.set_cookies.push(Marker::Reloaded.set(cx.scheme));
                None
            }
            Refusal::Throttled | Refusal::BackendUnavailable => None,
        };
        // Also where the application sent the browser back: without the word its sign-in page would not be shown.
        let overdue = matches!(refusal, Refusal::FreshSignIn { .. });
        let why = if overdue { Reason::FreshSignInRequired } else { reason };
        // The page's own rule was asked first.
        let ruled = [page.map(|(path, of_page)| (*of_page, path.as_str())), Some((route, cx.path.as_str()))];
        let rule = ruled.into_iter().flatten().find_map(|(route, path)| Some((route.tenant?, path)));
        let go_to = go_to.map(|(key, to)| match (refusal, rule, &resolved.lookup) {
            (Refusal::OtherTenantHost { .. }, Some((rule, _)), Lookup::Found(found)) => {
                (key, self.home_elsewhere(cx, rule, &found.session))
            }
            _ => (key, self.address(cx, to, Some(why), resolved)),
        });
        let rejection = Rejection::decided(refusal, reason, go_to);
        match (refusal, rule, &resolved.lookup) {
            (_, _, Lookup::Throttled { retry_after }) => rejection.retry_after(*retry_after),
            (
                Refusal::OtherTenant { member: true } | Refusal::OtherTenantHost { member: true },
                Some((rule, path)),
                Lookup::Found(found),
            ) => {
                let named = rule.named(cx.authority.host(), path);
                match found.session.tenants.iter().find(|tenant| rule.is(tenant, &named)) {
                    Some(tenant) => rejection.offer_switch(tenant, address::asked(cx)),
                    None => rejection,
                }
            }
            _ => rejection,
        }
    }
}
