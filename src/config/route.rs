//! `[[route]]`

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use http::Method;

use super::table::{Problem, Table};
use super::{HostPattern, LONG, PathPattern, Place, Segment, TUNNEL, address, suggest};

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
    /// `Authorization: Session <sid>` is taken instead of the cookie.
    pub accept_session_header: bool,
    /// The upstream gets `Authorization: Session <sid>` for who is signed in.
    pub session_header: bool,
    /// `[session] stale_if_error` may serve this route.
    pub stale_if_error: bool,
    /// Longest since the person last signed in; absent: for as long as the session lasts.
    pub max_auth_age: Option<Duration>,
    /// Its requests count as activity of their session.
    pub activity: bool,
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
            accept_session_header: false,
            session_header: false,
            stale_if_error: false,
            max_auth_age: None,
            activity: true,
            response_timeout: None,
            idle_timeout: None,
            allowed_origins: Vec::new(),
        }
    }
}

/// A route, and where its upstream's name stands; nowhere when that is faulty.
pub(super) struct Placed {
    pub(super) route: Route,
    pub(super) upstream: Option<Range<usize>>,
}

impl Route {
    pub(super) fn read(table: &mut Table<'_>, default: Self) -> Placed {
        let accesses = [Access::Public, Access::Optional, Access::SignedIn, Access::Onboarded, Access::Guest]
            .map(|access| (access.as_str(), access));
        let kinds = [("auto", Kind::Auto), ("page", Kind::Page), ("api", Kind::Api)];
        let path = table.text("path", PATH, |text| match PathPattern::parse(text) {
            Ok(path) => Ok((text.to_owned(), path)),
            Err(reason) => Err(Problem::new(reason)),
        });
        let (pattern, path) = path.unwrap_or((default.pattern, default.path));
        let route = Self {
            place: Place(table.place("path")),
            pattern,
            path,
            host: table.text("host", HOST, |text| HostPattern::parse(text).map_err(Problem::new)),
            methods: table.list("methods", METHOD, method).unwrap_or(default.methods),
            access: table.one_of("access", &accesses, default.access),
            kind: table.one_of("kind", &kinds, default.kind),
            upstream: table.text("upstream", UPSTREAM, |t| Ok(t.to_owned())).unwrap_or(default.upstream),
            tenant: table.optional_table("tenant", TenantRule::read).flatten(),
            forward_sid: table.flag("forward_sid", default.forward_sid),
            may_set_session: table.flag("may_set_session", default.may_set_session),
            accept_session_header: table.flag("accept_session_header", default.accept_session_header),
            session_header: table.flag("session_header", default.session_header),
            stale_if_error: table.flag("stale_if_error", default.stale_if_error),
            max_auth_age: table.optional_duration("max_auth_age", AUTH_AGE),
            activity: table.flag("activity", default.activity),
            response_timeout: table.optional_duration("response_timeout", LONG),
            idle_timeout: table.optional_duration("idle_timeout", TUNNEL),
            allowed_origins: table.list("allowed_origins", ORIGIN, address::origin).unwrap_or_default(),
        };
        table.finish();
        route.check(table);
        let upstream = table.good(&["upstream"]).then(|| table.place("upstream"));
        Placed { route, upstream }
    }

    fn check(&self, table: &mut Table<'_>) {
        self.check_age(table);
        self.check_headers(table);
        let Some(rule) = &self.tenant else { return };
        if table.good(&["access"]) && matches!(self.access, Access::Public | Access::Guest) {
            let reason = format!("would never be looked at: access \"{}\" asks for no session", self.access.as_str());
            table.contradiction("tenant", reason, "remove it, or ask for \"signed_in\" or \"onboarded\"");
            return;
        }
        let host = self.host.as_ref().is_some_and(|h| h.has_parameter(&rule.parameter));
        if host || self.path.has_parameter(&rule.parameter) || !table.good(&["path", "host"]) {
            return;
        }
        let names = self.parameters();
        let reason = format!("`{}` is no parameter of this route's path or host", rule.parameter);
        let hint = suggest::did_you_mean(&rule.parameter, names.iter().copied());
        let hint = hint.unwrap_or_else(|| match names.as_slice() {
            [] => "it has none: a parameter is one segment, such as `{tenant}` in \"/{tenant}/{*rest}\"".into(),
            names => format!("its parameters: {}", names.join(", ")),
        });
        table.contradiction("tenant", reason, hint);
    }

    /// Where nobody asks whose request it is, there is no session to read or to send.
    fn check_headers(&self, table: &mut Table<'_>) {
        let access = self.access.as_str();
        let never = [
            ("accept_session_header", self.accept_session_header, self.access == Access::Public),
            ("session_header", self.session_header, matches!(self.access, Access::Public | Access::Guest)),
        ];
        for (key, set, idle) in never {
            if set && idle && table.good(&["access", key]) {
                let reason = format!("has no effect: access \"{access}\" lets nobody through as a user");
                table.contradiction(key, reason, "remove it, or ask for \"optional\", \"signed_in\" or \"onboarded\"");
            }
        }
    }

    fn check_age(&self, table: &mut Table<'_>) {
        let needs_session = matches!(self.access, Access::SignedIn | Access::Onboarded);
        if self.max_auth_age.is_some() && !needs_session && table.good(&["access", "max_auth_age"]) {
            let reason = format!("asks for a fresh sign-in where access \"{}\" asks for none", self.access.as_str());
            table.contradiction("max_auth_age", reason, "remove it, or ask for \"signed_in\" or \"onboarded\"");
        }
    }

    /// Names of what one segment or label each is taken for.
    fn parameters<'a>(&'a self) -> Vec<&'a str> {
        let labels = self.host.iter().flat_map(|h| &h.labels);
        let name = |segment: &'a Segment| match segment {
            Segment::Parameter(name) | Segment::Uuid(name) => Some(name.as_str()),
            Segment::Literal(_) | Segment::Rest(_) => None,
        };
        self.path.segments.iter().chain(labels).filter_map(name).collect()
    }
}

impl TenantRule {
    /// Nothing when one of the two is missing or faulty, which has been reported then.
    fn read(table: &mut Table<'_>) -> Option<Self> {
        table.require("parameter", "the name of a parameter of the route's path or host");
        table.require("match", "\"slug\" or \"id\": what of the session's tenant the parameter equals");
        let parameter = table.text("parameter", "the name of a parameter", |t| Ok(t.to_owned()));
        let by = table.optional_one_of("match", &[("id", TenantMatch::Id), ("slug", TenantMatch::Slug)]);
        table.finish();
        Some(Self { parameter: parameter?, by: by? })
    }
}

/// Less is no time to type a password in; more than that is for the session's own lifetime.
const AUTH_AGE: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(366 * 24 * 3600);

const PATH: &str = "a path pattern such as \"/{tenant}/{*rest}\"";
const HOST: &str = "a host pattern such as \"{tenant}.example.com\"";
const METHOD: &str = "a method such as \"GET\"";
const UPSTREAM: &str = "the name of an [upstream.NAME]";
const ORIGIN: &str = "an origin such as \"https://app.example.com\"";

fn method(text: &str) -> Result<Method, Problem> {
    if matches!(text, "CONNECT" | "TRACE") {
        return Err(Problem::new(format!("{text} is never forwarded")).hint("remove it"));
    }
    let upper = text.to_ascii_uppercase();
    match Method::from_bytes(upper.as_bytes()) {
        Ok(method) if upper == text => Ok(method),
        Ok(_) => Err(Problem::expected_text(METHOD, text).hint(format!("did you mean `{upper}`?"))),
        Err(_) => Err(Problem::expected_text(METHOD, text)),
    }
}
