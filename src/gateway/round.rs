//! The net below everything else that ends loops: a browser that is sent round in circles, by whomever and for whatever
//! reason, gets a page that says so.
//!
//! `decide` and `disagreement` end the loops whose cause they know, in a step or two. Here only redirects are counted, in
//! a signed cookie that lives for a few seconds. Where the same one comes too often the browser is redirected no more: what
//! `fix-session` does is done for it, and it is told what happened and where it can go on.
//!
//! The status is 508 (RFC 5842 section 7.2). Not 200: no router, monitor or cache may take it for the page. Not 409: the
//! browser did what it was told, so that it stands among the server's failures, where somebody looks.

mod trail;

use std::sync::Arc;
use std::time::Duration;

use http::header::LOCATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use url::Url;

use super::{Gateway, address};
use crate::audit::{Event, Kind};
use crate::body::Body;
use crate::config::{self, Rate, Secret};
use crate::context::{Context, LoopCause};
use crate::cookie::RedirectsCookie;
use crate::decision::Wants;
use crate::endpoint::{self, Truth};
use crate::limit::{Limiter, client_prefix};
use crate::path;
use crate::rejection::{Rejection, WentRound};
use crate::route::{Access, Route};
use crate::upstream::keep_private;
use trail::{Leads, Step, Trail};

const RSC: HeaderName = HeaderName::from_static("rsc");
/// A fetch ahead of a click, many of which come at once: where it ends nobody sees.
const PREFETCH: HeaderName = HeaderName::from_static("next-router-prefetch");
/// How often a warning is said again while its cause stays.
const AGAIN: Rate = Rate { count: 1, per: Duration::from_secs(600) };

/// What counts redirects.
#[derive(Debug)]
pub(super) struct Rounds {
    cookie: RedirectsCookie,
    max: u8,
    window: u32,
    /// Which warnings were said lately: per route and cause.
    warned: Limiter<(Arc<str>, LoopCause)>,
}

/// A request whose redirect would count, before its headers are gone: those of a browser that was redirected a moment
/// ago, which are few.
pub(super) struct Counted(Option<HeaderMap>);

/// Who made a redirect: the application, or the gateway for this reason.
pub(super) type By = Option<&'static str>;

impl Rounds {
    pub(super) fn new(config: &config::RedirectLoop, key: Option<&Secret>) -> Option<Self> {
        config.enabled.then(|| Self {
            cookie: RedirectsCookie::new(key, config.window),
            max: config.max,
            window: u32::try_from(config.window.as_secs()).unwrap_or(u32::MAX).max(1),
            warned: Limiter::new(AGAIN),
        })
    }
}

impl Gateway {
    /// Looks at a request before it is forwarded. Documents count, and what the router of Next.js fetches, which follows
    /// redirects by itself; other fetches are a script's affair.
    pub(super) fn counted(&self, cx: &Context, headers: &HeaderMap) -> Option<Counted> {
        self.rounds.as_ref()?;
        let counts = cx.wants == Wants::Page || headers.contains_key(RSC) && !headers.contains_key(PREFETCH);
        if cx.by_header || !counts {
            return None;
        }
        Some(Counted(RedirectsCookie::is_in(headers, cx.scheme).then(|| headers.clone())))
    }

    /// Counts an answer if it is a redirect.
    ///
    /// # Errors
    /// The browser goes round.
    pub(super) async fn count_redirect(
        &self,
        cx: &mut Context,
        route: &Route,
        counted: Option<Counted>,
        (by, mut answer): (By, Response<Body>),
    ) -> Result<Response<Body>, Rejection> {
        let (Some(rounds), Some(Counted(headers))) = (&self.rounds, counted) else { return Ok(answer) };
        if !follows(cx, &answer) || cx.facts.sign_in.is_some() {
            return Ok(answer);
        }
        let Some(target) = self.target(cx, &answer) else { return Ok(answer) };
        let now = u32::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let headers = headers.unwrap_or_default();
        let known = rounds.cookie.read(&headers, cx.scheme).and_then(|bytes| Trail::decode(&bytes, now));
        if known.is_none() && !may_begin(route, by, target.leads) {
            return Ok(answer);
        }
        let mut trail = known.unwrap_or_default();
        let asked = cx.query.as_ref().map_or(cx.path.clone(), |query| format!("{}?{query}", cx.path));
        let step = Step {
            from: (&cx.path, &asked),
            to: (&target.path, &target.whole),
            leaves: target.leaves,
            ours: by.is_some(),
            leads: target.leads,
            document: cx.wants == Wants::Page,
        };
        let cause = trail.step(&step, now, rounds.window, rounds.max);
        let Some(cause) = cause else {
            cx.set_cookies.push(rounds.cookie.set(&trail.encode(), cx.scheme));
            keep_private(answer.headers_mut());
            return Ok(answer);
        };
        cx.facts.redirect_loop = Some(cause);
        cx.facts.reason = Some("redirect_loop");
        if rounds.warned.check((route.pattern.clone(), cause)).is_ok() {
            warn(cx, route, cause, (by, &target.path));
        }
        let went = WentRound { cause, by, from: cx.path.clone(), to: target.path.clone(), times: trail.times() };
        if cx.wants == Wants::Api {
            // The router loads the document next. That one is told at once, and its cookies are put in order.
            cx.set_cookies.push(rounds.cookie.set(&trail.encode(), cx.scheme));
            return Err(Rejection::went_round(went, Vec::new(), ("page", asked)));
        }
        Err(self.end_round(cx, went, &headers).await)
    }

    /// Puts the browser's cookies in order by the backend's word, and says where to go on.
    async fn end_round(&self, cx: &mut Context, went: WentRound, headers: &HeaderMap) -> Rejection {
        cx.set_cookies.push(RedirectsCookie::expire(cx.scheme));
        let again = address::asked(cx).unwrap_or_else(|| "/".into());
        let limited = self.limits.fix_client.check(client_prefix(cx.client)).is_err();
        if limited || self.may_be_audited().is_err() {
            return Rejection::went_round(went, vec![NOTHING_DONE.into()], ("page", again));
        }
        let fixed = endpoint::fix(self, cx, headers).await;
        cx.facts.reason = Some("redirect_loop");
        let Ok((truth, cleared)) = fixed else {
            return Rejection::went_round(went, vec![NOT_ASKED.into()], ("page", again));
        };
        let event = Event::new(Kind::FixSession).reason("redirect_loop");
        cx.audited.push(match &truth {
            Truth::Live(_, found) => event.of(&found.session).outcome("kept"),
            Truth::None(_) => event.outcome("none"),
        });
        let mut done = Vec::new();
        let go_to = match &truth {
            Truth::Live(_, found) => {
                done.push("The session service was asked anew: you are signed in, and stay so.".to_owned());
                if found.session.needs_onboarding() {
                    ("onboarding", self.pages.onboarding(&found.session))
                } else {
                    ("page", self.after_sign_in(cx, &found.session, self.worth_another_try(cx, &again)))
                }
            }
            Truth::None(reason) => {
                done.push("The session service was asked anew: you are not signed in.".to_owned());
                ("signIn", self.pages.sign_in(self.worth_another_try(cx, &again), Some(*reason)))
            }
        };
        if !cleared.is_empty() {
            done.push(format!("These cookies of this site were put in order: {}.", cleared.join(", ")));
        }
        Rejection::went_round(went, done, go_to)
    }

    /// The page that was asked for, unless people are only ever sent there.
    fn worth_another_try<'a>(&self, cx: &Context, asked: &'a str) -> Option<&'a str> {
        let detour = cx.path == self.pages.sign_in_path() || self.pages.is_onboarding(&cx.path);
        (!detour).then_some(asked)
    }

    /// Where a redirect leads, as a browser reads it.
    fn target(&self, cx: &Context, answer: &Response<Body>) -> Option<Target> {
        let location = answer.headers().get(LOCATION)?.to_str().ok()?;
        let base = Url::parse(&format!("{}{}", cx.origin(), cx.path)).ok()?;
        let url = base.join(location).ok()?;
        let host = url.host_str().unwrap_or_default();
        // By either of our names: behind a balancer the application may know only the public one.
        let leaves = host != cx.authority.host() && host != self.origin(cx).host();
        if leaves {
            let address = format!("{host}{}", url.path());
            return Some(Target { path: address.clone(), whole: address, leaves, leads: Leads::Elsewhere });
        }
        let path = path::canonical(url.path(), &self.paths).map_or_else(|_| url.path().to_owned(), |p| p.into_owned());
        let leads = match path.trim_end_matches('/') == self.pages.sign_in_path().trim_end_matches('/') {
            true => Leads::SignIn,
            false if self.pages.is_onboarding(&path) => Leads::Onboarding,
            false => Leads::Elsewhere,
        };
        let whole = url.query().map_or(path.clone(), |query| format!("{path}?{query}"));
        Some(Target { path, whole, leaves, leads })
    }
}

const NOTHING_DONE: &str = "Nothing was changed. Wait a little and try again.";
const NOT_ASKED: &str = "The session service does not answer right now, so nothing was changed. Your session is kept.";

struct Target {
    path: String,
    whole: String,
    leaves: bool,
    leads: Leads,
}

/// Whether a browser follows it by itself, with the same request again: a form's answer leads on to another one.
fn follows(cx: &Context, answer: &Response<Body>) -> bool {
    let kept = matches!(answer.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let moved = matches!(answer.status(), StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER);
    answer.headers().get(LOCATION).is_some_and(|to: &HeaderValue| !to.is_empty())
        && (kept || moved && matches!(cx.method, Method::GET | Method::HEAD))
}

/// Whether a redirect sets the cookie where there is none yet. What is public may be kept by a cache, which a cookie would
/// forbid. Ours to sign-in and onboarding are the most frequent of all; no way round consists of them alone, so that it
/// is known at the next one.
fn may_begin(route: &Route, by: By, leads: Leads) -> bool {
    match by {
        None => route.access != Access::Public,
        Some(_) => route.access == Access::Guest || leads == Leads::Elsewhere,
    }
}

fn warn(cx: &Context, route: &Route, cause: LoopCause, (by, to): (By, &str)) {
    let look = match cause {
        LoopCause::ApplicationToSignIn | LoopCause::ApplicationToOnboarding | LoopCause::ApplicationOther => {
            "the application sends a browser round in circles; does it go by a cookie that is left over, or by two that contradict each other?"
        }
        LoopCause::GatewayToSignIn | LoopCause::GatewayToOnboarding | LoopCause::GatewayOther => {
            "the gateway sends a browser round in circles; does the session backend change its mind, or do the pages of [pages] need more than they lead to?"
        }
        LoopCause::Mixed => {
            "the application and the gateway send a browser to and fro; what does the application go by instead of the session? (X-Auth-*, forward_sid of the route)"
        }
    };
    tracing::warn!(
        request_id = %cx.id, route = %route.pattern, from = %cx.path, to, by = by.unwrap_or("the application"),
        cause = cause.as_str(), again_in_s = AGAIN.per.as_secs(), "{look}"
    );
}
