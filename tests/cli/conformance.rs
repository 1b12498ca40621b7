//! `sidgate conformance`, as a team with a backend of its own runs it.

use std::net::{SocketAddr, TcpListener};
use std::process::Output;

use serde_json::Value;
use sidgate::demo::Backend;

use crate::sidgate;

const KEY: &str = "the key of this test's gateway";
const PEOPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/people.toml");

/// The embedded backend on a thread of its own, for as long as the test lives.
fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            Backend::new(KEY).serve(listener, std::future::pending::<()>()).await;
        });
    });
    address
}

fn run(url: &str, key: &str, more: &[&str]) -> (i32, String, String) {
    let mut command = sidgate(&["conformance", "--url", url, "--people", PEOPLE]);
    let Output { status, stdout, stderr } = command.args(more).env("SIDGATE_GATEWAY_KEY", key).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn conformance_says_each_check_and_exits_0_when_none_fails() {
    let url = format!("http://{}", backend());
    let (code, out, error) = run(&url, KEY, &["--only", "rotate", "--only", "sign-in.locked"]);
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("SKIP  sign-in.locked: no [locked] in the people file\nPASS  rotate.new-sid\n"), "{out}");
    assert!(out.ends_with(&format!("6 passed, 0 failed, 1 skipped: {url} keeps contract v1\n")), "{out}");
}

#[test]
fn conformance_tells_a_failure_with_its_sentence_and_exits_1() {
    let url = format!("http://{}", backend());
    // The embedded backend of this test has no limit of sessions.
    let (code, out, _) = run(&url, KEY, &["--only", "limit", "--expect-limit", "1", "deny"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("FAIL  limit.deny\n      contract  deny: 409 session_limit\n      expected  POST"), "{out}");
    assert!(out.contains("got       POST /api/sessions/ -> 201 {") && !out.contains("correct horse"), "{out}");
    assert!(out.trim_end().ends_with("does not keep contract v1"), "{out}");

    let (code, out, _) = run(&url, KEY, &["--only", "limit.d", "--expect-limit", "1", "deny", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["failed"], &report["good"]), (1, &Value::from(1), &Value::from(false)), "{out}");
    assert_eq!(report["checks"][0]["contract"], "deny: 409 session_limit");
}

#[test]
fn conformance_exits_2_when_there_is_nothing_to_check() {
    let url = format!("http://{}", backend());
    let (code, _, error) = run(&url, "another key of some length", &[]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("the backend refuses this gateway key"), "{error}");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, _, error) = run(&format!("http://{free}"), KEY, &[]);
    assert_eq!(code, 2);
    assert!(error.contains("cannot be reached"), "{error}");
    for (more, said) in [
        (&["--expect-limit", "2", "some"][..], "--expect-limit: a number and a policy"),
        (&["--gateway-key", "text"], "--gateway-key: expected \"${NAME}\" or \"file:PATH\""),
        (&["--url", "localhost:8000"], "--url: expected an address"),
        (&["--format", "xml"], "invalid value"),
    ] {
        let arguments = if more[0] == "--url" {
            vec!["conformance", "--people", PEOPLE]
        } else {
            vec!["conformance", "--url", &url, "--people", PEOPLE]
        };
        let Output { status, stderr, .. } =
            sidgate(&arguments).args(more).env("SIDGATE_GATEWAY_KEY", KEY).output().unwrap();
        let error = String::from_utf8(stderr).unwrap();
        assert!(status.code() == Some(2) && error.contains(said), "{more:?}: {error}");
    }
}

#[test]
fn a_people_file_that_is_faulty_says_where_and_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    for (text, said) in [
        ("password = \"hush hush\"\n", "missing field `member`"),
        ("[member]\nemail = \"a@example.test\"\n", "[member] has no `password`"),
        ("[member]\nemail = \"a@example.test\"\npasword = \"hush hush\"\n", "line 3: unknown field `pasword`"),
        ("password = \"hush hush\"\n[member]\nemail = \"a\"\n[second_factor]\nemail = \"b\"\n", "needs `code`"),
        ("password = \"hush hush\"\n[member]\nemail = \"a\"\n[[migrate]]\nkind = \"jwt\"\n", "and not \"jwt\""),
    ] {
        std::fs::write(&path, text).unwrap();
        let mut command = sidgate(&["conformance", "--url", "http://127.0.0.1:9", "--people", path.to_str().unwrap()]);
        let output = command.env("SIDGATE_GATEWAY_KEY", KEY).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains(said) && !error.contains("hush"), "{error}");
    }
}
