//! Last activity, in batches.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::api::Answer;
use super::super::check::{Check, Done, Stop, check};
use super::super::suite::{Made, Suite, time};

pub(super) const CHECKS: &[Check] = &[
    check!("activity.taken", "POST activity/ {\"seen\":[{\"public_id\",\"at\",\"ip\",\"user_agent\"}]} -> 204", taken),
    check!("activity.forward", "`last_activity` moves forward", forward),
    check!("activity.never-backward", "`last_activity` never moves backward", never_backward),
    check!("activity.unknown", "A public_id that nobody knows is ignored, and the rest is taken", unknown),
    check!("activity.signs-nobody-in", "Activity does not bring an ended session back", signs_nobody_in),
    check!("activity.malformed", "400 for what is no batch", malformed),
];

async fn seen(suite: &Suite, seen: Value) -> Result<Answer, Stop> {
    suite.call("POST activity/").json(&json!({"seen": seen})).send().await
}

fn at(made: &Made, at: Timestamp) -> Value {
    json!({"public_id": made.public_id, "at": at.to_string(), "ip": "203.0.113.9", "user_agent": "conformance/2"})
}

/// A session that is a second old, its last activity, and a second after that.
async fn begin(suite: &Suite) -> Result<(Made, Timestamp, Timestamp), Stop> {
    let made = suite.member().await?;
    let before = time(&suite.session(&made.sid).await?, "last_activity")?;
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    let later = before.checked_add(SignedDuration::from_secs(1)).unwrap_or(before);
    Ok((made, before, later))
}

async fn taken(suite: &Suite) -> Done {
    seen(suite, json!([])).await?.status(204)?;
    let (made, _, later) = begin(suite).await?;
    seen(suite, json!([at(&made, later)])).await?.status(204)?;
    suite.lives(&made.sid, "for it was active").await
}

async fn forward(suite: &Suite) -> Done {
    let (made, before, later) = begin(suite).await?;
    seen(suite, json!([at(&made, later)])).await?.status(204)?;
    let answer = suite.call("GET current/").session(&made.sid).send().await?;
    let moved = time(&answer.object(200)?, "last_activity")?;
    answer.must(moved > before, format!("`last_activity` after {before}, for it was seen at {later}"))
}

async fn never_backward(suite: &Suite) -> Done {
    let (made, _, later) = begin(suite).await?;
    seen(suite, json!([at(&made, later)])).await?.status(204)?;
    let before = time(&suite.session(&made.sid).await?, "last_activity")?;
    let earlier = later.checked_sub(SignedDuration::from_hours(1)).unwrap_or(later);
    seen(suite, json!([at(&made, earlier)])).await?.status(204)?;
    let answer = suite.call("GET current/").session(&made.sid).send().await?;
    let now = time(&answer.object(200)?, "last_activity")?;
    answer.must(now >= before, format!("`last_activity` no earlier than {before}"))
}

async fn unknown(suite: &Suite) -> Done {
    let (made, before, later) = begin(suite).await?;
    let nobody = json!({"public_id": uuid::Uuid::new_v4().to_string(), "at": later.to_string()});
    let garbled = json!({"public_id": "no-public-id", "at": later.to_string(), "ip": null, "user_agent": null});
    seen(suite, json!([nobody, garbled, at(&made, later)])).await?.status(204)?;
    let answer = suite.call("GET current/").session(&made.sid).send().await?;
    let moved = time(&answer.object(200)?, "last_activity")?;
    answer.must(moved > before, format!("`last_activity` after {before}, for it was seen at {later}"))
}

async fn signs_nobody_in(suite: &Suite) -> Done {
    let (made, _, later) = begin(suite).await?;
    suite.call("DELETE current/").session(&made.sid).send().await?.status(204)?;
    seen(suite, json!([at(&made, later)])).await?.status(204)?;
    suite.refused(&made.sid, &[]).await
}

async fn malformed(suite: &Suite) -> Done {
    for body in [json!({}), json!({"seen": "x"}), json!({"seen": {}})] {
        suite.call("POST activity/").json(&body).send().await?.status(400)?;
    }
    Ok(())
}
