//! Reads `Cookie`, writes `Set-Cookie`. Nothing else touches those headers.
//!
//! Reading follows RFC 6265 section 4.2 strictly where it matters: only a pair that is exactly `sid=<value>` is a sid.
//! `SID=`, `sid =`, a name behind a tab or a Unicode space, quoted values and `$Version` are something else. The name
//! with anything around it is dropped from what the upstream sees all the same, because its parser may be more lenient;
//! `SID` is a name of its own, and an application may have one.

mod expiry;
mod marker;
mod names;
mod scope;
mod signed;

use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use crate::config;
use crate::session::SessionId;
pub use expiry::Scopes;
pub(crate) use expiry::length;
pub use marker::Marker;
pub use names::{Hidden, NameSet, drop_set_cookies};
use scope::{is_within, parent_domains, path_prefixes};
pub use signed::RedirectsCookie;

/// At most so many distinct sids of one request are asked about.
pub const MAX_TWINS: usize = 3;
/// At most so many bytes of `Set-Cookie` are in one answer: proxies and clients bound what they read of a header.
pub(crate) const MAX_SET_COOKIE: usize = 8 * 1024;
/// At most so many of those bytes expire the session cookie, as a path is as long as a client likes ...
const MAX_SID_EXPIRIES: usize = 6 * 1024;
/// ... and so many lines.
const MAX_SID_LINES: usize = 48;
/// At most so many fields are in an answer that expires cookies: proxies before us (HAProxy, Envoy) and clients take about
/// a hundred, and answer 502 for more.
pub(crate) const MAX_FIELDS: usize = 84;

/// The sids of one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SidCookies {
    sids: [Option<SessionId>; MAX_TWINS],
    /// How many cookies of that name were sent, well-formed or not.
    pub sent: usize,
    /// Whether there were more distinct well-formed ones than that.
    pub more: bool,
}

impl SidCookies {
    /// The distinct well-formed ones, in the order they were sent.
    pub fn iter(&self) -> impl Iterator<Item = SessionId> {
        self.sids.iter().copied().flatten()
    }

    /// As if this one had come, and no other.
    pub fn of(sid: SessionId) -> Self {
        Self { sids: [Some(sid), None, None], sent: 1, more: false }
    }

    fn add(&mut self, value: &[u8]) {
        self.sent += 1;
        let Some(sid) = SessionId::parse(value) else { return };
        for slot in &mut self.sids {
            match slot {
                Some(known) if *known == sid => return,
                Some(_) => {}
                None => {
                    *slot = Some(sid);
                    return;
                }
            }
        }
        self.more = true;
    }
}

/// The session cookie's name and scope.
#[derive(Debug, Clone)]
pub struct SidCookie {
    name: String,
    prefixed: String,
    host_prefix: bool,
    plain_until: Option<Timestamp>,
    domain: Option<String>,
}

impl SidCookie {
    /// From `[session]`.
    pub fn new(config: &config::Session) -> Self {
        // The plain name is read through the whole of its last day, in UTC.
        let plain_until = config
            .host_prefix_reads_plain_until
            .and_then(|day| day.tomorrow().ok())
            .and_then(|next| next.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(|z| z.timestamp());
        Self {
            prefixed: format!("__Host-{}", config.cookie),
            name: config.cookie.clone(),
            host_prefix: config.host_prefix,
            plain_until,
            domain: config.domain.clone(),
        }
    }

    /// The name under which it is set.
    pub fn name(&self) -> &str {
        if self.host_prefix { &self.prefixed } else { &self.name }
    }

    /// The sids of a request. With `host_prefix` a `__Host-` cookie wins, and the plain one is read until its end
    /// date only.
    pub fn read(&self, headers: &HeaderMap) -> SidCookies {
        let (mut plain, mut prefixed) = (SidCookies::default(), SidCookies::default());
        each_pair(headers, |pair| {
            if let Some(value) = value_of(pair, &self.name) {
                plain.add(value);
            } else if self.host_prefix
                && let Some(value) = value_of(pair, &self.prefixed)
            {
                prefixed.add(value);
            }
        });
        if !self.host_prefix {
            return plain;
        }
        let plain_is_read = self.plain_until.is_some_and(|end| Timestamp::now() < end);
        if prefixed.sent > 0 || !plain_is_read { prefixed } else { plain }
    }

    /// Writes the `Cookie` line that the upstream gets: every pair but the session's and the hidden ones. Where the
    /// upstream is to see the sid, it sees one, under the plain name, whatever the browser's cookie is called. Without
    /// any pair there is no line.
    pub fn write(&self, headers: &HeaderMap, sid: Option<&SessionId>, hidden: Hidden<'_>, out: &mut Vec<u8>) {
        write_line(out, |out| {
            if let Some(sid) = sid {
                out.extend_from_slice(format!("{}={}; ", self.name, sid.expose()).as_bytes());
            }
            each_pair(headers, |pair| {
                let Some((name, _)) = split(pair) else { return };
                let core = core_of(name);
                if !name.is_empty() && !self.names(core) && !hidden.hides(core) {
                    out.extend_from_slice(pair);
                    out.extend_from_slice(b"; ");
                }
            });
        });
    }

    /// Writes all `Cookie` lines (HTTP/2 splits them, RFC 9113 section 8.2.3) as one, session included; without these.
    pub fn write_all(headers: &HeaderMap, cleared: Option<&NameSet>, out: &mut Vec<u8>) {
        write_line(out, |out| {
            if let Some(cleared) = cleared {
                return each_pair(headers, |pair| {
                    if !split(pair).is_some_and(|(name, _)| cleared.contains(core_of(name))) {
                        out.extend_from_slice(pair);
                        out.extend_from_slice(b"; ");
                    }
                });
            }
            for line in headers.get_all(COOKIE) {
                out.extend_from_slice(line.as_bytes());
                out.extend_from_slice(b"; ");
            }
        });
    }

    /// Puts a sid into a request's `Cookie`, in the place of whatever came under its name.
    pub(crate) fn replace(&self, headers: &mut HeaderMap, sid: &SessionId) {
        let name = self.name();
        let mut line = format!("{name}={}", sid.expose()).into_bytes();
        each_pair(headers, |pair| {
            if !split(pair).is_some_and(|(name, _)| self.names(core_of(name))) {
                line.extend_from_slice(b"; ");
                line.extend_from_slice(pair);
            }
        });
        if let Ok(mut value) = HeaderValue::from_maybe_shared(Bytes::from(line)) {
            value.set_sensitive(true);
            headers.insert(COOKIE, value);
        }
    }

    /// Whether an upstream's answer sets the session cookie.
    pub fn in_answer(&self, headers: &HeaderMap) -> bool {
        headers.get_all(SET_COOKIE).iter().any(|v| sets(v, &|name| self.names(name)))
    }

    /// Takes the lines that name the session cookie out of an upstream's answer; how many there were.
    pub fn drop_from_answer(&self, headers: &mut HeaderMap) -> usize {
        drop_lines(headers, &|name| self.names(name))
    }

    /// `Set-Cookie` for a session, in an answer to a request to this host. Where the configured domain is no parent of
    /// the host, a browser would refuse it: there the cookie is host-only.
    pub fn set(&self, sid: &SessionId, host: &str, expires: Option<Timestamp>) -> Option<HeaderValue> {
        let name = self.name();
        let mut line = format!("{name}={}; Path=/; HttpOnly; Secure; SameSite=Lax", sid.expose());
        if let Some(domain) = self.domain_at(host) {
            line.push_str("; Domain=");
            line.push_str(domain);
        }
        if let Some(at) = expires {
            line.push_str("; Expires=");
            // httpdate panics for what is before 1970, and a backend may well say year 1 for "none".
            line.push_str(&httpdate::fmt_http_date(at.max(Timestamp::UNIX_EPOCH).into()));
        }
        let mut value = HeaderValue::from_maybe_shared(Bytes::from(line)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// `Set-Cookie` lines that expire the session cookie in every scope where it may live: host-only, the configured
    /// domain, each parent domain, and with `path` each prefix of it.
    pub fn expire(&self, host: &str, path: Option<&str>) -> Vec<HeaderValue> {
        let mut lines = Vec::new();
        if self.host_prefix {
            lines.push(format!("{}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax", self.prefixed));
        }
        self.expire_scopes(host, path, &mut lines);
        lines.into_iter().filter_map(|l| HeaderValue::from_maybe_shared(Bytes::from(l)).ok()).collect()
    }

    /// Like [`expire`](Self::expire), but leaves our own scope for the `Set-Cookie` that goes with it: heals twins.
    pub fn expire_twins(&self, host: &str, path: &str) -> Vec<HeaderValue> {
        let mut lines = Vec::new();
        self.expire_scopes(host, Some(path), &mut lines);
        let own = self.expiry(self.domain_at(host), "/");
        let keeps_plain = !self.host_prefix;
        lines
            .into_iter()
            .filter(|l| !(keeps_plain && *l == own))
            .filter_map(|l| HeaderValue::from_maybe_shared(Bytes::from(l)).ok())
            .collect()
    }

    fn expire_scopes(&self, host: &str, path: Option<&str>, lines: &mut Vec<String>) {
        let domains = parent_domains(host, self.domain_at(host));
        let paths = path.map_or_else(|| vec!["/"], path_prefixes);
        let mut room = MAX_SID_EXPIRIES;
        for path in paths {
            for domain in std::iter::once(None).chain(domains.iter().map(|domain| Some(domain.as_str()))) {
                let line = self.expiry(domain, path);
                let left = room.checked_sub("set-cookie: \r\n".len() + line.len());
                let Some(left) = left.filter(|_| lines.len() < MAX_SID_LINES) else { return };
                room = left;
                lines.push(line);
            }
        }
    }

    fn domain_at(&self, host: &str) -> Option<&str> {
        self.domain.as_deref().filter(|domain| is_within(host, domain))
    }

    fn expiry(&self, domain: Option<&str>, path: &str) -> String {
        let mut line = format!("{}=; Path={path}; Max-Age=0; HttpOnly; Secure; SameSite=Lax", self.name);
        if let Some(domain) = domain {
            line.push_str("; Domain=");
            line.push_str(domain);
        }
        line
    }

    fn names(&self, name: &[u8]) -> bool {
        name == self.name.as_bytes() || name == self.prefixed.as_bytes()
    }
}

fn drop_lines(headers: &mut HeaderMap, named: &dyn Fn(&[u8]) -> bool) -> usize {
    let all = headers.get_all(SET_COOKIE);
    let dropped = all.iter().filter(|v| sets(v, named)).count();
    if dropped > 0 {
        let kept: Vec<HeaderValue> = all.iter().filter(|v| !sets(v, named)).cloned().collect();
        headers.remove(SET_COOKIE);
        for line in kept {
            headers.append(SET_COOKIE, line);
        }
    }
    dropped
}

/// Whether a line of an upstream's answer sets such a cookie, as browsers read it: of `=sid=x` they make a cookie
/// without a name, and send it back as `sid=x`.
fn sets(line: &HeaderValue, named: &dyn Fn(&[u8]) -> bool) -> bool {
    let names = |pair| split(pair).is_some_and(|(name, _)| named(core_of(name)));
    let pair = first_pair(line.as_bytes());
    match split(pair) {
        Some((name, value)) if core_of(name).is_empty() => names(value),
        _ => names(pair),
    }
}

/// Writes a `Cookie` line, whose pairs each end in `; `; none where there are none.
fn write_line(out: &mut Vec<u8>, pairs: impl FnOnce(&mut Vec<u8>)) {
    const NAME: &[u8] = b"cookie: ";
    let start = out.len();
    out.extend_from_slice(NAME);
    pairs(out);
    let end = out.len();
    if end == start + NAME.len() {
        out.truncate(start);
    } else {
        out.truncate(end - 2);
        out.extend_from_slice(b"\r\n");
    }
}

/// A note of the gateway's own that a browser keeps until it is closed; nothing secret. Name and value are tokens.
pub(crate) fn note(name: &str, value: &str) -> Option<HeaderValue> {
    let line = format!("{name}={value}; Path=/; HttpOnly; Secure; SameSite=Lax");
    HeaderValue::from_maybe_shared(Bytes::from(line)).ok()
}

/// Whether that note was sent, with that value.
pub(crate) fn has_note(headers: &HeaderMap, name: &str, value: &str) -> bool {
    let mut found = false;
    each_pair(headers, |pair| found |= value_of(pair, name) == Some(value.as_bytes()));
    found
}

/// Name and value of every pair as they stand there.
pub(crate) fn each<'a>(headers: &'a HeaderMap, mut f: impl FnMut(&'a [u8], &'a [u8])) {
    each_pair(headers, |pair| {
        if let Some((name, value)) = split(pair) {
            f(name, value);
        }
    });
}

/// Every pair, trimmed; empty ones are passed over.
fn each_pair<'a>(headers: &'a HeaderMap, mut f: impl FnMut(&'a [u8])) {
    for line in headers.get_all(COOKIE) {
        for pair in line.as_bytes().split(|b| *b == b';').map(trim_spaces) {
            if !pair.is_empty() {
                f(pair);
            }
        }
    }
}

/// The value of a pair of exactly this name.
fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

fn first_pair(line: &[u8]) -> &[u8] {
    trim_spaces(line.split(|b| *b == b';').next().unwrap_or_default())
}

fn split(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|b| *b == b'=')?;
    Some((&pair[..at], &pair[at + 1..]))
}

/// Spaces only: a tab or a Unicode space is part of the name, and so no `sid`.
fn trim_spaces(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

/// The name as the most lenient parser could read it: without anything around it that is no token character.
fn core_of(name: &[u8]) -> &[u8] {
    let odd = |b: &u8| *b <= b' ' || *b >= 0x7f || *b == b'"';
    let start = name.iter().position(|b| !odd(b)).unwrap_or(name.len());
    let end = name.iter().rposition(|b| !odd(b)).map_or(start, |i| i + 1);
    &name[start..end]
}

#[cfg(test)]
mod tests;
