//! What a session says of itself. `user.id` must be there; every other field may be missing, but not be something else.

use serde_json::Value;

use super::super::api::Answer;
use super::super::api::{AGENT, CLIENT};
use super::super::check::{Check, Done, Stop, check};
use super::super::expect::word;
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("session.user", "\"user\":{\"id\",\"email\",\"name\",\"role\"}: a usable identity is user.id", user),
    check!("session.public-id", "\"public_id\": \"<uuid, not the sid>\", the same in every answer", public_id),
    check!("session.tenant", "\"tenant\":{\"id\",\"slug\",\"name\"} or null", tenant),
    check!("session.tenants", "\"tenants\":[{\"id\",\"slug\",\"name\"}...]", tenants),
    check!("session.no-tenant", "\"tenant\": null, before onboarding", no_tenant),
    check!("session.onboarding", "\"onboarding\":{\"needed\":false,\"step\":null}", onboarding),
    check!("session.onboarding-needed", "\"onboarding\":{\"needed\":true,\"step\":...}", onboarding_needed),
    check!("session.permissions", "\"permissions\":[\"invoices.view\"]", permissions),
    check!("session.authenticated-at", TIMES, moment, "authenticated_at"),
    check!("session.created-at", TIMES, moment, "created_at"),
    check!("session.last-activity", TIMES, moment, "last_activity"),
    check!("session.expires-at", TIMES, moment, "expires_at"),
    check!("session.idle-expires-at", "\"idle_expires_at\": \"...\" or null", moment, "idle_expires_at"),
    check!("session.device", "\"device\":{\"ip\",\"user_agent\"}, out of X-Client-Ip and User-Agent", device),
];

const TIMES: &str = "RFC 3339 times with an offset";

/// The session of the member, as the backend validates it.
async fn member(suite: &Suite) -> Result<(Answer, Value), Stop> {
    let sid = suite.member().await?.sid;
    let answer = suite.call("GET current/").session(&sid).send().await?;
    let session = answer.object(200)?;
    Ok((answer, session))
}

fn there(value: &Value, name: &str) -> Done {
    if value.is_null() { Err(Stop::Skip(format!("the backend does not say `{name}`, and need not"))) } else { Ok(()) }
}

async fn user(suite: &Suite) -> Done {
    let (answer, session) = member(suite).await?;
    let user = &session["user"];
    answer.must(word(&user["id"]).is_some(), "user.id: a text (or a number) that is not empty")?;
    for name in ["email", "name", "role"] {
        answer.must(user[name].is_null() || user[name].is_string(), format!("user.{name}: a text"))?;
    }
    let email = user["email"].as_str();
    let same = email.is_none_or(|email| email.eq_ignore_ascii_case(&suite.people.member().email));
    answer.must(same, "user.email: the one that signed in")
}

async fn public_id(suite: &Suite) -> Done {
    let made = suite.member().await?;
    let answer = suite.call("GET current/").session(&made.sid).send().await?;
    answer.must(answer.object(200)?["public_id"] == made.session["public_id"], "the public_id of the sign-in")
}

async fn tenant(suite: &Suite) -> Done {
    let (answer, session) = member(suite).await?;
    there(&session["tenant"], "tenant")?;
    answer.must(is_tenant(&session["tenant"]), "tenant: an object with `id`, `slug` and `name`")
}

async fn tenants(suite: &Suite) -> Done {
    let (answer, session) = member(suite).await?;
    there(&session["tenants"], "tenants")?;
    let list = session["tenants"].as_array();
    answer
        .must(list.is_some_and(|list| list.iter().all(is_tenant)), "tenants: a list of objects as `tenant` is one")?;
    let own = &session["tenant"]["id"];
    let listed = own.is_null() || list.is_some_and(|list| list.iter().any(|tenant| tenant["id"] == *own));
    answer.must(listed, "tenants: the session's own is one of them")
}

fn is_tenant(tenant: &Value) -> bool {
    let text = |name: &str| tenant[name].is_null() || tenant[name].is_string();
    word(&tenant["id"]).is_some() && text("slug") && text("name")
}

async fn no_tenant(suite: &Suite) -> Done {
    let sid = suite.sign_in(suite.people.newcomer()?).await?.sid;
    let answer = suite.call("GET current/").session(&sid).send().await?;
    let session = answer.object(200)?;
    answer.must(session["tenant"].is_null(), "tenant: null")?;
    let none = session["tenants"].as_array().is_none_or(Vec::is_empty);
    answer.must(none, "tenants: an empty list")
}

async fn onboarding(suite: &Suite) -> Done {
    let (answer, session) = member(suite).await?;
    there(&session["onboarding"], "onboarding")?;
    answer.must(session["onboarding"]["needed"] == false, "onboarding.needed: false, for [member]")
}

async fn onboarding_needed(suite: &Suite) -> Done {
    let sid = suite.sign_in(suite.people.newcomer()?).await?.sid;
    let answer = suite.call("GET current/").session(&sid).send().await?;
    let onboarding = &answer.object(200)?["onboarding"];
    answer.must(onboarding["needed"] == true, "onboarding.needed: true, for [newcomer]")?;
    let step = &onboarding["step"];
    answer.must(step.is_null() || word(step).is_some(), "onboarding.step: a text or null")
}

async fn permissions(suite: &Suite) -> Done {
    let (answer, session) = member(suite).await?;
    there(&session["permissions"], "permissions")?;
    let list = session["permissions"].as_array();
    answer.must(list.is_some_and(|list| list.iter().all(Value::is_string)), "permissions: a list of texts")
}

async fn moment(suite: &Suite, name: &str) -> Done {
    let (answer, session) = member(suite).await?;
    there(&session[name], name)?;
    let read = session[name].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    answer.must(read.is_some(), format!("{name}: a time such as \"2026-01-31T09:00:00Z\""))
}

async fn device(suite: &Suite) -> Done {
    let (answer, session) = member(suite).await?;
    there(&session["device"], "device")?;
    let device = &session["device"];
    answer.must(device["ip"] == CLIENT, format!("device.ip: \"{CLIENT}\", as X-Client-Ip said"))?;
    answer.must(device["user_agent"] == AGENT, format!("device.user_agent: \"{AGENT}\", as User-Agent said"))
}
