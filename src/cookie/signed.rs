//! A short-lived note of the gateway's own that carries data: signed, so that nobody else can write one.
//!
//! Over https it is a `__Host-` cookie, like the markers. What is forged, cut off, or signed by another key is none; so is
//! what came twice, but for the first that is genuine.

use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::{each_pair, value_of};
use crate::config::Secret;

/// Bytes of the HMAC-SHA256 at the end.
const TAG: usize = 32;
/// Characters of a value; longer ones are not even decoded.
const LONGEST: usize = 512;

/// The redirects of a browser within the last moments.
#[derive(Debug)]
pub struct RedirectsCookie {
    key: hmac::Key,
    seconds: u64,
}

impl RedirectsCookie {
    /// Kept by browsers for `window`. The key follows from the gateway's key, so that all gateways of a fleet read each
    /// other's; where there is none it is made up, and each reads its own.
    pub fn new(secret: Option<&Secret>, window: Duration) -> Self {
        let mut made_up = [0; 32];
        let bytes = match secret {
            Some(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
                hmac::sign(&key, b"sidgate: redirects of a browser").as_ref().to_vec()
            }
            None => {
                // Without randomness everything of TLS would fail before this does.
                let _ = rand::fill(&mut made_up);
                made_up.to_vec()
            }
        };
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &bytes), seconds: window.as_secs().max(1) }
    }

    /// Its name, where the browser came by this scheme.
    pub fn name(scheme: &str) -> &'static str {
        if scheme == "https" { "__Host-sidgate-redirects" } else { "sidgate-redirects" }
    }

    /// Whether there is one, genuine or not.
    pub fn is_in(headers: &HeaderMap, scheme: &str) -> bool {
        let mut found = false;
        each_pair(headers, |pair| found |= value_of(pair, Self::name(scheme)).is_some());
        found
    }

    /// What it says.
    pub fn read(&self, headers: &HeaderMap, scheme: &str) -> Option<Vec<u8>> {
        let mut found = None;
        each_pair(headers, |pair| {
            if let (None, Some(value)) = (&found, value_of(pair, Self::name(scheme))) {
                found = self.open(value);
            }
        });
        found
    }

    /// `Set-Cookie` with this.
    pub fn set(&self, content: &[u8], scheme: &str) -> HeaderValue {
        let mut bytes = content.to_vec();
        bytes.extend_from_slice(hmac::sign(&self.key, content).as_ref());
        line(scheme, &BASE64URL.encode(bytes), self.seconds)
    }

    /// The `Set-Cookie` that takes it away again.
    pub fn expire(scheme: &str) -> HeaderValue {
        line(scheme, "", 0)
    }

    /// Compared in constant time.
    fn open(&self, value: &[u8]) -> Option<Vec<u8>> {
        if value.len() > LONGEST {
            return None;
        }
        let mut bytes = BASE64URL.decode(value).ok()?;
        let tag = bytes.split_off(bytes.len().checked_sub(TAG)?);
        hmac::verify(&self.key, &bytes, &tag).ok()?;
        Some(bytes)
    }
}

fn line(scheme: &str, value: &str, seconds: u64) -> HeaderValue {
    let name = RedirectsCookie::name(scheme);
    let line = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax");
    HeaderValue::from_maybe_shared(Bytes::from(line)).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use proptest::prelude::*;

    use super::*;

    fn cookie(secret: &str) -> RedirectsCookie {
        RedirectsCookie::new(Some(&Secret::new(secret)), Duration::from_secs(20))
    }

    fn sent(pairs: &[&str]) -> HeaderMap {
        pairs.iter().map(|pair| (COOKIE, HeaderValue::from_str(pair).unwrap())).collect()
    }

    fn pair(set: &HeaderValue) -> String {
        set.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    #[test]
    fn all_gateways_of_a_fleet_read_what_one_of_them_wrote_and_nobody_else_writes_it() {
        let (one, other) = (cookie("of the fleet"), cookie("of the fleet"));
        let set = one.set(b"three times", "https");
        let text = set.to_str().unwrap();
        assert!(
            text.starts_with("__Host-sidgate-redirects=") && text.contains("; Path=/; Max-Age=20; HttpOnly; Secure")
        );
        assert!(!text.contains("Domain"), "{text}");
        let headers = sent(&["a=1", &pair(&set)]);
        assert!(RedirectsCookie::is_in(&headers, "https") && !RedirectsCookie::is_in(&headers, "http"));
        assert_eq!(other.read(&headers, "https").as_deref(), Some(&b"three times"[..]));
        assert_eq!(other.read(&headers, "http"), None, "what a sibling host may set counts over plain http only");
        let (stranger, keyless) = (cookie("of another"), RedirectsCookie::new(None, Duration::ZERO));
        assert_eq!((stranger.read(&headers, "https"), keyless.read(&headers, "https")), (None, None));
        let forged = "__Host-sidgate-redirects=AAAA";
        assert_eq!(one.read(&sent(&[forged, &pair(&set)]), "https").as_deref(), Some(&b"three times"[..]));
        assert!(RedirectsCookie::expire("https").to_str().unwrap().contains("=; Path=/; Max-Age=0;"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_none(value in "[!-:<-~]{0,600}", flipped in 0usize..60, bit in 0u8..6) {
            let cookie = cookie("of the fleet");
            prop_assert_eq!(cookie.read(&sent(&[&format!("sidgate-redirects={value}")]), "http"), None);
            let mut good = BASE64URL.encode([b"some hops".as_slice(), hmac::sign(&cookie.key, b"some hops").as_ref()].concat());
            let at = flipped % good.len();
            let other = good.as_bytes()[at] ^ 1 << bit;
            let other = if other.is_ascii_alphanumeric() { char::from(other) } else { '!' };
            good.replace_range(at..=at, &other.to_string());
            prop_assert_eq!(cookie.read(&sent(&[&format!("sidgate-redirects={good}")]), "http"), None);
        }
    }
}
