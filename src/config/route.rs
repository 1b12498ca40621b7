//! `[[route]]`

use std::time::Duration;

use http::Method;

use super::{HostPattern, PathPattern, Place};

/// What a route asks of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Nothing; the session is not even looked up.
    Public,
    /// Nothing, but the upstream is told who it is.
    Optional,
    /// A session.
    #[default]
    SignedIn,
    /// A session of a user who is through with onboarding.
    Onboarded,
    /// No session: sign-in pages. Who has one is sent on.
    Guest,
}

impl Access {
    /// The word in `gateway.toml`, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Optional => "optional",
            Self::SignedIn => "signed_in",
            Self::Onboarded => "onboarded",
            Self::Guest => "guest",
        }
    }
}

/// What requests of a route are that do not say it themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// The request's headers decide, else api.
    #[default]
    Auto,
    /// A document for people.
    Page,
    /// Data for programs.
    Api,
}

/// By what a tenant is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantMatch {
    /// `tenant.id`
    Id,
    /// `tenant.slug`
    Slug,
}

/// A path or host parameter that must name the session's tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRule {
    /// Name of the parameter in the route's path or host pattern.
    pub parameter: String,
    /// What it must equal.
    pub by: TenantMatch,
}

/// `[[route]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Where it stands in the file, for faults found later.
    pub place: Place,
    /// The pattern as written, for logs.
    pub pattern: String,
    /// The path pattern.
    pub path: PathPattern,
    /// The host pattern; absent: any host.
    pub host: Option<HostPattern>,
    /// Empty: all methods.
    pub methods: Vec<Method>,
    /// What it asks of the session.
    pub access: Access,
    /// What its requests are when they do not say.
    pub kind: Kind,
    /// Name of the upstream.
    pub upstream: String,
    /// The tenant rule.
    pub tenant: Option<TenantRule>,
    /// The upstream sees the session cookie, and may set it.
    pub forward_sid: bool,
    /// The upstream may set the session cookie.
    pub may_set_session: bool,
    /// `[session] stale_if_error` may serve this route.
    pub stale_if_error: bool,
    /// Instead of the upstream's.
    pub response_timeout: Option<Duration>,
    /// Instead of the upstream's.
    pub idle_timeout: Option<Duration>,
    /// WebSocket: origins besides our own.
    pub allowed_origins: Vec<String>,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            place: Place::default(),
            pattern: "/{*rest}".into(),
            path: PathPattern::rest("rest"),
            host: None,
            methods: Vec::new(),
            access: Access::SignedIn,
            kind: Kind::Auto,
            upstream: "nextjs".into(),
            tenant: None,
            forward_sid: false,
            may_set_session: false,
            stale_if_error: false,
            response_timeout: None,
            idle_timeout: None,
            allowed_origins: Vec::new(),
        }
    }
}
