//! Sign-in that is refused, with the word that tells the browser why.

use serde_json::json;

use super::super::check::{Check, Done, Stop, check};
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("sign-in.field-errors", "400 field errors", field_errors),
    check!("sign-in.wrong-password", "401 invalid_credentials", wrong_password),
    check!("sign-in.unknown-person", "401 invalid_credentials, the same as for a wrong password", unknown_person),
    check!("sign-in.bad-access-token", "401 invalid_credentials", bad_access_token),
    check!("sign-in.disabled", "403 account_disabled", disabled),
    check!(
        "sign-in.disabled-unproven",
        "Only the password's owner learns that an account is disabled",
        disabled_unproven
    ),
    check!("sign-in.locked", "423 account_locked", locked),
];

async fn field_errors(suite: &Suite) -> Done {
    let member = suite.people.member();
    for body in [
        json!({}),
        json!({"email": " ", "password": " "}),
        json!({"email": member.email}),
        json!({"password": member.password}),
        json!({"email": 1, "password": member.password}),
        json!({"email": [member.email], "password": {}}),
    ] {
        suite.attempt(&body).await?.blames_fields()?;
    }
    Ok(())
}

async fn wrong_password(suite: &Suite) -> Done {
    let email = &suite.people.member().email;
    suite.attempt(&json!({"email": email, "password": "not the password"})).await?.says(401, "invalid_credentials")
}

async fn unknown_person(suite: &Suite) -> Done {
    let nobody = format!("nobody-{}@example.test", uuid::Uuid::new_v4().simple());
    let unknown = suite.attempt(&json!({"email": nobody, "password": "not the password"})).await?;
    unknown.says(401, "invalid_credentials")?;
    let email = &suite.people.member().email;
    let wrong = suite.attempt(&json!({"email": email, "password": "not the password"})).await?;
    unknown
        .must(unknown.json() == wrong.json(), "the very answer that a wrong password gets: nobody learns who is known")
}

async fn bad_access_token(suite: &Suite) -> Done {
    let answer = suite.attempt(&json!({"access_token": "made up"})).await?;
    if answer.status == 400 && suite.people.access_token().await.is_err() {
        return Err(Stop::Skip("the backend takes no access tokens".into()));
    }
    answer.says(401, "invalid_credentials")
}

async fn disabled(suite: &Suite) -> Done {
    let person = suite.people.disabled()?;
    let answer = suite.attempt(&json!({"email": person.email, "password": person.password})).await?;
    answer.says(403, "account_disabled")
}

async fn disabled_unproven(suite: &Suite) -> Done {
    let person = suite.people.disabled()?;
    let answer = suite.attempt(&json!({"email": person.email, "password": "not the password"})).await?;
    answer.says(401, "invalid_credentials")
}

async fn locked(suite: &Suite) -> Done {
    let person = suite.people.locked()?;
    let answer = suite.attempt(&json!({"email": person.email, "password": person.password})).await?;
    answer.says(423, "account_locked")
}
