//! Another tenant of one's own.

use serde_json::{Value, json};

use super::super::api::Answer;
use super::super::check::{Check, Done, Stop, check};
use super::super::expect::word;
use super::super::suite::{Made, Suite};

pub(super) const CHECKS: &[Check] = &[
    check!("tenant.switched", "POST current/tenant/ {\"tenant_id\"} -> 200 session with a new \"sid\"", switched),
    check!("tenant.old-sid", "The old sid is refused", old_sid),
    check!("tenant.not-a-member", "403 not_a_member", not_a_member),
    check!("tenant.unknown", "403 not_a_member", unknown),
    check!("tenant.refused-ends-nothing", "A switch that is refused changes nothing", refused_ends_nothing),
    check!("tenant.malformed", "400 field errors", malformed),
];

/// A session of the one with two tenants, and the tenant that it is not in.
async fn begin(suite: &Suite) -> Result<(Made, Value), Stop> {
    let made = suite.sign_in(suite.people.multi_tenant()?).await?;
    let own = &made.session["tenant"]["id"];
    let other = made.session["tenants"].as_array().and_then(|all| all.iter().find(|t| t["id"] != *own)).cloned();
    match other {
        Some(other) => Ok((made, other)),
        None => Err(Stop::Fail {
            expected: "`tenants` of [multi_tenant]: two at least".into(),
            got: made.session["tenants"].to_string(),
        }),
    }
}

async fn switch(suite: &Suite, sid: &str, tenant: &Value) -> Result<Answer, Stop> {
    suite.call("POST current/tenant/").session(sid).json(&json!({"tenant_id": tenant})).gives_sid().send().await
}

async fn switched(suite: &Suite) -> Done {
    let (made, other) = begin(suite).await?;
    let answer = switch(suite, &made.sid, &other["id"]).await?;
    let new = suite.made(&answer, 200)?;
    answer.must(new.sid != made.sid, "another sid than before")?;
    answer.must(new.session["tenant"]["id"] == other["id"], "the tenant that was asked for")?;
    answer.must(new.session["user"]["id"] == made.session["user"]["id"], "the same user")?;
    let again = suite.call("GET current/").session(&new.sid).send().await?;
    again.must(again.json()["tenant"]["id"] == other["id"], "the tenant that was asked for")
}

async fn old_sid(suite: &Suite) -> Done {
    let (made, other) = begin(suite).await?;
    let answer = switch(suite, &made.sid, &other["id"]).await?;
    suite.made(&answer, 200)?;
    suite.refused(&made.sid, &[]).await
}

/// A tenant that there is, of others.
async fn not_a_member(suite: &Suite) -> Done {
    let (_, other) = begin(suite).await?;
    let member = suite.member().await?;
    let own = member.session["tenants"].as_array().is_some_and(|all| all.iter().any(|t| t["id"] == other["id"]));
    if own {
        return Err(Stop::Skip("[member] belongs to both tenants of [multi_tenant]".into()));
    }
    switch(suite, &member.sid, &other["id"]).await?.says(403, "not_a_member")
}

async fn unknown(suite: &Suite) -> Done {
    let member = suite.member().await?;
    let nowhere = json!(uuid::Uuid::new_v4().to_string());
    switch(suite, &member.sid, &nowhere).await?.says(403, "not_a_member")?;
    for no_id in [json!("no-tenant"), json!("999999999"), json!(0)] {
        let answer = switch(suite, &member.sid, &no_id).await?;
        answer.must(matches!(answer.status, 400 | 403), "403 with {\"code\": \"not_a_member\"}, or 400")?;
        answer.is_no_refusal()?;
    }
    Ok(())
}

async fn refused_ends_nothing(suite: &Suite) -> Done {
    let member = suite.member().await?;
    switch(suite, &member.sid, &json!(uuid::Uuid::new_v4().to_string())).await?;
    let session = suite.session(&member.sid).await?;
    let same = word(&session["tenant"]["id"]) == word(&member.session["tenant"]["id"]);
    let answer = suite.call("GET current/").session(&member.sid).send().await?;
    answer.must(same, "the tenant as before")
}

async fn malformed(suite: &Suite) -> Done {
    let member = suite.member().await?;
    for body in [json!({}), json!({"tenant_id": null}), json!({"tenant_id": {}})] {
        let answer = suite.call("POST current/tenant/").session(&member.sid).json(&body).send().await?;
        answer.status(400)?;
    }
    suite.lives(&member.sid, "for nothing was switched").await
}
