//! The limit of sessions, where the suite is told of one.

use serde_json::json;

use super::super::check::{Check, Done, Stop, check};
use super::super::suite::{Made, Suite};
use super::super::{Limit, LimitPolicy};

pub(super) const CHECKS: &[Check] = &[
    check!("limit.room", "At most N sessions per user: so many are good at once", room),
    check!("limit.evict-oldest", "evict_oldest: the oldest session ends, with the code session_limit", evict_oldest),
    check!("limit.deny", "deny: 409 session_limit", deny),
    check!("limit.per-user", "At most N sessions per user, and not of all together", per_user),
];

fn limit(suite: &Suite) -> Result<Limit, Stop> {
    suite.limit.ok_or_else(|| Stop::Skip("no limit is expected: --expect-limit names one".into()))
}

/// As many sessions as there may be, oldest first.
async fn full(suite: &Suite, limit: Limit) -> Result<Vec<Made>, Stop> {
    let mut all = Vec::new();
    for _ in 0..limit.sessions {
        all.push(suite.member().await?);
    }
    Ok(all)
}

async fn room(suite: &Suite) -> Done {
    for made in full(suite, limit(suite)?).await? {
        suite.lives(&made.sid, "for there is room for it").await?;
    }
    Ok(())
}

async fn evict_oldest(suite: &Suite) -> Done {
    let limit = limit(suite)?;
    if limit.policy != LimitPolicy::EvictOldest {
        return Err(Stop::Skip("the policy is deny".into()));
    }
    let before = full(suite, limit).await?;
    let newest = suite.member().await?;
    let Some((oldest, others)) = before.split_first() else { return Ok(()) };
    suite.refused(&oldest.sid, &["session_limit"]).await?;
    for made in others {
        suite.lives(&made.sid, "for only the oldest ends").await?;
    }
    suite.lives(&newest.sid, "for the newest is let in").await
}

async fn deny(suite: &Suite) -> Done {
    let limit = limit(suite)?;
    if limit.policy != LimitPolicy::Deny {
        return Err(Stop::Skip("the policy is evict_oldest".into()));
    }
    let before = full(suite, limit).await?;
    let member = suite.people.member();
    let body = json!({"email": member.email, "password": member.password});
    suite.attempt(&body).await?.says(409, "session_limit")?;
    for made in &before {
        suite.lives(&made.sid, "for the newest is refused").await?;
    }
    let Some(one) = before.first() else { return Ok(()) };
    suite.call("DELETE current/").session(&one.sid).send().await?.status(204)?;
    suite.member().await.map(drop)
}

async fn per_user(suite: &Suite) -> Done {
    let limit = limit(suite)?;
    let other = suite.sign_in(suite.people.multi_tenant()?).await?;
    full(suite, limit).await?;
    suite.lives(&other.sid, "for it is somebody else's").await
}
