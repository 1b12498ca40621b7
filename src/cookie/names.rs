//! A set of cookie names, written as patterns: `session_token`, `CognitoIdentityServiceProvider.*`.
//!
//! Asked for every cookie of a request, so it is compiled once: whole names are looked up, beginnings are few.

use std::collections::HashSet;

use http::HeaderMap;

use super::{core_of, drop_lines, each_pair, split};

/// At most so many names of one request are listed: more could not be expired in one answer anyway.
const MAX_LISTED: usize = 128;
/// Digits of the largest number of a chunk.
const CHUNK_DIGITS: usize = 3;

/// Names of cookies. They are case-sensitive (RFC 6265 section 4.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameSet {
    patterns: Patterns,
    except: Patterns,
}

impl NameSet {
    /// What the patterns name, without what `except` names. A `*` at the end stands for anything.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>, except: impl IntoIterator<Item = &'a str>) -> Self {
        Self { patterns: Patterns::new(patterns), except: Patterns::new(except) }
    }

    /// Whether a name is in it, or a chunk of one that is (`name.0`, `name__0`: how libraries split a long value).
    pub fn contains(&self, name: &[u8]) -> bool {
        self.names(name) || !self.except.name(name) && chunked(name).is_some_and(|whole| self.names(whole))
    }

    /// Those that a request brought, each once, in the order they were sent.
    pub fn sent<'a>(&self, headers: &'a HeaderMap) -> Vec<&'a [u8]> {
        let mut sent: Vec<&[u8]> = Vec::new();
        each_pair(headers, |pair| {
            let Some((name, _)) = split(pair) else { return };
            if sent.len() < MAX_LISTED && self.contains(name) && !sent.contains(&name) {
                sent.push(name);
            }
        });
        sent
    }

    /// Whether a request brought any, however its name is spelt.
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut found = false;
        each_pair(headers, |pair| {
            found = found || split(pair).is_some_and(|(name, _)| self.contains(core_of(name)));
        });
        found
    }

    fn names(&self, name: &[u8]) -> bool {
        self.patterns.name(name) && !self.except.name(name)
    }
}

/// Cookies that the upstream does not see, besides the session's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hidden<'a> {
    /// Those that it would take for a session where there is none.
    pub session_cookies: &'a [String],
    /// Those that are being cleared.
    pub cleared: Option<&'a NameSet>,
}

impl Hidden<'_> {
    pub(super) fn hides(&self, name: &[u8]) -> bool {
        self.session_cookies.iter().any(|h| h.as_bytes() == name) || self.cleared.is_some_and(|set| set.contains(name))
    }
}

/// Takes the lines that set cookies of these names out of an upstream's answer; how many there were.
pub fn drop_set_cookies(headers: &mut HeaderMap, names: &NameSet) -> usize {
    drop_lines(headers, &|name| names.contains(name))
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Patterns {
    whole: HashSet<Box<[u8]>>,
    beginnings: Vec<Box<[u8]>>,
}

impl Patterns {
    fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut this = Self::default();
        for pattern in patterns {
            match pattern.strip_suffix('*') {
                Some(beginning) => this.beginnings.push(beginning.as_bytes().into()),
                None => drop(this.whole.insert(pattern.as_bytes().into())),
            }
        }
        this
    }

    fn name(&self, name: &[u8]) -> bool {
        self.whole.contains(name) || self.beginnings.iter().any(|beginning| name.starts_with(beginning))
    }
}

/// The name of which this one is a chunk.
fn chunked(name: &[u8]) -> Option<&[u8]> {
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let before = &name[..name.len() - digits];
    let whole = before.strip_suffix(b".").or_else(|| before.strip_suffix(b"__"))?;
    ((1..=CHUNK_DIGITS).contains(&digits) && !whole.is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::COOKIE;

    use super::*;

    fn set() -> NameSet {
        NameSet::new(
            ["session_token", "__session", "Cognito.*", "admin_secret"],
            ["admin_*", "Cognito.keep", "sid", "__session__7"],
        )
    }

    #[test]
    fn whole_names_beginnings_and_chunks_are_in_it_and_exceptions_are_not() {
        for name in ["session_token", "session_token.0", "session_token__12", "__session__0", "Cognito.", "Cognito.a.b"]
        {
            assert!(set().contains(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            "Session_Token",
            "session_token2",
            "session_token.",
            "session_token.x",
            "session_token.1234",
            "__session0",
            "Cognito",
            "Cognito.keep",
            "admin_secret",
            "admin_secret.0",
            "sid",
            "sid.0",
            "__session__7",
            ".0",
            "__0",
        ] {
            assert!(!set().contains(name.as_bytes()), "{name}");
        }
        assert!(!NameSet::default().contains(b""));
    }

    #[test]
    fn what_was_sent_is_listed_once_in_its_order_and_bounded() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; __session__1=x; session_token=y; sid=z"));
        headers.append(
            COOKIE,
            HeaderValue::from_static("session_token=other; Cognito.u=1; session_token; =session_token"),
        );
        assert_eq!(set().sent(&headers), [&b"__session__1"[..], b"session_token", b"Cognito.u"]);
        assert!(set().is_in(&headers) && !set().is_in(&HeaderMap::new()));
        let many: String = (0..5000).map(|i| format!("Cognito.{i}=; ")).collect();
        headers.insert(COOKIE, HeaderValue::try_from(many).unwrap());
        assert_eq!(set().sent(&headers).len(), MAX_LISTED);
        headers.insert(COOKIE, HeaderValue::from_static("\tsession_token=1"));
        assert!(set().sent(&headers).is_empty(), "the browser has no cookie of that name");
        assert!(set().is_in(&headers), "but a lenient parser may read one");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_name(name: Vec<u8>) {
            set().contains(&name);
            chunked(&name);
        }
    }
}
