//! What the audit trail has of it, before the answer goes out.

use super::*;
use crate::audit::AUDIT;

fn trail(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.gateway.folder().join("audit/audit.log")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"].as_str().unwrap().starts_with("legacy_")).collect()
}

async fn audited_world() -> World {
    World::with(&(legacy("mode = \"enforce\"") + AUDIT)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_is_told_with_who_and_by_which_cookie_and_without_what_was_in_it() {
    let world = audited_world().await;
    let old = world.sid(ALICE).await;
    let answer = page(&world, "/acme/dashboard", &cbc_cookie(&old)).await;
    let told = trail(&world);
    assert_eq!(told.len(), 1, "{told:#?}");
    let line = &told[0];
    for (name, value) in [
        ("kind", "legacy_migrated"),
        ("outcome", "migrated"),
        ("carrier", "cbc"),
        ("cookie", "dott_auth_session"),
        ("user", "1"),
    ] {
        assert_eq!(line[name], json!(value), "{name}");
    }
    assert!(line["session"].is_string() && line["request_id"].is_string());
    let text = line.to_string();
    assert!(!text.contains(&old) && !text.contains(&answer.sid().unwrap()), "{text}");
    for _ in 0..3 {
        page(&world, "/acme/dashboard", &cbc_cookie(&old)).await;
    }
    assert_eq!(trail(&world).len(), 1, "a page that asks for more tells nothing new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_told_before_the_answer() {
    let world = audited_world().await;
    let jar = format!("{}; {}", uuid_cookie(&world.sid(ALICE).await), cbc_cookie(&world.sid(BOB).await));
    page(&world, "/acme/dashboard", &jar).await;
    let told = trail(&world);
    assert_eq!(told[0]["kind"], json!("legacy_conflict"), "{told:#?}");
    assert_eq!((told.len(), &told[0]["carrier"]), (1, &json!("uuid,cbc")));
}
