//! Sign-out.

use super::super::check::{Check, Done, check};
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("sign-out.ends-it", "DELETE /api/sessions/current/ -> 204; replay of the old sid is refused", ends_it),
    check!("sign-out.again", "204, also for one already gone", again),
    check!("sign-out.unknown", "204, also for one already gone", unknown),
    check!("sign-out.one-only", "It ends the session that asks, and no other", one_only),
];

async fn ends_it(suite: &Suite) -> Done {
    let sid = suite.member().await?.sid;
    suite.call("DELETE current/").session(&sid).send().await?.status(204)?;
    suite.refused(&sid, &["session_revoked", "session_unknown"]).await
}

async fn again(suite: &Suite) -> Done {
    let sid = suite.member().await?.sid;
    for _ in 0..2 {
        suite.call("DELETE current/").session(&sid).send().await?.status(204)?;
    }
    Ok(())
}

async fn unknown(suite: &Suite) -> Done {
    let nobody = uuid::Uuid::new_v4().to_string();
    suite.call("DELETE current/").session(&nobody).send().await?.status(204)
}

async fn one_only(suite: &Suite) -> Done {
    suite.room_for(2)?;
    let (one, two) = (suite.member().await?, suite.member().await?);
    suite.call("DELETE current/").session(&one.sid).send().await?.status(204)?;
    suite.lives(&two.sid, "for another session signed out").await
}
