//! Short-lived markers of the gateway's own: they carry no data, their presence is the message.
//!
//! They decide what a page does next, so nobody else may set them: over https they are `__Host-` cookies, which
//! browsers take from the host itself alone, not from a sibling that sets one for the parent domain. Over plain http
//! browsers take none of that name; there is no better one there.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::{each_pair, split};

/// How long a browser keeps one.
const SECONDS: u32 = 10;

/// What a browser is marked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// The upstream sent it away against the session.
    Disagreed,
    /// The upstream sent a visitor on from sign-in, which may turn out to be the same.
    SentOn,
    /// It was asked to reload because its sid is being replaced.
    Reloaded,
}

impl Marker {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Disagreed, Self::SentOn, Self::Reloaded];

    /// Its `Set-Cookie`, in an answer to a browser that came by this scheme.
    pub fn set(self, scheme: &str) -> HeaderValue {
        line(self.name(scheme), "1", SECONDS)
    }

    /// The `Set-Cookie` that takes it away again.
    pub fn expire(self, scheme: &str) -> HeaderValue {
        line(self.name(scheme), "", 0)
    }

    /// Whether the browser bears it.
    pub fn is_in(self, headers: &HeaderMap, scheme: &str) -> bool {
        let name = self.name(scheme).as_bytes();
        let mut found = false;
        each_pair(headers, |pair| found |= split(pair).is_some_and(|(n, _)| n == name));
        found
    }

    /// Its name, where the browser came by this scheme.
    pub fn name(self, scheme: &str) -> &'static str {
        match (self, scheme == "https") {
            (Self::Disagreed, true) => "__Host-sidgate-disagreed",
            (Self::Disagreed, false) => "sidgate-disagreed",
            (Self::SentOn, true) => "__Host-sidgate-sent-on",
            (Self::SentOn, false) => "sidgate-sent-on",
            (Self::Reloaded, true) => "__Host-sidgate-reloaded",
            (Self::Reloaded, false) => "sidgate-reloaded",
        }
    }
}

fn line(name: &str, value: &str, seconds: u32) -> HeaderValue {
    let line = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax");
    HeaderValue::from_maybe_shared(Bytes::from(line)).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    #[test]
    fn over_https_a_marker_is_one_that_only_this_host_can_set() {
        for marker in Marker::ALL {
            let set = marker.set("https");
            let set = set.to_str().unwrap();
            assert!(
                set.starts_with("__Host-sidgate-") && set.contains("; Path=/;") && set.contains("; Secure"),
                "{set}"
            );
            assert!(set.contains("Max-Age=10") && !set.contains("Domain"), "{set}");
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_str(set.split(';').next().unwrap()).unwrap());
            assert!(marker.is_in(&headers, "https") && !marker.is_in(&headers, "http"));
            let plain = marker.set("http");
            headers.insert(COOKIE, HeaderValue::from_str(plain.to_str().unwrap().split(';').next().unwrap()).unwrap());
            assert!(!marker.is_in(&headers, "https"), "a sibling host can set that one for the parent domain");
            assert!(marker.is_in(&headers, "http"));
            let gone = marker.expire("https");
            assert!(gone.to_str().unwrap().contains("=; Path=/; Max-Age=0;"), "{gone:?}");
        }
    }
}
