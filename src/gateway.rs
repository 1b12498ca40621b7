//! The pipeline: every stage of a request, in the order in which they run.
//!
//! [`Gateway::handle`] always answers and always records, around `answer`, which only uses `?`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::COOKIE;
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use ipnet::IpNet;
use jiff::Timestamp;

use crate::body::Body;
use crate::config::Config;
use crate::context::{self, Authority, ConnectionInfo, Context};
use crate::cookie::{self, SidCookie, SidCookies};
use crate::decision::{self, Decision, Destination, Permit, Refusal, Situation, Wants};
use crate::endpoint::{self, Endpoint};
use crate::limit::Limiter;
use crate::pages::Pages;
use crate::path;
use crate::rejection::{self, Rejection};
use crate::respond;
use crate::route::{Access, Kind, NoRoute, Route, RouteTable, TenantMatch};
use crate::session::{Found, Freshness, Lookup, Resolved, SessionId, Sessions};
use crate::upstream::{self, Rules, Tunnels, Upstream};

/// Set for ten seconds when the upstream sends a signed-in browser to sign-in or onboarding.
pub(crate) const DISAGREED: &str = "sidgate-disagreed";
/// Set for ten seconds when a browser is asked to reload because its sid is being replaced.
const RELOADED: &str = "sidgate-reloaded";

/// Everything that requests share.
#[derive(Debug)]
pub struct Gateway {
    routes: RouteTable,
    sessions: Sessions,
    upstreams: Vec<Upstream>,
    cookie: SidCookie,
    pages: Pages,
    paths: crate::config::Paths,
    limits: Limits,
    trusted: Vec<IpNet>,
    strict_host: bool,
    max_headers: usize,
    public_origin: Option<String>,
    tunnels: Tunnels,
}

/// The page that a path is another spelling of, and its route.
type PageOf<'g> = (String, &'g Route);

/// The limits on sign-in.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Per client prefix.
    pub(crate) sign_in_client: Limiter<IpAddr>,
    /// Per e-mail address, lower case.
    pub(crate) sign_in_email: Limiter<String>,
}

impl Gateway {
    /// Builds the pipeline from a checked configuration. Needs a tokio runtime.
    ///
    /// # Errors
    /// What [`crate::check`] would have found.
    pub fn new(config: &Config) -> Result<Arc<Self>, String> {
        let routes = RouteTable::new(config)
            .map_err(|faults| faults.iter().map(|f| f.reason.clone() + "\n").collect::<String>())?;
        let tunnels = Tunnels::default();
        Ok(Arc::new(Self {
            routes,
            sessions: Sessions::new(config)?,
            upstreams: config.upstreams.iter().map(|u| Upstream::new(u, tunnels.clone())).collect(),
            cookie: SidCookie::new(&config.session),
            pages: Pages::new(&config.pages, &config.paths),
            paths: config.paths.clone(),
            limits: Limits {
                sign_in_client: Limiter::new(config.sign_in.per_client),
                sign_in_email: Limiter::new(config.sign_in.per_email),
            },
            trusted: config.server.trusted_proxies.clone(),
            strict_host: config.server.strict_host,
            max_headers: config.server.max_headers,
            public_origin: config.server.public_origin.clone(),
            tunnels,
        }))
    }

    /// What is known of a request before anything of it was looked at.
    pub fn context(&self, connection: Arc<ConnectionInfo>, request: &Request<Incoming>) -> Context {
        Context::new(connection, request.method(), request.version(), request.headers(), &self.trusted)
    }

    /// Answers a request, whatever happens.
    pub async fn handle(&self, cx: &mut Context, request: Request<Incoming>) -> Response<Body> {
        let mut answer = match self.answer(cx, request).await {
            Ok(answer) => answer,
            Err(rejection) => {
                let mut answer = rejection.answer(cx);
                endpoint::no_store(answer.headers_mut());
                answer
            }
        };
        respond::finish(cx, &mut answer);
        answer
    }

    /// The stages.
    async fn answer(&self, cx: &mut Context, request: Request<Incoming>) -> Result<Response<Body>, Rejection> {
        self.read(cx, &request)?;
        if let Some(endpoint) = Endpoint::at(&cx.path) {
            cx.facts.route = Some(endpoint.path().into());
            let answer = endpoint.answer(self, cx, request).await;
            return answer.map(|mut a| {
                endpoint::no_store(a.headers_mut());
                a
            });
        }
        let (route, page) = self.route(cx)?;
        if route.kind == Kind::Page {
            cx.wants = context::wants(request.headers(), route.kind);
        }
        let mut resolved = self.session(cx, route, page.as_ref(), request.headers()).await;
        let decision = self.decide(cx, route, page.as_ref(), &mut resolved, request.headers()).await;
        if cx.wants == Wants::Page {
            self.heal(cx, &resolved);
        }
        match decision {
            Decision::Forward(permit) => self.forward(cx, route, &permit, &resolved, request).await,
            Decision::Redirect { to, reason, drop_sid } => {
                self.drop_sid(cx, drop_sid);
                let to = self.address(cx, to, Some(reason), &resolved);
                let mut answer = rejection::redirect(cx, &to);
                endpoint::no_store(answer.headers_mut());
                Ok(answer)
            }
            Decision::Refuse { refusal, reason, drop_sid } => {
                self.drop_sid(cx, drop_sid);
                Err(self.refusal(cx, (refusal, reason), route, &resolved))
            }
        }
    }

    /// Host, certificate, header count, method and path: what can be read in one way only.
    fn read(&self, cx: &mut Context, request: &Request<Incoming>) -> Result<(), Rejection> {
        if request.headers().len() > self.max_headers {
            return Err(Rejection::too_many_headers());
        }
        cx.authority = self.authority(cx, request)?;
        // What the browser asked the proxy for. The certificate was the proxy's affair there, and ours is about Host.
        if cx.connection.trusted
            && let Some(host) = context::forwarded_authority(request.headers())
        {
            cx.authority = Arc::new(host.ok_or_else(Rejection::bad_host)?);
        }
        // A tunnel to anywhere, and an echo of what only the gateway should see.
        if matches!(cx.method, Method::CONNECT | Method::TRACE) {
            return Err(Rejection::method("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".into()));
        }
        cx.query = request.uri().query().map(str::to_owned);
        cx.path = path::canonical(request.uri().path(), &self.paths).map_err(Rejection::bad_path)?.into_owned();
        Ok(())
    }

    /// The host, and whether this connection may speak for it. Both are asked once per connection as a rule.
    fn authority(&self, cx: &Context, request: &Request<Incoming>) -> Result<Arc<Authority>, Rejection> {
        let (uri, headers) = (request.uri(), request.headers());
        if let Some(known) = cx.connection.known_host(uri, headers) {
            return Ok(known);
        }
        let authority = Arc::new(context::authority(uri, headers).ok_or_else(Rejection::bad_host)?);
        if self.strict_host && !cx.connection.covers(authority.host()) {
            return Err(Rejection::misdirected());
        }
        cx.connection.remember_host(uri, headers, &authority);
        Ok(authority)
    }

    /// The route of the path, and where the path is another spelling of a page, that page and its route: both must
    /// let the request pass.
    fn route(&self, cx: &mut Context) -> Result<(&Route, Option<PageOf<'_>>), Rejection> {
        let find = |path: &str| self.routes.find(cx.authority.host(), path, &cx.method).map(|m| m.route);
        let none = |no: NoRoute| match no {
            NoRoute::Unknown => Rejection::not_found(),
            NoRoute::Method { allow } => Rejection::method(allow),
        };
        let route = find(&cx.path).map_err(none);
        let of_image = || path::image_of(&cx.path, cx.query.as_deref(), &self.paths);
        let page = path::page_of(&cx.path, &self.paths).and_then(|page| page.map_or_else(of_image, |p| Ok(Some(p))));
        let page = match page.map_err(Rejection::bad_path)? {
            Some(page) => {
                let route = find(&page).map_err(none)?;
                Some((page, route))
            }
            None => None,
        };
        // `/_next/data/...` needs no route of its own where its page has one.
        let route = match (&route, &page) {
            (Err(_), Some((_, of_page))) => *of_page,
            _ => route?,
        };
        let shown = page.as_ref().map_or(route, |(_, r)| r);
        cx.facts.route = Some(shown.pattern.clone());
        cx.facts.access = Some(shown.access.as_str());
        Ok((route, page))
    }

    /// The session, unless nobody asks for it.
    async fn session(
        &self,
        cx: &mut Context,
        route: &Route,
        page: Option<&PageOf<'_>>,
        headers: &HeaderMap,
    ) -> Resolved {
        let public = route.access == Access::Public && page.is_none_or(|(_, r)| r.access == Access::Public);
        if public {
            return Resolved { lookup: Lookup::Absent, sid: None, heal: false };
        }
        self.resolve(cx, headers).await
    }

    /// Asks whose request it is, and notes what came of it.
    pub(crate) async fn resolve(&self, cx: &mut Context, headers: &HeaderMap) -> Resolved {
        let started = Instant::now();
        let cookies = self.cookie.read(headers);
        let resolved = self.sessions.resolve(&cookies, &|| cx.caller()).await;
        if cookies.sent > 0 {
            cx.facts.session_us = u64::try_from(started.elapsed().as_micros()).ok();
        }
        note(cx, &resolved);
        resolved
    }

    /// Where several sids came and one is live: sets that one again and expires the others. Only for navigations and
    /// our own endpoints, like every other change of the cookie: a late `fetch` must not undo a sign-in.
    pub(crate) fn heal(&self, cx: &mut Context, resolved: &Resolved) {
        if let (true, Some(sid), Lookup::Found(found)) = (resolved.heal, &resolved.sid, &resolved.lookup) {
            self.set_sid(cx, sid, found.session.expires_at, true);
        }
    }

    async fn decide(
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

    async fn forward(
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
        let rules = Rules { cookie: &self.cookie, route };
        let Some(target) = self.upstreams.get(route.upstream) else { return Err(Rejection::not_found()) };
        let (mut answer, answered) = target.forward(permit, cx, rules, request).await?;
        if let (true, Some(sid)) = (answered.session_changed, &resolved.sid) {
            self.sessions.changed(sid);
        }
        if let Some(found) = permit.who() {
            upstream::keep_private(answer.headers_mut());
            self.note_disagreement(cx, found, &answer);
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
        endpoint::is_own_origin(origin, cx, self.public_origin())
            || route.allowed_origins.iter().any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    }

    /// The application sends a signed-in user to sign-in, or an onboarded one to onboarding: it does not see what we
    /// see. That is said aloud once, and a guest page will not send the browser back for ten seconds.
    fn note_disagreement(&self, cx: &mut Context, found: &Found, answer: &Response<Body>) {
        if !answer.status().is_redirection() {
            return;
        }
        let Some(location) = answer.headers().get(http::header::LOCATION).and_then(|l| l.to_str().ok()) else { return };
        let own = location.strip_prefix(&cx.origin()).unwrap_or(location);
        let path = own.split(['?', '#']).next().unwrap_or_default();
        let to_sign_in = path.trim_end_matches('/') == self.pages.sign_in_path().trim_end_matches('/');
        let to_onboarding = self.pages.is_onboarding(path) && !found.session.needs_onboarding();
        if to_sign_in || to_onboarding {
            cx.facts.upstream_disagreed = true;
            tracing::warn!(
                request_id = %cx.id, from = %cx.path, to = path,
                "the application redirects a user whom the session backend would let pass; does it look for a cookie it no longer sees?"
            );
            cx.set_cookies.extend(cookie::marker(DISAGREED, 10));
        }
    }

    fn refusal(
        &self,
        cx: &mut Context,
        (refusal, reason): (Refusal, decision::Reason),
        route: &Route,
        resolved: &Resolved,
    ) -> Rejection {
        let go_to = match refusal {
            Refusal::Unauthenticated => Some(("signIn", Destination::SignIn)),
            Refusal::OnboardingNeeded => Some(("onboarding", Destination::Onboarding)),
            Refusal::OtherTenant | Refusal::OtherTenantHost => Some(("home", Destination::Home)),
            Refusal::Reload => {
                cx.set_cookies.extend(cookie::marker(RELOADED, 10));
                None
            }
            Refusal::Throttled | Refusal::BackendUnavailable => None,
        };
        let go_to = go_to.map(|(key, to)| {
            let address = self.address(cx, to, Some(reason), resolved);
            (key, if refusal == Refusal::OtherTenantHost { own_host(cx, route, resolved) + &address } else { address })
        });
        let rejection = Rejection::decided(refusal, reason, go_to);
        match resolved.lookup {
            Lookup::Throttled { retry_after } => rejection.retry_after(retry_after),
            _ => rejection,
        }
    }

    /// The address of a destination.
    fn address(&self, cx: &Context, to: Destination, reason: Option<decision::Reason>, resolved: &Resolved) -> String {
        match (to, &resolved.lookup) {
            (Destination::Onboarding, Lookup::Found(found)) => self.pages.onboarding(&found.session),
            (Destination::Home, Lookup::Found(found)) => self.pages.home(&found.session),
            _ => {
                // Only a page that was asked for is worth coming back to.
                let back = (cx.wants == Wants::Page && cx.safe_method()).then(|| match &cx.query {
                    Some(query) => format!("{}?{query}", cx.path),
                    None => cx.path.clone(),
                });
                self.pages.sign_in(back.as_deref(), reason)
            }
        }
    }

    fn drop_sid(&self, cx: &mut Context, drop: bool) {
        if drop {
            self.expire_sid(cx);
        }
    }

    /// Expires the session cookie in every scope.
    pub(crate) fn expire_sid(&self, cx: &mut Context) {
        let lines = self.cookie.expire(cx.authority.host(), Some(&cx.path));
        cx.set_cookies.extend(lines);
    }

    /// Sets the session cookie; with `twins` the others of its name are expired.
    pub(crate) fn set_sid(&self, cx: &mut Context, sid: &SessionId, expires: Option<Timestamp>, twins: bool) {
        if twins {
            let lines = self.cookie.expire_twins(cx.authority.host(), &cx.path);
            cx.set_cookies.extend(lines);
        }
        cx.set_cookies.extend(self.cookie.set(sid, expires));
    }

    /// The sids of a request.
    pub(crate) fn sids(&self, headers: &HeaderMap) -> SidCookies {
        self.cookie.read(headers)
    }

    /// The door to sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// WebSocket tunnels, for the drain.
    pub fn tunnels(&self) -> &Tunnels {
        &self.tunnels
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn public_origin(&self) -> Option<&str> {
        self.public_origin.as_deref()
    }
}

/// `https://acme.example.com` on a page of another tenant's host: a path would lead back to that host.
fn own_host(cx: &Context, route: &Route, resolved: &Resolved) -> String {
    let (Some(rule), Lookup::Found(found)) = (&route.tenant, &resolved.lookup) else { return String::new() };
    let tenant = found.session.tenant.as_ref().and_then(|t| match rule.by {
        TenantMatch::Id => Some(t.id.as_str()),
        TenantMatch::Slug => t.slug.as_deref(),
    });
    let host = tenant.and_then(|t| rule.host_of(cx.authority.host(), t));
    let port = cx.authority.port().map(|p| format!(":{p}")).unwrap_or_default();
    host.map(|host| format!("{}://{host}{port}", cx.scheme)).unwrap_or_default()
}

fn decide_one(cx: &Context, route: &Route, path: &str, lookup: &Lookup, headers: &HeaderMap) -> Decision {
    let named = route.tenant.map(|rule| (rule, rule.named(cx.authority.host(), path)));
    decision::decide(&Situation {
        access: route.access,
        tenant: named.as_ref().map(|(rule, name)| (*rule, &**name)),
        stale_allowed: route.stale_if_error,
        lookup,
        wants: cx.wants,
        safe_method: cx.safe_method(),
        upstream_disagreed: route.access == Access::Guest && cookie::has(headers, DISAGREED),
        reloaded: matches!(lookup, Lookup::Refused(_)) && cookie::has(headers, RELOADED),
    })
}

fn note(cx: &mut Context, resolved: &Resolved) {
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
