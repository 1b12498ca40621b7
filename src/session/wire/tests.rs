//! Contract v1: "No is not don't know" and "Field mapping".

use super::*;
use crate::config::Preset;

fn sid_() -> SessionId {
    SessionId::parse(b"9e3779b9-7f4a-4c15-8000-000000000000").unwrap()
}

fn read(status: u16, body: &str) -> Answer {
    answer(status, body.as_bytes(), &Backend::default(), &sid_())
}

fn good(body: &str) -> Session {
    match read(200, body) {
        Answer::Session(s) => *s,
        other => panic!("{other:?}"),
    }
}

#[test]
fn refused_only_in_so_many_words() {
    for code in
        ["session_unknown", "session_revoked", "session_expired", "session_idle", "session_limit", "account_disabled"]
    {
        let body = format!(r#"{{"code":"{code}"}}"#);
        for status in [400, 401, 403, 404, 409, 410, 423] {
            assert!(matches!(read(status, &body), Answer::Refused(c) if c.as_str() == code), "{status} {code}");
        }
        for status in [302, 408, 425, 429, 500, 502, 503] {
            assert!(matches!(read(status, &body), Answer::Unavailable(_)), "{status} {code}: it is unwell");
        }
    }
}

#[test]
fn everything_else_is_unavailable() {
    for (status, body) in [
        (401, ""),
        (401, "{}"),
        (401, r#"{"detail":"Invalid token."}"#),
        (401, r#"{"code":"session_rotated"}"#),
        (401, r#"{"code":"something_else"}"#),
        (403, "<html>firewall</html>"),
        (404, "not found"),
        (302, ""),
        (429, r#"{"code":"session_revoked"}"#),
        (500, r#"{"code":"session_unknown"}"#),
        (503, ""),
        (200, ""),
        (200, "{}"),
        (200, r#"{"user":{"id":""}}"#),
        (200, r#"{"user":{"id":null}}"#),
        (200, "[]"),
        (204, ""),
    ] {
        assert!(matches!(read(status, body), Answer::Unavailable(_)), "{status} {body}");
    }
    assert!(matches!(read(401, r#"{"code":"gateway_key_invalid"}"#), Answer::Unavailable(Unavailable::GatewayKey)));
}

#[test]
fn a_listed_status_refuses_without_a_word_and_a_word_beats_it() {
    let read = |preset, status, body: &str| answer(status, body.as_bytes(), &Backend::of(preset), &sid_());
    let is = |answer, code| matches!(answer, Answer::Refused(c) if c == code);
    for status in [401, 403, 404, 410] {
        for body in ["", "<html>", r#"{"detail":"Invalid token."}"#, r#"{"code":"token_not_valid"}"#] {
            assert!(is(read(Preset::Flat, status, body), RefusalCode::Bare), "{status} {body}");
            let nested = is(read(Preset::Nested, status, body), RefusalCode::Bare);
            assert_eq!(nested, status == 401, "{status} {body}");
        }
        assert!(is(read(Preset::Flat, status, r#"{"code":"session_idle"}"#), RefusalCode::Idle));
    }
    for status in [301, 400, 408, 429, 500, 503] {
        assert!(matches!(read(Preset::Flat, status, ""), Answer::Unavailable(_)), "{status}");
    }
    let key = read(Preset::Flat, 401, r#"{"code":"gateway_key_invalid"}"#);
    assert!(matches!(key, Answer::Unavailable(Unavailable::GatewayKey)));
    assert!(RefusalCode::from_backend("session_refused").is_none(), "ours, not the backend's to say");
}

#[test]
fn a_word_on_onboarding_reads_from_an_answer_without_anybody_in_it() {
    let read = |body: &str| onboarding(&serde_json::from_str(body).unwrap(), &BackendFields::default());
    assert_eq!(read(r#"{"needs_onboarding":false}"#), Some((Onboarding::Complete, false)));
    assert_eq!(read(r#"{"onboarding_completed":true,"needs_onboarding":true}"#), Some((Onboarding::Complete, true)));
    let plan = Onboarding::Needed { step: Some("plan".into()) };
    assert_eq!(read(r#"{"onboarding_completed":false,"onboarding_step":"plan"}"#), Some((plan, false)));
    for none in ["{}", "[]", r#"{"needs_onboarding":null}"#, r#"{"needs_onboarding":"no"}"#] {
        assert_eq!(read(none), None, "{none}");
    }
}

#[test]
fn contract_v1_reads_whole() {
    let s = good(
        r#"{"public_id":"p","user":{"id":"42","email":"a@example.test","name":"Alice","role":"owner"},
        "tenant":{"id":"t-1","slug":"acme","name":"Acme"},"tenants":[{"id":"t-1","slug":"acme","name":"Acme"},{"slug":"x"}],
        "onboarding":{"needed":false,"step":null},"permissions":["invoices.view"],
        "expires_at":"2030-01-01T00:00:00+02:00","idle_expires_at":null}"#,
    );
    assert_eq!((s.user.id.as_str(), s.user.role.as_deref()), ("42", Some("owner")));
    assert_eq!(s.tenant.as_ref().and_then(|t| t.slug.as_deref()), Some("acme"));
    assert_eq!((s.tenants.len(), s.permissions.len()), (1, 1));
    assert_eq!(s.onboarding, Onboarding::Complete);
    assert_eq!(s.ends_at().unwrap().to_string(), "2029-12-31T22:00:00Z");
}

#[test]
fn what_fits_in_no_header_and_no_address_is_no_id_and_no_slug() {
    let long = "x".repeat(MAX_WORD + 1);
    assert!(matches!(read(200, &format!(r#"{{"user":{{"id":"{long}"}}}}"#)), Answer::Unavailable(_)));
    let s = good(&format!(
        r#"{{"user":{{"id":1}},"tenant":{{"id":"t","slug":"{long}"}},"needs_onboarding":true,"onboarding_step":"{long}"}}"#
    ));
    assert_eq!((s.tenant.unwrap().slug, s.onboarding), (None, Onboarding::Needed { step: None }));
}

#[test]
fn ids_are_strings_whatever_json_type_they_come_in() {
    assert_eq!(good(r#"{"user":{"id":42}}"#).user.id, "42");
}

#[test]
fn the_flat_and_nested_shapes_read_too() {
    let flat = good(
        r#"{"email":"a@b.test","tenant_id":"t","needs_onboarding":true,"onboarding_completed":false,"permissions":[]}"#,
    );
    assert_eq!((flat.user.id.as_str(), flat.needs_onboarding()), ("a@b.test", true));
    let nested = good(
        r#"{"session_token":"x","user":{"id":7,"email":"a@b.test","tenant_id":"t","page_permissions":["p"]},"tenant":null,
        "needs_onboarding":true,"onboarding_step":"plan","expires_at":"2030-01-01T00:00:00.123456Z"}"#,
    );
    assert_eq!(nested.tenant.as_ref().map(|t| t.id.as_str()), Some("t"));
    assert_eq!(nested.onboarding, Onboarding::Needed { step: Some("plan".into()) });
}

#[test]
fn a_contradiction_counts_as_complete() {
    let s = good(r#"{"user":{"id":1},"needs_onboarding":true,"onboarding_completed":true}"#);
    assert!(s.contradictory_onboarding && !s.needs_onboarding());
}

#[test]
fn completed_false_alone_means_needed() {
    assert!(good(r#"{"user":{"id":1},"onboarding_completed":false}"#).needs_onboarding());
    assert!(!good(r#"{"user":{"id":1}}"#).needs_onboarding());
}
