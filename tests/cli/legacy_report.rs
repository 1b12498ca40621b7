//! `sidgate legacy report`: how the migration goes, from the trails of a fleet.

use std::fs;

use super::output;

/// A trail as a gateway writes it, without its chain: the report reads, `audit verify` verifies.
fn trail(folder: &tempfile::TempDir, name: &str, events: &[&str]) -> String {
    let path = folder.path().join(name);
    let lines =
        events.iter().enumerate().map(|(i, event)| format!("{{\"seq\":{i},\"prev\":\"\",{event},\"hash\":\"\"}}\n"));
    fs::write(&path, lines.collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

const MIGRATED: &str = r#""time":"2026-11-22T10:00:00.000000Z","kind":"legacy_migrated","user":"7","session":"00000000000000aa","outcome":"migrated","carrier":"auth-session","cookie":"appSession""#;
const AGAIN: &str = r#""time":"2026-11-22T10:00:01.000000Z","kind":"legacy_migrated","user":"7","session":"00000000000000aa","outcome":"repeated","carrier":"auth-session","cookie":"appSession""#;
const RETURNED: &str =
    r#""time":"2026-11-22T10:00:02.000000Z","kind":"legacy_returned","user":"7","session":"00000000000000aa""#;
const REFUSED: &str = r#""time":"2026-11-24T11:00:00.000000Z","kind":"legacy_refused","outcome":"refused","reason":"refused","carrier":"session-token","cookie":"session_token""#;
const STOPPED: &str =
    r#""time":"2026-11-24T11:05:00.000000Z","kind":"legacy_stopped","outcome":"stopped","failed":50,"good":1"#;
const SEEN: &str = r#""time":"2026-11-24T12:30:00.000000Z","kind":"legacy_seen","requests":12,"browsers":1,"browsers_sketch":"sAEE","usable":0,"unusable":1,"unusable_sketch":"sAEE""#;
const OTHER: &str = r#""time":"2026-11-24T12:40:00.000000Z","kind":"sign_in","user":"7","outcome":"signed_in""#;

#[test]
fn the_trails_of_a_fleet_are_told_together() {
    let folder = tempfile::tempdir().unwrap();
    let one = trail(&folder, "one.log", &[MIGRATED, REFUSED, STOPPED, SEEN, OTHER]);
    let two = trail(&folder, "two.log", &[AGAIN, RETURNED, SEEN]);
    let (code, out, error) = output(&["legacy", "report", "--file", &one, "--file", &two]);
    assert_eq!((code, error.as_str()), (0, ""));
    for part in [
        "2026-11-22 to 2026-11-24 (UTC)",
        "migrated                   1  sessions",
        "came back                  1  of them with their sid (100.0 %)",
        "refused                    1  by the backend 1",
        "must sign in               1  of 1 browsers",
        "carrying                   1  browsers, in 24 requests",
        "last seen         2026-11-24 12:30 UTC",
        "2026-11-23",
        "2026-11-24 11:05  migration stopped by itself",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    let (_, out, _) = output(&["legacy", "report", "--file", &one, "--file", &two, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((json["migrated"].as_u64(), json["returned"].as_u64()), (Some(1), Some(1)));
    assert_eq!(json["forecast"], serde_json::json!({ "browsers": 1, "must_sign_in": 1 }));
    assert_eq!(json["days"][0]["day"], "2026-11-22");
    let (_, out, _) = output(&["legacy", "report", "--file", &one, "--since", "2026-11-24", "--format", "json"]);
    assert!(out.contains("\"migrated\":0"), "{out}");
}

#[test]
fn a_trail_that_is_not_there_is_said_so() {
    let (code, out, error) = output(&["legacy", "report", "--file", "/nowhere/audit.log"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(error.contains("/nowhere/audit.log") && error.contains("`--file` names another"), "{error}");
    let (_folder, config) = super::folder(super::GOOD);
    let (code, _, error) = output(&["legacy", "report", "--config", &config]);
    assert!(code == 2 && error.contains("has no [audit.file]"), "{error}");
}
