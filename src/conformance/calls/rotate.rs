//! A new sid for a session that goes on.

use serde_json::Value;

use super::super::api::Answer;
use super::super::check::{Check, Done, Stop, check};
use super::super::suite::{Made, Suite, time};

pub(super) const CHECKS: &[Check] = &[
    check!("rotate.new-sid", "POST /api/sessions/current/rotate/ -> 200 session with a new \"sid\"", new_sid),
    check!("rotate.old-sid", "The old sid is refused", old_sid),
    check!("rotate.same-session", "It is no sign-in: user, tenant and authenticated_at stay", same_session),
    check!("rotate.no-longer-life", "It is no sign-in: expires_at does not move", no_longer_life),
    check!("rotate.ended", "An ended session has no successor", ended),
    check!("rotate.unknown", "Refused: a JSON body with {\"code\": \"session_unknown\"}", unknown),
];

async fn rotate(suite: &Suite) -> Result<(Made, Made, Answer), Stop> {
    let old = suite.member().await?;
    let answer = suite.call("POST current/rotate/").session(&old.sid).gives_sid().send().await?;
    let new = suite.made(&answer, 200)?;
    Ok((old, new, answer))
}

async fn new_sid(suite: &Suite) -> Done {
    let (old, new, answer) = rotate(suite).await?;
    answer.must(old.sid != new.sid, "another sid than before")?;
    suite.lives(&new.sid, "for it was just made").await
}

async fn old_sid(suite: &Suite) -> Done {
    let (old, _, _) = rotate(suite).await?;
    suite.refused(&old.sid, &[]).await
}

async fn same_session(suite: &Suite) -> Done {
    let (old, new, answer) = rotate(suite).await?;
    for name in ["user", "tenant", "authenticated_at"] {
        let same = |session: &Value| session[name].clone();
        answer.must(same(&old.session) == same(&new.session), format!("`{name}` as before"))?;
    }
    Ok(())
}

async fn no_longer_life(suite: &Suite) -> Done {
    let (old, new, answer) = rotate(suite).await?;
    let later = time(&new.session, "expires_at")? > time(&old.session, "expires_at")?;
    answer.must(!later, "`expires_at` no later than before")
}

async fn ended(suite: &Suite) -> Done {
    let (old, _, _) = rotate(suite).await?;
    suite.call("POST current/rotate/").session(&old.sid).send().await?.refuses_session().map(drop)
}

async fn unknown(suite: &Suite) -> Done {
    let nobody = uuid::Uuid::new_v4().to_string();
    suite.call("POST current/rotate/").session(&nobody).send().await?.refuses_session().map(drop)
}
