//! What is told of a migration: metrics, audit trail, and what `sidgate legacy report` makes of it.

use std::process::Command;

use serde_json::Value;

use crate::support::backend::{ALICE, World, cookie, made_up};
use crate::support::upstream::until;

const LEGACY: &str = r#"
[audit.file]
path = "audit/audit.log"
fsync = "never"
[legacy]
enabled = true
mode = "dual"
[[legacy.carrier]]
name = "session-id"
cookies = ["session_token"]
format = "session_id"
"#;

async fn visit(world: &World, jar: &str) -> Option<String> {
    world.client().get("/acme/dashboard").navigate().cookie(jar).send().await.sid()
}

fn trail(world: &World, kind: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(world.gateway.folder().join("audit/audit.log")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["kind"] == kind)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_is_told_with_whose_and_by_what_and_that_its_browser_came_back() {
    let world = World::with(LEGACY).await;
    let old = world.sid(ALICE).await;
    let jar = format!("session_token={old}");
    let sid = visit(&world, &jar).await.unwrap();
    let told = trail(&world, "legacy_migrated");
    assert_eq!(told.len(), 1, "before the answer");
    for (field, value) in [("outcome", "migrated"), ("carrier", "session-id"), ("cookie", "session_token")] {
        assert_eq!(told[0][field], value);
    }
    assert!(told[0]["user"].is_string() && told[0]["request_id"].is_string());
    assert_eq!(visit(&world, &jar).await.as_ref(), Some(&sid), "the same request once more");
    assert_eq!(trail(&world, "legacy_migrated").len(), 1, "it is one migration");

    assert_eq!(visit(&world, &format!("session_token={}", made_up())).await, None);
    for _ in 0..3 {
        visit(&world, &format!("{jar}; {}", cookie(&sid))).await;
    }
    until("both are told", || {
        trail(&world, "legacy_refused").len() == 1 && trail(&world, "legacy_returned").len() == 1
    })
    .await;
    assert_eq!(trail(&world, "legacy_returned")[0]["session"], told[0]["session"]);

    let (_, metrics) = world.gateway.admin("/metrics").await;
    for line in [
        "sidgate_legacy_migrations_total{carrier=\"session-id\",outcome=\"migrated\"} 1",
        "sidgate_legacy_migrations_total{carrier=\"session-id\",outcome=\"repeated\"} 1",
        "sidgate_legacy_migrations_total{carrier=\"session-id\",outcome=\"refused\"} 1",
        "sidgate_legacy_carrying_total 6",
        "sidgate_legacy_returned_total 1",
        "sidgate_legacy_stopped 0",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    let everything = std::fs::read_to_string(world.gateway.folder().join("audit/audit.log")).unwrap() + &metrics;
    assert!(!everything.contains(&old) && !everything.contains(&sid), "no value is told");

    let file = world.gateway.folder().join("audit/audit.log");
    let mut report = Command::new(env!("CARGO_BIN_EXE_sidgate"));
    report.args(["legacy", "report", "--format", "json", "--file"]).arg(file);
    let report: Value = serde_json::from_slice(&report.output().unwrap().stdout).unwrap();
    assert_eq!((report["migrated"].as_u64(), report["returned"].as_u64()), (Some(1), Some(1)));
    assert_eq!((&report["refused"]["refused"], &report["carriers"][0]["migrated"]), (&1.into(), &1.into()));
}
