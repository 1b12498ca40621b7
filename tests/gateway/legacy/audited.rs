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

fn syslog(address: &str) -> String {
    format!("[[audit.syslog]]\naddress = \"unix:{address}\"\non_failure = \"block\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_cannot_be_told_no_cookie_goes_and_no_proof_is_used_up() {
    let world = World::with(&(legacy("mode = \"enforce\"") + &syslog("/nowhere/log"))).await;
    let jar = cbc_cookie(&world.sid(ALICE).await);
    for _ in 0..2 {
        let answer = page(&world, "/acme/dashboard", &jar).await;
        assert_eq!((answer.status, answer.set_cookies()), (503, vec![]));
    }
    assert_eq!(world.backend.count(MIGRATE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_told_of_ends_and_no_cookie_goes_with_the_answer_that_is_withheld() {
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("log");
    let listens = std::os::unix::net::UnixDatagram::bind(&address).unwrap();
    let world = World::with(&(legacy("mode = \"enforce\"") + &syslog(address.to_str().unwrap()))).await;
    let jar = cbc_cookie(&world.sid(ALICE).await);
    // It works until now.
    listens.set_read_timeout(Some(std::time::Duration::from_secs(15))).unwrap();
    listens.recv(&mut [0; 1024]).unwrap();
    drop(listens);
    let answer = page(&world, "/acme/dashboard", &jar).await;
    assert_eq!((answer.status, answer.set_cookies()), (503, vec![]));
    assert_eq!((world.backend.count(MIGRATE), world.backend.count(SIGN_OUT)), (1, 1));
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
