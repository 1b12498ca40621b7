//! The one canonical path: what rules see and what goes upstream.
//!
//! A gateway is bypassed where it reads a path differently from the application behind it. So a path is brought into
//! one spelling before anything looks at it, and that spelling is what is forwarded. What cannot be read in one way
//! only is refused: dot segments (browsers resolve them themselves, RFC 3986 section 5.2.4, so nobody honest sends
//! one), encoded separators, backslashes, NUL and controls, overlong or broken UTF-8, path parameters (`;`), and
//! segments that end in a dot or a space (some servers drop those).
//!
//! Next.js knows a page under further addresses (`/x.rsc`, `/x.segments/..`, `/_next/data/<build>/x.json`);
//! [`page_of`] gives the page such an address belongs to, so that it falls under the page's own rule as well;
//! [`image_of`] the same for the picture that the image optimizer is asked for.

mod image;

use std::borrow::Cow;
use std::fmt;

use crate::config::{Paths, is_plain};
pub use image::image_of;

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFault {
    /// Does not begin with `/` (`*`, or an authority).
    NotAbsolute,
    /// `.` or `..`, in any spelling, or a segment that ends in a dot or a space.
    DotSegment,
    /// An encoded `/`, `\`, NUL, control character, or one of `% ? # ;` that `allow_encoded` does not list.
    Encoded,
    /// A `%` without two hex digits.
    BadEscape,
    /// Not UTF-8 after decoding.
    NotUtf8,
    /// `\`, `;` or a control character as it stands, or what ends a path: `?`, `#`.
    Character,
    /// One Next.js spelling inside another.
    NestedSpelling,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the path does not begin with a slash",
            Self::DotSegment => "the path has a segment that is or ends in a dot or a space",
            Self::Encoded => "the path has an encoded character that may not be encoded",
            Self::BadEscape => "the path has a % without two hex digits",
            Self::NotUtf8 => "the path is not UTF-8",
            Self::Character => "the path has a backslash, a semicolon or a control character",
            Self::NestedSpelling => "the path is a page's data address inside another",
        })
    }
}

/// Brings a path (without query) into its canonical spelling.
///
/// Empty segments are merged (`//x` is `/x`), what may stand for itself is decoded (`/%73` is `/s`, `/%40` is `/@`), other
/// escapes are written in upper case, and characters that may not stand for themselves are encoded. A path that is canonical
/// already is borrowed.
///
/// # Errors
/// A [`PathFault`] for what cannot be read in one way only.
pub fn canonical<'a>(raw: &'a str, rules: &Paths) -> Result<Cow<'a, str>, PathFault> {
    if !raw.starts_with('/') {
        return Err(PathFault::NotAbsolute);
    }
    if is_canonical(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    let text = respell(raw.as_bytes(), rules)?;
    for segment in text.split('/') {
        if segment.ends_with('.') || segment.ends_with("%20") {
            return Err(PathFault::DotSegment);
        }
    }
    check_utf8(&text)?;
    Ok(Cow::Owned(text))
}

/// One pass over the common case: plain characters, no empty segment, no segment that ends in a dot.
fn is_canonical(path: &[u8]) -> bool {
    let mut previous = 0;
    for &b in path {
        if !PLAIN[usize::from(b)] || (b == b'/' && matches!(previous, b'/' | b'.')) {
            return false;
        }
        previous = b;
    }
    previous != b'.'
}

/// What stands for itself, and `/`.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = is_plain(byte) || byte == b'/';
        byte += 1;
    }
    table
};

fn respell(raw: &[u8], rules: &Paths) -> Result<String, PathFault> {
    let mut out = String::with_capacity(raw.len() + 8);
    let mut i = 0;
    while i < raw.len() {
        let b = raw[i];
        i += 1;
        match b {
            b'/' if out.ends_with('/') => {}
            b'\\' | b';' | b'?' | b'#' | 0..=0x1f | 0x7f => {
                if b != b';' || !rules.allow_encoded.contains(&';') {
                    return Err(PathFault::Character);
                }
                out.push(';');
            }
            b'%' => {
                let decoded = escape(raw, i).ok_or(PathFault::BadEscape)?;
                i += 2;
                push_decoded(&mut out, decoded, rules)?;
            }
            _ if PLAIN[usize::from(b)] => out.push(char::from(b)),
            _ => push_escape(&mut out, b),
        }
    }
    Ok(out)
}

fn escape(raw: &[u8], at: usize) -> Option<u8> {
    let high = char::from(*raw.get(at)?).to_digit(16)?;
    let low = char::from(*raw.get(at + 1)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

fn push_decoded(out: &mut String, decoded: u8, rules: &Paths) -> Result<(), PathFault> {
    match decoded {
        b'/' | b'\\' | 0..=0x1f | 0x7f => return Err(PathFault::Encoded),
        b'%' | b'?' | b'#' | b';' if !rules.allow_encoded.contains(&char::from(decoded)) => {
            return Err(PathFault::Encoded);
        }
        // `/%40admin` is `/@admin` to an application that decodes, so it is to the rules.
        _ if is_plain(decoded) => out.push(char::from(decoded)),
        _ => push_escape(out, decoded),
    }
    Ok(())
}

fn push_escape(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// Overlong forms, surrogates and stray bytes are not UTF-8 (RFC 3629 section 3).
fn check_utf8(text: &str) -> Result<(), PathFault> {
    if !text.contains('%') {
        return Ok(());
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| PathFault::NotUtf8)?;
    // C1 controls and the like come only through UTF-8, so they are looked for here.
    if decoded.chars().any(char::is_control) { Err(PathFault::Encoded) } else { Ok(()) }
}

/// The page that a canonical path is a Next.js spelling of, if it is one.
///
/// # Errors
/// [`PathFault::NestedSpelling`] where peeling one spelling off leaves another: no Next.js makes such addresses, and
/// which page they mean would be a guess.
pub fn page_of(path: &str, rules: &Paths) -> Result<Option<String>, PathFault> {
    if !rules.nextjs {
        return Ok(None);
    }
    let Some(page) = peel(path, rules) else {
        return Ok(without_locale(path, rules));
    };
    if peel(&page, rules).is_some() {
        return Err(PathFault::NestedSpelling);
    }
    Ok(Some(without_locale(&page, rules).unwrap_or(page)))
}

fn peel(path: &str, rules: &Paths) -> Option<String> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let inner = path.strip_prefix(&rules.base_path)?;
    if let Some(data) = inner.strip_prefix("/_next/data/") {
        let (_build, page) = data.split_once('/')?;
        let page = page.strip_suffix(".json")?;
        return Some(page_path(&rules.base_path, page));
    }
    // `/x.segments/a/b.segment.rsc`: the page is what stands before `.segments/`.
    if path.ends_with(".rsc") {
        if let Some((page, _)) = inner.split_once(".segments/") {
            return Some(page_path(&rules.base_path, page));
        }
        let page = inner.strip_suffix(".rsc")?;
        return Some(page_path(&rules.base_path, page.strip_suffix(".prefetch").unwrap_or(page)));
    }
    None
}

/// Next.js writes the root page as `index`.
fn page_path(base: &str, page: &str) -> String {
    let page = page.strip_prefix('/').unwrap_or(page);
    let page = if page == "index" { "" } else { page.strip_prefix("index/index").map_or(page, |_| &page[6..]) };
    format!("{base}/{page}")
}

/// `/en/x` -> `/x`, `/en` -> `/`, for the configured locales, below the base path.
fn without_locale(path: &str, rules: &Paths) -> Option<String> {
    if rules.locales.is_empty() {
        return None;
    }
    let inner = path.strip_prefix(&rules.base_path)?.strip_prefix('/')?;
    let (first, rest) = inner.split_once('/').unwrap_or((inner, ""));
    let is_locale = rules.locales.iter().any(|l| l.eq_ignore_ascii_case(first));
    is_locale.then(|| format!("{}/{rest}", rules.base_path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canon(raw: &str) -> Result<String, PathFault> {
        canonical(raw, &Paths::default()).map(Cow::into_owned)
    }

    /// Which spellings of `/stream` a Next.js application serves, was measured; each must be refused here or end in
    /// the same canonical path.
    #[test]
    fn every_address_that_reaches_a_page_is_refused_or_is_that_page() {
        for raw in [
            "/stream",
            "/./stream",
            "/x/../stream",
            "/x/%2e%2e/stream",
            "/_next/../stream",
            "/_next/static/../../stream",
            "/_next/static/%2e%2e/%2e%2e/stream",
            "/stream/",
            "//stream",
            "/\\stream",
            "/x\\..\\stream",
            "/%73tream",
        ] {
            match canon(raw) {
                Ok(path) => assert_eq!(path.trim_end_matches('/'), "/stream", "{raw}"),
                Err(fault) => assert!(matches!(fault, PathFault::DotSegment | PathFault::Character), "{raw} {fault:?}"),
            }
        }
        assert_eq!(canon("/Stream").unwrap(), "/Stream");
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for raw in [
            "/public/../admin",
            "/public/%2e%2e/admin",
            "/public/.%2E/admin",
            "/public/..;/admin",
            "/public/./admin",
            "/public/..",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%5Cb",
            "/a%00",
            "/a%3bb",
            "/a%25",
            "/a%3f",
            "/a%23",
            "/%252e%252e/admin",
            "/..%c0%af",
            "/%c0%ae%c0%ae/",
            "/%ed%a0%80",
            "/a;b",
            "/a?b",
            "/a#b",
            "/admin.",
            "/admin%20",
            "/a%0d%0a",
            "/a%c2%85",
            "/%",
            "/%4",
            "/%zz",
            "*",
            "admin",
            "",
        ] {
            assert!(canon(raw).is_err(), "{raw} -> {:?}", canon(raw));
        }
    }

    #[test]
    fn one_spelling_of_everything_else() {
        for (raw, path) in [
            ("/", "/"),
            ("//", "/"),
            ("///admin", "/admin"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/%7Euser", "/~user"),
            ("/%40admin%21%2A", "/@admin!*"),
            ("/a b", "/a%20b"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a/{id}", "/a/%7Bid%7D"),
        ] {
            assert_eq!(canon(raw).as_deref(), Ok(path), "{raw}");
        }
    }

    #[test]
    fn allowed_escapes_go_on_as_they_are() {
        let rules = Paths { allow_encoded: vec!['%', '?'], ..Paths::default() };
        assert_eq!(canonical("/100%25", &rules).unwrap(), "/100%25");
        assert_eq!(canonical("/a%3fb", &rules).unwrap(), "/a%3Fb");
        assert!(canonical("/a%23b", &rules).is_err());
        assert!(canonical("/a#b", &rules).is_err());
        // Where a query would begin, even if its escape is allowed.
        assert!(canonical("/a?b", &rules).is_err());
    }

    #[test]
    fn the_other_spellings_of_a_page_name_the_page() {
        let rules = Paths { locales: vec!["en".into()], ..Paths::default() };
        for (path, page) in [
            ("/x.rsc", "/x"),
            ("/x.prefetch.rsc", "/x"),
            ("/index.rsc", "/"),
            ("/a/b.segments/_tree.segment.rsc", "/a/b"),
            ("/a.segments/b/c.segment.rsc", "/a"),
            ("/_next/data/B/x.json", "/x"),
            ("/_next/data/B/x.json/", "/x"),
            ("/_next/data/B/index.json", "/"),
            ("/_next/data/B/en/x.json", "/x"),
            ("/_next/data/B/index/index.json", "/index"),
            ("/en/x", "/x"),
            ("/en", "/"),
        ] {
            assert_eq!(page_of(path, &rules).unwrap().as_deref(), Some(page), "{path}");
        }
        let below = Paths { base_path: "/shop".into(), ..rules.clone() };
        for (path, page) in [
            ("/shop/x.rsc", "/shop/x"),
            ("/shop/_next/data/B/en/x.json", "/shop/x"),
            ("/shop/_next/data/B/index.json", "/shop/"),
            ("/shop/en/x", "/shop/x"),
        ] {
            assert_eq!(page_of(path, &below).unwrap().as_deref(), Some(page), "{path}");
        }
        for path in ["/x", "/_next/static/chunks/x.js", "/_next/image", "/x.json"] {
            assert_eq!(page_of(path, &rules), Ok(None), "{path}");
        }
        for path in ["/x.rsc.rsc", "/_next/data/B/x.rsc.json", "/_next/data/B/_next/data/C/x.json.json"] {
            assert_eq!(page_of(path, &rules), Err(PathFault::NestedSpelling), "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_path_stays_as_it_is(raw in "/[ -~é]{0,40}") {
            if let Ok(path) = canon(&raw) {
                prop_assert_eq!(canon(&path), Ok(path.clone()));
                prop_assert!(!path.split('/').any(|s| s == "." || s == ".."));
                prop_assert!(!path.contains("//") && !path.contains('\\'));
                prop_assert!(path.is_ascii());
            }
        }

        /// What any number of decodings upstream could make of it stays under the same rule.
        #[test]
        fn no_decoding_reveals_a_separator_or_a_dot_segment(raw in "/([a-z./%;\\\\]|%[0-9a-fA-F]{2}){0,20}") {
            if let Ok(path) = canon(&raw) {
                let once = percent_encoding::percent_decode_str(&path).decode_utf8().unwrap().into_owned();
                prop_assert_eq!(once.matches('/').count(), path.matches('/').count());
                prop_assert!(!once.contains('%'));
                prop_assert!(!once.split('/').any(|s| s == "." || s == ".."));
            }
        }
    }
}
