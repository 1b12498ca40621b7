//! The second factor.

use serde_json::{Value, json};

use super::super::api::Answer;
use super::super::check::{Check, Done, Stop, check};
use super::super::expect::word;
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("challenge.asked", "202 {\"challenge\":{\"id\",\"kind\"}} when a second factor is due", asked),
    check!("challenge.answered", "Optional \"challenge\":{\"id\",\"code\"} -> 201 session with \"sid\"", answered),
    check!("challenge.wrong-code", "A code that is wrong makes no session", wrong_code),
    check!("challenge.unknown", "A challenge that nobody asked makes no session", unknown),
    check!("challenge.wrong-password", "401 invalid_credentials, whatever the code", wrong_password),
    check!("challenge.once", "A code is good once", once),
    check!("challenge.malformed", "400 for what is no challenge", malformed),
];

/// A challenge that was asked: its id, and the code that answers it.
async fn begin(suite: &Suite) -> Result<(Value, String), Stop> {
    let person = suite.people.second_factor()?;
    let answer = suite.attempt(&json!({"email": person.email, "password": person.password})).await?;
    let challenge = answer.object(202)?["challenge"].clone();
    let id = word(&challenge["id"]);
    answer.must(id.is_some() && challenge["kind"].is_string(), "a \"challenge\" with \"id\" and \"kind\"")?;
    let code = person.code(&id.unwrap_or_default()).await?;
    Ok((challenge["id"].clone(), code))
}

async fn respond(suite: &Suite, password: Option<&str>, challenge: Value) -> Result<Answer, Stop> {
    let person = suite.people.second_factor()?;
    let password = password.unwrap_or(&person.password);
    suite.attempt(&json!({"email": person.email, "password": password, "challenge": challenge})).await
}

fn another(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

/// Refused in a word: without one the gateway takes it for a fault of the backend.
fn refuses(answer: &Answer) -> Done {
    let word = !answer.code().is_empty();
    answer.must(answer.status == 401 && word, "401 with a \"code\", such as invalid_challenge")
}

async fn asked(suite: &Suite) -> Done {
    let person = suite.people.second_factor()?;
    let answer = suite.attempt(&json!({"email": person.email, "password": person.password})).await?;
    let body = answer.object(202)?;
    let told = body.get("sid").is_some() || body.get("user").is_some();
    answer.must(word(&body["challenge"]["id"]).is_some(), "challenge.id")?;
    answer.must(body["challenge"]["kind"].is_string(), "challenge.kind: a text")?;
    answer.must(!told, "no \"sid\" and no \"user\" before the second factor")
}

async fn answered(suite: &Suite) -> Done {
    let (id, code) = begin(suite).await?;
    let answer = respond(suite, None, json!({"id": id, "code": code})).await?;
    let made = suite.made(&answer, 201)?;
    suite.lives(&made.sid, "for it was just made").await
}

async fn wrong_code(suite: &Suite) -> Done {
    let (id, code) = begin(suite).await?;
    refuses(&respond(suite, None, json!({"id": id, "code": another(&code)})).await?)
}

async fn unknown(suite: &Suite) -> Done {
    let (_, code) = begin(suite).await?;
    for id in [uuid::Uuid::new_v4().to_string(), "no-challenge".to_owned()] {
        refuses(&respond(suite, None, json!({"id": id, "code": code})).await?)?;
    }
    Ok(())
}

async fn wrong_password(suite: &Suite) -> Done {
    let (id, code) = begin(suite).await?;
    let answer = respond(suite, Some("not the password"), json!({"id": id, "code": code})).await?;
    answer.says(401, "invalid_credentials")
}

async fn once(suite: &Suite) -> Done {
    let (id, code) = begin(suite).await?;
    let challenge = json!({"id": id, "code": code});
    respond(suite, None, challenge.clone()).await?.status(201)?;
    refuses(&respond(suite, None, challenge).await?)
}

async fn malformed(suite: &Suite) -> Done {
    for challenge in [json!("x"), json!({"id": 1}), json!([])] {
        let answer = respond(suite, None, challenge).await?;
        answer.status(400)?;
    }
    Ok(())
}
