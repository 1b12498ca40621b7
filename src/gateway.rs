//! The pipeline: every stage of a request, in the order in which they run.
//!
//! [`Gateway::handle`] always answers and always records, around `answer`, which only uses `?`.

mod address;
mod audited;
mod disagreement;
mod handed_over;
mod judge;
mod legacy;
mod outcome;
mod privileges;
mod read;
mod reload;
mod round;
mod sid;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::assertion::{Assertions, Signer};
use crate::audit::Audit;
use crate::body::Body;
use crate::config::{self, Config, Rate};
use crate::context::{self, ConnectionInfo, Context, Origin};
use crate::cookie::SidCookie;
use crate::decision::{Decision, Wants};
use crate::dev::Room;
use crate::endpoint::{self, Endpoint};
use crate::limit::Limiter;
use crate::networks::Proxies;
use crate::pages::Pages;
use crate::rejection::{self, Rejection};
use crate::respond;
use crate::route::{Blocked, Kind, Route, RouteTable};
use crate::session::Sessions;
use crate::upstream::{Tunnels, Upstream};
use disagreement::Warned;
use legacy::Legacy;
pub(crate) use reload::Before;
use round::Rounds;

/// Switches of the tenant by one user: more than a person makes.
const SWITCHES: Rate = Rate { count: 30, per: Duration::from_secs(60) };
/// Looks at the list of sessions by one user, a few open pages that ask now and then included.
const LISTS: Rate = Rate { count: 120, per: Duration::from_secs(60) };
/// What is limited by nothing else and told in the audit trail: whoever goes on must not fill the disk.
const TOLD: Rate = Rate { count: 60, per: Duration::from_secs(60) };
/// Ends of sessions by one user: a long list, one by one.
const ENDS: Rate = Rate { count: 60, per: Duration::from_secs(60) };

/// Everything that requests share.
#[derive(Debug)]
pub struct Gateway {
    routes: RouteTable,
    blocked: Blocked,
    sessions: Sessions,
    upstreams: Vec<Arc<Upstream>>,
    assertions: Arc<Assertions>,
    /// One per upstream; none where the assertion is off.
    signers: Vec<Option<Signer>>,
    cookie: SidCookie,
    pages: Pages,
    paths: config::Paths,
    limits: Arc<Limits>,
    warned: Warned,
    /// Ends redirect loops; none where that is off.
    rounds: Option<Rounds>,
    trusted: Proxies,
    strict_host: bool,
    max_headers: usize,
    /// What comes of legacy cookies; none where that is off.
    legacy: Option<Legacy>,
    /// The session API takes `Authorization: Session` too.
    accept_header: bool,
    public_origin: Option<Origin>,
    tunnels: Tunnels,
    audit: Audit,
    /// What `sidgate dev` adds; nowhere else is there one.
    room: Option<Room>,
}

/// The limits on what costs the backend much.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Per client prefix.
    pub(crate) sign_in_client: Limiter<IpAddr>,
    /// Per e-mail address, lower case.
    pub(crate) sign_in_email: Limiter<String>,
    /// Fixes of a session, per client prefix; as many as sign-ins.
    pub(crate) fix_client: Limiter<IpAddr>,
    /// Switches of the tenant, per user.
    pub(crate) switch_user: Limiter<String>,
    /// Looks at the list of sessions, per user.
    pub(crate) list_devices_user: Limiter<String>,
    /// Ends of sessions from that list, per user.
    pub(crate) end_devices_user: Limiter<String>,
    /// Events about addresses that were refused, per user.
    pub(crate) told_user: Limiter<String>,
    /// Events about sign-ins that were limited, per client prefix.
    pub(crate) told_client: Limiter<IpAddr>,
}

impl Limits {
    fn new(config: &Config) -> Self {
        Self {
            sign_in_client: Limiter::new(config.sign_in.per_client),
            sign_in_email: Limiter::new(config.sign_in.per_email),
            fix_client: Limiter::new(config.sign_in.per_client),
            switch_user: Limiter::new(SWITCHES),
            list_devices_user: Limiter::new(LISTS),
            end_devices_user: Limiter::new(ENDS),
            told_user: Limiter::new(TOLD),
            told_client: Limiter::new(TOLD),
        }
    }
}

impl Gateway {
    /// Builds the pipeline from a checked configuration. Needs a tokio runtime.
    ///
    /// # Errors
    /// What [`crate::check`] would have found.
    pub fn new(config: &Config) -> Result<Arc<Self>, String> {
        Self::build(config, None, None)
    }

    /// The same with the room of `sidgate dev`.
    pub(crate) fn with_room(config: &Config, room: Room) -> Result<Arc<Self>, String> {
        Self::build(config, Some(room), None)
    }

    /// With what goes on of another one before it.
    fn build(config: &Config, room: Option<Room>, before: Option<&Before<'_>>) -> Result<Arc<Self>, String> {
        let routes = RouteTable::new(config)
            .map_err(|faults| faults.iter().map(|f| f.reason.clone() + "\n").collect::<String>())?;
        let (tunnels, audit) = match before {
            Some(before) => (before.gateway.tunnels.clone(), before.gateway.audit.clone()),
            None => (Tunnels::default(), Audit::open(&config.audit)?),
        };
        let sessions = match before {
            Some(before) => before.sessions(config)?,
            None => Sessions::new(config, audit.clone())?,
        };
        let upstreams = reload::upstreams(config, before, &tunnels)?;
        let assertions = reload::assertions(config, before)?;
        let signer =
            |(i, u): (usize, &config::Upstream)| (u.assertion != Some(false)).then(|| assertions.signer(&u.name, i));
        Ok(Arc::new(Self {
            routes,
            blocked: Blocked::new(&config.backend.blocked_paths),
            sessions,
            upstreams,
            signers: config.upstreams.iter().enumerate().map(signer).collect(),
            assertions,
            cookie: SidCookie::new(&config.session),
            pages: Pages::new(&config.pages, &config.paths),
            paths: config.paths.clone(),
            limits: match before {
                Some(before) if before.config.sign_in == config.sign_in => before.gateway.limits.clone(),
                _ => Arc::new(Limits::new(config)),
            },
            legacy: Legacy::new(config, &audit, before.and_then(|before| before.gateway.legacy.as_ref())),
            warned: Warned::default(),
            rounds: Rounds::new(&config.redirect_loop, config.backend.gateway_key.as_ref()),
            trusted: config.server.trusted_proxies.clone(),
            strict_host: config.server.strict_host,
            max_headers: config.server.max_headers,
            accept_header: config.session.accept_header,
            public_origin: config.server.public_origin.as_deref().and_then(Origin::parse),
            tunnels,
            audit,
            room,
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
                let mut answer = match &self.room {
                    Some(room) => room.refusal(cx, rejection),
                    None => rejection.answer(cx),
                };
                endpoint::no_store(answer.headers_mut());
                answer
            }
        };
        if !cx.audited.is_empty() {
            answer = self.audited(cx, answer).await;
        }
        if let Some(room) = &self.room {
            room.explain(cx, &answer);
        }
        respond::finish(cx, &mut answer);
        answer
    }

    /// The stages.
    async fn answer(&self, cx: &mut Context, mut request: Request<Incoming>) -> Result<Response<Body>, Rejection> {
        self.read(cx, &request)?;
        if let Some(room) = &self.room {
            if Room::owns(&cx.path) {
                return Box::pin(room.answer(self, cx, request)).await;
            }
            room.welcome(self, cx, request.headers_mut());
        }
        if cx.path == endpoint::JWKS {
            return endpoint::jwks(self, cx);
        }
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
        let mut resolved = self.session(cx, route, page.as_ref(), request.headers()).await?;
        self.succeed(cx, &mut resolved).await;
        let decision = self.decide(cx, route, page.as_ref(), &mut resolved, request.headers()).await;
        if cx.wants == Wants::Page {
            self.heal(cx, &resolved);
        }
        let counted = self.counted(cx, request.headers());
        match decision {
            Decision::Forward(permit) => {
                if let (true, Some(found)) = (counts_as_activity(route, page.as_ref()), permit.who()) {
                    self.sessions.seen(&found.session, cx.started, cx.client, cx.user_agent.as_ref());
                }
                let answer = self.forward(cx, route, &permit, &resolved, request).await?;
                self.count_redirect(cx, route, counted, (None, answer)).await
            }
            Decision::Redirect { to, reason, drop_sid } => {
                self.drop_sid(cx, drop_sid);
                let to = self.address(cx, to, Some(reason), &resolved);
                let mut answer = rejection::redirect(cx, &to);
                endpoint::no_store(answer.headers_mut());
                self.count_redirect(cx, route, counted, (Some(reason.as_str()), answer)).await
            }
            Decision::Refuse { refusal, reason, drop_sid } => {
                self.drop_sid(cx, drop_sid);
                Err(self.refusal(cx, (refusal, reason), (route, page.as_ref()), &resolved, request.headers()))
            }
        }
    }

    /// The door to sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The applications.
    pub fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    /// The assertions, with their keys: [`Assertions::reload`] reads those anew.
    pub fn assertions(&self) -> &Arc<Assertions> {
        &self.assertions
    }

    /// WebSocket tunnels, for the drain.
    pub fn tunnels(&self) -> &Tunnels {
        &self.tunnels
    }

    /// The audit trail.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Whether the session API takes `Authorization: Session` too.
    pub(crate) fn accepts_header(&self) -> bool {
        self.accept_header
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// Whether a request keeps its session from going idle: where the page that it belongs to says so too.
fn counts_as_activity(route: &Route, page: Option<&read::PageOf<'_>>) -> bool {
    route.activity && page.is_none_or(|(_, of_page)| of_page.activity)
}
