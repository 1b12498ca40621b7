//! Revocation by hash, and what keeps one from ending more than was meant.

use serde_json::{Value, json};

use super::super::api::Answer;
use super::super::check::{Check, Done, Stop, check};
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("revoke.sid", "POST revoke/ {\"sid_sha256\":[...]} -> 200 {\"revoked\":[public_id...]}", sid),
    check!("revoke.key-only", "The gateway's key only, no user credential", key_only),
    check!("revoke.repeated", "Repeated until taken: a second time it is taken, and there is nothing to do", repeated),
    check!("revoke.unknown", "A hash that nobody has is no fault", unknown),
    check!("revoke.issued-before-past", "`issued_before` keeps a late event from ending a newer sign-in", past),
    check!("revoke.malformed", "Exactly one of the four, and a time in RFC 3339", malformed),
];

pub(super) const LONG_AGO: &str = "2000-01-01T00:00:00Z";

pub(super) async fn revoke(suite: &Suite, body: &Value) -> Result<Answer, Stop> {
    suite.call("POST revoke/").json(body).send().await
}

/// The hex hash of the 36 characters.
fn hash(sid: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sid.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn sid(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let answer = revoke(suite, &json!({"sid_sha256": [hash(&made.sid), "0".repeat(64)]})).await?;
    answer.revoked(&[&made.public_id])?;
    suite.refused(&made.sid, &["session_revoked"]).await
}

async fn key_only(suite: &Suite) -> Done {
    let made = suite.member().await?;
    // The credential of a session that has ended must not be in the way either.
    let nobody = uuid::Uuid::new_v4().to_string();
    let call = suite.call("POST revoke/").session(&nobody).json(&json!({"sid_sha256": [hash(&made.sid)]}));
    call.send().await?.revoked(&[&made.public_id])
}

async fn repeated(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let body = json!({"sid_sha256": [hash(&made.sid)]});
    revoke(suite, &body).await?.revoked(&[&made.public_id])?;
    revoke(suite, &body).await?.object(200).map(drop)
}

async fn unknown(suite: &Suite) -> Done {
    revoke(suite, &json!({"sid_sha256": ["0".repeat(64)]})).await?.revoked(&[])?;
    revoke(suite, &json!({"sid_sha256": []})).await?.revoked(&[])
}

async fn past(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let user = &made.session["user"]["id"];
    for body in [
        json!({"sid_sha256": [hash(&made.sid)], "issued_before": LONG_AGO}),
        json!({"user_id": user, "issued_before": LONG_AGO}),
        json!({"all": true, "issued_before": LONG_AGO}),
    ] {
        revoke(suite, &body).await?.revoked(&[])?;
    }
    suite.lives(&made.sid, "for it was begun after `issued_before`").await
}

async fn malformed(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let user = &made.session["user"]["id"];
    for body in [
        json!({}),
        json!({"all": false}),
        json!({"all": "yes", "issued_before": LONG_AGO}),
        json!({"all": true, "user_id": user, "issued_before": LONG_AGO}),
        json!({"sid_sha256": "x"}),
        json!({"sid_sha256": ["x"]}),
        json!({"user_id": null}),
        json!({"user_id": user, "issued_before": "yesterday"}),
        json!({"user_id": user, "issued_before": "2000-01-01T00:00:00"}),
    ] {
        revoke(suite, &body).await?.status(400)?;
    }
    suite.lives(&made.sid, "for a slip of the pen ends nothing").await
}
