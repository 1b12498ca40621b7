//! What is signed, kept and shared; that receivers can verify it is in tests/gateway/assertion.rs.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::Value;

use super::*;
use crate::config::{Algorithm, KeySource};
use crate::session::{Fingerprint, Onboarding, SessionId, Tenant, User};

const SID: &[u8] = b"9e3779b9-7f4a-4c15-8000-000000000000";

fn session() -> Session {
    let sid = SessionId::parse(SID).unwrap();
    Session {
        public_id: None,
        user: User { id: "42".into(), email: Some("a@x.test".into()), name: None, role: Some("owner".into()) },
        tenant: Some(Tenant { id: "t-1".into(), slug: None, name: None }),
        tenants: Vec::new(),
        onboarding: Onboarding::Needed { step: Some("a b".into()) },
        permissions: Vec::new(),
        authenticated_at: None,
        expires_at: None,
        idle_expires_at: None,
        fingerprint: Fingerprint::default(),
        contradictory_onboarding: false,
        privileges_changed: false,
        activity: Arc::default(),
        headers: OnceLock::new(),
        sid_hash: sid.hash(),
        assertions: OnceLock::new(),
    }
}

struct Bench {
    folder: tempfile::TempDir,
    assertions: Arc<Assertions>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Assertion { keys: KeySource::Folder(folder.path().into()), ..Default::default() };
        Self { assertions: Assertions::new(&config).unwrap(), folder }
    }

    fn with_key() -> Self {
        let bench = Self::new();
        bench.key(now() - 10_000);
        bench.assertions.reload().unwrap();
        bench
    }

    fn key(&self, at: i64) -> std::path::PathBuf {
        folder::create(self.folder.path(), Algorithm::EdDsa, at).unwrap().unwrap()
    }

    fn written(&self, session: &Session, upstream: usize, at: i64) -> String {
        let mut out = Vec::new();
        self.assertions.signer("nextjs", upstream).write("x-auth-assertion", session, at, &mut out);
        String::from_utf8(out).unwrap()
    }
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn part(line: &str, index: usize) -> Value {
    let token = line.strip_prefix("x-auth-assertion: ").unwrap().strip_suffix("\r\n").unwrap();
    serde_json::from_slice(&BASE64URL.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

#[test]
fn it_says_who_for_whom_by_whom_and_for_how_long() {
    let (bench, session) = (Bench::with_key(), session());
    let line = bench.written(&session, 0, now());
    let (header, mut claims) = (part(&line, 0), part(&line, 1));
    assert_eq!((&header["alg"], &header["typ"]), (&"EdDSA".into(), &"JWT".into()));
    assert!(bench.assertions.jwks().unwrap().contains(header["kid"].as_str().unwrap()));
    let (issued, expires) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!((0..=2).contains(&(now() - issued)) && expires - issued == 60);
    assert_eq!(claims["jti"].as_str().map(str::len), Some(22));
    for name in ["iat", "exp", "jti"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    let expected = serde_json::json!({
        "iss": "sidgate", "aud": ["nextjs", "backend"], "sub": "42", "email": "a@x.test", "tid": "t-1",
        "onb": "needed;step=a%20b", "roles": ["owner"],
        // Computed elsewhere.
        "sid_h": "2472eaa4d076a5e00c5cc5fd87db1a3a7e23b2b8d4fd48f5db254788088f8ca5",
    });
    assert_eq!(claims, expected);
}

#[test]
fn it_ends_with_the_session_if_that_is_sooner() {
    let bench = Bench::with_key();
    let lives = |seconds: i64| {
        let end = Timestamp::from_second(now() + seconds).unwrap();
        let claims = part(&bench.written(&Session { expires_at: Some(end), ..session() }, 0, now()), 1);
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
    };
    assert!((18..=20).contains(&lives(20)));
    assert_eq!((lives(3600), lives(-30)), (60, 60), "a backend whose clock is behind does not make it void");
}

#[test]
fn what_is_only_for_display_does_not_make_it_huge() {
    let long = || Some("x".repeat(100_000));
    let user = User { id: "42".into(), email: long(), name: long(), role: long() };
    let line = Bench::with_key().written(&Session { user, ..session() }, 0, now());
    assert!(line.len() < 1000);
    assert_eq!(part(&line, 1)["roles"], serde_json::json!([]));
}

#[test]
fn it_is_signed_once_for_half_of_its_life_and_per_upstream() {
    let (bench, session) = (Bench::with_key(), session());
    let first = bench.written(&session, 0, now());
    assert_eq!(bench.written(&session, 0, now()), first);
    assert_eq!(bench.written(&session, 0, now() + 28), first);
    assert_eq!(bench.written(&session, 0, now() - 4), first, "of a request that began before it was signed");
    assert_eq!(bench.assertions.signed(), 1);
    let other = bench.written(&session, 1, now());
    assert_ne!(part(&other, 1)["jti"], part(&first, 1)["jti"]);
    assert_ne!(bench.written(&session, 0, now() + 31), first);
    assert_eq!(bench.assertions.signed(), 3);
    // A clock that was set back: its time would lie in the future of every receiver.
    assert_ne!(bench.written(&session, 1, now() - 60), other);
}

#[test]
fn requests_at_the_same_moment_say_the_same() {
    let (bench, session) = (Bench::with_key(), session());
    let lines: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..16).map(|_| scope.spawn(|| bench.written(&session, 0, now()))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(lines.iter().all(|line| *line == lines[0]));
}

#[test]
fn the_next_answer_of_the_backend_takes_it_over_if_it_says_the_same() {
    let (bench, old) = (Bench::with_key(), session());
    let first = bench.written(&old, 0, now());
    let next = Session { permissions: vec!["more".into()], ..session() };
    next.inherit(&old);
    assert_eq!(bench.written(&next, 0, now()), first);
    let sid = SessionId::parse(b"9e3779b9-7f4a-4c15-8000-000000000001").unwrap();
    let tenant = Some(Tenant { id: "t-2".into(), slug: None, name: None });
    for changed in [
        Session { tenant, ..session() },
        Session { onboarding: Onboarding::Complete, ..session() },
        Session { user: User { role: None, ..session().user }, ..session() },
        Session { sid_hash: sid.hash(), ..session() },
    ] {
        changed.inherit(&old);
        assert_ne!(bench.written(&changed, 0, now()), first);
    }
}

#[test]
fn without_a_key_there_is_none_and_with_the_first_there_is() {
    let (bench, session) = (Bench::new(), session());
    assert_eq!((bench.written(&session, 0, now()), bench.assertions.jwks()), (String::new(), None));
    bench.key(now());
    assert!(bench.assertions.reload().unwrap());
    assert!(!bench.written(&session, 0, now()).is_empty() && bench.assertions.published() == 1);
}

#[test]
fn a_key_that_comes_changes_nothing_and_one_that_goes_takes_back_what_it_signed() {
    let (bench, session) = (Bench::with_key(), session());
    let first = bench.written(&session, 0, now());
    let new = bench.key(now());
    assert!(bench.assertions.reload().unwrap() && !bench.assertions.reload().unwrap());
    assert_eq!((bench.written(&session, 0, now()), bench.assertions.published()), (first.clone(), 2));
    let (_, old) = folder::list(bench.folder.path()).unwrap().swap_remove(0);
    std::fs::remove_file(old).unwrap();
    assert!(bench.assertions.reload().unwrap());
    let second = bench.written(&session, 0, now());
    assert_ne!(part(&second, 0)["kid"], part(&first, 0)["kid"]);
    // A folder that is lost, as when a disk is gone, is no reason to sign nobody.
    std::fs::remove_file(new).unwrap();
    assert!(bench.assertions.reload().is_err());
    assert_eq!(bench.written(&session, 0, now()), second);
}

#[test]
fn a_key_that_cannot_be_used_changes_nothing() {
    let (bench, session) = (Bench::with_key(), session());
    let first = bench.written(&session, 0, now());
    std::fs::write(bench.folder.path().join("20990101T000000Z-es256.pem"), "secret").unwrap();
    let reason = bench.assertions.reload().unwrap_err();
    assert!(reason.contains("20990101T000000Z-es256.pem") && !reason.contains("secret"), "{reason}");
    assert_eq!(bench.written(&session, 0, now()), first);
}

#[test]
fn one_that_is_in_use_is_retired_only_when_told_so() {
    let bench = Bench::with_key();
    let (config, all) = (&bench.assertions.config, || list(&bench.assertions.config).unwrap());
    let kid = all()[0].kid.clone();
    assert!(retire(config, &kid, false).unwrap_err().contains("--now"));
    assert!(retire(config, "nobody", false).unwrap_err().contains("no key"));
    assert!(retire(config, "", true).is_err());
    let (gone, new) = retire(config, &kid[..8], true).unwrap();
    assert_eq!((gone.kid, all().len()), (kid, 1));
    assert_eq!(Some(&all()[0]), new.as_ref(), "the last one is replaced");
}
