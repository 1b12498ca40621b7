//! Sign-in that succeeds.

use serde_json::json;

use super::super::check::{Check, Done, Stop, check};
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("sign-in.session", "POST /api/sessions/ {\"email\",\"password\"} -> 201 session with \"sid\"", session),
    check!("sign-in.always-new", "A new sid at every sign-in", always_new),
    check!("sign-in.ignores-old-sid", "A new sid at every sign-in, whatever the browser came with", ignores_old_sid),
    check!("sign-in.access-token", "POST /api/sessions/ {\"access_token\"} -> 201 session with \"sid\"", access_token),
    check!("sign-in.others-untouched", "One sign-in is no news about anybody else", others_untouched),
];

async fn session(suite: &Suite) -> Done {
    let made = suite.member().await?;
    suite.lives(&made.sid, "for it was just made").await
}

async fn always_new(suite: &Suite) -> Done {
    suite.room_for(2)?;
    let (one, two) = (suite.member().await?, suite.member().await?);
    let answer = suite.call("GET current/").session(&two.sid).send().await?;
    answer.must(
        one.sid != two.sid && one.public_id != two.public_id,
        "another sid and public_id than the sign-in before",
    )?;
    answer.must(one.session["user"] == two.session["user"], "the same user as the sign-in before")
}

/// A planted sid must not become the session (session fixation).
async fn ignores_old_sid(suite: &Suite) -> Done {
    let planted = uuid::Uuid::new_v4().to_string();
    let member = suite.people.member();
    let body = json!({"email": member.email, "password": member.password, "sid": planted});
    let call = suite.call("POST ").session(&planted).header("cookie", format!("sid={planted}; sessionid={planted}"));
    let answer = call.json(&body).gives_sid().send().await?;
    let made = suite.made(&answer, 201)?;
    answer.must(made.sid != planted, "another sid than the one that came with the call")
}

async fn access_token(suite: &Suite) -> Done {
    let token = suite.people.access_token().await?;
    suite.api.hide(&token);
    let answer = suite.attempt(&json!({"access_token": token})).await?;
    let made = suite.made(&answer, 201)?;
    suite.lives(&made.sid, "for it was just made").await
}

async fn others_untouched(suite: &Suite) -> Done {
    let other = suite.sign_in(suite.people.multi_tenant()?).await?;
    let made = suite.member().await?;
    if made.session["user"]["id"] == other.session["user"]["id"] {
        return Err(Stop::Skip("[member] and [multi_tenant] must be two people".into()));
    }
    suite.lives(&other.sid, "for somebody else signed in").await
}
