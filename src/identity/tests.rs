//! H5, H6: what the upstream is told, whatever the backend or a client says.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::session::{Fingerprint, SidHash, Tenant, User};

fn session() -> Session {
    let tenant = Tenant { id: "t-1".into(), slug: Some("acme".into()), name: Some("Acme".into()) };
    Session {
        public_id: Some("p".into()),
        user: User { id: "42".into(), email: None, name: None, role: Some("owner".into()) },
        tenants: vec![tenant.clone()],
        tenant: Some(tenant),
        onboarding: Onboarding::Complete,
        permissions: vec!["invoices.view".into(), "invoices.edit".into()],
        authenticated_at: None,
        expires_at: None,
        idle_expires_at: None,
        fingerprint: Fingerprint::default(),
        contradictory_onboarding: false,
        privileges_changed: false,
        activity: Arc::default(),
        headers: OnceLock::new(),
        sid_hash: SidHash::default(),
        assertions: OnceLock::new(),
    }
}

fn told(session: Session, freshness: Freshness) -> HeaderMap {
    written(Some(&Found { session: Arc::new(session), freshness }))
}

/// What a server reads of it.
fn written(who: Option<&Found>) -> HeaderMap {
    let mut bytes = Vec::new();
    write(&mut bytes, who, None, 0);
    bytes.extend_from_slice(b"\r\n");
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let httparse::Status::Complete((length, fields)) = httparse::parse_headers(&bytes, &mut fields).unwrap() else {
        panic!("not whole");
    };
    assert_eq!(length, bytes.len());
    let pair = |f: &httparse::Header<'_>| (f.name.parse().unwrap(), HeaderValue::from_bytes(f.value).unwrap());
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter().map(pair) {
        headers.append::<HeaderName>(name, value);
    }
    headers
}

/// What goes on of a client's headers.
fn strip(headers: &mut HeaderMap) -> Result<(), Alias> {
    let mut kept = HeaderMap::new();
    for (name, value) in &*headers {
        if passes(name, headers)? {
            kept.append(name, value.clone());
        }
    }
    *headers = kept;
    Ok(())
}

fn user_id(id: &str) -> Option<String> {
    let user = User { id: id.into(), ..session().user };
    let headers = told(Session { user, ..session() }, Freshness::Miss);
    assert!(headers.get_all(USER_ID).iter().count() <= 1);
    headers.get(USER_ID).map(|v| v.to_str().unwrap().to_owned())
}

#[test]
fn the_table_of_the_contract() {
    let headers = told(session(), Freshness::Miss);
    let value = |name: &str| headers.get(name).map_or("-", |v| v.to_str().unwrap());
    for (name, wanted) in [
        ("x-auth-status", "authenticated"),
        ("x-auth-user-id", "42"),
        ("x-auth-tenant-id", "t-1"),
        ("x-tenant-id", "t-1"),
        ("x-auth-tenant-slug", "acme"),
        ("x-auth-onboarding", "complete"),
        ("x-auth-roles", "\"owner\""),
        ("x-auth-permissions", "\"invoices.view\", \"invoices.edit\""),
        ("x-auth-freshness", "miss"),
    ] {
        assert_eq!(value(name), wanted, "{name}");
    }
    assert!(headers.contains_key("x-auth-session"));
}

#[test]
fn what_is_not_known_is_absent_and_never_empty() {
    let bare = Session { tenant: None, permissions: vec![], user: User { role: None, ..session().user }, ..session() };
    let headers = told(bare, Freshness::Miss);
    for name in [TENANT_ID, TENANT_ID_ALIAS, TENANT_SLUG, ROLES, PERMISSIONS] {
        assert!(!headers.contains_key(&name), "{name}");
    }
    assert!(headers.values().all(|v| !v.is_empty()));
    let anonymous = written(None);
    assert_eq!((anonymous.len(), anonymous.get(STATUS).unwrap().as_bytes()), (1, &b"anonymous"[..]));
}

#[test]
fn a_value_is_encoded_where_it_must_be() {
    for (id, wanted) in [
        ("a@b.test", "a@b.test"),
        ("a\r\nX-Admin: 1", "a%0D%0AX-Admin:%201"),
        ("\0", "%00"),
        ("\x7f", "%7F"),
        ("a,b", "a%2Cb"),
        ("100%", "100%25"),
        ("🦀", "%F0%9F%A6%80"),
        ("\u{202e}x", "%E2%80%AEx"),
    ] {
        assert_eq!(user_id(id).as_deref(), Some(wanted), "{id:?}");
    }
    assert_eq!(user_id(&"x".repeat(64 * 1024)), None, "left out rather than cut: half an id is another's id");
}

#[test]
fn lists_are_those_of_rfc_9651() {
    let of = |items: &[&str]| {
        let permissions = items.iter().map(|i| (*i).to_owned()).collect();
        let headers = told(Session { permissions, ..session() }, Freshness::Miss);
        headers.get(PERMISSIONS).map(|v| v.to_str().unwrap().to_owned())
    };
    assert_eq!(of(&["a b", "c,d", "e;f"]).as_deref(), Some(r#""a b", "c,d", "e;f""#));
    assert_eq!(of(&[r#"say "hi""#, r"back\slash"]).as_deref(), Some(r#""say \"hi\"", "back\\slash""#));
    assert_eq!(of(&["é\r\n", "50%"]).as_deref(), Some(r#""%C3%A9%0D%0A", "50%25""#));
    assert_eq!(of(&[]), None);
    let many: Vec<String> = (0..10_000).map(|i| format!("permission.{i}")).collect();
    let cut = of(&many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    assert!(cut.len() <= MAX_VALUE && cut.starts_with("\"permission.0\"") && cut.ends_with('"'), "cut at an item");
    assert_eq!(of(&[&"x".repeat(64 * 1024)]), None);
}

#[test]
fn onboarding_names_its_step() {
    let of = |step: Option<&str>| {
        let onboarding = Onboarding::Needed { step: step.map(str::to_owned) };
        told(Session { onboarding, ..session() }, Freshness::Miss)[ONBOARDING].to_str().unwrap().to_owned()
    };
    assert_eq!(of(None), "needed");
    assert_eq!(of(Some("company")), "needed;step=company");
    assert_eq!(of(Some("a;b=c, d")), "needed;step=a%3Bb%3Dc%2C%20d");
    assert_eq!(of(Some(&"x".repeat(64 * 1024))), "needed");
}

#[test]
fn freshness_says_how_old_the_answer_is() {
    let of = |f| told(session(), f)[FRESHNESS].to_str().unwrap().to_owned();
    assert_eq!(of(Freshness::Miss), "miss");
    assert_eq!(of(Freshness::Hit(Duration::from_millis(3999))), "hit;age=3");
    assert_eq!(of(Freshness::Hit(Duration::from_secs(59))), "hit;age=59");
    assert_eq!(of(Freshness::Stale(Duration::from_secs(37))), "stale;age=37");
}

#[test]
fn reserved_names_are_removed_whatever_they_say() {
    let mut headers = HeaderMap::new();
    let lies = [
        "X-Auth-User-Id",
        "x-auth-anything",
        "X-Tenant-ID",
        "x-session-id",
        "X-Gateway-Key",
        "x-client-ip",
        "X-Original-URL",
        "X-Rewrite-URL",
        "Forwarded",
        "X-Real-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Forwarded-For",
        "X-Forwarded-Whatever",
        "x-middleware-subrequest",
        "x-invoke-path",
        "x-matched-path",
        "x-now-route-matches",
        "x-nextjs-request-id",
        "next-resume",
        "x-next-resume-state-length",
        "x-prerender-revalidate",
    ];
    let kept = ["RSC", "Next-Router-State-Tree", "Next-Action", "Next-Url", "x-nextjs-data", "x-authority", "x-tenant"];
    for name in lies.iter().chain(&kept) {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(&name, HeaderValue::from_static("1"));
        headers.append(name, HeaderValue::from_static("2"));
    }
    headers.append(AUTHORIZATION, HeaderValue::from_static("sEsSion 9e3779b9-7f4a-4c15-8000-000000000000"));
    strip(&mut headers).unwrap();
    assert_eq!(headers.keys_len(), kept.len(), "{headers:?}");
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    strip(&mut headers).unwrap();
    assert!(headers.contains_key(AUTHORIZATION));
}

#[test]
fn another_spelling_of_a_reserved_name_is_refused() {
    for name in
        ["x_auth_user_id", "X.Auth.Status", "x-auth_tenant-id", "x~tenant~id", "x_forwarded_for", "cf_connecting_ip"]
    {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("1"));
        assert_eq!(strip(&mut headers), Err(Alias), "{name}");
    }
    let mut honest = HeaderMap::new();
    honest.insert("my_header", HeaderValue::from_static("1"));
    assert_eq!(strip(&mut honest), Ok(()));
}

#[test]
fn nothing_of_it_goes_back_to_a_browser() {
    let mut headers = HeaderMap::new();
    for name in
        ["x-auth-session-changed", "x-auth-set-session", "x-auth-user-id", "x-session-id", "x-tenant-id", "etag"]
    {
        headers.insert(name, HeaderValue::from_static("1"));
    }
    strip_answer(&mut headers);
    assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["etag"]);
}

proptest! {
    /// Whatever a backend says, the upstream gets one header of each name, of visible ASCII, and of bounded length.
    #[test]
    fn no_value_becomes_a_second_header(
        id in ".{1,80}", slug in ".{0,80}", step in ".{0,80}", role in ".{0,80}",
        permissions in prop::collection::vec(".{0,40}", 0..200),
    ) {
        let headers = told(Session {
            user: User { id, role: Some(role), ..session().user },
            tenant: Some(Tenant { id: slug.clone(), slug: Some(slug), name: None }),
            onboarding: Onboarding::Needed { step: Some(step) },
            permissions,
            ..session()
        }, Freshness::Miss);
        prop_assert!(headers.contains_key(USER_ID));
        prop_assert_eq!(headers.keys_len(), headers.len());
        for value in headers.values() {
            prop_assert!(value.as_bytes().iter().all(|b| (0x20..0x7f).contains(b)) && value.len() <= MAX_VALUE);
        }
    }
}

/// Django's `split` takes U+00A0 and U+0085 for spaces.
#[test]
fn no_session_credential_of_a_client_passes_behind_what_a_server_takes_for_a_space() {
    for (value, stays) in [
        (&b"Session x"[..], false),
        (b"\xa0Session x", false),
        (b"\x85\t sESSION x", false),
        (b"\xc2\xa0SessionID x", false),
        (b"Bearer Session", true),
        (b"Basic c2Vzc2lvbg==", true),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        strip(&mut headers).unwrap();
        assert_eq!(headers.contains_key(AUTHORIZATION), stays, "{}", value.escape_ascii());
    }
}
