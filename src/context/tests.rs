//! What a request says of itself, read strictly.

use proptest::prelude::*;

use super::*;
use crate::networks::Named;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    map
}

#[test]
fn page_or_api_is_decided_by_fetch_metadata_then_accept_then_the_routes_kind_else_api() {
    use Wants::{Api, Page};
    for (pairs, auto, page, api) in [
        (&[][..], Api, Page, Api),
        (&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], Page, Page, Page),
        (&[("sec-fetch-mode", "navigate"), ("accept", "application/json")], Page, Page, Page),
        (&[("sec-fetch-mode", "nested-navigate"), ("sec-fetch-dest", "iframe")], Page, Page, Page),
        (&[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "text/html")], Api, Api, Api),
        (&[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image"), ("accept", "*/*")], Api, Api, Api),
        (&[("sec-fetch-mode", "websocket"), ("accept", "text/html")], Api, Api, Api),
        (&[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")], Page, Page, Page),
        (&[("accept", "*/*")], Api, Page, Api),
        (&[("accept", "application/json")], Api, Api, Api),
        // The router of Next.js in a browser without fetch metadata.
        (&[("rsc", "1"), ("accept", "*/*")], Api, Api, Api),
        (&[("next-action", "a1"), ("accept", "text/x-component")], Api, Api, Api),
        (&[("x-nextjs-data", "1"), ("accept", "*/*")], Api, Api, Api),
    ] {
        let map = headers(pairs);
        let got = [Kind::Auto, Kind::Page, Kind::Api].map(|kind| wants(&map, kind));
        assert_eq!(got, [auto, page, api], "{pairs:?}");
    }
}

fn context(peer: &str, trusted: &[&str], pairs: &[(&'static str, &str)]) -> Context {
    let network = |text: &&str| Named::by_name(text).unwrap_or_else(|| Named::Network(text.parse().unwrap()));
    let proxies: Proxies = trusted.iter().map(network).collect();
    let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
    let connection = ConnectionInfo::new(peer, proxies.trust(peer.ip()), None, None);
    Context::new(Arc::new(connection), &Method::GET, Version::HTTP_11, &headers(pairs), &proxies)
}

#[test]
fn only_a_trusted_peer_says_whose_request_it_is() {
    let client = |peer: &str, lines: &[&str]| {
        let pairs: Vec<(&'static str, &str)> = lines.iter().map(|l| ("x-forwarded-for", *l)).collect();
        context(peer, &["10.0.0.0/8"], &pairs).client.to_string()
    };
    assert_eq!(client("203.0.113.7", &["1.2.3.4"]), "203.0.113.7", "anyone can write that");
    assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    assert_eq!(client("10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
    assert_eq!(client("10.0.0.1", &["1.2.3.4, 203.0.113.7, 10.0.0.2"]), "203.0.113.7", "from the right");
    assert_eq!(client("10.0.0.1", &["1.2.3.4", "203.0.113.7", "10.0.0.2"]), "203.0.113.7", "several lines are one");
    assert_eq!(client("10.0.0.1", &["1.2.3.4, junk, 10.0.0.2"]), "10.0.0.2", "nothing beyond what cannot be read");
    assert_eq!(client("10.0.0.1", &["203.0.113.7:5555"]), "203.0.113.7");
    assert_eq!(client("10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
    assert_eq!(client("10.0.0.1", &["::ffff:203.0.113.7"]), "203.0.113.7");
    assert_eq!(
        client("::ffff:10.0.0.1", &["203.0.113.7"]),
        "203.0.113.7",
        "IPv4 in IPv6 clothes, on a dual-stack socket"
    );
    assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3", "all are trusted: the left-most");
    for garbage in
        ["", ",", "unknown", "_hidden", "203.0.113", "0x7f000001", "1.2.3.4:99999", "[2001:db8::1", "fe80::1%eth0"]
    {
        assert_eq!(client("10.0.0.1", &["1.2.3.4", garbage]), "10.0.0.1", "{garbage}");
    }
}

#[test]
fn a_client_over_ipv6_is_read_in_every_spelling() {
    let client = |line: &str| context("fd00::1", &["private"], &[("x-forwarded-for", line)]).client.to_string();
    for line in [
        "2001:db8::7",
        "2001:DB8:0:0::7",
        "[2001:db8::7]",
        "[2001:db8::7]:443",
        "1.2.3.4, 2001:db8::7, fd00::2",
        "fe80::1%eth0, 2001:db8::7, [fd00::2]:80, ::ffff:10.0.0.3",
    ] {
        assert_eq!(client(line), "2001:db8::7", "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Proxies append: whatever a browser wrote stands further left, in the same line or in lines before.
    #[test]
    fn nothing_further_left_changes_who_the_client_is(
        before in prop::collection::vec(prop::collection::vec(any::<u8>().prop_filter("a header's byte", |b| *b >= 0x20 && *b != 0x7f), 0..60), 0..4),
        hops in prop::collection::vec(prop_oneof![Just("10.0.0.9"), Just("[fd00::9]:80"), Just("::ffff:127.0.0.1")], 0..3),
        apart in any::<bool>(),
    ) {
        let mut written = vec!["203.0.113.7"];
        written.extend(&hops);
        let written = written.join(", ");
        let mut map = HeaderMap::new();
        for line in &before {
            map.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        match (apart, before.last()) {
            (false, Some(last)) => {
                let line = [&last[..], b", ", written.as_bytes()].concat();
                map.append("x-forwarded-for", HeaderValue::from_bytes(&line).unwrap());
            }
            _ => {
                map.append("x-forwarded-for", HeaderValue::from_str(&written).unwrap());
            }
        }
        let proxies: Proxies = [Named::Private].into_iter().collect();
        let connection = ConnectionInfo::new(SocketAddr::from(([10, 0, 0, 1], 4711)), Trust::Host, None, None);
        let cx = Context::new(Arc::new(connection), &Method::GET, Version::HTTP_11, &map, &proxies);
        prop_assert_eq!(cx.client.to_string(), "203.0.113.7");
    }
}

/// Cloudflare passes a browser's own `X-Forwarded-Host` on, Fastly its `X-Forwarded-Proto` as well.
#[test]
fn a_network_of_others_is_not_believed_with_what_it_does_not_write() {
    let pairs = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.test")];
    for (peer, scheme, trust) in [
        ("10.0.0.1", "https", Trust::Host),
        ("104.16.0.1", "https", Trust::Scheme),
        ("151.101.0.1", "http", Trust::Address),
    ] {
        let cx = context(peer, &["private", "cloudflare", "fastly"], &pairs);
        assert_eq!((cx.client.to_string().as_str(), cx.scheme, cx.connection.trust), ("203.0.113.7", scheme, trust));
    }
    let through =
        |hops| context("104.16.0.1", &["cloudflare", "10.0.0.0/8"], &[("x-forwarded-for", hops)]).client.to_string();
    assert_eq!(through("1.2.3.4, 203.0.113.7, 10.0.0.1, 172.64.0.9"), "203.0.113.7", "through several networks");
}

#[test]
fn only_a_trusted_peer_says_how_the_request_came_and_what_trace_it_belongs_to() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let pairs = [("x-forwarded-proto", "https"), ("traceparent", trace)];
    let believed = context("10.0.0.1", &["10.0.0.0/8"], &pairs);
    assert_eq!((believed.scheme, believed.traceparent.as_bytes()), ("https", trace.as_bytes()));
    let not = context("203.0.113.7", &["10.0.0.0/8"], &pairs);
    assert_eq!(not.scheme, "http");
    assert_ne!(not.traceparent.as_bytes(), trace.as_bytes());
    assert_eq!(TraceParent::read(&not.traceparent.header()), Some(not.traceparent), "one of our own");
    assert_ne!(not.traceparent, context("203.0.113.7", &[], &[]).traceparent);
}

#[test]
fn a_traceparent_is_one_of_version_0_to_fe_with_ids_that_are_not_zero() {
    let is = |text: &str| TraceParent::read(&HeaderValue::from_str(text).unwrap()).is_some();
    assert!(is("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    for bad in [
        "",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
    ] {
        assert!(!is(bad), "{bad}");
    }
}

#[test]
fn an_authority_is_read_in_one_way_only() {
    let read = |text: &str| Authority::parse(text).map(|a| (a.host().to_owned(), a.port()));
    let is = |host: &str, port| Some((host.to_owned(), port));
    assert_eq!(read("App.Test"), is("app.test", None));
    assert_eq!(read("app.test.:8443"), is("app.test", Some(8443)));
    assert_eq!(read("[::1]:8443"), is("[::1]", Some(8443)));
    assert_eq!(read("127.0.0.1"), is("127.0.0.1", None));
    for bad in [
        "",
        ".",
        "a..b",
        "a b",
        "user@app.test",
        "app.test:80:80",
        "app.test:",
        "app.test:x",
        "app.test:70000",
        "app.test/x",
        "app.test?x",
        "app.test#x",
        "[::1",
        "[::1]x",
        "[fe80::1%25eth0]",
        "[]",
        "éa.test",
        "a\\b",
        "app.test:+80",
        "a,b",
    ] {
        assert_eq!(read(bad), None, "{bad:?}");
    }
}

#[test]
fn there_is_exactly_one_host_or_none() {
    let uri = |text: &str| text.parse::<Uri>().unwrap();
    let found = |target: &str, hosts: &[&str]| {
        let pairs: Vec<(&'static str, &str)> = hosts.iter().map(|h| ("host", *h)).collect();
        authority(&uri(target), &headers(&pairs)).map(|a| a.as_str().to_owned())
    };
    assert_eq!(found("/x", &["app.test"]).as_deref(), Some("app.test"));
    assert_eq!(found("https://app.test/x", &[]).as_deref(), Some("app.test"));
    assert_eq!(found("https://app.test/x", &["APP.test."]).as_deref(), Some("app.test"));
    assert_eq!(found("https://app.test/x", &["evil.test"]), None);
    assert_eq!(found("/x", &["app.test", "app.test"]), None);
    assert_eq!(found("/x", &[]), None);
}
