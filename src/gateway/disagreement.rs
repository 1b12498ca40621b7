//! The application redirects against what the session says: it does not see what we see.
//!
//! Every such answer is counted, marked and stands in the access log. The warning, which says what to look for, is said
//! once and then rests: it is the same for everybody who comes to that route.

use std::sync::Arc;
use std::time::Duration;

use http::header::LOCATION;
use http::{HeaderMap, Method, Response};

use super::Gateway;
use crate::body::Body;
use crate::config::Rate;
use crate::context::Context;
use crate::cookie::Marker;
use crate::decision::{self, Mark, Permit, Reason, Refusal, Sent};
use crate::limit::Limiter;
use crate::pages::Pages;
use crate::path;
use crate::route::{Access, Route};

/// How often a warning is said again while its cause stays.
const AGAIN: Rate = Rate { count: 1, per: Duration::from_secs(600) };

/// How an application contradicts the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// It sends a user to onboarding for whom that is complete.
    ToOnboarding,
    /// It sends a user to sign-in.
    ToSignIn,
    /// It sends a user away from sign-in who is there to sign in again.
    FromSigningInAgain,
    /// It sends a visitor from sign-in to a page that needs a session.
    FromSignIn,
    /// It sends a user on from onboarding for whom that is due.
    FromOnboarding,
}

/// Which warnings were said lately: per route and kind.
#[derive(Debug)]
pub(super) struct Warned(Limiter<(Arc<str>, Kind)>);

impl Default for Warned {
    fn default() -> Self {
        Self(Limiter::new(AGAIN))
    }
}

impl Warned {
    fn is_due(&self, pattern: &Arc<str>, kind: Kind) -> bool {
        self.0.check((pattern.clone(), kind)).is_ok()
    }

    fn say(&self, cx: &Context, route: &Route, kind: Kind, to: &str) {
        if !self.is_due(&route.pattern, kind) {
            return;
        }
        let what = match kind {
            Kind::ToOnboarding => {
                "the application sends a user to onboarding for whom the session backend says that it is complete; does it go by a cookie of its own that is left over?"
            }
            Kind::ToSignIn => {
                "the application redirects a user whom the session backend would let pass; does it look for a cookie it no longer sees? (forward_sid of the route, [session] cookie)"
            }
            Kind::FromSigningInAgain => {
                "the application sends a user away from sign-in who has to sign in again; its sign-in page must show the form when its address says reason=fresh_sign_in_required"
            }
            Kind::FromSignIn => {
                "the application sends a visitor without a session from sign-in to a page that needs one; does it go by a cookie that is left over? (session_cookies of the upstream)"
            }
            Kind::FromOnboarding => {
                "the application sends a user on from onboarding whom the session backend still asks for it; does it go by a state of its own?"
            }
        };
        tracing::warn!(
            request_id = %cx.id, route = %route.pattern, from = %cx.path, to, again_in_s = AGAIN.per.as_secs(), "{what}"
        );
    }
}

impl Gateway {
    /// Marks and counts it. For ten seconds neither a guest page nor one that needs a session answers with a redirect
    /// back.
    pub(super) fn note_disagreement(
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
        let from_sign_in = route.access == Access::Guest || is_sign_in(&cx.path);
        let signs_in_again = from_sign_in && Pages::signs_in_again(cx.query.as_deref());
        let mark = decision::disagreement(&Sent {
            permit,
            from_sign_in,
            signs_in_again,
            from_onboarding: self.pages.is_onboarding(&cx.path),
            to_sign_in: is_sign_in(path),
            to_onboarding: self.pages.is_onboarding(path),
            to: target.map(|r| r.access),
        });
        match mark {
            Some(Mark::Disagreed) => {
                cx.facts.upstream_disagreed = true;
                let kind = match permit.who() {
                    Some(_) if signs_in_again => Kind::FromSigningInAgain,
                    None if permit.reason() == Reason::SignInAgain => Kind::FromSigningInAgain,
                    Some(_) if self.pages.is_onboarding(path) => Kind::ToOnboarding,
                    Some(_) => Kind::ToSignIn,
                    None => Kind::FromSignIn,
                };
                self.warned.say(cx, route, kind, path);
                cx.set_cookies.push(Marker::Disagreed.set(cx.scheme));
            }
            Some(Mark::SentOn) => cx.set_cookies.push(Marker::SentOn.set(cx.scheme)),
            None => {}
        }
        mark
    }

    /// The same where a redirect of ours would have been the answer to it.
    pub(super) fn note_refused_disagreement(
        &self,
        cx: &mut Context,
        route: &Route,
        refusal: Refusal,
        headers: &HeaderMap,
    ) {
        // Counted already, where the redirect came straight from the sign-in page.
        cx.facts.upstream_disagreed = !Marker::Disagreed.is_in(headers, cx.scheme);
        cx.set_cookies.push(Marker::Disagreed.set(cx.scheme));
        if refusal == Refusal::OnboardingNeeded {
            self.warned.say(cx, route, Kind::FromOnboarding, &cx.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_warning_is_said_once_per_route_and_kind_and_again_while_its_cause_stays() {
        let warned = Warned::default();
        let (one, other): (Arc<str>, Arc<str>) = ("/dashboard".into(), "/settings".into());
        assert!(warned.is_due(&one, Kind::ToSignIn));
        for _ in 0..1000 {
            assert!(!warned.is_due(&one, Kind::ToSignIn), "the same for everybody who comes");
        }
        assert!(warned.is_due(&one, Kind::ToOnboarding) && warned.is_due(&other, Kind::ToSignIn));
        tokio::time::advance(AGAIN.per / 2).await;
        assert!(!warned.is_due(&one, Kind::ToSignIn));
        tokio::time::advance(AGAIN.per).await;
        assert!(warned.is_due(&one, Kind::ToSignIn));
        assert!(!warned.is_due(&one, Kind::ToSignIn));
    }
}
