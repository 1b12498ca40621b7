//! The request's host, read in one way only.

use std::fmt;
use std::net::Ipv6Addr;

use http::header::HOST;
use http::uri::Uri;
use http::{HeaderMap, HeaderName, HeaderValue};

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Longest name (RFC 1035 section 2.3.4, without the length and the root).
const MAX_NAME: usize = 253;

/// Host and port of a request, in canonical form: lower case, no trailing dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    text: String,
    host: usize,
    header: HeaderValue,
    local: bool,
}

impl Default for Authority {
    /// No host: what a request has before it was read.
    fn default() -> Self {
        Self { text: String::new(), host: 0, header: HeaderValue::from_static(""), local: true }
    }
}

impl Authority {
    /// Reads `host[:port]`. A zone of an IPv6 address, a second port, userinfo, anything outside a host's characters
    /// and what is longer than a name can be are refused.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = if text.starts_with('[') {
            let end = text.find(']')? + 1;
            text[1..end - 1].parse::<Ipv6Addr>().ok()?;
            (
                &text[..end],
                text[end..].strip_prefix(':').map_or((text.len() == end).then_some(None), |p| Some(Some(p)))?,
            )
        } else {
            text.split_once(':').map_or((text, None), |(h, p)| (h, Some(p)))
        };
        if let Some(port) = port {
            port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse::<u16>().ok())??;
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if name.is_empty()
            || name.len() > MAX_NAME
            || !name.starts_with('[') && (!name.bytes().all(good) || name.contains(".."))
        {
            return None;
        }
        let mut out = name.to_ascii_lowercase();
        let host = out.len();
        if let Some(port) = port {
            out.push(':');
            out.push_str(port);
        }
        let header = HeaderValue::from_str(&out).ok()?;
        let name = &out[..host];
        let local = name == "localhost"
            || name.ends_with(".localhost")
            || name.starts_with('[')
            || name.parse::<std::net::Ipv4Addr>().is_ok();
        Some(Self { local, host, header, text: out })
    }

    /// `host[:port]`, for `Host` and `X-Forwarded-Host`.
    pub fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// Without the port; an IPv6 address in its brackets.
    pub fn host(&self) -> &str {
        &self.text[..self.host]
    }

    /// The port, if one was given.
    pub fn port(&self) -> Option<u16> {
        self.text.get(self.host + 1..)?.parse().ok()
    }

    /// `host[:port]`
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `localhost`, a name under it, or an address: where HSTS and parent domains make no sense.
    pub fn is_local(&self) -> bool {
        self.local
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The host that a trusted proxy was asked for, if it says: the last one said, read as strictly as `Host`.
pub fn forwarded_authority(headers: &HeaderMap) -> Option<Option<Authority>> {
    let item = super::last_item(headers, &X_FORWARDED_HOST)?;
    Some(std::str::from_utf8(item).ok().and_then(Authority::parse))
}

/// The one host of a request: `Host`, `:authority` or an absolute target; where several are there they must agree.
pub fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut lines = headers.get_all(HOST).iter();
    let header = lines.next().map(HeaderValue::to_str).transpose().ok()?;
    if lines.next().is_some() {
        return None;
    }
    match (uri.authority(), header) {
        (None, None) => None,
        (Some(target), None) => Authority::parse(target.as_str()),
        (None, Some(header)) => Authority::parse(header),
        (Some(target), Some(header)) => {
            Authority::parse(target.as_str()).filter(|a| Authority::parse(header).is_some_and(|b| *a == b))
        }
    }
}
