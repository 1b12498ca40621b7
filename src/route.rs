//! Routes: which rule a request falls under.
//!
//! [`RouteTable::find`] takes the canonical path and the host and gives exactly one route, or says why there is none:
//! no match is closed, not open. The most specific pattern wins: host before path, then segment by segment a literal
//! before a UUID before any other parameter before the rest. Methods choose among the routes of *one* pattern; a pattern that matches but
//! does not take the method answers 405, and never falls through to a wider (and perhaps more open) pattern.
//!
//! Rejected: a routing crate. Those at hand know neither hosts nor methods in their precedence, and which rule wins is
//! what people trust this program with.

mod blocked;
mod table;
mod tree;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::config;
pub use crate::config::{Access, Kind, TenantMatch};
use crate::session::Tenant;
pub use blocked::Blocked;
pub use table::{NoRoute, RouteFault, RouteTable};

/// A route, ready to be used.
#[derive(Debug, Clone)]
pub struct Route {
    /// The pattern as written, for logs.
    pub pattern: Arc<str>,
    /// Empty: all methods.
    pub methods: Vec<Method>,
    /// What it asks of the session.
    pub access: Access,
    /// What its requests are when they do not say.
    pub kind: Kind,
    /// Index of the upstream.
    pub upstream: usize,
    /// The tenant rule.
    pub tenant: Option<TenantRule>,
    /// The upstream sees the session cookie, and may set it.
    pub forward_sid: bool,
    /// The upstream may set the session cookie.
    pub may_set_session: bool,
    /// `Authorization: Session <sid>` is taken instead of the cookie.
    pub accept_session_header: bool,
    /// The upstream gets `Authorization: Session <sid>` for who is signed in.
    pub session_header: bool,
    /// A stale session may serve it.
    pub stale_if_error: bool,
    /// Longest since the person last signed in.
    pub max_auth_age: Option<Duration>,
    /// Its requests count as activity of their session.
    pub activity: bool,
    /// Longest without a sign of life before the answer's header.
    pub response_timeout: Duration,
    /// Longest silence in a body or a tunnel.
    pub idle_timeout: Duration,
    /// WebSocket: origins besides our own.
    pub allowed_origins: Vec<String>,
}

/// Where a request names a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantPlace {
    /// In this segment of the path.
    Path(usize),
    /// In this label of the host.
    Host(usize),
}

/// A tenant rule, ready to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantRule {
    /// Where the request names the tenant.
    pub place: TenantPlace,
    /// What the name must equal.
    pub by: TenantMatch,
}

impl TenantRule {
    /// The name in a request that matched the route; path segments are percent-decoded.
    pub fn named<'a>(&self, host: &'a str, path: &'a str) -> Cow<'a, str> {
        match self.place {
            TenantPlace::Host(label) => Cow::Borrowed(host.split('.').nth(label).unwrap_or_default()),
            TenantPlace::Path(segment) => {
                let raw = path.split('/').nth(segment + 1).unwrap_or_default();
                percent_encoding::percent_decode_str(raw).decode_utf8_lossy()
            }
        }
    }

    /// Whether a tenant is the one that a request names. Compared exactly; a tenant without a slug has no address by
    /// slug.
    pub fn is(&self, tenant: &Tenant, named: &str) -> bool {
        match self.by {
            TenantMatch::Id => tenant.id == named,
            TenantMatch::Slug => tenant.slug.as_deref() == Some(named),
        }
    }

    /// The same host with another tenant's name in it; none where the tenant is named in the path, or where the name
    /// could not stand in a host as it is.
    pub fn host_of(&self, host: &str, tenant: &str) -> Option<String> {
        let TenantPlace::Host(label) = self.place else { return None };
        let labels = host.split('.').enumerate().map(|(i, text)| if i == label { tenant } else { text });
        config::is_host_label(tenant).then(|| labels.collect::<Vec<_>>().join("."))
    }
}

impl Route {
    /// Whether the route takes this method. HEAD is taken where GET is.
    pub fn takes(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || *method == Method::HEAD && self.methods.contains(&Method::GET)
    }

    fn new(route: &config::Route, upstreams: &[config::Upstream]) -> Option<Self> {
        let upstream = upstreams.iter().position(|u| u.name == route.upstream)?;
        let target = &upstreams[upstream];
        let tenant = route.tenant.as_ref().and_then(|rule| {
            let is_it = |s: &config::Segment| {
                matches!(s, config::Segment::Parameter(n) | config::Segment::Uuid(n) if *n == rule.parameter)
            };
            let in_host = route.host.as_ref().and_then(|h| h.labels.iter().position(is_it)).map(TenantPlace::Host);
            let in_path = route.path.segments.iter().position(is_it).map(TenantPlace::Path);
            in_host.or(in_path).map(|place| TenantRule { place, by: rule.by })
        });
        if route.tenant.is_some() && tenant.is_none() {
            return None;
        }
        Some(Self {
            pattern: route.pattern.as_str().into(),
            methods: route.methods.clone(),
            access: route.access,
            kind: route.kind,
            upstream,
            tenant,
            forward_sid: route.forward_sid,
            may_set_session: route.may_set_session,
            accept_session_header: route.accept_session_header,
            session_header: route.session_header,
            stale_if_error: route.stale_if_error,
            max_auth_age: route.max_auth_age,
            activity: route.activity,
            response_timeout: route.response_timeout.unwrap_or(target.response_timeout),
            idle_timeout: route.idle_timeout.unwrap_or(target.idle_timeout),
            allowed_origins: route.allowed_origins.clone(),
        })
    }
}
