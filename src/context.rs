//! What is known about one request, and what its answer must carry.
//!
//! Everything is read here once, strictly, at the door: what a later stage looks at has one meaning.

mod host;
mod id;
mod migration;
mod origin;
mod redirect_loop;
mod sign_in;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use tokio::sync::OwnedSemaphorePermit;

use crate::audit::Event;
use crate::certificate::Certificate;
use crate::decision::Wants;
use crate::limit::Seat;
use crate::networks::{Proxies, Trust};
use crate::route::Kind;
use crate::session::Caller;
pub use host::{Authority, authority, forwarded_authority};
pub use id::{RequestId, TraceParent};
pub use migration::{LegacyFacts, MigrationOutcome};
pub use origin::Origin;
pub use redirect_loop::LoopCause;
pub use sign_in::{SignInMethod, SignInOutcome};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const NEXT_ACTION: HeaderName = HeaderName::from_static("next-action");

/// The connection that a request came over.
#[derive(Debug)]
pub struct ConnectionInfo {
    /// The other end.
    pub peer: SocketAddr,
    /// With what the peer is believed.
    pub trust: Trust,
    /// Its far end speaks TLS, to us or to a balancer that says so.
    pub tls: bool,
    /// The certificate that this connection was given; none on a plain listener.
    pub certificate: Option<Certificate>,
    /// The first host asked for over it, which is nearly always the only one: read and checked once.
    pub first_host: OnceLock<KnownHost>,
    /// The peer's address as `X-Forwarded-For` says it.
    pub peer_header: HeaderValue,
    /// Its place among `max_connections`, given back when the last to use the connection is done: a tunnel goes on
    /// after the request that opened it.
    pub permit: Option<OwnedSemaphorePermit>,
    /// Its place among those of its client; given back like the permit.
    pub seat: Option<Seat>,
}

/// A `Host` that has been read and found covered.
#[derive(Debug)]
pub struct KnownHost {
    raw: HeaderValue,
    authority: Arc<Authority>,
}

impl ConnectionInfo {
    /// A connection from this peer.
    pub fn new(
        peer: SocketAddr,
        trust: Trust,
        certificate: Option<Certificate>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let address = peer.ip().to_canonical().to_string();
        let peer_header = HeaderValue::try_from(address).unwrap_or(HeaderValue::from_static("unknown"));
        Self {
            peer,
            trust,
            tls: certificate.is_some(),
            certificate,
            first_host: OnceLock::new(),
            peer_header,
            permit,
            seat: None,
        }
    }

    /// Whether the connection's certificate covers the host; a plain connection has none to disagree.
    pub fn covers(&self, host: &str) -> bool {
        self.certificate.as_ref().is_none_or(|c| c.covers(host))
    }

    /// The host of a request, if it was the first of this connection too and nothing else in the request names one.
    pub fn known_host(&self, uri: &Uri, headers: &HeaderMap) -> Option<Arc<Authority>> {
        let known = self.first_host.get()?;
        let same = match (uri.authority(), headers.get(HOST)) {
            (None, Some(host)) => *host == known.raw && headers.get_all(HOST).iter().nth(1).is_none(),
            (Some(target), None) => known.raw == target.as_str(),
            _ => false,
        };
        same.then(|| known.authority.clone())
    }

    /// Remembers a host that has been read and found covered.
    pub fn remember_host(&self, uri: &Uri, headers: &HeaderMap, authority: &Arc<Authority>) {
        let raw = match uri.authority() {
            Some(target) => HeaderValue::from_str(target.as_str()).ok(),
            // A copy: the header's own bytes would keep the whole read buffer of this request alive.
            None => headers.get(HOST).and_then(|h| HeaderValue::from_bytes(h.as_bytes()).ok()),
        };
        if let Some(raw) = raw {
            // Lost to another request of the connection: no matter.
            let _ = self.first_host.set(KnownHost { raw, authority: authority.clone() });
        }
    }
}

/// One request.
#[derive(Debug)]
pub struct Context {
    /// Its id, also the trace id.
    pub id: RequestId,
    /// The same, for `X-Request-Id`.
    pub id_header: HeaderValue,
    /// When its header was there.
    pub started: Instant,
    /// What it came over.
    pub connection: Arc<ConnectionInfo>,
    /// The browser's address.
    pub client: IpAddr,
    /// `https` or `http`, as the browser sees it.
    pub scheme: &'static str,
    /// Host and port, as the browser sees them.
    pub authority: Arc<Authority>,
    /// The method.
    pub method: Method,
    /// The canonical path.
    pub path: String,
    /// The query, as sent.
    pub query: Option<String>,
    /// The protocol downstream.
    pub version: Version,
    /// What the browser wants.
    pub wants: Wants,
    /// The session came in a header instead of a cookie: no cookie of ours is set.
    pub by_header: bool,
    /// More sids came than were asked about, and none of those lives.
    pub crowded: bool,
    /// A server action of Next.js: it goes to the address of the page that the browser shows.
    pub server_action: bool,
    /// `traceparent` for backend and upstream.
    pub traceparent: TraceParent,
    /// The browser's `User-Agent`.
    pub user_agent: Option<HeaderValue>,
    /// The upstream is `next dev`: only `sidgate dev` says so.
    pub next_dev: bool,
    /// Legacy cookies go: the upstream neither sees nor sets them.
    pub clears_legacy: bool,
    /// What the answer must set.
    pub set_cookies: Vec<HeaderValue>,
    /// What the answer expires as far as there is room: the lines of one cookie together, those that matter most first.
    pub expiries: Vec<Vec<HeaderValue>>,
    /// The same for the directories of the page, in what room is left.
    pub expiries_below: Vec<Vec<HeaderValue>>,
    /// What the log line says.
    pub facts: Facts,
    /// What happened that the audit trail must have before the answer goes out; `handle` adds what is known of the
    /// request.
    pub audited: Vec<Event>,
}

/// What the stages found out, for the log line.
#[derive(Debug, Default)]
pub struct Facts {
    /// The route's pattern, or the endpoint.
    pub route: Option<Arc<str>>,
    /// What the route asks.
    pub access: Option<&'static str>,
    /// What was decided.
    pub decision: Option<&'static str>,
    /// Why.
    pub reason: Option<&'static str>,
    /// What asking for the session came to: `hit`, `miss`, `stale`, `refused`, `unavailable`, `absent`.
    pub session: Option<&'static str>,
    /// Which session.
    pub fingerprint: Option<crate::session::Fingerprint>,
    /// Microseconds spent asking for it.
    pub session_us: Option<u64>,
    /// Microseconds until the upstream's answer.
    pub upstream_us: Option<u64>,
    /// What went wrong with the upstream.
    pub upstream_error: Option<&'static str>,
    /// Which instance of the upstream it went to, where there are several.
    pub instance: Option<Arc<str>>,
    /// The request went out twice.
    pub retried: bool,
    /// `Set-Cookie` lines for the session cookie, taken out of the upstream's answer.
    pub set_cookie_dropped: usize,
    /// Somebody tried to sign in: how, and what came of it.
    pub sign_in: Option<(SignInMethod, SignInOutcome)>,
    /// The upstream sent a signed-in user away.
    pub upstream_disagreed: bool,
    /// It has to do with legacy cookies; see [`Facts::legacy`].
    pub legacy: Option<Box<LegacyFacts>>,
    /// The browser went round in circles, and was told so instead of redirected once more.
    pub redirect_loop: Option<LoopCause>,
}

impl Facts {
    /// What it leaves of legacy cookies, to be added to.
    pub fn legacy(&mut self) -> &mut LegacyFacts {
        self.legacy.get_or_insert_default()
    }
}

impl Context {
    /// A request whose header was just read. Nothing of it is trusted yet: host and path are read by the pipeline,
    /// which can refuse them.
    pub fn new(
        connection: Arc<ConnectionInfo>,
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        proxies: &Proxies,
    ) -> Self {
        let id = RequestId::new();
        let trust = connection.trust;
        let trusted = trust >= Trust::Address;
        let traceparent = trusted.then(|| headers.get(TRACEPARENT)).flatten();
        let traceparent = traceparent.and_then(TraceParent::read);
        let client = if trusted { client(&connection, headers, proxies) } else { connection.peer.ip() };
        let said = (trust >= Trust::Scheme).then(|| last_item(headers, &X_FORWARDED_PROTO)).flatten();
        let https = said.map_or(connection.tls, |scheme| scheme.eq_ignore_ascii_case(b"https"));
        Self {
            started: Instant::now(),
            client: client.to_canonical(),
            scheme: if https { "https" } else { "http" },
            authority: Arc::default(),
            method: method.clone(),
            path: String::new(),
            query: None,
            version,
            wants: wants(headers, Kind::Auto),
            by_header: false,
            crowded: false,
            server_action: *method == Method::POST && headers.contains_key(NEXT_ACTION),
            traceparent: traceparent.unwrap_or_else(|| id.traceparent()),
            user_agent: headers.get(USER_AGENT).cloned(),
            id_header: id.header(),
            next_dev: false,
            clears_legacy: false,
            set_cookies: Vec::new(),
            expiries: Vec::new(),
            expiries_below: Vec::new(),
            facts: Facts::default(),
            audited: Vec::new(),
            connection,
            id,
        }
    }

    /// For a call to the backend on behalf of this request.
    pub fn caller(&self) -> Caller {
        Caller {
            client: self.client,
            user_agent: self.user_agent.clone(),
            request_id: self.id_header.clone(),
            traceparent: self.traceparent.header(),
        }
    }

    /// Whether the answer sets or expires a cookie of the browser's: then it is for this browser alone.
    pub fn sets_cookies(&self) -> bool {
        !self.set_cookies.is_empty() || !self.expiries.is_empty()
    }

    /// Leaves the browser's cookies as they are.
    pub(crate) fn set_no_cookies(&mut self) {
        self.set_cookies.clear();
        self.expiries.clear();
        self.expiries_below.clear();
    }

    /// GET, HEAD and OPTIONS change nothing (RFC 9110 section 9.2.1).
    pub fn safe_method(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// `scheme://host[:port]`
    pub fn origin(&self) -> Origin {
        Origin::new(self.scheme, (*self.authority).clone())
    }
}

/// The last item of a list, over all its lines: what the nearest proxy wrote. Further left, anyone can write.
fn last_item<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let line = headers.get_all(name).iter().next_back()?;
    line.as_bytes().rsplit(|b| *b == b',').next().map(<[u8]>::trim_ascii)
}

/// The right-most address of `X-Forwarded-For` that is no trusted proxy: what is further left, anyone can write. Where all
/// are, the left-most.
fn client(connection: &ConnectionInfo, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
    let mut client = connection.peer.ip();
    // Hop by hop: a byte that cannot be read, which a client wrote further left, must not hide what a proxy wrote.
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    for hop in lines.flat_map(|line| line.as_bytes().rsplit(|b| *b == b',')) {
        let Some(address) = std::str::from_utf8(hop).ok().and_then(|hop| address(hop.trim())) else { break };
        client = address;
        if !proxies.contains(address) {
            break;
        }
    }
    client
}

/// An address, with or without a port: `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()));
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(bare).map(|a: IpAddr| a.to_canonical())
}

/// Page or api: what the browser says of its request, then what it accepts, then the route's kind, else api.
pub fn wants(headers: &HeaderMap, kind: Kind) -> Wants {
    let (mut mode, mut dest, mut accept) = (None, None, None);
    // One look at each name: a search per name would hash them all.
    for (name, value) in headers {
        match name.as_str() {
            // What the router of Next.js puts on its own fetches, in browsers too old for `Sec-Fetch-Mode` as well: a
            // redirect there would be followed by the router, not by the person.
            "rsc" | "next-action" | "x-nextjs-data" => return Wants::Api,
            "sec-fetch-mode" => mode = mode.or(Some(value)),
            "sec-fetch-dest" => dest = dest.or(Some(value.as_bytes())),
            "accept" => accept = accept.or(Some(value.as_bytes())),
            _ => {}
        }
    }
    if let Some(mode) = mode {
        let document = matches!(dest, Some(b"document" | b"iframe" | b"frame"));
        return if mode == "navigate" || document { Wants::Page } else { Wants::Api };
    }
    let accept = accept.unwrap_or_default();
    let contains = |needle: &[u8]| accept.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle));
    if contains(b"text/html") {
        return Wants::Page;
    }
    let open = accept.is_empty() || contains(b"*/*");
    if open && kind == Kind::Page { Wants::Page } else { Wants::Api }
}

#[cfg(test)]
mod tests;
