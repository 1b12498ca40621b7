//! Legacy migration: one proof makes one session, once.

use serde_json::{Value, json};

use super::super::api::Answer;
use super::super::check::{Check, Done, Stop, check};
use super::super::suite::{Migrated, Suite, lock};

pub(super) const CHECKS: &[Check] = &[
    check!("migrate.session-id", MADE, made, "session_id"),
    check!("migrate.session-id-repeat", REPEAT, repeat, "session_id"),
    check!("migrate.session-id-other-proof", OTHER, other_proof, "session_id"),
    check!("migrate.session-id-replay", REPLAY, replay, "session_id"),
    check!("migrate.access-token", MADE, made, "access_token"),
    check!("migrate.access-token-repeat", REPEAT, repeat, "access_token"),
    check!("migrate.access-token-other-proof", OTHER, other_proof, "access_token"),
    check!("migrate.access-token-replay", REPLAY, replay, "access_token"),
    check!("migrate.opaque", MADE, made, "opaque"),
    check!("migrate.opaque-repeat", REPEAT, repeat, "opaque"),
    check!("migrate.opaque-other-proof", OTHER, other_proof, "opaque"),
    check!("migrate.opaque-replay", REPLAY, replay, "opaque"),
    check!("migrate.keep", KEEP, kept),
    check!("migrate.keep-replay", KEEP_REPLAY, kept_replay),
    check!("migrate.keep-end", KEEP_END, kept_end),
    check!("migrate.refused", "401 proof_refused", refused),
    check!("migrate.malformed", "A proof has a kind and a value, and the call an idempotency_key", malformed),
];

const MADE: &str = "201 session with \"sid\", always a fresh one";
const REPEAT: &str = "200 for a repeat of the key: the same session";
const OTHER: &str = "One proof makes one session: under its key, another proof gets nothing";
const REPLAY: &str = "After that session was signed out, the proof is refused";
const KEEP: &str = "With \"keep\": true the old session stays alive; without, it ends in the same transaction";
const KEEP_REPLAY: &str = "One proof makes one session, also while the old session is kept alive";
const KEEP_END: &str = "A session that was kept alive ends with the new one";

fn body(kind: &str, value: &str, source: &str, key: &str) -> Value {
    json!({"proof": {"kind": kind, "value": value}, "source": source, "idempotency_key": key})
}

/// As the gateway makes them: the hash of the proof would do, but a suite is run again with the same one.
fn key() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

async fn migrate(suite: &Suite, body: &Value) -> Result<Answer, Stop> {
    suite.call("POST migrate/").json(body).gives_sid().send().await
}

async fn made(suite: &Suite, kind: &'static str) -> Done {
    let proof = suite.people.proof(kind)?;
    let value = match proof.value().await? {
        Some(value) => value,
        None => suite.member().await?.sid,
    };
    suite.api.hide(&value);
    let body = body(kind, &value, &proof.source, &key());
    let answer = migrate(suite, &body).await?;
    let made = suite.made(&answer, 201)?;
    answer.must(made.sid != value, "another sid than the proof")?;
    suite.lives(&made.sid, "for it was just made").await?;
    suite.keep(&made.sid);
    lock(&suite.migrated).insert(kind, Migrated { body, sid: made.sid });
    Ok(())
}

/// What [`made`] left.
fn migrated(suite: &Suite, kind: &'static str) -> Result<Migrated, Stop> {
    suite.people.proof(kind)?;
    let made = lock(&suite.migrated).get(kind).cloned();
    made.ok_or_else(|| Stop::Skip("nothing was migrated".into()))
}

async fn repeat(suite: &Suite, kind: &'static str) -> Done {
    let before = migrated(suite, kind)?;
    let answer = migrate(suite, &before.body).await?;
    let again = suite.made(&answer, 200);
    suite.keep(&before.sid);
    answer.must(again?.sid == before.sid, "the very sid of the first time")
}

async fn other_proof(suite: &Suite, kind: &'static str) -> Done {
    let before = migrated(suite, kind)?;
    let mut body = before.body;
    body["proof"]["value"] = json!(uuid::Uuid::new_v4().to_string());
    migrate(suite, &body).await?.says(401, "proof_refused")?;
    suite.lives(&before.sid, "for another proof was refused").await
}

async fn replay(suite: &Suite, kind: &'static str) -> Done {
    let before = migrated(suite, kind)?;
    suite.call("DELETE current/").session(&before.sid).send().await?.status(204)?;
    migrate(suite, &before.body).await?.says(401, "proof_refused")?;
    suite.refused(&before.sid, &[]).await
}

/// Migrates a session of today: its sid, and that of the new one.
async fn of_today(suite: &Suite, keep: bool) -> Result<(String, String), Stop> {
    let proof = suite.people.proof("session_id")?;
    if proof.value().await?.is_some() {
        return Err(Stop::Skip("a session of today is no proof here".into()));
    }
    let old = suite.member().await?.sid;
    let mut body = body("session_id", &old, &proof.source, &key());
    if keep {
        body["keep"] = json!(true);
    }
    let answer = migrate(suite, &body).await?;
    Ok((old, suite.made(&answer, 201)?.sid))
}

async fn kept(suite: &Suite) -> Done {
    let (old, new) = of_today(suite, true).await?;
    suite.lives(&old, "for it was kept").await?;
    suite.lives(&new, "for it was just made").await?;
    let (old, _) = of_today(suite, false).await?;
    suite.refused(&old, &[]).await
}

async fn kept_replay(suite: &Suite) -> Done {
    let (old, new) = of_today(suite, true).await?;
    let body = body("session_id", &old, "session_id", &key());
    migrate(suite, &body).await?.says(401, "proof_refused")?;
    suite.lives(&new, "for its proof was only presented again").await
}

async fn kept_end(suite: &Suite) -> Done {
    let (old, new) = of_today(suite, true).await?;
    suite.call("DELETE current/").session(&new).send().await?.status(204)?;
    suite.refused(&old, &[]).await
}

async fn refused(suite: &Suite) -> Done {
    let nobody = uuid::Uuid::new_v4().to_string();
    for (kind, value) in
        [("session_id", nobody.as_str()), ("session_id", "no-sid"), ("access_token", "made up"), ("opaque", "made up")]
    {
        migrate(suite, &body(kind, value, "session_id", &key())).await?.says(401, "proof_refused")?;
    }
    Ok(())
}

async fn malformed(suite: &Suite) -> Done {
    let proof = json!({"kind": "opaque", "value": "made up"});
    for body in [
        json!({}),
        json!({"proof": proof, "source": "session_id"}),
        json!({"proof": "x", "source": "session_id", "idempotency_key": key()}),
        json!({"proof": {"kind": "opaque"}, "source": "session_id", "idempotency_key": key()}),
        json!({"proof": {"value": "x"}, "source": "session_id", "idempotency_key": key()}),
        json!({"proof": {"kind": "opaque", "value": ""}, "source": "session_id", "idempotency_key": ""}),
    ] {
        let answer = migrate(suite, &body).await?;
        answer.is_no_refusal()?;
        answer.must(matches!(answer.status, 400 | 401), "400")?;
    }
    Ok(())
}
