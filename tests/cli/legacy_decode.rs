//! `sidgate legacy decode` and `sidgate legacy jar`: what a bug report brings, explained offline.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use super::sidgate;

/// With the keys that the vectors were made with. It need not be enabled, and nothing else need be there.
const CARRIERS: &str = r#"
[legacy]

[[legacy.carrier]]
name = "session-uuid"
cookies = ["session_token"]
format = "session_id"

[[legacy.carrier]]
name = "auth-session"
cookies = ["dott_auth_session", "appSession"]
format = "aes_256_cbc"
key = "file:auth-secret"

[[legacy.carrier]]
name = "edge-session"
cookies = ["dott_auth_session"]
format = "aes_256_gcm"
key = "file:auth-secret"

[[legacy.carrier]]
name = "auth0"
cookies = ["__session"]
format = "jwe"
key = "file:auth0-secret"

[[legacy.carrier]]
name = "access-token"
cookies = ["session_token"]
format = "access_token"

[[legacy.carrier]]
name = "unprotected"
cookies = ["dott_auth_session", "appSession"]
format = "base64_json"

[backend]
gateway_key = "${NOT_IN_THIS_ENVIRONMENT}"
"#;

fn vector(id: &str) -> Value {
    let file: Value = serde_json::from_str(include_str!("../legacy/vectors.json")).unwrap();
    file["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id).unwrap().clone()
}

fn value(id: &str) -> String {
    vector(id)["value"].as_str().unwrap().to_owned()
}

fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let secret = |id: &str| vector(id)["secret"].as_str().unwrap().to_owned();
    std::fs::write(folder.path().join("auth-secret"), secret("cbc-sha256-secret")).unwrap();
    std::fs::write(folder.path().join("auth0-secret"), secret("jwe-auth0-v4")).unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, CARRIERS).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

/// Exit code, output, complaints.
fn fed(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child =
        sidgate(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who does not read it to its end has its reason.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let done = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

fn decode(config: &str, name: &str, input: &str) -> (i32, Value) {
    let (code, out, error) = fed(&["legacy", "decode", "--config", config, "--name", name], input);
    assert_eq!(error, "");
    (code, serde_json::from_str(&out).unwrap())
}

/// Nothing of what was in it.
fn shows_no_value(text: &str) {
    for secret in ["5fc76680-b807", "eyJhbGci", "alice@example.test", "synthetic-auth0", "AAECAwQFBgcICQoLDA0ODw"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn each_vector_is_explained() {
    let (_folder, config) = folder();
    for (name, id, code, carrier, verdict, reason) in [
        ("dott_auth_session", "cbc-sha256-secret", 0, "auth-session", "session_id", json!(null)),
        ("appSession", "cbc-sha256-secret", 0, "auth-session", "session_id", json!(null)),
        ("dott_auth_session", "cbc-no-sessiontoken", 0, "auth-session", "access_token", json!(null)),
        ("dott_auth_session", "cbc-expired", 1, "auth-session", "rejected", json!("expired")),
        ("dott_auth_session", "cbc-tampered-last-byte", 1, "auth-session", "rejected", json!("undecryptable")),
        ("dott_auth_session", "gcm-pbkdf2-edge", 0, "edge-session", "session_id", json!(null)),
        ("appSession", "b64-appsession-minimal", 0, "unprotected", "access_token", json!(null)),
        ("dott_auth_session", "b64-forged", 1, "unprotected", "rejected", json!("malformed")),
        ("__session", "jwe-auth0-v4", 0, "auth0", "access_token", json!(null)),
        ("session_token", "session_token-uuid", 0, "session-uuid", "session_id", json!(null)),
        ("session_token", "session_token-jwt", 0, "access-token", "access_token", json!(null)),
        ("session_token", "session_token-sentinel", 1, "session-uuid", "rejected", json!("sentinel")),
    ] {
        for spelling in ["value", "value_percent_encoded"] {
            let sent = vector(id)[spelling].as_str().unwrap().to_owned();
            let (exit, said) = decode(&config, name, &format!("{sent}\n"));
            let expected = (code, json!(carrier), json!(verdict), reason.clone());
            assert_eq!(
                (exit, said["carrier"].clone(), said["verdict"].clone(), said["reason"].clone()),
                expected,
                "{id}"
            );
            assert_eq!(said["bytes"], json!(sent.len()));
            shows_no_value(&said.to_string());
        }
    }
}

#[test]
fn a_session_is_known_again_by_its_fingerprint() {
    let (_folder, config) = folder();
    let (_, cookie) = decode(&config, "dott_auth_session", &value("cbc-sha256-secret"));
    let (_, bare) = decode(&config, "session_token", &value("session_token-uuid"));
    assert_eq!(cookie["fingerprint"], bare["fingerprint"]);
    assert_eq!(bare["fingerprint"].as_str().unwrap().len(), 16);
    let (code, said) = decode(&config, "session_token", &format!("session_token={}", value("session_token-uuid")));
    assert_eq!((code, &said["verdict"]), (0, &json!("session_id")), "with its name, as it is copied");
}

#[test]
fn what_no_carrier_names_is_said() {
    let (_folder, config) = folder();
    let (code, said) = decode(&config, "theme", "dark");
    assert_eq!((code, &said["carrier"], &said["reason"]), (1, &json!(null), &json!("no_carrier")));
    let (code, said) = decode(&config, "session_token", "");
    assert_eq!((code, &said["verdict"], &said["reason"]), (1, &json!("none"), &json!("empty")));
}

#[test]
fn what_cannot_be_tried_is_a_usage_error() {
    let (_folder, config) = folder();
    for arguments in [
        &["legacy", "decode", "--config", &config][..],
        &["legacy", "decode", "--name", "x", "--config", "/nowhere/gateway.toml"],
        &["legacy", "jar", "--config", "/nowhere/gateway.toml"],
        &["legacy", "jar", "--format", "xml"],
        &["legacy"],
    ] {
        let (code, out, error) = fed(arguments, "x");
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(!error.is_empty());
    }
    let long = "x".repeat(1024 * 1024 + 1);
    let (code, _, error) = fed(&["legacy", "decode", "--config", &config, "--name", "x"], &long);
    assert_eq!(code, 2);
    assert!(error.contains("longer than 1 MiB"), "{error}");
}

/// The largest legitimate one: over 15 cookies, one of them cut in two, and twins of the session's own.
fn full() -> String {
    let auth0 = value("jwe-auth0-v4");
    let (half, rest) = auth0.split_at(500);
    format!(
        "Cookie: theme=dark; sid=backend_session; dott_auth_session={}; __session__1={rest}; __session__0={half}; \
         session_token={}; csrftoken=abc; onboardingStep=2; tenant_id=x\n",
        vector("cbc-expired")["value_percent_encoded"].as_str().unwrap(),
        value("session_token-uuid"),
    )
}

#[test]
fn a_jar_is_explained_for_people() {
    let (_folder, config) = folder();
    let (code, out, error) = fed(&["legacy", "jar", "--config", &config], &full());
    assert_eq!((code, error.as_str()), (0, ""));
    shows_no_value(&out);
    let line = |name: &str| out.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("theme ").contains("kept") && line("csrftoken ").contains("kept"), "{out}");
    assert!(line("sid ").contains("session") && line("sid ").contains("no sid by its form"), "{out}");
    assert!(line("dott_auth_session ").contains("cleared  auth-session  rejected: its own time is over"), "{out}");
    assert!(line("__session__1 ").contains("auth0         access_token"), "{out}");
    assert!(line("__session__0 ").contains("cleared") && line("__session__0 ").contains("a chunk"), "{out}");
    assert!(line("onboardingStep ").contains("cleared"), "{out}");
    assert!(out.contains("9 cookies, "), "{out}");
    assert!(
        line("asked first: session_id ").ends_with("(carrier session-uuid), then access_token in __session"),
        "{out}"
    );
}

#[test]
fn a_jar_is_explained_for_programs() {
    let (_folder, config) = folder();
    let (code, out, _) = fed(&["legacy", "jar", "--config", &config, "--format", "json"], &full());
    assert_eq!(code, 0);
    shows_no_value(&out);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said["count"], &said["sids"], &said["proofs"]), (&json!(9), &json!(0), &json!(2)));
    assert_eq!(said["bytes"], json!(full().trim().len() - "Cookie: ".len()));
    assert_eq!(said["asked"][0]["cookie"], json!("session_token"));
    assert_eq!(
        said["asked"][1],
        json!({"carrier": "auth0", "cookie": "__session", "kind": "access_token", "fingerprint": null})
    );
    let cookies = said["cookies"].as_array().unwrap();
    assert_eq!((&cookies[0]["name"], &cookies[0]["fate"]), (&json!("theme"), &json!("kept")));
}

#[test]
fn a_jar_without_a_proof_exits_1_and_twins_are_seen() {
    let (_folder, config) = folder();
    let twins = "sid=0190d6d2-7c2f-7a3b-8c4d-0123456789ab; sid=5fc76680-b807-4a36-b4fa-f6df80022189; session_token=";
    let (code, out, _) = fed(&["legacy", "jar", "--config", &config], twins);
    assert_eq!(code, 1);
    assert!(out.contains("2 cookies have the session's name, 2 different sids"), "{out}");
    assert!(out.contains("a sid was sent: the legacy cookies are not asked about"), "{out}");
    assert!(out.lines().nth(2).unwrap().ends_with("well-formed (twin)"), "{out}");
    shows_no_value(&out);
    let (code, out, _) = fed(&["legacy", "jar", "--config", &config], "");
    assert_eq!(code, 1);
    assert!(out.contains("0 cookies"), "{out}");
    // A name cannot write a line of its own.
    let (_, out, error) = fed(&["legacy", "jar", "--config", &config], "a\u{1b}[31m=1\n");
    assert!(!out.contains('\u{1b}') && !error.contains('\u{1b}'), "{out} {error}");
}
