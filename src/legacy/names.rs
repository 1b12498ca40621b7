//! Which cookies are cleared, and which of those that a request brought go first.

use http::HeaderMap;

use crate::config::{self, LegacyCarrier};
use crate::cookie::NameSet;

/// The beginnings of the gateway's own cookies: as they are, and as over https.
const OWN: [&str; 2] = ["sidgate-*", "__Host-sidgate-*"];

/// The names that are cleared, and those that carriers read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    cleared: NameSet,
    carriers: NameSet,
}

impl Names {
    /// What stands in `clear`, without what stands in `keep` and what is the gateway's own: whatever the configuration
    /// says, that is not cleared.
    pub fn new(legacy: &config::Legacy, session: &config::Session) -> Self {
        let prefixed = format!("__Host-{}", session.cookie);
        let own = || [session.cookie.as_str(), &prefixed].into_iter().chain(OWN);
        let kept = || texts(&legacy.keep).chain(own());
        let read: Vec<String> = legacy.carriers.iter().flat_map(LegacyCarrier::sent_as).collect();
        // Where `clear` has the name of Auth.js, it means the same cookie over https too.
        let listed = NameSet::new(texts(&legacy.clear), kept());
        let plain = |name: &str| ["__Secure-", "__Host-"].iter().find_map(|p| name.strip_prefix(p)).map(str::to_owned);
        let over_https =
            read.iter().filter(|name| plain(name).is_some_and(|n| read.contains(&n) && listed.contains(n.as_bytes())));
        Self {
            cleared: NameSet::new(texts(&legacy.clear).chain(over_https.map(String::as_str)), kept()),
            carriers: NameSet::new(texts(&read), []),
        }
    }

    /// Those that are cleared, their chunks included.
    pub fn cleared(&self) -> &NameSet {
        &self.cleared
    }

    /// Those that may hold a session, cleared or kept.
    pub fn carriers(&self) -> &NameSet {
        &self.carriers
    }

    /// What a request brought of those that are cleared. Carriers come first: where not all find room in one answer, the
    /// rest is of no consequence.
    pub fn sent<'a>(&self, headers: &'a HeaderMap) -> Vec<&'a [u8]> {
        let mut sent = self.cleared.sent(headers);
        sent.sort_by_key(|name| !self.carriers.contains(name));
        sent
    }
}

fn texts(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::COOKIE;

    use super::*;

    fn names(legacy: &config::Legacy) -> Names {
        Names::new(legacy, &config::Session::default())
    }

    #[test]
    fn the_contracts_lists_are_cleared_and_kept() {
        let names = names(&config::Legacy::default());
        for name in ["dott_auth_session", "session_token", "__session__3", "appSession.0", "businessId", "email"] {
            assert!(names.cleared().contains(name.as_bytes()), "{name}");
        }
        assert!(names.cleared().contains(b"CognitoIdentityServiceProvider.5.alice.idToken"));
        for name in ["auth0_state", "theme", "csrftoken", "admin_x", "__cf_bm", "cf_clearance", "unheard-of", "sid"] {
            assert!(!names.cleared().contains(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_is_ours_is_never_cleared() {
        let all = config::Legacy { clear: ["s*", "_*", "sid"].map(str::to_owned).into(), ..config::Legacy::default() };
        for own in ["sid", "__Host-sid", "sidgate-reloaded", "__Host-sidgate-disagreed"] {
            assert!(!names(&all).cleared().contains(own.as_bytes()), "{own}");
        }
        assert!(names(&all).cleared().contains(b"sid2") && names(&all).cleared().contains(b"__Host-x"));
        let session = config::Session { cookie: "gate".into(), ..config::Session::default() };
        assert!(Names::new(&all, &session).cleared().contains(b"sid"), "then `sid` is somebody else's");
    }

    #[test]
    fn a_cookie_of_authjs_is_cleared_under_its_names_over_https_too() {
        let mut legacy = config::Legacy::default();
        legacy.carriers.push(LegacyCarrier {
            name: "authjs".into(),
            cookies: ["authjs.session-token", "unlisted"].map(str::to_owned).into(),
            format: config::LegacyFormat::Authjs,
            key: None,
            key_from: config::KeyFrom::Authjs,
            pointers: config::JsonPointers::default(),
            place: config::Place::default(),
        });
        let names = names(&legacy);
        for name in ["authjs.session-token", "__Secure-authjs.session-token", "__Host-authjs.session-token.1"] {
            assert!(names.cleared().contains(name.as_bytes()) && names.carriers().contains(name.as_bytes()), "{name}");
        }
        assert!(!names.cleared().contains(b"__Secure-unlisted") && names.carriers().contains(b"__Secure-unlisted"));
        assert!(!names.cleared().contains(b"__Secure-dott_auth_session"), "that is nobody's");
    }

    #[test]
    fn carriers_are_the_first_to_go() {
        let mut legacy = config::Legacy::default();
        let place = config::Place::default();
        legacy.carriers.push(LegacyCarrier {
            name: "dott".into(),
            cookies: ["dott_auth_session", "theme"].map(str::to_owned).into(),
            format: config::LegacyFormat::Base64Json,
            key: None,
            key_from: config::KeyFrom::Sha256,
            pointers: config::JsonPointers::default(),
            place,
        });
        let mut headers = HeaderMap::new();
        let line = "role=1; theme=2; dott_auth_session__1=b; email=3; a=4; dott_auth_session__0=a; role=5";
        headers.insert(COOKIE, HeaderValue::from_static(line));
        let names = names(&legacy);
        let sent: Vec<_> = names.sent(&headers).into_iter().map(String::from_utf8_lossy).collect();
        assert_eq!(sent, ["dott_auth_session__1", "dott_auth_session__0", "role", "email"]);
        assert!(names.carriers().contains(b"theme"));
    }
}
