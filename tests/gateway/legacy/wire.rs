//! What is on the wire when legacy cookies are worth nothing: always the same, and never a session without the
//! backend's word.

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::MIGRATE;
use crate::support::backend::{ALICE, Act, Scripted, World, made_up, says};
use crate::support::legacy::{
    SECRET, authjs, base64_json, cbc, cbc_under, encoded, gcm, jwe, next_auth, session, tables, token,
};
use crate::support::wire::{Connection, nothing};

/// The automatic stop is another promise.
const NEVER_STOPS: &str = "stop_failures = \"100%\"\nstop_minimum = 1000000\n";

fn refuses(backend: &Scripted) {
    backend.on(MIGRATE, says(401, &json!({ "code": "proof_refused" })));
}

/// One character of base64 changed, so that what it decodes to is another.
fn flipped(value: &str, at: usize) -> String {
    let mut bytes = value.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

/// Everything that can go wrong with a `dott_auth_session`, and a good one that the backend refuses.
fn worthless() -> Vec<(&'static str, String)> {
    let good = session(Some(&made_up()));
    let sealed = cbc(SECRET, &good);
    let key = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, SECRET.as_bytes());
    let of = |text: &str| cbc_under(key.as_ref(), text);
    let mut expired = good.clone();
    expired["expiresAt"] = json!(1_000_000_000_000_u64);
    let (protected, unprotected) = (gcm(SECRET, &good), base64_json(&good));
    vec![
        ("refused", sealed.clone()),
        ("refused, percent-encoded", encoded(&sealed)),
        ("refused, unprotected", unprotected.clone()),
        ("refused, authenticated", protected.clone()),
        ("padding", flipped(&sealed, sealed.len() - 4)),
        ("garbled JSON", flipped(&sealed, sealed.len() / 2)),
        ("garbled IV", flipped(&sealed, 3)),
        ("cut off", sealed[..sealed.len() - 24].to_owned()),
        ("no whole block", sealed[..sealed.len() - 4].to_owned()),
        ("an IV alone", sealed[..25].to_owned()),
        ("a short IV", format!("AAAA{}", &sealed[24..])),
        ("another key", cbc("another secret altogether, that nobody has", &good)),
        ("an authenticated one, changed", flipped(&protected, protected.len() / 2)),
        ("an authenticated one, cut off", protected[..20].to_owned()),
        ("expired", cbc(SECRET, &expired)),
        ("no proof", cbc(SECRET, &session(None))),
        ("an empty object", of("{}")),
        ("an array", of("[]")),
        ("no JSON", of("nothing to see here")),
        ("a sentinel in it", cbc(SECRET, &session(Some("backend_session")))),
        ("an id in capitals", cbc(SECRET, &session(Some(&made_up().to_uppercase())))),
        ("deep JSON", of(&("[".repeat(2000) + &"]".repeat(2000)))),
        ("unprotected, no proof", base64_json(&session(None))),
        ("unprotected, no JSON", base64_json(&json!("text"))),
        ("a JWE in the wrong place", jwe(SECRET, &good)),
        ("a token in the wrong place", token("somebody")),
        ("too large", cbc(SECRET, &json!({ "sessionToken": made_up(), "more": "x".repeat(20_000) }))),
        ("no base64", "~~~~".to_owned()),
        ("broken percent-encoding", "%zz%4".to_owned()),
        ("a sentinel", "session-v2-active".to_owned()),
        ("a word", "x".to_owned()),
    ]
}

/// The answer's bytes, but for what is another one in every answer.
fn bare(raw: &str) -> String {
    let id = raw.lines().find_map(|l| l.strip_prefix("x-request-id: ")).expect("an answer with an id");
    let lines = raw.split_inclusive("\r\n").filter(|l| !l.starts_with("date: "));
    lines.collect::<String>().replace(id, "<id>")
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_can_go_wrong_with_a_cookie_looks_the_same_on_the_wire() {
    let world = World::with(&(tables("enforce", NEVER_STOPS) + "[sign_in]\nper_client = \"10000/s\"\n")).await;
    refuses(&world.backend);
    world.front.on("GET ", Act::Answer(200, "a page".into(), vec![("content-type", "text/html".into())]));
    let (client, host, origin) = (world.client(), world.client().authority(), world.client().origin());
    let navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\n";
    let post = format!("Origin: {origin}\r\nContent-Type: application/json\r\nContent-Length: 0\r\n");
    for (line, headers) in [
        ("GET /dashboard", navigation),
        ("GET /acme/dashboard/x", navigation),
        ("GET /optional", navigation),
        ("GET /api/whoami", "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"),
        ("GET /api/auth/session-v2", "Sec-Fetch-Mode: cors\r\n"),
        ("POST /api/auth/migrate-session", &*post),
        ("POST /api/auth/fix-session", &*post),
    ] {
        let mut first: Option<String> = None;
        for (what, value) in worthless() {
            let asked = format!(
                "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\
                 Cookie: theme=dark; dott_auth_session={value}; tenant_id=1\r\n\r\n"
            );
            let answer = client.raw(asked).await;
            let said = bare(&answer);
            assert!(!said.contains("sid=") || said.contains("sid=;"), "{line}, {what}: {said}");
            match &first {
                None => first = Some(said),
                Some(first) => assert_eq!(&said, first, "{line}, {what}"),
            }
        }
    }
    let (_, metrics) = world.gateway.admin("/metrics").await;
    assert!(!metrics.contains("outcome=\"migrated\"} 1"), "{metrics}");
}

const NAMES: &[&str] = &[
    "dott_auth_session",
    "dott_auth_session.0",
    "dott_auth_session__1",
    "appSession",
    "__session",
    "__session__0",
    "__session__1",
    "session_token",
    "authjs.session-token",
    "authjs.session-token.0",
    "tenantId",
    "csrftoken",
    "x",
];

/// A pair of a `Cookie` header, from likely to absurd. `old` are ids of sessions that live: as proofs, never as a sid.
fn pair(old: &[String]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let of = |id: &String| {
        let good = session(Some(id));
        [
            ("session_token", id.clone()),
            ("session_token", token(id)),
            ("dott_auth_session", cbc(SECRET, &good)),
            ("appSession", base64_json(&good)),
            ("__session", jwe(SECRET, &good)),
            ("authjs.session-token", next_auth(SECRET, &good)),
            ("authjs.session-token", authjs(SECRET, "authjs.session-token", &good)),
        ]
    };
    let mut values: Vec<(&'static str, String)> = old.iter().flat_map(of).collect();
    values.extend(old.iter().take(3).map(|id| ("dott_auth_session", gcm(SECRET, &session(Some(id))))));
    values.push(("session_token", "backend_session".to_owned()));
    // Where it belongs, or anywhere.
    let value = (prop::sample::select(values), prop::option::weighted(0.3, prop::sample::select(NAMES)));
    let value = value.prop_map(|((own, value), other)| (other.unwrap_or(own), value));
    let value = (value, any::<prop::sample::Index>(), any::<u8>(), 0..12_u8);
    let mutated = value.prop_map(|((name, value), at, byte, how)| {
        let mut bytes = value.into_bytes();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] ^= byte,
            1 => bytes.truncate(at),
            2 => bytes.insert(at, byte),
            3 => bytes = encoded(&String::from_utf8_lossy(&bytes)).into_bytes(),
            4 => drop(bytes.drain(..at)),
            5 => bytes.extend_from_within(at..),
            _ => {}
        }
        [name.as_bytes(), b"=", &bytes].concat()
    });
    let anything = (prop::sample::select(NAMES), prop::collection::vec(any::<u8>(), 0..60));
    let anything = anything.prop_map(|(name, bytes)| [name.as_bytes(), b"=", &bytes].concat());
    let random_sid =
        any::<[u8; 16]>().prop_map(|b| format!("sid={}", uuid::Builder::from_random_bytes(b).into_uuid()).into_bytes());
    let odd =
        prop::sample::select(&["sid=backend_session", "sid=", "=x", "session_token", "$Version=1", "sid=\"x\""][..])
            .prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![20 => mutated, 3 => anything, 1 => random_sid, 2 => odd]
}

/// A header: pairs, and what a client may put between them. Bytes that no header can have are left out.
fn header(old: &[String]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let between = prop::sample::select(&["; ", ";", " ; ", "; ; ", "\t;"][..]);
    prop::collection::vec((pair(old), between), 1..6).prop_map(|pairs| {
        let whole: Vec<u8> =
            pairs.into_iter().flat_map(|(pair, between)| [pair, between.as_bytes().to_vec()].concat()).collect();
        whole.into_iter().filter(|b| (*b >= b' ' && *b != 0x7f) || *b == b'\t').collect()
    })
}

const PATHS: [&str; 5] = ["/dashboard", "/api/whoami", "/optional", "/auth/signin", "/api/auth/session-v2"];

/// Sends headers made at random, and shows each answer to `look`.
async fn at_random(
    world: &World,
    cases: usize,
    old: &[String],
    look: impl Fn(&str, http::StatusCode, &http::HeaderMap, &Bytes),
) {
    let (mut runner, strategy) = (TestRunner::deterministic(), header(old));
    let mut connections = [Connection::open(&world.client()).await, Connection::open(&world.client().h2()).await];
    for n in 0..cases {
        let cookie = strategy.new_tree(&mut runner).unwrap().current();
        let path = PATHS[n % PATHS.len()];
        let request = Request::get(path).header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        let request = request.header("accept", "text/html").header("cookie", &cookie[..]).body(nothing()).unwrap();
        let answer = connections[n % 2].send(request).await;
        let (parts, body) = answer.unwrap_or_else(|e| panic!("{e}: {path} {}", cookie.escape_ascii())).into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        look(&format!("{path} {}", cookie.escape_ascii()), parts.status, &parts.headers, &body);
    }
}

fn sets_a_sid(headers: &http::HeaderMap) -> bool {
    headers
        .get_all("set-cookie")
        .iter()
        .any(|line| line.as_bytes().starts_with(b"sid=") && !line.as_bytes().starts_with(b"sid=;"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_cookies_are_nobody_is_signed_in_without_the_backend_s_word() {
    let world = World::with(&tables("enforce", NEVER_STOPS)).await;
    let mut old = Vec::new();
    for _ in 0..40 {
        old.push(world.sid(ALICE).await);
    }
    refuses(&world.backend);
    at_random(&world, 600, &old, |what, status, headers, _| {
        assert!(status.as_u16() < 500 && status != 431, "{status}: {what}");
        assert!(!sets_a_sid(headers), "{what}");
    })
    .await;
    let asked = world.backend.count(MIGRATE);
    assert!(asked > 50, "many of them were good enough to be asked about: {asked}");
    let seen = world.front.seen("GET ");
    assert!(!seen.is_empty() && seen.iter().all(|s| s.header("x-auth-status") == Some("anonymous")));
    assert!(seen.iter().all(|s| {
        !s.headers.iter().any(|(_, v)| v.as_bytes().windows(36).any(|w| old.iter().any(|id| w == id.as_bytes())))
    }));
}

/// What is no answer makes no session either, and loses nothing: it is asked about again.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_backend_says_instead_of_a_session_makes_none_and_loses_nothing() {
    let world =
        World::with(&format!("timeout = \"300ms\"\nsign_in_timeout = \"1s\"\n{}", tables("enforce", NEVER_STOPS)))
            .await;
    let old = world.sid(ALICE).await;
    let cookie = format!("dott_auth_session={}", encoded(&cbc(SECRET, &session(Some(&old)))));
    let user = json!({ "id": "1" });
    for (what, act) in [
        ("500", Act::Answer(500, String::new(), vec![])),
        ("429", Act::Answer(429, String::new(), vec![])),
        ("302", Act::Answer(302, String::new(), vec![("location", "/".into())])),
        ("a bare 401", Act::Answer(401, String::new(), vec![])),
        ("404 of a wrong address", Act::Answer(404, "<h1>Not Found</h1>".into(), vec![])),
        ("no body", Act::Answer(201, String::new(), vec![])),
        ("a page", Act::Answer(200, "<html>Welcome</html>".into(), vec![])),
        ("no sid", says(201, &json!({ "user": user }))),
        ("a sid that is none", says(201, &json!({ "user": user, "sid": "5FC76680-B807-4A36-B4FA-F6DF80022189" }))),
        ("nobody", says(201, &json!({ "user": {}, "sid": made_up() }))),
        ("the very proof", says(201, &json!({ "user": user, "sid": old }))),
        ("dropped", Act::Drop),
        ("silent", Act::Hang),
    ] {
        world.backend.on(MIGRATE, act);
        let page = world.client().get("/dashboard").navigate().cookie(&cookie).send().await;
        assert_eq!((page.status, page.set_cookies()), (503, vec![]), "{what}: {}", page.text());
        let open = world.client().get("/optional").navigate().cookie(&cookie).send().await;
        assert_eq!((open.status < 500, open.set_cookies()), (true, vec![]), "{what}");
        assert_eq!(world.front.seen("GET /optional").pop().unwrap().header("x-auth-status"), Some("anonymous"));
        world.backend.well();
    }
    let back = world.client().get("/dashboard").navigate().cookie(&cookie).send().await;
    assert!(back.status == 200 && back.sid().is_some(), "and when it is back it works: {}", back.text());
}
