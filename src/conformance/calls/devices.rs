//! The list of devices.

use serde_json::Value;

use super::super::api::Answer;
use super::super::check::{Check, Done, Stop, check};
use super::super::suite::{Made, Suite};

pub(super) const CHECKS: &[Check] = &[
    check!("devices.listed", "GET /api/sessions/ -> 200 {\"sessions\":[...]}: this session's user's", listed),
    check!("devices.current", "`current: true` on one", current),
    check!("devices.no-sids", "Without sids", no_sids),
    check!("devices.own-only", "Devices of this session's user", own_only),
    check!("devices.live-only", "A session that has ended is no device", live_only),
    check!("devices.refused", "Refused: a JSON body with {\"code\": \"session_unknown\"}", refused),
];

/// The list that a sid gets.
pub(super) async fn list(suite: &Suite, sid: &str) -> Result<(Answer, Vec<Value>), Stop> {
    let answer = suite.call("GET ").session(sid).send().await?;
    let list = answer.object(200)?["sessions"].as_array().cloned();
    let list = list.ok_or_else(|| answer.instead_of("200 with {\"sessions\": [...]}"))?;
    Ok((answer, list))
}

pub(super) fn has(list: &[Value], made: &Made) -> bool {
    list.iter().any(|session| session["public_id"] == made.session["public_id"])
}

async fn listed(suite: &Suite) -> Done {
    suite.room_for(2)?;
    let (one, two) = (suite.member().await?, suite.member().await?);
    let (answer, list) = list(suite, &one.sid).await?;
    answer.must(has(&list, &one) && has(&list, &two), "both sessions that are open, by their public_id")?;
    let complete = list.iter().all(|session| session["public_id"].is_string());
    answer.must(complete, "a public_id in each")
}

async fn current(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let (answer, list) = list(suite, &made.sid).await?;
    let current: Vec<&Value> = list.iter().filter(|session| session["current"] == true).collect();
    let own = current.len() == 1 && current.iter().all(|s| s["public_id"] == made.session["public_id"]);
    answer.must(own, "\"current\": true on one, which is the session that asks")
}

async fn no_sids(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let (answer, list) = list(suite, &made.sid).await?;
    answer.must(list.iter().all(|session| session.get("sid").is_none()), "no \"sid\" in any of them")?;
    answer.must(!answer.text.contains(&made.sid), "no sid anywhere")
}

async fn own_only(suite: &Suite) -> Done {
    let other = suite.sign_in(suite.people.multi_tenant()?).await?;
    let made = suite.member().await?;
    let (answer, list) = list(suite, &made.sid).await?;
    answer.must(!has(&list, &other), "no session of somebody else")
}

async fn live_only(suite: &Suite) -> Done {
    suite.room_for(2)?;
    let (one, two) = (suite.member().await?, suite.member().await?);
    suite.call("DELETE current/").session(&two.sid).send().await?.status(204)?;
    let (answer, list) = list(suite, &one.sid).await?;
    answer.must(!has(&list, &two), "no session that was signed out")
}

async fn refused(suite: &Suite) -> Done {
    let nobody = uuid::Uuid::new_v4().to_string();
    suite.call("GET ").session(&nobody).send().await?.refuses_session().map(drop)
}
