//! What can be read in two ways is refused; everything else has one spelling.

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
        ("/_next/data/B/index/index/x.json", "/index/x"),
        ("/_next/data/B/index/x.json", "/x"),
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
    for path in [
        "/x.rsc.rsc",
        "/x.segments/y.segments/z.segment.rsc",
        "/_next/data/B/x.rsc.json",
        "/_next/data/B/_next/data/C/x.json.json",
    ] {
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
