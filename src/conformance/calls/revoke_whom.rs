//! Revocation of a user's, a tenant's, everybody's sessions.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::check::{Check, Done, Stop, check};
use super::super::suite::{Suite, time};
use super::revoke::{LONG_AGO, revoke};

pub(super) const CHECKS: &[Check] = &[
    check!("revoke.user", "POST revoke/ {\"user_id\"}: every session of the user", user),
    check!("revoke.user-only", "{\"user_id\"}: and nobody else's", user_only),
    check!("revoke.unknown-user", "A user whom nobody knows has no sessions", unknown_user),
    check!("revoke.issued-before", "`issued_before`: sessions begun before it, and no newer ones", issued_before),
    check!("revoke.tenant", "POST revoke/ {\"tenant_id\"}: every session in the tenant", tenant),
    check!("revoke.all", "POST revoke/ {\"all\":true}", all),
];

async fn user(suite: &Suite) -> Done {
    suite.room_for(2)?;
    let (one, two) = (suite.member().await?, suite.member().await?);
    let answer = revoke(suite, &json!({"user_id": one.session["user"]["id"]})).await?;
    let revoked = answer.revoked_ids()?;
    answer
        .must(revoked.contains(&one.public_id) && revoked.contains(&two.public_id), "both sessions in \"revoked\"")?;
    suite.refused(&one.sid, &["session_revoked"]).await?;
    suite.refused(&two.sid, &["session_revoked"]).await
}

async fn user_only(suite: &Suite) -> Done {
    let other = suite.sign_in(suite.people.multi_tenant()?).await?;
    let made = suite.member().await?;
    revoke(suite, &json!({"user_id": made.session["user"]["id"]})).await?.object(200)?;
    suite.lives(&other.sid, "for it is somebody else's").await
}

async fn unknown_user(suite: &Suite) -> Done {
    let made = suite.member().await?;
    for id in ["999999999999999999999999", "no-user"] {
        let answer = revoke(suite, &json!({"user_id": id})).await?;
        // What cannot be an id at all may be told so.
        if answer.status != 400 {
            answer.revoked(&[])?;
        }
    }
    suite.lives(&made.sid, "for it is somebody else's").await
}

/// Between two sign-ins, by the backend's own clock: the older one goes, the newer stays.
async fn issued_before(suite: &Suite) -> Done {
    suite.room_for(2)?;
    let older = suite.member().await?;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let newer = suite.member().await?;
    let (first, second) = (time(&older.session, "authenticated_at")?, time(&newer.session, "authenticated_at")?);
    let between = middle(first, second).ok_or_else(|| Stop::Fail {
        expected: "a later `authenticated_at` for a sign-in a second later".into(),
        got: format!("{first} and {second}"),
    })?;
    let body = json!({"user_id": older.session["user"]["id"], "issued_before": between.to_string()});
    let answer = revoke(suite, &body).await?;
    answer.revoked(&[&older.public_id])?;
    suite.refused(&older.sid, &["session_revoked"]).await?;
    suite.lives(&newer.sid, "for it was begun after `issued_before`").await
}

fn middle(first: Timestamp, second: Timestamp) -> Option<Timestamp> {
    let half = SignedDuration::from_millis(i64::try_from(second.duration_since(first).as_millis() / 2).ok()?);
    if half.is_zero() || half.is_negative() { None } else { first.checked_add(half).ok() }
}

async fn tenant(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let tenant = &made.session["tenant"]["id"];
    if tenant.is_null() {
        return Err(Stop::Skip("the backend does not say `tenant` of [member]".into()));
    }
    revoke(suite, &json!({"tenant_id": tenant, "issued_before": LONG_AGO})).await?.revoked(&[])?;
    suite.lives(&made.sid, "for it was begun after `issued_before`").await?;
    let newcomer = match suite.people.newcomer() {
        Ok(person) => Some(suite.sign_in(person).await?),
        Err(_) => None,
    };
    let answer = revoke(suite, &json!({"tenant_id": tenant})).await?;
    answer.must(answer.revoked_ids()?.contains(&made.public_id), "the session of the tenant in \"revoked\"")?;
    suite.refused(&made.sid, &["session_revoked"]).await?;
    match newcomer {
        Some(newcomer) => suite.lives(&newcomer.sid, "for it is in no tenant").await,
        None => Ok(()),
    }
}

async fn all(suite: &Suite) -> Done {
    if !suite.end_everyone {
        return Err(Stop::Skip("it would end everybody's sessions: --end-everyone does".into()));
    }
    let made = suite.member().await?;
    let answer = revoke(suite, &json!({"all": true})).await?;
    answer.must(answer.revoked_ids()?.contains(&made.public_id), "the member's session in \"revoked\"")?;
    suite.refused(&made.sid, &["session_revoked"]).await
}
