//! Acting on a decision: forward, or say where to go instead.

use http::header::{COOKIE, LOCATION};
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;

use super::read::PageOf;
use super::{Gateway, address};
use crate::body::Body;
use crate::context::Context;
use crate::cookie::{Marker, SidCookies};
use crate::decision::{self, Destination, Mark, Permit, Refusal, Sent};
use crate::endpoint;
use crate::path;
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
        let rules = Rules { cookie: &self.cookie, route, sid: resolved.sid.as_ref() };
        let Some(target) = self.upstreams.get(route.upstream) else { return Err(Rejection::not_found()) };
        // Those of a public route too, on which nobody has asked whose they are.
        let came = if route.may_set_session { self.sids(request.headers()) } else { SidCookies::default() };
        let (mut answer, answered) = target.forward(permit, cx, rules, request).await?;
        if let (true, Some(sid)) = (answered.session_changed, &resolved.sid) {
            self.sessions.changed(sid);
        }
        if let Some(handed) = answered.handed_over
            && self.take_over(cx, route, handed, &came, &mut answer).await?
        {
            return Ok(answer);
        }
        if permit.who().is_some() {
            upstream::keep_private(answer.headers_mut());
        }
        let mark = self.note_disagreement(cx, (route, permit), &answer);
        if let (Some(Mark::SentOn), Some(_), Some(sid)) = (mark, permit.who(), &resolved.sid) {
            // From onboarding: as a rule it has just been finished.
            self.sessions.changed(sid);
        }
        if !cx.set_cookies.is_empty() {
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

    /// The application redirects against what the session says: it does not see what we see. That is said aloud once,
    /// and for ten seconds neither a guest page nor one that needs a session answers with a redirect back.
    fn note_disagreement(
        &self,
        cx: &mut Context,
        (route, permit): (&Route, &Permit),
        answer: &Response<Body>,
    ) -> Option<Mark> {
        if !answer.status().is_redirection() {
            return None;
        }
        let location = answer.headers().get(LOCATION)?.to_str().ok()?;
        // By either of our names: behind a balancer it may know only the public one.
        let ours = [cx.origin(), self.origin(cx)].map(|origin| origin.to_string());
        let own = ours.iter().find_map(|origin| location.strip_prefix(origin)).unwrap_or(location);
        let path = own.split(['?', '#']).next().unwrap_or_default();
        if path.trim_end_matches('/') == cx.path.trim_end_matches('/') {
            // Another spelling of the page that they are on: so Next.js corrects `_rsc`, or the slash at the end.
            return None;
        }
        let target = path::canonical(path, &self.paths).ok();
        let target = target.and_then(|path| self.routes.find(cx.authority.host(), &path, &Method::GET).ok());
        let is_sign_in = |path: &str| path.trim_end_matches('/') == self.pages.sign_in_path().trim_end_matches('/');
        let mark = decision::disagreement(&Sent {
            permit,
            from_sign_in: route.access == Access::Guest || is_sign_in(&cx.path),
            from_onboarding: self.pages.is_onboarding(&cx.path),
            to_sign_in: is_sign_in(path),
            to_onboarding: self.pages.is_onboarding(path),
            to: target.map(|r| r.access),
        });
        match mark {
            Some(Mark::Disagreed) => {
                cx.facts.upstream_disagreed = true;
                warn_of_disagreement(cx, path, permit, self.pages.is_onboarding(path));
                cx.set_cookies.push(Marker::Disagreed.set(cx.scheme));
            }
            Some(Mark::SentOn) => cx.set_cookies.push(Marker::SentOn.set(cx.scheme)),
            None => {}
        }
        mark
    }

    pub(super) fn refusal(
        &self,
        cx: &mut Context,
        (refusal, reason): (Refusal, decision::Reason),
        (route, page): (&Route, Option<&PageOf<'_>>),
        resolved: &Resolved,
        headers: &HeaderMap,
    ) -> Rejection {
        if reason == decision::Reason::UpstreamDisagrees {
            // Said already, where the redirect came straight from the sign-in page.
            cx.facts.upstream_disagreed = !Marker::Disagreed.is_in(headers, cx.scheme);
            cx.set_cookies.push(Marker::Disagreed.set(cx.scheme));
            if refusal == Refusal::OnboardingNeeded {
                tracing::warn!(
                    request_id = %cx.id, to = %cx.path,
                    "the application sends a user on from onboarding whom the session backend still asks for it; does it \
                     go by a state of its own?"
                );
            }
        }
        let go_to = match refusal {
            Refusal::Unauthenticated => Some(("signIn", Destination::SignIn)),
            Refusal::OnboardingNeeded => Some(("onboarding", Destination::Onboarding)),
            Refusal::OtherTenant { .. } | Refusal::OtherTenantHost { .. } => Some(("home", Destination::Home)),
            Refusal::Reload => {
                cx.set_cookies.push(Marker::Reloaded.set(cx.scheme));
                None
            }
            Refusal::Throttled | Refusal::BackendUnavailable => None,
        };
        // The page's own rule was asked first.
        let ruled = [page.map(|(path, of_page)| (*of_page, path.as_str())), Some((route, cx.path.as_str()))];
        let rule = ruled.into_iter().flatten().find_map(|(route, path)| Some((route.tenant?, path)));
        let go_to = go_to.map(|(key, to)| match (refusal, rule, &resolved.lookup) {
            (Refusal::OtherTenantHost { .. }, Some((rule, _)), Lookup::Found(found)) => {
                (key, self.home_elsewhere(cx, rule, &found.session))
            }
            _ => (key, self.address(cx, to, Some(reason), resolved)),
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

fn warn_of_disagreement(cx: &Context, to: &str, permit: &Permit, to_onboarding: bool) {
    let what = if permit.who().is_some() && to_onboarding {
        "the application sends a user to onboarding for whom the session backend says that it is complete; does it go by a cookie of its own that is left over?"
    } else if permit.who().is_some() {
        "the application redirects a user whom the session backend would let pass; does it look for a cookie it no longer sees? (forward_sid of the route, [session] cookie)"
    } else {
        "the application sends a visitor without a session from sign-in to a page that needs one; does it go by a cookie that is left over? (session_cookies of the upstream)"
    };
    tracing::warn!(request_id = %cx.id, from = %cx.path, to, "{what}");
}
